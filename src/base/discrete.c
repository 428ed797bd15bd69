#include "base/discrete.h"

#include <stdbool.h>

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

/* As discrete_width() reads it. */
static uint8_t width_for(uint32_t largest)
{
    return largest <= UINT8_MAX ? 1 : largest <= UINT16_MAX ? 2 : 3;
}

static void pack(uint8_t *numbers, unsigned bytes, uint32_t index, uint32_t number)
{
    uint16_t two = (uint16_t)number;

    switch (bytes) {
    case 0: break;
    case 1: numbers[index] = (uint8_t)number; break;
    case 2: memcpy(numbers + (size_t)2 * index, &two, sizeof two); break;
    default: memcpy(numbers + (size_t)4 * index, &number, sizeof number);
    }
}

static uint8_t symbol_width(const struct tally_entry *entries, uint32_t size, uint32_t *least)
{
    uint32_t most = entries[0].symbol;
    bool is_row = true; /* one after the other */

    *least = entries[0].symbol;
    for (uint32_t i = 0; i < size; i++) {
        uint32_t symbol = entries[i].symbol;

        is_row = is_row && symbol - entries[0].symbol == i;
        *least = symbol < *least ? symbol : *least;
        most = symbol > most ? symbol : most;
    }
    return is_row ? 0 : width_for(most - *least);
}

static size_t packed_bytes(uint8_t widths, uint32_t size)
{
    size_t each = (size_t)discrete_width(widths, 0) + discrete_width(widths, DISCRETE_COUNTS_SHIFT);

    return 1 + discrete_width(widths, DISCRETE_LEAST_SHIFT) + size * each;
}

void discrete_init(struct discrete *discrete, struct arena *arena, const struct tally_entry *entries,
                   uint32_t size)
{
    unsigned shift = 0;
    uint32_t least;
    uint64_t sum = 0;
    uint8_t widths;
    uint8_t *packed;
    uint8_t *counts;

    memset(discrete, 0, sizeof *discrete);
    if (size == 0)
        return;
    while ((sum = scaled_sum(entries, size, shift)) > UINT32_MAX)
        shift++;
    discrete->size = size;
    if (size == 1) {
        pack(discrete->packed, sizeof(uint32_t), 0, entries->symbol);
        pack(discrete->packed, sizeof(uint32_t), 1, (uint32_t)sum);
        return;
    }
    widths = symbol_width(entries, size, &least);
    widths |= (uint8_t)(width_for((uint32_t)sum) << DISCRETE_COUNTS_SHIFT |
                        width_for(least) << DISCRETE_LEAST_SHIFT);
    packed = arena_alloc(arena, packed_bytes(widths, size));
    memcpy(discrete->packed, &packed, sizeof packed);
    *packed++ = widths;
    pack(packed, discrete_width(widths, DISCRETE_LEAST_SHIFT), 0, least);
    packed += discrete_width(widths, DISCRETE_LEAST_SHIFT);
    counts = packed + (size_t)size * discrete_width(widths, 0);
    sum = 0;
    for (uint32_t i = 0; i < size; i++) {
        sum += scaled_count(entries[i].count, shift);
        pack(packed, discrete_width(widths, 0), i, entries[i].symbol - least);
        pack(counts, discrete_width(widths, DISCRETE_COUNTS_SHIFT), i, (uint32_t)sum);
    }
}

size_t discrete_bytes(const struct discrete *discrete)
{
    return discrete->size > 1 ? packed_bytes(*discrete_packed(discrete), discrete->size) : 0;
}

/*
 * The first index whose cumulative count exceeds `wanted`, which is below the last one. Halves without a branch that
 * could be mispredicted: where the draw falls is what no processor can know.
 */
#define SEARCH(name, type)                                                                       \
    static uint32_t name(const uint8_t *counts, uint32_t size, uint32_t wanted)                  \
    {                                                                                            \
        uint32_t first = 0;                                                                      \
                                                                                                 \
        while (size > 1) {                                                                       \
            uint32_t half = size / 2;                                                            \
            type count;                                                                          \
                                                                                                 \
            memcpy(&count, counts + sizeof count * (first + half - 1), sizeof count);            \
            first += count <= wanted ? half : 0;                                                 \
            size -= half;                                                                        \
        }                                                                                        \
        return first;                                                                            \
    }

SEARCH(search_one, uint8_t)
SEARCH(search_two, uint16_t)
SEARCH(search_four, uint32_t)

uint32_t discrete_draw(const struct discrete *discrete, struct random_stream *random)
{
    unsigned bytes;
    const uint8_t *counts = discrete_counts(discrete, &bytes);
    uint32_t wanted;

    if (discrete->size == 1)
        return 0; /* and no number is spent on it */
    wanted = random_below_u32(random, discrete_total(discrete));
    switch (bytes) {
    case 1: return search_one(counts, discrete->size, wanted);
    case 2: return search_two(counts, discrete->size, wanted);
    default: return search_four(counts, discrete->size, wanted);
    }
}

double discrete_share(const struct discrete *discrete, uint32_t index)
{
    return (double)discrete_count(discrete, index) / (double)discrete_total(discrete);
}
