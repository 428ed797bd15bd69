/*
 * slice_sequence.h - the flows of one slice of one host before they have ends: states, volumes and when they start
 * (SYNTHESIZE-STATS 2, 5 and 8).
 */
#ifndef SYNTH_SLICE_SEQUENCE_H
#define SYNTH_SLICE_SEQUENCE_H

#include <stdint.h>

#include "base/random.h"
#include "base/time_types.h"
#include "dayshift/host_model.h"

/* What a slice is to have. */
struct quota {
    uint32_t flows; /* at least 1 */
    double packets;
};

#define OFFSET_OPEN INT64_C(-1)

struct step {
    uint32_t state;
    uint64_t packets;
    double at_ns;      /* from the first one, by the gap clock */
    int64_t offset_ns; /* in the slice; OFFSET_OPEN until it has a place */
};

struct slice_sequence {
    struct step *steps; /* owned */
    uint32_t count;
    size_t capacity;
    double packets;   /* of all together, as drawn */
    double last_ns;   /* when the last one was drawn to start, from the first */
    uint32_t drawn;   /* steps */
};

/*
 * Of several sequences of so many flows, the one with the volume that is wanted, nearly. Where none comes near, a
 * few flows take up the difference, within what their states have shown.
 */
void slice_sequence_draw(struct slice_sequence *sequence, const struct host_model *model, const struct quota *quota,
                   struct random_stream *random);

/*
 * Gives a place to the steps that have none. The sequence is closed to a ring and turned by a random angle, so that no
 * second of the slice is special, the first and the last included. Gaps keep their length, so that bursts stay
 * bursts; only where they do not fit into the slice they are scaled down together.
 */
void slice_sequence_close(struct slice_sequence *sequence, struct random_stream *random);

void slice_sequence_release(struct slice_sequence *sequence);

#endif
