/*
 * tuple_set.h - which 5-tuples are in use: by the sessions that are being played, each of which brings the memory for
 * its own.
 */
#ifndef SESSION_TUPLE_SET_H
#define SESSION_TUPLE_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "session/flow_tuple.h"

/* A member; it must not move. */
struct tuple_entry {
    struct flow_tuple tuple;
    struct tuple_entry *next; /* in its bucket */
};

struct tuple_set {
    struct tuple_entry **buckets; /* owned; the entries are borrowed */
    size_t bucket_mask;
    size_t count;
};

void tuple_set_init(struct tuple_set *set);
void tuple_set_release(struct tuple_set *set);

/* Its tuple must not change while it is in the set. Two entries may have the same. */
void tuple_set_put(struct tuple_set *set, struct tuple_entry *entry);
void tuple_set_remove(struct tuple_set *set, struct tuple_entry *entry);

bool tuple_set_has(const struct tuple_set *set, const struct flow_tuple *tuple);

#endif
