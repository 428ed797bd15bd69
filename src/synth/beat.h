/*
 * beat.h - hosts that keep a clock: a state that comes every so many seconds does so across slices.
 *
 * Where a flow of such a state begins a burst it moves to a tick of the clock, and the burst with it. Ticks are a
 * function of the seed, the host and the period alone: slices and days have no part in it.
 */
#ifndef SYNTH_BEAT_H
#define SYNTH_BEAT_H

#include "synth/slice_sequence.h"

/* Whose slice it is. */
struct beat_place {
    uint64_t seed;
    uint32_t name;         /* of the virtual host (flow_plan.h) */
    struct day_time begin; /* of the slice */
    double activity;       /* the clock goes so many times as fast */
};

/* Gives a place to the steps that belong to a clock, and as many bursts to it as the slice has ticks, where these are
 * nearly as many. */
void beat_place(struct slice_sequence *sequence, const struct host_model *model, const struct beat_place *place,
                struct random_stream *random);

#endif
