#include "similarity/crowds.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "similarity/reference_set.h"
#include "similarity/spectral_clusters.h"

/* Up to MOST_EXACT hosts all are references; of more, so many that there are about MOST_PRODUCTS kernel
 * values to compute, which takes some seconds. */
enum { MOST_EXACT = 512, MOST_REFERENCES = 256, LEAST_REFERENCES = 16, MOST_PRODUCTS = 1 << 20 };

struct grouping {
    uint32_t hosts;
    uint32_t groups, dimensions;
    uint32_t *group;  /* by host */
    uint32_t *sizes;  /* by group; 0: it went to another one */
    double *sums;     /* by group: its hosts' points, summed up */
};

static uint32_t reference_count(uint32_t hosts)
{
    uint32_t affordable = MOST_PRODUCTS / (hosts + 1);

    if (hosts <= MOST_EXACT)
        return hosts;
    if (affordable > MOST_REFERENCES)
        return MOST_REFERENCES;
    return affordable > LEAST_REFERENCES ? affordable : LEAST_REFERENCES;
}

static void place_hosts(struct grouping *g, const struct behaviour *behaviours,
                        struct reference_set *set, const struct spectral_clusters *clusters)
{
    double *kernels = memory_alloc_array(set->count, sizeof *kernels);
    double *point = memory_alloc_array(clusters->count, sizeof *point);

    for (uint32_t i = 0; i < g->hosts; i++) {
        uint32_t group;

        reference_set_compare(set, behaviours, i, kernels);
        group = spectral_clusters_place(clusters, kernels, point);
        g->group[i] = group;
        g->sizes[group]++;
        for (uint32_t k = 0; k < g->dimensions; k++)
            g->sums[group * g->dimensions + k] += point[k];
    }
    free(point);
    free(kernels);
}

static void cluster(struct grouping *g, const struct behaviour *behaviours, uint32_t wanted)
{
    struct reference_set set;
    struct spectral_clusters clusters;

    reference_set_init(&set, behaviours, g->hosts, reference_count(g->hosts));
    spectral_clusters_init(&clusters, set.gram, set.count, wanted);
    g->groups = clusters.count;
    g->dimensions = clusters.count;
    g->sizes = memory_alloc_array(g->groups, sizeof *g->sizes);
    g->sums = memory_alloc_array((size_t)g->groups * g->dimensions, sizeof *g->sums);
    place_hosts(g, behaviours, &set, &clusters);
    spectral_clusters_release(&clusters);
    reference_set_release(&set);
}

/*
 * The rule of thumb sqrt(n / 2), but so few that a cluster has `least` hosts on average. The widest gap
 * between eigenvalues was tried: on UGR'16 it sets one or two hosts apart from all others.
 */
static uint32_t clusters_wanted(uint32_t hosts, uint32_t least)
{
    uint32_t wanted = (uint32_t)lround(sqrt(hosts / 2.0));
    uint32_t most = hosts / least;

    wanted = wanted < most ? wanted : most;
    return wanted > 0 ? wanted : 1;
}

/* ---- groups that are too small ---- */

static double distance(const struct grouping *g, uint32_t a, uint32_t b)
{
    double sum = 0;

    for (uint32_t k = 0; k < g->dimensions; k++) {
        double d = g->sums[a * g->dimensions + k] / g->sizes[a] - g->sums[b * g->dimensions + k] / g->sizes[b];

        sum += d * d;
    }
    return sum;
}

static uint32_t smallest(const struct grouping *g)
{
    uint32_t found = g->groups;

    for (uint32_t i = 0; i < g->groups; i++) {
        if (g->sizes[i] > 0 && (found == g->groups || g->sizes[i] < g->sizes[found]))
            found = i;
    }
    return found;
}

static uint32_t nearest(const struct grouping *g, uint32_t to)
{
    uint32_t found = to;
    double least = DBL_MAX;

    for (uint32_t i = 0; i < g->groups; i++) {
        if (i == to || g->sizes[i] == 0 || distance(g, i, to) >= least)
            continue;
        found = i;
        least = distance(g, i, to);
    }
    return found;
}

static void unite(struct grouping *g, uint32_t into, uint32_t from)
{
    g->sizes[into] += g->sizes[from];
    g->sizes[from] = 0;
    for (uint32_t k = 0; k < g->dimensions; k++)
        g->sums[into * g->dimensions + k] += g->sums[from * g->dimensions + k];
    for (uint32_t i = 0; i < g->hosts; i++)
        g->group[i] = g->group[i] == from ? into : g->group[i];
}

/* In order of their first hosts; how many there are. */
static uint32_t renumber(const struct grouping *g)
{
    uint32_t *numbers = memory_alloc_array(g->groups, sizeof *numbers);
    uint32_t used = 0;

    for (uint32_t i = 0; i < g->hosts; i++) {
        if (numbers[g->group[i]] == 0)
            numbers[g->group[i]] = ++used;
        g->group[i] = numbers[g->group[i]] - 1;
    }
    free(numbers);
    return used;
}

int crowds_find(const struct behaviour *behaviours, uint32_t count, uint32_t least, uint32_t *crowd,
                struct error *err)
{
    struct grouping g = { .hosts = count, .group = crowd };
    uint32_t found;

    if (count == 0)
        return 0;
    if (count < least)
        return error_set(err, "%" PRIu32 " hosts make no crowd of %" PRIu32, count, least);
    cluster(&g, behaviours, clusters_wanted(count, least));
    while ((found = smallest(&g)) != g.groups && g.sizes[found] < least)
        unite(&g, nearest(&g, found), found);
    found = renumber(&g);
    free(g.sizes);
    free(g.sums);
    return (int)found;
}
