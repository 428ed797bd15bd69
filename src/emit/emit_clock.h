/*
 * emit_clock.h - the emitter's clock: run time from one anchor, absolute deadlines.
 *
 * The real clock sleeps with clock_nanosleep(TIMER_ABSTIME) until shortly before the deadline
 * and spins the rest; lateness never accumulates. The anchor moves only when the emitter
 * says so, after a stall. The simulated clock jumps: files and tests.
 */
#ifndef EMIT_EMIT_CLOCK_H
#define EMIT_EMIT_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/time_types.h"

struct emit_clock;

struct emit_clock_operations {
    /* Prepares the calling thread for waiting; the emitter calls it once, at the start of a run. */
    void (*enter_thread)(struct emit_clock *clock);
    struct run_time (*now)(struct emit_clock *clock);
    /*
     * Returns at `deadline` or later, with the time then; earlier only when *stop became true.
     * A deadline far away is waited for in steps of at most 50 ms, so that a stop is noticed;
     * one that has passed returns at once.
     */
    struct run_time (*wait_until)(struct emit_clock *clock, struct run_time deadline,
                                  const atomic_bool *stop);
    /* Moves the anchor: from here on, run time is `ns` less than it would have been. */
    void (*postpone)(struct emit_clock *clock, int64_t ns);
};

struct emit_clock {
    const struct emit_clock_operations *operations;
    int64_t state_ns; /* real: CLOCK_MONOTONIC of run time 0; simulated: now */
};

struct emit_clock emit_clock_real(void);      /* run time 0 is now */
struct emit_clock emit_clock_simulated(void);

#endif
