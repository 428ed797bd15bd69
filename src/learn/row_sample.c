#include "learn/row_sample.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dayshift/service_model.h"

/* ---- orders ---- */

static int compare_keys(const struct keyed_row *x, const struct keyed_row *y)
{
    return x->key == y->key ? session_row_compare(&x->row, &y->row) : x->key < y->key ? -1 : 1;
}

static int compare_largest_first(const void *a, const void *b)
{
    return compare_keys(b, a);
}

static int compare_packets(const void *a, const void *b)
{
    const struct keyed_row *x = a;
    const struct keyed_row *y = b;
    uint64_t px = session_row_packets(&x->row);
    uint64_t py = session_row_packets(&y->row);

    return px == py ? compare_keys(x, y) : px < py ? -1 : 1;
}

/* ---- the heap ---- */

static void swap_rows(struct keyed_row *a, struct keyed_row *b)
{
    struct keyed_row kept = *a;

    *a = *b;
    *b = kept;
}

static void sift_up(struct keyed_row *rows, size_t at)
{
    while (at > 0 && compare_keys(&rows[at], &rows[(at - 1) / 2]) > 0) {
        swap_rows(&rows[at], &rows[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void sift_down(struct keyed_row *rows, size_t used)
{
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;

        if (child + 1 < used && compare_keys(&rows[child + 1], &rows[child]) > 0)
            child++;
        if (child >= used || compare_keys(&rows[child], &rows[at]) <= 0)
            return;
        swap_rows(&rows[child], &rows[at]);
        at = child;
    }
}

/* ---- sequences ---- */

/* Gives the row a copy of the first `length` packets of a sequence. */
static void copy_sequence(struct session_row *row, const struct flow_packet *sequence, uint32_t length)
{
    row->sequence = length > 0 ? memory_alloc_array(length, sizeof *sequence) : NULL;
    row->sequence_length = length;
    row->sequence_head = flow_sequence_head(session_row_packets(row), length);
    if (length > 0)
        memcpy(row->sequence, sequence, length * sizeof *sequence);
}

static void shorten_sequence(struct row_sample *sample, struct session_row *row, uint32_t length)
{
    struct flow_packet *whole = row->sequence;

    sample->packets -= row->sequence_length - length;
    copy_sequence(row, whole, length);
    free(whole);
}

/* Falling keys are a heap as well. */
static void cut_sequences(struct row_sample *sample)
{
    uint32_t left = SERVICE_MAX_PACKETS;

    qsort(sample->rows, sample->used, sizeof *sample->rows, compare_largest_first);
    for (size_t i = sample->used; i-- > 0;) {
        struct session_row *row = &sample->rows[i].row;

        if (row->sequence_length > left)
            shorten_sequence(sample, row, left);
        left -= row->sequence_length;
    }
}

/* ---- the sample ---- */

bool row_sample_wants(const struct row_sample *sample, uint64_t key)
{
    return sample->used < SERVICE_MAX_ROWS || key <= sample->rows[0].key;
}

static void drop_largest(struct row_sample *sample)
{
    sample->packets -= sample->rows[0].row.sequence_length;
    free(sample->rows[0].row.sequence);
    sample->rows[0] = sample->rows[--sample->used];
    sift_down(sample->rows, sample->used);
}

void row_sample_add(struct row_sample *sample, uint64_t key, const struct session_row *row)
{
    const struct keyed_row added = { key, *row };

    if (sample->used == SERVICE_MAX_ROWS && compare_keys(&added, &sample->rows[0]) >= 0) {
        free(row->sequence);
        return;
    }
    if (sample->used == SERVICE_MAX_ROWS)
        drop_largest(sample);
    sample->packets += row->sequence_length;
    sample->rows = memory_grow(sample->rows, &sample->capacity, sample->used + 1,
                               sizeof *sample->rows);
    sample->rows[sample->used++] = added;
    sift_up(sample->rows, sample->used - 1);
    if (sample->packets > SERVICE_MAX_PACKETS + SERVICE_SLACK_PACKETS)
        cut_sequences(sample);
}

void row_sample_finish(struct row_sample *sample)
{
    if (sample->used == 0)
        return;
    if (sample->packets > SERVICE_MAX_PACKETS)
        cut_sequences(sample);
    qsort(sample->rows, sample->used, sizeof *sample->rows, compare_packets);
}

void row_sample_reopen(struct row_sample *sample)
{
    sample->packets = 0;
    for (size_t i = 0; i < sample->used; i++)
        sample->packets += sample->rows[i].row.sequence_length;
    if (sample->used > 0)
        qsort(sample->rows, sample->used, sizeof *sample->rows, compare_largest_first);
}

void row_sample_merge(struct row_sample *into, const struct row_sample *from)
{
    row_sample_reopen(into);
    for (size_t i = 0; i < from->used; i++) {
        const struct keyed_row *row = &from->rows[i];
        struct session_row copy = row->row;

        if (!row_sample_wants(into, row->key))
            continue;
        copy_sequence(&copy, row->row.sequence, row->row.sequence_length);
        row_sample_add(into, row->key, &copy);
    }
    row_sample_finish(into);
}

void row_sample_release(struct row_sample *sample)
{
    for (size_t i = 0; i < sample->used; i++)
        free(sample->rows[i].row.sequence);
    free(sample->rows);
    memset(sample, 0, sizeof *sample);
}

struct session_row session_row_of(const struct flow_record *record, bool with_sequence)
{
    uint64_t packets = flow_record_packets(record);
    struct session_row row = {
        .duration_ns = record->duration_ns,
        .rtt_ns = record->rtt_ns,
        .turns = record->turns,
        .is_measured = record->is_measured,
        .opening = record->opening,
        .ending = record->ending,
        .first_data_side = record->first_data_side,
        .closing_side = record->closing_side,
    };

    for (int side = 0; side < 2; side++) {
        row.packets[side] = record->packets[side];
        row.data_packets[side] = record->data_packets[side];
        row.payload_bytes[side] = record->data_packets[side] ? record->payload_bytes[side] : 0;
        row.mss[side] = record->mss[side];
        row.ttl[side] = record->ttl[side];
        row.window[side] = record->window[side];
        row.tcp_options[side] = record->tcp_options[side];
        row.window_scale[side] = record->window_scale[side];
        row.open_window[side] = record->open_window[side];
        row.timestamp_hz[side] = record->timestamp_hz[side];
        row.ip_id[side] = record->ip_id[side];
        row.retransmitted[side] = record->retransmitted[side];
        row.reordered[side] = record->reordered[side];
        row.duplicated[side] = record->duplicated[side];
        row.fragments[side] = record->fragments[side];
    }
    if (with_sequence && record->sequence)
        copy_sequence(&row, record->sequence,
                      record->sequence_length < packets ? record->sequence_length : (uint32_t)packets);
    return row;
}
