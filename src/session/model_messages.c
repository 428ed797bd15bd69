#include "session/model_messages.h"

#include <math.h>
#include <string.h>

#include "base/at_most.h"
#include "net/wire.h"
#include "session/datagram.h"

#define FIRST_RETRY_NS NS_PER_SECOND /* of a SYN (RFC 6298), when the flow does not say */

enum { TURN_WEIGHT = 8 };
enum { LEAST_REST = 40 }; /* bytes; less than any mss */

/* What one draw works on. */
struct drawing {
    const struct packet_shape *shape;
    const struct packet_progress *progress;
    struct messages_memory *m;
    struct random_stream *random;
};

/* ---- making a session ready ---- */

/* Takes one packet without payload from a side's budget, if there is one. */
static bool reserve(struct messages_memory *m, enum flow_side side)
{
    if (m->pure_left[side] == 0)
        return false;
    m->pure_left[side]--;
    return true;
}

/* What opening and closing cost is set aside before acknowledgements get the rest. */
static void reserve_control(struct messages_memory *m, const struct packet_budget *total)
{
    enum flow_side closer = (enum flow_side)m->closing_side;

    if (m->opening == FLOW_OPENING_HANDSHAKE) {
        reserve(m, FLOW_INITIATOR); /* SYN */
        reserve(m, FLOW_RESPONDER); /* SYN-ACK */
    }
    if (m->ending == FLOW_ENDING_RESET)
        reserve(m, closer);
    if (m->ending == FLOW_ENDING_FIN) {
        for (int side = 0; side < 2; side++)
            m->fin_on_data[side] = !reserve(m, (enum flow_side)side) && total->data_packets[side] > 0;
    }
    if (m->opening == FLOW_OPENING_HANDSHAKE)
        reserve(m, FLOW_INITIATOR); /* the third packet */
    if (m->ending == FLOW_ENDING_FIN)
        reserve(m, closer); /* the last one */
}

/*
 * Messages alternate, so their numbers differ by at most one; no side has more messages
 * than data packets.
 */
static void count_messages(struct messages_memory *m, const struct packet_budget *total, uint32_t turns)
{
    enum flow_side first = (enum flow_side)m->first_side;
    uint64_t a;
    uint64_t b;

    if (total->data_packets[first] == 0)
        first = flow_side_other(first);
    a = at_most((uint64_t)turns / 2 + turns % 2, total->data_packets[first]);
    b = at_most(turns / 2, total->data_packets[flow_side_other(first)]);
    if (a == 0 && total->data_packets[first] > 0)
        a = 1;
    if (b == 0 && total->data_packets[flow_side_other(first)] > 0)
        b = 1;
    a = at_most(a, b + 1);
    b = at_most(b, a);
    m->first_side = (uint8_t)first;
    m->speaker = (uint8_t)first;
    m->messages_left[first] = (uint32_t)a;
    m->messages_left[flow_side_other(first)] = (uint32_t)b;
}

/* No more than the places can take. */
static int64_t longest_waits(const struct session_waits *waits, int64_t ns)
{
    double most_ns = (double)waits->places * (double)SESSION_LONGEST_WAIT_NS;

    return most_ns < (double)ns ? (int64_t)most_ns : ns;
}

/*
 * The time that is neither round trips nor transmission: spread over the places where hosts wait.
 * A turn waits TURN_WEIGHT times as long as a packet within a message, on average.
 */
static void plan_waiting(struct messages_memory *m, const struct packet_shape *shape, int64_t duration_ns)
{
    const uint64_t *data = shape->total.data_packets;
    enum flow_side first = (enum flow_side)m->first_side;
    double turns = (double)m->messages_left[0] + (double)m->messages_left[1];
    double packets = (double)(data[0] + data[1] + m->acks_total[0] + m->acks_total[1]);
    double round_trips = shape->protocol == IP_TCP ? turns / 2 + 2 : m->messages_left[flow_side_other(first)];
    double wait_ns;
    double share;

    m->turns.places = m->messages_left[first];
    if (shape->protocol == IP_TCP)
        m->turns.places += (uint64_t)m->messages_left[flow_side_other(first)] + (m->ending != FLOW_ENDING_NONE);
    if (m->opening != FLOW_OPENING_HANDSHAKE && m->turns.places > 0)
        m->turns.places--; /* nothing to wait for before the first packet */
    m->segments.places = data[0] + data[1] - m->messages_left[0] - m->messages_left[1];
    wait_ns = fmax(0.0, (double)duration_ns - round_trips * (double)shape->rtt_ns -
                            packets * (double)(SESSION_WIRE_GAP_NS + SESSION_BURST_GAP_NS));
    share = (double)m->segments.places /
            fmax(1.0, (double)m->segments.places + TURN_WEIGHT * (double)m->turns.places);
    m->turns.ns = m->turns.places > 0 ? (int64_t)(wait_ns * (1.0 - share)) : 0;
    m->turns.ns = longest_waits(&m->turns, m->turns.ns);
    m->segments.ns = longest_waits(&m->segments, (int64_t)wait_ns - m->turns.ns);
}

uint64_t session_retry_units(uint64_t retries)
{
    uint64_t doubled = at_most(retries, SESSION_RETRY_DOUBLINGS);

    return (UINT64_C(1) << doubled) - 1 + ((retries - doubled) << SESSION_RETRY_DOUBLINGS);
}

/* So that all the attempts take as long as those of the sampled flow. */
static int64_t first_retry(uint64_t syns, int64_t duration_ns)
{
    uint64_t units = session_retry_units(syns - (syns > 0));

    return units > 0 && duration_ns > 0 ? (int64_t)((uint64_t)duration_ns / units) : FIRST_RETRY_NS;
}

static void begin(const struct packet_tables *tables, const struct packet_shape *shape,
                  union packet_memory *memory, struct random_stream *random)
{
    const struct session_row *row = shape->planned;
    struct messages_memory *m = &memory->messages;

    (void)tables;
    (void)random;
    *m = (struct messages_memory){
        .opening = (uint8_t)(shape->protocol == IP_TCP ? row->opening : FLOW_OPENING_NONE),
        .ending = (uint8_t)(shape->protocol == IP_TCP ? row->ending : FLOW_ENDING_NONE),
        .closing_side = (uint8_t)row->closing_side,
        .first_side = (uint8_t)row->first_data_side,
    };
    for (int side = 0; side < 2; side++)
        m->pure_left[side] = shape->total.packets[side] - shape->total.data_packets[side];
    if (shape->protocol == IP_TCP)
        reserve_control(m, &shape->total);
    for (int side = 0; side < 2; side++)
        m->acks_total[side] = m->pure_left[side];
    count_messages(m, &shape->total, row->turns);
    plan_waiting(m, shape, row->duration_ns);
    m->retry_ns = first_retry(shape->total.packets[FLOW_INITIATOR], row->duration_ns);
}

void messages_close(union packet_memory *memory, enum flow_opening opening, enum flow_ending ending,
                    enum flow_side closing_side, const bool unanswered[2])
{
    memory->messages = (struct messages_memory){
        .opening = (uint8_t)opening,
        .ending = (uint8_t)ending,
        .closing_side = (uint8_t)closing_side,
        .begun = true,
        .unanswered = { unanswered[0], unanswered[1] },
    };
}

/* ---- waiting ---- */

/*
 * A uniformly broken stick: the next of the remaining shares of the waiting time. No piece is too long, and none so
 * short that those behind it would be.
 */
static int64_t next_wait(struct random_stream *random, struct session_waits *waits)
{
    int64_t share_ns = waits->ns;
    int64_t others_ns;

    if (waits->places == 0 || waits->ns == 0)
        return 0;
    waits->places--;
    if (waits->places > 0)
        share_ns = (int64_t)((double)waits->ns *
                             (1.0 - pow(random_unit(random), 1.0 / (double)waits->places)));
    if (share_ns > SESSION_LONGEST_WAIT_NS)
        share_ns = SESSION_LONGEST_WAIT_NS;
    others_ns = longest_waits(waits, waits->ns - share_ns);
    share_ns = waits->ns - others_ns;
    waits->ns = others_ns;
    return share_ns;
}

static int64_t burst_gap(const struct drawing *d)
{
    return SESSION_WIRE_GAP_NS + (int64_t)random_exponential(d->random, (double)SESSION_BURST_GAP_NS) +
           next_wait(d->random, &d->m->segments);
}

static int64_t ack_gap(const struct drawing *d)
{
    return SESSION_WIRE_GAP_NS + (int64_t)random_exponential(d->random, (double)SESSION_ACK_GAP_NS);
}

/* ---- TCP control packets ---- */

static bool control(struct packet_draw *draw, enum flow_side side, uint8_t flags, int64_t gap_ns)
{
    *draw = (struct packet_draw){ .side = (uint8_t)side, .tcp_flags = flags, .gap_ns = gap_ns };
    return true;
}

/* SYNs again and again; or each refused at once. */
static bool next_attempt(const struct drawing *d, struct packet_draw *draw)
{
    struct messages_memory *m = d->m;
    const uint64_t *left = d->progress->left.packets;
    bool refused = m->ending == FLOW_ENDING_RESET && m->closing_side == FLOW_RESPONDER;
    uint64_t done = m->attempts_done;

    if (m->ack_due && refused && left[FLOW_RESPONDER] > 0) {
        m->ack_due = false;
        return control(draw, FLOW_RESPONDER, TCP_RST | TCP_ACK, d->shape->rtt_ns);
    }
    if (left[FLOW_INITIATOR] == 0)
        return false;
    m->attempts_done = (uint8_t)at_most(done + 1, SESSION_RETRY_DOUBLINGS + 1);
    m->ack_due = true;
    return control(draw, FLOW_INITIATOR, TCP_SYN,
                   done == 0 ? 0 : m->retry_ns << at_most(done - 1, SESSION_RETRY_DOUBLINGS));
}

static bool next_opening(const struct drawing *d, struct packet_draw *draw)
{
    int64_t rtt_ns = d->shape->rtt_ns;

    switch ((enum tcp_phase)d->progress->machine.phase) {
    case TCP_PHASE_CLOSED:
        return control(draw, FLOW_INITIATOR, TCP_SYN, 0);
    case TCP_PHASE_SYN:
        return control(draw, FLOW_RESPONDER, TCP_SYN | TCP_ACK, rtt_ns - rtt_ns / 8);
    default:
        return control(draw, FLOW_INITIATOR, TCP_ACK, rtt_ns / 8);
    }
}

/* ---- messages ---- */

static void begin_message(const struct drawing *d)
{
    struct messages_memory *m = d->m;
    uint64_t data_left = d->progress->left.data_packets[m->speaker];
    uint64_t packets = data_left / m->messages_left[m->speaker];

    if (m->messages_left[m->speaker] == 1)
        packets = data_left;
    /* In proportion, rounded down: what is left still fits the packets that are left. */
    m->message_bytes_left =
        (uint64_t)((unsigned __int128)d->progress->left.payload_bytes[m->speaker] * packets / data_left);
    m->messages_left[m->speaker]--;
    m->message_packets_left = packets;
    m->message_open = true;
}

/*
 * Of a few answers, all but the first are as long as what they answer, and the first takes the
 * rest, so that an echo stays one and a name server's empty answer too. Else equal parts.
 */
static uint32_t next_datagram_bytes(const struct drawing *d, enum flow_side side)
{
    uint64_t left = d->progress->left.payload_bytes[side];
    uint64_t packets = d->progress->left.data_packets[side];
    uint64_t request = packet_progress_request_bytes(d->progress, side);
    uint64_t others = (packets - 1) * request;
    uint64_t whole = at_most(DATAGRAM_WHOLE_BYTES, d->shape->ip_payload - DATAGRAM_HEADER_BYTES);

    if (side != (enum flow_side)d->m->first_side && d->shape->total.data_packets[side] <= PACKET_RECENT &&
        left >= others + request && left - others <= whole)
        return (uint32_t)(left - others);
    return (uint32_t)at_most(left / packets, whole);
}

/*
 * Full segments and a rest, as a stack sends a message; or equal parts where that does not add up.
 * A rest of a few bytes is made LEAST_REST: parsers that judge segment by segment stumble over it.
 */
static uint32_t next_segment_bytes(const struct drawing *d, enum flow_side side)
{
    uint64_t left = d->m->message_bytes_left;
    uint64_t packets = d->m->message_packets_left;
    uint64_t mss = d->shape->most_bytes[side];

    if (packets == 1)
        return (uint32_t)left;
    if (packets == 2 && left > mss && left < mss + LEAST_REST)
        return (uint32_t)(left - LEAST_REST);
    if (left > (packets - 1) * mss)
        return (uint32_t)mss;
    return (uint32_t)(left / packets);
}

/* After a data packet: does the listener spend one of its acknowledgements on it? */
static bool listener_acknowledges(const struct drawing *d, enum flow_side speaker)
{
    uint64_t total = d->shape->total.data_packets[speaker];
    uint64_t done = total - d->progress->left.data_packets[speaker] + 1; /* this packet included */
    uint64_t budget = at_most(d->m->acks_total[flow_side_other(speaker)], total);
    double before = floor((double)(done - 1) * (double)budget / (double)total);

    return d->shape->protocol == IP_TCP && d->m->pure_left[flow_side_other(speaker)] > 0 &&
           floor((double)done * (double)budget / (double)total) > before;
}

static int64_t data_gap(const struct drawing *d, bool is_first_of_message)
{
    struct messages_memory *m = d->m;

    if (!is_first_of_message)
        return burst_gap(d);
    if (d->shape->protocol != IP_TCP && m->speaker != m->first_side)
        return d->shape->rtt_ns; /* a reply comes when it comes */
    if (!m->begun)
        return 0;
    return d->shape->rtt_ns / 2 + next_wait(d->random, &m->turns);
}

static bool next_data(const struct drawing *d, struct packet_draw *draw)
{
    struct messages_memory *m = d->m;
    enum flow_side side = (enum flow_side)m->speaker;
    bool is_tcp = d->shape->protocol == IP_TCP;
    bool is_first = !m->message_open;
    uint32_t size;

    *draw = (struct packet_draw){ .side = (uint8_t)side, .gap_ns = data_gap(d, is_first) };
    if (is_first)
        begin_message(d);
    size = is_tcp ? next_segment_bytes(d, side) : next_datagram_bytes(d, side);
    draw->payload_bytes = size;
    m->message_bytes_left -= at_most(size, m->message_bytes_left);
    m->message_packets_left--;
    m->ack_due = listener_acknowledges(d, side);
    m->listener = (uint8_t)flow_side_other(side);
    if (is_tcp)
        draw->tcp_flags = m->message_packets_left > 0 || size == 0 ? TCP_ACK : TCP_ACK | TCP_PSH;
    if (m->fin_on_data[side] && d->progress->left.data_packets[side] == 1)
        draw->tcp_flags |= TCP_FIN;
    if (m->message_packets_left == 0) {
        m->message_open = false;
        if (m->messages_left[flow_side_other(side)] > 0)
            m->speaker = (uint8_t)flow_side_other(side);
    }
    return true;
}

static bool next_acknowledgement(const struct drawing *d, struct packet_draw *draw, enum flow_side side)
{
    d->m->pure_left[side]--;
    return control(draw, side, TCP_ACK, ack_gap(d));
}

static bool next_body(const struct drawing *d, struct packet_draw *draw)
{
    struct messages_memory *m = d->m;

    if (m->ack_due) {
        m->ack_due = false;
        return next_acknowledgement(d, draw, (enum flow_side)m->listener);
    }
    if (m->message_open || m->messages_left[m->speaker] > 0)
        return next_data(d, draw);
    for (int side = 0; side < 2 && d->shape->protocol == IP_TCP; side++) {
        if (m->pure_left[side] > 0) /* left over: window updates */
            return next_acknowledgement(d, draw, (enum flow_side)side);
    }
    return false;
}

/* ---- closing ---- */

static bool next_close(const struct drawing *d, struct packet_draw *draw)
{
    struct messages_memory *m = d->m;
    const bool *fin = d->progress->machine.fin;
    enum flow_side closer = (enum flow_side)m->closing_side;
    int64_t half_ns = d->shape->rtt_ns / 2;

    if (m->ending == FLOW_ENDING_RESET) {
        m->is_over = true;
        return control(draw, closer, TCP_RST | TCP_ACK, half_ns + next_wait(d->random, &m->turns));
    }
    if (!fin[closer])
        return control(draw, closer, TCP_FIN | TCP_ACK, half_ns + next_wait(d->random, &m->turns));
    if (!fin[flow_side_other(closer)])
        return control(draw, flow_side_other(closer), TCP_FIN | TCP_ACK, half_ns);
    m->is_over = true;
    for (int side = 0; side < 2; side++) {
        if (m->unanswered[side])
            return control(draw, flow_side_other((enum flow_side)side), TCP_ACK, half_ns);
    }
    return false;
}

static bool next_packet(const struct drawing *d, struct packet_draw *draw)
{
    if (d->shape->protocol != IP_TCP)
        return next_body(d, draw);
    if (d->m->is_over || d->progress->machine.phase == TCP_PHASE_RESET)
        return false;
    if (d->m->opening == FLOW_OPENING_ATTEMPT)
        return next_attempt(d, draw);
    if (d->progress->machine.phase != TCP_PHASE_ESTABLISHED)
        return next_opening(d, draw);
    return next_body(d, draw) || (d->m->ending != FLOW_ENDING_NONE && next_close(d, draw));
}

static bool next(const struct packet_tables *tables, const struct packet_shape *shape,
                 const struct packet_progress *progress, union packet_memory *memory,
                 struct random_stream *random, struct packet_draw *draw)
{
    const struct drawing d = { shape, progress, &memory->messages, random };
    struct messages_memory *m = &memory->messages;

    (void)tables;
    if (!next_packet(&d, draw))
        return false;
    m->begun = true;
    m->unanswered[flow_side_other(draw->side)] = false;
    m->unanswered[draw->side] = m->unanswered[draw->side] || draw->payload_bytes > 0 ||
                                draw->tcp_flags & (TCP_SYN | TCP_FIN);
    return true;
}

static size_t bytes(const struct packet_tables *tables)
{
    (void)tables;
    return 0;
}

static void release(struct packet_tables *tables)
{
    (void)tables;
}

const struct packet_model packet_model_messages = {
    .name = "messages", .release = release, .bytes = bytes, .begin = begin, .next = next,
};
