#include "support.h"

#include <stdbool.h>
#include <string.h>

#include "base/random.h"
#include "net/wire.h"
#include "session/stack_profile.h"
#include "session/tcp_machine.h"
#include "session/tcp_numbers.h"

#define I FLOW_INITIATOR
#define R FLOW_RESPONDER

enum { SEED = 11 };
enum { S = TCP_SYN, F = TCP_FIN, RST = TCP_RST, P = TCP_PSH, A = TCP_ACK };
enum { NUMBERED_CASES = 4000, MOST_PACKETS = 300 };

static uint64_t between(struct random_stream *random, uint64_t least, uint64_t most)
{
    return least + random_below(random, most - least + 1);
}

static bool one_in(struct random_stream *random, uint64_t n)
{
    return random_below(random, n) == 0;
}

static struct random_stream stream_of(uint32_t number)
{
    struct random_stream random;

    random_init(&random, SEED, RANDOM_SESSION, number, 0, 0);
    return random;
}

/* ---- numbers: conversations packet by packet ---- */

static const struct session_row usual_row = {
    .is_measured = true,
    .opening = FLOW_OPENING_HANDSHAKE,
    .mss = { 1460, 1460 },
    .window = { 64240, 65160 },
    .window_scale = { 7, 7 },
    .tcp_options = { 7, 7 },
    .payload_bytes = { 5000, 100000 },
};

struct step {
    uint8_t side, flags;
    uint32_t bytes;
    enum packet_mark mark;
    /* What is expected: relative to the initial numbers of the sides; a window of -1: any. */
    uint32_t sequence, acknowledgement;
    int32_t window;
};

struct conversation {
    const char *name;
    struct session_row row;
    struct step steps[16]; /* ends with flags of 0 */
};

static void play_conversation(const struct conversation *c, uint32_t first[2])
{
    struct random_stream random = stream_of(1);
    struct session_row row = c->row;
    struct tcp_numbers numbers;
    struct session_packet packet;

    tcp_numbers_begin(&numbers, &row, &random);
    memcpy(numbers.acknowledged, (uint32_t[]){ first[1], first[0] }, sizeof numbers.acknowledged);
    memcpy(numbers.sequence, first, sizeof numbers.sequence);
    for (const struct step *step = c->steps; step->flags; step++) {
        const struct packet_draw draw = { .side = step->side, .mark = step->mark,
                                          .tcp_flags = step->flags, .payload_bytes = step->bytes,
                                          .gap_ns = 1000 };
        bool is_refusal = step->flags == (RST | A) && step->side == R && step->sequence == 0;

        tcp_numbers_next(&numbers, &draw, &packet);
        if (packet.sequence != (is_refusal ? 0 : step->sequence + first[step->side]) ||
            packet.acknowledgement != (step->flags & A ? step->acknowledgement + first[!step->side] : 0) ||
            (step->window >= 0 && packet.window != step->window))
            fail_msg("%s, step %d: sequence %u, acknowledgement %u, window %u", c->name,
                     (int)(step - c->steps), packet.sequence - first[step->side],
                     packet.acknowledgement - first[!step->side], packet.window);
        assert_int_equal(packet.tcp_flags, step->flags);
        assert_int_equal(packet.payload_bytes, step->bytes);
        assert_int_equal(packet.gap_ns, 1000);
    }
}

static void test_conversations(void **state)
{
    struct session_row no_scale = usual_row;
    struct session_row under_way = usual_row;
    struct session_row tiny = usual_row;
    uint32_t firsts[][2] = { { 1000, 5000 }, { UINT32_MAX - 3, UINT32_MAX }, { 0, UINT32_MAX - 100 } };

    (void)state;
    no_scale.tcp_options[R] = TCP_OPTION_MSS;
    under_way.opening = FLOW_OPENING_NONE;
    under_way.window[I] = 300;
    under_way.window[R] = 500;
    tiny.window[I] = tiny.window[R] = 1024;
    const struct conversation conversations[] = {
        { "request and answer", usual_row,
          { { I, S, 0, 0, 0, 0, 64240 }, { R, S | A, 0, 0, 0, 1, 65160 }, { I, A, 0, 0, 1, 1, 502 },
            { I, P | A, 100, 0, 1, 1, 502 }, { R, A, 0, 0, 1, 101, -1 }, { R, P | A, 300, 0, 1, 101, 510 },
            { I, F | A, 0, 0, 101, 301, 502 }, { R, F | A, 0, 0, 301, 102, 510 },
            { I, A, 0, 0, 102, 302, 502 } } },
        { "FIN with data, half-closed", usual_row,
          { { I, S, 0, 0, 0, 0, -1 }, { R, S | A, 0, 0, 0, 1, -1 }, { I, A, 0, 0, 1, 1, 502 },
            { I, F | P | A, 10, 0, 1, 1, -1 }, { R, A, 0, 0, 1, 12, -1 }, { R, P | A, 300, 0, 1, 12, -1 },
            { I, A, 0, 0, 12, 301, -1 }, { R, F | A, 0, 0, 301, 12, -1 }, { I, A, 0, 0, 12, 302, -1 } } },
        { "SYN again, refused again", usual_row,
          { { I, S, 0, 0, 0, 0, 64240 }, { I, S, 0, 0, 0, 0, 64240 }, { R, RST | A, 0, 0, 0, 1, 0 },
            { I, S, 0, 0, 0, 0, 64240 }, { R, RST | A, 0, 0, 0, 1, 0 } } },
        { "SYN-ACK nobody wanted", usual_row,
          { { I, S, 0, 0, 0, 0, -1 }, { R, S | A, 0, 0, 0, 1, -1 }, { I, RST, 0, 0, 1, 0, 0 } } },
        { "resets", usual_row,
          { { I, S, 0, 0, 0, 0, -1 }, { R, S | A, 0, 0, 0, 1, -1 }, { I, P | A, 7, 0, 1, 1, -1 },
            { R, RST | A, 0, 0, 1, 8, -1 }, { I, P | A, 5, 0, 8, 1, -1 }, { R, RST, 0, 0, 1, 0, 0 } } },
        { "no window scale on one side: windows as they are", no_scale,
          { { I, S, 0, 0, 0, 0, 64240 }, { R, S | A, 0, 0, 0, 1, 65160 }, { I, P | A, 9, 0, 1, 1, 64240 },
            { R, P | A, 9, 0, 1, 10, 65160 } } },
        { "windows that the first flight needs", tiny,
          { { I, S, 0, 0, 0, 0, 1024 }, { R, S | A, 0, 0, 0, 1, 6460 }, { I, P | A, 9, 0, 1, 1, 115 },
            { R, P | A, 9, 0, 1, 10, 51 } } },
        { "keep-alive and its answer", under_way,
          { { I, P | A, 10, 0, 0, 0, 300 }, { R, A, 0, 0, 0, 10, -1 }, { I, A, 0, 1 + PACKET_IMPAIRED, 9, 0, 300 },
            { R, P | A, 5, 0, 0, 10, 500 }, { I, A, 0, PACKET_KEEPALIVE, 9, 5, 300 },
            { R, A, 0, 0, 5, 10, 500 }, { I, A, 0, PACKET_KEEPALIVE, 9, 5, 300 },
            { R, A, 0, 0, 5, 10, 500 } } },
        { "window closed and opened", under_way,
          { { I, P | A, 100, 0, 0, 0, 300 }, { R, A, 0, PACKET_ZERO_WINDOW, 0, 100, 0 },
            { I, A, 0, PACKET_KEEPALIVE, 99, 0, 300 }, { R, A, 0, PACKET_ZERO_WINDOW, 0, 100, 0 },
            { R, A, 0, PACKET_KEEPALIVE, UINT32_MAX, 100, 0 }, { R, A, 0, 0, 0, 100, 500 },
            { I, P | A, 100, 0, 100, 0, 300 } } },
        { "ACKs within a burst, of two segments each", under_way,
          { { R, A, 1000, 0, 0, 0, 500 }, { R, A, 1000, 0, 1000, 0, 500 }, { R, A, 1000, 0, 2000, 0, 500 },
            { R, P | A, 1000, 0, 3000, 0, 500 }, { R, P | A, 1000, 0, 4000, 0, 500 },
            { I, A, 0, 0, 0, 2000, -1 }, { I, A, 0, 0, 0, 4000, -1 }, { I, A, 0, 0, 0, 5000, -1 },
            { I, P | A, 4, 0, 0, 5000, 300 } } },
        { "data acknowledges everything", under_way,
          { { R, A, 1000, 0, 0, 0, 500 }, { R, A, 1000, 0, 1000, 0, 500 }, { R, A, 1000, 0, 2000, 0, 500 },
            { I, P | A, 1, 0, 0, 3000, 300 } } },
        { "an ACK after the FIN acknowledges everything", under_way,
          { { R, A, 1000, 0, 0, 0, 500 }, { R, A, 1000, 0, 1000, 0, 500 }, { R, A, 1000, 0, 2000, 0, 500 },
            { R, F | A, 0, 0, 3000, 0, 500 }, { I, A, 0, 0, 0, 3001, -1 } } },
    };
    for (size_t i = 0; i < sizeof conversations / sizeof *conversations; i++) {
        for (size_t first = 0; first < sizeof firsts / sizeof *firsts; first++)
            play_conversation(&conversations[i], firsts[first]);
    }
}

/* ---- numbers: whatever the machine allows ---- */

static struct session_row draw_numbers_row(struct random_stream *random)
{
    static const uint16_t windows[] = { 0, 512, 5840, 14600, 29200, 64240, 65535 };
    struct session_row row = { .is_measured = !one_in(random, 4) };

    row.opening = one_in(random, 3) ? FLOW_OPENING_NONE : FLOW_OPENING_HANDSHAKE;
    for (int side = 0; side < 2; side++) {
        row.mss[side] = (uint16_t)between(random, 88, 1460);
        row.window[side] = windows[random_below(random, sizeof windows / sizeof *windows)];
        row.tcp_options[side] = (uint8_t)random_below(random, 16);
        row.window_scale[side] = row.tcp_options[side] & TCP_OPTION_WINDOW_SCALE
                                     ? (uint8_t)random_below(random, 15) : 0;
        row.payload_bytes[side] = random_below(random, 1000000);
    }
    return row;
}

/* Any packet that the machine allows and the window has room for. */
static struct packet_draw draw_allowed(const struct tcp_machine *machine, const struct tcp_numbers *numbers,
                                       const struct session_row *row, struct random_stream *random)
{
    static const uint8_t flags[] = { S, S | A, A, A, A, P | A, P | A, F | A, RST, RST | A };
    struct packet_draw draw;

    do {
        draw = (struct packet_draw){ .side = (enum flow_side)random_below(random, 2) };
        draw.tcp_flags = flags[random_below(random, one_in(random, 40) ? sizeof flags : 7)];
        draw.mark = one_in(random, 10) ? PACKET_KEEPALIVE : one_in(random, 20) ? PACKET_ZERO_WINDOW
                                                                               : PACKET_PLAIN;
        draw.payload_bytes = one_in(random, 2) ? 0 : (uint32_t)between(random, 1, row->mss[!draw.side]);
        draw.gap_ns = one_in(random, 10) ? 50 * NS_PER_MS : (int64_t)random_below(random, NS_PER_MS);
    } while (!tcp_machine_allows(machine, draw.side, draw.tcp_flags, draw.mark, draw.payload_bytes > 0) ||
             draw.payload_bytes > tcp_numbers_room(numbers, draw.side));
    return draw;
}

/* What a passer-by knows, who reads nothing but the packets. */
struct observer {
    bool seen[2], probed[2], acknowledged_any[2], closed[2], fin[2];
    uint32_t next[2], acknowledged[2];
    int64_t edge[2]; /* relative to the other side's first number */
    uint32_t first[2];
    uint16_t window[2];
    uint8_t scale[2];
    uint64_t bare_acks, partial_acks, updates, duplicates;
};

static void observe_acknowledgement(struct observer *o, const struct packet_draw *draw,
                                    const struct session_packet *p)
{
    int side = p->side;
    bool is_bare = p->tcp_flags == A && p->payload_bytes == 0;
    bool is_new = !o->acknowledged_any[side] || p->acknowledgement != o->acknowledged[side];

    if (o->seen[!side])
        assert_false(seq_lt(o->next[!side], p->acknowledgement));
    if (o->acknowledged_any[side])
        assert_false(seq_lt(p->acknowledgement, o->acknowledged[side]));
    if (o->seen[!side] && !is_bare)
        assert_int_equal(p->acknowledgement, o->next[!side]);
    if (o->fin[!side])
        assert_int_equal(p->acknowledgement, o->next[!side]);
    o->bare_acks += is_bare;
    o->partial_acks += is_bare && o->seen[!side] && p->acknowledgement != o->next[!side];
    if (is_bare && !is_new && draw->mark == PACKET_PLAIN && !o->probed[side]) {
        o->updates++;
        o->duplicates += p->window == o->window[side]; /* as Wireshark and every stack see it */
    }
    o->acknowledged[side] = p->acknowledgement;
    o->acknowledged_any[side] = true;
}

static void observe(struct observer *o, const struct packet_draw *draw, const struct session_packet *p)
{
    int side = p->side;
    bool is_probe = draw->mark == PACKET_KEEPALIVE && o->seen[side];
    bool is_again = o->seen[side] && p->tcp_flags & S;
    uint32_t numbers = p->payload_bytes + !!(p->tcp_flags & S) + !!(p->tcp_flags & F);
    bool is_refusal = p->tcp_flags & RST && !o->seen[side] && p->sequence == 0;

    if (p->tcp_flags & A)
        observe_acknowledgement(o, draw, p);
    else
        assert_int_equal(p->acknowledgement, 0);
    if (is_refusal)
        return;
    if (o->seen[side])
        assert_int_equal(p->sequence, o->next[side] - (is_probe || is_again));
    if (draw->mark == PACKET_ZERO_WINDOW)
        assert_int_equal(p->window, 0);
    else if (!(p->tcp_flags & RST) && !(o->closed[side] && draw->mark == PACKET_KEEPALIVE))
        assert_true(p->window > 0);
    if (!is_probe && !is_again)
        o->next[side] = p->sequence + numbers;
    o->closed[side] = p->window == 0;
    o->window[side] = p->window;
    o->fin[side] |= !!(p->tcp_flags & F);
    o->seen[side] = true;
    o->probed[side] = false;
    o->probed[!side] = is_probe;
}

/* In flight there is never more than the other side's latest window, read from its packet. */
static void check_window(const struct observer *o, const struct session_packet *p, uint8_t syn_scale,
                         bool other_sent_syn)
{
    int side = p->side;
    uint32_t window = (uint32_t)o->window[!side] << (other_sent_syn ? syn_scale : o->scale[!side]);

    if (p->payload_bytes > 0 && o->acknowledged_any[!side])
        assert_false(seq_lt(o->acknowledged[!side] + window, p->sequence + p->payload_bytes));
}

static void test_numbers_of_allowed_packets(void **state)
{
    uint64_t bare_acks = 0, partial_acks = 0, updates = 0;

    (void)state;
    for (uint32_t number = 0; number < NUMBERED_CASES; number++) {
        struct random_stream random = stream_of(number);
        struct session_row row = draw_numbers_row(&random);
        struct stack_profile stack = stack_profile_of(&row);
        bool under_way = row.opening == FLOW_OPENING_NONE;
        struct tcp_machine machine = tcp_machine_begin(under_way);
        struct observer observer = { 0 };
        struct tcp_numbers numbers;
        struct session_packet packet;
        bool syn_last[2] = { false, false };

        for (int side = 0; side < 2; side++)
            observer.scale[side] = under_way ? 7 : stack_profile_window_scale(&stack, (enum flow_side)side);
        tcp_numbers_begin(&numbers, &row, &random);
        for (int i = 0; i < MOST_PACKETS; i++) {
            struct packet_draw draw = draw_allowed(&machine, &numbers, &row, &random);

            tcp_machine_send(&machine, draw.side, draw.tcp_flags, draw.mark);
            tcp_numbers_next(&numbers, &draw, &packet);
            check_window(&observer, &packet, 0, syn_last[!packet.side]);
            observe(&observer, &draw, &packet);
            syn_last[packet.side] = packet.tcp_flags & S;
            if (machine.phase == TCP_PHASE_RESET)
                break;
        }
        assert_int_equal(observer.duplicates, 0);
        bare_acks += observer.bare_acks;
        partial_acks += observer.partial_acks;
        updates += observer.updates;
    }
    assert_true(bare_acks > 50000 && partial_acks > 500 && updates > 5000); /* all of it was tried */
}

/* Nobody asks for room: then the window is too small once, and large enough the next time. */
static void test_window_grows(void **state)
{
    struct session_row row = usual_row;
    struct random_stream random = stream_of(3);
    const struct packet_draw data = { .side = R, .tcp_flags = A, .payload_bytes = 1460 };
    const struct packet_draw ack = { .side = I, .tcp_flags = A, .gap_ns = NS_PER_SECOND };
    struct tcp_numbers numbers;
    struct session_packet packet;

    (void)state;
    row.opening = FLOW_OPENING_NONE;
    row.window[I] = 20; /* times 2^7; the first flight makes it 115 */
    tcp_numbers_begin(&numbers, &row, &random);
    assert_int_equal(tcp_numbers_room(&numbers, R), 115 * 128);
    for (int i = 0; i < 20; i++)
        tcp_numbers_next(&numbers, &data, &packet);
    assert_int_equal(tcp_numbers_room(&numbers, R), 0);
    assert_false(tcp_numbers_is_settled(&numbers, I));
    tcp_numbers_next(&numbers, &ack, &packet);
    assert_true(tcp_numbers_is_settled(&numbers, I));
    assert_true(tcp_numbers_room(&numbers, R) >= 20 * 1460);
}

static void test_numbers_go_on(void **state)
{
    struct session_row row = usual_row;
    struct random_stream random = stream_of(4);
    const struct packet_draw data = { .side = I, .tcp_flags = A | P, .payload_bytes = 100 };
    const struct packet_draw ack = { .side = R, .tcp_flags = A };
    struct session_numbers left;
    struct tcp_numbers numbers;
    struct session_packet before, after;

    (void)state;
    row.opening = FLOW_OPENING_NONE;
    tcp_numbers_begin(&numbers, &row, &random);
    tcp_numbers_next(&numbers, &data, &before);
    left = tcp_numbers_leave(&numbers);
    tcp_numbers_begin(&numbers, &row, &random);
    tcp_numbers_resume(&numbers, &left);
    tcp_numbers_next(&numbers, &ack, &after);
    assert_int_equal(after.sequence, before.acknowledgement);
    assert_int_equal(after.acknowledgement, before.sequence + 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversations),
        cmocka_unit_test(test_numbers_of_allowed_packets),
        cmocka_unit_test(test_window_grows),
        cmocka_unit_test(test_numbers_go_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
