#include "similarity/embedding.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "similarity/eigen.h"

/* An eigenvalue below that share of all variance is rounding. */
#define NO_VARIANCE 1e-12

static void set_means(struct embedding *e, const double *gram)
{
    size_t n = e->references;

    e->means = memory_alloc_array(n, sizeof *e->means);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            e->means[i] += gram[i * n + j];
        e->means[i] /= (double)n;
        e->mean += e->means[i] / (double)n;
    }
}

/* The scalar products of the hosts' vectors less their mean; the variance is the sum of the diagonal. */
static double *centred(const struct embedding *e, const double *gram, double *variance)
{
    size_t n = e->references;
    double *matrix = memory_alloc_array(n * n, sizeof *matrix);

    *variance = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            matrix[i * n + j] = gram[i * n + j] - e->means[i] - e->means[j] + e->mean;
        *variance += matrix[i * n + i];
    }
    return matrix;
}

static void set_axes(struct embedding *e, const double *matrix, double variance)
{
    size_t found = e->dimensions < e->references ? e->dimensions : e->references;
    double *values = memory_alloc_array(found, sizeof *values);
    double *vectors = memory_alloc_array(e->references * found, sizeof *vectors);

    eigen_largest(matrix, e->references, found, values, vectors);
    for (size_t k = 0; k < found && values[k] > NO_VARIANCE * variance; k++) {
        e->shares[k] = values[k] / variance;
        for (size_t i = 0; i < e->references; i++)
            e->axes[i * e->dimensions + k] = vectors[i * found + k] / sqrt(values[k]);
    }
    free(vectors);
    free(values);
}

void embedding_init(struct embedding *embedding, const double *gram, size_t references, size_t dimensions)
{
    double variance;
    double *matrix;

    *embedding = (struct embedding){ .references = references, .dimensions = dimensions };
    embedding->axes = memory_alloc_array(references * dimensions, sizeof *embedding->axes);
    embedding->shares = memory_alloc_array(dimensions, sizeof *embedding->shares);
    set_means(embedding, gram);
    matrix = centred(embedding, gram, &variance);
    if (variance > 0)
        set_axes(embedding, matrix, variance);
    free(matrix);
}

void embedding_release(struct embedding *embedding)
{
    free(embedding->axes);
    free(embedding->means);
    free(embedding->shares);
    memset(embedding, 0, sizeof *embedding);
}

void embedding_place(const struct embedding *e, const double *kernels, double *coordinates)
{
    double mean = 0;

    for (size_t i = 0; i < e->references; i++)
        mean += kernels[i] / (double)e->references;
    memset(coordinates, 0, e->dimensions * sizeof *coordinates);
    for (size_t i = 0; i < e->references; i++) {
        double product = kernels[i] - mean - e->means[i] + e->mean;

        for (size_t k = 0; k < e->dimensions; k++)
            coordinates[k] += product * e->axes[i * e->dimensions + k];
    }
}
