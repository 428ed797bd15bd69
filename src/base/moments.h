/*
 * moments.h - least, most, mean and deviation of whole numbers that come one by one, exactly.
 *
 * Sums are integers, so that order does not matter and nothing is rounded before the end. The sum of all numbers
 * must stay below 2^63: 292 years in nanoseconds. Begins zeroed.
 */
#ifndef BASE_MOMENTS_H
#define BASE_MOMENTS_H

#include <stdint.h>

struct moments {
    uint64_t count;
    uint64_t least, most; /* 0 when there are none */
    uint64_t sum;
    unsigned __int128 squares; /* their sum: below 2^126 as the square of `sum` is */
};

static inline void moments_add(struct moments *moments, uint64_t number)
{
    if (moments->count++ == 0 || number < moments->least)
        moments->least = number;
    if (number > moments->most)
        moments->most = number;
    moments->sum += number;
    moments->squares += (unsigned __int128)number * number;
}

/* 0 of no numbers. */
double moments_mean(const struct moments *moments);

/* Of the numbers themselves, not an estimate from a sample: divided by their count. 0 of fewer than two. */
double moments_deviation(const struct moments *moments);

#endif
