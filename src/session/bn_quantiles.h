/*
 * bn_quantiles.h - a number made discrete: bins that hold equally many of the training values (Falk II, n = 10).
 *
 * Values are 0..65535. A border is a value at a multiple of 1/n of the training values in order; bin i holds
 * what is above border i - 1 and not above border i. Borders that fall together are one: a value that is
 * frequent makes one bin of what would be several, and there are fewer than n. Where 0 means nothing rather
 * than little it can have a bin of its own.
 */
#ifndef SESSION_BN_QUANTILES_H
#define SESSION_BN_QUANTILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"

enum {
    BN_QUANTILES = 10,
    BN_QUANTILE_BINS = BN_QUANTILES + 1, /* with one for 0 */
    BN_QUANTILE_VALUES = UINT16_MAX + 1,
    BN_QUANTILE_SAMPLE = 128 /* values kept of a bin */
};

struct bn_quantiles {
    uint32_t bins; /* 1..BN_QUANTILE_BINS */
    uint16_t upper[BN_QUANTILE_BINS]; /* the largest value of a bin; of the last: UINT16_MAX */
    uint16_t sample[BN_QUANTILE_BINS][BN_QUANTILE_SAMPLE]; /* of a bin's training values in order, evenly */
};

/*
 * counts[value]: how often it was seen, BN_QUANTILE_VALUES of them, with a sum below 2^56. Of nothing: one
 * bin, of value 0. `zero_apart`: bin 0 is for 0 alone, whether it was seen or not.
 */
void bn_quantiles_init(struct bn_quantiles *quantiles, const uint64_t *counts, bool zero_apart);

static inline uint16_t bn_quantiles_bin(const struct bn_quantiles *quantiles, uint16_t value)
{
    uint16_t bin = 0;

    while (value > quantiles->upper[bin])
        bin++;
    return bin;
}

/* A training value of the bin, uniformly. */
static inline uint16_t bn_quantiles_draw(const struct bn_quantiles *quantiles, uint32_t bin,
                                         struct random_stream *random)
{
    return quantiles->sample[bin][random_below_u32(random, BN_QUANTILE_SAMPLE)];
}

#endif
