#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "capture/capture_set.h"
#include "dayshift/flow_state.h"
#include "flow/flow_table.h"
#include "learn/fit.h"
#include "learn/learner.h"
#include "learn/record_hold.h"
#include "model/model.h"
#include "synth/bridge.h"
#include "synth/regression.h"

enum { SEED = 11, MAX_STATES = 4, DRAWS = 200000 };

/* ---- hosts by hand ---- */

/* Counts of transitions: 0 where none was learned. */
struct shape {
    const char *name;
    uint32_t states;
    uint32_t transitions[MAX_STATES][MAX_STATES];
    uint64_t flows[MAX_STATES];
};

enum { SHAPE_PLAIN, SHAPE_RING, SHAPE_ABSORBING, SHAPE_LAST, SHAPE_SINGLE, SHAPES };

static const struct shape shapes[SHAPES] = {
    [SHAPE_PLAIN] = { "plain", 3, { { 5, 3, 2 }, { 1, 0, 9 }, { 4, 4, 4 } }, { 12, 8, 14 } },
    [SHAPE_RING] = { "ring", 3, { { 0, 50, 0 }, { 0, 0, 50 }, { 50, 0, 0 } }, { 50, 50, 50 } },
    [SHAPE_ABSORBING] = { "absorbing", 3, { { 0, 40, 0 }, { 0, 0, 40 }, { 0, 0, 40 } }, { 40, 40, 41 } },
    [SHAPE_LAST] = { "only seen last", 4, { { 8, 8, 0, 1 }, { 8, 0, 8, 0 }, { 1, 1, 1, 0 }, { 0 } },
                     { 17, 16, 9, 1 } },
    [SHAPE_SINGLE] = { "single state", 1, { { 9 } }, { 10 } },
};

struct host {
    struct host_model model;
    struct state_model states[MAX_STATES];
    struct mixture_component components[MAX_STATES];
    struct arena arena;
    struct smoothed_chain chain;
};

static void host_init(struct host *h, const struct shape *shape)
{
    static const struct tally_entry second = { 0, 120, 1 }; /* 2^30 ns */
    struct tally_entry entries[MAX_STATES];

    memset(h, 0, sizeof *h);
    arena_init(&h->arena);
    h->model.states = h->states;
    h->model.state_count = shape->states;
    for (uint32_t s = 0; s < shape->states; s++) {
        struct state_model *state = &h->states[s];
        uint32_t used = 0;

        state->key = (struct state_key){ ROLE_INITIATOR, IP_TCP, 80 + s };
        state->flows = shape->flows[s];
        h->components[s] = (struct mixture_component){ 1, 1.0 + s, 0.3 };
        state->packets = (struct volume_model){ &h->components[s], 8, 1 };
        for (uint32_t t = 0; t < shape->states; t++) {
            if (shape->transitions[s][t] > 0)
                entries[used++] = (struct tally_entry){ 0, t, shape->transitions[s][t] };
        }
        discrete_init(&state->next, &h->arena, entries, used);
        discrete_init(&state->gaps, &h->arena, &second, used > 0);
    }
    for (uint32_t s = 0; s < shape->states; s++)
        entries[s] = (struct tally_entry){ 0, s, shape->flows[s] };
    discrete_init(&h->model.frequency, &h->arena, entries, shape->states);
    smoothed_chain_init(&h->chain, &h->model);
}

static void host_release(struct host *h)
{
    smoothed_chain_release(&h->chain);
    arena_release(&h->arena);
}

/* ---- the smoothed chain ---- */

/* Every row is a distribution over all states and the one that is not known, and nothing is impossible. */
static void test_rows(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        struct host h;

        host_init(&h, &shapes[i]);
        for (uint32_t s = 0; s <= h.chain.states; s++) {
            uint32_t from = s < h.chain.states ? s : CHAIN_UNKNOWN;
            double sum = exp(smoothed_chain_log(&h.chain, from, CHAIN_UNKNOWN));

            for (uint32_t t = 0; t < h.chain.states; t++) {
                double p = exp(smoothed_chain_log(&h.chain, from, t));

                assert_true(p > 0);
                sum += p;
            }
            assert_true(fabs(sum - 1) < 1e-12);
        }
        host_release(&h);
    }
}

/* By hand: n(0,1) = 3 of 10, pi(1) = 8/34. */
static void test_smoothing(void **state)
{
    double known = 1 - CHAIN_UNKNOWN_PROBABILITY;
    double weight;
    struct host h;

    (void)state;
    host_init(&h, &shapes[SHAPE_PLAIN]);
    weight = h.chain.weight;
    assert_true(fabs(exp(smoothed_chain_log(&h.chain, 0, 1)) -
                     known * (3 + weight * 8 / 34) / (10 + weight)) < 1e-12);
    assert_true(fabs(exp(smoothed_chain_log(&h.chain, CHAIN_NONE, 1)) - 8.0 / 34) < 1e-12);
    assert_true(smoothed_chain_log(&h.chain, 0, CHAIN_NONE) == 0);
    assert_true(smoothed_chain_has(&h.chain, 0, 1));
    assert_false(smoothed_chain_has(&h.chain, 1, 1));
    assert_false(smoothed_chain_has(&h.chain, CHAIN_UNKNOWN, 1));
    assert_int_equal(smoothed_chain_find(&h.chain, (struct state_key){ ROLE_INITIATOR, IP_TCP, 81 }), 1);
    assert_int_equal(smoothed_chain_find(&h.chain, (struct state_key){ ROLE_RESPONDER, IP_TCP, 81 }),
                     CHAIN_UNKNOWN);
    host_release(&h);
}

/* Who always does the same next needs no prior; of whom every transition was seen once it says all. */
static void test_weight(void **state)
{
    const struct shape once = { "once", 4, { { 0, 1, 0, 1 }, { 1, 0, 1, 0 }, { 0, 1, 0, 1 }, { 1, 0, 1, 0 } },
                                { 2, 2, 2, 3 } };
    struct host h;

    (void)state;
    host_init(&h, &shapes[SHAPE_RING]);
    assert_true(h.chain.weight == SMOOTHED_CHAIN_LEAST_WEIGHT);
    host_release(&h);
    host_init(&h, &once);
    assert_true(h.chain.weight == SMOOTHED_CHAIN_MOST_WEIGHT);
    host_release(&h);
}

/* ---- the bridge ---- */

static uint32_t ways(uint32_t states, uint32_t steps)
{
    uint32_t count = 1;

    for (uint32_t i = 0; i < steps; i++)
        count *= states;
    return count;
}

/* The way of that number, and its probability together with the end. */
static double way_probability(const struct smoothed_chain *chain, uint32_t from, uint32_t to, uint32_t steps,
                              uint32_t way)
{
    double log_p = 0;
    uint32_t at = from;

    for (uint32_t i = 0; i < steps; i++, way /= chain->states) {
        log_p += smoothed_chain_log(chain, at, way % chain->states);
        at = way % chain->states;
    }
    return exp(log_p + smoothed_chain_log(chain, at, to));
}

static uint32_t number_of_way(const struct smoothed_chain *chain, const uint32_t *states, uint32_t steps)
{
    uint32_t way = 0;

    for (uint32_t i = steps; i-- > 0;)
        way = way * chain->states + states[i];
    return way;
}

/* Draws against all ways there are: total variation below 0.02; chance alone makes about 0.006. */
static void compare_with_enumeration(const struct smoothed_chain *chain, uint32_t from, uint32_t to,
                                     uint32_t steps)
{
    uint32_t count = ways(chain->states, steps);
    uint32_t *drawn = memory_alloc_array(count, sizeof *drawn);
    uint32_t states[8];
    struct random_stream random;
    struct bridge bridge;
    double sum = 0;
    double variation = 0;

    random_init(&random, SEED, RANDOM_FILL, from, to, steps);
    bridge_init(&bridge, chain, from, to, steps);
    for (int i = 0; i < DRAWS; i++) {
        bridge_draw(&bridge, states, &random);
        drawn[number_of_way(chain, states, steps)]++;
    }
    for (uint32_t way = 0; way < count; way++)
        sum += way_probability(chain, from, to, steps, way);
    for (uint32_t way = 0; way < count; way++)
        variation += 0.5 * fabs(way_probability(chain, from, to, steps, way) / sum -
                                (double)drawn[way] / DRAWS);
    assert_true(fabs(bridge.log_end - log(sum)) < 1e-9);
    assert_true(variation < 0.02);
    bridge_release(&bridge);
    free(drawn);
}

static void test_enumeration(void **state)
{
    static const struct {
        int shape;
        uint32_t from, to, steps;
    } cases[] = {
        { SHAPE_PLAIN, 0, 1, 4 },
        { SHAPE_PLAIN, 2, 0, 1 },
        { SHAPE_PLAIN, CHAIN_NONE, 2, 3 },
        { SHAPE_PLAIN, 1, CHAIN_NONE, 3 },
        { SHAPE_PLAIN, CHAIN_UNKNOWN, CHAIN_UNKNOWN, 3 },
        { SHAPE_RING, 0, 0, 3 },      /* out of step: two missing states would do */
        { SHAPE_ABSORBING, 2, 0, 3 }, /* there is no way out of the last state, nor one into the first */
        { SHAPE_LAST, 3, 3, 3 },
        { SHAPE_LAST, 0, 3, 4 },
        { SHAPE_SINGLE, 0, 0, 4 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct host h;

        host_init(&h, &shapes[cases[i].shape]);
        compare_with_enumeration(&h.chain, cases[i].from, cases[i].to, cases[i].steps);
        host_release(&h);
    }
}

/* Nothing is missing: only whether the end follows the begin. */
static void test_no_step(void **state)
{
    struct host h;
    struct bridge bridge;

    (void)state;
    host_init(&h, &shapes[SHAPE_PLAIN]);
    bridge_init(&bridge, &h.chain, 0, 1, 0);
    bridge_draw(&bridge, NULL, NULL);
    assert_true(bridge.log_end == smoothed_chain_log(&h.chain, 0, 1));
    bridge_release(&bridge);
    host_release(&h);
}

/*
 * Ten thousand missing states. The end is felt a few steps ahead only, and so few messages are kept; of the
 * ring, which forgets slowly, more. What is drawn ends where it must: on the ring the last state
 * before 0 is 2, but for what smoothing allows.
 */
static void test_many_steps(void **state)
{
    enum { STEPS = 10000, TIMES = 200 };
    static const int tried[] = { SHAPE_PLAIN, SHAPE_RING, SHAPE_ABSORBING, SHAPE_SINGLE };
    uint32_t *states = memory_alloc_array(STEPS, sizeof *states);
    struct random_stream random;

    (void)state;
    random_init(&random, SEED, RANDOM_FILL, 0, 0, 0);
    for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
        uint32_t in_place = 0;
        struct host h;
        struct bridge bridge;

        host_init(&h, &shapes[tried[i]]);
        bridge_init(&bridge, &h.chain, 0, 0, STEPS);
        assert_true(isfinite(bridge.log_end) && bridge.log_end < 0);
        assert_in_range(bridge.kept, 1, STEPS - 1);
        for (int k = 0; k < TIMES; k++) {
            bridge_draw(&bridge, states, &random);
            for (uint32_t s = 0; s < STEPS; s++)
                assert_true(states[s] < h.chain.states);
            in_place += states[STEPS - 1] == 2;
        }
        if (tried[i] == SHAPE_RING)
            assert_in_range(in_place, TIMES * 95 / 100, TIMES);
        bridge_release(&bridge);
        host_release(&h);
    }
    free(states);
}

/* Messages that were not kept count all the same: ln p(end) of a long gap is that of one step and the rest. */
static void test_kept_messages(void **state)
{
    enum { STEPS = 400 };
    struct host h;
    struct bridge longer;
    double sum = 0;

    (void)state;
    host_init(&h, &shapes[SHAPE_PLAIN]);
    bridge_init(&longer, &h.chain, 0, 1, STEPS);
    assert_true(longer.kept < STEPS);
    for (uint32_t s = 0; s < h.chain.states; s++) {
        struct bridge rest;

        bridge_init(&rest, &h.chain, s, 1, STEPS - 1);
        sum += exp(smoothed_chain_log(&h.chain, 0, s) + rest.log_end);
        bridge_release(&rest);
    }
    assert_true(fabs(log(sum) - longer.log_end) < 1e-9);
    bridge_release(&longer);
    host_release(&h);
}

/* ---- fillings ---- */

static struct regression_gap gap_of(const struct smoothed_chain *chain, uint32_t before, uint32_t after,
                                    uint32_t count)
{
    struct regression_gap gap = { .chain = chain, .count = count, .to = { 60 * NS_PER_SECOND }, .pace = 1 };

    for (int i = 0; i < REGRESSION_CONTEXT; i++) {
        gap.before[i] = (struct regression_record){ before, 3 };
        gap.after[i] = (struct regression_record){ after, 3 };
    }
    gap.before_count = before == CHAIN_NONE ? 0 : REGRESSION_CONTEXT;
    gap.after_count = after == CHAIN_NONE ? 0 : REGRESSION_CONTEXT;
    return gap;
}

static void check_filling(const struct regression_gap *gap, const struct regression_filling *filling)
{
    assert_int_equal(filling->count, gap->count);
    assert_true(isfinite(filling->log_likelihood));
    assert_true(filling->log_likelihood == regression_log_likelihood(gap, filling->states, filling->packets));
    for (uint32_t i = 0; i < filling->count; i++) {
        assert_true(filling->states[i] < gap->chain->states);
        assert_true(filling->packets[i] >= 1);
        assert_true(filling->starts[i].ns > gap->from.ns && filling->starts[i].ns < gap->to.ns);
        assert_true(i == 0 || filling->starts[i].ns >= filling->starts[i - 1].ns);
    }
}

/* Both ways, every kind of end, no record, one, and many. */
static void test_fillings(void **state)
{
    static const uint32_t ends[] = { 0, CHAIN_UNKNOWN, CHAIN_NONE };
    static const uint32_t counts[] = { 0, 1, 7, 10000 };
    struct random_stream random;

    (void)state;
    random_init(&random, SEED, RANDOM_FILL, 1, 0, 0);
    for (int i = 0; i < SHAPES * 3 * 3 * 4; i++) {
        struct regression_filling filling;
        struct regression_gap gap;
        struct host h;

        host_init(&h, &shapes[i / 36]);
        gap = gap_of(&h.chain, ends[i / 12 % 3], ends[i / 4 % 3], counts[i % 4]);
        regression_exact(&gap, 2, &random, &filling);
        check_filling(&gap, &filling);
        regression_filling_release(&filling);
        regression_search(&gap, 1, &random, &filling); /* a sequence that is too short grows as needed */
        check_filling(&gap, &filling);
        assert_int_equal(filling.window, gap.before_count);
        regression_filling_release(&filling);
        host_release(&h);
    }
}

static void test_same_stream_same_filling(void **state)
{
    struct regression_filling fillings[2];
    struct regression_gap gap;
    struct host h;

    (void)state;
    host_init(&h, &shapes[SHAPE_PLAIN]);
    gap = gap_of(&h.chain, 0, 1, 30);
    for (int i = 0; i < 2; i++) {
        struct random_stream random;

        random_init(&random, SEED, RANDOM_FILL, 5, 0, 0);
        regression_exact(&gap, 10, &random, &fillings[i]);
    }
    assert_memory_equal(fillings[0].states, fillings[1].states, 30 * sizeof(uint32_t));
    assert_memory_equal(fillings[0].packets, fillings[1].packets, 30 * sizeof(uint64_t));
    assert_memory_equal(fillings[0].starts, fillings[1].starts, 30 * sizeof(struct day_time));
    regression_filling_release(&fillings[0]);
    regression_filling_release(&fillings[1]);
    host_release(&h);
}

/* By hand: two records of the plain host. */
static void test_likelihood(void **state)
{
    const uint32_t states[] = { 1, 2 };
    const uint64_t packets[] = { 8, 20 };
    struct regression_gap gap;
    struct host h;
    double wanted;

    (void)state;
    host_init(&h, &shapes[SHAPE_PLAIN]);
    gap = gap_of(&h.chain, 0, 0, 2);
    wanted = smoothed_chain_log(&h.chain, 0, 1) + smoothed_chain_log(&h.chain, 1, 2) +
             smoothed_chain_log(&h.chain, 2, 0);
    for (int i = 0; i < 2; i++) {
        double z = (log((double)packets[i]) - (1.0 + states[i])) / 0.3;

        wanted += -0.5 * z * z - log(0.3 * sqrt(2 * M_PI));
    }
    assert_true(fabs(regression_log_likelihood(&gap, states, packets) - wanted) < 1e-9);
    host_release(&h);
}

/*
 * On the ring the states of the neighbourhoods fix where the gap is: the search finds a window that agrees with
 * all of them, and takes what lies strictly between. Song's j .. j+c-1 would begin with the last record
 * before the gap.
 */
static void test_search_is_aligned(void **state)
{
    struct host h;

    (void)state;
    host_init(&h, &shapes[SHAPE_RING]);
    for (uint32_t count = 1; count < 9; count++) {
        struct regression_gap gap = { .chain = &h.chain, .before_count = REGRESSION_CONTEXT,
                                      .after_count = REGRESSION_CONTEXT, .count = count,
                                      .to = { NS_PER_SECOND } };
        struct regression_filling filling;
        struct random_stream random;

        random_init(&random, SEED, RANDOM_FILL, 2, count, 0);
        for (uint32_t k = 0; k < REGRESSION_CONTEXT; k++) {
            gap.before[k] = (struct regression_record){ (11 - k) % 3, 3 };        /* ends with 2 */
            gap.after[k] = (struct regression_record){ (12 + count + k) % 3, 3 }; /* goes on in step */
        }
        regression_search(&gap, 500, &random, &filling);
        assert_int_equal(filling.mismatches, 0);
        assert_in_range(filling.window, REGRESSION_CONTEXT, 500 - count - REGRESSION_CONTEXT);
        for (uint32_t i = 0; i < count; i++)
            assert_int_equal(filling.states[i], i % 3);
        regression_filling_release(&filling);
    }
    host_release(&h);
}

/* Where states agree equally well, as those of a single one do, the volumes decide: more places, a better one. */
static void test_search_compares_volumes(void **state)
{
    uint32_t window = 0;
    struct regression_gap gap;
    struct host h;

    (void)state;
    host_init(&h, &shapes[SHAPE_SINGLE]);
    h.components[0].sd = 2;
    gap = gap_of(&h.chain, 0, 0, 5);
    for (uint32_t k = 0; k < REGRESSION_CONTEXT; k++)
        gap.before[k].packets = gap.after[k].packets = 1 + 5 * k;
    for (uint32_t length = 13; length < 20000; length *= 10) { /* the same sequence, longer and longer */
        struct regression_filling filling;
        struct random_stream random;

        random_init(&random, SEED, RANDOM_FILL, 3, 0, 0);
        regression_search(&gap, length, &random, &filling);
        assert_true(filling.window > window);
        window = filling.window;
        regression_filling_release(&filling);
    }
    host_release(&h);
}

/* A flow a second: 60 records fit into a minute that begins with one and ends with one. */
static void test_count(void **state)
{
    struct random_stream random;
    struct regression_gap gap;
    struct host h;
    double sum = 0;

    (void)state;
    host_init(&h, &shapes[SHAPE_SINGLE]);
    gap = gap_of(&h.chain, 0, 0, 0);
    random_init(&random, SEED, RANDOM_FILL, 4, 0, 0);
    for (int i = 0; i < 1000; i++)
        sum += regression_draw_count(&gap, &random);
    /* 60 s in steps of 2^30 ns, a quarter octave wide; 2.5 % for their mean */
    assert_true(fabs(sum / 1000 - 55.7) < 0.025 * 55.7);
    gap.pace = 0.5;
    assert_in_range(regression_draw_count(&gap, &random), 22, 34);
    gap.pace = 1;
    gap.before_ns = 3000 * NS_PER_SECOND; /* it was never silent for so long: the gap begins anywhere */
    assert_in_range(regression_draw_count(&gap, &random), 40, 70);
    gap = gap_of(&h.chain, CHAIN_NONE, CHAIN_NONE, 0);
    assert_in_range(regression_draw_count(&gap, &random), 40, 70);
    gap.to.ns = 0;
    assert_int_equal(regression_draw_count(&gap, &random), 0);
    host_release(&h);
}

/* Beyond an hour the day profile tells: ten flows in a slice on half the days; what was unobserved likewise. */
static void test_count_of_long_gaps(void **state)
{
    enum { TIMES = 400, SLICES = 24, OBSERVED = DAY_SLICES / 2 };
    struct slice_profile profile[OBSERVED];
    uint16_t observed_days[DAY_SLICES] = { 0 };
    struct random_stream random;
    struct regression_gap gap;
    struct host h;
    double sums[2] = { 0 };

    (void)state;
    host_init(&h, &shapes[SHAPE_SINGLE]);
    for (uint16_t i = 0; i < OBSERVED; i++) {
        profile[i] = (struct slice_profile){ .slice = i, .active = 1, .log_mean = (float)log(30) };
        observed_days[i] = 2;
    }
    h.model.profile = profile;
    h.model.profile_size = OBSERVED;
    h.model.observed_days = observed_days;
    h.model.log_slice_max = log(30);
    h.model.mean_packets = 3;
    random_init(&random, SEED, RANDOM_FILL, 7, 0, 0);
    gap = gap_of(&h.chain, 0, 0, 0);
    for (int half = 0; half < 2; half++) {
        gap.from.ns = half * OBSERVED * NS_PER_SLICE;
        gap.to.ns = gap.from.ns + SLICES * NS_PER_SLICE;
        for (int i = 0; i < TIMES; i++)
            sums[half] += regression_draw_count(&gap, &random);
        /* binomial: 24 slices, each 10 or none: sd 24.5, of the mean 1.2; five of these */
        assert_true(fabs(sums[half] / TIMES - SLICES * 10 / 2.0) < 6.2);
    }
    host_release(&h);
}

/* ---- the office: exact filling beside the search ---- */

static void hold(void *self, const struct flow_record *record)
{
    struct flow_record bare = *record;

    bare.sequence = NULL;
    bare.sequence_length = 0;
    record_hold_add(self, &bare);
}

static void no_damage(void *self, const char *message)
{
    (void)self;
    fail_msg("%s", message);
}

static void read_sample(struct record_hold *records)
{
    const struct capture_options options = { 0 };
    const struct flow_table_options flow = { .max_flows = 1 << 16 };
    struct capture_set *set = capture_set_new(&options, no_damage, NULL);
    struct flow_table *table = flow_table_new(&flow, hold, records);
    struct packet_view packet;
    struct error err = { "" };
    struct input_file *input = input_file_open(source_path("contrib/sample.pcap.xz"), &err);

    assert_string_equal(err.text, "");
    assert_int_equal(capture_set_add(set, input, &err), 0);
    while (capture_set_next(set, &packet))
        flow_table_add(table, &packet);
    flow_table_flush(table);
    flow_table_free(table);
    capture_set_free(set);
}

static struct model *learn(struct learner *learner, const struct record_hold *records, size_t count)
{
    const struct network_stats *stats;
    struct network_fit fit;
    struct model_image image;
    struct model *model;
    struct error err;

    for (size_t i = 0; i < count; i++)
        learner_add(learner, &records->records[i]);
    stats = learner_finish(learner);
    network_fit_init(&fit, stats);
    assert_int_equal(model_image_make(&image, stats, &fit, &err), 0);
    model = model_from_image(&image, &err);
    assert_non_null(model);
    model_image_release(&image);
    network_fit_release(&fit);
    return model;
}

/* What a host did from record `first` on. */
static struct regression_record *steps_of(const struct smoothed_chain *chain, const struct ip_address *address,
                                          const struct record_hold *records, size_t first, size_t *count)
{
    struct regression_record *steps = memory_alloc_array(records->used, sizeof *steps);

    *count = 0;
    for (size_t i = first; i < records->used; i++) {
        const struct flow_record *r = &records->records[i];

        for (enum host_role role = ROLE_INITIATOR; role <= ROLE_RESPONDER; role++) {
            if (ip_address_equal(address, &r->address[role]) && flow_is_step(r, role))
                steps[(*count)++] = (struct regression_record){
                    smoothed_chain_find(chain, flow_state_key(r, role)), flow_record_packets(r)
                };
        }
    }
    return steps;
}

static void hide(struct regression_gap *gap, const struct regression_record *steps, size_t count,
                 struct random_stream *random)
{
    size_t at;

    gap->before_count = gap->after_count = REGRESSION_CONTEXT;
    gap->count = 5 + (uint32_t)random_below(random, 46);
    gap->to.ns = NS_PER_SECOND;
    at = REGRESSION_CONTEXT + random_below(random, count - gap->count - 2 * REGRESSION_CONTEXT + 1);
    for (uint32_t k = 0; k < REGRESSION_CONTEXT; k++) {
        gap->before[k] = steps[at - 1 - k];
        gap->after[k] = steps[at + gap->count + k];
    }
}

/*
 * Of what was not learned, records are hidden: 5 to 50 of every host that has enough, three times. As many
 * records are drawn by the one method as by the other. Exactly drawn fillings are more likely in 95 % of
 * the gaps that are not filled alike, and boundaries are never impossible.
 */
static void test_exact_beats_search(void **state)
{
    enum { BUDGET = 4000, STEPS = 58, TIMES = 3 };
    struct record_hold records = { 0 };
    const struct learner_config config = { 0 };
    struct learner *learner = learner_new(&config);
    uint32_t gaps = 0;
    uint32_t wins = 0;
    uint32_t ties = 0;
    struct random_stream random;
    struct model *model;

    (void)state;
    read_sample(&records);
    model = learn(learner, &records, records.used * 2 / 3);
    random_init(&random, SEED, RANDOM_FILL, 6, 0, 0);
    for (uint32_t i = 0; i < model->host_count * TIMES; i++) {
        uint32_t host = i / TIMES;
        struct smoothed_chain chain;
        struct regression_gap gap = { .chain = &chain };
        struct regression_filling exact;
        struct regression_filling search;
        struct regression_record *steps;
        size_t count;

        smoothed_chain_init(&chain, &model->hosts[host]);
        steps = steps_of(&chain, learner_host_address(learner, host), &records, records.used * 2 / 3, &count);
        if (count >= STEPS) {
            hide(&gap, steps, count, &random);
            regression_exact(&gap, BUDGET / gap.count, &random, &exact);
            regression_search(&gap, BUDGET, &random, &search);
            check_filling(&gap, &exact);
            check_filling(&gap, &search);
            gaps++;
            ties += fabs(exact.log_likelihood - search.log_likelihood) < 1e-6;
            wins += exact.log_likelihood > search.log_likelihood + 1e-6;
            regression_filling_release(&exact);
            regression_filling_release(&search);
        }
        free(steps);
        smoothed_chain_release(&chain);
    }
    assert_in_range(gaps, 40, 60);
    assert_in_range(ties, 0, gaps / 4); /* hosts that do one thing only */
    assert_true(wins >= 0.95 * (gaps - ties));
    model_free(model);
    learner_free(learner);
    record_hold_release(&records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_smoothing),
        cmocka_unit_test(test_weight),
        cmocka_unit_test(test_enumeration),
        cmocka_unit_test(test_no_step),
        cmocka_unit_test(test_many_steps),
        cmocka_unit_test(test_kept_messages),
        cmocka_unit_test(test_fillings),
        cmocka_unit_test(test_same_stream_same_filling),
        cmocka_unit_test(test_likelihood),
        cmocka_unit_test(test_search_is_aligned),
        cmocka_unit_test(test_search_compares_volumes),
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_count_of_long_gaps),
        cmocka_unit_test(test_exact_beats_search),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
