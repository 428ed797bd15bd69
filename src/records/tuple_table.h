/*
 * tuple_table.h - the flows that are held, by their 5-tuple in either direction, and of one tuple by their start.
 *
 * A hash table of tuples, and of each a treap (Seidel and Aragon 1996): a search tree by start and sequence, and
 * a heap by priorities nobody can foresee, so that it is about as deep as the logarithm of its flows whatever a
 * log holds. The links stand in the flows, which are the caller's; what begins at another time has to be removed
 * before and inserted again.
 */
#ifndef RECORDS_TUPLE_TABLE_H
#define RECORDS_TUPLE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash_key.h"
#include "records/held_flow.h"
#include "records/log_record.h"

struct tuple_table {
    struct hash_key key;
    uint32_t *buckets; /* owned; the roots of the tuples' trees */
    size_t bucket_mask;
    size_t tuples;
};

void tuple_table_init(struct tuple_table *table);
void tuple_table_release(struct tuple_table *table);
void tuple_table_clear(struct tuple_table *table); /* forgets all flows */

uint32_t tuple_table_hash(const struct tuple_table *table, const struct log_record *record);

/* The flow's `hash` is that of its records. */
void tuple_table_insert(struct tuple_table *table, struct held_flow *flows, uint32_t flow);
void tuple_table_remove(struct tuple_table *table, struct held_flow *flows, uint32_t flow);

/*
 * The flows of the record's tuple around its start: the last that begins no later than it, and the first behind;
 * HELD_NONE where there is none.
 */
void tuple_table_around(const struct tuple_table *table, const struct held_flow *flows, uint32_t hash,
                        const struct log_record *record, uint32_t around[2]);

/* The end of a flow that is the record's source, 0 or 1; -1: they are of two tuples. */
int tuple_source_end(const struct held_flow *flow, const struct log_record *record);

#endif
