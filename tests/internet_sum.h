/*
 * internet_sum.h - the sum of RFC 1071 a word at a time, as it says it: independent of the code under test. Of a whole packet
 * with a right checksum it is 0xffff.
 */
#ifndef TESTS_INTERNET_SUM_H
#define TESTS_INTERNET_SUM_H

#include <stddef.h>
#include <stdint.h>

/* `sum` is that of the even number of bytes before. */
static inline uint32_t internet_sum(uint32_t sum, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        sum += (uint32_t)bytes[i] << (i % 2 ? 0 : 8);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

#endif
