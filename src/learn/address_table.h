/*
 * address_table.h - addresses met so far, each with a dense number in order of appearance.
 */
#ifndef LEARN_ADDRESS_TABLE_H
#define LEARN_ADDRESS_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash_key.h"
#include "net/ip_address.h"

#define ADDRESS_NONE UINT32_MAX

enum { ADDRESS_BYTES = 2 * sizeof(struct ip_address) + 11 /* an address, at most: arrays have just doubled */ };

struct address_table {
    struct ip_address *addresses; /* `used` of them; the number is the position */
    size_t used;
    size_t capacity;
    uint32_t *slots; /* open addressing, ADDRESS_NONE where empty */
    size_t slot_mask;
    struct hash_key key; /* of the slots */
};

void address_table_init(struct address_table *table);
void address_table_release(struct address_table *table);

/* The number of the address, or ADDRESS_NONE. */
uint32_t address_table_find(const struct address_table *table, const struct ip_address *address);

/* The number of the address, which is new or was there. */
uint32_t address_table_put(struct address_table *table, const struct ip_address *address);

#endif
