/*
 * product_kernel.h - how alike two hosts behave: the probability product kernel (Jebara, Kondor and
 * Howard 2004) between two PT-Markov models.
 *
 * Of the chain with rho = 1/2, of the mixtures with rho = 1, normalised: docs/model.md derives it. It is
 * symmetric, 0 (no state in common) to 1 (the same), 1 of a model with itself, and positive
 * semidefinite: a scalar product of vectors of length 1.
 *
 * One object is for one thread: it keeps room for its calculations.
 */
#ifndef SIMILARITY_PRODUCT_KERNEL_H
#define SIMILARITY_PRODUCT_KERNEL_H

#include "dayshift/behaviour.h"

struct product_kernel; /* opaque */

/* What the kernel takes from a behaviour, made once. It borrows the behaviour. */
struct kernel_side {
    const struct behaviour *behaviour;
    double *root_weights; /* by state: sqrt of its frequency */
    double *root_shares;  /* by step */
    double *norms;        /* by state: of its mixture, <p, p>^(-1/2) */
};

/* Flows compared at most in a row, and the sd by which volumes are blurred (ln packets). */
struct kernel_shape {
    uint32_t length;
    double blur;
};

extern const struct kernel_shape kernel_default_shape;

struct product_kernel *product_kernel_new(const struct kernel_shape *shape);
void product_kernel_free(struct product_kernel *kernel);

void kernel_side_init(struct kernel_side *side, const struct product_kernel *kernel,
                      const struct behaviour *behaviour);
void kernel_side_release(struct kernel_side *side);

/* Two behaviours without states are the same; one has nothing in common with any other. */
double product_kernel_value(struct product_kernel *kernel, const struct kernel_side *a,
                            const struct kernel_side *b);

#endif
