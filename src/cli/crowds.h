/*
 * crowds.h - `--crowd K` of learn and merge: hosts into crowds, and what that costs in fidelity.
 */
#ifndef CLI_CROWDS_H
#define CLI_CROWDS_H

#include <jansson.h>

#include "learn/crowd_stats.h"

enum { CROWD_LEAST = 2, CROWD_MOST = 1 << 20 };

struct crowds {
    struct network_stats stats; /* of the crowds */
    uint32_t *crowd;            /* by host of the statistics they were made from */
    uint32_t count;
    struct crowd_stats_counts counts;
    struct crowd_fidelity {
        uint32_t members; /* with flows; the others are in no mean */
        double mean_divergence, largest_divergence; /* Jensen-Shannon, of a member's states from the crowd's */
        double mean_volume, largest_volume;         /* Wasserstein-1 of ln packets of a flow */
    } *fidelity;                /* by crowd */
};

/* At least `least` hosts in each. 0, or -1 with *err; to be released in any case. */
int crowds_make(struct crowds *crowds, const struct network_stats *hosts, uint32_t least, struct error *err);
void crowds_release(struct crowds *crowds);

/* What was made, and what it costs, for people: lines on standard output. */
void crowds_print(const struct crowds *crowds, uint32_t least);

/* The same for scripts; new reference. */
json_t *crowds_json(const struct crowds *crowds, uint32_t least);

#endif
