/*
 * start_heap.h - the flows that are held, by their start: which one leaves first.
 *
 * When the start of a flow moves to an earlier time it is pushed again, and the entry before is stale: it is known
 * by its start, or by the sequence of a flow that took the place. There are never many more entries than flows.
 * Ties leave in the order of `sequence`.
 */
#ifndef RECORDS_START_HEAP_H
#define RECORDS_START_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "records/held_flow.h"

struct start_entry {
    int64_t start_ns;
    uint64_t sequence;
    uint32_t flow;
};

struct start_heap {
    struct start_entry *entries; /* owned */
    size_t used, capacity;
};

void start_heap_release(struct start_heap *heap);

/* A flow that is new or has a new start; `held` flows there are. */
void start_heap_push(struct start_heap *heap, const struct held_flow *flows, uint32_t flow, size_t held);

/* The earliest; there is one. */
struct start_entry start_heap_pop(struct start_heap *heap, const struct held_flow *flows);

/*
 * All entries in order, stale ones among them: faster than taking the first again and again. What is left
 * is no heap: set `used` to 0.
 */
void start_heap_sort(struct start_heap *heap);

bool start_entry_is_stale(const struct start_entry *entry, const struct held_flow *flows);

#endif
