/*
 * render_ahead.h - the renderer's thread: frames from the scenario into the ring, ahead of their time.
 *
 * Not far ahead: RENDER_AHEAD_NS of run time, or as much as the ring holds. So an order (steering.h) acts soon, and a
 * frame that is in the ring is never taken back.
 */
#ifndef DAEMON_RENDER_AHEAD_H
#define DAEMON_RENDER_AHEAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/frame_ring.h"
#include "daemon/steering.h"
#include "emit/emit_clock.h"
#include "scenario/scenario.h"

#define RENDER_AHEAD_NS NS_PER_SECOND

struct render_ahead {
    struct scenario *scenario;
    struct frame_ring *ring;
    struct emit_clock *clock;
    struct steering *steering;
    atomic_bool *stop; /* the run's; set when the scenario fails */
    atomic_bool has_begun; /* with the run: what is before it was played */
    atomic_bool is_ahead; /* the first frames are there, or there are none to come soon */
    pthread_t thread;
    bool started;
    int status;
    struct error err;
};

/* The fields above `has_begun` are the caller's to set. */
int render_ahead_start(struct render_ahead *render, struct error *err);

/* Waits for the thread, which ends with the scenario or with the run's stop. Its error, if it had one. */
int render_ahead_end(struct render_ahead *render, struct error *err);

#endif
