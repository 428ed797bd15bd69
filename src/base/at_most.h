/*
 * at_most.h - the smaller of two numbers, named by what it is for.
 */
#ifndef BASE_AT_MOST_H
#define BASE_AT_MOST_H

#include <stdint.h>

static inline uint64_t at_most(uint64_t value, uint64_t limit)
{
    return value < limit ? value : limit;
}

#endif
