/*
 * application_names.h - names of applications, each with its index in network_stats.application_names.
 *
 * An index over the names, which are the statistics'. Bounded: APPLICATION_NAMES_MAX names of at most
 * APPLICATION_NAME_BYTES bytes.
 */
#ifndef LEARN_APPLICATION_NAMES_H
#define LEARN_APPLICATION_NAMES_H

#include "dayshift/network_stats.h"

#define APPLICATION_NONE UINT32_MAX

enum { APPLICATION_NAMES_MAX = 4096, APPLICATION_NAME_BYTES = 63 };

struct application_names {
    uint32_t slots[2 * APPLICATION_NAMES_MAX]; /* index + 1, 0 where empty */
};

/* Begins with the names that the statistics have. */
void application_names_init(struct application_names *table, const struct network_stats *stats);

/* The index of the name, added when it is new; APPLICATION_NONE beyond the limits. */
uint32_t application_names_put(struct application_names *table, struct network_stats *stats, const char *name);

#endif
