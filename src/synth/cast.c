#include "synth/cast.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static void count_places(struct cast *cast, const uint32_t *counts, uint32_t count)
{
    cast->firsts = memory_alloc_array((size_t)count + 1, sizeof *cast->firsts);
    for (uint32_t i = 0; i < count; i++)
        cast->firsts[i + 1] = cast->firsts[i] + counts[i];
    cast->places = cast->firsts[count];
}

/* Next is who has the most members for 2 places that it has already, and one: a heap, that one first. */
struct turn {
    uint32_t host;
    uint64_t members, given; /* given: 2 n + 1 */
};

static bool is_before(const struct turn *a, const struct turn *b)
{
    uint64_t x = a->members * b->given;
    uint64_t y = b->members * a->given;

    return x != y ? x > y : a->host < b->host;
}

static void sift_down(struct turn *heap, uint32_t count, uint32_t i)
{
    for (uint32_t child; (child = 2 * i + 1) < count; i = child) {
        struct turn moved = heap[i];

        if (child + 1 < count && is_before(&heap[child + 1], &heap[child]))
            child++;
        if (!is_before(&heap[child], &moved))
            break;
        heap[i] = heap[child];
        heap[child] = moved;
    }
}

static void give_places(struct cast *cast, const uint32_t *counts, uint32_t count)
{
    struct turn *heap = memory_alloc_array(count, sizeof *heap);

    for (uint32_t i = 0; i < count; i++)
        heap[i] = (struct turn){ i, counts[i], 1 };
    for (uint32_t i = count; i-- > 0;)
        sift_down(heap, count, i);
    for (uint32_t p = 0; p < cast->places; p++) {
        uint32_t host = heap->host;

        cast->host[p] = host;
        cast->nth[p] = (uint32_t)(heap->given / 2);
        cast->place[cast->firsts[host] + cast->nth[p]] = p;
        heap->given += 2;
        if (cast->nth[p] + 1 == heap->members)
            heap->members = 0; /* all are given out */
        sift_down(heap, count, 0);
    }
    free(heap);
}

void cast_init(struct cast *cast, const uint32_t *counts, uint32_t count)
{
    count_places(cast, counts, count);
    cast->host = memory_alloc_array(cast->places, sizeof *cast->host);
    cast->nth = memory_alloc_array(cast->places, sizeof *cast->nth);
    cast->place = memory_alloc_array(cast->places, sizeof *cast->place);
    give_places(cast, counts, count);
}

void cast_release(struct cast *cast)
{
    free(cast->host);
    free(cast->nth);
    free(cast->firsts);
    free(cast->place);
    memset(cast, 0, sizeof *cast);
}
