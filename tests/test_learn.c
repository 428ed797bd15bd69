#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "base/random.h"
#include "dayshift/port_feature.h"
#include "learn/fit.h"
#include "learn/learner.h"
#include "learn/mixture_fit.h"
#include "learn/row_sample.h"
#include "net/wire.h"

static void assert_near(double actual, double expected, double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance))
        fail_msg("%.9g is not %.9g to within %g", actual, expected, tolerance);
}

/* ---- mixtures ---- */

enum { POINTS = 400, MOST_COMPONENTS = 3 };
#define GRID 0.05
#define FLOOR (GRID / 3.4641)

/* A histogram of `n` draws' expectation: bin masses of the mixture on a grid. */
static size_t histogram(const struct mixture *m, double n, struct weighted_point *points)
{
    size_t used = 0;

    for (int i = 0; i < POINTS; i++) {
        double x = -2 + i * GRID;
        double mass = 0;

        for (uint32_t k = 0; k < m->size; k++) {
            const struct mixture_component *c = &m->components[k];

            mass += c->weight * 0.5 *
                    (erfc((c->mean - x - GRID / 2) / (c->sd * M_SQRT2)) -
                     erfc((c->mean - x + GRID / 2) / (c->sd * M_SQRT2)));
        }
        if (round(n * mass) > 0)
            points[used++] = (struct weighted_point){ x, round(n * mass) };
    }
    return used;
}

static int compare_means(const void *a, const void *b)
{
    const struct mixture_component *x = a;
    const struct mixture_component *y = b;

    return x->mean < y->mean ? -1 : x->mean > y->mean;
}

/* Known mixtures come back: as many components, weights within 0.01, moments within 0.05. */
static void test_mixture_recovered(void **state)
{
    static const struct mixture cases[] = {
        { .size = 1, .components = { { 1.0, 3.0, 0.5 } } },
        { .size = 1, .components = { { 1.0, 8.0, 2.0 } } },
        { .size = 2, .components = { { 0.5, 1.0, 0.3 }, { 0.5, 6.0, 0.6 } } },
        { .size = 2, .components = { { 0.9, 2.0, 0.2 }, { 0.1, 4.0, 0.4 } } },
        { .size = 3, .components = { { 0.2, 0.5, 0.2 }, { 0.5, 4.0, 0.5 }, { 0.3, 9.0, 0.8 } } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct weighted_point points[POINTS];
        size_t count = histogram(&cases[i], 10000, points);
        struct mixture fitted = { 0 };

        mixture_fit(&fitted, points, count, FLOOR);
        assert_int_equal(fitted.size, cases[i].size);
        qsort(fitted.components, fitted.size, sizeof *fitted.components, compare_means);
        for (uint32_t k = 0; k < fitted.size; k++) {
            assert_near(fitted.components[k].weight, cases[i].components[k].weight, 0.01);
            assert_near(fitted.components[k].mean, cases[i].components[k].mean, 0.05);
            assert_near(fitted.components[k].sd, cases[i].components[k].sd, 0.05);
        }
    }
}

/* From many bad starts, step by step: never down by more than rounding. */
static void test_likelihood_never_falls(void **state)
{
    struct random_stream random;

    (void)state;
    random_init(&random, 1, RANDOM_FIT, 0, 0, 0);
    for (int trial = 0; trial < 200; trial++) {
        struct weighted_point points[30];
        struct mixture m = { .size = 1 + (uint32_t)random_below(&random, MIXTURE_MAX) };
        double before = -INFINITY;

        for (size_t i = 0; i < 30; i++)
            points[i] = (struct weighted_point){ random_unit(&random) * 10,
                                                  (double)(1 + random_below(&random, 99)) };
        for (uint32_t k = 0; k < m.size; k++)
            m.components[k] = (struct mixture_component){ 1.0 / m.size, random_unit(&random) * 10,
                                                          0.2 + random_unit(&random) };
        for (int i = 0; i < 60; i++) {
            double now = mixture_em_step(&m, points, 30, FLOOR);

            assert_true(now >= before - 1e-9 * fabs(now));
            before = now;
        }
        assert_true(mixture_log_likelihood(&m, points, 30) >= before - 1e-9 * fabs(before));
    }
}

static double total_weight(const struct mixture *m)
{
    double sum = 0;

    for (uint32_t k = 0; k < m->size; k++)
        sum += m->components[k].weight;
    return sum;
}

static void test_mixture_of_few_points(void **state)
{
    const struct weighted_point one[] = { { 2.5, 7 } };
    const struct weighted_point once[] = { { 0, 1 } };
    const struct weighted_point two[] = { { 0, 100 }, { 12, 300 } };
    struct mixture m;

    (void)state;
    mixture_fit(&m, one, 1, FLOOR);
    assert_int_equal(m.size, 1);
    assert_near(m.components[0].weight, 1, 1e-12);
    assert_near(m.components[0].mean, 2.5, 1e-12);
    assert_near(m.components[0].sd, FLOOR, 1e-12); /* what the grid can tell apart */
    mixture_fit(&m, once, 1, FLOOR);
    assert_int_equal(m.size, 1);
    mixture_fit(&m, two, 2, FLOOR);
    qsort(m.components, m.size, sizeof *m.components, compare_means);
    assert_int_equal(m.size, 2);
    assert_near(m.components[0].mean, 0, 1e-9);
    assert_near(m.components[0].weight, 0.25, 1e-9);
    assert_near(m.components[1].mean, 12, 1e-9);
    assert_near(m.components[1].sd, FLOOR, 1e-9);
    assert_near(total_weight(&m), 1, 1e-12);
}

/* ---- ports as features ---- */

static void test_port_features(void **state)
{
    uint32_t sizes[PORT_FEATURES] = { 0 };

    (void)state;
    for (uint32_t port = 0; port <= UINT16_MAX; port++) {
        uint32_t feature = port_feature_of((uint16_t)port);

        assert_in_range(feature, 0, PORT_FEATURES - 1);
        assert_in_range(port, port_feature_first(feature), port_feature_first(feature + 1) - 1);
        assert_int_equal(port_feature_is_exact(feature), port <= 1024);
        sizes[feature]++;
    }
    assert_int_equal(PORT_FEATURES, 1046);
    for (uint32_t feature = 0; feature < PORT_FEATURES; feature++) {
        assert_int_equal(sizes[feature], port_feature_first(feature + 1) - port_feature_first(feature));
        if (feature < PORT_REGISTERED_FIRST)
            assert_int_equal(sizes[feature], 1);
        else if (feature < PORT_FEATURES - 1)
            assert_in_range(sizes[feature], 2406, 2407); /* 48,127 / 20 = 2406.35 */
    }
    assert_int_equal(sizes[PORT_FEATURES - 1], 16384);
}

/* ---- samples of flows ---- */

static void add_rows(struct row_sample *sample, uint64_t first, uint64_t end, uint64_t step)
{
    for (uint64_t i = first; i < end; i += step) {
        struct session_row row = { .packets = { i, 1 } };

        row_sample_add(sample, random_mix64(i), &row);
    }
}

static void assert_same_sample(const struct row_sample *a, const struct row_sample *b)
{
    assert_int_equal(a->used, b->used);
    for (size_t i = 0; i < a->used; i++) {
        assert_true(a->rows[i].key == b->rows[i].key);
        assert_int_equal(a->rows[i].row.packets[0], b->rows[i].row.packets[0]);
    }
}

/* However the flows are cut and ordered, the sample of all is the sample of the parts' samples. */
static void test_sample_of_union(void **state)
{
    static const struct {
        uint64_t all;
        size_t kept;
    } cases[] = { { 1, 1 }, { 255, 255 }, { 256, 256 }, { 257, 256 }, { 5000, 256 } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t half = (cases[i].all + 1) / 2;
        struct row_sample whole = { 0 };
        struct row_sample parts[2] = { { 0 } };
        struct row_sample joined = { 0 };

        add_rows(&whole, 0, cases[i].all, 1);
        row_sample_finish(&whole);
        assert_int_equal(whole.used, cases[i].kept);
        add_rows(&parts[0], half, cases[i].all, 1);
        add_rows(&parts[1], 0, half, 2); /* and the even before the odd */
        add_rows(&parts[1], 1, half, 2);
        for (int part = 0; part < 2; part++) {
            row_sample_finish(&parts[part]);
            for (size_t j = 0; j < parts[part].used; j++)
                row_sample_add(&joined, parts[part].rows[j].key, &parts[part].rows[j].row);
            free(parts[part].rows);
        }
        row_sample_finish(&joined);
        assert_same_sample(&whole, &joined);
        for (size_t j = 1; j < whole.used; j++)
            assert_true(session_row_packets(&whole.rows[j].row) >=
                        session_row_packets(&whole.rows[j - 1].row));
        free(whole.rows);
        free(joined.rows);
    }
}

/* ---- the learner, record by record ---- */

#define A "10.0.0.1"
#define B "10.0.0.2"
#define OUT "192.0.2.7"

static const struct day_time morning = { INT64_C(20000) * NS_PER_DAY + 100 * NS_PER_SLICE };

static struct ip_address address(const char *text)
{
    struct ip_address a;

    assert_int_equal(ip_address_parse(&a, text), 0);
    return a;
}

/* A flow of three packets one way and two the other. */
static struct flow_record flow(int64_t ms, const char *from, const char *to, uint8_t protocol,
                               uint16_t port)
{
    return (struct flow_record){
        .address = { address(from), address(to) },
        .port = { 50000, port },
        .protocol = protocol,
        .start = { morning.ns + ms * NS_PER_MS },
        .duration_ns = NS_PER_MS,
        .packets = { 3, 2 },
        .bytes = { 300, 2000 },
    };
}

static struct learner *learner_of(const struct flow_record *records, size_t count)
{
    struct learner *learner = learner_new(&(struct learner_config){ 0 });

    for (size_t i = 0; i < count; i++)
        learner_add(learner, &records[i]);
    return learner;
}

static uint32_t state_of(const struct network_stats *stats, uint32_t host, enum host_role role,
                         uint8_t protocol, uint32_t feature)
{
    struct state_key key = { role, protocol, feature };
    uint32_t state = tally_find(&stats->states, host, state_key_pack(key));

    assert_int_not_equal(state, TALLY_NONE);
    return state;
}

static uint32_t packed(enum peer_kind kind, uint32_t id)
{
    return peer_pack((struct peer){ kind, id });
}

/* A asks B twice and the world once; B asks a group. */
static void test_learner_counts(void **state)
{
    const struct flow_record records[] = {
        flow(0, A, B, IP_TCP, 445),
        flow(1000, A, OUT, IP_TCP, 443),
        flow(3000, A, B, IP_TCP, 445),
        flow(4000, B, "224.0.0.251", IP_UDP, 5353),
    };
    struct learner *learner = learner_of(records, 4);
    const struct network_stats *stats = learner_finish(learner);
    uint32_t asks_b = state_of(stats, 0, ROLE_INITIATOR, IP_TCP, 445);
    uint32_t asks_out = state_of(stats, 0, ROLE_INITIATOR, IP_TCP, 443);
    uint32_t answers = state_of(stats, 1, ROLE_RESPONDER, IP_TCP, 445);
    uint32_t asks_group = state_of(stats, 1, ROLE_INITIATOR, IP_UDP, port_feature_of(5353));
    uint32_t transition = tally_find(&stats->transitions, asks_b, asks_out);
    uint32_t slice = slice_number(morning);
    const struct activity *a;

    (void)state;
    assert_int_equal(stats->host_count, 2);
    assert_int_equal(stats->states.used, 4);
    assert_int_equal(stats->flows, 4);
    assert_int_equal(stats->packets, 20);
    assert_int_equal(stats->states.entries[asks_b].count, 2);
    assert_int_equal(tally_count(&stats->initial, 0, asks_b), 1);
    assert_int_equal(tally_count(&stats->initial, 1, answers), 1);
    assert_int_equal(stats->transitions.used, 4);
    assert_int_equal(tally_count(&stats->transitions, asks_out, asks_b), 1);
    assert_int_equal(tally_count(&stats->transitions, answers, answers), 1);
    assert_int_equal(tally_count(&stats->transitions, answers, asks_group), 1);
    assert_int_equal(tally_count(&stats->gaps, transition, log_grid_bin(1e9, GAP_GRID_PER_OCTAVE)), 1);
    assert_int_equal(tally_count(&stats->volumes, asks_b, log_grid_bin(5, VOLUME_GRID_PER_OCTAVE)), 2);
    assert_int_equal(tally_count(&stats->initiator_ports, asks_b, PORT_FEATURES - 1), 2);
    assert_int_equal(tally_count(&stats->responder_ports, asks_group, 5353), 1);
    assert_int_equal(stats->responder_ports.used, 1); /* the others' features are one port each */
    assert_int_equal(tally_count(&stats->peers, asks_b, packed(PEER_LOCAL, 1)), 2);
    assert_int_equal(tally_count(&stats->peers, answers, packed(PEER_LOCAL, 0)), 2);
    assert_int_equal(tally_count(&stats->peers, asks_group, packed(PEER_GROUP, 0)), 1);
    a = &stats->activity[tally_find(&stats->active, 0, slice)];
    assert_int_equal(a->packets_sent, 9);
    assert_int_equal(a->packets_received, 6);
    assert_int_equal(a->flows_initiated, 3);
    a = &stats->activity[tally_find(&stats->active, 1, slice)];
    assert_int_equal(a->packets_sent, 7);
    assert_int_equal(a->bytes_sent, 4300);
    assert_int_equal(a->flows_answered, 2);
    learner_free(learner);
}

/* A host is who sends, not who is only asked; what 0.0.0.0 asks comes from no group. */
static void test_who_is_a_host(void **state)
{
    struct flow_record records[] = {
        flow(0, A, B, IP_TCP, 445),           /* no answer */
        flow(1000, OUT, A, IP_TCP, 22),       /* asked from outside */
        flow(2000, OUT, "198.51.100.1", IP_TCP, 80), /* none of ours */
        flow(3000, "0.0.0.0", A, IP_UDP, 67),
    };
    struct learner *learner;
    const struct network_stats *stats;
    struct ip_address expected = address(A);

    (void)state;
    records[0].packets[FLOW_RESPONDER] = 0;
    learner = learner_of(records, 4);
    stats = learner_finish(learner);
    assert_int_equal(stats->host_count, 1);
    assert_true(ip_address_equal(learner_host_address(learner, 0), &expected));
    assert_int_equal(learner_foreign_flows(learner), 1);
    assert_int_equal(stats->flows, 4);
    assert_int_equal(stats->states.used, 3);
    for (size_t i = 0; i < stats->peers.used; i++)
        assert_int_equal(peer_unpack(stats->peers.entries[i].symbol).kind, PEER_OUTSIDE);
    assert_int_equal(stats->services.used, 3); /* a foreign flow is no sample */
    learner_free(learner);
}

/* With a list: these hosts in this order, seen or not, and no others. */
static void test_listed_hosts(void **state)
{
    const struct ip_address hosts[] = { address("10.9.9.9"), address(B), address(OUT) };
    struct learner *learner = learner_new(&(struct learner_config){ .hosts = hosts, .host_count = 3 });
    const struct flow_record record = flow(0, A, B, IP_TCP, 445);
    const struct network_stats *stats;

    (void)state;
    learner_add(learner, &record);
    stats = learner_finish(learner);
    assert_int_equal(stats->host_count, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_true(ip_address_equal(learner_host_address(learner, i), &hosts[i]));
    assert_int_equal(stats->states.used, 1);
    state_of(stats, 1, ROLE_RESPONDER, IP_TCP, 445);
    learner_free(learner);
}

static void test_local_networks(void **state)
{
    struct ip_network local;
    struct learner *learner;
    const struct flow_record record = flow(0, A, OUT, IP_TCP, 443);

    (void)state;
    assert_int_equal(ip_network_parse(&local, "192.0.2.0/24"), 0);
    learner = learner_new(&(struct learner_config){ .local = &local, .local_count = 1 });
    learner_add(learner, &record);
    assert_int_equal(learner_finish(learner)->host_count, 1);
    state_of(learner_finish(learner), 0, ROLE_RESPONDER, IP_TCP, 443);
    learner_free(learner);
}

/* After an hour without a packet a sequence begins anew, and the hour is not covered. */
static void test_silence_is_a_hole(void **state)
{
    static const struct {
        int64_t silence_s;
        uint64_t initial, transitions;
        uint32_t covered;
    } cases[] = { { 300, 1, 1, 2 }, { 3600, 1, 1, 13 }, { 3602, 2, 0, 2 }, { 86400, 2, 0, 2 } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct flow_record records[] = {
            flow(0, A, OUT, IP_TCP, 443),
            flow(cases[i].silence_s * 1000, A, OUT, IP_TCP, 443),
        };
        struct learner *learner = learner_of(records, 2);
        const struct network_stats *stats = learner_finish(learner);

        assert_int_equal(tally_count(&stats->initial, 0, 0), cases[i].initial);
        assert_int_equal(tally_count(&stats->transitions, 0, 0), cases[i].transitions);
        assert_int_equal(stats->coverage.used, cases[i].covered);
        learner_free(learner);
    }
}

/* Beyond the limit peers are counted together and ports are not, but nothing is lost of the flows. */
static void test_limits(void **state)
{
    enum { FLOWS = 2000 };
    struct learner *learner = learner_new(&(struct learner_config){ 0 });
    const struct network_stats *stats;
    struct tally_entry *ports;
    uint32_t http;
    uint64_t others;

    (void)state;
    for (int i = 0; i < FLOWS; i++) {
        struct flow_record record = flow(i, A, OUT, IP_TCP, 443);

        record.address[FLOW_RESPONDER] = ip_address_from_v4(UINT32_C(0xc0000000) + (uint32_t)i);
        learner_add(learner, &record);
        record.port[FLOW_RESPONDER] = (uint16_t)(50000 + i);
        learner_add(learner, &record);
    }
    stats = learner_finish(learner);
    http = state_of(stats, 0, ROLE_INITIATOR, IP_TCP, 443);
    assert_int_equal(tally_count(&stats->peers, http, packed(PEER_OUTSIDE, PEER_ID_OTHER)),
                     FLOWS - LEARN_MAX_PEERS);
    ports = tally_sorted(&stats->responder_ports);
    assert_int_equal(stats->responder_ports.used, LEARN_MAX_PORTS + 1);
    assert_int_equal(ports[0].symbol, 50000);
    assert_int_equal(ports[LEARN_MAX_PORTS].symbol, PORT_OTHER);
    assert_int_equal(ports[LEARN_MAX_PORTS].count, FLOWS - LEARN_MAX_PORTS);
    free(ports);
    assert_int_equal(stats->services.used, SERVICE_MAX + 1);
    others = tally_count(&stats->services, IP_TCP, SERVICE_OTHER_PORTS);
    assert_int_equal(others, FLOWS + 1 - SERVICE_MAX);
    assert_int_equal(stats->samples[tally_find(&stats->services, IP_TCP, SERVICE_OTHER_PORTS)].used,
                     SERVICE_MAX_ROWS);
    learner_free(learner);
}

/* A ping in IPv6 is the service that a ping in IPv4 is. */
static void test_pings_are_alike(void **state)
{
    struct flow_record records[] = { flow(0, A, B, IP_ICMP, 8 << 8),
                                     flow(1000, "fd00::1", "fd00::2", IP_ICMPV6, 128 << 8) };
    struct learner *learner = learner_of(records, 2);
    const struct network_stats *stats = learner_finish(learner);

    (void)state;
    assert_int_equal(tally_count(&stats->services, IP_ICMP, 8), 2);
    state_of(stats, 0, ROLE_INITIATOR, IP_ICMP, 8);
    state_of(stats, 2, ROLE_INITIATOR, IP_ICMP, 8);
    assert_int_equal(stats->initiator_ports.used, 0);
    learner_free(learner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mixture_recovered),
        cmocka_unit_test(test_likelihood_never_falls),
        cmocka_unit_test(test_mixture_of_few_points),
        cmocka_unit_test(test_port_features),
        cmocka_unit_test(test_sample_of_union),
        cmocka_unit_test(test_learner_counts),
        cmocka_unit_test(test_who_is_a_host),
        cmocka_unit_test(test_listed_hosts),
        cmocka_unit_test(test_local_networks),
        cmocka_unit_test(test_silence_is_a_hole),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_pings_are_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
