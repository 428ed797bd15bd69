#include "session/due_heap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { BRANCHES = 4 };

static bool is_before(const struct due_entry *a, const struct due_entry *b)
{
    return a->due.ns != b->due.ns ? a->due.ns < b->due.ns : a->number < b->number;
}

static void sift_up(struct due_entry *entries, size_t at)
{
    struct due_entry entry = entries[at];

    for (size_t parent = (at - 1) / BRANCHES; at > 0 && is_before(&entry, &entries[parent]);
         parent = (at - 1) / BRANCHES) {
        entries[at] = entries[parent];
        at = parent;
    }
    entries[at] = entry;
}

/* The first of those behind a place, of which `first_child` is one. */
static size_t first_of_branch(const struct due_entry *entries, size_t count, size_t first_child)
{
    size_t end = first_child + BRANCHES < count ? first_child + BRANCHES : count;
    size_t first = first_child;

    for (size_t child = first_child + 1; child < end; child++)
        first = is_before(&entries[child], &entries[first]) ? child : first;
    return first;
}

static void sift_down(struct due_entry *entries, size_t count, size_t at)
{
    struct due_entry entry = entries[at];

    for (size_t child = BRANCHES * at + 1; child < count; child = BRANCHES * at + 1) {
        size_t first = first_of_branch(entries, count, child);

        if (!is_before(&entries[first], &entry))
            break;
        entries[at] = entries[first];
        at = first;
    }
    entries[at] = entry;
}

void due_heap_release(struct due_heap *heap)
{
    free(heap->entries);
    memset(heap, 0, sizeof *heap);
}

void due_heap_put(struct due_heap *heap, struct due_entry entry)
{
    heap->entries = memory_grow(heap->entries, &heap->capacity, heap->count + 1, sizeof *heap->entries);
    heap->entries[heap->count++] = entry;
    sift_up(heap->entries, heap->count - 1);
}

void due_heap_postpone_first(struct due_heap *heap, struct run_time due)
{
    heap->entries[0].due = due;
    sift_down(heap->entries, heap->count, 0);
}

void due_heap_remove_first(struct due_heap *heap)
{
    heap->entries[0] = heap->entries[--heap->count];
    if (heap->count > 0)
        sift_down(heap->entries, heap->count, 0);
}

void due_heap_order(struct due_heap *heap)
{
    for (size_t i = heap->count / 2; i-- > 0;)
        sift_down(heap->entries, heap->count, i);
}
