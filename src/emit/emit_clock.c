#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "emit/emit_clock.h"

#include <time.h>

#define SPIN_NS (50 * NS_PER_US)         /* sleeping threads wake up tens of microseconds late */
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

/* True when the deadline is near enough to be spun for. Sleeps once, if it is not. */
static bool sleep_towards(const struct emit_clock *clock, struct run_time deadline, int64_t spin_ns)
{
    int64_t now_ns = monotonic_ns();
    int64_t until_ns = anchor_of(clock) + deadline.ns - spin_ns;

    if (paused_since(clock)) {
        sleep_until(now_ns + LONGEST_SLEEP_NS);
        return false;
    }
    if (until_ns <= now_ns)
        return true;
    sleep_until(until_ns - now_ns < LONGEST_SLEEP_NS ? until_ns : now_ns + LONGEST_SLEEP_NS);
    return false;
}

static struct run_time real_wait_until(struct emit_clock *clock, struct run_time deadline, enum emit_timing timing,
                                       const atomic_bool *stop)
{
    int64_t spin_ns = timing == EMIT_EXACT ? SPIN_NS : timing == EMIT_FRUGAL ? -FRUGAL_NS : 0;
    struct run_time now = real_now(clock);

    if (now.ns >= deadline.ns && !paused_since(clock))
        return now;
    while (!sleep_towards(clock, deadline, spin_ns)) {
        if (atomic_load_explicit(stop, memory_order_relaxed))
            return real_now(clock);
    }
    for (now = real_now(clock); now.ns < deadline.ns && !atomic_load_explicit(stop, memory_order_relaxed);
         now = real_now(clock))
        spin_pause();
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
                                            enum emit_timing timing, const atomic_bool *stop)
{
    int64_t until_ns = anchor_of(clock) + deadline.ns;

    (void)timing;
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

    /* From 1: 0 would not be a time to pause at. */
    return (struct emit_clock){ .operations = &operations, .anchor_ns = 1, .simulated_ns = 1 };
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

int64_t emit_clock_put_off(struct emit_clock *clock, struct run_time due, int64_t most_ns)
{
    int64_t anchor_ns = anchor_of(clock);
    int64_t late_ns;

    do {
        late_ns = emit_clock_machine_ns(clock) - anchor_ns - due.ns;
        if (late_ns <= most_ns)
            return 0;
    } while (!atomic_compare_exchange_weak(&clock->anchor_ns, &anchor_ns, anchor_ns + late_ns));
    return late_ns;
}
