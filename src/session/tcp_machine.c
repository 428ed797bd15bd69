#include "session/tcp_machine.h"

#include "net/wire.h"

enum { FLAGS = TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACK };

struct tcp_machine tcp_machine_begin(bool under_way)
{
    return (struct tcp_machine){ .phase = under_way ? TCP_PHASE_ESTABLISHED : TCP_PHASE_CLOSED };
}

/* What goes with what, whatever the phase. */
static bool is_well_formed(uint8_t flags, enum packet_mark mark, bool has_payload)
{
    bool is_control = flags & (TCP_SYN | TCP_FIN | TCP_RST);

    if (flags & ~FLAGS || !(flags & (TCP_SYN | TCP_RST | TCP_ACK)))
        return false;
    if (flags & TCP_SYN && (flags & ~(TCP_SYN | TCP_ACK) || has_payload))
        return false;
    if ((flags & (TCP_FIN | TCP_RST)) == (TCP_FIN | TCP_RST) || (flags & TCP_RST && has_payload))
        return false;
    if (flags & TCP_PSH && !has_payload && !is_control)
        return false;
    return mark == PACKET_PLAIN ||
           ((mark == PACKET_KEEPALIVE || mark == PACKET_ZERO_WINDOW) && flags == TCP_ACK && !has_payload);
}

static bool allows_established(const struct tcp_machine *m, enum flow_side side, uint8_t flags,
                               enum packet_mark mark, bool has_payload)
{
    if (flags & TCP_SYN)
        return false;
    if (flags & TCP_RST)
        return true;
    if (m->fin[side] && (flags & TCP_FIN || has_payload || mark == PACKET_KEEPALIVE))
        return false;
    return !has_payload || !m->zero_window[!side];
}

bool tcp_machine_allows(const struct tcp_machine *m, enum flow_side side, uint8_t flags,
                        enum packet_mark mark, bool has_payload)
{
    if (!is_well_formed(flags, mark, has_payload))
        return false;
    switch ((enum tcp_phase)m->phase) {
    case TCP_PHASE_CLOSED:
        return side == FLOW_INITIATOR && flags == TCP_SYN;
    case TCP_PHASE_REFUSED:
        return side == FLOW_INITIATOR && flags == TCP_SYN;
    case TCP_PHASE_SYN:
        return side == FLOW_INITIATOR ? flags == TCP_SYN
                                      : flags == (TCP_SYN | TCP_ACK) || flags == (TCP_RST | TCP_ACK);
    case TCP_PHASE_SYN_ACK:
        return flags & TCP_RST ? true
                               : side == FLOW_INITIATOR && !(flags & TCP_SYN) && mark != PACKET_KEEPALIVE;
    case TCP_PHASE_RESET:
        return flags & TCP_RST || (!m->reset[side] && allows_established(m, side, flags, mark, has_payload));
    default:
        return allows_established(m, side, flags, mark, has_payload);
    }
}

void tcp_machine_send(struct tcp_machine *m, enum flow_side side, uint8_t flags, enum packet_mark mark)
{
    m->fin[side] = m->fin[side] || flags & TCP_FIN;
    m->zero_window[side] = mark == PACKET_ZERO_WINDOW ||
                           (m->zero_window[side] && mark == PACKET_KEEPALIVE);
    m->reset[side] = m->reset[side] || (flags & TCP_RST && m->phase != TCP_PHASE_SYN);
    if (m->phase == TCP_PHASE_RESET)
        return;
    if (flags == TCP_SYN) {
        m->phase = TCP_PHASE_SYN;
    } else if (flags & TCP_SYN) {
        m->phase = TCP_PHASE_SYN_ACK;
    } else if (flags & TCP_RST && m->phase == TCP_PHASE_SYN) {
        m->phase = TCP_PHASE_REFUSED;
    } else if (flags & TCP_RST) {
        m->phase = TCP_PHASE_RESET;
    } else {
        m->phase = TCP_PHASE_ESTABLISHED;
    }
}
