#include "base/discrete.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static uint64_t scaled_count(uint64_t count, unsigned shift)
{
    uint64_t scaled = count >> shift;

    return scaled == 0 && count > 0 ? 1 : scaled;
}

static uint64_t scaled_sum(const struct tally_entry *entries, uint32_t size, unsigned shift)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < size && sum <= UINT32_MAX; i++) /* further it could wrap around */
        sum += scaled_count(entries[i].count, shift);
    return sum;
}

void discrete_init(struct discrete *discrete, const struct tally_entry *entries, uint32_t size)
{
    unsigned shift = 0;
    uint64_t sum = 0;

    memset(discrete, 0, sizeof *discrete);
    if (size == 0)
        return;
    while (scaled_sum(entries, size, shift) > UINT32_MAX)
        shift++;
    discrete->size = size;
    discrete->symbols = memory_alloc_array(size, sizeof *discrete->symbols);
    discrete->cumulative = memory_alloc_array(size, sizeof *discrete->cumulative);
    for (uint32_t i = 0; i < size; i++) {
        sum += scaled_count(entries[i].count, shift);
        discrete->symbols[i] = entries[i].symbol;
        discrete->cumulative[i] = (uint32_t)sum;
    }
}

void discrete_release(struct discrete *discrete)
{
    free(discrete->symbols);
    free(discrete->cumulative);
    memset(discrete, 0, sizeof *discrete);
}

uint32_t discrete_draw(const struct discrete *discrete, struct random_stream *random)
{
    uint64_t wanted = random_below(random, discrete_total(discrete));
    uint32_t low = 0;
    uint32_t high = discrete->size - 1;

    while (low < high) { /* the first index whose cumulative count exceeds `wanted` */
        uint32_t middle = low + (high - low) / 2;

        if (discrete->cumulative[middle] > wanted)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

double discrete_share(const struct discrete *discrete, uint32_t index)
{
    return (double)discrete_count(discrete, index) / (double)discrete_total(discrete);
}
