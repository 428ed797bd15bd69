/*
 * row_sample.h - a bounded uniform sample of the flows of a service.
 *
 * Every flow has a key, a hash of what it is; the sample is the SERVICE_MAX_ROWS flows with the
 * smallest keys. So the sample of a union of captures is the sample of their samples.
 */
#ifndef LEARN_ROW_SAMPLE_H
#define LEARN_ROW_SAMPLE_H

#include "dayshift/network_stats.h"

void row_sample_add(struct row_sample *sample, uint64_t key, const struct session_row *row);

/* Leaves only what belongs to the sample, in order of packets (then of key). */
void row_sample_finish(struct row_sample *sample);

struct session_row session_row_of(const struct flow_record *record);

#endif
