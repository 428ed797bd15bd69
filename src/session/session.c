#include "session/session.h"

#include <math.h>
#include <string.h>

#include "net/wire.h"
#include "session/session_shape.h"

#define WINDOW_OF_SYN 64240
#define WINDOW_SCALED 64240 /* times 2^7: more than any burst here leaves unacknowledged */

#define DEFAULT_RTT_NS (500 * NS_PER_US)
#define FIRST_RETRY_NS NS_PER_SECOND  /* of a SYN (RFC 6298), when the flow does not say */

enum { TURN_WEIGHT = 8 };
enum { LEAST_REST = 40 }; /* bytes; less than any mss */

static enum flow_side other(enum flow_side side)
{
    return side == FLOW_INITIATOR ? FLOW_RESPONDER : FLOW_INITIATOR;
}

static uint64_t at_most(uint64_t value, uint64_t limit)
{
    return value < limit ? value : limit;
}

/* ---- making a session ready ---- */

/* Takes one packet without payload from a side's budget, if there is one. */
static bool reserve(struct session *s, enum flow_side side)
{
    if (s->pure_left[side] == 0)
        return false;
    s->pure_left[side]--;
    return true;
}

/* What opening and closing cost is set aside before acknowledgements get the rest. */
static void reserve_control(struct session *s)
{
    enum flow_side closer = (enum flow_side)s->closing_side;

    if (s->opening == FLOW_OPENING_HANDSHAKE) {
        reserve(s, FLOW_INITIATOR); /* SYN */
        reserve(s, FLOW_RESPONDER); /* SYN-ACK */
    }
    if (s->ending == FLOW_ENDING_RESET)
        reserve(s, closer);
    if (s->ending == FLOW_ENDING_FIN) {
        for (int side = 0; side < 2; side++)
            s->fin_on_data[side] = !reserve(s, (enum flow_side)side) && s->data_left[side] > 0;
    }
    if (s->opening == FLOW_OPENING_HANDSHAKE)
        reserve(s, FLOW_INITIATOR); /* the third packet */
    if (s->ending == FLOW_ENDING_FIN)
        reserve(s, closer); /* the last one */
}

/*
 * Messages alternate, so their numbers differ by at most one; no side has more messages
 * than data packets.
 */
static void count_messages(struct session *s, uint32_t turns)
{
    enum flow_side first = (enum flow_side)s->first_side;
    uint64_t a;
    uint64_t b;

    if (s->data_left[first] == 0)
        first = other(first);
    a = at_most((uint64_t)turns / 2 + turns % 2, s->data_left[first]);
    b = at_most(turns / 2, s->data_left[other(first)]);
    if (a == 0 && s->data_left[first] > 0)
        a = 1;
    if (b == 0 && s->data_left[other(first)] > 0)
        b = 1;
    a = at_most(a, b + 1);
    b = at_most(b, a);
    s->first_side = (uint8_t)first;
    s->speaker = (uint8_t)first;
    s->messages_left[first] = (uint32_t)a;
    s->messages_left[other(first)] = (uint32_t)b;
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
static void plan_waiting(struct session *s, int64_t duration_ns)
{
    enum flow_side first = (enum flow_side)s->first_side;
    double turns = (double)s->messages_left[0] + (double)s->messages_left[1];
    double packets = (double)(s->data_left[0] + s->data_left[1] + s->acks_total[0] + s->acks_total[1]);
    double round_trips = s->protocol == IP_TCP ? turns / 2 + 2 : s->messages_left[other(first)];
    double wait_ns;
    double share;

    s->turns.places = s->messages_left[first];
    if (s->protocol == IP_TCP)
        s->turns.places += (uint64_t)s->messages_left[other(first)] + (s->ending != FLOW_ENDING_NONE);
    if (s->opening != FLOW_OPENING_HANDSHAKE && s->turns.places > 0)
        s->turns.places--; /* nothing to wait for before the first packet */
    s->segments.places = s->data_left[0] + s->data_left[1] - s->messages_left[0] - s->messages_left[1];
    wait_ns = fmax(0.0, (double)duration_ns - round_trips * (double)s->rtt_ns -
                            packets * (double)(SESSION_WIRE_GAP_NS + SESSION_BURST_GAP_NS));
    share = (double)s->segments.places /
            fmax(1.0, (double)s->segments.places + TURN_WEIGHT * (double)s->turns.places);
    s->turns.ns = s->turns.places > 0 ? (int64_t)(wait_ns * (1.0 - share)) : 0;
    s->turns.ns = longest_waits(&s->turns, s->turns.ns);
    s->segments.ns = longest_waits(&s->segments, (int64_t)wait_ns - s->turns.ns);
}

uint64_t session_retry_units(uint64_t retries)
{
    uint64_t doubled = at_most(retries, SESSION_RETRY_DOUBLINGS);

    return (UINT64_C(1) << doubled) - 1 + ((retries - doubled) << SESSION_RETRY_DOUBLINGS);
}

/* So that all the attempts take as long as those of the sampled flow. */
static int64_t first_retry(const struct session *s, int64_t duration_ns)
{
    uint64_t syns = s->attempts_left[FLOW_INITIATOR];
    uint64_t units = session_retry_units(syns - (syns > 0));

    return units > 0 && duration_ns > 0 ? (int64_t)((uint64_t)duration_ns / units) : FIRST_RETRY_NS;
}

static uint8_t first_phase(const struct session *s)
{
    if (s->protocol != IP_TCP || s->opening == FLOW_OPENING_NONE)
        return SESSION_BODY;
    return s->opening == FLOW_OPENING_ATTEMPT ? SESSION_ATTEMPT : SESSION_SYN;
}

static void take_row(struct session *s, const struct session_row *row)
{
    s->opening = (uint8_t)row->opening;
    s->ending = (uint8_t)row->ending;
    s->closing_side = (uint8_t)row->closing_side;
    s->first_side = (uint8_t)row->first_data_side;
    s->rtt_ns = row->rtt_ns > 0 ? row->rtt_ns : DEFAULT_RTT_NS;
    s->stack = stack_profile_of(row);
    for (int side = 0; side < 2; side++) {
        s->attempts_left[side] = row->packets[side];
        s->data_left[side] = row->data_packets[side];
        s->bytes_left[side] = row->payload_bytes[side];
        s->pure_left[side] = row->packets[side] - row->data_packets[side];
    }
}

void session_begin(struct session *s, const struct flow_plan *plan, uint64_t seed)
{
    struct session_row row;

    memset(s, 0, sizeof *s);
    random_init(&s->random, seed, RANDOM_SESSION, (uint32_t)(plan->key >> 32), (uint32_t)plan->key,
                plan->ends[FLOW_INITIATOR].address);
    row = session_shape_draw(plan, &s->random);
    s->key = plan->key;
    s->protocol = plan->protocol;
    s->service_port = plan->ends[FLOW_RESPONDER].port;
    take_row(s, &row);
    if (s->protocol == IP_TCP) {
        reserve_control(s);
    } else {
        s->opening = FLOW_OPENING_NONE;
        s->ending = FLOW_ENDING_NONE;
    }
    for (int side = 0; side < 2; side++) {
        s->numbers.sequence[side] = s->protocol == IP_TCP ? random_u32(&s->random) : 0;
        s->numbers.window[side] = WINDOW_SCALED;
        s->acks_total[side] = s->pure_left[side];
        s->data_total[side] = s->data_left[side];
    }
    count_messages(s, row.turns);
    plan_waiting(s, row.duration_ns);
    s->retry_ns = first_retry(s, row.duration_ns);
    s->phase = first_phase(s);
}

void session_resume(struct session *s, const struct session_numbers *numbers)
{
    s->numbers = *numbers;
}

/* ---- waiting ---- */

/*
 * A uniformly broken stick: the next of the remaining shares of the waiting time. No piece is too long, and none so
 * short that those behind it would be.
 */
static int64_t next_wait(struct session *s, struct session_waits *waits)
{
    int64_t share_ns = waits->ns;
    int64_t others_ns;

    if (waits->places == 0 || waits->ns == 0)
        return 0;
    waits->places--;
    if (waits->places > 0)
        share_ns = (int64_t)((double)waits->ns *
                             (1.0 - pow(random_unit(&s->random), 1.0 / (double)waits->places)));
    if (share_ns > SESSION_LONGEST_WAIT_NS)
        share_ns = SESSION_LONGEST_WAIT_NS;
    others_ns = longest_waits(waits, waits->ns - share_ns);
    share_ns = waits->ns - others_ns;
    waits->ns = others_ns;
    return share_ns;
}

static int64_t burst_gap(struct session *s)
{
    return SESSION_WIRE_GAP_NS + (int64_t)random_exponential(&s->random, (double)SESSION_BURST_GAP_NS) +
           next_wait(s, &s->segments);
}

static int64_t ack_gap(struct session *s)
{
    return SESSION_WIRE_GAP_NS + (int64_t)random_exponential(&s->random, (double)SESSION_ACK_GAP_NS);
}

/* ---- TCP control packets ---- */

static void control(struct session *s, struct session_packet *p, enum flow_side side, uint8_t flags,
                    int64_t gap_ns)
{
    bool is_ack = flags & TCP_ACK;

    *p = (struct session_packet){ .side = side, .tcp_flags = flags, .gap_ns = gap_ns };
    p->sequence = s->numbers.sequence[side];
    p->acknowledgement = is_ack ? s->numbers.sequence[other(side)] : 0;
    /* The same acknowledgement twice would read as a sign of loss: it changes the window instead. */
    if (flags == TCP_ACK && s->numbers.acknowledged[side] == p->acknowledgement)
        s->numbers.window[side] ^= 1;
    p->window = flags & TCP_SYN ? WINDOW_OF_SYN : s->numbers.window[side];
    if (is_ack)
        s->numbers.acknowledged[side] = p->acknowledgement;
    if (flags & (TCP_SYN | TCP_FIN))
        s->numbers.sequence[side]++;
    if (flags & TCP_FIN)
        s->fin_sent[side] = true;
}

static void refuse(struct session *s, struct session_packet *p)
{
    control(s, p, FLOW_RESPONDER, TCP_RST | TCP_ACK, s->rtt_ns);
    p->sequence = 0;
    p->window = 0;
}

/* SYNs with the same number again and again; or each refused at once. */
static bool next_attempt(struct session *s, struct session_packet *p)
{
    bool refused = s->ending == FLOW_ENDING_RESET && s->closing_side == FLOW_RESPONDER;
    uint64_t done = s->attempts_done;
    int64_t wait_ns = done == 0 ? 0 : s->retry_ns << at_most(done - 1, SESSION_RETRY_DOUBLINGS);

    if (s->ack_due && refused && s->attempts_left[FLOW_RESPONDER] > 0) {
        s->attempts_left[FLOW_RESPONDER]--;
        s->ack_due = false;
        refuse(s, p);
        return true;
    }
    if (s->attempts_left[FLOW_INITIATOR] == 0)
        return false;
    if (done > 0)
        s->numbers.sequence[FLOW_INITIATOR]--; /* the SYN is sent again */
    control(s, p, FLOW_INITIATOR, TCP_SYN, wait_ns);
    s->attempts_left[FLOW_INITIATOR]--;
    s->attempts_done = (uint8_t)at_most(done + 1, 7);
    s->ack_due = true;
    return true;
}

static bool next_opening(struct session *s, struct session_packet *p)
{
    switch (s->phase) {
    case SESSION_SYN:
        control(s, p, FLOW_INITIATOR, TCP_SYN, 0);
        s->phase = SESSION_SYN_ACK;
        return true;
    case SESSION_SYN_ACK:
        control(s, p, FLOW_RESPONDER, TCP_SYN | TCP_ACK, s->rtt_ns - s->rtt_ns / 8);
        s->phase = SESSION_HANDSHAKE_ACK;
        return true;
    default:
        control(s, p, FLOW_INITIATOR, TCP_ACK, s->rtt_ns / 8);
        s->phase = SESSION_BODY;
        return true;
    }
}

/* ---- messages ---- */

static void begin_message(struct session *s)
{
    enum flow_side side = (enum flow_side)s->speaker;
    uint64_t packets = s->data_left[side] / s->messages_left[side];

    if (s->messages_left[side] == 1)
        packets = s->data_left[side];
    /* In proportion, rounded down: what is left still fits the packets that are left. */
    s->message_bytes = (uint64_t)((unsigned __int128)s->bytes_left[side] * packets / s->data_left[side]);
    s->messages_left[side]--;
    s->message_packets_left = packets;
    s->message_offset = 0;
    s->message_open = true;
}

/* A datagram answers the one of the same number, a message of a stream the latest one. */
static uint64_t request_bytes(const struct session *s, enum flow_side side)
{
    uint32_t index = s->messages_done[side];
    uint32_t requests = s->messages_done[other(side)];

    if (s->protocol == IP_TCP || index >= requests || requests - index > SESSION_RECENT)
        return s->latest_bytes[other(side)];
    return s->recent_bytes[other(side)][index % SESSION_RECENT];
}

/*
 * Of a few answers, all but the first are as long as what they answer, and the first takes the
 * rest, so that an echo stays one and a name server's empty answer too. Else equal parts.
 */
static uint32_t next_datagram_bytes(const struct session *s, enum flow_side side)
{
    uint64_t left = s->bytes_left[side];
    uint64_t packets = s->data_left[side];
    uint64_t request = request_bytes(s, side);
    uint64_t others = (packets - 1) * request;

    if (side != (enum flow_side)s->first_side && s->data_total[side] <= SESSION_RECENT &&
        left >= others + request && left - others <= SESSION_MAX_DATAGRAM)
        return (uint32_t)(left - others);
    return (uint32_t)(left / packets);
}

/*
 * Full segments and a rest, as a stack sends a message; or equal parts where that does not add up.
 * A rest of a few bytes is made LEAST_REST: parsers that judge segment by segment stumble over it.
 */
static uint32_t next_segment_bytes(const struct session *s, enum flow_side side)
{
    uint64_t left = s->message_bytes - s->message_offset;
    uint64_t packets = s->message_packets_left;
    uint64_t mss = stack_profile_segment_bytes(&s->stack, side);

    if (packets == 1)
        return (uint32_t)left;
    if (packets == 2 && left > mss && left < mss + LEAST_REST)
        return (uint32_t)(left - LEAST_REST);
    if (left > (packets - 1) * mss)
        return (uint32_t)mss;
    return (uint32_t)(left / packets);
}

static struct payload_place place_of(const struct session *s, enum flow_side side, uint32_t size)
{
    bool is_stream = s->protocol == IP_TCP;
    bool is_echo = s->protocol == IP_ICMP; /* a reply repeats its request */

    return (struct payload_place){
        .flow_key = s->key,
        .service_port = s->service_port,
        .protocol = s->protocol,
        .side = is_echo ? FLOW_INITIATOR : side,
        .message_index = s->messages_done[side],
        .reply_to_index = is_echo ? 0 : s->messages_done[other(side)],
        .message_bytes = is_stream ? s->message_bytes : size,
        .offset = is_stream ? s->message_offset : 0,
        .first_side = (enum flow_side)s->first_side,
        .request_bytes = request_bytes(s, side),
    };
}

/* After a data packet: does the listener spend one of its acknowledgements on it? */
static bool listener_acknowledges(const struct session *s, enum flow_side speaker)
{
    uint64_t total = s->data_total[speaker];
    uint64_t done = total - s->data_left[speaker]; /* this packet included */
    uint64_t budget = at_most(s->acks_total[other(speaker)], total);
    double before = floor((double)(done - 1) * (double)budget / (double)total);

    return s->protocol == IP_TCP && s->pure_left[other(speaker)] > 0 &&
           floor((double)done * (double)budget / (double)total) > before;
}

static void end_message(struct session *s, enum flow_side side, uint32_t size)
{
    bool is_stream = s->protocol == IP_TCP;

    s->latest_bytes[side] = is_stream ? s->message_bytes : size;
    if (is_stream)
        s->messages_done[side]++;
    s->message_open = false;
    if (s->messages_left[other(side)] > 0)
        s->speaker = (uint8_t)other(side);
}

static int64_t data_gap(struct session *s, bool is_first_of_message)
{
    if (!is_first_of_message)
        return burst_gap(s);
    if (s->protocol != IP_TCP && s->speaker != s->first_side)
        return s->rtt_ns; /* a reply comes when it comes */
    if (!s->begun)
        return 0;
    return s->rtt_ns / 2 + next_wait(s, &s->turns);
}

static void next_data(struct session *s, struct session_packet *p)
{
    enum flow_side side = (enum flow_side)s->speaker;
    bool is_first = !s->message_open;
    int64_t gap_ns = data_gap(s, is_first);
    uint32_t size;

    if (is_first)
        begin_message(s);
    size = s->protocol == IP_TCP ? next_segment_bytes(s, side) : next_datagram_bytes(s, side);
    *p = (struct session_packet){ .side = side, .payload_bytes = size, .gap_ns = gap_ns };
    p->place = place_of(s, side, size);
    p->sequence = s->protocol == IP_TCP ? s->numbers.sequence[side] : s->messages_done[side];
    p->acknowledgement = s->numbers.sequence[other(side)];
    p->window = s->numbers.window[side];
    s->numbers.acknowledged[side] = p->acknowledgement;
    s->numbers.sequence[side] += size;
    s->message_offset += size;
    s->message_packets_left--;
    s->data_left[side]--;
    s->bytes_left[side] -= size;
    s->ack_due = listener_acknowledges(s, side);
    s->listener = (uint8_t)other(side);
    p->tcp_flags = s->message_packets_left > 0 ? TCP_ACK : TCP_ACK | TCP_PSH;
    if (s->fin_on_data[side] && s->data_left[side] == 0) {
        p->tcp_flags |= TCP_FIN;
        s->numbers.sequence[side]++;
        s->fin_sent[side] = true;
    }
    if (s->message_packets_left == 0)
        end_message(s, side, size);
    if (s->protocol != IP_TCP)
        s->recent_bytes[side][s->messages_done[side]++ % SESSION_RECENT] = (uint16_t)size;
}

static void next_acknowledgement(struct session *s, struct session_packet *p, enum flow_side side)
{
    s->pure_left[side]--;
    control(s, p, side, TCP_ACK, ack_gap(s));
}

static bool next_body(struct session *s, struct session_packet *p)
{
    if (s->ack_due) {
        s->ack_due = false;
        next_acknowledgement(s, p, (enum flow_side)s->listener);
        return true;
    }
    if (s->message_open || s->messages_left[s->speaker] > 0) {
        next_data(s, p);
        return true;
    }
    for (int side = 0; side < 2 && s->protocol == IP_TCP; side++) {
        if (s->pure_left[side] > 0) { /* left over: window updates */
            next_acknowledgement(s, p, (enum flow_side)side);
            return true;
        }
    }
    return false;
}

/* ---- closing ---- */

static bool next_close(struct session *s, struct session_packet *p)
{
    enum flow_side closer = (enum flow_side)s->closing_side;

    if (s->ending == FLOW_ENDING_RESET) {
        s->phase = SESSION_OVER;
        control(s, p, closer, TCP_RST | TCP_ACK, s->rtt_ns / 2 + next_wait(s, &s->turns));
        return true;
    }
    if (!s->fin_sent[closer]) {
        control(s, p, closer, TCP_FIN | TCP_ACK, s->rtt_ns / 2 + next_wait(s, &s->turns));
        return true;
    }
    if (!s->fin_sent[other(closer)]) {
        control(s, p, other(closer), TCP_FIN | TCP_ACK, s->rtt_ns / 2);
        return true;
    }
    s->phase = SESSION_OVER;
    /* Whoever has not acknowledged the other's FIN does so now. */
    if (s->numbers.acknowledged[closer] == s->numbers.sequence[other(closer)])
        closer = other(closer);
    if (s->numbers.acknowledged[closer] == s->numbers.sequence[other(closer)])
        return false;
    control(s, p, closer, TCP_ACK, s->rtt_ns / 2);
    return true;
}

static bool next_packet(struct session *s, struct session_packet *p)
{
    if (s->phase == SESSION_ATTEMPT) {
        if (next_attempt(s, p))
            return true;
        s->phase = SESSION_OVER;
    }
    if (s->phase < SESSION_BODY)
        return next_opening(s, p);
    if (s->phase == SESSION_BODY) {
        if (next_body(s, p))
            return true;
        s->phase = s->ending == FLOW_ENDING_NONE ? SESSION_OVER : SESSION_CLOSE;
    }
    return s->phase == SESSION_CLOSE && next_close(s, p);
}

bool session_next(struct session *s, struct session_packet *p)
{
    if (!next_packet(s, p))
        return false;
    if (!s->begun)
        p->gap_ns = 0;
    s->begun = true;
    return true;
}

void session_hurry(struct session *s)
{
    memset(s->data_left, 0, sizeof s->data_left);
    memset(s->pure_left, 0, sizeof s->pure_left);
    memset(s->messages_left, 0, sizeof s->messages_left);
    memset(s->attempts_left, 0, sizeof s->attempts_left);
    s->message_open = false;
    s->ack_due = false;
    s->turns.ns = 0;
    s->segments.ns = 0;
    if (s->rtt_ns > 100 * NS_PER_MS)
        s->rtt_ns = 100 * NS_PER_MS;
}
