#include "support.h"

#include <libnet.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/tally.h"
#include "flow/flow_table.h"
#include "net/decode.h"
#include "net/wire.h"
#include "session/due_heap.h"
#include "session/renderer.h"
#include "session/session.h"
#include "session/session_record.h"
#include "session/tuple_set.h"
#include "internet_sum.h"

enum { SEED = 7, CASES = 20000, MOST_CONTROL = 6 /* SYN, SYN-ACK, ACK, FIN, FIN, ACK */ };

static uint64_t between(struct random_stream *random, uint64_t least, uint64_t most)
{
    return least + random_below(random, most - least + 1);
}

static bool one_in(struct random_stream *random, uint64_t n)
{
    return random_below(random, n) == 0;
}

/* ---- rows: what a flow table can have recorded ---- */

/* Packets without payload that opening and closing take from each side. */
static void control_need(const struct session_row *row, uint64_t need[2])
{
    memset(need, 0, 2 * sizeof *need);
    if (row->opening == FLOW_OPENING_HANDSHAKE) {
        need[FLOW_INITIATOR] += 2;
        need[FLOW_RESPONDER] += 1;
    }
    if (row->ending == FLOW_ENDING_FIN) {
        need[row->closing_side] += 2;
        need[!row->closing_side] += 1;
    }
    if (row->ending == FLOW_ENDING_RESET)
        need[row->closing_side] += 1;
}

static void draw_common(struct session_row *row, struct random_stream *random)
{
    static const uint16_t segments[] = { 1460, 1400, 1200, 536, 88 };

    row->rtt_ns = (int64_t)between(random, 20, 80000) * NS_PER_US;
    row->first_data_side = (enum flow_side)random_below(random, 2);
    row->closing_side = (enum flow_side)random_below(random, 2);
    for (int side = 0; side < 2; side++) {
        row->mss[side] = segments[random_below(random, sizeof segments / sizeof *segments)];
        row->ttl[side] = (uint8_t)between(random, 1, 255);
        row->data_packets[side] =
            one_in(random, 4) ? 0 : between(random, 1, one_in(random, 8) ? 300 : 8);
    }
}

static void draw_payload(struct session_row *row, struct random_stream *random, const uint64_t most[2])
{
    uint64_t data = row->data_packets[0] + row->data_packets[1];

    for (int side = 0; side < 2; side++)
        row->payload_bytes[side] =
            between(random, row->data_packets[side], row->data_packets[side] * most[side]);
    row->turns = (uint32_t)(data == 0 ? 0 : between(random, 1, data));
}

enum { UNACKNOWLEDGED = 16 }; /* segments at most: a first window holds them */

/* A connection with room for all that TCP must say; whoever closes an attempt refuses it. */
static struct session_row draw_tcp_row(struct random_stream *random)
{
    struct session_row row = { 0 };
    uint64_t need[2];

    row.opening = one_in(random, 4) ? FLOW_OPENING_NONE : FLOW_OPENING_HANDSHAKE;
    row.ending = (enum flow_ending)random_below(random, 3);
    draw_common(&row, random);
    draw_payload(&row, random, (uint64_t[]){ row.mss[1], row.mss[0] });
    control_need(&row, need);
    for (int side = 0; side < 2; side++)
        row.packets[side] = row.data_packets[side] + need[side] +
                            between(random, row.data_packets[!side] / UNACKNOWLEDGED, row.data_packets[!side]);
    if (session_row_packets(&row) == 0)
        row.packets[FLOW_INITIATOR] = 1;
    row.duration_ns = row.rtt_ns * 4 + (int64_t)random_below(random, 30 * NS_PER_SECOND);
    return row;
}

static struct session_row draw_attempt_row(struct random_stream *random)
{
    struct session_row row = { .opening = FLOW_OPENING_ATTEMPT, .rtt_ns = NS_PER_MS };

    row.packets[FLOW_INITIATOR] = between(random, 1, 9);
    row.duration_ns = (int64_t)random_below(random, 60 * NS_PER_SECOND);
    if (one_in(random, 2)) {
        row.ending = FLOW_ENDING_RESET;
        row.closing_side = FLOW_RESPONDER;
        row.duration_ns /= 15; /* later ones are flows of their own */
        row.packets[FLOW_RESPONDER] = between(random, 1, row.packets[FLOW_INITIATOR]);
    }
    return row;
}

static struct session_row draw_datagram_row(struct random_stream *random)
{
    struct session_row row = { 0 };

    draw_common(&row, random);
    if (row.data_packets[0] + row.data_packets[1] == 0)
        row.data_packets[FLOW_INITIATOR] = 1;
    draw_payload(&row, random, (uint64_t[]){ 1400, 1400 });
    memcpy(row.packets, row.data_packets, sizeof row.packets);
    row.duration_ns = row.rtt_ns + (int64_t)random_below(random, 30 * NS_PER_SECOND);
    return row;
}

/* Anything that the limits of a model file let pass. */
static struct session_row draw_wild_row(struct random_stream *random)
{
    struct session_row row = draw_tcp_row(random);

    row.opening = (enum flow_opening)random_below(random, 3);
    for (int side = 0; side < 2; side++) {
        row.packets[side] = random_below(random, 20);
        row.data_packets[side] = random_below(random, row.packets[side] + 1);
        row.payload_bytes[side] = random_below(random, 100000);
        row.mss[side] = (uint16_t)random_u32(random);
    }
    row.turns = (uint32_t)random_below(random, 40);
    row.duration_ns = (int64_t)random_below(random, 30 * NS_PER_SECOND);
    return row;
}

static struct service_model service_of(struct session_row *rows, size_t count)
{
    return (struct service_model){ .rows = rows, .row_count = count, .flows = count };
}

static struct flow_plan plan_of(uint8_t protocol, uint64_t packets, uint64_t key,
                                const struct service_model *service)
{
    return (struct flow_plan){
        .key = key,
        .protocol = protocol,
        .packets = packets,
        .service = service,
        .ends = { { IPV4_END(0x0a000001), .port = 50000, .mac = { 2, 0, 0, 0, 0, 1 } },
                  { IPV4_END(0xc0000209), .port = 443, .mac = { 2, 0, 0, 0, 0, 2 } } },
    };
}

/* ---- an independent observer of one TCP connection ---- */

struct observer_side {
    uint32_t next;  /* sequence number that must come, when known */
    uint32_t acked; /* highest acknowledgement it sent, when has_acked */
    uint16_t window;
    bool known, has_acked, fin, repeats_visible;
    uint64_t packets, data_packets, payload_bytes;
};

struct observer {
    const struct session *session; /* for the segment sizes that were announced */
    enum flow_opening opening;
    struct observer_side sides[2];
    uint64_t packets;
    int64_t duration_ns;
    bool reset;
    struct session_packet last;
};

#define check(condition, observer)                                                      \
    do {                                                                                \
        if (!(condition))                                                               \
            fail_msg("packet %llu of key %llx: %s", (unsigned long long)(observer)->packets, \
                     (unsigned long long)(observer)->session->key, #condition);         \
    } while (0)

/* The first three packets of a connection that opens; returns whether this was one. */
static bool observe_opening(struct observer *o, const struct session_packet *p)
{
    static const struct {
        enum flow_side side;
        uint8_t flags;
    } script[] = {
        { FLOW_INITIATOR, TCP_SYN },
        { FLOW_RESPONDER, TCP_SYN | TCP_ACK },
        { FLOW_INITIATOR, TCP_ACK },
    };

    if (o->opening != FLOW_OPENING_HANDSHAKE || o->packets >= 3) {
        check(!(p->tcp_flags & TCP_SYN), o);
        return false;
    }
    check(p->side == script[o->packets].side, o);
    check(p->tcp_flags == script[o->packets].flags, o);
    check(p->payload_bytes == 0, o);
    return true;
}

static void observe_numbers(struct observer *o, const struct session_packet *p)
{
    struct observer_side *sender = &o->sides[p->side];
    struct observer_side *peer = &o->sides[!p->side];

    if (sender->known)
        check(p->sequence == sender->next, o);
    sender->known = true;
    sender->next = p->sequence + p->payload_bytes + !!(p->tcp_flags & TCP_SYN) +
                   !!(p->tcp_flags & TCP_FIN);
    if (!(p->tcp_flags & TCP_ACK))
        return;
    if (!peer->known) { /* the other side joined before we looked: this says where it is */
        peer->known = true;
        peer->next = p->acknowledgement;
    }
    check(!seq_lt(peer->next, p->acknowledgement), o); /* nothing unsent is acknowledged */
    if (sender->has_acked)
        check(!seq_lt(p->acknowledgement, sender->acked), o);
    if (sender->has_acked && p->tcp_flags == TCP_ACK && p->payload_bytes == 0 &&
        sender->acked == p->acknowledgement) /* else it reads as a sign of loss */
        check(p->window != sender->window || o->packets == 2, o);
    sender->acked = p->acknowledgement;
    sender->has_acked = true;
    sender->window = p->window;
}

static void observe_payload(struct observer *o, const struct session_packet *p)
{
    const struct payload_place *place = &p->place;

    if (p->payload_bytes == 0)
        return;
    check(!o->sides[p->side].fin, o);
    check(!(p->tcp_flags & TCP_RST), o);
    check(p->payload_bytes <= o->session->stack.mss[!p->side], o);
    check(place->side == p->side, o);
    check(place->offset + p->payload_bytes <= place->message_bytes, o);
    check(!!(p->tcp_flags & TCP_PSH) == (place->offset + p->payload_bytes == place->message_bytes), o);
    o->sides[p->side].data_packets++;
    o->sides[p->side].payload_bytes += p->payload_bytes;
}

static void observe(struct observer *o, const struct session_packet *p)
{
    check(!o->reset, o);
    check(p->gap_ns >= 0, o);
    check(o->packets > 0 || p->gap_ns == 0, o);
    check(observe_opening(o, p) || p->tcp_flags & TCP_ACK, o);
    observe_numbers(o, p);
    observe_payload(o, p);
    if (p->tcp_flags & TCP_FIN)
        check(!o->sides[p->side].fin, o);
    o->sides[p->side].fin |= !!(p->tcp_flags & TCP_FIN);
    o->reset = p->tcp_flags & TCP_RST;
    o->sides[p->side].packets++;
    o->duration_ns += p->gap_ns;
    o->packets++;
    o->last = *p;
}

/* All that a connection which is over must have done. */
static void observe_end(const struct observer *o, enum flow_ending ending, enum flow_side closer)
{
    const struct observer_side *sides = o->sides;

    if (o->opening == FLOW_OPENING_HANDSHAKE)
        check(o->packets >= 3, o);
    check(o->reset == (ending == FLOW_ENDING_RESET), o);
    if (o->reset)
        check(o->last.side == closer, o);
    for (int side = 0; side < 2; side++) {
        check(sides[side].fin == (ending == FLOW_ENDING_FIN), o);
        if (sides[side].fin)
            check(sides[!side].acked == sides[side].next, o);
    }
}

static struct observer observe_all(struct session *session)
{
    struct observer o = { .session = session, .opening = (enum flow_opening)session->opening };
    struct session_packet packet;

    while (session_next(session, &packet))
        observe(&o, &packet);
    check(!session_next(session, &packet), &o); /* and it stays over */
    return o;
}

/* ---- TCP ---- */

/* Whatever the row and the wanted count: no packet that the state of the connection forbids. */
static void test_tcp_is_always_legal(void **state)
{
    struct random_stream random;

    (void)state;
    random_init(&random, SEED, RANDOM_FIT, 1, 0, 0);
    for (uint64_t i = 0; i < CASES; i++) {
        struct session_row row = one_in(&random, 2) ? draw_tcp_row(&random) : draw_wild_row(&random);
        struct service_model service = service_of(&row, 1);
        struct flow_plan plan = plan_of(IP_TCP, between(&random, 1, 200), i, &service);
        struct session session;
        struct observer o;

        if (row.opening == FLOW_OPENING_ATTEMPT)
            row.opening = FLOW_OPENING_NONE;
        session_begin(&session, &plan, SEED, NULL, NULL, NULL);
        o = observe_all(&session);
        observe_end(&o, row.ending, row.closing_side);
    }
}

/* A row that says all that TCP must say comes out as it is, to the packet and to the byte. */
static void test_tcp_row_is_kept(void **state)
{
    struct random_stream random;

    (void)state;
    random_init(&random, SEED, RANDOM_FIT, 2, 0, 0);
    for (uint64_t i = 0; i < CASES; i++) {
        struct session_row row = draw_tcp_row(&random);
        struct service_model service = service_of(&row, 1);
        struct flow_plan plan = plan_of(IP_TCP, session_row_packets(&row), i, &service);
        struct session session;
        struct observer o;

        session_begin(&session, &plan, SEED, NULL, NULL, NULL);
        o = observe_all(&session);
        for (int side = 0; side < 2; side++) {
            check(o.sides[side].packets == row.packets[side], &o);
            check(o.sides[side].data_packets == row.data_packets[side], &o);
            check(o.sides[side].payload_bytes == row.payload_bytes[side], &o);
        }
    }
}

/*
 * Where the plan wants another count than the row has: 94 % get it exactly; of the others a window is full. A row with data misses
 * it by two packets at most; one of opening and closing alone cannot grow.
 */
static void test_tcp_scaled_count(void **state)
{
    struct random_stream random;
    uint64_t exact = 0;
    uint64_t farthest = 0;

    (void)state;
    random_init(&random, SEED, RANDOM_FIT, 3, 0, 0);
    for (uint64_t i = 0; i < CASES; i++) {
        struct session_row row = draw_tcp_row(&random);
        struct service_model service = service_of(&row, 1);
        struct flow_plan plan = plan_of(IP_TCP, between(&random, 10, 400), i, &service);
        struct session session;
        struct observer o;
        uint64_t off;

        session_begin(&session, &plan, SEED, NULL, NULL, NULL);
        o = observe_all(&session);
        off = o.packets > plan.packets ? o.packets - plan.packets : plan.packets - o.packets;
        exact += off == 0;
        if (row.data_packets[0] + row.data_packets[1] > 0)
            farthest = off > farthest ? off : farthest;
    }
    assert_in_range(exact, CASES * 9 / 10, CASES);
    assert_in_range(farthest, 0, 2);
}

/*
 * What round trips and transmission do not need is waited: 999 of 1000 sessions are within 10 % and two
 * round trips of the row's duration, and all together within half a percent.
 */
static void test_tcp_duration(void **state)
{
    struct random_stream random;
    uint64_t near = 0;
    uint64_t counted = 0;
    double sum[2] = { 0 };

    (void)state;
    random_init(&random, SEED, RANDOM_FIT, 4, 0, 0);
    for (uint64_t i = 0; i < CASES; i++) {
        struct session_row row = draw_tcp_row(&random);
        struct service_model service = service_of(&row, 1);
        struct flow_plan plan = plan_of(IP_TCP, session_row_packets(&row), i, &service);
        struct session session;
        struct observer o;

        session_begin(&session, &plan, SEED, NULL, NULL, NULL);
        if (session.course.memory.messages.turns.ns + session.course.memory.messages.segments.ns == 0)
            continue; /* nowhere to wait, or more round trips than time */
        o = observe_all(&session);
        counted++;
        near += llabs(o.duration_ns - row.duration_ns) <= row.duration_ns / 10 + 2 * row.rtt_ns;
        sum[0] += (double)o.duration_ns;
        sum[1] += (double)row.duration_ns;
    }
    assert_in_range(near, counted * 999 / 1000, counted);
    assert_in_range(counted, CASES * 9 / 10, CASES);
    assert_true(fabs(sum[0] / sum[1] - 1) < 0.005);
}

/* Datagrams that nobody answers keep their time as well: it is between them that the host waits. */
static void test_one_way_keeps_its_time(void **state)
{
    const struct session_row row = {
        .packets = { 10, 0 }, .data_packets = { 10, 0 }, .payload_bytes = { 1000, 0 },
        .duration_ns = 13500 * NS_PER_MS, .turns = 1,
    };
    struct session_row copy = row;
    struct service_model service = service_of(&copy, 1);

    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        struct flow_plan plan = plan_of(IP_UDP, 10, i, &service);
        struct session_packet packet;
        struct session session;
        int64_t duration_ns = 0;
        int packets = 0;

        session_begin(&session, &plan, SEED, NULL, NULL, NULL);
        for (; session_next(&session, &packet); packets++)
            duration_ns += packet.gap_ns;
        assert_int_equal(packets, 10);
        assert_true(llabs(duration_ns - row.duration_ns) < NS_PER_MS);
    }
}

/* ---- attempts ---- */

static void check_attempt(struct session_row *row, uint64_t key)
{
    struct service_model service = service_of(row, 1);
    struct flow_plan plan = plan_of(IP_TCP, session_row_packets(row), key, &service);
    struct session session;
    struct session_packet p;
    uint64_t count[2] = { 0 };
    uint32_t number = 0;
    bool syn_before = false;

    session_begin(&session, &plan, SEED, NULL, NULL, NULL);
    while (session_next(&session, &p)) {
        assert_int_equal(p.payload_bytes, 0);
        assert_true(p.gap_ns >= 0);
        if (p.side == FLOW_INITIATOR) {
            assert_int_equal(p.tcp_flags, TCP_SYN);
            assert_int_equal(p.acknowledgement, 0);
            assert_true(count[FLOW_INITIATOR] == 0 || p.sequence == number);
            number = p.sequence;
        } else {
            assert_true(syn_before); /* one refusal for one SYN */
            assert_int_equal(p.tcp_flags, TCP_RST | TCP_ACK);
            assert_int_equal(p.acknowledgement, number + 1);
            assert_int_equal(p.sequence, 0);
        }
        syn_before = p.side == FLOW_INITIATOR;
        count[p.side]++;
    }
    assert_int_equal(count[FLOW_INITIATOR], row->packets[FLOW_INITIATOR]);
    assert_int_equal(count[FLOW_RESPONDER], row->packets[FLOW_RESPONDER]);
}

static void test_attempts(void **state)
{
    struct random_stream random;

    (void)state;
    random_init(&random, SEED, RANDOM_FIT, 5, 0, 0);
    for (uint64_t i = 0; i < CASES; i++) {
        struct session_row row = draw_attempt_row(&random);

        check_attempt(&row, i);
    }
}

/* Waits double from one SYN to the next, six times at most, and add up to the row's duration. */
static void test_attempts_wait(void **state)
{
    static const struct {
        uint64_t syns;
        int64_t duration_s;
        int64_t gaps_s[10];
    } cases[] = {
        { 1, 0, { 0 } },
        { 3, 3, { 0, 1, 2 } },
        { 3, 0, { 0, 1, 2 } }, /* unknown: a second, as RFC 6298 has it */
        { 4, 14, { 0, 2, 4, 8 } },
        { 7, 63, { 0, 1, 2, 4, 8, 16, 32 } },
        { 9, 191, { 0, 1, 2, 4, 8, 16, 32, 64, 64 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct session_row row = { .packets = { cases[i].syns, 0 }, .opening = FLOW_OPENING_ATTEMPT,
                                   .duration_ns = cases[i].duration_s * NS_PER_SECOND };
        struct service_model service = service_of(&row, 1);
        struct flow_plan plan = plan_of(IP_TCP, cases[i].syns, i, &service);
        struct session session;
        struct session_packet p;

        session_begin(&session, &plan, SEED, NULL, NULL, NULL);
        for (uint64_t n = 0; n < cases[i].syns; n++) {
            assert_true(session_next(&session, &p));
            assert_int_equal(p.gap_ns, cases[i].gaps_s[n] * NS_PER_SECOND);
        }
        assert_false(session_next(&session, &p));
    }
}

/* ---- UDP and ICMP ---- */

/* Packets and payload of each side as in the row; who spoke first; how often the speaker changed. */
struct datagrams {
    uint64_t packets[2];
    uint64_t payload_bytes[2];
    enum flow_side first;
    uint32_t runs;
};

static struct datagrams count_datagrams(struct session *session)
{
    struct datagrams d = { .first = FLOW_INITIATOR };
    struct session_packet p;
    enum flow_side last = FLOW_INITIATOR;

    while (session_next(session, &p)) {
        bool is_first = d.runs == 0;

        assert_true(p.gap_ns >= 0 && (!is_first || p.gap_ns == 0));
        assert_in_range(p.payload_bytes, 0, 1472);
        assert_int_equal(p.place.message_bytes, p.payload_bytes);
        if (is_first)
            d.first = p.side;
        d.runs += is_first || p.side != last;
        last = p.side;
        d.packets[p.side]++;
        d.payload_bytes[p.side] += p.payload_bytes;
    }
    return d;
}

/* Runs of data alternate: as many as the row has turns, if each side has packets enough. */
static uint64_t expected_runs(const struct session_row *row, enum flow_side first)
{
    uint64_t a = ((uint64_t)row->turns + 1) / 2;
    uint64_t b = row->turns / 2;

    a = a < row->data_packets[first] ? a : row->data_packets[first];
    b = b < row->data_packets[!first] ? b : row->data_packets[!first];
    a = a == 0 && row->data_packets[first] > 0 ? 1 : a;
    b = b == 0 && row->data_packets[!first] > 0 ? 1 : b;
    a = a < b + 1 ? a : b + 1;
    return a + (b < a ? b : a);
}

static void test_datagrams(void **state)
{
    struct random_stream random;

    (void)state;
    random_init(&random, SEED, RANDOM_FIT, 6, 0, 0);
    for (uint64_t i = 0; i < CASES; i++) {
        struct session_row row = draw_datagram_row(&random);
        struct service_model service = service_of(&row, 1);
        struct flow_plan plan = plan_of(IP_UDP, session_row_packets(&row), i, &service);
        enum flow_side first = row.packets[row.first_data_side] ? row.first_data_side
                                                                : (enum flow_side)!row.first_data_side;
        struct session session;
        struct datagrams d;

        session_begin(&session, &plan, SEED, NULL, NULL, NULL);
        d = count_datagrams(&session);
        assert_int_equal(d.first, first);
        assert_int_equal(d.runs, expected_runs(&row, first));
        for (int side = 0; side < 2; side++) {
            assert_int_equal(d.packets[side], row.packets[side]);
            assert_int_equal(d.payload_bytes[side], row.payload_bytes[side]);
        }
    }
}

static void test_datagrams_scaled_count(void **state)
{
    struct random_stream random;

    (void)state;
    random_init(&random, SEED, RANDOM_FIT, 7, 0, 0);
    for (uint64_t i = 0; i < CASES; i++) {
        struct session_row row = draw_datagram_row(&random);
        struct service_model service = service_of(&row, 1);
        struct flow_plan plan = plan_of(IP_UDP, between(&random, 1, 400), i, &service);
        struct session session;
        struct datagrams d;

        plan.to_group = one_in(&random, 3);
        plan.answer = one_in(&random, 3) ? ANSWER_NONE : ANSWER_LIKELY;
        session_begin(&session, &plan, SEED, NULL, NULL, NULL);
        d = count_datagrams(&session);
        assert_int_equal(d.packets[0] + d.packets[1], plan.packets);
        if (plan.to_group || plan.answer == ANSWER_NONE)
            assert_int_equal(d.packets[FLOW_RESPONDER], 0); /* nobody answers for a group */
    }
}

/* Of a service that rarely answers: who does answer always does, who does not never. */
static void test_answers(void **state)
{
    struct session_row rows[10];
    struct service_model service = service_of(rows, 10);

    (void)state;
    for (size_t i = 0; i < 10; i++)
        rows[i] = (struct session_row){ .packets = { i < 9 ? 2 : 1, i < 9 ? 0 : 1 }, .turns = i < 9 ? 1 : 2,
                                        .data_packets = { i < 9 ? 2 : 1, i < 9 ? 0 : 1 },
                                        .payload_bytes = { 100, i < 9 ? 0 : 50 } };
    for (uint64_t key = 0; key < 3 * CASES; key++) {
        struct flow_plan plan = plan_of(IP_UDP, 2 + key % 7, key, &service);
        struct session session;
        struct datagrams d;

        plan.answer = (enum flow_answer)(key % 3);
        session_begin(&session, &plan, SEED, NULL, NULL, NULL);
        d = count_datagrams(&session);
        assert_int_equal(d.packets[0] + d.packets[1], plan.packets);
        assert_true(plan.answer != ANSWER_SURE || d.packets[FLOW_RESPONDER] > 0);
        assert_true(plan.answer != ANSWER_NONE || d.packets[FLOW_RESPONDER] == 0);
    }
}

/* But for what its payload is. */
static bool same_headers(const struct session_packet *a, const struct session_packet *b)
{
    return a->side == b->side && a->tcp_flags == b->tcp_flags && a->sequence == b->sequence &&
           a->acknowledgement == b->acknowledgement && a->window == b->window &&
           a->payload_bytes == b->payload_bytes && a->gap_ns == b->gap_ns;
}

static bool same_packet(const struct session_packet *a, const struct session_packet *b)
{
    return same_headers(a, b) && (a->payload_bytes == 0 || (a->place.message_index == b->place.message_index &&
                                                            a->place.offset == b->place.offset));
}

/* Each reply has the number and the payload of its request. */
static void test_ping(void **state)
{
    struct session_row row = { .packets = { 5, 5 }, .data_packets = { 5, 5 }, .turns = 10,
                               .payload_bytes = { 280, 280 }, .rtt_ns = NS_PER_MS,
                               .duration_ns = 4 * NS_PER_SECOND };
    struct service_model service = service_of(&row, 1);
    struct flow_plan plan = plan_of(IP_ICMP, 10, 1, &service);
    struct session session;
    struct session_packet request;
    struct session_packet reply;
    payload_fill *fill = payload_for(IP_ICMP, 0);
    uint8_t said[2][56];

    (void)state;
    session_begin(&session, &plan, SEED, NULL, NULL, NULL);
    for (uint32_t i = 0; i < 5; i++) {
        assert_true(session_next(&session, &request) && session_next(&session, &reply));
        assert_int_equal(request.side, FLOW_INITIATOR);
        assert_int_equal(reply.side, FLOW_RESPONDER);
        assert_int_equal(request.sequence, i);
        assert_int_equal(request.payload_bytes, 56);
        assert_int_equal(reply.gap_ns, NS_PER_MS);
        assert_int_equal(reply.sequence, i);
        assert_int_equal(reply.payload_bytes, 56);
        fill(&request.place, said[0], sizeof said[0]);
        fill(&reply.place, said[1], sizeof said[1]);
        assert_memory_equal(said[0], said[1], sizeof said[0]);
    }
    assert_false(session_next(&session, &reply));
}

/* Of a service that nothing is known of. */
static void test_defaults(void **state)
{
    static const struct {
        uint8_t protocol;
        uint64_t packets[2];
    } cases[] = { { IP_TCP, { 6, 4 } }, { IP_UDP, { 1, 1 } }, { IP_ICMP, { 1, 1 } } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t packets = cases[i].packets[0] + cases[i].packets[1];
        struct flow_plan plan = plan_of(cases[i].protocol, packets, 1, NULL);
        uint64_t count[2] = { 0 };
        uint32_t payload[2] = { 0 };
        struct session session;
        struct session_packet p;

        session_begin(&session, &plan, SEED, NULL, NULL, NULL);
        while (session_next(&session, &p)) {
            count[p.side]++;
            payload[p.side] += p.payload_bytes;
        }
        assert_memory_equal(count, cases[i].packets, sizeof count);
        if (cases[i].protocol == IP_ICMP)
            assert_int_equal(payload[0], payload[1]);
    }
}

/* ---- choosing among rows ---- */

/* The nearest count on a logarithmic scale is taken; rows that share it are drawn alike often. */
static void test_nearest_row(void **state)
{
    static const struct {
        uint64_t wanted;
        uint8_t ttls[2]; /* of the rows that may be taken */
    } cases[] = {
        { 1, { 1, 1 } },   { 2, { 1, 1 } },  { 3, { 1, 1 } },  { 4, { 2, 3 } },   { 8, { 2, 3 } },
        { 28, { 2, 3 } },  { 29, { 4, 4 } }, { 100, { 4, 4 } }, { 5000, { 4, 4 } },
    };
    struct session_row rows[] = {
        { .packets = { 2, 0 }, .ttl = { 1, 1 } },
        { .packets = { 8, 0 }, .ttl = { 2, 2 } },
        { .packets = { 4, 4 }, .ttl = { 3, 3 } },
        { .packets = { 50, 50 }, .ttl = { 4, 4 } },
    };
    struct service_model service = service_of(rows, 4);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned taken[5] = { 0 };

        for (uint64_t key = 0; key < 1000; key++) {
            struct flow_plan plan = plan_of(IP_UDP, cases[i].wanted, key, &service);
            struct session session;

            session_begin(&session, &plan, SEED, NULL, NULL, NULL);
            taken[session.stack.ttl[0]]++;
        }
        assert_int_equal(taken[cases[i].ttls[0]] +
                             (cases[i].ttls[0] != cases[i].ttls[1] ? taken[cases[i].ttls[1]] : 0),
                         1000);
        assert_in_range(taken[cases[i].ttls[0]], 430, 1000); /* half of 1000, 4.4 sigma */
        assert_in_range(taken[cases[i].ttls[1]], 430, 1000);
    }
}

/* Counts that a double cannot hold are found again. */
static void test_huge_rows(void **state)
{
    struct session_row rows[] = {
        { .packets = { 1, 0 } },
        { .packets = { UINT64_C(1) << 53, 1 } },
    };
    struct service_model service = service_of(rows, 2);
    struct flow_plan plan = plan_of(IP_UDP, UINT64_C(1) << 40, 1, &service);
    struct session session;

    (void)state;
    session_begin(&session, &plan, SEED, NULL, NULL, NULL);
    assert_int_equal(session.course.progress.left.data_packets[0] + session.course.progress.left.data_packets[1], plan.packets);
}

/* ---- hurry and determinism ---- */

/* However far it got: the connection ends as it must, in few packets and without waiting. */
static void check_hurried(const struct flow_plan *plan, const struct session_row *row, uint64_t after)
{
    struct session session;
    struct session_packet packet;
    struct observer o;
    uint64_t before = 0;
    int64_t rest_ns = 0;

    session_begin(&session, plan, SEED, NULL, NULL, NULL);
    o = (struct observer){ .session = &session, .opening = row->opening };
    while (before < after && session_next(&session, &packet)) {
        observe(&o, &packet);
        before++;
    }
    session_hurry(&session);
    while (session_next(&session, &packet)) {
        observe(&o, &packet);
        assert_int_equal(packet.payload_bytes, 0);
        rest_ns += packet.gap_ns;
    }
    observe_end(&o, row->ending, row->closing_side);
    assert_in_range(o.packets - before, 0, MOST_CONTROL);
    assert_in_range(rest_ns, 0, 500 * NS_PER_MS);
}

static void test_hurry(void **state)
{
    struct random_stream random;

    (void)state;
    random_init(&random, SEED, RANDOM_FIT, 8, 0, 0);
    for (uint64_t i = 0; i < 500; i++) {
        struct session_row row = draw_tcp_row(&random);
        struct service_model service = service_of(&row, 1);
        struct flow_plan plan = plan_of(IP_TCP, session_row_packets(&row), i, &service);

        if (one_in(&random, 4))
            row.rtt_ns = 3 * NS_PER_SECOND; /* by way of the moon: nobody waits for that */
        for (uint64_t after = 0; after <= plan.packets && after < 60; after++)
            check_hurried(&plan, &row, after);
    }
}

static void test_hurry_without_connection(void **state)
{
    struct session_row udp = { .packets = { 5, 5 }, .data_packets = { 5, 5 }, .turns = 10,
                               .payload_bytes = { 50, 50 } };
    struct session_row attempt = { .packets = { 3, 3 }, .opening = FLOW_OPENING_ATTEMPT,
                                   .ending = FLOW_ENDING_RESET, .closing_side = FLOW_RESPONDER };
    const struct {
        uint8_t protocol;
        struct session_row *row;
    } cases[] = { { IP_UDP, &udp }, { IP_TCP, &attempt } };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct service_model service = service_of(cases[i].row, 1);
        struct flow_plan plan =
            plan_of(cases[i].protocol, session_row_packets(cases[i].row), 1, &service);

        for (uint64_t after = 0; after <= plan.packets; after++) {
            struct session session;
            struct session_packet packet;

            session_begin(&session, &plan, SEED, NULL, NULL, NULL);
            for (uint64_t n = 0; n < after; n++)
                assert_true(session_next(&session, &packet));
            session_hurry(&session);
            assert_false(session_next(&session, &packet)); /* nothing must be said */
        }
    }
}

/* Against a list that is searched for the first: 5,000 steps, times that meet often, up to some 300 things at once. */
static void test_heap(void **state)
{
    enum { MOST = 400, STEPS = 5000 };
    struct due_heap heap = { 0 };
    struct due_entry list[MOST];
    size_t count = 0;
    struct random_stream random;

    (void)state;
    random_init(&random, SEED, RANDOM_FIT, 30, 0, 0);
    for (uint64_t step = 0; step < STEPS; step++) {
        size_t first = 0;

        for (size_t i = 1; i < count; i++) {
            if (list[i].due.ns < list[first].due.ns ||
                (list[i].due.ns == list[first].due.ns && list[i].number < list[first].number))
                first = i;
        }
        assert_int_equal(heap.count, count);
        if (count > 0) {
            assert_int_equal(heap.entries[0].number, list[first].number);
            assert_int_equal(heap.entries[0].due.ns, list[first].due.ns);
        }
        switch (random_below_u32(&random, count == MOST ? 2 : 5)) {
        case 0:
            if (count > 0) {
                list[first] = list[--count];
                due_heap_remove_first(&heap);
            }
            break;
        case 1:
            if (count > 0) {
                list[first].due.ns += random_below_u32(&random, 100);
                due_heap_postpone_first(&heap, list[first].due);
            }
            break;
        case 2:
            for (size_t i = 0; i < count; i += 7) { /* of any, as the end of a run does */
                size_t k = 0;

                while (list[k].number != heap.entries[i].number)
                    k++;
                list[k].due.ns = heap.entries[i].due.ns = random_below_u32(&random, 1000);
            }
            due_heap_order(&heap);
            break;
        default:
            list[count] = (struct due_entry){ { random_below_u32(&random, 1000) }, step, NULL };
            due_heap_put(&heap, list[count++]);
        }
    }
    assert_in_range(count, 100, MOST);
    due_heap_release(&heap);
}

/* Whether two sessions have the same packets. */
static bool same_sessions(const struct flow_plan *a, uint64_t seed_a, const struct flow_plan *b,
                          uint64_t seed_b)
{
    struct session x;
    struct session y;
    struct session_packet p;
    struct session_packet q;
    bool more, is_same;

    session_begin(&x, a, seed_a, NULL, NULL, NULL);
    session_begin(&y, b, seed_b, NULL, NULL, NULL);
    do {
        more = session_next(&x, &p);
        is_same = more == session_next(&y, &q) && (!more || same_packet(&p, &q));
    } while (more && is_same);
    session_release(&x);
    session_release(&y);
    return is_same;
}

static void test_determinism(void **state)
{
    struct random_stream random;

    (void)state;
    random_init(&random, SEED, RANDOM_FIT, 9, 0, 0);
    for (uint64_t i = 0; i < 500; i++) {
        struct session_row row = draw_tcp_row(&random);
        struct service_model service = service_of(&row, 1);
        struct flow_plan plan = plan_of(IP_TCP, session_row_packets(&row), i, &service);
        struct flow_plan other = plan;

        other.key ^= UINT64_C(1) << (i % 64);
        assert_true(same_sessions(&plan, SEED, &plan, SEED));
        assert_false(same_sessions(&plan, SEED, &plan, SEED + 1));
        assert_false(same_sessions(&plan, SEED, &other, SEED));
    }
}

/*
 * Who looks ahead to tell how long a message is gets the packets that everybody gets; and its messages are as long as
 * was told, also those longer than the queue of draws.
 */
static void test_looking_ahead(void **state)
{
    struct random_stream random;
    uint64_t longest = 0;

    (void)state;
    random_init(&random, SEED, RANDOM_FIT, 10, 0, 0);
    for (uint64_t i = 0; i < 500; i++) {
        struct session_row row = draw_tcp_row(&random);
        struct service_model service = service_of(&row, 1);
        struct flow_plan opaque = plan_of(IP_TCP, session_row_packets(&row), i, &service);
        struct flow_plan structured = opaque;
        struct session x, y;
        struct session_packet p, q;
        uint64_t message_packets = 0;
        uint64_t told = 0;
        uint64_t sent = 0;

        opaque.ends[FLOW_RESPONDER].port = 4444;
        structured.ends[FLOW_RESPONDER].port = 80;
        session_begin(&x, &opaque, SEED, NULL, NULL, NULL);
        session_begin(&y, &structured, SEED, NULL, NULL, NULL);
        while (session_next(&x, &p)) {
            assert_true(session_next(&y, &q));
            assert_true(same_headers(&p, &q));
            if (q.payload_bytes == 0)
                continue;
            if (q.place.offset == 0) {
                assert_int_equal(sent, told);
                told = q.place.message_bytes;
                sent = message_packets = 0;
            }
            assert_int_equal(q.place.offset, sent);
            sent += q.payload_bytes;
            longest = ++message_packets > longest ? message_packets : longest;
        }
        assert_int_equal(sent, told);
        assert_false(session_next(&y, &q));
    }
    assert_true(longest > COURSE_AHEAD);
}

/* ---- renderer: plans in, frames out ---- */

enum { FRAME_IP_AT = 14, PSEUDO_HEADER = 12, RUN_S = 3600, LOOP_PLANS = 4000 };

static const struct day_time origin = { INT64_C(20000) * NS_PER_DAY };

struct script {
    const struct flow_plan *plans;
    size_t count;
    size_t next;
};

static int next_scripted(void *self, struct flow_plan *plan, struct error *err)
{
    struct script *script = self;

    (void)err;
    if (script->next == script->count)
        return 0;
    *plan = script->plans[script->next++];
    return 1;
}

static void check_checksums(const struct frame *frame)
{
    const uint8_t *ip = frame->bytes + FRAME_IP_AT;
    const uint8_t *transport = ip + 20;
    size_t size = frame->length - FRAME_IP_AT - 20;
    const uint8_t rest[4] = { 0, ip[9], (uint8_t)(size >> 8), (uint8_t)size };
    uint32_t sum = 0;

    assert_int_equal(internet_sum(0, ip, 20), 0xffff);
    if (ip[9] != IP_ICMP)
        sum = internet_sum(internet_sum(0, ip + 12, 8), rest, sizeof rest);
    assert_int_equal(internet_sum(sum, transport, size), 0xffff);
    if (ip[9] == IP_UDP)
        assert_int_not_equal(wire_get_u16(transport + 6), 0);
}

/* The MAC that plans of these tests give an address. */
static void set_end(struct flow_end *end, uint32_t address, uint16_t port)
{
    *end = (struct flow_end){ IPV4_END(address), .port = port, .mac = { 2, 7 } };
    wire_put_u32(end->mac + 2, address);
}

static struct packet_view check_frame(const struct frame *frame)
{
    struct packet_view view;
    struct flow_end from;
    struct flow_end to;

    assert_in_range(frame->length, FRAME_IP_AT + 28, FRAME_MAX_BYTES);
    assert_int_equal(decode_frame(DECODE_ETHERNET, frame->bytes, frame->length, frame->length,
                                  false, &view),
                     DECODE_OK);
    assert_int_equal(view.ip_bytes, frame->length - FRAME_IP_AT);
    check_checksums(frame);
    set_end(&to, ip_address_to_v4(&view.destination), 0);
    set_end(&from, ip_address_to_v4(&view.source), 0);
    assert_memory_equal(frame->bytes, to.mac, 6);
    assert_memory_equal(frame->bytes + 6, from.mac, 6);
    view.time.ns = origin.ns + frame->due.ns;
    return view;
}

typedef void take_packet(void *self, const struct packet_view *view, const struct frame *frame);

/* Plays to the end; every frame is checked and in its turn. */
static struct renderer_counts play_as(const struct renderer_config *config, take_packet *take, void *self)
{
    struct error err = { "" };
    struct renderer *renderer = renderer_new(config, &err);
    struct renderer_counts counts;
    struct run_time last = { 0 };
    struct frame_source frames = renderer_frames(renderer);
    uint8_t room[FRAME_MAX_BYTES];
    struct frame frame;
    int got;

    assert_non_null(renderer);
    while ((got = frame_source_next(&frames, room, &frame, &err)) > 0) {
        struct packet_view view = check_frame(&frame);

        assert_true(frame.due.ns >= last.ns);
        last = frame.due;
        take(self, &view, &frame);
    }
    assert_int_equal(got, 0);
    counts = *renderer_counts(renderer);
    renderer_free(renderer);
    return counts;
}

static struct renderer_counts play(const struct flow_plan *plans, size_t count, int64_t end_s,
                                   take_packet *take, void *self)
{
    struct script script = { plans, count, 0 };
    struct renderer_config config = {
        .plans = { next_scripted, &script },
        .schedule = { .origin = origin, .speed = 1.0 },
        .end = { end_s * NS_PER_SECOND },
        .seed = SEED,
    };

    return play_as(&config, take, self);
}

/* ---- closed loop: what the flow stage sees is what was planned ---- */

struct loop {
    struct session_row rows[LOOP_PLANS];
    struct service_model services[LOOP_PLANS];
    struct flow_plan plans[LOOP_PLANS];
    struct flow_table *table;
    bool seen[LOOP_PLANS];
    libnet_t *libnet;
    size_t checked_by_libnet;
};

/* A client of its own for every plan, so that a record names its plan. */
static void draw_loop_plan(struct loop *loop, size_t i, struct random_stream *random)
{
    static const uint8_t protocols[] = { IP_TCP, IP_TCP, IP_TCP, IP_UDP, IP_ICMP };
    static const uint16_t ports[] = { [IP_ICMP] = 8 << 8, [IP_TCP] = 443, [IP_UDP] = 53 };
    uint8_t protocol = protocols[random_below(random, sizeof protocols)];
    struct session_row *row = &loop->rows[i];

    *row = protocol != IP_TCP ? draw_datagram_row(random)
           : one_in(random, 6) ? draw_attempt_row(random) : draw_tcp_row(random);
    if (protocol == IP_ICMP) { /* whoever asks is the initiator */
        row->first_data_side = FLOW_INITIATOR;
        row->turns = UINT32_MAX;
    }
    loop->services[i] = service_of(row, 1);
    loop->plans[i] =
        plan_of(protocol, session_row_packets(row), random_u64(random), &loop->services[i]);
    loop->plans[i].start.ns = origin.ns + (int64_t)i * NS_PER_SECOND / 2;
    set_end(&loop->plans[i].ends[FLOW_INITIATOR], UINT32_C(0x0a000000) + (uint32_t)i, 50000);
    set_end(&loop->plans[i].ends[FLOW_RESPONDER], 0xc0000209, ports[protocol]);
}

/* libnet sums the same packet to the same numbers. */
static void check_by_libnet(struct loop *loop, const struct frame *frame)
{
    uint8_t copy[FRAME_MAX_BYTES];
    uint8_t *ip = copy + FRAME_IP_AT;
    uint8_t protocol = frame->bytes[FRAME_IP_AT + 9];
    int size = (int)frame->length - FRAME_IP_AT - 20;
    size_t at = FRAME_IP_AT + 20 + (protocol == IP_TCP ? 16 : protocol == IP_UDP ? 6 : 2);

    memcpy(copy, frame->bytes, frame->length);
    wire_put_u16(ip + 10, 0);
    wire_put_u16(copy + at, 0);
    assert_int_equal(libnet_do_checksum(loop->libnet, ip, protocol, size), 1);
    assert_int_equal(libnet_do_checksum(loop->libnet, ip, IPPROTO_IP, 20), 1);
    assert_memory_equal(copy, frame->bytes, frame->length);
    loop->checked_by_libnet++;
}

static void take_for_table(void *self, const struct packet_view *view, const struct frame *frame)
{
    struct loop *loop = self;

    flow_table_add(loop->table, view);
    if (frame->due.ns % 16 == 0)
        check_by_libnet(loop, frame);
}

static void check_record(void *self, const struct flow_record *record)
{
    struct loop *loop = self;
    size_t i = ip_address_to_v4(&record->address[FLOW_INITIATOR]) & 0xffffff;
    const struct session_row *row = &loop->rows[i];
    bool has_data = row->data_packets[0] + row->data_packets[1] > 0;

    assert_in_range(i, 0, LOOP_PLANS - 1);
    assert_false(loop->seen[i]);
    loop->seen[i] = true;
    assert_int_equal(record->start.ns, loop->plans[i].start.ns);
    assert_int_equal(record->opening, row->opening);
    assert_int_equal(record->findings, 0);
    for (int side = 0; side < 2; side++) {
        assert_int_equal(record->packets[side], row->packets[side]);
        assert_int_equal(record->data_packets[side], row->data_packets[side]);
        assert_int_equal(record->payload_bytes[side], row->payload_bytes[side]);
        if (record->packets[side] > 0 && row->ttl[side] > 0)
            assert_int_equal(record->ttl[side], row->ttl[side]);
        if (row->opening == FLOW_OPENING_HANDSHAKE)
            assert_int_equal(record->mss[side], row->mss[side]);
    }
    if (has_data) {
        enum flow_side first = row->data_packets[row->first_data_side]
                                   ? row->first_data_side
                                   : (enum flow_side)!row->first_data_side;

        assert_int_equal(record->first_data_side, first);
        assert_int_equal(record->turns, expected_runs(row, first));
    }
    if (record->protocol != IP_TCP)
        return;
    assert_int_equal(record->ending, row->ending);
    if (row->ending != FLOW_ENDING_NONE)
        assert_int_equal(record->closing_side, row->closing_side);
    if (row->opening == FLOW_OPENING_HANDSHAKE)
        assert_int_equal(record->rtt_ns, row->rtt_ns);
}

static void test_closed_loop(void **state)
{
    struct loop *loop = calloc(1, sizeof *loop);
    struct renderer_counts counts;
    struct random_stream random;
    char reason[LIBNET_ERRBUF_SIZE];

    (void)state;
    random_init(&random, SEED, RANDOM_FIT, 10, 0, 0);
    for (size_t i = 0; i < LOOP_PLANS; i++)
        draw_loop_plan(loop, i, &random);
    loop->libnet = libnet_init(LIBNET_NONE, NULL, reason);
    loop->table = flow_table_new(&(struct flow_table_options){ .max_flows = 1000000 },
                                 check_record, loop);
    counts = play(loop->plans, LOOP_PLANS, RUN_S, take_for_table, loop);
    flow_table_flush(loop->table);
    for (size_t i = 0; i < LOOP_PLANS; i++)
        assert_true(loop->seen[i]);
    assert_int_equal(counts.flows, LOOP_PLANS);
    assert_int_equal(counts.hurried, 0);
    assert_in_range(loop->checked_by_libnet, 1000, SIZE_MAX);
    flow_table_free(loop->table);
    libnet_destroy(loop->libnet);
    free(loop);
}

/* ---- links and VLANs ---- */

static struct renderer *new_renderer(struct script *script, const char *impairments)
{
    struct renderer_config config = {
        .plans = { next_scripted, script },
        .schedule = { .origin = origin, .speed = 1.0 },
        .end = { RUN_S * NS_PER_SECOND },
        .seed = SEED,
    };
    struct error err = { "" };
    struct renderer *renderer;

    assert_int_equal(impairment_rates_parse(&config.how.impairments, impairments, &err), 0);
    renderer = renderer_new(&config, &err);
    assert_non_null(renderer);
    return renderer;
}

static bool is_from(const struct frame *frame, const struct flow_end *end)
{
    return wire_get_u32(frame->bytes + FRAME_IP_AT + 12) == end->name;
}

/* The tagged frame is the other one with four bytes between addresses and type. */
static void check_tagged(const struct frame *plain, const struct frame *tagged, uint16_t vlan)
{
    size_t tag = vlan ? 4 : 0;

    assert_int_equal(tagged->due.ns, plain->due.ns);
    assert_int_equal(tagged->length, plain->length + tag);
    assert_memory_equal(tagged->bytes, plain->bytes, 12);
    if (vlan) {
        assert_int_equal(wire_get_u16(tagged->bytes + 12), 0x8100);
        assert_int_equal(wire_get_u16(tagged->bytes + 14), vlan);
    }
    assert_memory_equal(tagged->bytes + 12 + tag, plain->bytes + 12, plain->length - 12);
}

enum { PLACED_PLANS = 600 };

/* The same plans nowhere in particular, and with a link and a VLAN at either end. */
struct placed {
    struct loop loop;
    struct flow_plan plans[PLACED_PLANS];
    size_t longest, unreachable, pieces, sent[2]; /* of the frames that were compared; sent by the inside [1] */
};

static const struct flow_end inside_place = { .link = 3, .vlan = 4094 };
static const struct flow_end outside_places[2] = { { .link = 0 }, { .link = 1, .vlan = 1 } };

static void place(struct flow_end *end, const struct flow_end *at)
{
    end->link = at->link;
    end->vlan = at->vlan;
}

static struct placed *placed_new(void)
{
    struct placed *placed = calloc(1, sizeof *placed);
    struct random_stream random;

    random_init(&random, SEED, RANDOM_FIT, 15, 0, 0);
    for (size_t i = 0; i < PLACED_PLANS; i++) {
        draw_loop_plan(&placed->loop, i, &random);
        placed->loop.services[i].conditions.unreachable = 1;
        placed->plans[i] = placed->loop.plans[i];
        place(&placed->plans[i].ends[FLOW_INITIATOR], &inside_place);
        place(&placed->plans[i].ends[FLOW_RESPONDER], &outside_places[i % 2]);
    }
    return placed;
}

static void check_place(struct placed *placed, const struct frame *plain, const struct frame *there)
{
    const uint8_t *ip = plain->bytes + FRAME_IP_AT;
    bool is_inside = !is_from(plain, &placed->plans[0].ends[FLOW_RESPONDER]);
    size_t i = wire_get_u32(ip + (is_inside ? 12 : 16)) & 0xffffff;
    const struct flow_end *from = is_inside ? &inside_place : &outside_places[i % 2];

    check_tagged(plain, there, from->vlan);
    assert_int_equal(there->link, from->link);
    assert_int_equal(plain->link, 0);
    placed->sent[is_inside]++;
    placed->longest = there->length > placed->longest ? there->length : placed->longest;
    placed->unreachable += ip[9] == IP_ICMP && ip[20] == 3;
    placed->pieces += (wire_get_u16(ip + 6) & 0x3fff) != 0;
}

static void play_placed(struct placed *placed, const char *impairments)
{
    struct script scripts[2] = { { placed->loop.plans, PLACED_PLANS, 0 }, { placed->plans, PLACED_PLANS, 0 } };
    struct renderer *renderers[2] = { new_renderer(&scripts[0], impairments), new_renderer(&scripts[1], impairments) };
    struct frame_source plain = renderer_frames(renderers[0]), there = renderer_frames(renderers[1]);
    uint8_t rooms[2][FRAME_MAX_BYTES];
    struct error err = { "" };
    struct frame frames[2];

    while (frame_source_next(&plain, rooms[0], &frames[0], &err) > 0) {
        assert_int_equal(frame_source_next(&there, rooms[1], &frames[1], &err), 1);
        check_place(placed, &frames[0], &frames[1]);
    }
    assert_int_equal(frame_source_next(&there, rooms[1], &frames[1], &err), 0);
    renderer_free(renderers[0]);
    renderer_free(renderers[1]);
}

/* Link and tag are those of the sender, whatever it sends; nothing else changes. */
static void test_links_and_tags(void **state)
{
    struct placed *placed = placed_new();

    (void)state;
    play_placed(placed, "fragmentation=0.3,unanswered=0.2,retransmission=0.05,reordering=0.05");
    play_placed(placed, "learned");
    assert_int_equal(placed->longest, 14 + 4 + FLOW_USUAL_MTU);
    assert_in_range(placed->unreachable, 1, SIZE_MAX);
    assert_in_range(placed->pieces, 10, SIZE_MAX);
    assert_in_range(placed->sent[0], PLACED_PLANS, SIZE_MAX);
    assert_in_range(placed->sent[1], PLACED_PLANS, SIZE_MAX);
    free(placed);
}

/* ---- connections on the wire ---- */

enum { WIRE_PLANS = 3000, WIRE_PORTS = 4, WIRE_HOSTS = 4 };

/* What was seen of a 5-tuple; a SYN begins anew, which only a closed connection allows. */
struct wire_tuple {
    uint32_t next[2];
    bool known[2], fin[2], fin_acked[2];
    bool reset;
    uint32_t connections;
};

struct wire {
    struct session_row rows[WIRE_PLANS];
    struct service_model services[WIRE_PLANS];
    struct flow_plan plans[WIRE_PLANS];
    struct tally index; /* (initiator, port of initiator) -> number of the tuple */
    struct wire_tuple tuples[WIRE_PLANS];
    size_t tuple_count;
    uint32_t connections;
};

static struct wire_tuple *find_tuple(struct wire *wire, const struct packet_view *view,
                                     enum flow_side side)
{
    const struct ip_address *initiator = side == FLOW_INITIATOR ? &view->source : &view->destination;
    uint16_t port = side == FLOW_INITIATOR ? view->source_port : view->destination_port;
    uint32_t index = tally_add(&wire->index, ip_address_to_v4(initiator), port, 1);

    assert_in_range(index, 0, WIRE_PLANS - 1);
    return &wire->tuples[index];
}

static void take_for_wire(void *self, const struct packet_view *view, const struct frame *frame)
{
    struct wire *wire = self;
    enum flow_side side = view->source_port == 443 ? FLOW_RESPONDER : FLOW_INITIATOR;
    struct wire_tuple *t = find_tuple(wire, view, side);

    (void)frame;
    if (view->tcp_flags == TCP_SYN) {
        uint32_t before = t->connections;

        assert_true(before == 0 || t->reset || (t->fin_acked[0] && t->fin_acked[1]));
        *t = (struct wire_tuple){ .connections = before + 1 };
        wire->connections++;
    }
    assert_true(t->connections > 0 && !t->reset);
    if (t->known[side])
        assert_int_equal(view->tcp_sequence, t->next[side]);
    t->known[side] = true;
    t->next[side] = view->tcp_sequence + view->payload_bytes + !!(view->tcp_flags & TCP_SYN) +
                    !!(view->tcp_flags & TCP_FIN);
    t->fin[side] |= !!(view->tcp_flags & TCP_FIN);
    t->reset = view->tcp_flags & TCP_RST;
    if (view->tcp_flags & TCP_ACK && t->fin[!side] && view->tcp_acknowledgement == t->next[!side])
        t->fin_acked[!side] = true;
}

/* Many connections of few hosts that would share ports, all of which are closed. */
static void draw_wire_plan(struct wire *wire, size_t i, struct random_stream *random)
{
    struct session_row *row = &wire->rows[i];

    do {
        *row = draw_tcp_row(random);
    } while (row->opening == FLOW_OPENING_NONE || row->ending == FLOW_ENDING_NONE);
    wire->services[i] = service_of(row, 1);
    wire->plans[i] =
        plan_of(IP_TCP, session_row_packets(row), random_u64(random), &wire->services[i]);
    wire->plans[i].start.ns = origin.ns + (int64_t)i * NS_PER_SECOND / 10;
    set_end(&wire->plans[i].ends[FLOW_INITIATOR],
            UINT32_C(0x0a000000) + (uint32_t)random_below(random, WIRE_HOSTS),
            (uint16_t)(UINT16_MAX - random_below(random, WIRE_PORTS)));
    set_end(&wire->plans[i].ends[FLOW_RESPONDER], 0xc0000209, 443);
}

static struct wire *wire_new(void)
{
    struct wire *wire = calloc(1, sizeof *wire);
    struct random_stream random;

    random_init(&random, SEED, RANDOM_FIT, 11, 0, 0);
    tally_init(&wire->index);
    for (size_t i = 0; i < WIRE_PLANS; i++)
        draw_wire_plan(wire, i, &random);
    return wire;
}

static void wire_free(struct wire *wire)
{
    tally_release(&wire->index);
    free(wire);
}

/* Ports that are taken are stepped over: every connection is whole, none mixes with another. */
static void test_no_two_share_a_tuple(void **state)
{
    struct wire *wire = wire_new();
    struct renderer_counts counts = play(wire->plans, WIRE_PLANS, RUN_S, take_for_wire, wire);

    (void)state;
    assert_int_equal(wire->connections, WIRE_PLANS);
    assert_in_range(wire->index.used, WIRE_HOSTS * WIRE_PORTS + 1, WIRE_PLANS / 4); /* both happened */
    assert_in_range(counts.most_live, WIRE_HOSTS * WIRE_PORTS, WIRE_PLANS);
    wire_free(wire);
}

/* The run ends in the middle: whoever must close does so, within a second. */
static void test_end_of_run(void **state)
{
    struct wire *wire = wire_new();
    const int64_t end_s = WIRE_PLANS / 10;
    struct renderer_counts counts = play(wire->plans, WIRE_PLANS, end_s, take_for_wire, wire);

    (void)state;
    assert_in_range(counts.hurried, 10, WIRE_PLANS);
    assert_int_equal(wire->connections, WIRE_PLANS);
    for (size_t i = 0; i < wire->index.used; i++) {
        const struct wire_tuple *t = &wire->tuples[i];

        assert_true(t->reset || (t->fin_acked[0] && t->fin_acked[1]));
    }
    wire_free(wire);
}

struct timing {
    int64_t first_ns, last_ns;
    uint64_t frames;
};

static void take_time(void *self, const struct packet_view *view, const struct frame *frame)
{
    struct timing *timing = self;

    (void)view;
    if (timing->frames++ == 0)
        timing->first_ns = frame->due.ns;
    timing->last_ns = frame->due.ns;
}

static void test_end_of_run_is_near(void **state)
{
    struct wire *wire = wire_new();
    struct timing timing = { 0 };

    (void)state;
    play(wire->plans, WIRE_PLANS, WIRE_PLANS / 10, take_time, &timing);
    assert_in_range(timing.last_ns, WIRE_PLANS / 10 * NS_PER_SECOND,
                    (WIRE_PLANS / 10 + 1) * NS_PER_SECOND);
    wire_free(wire);
}

/* ---- connections that stay open ---- */

enum { MOST_SEEN = 64 };

struct seen {
    struct packet_view views[MOST_SEEN];
    size_t count;
};

static void take_view(void *self, const struct packet_view *view, const struct frame *frame)
{
    struct seen *seen = self;

    (void)frame;
    assert_in_range(seen->count, 0, MOST_SEEN - 1);
    seen->views[seen->count++] = *view;
}

/* Beyond the first size of the table: each is found as long as it is there, one of two that are the same too. */
static void test_tuple_set(void **state)
{
    enum { MANY = 5000 };
    struct tuple_entry *entries = calloc(MANY, sizeof *entries);
    struct tuple_entry twin;
    struct tuple_set set;

    (void)state;
    tuple_set_init(&set);
    for (uint32_t i = 0; i < MANY; i++) {
        entries[i].tuple = (struct flow_tuple){ { ip_address_from_v4(0x0a000001 + i / 100), ip_address_from_v4(0xc0000209) },
                                                { (uint16_t)(1024 + i % 100), 443 }, IP_TCP };
        assert_false(tuple_set_has(&set, &entries[i].tuple));
        tuple_set_put(&set, &entries[i]);
    }
    twin = entries[0];
    tuple_set_put(&set, &twin);
    for (uint32_t i = 0; i < MANY; i += 2)
        tuple_set_remove(&set, &entries[i]);
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(tuple_set_has(&set, &entries[i].tuple), i == 0 || i % 2 == 1);
    tuple_set_remove(&set, &twin);
    assert_false(tuple_set_has(&set, &twin.tuple));
    tuple_set_release(&set);
    free(entries);
}

/* Three parts of one connection under way, then a part that finds nothing to go on with. */
static void test_open_connections_go_on(void **state)
{
    struct session_row rows[] = {
        { .packets = { 3, 2 }, .data_packets = { 1, 1 }, .payload_bytes = { 10, 20 }, .turns = 2,
          .opening = FLOW_OPENING_HANDSHAKE },
        { .packets = { 1, 1 }, .data_packets = { 1, 1 }, .payload_bytes = { 30, 40 }, .turns = 2 },
        { .packets = { 3, 2 }, .data_packets = { 1, 1 }, .payload_bytes = { 50, 60 }, .turns = 2,
          .ending = FLOW_ENDING_FIN },
        { .packets = { 1, 1 }, .data_packets = { 1, 1 }, .payload_bytes = { 70, 80 }, .turns = 2 },
    };
    static const uint64_t packets[] = { 5, 2, 5, 2 };
    struct service_model services[4];
    struct flow_plan plans[4];
    struct seen *seen = calloc(1, sizeof *seen);
    uint32_t next[2] = { 0 };
    size_t at = 0;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        services[i] = service_of(&rows[i], 1);
        plans[i] = plan_of(IP_TCP, packets[i], i, &services[i]);
        set_end(&plans[i].ends[0], 0x0a000001, (uint16_t)(50000 + i));
        set_end(&plans[i].ends[1], 0xc0000209, 443);
        plans[i].start.ns = origin.ns + (int64_t)i * 100 * NS_PER_SECOND;
    }
    play(plans, 4, RUN_S, take_view, seen);
    assert_int_equal(seen->count, 14);
    for (; at < 12; at++) {
        const struct packet_view *v = &seen->views[at];
        enum flow_side side = v->source_port == 443 ? FLOW_RESPONDER : FLOW_INITIATOR;

        assert_int_equal(side == FLOW_INITIATOR ? v->source_port : v->destination_port, 50000);
        if (at >= 2)
            assert_int_equal(v->tcp_sequence, next[side]);
        if (v->tcp_flags & TCP_ACK)
            assert_int_equal(v->tcp_acknowledgement, next[!side]);
        next[side] = v->tcp_sequence + v->payload_bytes + !!(v->tcp_flags & (TCP_SYN | TCP_FIN));
    }
    assert_int_equal(seen->views[12].source_port, 50003); /* it was closed: another one */
    assert_int_not_equal(seen->views[12].tcp_sequence, next[FLOW_INITIATOR]);
    free(seen);
}

/* How many flows the ground truth was told of. */
struct kept {
    size_t begun, ended;
};

static uint32_t begin_kept(void *self, const struct sent_flow *flow)
{
    struct kept *kept = self;

    (void)flow;
    return (uint32_t)kept->begun++;
}

static void end_kept(void *self, uint32_t slot, uint64_t frames)
{
    struct kept *kept = self;

    (void)frames;
    assert_in_range(slot, 0, kept->begun - 1);
    kept->ended++;
}

/*
 * A session that only ends a connection: where nothing was opened it is played when it stands for itself, and left out
 * where it would end what the run did not begin. With something to say, or behind an opening, it is played at all times.
 */
static void test_ends_what_began(void **state)
{
    struct session_row opens = { .packets = { 3, 2 }, .data_packets = { 1, 1 }, .payload_bytes = { 10, 20 }, .turns = 2,
                                 .opening = FLOW_OPENING_HANDSHAKE };
    struct session_row says = { .packets = { 3, 2 }, .data_packets = { 1, 1 }, .payload_bytes = { 50, 60 }, .turns = 2,
                                .ending = FLOW_ENDING_FIN };
    struct session_row resets = { .packets = { 1, 0 }, .ending = FLOW_ENDING_RESET };
    struct session_row ends = { .packets = { 2, 2 }, .ending = FLOW_ENDING_FIN };
    struct session_row rests = { .packets = { 1, 1 } };
    const struct {
        struct session_row *rows[4]; /* the last ones may be missing */
        size_t frames[2];            /* when each stands for itself, and as a part of a run */
        size_t left_out;             /* of a run */
        bool overlap;                /* they begin 1 ns one after the other, not 100 s */
    } cases[] = {
        { { &resets }, { 1, 0 }, 1, false },
        { { &ends }, { 4, 0 }, 1, false },
        { { &says }, { 5, 5 }, 0, false },
        { { &rests }, { 2, 2 }, 0, false },
        { { &opens, &resets }, { 6, 6 }, 0, false },
        { { &opens, &ends }, { 9, 9 }, 0, false },
        { { &resets, &opens }, { 6, 5 }, 1, false },
        { { &says, &resets }, { 6, 5 }, 1, false }, /* it is closed already */
        { { &opens, &ends, &resets }, { 10, 9 }, 1, false },
        { { &opens, &opens, &resets, &ends }, { 15, 11 }, 1, false }, /* the latest is remembered */
        { { &opens, &opens, &resets }, { 11, 11 }, 0, false },
        { { &opens, &resets }, { 6, 5 }, 1, true }, /* it is not over yet */
        { { &resets, &opens }, { 6, 5 }, 1, true },
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        struct service_model services[4];
        struct flow_plan plans[4];
        struct script script = { plans, 0, 0 };
        struct kept kept = { 0, 0 };
        const struct sent_flow_keeper keeper = { begin_kept, end_kept, &kept };
        struct renderer_config config = {
            .plans = { next_scripted, &script },
            .schedule = { .origin = origin, .speed = 1.0 },
            .end = { RUN_S * NS_PER_SECOND },
            .seed = SEED,
            .how.keeper = &keeper,
            .leaves_out_orphan_ends = i % 2,
        };
        struct seen *seen = calloc(1, sizeof *seen);
        struct renderer_counts counts;

        for (; script.count < 4 && cases[i / 2].rows[script.count]; script.count++) {
            struct session_row *row = cases[i / 2].rows[script.count];
            struct flow_plan *plan = &plans[script.count];

            services[script.count] = service_of(row, 1);
            *plan = plan_of(IP_TCP, row->packets[0] + row->packets[1], script.count, &services[script.count]);
            set_end(&plan->ends[0], 0x0a000001, (uint16_t)(50000 + script.count));
            set_end(&plan->ends[1], 0xc0000209, 443);
            plan->start.ns = origin.ns + (int64_t)script.count * (cases[i / 2].overlap ? 1 : 100 * NS_PER_SECOND);
        }
        counts = play_as(&config, take_view, seen);
        assert_int_equal(seen->count, cases[i / 2].frames[i % 2]);
        assert_int_equal(counts.left_out, i % 2 ? cases[i / 2].left_out : 0);
        assert_int_equal(counts.flows + counts.left_out, script.count);
        assert_int_equal(kept.begun, counts.flows); /* what is left out has no place in the ground truth */
        assert_int_equal(kept.ended, counts.flows);
        free(seen);
    }
}

/* ---- before the run ---- */

struct stopping {
    struct script script;
    atomic_bool stop;
};

/* Behind the last one the run is to stop, as of a day that is asked for no more. */
static int next_stopping(void *self, struct flow_plan *plan, struct error *err)
{
    struct stopping *stopping = self;
    int got = next_scripted(&stopping->script, plan, err);

    if (got == 0)
        atomic_store(&stopping->stop, true);
    return got;
}

/* Stopped before the run: no frames, no counts, and nobody is told of a flow that would have been under way. */
static void test_stop_before_the_run(void **state)
{
    struct session_row row = { .packets = { 3, 2 }, .data_packets = { 1, 1 }, .payload_bytes = { 10, 20 }, .turns = 2,
                               .opening = FLOW_OPENING_HANDSHAKE, .duration_ns = 100 * NS_PER_SECOND };
    struct service_model service = service_of(&row, 1);
    struct flow_plan plan = plan_of(IP_TCP, 5, 1, &service);

    (void)state;
    plan.start.ns = origin.ns - NS_PER_SECOND;
    for (int stops = 0; stops < 2; stops++) {
        struct stopping stopping = { .script = { &plan, 1, 0 } };
        struct kept kept = { 0, 0 };
        const struct sent_flow_keeper keeper = { begin_kept, end_kept, &kept };
        const struct renderer_config config = {
            .plans = { next_stopping, &stopping },
            .schedule = { .origin = origin, .speed = 1.0 },
            .end = { RUN_S * NS_PER_SECOND },
            .lead_ns = 10 * NS_PER_SECOND,
            .stop = stops ? &stopping.stop : NULL,
            .seed = SEED,
            .how.keeper = &keeper,
        };
        struct error err = { "" };
        struct renderer *renderer = renderer_new(&config, &err);
        struct frame_source frames = renderer_frames(renderer);
        struct frame next;

        assert_int_equal(frames.peek(frames.self, &next, &err), stops ? 0 : 1);
        assert_int_equal(renderer_counts(renderer)->flows, stops ? 0 : 1);
        assert_int_equal(renderer_counts(renderer)->under_way, stops ? 0 : 1);
        assert_int_equal(kept.begun, stops ? 0 : 1);
        renderer_free(renderer);
    }
}

/* ---- tuples of datagrams, groups, the day's speed, a failing source ---- */

static struct session_row slow_datagrams(void)
{
    return (struct session_row){ .packets = { 2, 0 }, .data_packets = { 2, 0 }, .turns = 1,
                                 .payload_bytes = { 96, 0 } };
}

/* A client's ephemeral port is its own while it talks; a well-known port is shared, as NTP does. */
static void test_datagram_ports(void **state)
{
    static const struct {
        uint16_t wanted, second;
    } cases[] = { { 40000, 40001 }, { UINT16_MAX, 1024 }, { 123, 123 } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct session_row row = slow_datagrams();
        struct service_model service = service_of(&row, 1);
        struct flow_plan plans[2];
        struct seen *seen = calloc(1, sizeof *seen);
        bool second_seen = false;

        for (uint64_t n = 0; n < 2; n++) {
            plans[n] = plan_of(IP_UDP, 2, n, &service);
            set_end(&plans[n].ends[0], 0x0a000001, cases[i].wanted);
            set_end(&plans[n].ends[1], 0xc0000209, 123);
            plans[n].start = origin;
        }
        play(plans, 2, RUN_S, take_view, seen);
        assert_int_equal(seen->count, 4);
        for (size_t n = 0; n < 4; n++) {
            uint16_t port = seen->views[n].source_port;

            assert_true(port == cases[i].wanted || port == cases[i].second);
            second_seen |= port == cases[i].second;
        }
        assert_true(second_seen);
        free(seen);
    }
}

/* A faster day brings sessions closer together and leaves what is inside them alone. */
static void test_speed(void **state)
{
    struct session_row row = { .packets = { 1, 1 }, .data_packets = { 1, 1 }, .turns = 2,
                               .payload_bytes = { 9, 9 }, .rtt_ns = 7 * NS_PER_MS };
    struct service_model service = service_of(&row, 1);
    struct flow_plan plan = plan_of(IP_UDP, 2, 1, &service);
    struct script script = { &plan, 1, 0 };
    struct renderer_config config = { .plans = { next_scripted, &script },
                                      .schedule = { .origin = origin, .speed = 60.0 },
                                      .end = { RUN_S * NS_PER_SECOND }, .seed = SEED };
    struct error err;
    struct renderer *renderer = renderer_new(&config, &err);
    struct frame_source frames = renderer_frames(renderer);
    uint8_t room[FRAME_MAX_BYTES];
    struct frame frame;

    (void)state;
    plan.start.ns = origin.ns + 600 * NS_PER_SECOND;
    assert_int_equal(frame_source_next(&frames, room, &frame, &err), 1);
    assert_int_equal(frame.due.ns, 10 * NS_PER_SECOND);
    assert_int_equal(frame_source_next(&frames, room, &frame, &err), 1);
    assert_int_equal(frame.due.ns, 10 * NS_PER_SECOND + 7 * NS_PER_MS);
    assert_int_equal(frame_source_next(&frames, room, &frame, &err), 0);
    assert_int_equal(frame_source_next(&frames, room, &frame, &err), 0);
    renderer_free(renderer);
}

static int fail_to_plan(void *self, struct flow_plan *plan, struct error *err)
{
    (void)self;
    (void)plan;
    return error_set(err, "no plan today");
}

static void test_failing_source(void **state)
{
    struct renderer_config config = { .plans = { fail_to_plan, NULL }, .schedule = { .origin = origin, .speed = 1.0 } };
    struct error err = { "" };
    struct renderer *renderer = renderer_new(&config, &err);
    struct frame_source frames = renderer_frames(renderer);
    uint8_t room[FRAME_MAX_BYTES];
    struct frame frame;

    (void)state;
    assert_int_equal(frame_source_next(&frames, room, &frame, &err), -1);
    assert_string_equal(err.text, "no plan today");
    renderer_free(renderer);
}

/* Same plans, same bytes at the same times. */
struct digest {
    uint64_t value;
};

static void take_digest(void *self, const struct packet_view *view, const struct frame *frame)
{
    struct digest *digest = self;

    (void)view;
    digest->value = random_mix64(digest->value ^ (uint64_t)frame->due.ns);
    for (uint32_t i = 0; i < frame->length; i++)
        digest->value = digest->value * UINT64_C(0x100000001b3) ^ frame->bytes[i];
}

static void test_same_plans_same_bytes(void **state)
{
    struct wire *wire = wire_new();
    struct digest digests[3] = { { 0 } };

    (void)state;
    for (int i = 0; i < 3; i++) {
        wire->plans[0].key ^= i == 2;
        play(wire->plans, 200, RUN_S, take_digest, &digests[i]);
    }
    assert_true(digests[0].value == digests[1].value);
    assert_true(digests[0].value != digests[2].value);
    wire_free(wire);
}

/* ---- what a session adds up to ---- */

/* The record of a session by its packets, one after the other. */
static void add_packet(struct flow_record *r, uint8_t protocol, const struct session_packet *p)
{
    uint64_t header = protocol == IP_TCP ? 40 : 28;

    if (protocol == IP_TCP && p->tcp_flags & TCP_SYN)
        header += 12; /* options of a stack of which nothing is known */
    r->packets[p->side]++;
    r->bytes[p->side] += header + p->payload_bytes;
    r->payload_bytes[p->side] += p->payload_bytes;
    r->data_packets[p->side] += p->payload_bytes > 0 || protocol != IP_TCP;
    if (protocol == IP_TCP)
        r->tcp_flags[p->side] |= p->tcp_flags;
    r->duration_ns += p->gap_ns;
}

/* A wait that a closing FIN would have taken is not taken when the FIN goes with data. */
static double untaken_wait(const struct session *s)
{
    const struct messages_memory *m = &s->course.memory.messages;

    return m->ending == FLOW_ENDING_FIN && m->fin_on_data[m->closing_side] ? (double)m->turns.ns : 0;
}

/* Returns whether a full window made somebody acknowledge more than the plan has: the record does not know of it. */
static bool expect_record(const struct flow_plan *plan)
{
    uint64_t forced = 0;
    struct flow_record expected = { 0 };
    struct flow_record record;
    struct session session;
    struct session_packet packet;
    double tolerance_ns;

    session_begin(&session, plan, SEED, NULL, NULL, NULL);
    tolerance_ns = 1000 + untaken_wait(&session);
    while (session_next(&session, &packet))
        add_packet(&expected, plan->protocol, &packet);
    session_record(plan, SEED, &record);
    for (int side = 0; side < 2; side++) {
        uint64_t extra = expected.packets[side] - record.packets[side];

        assert_in_range(extra, 0, plan->protocol == IP_TCP ? record.payload_bytes[!side] / 60000 : 0);
        assert_int_equal(record.bytes[side] + 40 * extra, expected.bytes[side]);
        record.tcp_flags[side] |= extra > 0 ? TCP_ACK : 0;
        forced += extra;
        assert_int_equal(record.payload_bytes[side], expected.payload_bytes[side]);
        assert_int_equal(record.data_packets[side], expected.data_packets[side]);
        assert_int_equal(record.tcp_flags[side], expected.tcp_flags[side]);
        assert_int_equal(record.port[side], plan->ends[side].port);
        assert_memory_equal(&record.address[side], &plan->ends[side].address, sizeof record.address[side]);
    }
    /* exponential waits of 30 us at most: seven of their standard deviations */
    tolerance_ns += 7 * 30000 * sqrt((double)flow_record_packets(&expected));
    if (fabs((double)(record.duration_ns - expected.duration_ns)) > tolerance_ns)
        fail_msg("key %llx: %lld ns, not %lld +- %.0f", (unsigned long long)plan->key,
                 (long long)record.duration_ns, (long long)expected.duration_ns, tolerance_ns);
    return forced > 0;
}

static void test_record_of_session(void **state)
{
    struct random_stream random;
    uint64_t forced = 0;

    (void)state;
    random_init(&random, SEED, RANDOM_FIT, 21, 0, 0);
    for (uint64_t i = 0; i < CASES; i++) {
        struct session_row row = i % 4 == 0   ? draw_tcp_row(&random)
                                 : i % 4 == 1 ? draw_wild_row(&random)
                                 : i % 4 == 2 ? draw_attempt_row(&random)
                                              : draw_datagram_row(&random);
        struct service_model service = service_of(&row, 1);
        uint8_t protocol = i % 4 < 3 ? IP_TCP : i % 8 < 4 ? IP_UDP : IP_ICMP;
        uint64_t packets = one_in(&random, 2) ? session_row_packets(&row) : between(&random, 1, 200);
        struct flow_plan plan = plan_of(protocol, packets, i, one_in(&random, 20) ? NULL : &service);

        plan.to_group = one_in(&random, 10);
        forced += expect_record(&plan);
    }
    assert_in_range(forced, 0, CASES / 20);
}

/* Constant time, and no number wraps. */
static void test_record_of_huge_session(void **state)
{
    struct session_row row = { .packets = { 3, 0 }, .opening = FLOW_OPENING_ATTEMPT };
    struct service_model service = service_of(&row, 1);
    struct flow_plan plan = plan_of(IP_TCP, UINT64_C(1) << 40, 1, &service);
    struct flow_record record;

    (void)state;
    session_record(&plan, SEED, &record);
    assert_int_equal(record.packets[FLOW_INITIATOR], UINT64_C(1) << 40);
    assert_int_equal(record.bytes[FLOW_INITIATOR], UINT64_C(52) << 40);
    assert_true(record.duration_ns > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_way_keeps_its_time),
        cmocka_unit_test(test_tcp_is_always_legal),
        cmocka_unit_test(test_tcp_row_is_kept),
        cmocka_unit_test(test_tcp_scaled_count),
        cmocka_unit_test(test_tcp_duration),
        cmocka_unit_test(test_attempts),
        cmocka_unit_test(test_attempts_wait),
        cmocka_unit_test(test_datagrams),
        cmocka_unit_test(test_datagrams_scaled_count),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_nearest_row),
        cmocka_unit_test(test_huge_rows),
        cmocka_unit_test(test_record_of_session),
        cmocka_unit_test(test_record_of_huge_session),
        cmocka_unit_test(test_heap),
        cmocka_unit_test(test_hurry),
        cmocka_unit_test(test_hurry_without_connection),
        cmocka_unit_test(test_determinism),
        cmocka_unit_test(test_looking_ahead),
        cmocka_unit_test(test_closed_loop),
        cmocka_unit_test(test_links_and_tags),
        cmocka_unit_test(test_no_two_share_a_tuple),
        cmocka_unit_test(test_end_of_run),
        cmocka_unit_test(test_end_of_run_is_near),
        cmocka_unit_test(test_tuple_set),
        cmocka_unit_test(test_open_connections_go_on),
        cmocka_unit_test(test_ends_what_began),
        cmocka_unit_test(test_stop_before_the_run),
        cmocka_unit_test(test_datagram_ports),
        cmocka_unit_test(test_speed),
        cmocka_unit_test(test_failing_source),
        cmocka_unit_test(test_same_plans_same_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
