/*
 * mixture_fit.h - Gaussian mixtures by expectation-maximisation on a histogram.
 *
 * Song (3)-(6), corrected: ordinary EM within one known state. The number of components is
 * chosen by BIC, 1..5; the start is k-means++ with a fixed seed; a standard deviation never
 * falls below what the grid can tell apart. It ends when a step gains next to nothing, or after 500
 * steps; after 24 on more than 200 points.
 */
#ifndef LEARN_MIXTURE_FIT_H
#define LEARN_MIXTURE_FIT_H

#include <stddef.h>
#include <stdint.h>

#include "dayshift/host_model.h"

struct weighted_point {
    double x;
    double count; /* > 0 */
};

/* The best mixture by BIC; `count` points, at least one. */
void mixture_fit(struct mixture *mixture, const struct weighted_point *points, size_t count,
                 double floor_sd);

/* Natural log-likelihood of all points, each counted as often as it was seen. */
double mixture_log_likelihood(const struct mixture *mixture, const struct weighted_point *points,
                              size_t count);

/* One EM step in place; the log-likelihood never falls. Returns it as it was before the step. */
double mixture_em_step(struct mixture *mixture, const struct weighted_point *points, size_t count,
                       double floor_sd);

#endif
