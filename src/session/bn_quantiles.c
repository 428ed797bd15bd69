#include "session/bn_quantiles.h"

#include <string.h>

/* The values at these places (ascending, from 0) of all training values in order, from `first` on. */
static void values_at(const uint64_t *counts, uint32_t first, const uint64_t *places, size_t count,
                      uint16_t *values)
{
    uint64_t passed = 0;
    size_t i = 0;

    for (uint32_t value = first; value < BN_QUANTILE_VALUES && i < count; value++) {
        passed += counts[value];
        for (; i < count && places[i] < passed; i++)
            values[i] = (uint16_t)value;
    }
}

static uint64_t sum_of(const uint64_t *counts, uint32_t first, uint32_t last)
{
    uint64_t sum = 0;

    for (uint32_t value = first; value <= last; value++)
        sum += counts[value];
    return sum;
}

/* The bins' upper ends. */
static void find_borders(struct bn_quantiles *quantiles, const uint64_t *counts, bool zero_apart)
{
    uint64_t total = sum_of(counts, 0, UINT16_MAX);
    uint64_t places[BN_QUANTILES];
    uint16_t borders[BN_QUANTILES] = { 0 };

    for (uint64_t k = 0; k < BN_QUANTILES; k++) { /* the last value of the first k + 1 shares */
        uint64_t share = total * (k + 1) / BN_QUANTILES;

        places[k] = share > 0 ? share - 1 : 0;
    }
    values_at(counts, 0, places, BN_QUANTILES, borders);
    if (zero_apart)
        quantiles->bins = 1; /* up to 0 */
    for (int k = 0; k < BN_QUANTILES; k++) {
        if (quantiles->bins == 0 || borders[k] != quantiles->upper[quantiles->bins - 1])
            quantiles->upper[quantiles->bins++] = borders[k];
    }
}

static void keep_sample(struct bn_quantiles *quantiles, const uint64_t *counts, uint32_t bin)
{
    uint32_t first = bin > 0 ? quantiles->upper[bin - 1] + UINT32_C(1) : 0;
    uint64_t total = sum_of(counts, first, quantiles->upper[bin]);
    uint64_t places[BN_QUANTILE_SAMPLE];

    for (uint64_t i = 0; i < BN_QUANTILE_SAMPLE; i++) /* the middles of equal shares */
        places[i] = total * (2 * i + 1) / (2 * BN_QUANTILE_SAMPLE);
    values_at(counts, first, places, BN_QUANTILE_SAMPLE, quantiles->sample[bin]);
}

void bn_quantiles_init(struct bn_quantiles *quantiles, const uint64_t *counts, bool zero_apart)
{
    memset(quantiles, 0, sizeof *quantiles);
    find_borders(quantiles, counts, zero_apart);
    for (uint32_t bin = 0; bin < quantiles->bins; bin++)
        keep_sample(quantiles, counts, bin);
    quantiles->upper[quantiles->bins - 1] = UINT16_MAX; /* and what may come beyond */
}
