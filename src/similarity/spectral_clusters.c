#include "similarity/spectral_clusters.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "similarity/eigen.h"
#include "similarity/k_means.h"

/* The largest is 1; one below is rounding, and its vector tells nothing. */
#define LEAST_VALUE 1e-9

/* By reference: its kernel values with all, itself included, summed up; above 0. */
static double *degrees_of(const double *gram, size_t n)
{
    double *degrees = memory_alloc_array(n, sizeof *degrees);

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            degrees[i] += gram[i * n + j];
    }
    return degrees;
}

static double *normalised(const double *gram, size_t n, const double *degrees)
{
    double *matrix = memory_alloc_array(n * n, sizeof *matrix);

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            matrix[i * n + j] = gram[i * n + j] / sqrt(degrees[i] * degrees[j]);
    }
    return matrix;
}

/*
 * A component of a point is, for a host with degree d and kernel values K_i, the sum over references of
 * K_i / sqrt(d d_i) v_i / lambda: of a reference that is v itself. The factor 1 / sqrt(d) is the same
 * for all components, and falls out when the point is scaled to length 1.
 */
static void set_axes(struct spectral_clusters *c, const double *degrees, const double *values,
                     const double *vectors)
{
    c->axes = memory_alloc_array(c->references * c->count, sizeof *c->axes);
    for (size_t i = 0; i < c->references; i++) {
        for (uint32_t k = 0; k < c->count && values[k] > LEAST_VALUE; k++)
            c->axes[i * c->count + k] = vectors[i * c->count + k] / (values[k] * sqrt(degrees[i]));
    }
}

static void set_point(const struct spectral_clusters *c, const double *kernels, double *point)
{
    double length = 0;

    memset(point, 0, c->count * sizeof *point);
    for (size_t i = 0; i < c->references; i++) {
        for (uint32_t k = 0; k < c->count; k++)
            point[k] += kernels[i] * c->axes[i * c->count + k];
    }
    for (uint32_t k = 0; k < c->count; k++)
        length += point[k] * point[k];
    for (uint32_t k = 0; k < c->count && length > 0; k++)
        point[k] /= sqrt(length);
}

static void set_centres(struct spectral_clusters *c, const double *gram)
{
    double *points = memory_alloc_array(c->references * c->count, sizeof *points);

    for (size_t i = 0; i < c->references; i++)
        set_point(c, gram + i * c->references, points + i * c->count);
    c->centres = memory_alloc_array((size_t)c->count * c->count, sizeof *c->centres);
    k_means(points, c->references, c->count, c->count, c->centres);
    free(points);
}

static uint32_t at_most(uint32_t wanted, size_t references)
{
    uint32_t most = wanted < SPECTRAL_MAX_CLUSTERS ? wanted : SPECTRAL_MAX_CLUSTERS;

    return most < references ? most : (uint32_t)references;
}

void spectral_clusters_init(struct spectral_clusters *clusters, const double *gram, size_t references,
                            uint32_t wanted)
{
    uint32_t count = at_most(wanted, references);
    double *degrees = degrees_of(gram, references);
    double *matrix = normalised(gram, references, degrees);
    double *values = memory_alloc_array(count, sizeof *values);
    double *vectors = memory_alloc_array(references * count, sizeof *vectors);

    eigen_largest(matrix, references, count, values, vectors);
    *clusters = (struct spectral_clusters){ .references = references, .count = count };
    set_axes(clusters, degrees, values, vectors);
    set_centres(clusters, gram);
    free(vectors);
    free(values);
    free(matrix);
    free(degrees);
}

void spectral_clusters_release(struct spectral_clusters *clusters)
{
    free(clusters->axes);
    free(clusters->centres);
    memset(clusters, 0, sizeof *clusters);
}

uint32_t spectral_clusters_place(const struct spectral_clusters *clusters, const double *kernels,
                                 double *point)
{
    double distance;

    set_point(clusters, kernels, point);
    return k_means_nearest(point, clusters->count, clusters->centres, clusters->count, &distance);
}
