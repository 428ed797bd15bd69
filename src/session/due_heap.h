/*
 * due_heap.h - what comes next: things with their times, the first at hand.
 *
 * Each place has four behind it, and the times lie in the heap itself: so to put one in its place reads a few lines of
 * memory that follow one another, and none of the things, whose memory is elsewhere. Things of one time come
 * by their numbers: an order that does not depend on the heap.
 */
#ifndef SESSION_DUE_HEAP_H
#define SESSION_DUE_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/time_types.h"

struct due_entry {
    struct run_time due;
    uint64_t number;
    void *thing; /* borrowed */
};

/* All zeros is an empty one. */
struct due_heap {
    struct due_entry *entries; /* owned; the first is due first, the others in no order */
    size_t count, capacity;
};

void due_heap_release(struct due_heap *heap);

void due_heap_put(struct due_heap *heap, struct due_entry entry);

/* The first is due later now. */
void due_heap_postpone_first(struct due_heap *heap, struct run_time due);

void due_heap_remove_first(struct due_heap *heap);

/* Puts all in order again, when times in `entries` were changed. */
void due_heap_order(struct due_heap *heap);

#endif
