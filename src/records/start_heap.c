#include "records/start_heap.h"

#include <stdlib.h>

#include "base/memory.h"

enum { SLACK = 1024 };

void start_heap_release(struct start_heap *heap)
{
    free(heap->entries);
    *heap = (struct start_heap){ NULL, 0, 0 };
}

bool start_entry_is_stale(const struct start_entry *entry, const struct held_flow *flows)
{
    const struct held_flow *flow = &flows[entry->flow];

    return flow->sequence != entry->sequence || held_flow_start(flow) != entry->start_ns;
}

static bool is_before(const struct start_entry *a, const struct start_entry *b)
{
    return a->start_ns != b->start_ns ? a->start_ns < b->start_ns : a->sequence < b->sequence;
}

static void sift_down(struct start_heap *heap, size_t at, struct start_entry entry)
{
    for (;;) {
        size_t child = at * 2 + 1;

        if (child >= heap->used)
            break;
        if (child + 1 < heap->used && is_before(&heap->entries[child + 1], &heap->entries[child]))
            child++;
        if (!is_before(&heap->entries[child], &entry))
            break;
        heap->entries[at] = heap->entries[child];
        at = child;
    }
    heap->entries[at] = entry;
}

static void drop_stale(struct start_heap *heap, const struct held_flow *flows)
{
    size_t kept = 0;

    for (size_t i = 0; i < heap->used; i++) {
        if (!start_entry_is_stale(&heap->entries[i], flows))
            heap->entries[kept++] = heap->entries[i];
    }
    heap->used = kept;
    for (size_t i = kept / 2; i-- > 0;)
        sift_down(heap, i, heap->entries[i]);
}

void start_heap_push(struct start_heap *heap, const struct held_flow *flows, uint32_t flow, size_t held)
{
    struct start_entry entry = { held_flow_start(&flows[flow]), flows[flow].sequence, flow };
    size_t at;

    if (heap->used > held + held / 4 + SLACK)
        drop_stale(heap, flows);
    heap->entries = memory_grow(heap->entries, &heap->capacity, heap->used + 1, sizeof *heap->entries);
    at = heap->used++;
    while (at > 0 && is_before(&entry, &heap->entries[(at - 1) / 2])) {
        heap->entries[at] = heap->entries[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->entries[at] = entry;
}

struct start_entry start_heap_pop(struct start_heap *heap, const struct held_flow *flows)
{
    struct start_entry first;

    do {
        first = heap->entries[0];
        heap->used--;
        if (heap->used > 0)
            sift_down(heap, 0, heap->entries[heap->used]);
    } while (start_entry_is_stale(&first, flows));
    return first;
}

static int compare(const void *a, const void *b)
{
    return is_before(a, b) ? -1 : is_before(b, a);
}

void start_heap_sort(struct start_heap *heap)
{
    if (heap->used > 0)
        qsort(heap->entries, heap->used, sizeof *heap->entries, compare);
}
