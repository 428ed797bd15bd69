/*
 * Values below 32 have a bin each. From there on, an octave [2^k, 2^(k+1)) is cut into 32 equal
 * steps, so that a bin is at most 1/32 of its values wide.
 */
#include "base/log_histogram.h"

enum {
    STEP_BITS = 5,
    BIN_COUNT = LOG_HISTOGRAM_STEPS * LOG_HISTOGRAM_OCTAVES,
    LAST_BIN = BIN_COUNT - 1 /* also holds everything above */
};

_Static_assert(1 << STEP_BITS == LOG_HISTOGRAM_STEPS, "steps are a power of two");

static uint32_t bin_of(uint64_t ns)
{
    uint32_t shift;
    uint32_t bin;

    if (ns < LOG_HISTOGRAM_STEPS)
        return (uint32_t)ns;
    shift = 63 - (uint32_t)__builtin_clzll(ns) - STEP_BITS;
    /* ns >> shift lies in 32..63: its lower half is the step, its upper bit one more octave. */
    bin = shift * LOG_HISTOGRAM_STEPS + (uint32_t)(ns >> shift);
    return bin < LAST_BIN ? bin : LAST_BIN;
}

static int64_t upper_edge(uint32_t bin)
{
    uint32_t octave = bin >> STEP_BITS;
    int64_t step = bin & (LOG_HISTOGRAM_STEPS - 1);

    if (octave == 0)
        return step;
    return ((LOG_HISTOGRAM_STEPS + step + 1) << (octave - 1)) - 1;
}

void log_histogram_add(struct log_histogram *histogram, int64_t ns)
{
    if (ns < 0)
        ns = 0;
    histogram->bins[bin_of((uint64_t)ns)]++;
    histogram->count++;
    if (ns > histogram->max_ns)
        histogram->max_ns = ns;
}

void log_histogram_add_all(struct log_histogram *histogram, const struct log_histogram *more)
{
    for (uint32_t bin = 0; bin < BIN_COUNT; bin++)
        histogram->bins[bin] += more->bins[bin];
    histogram->count += more->count;
    if (more->max_ns > histogram->max_ns)
        histogram->max_ns = more->max_ns;
}

/* How many of the smallest values reach the quantile: 1 to `count`. */
static uint64_t rank_of(uint64_t count, double q)
{
    double exact = q * (double)count;
    uint64_t rank = (uint64_t)exact;

    if ((double)rank < exact)
        rank++;
    if (rank == 0)
        return 1;
    return rank < count ? rank : count;
}

int64_t log_histogram_quantile(const struct log_histogram *histogram, double q)
{
    uint64_t wanted;
    uint64_t below = 0;
    uint32_t bin = 0;
    int64_t edge;

    if (histogram->count == 0)
        return 0;
    wanted = rank_of(histogram->count, q);
    while (bin < LAST_BIN && (below += histogram->bins[bin]) < wanted)
        bin++;
    edge = upper_edge(bin);
    return bin < LAST_BIN && edge < histogram->max_ns ? edge : histogram->max_ns;
}
