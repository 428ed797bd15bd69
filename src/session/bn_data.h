/*
 * bn_data.h - observations of a few discrete variables: what a Bayesian network is learned from.
 *
 * Equal observations are kept once, with their count: all that a network needs is how often what came
 * together. Variables are columns, numbered from 0; their values are 0..arity-1. Pure: knows no packets.
 */
#ifndef SESSION_BN_DATA_H
#define SESSION_BN_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "base/tally.h"

enum { BN_MAX_COLUMNS = 16 /* sets of columns are bits of uint32_t, and index tables */ };

struct bn_data {
    uint32_t columns;
    uint32_t arity[BN_MAX_COLUMNS];
    uint16_t *value[BN_MAX_COLUMNS]; /* [column][row]; rows: seen.used */
    size_t capacity;
    struct tally seen; /* the row, packed; its count is the row's weight */
};

/* Arities are 1..65536; their product is below 2^64, so that a row is one number. */
void bn_data_init(struct bn_data *data, const uint32_t *arity, uint32_t columns);
void bn_data_release(struct bn_data *data);

/* One observation: a value for each column. */
void bn_data_add(struct bn_data *data, const uint16_t *values, uint64_t weight);

static inline size_t bn_data_rows(const struct bn_data *data)
{
    return data->seen.used;
}

/*
 * The rows, divided by what they have in some columns. Blocks are numbered in order of first appearance,
 * so nothing depends on how they are found.
 */
struct bn_partition {
    uint32_t *block; /* [row] */
    uint32_t blocks; /* 0: there are no rows */
    uint32_t *cells; /* scratch: block and value to block */
    size_t cell_capacity;
};

/* All rows in one block. */
void bn_partition_init(struct bn_partition *partition, const struct bn_data *data);
void bn_partition_release(struct bn_partition *partition);

/* Again all rows in one block. */
void bn_partition_reset(struct bn_partition *partition, const struct bn_data *data);

/* Divides each block by the values of one more column. */
void bn_partition_refine(struct bn_partition *partition, const struct bn_data *data, uint32_t column);

/* Adds each row's weight to its block: sums[0..blocks-1], which the caller cleared. */
void bn_partition_weigh(const struct bn_partition *partition, const struct bn_data *data, uint64_t *sums);

#endif
