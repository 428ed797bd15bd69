#include "learn/tag_table.h"

#include <stdlib.h>

#include "base/memory.h"

void tag_table_init(struct tag_table *table, size_t most)
{
    size_t slots = 16;

    while (slots < 2 * most)
        slots *= 2;
    table->slots = memory_alloc_array(slots, sizeof *table->slots);
    table->mask = slots - 1;
    table->key = hash_key_new();
    for (size_t i = 0; i < slots; i++)
        table->slots[i].value = TAG_NONE;
}

void tag_table_release(struct tag_table *table)
{
    free(table->slots);
}

/* A tag is a hash already, but whose one that is nobody knows: it comes from a file. */
static struct tag_slot *tag_slot(const struct tag_table *table, uint64_t tag)
{
    size_t slot = (size_t)hash_number(&table->key, tag) & table->mask;

    while (table->slots[slot].value != TAG_NONE && table->slots[slot].tag != tag)
        slot = (slot + 1) & table->mask;
    return &table->slots[slot];
}

uint64_t tag_table_find(const struct tag_table *table, uint64_t tag)
{
    return tag_slot(table, tag)->value;
}

void tag_table_put(struct tag_table *table, uint64_t tag, uint64_t value)
{
    *tag_slot(table, tag) = (struct tag_slot){ tag, value };
}
