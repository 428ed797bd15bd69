#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dayshift/packet_view.h"
#include "eval/distance.h"
#include "eval/domain_checks.h"
#include "eval/model_compare.h"
#include "eval/network_compare.h"

/* A TCP flow with nothing to find fault with. */
static struct flow_record clean_flow(void)
{
    return (struct flow_record){
        .protocol = IP_TCP,
        .opening = FLOW_OPENING_HANDSHAKE,
        .ending = FLOW_ENDING_FIN,
    };
}

static void assert_shares(const struct domain_checks *checks, const double expected[DOMAIN_CHECKS])
{
    for (int i = 0; i < DOMAIN_CHECKS; i++) {
        enum domain_check check = (enum domain_check)i;

        if (fabs(domain_checks_share(checks, check) - expected[i]) > 1e-12)
            fail_msg("%s: %g, not %g", domain_check_name(check),
                     domain_checks_share(checks, check), expected[i]);
    }
}

/* Each fault fails its own check and no other. */
static void test_domain_faults(void **state)
{
    static const struct {
        enum flow_opening opening;
        enum flow_ending ending;
        uint8_t findings;
        double shares[DOMAIN_CHECKS];
    } cases[] = {
        { FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, 0, { 1, 1, 1, 1, 1 } },
        { FLOW_OPENING_HANDSHAKE, FLOW_ENDING_RESET, 0, { 1, 1, 1, 1, 1 } },
        { FLOW_OPENING_ATTEMPT, FLOW_ENDING_FIN, 0, { 0, 1, 1, 1, 1 } },
        { FLOW_OPENING_NONE, FLOW_ENDING_FIN, 0, { 0, 1, 1, 1, 1 } },
        { FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_DATA_BEFORE_HANDSHAKE, { 1, 0, 1, 1, 1 } },
        { FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_DUPLICATE_HANDSHAKE, { 1, 1, 0, 1, 1 } },
        { FLOW_OPENING_HANDSHAKE, FLOW_ENDING_NONE, 0, { 1, 1, 1, 0, 1 } },
        { FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_DATA_AFTER_TERMINATION, { 1, 1, 1, 1, 0 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct domain_checks checks = { 0 };
        struct flow_record record = clean_flow();

        record.opening = cases[i].opening;
        record.ending = cases[i].ending;
        record.findings = cases[i].findings;
        domain_checks_add(&checks, &record);
        assert_shares(&checks, cases[i].shares);
    }
}

static void test_domain_shares(void **state)
{
    static const double expected[DOMAIN_CHECKS] = { 0.75, 1, 1, 0.75, 0.75 };
    struct domain_checks checks = { 0 };
    struct flow_record record = clean_flow();

    (void)state;
    domain_checks_add(&checks, &record);
    record.findings = FLOW_DATA_AFTER_TERMINATION;
    domain_checks_add(&checks, &record);
    record.findings = 0;
    record.opening = FLOW_OPENING_ATTEMPT;
    record.ending = FLOW_ENDING_NONE;
    domain_checks_add(&checks, &record);
    record = clean_flow();
    domain_checks_add(&checks, &record);
    assert_int_equal(checks.flows, 4);
    assert_shares(&checks, expected);
}

static void test_domain_is_of_tcp_alone(void **state)
{
    static const double none[DOMAIN_CHECKS] = { 0 };
    struct domain_checks checks = { 0 };
    struct flow_record record = clean_flow();

    (void)state;
    record.protocol = IP_UDP;
    domain_checks_add(&checks, &record);
    assert_int_equal(checks.flows, 0);
    assert_shares(&checks, none); /* and no division by zero */
}

/* ---- models side by side ---- */

enum { MOST_STATES = 3 };

/* A host by its states: responder port, flows, and the one Gaussian of its log-volumes. */
struct sketch {
    struct {
        uint32_t port;
        uint64_t flows;
        double mean, sd;
    } states[MOST_STATES];
};

struct drawn_host {
    struct host_model model;
    struct state_model states[MOST_STATES];
    struct mixture_component components[MOST_STATES];
};

static void draw_host(struct drawn_host *host, const struct sketch *sketch)
{
    *host = (struct drawn_host){ .model = { .states = host->states } };
    for (uint32_t i = 0; i < MOST_STATES && sketch->states[i].flows > 0; i++) {
        host->components[i] =
            (struct mixture_component){ 1.0, sketch->states[i].mean, sketch->states[i].sd };
        host->states[i] = (struct state_model){
            .key = { ROLE_INITIATOR, IP_TCP, sketch->states[i].port },
            .flows = sketch->states[i].flows,
            .packets = { .size = 1, .components = &host->components[i] },
        };
        host->model.flows += sketch->states[i].flows;
        host->model.state_count++;
    }
}

/* By hand, both ways round: divergence of the states, distance of the log-volumes. */
static void test_model_compare(void **state)
{
    static const struct {
        const char *name;
        struct sketch a, b;
        double divergence, volume;
    } cases[] = {
        { "the same, in another order", { { { 443, 30, 3, 1 }, { 53, 10, 1, 0.2 } } },
          { { { 53, 1, 1, 0.2 }, { 443, 3, 3, 1 } } }, 0, 0 },
        { "nothing in common", { { { 443, 5, 3, 1 } } }, { { { 53, 8, 3, 1 } } }, 1, 0 },
        /* m = (3/4, 1/4): (log2(4/3) + (log2(2/3) + log2(2)) / 2) / 2 */
        { "half in common", { { { 443, 5, 3, 1 } } }, { { { 443, 4, 3, 1 }, { 53, 4, 3, 1 } } },
          0.31127812445913283, 0 },
        { "shifted", { { { 443, 5, 4, 0.5 } } }, { { { 443, 5, 7, 0.5 } } }, 0, 3 },
        /* two centred Gaussians: |s - t| E|Z| */
        { "wider", { { { 443, 5, 10, 1 } } }, { { { 443, 5, 10, 2 } } }, 0, 0.79788456080286541 },
        { "half of it moved", { { { 443, 5, 4, 0.1 } } }, { { { 443, 5, 4, 0.1 }, { 80, 5, 8, 0.1 } } },
          0.31127812445913283, 2 },
        { "no flows in either", { { { 0 } } }, { { { 0 } } }, 0, 0 },
        { "no flows in one", { { { 0 } } }, { { { 443, 5, 4, 0.1 } } }, 1, INFINITY },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct drawn_host a;
        struct drawn_host b;

        draw_host(&a, &cases[i].a);
        draw_host(&b, &cases[i].b);
        for (int turn = 0; turn < 2; turn++) {
            const struct host_model *x = turn ? &b.model : &a.model;
            const struct host_model *y = turn ? &a.model : &b.model;
            double divergence = model_compare_divergence(x, y);
            double volume = model_compare_volume(x, y);

            if (fabs(divergence - cases[i].divergence) > 1e-12)
                fail_msg("%s: divergence %.15g", cases[i].name, divergence);
            if (volume != cases[i].volume && !(fabs(volume - cases[i].volume) < 1e-3))
                fail_msg("%s: volume %.15g", cases[i].name, volume);
        }
    }
}

/* The largest sum of shares first, ties by key; all are counted, only what fits is given. */
static void test_model_compare_states(void **state)
{
    const struct sketch a = { { { 443, 6, 3, 1 }, { 53, 2, 3, 1 } } };
    const struct sketch b = { { { 53, 2, 3, 1 }, { 22, 1, 3, 1 }, { 80, 1, 3, 1 } } };
    static const struct {
        uint32_t port;
        double share[2];
    } expected[] = { { 53, { 0.25, 0.5 } }, { 443, { 0.75, 0 } },
                     { 22, { 0, 0.25 } }, { 80, { 0, 0.25 } } };
    struct state_share shares[8];
    struct drawn_host x;
    struct drawn_host y;

    (void)state;
    draw_host(&x, &a);
    draw_host(&y, &b);
    for (size_t capacity = 0; capacity < 8; capacity++) {
        for (size_t i = 0; i < 8; i++)
            shares[i].key.port_feature = 7777;
        assert_int_equal(model_compare_states(&x.model, &y.model, shares, capacity), 4);
        for (size_t i = 0; i < 8; i++) {
            bool is_given = i < capacity && i < 4;

            assert_int_equal(shares[i].key.port_feature, is_given ? expected[i].port : 7777);
            assert_true(!is_given || (shares[i].share[0] == expected[i].share[0] &&
                                      shares[i].share[1] == expected[i].share[1]));
        }
    }
}

/* ---- networks as wholes ---- */

static void assert_near(double actual, double expected)
{
    if (!(fabs(actual - expected) < 1e-12) && !(isnan(actual) && isnan(expected)))
        fail_msg("%.15g is not %.15g", actual, expected);
}

/* The area between quantile functions, by hand. */
static void test_wasserstein(void **state)
{
    static const struct {
        double a[4], b[4];
        size_t a_count, b_count;
        double expected;
    } cases[] = {
        { { 1 }, { 4 }, 1, 1, 3 },
        { { 3, 1, 2 }, { 2, 3, 1 }, 3, 3, 0 },
        { { 0, 1 }, { 5, 6 }, 2, 2, 5 },
        { { 0, 4 }, { 1 }, 2, 1, 2 },
        { { 0, 10 }, { 0, 0, 0, 10 }, 2, 4, 2.5 },
        { { 1, 2, 3 }, { 1, 3 }, 3, 2, 1.0 / 3 },
        { { 1 }, { 0 }, 1, 0, NAN },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double a[4];
        double b[4];

        memcpy(a, cases[i].a, sizeof a);
        memcpy(b, cases[i].b, sizeof b);
        assert_near(wasserstein_distance(a, cases[i].a_count, b, cases[i].b_count), cases[i].expected);
        assert_near(wasserstein_distance(b, cases[i].b_count, a, cases[i].a_count), cases[i].expected);
    }
}

/* A network of hosts that each initiate one flow a slice, to so many peers in turn. */
static void make_network(struct network_stats *stats, uint32_t hosts, uint32_t first_slice,
                         uint32_t step, uint32_t flows, uint32_t peers)
{
    network_stats_init(stats);
    stats->host_count = hosts;
    stats->observation_count = 1;
    stats->outside_count = peers;
    stats->host_observations = calloc(hosts, sizeof *stats->host_observations);
    stats->activity = calloc((size_t)hosts * flows, sizeof *stats->activity);
    for (uint32_t host = 0; host < hosts; host++) {
        const struct state_key key = { ROLE_INITIATOR, IP_TCP, 443 + host % 2 };
        uint32_t index = tally_add(&stats->states, host, state_key_pack(key), flows);

        for (uint32_t i = 0; i < flows; i++) {
            uint32_t slice = first_slice + i * step;
            uint32_t at = tally_add(&stats->active, host, slice, 1);

            stats->activity[at].packets_sent = 10 + slice % 7 * host;
            tally_add(&stats->peers, index, peer_pack((struct peer){ PEER_OUTSIDE, i % peers }), 1);
            if (host == 0)
                tally_add(&stats->coverage, 0, slice, SLICE_SECONDS);
        }
    }
}

static void test_network_compare(void **state)
{
    struct network_comparison c;
    struct network_stats a;
    struct network_stats b;
    struct host_pair *pairs;
    size_t count;

    (void)state;
    make_network(&a, 3, 0, 1, 40, 5);
    make_network(&b, 3, 0, 1, 40, 8);
    pairs = network_compare_pairs(&a, &b, &count);
    assert_int_equal(count, 3);
    network_compare(&c, &a, &b, pairs, count);
    assert_near(c.divergence, 0);
    assert_int_equal(c.points, 40);
    assert_int_equal(c.slices, 1);
    assert_near(c.profile[PROFILE_PACKETS].network, 1);
    assert_int_equal(c.profile[PROFILE_PACKETS].hosts, 2); /* host 0 does not vary */
    assert_near(c.profile[PROFILE_PACKETS].median, 1);
    assert_near(c.profile[PROFILE_FLOWS].network, NAN);
    assert_near(c.degrees[ROLE_INITIATOR].distance, 3);
    assert_near(c.degrees[ROLE_INITIATOR].log_distance, log(9.0 / 6));
    assert_near(c.degrees[ROLE_INITIATOR].repeats[0], 35.0 / 40);
    assert_near(c.degrees[ROLE_INITIATOR].repeats[1], 32.0 / 40);
    assert_near(c.degrees[ROLE_RESPONDER].distance, 0);
    assert_near(c.degrees[ROLE_RESPONDER].repeats[0], NAN);
    assert_near(c.flows[0], 3.0 / SLICE_SECONDS);
    assert_near(c.packets[0], c.packets[1]);
    free(pairs);
    network_stats_release(&a);
    network_stats_release(&b);
}

/* Two halves have no slice in common: neighbours are compared. Flows to unlisted peers are to one, and new. */
static void test_network_halves(void **state)
{
    struct network_comparison c;
    struct network_stats a;
    struct network_stats b;
    const struct host_pair pairs[] = { { 0, 0 }, { 1, 1 } };

    (void)state;
    make_network(&a, 2, 0, 2, 20, 4);
    make_network(&b, 2, 1, 2, 20, 4);
    tally_add(&b.states, 0, b.states.entries[0].symbol, 6);
    tally_add(&b.peers, 0, peer_pack((struct peer){ PEER_OUTSIDE, PEER_ID_OTHER }), 6);
    network_compare(&c, &a, &b, pairs, 2);
    assert_int_equal(c.points, 20);
    assert_int_equal(c.slices, 2);
    assert_true(c.divergence > 0);
    assert_near(c.degrees[ROLE_INITIATOR].distance, 0.5);
    assert_near(c.degrees[ROLE_INITIATOR].largest[1], 5);
    assert_near(c.degrees[ROLE_INITIATOR].repeats[1], 32.0 / 46);
    network_stats_release(&a);
    network_stats_release(&b);
}

/* Hosts of equal tags are the same, whatever their numbers. */
static void test_pairs_by_tags(void **state)
{
    struct network_stats a;
    struct network_stats b;
    struct host_pair *pairs;
    size_t count;

    (void)state;
    make_network(&a, 3, 0, 1, 1, 1);
    make_network(&b, 2, 0, 1, 1, 1);
    a.has_tags = b.has_tags = true;
    a.host_tags = memcpy(malloc(3 * sizeof(uint64_t)), (uint64_t[]){ 7, 8, 9 }, 3 * sizeof(uint64_t));
    b.host_tags = memcpy(malloc(2 * sizeof(uint64_t)), (uint64_t[]){ 9, 7 }, 2 * sizeof(uint64_t));
    pairs = network_compare_pairs(&a, &b, &count);
    assert_int_equal(count, 2);
    assert_true(pairs[0].a == 0 && pairs[0].b == 1 && pairs[1].a == 2 && pairs[1].b == 0);
    free(pairs);
    b.key_check = 1;
    pairs = network_compare_pairs(&a, &b, &count);
    assert_int_equal(count, 2);
    assert_true(pairs[1].a == 1 && pairs[1].b == 1);
    free(pairs);
    network_stats_release(&a);
    network_stats_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_domain_faults),
        cmocka_unit_test(test_domain_shares),
        cmocka_unit_test(test_domain_is_of_tcp_alone),
        cmocka_unit_test(test_model_compare),
        cmocka_unit_test(test_model_compare_states),
        cmocka_unit_test(test_wasserstein),
        cmocka_unit_test(test_network_compare),
        cmocka_unit_test(test_network_halves),
        cmocka_unit_test(test_pairs_by_tags),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
