#include "support.h"

#include <stdbool.h>
#include <string.h>

#include "base/random.h"
#include "dayshift/frame.h"
#include "net/decode.h"
#include "net/wire.h"
#include "session/frame_template.h"
#include "session/stack_profile.h"
#include "session/tcp_machine.h"
#include "session/tcp_numbers.h"
#include "session/tcp_options.h"

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

/* ---- frames ---- */

/* Templates of both sides of one flow, and what they render. */
struct wire {
    struct flow_plan plan;
    struct stack_profile stack;
    struct frame_template frames[2];
    struct frame_builder *builder;
    uint8_t bytes[FRAME_MAX_BYTES];
    uint32_t length;
};

static const struct flow_end ends[2] = {
    { UINT32_C(0x0a000001), 40000, { 2, 0, 0, 0, 0, 1 } },
    { UINT32_C(0x0a000002), 53, { 2, 0, 0, 0, 0, 2 } },
};

static struct wire *wire_new(uint8_t protocol, const struct stack_profile *stack)
{
    struct wire *wire = test_calloc(1, sizeof *wire);
    struct error err = { "" };

    wire->plan = (struct flow_plan){ .key = 1, .protocol = protocol, .ends = { ends[0], ends[1] } };
    wire->stack = *stack;
    wire->builder = frame_builder_new(&err);
    assert_non_null(wire->builder);
    for (int side = 0; side < 2; side++)
        assert_int_equal(frame_template_build(wire->builder, &wire->frames[side], &wire->plan, stack,
                                              (enum flow_side)side, &err), 0);
    return wire;
}

static void wire_free(struct wire *wire)
{
    frame_builder_free(wire->builder);
    test_free(wire);
}

/* A word at a time, as RFC 1071 says it: independent of the code under test. */
static uint32_t sum_words(uint32_t sum, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        sum += (uint32_t)bytes[i] << (i % 2 ? 0 : 8);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* Of a whole packet from its IP header on. */
static void check_transport_checksum(const uint8_t *ip, size_t size)
{
    const uint8_t rest[4] = { 0, ip[9], (uint8_t)((size - 20) >> 8), (uint8_t)(size - 20) };
    uint32_t sum = ip[9] == IP_ICMP ? 0 : sum_words(sum_words(0, ip + 12, 8), rest, sizeof rest);

    assert_int_equal(sum_words(sum, ip + 20, size - 20), 0xffff);
}

static struct packet_view wire_render(struct wire *wire, const struct session_packet *packet, int64_t due_ns)
{
    struct packet_view view = { 0 };
    enum decode_result result;

    memset(wire->bytes, 0xee, sizeof wire->bytes);
    wire->length = frame_template_render(wire->frames, &wire->stack, packet, (struct run_time){ due_ns },
                                         payload_for(wire->plan.protocol, 9), wire->bytes);
    assert_in_range(wire->length, 35, 1514);
    assert_int_equal(sum_words(0, wire->bytes + 14, 20), 0xffff);
    result = decode_frame(DECODE_ETHERNET, wire->bytes, wire->length, wire->length, false, &view);
    assert_int_equal(result, packet->piece_offset > 0 ? DECODE_FRAGMENT : DECODE_OK);
    if (packet->piece_bytes == 0)
        check_transport_checksum(wire->bytes + 14, wire->length - 14);
    return view;
}

static struct stack_profile usual_stack(uint8_t options)
{
    return (struct stack_profile){
        .mss = { 1460, 1400 }, .ttl = { 64, 128 }, .tcp_options = { options, options },
        .window_scale = { 7, 8 }, .ip_id = { IP_ID_COUNTER, IP_ID_COUNTER }, .timestamp_hz = { 1000, 1000 },
    };
}

static void test_syn_options(void **state)
{
    enum { MSS = TCP_OPTION_MSS, SACK = TCP_OPTION_SACK, SCALE = TCP_OPTION_WINDOW_SCALE,
           STAMPS = TCP_OPTION_TIMESTAMPS };
    static const struct {
        uint8_t options;
        uint32_t bytes[2];
        uint8_t of_side[2][TCP_OPTIONS_MAX]; /* Linux, Windows; timestamps 01020304 and 05060708 */
    } cases[] = {
        { 0, { 0, 0 }, { { 0 }, { 0 } } },
        { MSS, { 4, 4 }, { { 2, 4, 5, 0xb4 }, { 2, 4, 5, 0x78 } } },
        { MSS | SACK, { 8, 8 }, { { 2, 4, 5, 0xb4, 1, 1, 4, 2 }, { 2, 4, 5, 0x78, 1, 1, 4, 2 } } },
        { MSS | SACK | SCALE, { 12, 12 }, { { 2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7 },
                                            { 2, 4, 5, 0x78, 1, 3, 3, 8, 1, 1, 4, 2 } } },
        { MSS | SCALE, { 8, 8 }, { { 2, 4, 5, 0xb4, 1, 3, 3, 7 }, { 2, 4, 5, 0x78, 1, 3, 3, 8 } } },
        { MSS | SACK | STAMPS | SCALE, { 20, 20 },
          { { 2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7 },
            { 2, 4, 5, 0x78, 1, 3, 3, 8, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8 } } },
        { STAMPS, { 12, 12 }, { { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8 }, { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8 } } },
    };
    const struct tcp_timestamps timestamps = { UINT32_C(0x01020304), UINT32_C(0x05060708) };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stack_profile stack = usual_stack(cases[i].options);

        for (int side = 0; side < 2; side++) {
            uint8_t options[TCP_OPTIONS_MAX];

            assert_int_equal(tcp_options_bytes(&stack, (enum flow_side)side, S), cases[i].bytes[side]);
            assert_int_equal(tcp_options_put(&stack, (enum flow_side)side, S, timestamps, options),
                             cases[i].bytes[side]);
            assert_memory_equal(options, cases[i].of_side[side], cases[i].bytes[side]);
        }
    }
}

/* Of a segment with nothing but timestamps. */
static struct tcp_timestamps read_timestamps(const struct wire *wire)
{
    const uint8_t *options = wire->bytes + 54;

    assert_int_equal(wire->bytes[46] >> 4, 8);
    assert_memory_equal(options, "\1\1\10\12", 4);
    return (struct tcp_timestamps){ wire_get_u32(options + 4), wire_get_u32(options + 8) };
}

static void test_timestamps(void **state)
{
    struct stack_profile stack = usual_stack(15);
    struct session_packet packet = { .tcp_flags = A | P, .payload_bytes = 1448, .window = 1 };
    struct tcp_timestamps first, answer, later;
    struct wire *wire, *second;

    (void)state;
    stack.timestamp_hz[R] = 250;
    wire = wire_new(IP_TCP, &stack);
    packet.place.message_bytes = 1448;
    assert_int_equal(wire_render(wire, &packet, NS_PER_SECOND).payload_bytes, 1448);
    assert_int_equal(wire->length, 1514);
    first = read_timestamps(wire);
    packet.payload_bytes = 0;
    packet.tcp_flags = A;
    packet.side = R;
    wire_render(wire, &packet, 2 * NS_PER_SECOND);
    answer = read_timestamps(wire);
    assert_int_equal(answer.echo, first.value);
    packet.side = I;
    wire_render(wire, &packet, 11 * NS_PER_SECOND + NS_PER_MS);
    later = read_timestamps(wire);
    assert_int_equal(later.value - first.value, 10001);
    assert_int_equal(later.echo, answer.value);
    packet.side = R;
    wire_render(wire, &packet, 12 * NS_PER_SECOND);
    assert_int_equal(read_timestamps(wire).value - answer.value, 2500);
    packet.side = I;
    packet.tcp_flags = RST;
    wire_render(wire, &packet, 12 * NS_PER_SECOND);
    assert_int_equal(wire->length, 54);
    packet.tcp_flags = A;

    second = wire_new(IP_TCP, &stack); /* another session: the same clock */
    wire_render(second, &packet, 11 * NS_PER_SECOND);
    assert_int_equal(read_timestamps(second).value, later.value - 1);
    wire_free(second);
    wire_free(wire);
    stack.tcp_options[R] = 7; /* one side alone offers them */
    wire = wire_new(IP_TCP, &stack);
    wire_render(wire, &packet, 0);
    assert_int_equal(wire->length, 54);
    wire_free(wire);
}

static void test_ip_ids(void **state)
{
    static const enum packet_fate fates[] = { FATE_IN_TURN, FATE_COPY, FATE_AHEAD, FATE_BEHIND, FATE_IN_TURN };
    static const uint16_t counts[] = { 0, 0, 2, 1, 3 };
    enum { N = sizeof counts / sizeof *counts };

    (void)state;
    for (enum ip_id_kind kind = IP_ID_ZERO; kind <= IP_ID_RANDOM; kind++) {
        struct stack_profile stack = usual_stack(7);
        struct wire *wire;
        uint16_t ids[N];

        stack.ip_id[I] = (uint8_t)kind;
        wire = wire_new(IP_TCP, &stack);
        for (size_t i = 0; i < N; i++) {
            struct session_packet packet = { .tcp_flags = A, .fate = fates[i] };

            ids[i] = (uint16_t)wire_render(wire, &packet, 0).ip_id;
            assert_int_equal(wire_get_u16(wire->bytes + 20), 0x4000); /* do not fragment */
        }
        for (size_t i = 0; i < N; i++) {
            if (kind == IP_ID_ZERO)
                assert_int_equal(ids[i], 0);
            else if (kind == IP_ID_COUNTER)
                assert_int_equal((uint16_t)(ids[i] - ids[0]), counts[i]);
        }
        assert_int_equal(ids[0], ids[1]);
        if (kind == IP_ID_RANDOM) /* three that are neighbours by chance: one in 10^9 */
            assert_false((uint16_t)(ids[2] - ids[3]) == 1 && (uint16_t)(ids[3] - ids[0]) == 1);
        wire_free(wire);
    }
}

/* A datagram in pieces is the same datagram. */
static void test_pieces(void **state)
{
    static const struct {
        uint32_t payload_bytes;
        uint16_t piece_bytes;
    } cases[] = { { 100, 56 }, { 1472, 1480 / 2 }, { 4000, 1480 }, { 65507, 1480 }, { 999, 8 } };
    struct stack_profile stack = usual_stack(7);
    uint8_t *whole = test_calloc(1, 20 + 65535);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wire *wire = wire_new(IP_UDP, &stack);
        uint32_t total = 8 + cases[i].payload_bytes;
        struct session_packet packet = { .payload_bytes = cases[i].payload_bytes };
        uint16_t id = 0;

        packet.place = (struct payload_place){ .flow_key = 7, .protocol = IP_UDP,
                                               .message_bytes = cases[i].payload_bytes };
        for (uint32_t at = 0; at < total; at += packet.piece_bytes) {
            struct packet_view view;

            packet.piece_offset = (uint16_t)at;
            packet.has_more_pieces = total - at > cases[i].piece_bytes;
            packet.piece_bytes = packet.has_more_pieces ? cases[i].piece_bytes : (uint16_t)(total - at);
            view = wire_render(wire, &packet, 0);
            assert_true(view.fragment);
            assert_int_equal(view.ip_bytes, 20 + packet.piece_bytes);
            assert_true(at == 0 || view.ip_id == id);
            id = (uint16_t)view.ip_id;
            assert_int_equal(wire_get_u16(wire->bytes + 20),
                             (packet.has_more_pieces ? 0x2000 : 0) | at / 8);
            memcpy(whole + 20 + at, wire->bytes + 34, packet.piece_bytes);
        }
        memcpy(whole, wire->bytes + 14, 20);
        check_transport_checksum(whole, 20 + total);
        if (total <= 1480) { /* small enough for one frame */
            packet.piece_bytes = packet.piece_offset = 0;
            wire_render(wire, &packet, 0);
            assert_memory_equal(whole + 20, wire->bytes + 34, total);
        }
        wire_free(wire);
    }
    test_free(whole);
}

static void test_unreachable(void **state)
{
    static const uint8_t protocols[] = { IP_UDP, IP_TCP, IP_ICMP };
    struct stack_profile stack = usual_stack(7);

    (void)state;
    for (size_t i = 0; i < sizeof protocols; i++) {
        struct wire *wire = wire_new(protocols[i], &stack);
        struct session_packet packet = { .tcp_flags = S, .payload_bytes = protocols[i] == IP_TCP ? 0 : 30,
                                         .place = { .message_bytes = 30 } };
        const struct session_packet error = { .side = R, .is_unreachable = true };
        struct packet_view view, about;
        uint8_t asked[28];

        about = wire_render(wire, &packet, 0);
        memcpy(asked, wire->bytes + 14, sizeof asked);
        view = wire_render(wire, &error, 0);
        assert_true(view.is_unreachable);
        assert_int_equal(view.protocol, protocols[i]);
        assert_int_equal(view.source_port, about.source_port);
        assert_int_equal(wire->length, 14 + 20 + 8 + 28);
        assert_int_equal(wire_get_u32(wire->bytes + 26), ends[R].address);
        assert_int_equal(wire_get_u32(wire->bytes + 30), ends[I].address);
        assert_int_equal(wire->bytes[23], IP_ICMP);
        assert_int_equal(wire->bytes[34], 3);
        assert_int_equal(wire->bytes[35], protocols[i] == IP_ICMP ? 1 : 3);
        assert_memory_equal(wire->bytes + 42, asked, sizeof asked);
        wire_free(wire);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversations),
        cmocka_unit_test(test_numbers_of_allowed_packets),
        cmocka_unit_test(test_window_grows),
        cmocka_unit_test(test_numbers_go_on),
        cmocka_unit_test(test_syn_options),
        cmocka_unit_test(test_timestamps),
        cmocka_unit_test(test_ip_ids),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_unreachable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
