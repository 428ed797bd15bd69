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

static uint8_t bytes_for(uint32_t largest)
{
    return largest <= UINT8_MAX ? 1 : largest <= UINT16_MAX ? 2 : 4;
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

static uint8_t symbol_bytes(const struct tally_entry *entries, uint32_t size, uint32_t *least)
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
    return is_row ? 0 : bytes_for(most - *least);
}

void discrete_init(struct discrete *discrete, struct arena *arena, const struct tally_entry *entries,
                   uint32_t size)
{
    unsigned shift = 0;
    uint32_t least;
    uint64_t sum = 0;
    uint8_t *packed;
    uint8_t *counts;

    memset(discrete, 0, sizeof *discrete);
    if (size == 0)
        return;
    while ((sum = scaled_sum(entries, size, shift)) > UINT32_MAX)
        shift++;
    discrete->size = size;
    discrete->symbol_bytes = symbol_bytes(entries, size, &least);
    discrete->count_bytes = bytes_for((uint32_t)sum);
    packed = arena_alloc(arena, discrete_bytes(discrete));
    discrete->packed = packed;
    pack(packed, sizeof least, 0, least);
    packed += sizeof least;
    counts = packed + (size_t)size * discrete->symbol_bytes;
    sum = 0;
    for (uint32_t i = 0; i < size; i++) {
        sum += scaled_count(entries[i].count, shift);
        pack(packed, discrete->symbol_bytes, i, entries[i].symbol - least);
        pack(counts, discrete->count_bytes, i, (uint32_t)sum);
    }
}

size_t discrete_bytes(const struct discrete *discrete)
{
    size_t each = (size_t)discrete->symbol_bytes + discrete->count_bytes;

    return discrete->size ? sizeof(uint32_t) + discrete->size * each : 0;
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
    const uint8_t *counts = discrete->packed + sizeof(uint32_t) + (size_t)discrete->size * discrete->symbol_bytes;
    uint32_t wanted;

    if (discrete->size == 1)
        return 0; /* and no number is spent on it */
    wanted = random_below_u32(random, discrete_total(discrete));
    switch (discrete->count_bytes) {
    case 1: return search_one(counts, discrete->size, wanted);
    case 2: return search_two(counts, discrete->size, wanted);
    default: return search_four(counts, discrete->size, wanted);
    }
}

double discrete_share(const struct discrete *discrete, uint32_t index)
{
    return (double)discrete_count(discrete, index) / (double)discrete_total(discrete);
}
