/*
 * k_means.h - points into groups around their means: k-means++ (Arthur and Vassilvitskii 2007) with a fixed seed,
 * then Lloyd's steps; the best of several starts.
 */
#ifndef SIMILARITY_K_MEANS_H
#define SIMILARITY_K_MEANS_H

#include <stddef.h>
#include <stdint.h>

/*
 * `groups` centres of `dimensions` coordinates each, from `count` points, at least one; with fewer
 * different points than groups some centres are equal.
 */
void k_means(const double *points, size_t count, size_t dimensions, uint32_t groups, double *centres);

/* The index of the nearest centre, the first of several; *distance is its squared distance. */
uint32_t k_means_nearest(const double *point, size_t dimensions, const double *centres, uint32_t groups,
                         double *distance);

#endif
