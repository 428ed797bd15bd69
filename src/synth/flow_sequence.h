/*
 * flow_sequence.h - SYNTHESIZE-STATS and FEATURES-TO-DATA (Song): the flows of one host, one after the other, without
 * an end.
 *
 * The states are those of the chain, the times between starts those of the gap clock; volume, ports and peer are
 * drawn given the state. No day profile: who wants one uses slice.h.
 *
 * A learned sequence of a host ends where it was silent for an hour, or with the capture. So does this one, as often
 * after each state; behind a pause another begins, with one of the states that began one. Pauses are as long as the
 * time in which the host was observed leaves: it makes as many flows a day as it was seen to.
 */
#ifndef SYNTH_FLOW_SEQUENCE_H
#define SYNTH_FLOW_SEQUENCE_H

#include "base/random.h"
#include "dayshift/host_model.h"
#include "synth/flow_features.h"

struct flow_sequence {
    const struct host_model *model; /* borrowed; has a state */
    uint64_t seed;
    uint32_t name; /* of the virtual host: with the seed it says who its new peers are */
    struct random_stream random;
    uint32_t state; /* of the flow to come */
    double pause_ns; /* between two sequences, on average */
};

/*
 * Begins at a moment chosen at random, which is most likely within a long gap or a pause. Takes the stream; seed
 * and name are those of peer_draw.h. Returns how long after that moment the first flow starts, in nanoseconds, at
 * most 2^60.
 * Looks at the whole model.
 */
double flow_sequence_begin(struct flow_sequence *sequence, const struct host_model *model, uint64_t seed,
                           uint32_t name, const struct random_stream *random);

/* The next flow. Returns the time from its start to that of the one behind it, in nanoseconds, at most 2^60. */
double flow_sequence_next(struct flow_sequence *sequence, struct flow_features *features);

#endif
