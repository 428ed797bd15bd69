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

static inline uint32_t log_grid_bin(double value, int per_octave)
{
    return value <= 1.0 ? 0 : (uint32_t)lround(log2(value) * per_octave);
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
