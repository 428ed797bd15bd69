/*
 * fill_list.h - fillings side by side with what they stand for, as in Song's Fig. 4.
 */
#ifndef CLI_FILL_LIST_H
#define CLI_FILL_LIST_H

#include <jansson.h>

#include "scenario/gap_fill.h"

/* "2026-01-31T09:00:00.123", UTC. Returns `text`. */
enum { FILL_TIME = 32 };
const char *fill_list_time(struct day_time at, char text[FILL_TIME]);

/* On the left the original with the gap shaded, on the right the filled one; 120 columns at most. */
void fill_list_print(const struct recording *recording, const struct gap_fill *fill,
                     const struct fill_options *options);

/* The same, and how likely it is. New reference. */
json_t *fill_list_json(const struct recording *recording, const struct gap_fill *fill);

#endif
