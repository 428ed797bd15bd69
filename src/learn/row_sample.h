/*
 * row_sample.h - a bounded uniform sample of the flows of a service.
 *
 * Every flow has a key, a hash of what it is; the sample is the SERVICE_MAX_ROWS flows with the
 * smallest keys. So the sample of a union of captures is the sample of their samples.
 *
 * Of the flows' packets one by one (their sequences) a sample keeps SERVICE_MAX_PACKETS, those of the
 * smallest keys first: with P(r) the packets of all rows before row r in order of key, r keeps
 *
 *     kept(r) = the first max(0, min(length(r), SERVICE_MAX_PACKETS - P(r)))
 *
 * of its own; flow_sequence_head() of what it keeps tells where its hole is. Cutting twice is cutting once: what rows before r keep adds up to min(MAX, P(r)), so
 * a sum of such sums over parts is P(r) of the union, or at least MAX; and a part cuts no row shorter
 * than the union does, for its P(r) is no larger. Hence the sample of a union is the sample of the
 * samples here too.
 *
 * Memory: at most SERVICE_SAMPLE_BYTES, 520 KiB.
 * While rows are added they are a heap, the largest key first; finishing puts them in order.
 */
#ifndef LEARN_ROW_SAMPLE_H
#define LEARN_ROW_SAMPLE_H

#include <stdbool.h>

#include "dayshift/network_stats.h"

enum {
    SERVICE_MAX_PACKETS = 65536,
    SERVICE_SLACK_PACKETS = SERVICE_MAX_PACKETS / 4, /* held beyond, between two cuts */
    SAMPLED_ROW_BYTES = 2 * sizeof(struct keyed_row) + 24, /* at most: the array has just doubled;
                                                              and of the allocator for the sequence */
    SERVICE_SAMPLE_BYTES = SERVICE_MAX_ROWS * (sizeof(struct keyed_row) + 24) +
        (SERVICE_MAX_PACKETS + SERVICE_SLACK_PACKETS) * sizeof(struct flow_packet)
};

/* False when the flow would not stay in the sample: no need to make its row. */
bool row_sample_wants(const struct row_sample *sample, uint64_t key);

/* Takes the row's sequence, which may be NULL. */
void row_sample_add(struct row_sample *sample, uint64_t key, const struct session_row *row);

/* Makes a heap of rows in any order: a finished sample takes rows again. */
void row_sample_reopen(struct row_sample *sample);

/* Leaves only what belongs to the sample, in order of packets (then of key). */
void row_sample_finish(struct row_sample *sample);

/* Adds a finished sample to a finished sample; the result is finished. */
void row_sample_merge(struct row_sample *into, const struct row_sample *from);

void row_sample_release(struct row_sample *sample);

/* The caller owns its sequence, a copy of the record's; or it has none. */
struct session_row session_row_of(const struct flow_record *record, bool with_sequence);

#endif
