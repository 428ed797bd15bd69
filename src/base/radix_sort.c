#include "base/radix_sort.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    BITS = 64,
    DIGIT_BITS = 11,      /* counters of a pass fit the first cache */
    FEW_DIGIT_BITS = 8,
    FEW = 5000,           /* numbers for which the smaller digits are faster, with more passes */
    MOST_DIGITS = (BITS + FEW_DIGIT_BITS - 1) / FEW_DIGIT_BITS
};

/* A digit's place and its values: how many numbers have each, then where these begin. */
struct digit {
    unsigned shift;
    uint32_t at[1 << DIGIT_BITS];
};

static void count_digits(struct digit *digits, unsigned used, unsigned mask, const uint64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (unsigned d = 0; d < used; d++)
            digits[d].at[numbers[i] >> digits[d].shift & mask]++;
    }
}

static void begin_at(struct digit *digit, unsigned mask)
{
    uint32_t sum = 0;

    for (unsigned value = 0; value <= mask; value++) {
        uint32_t here = digit->at[value];

        digit->at[value] = sum;
        sum += here;
    }
}

void radix_sort(uint64_t *numbers, size_t count, unsigned first_bit)
{
    unsigned bits = count < FEW ? FEW_DIGIT_BITS : DIGIT_BITS;
    unsigned mask = (1U << bits) - 1;
    struct digit *digits;
    uint64_t *from = numbers;
    uint64_t *to;
    unsigned used = 0;

    if (count < 2)
        return;
    digits = memory_alloc_array(MOST_DIGITS, sizeof *digits);
    to = memory_alloc_array(count, sizeof *to);
    for (unsigned shift = first_bit; shift < BITS; shift += bits)
        digits[used++].shift = shift;
    count_digits(digits, used, mask, numbers, count);
    for (unsigned d = 0; d < used; d++) {
        uint64_t *sorted = to;

        begin_at(&digits[d], mask);
        for (size_t i = 0; i < count; i++)
            to[digits[d].at[from[i] >> digits[d].shift & mask]++] = from[i];
        to = from;
        from = sorted;
    }
    if (from != numbers)
        memcpy(numbers, from, count * sizeof *numbers);
    free(from != numbers ? from : to);
    free(digits);
}
