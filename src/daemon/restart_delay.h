/*
 * restart_delay.h - how long to wait before what has crashed is started again: 1, 2, 4 ... 60 s, and 1 s again after
 * it ran well for a minute.
 */
#ifndef DAEMON_RESTART_DELAY_H
#define DAEMON_RESTART_DELAY_H

#include <stdint.h>

#include "base/time_types.h"

#define RESTART_GOOD_RUN_NS (60 * NS_PER_SECOND)

struct restart_delay {
    unsigned last_s; /* 0: there was none yet */
};

/* Of one that did its work for `good_ns` before it crashed: the delay in seconds. */
unsigned restart_delay_next(struct restart_delay *delay, int64_t good_ns);

#endif
