/*
 * discrete.h - a distribution over a few symbols, kept as cumulative counts.
 *
 * Immutable once built, and packed: symbols are kept as differences to the smallest one, symbols and
 * counts in as few bytes each as the largest needs; symbols that follow one another take none.
 * A draw is one binary search.
 */
#ifndef BASE_DISCRETE_H
#define BASE_DISCRETE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/random.h"
#include "base/tally.h"

struct discrete {
    uint32_t size; /* 0: nothing known */
    uint8_t packed[8]; /* of one symbol: that and its count; else a pointer, in bytes: the whole needs no
                        * alignment of 8 */
};

/*
 * What the pointer leads to: one byte that tells how many bytes each has (two bits each: symbols, counts,
 * the smallest symbol), the smallest symbol, differences to it, cumulative counts. Not aligned.
 */
enum { DISCRETE_COUNTS_SHIFT = 2, DISCRETE_LEAST_SHIFT = 4, DISCRETE_WIDTH_MASK = 3 };

/*
 * From tally entries (their symbols and counts), which stay the caller's. Counts are halved
 * together until their sum fits 32 bits; a count above 0 stays above 0. The packed bytes are a piece
 * of the arena.
 */
void discrete_init(struct discrete *discrete, struct arena *arena, const struct tally_entry *entries,
                   uint32_t size);

/* What discrete_init() took from the arena. */
size_t discrete_bytes(const struct discrete *discrete);

/* Index of a drawn symbol; size must not be 0. */
uint32_t discrete_draw(const struct discrete *discrete, struct random_stream *random);

/* Share of the symbol at `index`. */
double discrete_share(const struct discrete *discrete, uint32_t index);

static inline uint32_t discrete_unpack(const uint8_t *numbers, unsigned bytes, uint32_t index)
{
    uint32_t four;
    uint16_t two;

    switch (bytes) {
    case 0: return index;
    case 1: return numbers[index];
    case 2:
        memcpy(&two, numbers + (size_t)2 * index, sizeof two);
        return two;
    default:
        memcpy(&four, numbers + (size_t)4 * index, sizeof four);
        return four;
    }
}

/* 0, 1, 2 or 4. */
static inline unsigned discrete_width(uint8_t widths, unsigned shift)
{
    static const uint8_t bytes[] = { 0, 1, 2, 4 };

    return bytes[widths >> shift & DISCRETE_WIDTH_MASK];
}

/* Where what is packed begins; size is above 1. */
static inline const uint8_t *discrete_packed(const struct discrete *discrete)
{
    const uint8_t *packed;

    memcpy(&packed, discrete->packed, sizeof packed);
    return packed;
}

/* Symbols are in the order given. */
static inline uint32_t discrete_symbol(const struct discrete *discrete, uint32_t index)
{
    const uint8_t *packed;
    unsigned least_bytes;
    uint32_t least;

    if (discrete->size == 1)
        return discrete_unpack(discrete->packed, sizeof least, 0);
    packed = discrete_packed(discrete);
    least_bytes = discrete_width(*packed, DISCRETE_LEAST_SHIFT);
    least = discrete_unpack(packed + 1, least_bytes, 0);
    return least + discrete_unpack(packed + 1 + least_bytes, discrete_width(*packed, 0), index);
}

/* The cumulative counts, of so many bytes each; size must not be 0. */
static inline const uint8_t *discrete_counts(const struct discrete *discrete, unsigned *bytes)
{
    const uint8_t *packed;

    *bytes = sizeof(uint32_t);
    if (discrete->size == 1)
        return discrete->packed + sizeof(uint32_t);
    packed = discrete_packed(discrete);
    *bytes = discrete_width(*packed, DISCRETE_COUNTS_SHIFT);
    return packed + 1 + discrete_width(*packed, DISCRETE_LEAST_SHIFT) +
           (size_t)discrete->size * discrete_width(*packed, 0);
}

/* Of the symbols up to `index`; never decreases. */
static inline uint32_t discrete_cumulative(const struct discrete *discrete, uint32_t index)
{
    unsigned bytes;
    const uint8_t *counts = discrete_counts(discrete, &bytes);

    return discrete_unpack(counts, bytes, index);
}

static inline uint32_t discrete_count(const struct discrete *discrete, uint32_t index)
{
    return discrete_cumulative(discrete, index) -
           (index ? discrete_cumulative(discrete, index - 1) : 0);
}

static inline uint32_t discrete_total(const struct discrete *discrete)
{
    return discrete->size ? discrete_cumulative(discrete, discrete->size - 1) : 0;
}

#endif
