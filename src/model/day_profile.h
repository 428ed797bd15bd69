/*
 * day_profile.h - the day of a host (Song (10), (11), corrected), derived from what it did in the
 * slices of every date.
 *
 * A slice of a date counts when the capture covered enough of it, and is scaled up from the seconds
 * that were covered. Days without a flow of the host count as days on which it was silent.
 */
#ifndef MODEL_DAY_PROFILE_H
#define MODEL_DAY_PROFILE_H

#include "base/tally.h"
#include "dayshift/host_model.h"
#include "dayshift/network_stats.h"

/* A slice of a date counts as observed from this many seconds of capture on; where no slice was
 * covered for so long, from as many as the one that was covered best. */
enum { DAY_OBSERVED_SECONDS = 150 };

/* What one observation covered. */
struct day_coverage {
    const struct tally *seconds;  /* borrowed: (0, slice number) -> seconds of capture */
    uint64_t threshold;           /* seconds from which on a slice of a date counts */
    uint32_t observed[DAY_SLICES]; /* days, by slice of the day */
    uint32_t covered_slices;      /* of 288, on at least one day */
};

void day_coverage_init(struct day_coverage *coverage, const struct tally *seconds);

/* One host's day in the making. */
struct day_profile {
    struct day_moments {
        uint32_t active;
        double mean, squares; /* Welford's mean and sum of squared deviations of ln packets */
    } slices[DAY_SLICES];
};

void day_profile_init(struct day_profile *profile);

/* Of the members of a crowd that were active in a slice: ln packets of each. */
struct log_moments {
    double count, mean, squares; /* squared deviations from the mean, summed up */
};

struct log_moments log_moments_of(const struct crowd_activity *crowd);

/*
 * What the host did in a slice of a date (slice_number()); `packets` is above 0. Of a crowd every member
 * that was active counts as a day.
 */
void day_profile_add(struct day_profile *profile, const struct day_coverage *coverage,
                     uint32_t slice_number, uint64_t packets, const struct crowd_activity *crowd);

/* The slices of the day in which it was active, ascending; how many. */
uint32_t day_profile_finish(const struct day_profile *profile, struct slice_profile slices[DAY_SLICES]);

#endif
