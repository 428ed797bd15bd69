#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "emit/emit_clock.h"

#include <time.h>

#define LEAST_MARGIN_NS (50 * NS_PER_US)  /* sleeping threads wake up tens of microseconds late, or hundreds */
#define MOST_MARGIN_NS (500 * NS_PER_US)
#define MARGIN_STEP_NS 100
#define FRUGAL_NS NS_PER_MS
#define LONGEST_SLEEP_NS (20 * NS_PER_MS)

static inline void spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* ---- the real one ---- */

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

static int64_t anchor_of(const struct emit_clock *clock)
{
    return atomic_load_explicit(&clock->anchor_ns, memory_order_relaxed);
}

static int64_t paused_since(const struct emit_clock *clock)
{
    return atomic_load_explicit(&clock->paused_ns, memory_order_acquire);
}

static struct run_time real_now(const struct emit_clock *clock)
{
    int64_t paused_ns = paused_since(clock);

    return (struct run_time){ (paused_ns ? paused_ns : monotonic_ns()) - anchor_of(clock) };
}

/*
 * How long before the deadline the sleep ends: as long as all but a few wakeups are late (a quantile, by stochastic
 * approximation), but at most half the time there is: a thread that never sleeps is one that the scheduler puts off.
 */
static int64_t margin_for(struct emit_pace *pace, int64_t left_ns)
{
    if (pace->timing != EMIT_EXACT)
        return pace->timing == EMIT_FRUGAL ? -FRUGAL_NS : 0;
    if (pace->margin_ns == 0)
        pace->margin_ns = LEAST_MARGIN_NS;
    if (left_ns / 2 < LEAST_MARGIN_NS)
        return LEAST_MARGIN_NS;
    return pace->margin_ns < left_ns / 2 ? pace->margin_ns : left_ns / 2;
}

/* A wakeup was late by so much: of 100 of them 98 are to be within the margin. */
static void learn_margin(struct emit_pace *pace, int64_t late_ns)
{
    pace->margin_ns += late_ns > pace->margin_ns ? 98 * MARGIN_STEP_NS : -2 * MARGIN_STEP_NS;
    if (pace->margin_ns < LEAST_MARGIN_NS)
        pace->margin_ns = LEAST_MARGIN_NS;
    if (pace->margin_ns > MOST_MARGIN_NS)
        pace->margin_ns = MOST_MARGIN_NS;
}

/* Sleeps once, as long as it makes sense now. */
static void sleep_some(const struct emit_clock *clock, int64_t until_ns, struct emit_pace *pace)
{
    int64_t now_ns = monotonic_ns();

    if (paused_since(clock) || until_ns - now_ns > LONGEST_SLEEP_NS) {
        sleep_until(now_ns + LONGEST_SLEEP_NS);
    } else {
        sleep_until(until_ns);
        if (pace->timing == EMIT_EXACT)
            learn_margin(pace, monotonic_ns() - until_ns);
    }
}

static struct run_time real_wait_until(struct emit_clock *clock, struct run_time deadline, struct emit_pace *pace,
                                       const atomic_bool *stop)
{
    struct run_time now = real_now(clock);
    int64_t margin_ns = margin_for(pace, deadline.ns - now.ns);

    while ((now.ns < deadline.ns || paused_since(clock)) && !atomic_load_explicit(stop, memory_order_relaxed)) {
        if (deadline.ns - now.ns > margin_ns || paused_since(clock))
            sleep_some(clock, anchor_of(clock) + deadline.ns - margin_ns, pace);
        else
            spin_pause();
        now = real_now(clock);
    }
    return now;
}

static void real_nap(struct emit_clock *clock, int64_t ns)
{
    (void)clock;
    sleep_until(monotonic_ns() + ns);
}

struct emit_clock emit_clock_real(void)
{
    static const struct emit_clock_operations operations = {
        .now = real_now,
        .wait_until = real_wait_until,
        .nap = real_nap,
    };

    return (struct emit_clock){ .operations = &operations, .anchor_ns = monotonic_ns() };
}

/* ---- the simulated one ---- */

static struct run_time simulated_now(const struct emit_clock *clock)
{
    int64_t paused_ns = paused_since(clock);

    return (struct run_time){ (paused_ns ? paused_ns : clock->simulated_ns) - anchor_of(clock) };
}

static struct run_time simulated_wait_until(struct emit_clock *clock, struct run_time deadline,
                                            struct emit_pace *pace, const atomic_bool *stop)
{
    int64_t until_ns = anchor_of(clock) + deadline.ns;

    (void)pace;
    (void)stop;
    if (clock->simulated_ns < until_ns)
        clock->simulated_ns = until_ns;
    return simulated_now(clock);
}

static void simulated_nap(struct emit_clock *clock, int64_t ns)
{
    clock->simulated_ns += ns;
}

struct emit_clock emit_clock_simulated(void)
{
    static const struct emit_clock_operations operations = {
        .now = simulated_now,
        .wait_until = simulated_wait_until,
        .nap = simulated_nap,
    };

    return (struct emit_clock){ .operations = &operations, .anchor_ns = EMIT_CLOCK_SIMULATED_NS,
                                .simulated_ns = EMIT_CLOCK_SIMULATED_NS };
}

/* ---- moving the anchor ---- */

int64_t emit_clock_machine_ns(const struct emit_clock *clock)
{
    return clock->simulated_ns ? clock->simulated_ns : monotonic_ns();
}

void emit_clock_pause(struct emit_clock *clock)
{
    if (!emit_clock_is_paused(clock))
        atomic_store_explicit(&clock->paused_ns, emit_clock_machine_ns(clock), memory_order_release);
}

void emit_clock_resume(struct emit_clock *clock)
{
    int64_t since_ns = paused_since(clock);

    if (since_ns == 0)
        return;
    atomic_fetch_add_explicit(&clock->anchor_ns, emit_clock_machine_ns(clock) - since_ns, memory_order_relaxed);
    atomic_store_explicit(&clock->paused_ns, 0, memory_order_release);
}

bool emit_clock_is_paused(const struct emit_clock *clock)
{
    return paused_since(clock) != 0;
}

void emit_clock_put_off(struct emit_clock *clock, int64_t ns)
{
    /* The thread that pauses moves it too. */
    atomic_fetch_add_explicit(&clock->anchor_ns, ns, memory_order_relaxed);
}
