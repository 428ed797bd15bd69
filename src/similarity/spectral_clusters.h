/*
 * spectral_clusters.h - hosts that behave alike: spectral clustering (Ng, Jordan and Weiss 2002) of the
 * kernel matrix of a reference set, and where any other host belongs.
 *
 * L = D^(-1/2) K D^(-1/2), its largest eigenvectors, rows scaled to length 1, k-means on these. The
 * diagonal of K stays (1): K is a kernel already.
 */
#ifndef SIMILARITY_SPECTRAL_CLUSTERS_H
#define SIMILARITY_SPECTRAL_CLUSTERS_H

#include <stddef.h>
#include <stdint.h>

enum { SPECTRAL_MAX_CLUSTERS = 32 };

struct spectral_clusters {
    size_t references;
    uint32_t count;
    double *axes;    /* references x count: what turns kernel values into a point */
    double *centres; /* count x count: of the clusters, one a row */
};

/*
 * From the kernel matrix of the references: `wanted` clusters, 1 or more, but not more than
 * SPECTRAL_MAX_CLUSTERS nor than there are references.
 */
void spectral_clusters_init(struct spectral_clusters *clusters, const double *gram, size_t references,
                            uint32_t wanted);
void spectral_clusters_release(struct spectral_clusters *clusters);

/*
 * The cluster of a host with these kernel values with the references. `point` gets its `count`
 * coordinates: of length 1, or 0 where it has nothing in common with any reference.
 */
uint32_t spectral_clusters_place(const struct spectral_clusters *clusters, const double *kernels,
                                 double *point);

#endif
