/*
 * label_names.h - classes of flows by name, each with its number in network_stats: 1 and up.
 *
 * An index over the names, which are the statistics'. Bounded: LABELS_MAX names of at most LABEL_MAX_NAME
 * bytes.
 */
#ifndef LEARN_LABEL_NAMES_H
#define LEARN_LABEL_NAMES_H

#include "dayshift/network_stats.h"

struct label_names {
    uint32_t slots[2 * LABELS_MAX]; /* number of the label, 0 where empty */
};

/* Begins with the names that the statistics have. */
void label_names_init(struct label_names *table, const struct network_stats *stats);

/* The number of the name, added when it is new; LABEL_NONE beyond the limits. */
uint32_t label_names_put(struct label_names *table, struct network_stats *stats, const char *name);

#endif
