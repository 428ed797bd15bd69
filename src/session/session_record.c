#include "session/session_record.h"

#include <math.h>

#include "net/ip_header.h"
#include "session/model_messages.h"
#include "session/session.h"
#include "session/tcp_options.h"

static double longest(double ns)
{
    return fmin(ns, 0x1p60); /* as sampled durations are cut */
}

static double retry_ns(const struct session_course *c, uint64_t retries)
{
    const struct messages_memory *m = &c->memory.messages;

    return (double)m->retry_ns * (double)session_retry_units(retries);
}

/* SYNs that nothing, or a refusal, answers. */
static double record_attempt(const struct session_course *c, struct flow_record *r)
{
    const struct messages_memory *m = &c->memory.messages;
    const struct packet_budget *total = &c->shape.total;
    bool is_refused = m->ending == FLOW_ENDING_RESET && m->closing_side == FLOW_RESPONDER;
    uint64_t syns = total->packets[FLOW_INITIATOR];
    uint64_t refusals = !is_refused                                ? 0
                        : total->packets[FLOW_RESPONDER] < syns ? total->packets[FLOW_RESPONDER]
                                                                  : syns;

    r->packets[FLOW_INITIATOR] = syns;
    r->packets[FLOW_RESPONDER] = refusals;
    r->tcp_flags[FLOW_INITIATOR] = syns > 0 ? TCP_SYN : 0;
    r->tcp_flags[FLOW_RESPONDER] = refusals > 0 ? TCP_RST | TCP_ACK : 0;
    r->ending = refusals > 0 ? FLOW_ENDING_RESET : FLOW_ENDING_NONE;
    return retry_ns(c, syns > 0 ? syns - 1 : 0) + (double)refusals * (double)c->shape.rtt_ns;
}

/* ---- the parts of a conversation; each returns the time it takes ---- */

static double record_handshake(const struct session_course *c, struct flow_record *r)
{
    r->packets[FLOW_INITIATOR] += 2;
    r->packets[FLOW_RESPONDER] += 1;
    r->tcp_flags[FLOW_INITIATOR] |= TCP_SYN | TCP_ACK;
    r->tcp_flags[FLOW_RESPONDER] |= TCP_SYN | TCP_ACK;
    return (double)c->shape.rtt_ns;
}

/* Data and, of TCP, pure acknowledgements. */
static void count_body(const struct session_course *c, struct flow_record *r)
{
    const struct messages_memory *m = &c->memory.messages;
    const struct packet_budget *total = &c->shape.total;
    bool is_tcp = c->shape.protocol == IP_TCP;

    for (int side = 0; side < 2; side++) {
        r->data_packets[side] = total->data_packets[side];
        r->payload_bytes[side] = total->payload_bytes[side];
        r->packets[side] += total->data_packets[side] + (is_tcp ? m->pure_left[side] : 0);
        if (is_tcp && total->data_packets[side] > 0)
            r->tcp_flags[side] |= TCP_ACK | TCP_PSH;
        if (is_tcp && m->pure_left[side] > 0)
            r->tcp_flags[side] |= TCP_ACK;
    }
    r->turns = m->messages_left[0] + m->messages_left[1];
    r->first_data_side = (enum flow_side)m->speaker;
}

/* Waits before messages, in places that are used. */
static double turn_wait(const struct session_course *c, double used)
{
    const struct messages_memory *m = &c->memory.messages;
    double places = (double)m->turns.places;

    return places > 0 ? (double)m->turns.ns * fmin(used, places) / places : 0;
}

static double body_time(const struct session_course *c, bool begun, bool waits_to_close)
{
    const struct messages_memory *m = &c->memory.messages;
    const struct packet_budget *total = &c->shape.total;
    double rtt = (double)c->shape.rtt_ns;
    double mine = m->messages_left[m->speaker], theirs = m->messages_left[!m->speaker];
    double rest = (double)(total->data_packets[0] + total->data_packets[1]) - mine - theirs;
    double acks = c->shape.protocol == IP_TCP ? (double)(m->pure_left[0] + m->pure_left[1]) : 0;
    double spent = rest * (double)(SESSION_WIRE_GAP_NS + SESSION_BURST_GAP_NS) + (double)m->segments.ns;

    if (!begun && mine > 0)
        mine--; /* the first packet waits for nothing */
    else if (!begun && acks > 0)
        acks--;
    spent += acks * (double)(SESSION_WIRE_GAP_NS + SESSION_ACK_GAP_NS);
    if (c->shape.protocol != IP_TCP)
        return spent + mine * rtt / 2 + theirs * rtt + turn_wait(c, mine);
    return spent + (mine + theirs) * rtt / 2 + turn_wait(c, mine + theirs + waits_to_close);
}

/*
 * Who acknowledges the other's FIN with the last packet. Where both FINs went with data, whose data came last has
 * acknowledged already.
 */
static int last_acknowledger(const struct session_course *c)
{
    const struct messages_memory *m = &c->memory.messages;
    int closer = m->closing_side;
    int last_speaker = m->messages_left[0] == m->messages_left[1] ? !m->speaker : m->speaker;

    if (m->fin_on_data[0] && m->fin_on_data[1])
        return !last_speaker;
    return m->fin_on_data[!closer] ? !closer : closer;
}

/* A RST, or what FINs need beside those that go with data. Returns the number of packets. */
static int record_closing(const struct session_course *c, struct flow_record *r)
{
    const struct messages_memory *m = &c->memory.messages;
    int closer = m->closing_side;
    int packets = 1;

    r->closing_side = (enum flow_side)closer;
    if (m->ending == FLOW_ENDING_RESET) {
        r->packets[closer]++;
        r->tcp_flags[closer] |= TCP_RST | TCP_ACK;
        return packets;
    }
    for (int side = 0; side < 2; side++) {
        r->packets[side] += !m->fin_on_data[side];
        packets += !m->fin_on_data[side];
        r->tcp_flags[side] |= TCP_FIN | TCP_ACK;
    }
    r->packets[last_acknowledger(c)]++;
    return packets;
}

static double record_conversation(const struct session_course *c, struct flow_record *r)
{
    const struct messages_memory *m = &c->memory.messages;
    bool begun = m->opening == FLOW_OPENING_HANDSHAKE;
    bool closes = m->ending != FLOW_ENDING_NONE;
    bool waits_to_close = closes && !(m->ending == FLOW_ENDING_FIN && m->fin_on_data[m->closing_side]);
    double time_ns = begun ? record_handshake(c, r) : 0;

    count_body(c, r);
    time_ns += body_time(c, begun, waits_to_close);
    begun = begun || r->packets[0] + r->packets[1] > 0;
    if (closes)
        time_ns += (record_closing(c, r) - !begun) * (double)c->shape.rtt_ns / 2;
    return time_ns;
}

/* ---- the record ---- */

/* Bytes of all the packets of a side but their payload. */
static uint64_t header_bytes(const struct session *s, const struct flow_record *r, bool is_ipv6, enum flow_side side)
{
    uint64_t ip = is_ipv6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES;
    bool is_attempt = s->opening == FLOW_OPENING_ATTEMPT;
    uint64_t syns = is_attempt && side == FLOW_INITIATOR ? r->packets[side] : s->opening == FLOW_OPENING_HANDSHAKE;

    if (r->protocol != IP_TCP)
        return r->packets[side] * (ip + (r->protocol == IP_UDP ? UDP_HEADER_BYTES : ICMP_HEADER_BYTES));
    return r->packets[side] * (ip + TCP_HEADER_BYTES) +
           syns * tcp_options_bytes(&s->stack, side, TCP_SYN) +
           (r->packets[side] - syns) * tcp_options_bytes(&s->stack, side, TCP_ACK);
}

void session_record(const struct flow_plan *plan, uint64_t seed, struct flow_record *r)
{
    struct session s;
    double time_ns;

    session_begin(&s, plan, seed, NULL, NULL, NULL);
    *r = (struct flow_record){ .protocol = flow_plan_ip_protocol(plan), .start = plan->start };
    for (int side = 0; side < 2; side++) {
        r->address[side] = plan->ends[side].address;
        r->port[side] = flow_plan_ip_port(plan, (enum flow_side)side);
    }
    if (r->protocol == IP_ICMPV6) /* plans have the type of IPv4 */
        r->port[FLOW_RESPONDER] = ICMPV6_ECHO_REQUEST << 8;
    r->opening = (enum flow_opening)s.opening;
    r->ending = (enum flow_ending)s.ending;
    time_ns = s.opening == FLOW_OPENING_ATTEMPT ? record_attempt(&s.course, r) : record_conversation(&s.course, r);
    r->duration_ns = (int64_t)longest(time_ns);
    for (int side = 0; side < 2; side++)
        r->bytes[side] = header_bytes(&s, r, flow_plan_is_ipv6(plan), (enum flow_side)side) + r->payload_bytes[side];
}
