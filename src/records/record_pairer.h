/*
 * record_pairer.h - log records in, flows out, in order of their start.
 *
 * Puts together what a log took apart: the two directions of a flow, each with a line of its own, and the
 * parts of a long flow that its exporter reported one by one. Of the flows of its 5-tuple, in either direction,
 * two may be what a record belongs to: the last that begins no later than it and the first behind. It
 * belongs to the nearer in time when the silence between the two is at most RECORD_IDLE_NS; but a SYN behind the
 * end of a closed connection begins another. Where a log reports a flow that goes on again and again
 * from its beginning (is_cumulative), a record that overlaps it in time replaces what was counted before.
 *
 * Logs are sorted by the end of flows, or not at all, so flows are held back as long as there is room: at most
 * `max_flows`. When it is full the flow with the earliest start leaves (ties: the order of the records); what
 * then turns out to begin even earlier comes late, and is counted. Files of any order of time may follow one
 * another.
 *
 * Memory: 175 bytes a flow that is held, 200 at most; max_flows bounds it.
 */
#ifndef RECORDS_RECORD_PAIRER_H
#define RECORDS_RECORD_PAIRER_H

#include <stddef.h>
#include <stdint.h>

#include "dayshift/flow_record.h"
#include "records/log_record.h"

#define RECORD_IDLE_NS (120 * NS_PER_SECOND) /* Falk; as for flows of packets */
#define RECORD_PAIRER_FLOW_BYTES 200

struct record_pairer; /* opaque */

/* Receives each flow once; the record is borrowed for the call. */
typedef void record_sink(void *self, const struct flow_record *record);

struct pairer_counts {
    uint64_t records;
    uint64_t joined;      /* of these, belonged to a flow that was there */
    uint64_t flows;       /* given to the sink; records = joined + flows, once flushed */
    uint64_t late;        /* flows that began before one that was given out earlier */
    uint64_t ended_early; /* flows given out for want of room that might have gone on */
};

struct record_pairer *record_pairer_new(size_t max_flows, record_sink *sink, void *sink_self);
/* Nothing is put together: each record is a flow. Called before the first. */
void record_pairer_keep_apart(struct record_pairer *pairer);

void record_pairer_free(struct record_pairer *pairer); /* does not flush; NULL is fine */

void record_pairer_add(struct record_pairer *pairer, const struct log_record *record);

/* Gives everything to the sink: the end of the input. What is added next is a new beginning. */
void record_pairer_flush(struct record_pairer *pairer);

const struct pairer_counts *record_pairer_counts(const struct record_pairer *pairer);

#endif
