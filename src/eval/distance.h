/*
 * distance.h - how far two distributions or series are apart. Pure.
 */
#ifndef EVAL_DISTANCE_H
#define EVAL_DISTANCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/tally.h"

/* What one of two shares adds to their Jensen-Shannon divergence, base 2: the divergence is the sum of both. */
double divergence_term(double p, double q);

/*
 * Jensen-Shannon divergence, base 2, not squared: 0 alike, 1 nothing in common. Of the symbols of owner 0. When
 * one is empty: 1; both: 0.
 */
double divergence_of_tallies(const struct tally *p, const struct tally *q);

/*
 * Wasserstein-1 distance of two samples, which it sorts: the area between their quantile functions.
 * NAN when one is empty.
 */
double wasserstein_distance(double *a, size_t a_count, double *b, size_t b_count);

/* The same of counts in bins of this width. */
double wasserstein_of_bins(const uint64_t *a, const uint64_t *b, size_t bins, double width);

/* Pearson's; NAN where one side does not vary by more than rounding. */
double correlation(const double *x, const double *y, size_t count);

#endif
