#include "learn/row_sample.h"

#include <stdlib.h>

#include "base/memory.h"

enum { SLACK = 2 * SERVICE_MAX_ROWS }; /* rows held between two prunings */

static int compare_keys(const void *a, const void *b)
{
    const struct keyed_row *x = a;
    const struct keyed_row *y = b;

    return x->key == y->key ? 0 : x->key < y->key ? -1 : 1;
}

static int compare_packets(const void *a, const void *b)
{
    const struct keyed_row *x = a;
    const struct keyed_row *y = b;
    uint64_t px = session_row_packets(&x->row);
    uint64_t py = session_row_packets(&y->row);

    return px == py ? compare_keys(a, b) : px < py ? -1 : 1;
}

static void prune(struct row_sample *sample)
{
    if (sample->used > SERVICE_MAX_ROWS) {
        qsort(sample->rows, sample->used, sizeof *sample->rows, compare_keys);
        sample->used = SERVICE_MAX_ROWS;
    }
}

void row_sample_add(struct row_sample *sample, uint64_t key, const struct session_row *row)
{
    if (sample->used == SLACK)
        prune(sample);
    sample->rows = memory_grow(sample->rows, &sample->capacity, sample->used + 1,
                               sizeof *sample->rows);
    sample->rows[sample->used++] = (struct keyed_row){ .key = key, .row = *row };
}

void row_sample_finish(struct row_sample *sample)
{
    prune(sample);
    if (sample->used > 0)
        qsort(sample->rows, sample->used, sizeof *sample->rows, compare_packets);
}

struct session_row session_row_of(const struct flow_record *record)
{
    struct session_row row = {
        .duration_ns = record->duration_ns,
        .rtt_ns = record->rtt_ns,
        .turns = record->turns,
        .opening = record->opening,
        .ending = record->ending,
        .first_data_side = record->first_data_side,
        .closing_side = record->closing_side,
    };

    for (int side = 0; side < 2; side++) {
        row.packets[side] = record->packets[side];
        row.data_packets[side] = record->data_packets[side];
        row.payload_bytes[side] = record->payload_bytes[side];
        row.mss[side] = record->mss[side];
        row.ttl[side] = record->ttl[side];
    }
    return row;
}
