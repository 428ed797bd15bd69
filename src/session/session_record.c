#include "session/session_record.h"

#include <math.h>

#include "session/frame_template.h"
#include "session/session.h"
#include "session/tcp_options.h"

enum { UDP_BYTES = 8, ICMP_BYTES = 8 };

static double longest(double ns)
{
    return fmin(ns, 0x1p60); /* as sampled durations are cut */
}

static double retry_ns(const struct session *s, uint64_t retries)
{
    return (double)s->retry_ns * (double)session_retry_units(retries);
}

/* SYNs that nothing, or a refusal, answers. */
static double record_attempt(const struct session *s, struct flow_record *r)
{
    bool is_refused = s->ending == FLOW_ENDING_RESET && s->closing_side == FLOW_RESPONDER;
    uint64_t syns = s->attempts_left[FLOW_INITIATOR];
    uint64_t refusals = !is_refused                                ? 0
                        : s->attempts_left[FLOW_RESPONDER] < syns ? s->attempts_left[FLOW_RESPONDER]
                                                                  : syns;

    r->packets[FLOW_INITIATOR] = syns;
    r->packets[FLOW_RESPONDER] = refusals;
    r->bytes[FLOW_INITIATOR] = syns * tcp_options_bytes(&s->stack, FLOW_INITIATOR, TCP_SYN);
    r->tcp_flags[FLOW_INITIATOR] = syns > 0 ? TCP_SYN : 0;
    r->tcp_flags[FLOW_RESPONDER] = refusals > 0 ? TCP_RST | TCP_ACK : 0;
    r->ending = refusals > 0 ? FLOW_ENDING_RESET : FLOW_ENDING_NONE;
    return retry_ns(s, syns > 0 ? syns - 1 : 0) + (double)refusals * (double)s->rtt_ns;
}

/* ---- the parts of a conversation; each returns the time it takes ---- */

static double record_handshake(const struct session *s, struct flow_record *r)
{
    r->packets[FLOW_INITIATOR] += 2;
    r->packets[FLOW_RESPONDER] += 1;
    r->tcp_flags[FLOW_INITIATOR] |= TCP_SYN | TCP_ACK;
    r->tcp_flags[FLOW_RESPONDER] |= TCP_SYN | TCP_ACK;
    /* What the SYNs have more than the segments that they are counted among. */
    for (int side = 0; side < 2; side++)
        r->bytes[side] += tcp_options_bytes(&s->stack, (enum flow_side)side, TCP_SYN) -
                          tcp_options_bytes(&s->stack, (enum flow_side)side, TCP_ACK);
    return (double)s->rtt_ns;
}

/* Data and, of TCP, pure acknowledgements. */
static void count_body(const struct session *s, struct flow_record *r)
{
    bool is_tcp = s->protocol == IP_TCP;

    for (int side = 0; side < 2; side++) {
        r->data_packets[side] = s->data_left[side];
        r->payload_bytes[side] = s->bytes_left[side];
        r->packets[side] += s->data_left[side] + (is_tcp ? s->pure_left[side] : 0);
        if (is_tcp && s->data_left[side] > 0)
            r->tcp_flags[side] |= TCP_ACK | TCP_PSH;
        if (is_tcp && s->pure_left[side] > 0)
            r->tcp_flags[side] |= TCP_ACK;
    }
    r->turns = s->messages_left[0] + s->messages_left[1];
    r->first_data_side = (enum flow_side)s->speaker;
}

/* Waits before messages, in places that are used. */
static double turn_wait(const struct session *s, double used)
{
    double places = (double)s->turns.places;

    return places > 0 ? (double)s->turns.ns * fmin(used, places) / places : 0;
}

static double body_time(const struct session *s, bool begun, bool waits_to_close)
{
    double rtt = (double)s->rtt_ns;
    double mine = s->messages_left[s->speaker], theirs = s->messages_left[!s->speaker];
    double rest = (double)(s->data_left[0] + s->data_left[1]) - mine - theirs;
    double acks = s->protocol == IP_TCP ? (double)(s->pure_left[0] + s->pure_left[1]) : 0;
    double spent = rest * (double)(SESSION_WIRE_GAP_NS + SESSION_BURST_GAP_NS) + (double)s->segments.ns;

    if (!begun && mine > 0)
        mine--; /* the first packet waits for nothing */
    else if (!begun && acks > 0)
        acks--;
    spent += acks * (double)(SESSION_WIRE_GAP_NS + SESSION_ACK_GAP_NS);
    if (s->protocol != IP_TCP)
        return spent + mine * rtt / 2 + theirs * rtt + turn_wait(s, mine);
    return spent + (mine + theirs) * rtt / 2 + turn_wait(s, mine + theirs + waits_to_close);
}

/*
 * Who acknowledges the other's FIN with the last packet. Where both FINs went with data, whose data came last has
 * acknowledged already.
 */
static int last_acknowledger(const struct session *s)
{
    int closer = s->closing_side;
    int last_speaker = s->messages_left[0] == s->messages_left[1] ? !s->speaker : s->speaker;

    if (s->fin_on_data[0] && s->fin_on_data[1])
        return !last_speaker;
    return s->fin_on_data[!closer] ? !closer : closer;
}

/* A RST, or what FINs need beside those that go with data. Returns the number of packets. */
static int record_closing(const struct session *s, struct flow_record *r)
{
    int closer = s->closing_side;
    int packets = 1;

    r->closing_side = (enum flow_side)closer;
    if (s->ending == FLOW_ENDING_RESET) {
        r->packets[closer]++;
        r->tcp_flags[closer] |= TCP_RST | TCP_ACK;
        return packets;
    }
    for (int side = 0; side < 2; side++) {
        r->packets[side] += !s->fin_on_data[side];
        packets += !s->fin_on_data[side];
        r->tcp_flags[side] |= TCP_FIN | TCP_ACK;
    }
    r->packets[last_acknowledger(s)]++;
    return packets;
}

static double record_conversation(const struct session *s, struct flow_record *r)
{
    bool begun = s->opening == FLOW_OPENING_HANDSHAKE;
    bool closes = s->ending != FLOW_ENDING_NONE;
    bool waits_to_close = closes && !(s->ending == FLOW_ENDING_FIN && s->fin_on_data[s->closing_side]);
    double time_ns = begun ? record_handshake(s, r) : 0;

    count_body(s, r);
    time_ns += body_time(s, begun, waits_to_close);
    begun = begun || r->packets[0] + r->packets[1] > 0;
    if (closes)
        time_ns += (record_closing(s, r) - !begun) * (double)s->rtt_ns / 2;
    return time_ns;
}

/* ---- the record ---- */

static uint64_t header_bytes(const struct session *s, enum flow_side side)
{
    if (s->protocol != IP_TCP)
        return FRAME_IP_BYTES + (s->protocol == IP_UDP ? UDP_BYTES : ICMP_BYTES);
    return FRAME_IP_BYTES + FRAME_TCP_BYTES +
           (s->opening == FLOW_OPENING_ATTEMPT ? 0 : tcp_options_bytes(&s->stack, side, TCP_ACK));
}

void session_record(const struct flow_plan *plan, uint64_t seed, struct flow_record *r)
{
    struct session s;
    double time_ns;

    session_begin(&s, plan, seed);
    *r = (struct flow_record){ .protocol = plan->protocol, .start = plan->start };
    for (int side = 0; side < 2; side++) {
        r->address[side] = ip_address_from_v4(plan->ends[side].address);
        r->port[side] = plan->ends[side].port;
    }
    r->opening = (enum flow_opening)s.opening;
    r->ending = (enum flow_ending)s.ending;
    time_ns = s.phase == SESSION_ATTEMPT ? record_attempt(&s, r) : record_conversation(&s, r);
    r->duration_ns = (int64_t)longest(time_ns);
    for (int side = 0; side < 2; side++)
        r->bytes[side] += r->packets[side] * header_bytes(&s, (enum flow_side)side) + r->payload_bytes[side];
}
