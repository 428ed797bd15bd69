/*
 * host_step.h - one flow as a step of a host's sequence: what a host model gives a probability to.
 *
 * Bins are those of the statistics (network_stats.h). Who the peer was is not in it: a model has no names.
 */
#ifndef DAYSHIFT_HOST_STEP_H
#define DAYSHIFT_HOST_STEP_H

#include <stdint.h>

#include "dayshift/host_model.h"

#define STEP_NO_GAP UINT16_MAX /* the first of a sequence: what was before it is unknown */

struct host_step {
    uint32_t state;             /* state_key_pack() */
    uint16_t gap_bin;           /* of the time since the start of the step before it, or STEP_NO_GAP */
    uint16_t packets_bin;       /* both ways */
    uint16_t bytes_bin;         /* both ways, IP headers included */
    uint16_t initiator_feature; /* of the initiator's port; 0 without ports */
    uint16_t responder_port;    /* 0 without ports */
};

/* Steps of a host that follow one another, the first of which may have a gap to what came before. */
struct step_sequence {
    const struct host_step *steps; /* borrowed */
    uint32_t length;
};

#endif
