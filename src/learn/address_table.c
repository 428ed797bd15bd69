#include "learn/address_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { FIRST_SLOTS = 64 };

static size_t address_slot(const struct address_table *table, const struct ip_address *address)
{
    uint64_t words[2];
    size_t slot;

    memcpy(words, address->bytes, sizeof words);
    slot = (size_t)hash_two(&table->key, words[0], words[1]) & table->slot_mask;

    while (table->slots[slot] != ADDRESS_NONE &&
           !ip_address_equal(&table->addresses[table->slots[slot]], address))
        slot = (slot + 1) & table->slot_mask;
    return slot;
}

static void make_slots(struct address_table *table, size_t slots)
{
    free(table->slots);
    table->slots = memory_alloc_array(slots, sizeof *table->slots);
    memset(table->slots, 0xff, slots * sizeof *table->slots);
    table->slot_mask = slots - 1;
    for (size_t i = 0; i < table->used; i++)
        table->slots[address_slot(table, &table->addresses[i])] = (uint32_t)i;
}

void address_table_init(struct address_table *table)
{
    memset(table, 0, sizeof *table);
    table->key = hash_key_new();
    make_slots(table, FIRST_SLOTS);
}

void address_table_release(struct address_table *table)
{
    free(table->addresses);
    free(table->slots);
    memset(table, 0, sizeof *table);
}

uint32_t address_table_find(const struct address_table *table, const struct ip_address *address)
{
    return table->slots[address_slot(table, address)];
}

uint32_t address_table_put(struct address_table *table, const struct ip_address *address)
{
    size_t slot = address_slot(table, address);

    if (table->slots[slot] != ADDRESS_NONE)
        return table->slots[slot];
    table->addresses = memory_grow(table->addresses, &table->capacity, table->used + 1,
                                   sizeof *table->addresses);
    table->addresses[table->used] = *address;
    table->slots[slot] = (uint32_t)table->used++;
    if (table->used * 4 > (table->slot_mask + 1) * 3)
        make_slots(table, (table->slot_mask + 1) * 2);
    return (uint32_t)table->used - 1;
}
