#include "session/bn_data.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { MAX_CELLS = 1 << 22 /* of a table of all combinations: 16 MiB; beyond that a hash table */ };

/* ---- rows ---- */

void bn_data_init(struct bn_data *data, const uint32_t *arity, uint32_t columns)
{
    unsigned __int128 product = 1;

    assert(columns <= BN_MAX_COLUMNS);
    memset(data, 0, sizeof *data);
    data->columns = columns;
    for (uint32_t c = 0; c < columns; c++) {
        assert(arity[c] >= 1 && arity[c] <= UINT16_MAX + 1);
        data->arity[c] = arity[c];
        product *= arity[c];
        assert(product <= UINT64_MAX);
    }
    tally_init(&data->seen);
}

void bn_data_release(struct bn_data *data)
{
    for (uint32_t c = 0; c < data->columns; c++)
        free(data->value[c]);
    tally_release(&data->seen);
    memset(data, 0, sizeof *data);
}

static uint64_t pack(const struct bn_data *data, const uint16_t *values)
{
    uint64_t packed = 0;

    for (uint32_t c = 0; c < data->columns; c++) {
        assert(values[c] < data->arity[c]);
        packed = packed * data->arity[c] + values[c];
    }
    return packed;
}

static void append(struct bn_data *data, const uint16_t *values, uint32_t row)
{
    size_t capacity = data->capacity;

    for (uint32_t c = 0; c < data->columns; c++) {
        capacity = data->capacity;
        data->value[c] = memory_grow(data->value[c], &capacity, row + (size_t)1, sizeof *data->value[c]);
        data->value[c][row] = values[c];
    }
    data->capacity = capacity;
}

void bn_data_add(struct bn_data *data, const uint16_t *values, uint64_t weight)
{
    uint64_t packed = pack(data, values);
    size_t rows = bn_data_rows(data);
    uint32_t row = tally_add(&data->seen, (uint32_t)(packed >> 32), (uint32_t)packed, weight);

    if (bn_data_rows(data) > rows)
        append(data, values, row);
}

/* ---- partitions ---- */

void bn_partition_init(struct bn_partition *partition, const struct bn_data *data)
{
    memset(partition, 0, sizeof *partition);
    partition->block = memory_alloc_array(bn_data_rows(data), sizeof *partition->block);
    bn_partition_reset(partition, data);
}

void bn_partition_release(struct bn_partition *partition)
{
    free(partition->block);
    free(partition->cells);
    memset(partition, 0, sizeof *partition);
}

void bn_partition_reset(struct bn_partition *partition, const struct bn_data *data)
{
    memset(partition->block, 0, bn_data_rows(data) * sizeof *partition->block);
    partition->blocks = bn_data_rows(data) > 0;
}

/* By a table of all combinations: 0 is none yet, else the new block's number and one. */
static void refine_by_table(struct bn_partition *partition, const uint16_t *values, uint32_t arity,
                            size_t rows)
{
    size_t cells = (size_t)partition->blocks * arity;
    uint32_t blocks = 0;

    partition->cells = memory_grow(partition->cells, &partition->cell_capacity, cells,
                                   sizeof *partition->cells);
    memset(partition->cells, 0, cells * sizeof *partition->cells);
    for (size_t row = 0; row < rows; row++) {
        uint32_t *cell = &partition->cells[(size_t)partition->block[row] * arity + values[row]];

        if (*cell == 0)
            *cell = ++blocks;
        partition->block[row] = *cell - 1;
    }
    partition->blocks = blocks;
}

static void refine_by_hash(struct bn_partition *partition, const uint16_t *values, size_t rows)
{
    struct tally tally;

    tally_init(&tally);
    for (size_t row = 0; row < rows; row++)
        partition->block[row] = tally_add(&tally, partition->block[row], values[row], 1);
    partition->blocks = (uint32_t)tally.used;
    tally_release(&tally);
}

void bn_partition_refine(struct bn_partition *partition, const struct bn_data *data, uint32_t column)
{
    uint32_t arity = data->arity[column];

    if (arity == 1 || partition->blocks == 0)
        return;
    if ((uint64_t)partition->blocks * arity <= MAX_CELLS)
        refine_by_table(partition, data->value[column], arity, bn_data_rows(data));
    else
        refine_by_hash(partition, data->value[column], bn_data_rows(data));
}

void bn_partition_weigh(const struct bn_partition *partition, const struct bn_data *data, uint64_t *sums)
{
    for (size_t row = 0; row < bn_data_rows(data); row++)
        sums[partition->block[row]] += data->seen.entries[row].count;
}
