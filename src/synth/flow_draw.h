/*
 * flow_draw.h - FEATURES-TO-DATA: what one flow of a state looks like, in the domain of the data.
 */
#ifndef SYNTH_FLOW_DRAW_H
#define SYNTH_FLOW_DRAW_H

#include "base/random.h"
#include "dayshift/host_model.h"

/* exp of a draw from the mixture, a whole number of at least 1. */
uint64_t flow_draw_packets(const struct volume_model *mixture, struct random_stream *random);

/* BIN-TO-PORTS, corrected: a port of the feature, uniformly. */
uint16_t flow_draw_port(uint32_t feature, struct random_stream *random);

/*
 * The class of a flow of one of the host's states, as often as it was learned. Of a stream of its own, named by
 * the flow's key: nothing else changes with it.
 */
uint32_t flow_draw_label(const struct host_model *host, const struct state_model *state, uint64_t key);

/* Both ports of a flow, by enum flow_side; of a ping its identifier, and its type << 8. */
void flow_draw_ports(const struct state_model *state, uint16_t ports[2], struct random_stream *random);

#endif
