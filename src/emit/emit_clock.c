#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "emit/emit_clock.h"

#include <sys/prctl.h>
#include <time.h>

/* Sleeping threads wake up tens of microseconds late; the last stretch is spun. */
#define SPIN_NS (50 * NS_PER_US)
#define LONGEST_SLEEP_NS (50 * NS_PER_MS) /* a stop is noticed after this */

static inline void spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t monotonic_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail: the clock exists and t is ours */
    return t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

static void sleep_until(int64_t ns)
{
    struct timespec t = { .tv_sec = ns / NS_PER_SECOND, .tv_nsec = ns % NS_PER_SECOND };

    /* A signal may end it early; the caller looks at the clock again anyway. */
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void real_enter_thread(struct emit_clock *clock)
{
    (void)clock;
    (void)prctl(PR_SET_TIMERSLACK, 1); /* the default lets the kernel add 50 us to every sleep */
}

static struct run_time real_now(struct emit_clock *clock)
{
    return (struct run_time){ monotonic_ns() - clock->state_ns };
}

static struct run_time real_wait_until(struct emit_clock *clock, struct run_time deadline,
                                       const atomic_bool *stop)
{
    struct run_time now = real_now(clock);

    while (deadline.ns - now.ns > SPIN_NS) {
        int64_t sleep_ns = deadline.ns - now.ns - SPIN_NS;

        if (atomic_load_explicit(stop, memory_order_relaxed))
            return now;
        if (sleep_ns > LONGEST_SLEEP_NS)
            sleep_ns = LONGEST_SLEEP_NS;
        sleep_until(clock->state_ns + now.ns + sleep_ns);
        now = real_now(clock);
    }
    while (now.ns < deadline.ns) {
        spin_pause();
        now = real_now(clock);
    }
    return now;
}

static void real_postpone(struct emit_clock *clock, int64_t ns)
{
    clock->state_ns += ns;
}

static void simulated_enter_thread(struct emit_clock *clock)
{
    (void)clock;
}

static struct run_time simulated_now(struct emit_clock *clock)
{
    return (struct run_time){ clock->state_ns };
}

static struct run_time simulated_wait_until(struct emit_clock *clock, struct run_time deadline,
                                            const atomic_bool *stop)
{
    (void)stop;
    if (clock->state_ns < deadline.ns)
        clock->state_ns = deadline.ns;
    return simulated_now(clock);
}

static void simulated_postpone(struct emit_clock *clock, int64_t ns)
{
    clock->state_ns -= ns;
}

struct emit_clock emit_clock_real(void)
{
    static const struct emit_clock_operations operations = {
        .enter_thread = real_enter_thread,
        .now = real_now,
        .wait_until = real_wait_until,
        .postpone = real_postpone,
    };

    return (struct emit_clock){ &operations, monotonic_ns() };
}

struct emit_clock emit_clock_simulated(void)
{
    static const struct emit_clock_operations operations = {
        .enter_thread = simulated_enter_thread,
        .now = simulated_now,
        .wait_until = simulated_wait_until,
        .postpone = simulated_postpone,
    };

    return (struct emit_clock){ &operations, 0 };
}
