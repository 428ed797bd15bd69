#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dayshift/network_stats.h"
#include "dayshift/session_options.h"
#include "net/wire.h"
#include "session/packet_model.h"
#include "session/session.h"
#include "session/tcp_machine.h"
#include "synth/service_flows.h"

#define I FLOW_INITIATOR
#define R FLOW_RESPONDER

enum { S = TCP_SYN, F = TCP_FIN, X = TCP_RST, P = TCP_PSH, A = TCP_ACK };

/* ---- the TCP machine ---- */

struct step {
    uint8_t side, flags;
    bool has_payload;
    enum packet_mark mark;
};

/* Steps that are allowed, one after the other, and then one that is `allowed` or not. */
static const struct {
    const char *name;
    bool under_way;
    struct step steps[8];
    size_t count;
    struct step last;
    bool allowed;
} machine_cases[] = {
    { "SYN opens", false, { { 0 } }, 0, { I, S, 0, 0 }, true },
    { "the responder does not", false, { { 0 } }, 0, { R, S, 0, 0 }, false },
    { "nor an ACK", false, { { 0 } }, 0, { I, A, 0, 0 }, false },
    { "no data in a SYN", false, { { 0 } }, 0, { I, S, 1, 0 }, false },
    { "SYN again", false, { { I, S, 0, 0 } }, 1, { I, S, 0, 0 }, true },
    { "SYN-ACK", false, { { I, S, 0, 0 } }, 1, { R, S | A, 0, 0 }, true },
    { "SYN-PSH-ACK", false, { { I, S, 0, 0 } }, 1, { R, S | P | A, 0, 0 }, false },
    { "data before SYN-ACK", false, { { I, S, 0, 0 } }, 1, { I, P | A, 1, 0 }, false },
    { "refused", false, { { I, S, 0, 0 } }, 1, { R, X | A, 0, 0 }, true },
    { "tries again", false, { { I, S, 0, 0 }, { R, X | A, 0, 0 } }, 2, { I, S, 0, 0 }, true },
    { "data after a refusal", false, { { I, S, 0, 0 }, { R, X | A, 0, 0 } }, 2, { I, A, 1, 0 }, false },
    { "third packet with data", false, { { I, S, 0, 0 }, { R, S | A, 0, 0 } }, 2, { I, P | A, 1, 0 }, true },
    { "responder before the third", false, { { I, S, 0, 0 }, { R, S | A, 0, 0 } }, 2, { R, P | A, 1, 0 }, false },
    { "SYN-ACK is refused", false, { { I, S, 0, 0 }, { R, S | A, 0, 0 } }, 2, { I, X, 0, 0 }, true },
    { "SYN in mid-connection", true, { { 0 } }, 0, { I, S, 0, 0 }, false },
    { "under way", true, { { 0 } }, 0, { R, P | A, 1, 0 }, true },
    { "without ACK", true, { { 0 } }, 0, { R, P, 1, 0 }, false },
    { "no flags", true, { { 0 } }, 0, { R, 0, 0, 0 }, false },
    { "PSH of nothing", true, { { 0 } }, 0, { R, P | A, 0, 0 }, false },
    { "FIN-RST", true, { { 0 } }, 0, { R, F | X | A, 0, 0 }, false },
    { "data with RST", true, { { 0 } }, 0, { R, X | A, 1, 0 }, false },
    { "data with FIN", true, { { 0 } }, 0, { R, F | P | A, 1, 0 }, true },
    { "data behind FIN", true, { { I, F | A, 0, 0 } }, 1, { I, P | A, 1, 0 }, false },
    { "a second FIN", true, { { I, F | A, 0, 0 } }, 1, { I, F | A, 0, 0 }, false },
    { "half-close", true, { { I, F | A, 0, 0 } }, 1, { R, P | A, 1, 0 }, true },
    { "ACK behind FIN", true, { { I, F | A, 0, 0 }, { R, P | A, 1, 0 } }, 2, { I, A, 0, 0 }, true },
    { "RST behind FINs", true, { { I, F | A, 0, 0 }, { R, F | A, 0, 0 } }, 2, { I, X, 0, 0 }, true },
    { "behind own RST", true, { { I, X | A, 0, 0 } }, 1, { I, A, 0, 0 }, false },
    { "another RST", true, { { I, X | A, 0, 0 } }, 1, { I, X, 0, 0 }, true },
    { "under way to a RST", true, { { I, X | A, 0, 0 } }, 1, { R, P | A, 1, 0 }, true },
    { "and behind one's own", true, { { I, X | A, 0, 0 }, { R, X | A, 0, 0 } }, 2, { R, F | A, 0, 0 }, false },
    { "keep-alive", true, { { 0 } }, 0, { R, A, 0, PACKET_KEEPALIVE }, true },
    { "keep-alive with data", true, { { 0 } }, 0, { R, A, 1, PACKET_KEEPALIVE }, false },
    { "keep-alive behind FIN", true, { { R, F | A, 0, 0 } }, 1, { R, A, 0, PACKET_KEEPALIVE }, false },
    { "closed window", true, { { R, A, 0, PACKET_ZERO_WINDOW } }, 1, { I, P | A, 1, 0 }, false },
    { "probe of it", true, { { R, A, 0, PACKET_ZERO_WINDOW } }, 1, { I, A, 0, PACKET_KEEPALIVE }, true },
    { "open again", true, { { R, A, 0, PACKET_ZERO_WINDOW }, { R, A, 0, 0 } }, 2, { I, P | A, 1, 0 }, true },
    { "closes its window and speaks", true, { { R, A, 0, PACKET_ZERO_WINDOW } }, 1, { R, P | A, 1, 0 }, true },
    { "the network's doing", true, { { 0 } }, 0, { R, A, 1, PACKET_IMPAIRED }, false },
};

static bool allows(const struct tcp_machine *m, const struct step *s)
{
    return tcp_machine_allows(m, (enum flow_side)s->side, s->flags, s->mark, s->has_payload);
}

static void test_tcp_machine(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof machine_cases / sizeof *machine_cases; i++) {
        struct tcp_machine m = tcp_machine_begin(machine_cases[i].under_way);

        for (size_t k = 0; k < machine_cases[i].count; k++) {
            const struct step *s = &machine_cases[i].steps[k];

            if (!allows(&m, s))
                fail_msg("%s: step %zu", machine_cases[i].name, k);
            tcp_machine_send(&m, (enum flow_side)s->side, s->flags, s->mark);
        }
        if (allows(&m, &machine_cases[i].last) != machine_cases[i].allowed)
            fail_msg("%s", machine_cases[i].name);
    }
}

/* ---- fits ---- */

static unsigned fits, releases;

static struct packet_tables *count_fit(const struct service_model *service)
{
    fits++;
    return service->port == 0 ? NULL : memory_alloc(1);
}

static void count_release(struct packet_tables *tables)
{
    releases++;
    free(tables);
}

/* Once for each service, however often it is asked for; those that do without are not asked again. */
static void test_fits_are_kept(void **state)
{
    enum { SERVICES = 500 };
    static const struct packet_model counting = { .name = "counting", .fit = count_fit, .release = count_release };
    struct packet_models *models = packet_models_new(&counting, NULL, 0);
    struct service_model services[SERVICES] = { { 0 } };
    const struct packet_tables *first[SERVICES];

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < SERVICES; i++) {
            const struct packet_tables *tables;

            services[i].port = i % 10;
            tables = packet_models_tables(models, &services[i]);
            assert_int_equal(tables == NULL, i % 10 == 0);
            assert_true(round == 0 || tables == first[i]);
            first[i] = tables;
        }
    }
    assert_int_equal(fits, SERVICES);
    packet_models_free(models);
    assert_int_equal(releases, SERVICES - SERVICES / 10);
}

static void test_names(void **state)
{
    static const char *const names[] = { "symbols", "bn", "bn-tcp", "messages" };
    struct session_options options = { 0 };
    char text[TEXT_NAMES];
    struct error err;

    (void)state;
    assert_string_equal(session_options_packet_models(text), "symbols, bn, bn-tcp, messages");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_string_equal(packet_model_find(names[i])->name, names[i]);
        assert_ptr_equal(packet_model_at(i), packet_model_find(names[i]));
        assert_int_equal(session_options_set_packet_model(&options, names[i], &err), 0);
        assert_string_equal(options.packet_model, names[i]);
    }
    assert_null(packet_model_at(sizeof names / sizeof *names));
    assert_ptr_equal(packet_model_find("symbols"), packet_model_find(NULL));
    assert_null(packet_model_find("symbol"));
    assert_int_equal(session_options_set_packet_model(&options, "symbol", &err), -1);
    assert_string_equal(err.text, "'symbol' is not one of: symbols, bn, bn-tcp, messages");
    assert_string_equal(options.packet_model, "messages");
}

/* ---- flows of services ---- */

static struct service_flows *make_flows(uint64_t count, uint64_t seed, uint8_t protocol)
{
    static struct session_row rows[] = { { .packets = { 1, 1 } }, { .packets = { 2, 3 } } };
    static const struct service_model services[] = {
        { .protocol = IP_TCP, .port = 80, .flows = 300, .rows = rows, .row_count = 2 },
        { .protocol = IP_UDP, .port = 53, .flows = 100, .rows = rows, .row_count = 1 },
        { .protocol = IP_UDP, .port = SERVICE_OTHER_PORTS, .flows = 100, .rows = rows, .row_count = 1 },
    };
    struct service_flows_config config = {
        .services = services, .service_count = 3, .protocol = protocol, .flows = count, .spacing_ns = 1000000,
        .seed = seed,
    };
    struct error err;

    assert_int_equal(ip_network_parse(&config.initiators, "10.0.0.0/24"), 0);
    assert_int_equal(ip_network_parse(&config.responders, "10.0.1.0/24"), 0);
    return service_flows_new(&config, &err);
}

/* Services by their flows: of 20,000 within 2 %; ends inside the networks; in order of time. */
static void test_flows_of_services(void **state)
{
    enum { COUNT = 20000 };
    struct service_flows *flows = make_flows(COUNT, 1, 0);
    uint64_t counts[3] = { 0 };
    struct flow_plan plan;
    struct error err;
    int64_t last_ns = 0;
    uint64_t made = 0;

    (void)state;
    for (; service_flows_next(flows, &plan, &err) > 0; made++) {
        counts[plan.protocol == IP_TCP ? 0 : plan.ends[R].port == 53 ? 1 : 2]++;
        assert_in_range(plan.ends[I].name, 0x0a000001, 0x0a0000fe);
        assert_in_range(plan.ends[R].name, 0x0a000101, 0x0a0001fe);
        assert_true(plan.start.ns >= last_ns);
        assert_true(plan.packets == 2 || (plan.packets == 5 && plan.protocol == IP_TCP));
        last_ns = plan.start.ns;
    }
    assert_int_equal(made, COUNT);
    assert_in_range(counts[0], COUNT * 58 / 100, COUNT * 62 / 100);
    assert_in_range(counts[1], COUNT * 18 / 100, COUNT * 22 / 100);
    assert_in_range(last_ns, COUNT * INT64_C(980000), COUNT * INT64_C(1020000));
    service_flows_free(flows);
}

/* A flow depends on seed and number alone; one protocol makes no other; none is refused. */
static void test_flows_are_reproducible(void **state)
{
    struct service_flows *few = make_flows(10, 7, IP_UDP);
    struct service_flows *many = make_flows(20, 7, IP_UDP);
    struct flow_plan a, b;
    struct error err;

    (void)state;
    while (service_flows_next(few, &a, &err) > 0) {
        assert_int_equal(service_flows_next(many, &b, &err), 1);
        assert_int_equal(a.key, b.key);
        assert_int_equal(a.start.ns, b.start.ns);
        assert_memory_equal(a.ends, b.ends, sizeof a.ends);
        assert_int_equal(a.protocol, IP_UDP);
    }
    service_flows_free(few);
    service_flows_free(many);
    assert_null(make_flows(1, 1, IP_ICMP));
}

/* ---- whatever a model file may hold ---- */

enum { ANY_ROWS = 12, ANY_PACKETS = 90, ANY_ROUNDS = 120, MOST_DRAWN = 600 };

static uint64_t any_number(struct random_stream *random, uint64_t most)
{
    uint64_t number = random_u64(random) >> random_below_u32(random, 64);

    return number < most ? number : most;
}

/* Packets that a connection could have, or any bytes; of equal chance. */
static struct flow_packet any_packet(struct random_stream *random)
{
    static const uint8_t flags[] = { S, S | A, A, P | A, F | A, X | A };
    bool is_likely = random_below_u32(random, 2);
    uint32_t any = random_u32(random);

    if (!is_likely)
        return (struct flow_packet){ .side_and_flags = (uint8_t)any, .gap_bin = (uint8_t)(any >> 8),
                                     .payload_bytes = (uint16_t)(any >> 16) };
    return (struct flow_packet){
        .side_and_flags = (uint8_t)((any & 0x80) | flags[random_below_u32(random, sizeof flags)]),
        .gap_bin = (uint8_t)(any >> 8),
        .gap_part = (uint8_t)(any >> 16),
        .payload_bytes = (uint16_t)any_number(random, UINT16_MAX),
    };
}

/* In the ranges that loading checks. */
static struct session_row any_row(struct random_stream *random, struct flow_packet *sequence)
{
    struct session_row row = {
        .duration_ns = (int64_t)any_number(random, INT64_MAX / 4),
        .rtt_ns = (int64_t)any_number(random, INT64_MAX / 4),
        .turns = (uint32_t)any_number(random, UINT32_MAX),
        .opening = (enum flow_opening)random_below_u32(random, 3),
        .ending = (enum flow_ending)random_below_u32(random, 3),
        .first_data_side = (enum flow_side)random_below_u32(random, 2),
        .closing_side = (enum flow_side)random_below_u32(random, 2),
        .is_measured = random_below_u32(random, 2),
        .sequence = sequence,
    };
    uint64_t packets;

    for (int side = 0; side < 2; side++) {
        row.packets[side] = any_number(random, FLOW_MAX_PACKETS);
        row.data_packets[side] = any_number(random, row.packets[side]);
        row.payload_bytes[side] = any_number(random, row.data_packets[side] ? FLOW_MAX_BYTES : 0);
        row.mss[side] = (uint16_t)any_number(random, UINT16_MAX);
        row.ttl[side] = (uint8_t)any_number(random, UINT8_MAX);
        row.window[side] = (uint16_t)any_number(random, UINT16_MAX);
        row.open_window[side] = (uint16_t)any_number(random, UINT16_MAX);
        row.tcp_options[side] = (uint8_t)random_u32(random);
        row.window_scale[side] = (uint8_t)random_u32(random);
        row.timestamp_hz[side] = (uint16_t)any_number(random, 1000);
        row.ip_id[side] = (enum ip_id_kind)random_below_u32(random, 4);
        row.retransmitted[side] = (uint32_t)any_number(random, UINT32_MAX);
        row.reordered[side] = (uint32_t)any_number(random, UINT32_MAX);
        row.duplicated[side] = (uint32_t)any_number(random, UINT32_MAX);
        row.fragments[side] = (uint32_t)any_number(random, UINT32_MAX);
    }
    if (session_row_packets(&row) == 0)
        row.packets[I] = 1;
    packets = session_row_packets(&row);
    row.sequence_length = random_below_u32(random, ANY_PACKETS + 1);
    if (row.sequence_length > packets)
        row.sequence_length = (uint32_t)packets;
    row.sequence_head = random_below_u32(random, row.sequence_length + 1);
    for (uint32_t i = 0; i < row.sequence_length; i++)
        sequence[i] = any_packet(random);
    if (row.sequence_length == 0)
        row.sequence = NULL;
    return row;
}

static int compare_rows(const void *a, const void *b)
{
    return session_row_compare(a, b);
}

/* The next packet as it leaves the session. */
static bool next_packet(void *self, struct session_packet *packet)
{
    return session_next(self, packet);
}

/* Draws from a fit to such rows, as the network treats them; a session ends soon when told to. */
static void play_any(const struct service_model *service, struct packet_models *models, uint64_t key,
                     struct random_stream *random)
{
    static const struct impairment_rates learned = { .learned = true };
    struct flow_plan plan = {
        .key = key,
        .ends = { { IPV4_END(1), .port = 40000 }, { IPV4_END(2), .port = (uint16_t)service->port } },
        .protocol = service->protocol,
        .packets = 1 + any_number(random, 3000),
        .service = service,
    };
    struct session session;
    struct session_packet_source source = { next_packet, &session };
    struct impairment_counts counts;
    struct impairments impairments;
    struct session_packet packet;
    uint32_t drawn = 0;

    if (random_below_u32(random, 2))
        plan.packets = session_row_packets(&service->rows[random_below(random, service->row_count)]);
    session_begin(&session, &plan, 1, models, &learned, &counts);
    impairments_begin(&impairments, &counts, plan.protocol, !session_joins(&session),
                      &session.course.shape.total, session.course.shape.rtt_ns, session.numbers.window_scale);
    while (drawn < MOST_DRAWN && impairments_next(&impairments, &source, random, &packet)) {
        assert_true(packet.gap_ns >= 0);
        assert_true(packet.payload_bytes <= session.course.shape.most_bytes[packet.side]);
        drawn++;
    }
    session_hurry(&session);
    for (drawn = 0; session_next(&session, &packet); drawn++)
        assert_true(drawn < 12);
    session_release(&session);
}

/* Nothing that loading lets through crashes a fit or a draw of any packet model. */
static void test_any_rows_and_sequences(void **state)
{
    static const char *const names[] = { "symbols", "bn", "bn-tcp", "messages" };
    static const uint8_t protocols[] = { IP_TCP, IP_UDP, IP_ICMP };
    static struct flow_packet sequences[ANY_ROWS][ANY_PACKETS];
    struct random_stream random;

    (void)state;
    random_init(&random, 5, RANDOM_SESSION, 0, 0, 0);
    for (uint64_t round = 0; round < ANY_ROUNDS; round++) {
        struct session_row rows[ANY_ROWS];
        struct service_model service = { .protocol = protocols[round % 3], .port = round % 2 ? 53 : 80, .rows = rows,
                                         .row_count = 1 + random_below(&random, ANY_ROWS) };
        const struct service_model *services[] = { &service };

        for (size_t i = 0; i < service.row_count; i++)
            rows[i] = any_row(&random, sequences[i]);
        qsort(rows, service.row_count, sizeof *rows, compare_rows);
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            struct packet_models *models = packet_models_new(packet_model_find(names[k]), services, 1);

            for (uint64_t i = 0; i < 10; i++)
                play_any(&service, models, round << 8 | i, &random);
            packet_models_free(models);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_rows_and_sequences),
        cmocka_unit_test(test_tcp_machine),
        cmocka_unit_test(test_fits_are_kept),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_flows_of_services),
        cmocka_unit_test(test_flows_are_reproducible),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
