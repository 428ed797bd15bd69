/*
 * bridge.h - the states between two known ones: exact draws from
 *
 *     p(s_1 ... s_c | s_0, s_c+1)
 *
 * of a smoothed chain. One pass from the end to the front (the backward messages of the forward-backward
 * algorithm), then one pass from the front for every draw: forward filtering and backward sampling with
 * the directions exchanged, which is the same for a chain and needs the states of one row only to draw.
 *
 * O(c * transitions) for the messages, O(c * a row) for a draw. A message is the probability of the end, seen
 * from each state; they are scaled to a largest of 1. Once a message is as the one before it to
 * BRIDGE_TOLERANCE the end is felt no more, and all earlier ones are the same. Where that never comes the last
 * one of BRIDGE_MAX_BYTES is kept on with: draws are then exact for the steps before the end only, and go
 * the chain's own ways before.
 *
 * The end may be CHAIN_NONE (the gap is open) or CHAIN_UNKNOWN, which tells nothing either.
 */
#ifndef SYNTH_BRIDGE_H
#define SYNTH_BRIDGE_H

#include "base/random.h"
#include "synth/smoothed_chain.h"

#define BRIDGE_TOLERANCE 1e-13
#define BRIDGE_MAX_BYTES ((size_t)256 << 20)

struct bridge {
    const struct smoothed_chain *chain; /* borrowed */
    uint32_t from, to;
    uint32_t steps;    /* c: states that are missing */
    uint32_t kept;     /* messages; the first belongs to the last missing state */
    double *messages;  /* kept * states */
    double *spread;    /* by message: its mean under pi */
    double log_end;    /* ln p(s_c+1 | s_0), over all ways */
};

void bridge_init(struct bridge *bridge, const struct smoothed_chain *chain, uint32_t from, uint32_t to,
                 uint32_t steps);
void bridge_release(struct bridge *bridge);

/* One draw into states[0 .. steps - 1]. */
void bridge_draw(const struct bridge *bridge, uint32_t *states, struct random_stream *random);

#endif
