#include "similarity/k_means.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

enum { STARTS = 8, MAX_STEPS = 100, SEED = 1 };

struct k_means {
    const double *points;
    size_t count, dimensions;
    uint32_t groups;
    uint32_t *group;  /* by point */
    size_t *members;  /* by group */
};

static double squared_distance(const double *a, const double *b, size_t dimensions)
{
    double sum = 0;

    for (size_t k = 0; k < dimensions; k++)
        sum += (a[k] - b[k]) * (a[k] - b[k]);
    return sum;
}

uint32_t k_means_nearest(const double *point, size_t dimensions, const double *centres, uint32_t groups,
                         double *distance)
{
    uint32_t best = 0;

    *distance = DBL_MAX;
    for (uint32_t g = 0; g < groups; g++) {
        double d = squared_distance(point, centres + g * dimensions, dimensions);

        if (d < *distance) {
            *distance = d;
            best = g;
        }
    }
    return best;
}

/* A point, more likely one that is far from the centres so far. */
static size_t draw_point(const double *distances, size_t count, struct random_stream *random)
{
    double sum = 0;
    double wanted;
    size_t i = 0;

    for (size_t k = 0; k < count; k++)
        sum += distances[k];
    if (sum <= 0)
        return (size_t)random_below(random, count);
    wanted = random_unit(random) * sum;
    while (i + 1 < count && (wanted -= distances[i]) >= 0)
        i++;
    return i;
}

static void start(const struct k_means *k, struct random_stream *random, double *centres)
{
    double *distances = memory_alloc_array(k->count, sizeof *distances);

    for (size_t i = 0; i < k->count; i++)
        distances[i] = 1;
    for (uint32_t g = 0; g < k->groups; g++) {
        size_t chosen = draw_point(distances, k->count, random);

        memcpy(centres + g * k->dimensions, k->points + chosen * k->dimensions,
               k->dimensions * sizeof *centres);
        for (size_t i = 0; i < k->count; i++)
            k_means_nearest(k->points + i * k->dimensions, k->dimensions, centres, g + 1, &distances[i]);
    }
    free(distances);
}

/* Groups the points; the sum of their squared distances. */
static double assign(struct k_means *k, const double *centres)
{
    double sum = 0;

    for (size_t i = 0; i < k->count; i++) {
        double distance;

        k->group[i] = k_means_nearest(k->points + i * k->dimensions, k->dimensions, centres, k->groups,
                                      &distance);
        sum += distance;
    }
    return sum;
}

/* A group that lost all its points keeps its centre. */
static void move(struct k_means *k, double *centres)
{
    memset(k->members, 0, k->groups * sizeof *k->members);
    for (size_t i = 0; i < k->count; i++)
        k->members[k->group[i]]++;
    for (uint32_t g = 0; g < k->groups; g++) {
        if (k->members[g] > 0)
            memset(centres + g * k->dimensions, 0, k->dimensions * sizeof *centres);
    }
    for (size_t i = 0; i < k->count; i++) {
        double *centre = centres + k->group[i] * k->dimensions;

        for (size_t c = 0; c < k->dimensions; c++)
            centre[c] += k->points[i * k->dimensions + c] / (double)k->members[k->group[i]];
    }
}

static double run(struct k_means *k, struct random_stream *random, double *centres)
{
    double before = DBL_MAX;
    double after;

    start(k, random, centres);
    after = assign(k, centres);
    for (int step = 0; step < MAX_STEPS && after < before; step++) {
        move(k, centres);
        before = after;
        after = assign(k, centres);
    }
    return after;
}

void k_means(const double *points, size_t count, size_t dimensions, uint32_t groups, double *centres)
{
    struct k_means k = { points, count, dimensions, groups,
                         memory_alloc_array(count, sizeof *k.group),
                         memory_alloc_array(groups, sizeof *k.members) };
    size_t size = groups * dimensions;
    double *tried = memory_alloc_array(size, sizeof *tried);
    double best = DBL_MAX;

    for (uint32_t i = 0; i < STARTS; i++) {
        struct random_stream random;
        double sum;

        random_init(&random, SEED, RANDOM_FIT, i, groups, (uint32_t)count);
        sum = run(&k, &random, tried);
        if (sum < best) {
            best = sum;
            memcpy(centres, tried, size * sizeof *centres);
        }
    }
    free(tried);
    free(k.group);
    free(k.members);
}
