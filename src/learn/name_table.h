/*
 * name_table.h - names of applications, each with its index in network_stats.application_names.
 *
 * An index over the names, which are the statistics'. Bounded: NAME_TABLE_MAX names of at most
 * NAME_MAX_BYTES bytes.
 */
#ifndef LEARN_NAME_TABLE_H
#define LEARN_NAME_TABLE_H

#include "dayshift/network_stats.h"

#define NAME_NONE UINT32_MAX

enum { NAME_TABLE_MAX = 4096, NAME_MAX_BYTES = 63 };

struct name_table {
    uint32_t slots[2 * NAME_TABLE_MAX]; /* index + 1, 0 where empty */
};

/* Begins with the names that the statistics have. */
void name_table_init(struct name_table *table, const struct network_stats *stats);

/* The index of the name, added when it is new; NAME_NONE beyond the limits. */
uint32_t name_table_put(struct name_table *table, struct network_stats *stats, const char *name);

#endif
