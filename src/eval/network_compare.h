/*
 * network_compare.h - how alike two networks are as wholes: loop closure of a learned day, against what
 * two halves of the real network differ in.
 *
 * Works on statistics, so that it judges what was counted, and nothing that was fitted. Owns nothing.
 */
#ifndef EVAL_NETWORK_COMPARE_H
#define EVAL_NETWORK_COMPARE_H

#include <stddef.h>
#include <stdint.h>

#include "dayshift/network_stats.h"

/* Hosts of two networks that are the same host. */
struct host_pair {
    uint32_t a, b;
};

/*
 * By tags where both sides have tags of one key, else by number. An owned array in the order of `a`;
 * *count of them.
 */
struct host_pair *network_compare_pairs(const struct network_stats *a, const struct network_stats *b,
                                        size_t *count);

/* What a slice of the day has on average, over the days on which it was observed. */
enum profile_measure {
    PROFILE_PACKETS,
    PROFILE_LOG_PACKETS, /* ln(1 + packets), so that one large flow does not decide */
    PROFILE_FLOWS,
    PROFILE_MEASURES
};

const char *profile_measure_name(enum profile_measure measure);

/*
 * Pearson's correlation of the day profile; NAN where one side does not vary. A host counts in the
 * quantiles when its own is a number.
 */
struct profile_comparison {
    double network;
    double low, median, high; /* over hosts: the 10th, 50th and 90th of a hundred */
    size_t hosts;
};

/* Distinct peers of hosts. Distances are Wasserstein-1, over all hosts of each side. */
struct degree_comparison {
    double distance;     /* in peers */
    double log_distance; /* of ln(1 + peers) */
    double mean[2], median[2], largest[2];
    double repeats[2]; /* share of the flows that go to a peer met before; NAN without flows */
};

struct network_comparison {
    double divergence; /* Jensen-Shannon, base 2, of the shares of states of all hosts together */
    uint32_t points;   /* of the profile, which both sides observed */
    uint32_t slices;   /* a point is: 1; 2 where no slice was observed by both, as of two halves */
    struct profile_comparison profile[PROFILE_MEASURES];
    struct degree_comparison degrees[2]; /* by enum host_role: peers that a host contacts, that contact it */
    double seconds[2];                   /* observed */
    double flows[2], packets[2];         /* of hosts, a second */
};

/*
 * `pairs` decide whose profiles are compared; all else is of all hosts. A state lists at most 256
 * outside peers: flows to others count as flows to one peer more, and not as repeats.
 */
void network_compare(struct network_comparison *comparison, const struct network_stats *a,
                     const struct network_stats *b, const struct host_pair *pairs, size_t pair_count);

#endif
