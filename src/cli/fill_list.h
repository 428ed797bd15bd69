/*
 * fill_list.h - fillings side by side with what they stand for, as in Song's Fig. 4.
 */
#ifndef CLI_FILL_LIST_H
#define CLI_FILL_LIST_H

#include <jansson.h>

#include "scenario/gap_fill.h"

/* All that was filled. */
struct fill_list {
    const struct recording *recording;
    const struct gap_fill *fills;
    size_t count;
};

/*
 * One filling: on the left the original with the gap shaded, on the right the filled one; 120 columns at
 * most. A host's synthetic records are those that the output has of it: a conversation of two hosts that
 * were filled is the initiator's, whatever the responder's own filling drew.
 */
void fill_list_print(const struct fill_list *list, size_t index, const struct fill_options *options);

/* The same, and how likely it is. New reference. */
json_t *fill_list_json(const struct fill_list *list, size_t index);

#endif
