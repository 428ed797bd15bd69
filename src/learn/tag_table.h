/*
 * tag_table.h - where an address is known from its tag: as a host, or as an outside peer.
 */
#ifndef LEARN_TAG_TABLE_H
#define LEARN_TAG_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash_key.h"

#define TAG_NONE UINT64_MAX

struct tag_table {
    struct tag_slot {
        uint64_t tag;
        uint64_t value; /* TAG_NONE where empty */
    } *slots;
    size_t mask;
    struct hash_key key; /* of the slots */
};

/* Room for `most` tags. */
void tag_table_init(struct tag_table *table, size_t most);
void tag_table_release(struct tag_table *table);

/* The value of the tag, or TAG_NONE. */
uint64_t tag_table_find(const struct tag_table *table, uint64_t tag);

/* Replaces the value when the tag is there. */
void tag_table_put(struct tag_table *table, uint64_t tag, uint64_t value);

#endif
