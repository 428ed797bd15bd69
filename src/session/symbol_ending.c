#include "session/symbol_ending.h"

#include "net/wire.h"

enum { MOST_UNDER_WAY = 65535 /* bytes that a side still sends to one that reset and acknowledges no more */ };

struct symbol_ending symbol_ending_of(const struct symbol_flow *flow, const struct symbol_packet *packets)
{
    struct symbol_ending ending = {
        .is_known = flow->head < flow->length || flow->length >= flow->total.packets[0] + flow->total.packets[1],
    };

    for (uint32_t i = 0; i < flow->length; i++) {
        const struct symbol_packet *p = &packets[i];

        if (p->flags & TCP_FIN) {
            ending.fin[p->side] = true;
            ending.fin_on_data[p->side] = p->bytes > 0;
            ending.last_fin = p->side;
            ending.last_fin_acked = false;
        } else if (ending.fin[!p->side] && p->side != ending.last_fin && p->flags == TCP_ACK && p->bytes == 0) {
            ending.last_fin_acked = true;
        }
        ending.rst[p->side] = ending.rst[p->side] || p->flags & TCP_RST;
    }
    return ending;
}

/* Whether what is left behind the packet can still be sent. */
static bool leaves_a_way(const struct packet_progress *progress, enum flow_side side, uint8_t flags,
                         enum packet_mark mark, bool has_payload)
{
    const struct tcp_machine *machine = &progress->machine;
    struct packet_budget after;

    if (mark == PACKET_PLAIN && !(flags & (TCP_SYN | TCP_FIN | TCP_RST)))
        return true;
    after = progress->left;
    after.packets[side]--;
    after.data_packets[side] -= has_payload;
    if (flags & TCP_SYN)
        return after.packets[FLOW_INITIATOR] > 0 &&
               (side == FLOW_RESPONDER || after.packets[FLOW_RESPONDER] > after.data_packets[FLOW_RESPONDER]);
    if (flags & TCP_RST && machine->phase == TCP_PHASE_SYN)
        return false;
    if (flags & TCP_RST && after.payload_bytes[!side] > MOST_UNDER_WAY)
        return false;
    if (flags & (TCP_FIN | TCP_RST))
        return after.data_packets[side] == 0;
    if (mark == PACKET_ZERO_WINDOW || (mark == PACKET_KEEPALIVE && machine->zero_window[side]))
        return after.data_packets[!side] == 0 || after.packets[side] > after.data_packets[side];
    return true;
}

/* Packets without payload that the side has to keep for its end, once this one went out. */
static uint64_t reserved_of(const struct symbol_ending *ending, const struct packet_progress *progress,
                            enum flow_side side, enum packet_mark mark, bool fin_due)
{
    const struct tcp_machine *machine = &progress->machine;
    bool is_reset = machine->reset[side];
    bool reopening_due = mark == PACKET_ZERO_WINDOW && progress->left.data_packets[!side] > 0;
    bool ack_due = ending->last_fin_acked && ending->last_fin != side && !machine->fin[!side];

    return (uint64_t)fin_due + (ending->rst[side] && !is_reset) + ack_due + reopening_due;
}

static bool ends_alike(const struct symbol_ending *ending, const struct packet_progress *progress, enum flow_side side,
                       uint8_t flags, enum packet_mark mark, bool has_payload)
{
    const struct tcp_machine *machine = &progress->machine;
    uint64_t data = progress->left.data_packets[side];
    bool fin_due = ending->fin[side] && !machine->fin[side];
    bool with_data = ending->fin_on_data[side] && data > 0;
    bool fin_later = ending->fin[!side] && ending->last_fin == side;

    if (!ending->is_known || flags & TCP_SYN)
        return true;
    if (flags & TCP_FIN)
        return fin_due && has_payload == with_data && (!fin_later || machine->fin[!side]);
    if (flags & TCP_RST)
        return ending->rst[side];
    if (has_payload)
        return !(fin_due && with_data && data == 1);
    return progress->left.packets[side] - data > reserved_of(ending, progress, side, mark, fin_due && !with_data);
}

bool symbol_ending_admits(const struct symbol_ending *ending, const struct packet_progress *progress,
                          enum flow_side side, uint8_t flags, enum packet_mark mark, bool has_payload)
{
    return ends_alike(ending, progress, side, flags, mark, has_payload) &&
           leaves_a_way(progress, side, flags, mark, has_payload);
}
