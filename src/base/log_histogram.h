/*
 * log_histogram.h - counts of nanoseconds on a log-linear grid (as HdrHistogram does it):
 * 32 linear steps an octave, so that a quantile is exact to about 3 %. Fixed size, no
 * allocation; one writer, read after it stopped or for a rough look.
 */
#ifndef BASE_LOG_HISTOGRAM_H
#define BASE_LOG_HISTOGRAM_H

#include <stdint.h>

enum { LOG_HISTOGRAM_STEPS = 32, LOG_HISTOGRAM_OCTAVES = 40 }; /* to 2^44 ns, five hours */

struct log_histogram {
    uint64_t bins[LOG_HISTOGRAM_STEPS * LOG_HISTOGRAM_OCTAVES];
    uint64_t count;
    int64_t max_ns;
};

void log_histogram_add(struct log_histogram *histogram, int64_t ns); /* below 0 counts as 0 */

/* What both have seen; their sum is in `histogram`. */
void log_histogram_add_all(struct log_histogram *histogram, const struct log_histogram *more);

/* The upper edge of the bin that holds the q-quantile, 0 <= q <= 1, never above max; 0 when empty. */
int64_t log_histogram_quantile(const struct log_histogram *histogram, double q);

#endif
