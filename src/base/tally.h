/*
 * tally.h - counts of pairs: how often (owner, symbol) was seen.
 *
 * Every statistic of a network is one of these. An entry gets a dense index in order of
 * first appearance, so that an entry can itself be the owner in another tally
 * (a transition owns its histogram of gaps). Adding two tallies is associative and
 * commutative up to the order of the entries; tally_sorted() gives an order that depends
 * on the contents alone.
 *
 * Memory: an entry has 16 bytes in an array that doubles, and 5.3 to 10.7 bytes of index.
 */
#ifndef BASE_TALLY_H
#define BASE_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_key.h"

#define TALLY_NONE UINT32_MAX

enum { TALLY_ENTRY_BYTES = 2 * 16 + 11 /* at most: both arrays have just doubled */ };

struct tally_entry {
    uint32_t owner;
    uint32_t symbol;
    uint64_t count;
};

struct tally {
    struct tally_entry *entries; /* `used` of them, dense index = position */
    size_t used;
    size_t capacity;
    uint32_t *slots; /* open addressing, TALLY_NONE where empty; slot_mask + 1 of them */
    size_t slot_mask;
    struct hash_key key; /* of the slots: dates, and which states follow one another, are foreign data */
};

void tally_init(struct tally *tally);
void tally_release(struct tally *tally);

/* Adds to the count, making the entry when it is new; returns its index. */
uint32_t tally_add(struct tally *tally, uint32_t owner, uint32_t symbol, uint64_t count);

/* Adds to the count of an entry that is there already; its index, or TALLY_NONE. */
uint32_t tally_add_known(struct tally *tally, uint32_t owner, uint32_t symbol, uint64_t count);

/* The index, or TALLY_NONE. */
uint32_t tally_find(const struct tally *tally, uint32_t owner, uint32_t symbol);

static inline uint64_t tally_count(const struct tally *tally, uint32_t owner, uint32_t symbol)
{
    uint32_t index = tally_find(tally, owner, symbol);

    return index == TALLY_NONE ? 0 : tally->entries[index].count;
}

/* A copy of the entries ordered by (owner, symbol); the caller frees it. */
struct tally_entry *tally_sorted(const struct tally *tally);

#endif
