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

/*
 * Weekdays and weekends are told apart when at least so many dates of each were observed. With fewer all
 * days are one class.
 */
enum { DAY_CLASS_DATES = 2 };

/* What one observation covered. */
struct day_coverage {
    const struct tally *seconds;  /* borrowed: (0, slice number) -> seconds of capture */
    uint64_t threshold;           /* seconds from which on a slice of a date counts */
    bool has_classes;             /* else all days are in both */
    uint16_t observed[DAY_CLASSES][DAY_SLICES]; /* days, by slice of the day */
    uint32_t covered_slices;      /* of 288, on at least one day */
};

void day_coverage_init(struct day_coverage *coverage, const struct tally *seconds);

/* Days of any class on which a slice was observed. */
uint32_t day_coverage_days(const struct day_coverage *coverage, uint32_t slice);

/* What a host did in a slice of a date, or those members of a crowd that were active, together. */
struct slice_volume {
    double packets, flows; /* above 0 */
    struct log_moments {
        double count, mean, squares; /* members; squared deviations from the mean, summed up */
    } log_packets;                   /* of ln packets of each */
};

struct slice_volume slice_volume_of(const struct activity *activity, const struct crowd_activity *crowd);

/* ln of the packets of the busiest of them, at most. */
double slice_volume_log_most(const struct slice_volume *volume);

/* One host's day in the making. */
struct day_profile {
    struct day_moments {
        uint64_t active; /* days; of a crowd those of all members */
        double log_mean, log_squares; /* mean, and sum of squared deviations, of ln packets */
        double packets, flows;        /* sums */
    } slices[DAY_CLASSES][DAY_SLICES];
    bool has_edge; /* what was done beside an observed slice, and where */
    uint32_t edge_number;
    struct slice_volume edge;
};

void day_profile_init(struct day_profile *profile);

/*
 * What the host did in a slice of a date (slice_number()). Of a crowd, all its members together; every one that was
 * active counts as a day.
 */
void day_profile_add(struct day_profile *profile, const struct day_coverage *coverage,
                     uint32_t slice_number, const struct slice_volume *volume);

/* All is added. A host that was active at an edge of what was observed alone was so in the observed slice
 * beside it: else a connection that began before the capture would never be played. */
void day_profile_end(struct day_profile *profile, const struct day_coverage *coverage);

/* The slices of a day of the class in which it was active, ascending; how many. `members`: hosts that
 * the days are of. */
uint32_t day_profile_finish(const struct day_profile *profile, const struct day_coverage *coverage,
                            enum day_class class, uint32_t members, struct slice_profile slices[DAY_SLICES]);

#endif
