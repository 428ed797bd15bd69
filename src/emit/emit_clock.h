/*
 * emit_clock.h - the clock of a run: run time from one anchor, absolute deadlines.
 *
 * The anchor is the time of the machine's monotonic clock at which run time is 0; it moves only to put the run off:
 * after a stall, and for a pause. The simulated clock jumps: files and tests.
 *
 * One thread waits, the emitter's, and notices stalls; another one pauses and resumes. All is C11 atomics, relaxed but
 * for the end of a pause: `paused_ns` is cleared (release) after the anchor moved, and loaded (acquire) before the
 * anchor is.
 */
#ifndef EMIT_EMIT_CLOCK_H
#define EMIT_EMIT_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/time_types.h"

#define EMIT_CLOCK_SIMULATED_NS 1 /* of the simulated machine's clock: 0 would not be a time to pause at */

/* How a thread waits for a deadline. */
enum emit_timing {
    EMIT_EXACT,    /* sleeps until shortly before it, spins the rest */
    EMIT_BALANCED, /* sleeps until it: late by what the machine needs to wake up, tens of microseconds */
    EMIT_FRUGAL    /* sleeps up to a millisecond longer, so that frames close together cost one wakeup */
};

/* Of one thread that waits. */
struct emit_pace {
    enum emit_timing timing;
    int64_t margin_ns; /* before a deadline, from which on it is spun for; learned. 0 at first */
};

struct emit_clock;

struct emit_clock_operations {
    struct run_time (*now)(const struct emit_clock *clock);
    /*
     * Returns at `deadline` or later, with the time then; earlier only when *stop became true. A deadline far away is
     * waited for in steps of at most 20 ms, so that a stop, a pause and a moved anchor are noticed; one that has
     * passed returns at once, unless the clock is paused.
     */
    struct run_time (*wait_until)(struct emit_clock *clock, struct run_time deadline, struct emit_pace *pace,
                                  const atomic_bool *stop);
    /* Waits for about `ns`, for something else than a deadline. */
    void (*nap)(struct emit_clock *clock, int64_t ns);
};

struct emit_clock {
    const struct emit_clock_operations *operations;
    _Atomic int64_t anchor_ns; /* the machine's clock at run time 0 */
    _Atomic int64_t paused_ns; /* since when it stands still, on that clock; 0: it does not */
    int64_t simulated_ns;      /* the simulated machine's clock; 0: it is a real one */
};

struct emit_clock emit_clock_real(void);      /* run time 0 is now */
struct emit_clock emit_clock_simulated(void); /* run time 0 is EMIT_CLOCK_SIMULATED_NS */

/* Run time stands still until emit_clock_resume(). */
void emit_clock_pause(struct emit_clock *clock);
void emit_clock_resume(struct emit_clock *clock);
bool emit_clock_is_paused(const struct emit_clock *clock);

/* Run time goes back by so much: what follows keeps its distances. */
void emit_clock_put_off(struct emit_clock *clock, int64_t ns);

/* The monotonic clock of the machine that run time is taken from. */
int64_t emit_clock_machine_ns(const struct emit_clock *clock);

/* The same at a time of the run that was read a moment ago. */
static inline int64_t emit_clock_machine_at(const struct emit_clock *clock, struct run_time time)
{
    return atomic_load_explicit(&clock->anchor_ns, memory_order_relaxed) + time.ns;
}

static inline struct run_time emit_clock_now(const struct emit_clock *clock)
{
    return clock->operations->now(clock);
}

#endif
