/*
 * reference_set.h - hosts that stand for all of them: kernel values with each other, and with any host.
 *
 * Methods that need an eigenvector of the kernel matrix take it from the references, and place
 * the other hosts by their kernel values with these (Nystroem): time and memory grow with
 * hosts x references, not with the square of the hosts.
 */
#ifndef SIMILARITY_REFERENCE_SET_H
#define SIMILARITY_REFERENCE_SET_H

#include "similarity/product_kernel.h"

struct reference_set {
    struct product_kernel *kernel;
    struct kernel_side *sides;
    uint32_t *hosts; /* by reference: index of its behaviour; ascending */
    uint32_t count;
    double *gram;    /* count x count */
};

/*
 * At most `most` of the behaviours, at equal distances in their order; all of them, where they are no
 * more. At least one behaviour and one reference. Borrows the behaviours.
 */
void reference_set_init(struct reference_set *set, const struct behaviour *behaviours, uint32_t count,
                        uint32_t most);
void reference_set_release(struct reference_set *set);

/* The kernel values of behaviour `host` with all references: known, where it is one of them. */
void reference_set_compare(struct reference_set *set, const struct behaviour *behaviours, uint32_t host,
                           double *kernels);

#endif
