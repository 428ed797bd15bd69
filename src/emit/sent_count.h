/*
 * sent_count.h - what is sent of each flow, counted where it is sent: for the log of the ground truth.
 *
 * The tallies are the log's (struct sent_tally), found by the marks of frames. No allocation, lock or log: a few words
 * of one line of the cache for a frame.
 */
#ifndef EMIT_SENT_COUNT_H
#define EMIT_SENT_COUNT_H

#include <stddef.h>

#include "dayshift/frame.h"
#include "dayshift/sent_flow.h"

/* Soon there will be something to count of these. Spares waiting for memory. */
void sent_count_fetch(const struct sent_tally *tallies, const struct frame *frames, size_t count);

/* The frame was sent, at that time of the machine's clock. sent_count_handled() is to follow. */
void sent_count_frame(struct sent_tally *tallies, const struct frame *frame, int64_t machine_ns);

/* Nothing will be done with these frames any more. */
void sent_count_handled(struct sent_tally *tallies, const struct frame *frames, size_t count);

#endif
