/*
 * flow_output.h - the log of what was sent, as a file that is there whole or not at all: for who sends into a file, with
 * one thread.
 */
#ifndef RECORDS_FLOW_OUTPUT_H
#define RECORDS_FLOW_OUTPUT_H

#include <stdint.h>

#include "base/error.h"
#include "dayshift/sent_flow.h"
#include "records/flow_log.h"

struct flow_output; /* opaque */

struct flow_output *flow_output_new(struct error *err); /* NULL with *err */

/* Before the first flow. `origin_ns` as for flow_log_write(). "-" is standard output. 0 or -1. */
int flow_output_open(struct flow_output *output, const char *path, enum flow_log_format format, int64_t origin_ns,
                     struct error *err);

/* What it is told: by who makes frames, and by who sends them. NULL gives NULL. The same for as long as it is there. */
const struct sent_flow_keeper *flow_output_keeper(struct flow_output *output);
struct sent_tally *flow_output_tallies(struct flow_output *output);
struct flow_ledger *flow_output_ledger(struct flow_output *output);

/* All was sent: puts the file in place. Nothing for NULL. 0, or -1 with *err. */
int flow_output_commit(struct flow_output *output, struct error *err);

/* Without a commit nothing is left. NULL is fine. */
void flow_output_free(struct flow_output *output);

#endif
