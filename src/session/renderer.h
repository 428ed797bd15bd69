/*
 * renderer.h - flow plans in, frames out: plays all live sessions side by side.
 *
 * A heap of live sessions in order of their next packet. Knows no clock: due times
 * follow from the schedule. No two live sessions share a 5-tuple,
 * but UDP ones of a client with a port of its own (below 1024). A TCP session that leaves its
 * connection open is remembered, so that a later one between the same ends can go on with
 * it: same ports, next sequence numbers.
 *
 * A run can begin amid the day (lead_ns): then the day before it is played first, and its frames are forgotten. What is
 * under way when the run begins goes on from there: connections whose handshakes nobody saw, as for who begins to
 * listen on a real network.
 *
 * A session begins when its first frame is taken: until then, whoever peeks, the plan may still be given back. Frames
 * are in order of their due times whatever is steered.
 *
 * Memory: 1,112 bytes for every session that is live, at most 80 more for its places in heap and index and what an
 * allocator adds; 520 more while a message of several packets is under way (session_course.h), 520 more where the network does
 * something to it. Nothing for one that is over but for what open_connections.h says. Where the ground truth is asked for
 * its keeper has 128 of its own.
 */
#ifndef SESSION_RENDERER_H
#define SESSION_RENDERER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "dayshift/flow_plan.h"
#include "dayshift/frame.h"
#include "dayshift/session_options.h"

struct renderer_config {
    struct flow_plan_source plans;
    struct schedule schedule;
    struct run_time end; /* no session begins; those still live are brought to an end at once */
    int64_t lead_ns; /* of the run's time before the schedule's begin: from then on there are plans, and no frames. 0: none */
    const atomic_bool *stop; /* borrowed, or NULL: when set before the run has begun, that never does, and has no frames */
    uint64_t seed;
    struct session_options how;
    bool leaves_out_orphan_ends; /* a session that only ends a connection is left out where none was left open between its ends */
    const struct service_model *const *services; /* that plans may have; borrowed as the services are */
    size_t service_count;
};

struct renderer_counts { /* written by the renderer's thread alone */
    _Atomic uint64_t flows;            /* sessions begun, or under way when the run began */
    _Atomic uint64_t under_way;        /* of these, when it began */
    _Atomic uint64_t left_out;         /* not begun: see leaves_out_orphan_ends */
    _Atomic uint64_t complete_tcp;     /* of those begun in the run, TCP with handshake and FINs */
    _Atomic uint64_t hurried;          /* brought to an end by the end of the run */
    _Atomic uint64_t repeated_syns;    /* frames: attempts repeated because nobody answered */
    _Atomic uint64_t live;             /* now */
    _Atomic uint64_t most_live;
    _Atomic uint64_t frames;           /* made, whatever becomes of them */
};

struct renderer; /* opaque */

struct renderer *renderer_new(const struct renderer_config *config, struct error *err);
void renderer_free(struct renderer *renderer);

/*
 * Plays the time before the run, if there is any: what is under way is known from then on. The first peek does it otherwise;
 * who steers calls it before. 0, or -1 with *err. A stop amid it is no error: then there are no frames.
 */
int renderer_begin(struct renderer *renderer, struct error *err);

struct frame_source renderer_frames(struct renderer *renderer);

const struct renderer_counts *renderer_counts(const struct renderer *renderer);

/*
 * ---- steering: by the thread that takes the frames, never between a peek and its take ----
 *
 * Not before renderer_begin(). Sessions under way keep their own pace. A source of frames that was at its end may have more afterwards.
 */

/*
 * Where the run is, and what is steered takes effect: at `now` on the clock. Earlier when a plan is late and has not
 * begun; but not before the frame that was taken last.
 */
struct run_time renderer_position(const struct renderer *renderer, struct run_time now);

/* By which plans begin now. */
const struct schedule *renderer_schedule(const struct renderer *renderer);

/* By which they begin from here on; what comes too late by it begins with the next frame. */
void renderer_reschedule(struct renderer *renderer, const struct schedule *schedule);

/*
 * Forgets the plan that was taken from the source and has not begun: the source will give it again, or another one.
 * Returns from where on it has to be asked: `now`, but not later than what has not begun, as schedules round.
 */
struct day_time renderer_return_plan(struct renderer *renderer, struct day_time now);

/* The plan that began last, or was left out since; NULL: none. */
const struct flow_plan *renderer_begun(const struct renderer *renderer);

/*
 * No session begins any more; those that are live are closed, also connections that were to stay open. Who still has
 * something to say goes on in turn, spread over the first half of `bound_ns`, and closes in the second half, with
 * round trips of a sixth of it at most. Nothing is due later than `bound_ns` after the position.
 */
void renderer_finish(struct renderer *renderer, struct run_time now, int64_t bound_ns);

#endif
