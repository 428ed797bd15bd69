/*
 * log_grid.h - fixed grids on a logarithmic axis.
 *
 * Histograms of volumes and gaps are kept on grids that never move, so that two
 * histograms can be added. Bin b stands for the value 2^(b / per_octave); a value goes to
 * the nearest bin, values below 1 to bin 0.
 */
#ifndef BASE_LOG_GRID_H
#define BASE_LOG_GRID_H

#include <math.h>
#include <stdint.h>

#define VOLUME_GRID_PER_OCTAVE 16 /* packets of a flow: 1..29 each have a bin of their own */
#define GAP_GRID_PER_OCTAVE 4    /* nanoseconds between flow starts */
#define BEAT_GRID_PER_OCTAVE 256 /* nanoseconds between flows of one state: 0.14 percent either way */

static inline uint32_t log_grid_bin(double value, int per_octave)
{
    return value <= 1.0 ? 0 : (uint32_t)lround(log2(value) * per_octave);
}

/* log_grid_bin(value, GAP_GRID_PER_OCTAVE) without a logarithm, for what is done for each packet. */
static inline uint32_t log_grid_gap_bin(uint64_t value)
{
    /* where two bins of an octave meet: 2^(i / 4 + 1 / 8), in units of 2^-63; no whole number is there */
    static const uint64_t borders[GAP_GRID_PER_OCTAVE] = {
        UINT64_C(0x8b95c1e3ea8bd6e6), UINT64_C(0xa5fed6a9b15138ea),
        UINT64_C(0xc5672a115506dadd), UINT64_C(0xeac0c6e7dd24392e),
    };
    int zeros;
    uint32_t bin;

    if (value <= 1)
        return 0;
    zeros = __builtin_clzll(value);
    bin = (uint32_t)(63 - zeros) * GAP_GRID_PER_OCTAVE;
    for (int i = 0; i < GAP_GRID_PER_OCTAVE; i++)
        bin += value << zeros > borders[i];
    return bin;
}

static inline double log_grid_value(double bin, int per_octave)
{
    return exp2(bin / per_octave);
}

/* The value that stands for a bin of whole numbers: the middle of those that fall into it. */
static inline double log_grid_whole_value(uint32_t bin, int per_octave)
{
    double first = ceil(log_grid_value((double)bin - 0.5, per_octave));
    double last = ceil(log_grid_value((double)bin + 0.5, per_octave)) - 1;

    return first <= last ? sqrt(first * last) : log_grid_value((double)bin, per_octave);
}

/* Width of a bin in natural logarithms. */
static inline double log_grid_width(int per_octave)
{
    return M_LN2 / per_octave;
}

#endif
