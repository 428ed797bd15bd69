/*
 * capture_compare.h - how alike two captures are, next to how alike two halves of the first are.
 *
 * The halves of the distributions are its flows, parted by a coin; those of what has to do with time are
 * its even and its odd slices of five minutes. Half a capture varies more than a whole one: a synthetic
 * capture can be closer than the floor.
 */
#ifndef EVAL_CAPTURE_COMPARE_H
#define EVAL_CAPTURE_COMPARE_H

#include "eval/capture_profile.h"

/* Of the second to the first, and of one half of the first to the other. */
struct distance_and_floor {
    double distance, floor; /* NAN where there is nothing to compare */
};

/* Of a figure: that of either capture, and of either half of the first. */
struct clock_figure {
    double of[2], halves[2];
};

enum { COMPARED_LAGS = 6 };

extern const int compared_lags[COMPARED_LAGS]; /* seconds */

struct capture_comparison {
    uint64_t flows[2], packets[2];
    double observed_s[2];
    struct distance_and_floor divergence[PROFILE_CATEGORIES]; /* Jensen-Shannon, base 2 */
    struct distance_and_floor distance[PROFILE_NUMBERS];      /* Wasserstein-1 of natural logarithms */
    struct clock_figure variance[CLOCK_SCALES]; /* in units of the squared mean */
    struct distance_and_floor variance_distance; /* mean of the difference of logarithms, over scales */
    struct clock_figure hurst;
    struct clock_figure autocorrelation[COMPARED_LAGS];
    struct distance_and_floor autocorrelation_distance; /* mean difference over lags 1 to CLOCK_LAGS */
    uint32_t slices, half_slices; /* of the day that both observed, and pairs of neighbours for the floor */
    struct distance_and_floor packet_profile, flow_profile; /* correlations: 1 is alike */
};

void capture_compare(struct capture_comparison *comparison, const struct capture_profile *real,
                     const struct capture_profile *synthetic);

/* "packet length", and what it is counted over: "packets". */
const char *profile_category_name(enum profile_category category);
const char *profile_number_name(enum profile_number number);

#endif
