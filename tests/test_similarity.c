#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "dayshift/behaviour.h"
#include "eval/model_compare.h"
#include "model/model.h"
#include "similarity/crowds.h"
#include "similarity/eigen.h"
#include "similarity/embedding.h"
#include "similarity/product_kernel.h"
#include "similarity/reference_set.h"
#include "similarity/spectral_clusters.h"
#include "synth/cast.h"

static void assert_near(const char *what, double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%s: %.12g, not %.12g", what, value, expected);
}

/* ---- behaviours ---- */

enum { MOST_DRAWN_STATES = 8, MAX_STATES = 500, MAX_STEPS = 10000 /* of real hosts, two together */ };

/* One that owns its mixtures. */
struct example {
    struct mixture_component components[MAX_STATES][2 * MIXTURE_MAX];
    struct behaviour_state states[MAX_STATES];
    uint32_t state_count;
    struct behaviour_step steps[MAX_STEPS];
    size_t step_count;
    struct behaviour behaviour;
};

static void add_state(struct example *e, uint32_t key, double weight, double mean, double sd)
{
    assert_true(e->state_count < MAX_STATES);
    e->components[e->state_count][0] = (struct mixture_component){ 1, mean, sd };
    e->states[e->state_count] =
        (struct behaviour_state){ key, weight, e->components[e->state_count], 1 };
    e->state_count++;
}

static void add_step(struct example *e, uint32_t state, uint32_t next, double times)
{
    assert_true(e->step_count < MAX_STEPS);
    e->steps[e->step_count++] = (struct behaviour_step){ state, next, times };
}

static void finish(struct example *e)
{
    behaviour_init(&e->behaviour, e->states, e->state_count, e->steps, e->step_count);
}

/* A host of `states` states from `first` on, each after each with random weights. */
static struct example *draw_example(uint32_t number, uint32_t first, uint32_t states)
{
    struct example *e = memory_alloc(sizeof *e);
    struct random_stream random;

    random_init(&random, 7, RANDOM_FIT, number, 0, 0);
    for (uint32_t i = 0; i < states; i++)
        add_state(e, first + i, 0.1 + random_unit(&random), 1 + 4 * random_unit(&random),
                  0.05 + random_unit(&random));
    for (uint32_t i = 0; i < states; i++) {
        for (uint32_t k = 0; k < states; k++) {
            if (random_below(&random, 3) > 0)
                add_step(e, i, k, 1 + (double)random_below(&random, 50));
        }
    }
    finish(e);
    return e;
}

static void free_example(struct example *e)
{
    behaviour_release(&e->behaviour);
    free(e);
}

static double kernel_of(const struct behaviour *a, const struct behaviour *b,
                        const struct kernel_shape *shape)
{
    struct product_kernel *kernel = product_kernel_new(shape);
    struct kernel_side sides[2];
    double value;

    kernel_side_init(&sides[0], kernel, a);
    kernel_side_init(&sides[1], kernel, b);
    value = product_kernel_value(kernel, &sides[0], &sides[1]);
    kernel_side_release(&sides[0]);
    kernel_side_release(&sides[1]);
    product_kernel_free(kernel);
    return value;
}

/* In whatever order states and steps are given. */
static void test_behaviour(void **state)
{
    struct example *e = memory_alloc(sizeof *e);

    (void)state;
    add_state(e, 30, 6, 1, 0.1);
    add_state(e, 10, 2, 2, 0.2);
    add_step(e, 0, 0, 3);
    add_step(e, 0, 1, 1);
    finish(e);
    assert_int_equal(e->behaviour.states[0].key, 10);
    assert_near("pi", e->behaviour.states[0].weight, 0.25, 1e-15);
    assert_near("pi", e->behaviour.states[1].weight, 0.75, 1e-15);
    assert_int_equal(e->behaviour.rows[1], 0); /* nothing was seen after 10 */
    assert_int_equal(e->behaviour.rows[2], 2);
    assert_int_equal(e->behaviour.next[0], 0);
    assert_near("from 30 to 10", e->behaviour.shares[0], 0.25, 1e-15);
    assert_near("from 30 to 30", e->behaviour.shares[1], 0.75, 1e-15);
    free_example(e);
}

/* ---- the kernel ---- */

/* Two states, Gaussians of equal sd, sequences of one and of two flows: by hand. */
static void test_kernel_by_hand(void **state)
{
    const struct kernel_shape shape = { .length = 2, .blur = 0.3 };
    const double distance = 0.5;
    const double variance = 2 * (0.4 * 0.4 + 0.3 * 0.3);
    struct example *a = memory_alloc(sizeof *a);
    struct example *b = memory_alloc(sizeof *b);
    double alike = exp(-0.5 * distance * distance / variance);
    double one;
    double two;

    (void)state;
    add_state(a, 1, 0.5, 2, 0.4);
    add_state(a, 2, 0.5, 3, 0.4);
    add_step(a, 0, 1, 1);
    add_step(a, 1, 0, 1);
    finish(a);
    add_state(b, 1, 0.8, 2 + distance, 0.4);
    add_state(b, 2, 0.2, 3, 0.4);
    add_step(b, 0, 0, 3);
    add_step(b, 0, 1, 1);
    add_step(b, 1, 0, 1);
    finish(b);
    one = sqrt(0.5 * 0.8) * alike + sqrt(0.5 * 0.2);
    /* 1 to 2 with T = 1 and 1/4, and 2 to 1 with T = 1 and 1 */
    two = sqrt(0.5 * 0.8) * alike * sqrt(0.25) + sqrt(0.5 * 0.2) * alike;
    assert_near("kernel", kernel_of(&a->behaviour, &b->behaviour, &shape), (one + two) / 2, 1e-14);
    free_example(a);
    free_example(b);
}

static void test_kernel_borders(void **state)
{
    struct example *a = draw_example(1, 10, 5);
    struct example *b = draw_example(2, 20, 5);
    struct example *silent = draw_example(3, 0, 0);

    (void)state;
    assert_near("itself", kernel_of(&a->behaviour, &a->behaviour, &kernel_default_shape), 1, 1e-12);
    assert_near("apart", kernel_of(&a->behaviour, &b->behaviour, &kernel_default_shape), 0, 0);
    assert_near("silent", kernel_of(&a->behaviour, &silent->behaviour, &kernel_default_shape), 0, 0);
    assert_near("both silent", kernel_of(&silent->behaviour, &silent->behaviour, &kernel_default_shape), 1, 0);
    free_example(a);
    free_example(b);
    free_example(silent);
}

/* Also of long sequences: no number becomes too small. */
static void test_kernel_of_any_length(void **state)
{
    static const uint32_t lengths[] = { 1, 2, 4, 100, 10000 };

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const struct kernel_shape shape = { lengths[i], 0.1 };
        struct example *a = draw_example(1, 10, 6);
        struct example *b = draw_example(2, 12, 6);
        double value = kernel_of(&a->behaviour, &b->behaviour, &shape);

        assert_near("itself", kernel_of(&a->behaviour, &a->behaviour, &shape), 1, 1e-11);
        assert_true(value > 0 && value < 1);
        assert_near("symmetric", kernel_of(&b->behaviour, &a->behaviour, &shape), value, 1e-15);
        free_example(a);
        free_example(b);
    }
}

/* States 10 to 15, of which nothing followed the even ones; or, the same, what follows them is written out. */
static struct example *draw_ends(uint32_t number, bool is_written_out)
{
    struct example *e = draw_example(number, 10, 6);
    size_t drawn = e->step_count;

    behaviour_release(&e->behaviour);
    e->step_count = 0;
    for (size_t i = 0; i < drawn; i++) {
        if (e->steps[i].state % 2 == 1)
            e->steps[e->step_count++] = e->steps[i];
    }
    for (uint32_t i = 0; is_written_out && i < e->state_count; i += 2) {
        for (uint32_t k = 0; k < e->state_count; k++)
            add_step(e, i, k, e->states[k].weight);
    }
    finish(e);
    return e;
}

/* Where nothing followed a state, a draw from the frequency does. */
static void test_kernel_of_ends(void **state)
{
    const struct kernel_shape shape = { 5, 0.1 };
    struct example *a = draw_ends(1, false);
    struct example *b = draw_ends(2, false);
    struct example *long_a = draw_ends(1, true);
    struct example *long_b = draw_ends(2, true);
    double expected = kernel_of(&long_a->behaviour, &long_b->behaviour, &shape);

    (void)state;
    assert_near("both end", kernel_of(&a->behaviour, &b->behaviour, &shape), expected, 1e-12);
    assert_near("the first ends", kernel_of(&a->behaviour, &long_b->behaviour, &shape), expected, 1e-12);
    assert_near("the second ends", kernel_of(&long_a->behaviour, &b->behaviour, &shape), expected, 1e-12);
    assert_near("itself", kernel_of(&a->behaviour, &a->behaviour, &shape), 1, 1e-12);
    free_example(a);
    free_example(b);
    free_example(long_a);
    free_example(long_b);
}

/* A kernel matrix has no eigenvalue below 0, its diagonal is 1, and it is symmetric. */
static void check_matrix(const struct reference_set *set)
{
    double *values = memory_alloc_array(set->count, sizeof *values);
    double *vectors = memory_alloc_array((size_t)set->count * set->count, sizeof *vectors);

    for (uint32_t i = 0; i < set->count; i++) {
        assert_near("diagonal", set->gram[i * set->count + i], 1, 1e-12);
        for (uint32_t j = 0; j < i; j++)
            assert_true(set->gram[i * set->count + j] == set->gram[j * set->count + i] &&
                        set->gram[i * set->count + j] < 1 + 1e-12);
    }
    eigen_largest(set->gram, set->count, set->count, values, vectors);
    if (!(values[set->count - 1] > -1e-9))
        fail_msg("smallest eigenvalue of %u hosts: %g", set->count, values[set->count - 1]);
    free(vectors);
    free(values);
}

enum { DRAWN = 60 };

static void test_kernel_is_positive(void **state)
{
    struct example *examples[DRAWN];
    struct behaviour behaviours[DRAWN];
    struct reference_set set;

    (void)state;
    for (uint32_t i = 0; i < DRAWN; i++) {
        examples[i] = draw_example(i, 10 + i % 7, 1 + i % MOST_DRAWN_STATES);
        behaviours[i] = examples[i]->behaviour;
    }
    reference_set_init(&set, behaviours, DRAWN, DRAWN);
    check_matrix(&set);
    reference_set_release(&set);
    for (uint32_t i = 0; i < DRAWN; i++)
        free_example(examples[i]);
}

/* ---- eigenvectors ---- */

static void test_eigen(void **state)
{
    /* 3 with (1, 1) and 1 with (1, -1), each over sqrt(2); the sign is that of the first of equals */
    static const double matrix[] = { 2, 1, 1, 2 };
    double values[2];
    double vectors[4];

    (void)state;
    eigen_largest(matrix, 2, 2, values, vectors);
    assert_near("first value", values[0], 3, 1e-14);
    assert_near("second value", values[1], 1, 1e-14);
    assert_near("first vector", vectors[0], M_SQRT1_2, 1e-14);
    assert_near("first vector", vectors[2], M_SQRT1_2, 1e-14);
    assert_near("second vector", vectors[1], M_SQRT1_2, 1e-14);
    assert_near("second vector", vectors[3], -M_SQRT1_2, 1e-14);
}

/* ---- the embedding ---- */

/* With all dimensions, distances are those in feature space: k(a,a) + k(b,b) - 2 k(a,b). */
static void test_embedding_keeps_distances(void **state)
{
    enum { HOSTS = 12 };
    struct example *examples[HOSTS];
    struct behaviour behaviours[HOSTS];
    struct reference_set set;
    struct embedding embedding;
    double at[HOSTS][HOSTS];
    double explained = 0;

    (void)state;
    for (uint32_t i = 0; i < HOSTS; i++) {
        examples[i] = draw_example(i, 10 + i % 4, 4);
        behaviours[i] = examples[i]->behaviour;
    }
    reference_set_init(&set, behaviours, HOSTS, HOSTS);
    embedding_init(&embedding, set.gram, HOSTS, HOSTS);
    for (uint32_t i = 0; i < HOSTS; i++) {
        embedding_place(&embedding, set.gram + i * HOSTS, at[i]);
        explained += embedding.shares[i];
    }
    assert_near("explained", explained, 1, 1e-12);
    for (uint32_t i = 0; i < HOSTS; i++) {
        for (uint32_t j = 0; j < i; j++) {
            double squared = 0;

            for (uint32_t k = 0; k < HOSTS; k++)
                squared += (at[i][k] - at[j][k]) * (at[i][k] - at[j][k]);
            assert_near("distance", squared, 2 - 2 * set.gram[i * HOSTS + j], 1e-9);
        }
    }
    embedding_release(&embedding);
    reference_set_release(&set);
    for (uint32_t i = 0; i < HOSTS; i++)
        free_example(examples[i]);
}

static void test_embedding_of_one(void **state)
{
    static const double gram[] = { 1 };
    struct embedding embedding;
    double at[2] = { 5, 5 };

    (void)state;
    embedding_init(&embedding, gram, 1, 2);
    embedding_place(&embedding, gram, at);
    assert_near("x", at[0], 0, 0);
    assert_near("y", at[1], 0, 0);
    assert_near("explained", embedding.shares[0], 0, 0);
    embedding_release(&embedding);
}

/* The states of `from`, scaled, beside those that the mixture has; where each one is there. */
static void mix_states(struct example *mixed, const struct behaviour *from, double weight, uint32_t *where)
{
    for (uint32_t i = 0; i < from->state_count; i++) {
        const struct behaviour_state *state = &from->states[i];
        uint32_t at = 0;

        while (at < mixed->state_count && mixed->states[at].key != state->key)
            at++;
        assert_true(at < MAX_STATES);
        if (at == mixed->state_count)
            mixed->states[mixed->state_count++] =
                (struct behaviour_state){ state->key, 0, mixed->components[at], 0 };
        for (uint32_t k = 0; k < state->size; k++) {
            mixed->components[at][mixed->states[at].size] = state->components[k];
            mixed->components[at][mixed->states[at].size++].weight *= weight * state->weight;
        }
        mixed->states[at].weight += weight * state->weight;
        where[i] = at;
    }
}

static void mix_steps(struct example *mixed, const struct behaviour *from, double weight,
                      const uint32_t *where)
{
    for (uint32_t s = 0; s < from->state_count; s++) {
        for (uint32_t i = from->rows[s]; i < from->rows[s + 1]; i++) {
            double times = weight * from->states[s].weight * from->shares[i];
            size_t at = 0;

            while (at < mixed->step_count && (mixed->steps[at].state != where[s] ||
                                              mixed->steps[at].next != where[from->next[i]]))
                at++;
            if (at == mixed->step_count)
                add_step(mixed, where[s], where[from->next[i]], 0);
            mixed->steps[at].times += times;
        }
    }
}

/* What a host would be learned as that is `a` for a share 1 - weight of its flows and else `b`, in long runs. */
static struct example *mix(const struct behaviour *a, const struct behaviour *b, double weight)
{
    struct example *mixed = memory_alloc(sizeof *mixed);
    uint32_t where[2][MAX_STATES];

    mix_states(mixed, a, 1 - weight, where[0]);
    mix_states(mixed, b, weight, where[1]);
    mix_steps(mixed, a, 1 - weight, where[0]);
    mix_steps(mixed, b, weight, where[1]);
    for (uint32_t i = 0; i < mixed->state_count; i++) {
        for (uint32_t k = 0; k < mixed->states[i].size; k++)
            mixed->components[i][k].weight /= mixed->states[i].weight;
    }
    finish(mixed);
    return mixed;
}

enum { MIXTURES = 5 };

/* Their projections on the line between the parents, in the embedding of all five. */
static void place_mixtures(const struct behaviour *behaviours, double along[MIXTURES])
{
    struct reference_set set;
    struct embedding embedding;
    double at[MIXTURES][2];

    reference_set_init(&set, behaviours, MIXTURES, MIXTURES);
    embedding_init(&embedding, set.gram, MIXTURES, 2);
    for (uint32_t i = 0; i < MIXTURES; i++)
        embedding_place(&embedding, set.gram + i * MIXTURES, at[i]);
    for (uint32_t i = 0; i < MIXTURES; i++) {
        double x = at[MIXTURES - 1][0] - at[0][0];
        double y = at[MIXTURES - 1][1] - at[0][1];

        along[i] = ((at[i][0] - at[0][0]) * x + (at[i][1] - at[0][1]) * y) / (x * x + y * y);
    }
    embedding_release(&embedding);
    reference_set_release(&set);
}

/* At 0, 0.25, 0.5, 0.75 and 1 of two hosts: in that order. */
static void check_mixtures(uint32_t pair, const struct behaviour *a, const struct behaviour *b)
{
    struct behaviour behaviours[MIXTURES] = { [0] = *a, [MIXTURES - 1] = *b };
    struct example *mixed[MIXTURES];
    double along[MIXTURES];

    for (uint32_t i = 1; i < MIXTURES - 1; i++) {
        mixed[i] = mix(a, b, i / (MIXTURES - 1.0));
        behaviours[i] = mixed[i]->behaviour;
    }
    place_mixtures(behaviours, along);
    for (uint32_t i = 1; i < MIXTURES; i++) {
        if (!(along[i] > along[i - 1]))
            fail_msg("pair %u: %g %g %g %g %g", pair, along[0], along[1], along[2], along[3], along[4]);
    }
    for (uint32_t i = 1; i < MIXTURES - 1; i++)
        free_example(mixed[i]);
}

/* With all, some or no state in common. */
static void test_mixtures_fall_between(void **state)
{
    static const uint32_t apart[] = { 0, 1, 2, 4 };

    (void)state;
    for (uint32_t pair = 0; pair < 40; pair++) {
        struct example *a = draw_example(2 * pair, 10, 4);
        struct example *b = draw_example(2 * pair + 1, 10 + apart[pair % 4], 4);

        check_mixtures(pair, &a->behaviour, &b->behaviour);
        free_example(a);
        free_example(b);
    }
}

/* ---- real hosts ---- */

/* A model of a file in $DAYSHIFT_CAPTURES, learned by $DAYSHIFT; NULL where one of them is missing. */
static struct model *learn_capture(const char *name)
{
    const char *captures = getenv("DAYSHIFT_CAPTURES");
    const char *program = getenv("DAYSHIFT");
    const char *path = scratch_path(name);
    struct error err = { "" };
    struct model *model;
    char command[4096];
    char source[1024];

    snprintf(source, sizeof source, "%s/%s", captures ? captures : "", name);
    if (program == NULL || captures == NULL || access(source, R_OK) < 0)
        return NULL;
    snprintf(command, sizeof command, "'%s' learn --quiet -o '%s' '%s'", program, path, source);
    assert_int_equal(system(command), 0);
    model = model_load(path, &err);
    if (model == NULL)
        fail_msg("%s", err.text);
    return model;
}

static void check_real_hosts(const struct model *model)
{
    uint32_t count = model->host_count < 500 ? model->host_count : 500;
    struct behaviour *behaviours = memory_alloc_array(count, sizeof *behaviours);
    struct reference_set set;

    for (uint32_t i = 0; i < count; i++)
        behaviour_init_of_host(&behaviours[i], &model->hosts[i]);
    reference_set_init(&set, behaviours, count, count);
    check_matrix(&set);
    for (uint32_t i = 0; i < count && i < 20; i++) {
        uint32_t other = (i * 7 + 1) % count;

        if (behaviours[i].state_count > 0 && behaviours[other].state_count > 0 && i != other)
            check_mixtures(i, &behaviours[i], &behaviours[other]);
    }
    reference_set_release(&set);
    for (uint32_t i = 0; i < count; i++)
        behaviour_release(&behaviours[i]);
    free(behaviours);
}

static void test_real_hosts(void **state)
{
    static const char *const captures[] = { "ugr16_isp_20160411_A.csv.xz", "m57_20091118_zeek_conn.log",
                                            "iot_week_2021-03-08_11.pcap" };
    uint32_t found = 0;

    (void)state;
    for (size_t i = 0; i < sizeof captures / sizeof *captures; i++) {
        struct model *model = learn_capture(captures[i]);

        if (model == NULL)
            continue;
        check_real_hosts(model);
        model_free(model);
        found++;
    }
    if (found == 0)
        skip_because("no captures: name them by DAYSHIFT_CAPTURES");
}

/* ---- clusters and crowds ---- */

/* Hosts of three kinds, which share one state, in turn: kinds of 5, 3 and 2 of every ten. */
static uint32_t kind_of(uint32_t host)
{
    return host % 10 < 5 ? 0 : host % 10 < 8 ? 1 : 2;
}

static struct example *host_of_kind(uint32_t host)
{
    struct example *e = memory_alloc(sizeof *e);
    struct random_stream random;
    uint32_t kind = kind_of(host);

    random_init(&random, 8, RANDOM_FIT, host, 0, 0);
    add_state(e, 1, 1 + random_unit(&random), 1, 0.3);
    add_state(e, 10 + 2 * kind, 10 + random_unit(&random), 2 + 0.1 * random_unit(&random), 0.3);
    add_state(e, 11 + 2 * kind, 5 + random_unit(&random), 4 + 0.1 * random_unit(&random), 0.3);
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t k = 0; k < 3; k++)
            add_step(e, i, k, 1 + 5 * random_unit(&random));
    }
    finish(e);
    return e;
}

enum { MOST_HOSTS = 700 };

static void make_hosts(uint32_t count, struct example **examples, struct behaviour *behaviours)
{
    for (uint32_t i = 0; i < count; i++) {
        examples[i] = host_of_kind(i);
        behaviours[i] = examples[i]->behaviour;
    }
}

static void free_hosts(uint32_t count, struct example **examples)
{
    for (uint32_t i = 0; i < count; i++)
        free_example(examples[i]);
}

static void test_clusters_find_kinds(void **state)
{
    enum { HOSTS = 40 };
    struct example *examples[HOSTS];
    struct behaviour behaviours[HOSTS];
    struct spectral_clusters clusters;
    struct reference_set set;
    double point[3];
    uint32_t found[3] = { 0 };

    (void)state;
    make_hosts(HOSTS, examples, behaviours);
    reference_set_init(&set, behaviours, HOSTS, HOSTS);
    spectral_clusters_init(&clusters, set.gram, HOSTS, 3);
    assert_int_equal(clusters.count, 3);
    found[0] = spectral_clusters_place(&clusters, set.gram, point);
    found[1] = spectral_clusters_place(&clusters, set.gram + 5 * HOSTS, point);
    found[2] = spectral_clusters_place(&clusters, set.gram + 8 * HOSTS, point);
    assert_true(found[0] != found[1] && found[1] != found[2] && found[2] != found[0]);
    for (uint32_t i = 0; i < HOSTS; i++)
        assert_int_equal(spectral_clusters_place(&clusters, set.gram + i * HOSTS, point), found[kind_of(i)]);
    spectral_clusters_release(&clusters);
    reference_set_release(&set);
    free_hosts(HOSTS, examples);
}

/* Sizes by group; every host is in one that there is, and groups are numbered in order. */
static void check_crowds(const uint32_t *crowd, uint32_t hosts, int groups, uint32_t least)
{
    uint32_t *sizes = memory_alloc_array((size_t)groups, sizeof *sizes);
    uint32_t seen = 0;

    for (uint32_t i = 0; i < hosts; i++) {
        assert_true(crowd[i] <= seen && crowd[i] < (uint32_t)groups);
        seen += crowd[i] == seen;
        sizes[crowd[i]]++;
    }
    assert_int_equal(seen, groups);
    for (int i = 0; i < groups; i++)
        assert_true(sizes[i] >= least);
    free(sizes);
}

/* More hosts than are references, too. */
static void test_crowds(void **state)
{
    static const struct {
        uint32_t hosts, least;
    } cases[] = { { 1, 1 }, { 2, 1 }, { 2, 2 }, { 3, 2 }, { 40, 1 }, { 40, 2 }, { 40, 5 }, { 40, 8 },
                  { 40, 15 }, { 40, 40 }, { MOST_HOSTS, 1 }, { MOST_HOSTS, 20 } };
    struct example **examples = memory_alloc_array(MOST_HOSTS, sizeof *examples);
    struct behaviour *behaviours = memory_alloc_array(MOST_HOSTS, sizeof *behaviours);
    uint32_t crowd[MOST_HOSTS];
    uint32_t again[MOST_HOSTS];
    struct error err = { "" };

    (void)state;
    make_hosts(MOST_HOSTS, examples, behaviours);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int groups = crowds_find(behaviours, cases[i].hosts, cases[i].least, crowd, &err);

        assert_true(groups > 0);
        check_crowds(crowd, cases[i].hosts, groups, cases[i].least);
        assert_int_equal(crowds_find(behaviours, cases[i].hosts, cases[i].least, again, &err), groups);
        assert_memory_equal(crowd, again, cases[i].hosts * sizeof *crowd);
    }
    assert_int_equal(crowds_find(behaviours, 4, 5, crowd, &err), -1);
    assert_string_equal(err.text, "4 hosts make no crowd of 5");
    assert_int_equal(crowds_find(behaviours, 0, 5, crowd, &err), 0);
    free_hosts(MOST_HOSTS, examples);
    free(examples);
    free(behaviours);
}

/* There is nothing to tell them apart by, rounding included. */
static void test_crowds_of_one_kind(void **state)
{
    enum { HOSTS = 60 };
    struct example *e = draw_example(3, 1, 5);
    struct behaviour behaviours[HOSTS];
    uint32_t crowd[HOSTS];
    struct error err = { "" };

    (void)state;
    for (uint32_t i = 0; i < HOSTS; i++)
        behaviours[i] = e->behaviour;
    assert_int_equal(crowds_find(behaviours, HOSTS, 1, crowd, &err), 1);
    free_example(e);
}

/* A host of one kind never shares a crowd with another kind while all kinds are large enough. */
static void test_crowds_are_of_a_kind(void **state)
{
    enum { HOSTS = 60 };
    struct example *examples[HOSTS];
    struct behaviour behaviours[HOSTS];
    uint32_t crowd[HOSTS];
    uint32_t kinds[HOSTS];
    struct error err = { "" };
    int groups;

    (void)state;
    make_hosts(HOSTS, examples, behaviours);
    groups = crowds_find(behaviours, HOSTS, 3, crowd, &err);
    assert_true(groups >= 3);
    memset(kinds, 0xff, sizeof kinds);
    for (uint32_t i = 0; i < HOSTS; i++) {
        if (kinds[crowd[i]] == UINT32_MAX)
            kinds[crowd[i]] = kind_of(i);
        assert_int_equal(kinds[crowd[i]], kind_of(i));
    }
    free_hosts(HOSTS, examples);
}

/* ---- measures ---- */

static void test_measures(void **state)
{
    struct example *a = memory_alloc(sizeof *a);
    struct example *b = memory_alloc(sizeof *b);

    (void)state;
    add_state(a, 1, 1, 2, 0.2);
    finish(a);
    add_state(b, 1, 1, 3.5, 0.2);
    add_state(b, 2, 1, 3.5, 0.2);
    finish(b);
    /* of (1, 0) and (1/2, 1/2): 1/2 log2(4/3) + 1/4 log2(2/3) + 1/4 */
    assert_near("divergence", behaviour_divergence(&a->behaviour, &b->behaviour),
                0.5 * log2(4.0 / 3) + 0.25 * log2(2.0 / 3) + 0.25, 1e-14);
    assert_near("volume", behaviour_volume_distance(&a->behaviour, &b->behaviour), 1.5, 1e-3);
    free_example(a);
    free_example(b);
}

/* ---- who plays whom ---- */

static void test_cast(void **state)
{
    static const struct {
        uint32_t members[3], count;
        const char *hosts; /* by place */
    } cases[] = {
        { { 1, 1, 1 }, 3, "012" },
        { { 4, 2, 1 }, 3, "0102010" },
        { { 1, 5, 0 }, 2, "110111" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char hosts[16] = "";
        struct cast cast;

        cast_init(&cast, cases[i].members, cases[i].count);
        for (uint32_t p = 0; p < cast.places; p++) {
            hosts[p] = (char)('0' + cast.host[p]);
            assert_int_equal(cast.place[cast.firsts[cast.host[p]] + cast.nth[p]], p);
        }
        for (uint32_t h = 0; h < cases[i].count; h++)
            assert_int_equal(cast_members(&cast, h), cases[i].members[h]);
        assert_string_equal(hosts, cases[i].hosts);
        cast_release(&cast);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_behaviour),
        cmocka_unit_test(test_kernel_by_hand),
        cmocka_unit_test(test_kernel_borders),
        cmocka_unit_test(test_kernel_of_any_length),
        cmocka_unit_test(test_kernel_of_ends),
        cmocka_unit_test(test_kernel_is_positive),
        cmocka_unit_test(test_eigen),
        cmocka_unit_test(test_embedding_keeps_distances),
        cmocka_unit_test(test_embedding_of_one),
        cmocka_unit_test(test_mixtures_fall_between),
        cmocka_unit_test(test_real_hosts),
        cmocka_unit_test(test_clusters_find_kinds),
        cmocka_unit_test(test_crowds),
        cmocka_unit_test(test_crowds_of_one_kind),
        cmocka_unit_test(test_crowds_are_of_a_kind),
        cmocka_unit_test(test_measures),
        cmocka_unit_test(test_cast),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
