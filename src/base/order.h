/*
 * order.h - numbers in ascending order, for qsort(3) and bsearch(3).
 */
#ifndef BASE_ORDER_H
#define BASE_ORDER_H

int order_u64(const void *a, const void *b);
int order_i64(const void *a, const void *b);
int order_size(const void *a, const void *b); /* of size_t */
int order_double(const void *a, const void *b); /* none of them NaN */

#endif
