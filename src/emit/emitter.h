/*
 * emitter.h - the loop that puts frames on the wire on time: one for all links of a run.
 *
 * It knows frames, a clock, gates and sinks, nothing of hosts or protocols. No allocation, lock or log inside. The
 * invariant, for each link from one batch of frames to the next:
 *     planned = sent + dropped + refused
 *
 * Frames go out in their order, whichever links they leave by: none is given to a sink before all those in front of it
 * were sent, dropped or refused, so that no reply is sent before its request. Those of one link that follow each other
 * and are due together go to its sink together; none goes before its time. What a sink has no room for waits for at
 * most EMIT_BUSY_NS, and all behind it waits as well; then it is dropped, and so is at once what comes for that link
 * until its sink takes something again. What a rate ceiling has no room for waits, with all behind it, and becomes late.
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
#include "dayshift/sent_flow.h"
#include "emit/emit_clock.h"
#include "emit/gate.h"
#include "emit/rate_ceiling.h"
#include "emit/sink.h"

#define EMIT_BUSY_NS (10 * NS_PER_MS)
#define EMIT_MAX_LATE_NS NS_PER_SECOND /* the default of what follows */

/* What is done with a frame that is more than `max_late_ns` late: the process was stopped, or the producer too slow. */
enum late_policy {
    LATE_SEND, /* it goes out, and the run is put off by its lateness: what follows keeps its distances, never a burst */
    LATE_DROP  /* it is dropped: what follows stays where it was in time */
};

/* Of a link. Written by the emitter's thread alone; others may read for progress. */
struct emit_counts {
    _Atomic uint64_t planned;
    _Atomic uint64_t sent;
    _Atomic uint64_t sent_bytes;
    _Atomic uint64_t dropped;     /* all that were not sent and not refused */
    _Atomic uint64_t refused;     /* by the gate */
    _Atomic uint64_t unsent;      /* of the dropped: still waiting when the run was stopped */
    _Atomic uint64_t late;        /* of the dropped: too late */
    _Atomic uint64_t lost;        /* of the dropped: the interface was down, or had no room for too long */
    _Atomic uint64_t busy;        /* times that the interface had no room */
    _Atomic uint64_t held_back;   /* times that the rate ceiling had none */
    _Atomic uint64_t stalls;      /* of the run, noticed with a frame of this link */
    _Atomic uint64_t stalled_ns;  /* the sum of these: by how much the run was put off */
    _Atomic uint64_t page_faults; /* of the thread, in the loop; counted for the first link */
    _Atomic uint64_t crossed[FRAME_MAX_LINKS]; /* of the sent: for receivers who send on another link, by that one */
    /* Of frames sent: when given to the sink, minus due. A stall counts once, with its first frame. */
    struct log_histogram lateness;
};

enum { EMIT_BATCH = 64 };

/* A link, as the emitter needs it. */
struct emit_link {
    /* Set by the caller. */
    const char *name; /* said in front of why its sink failed; NULL: nothing is */
    const struct gate *gate;
    struct rate_ceiling *ceiling; /* NULL: none. May be shared with others who send on the link */
    struct sink *sink;
    struct emit_counts *counts;

    /* The loop's own. */
    int64_t busy_since_ns; /* run time; when its next frame found no room, 0: it has not been tried */
    bool is_blocked;       /* a frame was dropped for want of room, and none was sent since */
};

struct emitter {
    /* Set by the caller. */
    struct emit_link *links[FRAME_MAX_LINKS]; /* by the link of a frame; at several places may be the same one */
    struct emit_clock *clock;
    const atomic_bool *stop; /* set by anyone: the loop ends at the next frame */
    struct emit_pace pace; /* its timing is the caller's to set */
    enum late_policy late;
    int64_t max_late_ns; /* 0: EMIT_MAX_LATE_NS */
    struct sent_tally *tallies; /* what is sent of each flow, as marked in the frames; NULL: nobody asks */

    /* The loop's own. */
    struct frame_ring *ring;
    struct frame frames[EMIT_BATCH]; /* taken from the ring; first..count are still to be done with */
    size_t first, count;
    uint64_t ring_taken;    /* frames, from the ring */
    size_t unreleased;      /* done with, but a sink may still read them, or one before them */
    struct sink *holders[FRAME_MAX_LINKS]; /* the sinks that go on reading frames */
    size_t holder_count;
    int64_t stalled_ns;     /* of the stall that the first frame came with */
};

/*
 * Sends everything of a source, in the caller's thread, through a small ring.
 * 0 at its end or at *stop; -1 when the source or the sink failed.
 */
int emitter_run_source(struct emitter *emitter, const struct frame_source *source,
                       struct error *err);

/*
 * The same into a pcap file, as fast as it goes: clock and sink are the call's own, a clock that only jumps, and the
 * first of the links stands for all. Due times count from `begin`, in tallies from -EMIT_CLOCK_SIMULATED_NS. The file
 * stays the caller's.
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
