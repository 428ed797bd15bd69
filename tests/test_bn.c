#include "support.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "net/wire.h"
#include "session/bn_network.h"
#include "session/bn_packets.h"
#include "session/bn_quantiles.h"
#include "session/bn_search.h"
#include "session/model_bn.h"

enum { SEED = 11 };

static struct random_stream stream(uint32_t number)
{
    struct random_stream random;

    random_init(&random, SEED, RANDOM_JUDGE, number, 0, 0);
    return random;
}

static bool chance(struct random_stream *random, double p)
{
    return random_unit(random) < p;
}

static void assert_near(double x, double y, double tolerance)
{
    if (!(fabs(x - y) <= tolerance))
        fail_msg("%.12g is not %.12g", x, y);
}

/* ---- observations ---- */

static void test_equal_rows_are_one(void **state)
{
    static const uint32_t arity[] = { 3, 1, 65536 };
    static const uint16_t rows[][3] = { { 2, 0, 65535 }, { 0, 0, 7 }, { 2, 0, 65535 } };
    struct bn_data data;

    (void)state;
    bn_data_init(&data, arity, 3);
    for (int i = 0; i < 3; i++)
        bn_data_add(&data, rows[i], 5);
    assert_int_equal(bn_data_rows(&data), 2);
    for (int c = 0; c < 3; c++) {
        assert_int_equal(data.value[c][0], rows[0][c]);
        assert_int_equal(data.value[c][1], rows[1][c]);
    }
    assert_int_equal(data.seen.entries[0].count, 10);
    assert_int_equal(data.seen.entries[1].count, 5);
    bn_data_release(&data);
}

/* Two rows are in one block when they agree in both columns; by a table, and where that is too large. */
static void test_partitions(void **state)
{
    static const uint32_t arities[][2] = { { 5, 7 }, { 300, 40000 }, { 1, 9 } };
    enum { ROWS = 600 };

    (void)state;
    for (size_t i = 0; i < sizeof arities / sizeof *arities; i++) {
        struct random_stream random = stream((uint32_t)i);
        struct bn_partition partition;
        struct bn_data data;
        uint32_t highest = 0;

        bn_data_init(&data, arities[i], 2);
        for (int row = 0; row < ROWS; row++) {
            uint16_t values[2] = { (uint16_t)random_below_u32(&random, arities[i][0]),
                                   (uint16_t)random_below_u32(&random, arities[i][1]) };

            bn_data_add(&data, values, 1);
        }
        bn_partition_init(&partition, &data);
        bn_partition_refine(&partition, &data, 0);
        bn_partition_refine(&partition, &data, 1);
        assert_int_equal(partition.blocks, bn_data_rows(&data)); /* different rows, all columns */
        bn_partition_reset(&partition, &data);
        bn_partition_refine(&partition, &data, 1);
        for (size_t a = 0; a < bn_data_rows(&data); a++) {
            for (size_t b = 0; b < a; b++)
                assert_int_equal(partition.block[a] == partition.block[b],
                                 data.value[1][a] == data.value[1][b]);
            highest = partition.block[a] > highest ? partition.block[a] : highest;
        }
        assert_int_equal(highest + 1, partition.blocks);
        bn_partition_release(&partition);
        bn_data_release(&data);
    }
}

/* ---- the K2 score ---- */

/* Three heads, two tails: (2-1)! / (5+2-1)! 3! 2! = 12 / 720. */
static void test_k2_by_hand(void **state)
{
    static const uint32_t arity[] = { 2 };
    struct bn_data data;
    struct bn_scores *scores;

    (void)state;
    bn_data_init(&data, arity, 1);
    bn_data_add(&data, &(uint16_t){ 1 }, 3);
    bn_data_add(&data, &(uint16_t){ 0 }, 2);
    scores = bn_scores_new(&data);
    assert_near(bn_scores_family(scores, 0, 0), log(12.0 / 720), 1e-12);
    bn_scores_free(scores);
    bn_data_release(&data);
}

enum { COLUMNS = 4, RAW_ROWS = 200 };
static const uint32_t small_arity[COLUMNS] = { 2, 3, 4, 2 };

static void raw_rows(uint32_t seed, uint16_t rows[RAW_ROWS][COLUMNS])
{
    struct random_stream random = stream(seed);

    for (int i = 0; i < RAW_ROWS; i++) {
        for (int c = 0; c < COLUMNS; c++)
            rows[i][c] = (uint16_t)random_below_u32(&random, small_arity[c]);
        if (chance(&random, seed % 7 * 0.1)) /* something to be found */
            rows[i][2] = (uint16_t)(rows[i][0] + rows[i][3]);
        if (chance(&random, seed % 5 * 0.1))
            rows[i][1] = rows[i][2] > 1 ? 2 : rows[i][0];
    }
}

static void add_raw(struct bn_data *data, uint16_t rows[RAW_ROWS][COLUMNS])
{
    bn_data_init(data, small_arity, COLUMNS);
    for (int i = 0; i < RAW_ROWS; i++)
        bn_data_add(data, rows[i], 1);
}

/* The formula as it is printed, over all configurations, seen or not. */
static double direct_k2(uint16_t rows[RAW_ROWS][COLUMNS], uint32_t child, uint32_t parents)
{
    double score = 0;

    for (uint32_t j = 0; j < 2 * 3 * 4 * 2; j++) {
        uint16_t configuration[COLUMNS] = { (uint16_t)(j % 2), (uint16_t)(j / 2 % 3),
                                            (uint16_t)(j / 6 % 4), (uint16_t)(j / 24) };
        unsigned counts[4] = { 0 };
        unsigned all = 0;
        bool is_one = true; /* of all that agree in the parents, the one with 0 elsewhere */

        for (uint32_t c = 0; c < COLUMNS; c++)
            is_one = is_one && (parents >> c & 1 || configuration[c] == 0);
        for (int i = 0; is_one && i < RAW_ROWS; i++) {
            bool agrees = true;

            for (uint32_t c = 0; c < COLUMNS; c++)
                agrees = agrees && (!(parents >> c & 1) || rows[i][c] == configuration[c]);
            counts[rows[i][child]] += agrees;
            all += agrees;
        }
        if (!is_one)
            continue;
        score += lgamma(small_arity[child]) - lgamma(all + small_arity[child]);
        for (int k = 0; k < 4; k++)
            score += lgamma(counts[k] + 1.0);
    }
    return score;
}

static void test_k2_against_the_formula(void **state)
{
    uint16_t rows[RAW_ROWS][COLUMNS];
    struct bn_scores *scores;
    struct bn_data data;

    (void)state;
    raw_rows(3, rows);
    add_raw(&data, rows);
    scores = bn_scores_new(&data);
    for (uint32_t child = 0; child < COLUMNS; child++) {
        for (uint32_t parents = 0; parents < 1 << COLUMNS; parents++) {
            if (!(parents >> child & 1))
                assert_near(bn_scores_family(scores, child, parents),
                                   direct_k2(rows, child, parents), 1e-8);
        }
    }
    bn_scores_free(scores);
    bn_data_release(&data);
}

/* Weights beyond the table of factorials. */
static void test_k2_of_many(void **state)
{
    static const uint32_t arity[] = { 2 };
    struct bn_scores *scores;
    struct bn_data data;

    (void)state;
    bn_data_init(&data, arity, 1);
    bn_data_add(&data, &(uint16_t){ 0 }, 1000000);
    bn_data_add(&data, &(uint16_t){ 1 }, 4095);
    scores = bn_scores_new(&data);
    assert_near(bn_scores_family(scores, 0, 0),
                       lgamma(1000001) + lgamma(4096) - lgamma(1004097), 1e-5);
    bn_scores_free(scores);
    bn_data_release(&data);
}

/* ---- hill climbing ---- */

static const uint32_t all_allowed[BN_MAX_COLUMNS] = { 0xe, 0xd, 0xb, 0x7 };

static bool is_acyclic(const struct bn_structure *structure)
{
    uint32_t gone = 0;

    for (int round = 0; round < COLUMNS; round++) {
        for (uint32_t c = 0; c < COLUMNS; c++)
            gone |= (structure->parents[c] & ~gone) == 0 ? UINT32_C(1) << c : 0;
    }
    return gone == (1 << COLUMNS) - 1;
}

static double total_score(struct bn_scores *scores, const struct bn_structure *structure)
{
    double total = 0;

    for (uint32_t c = 0; c < COLUMNS; c++)
        total += bn_scores_family(scores, c, structure->parents[c]);
    return total;
}

/* The best of all networks that are one edge away, added, deleted or reversed; counts deletions. */
static bool best_step(struct bn_scores *scores, struct bn_structure *structure, uint32_t *deleted)
{
    struct bn_structure best = *structure;
    double most = total_score(scores, structure) + BN_LEAST_GAIN;
    bool is_better = false;
    bool deletes = false;

    for (uint32_t edge = 0; edge < COLUMNS * COLUMNS; edge++) {
        uint32_t a = edge / COLUMNS;
        uint32_t b = edge % COLUMNS;
        bool is_edge = structure->parents[b] >> a & 1;
        struct bn_structure other = *structure;

        for (int reversed = 0; a != b && reversed <= is_edge; reversed++) {
            other.parents[b] = structure->parents[b] ^ UINT32_C(1) << a;
            other.parents[a] = structure->parents[a] | (reversed ? UINT32_C(1) << b : 0);
            if (!is_acyclic(&other) || total_score(scores, &other) <= most)
                continue;
            most = total_score(scores, &other);
            best = other;
            is_better = true;
            deletes = is_edge && !reversed;
        }
    }
    *structure = best;
    *deleted += deletes;
    return is_better;
}

/* Step by step what whole scores of all neighbours say; on the way all three kinds of moves. */
static void test_search_takes_the_best_step(void **state)
{
    uint32_t deleted = 0;

    (void)state;
    for (uint32_t seed = 0; seed < 300; seed++) {
        uint16_t rows[RAW_ROWS][COLUMNS];
        struct bn_structure by_steps = { { 0 } };
        struct bn_structure found;
        struct bn_scores *scores;
        struct bn_data data;

        raw_rows(seed, rows);
        add_raw(&data, rows);
        scores = bn_scores_new(&data);
        found = bn_search(scores, all_allowed);
        while (best_step(scores, &by_steps, &deleted))
            ;
        assert_true(is_acyclic(&found));
        assert_memory_equal(&found, &by_steps, sizeof found);
        bn_scores_free(scores);
        bn_data_release(&data);
    }
    assert_true(deleted > 0);
}

static void draw_independent(struct random_stream *random, uint16_t *x)
{
    for (int c = 0; c < COLUMNS; c++)
        x[c] = (uint16_t)random_below_u32(random, small_arity[c]);
}

/* 0 -> 1 -> 2 -> 3 */
static void draw_chain(struct random_stream *random, uint16_t *x)
{
    draw_independent(random, x);
    if (chance(random, 0.7))
        x[1] = x[0];
    if (chance(random, 0.7))
        x[2] = x[1];
    if (chance(random, 0.7))
        x[3] = x[2] > 1;
}

/* 0 -> 2 <- 3 */
static void draw_collider(struct random_stream *random, uint16_t *x)
{
    draw_independent(random, x);
    if (chance(random, 0.8))
        x[2] = (uint16_t)(2 * x[0] + x[3]);
}

/* 0 -> 2 <- 3, 2 -> 1 */
static void draw_collider_with_tail(struct random_stream *random, uint16_t *x)
{
    draw_collider(random, x);
    if (chance(random, 0.6))
        x[1] = x[2] % 3;
}

/* Edges of a found structure, whatever their direction. */
static uint32_t skeleton(const struct bn_structure *structure)
{
    uint32_t edges = 0;

    for (uint32_t a = 0; a < COLUMNS; a++) {
        for (uint32_t b = 0; b < COLUMNS; b++) {
            if (structure->parents[b] >> a & 1)
                edges |= UINT32_C(1) << (a < b ? a * COLUMNS + b : b * COLUMNS + a);
        }
    }
    return edges;
}

static bool has_collider(const struct bn_structure *structure, uint32_t a, uint32_t child, uint32_t b)
{
    return structure->parents[child] >> a & 1 && structure->parents[child] >> b & 1 &&
           !(structure->parents[a] >> b & 1) && !(structure->parents[b] >> a & 1);
}

#define EDGE(a, b) (UINT32_C(1) << ((a) * COLUMNS + (b)))

/* Networks of known structure come back, up to what no data can tell: same edges, same colliders. */
static void test_known_networks_are_found(void **state)
{
    static const struct {
        const char *name;
        void (*draw)(struct random_stream *random, uint16_t *x);
        uint32_t edges;
        bool collides; /* at 2 */
    } cases[] = {
        { "independent", draw_independent, 0, false },
        { "chain", draw_chain, EDGE(0, 1) | EDGE(1, 2) | EDGE(2, 3), false },
        { "collider", draw_collider, EDGE(0, 2) | EDGE(2, 3), true },
        { "collider with tail", draw_collider_with_tail, EDGE(0, 2) | EDGE(2, 3) | EDGE(1, 2), true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (uint32_t seed = 0; seed < 5; seed++) {
            struct random_stream random = stream(100 + seed);
            struct bn_structure found;
            struct bn_scores *scores;
            struct bn_data data;
            uint16_t x[COLUMNS];

            bn_data_init(&data, small_arity, COLUMNS);
            for (int row = 0; row < 20000; row++) {
                cases[i].draw(&random, x);
                bn_data_add(&data, x, 1);
            }
            scores = bn_scores_new(&data);
            found = bn_search(scores, all_allowed);
            if (skeleton(&found) != cases[i].edges)
                fail_msg("%s, seed %u: edges %x, not %x", cases[i].name, seed, skeleton(&found),
                         cases[i].edges);
            assert_int_equal(has_collider(&found, 0, 2, 3), cases[i].collides);
            if (!cases[i].collides) {
                assert_false(has_collider(&found, 0, 1, 2));
                assert_false(has_collider(&found, 1, 2, 3));
            }
            bn_scores_free(scores);
            bn_data_release(&data);
        }
    }
}

/* 2 and 3 are outputs: 0 and 1 never depend on them, though by the data alone they would. */
static void test_inputs_do_not_depend_on_outputs(void **state)
{
    static const uint32_t allowed[BN_MAX_COLUMNS] = { 0x2, 0x1, 0xb, 0x7 };

    (void)state;
    for (uint32_t seed = 0; seed < 10; seed++) {
        struct random_stream random = stream(seed);
        struct bn_structure found;
        struct bn_scores *scores;
        struct bn_data data;
        uint16_t x[COLUMNS];

        bn_data_init(&data, small_arity, COLUMNS);
        for (int row = 0; row < 2000; row++) {
            draw_independent(&random, x);
            x[0] = x[2] > 1;
            x[1] = (uint16_t)(x[3] + (x[2] == 3));
            bn_data_add(&data, x, 1);
        }
        scores = bn_scores_new(&data);
        found = bn_search(scores, allowed);
        assert_true(skeleton(&found) & EDGE(0, 2));
        for (uint32_t c = 0; c < COLUMNS; c++)
            assert_int_equal(found.parents[c] & ~allowed[c], 0);
        bn_scores_free(scores);
        bn_data_release(&data);
    }
}

/* Neither a second run nor another order of the rows finds something else. */
static void test_search_is_deterministic(void **state)
{
    uint16_t rows[RAW_ROWS][COLUMNS];
    struct bn_structure found[3];

    (void)state;
    raw_rows(5, rows);
    for (int run = 0; run < 3; run++) {
        struct bn_scores *scores;
        struct bn_data data;

        if (run < 2) {
            add_raw(&data, rows);
        } else {
            bn_data_init(&data, small_arity, COLUMNS);
            for (int i = RAW_ROWS - 1; i >= 0; i--)
                bn_data_add(&data, rows[i], 1);
        }
        scores = bn_scores_new(&data);
        found[run] = bn_search(scores, all_allowed);
        bn_scores_free(scores);
        bn_data_release(&data);
    }
    assert_memory_equal(&found[0], &found[1], sizeof *found);
    assert_memory_equal(&found[0], &found[2], sizeof *found);
}

/* ---- parameters and draws ---- */

enum { DRAWS = 60000 };

/* 0 is given; 1 depends on 0, 2 on 0 and 1, 3 on 2. */
static const struct bn_structure drawn_structure = { { 0, 0x1, 0x3, 0x4 } };

static struct bn_network *raw_network(uint16_t rows[RAW_ROWS][COLUMNS])
{
    struct bn_network *network;
    struct bn_data data;

    raw_rows(9, rows);
    add_raw(&data, rows);
    network = bn_network_new(&data, &drawn_structure, 0xe);
    bn_data_release(&data);
    return network;
}

/* By counting rows; -1: never seen. */
static double direct_share(uint16_t rows[RAW_ROWS][COLUMNS], uint32_t child, uint32_t parents,
                           const uint16_t *x)
{
    unsigned agree = 0;
    unsigned with_child = 0;

    for (int i = 0; i < RAW_ROWS; i++) {
        bool agrees = true;

        for (uint32_t c = 0; c < COLUMNS; c++)
            agrees = agrees && (!(parents >> c & 1) || rows[i][c] == x[c]);
        agree += agrees;
        with_child += agrees && rows[i][child] == x[child];
    }
    return agree > 0 ? (double)with_child / agree : -1;
}

/* P(1, 2, 3 | 0). */
static double direct_probability(uint16_t rows[RAW_ROWS][COLUMNS], const uint16_t *x)
{
    double p = 1;

    for (uint32_t c = 1; c < COLUMNS; c++) {
        double share = direct_share(rows, c, drawn_structure.parents[c], x);

        p *= share >= 0 ? share : direct_share(rows, c, 0, x);
    }
    return p;
}

static size_t cell(const uint16_t *x)
{
    return ((size_t)x[1] * 4 + x[2]) * 2 + x[3];
}

static bool is_rare(const void *self, const uint16_t *x)
{
    (void)self;
    return x[1] == 2 && x[2] == 3;
}

static bool is_odd(const void *self, const uint16_t *x)
{
    (void)self;
    return (x[1] + x[2]) % 2 == 1;
}

static bool is_any(const void *self, const uint16_t *x)
{
    (void)self;
    (void)x;
    return true;
}

/* Draws, free and conditioned, have the probabilities of rows counted one by one. */
static void test_draws_follow_the_rows(void **state)
{
    static const struct {
        bool (*holds)(const void *self, const uint16_t *values);
        uint32_t judged;
    } cases[] = { { is_any, 0 }, { is_odd, 0x6 }, { is_rare, 0x6 } };
    uint16_t rows[RAW_ROWS][COLUMNS];
    struct bn_network *network = raw_network(rows);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bn_condition condition = { cases[i].judged, cases[i].holds, NULL };
        struct random_stream random = stream((uint32_t)i);
        double expected[24] = { 0 };
        double seen[24] = { 0 };
        double sum = 0;
        uint16_t x[COLUMNS] = { 1 };

        for (int draw = 0; draw < DRAWS; draw++) {
            if (cases[i].holds == is_any)
                bn_network_draw(network, x, &random);
            else
                assert_true(bn_network_draw_where(network, &condition, x, &random));
            assert_true(cases[i].holds(NULL, x));
            seen[cell(x)] += 1.0 / DRAWS;
        }
        for (uint32_t k = 0; k < 24; k++) {
            uint16_t y[COLUMNS] = { 1, (uint16_t)(k / 8), (uint16_t)(k / 2 % 4), (uint16_t)(k % 2) };

            expected[cell(y)] = cases[i].holds(NULL, y) ? direct_probability(rows, y) : 0;
            sum += expected[cell(y)];
        }
        assert_true(sum > 0);
        for (int k = 0; k < 24; k++) /* four standard deviations */
            assert_near(seen[k], expected[k] / sum, 4 * 0.5 / sqrt(DRAWS));
    }
    bn_network_free(network);
}

static bool is_impossible(const void *self, const uint16_t *x)
{
    return x[1] == *(const uint16_t *)self;
}

static void test_impossible_condition(void **state)
{
    static const uint32_t arity[] = { 2, 3 };
    static const struct bn_structure structure = { { 0, 0x1 } };
    struct bn_condition condition = { 0x2, is_impossible, &(uint16_t){ 2 } };
    struct random_stream random = stream(0);
    struct bn_network *network;
    struct bn_data data;

    (void)state;
    bn_data_init(&data, arity, 2);
    bn_data_add(&data, (uint16_t[]){ 0, 1 }, 3);
    bn_data_add(&data, (uint16_t[]){ 1, 2 }, 1);
    network = bn_network_new(&data, &structure, 0x2);
    assert_false(bn_network_draw_where(network, &condition, (uint16_t[]){ 0, 0 }, &random));
    assert_true(bn_network_draw_where(network, &condition, (uint16_t[]){ 1, 0 }, &random));
    bn_network_free(network);
    bn_data_release(&data);
}

/* Parents that never came together: the distribution over all rows. */
static void test_unseen_parents(void **state)
{
    static const uint32_t arity[] = { 3, 2 };
    static const struct bn_structure structure = { { 0, 0x1 } };
    struct random_stream random = stream(1);
    struct bn_network *network;
    struct bn_data data;
    double ones = 0;

    (void)state;
    bn_data_init(&data, arity, 2);
    bn_data_add(&data, (uint16_t[]){ 0, 0 }, 30);
    bn_data_add(&data, (uint16_t[]){ 1, 1 }, 10);
    network = bn_network_new(&data, &structure, 0x2);
    for (int i = 0; i < DRAWS; i++) {
        uint16_t x[2] = { 2, 0 };

        bn_network_draw(network, x, &random);
        ones += x[1];
    }
    assert_near(ones / DRAWS, 0.25, 0.01);
    bn_network_free(network);
    bn_data_release(&data);
}

/* ---- quantiles ---- */

static void test_quantiles(void **state)
{
    static const struct {
        const char *name;
        struct { uint16_t first, last; uint64_t each; } values[3];
        bool zero_apart;
        uint32_t bins;
        uint16_t upper[4]; /* of the first bins */
    } cases[] = {
        { "nothing", { { 0, 0, 0 } }, false, 1, { UINT16_MAX } },
        { "one value", { { 7, 7, 1 } }, false, 1, { UINT16_MAX } },
        { "one value, many times", { { 65535, 65535, 1000 } }, false, 1, { UINT16_MAX } },
        { "ten values", { { 1, 10, 3 } }, false, 10, { 1, 2, 3, 4 } },
        { "a hundred", { { 0, 99, 1 } }, false, 10, { 9, 19, 29, 39 } },
        { "ties below", { { 0, 0, 65 }, { 100, 134, 1 } }, false, 5, { 0, 104, 114, 124 } },
        { "ties above", { { 1, 20, 1 }, { 1460, 1460, 80 } }, false, 3, { 10, 20, UINT16_MAX } },
        { "few zeros", { { 0, 0, 1 }, { 1, 100, 1 } }, true, 11, { 0, 9, 19, 29 } },
        { "no zeros", { { 5, 5, 4 } }, true, 2, { 0, UINT16_MAX } },
        { "zeros alone", { { 0, 0, 9 } }, true, 1, { UINT16_MAX } },
    };
    uint64_t *counts = calloc(BN_QUANTILE_VALUES, sizeof *counts);
    struct bn_quantiles quantiles;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(counts, 0, BN_QUANTILE_VALUES * sizeof *counts);
        for (int part = 0; part < 3; part++) {
            for (uint32_t v = cases[i].values[part].first; v <= cases[i].values[part].last; v++)
                counts[v] += cases[i].values[part].each;
        }
        bn_quantiles_init(&quantiles, counts, cases[i].zero_apart);
        if (quantiles.bins != cases[i].bins)
            fail_msg("%s: %u bins, not %u", cases[i].name, quantiles.bins, cases[i].bins);
        for (uint32_t b = 0; b < quantiles.bins && b < 4; b++) {
            if (quantiles.upper[b] != cases[i].upper[b])
                fail_msg("%s: bin %u up to %u, not %u", cases[i].name, b, quantiles.upper[b],
                         cases[i].upper[b]);
        }
        assert_int_equal(bn_quantiles_bin(&quantiles, UINT16_MAX), quantiles.bins - 1);
    }
    free(counts);
}

/* What is drawn of a bin was seen, is of that bin, and as often as it was seen. */
static void test_quantile_draws(void **state)
{
    uint64_t *counts = calloc(BN_QUANTILE_VALUES, sizeof *counts);
    struct random_stream random = stream(2);
    struct bn_quantiles quantiles;
    double of_40 = 0;

    (void)state;
    counts[0] = 300;
    counts[40] = 30;
    counts[41] = 90;
    counts[1000] = 280;
    counts[1460] = 300;
    bn_quantiles_init(&quantiles, counts, false);
    for (uint32_t bin = 0; bin < quantiles.bins; bin++) {
        for (int i = 0; i < 2000; i++) {
            uint16_t value = bn_quantiles_draw(&quantiles, bin, &random);

            assert_true(counts[value] > 0);
            assert_int_equal(bn_quantiles_bin(&quantiles, value), bin);
        }
    }
    for (int i = 0; i < DRAWS; i++)
        of_40 += bn_quantiles_draw(&quantiles, bn_quantiles_bin(&quantiles, 40), &random) == 40;
    assert_near(of_40 / DRAWS, 0.25, 0.01);
    free(counts);
}

/* ---- packets ---- */

enum { S = TCP_SYN, A = TCP_ACK, SA = TCP_SYN | TCP_ACK, PA = TCP_PSH | TCP_ACK, FA = TCP_FIN | TCP_ACK,
       R = TCP_RST };

static struct flow_packet packet_of(enum flow_side side, uint8_t flags, uint16_t payload,
                                    enum packet_mark mark)
{
    return (struct flow_packet){ (uint8_t)(side << 7 | mark << 5 | flags), 80, payload, 128, 0 };
}

static const struct {
    enum flow_side side;
    uint8_t flags;
    uint16_t payload;
} script[] = {
    { FLOW_INITIATOR, S, 0 },    { FLOW_RESPONDER, SA, 0 }, { FLOW_INITIATOR, A, 0 },
    { FLOW_INITIATOR, PA, 300 }, { FLOW_RESPONDER, A, 0 },  { FLOW_RESPONDER, PA, 900 },
    { FLOW_INITIATOR, FA, 0 },   { FLOW_RESPONDER, FA, 0 }, { FLOW_INITIATOR, A, 0 },
};

enum { SCRIPT = sizeof script / sizeof *script };

/* A row of `length` packets; the caller releases its sequence. */
static struct session_row row_of(const struct flow_packet *packets, uint32_t length)
{
    struct session_row row = { .sequence_length = length, .sequence_head = length };

    row.sequence = malloc(length * sizeof *packets);
    memcpy(row.sequence, packets, length * sizeof *packets);
    for (uint32_t i = 0; i < length; i++)
        row.packets[flow_packet_side(packets[i])]++;
    return row;
}

static struct session_row script_row(void)
{
    struct flow_packet packets[SCRIPT];

    for (int i = 0; i < SCRIPT; i++)
        packets[i] = packet_of(script[i].side, script[i].flags, script[i].payload, PACKET_PLAIN);
    return row_of(packets, SCRIPT);
}

/* Flows that are all alike come back as they were. */
static void test_one_script_comes_back(void **state)
{
    struct session_row row = script_row();
    struct bn_flow flows[30];
    struct bn_packets *packets;
    struct random_stream random = stream(3);

    (void)state;
    for (int i = 0; i < 30; i++)
        flows[i] = (struct bn_flow){ &row, 0 };
    packets = bn_packets_new(flows, 30, 1, BN_WITH_IMPAIRED);
    assert_non_null(packets);
    for (int flow = 0; flow < 20; flow++) {
        struct bn_state at = bn_state_begin(0);

        for (int i = 0; i < SCRIPT; i++) {
            struct bn_packet packet;

            bn_packets_draw(packets, &at, &packet, &random);
            assert_int_equal(packet.side, script[i].side);
            assert_int_equal(packet.tcp_flags, script[i].flags);
            assert_int_equal(packet.payload_bytes, script[i].payload);
            assert_int_equal(packet.is_last, i == SCRIPT - 1);
            assert_true(i == 0 ? packet.gap_ns == 0 : packet.gap_ns > 900000 && packet.gap_ns < 1300000);
        }
    }
    bn_packets_free(packets);
    free(row.sequence);
}

/* Too little to learn from: nothing; and what is little, but enough. */
static void test_degenerate_flows(void **state)
{
    struct flow_packet one = packet_of(FLOW_INITIATOR, S, 0, PACKET_PLAIN);
    struct flow_packet impaired = packet_of(FLOW_INITIATOR, S, 0, PACKET_IMPAIRED);
    struct session_row row = row_of(&one, 1);
    struct session_row impaired_row = row_of(&impaired, 1);
    struct session_row empty = { .packets = { 4, 2 } };
    struct random_stream random = stream(5);
    struct bn_state at = bn_state_begin(0);
    struct bn_packet packet;
    struct bn_packets *packets;

    (void)state;
    assert_null(bn_packets_new(NULL, 0, 1, BN_WITH_IMPAIRED));
    assert_null(bn_packets_new(&(struct bn_flow){ &empty, 0 }, 1, 1, BN_WITH_IMPAIRED));
    assert_null(bn_packets_new(&(struct bn_flow){ &impaired_row, 0 }, 1, 1, BN_WITHOUT_IMPAIRED));
    packets = bn_packets_new(&(struct bn_flow){ &row, 0 }, 1, 1, BN_WITH_IMPAIRED);
    bn_packets_draw(packets, &at, &packet, &random);
    assert_int_equal(packet.tcp_flags, TCP_SYN);
    assert_true(packet.is_last);
    bn_packets_free(packets);

    row.packets[0] = 2; /* its second packet was not kept: no end, and no second packet either */
    at = bn_state_begin(0);
    packets = bn_packets_new(&(struct bn_flow){ &row, 0 }, 1, 1, BN_WITH_IMPAIRED);
    bn_packets_draw(packets, &at, &packet, &random);
    assert_true(packet.is_last);
    bn_packets_free(packets);
    free(row.sequence);
    free(impaired_row.sequence);
}

/* How often packets of a length, in tens of bytes, are drawn after learning from flows that are all like `row`. */
static void count_lengths(const struct session_row *row, enum bn_impaired impaired, uint32_t counts[7])
{
    struct random_stream random = stream(6);
    struct bn_flow flows[30];
    struct bn_packets *packets;

    for (int i = 0; i < 30; i++)
        flows[i] = (struct bn_flow){ row, 0 };
    packets = bn_packets_new(flows, 30, 1, impaired);
    memset(counts, 0, 7 * sizeof *counts);
    for (int flow = 0; flow < 100; flow++) {
        struct bn_state at = bn_state_begin(0);

        for (int i = 0; i < 20; i++) {
            struct bn_packet packet;

            bn_packets_draw(packets, &at, &packet, &random);
            counts[packet.payload_bytes / 10]++;
            if (packet.is_last)
                break;
        }
    }
    bn_packets_free(packets);
}

/* What is left out is not there; and what comes behind a hole is not learned as what follows the packet before it. */
static void test_holes_and_impaired_packets(void **state)
{
    struct flow_packet list[6];
    struct session_row row;
    uint32_t counts[7];

    (void)state;
    for (int i = 0; i < 6; i++)
        list[i] = packet_of(FLOW_INITIATOR, A, (uint16_t)(10 * (i + 1)), i == 2 ? PACKET_IMPAIRED : PACKET_PLAIN);
    row = row_of(list, 6);
    count_lengths(&row, BN_WITHOUT_IMPAIRED, counts);
    for (int i = 1; i <= 6; i++)
        assert_int_equal(counts[i], i == 3 ? 0 : 100);
    row.sequence_head = 4;
    row.packets[0] = 100;
    count_lengths(&row, BN_WITH_IMPAIRED, counts);
    assert_int_equal(counts[3], 100);
    assert_int_equal(counts[5], 0);
    assert_true(counts[6] > 0);
    free(row.sequence);
}

/* ---- the models ---- */

enum { SERVICES = 3, ROWS = 40 };

/* Service 0: TCP, anything goes. 1: UDP. 2: TCP, of which no packets are known. */
static void make_services(struct service_model services[SERVICES])
{
    static const uint8_t flags[] = { S, SA, A, A, PA, PA, FA, R, S | TCP_FIN, 0 };
    struct random_stream random = stream(6);

    memset(services, 0, SERVICES * sizeof *services);
    for (int s = 0; s < SERVICES; s++) {
        services[s].protocol = s == 1 ? IP_UDP : IP_TCP;
        services[s].row_count = ROWS;
        services[s].rows = calloc(ROWS, sizeof *services[s].rows);
        for (int i = 0; s < 2 && i < ROWS; i++) {
            struct flow_packet list[30];

            for (int k = 0; k < 30; k++)
                list[k] = packet_of((enum flow_side)random_below(&random, 2),
                                    s == 1 ? 0 : flags[random_below(&random, sizeof flags)],
                                    chance(&random, 0.5) ? 0 : 500, PACKET_PLAIN);
            services[s].rows[i] = i % 4 == 0 && s == 0
                                      ? script_row()
                                      : row_of(list, 1 + random_below_u32(&random, 30));
        }
    }
}

static void release_services(struct service_model services[SERVICES])
{
    for (int s = 0; s < SERVICES; s++) {
        for (int i = 0; i < ROWS; i++)
            free(services[s].rows[i].sequence);
        free(services[s].rows);
    }
}

struct session_sum {
    uint64_t packets, illegal, hash;
};

/* Plays one session, and asserts what every draw has to be. */
static void play(const struct packet_model *model, const struct packet_tables *tables, uint8_t protocol,
                 bool under_way, uint32_t number, struct session_sum *sum)
{
    struct packet_shape shape = { .protocol = protocol, .under_way = under_way, .rtt_ns = 1, .ip_payload = 1480,
                                  .most_bytes = { 400, 1460 } };
    struct packet_progress progress = { .machine = tcp_machine_begin(under_way) };
    struct random_stream random = stream(number);
    union packet_memory memory;
    struct packet_draw draw;
    uint64_t packets = 0;

    model->begin(tables, &shape, &memory, &random);
    while (model->next(tables, &shape, &progress, &memory, &random, &draw)) {
        bool is_allowed = protocol != IP_TCP ||
                          tcp_machine_allows(&progress.machine, draw.side, draw.tcp_flags, draw.mark,
                                             draw.payload_bytes > 0);

        assert_true(draw.payload_bytes <= shape.most_bytes[draw.side]);
        assert_true(draw.gap_ns >= 0);
        assert_int_equal(draw.mark, PACKET_PLAIN);
        sum->illegal += !is_allowed;
        sum->hash = random_mix64(sum->hash ^ ((uint64_t)draw.payload_bytes << 32) ^
                                 ((uint64_t)draw.tcp_flags << 1) ^ draw.side ^ (uint64_t)draw.gap_ns);
        if (is_allowed)
            tcp_machine_send(&progress.machine, draw.side, draw.tcp_flags, draw.mark);
        packets++;
    }
    assert_true(packets > 0);
    sum->packets += packets;
}

/* bn breaks TCP, bn-tcp never does; both draw the same again, and know what they do not know. */
static void test_models(void **state)
{
    static const struct packet_model *const models[] = { &packet_model_bn, &packet_model_bn_tcp };
    struct service_model services[SERVICES];
    const struct service_model *list[SERVICES] = { &services[0], &services[1], &services[2] };

    (void)state;
    make_services(services);
    for (int m = 0; m < 2; m++) {
        struct session_sum sums[2] = { { 0 } };

        for (int run = 0; run < 2; run++) {
            struct packet_tables *tables[SERVICES];

            models[m]->fit_all(models[m], list, SERVICES, tables);
            assert_non_null(tables[0]);
            assert_non_null(tables[1]);
            assert_null(tables[2]);
            assert_true(models[m]->bytes(tables[0]) > 1000);
            for (uint32_t i = 0; i < 2000; i++) {
                play(models[m], tables[0], IP_TCP, i % 3 == 0, i, &sums[run]);
                play(models[m], tables[1], IP_UDP, false, i, &sums[run]);
            }
            for (int s = 0; s < SERVICES; s++)
                models[m]->release(tables[s]);
        }
        assert_memory_equal(&sums[0], &sums[1], sizeof *sums);
        assert_int_equal(models[m]->is_lawless, sums[0].illegal > 0);
    }
    release_services(services);
}

/* A session of a pool is one of its services. */
static void test_pool_of_services(void **state)
{
    struct flow_packet of_first = packet_of(FLOW_INITIATOR, 0, 100, PACKET_PLAIN);
    struct flow_packet of_second = packet_of(FLOW_RESPONDER, 0, 200, PACKET_PLAIN);
    struct session_row rows[4] = { row_of(&of_first, 1), row_of(&of_second, 1) };
    struct service_model services[] = {
        { .protocol = IP_UDP, .rows = rows, .row_count = 1 },
        { .protocol = IP_UDP, .rows = rows + 1, .row_count = 1 },
        { .protocol = IP_UDP, .rows = rows, .row_count = 3 }, /* of the third no packets are known */
        { .protocol = IP_UDP, .rows = rows + 2, .row_count = 1 },
    };
    const struct service_model *list[] = { &services[0], &services[1], &services[2], &services[3] };
    struct packet_shape shape = { .protocol = IP_UDP, .ip_payload = 1480, .most_bytes = { 1460, 1460 } };
    struct packet_progress progress = { .messages = { 0 } };
    struct packet_tables *tables[4];
    int seen[2] = { 0 };

    (void)state;
    packet_model_bn.fit_all(&packet_model_bn, list, 4, tables);
    assert_null(tables[3]);
    for (uint32_t i = 0; i < 400; i++) {
        struct random_stream random = stream(i);
        union packet_memory memory;
        struct packet_draw draw;

        packet_model_bn.begin(tables[2], &shape, &memory, &random);
        assert_true(packet_model_bn.next(tables[2], &shape, &progress, &memory, &random, &draw));
        seen[draw.side]++;
    }
    assert_true(seen[0] > 140 && seen[1] > 140);
    for (int i = 0; i < 3; i++)
        packet_model_bn.release(tables[i]);
    free(rows[0].sequence);
    free(rows[1].sequence);
}

/* Flows that were cut never end: the session does all the same. */
static void test_endless_flows_end(void **state)
{
    struct flow_packet list[10];
    struct session_row row;
    struct service_model service = { .protocol = IP_UDP, .rows = &row, .row_count = 1 };
    struct packet_tables *tables;
    struct session_sum sum = { 0 };

    (void)state;
    for (int i = 0; i < 10; i++)
        list[i] = packet_of((enum flow_side)(i % 2), 0, 100, PACKET_PLAIN);
    row = row_of(list, 10);
    row.packets[0] = 100;
    packet_model_bn.fit_all(&packet_model_bn, &(const struct service_model *){ &service }, 1, &tables);
    play(&packet_model_bn, tables, IP_UDP, false, 1, &sum);
    assert_int_equal(sum.packets, 100000);
    packet_model_bn.release(tables);
    free(row.sequence);
}

/* A network that acknowledges for ever after a FIN: bn-tcp gives up after 16 packets. */
static void test_idle_after_fin_ends(void **state)
{
    struct flow_packet list[12];
    struct session_row rows[ROWS];
    struct service_model service = { .protocol = IP_TCP, .rows = rows, .row_count = ROWS };
    struct packet_tables *tables;
    struct session_sum sum = { 0 };

    (void)state;
    for (int i = 0; i < 12; i++)
        list[i] = i < 3 ? packet_of(script[i].side, script[i].flags, 0, PACKET_PLAIN)
                        : packet_of(FLOW_INITIATOR, i == 3 ? FA : A, 0, PACKET_PLAIN);
    rows[0] = row_of(list, 12);
    rows[0].packets[0] = 100; /* nobody saw it end */
    for (int i = 1; i < ROWS; i++) { /* so that there is something to be sure of */
        rows[i] = row_of(list, 12);
        rows[i].packets[0] = 100;
    }
    packet_model_bn_tcp.fit_all(&packet_model_bn_tcp, &(const struct service_model *){ &service }, 1, &tables);
    play(&packet_model_bn_tcp, tables, IP_TCP, false, 1, &sum);
    assert_int_equal(sum.packets, 4 + 16);
    packet_model_bn_tcp.release(tables);
    for (int i = 0; i < ROWS; i++)
        free(rows[i].sequence);
}

/* A service whose flows were all under way has no opening; a session that has to open sends its SYN. */
static void test_opening_that_was_never_seen(void **state)
{
    struct flow_packet list[4];
    struct session_row row;
    struct service_model service = { .protocol = IP_TCP, .rows = &row, .row_count = 1 };
    struct packet_tables *tables;
    struct session_sum sum = { 0 };

    (void)state;
    for (int i = 0; i < 4; i++)
        list[i] = packet_of((enum flow_side)(i % 2), PA, 100, PACKET_PLAIN);
    row = row_of(list, 4);
    packet_model_bn_tcp.fit_all(&packet_model_bn_tcp, &(const struct service_model *){ &service }, 1, &tables);
    play(&packet_model_bn_tcp, tables, IP_TCP, false, 1, &sum);
    assert_int_equal(sum.packets, 1);
    play(&packet_model_bn_tcp, tables, IP_TCP, true, 1, &sum);
    assert_int_equal(sum.packets, 5);
    assert_int_equal(sum.illegal, 0);
    packet_model_bn_tcp.release(tables);
    free(row.sequence);
}

/* The options of a SYN are the longest: its payload, which only a lawless model has, leaves room for them in a frame. */
static void test_syn_with_payload_fits_a_frame(void **state)
{
    struct flow_packet list[2] = {
        packet_of(FLOW_INITIATOR, S, 0, PACKET_PLAIN),
        packet_of(FLOW_RESPONDER, SA, 1460, PACKET_PLAIN),
    };
    struct session_row row = row_of(list, 2);
    struct service_model service = { .protocol = IP_TCP, .rows = &row, .row_count = 1 };
    struct packet_shape shape = { .protocol = IP_TCP, .rtt_ns = 1, .ip_payload = 1480, .most_bytes = { 1460, 1460 } };
    struct packet_progress progress = { .machine = tcp_machine_begin(false) };
    struct random_stream random = stream(1);
    union packet_memory memory;
    struct packet_tables *tables;
    struct packet_draw draw;

    (void)state;
    packet_model_bn.fit_all(&packet_model_bn, &(const struct service_model *){ &service }, 1, &tables);
    packet_model_bn.begin(tables, &shape, &memory, &random);
    do
        assert_true(packet_model_bn.next(tables, &shape, &progress, &memory, &random, &draw));
    while (draw.tcp_flags != SA);
    assert_in_range(draw.payload_bytes, 1400, 1500 - 20 - 20 - 20);
    packet_model_bn.release(tables);
    free(row.sequence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_rows_are_one),
        cmocka_unit_test(test_partitions),
        cmocka_unit_test(test_k2_by_hand),
        cmocka_unit_test(test_k2_against_the_formula),
        cmocka_unit_test(test_k2_of_many),
        cmocka_unit_test(test_search_takes_the_best_step),
        cmocka_unit_test(test_known_networks_are_found),
        cmocka_unit_test(test_inputs_do_not_depend_on_outputs),
        cmocka_unit_test(test_search_is_deterministic),
        cmocka_unit_test(test_draws_follow_the_rows),
        cmocka_unit_test(test_impossible_condition),
        cmocka_unit_test(test_unseen_parents),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_quantile_draws),
        cmocka_unit_test(test_one_script_comes_back),
        cmocka_unit_test(test_degenerate_flows),
        cmocka_unit_test(test_holes_and_impaired_packets),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_pool_of_services),
        cmocka_unit_test(test_endless_flows_end),
        cmocka_unit_test(test_idle_after_fin_ends),
        cmocka_unit_test(test_opening_that_was_never_seen),
        cmocka_unit_test(test_syn_with_payload_fits_a_frame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
