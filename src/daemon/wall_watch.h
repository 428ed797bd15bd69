/*
 * wall_watch.h - has the wall clock been set, has the machine slept?
 *
 * Three clocks of the kernel tell: the monotonic one stands still while the machine is suspended, the boot-time one
 * does not, the wall clock can be set. How far they are apart changes only when one of both happens. Pure: the caller
 * reads the clocks.
 */
#ifndef DAEMON_WALL_WATCH_H
#define DAEMON_WALL_WATCH_H

#include <stdint.h>

#include "base/time_types.h"

/* Less is the clock being adjusted, or the time between two readings. */
#define WALL_WATCH_LEAST_NS (NS_PER_SECOND / 2)

struct clock_reading {
    int64_t wall_ns, monotonic_ns, boot_ns;
};

struct wall_watch {
    struct clock_reading last; /* since when nothing was noticed */
    uint64_t steps;            /* times that the clock was set */
    uint64_t suspensions;
};

/* What has happened since the last look. */
struct wall_change {
    int64_t step_ns;      /* the wall clock was set forward by so much; 0: it was not */
    int64_t suspended_ns; /* the machine slept */
};

struct clock_reading clock_reading_now(void);

void wall_watch_init(struct wall_watch *watch); /* from now on */
struct wall_change wall_watch_look(struct wall_watch *watch, const struct clock_reading *now);

#endif
