/*
 * bn_state.h - where a flow of the Bayesian network stands: its latest packet, in bins.
 */
#ifndef SESSION_BN_STATE_H
#define SESSION_BN_STATE_H

#include <stdint.h>

struct bn_state {
    uint16_t label;
    uint16_t index; /* of the next packet; stops at UINT16_MAX */
    uint16_t last_length, last_gap, last_side, last_flags;
};

static inline struct bn_state bn_state_begin(uint16_t label)
{
    return (struct bn_state){ .label = label };
}

#endif
