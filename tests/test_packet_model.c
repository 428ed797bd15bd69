#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "net/wire.h"
#include "session/packet_model.h"
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
    static const char *const names[] = { "symbols", "messages", "bn", "bn-tcp" };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_string_equal(packet_model_find(names[i])->name, names[i]);
        assert_non_null(strstr(packet_model_names(), names[i]));
    }
    assert_ptr_equal(packet_model_find("symbols"), packet_model_default());
    assert_null(packet_model_find("symbol"));
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
        assert_in_range(plan.ends[I].address, 0x0a000001, 0x0a0000fe);
        assert_in_range(plan.ends[R].address, 0x0a000101, 0x0a0001fe);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp_machine),
        cmocka_unit_test(test_fits_are_kept),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_flows_of_services),
        cmocka_unit_test(test_flows_are_reproducible),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
