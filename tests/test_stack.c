#include "support.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_grid.h"
#include "base/random.h"
#include "dayshift/frame.h"
#include "dayshift/impairment_rates.h"
#include "flow/flow_tracker.h"
#include "net/decode.h"
#include "net/wire.h"
#include "session/datagram.h"
#include "session/frame_template.h"
#include "session/impairment_counts.h"
#include "session/impairments.h"
#include "session/model_messages.h"
#include "session/stack_profile.h"
#include "session/tcp_machine.h"
#include "session/tcp_numbers.h"
#include "session/tcp_options.h"
#include "internet_sum.h"

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
        const struct packet_draw draw = { .side = (uint8_t)step->side, .mark = (uint8_t)step->mark,
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
    struct session_row shared;
    uint32_t firsts[][2] = { { 1000, 5000 }, { UINT32_MAX - 3, UINT32_MAX }, { 0, UINT32_MAX - 100 } };

    (void)state;
    no_scale.tcp_options[R] = TCP_OPTION_MSS;
    under_way.opening = FLOW_OPENING_NONE;
    under_way.window[I] = 300;
    under_way.window[R] = 500;
    tiny.window[I] = tiny.window[R] = 1024;
    shared = under_way;
    shared.packets[I] = 3;
    shared.packets[R] = shared.data_packets[R] = 6;
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
        { "three ACKs share six segments and the FIN", shared,
          { { R, A, 1000, 0, 0, 0, 500 }, { R, A, 1000, 0, 1000, 0, 500 }, { R, P | A, 900, 0, 2000, 0, 500 },
            { R, A, 1000, 0, 2900, 0, 500 }, { R, P | A, 300, 0, 3900, 0, 500 },
            { R, F | P | A, 5, 0, 4200, 0, 500 }, { I, A, 0, 0, 0, 2000, -1 }, { I, A, 0, 0, 0, 3900, -1 },
            { I, A, 0, 0, 0, 4206, -1 } } },
        { "seven lengths in turn: the oldest is forgotten, and acknowledged with the next", shared,
          { { R, A, 10, 0, 0, 0, 500 }, { R, A, 20, 0, 10, 0, 500 }, { R, A, 30, 0, 30, 0, 500 },
            { R, A, 40, 0, 60, 0, 500 }, { R, A, 50, 0, 100, 0, 500 }, { R, A, 60, 0, 150, 0, 500 },
            { R, A, 70, 0, 210, 0, 500 }, { I, A, 0, 0, 0, 60, -1 }, { I, A, 0, 0, 0, 150, -1 },
            { I, A, 0, 0, 0, 280, -1 } } },
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
        row.packets[side] = random_below(random, MOST_PACKETS);
        row.data_packets[side] = random_below(random, row.packets[side] + 1);
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
        draw = (struct packet_draw){ .side = (uint8_t)random_below(random, 2) };
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
    bool seen[2], probed[2], acknowledged_any[2], closed[2];
    uint32_t next[2], acknowledged[2];
    uint32_t edge[2]; /* the side takes nothing from here on, as it said last */
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
    o->bare_acks += is_bare;
    o->partial_acks += is_bare && o->seen[!side] && p->acknowledgement != o->next[!side];
    if (is_bare && !is_new && draw->mark == PACKET_PLAIN && !o->probed[side]) {
        o->updates++;
        o->duplicates += p->window == o->window[side]; /* as Wireshark and every stack see it */
    }
    if (is_new && o->acknowledged_any[side] && o->window[side] > 0 && p->window > 0) /* RFC 9293, section 3.8.6 */
        assert_false(seq_lt(p->acknowledgement + ((uint32_t)p->window << o->scale[side]), o->edge[side]));
    o->edge[side] = p->acknowledgement + (p->tcp_flags & S ? 0 : (uint32_t)p->window << o->scale[side]);
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
    { IPV4_END(UINT32_C(0x0a000001)), .port = 40000, .mac = { 2, 0, 0, 0, 0, 1 } },
    { IPV4_END(UINT32_C(0x0a000002)), .port = 53, .mac = { 2, 0, 0, 0, 0, 2 } },
};

static struct wire *wire_new_at(uint8_t protocol, const struct stack_profile *stack, uint16_t port)
{
    struct wire *wire = test_calloc(1, sizeof *wire);
    struct error err = { "" };

    wire->plan = (struct flow_plan){ .key = 1, .protocol = protocol, .ends = { ends[0], ends[1] } };
    wire->plan.ends[I].port = port;
    wire->stack = *stack;
    wire->builder = frame_builder_new(&err);
    assert_non_null(wire->builder);
    for (int side = 0; side < 2; side++)
        frame_template_build(wire->builder, &wire->frames[side], &wire->plan, stack, (enum flow_side)side);
    return wire;
}

static struct wire *wire_new(uint8_t protocol, const struct stack_profile *stack)
{
    return wire_new_at(protocol, stack, 40000);
}

static void wire_free(struct wire *wire)
{
    frame_builder_free(wire->builder);
    test_free(wire);
}

/* Of a whole packet from its IP header on. */
static void check_transport_checksum(const uint8_t *ip, size_t size)
{
    const uint8_t rest[4] = { 0, ip[9], (uint8_t)((size - 20) >> 8), (uint8_t)(size - 20) };
    uint32_t sum = ip[9] == IP_ICMP ? 0 : internet_sum(internet_sum(0, ip + 12, 8), rest, sizeof rest);

    assert_int_equal(internet_sum(sum, ip + 20, size - 20), 0xffff);
}

static struct packet_view wire_render(struct wire *wire, const struct session_packet *packet, int64_t due_ns)
{
    struct packet_view view = { 0 };
    enum decode_result result;

    memset(wire->bytes, 0xee, sizeof wire->bytes);
    wire->length = frame_template_render(wire->frames, &wire->stack, packet, (struct run_time){ due_ns },
                                         payload_for(wire->plan.protocol, 9), wire->bytes);
    assert_in_range(wire->length, 35, 1514);
    assert_int_equal(internet_sum(0, wire->bytes + 14, 20), 0xffff);
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
    const struct sack_block none = { 0, 0 };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stack_profile stack = usual_stack(cases[i].options);

        for (int side = 0; side < 2; side++) {
            uint8_t options[TCP_OPTIONS_MAX];

            assert_int_equal(tcp_options_bytes(&stack, (enum flow_side)side, S), cases[i].bytes[side]);
            assert_int_equal(tcp_options_put(&stack, (enum flow_side)side, S, timestamps, none, options),
                             cases[i].bytes[side]);
            assert_memory_equal(options, cases[i].of_side[side], cases[i].bytes[side]);
        }
    }
}

/* A duplicate ACK names what came behind the hole, if both sides offered that. */
static void test_sack_option(void **state)
{
    static const uint8_t with_stamps[] = { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8,
                                           1, 1, 5, 10, 0xff, 0xff, 0xff, 0xf0, 0, 0, 1, 0 };
    const struct tcp_timestamps timestamps = { UINT32_C(0x01020304), UINT32_C(0x05060708) };
    const struct sack_block block = { UINT32_C(0xfffffff0), UINT32_C(0x100) };
    struct stack_profile stack = usual_stack(TCP_OPTION_SACK | TCP_OPTION_TIMESTAMPS);
    uint8_t options[TCP_OPTIONS_MAX];

    (void)state;
    assert_int_equal(tcp_options_put(&stack, R, A, timestamps, block, options), sizeof with_stamps);
    assert_memory_equal(options, with_stamps, sizeof with_stamps);
    stack = usual_stack(TCP_OPTION_SACK);
    assert_int_equal(tcp_options_put(&stack, R, A, timestamps, block, options), 12);
    assert_memory_equal(options, with_stamps + 12, 12);
    stack.tcp_options[I] = 0;
    assert_int_equal(tcp_options_put(&stack, R, A, timestamps, block, options), 0);
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
        assert_int_equal(wire_get_u32(wire->bytes + 26), ends[R].name);
        assert_int_equal(wire_get_u32(wire->bytes + 30), ends[I].name);
        assert_int_equal(wire->bytes[23], IP_ICMP);
        assert_int_equal(wire->bytes[34], 3);
        assert_int_equal(wire->bytes[35], protocols[i] == IP_ICMP ? 1 : 3);
        assert_memory_equal(wire->bytes + 42, asked, sizeof asked);
        wire_free(wire);
    }
}

/* ---- impairments ---- */

enum { MOST_PASSING = 4000, TCP_EXCHANGES = 25 };

/* A conversation as a session would tell it: bursts one way, then the other, with ACKs. */
struct talk {
    uint8_t protocol;
    struct tcp_numbers numbers;
    struct packet_draw draws[MOST_PASSING];
    uint32_t count, next;
    uint64_t position[2]; /* in the stream of a side */
    struct packet_budget total;
};

#define TALK_RTT_NS (20 * NS_PER_MS)

static void talk_add(struct talk *talk, enum flow_side side, uint8_t flags, uint32_t bytes, int64_t gap_ns)
{
    assert_true(talk->count < MOST_PASSING);
    talk->draws[talk->count++] = (struct packet_draw){ .side = (uint8_t)side, .tcp_flags = flags,
                                                       .payload_bytes = bytes, .gap_ns = gap_ns };
    talk->total.packets[side] += datagram_pieces(talk->protocol, bytes);
    talk->total.data_packets[side] += bytes > 0 ? datagram_pieces(talk->protocol, bytes) : 0;
}

/* Another datagram in that place. */
static void talk_resize(struct talk *talk, uint32_t at, uint32_t bytes)
{
    struct packet_draw *draw = &talk->draws[at];
    uint64_t more = datagram_pieces(talk->protocol, bytes) - datagram_pieces(talk->protocol, draw->payload_bytes);

    talk->total.packets[draw->side] += more;
    talk->total.data_packets[draw->side] += more;
    draw->payload_bytes = bytes;
}

static void talk_bursts(struct talk *talk, struct random_stream *random)
{
    enum flow_side side = I;

    for (int i = 0; i < TCP_EXCHANGES; i++, side = side == I ? R : I) {
        uint64_t segments = between(random, 1, 12);

        for (uint64_t k = 0; k < segments; k++)
            talk_add(talk, side, A | (k + 1 == segments ? P : 0), (uint32_t)between(random, 600, 1400),
                     k == 0 ? TALK_RTT_NS : 50 * NS_PER_US);
        if (one_in(random, 2))
            talk_add(talk, side == I ? R : I, A, 0, 200 * NS_PER_US);
    }
}

static void talk_begin_as(struct talk *talk, uint8_t protocol, const struct session_row *row,
                          struct random_stream *random)
{
    *talk = (struct talk){ .protocol = protocol };
    if (protocol == IP_TCP) {
        tcp_numbers_begin(&talk->numbers, row, random);
        talk_add(talk, I, S, 0, 0);
        talk_add(talk, R, S | A, 0, TALK_RTT_NS / 2);
        talk_add(talk, I, A, 0, TALK_RTT_NS / 2);
        talk_bursts(talk, random);
        talk_add(talk, I, F | A, 0, TALK_RTT_NS);
        talk_add(talk, R, F | A, 0, TALK_RTT_NS);
        talk_add(talk, I, A, 0, NS_PER_MS);
    } else {
        for (int i = 0; i < 200; i++)
            talk_add(talk, i % 2 ? R : I, 0, (uint32_t)between(random, 30, 1472), 5 * NS_PER_MS);
    }
}

static void talk_begin(struct talk *talk, uint8_t protocol, struct random_stream *random)
{
    talk_begin_as(talk, protocol, &usual_row, random);
}

static bool talk_next(void *self, struct session_packet *packet)
{
    struct talk *talk = self;
    const struct packet_draw *draw = &talk->draws[talk->next];

    if (talk->next == talk->count)
        return false;
    talk->next++;
    if (talk->protocol == IP_TCP)
        tcp_numbers_next(&talk->numbers, draw, packet);
    else
        *packet = (struct session_packet){ .side = draw->side, .payload_bytes = draw->payload_bytes,
                                           .gap_ns = draw->gap_ns };
    if (datagram_pieces(talk->protocol, draw->payload_bytes) > 1)
        datagram_cut(packet, DATAGRAM_PIECE_BYTES);
    packet->place = (struct payload_place){
        .flow_key = 5, .protocol = talk->protocol, .side = draw->side, .message_bytes = UINT64_C(1) << 40,
        .offset = talk->position[draw->side],
    };
    talk->position[draw->side] += draw->payload_bytes;
    return true;
}

/* What passed, and what a meter made of it. */
struct passage {
    struct session_packet packets[MOST_PASSING];
    int64_t times[MOST_PASSING];
    uint32_t count;
    struct flow_record record;
    uint32_t unreachable;
};

static void measure(struct passage *passage, struct wire *wire)
{
    struct flow_tracker tracker;
    bool begun = false;

    memset(&tracker, 0, sizeof tracker);
    for (uint32_t i = 0; i < passage->count; i++) {
        const struct session_packet *p = &passage->packets[i];
        struct packet_view view = wire_render(wire, p, passage->times[i]);

        if (view.is_unreachable) {
            passage->unreachable++;
            continue;
        }
        view.time.ns = passage->times[i];
        if (!begun)
            flow_tracker_begin(&tracker, &view);
        begun = true;
        flow_tracker_add(&tracker, p->side, &view);
    }
    passage->record = tracker.record;
}

static void pass(struct talk *talk, const struct impairment_counts *counts, struct random_stream *random,
                 struct passage *passage)
{
    const struct session_packet_source source = { talk_next, talk };
    struct stack_profile stack = usual_stack(7);
    struct wire *wire = wire_new(talk->protocol, &stack);
    struct impairments impairments;
    int64_t now_ns = 0;

    memset(passage, 0, sizeof *passage);
    impairments_begin(&impairments, counts, talk->protocol, talk->protocol == IP_TCP, &talk->total, TALK_RTT_NS,
                      talk->numbers.window_scale);
    while (impairments_next(&impairments, &source, random, &passage->packets[passage->count])) {
        struct session_packet packet = passage->packets[passage->count];

        do {
            assert_true(packet.gap_ns >= 0);
            now_ns += packet.gap_ns;
            passage->times[passage->count] = now_ns;
            passage->packets[passage->count++] = packet;
            assert_true(passage->count < MOST_PASSING);
        } while (datagram_next_piece(&packet));
    }
    assert_false(impairments_next(&impairments, &source, random, &passage->packets[passage->count]));
    measure(passage, wire);
    wire_free(wire);
}

static bool occupies(const struct session_packet *p)
{
    return p->payload_bytes > 0 || p->tcp_flags & (S | F);
}

/* Nobody who passed between the two knew of the first, which came again as the second. */
static void check_unacknowledged(const struct passage *passage, uint32_t first, uint32_t second)
{
    const struct session_packet *lost = &passage->packets[second];

    for (uint32_t k = first + 1; k < second; k++) {
        const struct session_packet *p = &passage->packets[k];

        assert_false(p->side != lost->side && seq_lt(lost->sequence, p->acknowledgement));
    }
}

/* They are for segments that followed the lost one, one each, and leave the window as it was; how many there were. */
static uint32_t check_duplicate_acks(const struct passage *passage, uint32_t first, uint32_t second)
{
    const struct session_packet *lost = &passage->packets[second];
    uint32_t followers = 0, duplicates = 0;
    uint32_t until = lost->sequence + lost->payload_bytes;

    for (uint32_t k = first + 1; k < second; k++) {
        const struct session_packet *p = &passage->packets[k];

        if (p->side == lost->side && p->payload_bytes > 0) {
            followers++;
            until = seq_lt(until, p->sequence + p->payload_bytes) ? p->sequence + p->payload_bytes : until;
        } else if (p->side != lost->side && p->fate != FATE_COPY && p->sack.left != p->sack.right) {
            assert_int_equal(p->acknowledgement, lost->sequence);
            assert_int_equal(p->tcp_flags, A);
            assert_int_equal(p->sack.left, lost->sequence + lost->payload_bytes);
            assert_int_equal(p->sack.right, until);
            assert_true(++duplicates <= followers);
        }
    }
    return duplicates;
}

/* Whoever comes again is the same, late enough, and nobody acknowledged it in the meantime. */
static uint32_t check_losses(const struct passage *passage)
{
    uint32_t duplicate_acks = 0;

    for (uint32_t i = 0; i < passage->count; i++) {
        const struct session_packet *again = &passage->packets[i];
        uint32_t followers = 0;
        uint32_t first = i;

        if (!occupies(again) || again->fate != FATE_IN_TURN)
            continue;
        while (first-- > 0) {
            const struct session_packet *p = &passage->packets[first];

            if (p->side == again->side && p->sequence == again->sequence && occupies(p) && p->fate != FATE_COPY)
                break;
            followers += p->side == again->side && p->payload_bytes > 0;
        }
        if (first == UINT32_MAX)
            continue;
        assert_int_equal(passage->packets[first].payload_bytes, again->payload_bytes);
        assert_int_equal(passage->packets[first].tcp_flags, again->tcp_flags);
        assert_true(passage->packets[first].place.offset == again->place.offset);
        assert_true(passage->times[i] - passage->times[first] >=
                    (again->tcp_flags & S ? NS_PER_SECOND : followers >= 3 ? TALK_RTT_NS : 200 * NS_PER_MS));
        check_unacknowledged(passage, first, i);
        duplicate_acks += check_duplicate_acks(passage, first, i);
    }
    return duplicate_acks;
}

/* ACKs that the session did not plan: of a hole that was filled. */
static uint32_t unplanned_acks(const struct passage *passage, const struct talk *talk, enum flow_side side)
{
    uint32_t planned = 0, passed = 0;

    for (uint32_t i = 0; i < talk->count; i++)
        planned += talk->draws[i].side == side && talk->draws[i].tcp_flags == A && talk->draws[i].payload_bytes == 0;
    for (uint32_t i = 0; i < passage->count; i++) {
        const struct session_packet *p = &passage->packets[i];

        passed += p->side == side && p->tcp_flags == A && p->payload_bytes == 0 && p->fate != FATE_COPY;
    }
    assert_true(passed >= planned);
    return passed - planned;
}

static uint32_t overtaken(const struct passage *passage, int side)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < passage->count; i++)
        count += (int)passage->packets[i].side == side && passage->packets[i].fate == FATE_BEHIND;
    return count;
}

/*
 * The meter that learns finds exactly what was injected. Only what would be overtaken near the end may find no
 * follower any more.
 */
static void test_impairments_are_measured(void **state)
{
    struct talk *talk = test_calloc(1, sizeof *talk);
    struct passage *passage = test_calloc(1, sizeof *passage);
    uint32_t wanted = 0, reordered = 0, duplicate_acks = 0, filled = 0, unplanned;

    (void)state;
    for (uint32_t number = 0; number < 300; number++) {
        struct random_stream random = stream_of(number);
        uint8_t protocol = number % 3 ? IP_TCP : IP_UDP;
        bool is_tcp = protocol == IP_TCP;
        struct impairment_counts counts = { 0 };

        for (int side = 0; side < 2; side++) {
            counts.retransmitted[side] = is_tcp && one_in(&random, 2) ? (uint32_t)between(&random, 0, 20) : 0;
            counts.reordered[side] = is_tcp && one_in(&random, 2) ? (uint32_t)between(&random, 0, 6) : 0;
            counts.duplicated[side] = one_in(&random, 2) ? (uint32_t)between(&random, 0, 10) : 0;
            counts.fragmented[side] = !is_tcp && one_in(&random, 2) ? (uint32_t)between(&random, 0, 10) : 0;
        }
        counts.unreachable = is_tcp ? 0 : (uint32_t)between(&random, 0, 10);
        talk_begin(talk, protocol, &random);
        pass(talk, &counts, &random, passage);
        for (int side = 0; side < 2; side++) {
            const struct flow_record *r = &passage->record;

            assert_int_equal(r->retransmitted[side], counts.retransmitted[side]);
            assert_int_equal(r->reordered[side], overtaken(passage, side));
            assert_true(r->reordered[side] <= counts.reordered[side]);
            wanted += counts.reordered[side];
            reordered += r->reordered[side];
            assert_int_equal(r->duplicated[side], counts.duplicated[side]);
            assert_int_equal(r->fragments[side], 2 * counts.fragmented[side]);
            unplanned = is_tcp ? unplanned_acks(passage, talk, (enum flow_side)side) : 0;
            assert_true(unplanned <= counts.retransmitted[!side]);
            filled += unplanned;
            assert_int_equal(r->packets[side], talk->total.packets[side] + counts.retransmitted[side] + unplanned +
                                                   counts.duplicated[side] + counts.fragmented[side]);
        }
        assert_int_equal(passage->record.findings, 0);
        assert_int_equal(passage->unreachable, counts.unreachable);
        if (is_tcp)
            duplicate_acks += check_losses(passage);
    }
    assert_true(wanted > 300 && reordered > wanted * 9 / 10);
    assert_true(filled > 100 && filled <= duplicate_acks);
    test_free(passage);
    test_free(talk);
}

/* Nothing to do: what comes in goes out. */
static void test_no_impairments(void **state)
{
    const struct impairment_counts none = { 0 };
    struct talk *talk = test_calloc(1, sizeof *talk);
    struct passage *passage = test_calloc(1, sizeof *passage);
    struct random_stream random = stream_of(1);
    struct session_packet packet;

    (void)state;
    talk_begin(talk, IP_TCP, &random);
    pass(talk, &none, &random, passage);
    assert_int_equal(passage->count, talk->count);
    random = stream_of(1);
    talk_begin(talk, IP_TCP, &random);
    for (uint32_t i = 0; talk_next(talk, &packet); i++) {
        assert_memory_equal(&packet, &passage->packets[i], offsetof(struct session_packet, place));
        if (packet.payload_bytes > 0)
            assert_memory_equal(&packet.place, &passage->packets[i].place, sizeof packet.place);
    }
    test_free(passage);
    test_free(talk);
}

/* Where losses fall, in tenths of the data segments: each as often, within 5 sigma. */
static void test_losses_are_uniform(void **state)
{
    enum { RUNS = 2000, LOST = 3, TENTHS = 10 };
    struct talk *talk = test_calloc(1, sizeof *talk);
    const struct session_packet_source source = { talk_next, talk };
    uint32_t lost[TENTHS] = { 0 };

    (void)state;
    for (uint32_t number = 0; number < RUNS; number++) {
        const struct impairment_counts counts = { .retransmitted = { LOST, 0 } };
        struct random_stream random = stream_of(number);
        struct impairments impairments;
        struct session_packet packet;
        uint64_t sent = 0;
        uint32_t highest = 0;

        talk_begin(talk, IP_TCP, &random);
        impairments_begin(&impairments, &counts, IP_TCP, true, &talk->total, TALK_RTT_NS,
                          talk->numbers.window_scale);
        while (impairments_next(&impairments, &source, &random, &packet)) {
            uint64_t total = talk->total.data_packets[I] + 1;

            if (packet.side != I || !(packet.payload_bytes > 0 || packet.tcp_flags == S))
                continue;
            if (sent > 0 && !seq_lt(highest, packet.sequence)) { /* find out which: by its place in the stream */
                uint64_t at = 0, upto = packet.tcp_flags == S ? 0 : 1, position = 0;

                for (uint32_t i = 0; i < talk->count && position < packet.place.offset; i++) {
                    if (talk->draws[i].side == I && talk->draws[i].payload_bytes > 0) {
                        position += talk->draws[i].payload_bytes;
                        upto++;
                    }
                }
                at = upto * TENTHS / total;
                lost[at < TENTHS ? at : TENTHS - 1]++;
            } else {
                highest = packet.sequence;
            }
            sent++;
        }
    }
    for (int i = 0; i < TENTHS; i++)
        assert_in_range(lost[i], RUNS * LOST / TENTHS - 140, RUNS * LOST / TENTHS + 140);
    test_free(talk);
}

/* A FIN comes again as late as was learned, then twice as late; nobody acknowledges the last one before it passed. */
static void test_repeated_fins(void **state)
{
    static const struct impairment_counts cases[] = {
        { .repeated_fins = { 2, 0 }, .repeat_ns = { 700 * NS_PER_MS, 0 } },
        { .repeated_fins = { 0, 3 }, .repeat_ns = { 0, 90 * NS_PER_MS } },
        { .repeated_fins = { 1, 1 }, .repeat_ns = { 40 * NS_PER_SECOND, 0 } },
        { .repeated_fins = { 4, 2 }, .repeat_ns = { 30 * NS_PER_SECOND, NS_PER_SECOND }, .duplicated = { 9, 9 } },
    };
    const int64_t own_timeout_ns = TALK_RTT_NS + 200 * NS_PER_MS;
    struct talk *talk = test_calloc(1, sizeof *talk);
    struct passage *passage = test_calloc(1, sizeof *passage);

    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct random_stream random = stream_of((uint32_t)c);
        uint32_t fins[2] = { 0, 0 };
        uint32_t latest[2] = { 0, 0 };

        talk_begin(talk, IP_TCP, &random);
        pass(talk, &cases[c], &random, passage);
        for (uint32_t i = 0; i < passage->count; i++) {
            const struct session_packet *p = &passage->packets[i];
            int64_t first_ns = cases[c].repeat_ns[p->side] > 0 ? cases[c].repeat_ns[p->side] : own_timeout_ns;
            int64_t late_ns = fins[p->side] > 0 ? first_ns << (fins[p->side] - 1) : 0;

            if (!(p->tcp_flags & F) || p->fate == FATE_COPY)
                continue;
            if (fins[p->side] > 0) {
                assert_int_equal(passage->times[i] - passage->times[latest[p->side]],
                                 late_ns < SESSION_LONGEST_WAIT_NS ? late_ns : SESSION_LONGEST_WAIT_NS);
                check_unacknowledged(passage, latest[p->side], i);
            }
            latest[p->side] = i;
            fins[p->side]++;
        }
        for (int side = 0; side < 2; side++) {
            assert_int_equal(fins[side], 1 + cases[c].repeated_fins[side]);
            assert_int_equal(passage->record.retransmitted[side], cases[c].repeated_fins[side]);
        }
    }
    test_free(passage);
    test_free(talk);
}

/* Nor does anybody acknowledge a SYN-ACK before its last one passed. */
static void test_repeated_syn_acks(void **state)
{
    static const struct impairment_counts cases[] = {
        { .repeated_syn_acks = 1 },
        { .repeated_syn_acks = 3, .repeat_ns = { 0, 90 * NS_PER_MS } },
        { .repeated_syn_acks = 2, .retransmitted = { 4, 4 }, .duplicated = { 5, 5 } },
    };
    struct talk *talk = test_calloc(1, sizeof *talk);
    struct passage *passage = test_calloc(1, sizeof *passage);

    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        int64_t first_ns = cases[c].repeat_ns[R] > 0 ? cases[c].repeat_ns[R] : NS_PER_SECOND;
        struct random_stream random = stream_of((uint32_t)c);
        uint32_t latest = 0, count = 0;

        talk_begin(talk, IP_TCP, &random);
        pass(talk, &cases[c], &random, passage);
        for (uint32_t i = 0; i < passage->count; i++) {
            if (passage->packets[i].tcp_flags != (S | A))
                continue;
            if (count > 0) {
                assert_int_equal(passage->times[i] - passage->times[latest], first_ns << (count - 1));
                check_unacknowledged(passage, latest, i);
            }
            latest = i;
            count++;
        }
        assert_int_equal(count, 1 + cases[c].repeated_syn_acks);
        assert_int_equal(passage->record.retransmitted[R], cases[c].repeated_syn_acks + cases[c].retransmitted[R]);
        assert_int_equal(passage->record.findings, FLOW_DUPLICATE_HANDSHAKE);
    }
    test_free(passage);
    test_free(talk);
}

/* A copy, or something that passed already. */
static bool is_again(const struct session_packet *packets, uint32_t at)
{
    const struct session_packet *p = &packets[at];
    bool is_known = p->fate == FATE_COPY;

    for (uint32_t i = 0; i < at && occupies(p); i++)
        is_known = is_known || (packets[i].side == p->side && occupies(&packets[i]) &&
                                packets[i].sequence == p->sequence);
    return is_known;
}

/* Wherever it stops: every packet that is still to come passes once, and none waits for what was to happen. */
static void test_impairments_stop(void **state)
{
    const struct impairment_counts counts = { .retransmitted = { 30, 30 }, .repeated_fins = { 3, 3 },
                                              .repeat_ns = { 9 * NS_PER_SECOND, 9 * NS_PER_SECOND },
                                              .reordered = { 9, 9 }, .duplicated = { 200, 200 } };
    struct talk *talk = test_calloc(1, sizeof *talk);
    struct passage *passage = test_calloc(1, sizeof *passage);
    const struct session_packet_source source = { talk_next, talk };
    uint32_t again = 0;

    (void)state;
    for (uint32_t number = 0; number < 400; number++) {
        struct random_stream random = stream_of(number);
        struct impairments impairments;
        uint32_t passed = 0, before, different = 0;

        talk_begin(talk, IP_TCP, &random);
        for (uint32_t i = 1; i < talk->count; i += 7)
            talk->draws[i].gap_ns = 20 * NS_PER_SECOND;
        before = (uint32_t)between(&random, 1, talk->count + 300);
        impairments_begin(&impairments, &counts, IP_TCP, true, &talk->total, TALK_RTT_NS,
                          talk->numbers.window_scale);
        while (passed < before && impairments_next(&impairments, &source, &random, &passage->packets[passed])) {
            different += !is_again(passage->packets, passed);
            passed++;
        }
        again += passed - different;
        impairments_stop(&impairments);
        for (;;) {
            uint32_t pulled = talk->next;

            if (!impairments_next(&impairments, &source, &random, &passage->packets[passed]))
                break;
            assert_false(is_again(passage->packets, passed));
            assert_true(talk->next > pulled || passage->packets[passed].gap_ns <= NS_PER_MS);
            different++;
            passed++;
        }
        passage->count = passed;
        assert_int_equal(different, talk->count + unplanned_acks(passage, talk, I) + unplanned_acks(passage, talk, R));
    }
    assert_true(again > 400);
    test_free(passage);
    test_free(talk);
}

static void test_large_datagrams_come_in_pieces(void **state)
{
    const struct impairment_counts none = { 0 };
    struct talk *talk = test_calloc(1, sizeof *talk);
    struct passage *passage = test_calloc(1, sizeof *passage);
    struct random_stream random = stream_of(2);

    (void)state;
    *talk = (struct talk){ .protocol = IP_UDP };
    talk_add(talk, I, 0, 40, 0);
    talk_add(talk, R, 0, 4000, TALK_RTT_NS);
    talk_add(talk, R, 0, 1473, NS_PER_MS);
    pass(talk, &none, &random, passage);
    assert_int_equal(passage->count, 1 + 3 + 2);
    assert_int_equal(passage->record.fragments[R], 5);
    assert_int_equal(passage->record.payload_bytes[R], 5473);
    test_free(passage);
    test_free(talk);
}

/* The sums of many draws are near rate times chances; what is learned is taken as it is. */
static void test_counts(void **state)
{
    const struct impairment_rates rates = { .retransmission = 0.02, .reordering = 0.5, .duplication = 0.001,
                                            .fragmentation = 1 };
    struct flow_packet sequence[] = { { .payload_bytes = 4000 }, { .side_and_flags = PACKET_IMPAIRED << 5 },
                                      { .side_and_flags = PACKET_IMPAIRED << 5 } };
    struct session_row row = usual_row;
    struct impairment_counts sum = { 0 }, counts;
    struct random_stream random = stream_of(9);
    enum { DRAWS = 4000 };

    (void)state;
    row.packets[I] = 300;
    row.data_packets[I] = 200;
    for (int i = 0; i < DRAWS; i++) {
        counts = impairment_counts_draw(&rates, &row, NULL, IP_TCP, &random);
        sum.retransmitted[I] += counts.retransmitted[I];
        sum.reordered[I] += counts.reordered[I];
        sum.duplicated[I] += counts.duplicated[I];
        assert_int_equal(counts.retransmitted[R] + counts.duplicated[R] + counts.fragmented[I], 0);
    }
    /* 5 sigma of a Poisson sum */
    assert_in_range(sum.retransmitted[I], DRAWS * 4 - 633, DRAWS * 4 + 633);
    assert_in_range(sum.reordered[I], DRAWS * 100 - 3163, DRAWS * 100 + 3163);
    assert_in_range(sum.duplicated[I], (uint32_t)(DRAWS * 0.3 - 174), (uint32_t)(DRAWS * 0.3 + 174));

    row.retransmitted[I] = 7;
    row.duplicated[R] = 2;
    row.fragments[I] = 4;
    counts = impairment_counts_draw(&IMPAIRMENTS_LEARNED, &row, NULL, IP_TCP, &random);
    assert_int_equal(counts.retransmitted[I], 7);
    assert_int_equal(counts.duplicated[R], 2);
    assert_int_equal(counts.fragmented[I], 0);
    counts = impairment_counts_draw(&IMPAIRMENTS_LEARNED, &row, NULL, IP_UDP, &random);
    assert_int_equal(counts.retransmitted[I], 0);
    assert_int_equal(counts.fragmented[I], 2);
    /* pieces that are a matter of size come by themselves */
    row.sequence = sequence;
    row.sequence_length = 3;
    row.fragments[I] = 30;
    assert_int_equal(impairment_counts_draw(&IMPAIRMENTS_LEARNED, &row, NULL, IP_UDP, &random).fragmented[I], 0);
    sequence[0].payload_bytes = 1472;
    assert_int_equal(impairment_counts_draw(&IMPAIRMENTS_LEARNED, &row, NULL, IP_UDP, &random).fragmented[I], 15);
    sequence[0].payload_bytes = 2000; /* of two later pieces one is not of this datagram */
    assert_int_equal(impairment_counts_draw(&IMPAIRMENTS_LEARNED, &row, NULL, IP_UDP, &random).fragmented[I], 7);
    row.sequence_length = 0;
    row.opening = FLOW_OPENING_ATTEMPT;
    assert_int_equal(impairment_counts_draw(&IMPAIRMENTS_LEARNED, &row, NULL, IP_TCP, &random).retransmitted[I], 0);
    counts = impairment_counts_draw(&(struct impairment_rates){ 0 }, &row, NULL, IP_UDP, &random);
    assert_memory_equal(&counts, &(struct impairment_counts){ 0 }, sizeof counts);
}

/* What was sent again with a FIN is a FIN sent again, as late as the first of them came. */
static void test_repeats_are_learned(void **state)
{
    static const struct {
        struct flow_packet sequence[3];
        uint32_t retransmitted, fins;
        bool has_data;
        double first_bin; /* 0: none */
    } cases[] = {
        { { { .side_and_flags = A } }, 3, 0, false, 0 },
        { { { A | PACKET_IMPAIRED << 5, .gap_bin = 100, .payload_bytes = 9 } }, 3, 0, false, 100 },
        { { { F | A | PACKET_IMPAIRED << 5, .gap_bin = 120 } }, 2, 1, false, 120 },
        { { { A | PACKET_IMPAIRED << 5, .gap_bin = 110 }, { F | P | A | PACKET_IMPAIRED << 5, .gap_bin = 125, .payload_bytes = 7 } },
          2, 1, true, 110 },
        { { { F | A | PACKET_IMPAIRED << 5, .gap_bin = 80 }, { F | A | PACKET_IMPAIRED << 5, .gap_bin = 90 },
            { F | A | 1 << 7 | PACKET_IMPAIRED << 5, .gap_bin = 70 } }, 1, 2, false, 80 }, /* of R none is known to be */
        { { { A | PACKET_IMPAIRED << 5, .gap_bin = 250 } }, 3, 0, false, 250 },
    };
    struct random_stream random = stream_of(12);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct session_row row = usual_row;
        struct flow_packet sequence[3];
        struct impairment_counts counts;
        double first_ns = cases[i].first_bin > 0 ? log_grid_value(cases[i].first_bin, GAP_GRID_PER_OCTAVE) : 0;

        memcpy(sequence, cases[i].sequence, sizeof sequence);
        row.sequence = sequence;
        row.sequence_length = 3;
        row.retransmitted[I] = 3;
        counts = impairment_counts_draw(&IMPAIRMENTS_LEARNED, &row, NULL, IP_TCP, &random);
        assert_int_equal(counts.retransmitted[I], cases[i].retransmitted);
        assert_int_equal(counts.repeated_fins[I], cases[i].fins);
        assert_int_equal(counts.fin_has_data[I], cases[i].has_data);
        assert_true(fabs((double)counts.repeat_ns[I] - fmin(first_ns, (double)SESSION_LONGEST_WAIT_NS)) < 1);
        assert_int_equal(counts.retransmitted[R] + counts.repeated_fins[R] + counts.repeated_syn_acks, 0);
        assert_true(impairment_counts_any(&counts));
    }
}

/* A SYN-ACK that was sent again is no lost data segment; of an attempt nothing is sent again. */
static void test_repeated_syn_acks_are_learned(void **state)
{
    struct flow_packet sequence[] = { { S | A | 1 << 7 | PACKET_IMPAIRED << 5, .gap_bin = 100 },
                                      { A | 1 << 7 | PACKET_IMPAIRED << 5, .gap_bin = 90, .payload_bytes = 9 } };
    struct session_row row = usual_row;
    struct random_stream random = stream_of(13);
    struct impairment_counts counts;
    uint64_t packets;

    (void)state;
    row.sequence = sequence;
    row.sequence_length = 2;
    row.retransmitted[R] = 2;
    counts = impairment_counts_draw(&IMPAIRMENTS_LEARNED, &row, NULL, IP_TCP, &random);
    assert_int_equal(counts.repeated_syn_acks, 1);
    assert_int_equal(counts.retransmitted[R], 1);
    row.packets[R] = packets = 20;
    row.data_packets[R] = row.payload_bytes[R] = 10;
    impairment_counts_take(&counts, &row);
    assert_int_equal(row.packets[R], packets - 2);
    row.opening = FLOW_OPENING_ATTEMPT;
    assert_int_equal(impairment_counts_draw(&IMPAIRMENTS_LEARNED, &row, NULL, IP_TCP, &random).repeated_syn_acks, 0);
}

/* Half of the datagrams that nobody answers get an ICMP error. */
static void test_unreachable_share(void **state)
{
    struct session_row rows[] = { { .packets = { 2, 0 } }, { .packets = { 1, 1 } } };
    const struct service_model service = { .rows = rows, .row_count = 2, .flows = 1000,
                                           .conditions = { .unreachable = 500 } };
    struct random_stream random = stream_of(10);
    uint32_t unreachable = 0;

    (void)state;
    for (int i = 0; i < 4000; i++) {
        unreachable += impairment_counts_draw(&IMPAIRMENTS_LEARNED, &rows[0], &service, IP_UDP, &random).unreachable;
        assert_int_equal(impairment_counts_draw(&IMPAIRMENTS_LEARNED, &rows[1], &service, IP_UDP, &random).unreachable, 0);
    }
    assert_in_range(unreachable, 4000 - 317, 4000 + 317);
}

static void test_counts_taken_from_row(void **state)
{
    static const struct {
        uint64_t packets, data;
        uint32_t retransmitted, duplicated; /* wanted */
        uint32_t kept_retransmitted, kept_duplicated;
    } cases[] = {
        { 100, 50, 5, 10, 5, 10 }, { 10, 1, 5, 0, 0, 0 }, { 10, 4, 9, 0, 3, 0 }, { 3, 0, 0, 1, 0, 0 },
        { 5, 5, 1, 4, 1, 1 }, { 0, 0, 3, 3, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct session_row row = { .packets = { cases[i].packets, 0 }, .data_packets = { cases[i].data, 0 },
                                   .payload_bytes = { cases[i].data * 100, 0 } };
        struct impairment_counts counts = { .retransmitted = { cases[i].retransmitted, 0 },
                                            .duplicated = { cases[i].duplicated, 0 } };

        impairment_counts_take(&counts, &row);
        assert_int_equal(counts.retransmitted[I], cases[i].kept_retransmitted);
        assert_int_equal(counts.duplicated[I], cases[i].kept_duplicated);
        assert_int_equal(row.packets[I] + counts.retransmitted[I] + counts.duplicated[I], cases[i].packets);
        assert_true(row.data_packets[I] <= row.packets[I]);
        assert_true(row.payload_bytes[I] == row.data_packets[I] * 100);
        assert_true(cases[i].data == 0 || row.data_packets[I] > 0);
    }
}

static void test_rates_text(void **state)
{
    static const struct {
        const char *text;
        struct impairment_rates rates;
        const char *error; /* part of it */
    } cases[] = {
        { "learned", { .learned = true }, NULL },
        { "none", { .learned = false }, NULL },
        { "retransmission=0.01", { .retransmission = 0.01 }, NULL },
        { "retransmission=0.01,reordering=1e-3,duplication=0,fragmentation=1,unanswered=0.5",
          { false, 0.01, 1e-3, 0, 1, 0.5 }, NULL },
        { "", { 0 }, "give learned, none" },
        { "Learned", { 0 }, "\"Learned\"" },
        { "loss=0.1", { 0 }, "\"loss=0.1\"" },
        { "duplication", { 0 }, "give learned" },
        { "duplication=", { 0 }, "from 0 to 1" },
        { "duplication=1.01", { 0 }, "from 0 to 1" },
        { "duplication=-0.1", { 0 }, "from 0 to 1" },
        { "duplication=nan", { 0 }, "from 0 to 1" },
        { "duplication=0.1,", { 0 }, "give learned" },
        { "duplication=0.1 ", { 0 }, "from 0 to 1" },
        { "learned,duplication=0.1", { 0 }, "\"learned\"" },
        { "duplication=0.0000000000000000000000000000000000000000000000000000001", { 0 }, "too long" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct impairment_rates rates = { .unanswered = 0.25 };
        struct error err = { "" };

        if (cases[i].error == NULL) {
            assert_int_equal(impairment_rates_parse(&rates, cases[i].text, &err), 0);
            assert_int_equal(rates.learned, cases[i].rates.learned);
            assert_true(rates.retransmission == cases[i].rates.retransmission);
            assert_true(rates.reordering == cases[i].rates.reordering);
            assert_true(rates.duplication == cases[i].rates.duplication);
            assert_true(rates.fragmentation == cases[i].rates.fragmentation);
            assert_true(rates.unanswered == cases[i].rates.unanswered);
        } else {
            assert_int_equal(impairment_rates_parse(&rates, cases[i].text, &err), -1);
            assert_non_null(strstr(err.text, cases[i].error));
            assert_true(rates.unanswered == 0.25);
        }
    }
}

/* ---- frames before an independent judge ---- */

enum { JUDGED_SESSIONS = 200, PCAP_ETHERNET = 1 };

static void put_u32(FILE *file, uint32_t value)
{
    fwrite(&value, sizeof value, 1, file);
}

static void put_frame(FILE *file, const struct wire *wire, int64_t time_ns)
{
    put_u32(file, (uint32_t)(time_ns / NS_PER_SECOND));
    put_u32(file, (uint32_t)(time_ns % NS_PER_SECOND));
    put_u32(file, wire->length);
    put_u32(file, wire->length);
    fwrite(wire->bytes, 1, wire->length, file);
}

/* A keep-alive and its answer, and a window that closes and opens, in the midst of it. */
static void add_idle(struct talk *talk)
{
    talk_add(talk, I, A, 0, 30 * NS_PER_SECOND);
    talk->draws[talk->count - 1].mark = PACKET_KEEPALIVE;
    talk_add(talk, R, A, 0, NS_PER_MS);
    talk_add(talk, I, P | A, 500, NS_PER_SECOND);
    talk_add(talk, R, A, 0, NS_PER_SECOND);
    talk->draws[talk->count - 1].mark = PACKET_ZERO_WINDOW;
    talk_add(talk, R, A, 0, NS_PER_SECOND);
    talk_add(talk, I, P | A, 1, NS_PER_MS);
}

/* Windows and options of all kinds; large enough for the bursts. */
static struct session_row draw_judged_row(struct random_stream *random)
{
    struct session_row row = usual_row;

    for (int side = 0; side < 2; side++) {
        row.tcp_options[side] = TCP_OPTION_MSS | (uint8_t)random_below(random, 16);
        row.window_scale[side] = (uint8_t)random_below(random, 9);
        row.window[side] = (uint16_t)between(random, 30000, 65535);
        row.ttl[side] = one_in(random, 2) ? 64 : 128;
        row.packets[side] = one_in(random, 2) ? 0 : 150;
        row.data_packets[side] = one_in(random, 2) ? 0 : 80;
        row.ip_id[side] = (enum ip_id_kind)random_below(random, 4);
    }
    return row;
}

static void write_judged_session(FILE *file, uint32_t number, bool is_impaired)
{
    struct random_stream random = stream_of(number);
    uint8_t protocol = number % 4 ? IP_TCP : IP_UDP;
    struct session_row row = draw_judged_row(&random);
    struct stack_profile stack = stack_profile_of(&row);
    struct talk *talk = test_calloc(1, sizeof *talk);
    const struct session_packet_source source = { talk_next, talk };
    struct wire *wire = wire_new_at(protocol, &stack, (uint16_t)(20000 + number));
    struct impairment_counts counts = { .duplicated = { 2, 2 } };
    struct impairments impairments;
    struct session_packet packet;
    int64_t now_ns = number * NS_PER_SECOND;

    talk_begin_as(talk, protocol, &row, &random);
    if (protocol == IP_TCP) {
        talk->count -= 3; /* the end of it */
        add_idle(talk);
        talk_add(talk, I, F | A, 0, TALK_RTT_NS);
        talk_add(talk, R, number % 3 ? F | A : RST | A, 0, TALK_RTT_NS);
        if (number % 3)
            talk_add(talk, I, A, 0, NS_PER_MS);
        counts.retransmitted[I] = counts.retransmitted[R] = 3;
        counts.reordered[I] = counts.reordered[R] = 2;
    } else {
        talk_resize(talk, 2, 4000);
        talk_resize(talk, 1, DATAGRAM_MAX_BYTES);
        counts.fragmented[I] = counts.fragmented[R] = 3;
        counts.unreachable = 5;
    }
    if (!is_impaired)
        counts = (struct impairment_counts){ 0 };
    impairments_begin(&impairments, &counts, protocol, true, &talk->total, TALK_RTT_NS,
                      talk->numbers.window_scale);
    while (impairments_next(&impairments, &source, &random, &packet)) {
        do {
            now_ns += packet.gap_ns;
            wire_render(wire, &packet, now_ns);
            put_frame(file, wire, now_ns);
        } while (datagram_next_piece(&packet));
    }
    wire_free(wire);
    test_free(talk);
}

static const char *write_judged_capture(bool is_impaired)
{
    const char *path = scratch_path(is_impaired ? "impaired.pcap" : "plain.pcap");
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    put_u32(file, UINT32_C(0xa1b23c4d)); /* nanoseconds */
    put_u32(file, 2 | 4 << 16);
    put_u32(file, 0);
    put_u32(file, 0);
    put_u32(file, 65535);
    put_u32(file, PCAP_ETHERNET);
    for (uint32_t number = 0; number < JUDGED_SESSIONS; number++)
        write_judged_session(file, number, is_impaired);
    assert_int_equal(fclose(file), 0);
    return path;
}

/* How many frames a filter of Wireshark shows. */
static uint32_t frames_shown(const char *capture, const char *filter)
{
    char command[1024];
    char line[256];
    uint32_t count = 0;
    FILE *shown;

    snprintf(command, sizeof command,
             "tshark -n -r %s -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE "
             "-d udp.port==53,data -d tcp.port==53,data -Y '%s' -T fields -e frame.number -e tcp.stream "
             "-e _ws.expert.message 2>&1", capture, filter);
    shown = popen(command, "r");
    assert_non_null(shown);
    while (fgets(line, sizeof line, shown)) {
        if (strncmp(line, "Running as user", 15) == 0)
            continue;
        count++;
    }
    assert_int_equal(pclose(shown), 0);
    return count;
}

#define WIRESHARK_DAMAGE "_ws.malformed || _ws.expert.group == \"Checksum\""

static void test_wireshark_finds_nothing(void **state)
{
    const char *capture = write_judged_capture(false);

    (void)state;
    if (system("command -v tshark > /dev/null") != 0)
        skip_because("no tshark to judge by");
    assert_int_equal(frames_shown(capture, WIRESHARK_DAMAGE), 0);
    /* a full window and the like would show here; the frames with keep-alives and closed windows are known */
    assert_int_equal(frames_shown(capture, "tcp.analysis.flags && !tcp.analysis.window_update && "
                                           "!tcp.analysis.keep_alive && !tcp.analysis.keep_alive_ack && "
                                           "!tcp.analysis.zero_window"), 0);
    assert_true(frames_shown(capture, "tcp.analysis.keep_alive_ack") >= JUDGED_SESSIONS / 8);
    assert_int_equal(frames_shown(capture, "tcp.flags.syn == 1 && tcp.flags.ack == 0"), JUDGED_SESSIONS * 3 / 4);
}

static void test_wireshark_finds_impairments(void **state)
{
    const char *capture = write_judged_capture(true);

    (void)state;
    if (system("command -v tshark > /dev/null") != 0)
        skip_because("no tshark to judge by");
    assert_int_equal(frames_shown(capture, WIRESHARK_DAMAGE), 0);
    assert_int_equal(frames_shown(capture, "tcp.analysis.spurious_retransmission"), 0);
    assert_true(frames_shown(capture, "tcp.analysis.retransmission") >= JUDGED_SESSIONS * 3 / 4 * 6);
    /* one is missing where a copy had to follow a session's last packet too */
    assert_in_range(frames_shown(capture, "icmp.type == 3 && udp"), JUDGED_SESSIONS / 4 * 5 - 2, JUDGED_SESSIONS / 4 * 5);
    /* six datagrams in two pieces, one in three and one in 45 */
    assert_int_equal(frames_shown(capture, "ip.flags.mf == 1"), JUDGED_SESSIONS / 4 * (6 + 2 + 44));
    assert_int_equal(frames_shown(capture, "ip.fragments"), JUDGED_SESSIONS / 4 * (6 + 2));
    assert_int_equal(frames_shown(capture, "ip.fragment.error || ip.fragment.overlap || ip.fragment.toolongfragment"), 0);
    assert_int_equal(frames_shown(capture, "ip.fragments && udp.checksum.status == \"Good\""), JUDGED_SESSIONS / 4 * (6 + 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversations),
        cmocka_unit_test(test_numbers_of_allowed_packets),
        cmocka_unit_test(test_window_grows),
        cmocka_unit_test(test_numbers_go_on),
        cmocka_unit_test(test_syn_options),
        cmocka_unit_test(test_sack_option),
        cmocka_unit_test(test_timestamps),
        cmocka_unit_test(test_ip_ids),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_impairments_are_measured),
        cmocka_unit_test(test_no_impairments),
        cmocka_unit_test(test_losses_are_uniform),
        cmocka_unit_test(test_repeated_fins),
        cmocka_unit_test(test_repeated_syn_acks),
        cmocka_unit_test(test_impairments_stop),
        cmocka_unit_test(test_large_datagrams_come_in_pieces),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_repeats_are_learned),
        cmocka_unit_test(test_repeated_syn_acks_are_learned),
        cmocka_unit_test(test_unreachable_share),
        cmocka_unit_test(test_counts_taken_from_row),
        cmocka_unit_test(test_rates_text),
        cmocka_unit_test(test_wireshark_finds_nothing),
        cmocka_unit_test(test_wireshark_finds_impairments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
