/*
 * emitter.h - the loop that puts frames on the wire on time.
 *
 * It knows frames, a clock, a gate and a sink, nothing of hosts or protocols. No allocation,
 * lock or log inside. The invariant, from one frame to the next:
 *     planned = sent + dropped + refused
 * A frame is counted as planned together with its outcome, so that another thread sees the sum off
 * by one at most, while a frame is in hand.
 *
 * Never a burst to catch up: a frame that is more than EMIT_MAX_LATE_NS late, because the process
 * was stopped or the producer too slow, goes out at once, and the rest of the run is postponed by
 * its lateness, so that the frames behind it keep their distances.
 */
#ifndef EMIT_EMITTER_H
#define EMIT_EMITTER_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"
#include "base/frame_ring.h"
#include "base/log_histogram.h"
#include "base/output_file.h"
#include "base/time_types.h"
#include "dayshift/frame.h"
#include "emit/emit_clock.h"
#include "emit/gate.h"
#include "emit/sink.h"

/* More is a stall; less, as a busy machine has it, is caught up with unnoticed. */
#define EMIT_MAX_LATE_NS NS_PER_SECOND

/* Written by the emitter's thread alone; others may read for progress. */
struct emit_counts {
    _Atomic uint64_t planned;
    _Atomic uint64_t sent;
    _Atomic uint64_t sent_bytes;
    _Atomic uint64_t dropped; /* not taken by the sink, or still waiting when the run was stopped */
    _Atomic uint64_t refused; /* by the gate */
    _Atomic uint64_t unsent;  /* of the dropped, those that were still waiting */
    _Atomic uint64_t stalls;
    _Atomic uint64_t stalled_ns; /* the sum of all stalls: how much later than planned the run ends */
    /* Of frames sent: when given to the sink, minus due. A stall counts once, with its first frame. */
    struct log_histogram lateness;
};

struct emitter {
    struct emit_clock *clock;
    const struct gate *gate;
    struct sink *sink;
    const atomic_bool *stop; /* set by anyone: the loop ends at the next frame */
    struct emit_counts counts;
};

/*
 * Sends everything of a source, in the caller's thread.
 * 0 at its end or at *stop; -1 when the source or the sink failed.
 */
int emitter_run_source(struct emitter *emitter, const struct frame_source *source,
                       struct error *err);

/*
 * The same into a pcap file, as fast as it goes: clock and sink are the call's own, a clock that only jumps. Due times
 * count from `begin`. The file stays the caller's.
 */
int emitter_run_file(struct emitter *emitter, const struct frame_source *source, struct output_file *file,
                     struct day_time begin, struct error *err);

/*
 * Sends what comes through a ring until it is finished and empty, or *stop; what is left in
 * the ring at a stop is planned and dropped. Waits for the ring in short sleeps when it is empty.
 * 0, or -1 when the sink failed: nobody empties the ring then, so the caller must end the producer.
 */
int emitter_run_ring(struct emitter *emitter, struct frame_ring *ring, struct error *err);

#endif
