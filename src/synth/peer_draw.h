/*
 * peer_draw.h - who is at the other end of a flow: a peer that was learned, or a new one.
 *
 * New peers come back as often as the state's process says: they are the sticks of a stick-breaking whose
 * lengths are a pure function of (seed, virtual host, state), whatever the slice. Nothing is remembered.
 */
#ifndef SYNTH_PEER_DRAW_H
#define SYNTH_PEER_DRAW_H

#include <stdbool.h>

#include "base/random.h"
#include "dayshift/host_model.h"

/* Whose peers these are. */
struct peer_owner {
    const struct host_model *model;
    uint32_t state;   /* index */
    uint64_t seed;
    uint32_t name; /* of the virtual host: names its streams (flow_plan.h) */
};

/*
 * Draws a peer. A new one is PEER_OUTSIDE with PEER_ID_OTHER, and *name says which: the same name is the
 * same peer.
 */
struct peer peer_draw(const struct peer_owner *owner, uint64_t *name, struct random_stream *random);

/*
 * Whether the host of that id and model answers a flow of the host `asker`, in a state of its, as often as it
 * was learned to: flows that it answered of all that the asker had with it. `key` is that of the flow.
 */
bool peer_answers(const struct state_model *asks, uint32_t asker, uint32_t asked,
                  const struct host_model *asked_model, uint64_t key);

/*
 * The number of a new peer of a process with this discount and concentration, from 0 on, as drawn by
 * `random` from sticks whose lengths `sticks` gives: V_i ~ Beta(1 - d, theta + (i + 1) d) (Pitman and
 * Yor 1997). The first PEER_STICKS are exact; those beyond have the length that is expected, or none.
 */
uint64_t peer_draw_stick(double discount, double concentration, struct random_stream *sticks,
                         struct random_stream *random);

/* Where concentration is above, no stick is long: all are as those beyond. */
enum { PEER_STICKS = 16, PEER_MOST_CONCENTRATION = 32 };

#endif
