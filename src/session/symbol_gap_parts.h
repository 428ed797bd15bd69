/*
 * symbol_gap_parts.h - where in the bins of the gap grid the gaps of a service lie.
 *
 * A bin is 19 % wide; timers and round trips are narrower. Of each bin the quantiles are kept.
 */
#ifndef SESSION_SYMBOL_GAP_PARTS_H
#define SESSION_SYMBOL_GAP_PARTS_H

#include <stdint.h>

#include "session/symbol_flow.h"

enum { GAP_PART_BINS = 160, GAP_PART_QUANTILES = 16 }; /* up to 18 minutes */

struct symbol_gap_parts {
    uint8_t parts[GAP_PART_BINS][GAP_PART_QUANTILES]; /* in 1/256 of the bin, ascending */
};

/* Of bins in which no gap was: evenly. */
void symbol_gap_parts_build(struct symbol_gap_parts *parts, const struct symbol_flows *flows);

/* Nanoseconds at this place of a bin, 0 to 2^32 - 1. */
int64_t symbol_gap_place_ns(uint8_t bin, uint32_t place);

/* Nanoseconds of the gap at this place among those of its bin, 0 to 2^32 - 1. */
int64_t symbol_gap_parts_ns(const struct symbol_gap_parts *parts, uint8_t bin, uint32_t place);

#endif
