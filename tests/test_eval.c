#include "support.h"

#include <math.h>

#include "dayshift/packet_view.h"
#include "eval/domain_checks.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_domain_faults),
        cmocka_unit_test(test_domain_shares),
        cmocka_unit_test(test_domain_is_of_tcp_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
