/*
 * flow_features.h - what one flow of a virtual host is, before it has addresses and a start; and the plan that it
 * becomes.
 */
#ifndef SYNTH_FLOW_FEATURES_H
#define SYNTH_FLOW_FEATURES_H

#include "dayshift/flow_plan.h"
#include "synth/population.h"

struct flow_features {
    const struct state_model *state; /* of the virtual host's model */
    uint64_t key; /* names the flow's own random stream */
    uint64_t packets;
    struct peer peer;
    uint64_t peer_name; /* of a new one */
    uint16_t ports[2]; /* by enum flow_side; of a ping its identifier, and its type << 8 */
};

/* The virtual host's. */
static inline enum flow_side flow_features_side(const struct flow_features *features)
{
    return features->state->key.role == ROLE_INITIATOR ? FLOW_INITIATOR : FLOW_RESPONDER;
}

#define FLOW_FEATURES_NO_HOST UINT32_MAX

/*
 * The plan of a flow of the virtual host with that index, but for its start. Returns the index of the virtual host
 * at the other end, or FLOW_FEATURES_NO_HOST.
 */
uint32_t flow_features_plan(const struct flow_features *features, const struct population *population, uint32_t host,
                            struct flow_plan *plan);

#endif
