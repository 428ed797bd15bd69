#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "emit/emit_thread.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/mono_time.h"

enum {
    STACK_BYTES = 64 << 10, /* more than the loop and what it calls need */
    NICE = -15,
    BUSY_PERCENT = 85,      /* the kernel allows 95 */
    QUIET_PERCENT = 60
};

static void touch_stack(void)
{
    volatile uint8_t stack[STACK_BYTES];

    for (size_t i = 0; i < sizeof stack; i += 1024)
        stack[i] = 0;
}

static int set_scheduling(pthread_t thread, int policy, int priority)
{
    const struct sched_param param = { .sched_priority = priority };

    return pthread_setschedparam(thread, policy, &param);
}

static void raise_limit(__rlimit_resource_t what, rlim_t value)
{
    const struct rlimit limit = { value, value };

    (void)setrlimit(what, &limit);
}

void emit_thread_raise_limits(int priority)
{
    raise_limit(RLIMIT_RTPRIO, (rlim_t)priority);
    raise_limit(RLIMIT_NICE, 20 - NICE);
}

int emit_thread_prepare(const struct emit_thread_options *options, struct error *err)
{
    cpu_set_t set;
    int status;

    /* The default lets the kernel add 50 us to every sleep. */
    (void)prctl(PR_SET_TIMERSLACK, 1);
    (void)setpriority(PRIO_PROCESS, 0, NICE); /* where that is allowed: before the threads that render and plan */
    touch_stack();
    if (options->cpu != EMIT_THREAD_ANY_CPU) {
        CPU_ZERO(&set);
        if (options->cpu < CPU_SETSIZE)
            CPU_SET((size_t)options->cpu, &set);
        status = pthread_setaffinity_np(pthread_self(), sizeof set, &set);
        if (status != 0)
            return error_set(err, "cpu: processor %d cannot be used: %s", options->cpu, strerror(status));
    }
    if (options->priority == 0)
        return 0;
    status = set_scheduling(pthread_self(), SCHED_FIFO, options->priority);
    return status == 0 ? 0 : error_set(err, "priority: %d cannot be had: %s (it needs CAP_SYS_NICE, or a limit"
                                                   " RLIMIT_RTPRIO as high)", options->priority, strerror(status));
}

void emit_thread_lock(void *memory, size_t bytes)
{
    volatile uint8_t *at = memory;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    (void)mlock(memory, bytes);
    for (size_t i = 0; i < bytes; i += page)
        at[i] = at[i]; /* where locking is not allowed */
}

static int64_t used_ns(pthread_t thread)
{
    struct timespec t = { 0 };
    clockid_t clock;

    if (pthread_getcpuclockid(thread, &clock) == 0)
        clock_gettime(clock, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

void emit_thread_watch(struct emit_thread_watch *watch, pthread_t thread, const struct emit_thread_options *options)
{
    int64_t now_ns = mono_time_now().ns;
    int64_t thread_ns;
    int64_t percent;

    if (options->priority == 0)
        return;
    thread_ns = used_ns(thread);
    percent = watch->looked_ns == 0 || now_ns == watch->looked_ns
                  ? 0
                  : 100 * (thread_ns - watch->used_ns) / (now_ns - watch->looked_ns);
    if (!watch->is_demoted && percent > BUSY_PERCENT)
        watch->is_demoted = set_scheduling(thread, SCHED_OTHER, 0) == 0;
    else if (watch->is_demoted && percent < QUIET_PERCENT)
        watch->is_demoted = set_scheduling(thread, SCHED_FIFO, options->priority) != 0;
    watch->looked_ns = now_ns;
    watch->used_ns = thread_ns;
}

uint64_t emit_thread_page_faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_THREAD, &usage); /* cannot fail: a constant, and memory of ours */
    return (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt;
}
