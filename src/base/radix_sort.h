/*
 * radix_sort.h - sorts numbers by some of their bits, in time that grows with their count alone.
 *
 * By digits, the lowest first (Knuth, The Art of Computer Programming, volume 3, section 5.2.5). Pure.
 */
#ifndef BASE_RADIX_SORT_H
#define BASE_RADIX_SORT_H

#include <stddef.h>
#include <stdint.h>

/* Ascending by bits first_bit to 63. Stable: what is equal in these stays in its order. Needs as much memory again. */
void radix_sort(uint64_t *numbers, size_t count, unsigned first_bit);

#endif
