/*
 * steering.h - orders for the renderer's thread: who gives them is another one.
 *
 * The renderer looks between two frames; that costs it one atomic load. Orders that were not carried out yet are
 * joined: the latest speed, the sum of the skips.
 */
#ifndef DAEMON_STEERING_H
#define DAEMON_STEERING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "scenario/scenario.h"

struct steering {
    pthread_mutex_t lock;
    atomic_bool has_orders;
    double speed;    /* 0: as it is */
    double activity; /* 0: as it is */
    int64_t skip_ns; /* of the day */
    bool finish;
    int64_t finish_ns; /* within which sessions are brought to an end */
    struct schedule schedule; /* by which the scenario goes now */
    bool is_finished;        /* the renderer's: it was told to bring all to an end */
};

/* `schedule` is that of the scenario at its beginning. */
void steering_init(struct steering *steering, const struct schedule *schedule);
void steering_release(struct steering *steering);

void steering_set_speed(struct steering *steering, double speed);
void steering_set_activity(struct steering *steering, double activity);
void steering_skip(struct steering *steering, int64_t ns);
void steering_finish(struct steering *steering, int64_t within_ns);

static inline bool steering_has_orders(const struct steering *steering)
{
    return atomic_load_explicit(&steering->has_orders, memory_order_relaxed);
}

/* What of the day is played at a time of the run. */
struct day_time steering_day_time(struct steering *steering, struct run_time now);

/* The renderer's: carries them all out, at a time of the run. */
void steering_apply(struct steering *steering, struct scenario *scenario, struct run_time now);

#endif
