#include "session/symbol_gap_parts.h"

#include <stdlib.h>

#include "base/memory.h"

enum { PARTS = 256, QUANTILE_BITS = 4, PART_BITS = 8 };

_Static_assert(GAP_PART_QUANTILES == 1 << QUANTILE_BITS, "a place has its quantile in its highest bits");

/* Parts in the middle of equal shares of the counted ones. */
static void set_quantiles(uint8_t *quantiles, const uint32_t counts[PARTS], uint64_t total)
{
    uint64_t below = 0;
    uint32_t part = 0;

    for (uint64_t i = 0; i < GAP_PART_QUANTILES; i++) {
        uint64_t place = total > 0 ? (2 * i + 1) * total / (2 * GAP_PART_QUANTILES) : 0;

        if (total == 0) {
            quantiles[i] = (uint8_t)((2 * i + 1) * PARTS / (2 * GAP_PART_QUANTILES));
            continue;
        }
        while (below + counts[part] <= place)
            below += counts[part++];
        quantiles[i] = (uint8_t)part;
    }
}

void symbol_gap_parts_build(struct symbol_gap_parts *parts, const struct symbol_flows *flows)
{
    uint32_t (*counts)[PARTS] = memory_alloc_array(GAP_PART_BINS, sizeof *counts);
    uint64_t totals[GAP_PART_BINS] = { 0 };

    for (size_t i = 0; i < flows->packet_count; i++) {
        const struct symbol_packet *p = &flows->packets[i];

        if (p->gap_bin == 0 || p->gap_bin >= GAP_PART_BINS)
            continue;
        counts[p->gap_bin][p->gap_part]++;
        totals[p->gap_bin]++;
    }
    for (uint32_t bin = 0; bin < GAP_PART_BINS; bin++)
        set_quantiles(parts->parts[bin], counts[bin], totals[bin]);
    free(counts);
}

int64_t symbol_gap_place_ns(uint8_t bin, uint32_t place)
{
    /* a bin is taken as straight: from 2^-(1/8) to 2^(1/8) of its middle, in units of 2^-32 */
    const uint64_t lowest = UINT64_C(3938502376);
    const uint64_t width = UINT64_C(745192672);
    uint64_t factor = lowest + (place * width >> 32);

    return (int64_t)((unsigned __int128)symbol_gap_ns(bin) * factor >> 32);
}

int64_t symbol_gap_parts_ns(const struct symbol_gap_parts *parts, uint8_t bin, uint32_t place)
{
    uint64_t part = bin < GAP_PART_BINS ? parts->parts[bin][place >> (32 - QUANTILE_BITS)] : place >> (32 - PART_BITS);
    uint64_t within = part << (32 - PART_BITS) | (place << QUANTILE_BITS & UINT32_MAX) >> PART_BITS;

    return symbol_gap_place_ns(bin, (uint32_t)within);
}
