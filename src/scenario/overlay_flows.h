/*
 * overlay_flows.h - the flows of an overlay that is under way, for the ground truth: which flow a frame is of.
 *
 * By the rules of flow/flow_table.h, as a meter would count them. What the decoder cannot read is of no flow. At most OVERLAY_MAX_FLOWS are open.
 */
#ifndef SCENARIO_OVERLAY_FLOWS_H
#define SCENARIO_OVERLAY_FLOWS_H

#include <stdbool.h>
#include <stdint.h>

#include "dayshift/sent_flow.h"
#include "scenario/overlay_reader.h"

enum { OVERLAY_MAX_FLOWS = 1 << 16 };

struct overlay_flows; /* opaque */

/* All borrowed; the label may be NULL. */
struct overlay_flows *overlay_flows_new(const struct sent_flow_keeper *keeper, const char *name, const char *label);

/* They are left as they are: who keeps the log sees that they were cut. NULL: nothing. */
void overlay_flows_free(struct overlay_flows *flows);

/* What `flow` of the frame is: of the next one, due then. */
uint32_t overlay_flows_mark(struct overlay_flows *flows, const struct overlay_frame *frame, struct run_time due);

/* The frame that got the last mark will not be sent. */
void overlay_flows_take_back(struct overlay_flows *flows);

/*
 * The capture is over, and all its flows with it. `is_cut`: it would have gone on; TCP connections that were not closed
 * are left as overlay_flows_free() leaves them.
 */
void overlay_flows_end(struct overlay_flows *flows, bool is_cut);

#endif
