#include "base/tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { FIRST_SLOTS = 64 };

static size_t home_slot(const struct tally *tally, uint32_t owner, uint32_t symbol)
{
    return (size_t)hash_number(&tally->key, (uint64_t)owner << 32 | symbol) & tally->slot_mask;
}

/* The slot that holds (owner, symbol), or the empty one where it belongs. */
static size_t find_slot(const struct tally *tally, uint32_t owner, uint32_t symbol)
{
    size_t slot = home_slot(tally, owner, symbol);

    while (tally->slots[slot] != TALLY_NONE) {
        const struct tally_entry *entry = &tally->entries[tally->slots[slot]];

        if (entry->owner == owner && entry->symbol == symbol)
            break;
        slot = (slot + 1) & tally->slot_mask;
    }
    return slot;
}

static void make_slots(struct tally *tally, size_t count)
{
    tally->slots = memory_alloc_array(count, sizeof *tally->slots);
    memset(tally->slots, 0xff, count * sizeof *tally->slots);
    tally->slot_mask = count - 1;
    for (size_t i = 0; i < tally->used; i++) {
        const struct tally_entry *entry = &tally->entries[i];

        tally->slots[find_slot(tally, entry->owner, entry->symbol)] = (uint32_t)i;
    }
}

void tally_init(struct tally *tally)
{
    memset(tally, 0, sizeof *tally);
    tally->key = hash_key_new();
    make_slots(tally, FIRST_SLOTS);
}

void tally_release(struct tally *tally)
{
    free(tally->entries);
    free(tally->slots);
    memset(tally, 0, sizeof *tally);
}

uint32_t tally_find(const struct tally *tally, uint32_t owner, uint32_t symbol)
{
    return tally->slots[find_slot(tally, owner, symbol)];
}

uint32_t tally_add(struct tally *tally, uint32_t owner, uint32_t symbol, uint64_t count)
{
    size_t slot = find_slot(tally, owner, symbol);
    uint32_t index = tally->slots[slot];

    if (index != TALLY_NONE) {
        tally->entries[index].count += count;
        return index;
    }
    tally->entries = memory_grow(tally->entries, &tally->capacity, tally->used + 1,
                                 sizeof *tally->entries);
    index = (uint32_t)tally->used++;
    tally->entries[index] = (struct tally_entry){ owner, symbol, count };
    tally->slots[slot] = index;
    if (tally->used * 4 > (tally->slot_mask + 1) * 3) {
        size_t grown = (tally->slot_mask + 1) * 2;

        free(tally->slots);
        make_slots(tally, grown);
    }
    return index;
}

uint32_t tally_add_known(struct tally *tally, uint32_t owner, uint32_t symbol, uint64_t count)
{
    uint32_t index = tally_find(tally, owner, symbol);

    if (index != TALLY_NONE)
        tally->entries[index].count += count;
    return index;
}

static int compare_entries(const void *a, const void *b)
{
    const struct tally_entry *x = a;
    const struct tally_entry *y = b;

    if (x->owner != y->owner)
        return x->owner < y->owner ? -1 : 1;
    return x->symbol == y->symbol ? 0 : x->symbol < y->symbol ? -1 : 1;
}

struct tally_entry *tally_sorted(const struct tally *tally)
{
    struct tally_entry *copy = memory_alloc_array(tally->used, sizeof *copy);

    if (tally->used > 0) {
        memcpy(copy, tally->entries, tally->used * sizeof *copy);
        qsort(copy, tally->used, sizeof *copy, compare_entries);
    }
    return copy;
}
