/*
 * symbol_timing.h - kinds of timing among the flows of a service: flows that are fast or slow, near or far.
 *
 * Sampled flows are split in two again and again, each time where the sum of squared deviations falls most, in one of
 * a few logarithmic measures of their gaps; in integers, so that every compiler finds the same clusters.
 */
#ifndef SESSION_SYMBOL_TIMING_H
#define SESSION_SYMBOL_TIMING_H

#include <stddef.h>
#include <stdint.h>

#include "session/symbol_flow.h"

enum {
    TIMING_MAX_CLUSTERS = 24,
    TIMING_LEAST_FLOWS = 8 /* of a cluster */
};

/*
 * The cluster of each row of the service, into clusters[row_count]. A row whose packets were not learned takes that
 * of the learned one most like it in packets and duration.
 */
void symbol_timing_clusters(const struct symbol_flows *flows, const struct service_model *service,
                            uint8_t *clusters);

#endif
