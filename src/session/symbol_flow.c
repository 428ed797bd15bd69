#include "session/symbol_flow.h"

#include <stdlib.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "net/wire.h"
#include "session/datagram.h"
#include "session/tcp_machine.h"

enum {
    TIMESTAMP_BYTES = 12,
    OTHER_OPTION_BYTES = 28, /* no segment is called full that lacks more to MSS */
    LEAST_UNKNOWN_FULL = 1200, /* where no MSS was seen */
    MIDDLE_OF_BIN = 128
};

uint64_t symbol_gap_ns(uint8_t bin)
{
    /* 2^(i/4) in units of 2^-32 */
    static const uint64_t values[] = { UINT64_C(0x100000000), UINT64_C(0x1306fe0a3), UINT64_C(0x16a09e667),
                                       UINT64_C(0x1ae89f996) };
    unsigned octave = bin / GAP_GRID_PER_OCTAVE;
    uint64_t value = values[bin % GAP_GRID_PER_OCTAVE];

    if (bin == 0)
        return 0;
    return octave >= 32 ? value << (octave - 32) : value >> (32 - octave);
}

static uint8_t bin_of_sum(uint8_t first, uint8_t second)
{
    return symbol_gap_bin(log_grid_gap_bin(symbol_gap_ns(first) + symbol_gap_ns(second)));
}

static struct symbol_packet packet_of(struct flow_packet packet)
{
    struct symbol_packet p = {
        .side = (uint8_t)flow_packet_side(packet),
        .mark = (uint8_t)flow_packet_mark(packet),
        .flags = flow_packet_tcp_flags(packet),
        .gap_bin = symbol_gap_bin(packet.gap_bin),
        .gap_part = packet.gap_part,
        .bytes = packet.payload_bytes,
    };

    if (p.mark == PACKET_KEEPALIVE)
        p.bytes = 0;
    return p;
}

/* Copies the packets that a session could send. */
static void take_packets(struct symbol_flows *flows, struct symbol_flow *flow, const struct session_row *row)
{
    bool is_tcp = flows->protocol == IP_TCP;
    struct tcp_machine machine = tcp_machine_begin(flow->under_way);
    uint32_t head = row->sequence_head > 0 ? row->sequence_head : row->sequence_length;
    uint8_t carried = 0;

    for (uint32_t i = 0; i < row->sequence_length; i++) {
        struct symbol_packet p = packet_of(row->sequence[i]);

        if (p.mark == PACKET_IMPAIRED ||
            (is_tcp && !tcp_machine_allows(&machine, p.side, p.flags, p.mark, p.bytes > 0))) {
            carried = bin_of_sum(carried, p.gap_bin);
            continue;
        }
        if (is_tcp)
            tcp_machine_send(&machine, p.side, p.flags, p.mark);
        else
            p.flags = p.mark = 0;
        if (flow->length == 0 || carried > 0) {
            p.gap_bin = flow->length == 0 ? 0 : bin_of_sum(carried, p.gap_bin);
            p.gap_part = MIDDLE_OF_BIN;
        }
        carried = 0;
        flows->packets[flow->first + flow->length++] = p;
        flow->head += i < head;
    }
}

struct packet_budget symbol_packets_sum(const struct symbol_packet *packets, uint32_t count, uint8_t protocol)
{
    struct packet_budget sum = { .packets = { 0 } };

    for (uint32_t i = 0; i < count; i++) {
        uint32_t frames = datagram_pieces(protocol, packets[i].bytes);

        sum.packets[packets[i].side] += frames;
        sum.data_packets[packets[i].side] += packets[i].bytes > 0 ? frames : 0;
        sum.payload_bytes[packets[i].side] += packets[i].bytes;
    }
    return sum;
}

/* What a whole flow adds up to; where packets are missing, the row says it, less what was left out. */
static void set_totals(struct symbol_flow *flow, const struct symbol_packet *packets,
                       const struct session_row *row, uint8_t protocol)
{
    struct packet_budget seen = symbol_packets_sum(packets, flow->length, protocol);

    flow->total = seen;
    if (row->sequence_length == session_row_packets(row))
        return;
    for (int side = 0; side < 2; side++) {
        uint64_t impaired = (uint64_t)row->retransmitted[side] + row->reordered[side] + row->duplicated[side];

        if (row->packets[side] > seen.packets[side] + impaired)
            flow->total.packets[side] = row->packets[side] - impaired;
        if (row->data_packets[side] > seen.data_packets[side] + impaired)
            flow->total.data_packets[side] = row->data_packets[side] - impaired;
        if (flow->total.data_packets[side] > flow->total.packets[side])
            flow->total.data_packets[side] = flow->total.packets[side];
        if (row->payload_bytes[side] > seen.payload_bytes[side])
            flow->total.payload_bytes[side] = row->payload_bytes[side];
    }
}

/* The largest segment of a side, if it can be as large as the other side takes. */
static uint16_t full_segment(const struct symbol_flow *flow, const struct symbol_packet *packets, int side,
                             const struct session_row *row)
{
    uint16_t mss = row->mss[!side];
    uint16_t largest = 0;

    for (uint32_t i = 0; i < flow->length; i++) {
        if (packets[i].side == side && packets[i].bytes > largest)
            largest = packets[i].bytes;
    }
    if (mss > 0 && largest >= mss) /* more: segments that the sender's interface cut up */
        return mss;
    if (mss > 0)
        return largest + OTHER_OPTION_BYTES >= mss ? largest : 0;
    return largest >= LEAST_UNKNOWN_FULL ? largest : 0;
}

static void add_flow(struct symbol_flows *flows, const struct session_row *row, uint32_t index)
{
    struct symbol_flow flow = {
        .row = index,
        .under_way = flows->protocol == IP_TCP && row->opening == FLOW_OPENING_NONE,
        .first = flows->packet_count,
    };
    const struct symbol_packet *packets = flows->packets + flow.first;

    take_packets(flows, &flow, row);
    if (flow.length == 0)
        return;
    set_totals(&flow, packets, row, flows->protocol);
    for (int side = 0; side < 2; side++)
        flow.full[side] = flows->protocol == IP_TCP ? full_segment(&flow, packets, side, row) : 0;
    flows->packet_count += flow.length;
    flows->flows[flows->count++] = flow;
}

static bool is_learned(const struct symbol_flows *flows, const struct session_row *row)
{
    return row->sequence_length > 0 && !(flows->protocol == IP_TCP && row->opening == FLOW_OPENING_ATTEMPT);
}

/* Of more packets than are learned every so many rows are taken, so that all sizes stay. */
void symbol_flows_init(struct symbol_flows *flows, const struct service_model *service)
{
    size_t packets = 0;
    size_t step;

    *flows = (struct symbol_flows){ .protocol = service->protocol };
    for (size_t i = 0; i < service->row_count; i++)
        packets += service->rows[i].sequence_length;
    step = packets / SYMBOL_MAX_TRAINING + 1;
    flows->packets = memory_alloc_array(packets + 1, sizeof *flows->packets);
    flows->flows = memory_alloc_array(service->row_count + 1, sizeof *flows->flows);
    for (size_t i = 0; i < service->row_count; i += step) {
        if (is_learned(flows, &service->rows[i]))
            add_flow(flows, &service->rows[i], (uint32_t)i);
    }
}

void symbol_flows_release(struct symbol_flows *flows)
{
    free(flows->packets);
    free(flows->flows);
}
