#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "daemon/wall_watch.h"

#include <stdbool.h>
#include <time.h>

enum { MOST_TRIES = 10 };

static int64_t read_clock(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t); /* cannot fail: the clocks exist and t is ours */
    return t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

/* Together, or nearly: who is put to sleep between two of them would see a clock that was set. */
struct clock_reading clock_reading_now(void)
{
    struct clock_reading reading;
    int64_t begin_ns;
    int tries = 0;

    do {
        begin_ns = read_clock(CLOCK_MONOTONIC);
        reading = (struct clock_reading){ read_clock(CLOCK_REALTIME), begin_ns, read_clock(CLOCK_BOOTTIME) };
    } while (read_clock(CLOCK_MONOTONIC) - begin_ns > NS_PER_MS && ++tries < MOST_TRIES);
    return reading;
}

void wall_watch_init(struct wall_watch *watch)
{
    *watch = (struct wall_watch){ .last = clock_reading_now() };
}

static bool is_change(int64_t ns)
{
    return ns >= WALL_WATCH_LEAST_NS || ns <= -WALL_WATCH_LEAST_NS;
}

struct wall_change wall_watch_look(struct wall_watch *watch, const struct clock_reading *now)
{
    int64_t boot_ns = now->boot_ns - watch->last.boot_ns;
    int64_t step_ns = now->wall_ns - watch->last.wall_ns - boot_ns;
    int64_t suspended_ns = boot_ns - (now->monotonic_ns - watch->last.monotonic_ns);
    struct wall_change change = { is_change(step_ns) ? step_ns : 0, is_change(suspended_ns) ? suspended_ns : 0 };

    watch->steps += change.step_ns != 0;
    watch->suspensions += change.suspended_ns != 0;
    /* Small differences do not add up to a change: a clock that is slewed for days was not set. */
    watch->last = *now;
    return change;
}
