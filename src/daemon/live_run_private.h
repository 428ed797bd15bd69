/*
 * live_run_private.h - a run in the engine, for the files that make it up: live_run.c its threads and its end,
 * live_status.c what it has done, live_control.c what it is told.
 */
#ifndef DAEMON_LIVE_RUN_PRIVATE_H
#define DAEMON_LIVE_RUN_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "daemon/control.h"
#include "daemon/live_run.h"
#include "daemon/render_ahead.h"
#include "daemon/status.h"
#include "daemon/steering.h"
#include "daemon/wall_watch.h"

/* Frames and bytes that were sent, at a time; and what came of it in a second since. */
struct live_rate {
    struct mono_time since;
    uint64_t sent, bytes;
    double packets_per_second, bits_per_second;
};

struct live_run {
    const struct live_run_config *config;
    struct play play;
    struct flow_ledger *ledger; /* NULL: there is no log of flows */
    struct sent_flow_keeper keeper;
    struct emit_clock *clock; /* the emitter's */
    struct steering steering;
    struct render_ahead render;
    struct emit_counts *counts; /* by link; on the board */
    struct live_rate rates[CONFIGURATION_MAX_LINKS];
    struct wall_watch watch;
    uint64_t said_stalled_ns; /* of the stalls, what was told ... */
    uint64_t said_held_back;
    struct mono_time said_stall; /* ... and when */
    int64_t skipped_ns;     /* of the day, because of what was seen there */
    struct control *control; /* NULL: nobody may ask */
    bool is_reloading;      /* the supervisor has been asked, and its answer is still to come */
    int signal_fd;
    atomic_bool is_stopped; /* set by anyone: threads end at once */
    bool is_playing;        /* frames have been sent */
    int64_t finish_ns;      /* monotonic: no flow begins any more, and the run ends by then; 0: it goes on */
    double speed, activity; /* as they were ordered last */
    bool is_paused;         /* the same; while it starts or ends the clock may do otherwise */
};

static inline const struct configuration *live_run_configuration(const struct live_run *run)
{
    return run->config->configuration;
}

/* ---- live_status.c ---- */

/* So far, on the board, where it outlives the engine. */
void live_status_publish(struct live_run *run);

/* What was ordered. Only when it was: a new configuration that the supervisor took says otherwise for the next engine. */
void live_status_publish_orders(const struct live_run *run);

/* To be called every now and then: what happens in a second. */
void live_status_measure(struct live_run *run);

/* For who asks. */
void live_status_fill(const void *run, struct status *status);

/* ---- live_control.c ---- */

/* Serves the socket of the run's configuration, when there is one. The run must not move. */
void live_control_begin(struct live_run *run);
void live_control_end(struct live_run *run);

/* What to wait for in poll(2), CONTROL_POLLFDS + 1 at most; and then. */
size_t live_control_fill_pollfds(const struct live_run *run, struct pollfd *pollfds);
void live_control_serve(struct live_run *run);

#endif
