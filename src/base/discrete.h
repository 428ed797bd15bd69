/*
 * discrete.h - a distribution over a few symbols, kept as cumulative counts.
 *
 * Immutable once built. 8 bytes a symbol; a draw is one binary search.
 */
#ifndef BASE_DISCRETE_H
#define BASE_DISCRETE_H

#include <stdint.h>

#include "base/random.h"
#include "base/tally.h"

struct discrete {
    uint32_t size;        /* 0: nothing known */
    uint32_t *symbols;    /* in the order given */
    uint32_t *cumulative; /* cumulative[size - 1] is the total; never decreases */
};

/*
 * From tally entries (their symbols and counts), which stay the caller's. Counts are halved
 * together until their sum fits 32 bits; a count above 0 stays above 0.
 */
void discrete_init(struct discrete *discrete, const struct tally_entry *entries, uint32_t size);
void discrete_release(struct discrete *discrete);

/* Index of a drawn symbol; size must not be 0. */
uint32_t discrete_draw(const struct discrete *discrete, struct random_stream *random);

/* Share of the symbol at `index`. */
double discrete_share(const struct discrete *discrete, uint32_t index);

static inline uint32_t discrete_count(const struct discrete *discrete, uint32_t index)
{
    return discrete->cumulative[index] - (index ? discrete->cumulative[index - 1] : 0);
}

static inline uint32_t discrete_total(const struct discrete *discrete)
{
    return discrete->size ? discrete->cumulative[discrete->size - 1] : 0;
}

#endif
