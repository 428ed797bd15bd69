/*
 * embedding.h - kernel principal component analysis (Schoelkopf, Smola and Mueller 1998): hosts as points,
 * such that hosts which behave alike are close (Song, Fig. 3).
 *
 * The axes are those of a reference set; any host is placed by its kernel values with that set.
 */
#ifndef SIMILARITY_EMBEDDING_H
#define SIMILARITY_EMBEDDING_H

#include <stddef.h>

struct embedding {
    size_t references, dimensions;
    double *axes;    /* references x dimensions: components of an eigenvector over sqrt(eigenvalue) */
    double *means;   /* by reference: of its kernel values with all */
    double mean;     /* of those */
    double *shares;  /* by dimension: of all variance in feature space that it explains */
};

/*
 * From the kernel matrix of the references, row by row; at least one. Dimensions beyond what
 * the matrix has explain nothing, and all hosts are at 0 there.
 */
void embedding_init(struct embedding *embedding, const double *gram, size_t references, size_t dimensions);
void embedding_release(struct embedding *embedding);

/* Where a host is that has these kernel values with the references. */
void embedding_place(const struct embedding *embedding, const double *kernels, double *coordinates);

#endif
