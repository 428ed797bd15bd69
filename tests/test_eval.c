#include "support.h"

#include <math.h>

#include "dayshift/packet_view.h"
#include "eval/domain_checks.h"
#include "eval/model_compare.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_domain_faults),
        cmocka_unit_test(test_domain_shares),
        cmocka_unit_test(test_domain_is_of_tcp_alone),
        cmocka_unit_test(test_model_compare),
        cmocka_unit_test(test_model_compare_states),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
