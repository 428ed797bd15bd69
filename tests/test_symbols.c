/* The packet model of symbols: what it learns from sampled flows, and what it draws. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/at_most.h"
#include "base/log_grid.h"
#include "base/memory.h"
#include "model/model_services.h"
#include "net/wire.h"
#include "session/datagram.h"
#include "session/model_symbols.h"
#include "session/session_shape.h"
#include "session/symbol_alphabet.h"
#include "session/symbol_flow.h"
#include "session/symbol_gap_parts.h"
#include "session/symbol_row_gaps.h"
#include "session/symbol_table.h"
#include "session/symbol_timing.h"

enum { TABLES_MOST_BYTES = 150 * 1024 };

/* ---- services ---- */

static struct random_stream stream_of(uint32_t number)
{
    struct random_stream random;

    random_init(&random, 1, RANDOM_SESSION, number, 0, 0);
    return random;
}

/* A flow of packets to be sampled, one after the other. */
struct script {
    struct flow_packet packets[FLOW_MAX_SEQUENCE];
    uint32_t count;
    struct session_row row;
};

static void say(struct script *s, enum flow_side side, uint8_t flags, uint32_t bytes, int64_t gap_ns)
{
    s->packets[s->count] = (struct flow_packet){
        .side_and_flags = (uint8_t)((unsigned)side << 7 | flags),
        .gap_bin = (uint8_t)(s->count > 0 ? log_grid_gap_bin((uint64_t)gap_ns) : 0),
        .payload_bytes = (uint16_t)bytes,
        .gap_part = 128,
    };
    s->row.duration_ns += s->count > 0 ? gap_ns : 0;
    s->count++;
    s->row.packets[side]++;
    s->row.data_packets[side] += bytes > 0;
    s->row.payload_bytes[side] += bytes;
}

static void mark(struct script *s, enum packet_mark mark)
{
    s->packets[s->count - 1].side_and_flags |= (uint8_t)((unsigned)mark << 5);
}

static void add_row(struct service_model *service, struct script *s)
{
    struct session_row *row = &service->rows[service->row_count++];

    s->row.is_measured = true;
    s->row.rtt_ns = 10 * NS_PER_MS;
    s->row.mss[0] = s->row.mss[1] = 1460;
    s->row.sequence_length = s->row.sequence_head = s->count;
    *row = s->row;
    row->sequence = memory_alloc_array(s->count + 1, sizeof *row->sequence);
    memcpy(row->sequence, s->packets, s->count * sizeof *row->sequence);
    if (row->duration_ns > service->longest_ns)
        service->longest_ns = row->duration_ns;
}

static int compare_rows(const void *a, const void *b)
{
    return session_row_compare(a, b);
}

static struct service_model new_service(uint8_t protocol, size_t rows)
{
    return (struct service_model){
        .protocol = protocol, .port = 80, .rows = memory_alloc_array(rows, sizeof(struct session_row)),
    };
}

static void sort_rows(struct service_model *service)
{
    qsort(service->rows, service->row_count, sizeof *service->rows, compare_rows);
    service->flows = service->row_count;
}

static void free_service(struct service_model *service)
{
    for (size_t i = 0; i < service->row_count; i++)
        free(service->rows[i].sequence);
    free(service->rows);
}

enum ending { BY_FIN, BY_RST, WITH_DATA_AND_FIN, LEFT_OPEN };

static void shake_hands(struct script *s)
{
    say(s, FLOW_INITIATOR, TCP_SYN, 0, 0);
    say(s, FLOW_RESPONDER, TCP_SYN | TCP_ACK, 0, 9 * NS_PER_MS);
    say(s, FLOW_INITIATOR, TCP_ACK, 0, NS_PER_MS);
    s->row.opening = FLOW_OPENING_HANDSHAKE;
}

static void end(struct script *s, enum ending ending)
{
    s->row.ending = ending == BY_RST ? FLOW_ENDING_RESET : ending == LEFT_OPEN ? FLOW_ENDING_NONE : FLOW_ENDING_FIN;
    s->row.closing_side = FLOW_RESPONDER;
    if (ending == BY_RST)
        say(s, FLOW_RESPONDER, TCP_RST | TCP_ACK, 0, NS_PER_SECOND);
    if (ending != BY_FIN && ending != WITH_DATA_AND_FIN)
        return;
    say(s, FLOW_RESPONDER, ending == BY_FIN ? TCP_FIN | TCP_ACK : TCP_FIN | TCP_PSH | TCP_ACK, ending == BY_FIN ? 0 : 77,
        NS_PER_MS);
    say(s, FLOW_INITIATOR, TCP_ACK, 0, NS_PER_MS);
    say(s, FLOW_INITIATOR, TCP_FIN | TCP_ACK, 0, NS_PER_MS);
    say(s, FLOW_RESPONDER, TCP_ACK, 0, NS_PER_MS);
}

/* Requests and answers in full segments and a rest, acknowledged every second segment. */
static void converse(struct script *s, struct random_stream *random, uint32_t rounds)
{
    for (uint32_t i = 0; i < rounds; i++) {
        uint32_t segments = random_below_u32(random, 8);

        say(s, FLOW_INITIATOR, TCP_PSH | TCP_ACK, 100 + random_below_u32(random, 400), 50 * NS_PER_MS);
        for (uint32_t k = 0; k < segments; k++) {
            say(s, FLOW_RESPONDER, TCP_ACK, 1448, k == 0 ? 10 * NS_PER_MS : 20 * NS_PER_US);
            if (k % 2)
                say(s, FLOW_INITIATOR, TCP_ACK, 0, 30 * NS_PER_US);
        }
        say(s, FLOW_RESPONDER, TCP_PSH | TCP_ACK, 1 + random_below_u32(random, 1400), 20 * NS_PER_US);
        if (i % 3 == 0) {
            say(s, FLOW_INITIATOR, TCP_ACK, 0, NS_PER_MS);
            mark(s, PACKET_ZERO_WINDOW);
            say(s, FLOW_INITIATOR, TCP_ACK, 0, NS_PER_MS);
        }
    }
}

static struct service_model tcp_service(bool under_way)
{
    struct service_model service = new_service(IP_TCP, 200);
    struct random_stream random = stream_of(9);

    for (uint32_t i = 0; i < 200; i++) {
        struct script s = { .count = 0 };

        if (!under_way)
            shake_hands(&s);
        converse(&s, &random, 1 + random_below_u32(&random, 6));
        if (i % 5 == 0) {
            say(&s, FLOW_INITIATOR, TCP_ACK, 1, 30 * NS_PER_SECOND);
            mark(&s, PACKET_KEEPALIVE);
        }
        end(&s, (enum ending)(i % 4));
        add_row(&service, &s);
    }
    sort_rows(&service);
    return service;
}

static struct service_model udp_service(bool one_way)
{
    struct service_model service = new_service(IP_UDP, 100);
    struct random_stream random = stream_of(10);

    for (uint32_t i = 0; i < 100; i++) {
        struct script s = { .count = 0 };

        for (uint32_t k = 0; k <= i % 7; k++) {
            say(&s, FLOW_INITIATOR, 0, 30 + random_below_u32(&random, 30), NS_PER_SECOND);
            if (!one_way)
                say(&s, FLOW_RESPONDER, 0, 60 + random_below_u32(&random, 300), 20 * NS_PER_MS);
        }
        add_row(&service, &s);
    }
    sort_rows(&service);
    return service;
}

/* A datagram too large for a frame, as a meter takes it: the first piece has the length, others are the network's. */
static void say_large(struct script *s, enum flow_side side, uint32_t bytes, int64_t gap_ns)
{
    uint32_t pieces = datagram_pieces(IP_UDP, bytes);

    say(s, side, 0, bytes, gap_ns);
    s->row.payload_bytes[side] -= bytes - DATAGRAM_WHOLE_BYTES;
    for (uint32_t i = 1; i < pieces; i++) {
        say(s, side, 0, i + 1 < pieces ? DATAGRAM_PIECE_BYTES
                                       : bytes + DATAGRAM_HEADER_BYTES - i * DATAGRAM_PIECE_BYTES, 10 * NS_PER_US);
        mark(s, PACKET_IMPAIRED);
    }
    s->row.fragments[side] += pieces;
}

/* Blocks of 2 KiB to 8 KiB are read; or the largest there are sent one after the other. */
static struct service_model block_service(bool one_way)
{
    struct service_model service = new_service(IP_UDP, 100);
    struct random_stream random = stream_of(11);

    for (uint32_t i = 0; i < 100; i++) {
        struct script s = { .count = 0 };

        for (uint32_t k = 0; k <= i % 5; k++) {
            if (one_way) {
                say_large(&s, FLOW_INITIATOR, DATAGRAM_MAX_BYTES, 2 * NS_PER_MS);
                continue;
            }
            say(&s, FLOW_INITIATOR, 0, 120 + random_below_u32(&random, 30), NS_PER_SECOND);
            say_large(&s, FLOW_RESPONDER, 2048U << random_below_u32(&random, 3), 2 * NS_PER_MS);
        }
        add_row(&service, &s);
    }
    sort_rows(&service);
    return service;
}

/* ---- sessions ---- */

struct played {
    struct packet_budget spent;
    uint64_t hash;
    int64_t longest_gap_ns;
    int64_t rest_ns; /* behind the first half of the packets */
    uint32_t most_pieces; /* of a datagram */
    uint32_t fins;
    enum flow_side last_fin_side;
    bool last_fin_acked;
};

static struct packet_shape shape_of(const struct service_model *service, const struct session_row *row)
{
    struct packet_shape shape = {
        .protocol = service->protocol,
        .under_way = service->protocol == IP_TCP && row->opening == FLOW_OPENING_NONE,
        .rtt_ns = row->rtt_ns > 0 ? row->rtt_ns : NS_PER_MS,
        .planned = row,
    };

    for (int side = 0; side < 2; side++) {
        shape.most_bytes[side] = service->protocol == IP_TCP ? row->mss[!side] : DATAGRAM_MAX_BYTES;
        shape.total.packets[side] = row->packets[side];
        shape.total.data_packets[side] = row->data_packets[side];
        shape.total.payload_bytes[side] = row->payload_bytes[side];
    }
    return shape;
}

static void assert_payable(const struct packet_budget *left, const struct packet_draw *draw)
{
    assert_true(left->packets[draw->side] > 0);
    assert_true(draw->payload_bytes == 0 || left->data_packets[draw->side] > 0);
    assert_true(draw->payload_bytes > 0 || left->packets[draw->side] > left->data_packets[draw->side]);
}

static void pay(struct packet_budget *left, uint8_t protocol, const struct packet_draw *draw)
{
    uint64_t frames = datagram_pieces(protocol, draw->payload_bytes);

    assert_true(frames <= 2 * left->packets[draw->side]);
    left->packets[draw->side] -= at_most(frames, left->packets[draw->side]);
    left->data_packets[draw->side] -= draw->payload_bytes > 0 ? at_most(frames, left->data_packets[draw->side]) : 0;
    left->payload_bytes[draw->side] -= draw->payload_bytes < left->payload_bytes[draw->side]
                                           ? draw->payload_bytes
                                           : left->payload_bytes[draw->side];
}

static uint64_t packets_of(const struct packet_budget *budget)
{
    return budget->packets[FLOW_INITIATOR] + budget->packets[FLOW_RESPONDER];
}

/* Plays a session to its end and checks every packet of it. */
static struct played play(const struct packet_tables *tables, struct packet_shape shape, uint32_t number)
{
    struct random_stream random = stream_of(number);
    struct packet_progress progress = { .left = shape.total,
                                        .machine = tcp_machine_begin(shape.under_way || shape.protocol != IP_TCP) };
    struct played played = { .hash = 1 };
    union packet_memory memory;
    struct packet_draw draw;
    uint32_t pieces;

    packet_model_symbols.begin(tables, &shape, &memory, &random);
    shape.planned = NULL;
    while (packet_model_symbols.next(tables, &shape, &progress, &memory, &random, &draw)) {
        assert_payable(&progress.left, &draw);
        assert_true(draw.payload_bytes <= shape.most_bytes[draw.side]);
        assert_true(draw.gap_ns >= 0);
        if (shape.protocol == IP_TCP) {
            assert_true(tcp_machine_allows(&progress.machine, draw.side, draw.tcp_flags, draw.mark,
                                           draw.payload_bytes > 0));
            tcp_machine_send(&progress.machine, draw.side, draw.tcp_flags, draw.mark);
        } else {
            assert_int_equal(draw.tcp_flags, 0);
        }
        pay(&progress.left, shape.protocol, &draw);
        if (draw.tcp_flags & TCP_FIN) {
            played.fins++;
            played.last_fin_side = draw.side;
            played.last_fin_acked = false;
        }
        played.last_fin_acked = played.last_fin_acked || draw.side != played.last_fin_side;
        pieces = datagram_pieces(shape.protocol, draw.payload_bytes);
        played.most_pieces = pieces > played.most_pieces ? pieces : played.most_pieces;
        played.spent.packets[draw.side] += pieces;
        played.spent.data_packets[draw.side] += draw.payload_bytes > 0 ? pieces : 0;
        played.spent.payload_bytes[draw.side] += draw.payload_bytes;
        if (draw.gap_ns > played.longest_gap_ns)
            played.longest_gap_ns = draw.gap_ns;
        if (packets_of(&progress.left) < packets_of(&shape.total) / 2)
            played.rest_ns += draw.gap_ns;
        played.hash = random_mix64(played.hash ^ (uint64_t)draw.gap_ns) +
                      (draw.payload_bytes << 8 | draw.tcp_flags << 3 | draw.mark << 1 | draw.side);
    }
    return played;
}

/* To the packet, but for the last pieces of a large datagram. */
static void assert_spends_packets(const struct played *played, const struct packet_budget *total)
{
    for (int side = 0; side < 2; side++) {
        uint64_t more = played->spent.packets[side] - total->packets[side];

        assert_true(more <= played->most_pieces / 2);
        assert_int_equal(played->spent.data_packets[side] - total->data_packets[side], more);
    }
}

/* ---- every draw is legal, and paid to the last packet ---- */

static struct service_model (*const makers[])(bool) = {
    tcp_service, tcp_service, udp_service, udp_service, block_service, block_service,
};

static void test_sampled_plans_are_spent_exactly(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof makers / sizeof *makers; m++) {
        struct service_model service = makers[m](m % 2);
        struct packet_tables *tables = packet_model_symbols.fit(&service);
        uint64_t planned = 0;
        uint64_t sent = 0;

        assert_non_null(tables);
        for (uint32_t i = 0; i < 2000; i++) {
            struct packet_shape shape = shape_of(&service, &service.rows[i % service.row_count]);
            struct played played;

            shape.row = i % (uint32_t)service.row_count;
            played = play(tables, shape, i);
            assert_spends_packets(&played, &shape.total);
            for (int side = 0; side < 2; side++) {
                planned += shape.total.payload_bytes[side];
                sent += played.spent.payload_bytes[side];
            }
        }
        assert_true(fabs((double)sent - (double)planned) < 0.05 * (double)planned);
        packet_model_symbols.release(tables);
        free_service(&service);
    }
}

/* As in all the sampled flows that were closed. */
static void test_the_last_fin_is_acknowledged(void **state)
{
    struct service_model service = tcp_service(false);
    struct packet_tables *tables = packet_model_symbols.fit(&service);

    (void)state;
    for (uint32_t i = 0; i < 2000; i++) {
        struct packet_shape shape = shape_of(&service, &service.rows[i % service.row_count]);
        struct played played;

        if (shape.planned->ending != FLOW_ENDING_FIN)
            continue;
        shape.row = i % (uint32_t)service.row_count;
        played = play(tables, shape, i);
        assert_int_equal(played.fins, 2);
        assert_int_equal(played.last_fin_side, FLOW_INITIATOR);
        assert_true(played.last_fin_acked);
    }
    packet_model_symbols.release(tables);
    free_service(&service);
}

static void test_any_plan_is_spent_exactly(void **state)
{
    static const uint64_t packets[] = { 1, 2, 3, 5, 9, 30, 200, 5000 };

    (void)state;
    for (size_t m = 0; m < sizeof makers / sizeof *makers; m++) {
        struct service_model service = makers[m](m % 2);
        struct packet_tables *tables = packet_model_symbols.fit(&service);

        for (uint32_t i = 0; i < 800; i++) {
            struct flow_plan plan = { .protocol = service.protocol, .service = &service,
                                      .packets = packets[i % (sizeof packets / sizeof *packets)] };
            struct random_stream random = stream_of(i);
            struct packet_shape shape;
            struct session_row row;
            struct played played;
            uint32_t index;

            plan.ends[0].name = i;
            session_shape_draw(&plan, &random, &row, &index);
            shape = shape_of(&service, &row);
            shape.row = index;
            played = play(tables, shape, i);
            assert_spends_packets(&played, &shape.total);
        }
        packet_model_symbols.release(tables);
        free_service(&service);
    }
}

/* 30 to 59 bytes asked, 60 to 359 answered: a session of sampled totals has such packets, whatever its machine. */
static void test_datagrams_are_such_as_were_seen(void **state)
{
    struct service_model service = udp_service(false);
    struct packet_tables *tables = packet_model_symbols.fit(&service);
    uint32_t strange = 0;

    (void)state;
    for (uint32_t i = 0; i < 500; i++) {
        struct packet_shape shape = shape_of(&service, &service.rows[i % 100]);
        struct packet_progress progress = { .left = shape.total, .machine = tcp_machine_begin(i % 2) };
        struct random_stream random = stream_of(i);
        union packet_memory memory;
        struct packet_draw draw;

        shape.row = i % 100;
        packet_model_symbols.begin(tables, &shape, &memory, &random);
        for (; packet_model_symbols.next(tables, &shape, &progress, &memory, &random, &draw);
             pay(&progress.left, shape.protocol, &draw))
            strange += draw.side == FLOW_INITIATOR ? draw.payload_bytes < 30 || draw.payload_bytes > 59
                                                   : draw.payload_bytes < 60 || draw.payload_bytes > 359;
    }
    assert_in_range(strange, 0, 400); /* of 4000: what the last of a side had to take or lacked */
    packet_model_symbols.release(tables);
    free_service(&service);
}

/* Blocks come as large as they were read, and so often. */
static void test_large_datagrams_are_such_as_were_seen(void **state)
{
    struct service_model service = block_service(false);
    struct packet_tables *tables = packet_model_symbols.fit(&service);
    uint32_t blocks[3] = { 0 }, others = 0;

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        struct packet_shape shape = shape_of(&service, &service.rows[i % 100]);
        struct packet_progress progress = { .left = shape.total };
        struct random_stream random = stream_of(i);
        union packet_memory memory;
        struct packet_draw draw;

        shape.row = i % 100;
        packet_model_symbols.begin(tables, &shape, &memory, &random);
        for (; packet_model_symbols.next(tables, &shape, &progress, &memory, &random, &draw);
             pay(&progress.left, shape.protocol, &draw)) {
            uint32_t size = 31 - (uint32_t)__builtin_clz(draw.payload_bytes | 1);

            assert_true(draw.payload_bytes >= 100); /* no rest of a few bytes */
            if (draw.side == FLOW_RESPONDER && size >= 11 && size <= 13 && draw.payload_bytes == 1U << size)
                blocks[size - 11]++;
            else
                others += draw.side == FLOW_RESPONDER;
        }
    }
    assert_in_range(blocks[0] + blocks[1] + blocks[2] + others, 2700, 3300); /* 3000 were asked for */
    for (int i = 0; i < 3; i++)
        assert_in_range(blocks[i], 800, 1200);
    assert_in_range(others, 0, 250); /* rests that no block fits */
    packet_model_symbols.release(tables);
    free_service(&service);
}

/* The tables know the other side alone: data packets are data packets all the same. */
static void test_a_side_never_heard_is_spent_exactly(void **state)
{
    struct service_model service = udp_service(true);
    struct packet_tables *tables = packet_model_symbols.fit(&service);
    const struct session_row row = { .packets = { 0, 5 }, .data_packets = { 0, 5 }, .payload_bytes = { 0, 500 } };
    struct packet_shape shape = shape_of(&service, &row);

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        struct played played = play(tables, shape, i);

        assert_spends_packets(&played, &shape.total);
        assert_int_equal(played.spent.payload_bytes[FLOW_RESPONDER], 500);
    }
    packet_model_symbols.release(tables);
    free_service(&service);
}

/* Packets that no machine allows at all end the session early, and nothing is drawn that may not be. */
static void test_impossible_plans_end_early(void **state)
{
    static const uint64_t plans[][4] = { /* packets, data packets */
        { 1, 0, 0, 0 }, { 0, 3, 0, 3 }, { 3, 0, 3, 0 }, { 1, 5, 0, 4 }, { 2, 2, 2, 2 },
    };
    struct service_model service = tcp_service(false);
    struct packet_tables *tables = packet_model_symbols.fit(&service);

    (void)state;
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        struct session_row row = service.rows[0];
        struct packet_shape shape;

        for (int side = 0; side < 2; side++) {
            row.packets[side] = plans[i][side];
            row.data_packets[side] = plans[i][2 + side];
            row.payload_bytes[side] = 10 * plans[i][2 + side];
        }
        shape = shape_of(&service, &row);
        for (uint32_t k = 0; k < 200; k++)
            play(tables, shape, k);
    }
    packet_model_symbols.release(tables);
    free_service(&service);
}

/* Far outside what was seen: a gigabyte, in the memory that every session has. */
static void test_large_transfer_is_spent_exactly(void **state)
{
    struct service_model service = tcp_service(false);
    struct packet_tables *tables = packet_model_symbols.fit(&service);
    struct session_row row = service.rows[service.row_count - 1];
    struct packet_shape shape;
    struct played played;

    (void)state;
    row.packets[1] = 700003;
    row.data_packets[1] = 700000;
    row.payload_bytes[1] = UINT64_C(1000000000);
    row.packets[0] = 350000;
    shape = shape_of(&service, &row);
    shape.row = (uint32_t)service.row_count - 1;
    played = play(tables, shape, 1);
    assert_spends_packets(&played, &shape.total);
    assert_in_range(played.spent.payload_bytes[1], 900000000, 1000000000);
    packet_model_symbols.release(tables);
    free_service(&service);
}

/* The service's own gaps would take many times as long: the session goes faster, and its rest comes not all at once. */
static void test_a_session_in_haste_keeps_time_for_its_rest(void **state)
{
    struct service_model service = tcp_service(false);
    struct packet_tables *tables = packet_model_symbols.fit(&service);

    (void)state;
    for (uint32_t i = 0; i < 20; i++) {
        struct session_row row = service.rows[service.row_count - 1];
        struct packet_shape shape;
        struct played played;

        row.packets[1] = 2003;
        row.data_packets[1] = 2000;
        row.payload_bytes[1] = 2000000;
        row.packets[0] = 1000;
        row.duration_ns = 20000000;
        shape = shape_of(&service, &row);
        shape.row = SESSION_NO_ROW; /* whose gaps are taken as they are */
        played = play(tables, shape, i);
        assert_in_range(played.rest_ns, row.duration_ns / 20, row.duration_ns); /* the half of an eighth is kept for it */
    }
    packet_model_symbols.release(tables);
    free_service(&service);
}

static void test_same_random_numbers_same_packets(void **state)
{
    struct service_model service = tcp_service(false);
    struct packet_tables *tables = packet_model_symbols.fit(&service);
    struct packet_tables *again = packet_model_symbols.fit(&service);
    uint64_t hash = 0;

    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        struct packet_shape shape = shape_of(&service, &service.rows[i]);
        struct played played;

        shape.row = i;
        played = play(tables, shape, i);
        assert_true(played.hash == play(again, shape, i).hash);
        hash = random_mix64(hash ^ played.hash);
    }
    /* the same of every compiler; changes with the model */
    assert_int_equal(hash, UINT64_C(0xddc617c62fd92edc));
    packet_model_symbols.release(tables);
    packet_model_symbols.release(again);
    free_service(&service);
}

/*
 * Seen were 20 ms and 1 s; a bin is an eighth of an octave wide either way, and a gap its sampled one's twice. Few
 * sessions share out what is left of their time otherwise.
 */
static void test_gaps_are_such_as_were_seen(void **state)
{
    struct service_model service = udp_service(false);
    struct packet_tables *tables = packet_model_symbols.fit(&service);
    uint32_t long_gaps = 0;

    (void)state;
    for (uint32_t i = 0; i < 500; i++) {
        struct packet_shape shape = shape_of(&service, &service.rows[i % 100]);
        struct played played;

        shape.row = i % 100;
        played = play(tables, shape, i);
        long_gaps += played.longest_gap_ns > 1250 * NS_PER_MS;
        assert_in_range(played.longest_gap_ns, 15 * NS_PER_MS, service.rows[i % 100].duration_ns + 250 * NS_PER_MS);
    }
    assert_in_range(long_gaps, 0, 25);
    packet_model_symbols.release(tables);
    free_service(&service);
}

static void test_handshake_takes_the_round_trip(void **state)
{
    struct service_model service = tcp_service(false);
    struct packet_tables *tables = packet_model_symbols.fit(&service);

    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        struct packet_shape shape = shape_of(&service, &service.rows[i]);
        struct packet_progress progress = { .left = shape.total };
        struct random_stream random = stream_of(i);
        union packet_memory memory;
        struct packet_draw draw;
        int64_t ns = 0;

        shape.row = i;
        shape.rtt_ns = 3 * NS_PER_MS;
        packet_model_symbols.begin(tables, &shape, &memory, &random);
        for (int k = 0; k < 3; k++) {
            assert_true(packet_model_symbols.next(tables, &shape, &progress, &memory, &random, &draw));
            tcp_machine_send(&progress.machine, draw.side, draw.tcp_flags, draw.mark);
            pay(&progress.left, shape.protocol, &draw);
            ns += k > 0 ? draw.gap_ns : 0;
        }
        assert_int_equal(ns, shape.rtt_ns);
    }
    packet_model_symbols.release(tables);
    free_service(&service);
}

/* ---- plans ---- */

enum { PLAN_ROWS = 50, PLANS = 20000 };

/* Of 5 packets each, with round trips of 1 to 50 ms, by which they are told apart. */
static struct service_model service_of_paths(void)
{
    struct service_model service = new_service(IP_TCP, PLAN_ROWS);

    for (int64_t i = 0; i < PLAN_ROWS; i++)
        service.rows[service.row_count++] = (struct session_row){
            .packets = { 3, 2 }, .data_packets = { 1, 1 }, .payload_bytes = { 100, 200 },
            .opening = FLOW_OPENING_HANDSHAKE, .duration_ns = NS_PER_SECOND + i, .rtt_ns = (i + 1) * NS_PER_MS,
        };
    service_model_set_round_trips(&service);
    return service;
}

static struct session_row draw_between(const struct service_model *service, uint32_t one, uint32_t other,
                                       uint32_t number, uint32_t *index)
{
    struct flow_plan plan = { .protocol = IP_TCP, .service = service, .packets = 5,
                              .ends = { { .name = one }, { .name = other } } };
    struct random_stream random = stream_of(number);
    struct session_row row;

    session_shape_draw(&plan, &random, &row, index);
    return row;
}

/* 400 times each is meant, and 20 a standard deviation. */
static void test_over_many_paths_rows_are_equally_likely(void **state)
{
    struct service_model service = service_of_paths();
    uint32_t times[PLAN_ROWS] = { 0 };
    uint32_t index;

    (void)state;
    for (uint32_t i = 0; i < PLANS; i++) {
        draw_between(&service, 0x0a000000 + i, 0xc0a80000 + i % 7, i, &index);
        assert_in_range(index, 0, PLAN_ROWS - 1);
        times[index]++;
    }
    for (int i = 0; i < PLAN_ROWS; i++)
        assert_in_range(times[i], 310, 490);
    free_service(&service);
}

/* Most sessions of a path take the same time to shake hands, and none one of another kind. */
static void test_a_path_keeps_its_round_trip(void **state)
{
    struct service_model service = service_of_paths();
    uint32_t same = 0;

    (void)state;
    for (uint32_t path = 0; path < 100; path++) {
        int64_t seen[100];
        uint32_t most = 0;

        for (uint32_t i = 0; i < 100; i++) {
            uint32_t index;

            seen[i] = draw_between(&service, path, 9, i, &index).rtt_ns;
            assert_in_range(seen[i], NS_PER_MS * 2 / 3, 51 * NS_PER_MS);
        }
        for (uint32_t i = 0; i < 100; i++) {
            uint32_t equal = 0;

            for (uint32_t k = 0; k < 100; k++)
                equal += seen[k] == seen[i];
            most = equal > most ? equal : most;
        }
        same += most;
    }
    assert_in_range(same, 7000, 10000);
    free_service(&service);
}

/* However many packets are planned. */
static void test_who_gets_no_answer_sends_few_syns(void **state)
{
    struct session_row sampled = { .packets = { 6, 4 }, .data_packets = { 1, 1 }, .payload_bytes = { 9, 9 },
                                   .opening = FLOW_OPENING_HANDSHAKE };
    struct service_model service = { .protocol = IP_TCP, .rows = &sampled, .row_count = 1 };
    struct flow_plan plan = { .protocol = IP_TCP, .service = &service, .packets = 20, .answer = ANSWER_NONE };
    struct random_stream random = stream_of(1);
    struct session_row row;
    uint32_t index;

    (void)state;
    session_shape_draw(&plan, &random, &row, &index);
    assert_int_equal(row.opening, FLOW_OPENING_ATTEMPT);
    assert_int_equal(row.packets[FLOW_INITIATOR], 3);
    assert_int_equal(row.packets[FLOW_RESPONDER], 0);
}

static void test_rows_are_of_the_planned_size_or_its_bin(void **state)
{
    static const struct {
        uint64_t wanted, least, most; /* packets of the rows that may be taken */
    } cases[] = { { 5, 5, 5 }, { 8, 8, 11 }, { 11, 8, 11 }, { 40, 40, 40 }, { 1000, 100, 100 }, { 1, 2, 2 } };
    static const uint64_t sizes[] = { 2, 5, 5, 5, 8, 9, 10, 11, 40, 40, 40, 41, 42, 100 };
    struct service_model service = new_service(IP_UDP, 20);

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        service.rows[service.row_count++] = (struct session_row){ .packets = { sizes[i], 0 },
                                                                  .data_packets = { sizes[i], 0 },
                                                                  .payload_bytes = { sizes[i] * 10, 0 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (uint32_t k = 0; k < 200; k++) {
            struct flow_plan plan = { .protocol = IP_UDP, .service = &service, .packets = cases[i].wanted };
            struct random_stream random = stream_of(k);
            struct session_row row;
            uint32_t index;

            plan.ends[0].name = k;
            session_shape_draw(&plan, &random, &row, &index);
            assert_in_range(session_row_packets(&service.rows[index]), cases[i].least, cases[i].most);
            assert_int_equal(session_row_packets(&row), cases[i].wanted);
        }
    }
    free_service(&service);
}

static void test_plans_without_a_service_have_no_row(void **state)
{
    struct flow_plan plan = { .protocol = IP_TCP, .packets = 10 };
    struct random_stream random = stream_of(1);
    struct session_row row;
    uint32_t index = 0;

    (void)state;
    session_shape_draw(&plan, &random, &row, &index);
    assert_int_equal(index, SESSION_NO_ROW);
}

/* ---- fits ---- */

static void test_fits_of_little(void **state)
{
    static const struct {
        const char *what;
        uint8_t protocol;
        uint32_t packets;
        uint8_t flags;
        enum flow_opening opening;
        bool is_fitted;
    } cases[] = {
        { "no packets kept", IP_TCP, 0, TCP_ACK, FLOW_OPENING_NONE, false },
        { "one packet", IP_TCP, 1, TCP_ACK, FLOW_OPENING_NONE, true },
        { "one datagram", IP_UDP, 1, 0, FLOW_OPENING_NONE, true },
        { "one way", IP_TCP, 50, TCP_ACK, FLOW_OPENING_NONE, true },
        { "nothing but an attempt", IP_TCP, 3, TCP_SYN, FLOW_OPENING_ATTEMPT, false },
        { "nothing that TCP allows", IP_TCP, 3, TCP_FIN, FLOW_OPENING_NONE, false },
        { "a handshake that is not there", IP_TCP, 3, TCP_ACK, FLOW_OPENING_HANDSHAKE, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct service_model service = new_service(cases[i].protocol, 1);
        struct script s = { .row = { .opening = cases[i].opening } };
        struct packet_tables *tables;

        for (uint32_t k = 0; k < cases[i].packets; k++)
            say(&s, FLOW_INITIATOR, cases[i].flags, cases[i].flags & TCP_SYN ? 0 : 9, NS_PER_SECOND);
        add_row(&service, &s);
        if (cases[i].packets == 0) {
            free(service.rows[0].sequence);
            service.rows[0].sequence = NULL;
        }
        tables = packet_model_symbols.fit(&service);
        if ((tables != NULL) != cases[i].is_fitted)
            fail_msg("%s", cases[i].what);
        if (tables) {
            struct packet_shape shape = shape_of(&service, &service.rows[0]);
            struct played played = play(tables, shape, 1);

            assert_spends_packets(&played, &shape.total);
            assert_int_equal(played.spent.payload_bytes[0], shape.total.payload_bytes[0]);
        }
        packet_model_symbols.release(tables);
        free_service(&service);
    }
}

/* What the network did is not learned: no flow ends up with it. */
static void test_impaired_packets_are_left_out(void **state)
{
    struct service_model service = new_service(IP_UDP, 1);
    struct script s = { .count = 0 };
    struct symbol_flows flows;

    (void)state;
    say(&s, FLOW_INITIATOR, 0, 10, 0);
    say(&s, FLOW_INITIATOR, 0, 10, NS_PER_MS);
    mark(&s, PACKET_IMPAIRED);
    say(&s, FLOW_RESPONDER, 0, 20, NS_PER_MS);
    add_row(&service, &s);
    symbol_flows_init(&flows, &service);
    assert_int_equal(flows.count, 1);
    assert_int_equal(flows.flows[0].length, 2);
    assert_int_equal(flows.flows[0].total.packets[0], 1);
    assert_int_equal(flows.flows[0].total.payload_bytes[0], 10);
    assert_int_equal(flows.packets[1].gap_bin, log_grid_gap_bin(2 * NS_PER_MS)); /* both gaps */
    symbol_flows_release(&flows);
    free_service(&service);
}

/* As many different packets as there can be. */
static void test_tables_are_bounded(void **state)
{
    struct service_model service = new_service(IP_TCP, 1024);
    struct random_stream random = stream_of(3);
    struct packet_tables *tables;

    (void)state;
    for (uint32_t i = 0; i < 1024; i++) {
        struct script s = { .count = 0 };

        shake_hands(&s);
        for (int k = 0; k < 128; k++) {
            enum flow_side side = (enum flow_side)random_below_u32(&random, 2);
            uint32_t bytes = random_below_u32(&random, 1449);

            say(&s, side, TCP_ACK, bytes, 1 + random_u32(&random));
        }
        add_row(&service, &s);
    }
    sort_rows(&service);
    tables = packet_model_symbols.fit(&service);
    assert_in_range(packet_model_symbols.bytes(tables), 20000, TABLES_MOST_BYTES);
    for (uint32_t i = 0; i < 100; i++) {
        struct packet_shape shape = shape_of(&service, &service.rows[i]);
        struct played played = play(tables, shape, i);

        assert_spends_packets(&played, &shape.total);
    }
    packet_model_symbols.release(tables);
    free_service(&service);
}

/* ---- parts ---- */

static void test_frequent_lengths_are_exact(void **state)
{
    struct flow_length lengths[] = { { 100, 0 }, { 100, 1 }, { 100, 2 }, { 200, 0 }, { 200, 0 }, { 200, 0 },
                                     { 1000, 1 }, { 1010, 2 }, { 65535, 2 } };
    struct length_past past = { .full = 1448, .own = 200, .other = 201 };
    struct random_stream random = stream_of(1);
    struct symbol_alphabet alphabet;

    (void)state;
    symbol_alphabet_build(&alphabet, lengths, sizeof lengths / sizeof *lengths, 3);
    assert_int_equal(alphabet.exact_count, 1); /* 200 was in one flow alone */
    assert_int_equal(alphabet.exact[0], 100);
    assert_int_equal(symbol_alphabet_length(&alphabet, 100, past), LENGTH_EXACT);
    assert_int_equal(symbol_alphabet_length(&alphabet, 0, past), LENGTH_NONE);
    assert_int_equal(symbol_alphabet_length(&alphabet, 1448, past), LENGTH_FULL);
    assert_int_equal(symbol_alphabet_length(&alphabet, 200, past), LENGTH_SAME);
    assert_int_equal(symbol_alphabet_length(&alphabet, 201, past), LENGTH_ECHO);
    assert_int_equal(symbol_alphabet_least(&alphabet, LENGTH_ECHO, (struct length_past){ 0 }), UINT32_MAX);
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t bytes = symbol_alphabet_draw(&alphabet, symbol_alphabet_size(&alphabet, 1005), past, &random);

        assert_in_range(bytes, 1000, 1010);
    }
}

static void test_buckets_are_quarters_of_octaves(void **state)
{
    struct flow_length none;
    struct symbol_alphabet alphabet;
    uint8_t before = 0;

    (void)state;
    symbol_alphabet_build(&alphabet, &none, 0, 1);
    for (uint32_t bytes = 1; bytes <= UINT16_MAX; bytes++) {
        uint8_t symbol = symbol_alphabet_size(&alphabet, bytes);

        assert_true(symbol >= before && symbol >= LENGTH_BUCKET);
        if ((bytes & (bytes - 1)) == 0)
            assert_int_equal((symbol - LENGTH_BUCKET) % LENGTH_OCTAVE_PARTS, 0);
        before = symbol;
    }
    assert_int_equal(before, LENGTH_SYMBOLS - 1);
}

static void test_table_tells_what_followed(void **state)
{
    enum { ROOM = 140 };
    symbol_event events[64];
    struct symbol_table table;
    struct symbol_counts counts;
    size_t used = 0;

    (void)state;
    for (uint16_t i = 0; i < 10; i++)
        events[used++] = symbol_event_of(random_mix64(7), 0, i < 7 ? 5 : 600);
    for (uint16_t i = 0; i < 20; i++)
        events[used++] = symbol_event_of(random_mix64(8 + i), 0, 1); /* once: there is no room for them */
    events[used++] = symbol_event_of(random_mix64(8), 1, 1);
    symbol_table_build(&table, events, used, ROOM);
    assert_true(symbol_table_find(&table, random_mix64(7), 0, &counts));
    assert_int_equal(counts.total, 10);
    assert_int_equal(counts.size, 2);
    assert_int_equal(symbol_counts_at(&counts, 6), 5);
    assert_int_equal(symbol_counts_at(&counts, 7), 600);
    assert_false(symbol_table_find(&table, random_mix64(7), 1, &counts));
    assert_false(symbol_table_find(&table, random_mix64(8), 0, &counts));
    assert_true(symbol_table_find(&table, random_mix64(8), 1, &counts));
    assert_int_equal(counts.size, 1);
    assert_true(symbol_table_bytes(&table) <= ROOM);
    symbol_table_release(&table);
}

/* Witten-Bell: of 10 observations of 2 symbols, an escape once in six. */
static void test_table_escapes(void **state)
{
    struct random_stream random = stream_of(4);
    symbol_event events[10];
    struct symbol_table table;
    struct symbol_counts counts;
    uint32_t seen[3] = { 0 };

    (void)state;
    for (uint16_t i = 0; i < 10; i++)
        events[i] = symbol_event_of(random_mix64(7), 0, i < 7);
    symbol_table_build(&table, events, 10, 4096);
    assert_true(symbol_table_find(&table, random_mix64(7), 0, &counts));
    for (int i = 0; i < 12000; i++) {
        uint16_t symbol = 2;

        symbol_counts_draw(&counts, &random, &symbol);
        seen[symbol]++;
    }
    assert_in_range(seen[0], 3000 - 250, 3000 + 250);
    assert_in_range(seen[1], 7000 - 300, 7000 + 300);
    assert_in_range(seen[2], 2000 - 200, 2000 + 200);
    symbol_table_release(&table);
}

static void test_table_counts_above_its_largest(void **state)
{
    symbol_event *events = memory_alloc_array(100000, sizeof *events);
    struct symbol_table table;
    struct symbol_counts counts;

    (void)state;
    for (uint32_t i = 0; i < 100000; i++)
        events[i] = symbol_event_of(random_mix64(1), 0, i % 100 == 0 ? 1 : i == 1 ? 2 : 0);
    symbol_table_build(&table, events, 100000, 4096);
    assert_true(symbol_table_find(&table, random_mix64(1), 0, &counts));
    assert_int_equal(counts.size, 3);
    assert_in_range(counts.total, SYMBOL_MAX_COUNT - 8, SYMBOL_MAX_COUNT);
    assert_in_range(symbol_counts_of(&counts, 1), 315, 340); /* one in a hundred */
    assert_int_equal(symbol_counts_of(&counts, 2), 1);       /* never none */
    symbol_table_release(&table);
    free(events);
}

static void test_timing_tells_near_from_far(void **state)
{
    struct service_model service = new_service(IP_UDP, 64);
    struct symbol_flows flows;
    uint8_t clusters[64];

    (void)state;
    for (uint32_t i = 0; i < 64; i++) {
        struct script s = { .count = 0 };

        say(&s, FLOW_INITIATOR, 0, 10, 0);
        say(&s, FLOW_RESPONDER, 0, 10, i < 20 ? NS_PER_MS : 100 * NS_PER_MS);
        add_row(&service, &s);
    }
    symbol_flows_init(&flows, &service);
    symbol_timing_clusters(&flows, &service, clusters);
    for (uint32_t i = 0; i < 64; i++)
        assert_int_equal(clusters[i] == clusters[0], i < 20);
    symbol_flows_release(&flows);
    free_service(&service);
}

static void test_middle_of_a_gap_bin(void **state)
{
    (void)state;
    for (unsigned bin = 16; bin <= 250; bin++)
        assert_int_equal(log_grid_gap_bin(symbol_gap_ns((uint8_t)bin)), bin);
}

/* A bin in which all gaps lie at one place gives that place; one without gaps all of itself. */
static void test_gaps_lie_where_they_were(void **state)
{
    enum { TIMER = 100, EMPTY = 120, PART = 64 };
    struct symbol_packet packets[20];
    const struct symbol_flows flows = { .packets = packets, .packet_count = 20 };
    struct symbol_gap_parts parts;
    /* 2^(-1/8 + 1/16) of the middle, and a part more */
    const double least = (double)symbol_gap_ns(TIMER) * 0.957;
    int64_t last_ns = 0;

    (void)state;
    for (size_t i = 0; i < 20; i++)
        packets[i] = (struct symbol_packet){ .gap_bin = TIMER, .gap_part = PART };
    symbol_gap_parts_build(&parts, &flows);
    for (uint64_t place = 0; place <= UINT32_MAX; place += UINT32_C(1) << 27) {
        double timer_ns = (double)symbol_gap_parts_ns(&parts, TIMER, (uint32_t)place);
        int64_t empty_ns = symbol_gap_parts_ns(&parts, EMPTY, (uint32_t)place);

        assert_true(timer_ns > least * 0.99 && timer_ns < least * 1.01);
        assert_true(empty_ns >= last_ns);
        last_ns = empty_ns;
    }
    assert_int_equal(log_grid_gap_bin((uint64_t)symbol_gap_parts_ns(&parts, EMPTY, 1 << 28)), EMPTY);
    assert_true((double)symbol_gap_parts_ns(&parts, EMPTY, 0) < 0.94 * (double)symbol_gap_ns(EMPTY));
    assert_true((double)last_ns > 1.06 * (double)symbol_gap_ns(EMPTY));
}

enum { ROW_BIN = 100 };

static struct flow_packet packet_in_row(enum flow_side side, enum packet_mark mark, uint16_t bytes, uint8_t gap_bin)
{
    return (struct flow_packet){
        .side_and_flags = flow_packet_kind(side, mark, TCP_ACK), .gap_bin = gap_bin, .payload_bytes = bytes,
    };
}

static uint16_t token_like(enum flow_side side, uint16_t bytes)
{
    return token_of(side, PACKET_PLAIN, TCP_ACK, bytes > 0 ? LENGTH_EXACT : LENGTH_NONE);
}

/* Gap bin that the next packet takes from the row, or 0 if it takes none. */
static uint32_t taken_bin(const struct session_row *row, uint16_t token, uint64_t left, uint16_t *at)
{
    struct random_stream random = stream_of(1);
    int64_t gap_ns;

    return symbol_row_gaps_next(row, token, left, at, &random, &gap_ns) ? log_grid_gap_bin((uint64_t)gap_ns) : 0;
}

/* Who is not there is passed over, but not more than a few packets far. */
static void test_gaps_are_those_of_like_packets(void **state)
{
    struct flow_packet packets[16];
    const struct session_row row = { .sequence = packets, .sequence_length = 16, .sequence_head = 16 };
    const uint16_t request = token_like(FLOW_INITIATOR, 10);
    const uint16_t reply = token_like(FLOW_RESPONDER, 10);
    uint16_t at = 1;

    (void)state;
    for (uint8_t i = 0; i < 16; i++) /* five requests, a reply, ten requests */
        packets[i] = packet_in_row(i == 5 ? FLOW_RESPONDER : FLOW_INITIATOR, PACKET_PLAIN, 10, ROW_BIN + i);
    packets[3] = packet_in_row(FLOW_INITIATOR, PACKET_IMPAIRED, 10, ROW_BIN + 24);
    assert_int_equal(taken_bin(&row, request, 15, &at), ROW_BIN + 1);
    assert_int_equal(taken_bin(&row, request, 14, &at), ROW_BIN + 2);
    assert_int_equal(taken_bin(&row, request, 13, &at), ROW_BIN + 24); /* and that of bin 4, which adds little */
    assert_int_equal(at, 5);
    assert_int_equal(taken_bin(&row, token_like(FLOW_RESPONDER, 0), 12, &at), 0);
    assert_int_equal(at, 5);
    assert_int_equal(taken_bin(&row, reply, 12, &at), ROW_BIN + 5);
    assert_int_equal(taken_bin(&row, reply, 11, &at), 0);
    at = 14;
    assert_int_equal(taken_bin(&row, request, 2, &at), ROW_BIN + 14);
    assert_int_equal(taken_bin(&row, request, 1, &at), ROW_BIN + 15);
    assert_int_equal(taken_bin(&row, request, 1, &at), 0);
}

/* What was kept of a flow's end is for the session's end. */
static void test_gaps_behind_a_hole(void **state)
{
    struct flow_packet packets[10];
    const struct session_row row = { .sequence = packets, .sequence_length = 10, .sequence_head = 6 };
    const uint16_t token = token_like(FLOW_INITIATOR, 10);
    uint16_t at = 5;

    (void)state;
    for (uint8_t i = 0; i < 10; i++)
        packets[i] = packet_in_row(FLOW_INITIATOR, PACKET_PLAIN, 10, ROW_BIN + i);
    assert_int_equal(taken_bin(&row, token, 40, &at), ROW_BIN + 5);
    assert_int_equal(taken_bin(&row, token, 39, &at), 0);
    assert_int_equal(taken_bin(&row, token, 5, &at), 0);
    for (uint8_t i = 0; i < 4; i++)
        assert_int_equal(taken_bin(&row, token, 4U - i, &at), ROW_BIN + 6 + i);
    at = 2; /* a shorter session comes to its end sooner */
    assert_int_equal(taken_bin(&row, token, 4, &at), ROW_BIN + 6);
}

/* No model file makes a gap that does not add up. */
static void test_gaps_of_a_row_are_bounded(void **state)
{
    struct flow_packet packets[FLOW_MAX_SEQUENCE];
    const struct session_row row = {
        .sequence = packets, .sequence_length = FLOW_MAX_SEQUENCE, .sequence_head = FLOW_MAX_SEQUENCE,
    };
    const int64_t longest_ns = symbol_gap_place_ns(SYMBOL_LONGEST_GAP_BIN, UINT32_MAX) + 1;
    struct random_stream random = stream_of(1);
    uint16_t at = 0;
    int64_t gap_ns = 0;

    (void)state;
    assert_true(longest_ns > 0 && longest_ns <= INT64_MAX / FLOW_MAX_SEQUENCE);
    for (size_t i = 0; i < FLOW_MAX_SEQUENCE; i++)
        packets[i] = packet_in_row(FLOW_INITIATOR, PACKET_IMPAIRED, 10, UINT8_MAX);
    packets[FLOW_MAX_SEQUENCE - 1] = packet_in_row(FLOW_INITIATOR, PACKET_PLAIN, 10, UINT8_MAX);
    assert_true(symbol_row_gaps_next(&row, token_like(FLOW_INITIATOR, 10), 1, &at, &random, &gap_ns));
    assert_in_range(gap_ns, FLOW_MAX_SEQUENCE * (symbol_gap_place_ns(SYMBOL_LONGEST_GAP_BIN, 0) - 1),
                    FLOW_MAX_SEQUENCE * longest_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sampled_plans_are_spent_exactly),
        cmocka_unit_test(test_the_last_fin_is_acknowledged),
        cmocka_unit_test(test_any_plan_is_spent_exactly),
        cmocka_unit_test(test_datagrams_are_such_as_were_seen),
        cmocka_unit_test(test_large_datagrams_are_such_as_were_seen),
        cmocka_unit_test(test_a_side_never_heard_is_spent_exactly),
        cmocka_unit_test(test_impossible_plans_end_early),
        cmocka_unit_test(test_large_transfer_is_spent_exactly),
        cmocka_unit_test(test_a_session_in_haste_keeps_time_for_its_rest),
        cmocka_unit_test(test_same_random_numbers_same_packets),
        cmocka_unit_test(test_gaps_are_such_as_were_seen),
        cmocka_unit_test(test_handshake_takes_the_round_trip),
        cmocka_unit_test(test_over_many_paths_rows_are_equally_likely),
        cmocka_unit_test(test_a_path_keeps_its_round_trip),
        cmocka_unit_test(test_rows_are_of_the_planned_size_or_its_bin),
        cmocka_unit_test(test_who_gets_no_answer_sends_few_syns),
        cmocka_unit_test(test_plans_without_a_service_have_no_row),
        cmocka_unit_test(test_fits_of_little),
        cmocka_unit_test(test_impaired_packets_are_left_out),
        cmocka_unit_test(test_tables_are_bounded),
        cmocka_unit_test(test_frequent_lengths_are_exact),
        cmocka_unit_test(test_buckets_are_quarters_of_octaves),
        cmocka_unit_test(test_table_tells_what_followed),
        cmocka_unit_test(test_table_escapes),
        cmocka_unit_test(test_table_counts_above_its_largest),
        cmocka_unit_test(test_timing_tells_near_from_far),
        cmocka_unit_test(test_middle_of_a_gap_bin),
        cmocka_unit_test(test_gaps_lie_where_they_were),
        cmocka_unit_test(test_gaps_are_those_of_like_packets),
        cmocka_unit_test(test_gaps_behind_a_hole),
        cmocka_unit_test(test_gaps_of_a_row_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
