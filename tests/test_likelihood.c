/*
 * Backing off, the likelihood of sequences, and what is told by it: identification and fidelity.
 */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/log_grid.h"
#include "base/memory.h"
#include "base/random.h"
#include "dayshift/port_feature.h"
#include "eval/fidelity.h"
#include "eval/identify.h"
#include "eval/likelihood.h"
#include "learn/host_steps.h"
#include "learn/learner.h"

static void assert_near(double actual, double expected, double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance))
        fail_msg("%.12g is not %.12g to within %g", actual, expected, tolerance);
}

/* ---- backing off ---- */

enum { SYMBOLS = 10 };

static double backed_off(const struct backoff *backoff, uint32_t host, const uint32_t *contexts, uint32_t symbol)
{
    double p = 1.0 / SYMBOLS;

    for (uint32_t l = 0; l < backoff->depth; l++)
        p = backoff_apply(backoff, l, host, contexts[l], symbol, p);
    return p;
}

/* With symbols that were seen but not listed, contexts nobody knows, and levels passed over. */
static void test_backoff_sums_to_one(void **state)
{
    const enum backoff_scope scopes[] = { BACKOFF_OF_ALL, BACKOFF_OF_ALL, BACKOFF_OF_CROWD, BACKOFF_OF_HOST };
    const uint32_t crowds[] = { 0, 1, 0, 1 };
    struct backoff backoff;
    struct random_stream random;

    (void)state;
    random_init(&random, 1, RANDOM_FIT, 0, 0, 0);
    backoff_init(&backoff, 4, scopes, crowds);
    for (int i = 0; i < 500; i++) {
        uint32_t context = (uint32_t)random_below(&random, 4);
        const uint32_t contexts[] = { 0, context == 3 ? BACKOFF_NO_CONTEXT : context, context, context };
        uint32_t symbol = (uint32_t)random_below(&random, SYMBOLS);

        backoff_add(&backoff, (uint32_t)random_below(&random, 3), contexts,
                    symbol == 0 ? BACKOFF_ESCAPE : symbol * symbol % SYMBOLS, 1 + random_below(&random, 5),
                    1.0 / SYMBOLS, true);
    }
    backoff_fit(&backoff);
    for (uint32_t host = 0; host < 4; host++) { /* the last one did nothing */
        for (uint32_t context = 0; context < 6; context++) {
            const uint32_t contexts[] = { 0, context == 5 ? BACKOFF_NO_CONTEXT : context, context, context };
            double sum = 0;

            for (uint32_t symbol = 0; symbol < SYMBOLS; symbol++)
                sum += backed_off(&backoff, host, contexts, symbol);
            assert_near(sum, 1, 1e-12);
        }
    }
    backoff_release(&backoff);
}

/* Counts of three hosts in two contexts. */
static const struct {
    uint32_t host, context, symbol;
    uint64_t times;
} counts[] = {
    { 0, 0, 1, 7 }, { 0, 0, 2, 1 }, { 0, 1, 3, 2 }, { 0, 1, 4, 2 }, { 1, 0, 1, 3 }, { 1, 0, 5, 3 },
    { 1, 1, 3, 4 }, { 2, 0, 2, 2 }, { 2, 0, 1, 1 }, { 2, 1, 6, 3 }, { 2, 1, 3, 1 },
};

enum { COUNTS = sizeof counts / sizeof *counts };

/* ln p of every count in turn, from tables that are made anew without it, and without its host for all. */
static double leave_one_out(double weight_of_all, double weight_of_host)
{
    double sum = 0;

    for (size_t left = 0; left < COUNTS; left++) {
        double all = 0, all_seen = 0, host = 0, host_seen = 0;
        double p;

        for (size_t i = 0; i < COUNTS; i++) {
            double times = (double)counts[i].times;
            bool is_alike = counts[i].symbol == counts[left].symbol;

            if (counts[i].context != counts[left].context)
                continue;
            if (counts[i].host != counts[left].host) {
                all += times;
                all_seen += is_alike ? times : 0;
            } else {
                host += times - (i == left);
                host_seen += is_alike ? times - (i == left) : 0;
            }
        }
        p = (all_seen + weight_of_all / SYMBOLS) / (all + weight_of_all);
        p = (host_seen + weight_of_host * p) / (host + weight_of_host);
        sum += (double)counts[left].times * log(p);
    }
    return sum;
}

static void test_weights_leave_one_out(void **state)
{
    const enum backoff_scope scopes[] = { BACKOFF_OF_ALL, BACKOFF_OF_HOST };
    struct backoff backoff;
    double best = -INFINITY;
    double found;

    (void)state;
    backoff_init(&backoff, 2, scopes, NULL);
    for (size_t i = 0; i < COUNTS; i++) {
        const uint32_t contexts[] = { counts[i].context, counts[i].context };

        backoff_add(&backoff, counts[i].host, contexts, counts[i].symbol, counts[i].times, 1.0 / SYMBOLS, true);
    }
    backoff_fit(&backoff);
    found = leave_one_out(backoff.levels[0].weight, backoff.levels[1].weight);
    for (double of_all = -7; of_all <= 20; of_all += 0.25) {
        for (double host = -7; host <= 20; host += 0.25)
            best = fmax(best, leave_one_out(exp2(of_all), exp2(host)));
    }
    assert_near(found, best, 0.003);
    assert_true(found > leave_one_out(8, 8) + 0.1);
    backoff_release(&backoff);
}

/* ---- sequences ---- */

static struct host_step step(uint32_t role, uint8_t protocol, uint16_t port, uint32_t packets, uint16_t gap_bin)
{
    struct state_key key = { (enum host_role)role, protocol, protocol == IP_ICMP ? 8 : port_feature_of(port) };
    uint32_t bin = log_grid_bin(packets, VOLUME_GRID_PER_OCTAVE);
    bool has_ports = state_key_has_ports(key);

    return (struct host_step){ state_key_pack(key), gap_bin, (uint16_t)bin, (uint16_t)(bin + 100),
                               has_ports ? PORT_FEATURES - 1 : 0, has_ports ? port : 0 };
}

/* What host `kind` does: its own services, sizes and pace. */
static struct host_step draw_step(uint32_t kind, struct random_stream *random)
{
    static const uint16_t ports[] = { 80, 443, 53, 8080, 22, 3306 };
    bool is_dns = random_below(random, 3) == 0;
    uint16_t port = ports[is_dns ? 2 : (kind + random_below(random, 2)) % 6];
    struct host_step s = step(kind % 2, is_dns ? IP_UDP : IP_TCP, port,
                              is_dns ? 2 : 5 + kind * 3 + (uint32_t)random_below(random, 10),
                              (uint16_t)(60 + 4 * kind + random_below(random, 30)));

    return random_below(random, 20) == 0 ? step(1, IP_ICMP, 0, 2, s.gap_bin) : s;
}

static struct host_step *draw_steps(uint32_t kind, uint32_t count, uint32_t seed)
{
    struct host_step *steps = memory_alloc_array(count, sizeof *steps);
    struct random_stream random;

    random_init(&random, seed, RANDOM_FIT, kind, 0, 0);
    for (uint32_t i = 0; i < count; i++)
        steps[i] = draw_step(kind, &random);
    steps[0].gap_bin = STEP_NO_GAP;
    return steps;
}

enum { KINDS = 5, LEARNED = 600 };

static struct likelihood *learn_kinds(void)
{
    static const uint32_t crowds[KINDS] = { 0, 1, 0, 1, 0 };
    struct likelihood *likelihood;
    struct network_stats stats;

    network_stats_init(&stats);
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        struct host_step *steps = draw_steps(kind, LEARNED, 1);

        host_steps_count(&stats, kind, &(struct step_sequence){ steps, LEARNED });
        free(steps);
    }
    likelihood = likelihood_new(&stats, crowds);
    network_stats_release(&stats);
    return likelihood;
}

static double score(struct likelihood *likelihood, uint32_t host, const struct host_step *steps, uint32_t length,
                    unsigned terms, bool has_urn)
{
    const struct step_sequence sequence = { steps, length };
    struct likelihood_sample *sample = likelihood_sample_new(likelihood, &sequence, 1, has_urn);
    double nats;

    likelihood_score(likelihood, sample, host, terms, &nats);
    likelihood_sample_free(sample);
    return nats;
}

/* The `i`th of all that a term could be at the last step; false: there are no more. */
static bool set_symbol(enum likelihood_term term, uint32_t i, struct host_step *last)
{
    static const uint8_t protocols[] = { IP_TCP, IP_UDP };
    uint32_t feature = state_key_unpack(last->state).port_feature;
    uint32_t ports = 2 * PORT_FEATURES + 1;

    switch (term) {
    case TERM_STATE:
        last->state = state_key_pack(
            i % ports < 2 * PORT_FEATURES
                ? (struct state_key){ (enum host_role)(i / ports & 1), protocols[i % ports / PORT_FEATURES],
                                      i % ports % PORT_FEATURES }
                : (struct state_key){ (enum host_role)(i / ports & 1), IP_ICMP, 8 });
        return i < 2 * ports;
    case TERM_PACKETS: last->packets_bin = (uint16_t)i; return i < FLOW_PACKET_BINS;
    case TERM_BYTES: last->bytes_bin = (uint16_t)i; return i < FLOW_BYTE_BINS;
    case TERM_INITIATOR_PORT: last->initiator_feature = (uint16_t)i; return i < PORT_FEATURES;
    case TERM_RESPONDER_PORT:
        last->responder_port = (uint16_t)(port_feature_first(feature) + i);
        return i < port_feature_first(feature + 1) - port_feature_first(feature);
    default: last->gap_bin = (uint16_t)i; return i < 42 * GAP_GRID_PER_OCTAVE;
    }
}

/* What could come third adds up to what the first two are, for a step that is known and one that is not. */
static void test_terms_sum_to_one(void **state)
{
    struct likelihood *likelihood = learn_kinds();
    const struct host_step lasts[] = { step(1, IP_TCP, 8080, 12, 70), step(0, IP_UDP, 60000, 999, 20) };

    (void)state;
    for (int t = 0; t < LIKELIHOOD_TERMS; t++) {
        for (size_t k = 0; k < sizeof lasts / sizeof *lasts; k++) {
            for (int has_urn = 0; has_urn < 2; has_urn++) {
                struct host_step steps[] = { lasts[k], lasts[k], lasts[k] };
                double before = score(likelihood, 3, steps, 2, 1u << t, has_urn);
                double sum = 0;

                for (uint32_t i = 0; set_symbol((enum likelihood_term)t, i, &steps[2]); i++)
                    sum += exp(score(likelihood, 3, steps, 3, 1u << t, has_urn) - before);
                assert_near(sum, 1, 1e-9);
            }
        }
    }
    likelihood_free(likelihood);
}

/* One host, one step learned four times: packets of a known state, shrunk by hand. */
static void test_likelihood_by_hand(void **state)
{
    const struct host_step known = step(0, IP_TCP, 80, 10, 50);
    const struct host_step other = step(0, IP_TCP, 80, 20, 50);
    struct host_step steps[] = { known, known, known, other };
    const uint32_t crowds[] = { 0 };
    struct network_stats stats;
    struct likelihood *likelihood;
    double p = 1.0 / FLOW_PACKET_BINS;
    double q = p;

    (void)state;
    network_stats_init(&stats);
    host_steps_count(&stats, 0, &(struct step_sequence){ steps, 4 });
    likelihood = likelihood_new(&stats, crowds);
    network_stats_release(&stats);
    for (uint32_t level = 0; level < 4; level++) {
        double weight = likelihood_weight(likelihood, TERM_PACKETS, level);

        assert_true(weight > 0);
        p = (3 + weight * p) / (4 + weight);
        q = (1 + weight * q) / (4 + weight);
    }
    assert_true(likelihood_weight(likelihood, TERM_PACKETS, 4) == 0);
    steps[1] = other;
    steps[2] = known;
    assert_near(score(likelihood, 0, steps, 3, 1 << TERM_PACKETS, false), 2 * log(p) + log(q), 1e-9);
    assert_near(score(likelihood, 0, steps, 3, 1 << TERM_PACKETS, true),
                log(p) + log((LIKELIHOOD_URN * q + 0) / (LIKELIHOOD_URN + 1)) +
                    log((LIKELIHOOD_URN * p + 1) / (LIKELIHOOD_URN + 2)), 1e-9);
    likelihood_free(likelihood);
}

/* Terms multiply. */
static void test_terms_add_up(void **state)
{
    struct likelihood *likelihood = learn_kinds();
    struct host_step *steps = draw_steps(2, 40, 7);
    double sum = 0;

    (void)state;
    for (int t = 0; t < LIKELIHOOD_TERMS; t++)
        sum += score(likelihood, 1, steps, 40, 1u << t, true);
    assert_near(score(likelihood, 1, steps, 40, LIKELIHOOD_ALL_TERMS, true), sum, 1e-6);
    free(steps);
    likelihood_free(likelihood);
}

/* ---- identification ---- */

static void test_identify(void **state)
{
    enum { EACH = 3, LENGTH = 100 };
    const uint32_t candidates[KINDS] = { 4, 0, 3, 1, 2 };
    struct likelihood *likelihood = learn_kinds();
    struct identified segments[KINDS * EACH];
    struct host_step *steps[KINDS * EACH];
    struct identify_summary all, halves[2];

    (void)state;
    for (uint32_t i = 0; i < KINDS * EACH; i++) {
        steps[i] = draw_steps(i / EACH, LENGTH, 10 + i);
        segments[i] = (struct identified){ .sequence = { steps[i], LENGTH }, .truth = i / EACH };
    }
    segments[4].truth = 0; /* one that must be wrong: four of host 0, two of host 1 */
    segments[3].truth = 0;
    segments[3].sequence.steps = steps[0];
    identify(likelihood, candidates, KINDS, LIKELIHOOD_ALL_TERMS, segments, KINDS * EACH, NULL, NULL);
    for (uint32_t i = 0; i < KINDS * EACH; i++) {
        assert_int_equal(segments[i].best, i == 3 ? 0 : i / EACH);
        assert_true(segments[i].true_nats <= segments[i].best_nats);
        free(steps[i]);
    }
    all = identify_summarize(segments, KINDS * EACH, 0, 1);
    assert_int_equal(all.segments, KINDS * EACH);
    assert_int_equal(all.right, KINDS * EACH - 1);
    assert_near(all.host_mean, (0.8 + 4) / 5, 1e-12);
    for (size_t half = 0; half < 2; half++)
        halves[half] = identify_summarize(segments, KINDS * EACH, half, 2);
    assert_int_equal(halves[0].hosts, 3);
    assert_int_equal(halves[1].hosts, 2);
    assert_int_equal(halves[0].segments + halves[1].segments, KINDS * EACH);
    assert_int_equal(halves[1].right, halves[1].segments);
    likelihood_free(likelihood);
}

/* ---- fidelity ---- */

static void test_fidelity(void **state)
{
    enum { HELD_OUT = 400, LENGTH = 60, TRIALS = 5 };
    struct likelihood *likelihood = learn_kinds();
    struct fidelity_host hosts[KINDS] = { { 0 } };
    struct step_sequence sequences[FIDELITY_KINDS * TRIALS];
    struct host_step *made = memory_alloc_array(FIDELITY_KINDS * TRIALS * LENGTH, sizeof *made);
    struct host_step *steps[KINDS];
    struct fidelity_summary summary;
    struct random_stream random;

    (void)state;
    random_init(&random, 1, RANDOM_JUDGE, 0, 0, 0);
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        steps[kind] = draw_steps(kind, HELD_OUT, 3);
        for (uint32_t i = 0; i < HELD_OUT; i++)
            steps[kind][i].responder_port = (uint16_t)kind; /* a mark: no term below looks at it */
        hosts[kind] = (struct fidelity_host){ .host = kind, .held_out = { steps[kind], HELD_OUT } };
    }
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        for (uint32_t i = 0; i < FIDELITY_KINDS * TRIALS; i++) {
            struct host_step *at = made + i * LENGTH;
            struct host_step *drawn = draw_steps(kind, LENGTH, 100 + i);

            memcpy(at, drawn, LENGTH * sizeof *at);
            free(drawn);
            sequences[i] = (struct step_sequence){ at, LENGTH };
            if (i / TRIALS == FIDELITY_GENUINE)
                fidelity_genuine(&hosts[kind], i, TRIALS, LENGTH, at);
            if (i / TRIALS != FIDELITY_SPLICED)
                continue;
            fidelity_splice(hosts, KINDS, kind, LENGTH, at, &random);
            for (uint32_t k = 0; k < LENGTH; k++)
                assert_int_not_equal(at[k].responder_port, kind);
        }
        assert_memory_equal(sequences[1].steps, steps[kind] + HELD_OUT / TRIALS, LENGTH * sizeof *made);
        fidelity_genuine(&hosts[kind], 9, 10, LENGTH, made); /* the last 40, and the first 20 */
        assert_memory_equal(made, steps[kind] + 360, 40 * sizeof *made);
        assert_memory_equal(made + 40, steps[kind], 20 * sizeof *made);
        fidelity_genuine(&hosts[kind], 0, TRIALS, LENGTH, made);
        fidelity_score(likelihood, &hosts[kind], sequences, TRIALS, 1 << TERM_STATE | 1 << TERM_PACKETS);
    }
    summary = fidelity_summarize(hosts, KINDS);
    assert_int_equal(summary.spliced_below, KINDS);
    assert_int_equal(summary.genuine_level, KINDS);
    assert_int_equal(summary.in_order, KINDS);
    assert_true(fabs(summary.gap) < 0.1);
    assert_near(summary.nats[FIDELITY_SYNTHETIC], summary.nats[FIDELITY_OWN], 0.3); /* both drawn alike */
    for (uint32_t kind = 0; kind < KINDS; kind++)
        free(steps[kind]);
    free(made);
    likelihood_free(likelihood);
}

/* By the letter, within the error, and neither. */
static void test_fidelity_order(void **state)
{
    const struct fidelity_host hosts[] = {
        { .nats = { -1, -2, -1, -3 } },
        { .nats = { -2, -1.91, -1, -3 }, .error = { 0.03, 0.04, 0, 0 } },
        { .nats = { -2, -1.89, -1, -3 }, .error = { 0.03, 0.04, 0, 0 } },
        { .nats = { -1, -3, -1, -3 } },
    };
    struct fidelity_summary summary = fidelity_summarize(hosts, 4);

    (void)state;
    assert_int_equal(summary.genuine_above, 2);
    assert_int_equal(summary.genuine_level, 3);
    assert_int_equal(summary.spliced_below, 3);
    assert_int_equal(summary.in_order, 2);
    assert_near(summary.gap, (-6 + 8.8) / (-8.8 + 12), 1e-9);
}

/* ---- steps ---- */


/* What a learner tells step by step, counted, is what it counted itself; beyond the bound nothing is kept. */
static void test_steps_are_what_is_learned(void **state)
{
    enum { FLOWS = 3000 };
    struct host_steps steps = { 0 };
    struct host_steps few = { .max_steps = 10 };
    struct ip_network local;
    const struct learner_config config = { .local = &local, .local_count = 1, .on_step = host_steps_add,
                                           .on_step_self = &steps };
    struct learner *learner;
    const struct network_stats *learned;
    struct network_stats counted;

    (void)state;
    assert_int_equal(ip_network_parse(&local, "10.0.0.0/8"), 0);
    learner = learner_new(&config);
    for (uint32_t i = 0; i < FLOWS; i++) {
        uint64_t mixed = random_mix64(i);
        struct flow_record record = {
            .address = { ip_address_from_v4(0x0a000000 + (uint32_t)(mixed & 1)),
                         ip_address_from_v4(mixed & 2 ? 0x0a000002 : 0xc0000201) },
            .port = { (uint16_t)(mixed >> 8), (uint16_t)(mixed >> 24 & 0x3fff) },
            .protocol = mixed % 7 == 0 ? IP_ICMP : mixed & 4 ? IP_TCP : IP_UDP,
            .start = { 1500000000 * NS_PER_SECOND + (int64_t)(3 * i + i / 500 * 5000) * NS_PER_SECOND },
            .packets = { 1 + (mixed >> 40 & 63), mixed >> 46 & 1 },
            .bytes = { 100 + (mixed >> 48), 50 },
        };

        learner_add(learner, &record);
    }
    learned = learner_finish(learner);
    network_stats_init(&counted);
    for (uint32_t host = 0; host < steps.host_count; host++)
        host_steps_count(&counted, host,
                         &(struct step_sequence){ steps.hosts[host].steps, (uint32_t)steps.hosts[host].used });
    assert_int_equal(counted.host_count, 3);
    assert_true(learned->initial.used > 0 && learned->transitions.used > 100);
    assert_int_equal(counted.states.used, learned->states.used);
    for (size_t i = 0; i < learned->states.used; i++) {
        const struct tally_entry *entry = &learned->states.entries[i];

        assert_int_equal(tally_count(&counted.states, entry->owner, entry->symbol), entry->count);
    }
    assert_int_equal(counted.transitions.used, learned->transitions.used);
    assert_int_equal(counted.gaps.used, learned->gaps.used);
    assert_int_equal(counted.initial.used, learned->initial.used);
    for (size_t i = 0; i < learned->bytes.used; i++) {
        const struct tally_entry *entry = &learned->bytes.entries[i];
        const struct tally_entry *owner = &learned->states.entries[entry->owner];
        uint32_t counted_state = tally_find(&counted.states, owner->owner, owner->symbol);

        assert_int_equal(tally_count(&counted.bytes, counted_state, entry->symbol), entry->count);
    }
    assert_int_equal(counted.volumes.used, learned->volumes.used);
    assert_int_equal(counted.initiator_ports.used, learned->initiator_ports.used);
    for (int i = 0; i < 12; i++)
        host_steps_add(&few, 0, &steps.hosts[0].steps[i]);
    assert_int_equal(few.steps, 10);
    assert_true(few.is_full);
    host_steps_release(&few);
    host_steps_release(&steps);
    network_stats_release(&counted);
    learner_free(learner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff_sums_to_one),
        cmocka_unit_test(test_weights_leave_one_out),
        cmocka_unit_test(test_terms_sum_to_one),
        cmocka_unit_test(test_likelihood_by_hand),
        cmocka_unit_test(test_terms_add_up),
        cmocka_unit_test(test_identify),
        cmocka_unit_test(test_fidelity),
        cmocka_unit_test(test_fidelity_order),
        cmocka_unit_test(test_steps_are_what_is_learned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
