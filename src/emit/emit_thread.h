/*
 * emit_thread.h - what a thread needs to be on time: no timer slack, memory that stays, a processor, a priority.
 *
 * A thread of real-time priority that spins for its deadlines would be put to sleep by the kernel for tens of
 * milliseconds once it used up its share of a second (sched_rt_runtime_us). So whoever watches the run calls
 * emit_thread_watch() several times a second: it takes the priority away while the thread is that busy.
 */
#ifndef EMIT_EMIT_THREAD_H
#define EMIT_EMIT_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define EMIT_THREAD_ANY_CPU (-1)

struct emit_thread_options {
    int cpu;      /* that it stays on, from 0; or EMIT_THREAD_ANY_CPU */
    int priority; /* of SCHED_FIFO, 1..99; 0: an ordinary thread */
};

/*
 * For the process, while it has rights: what threads may ask for when they have none left, with `priority` the highest
 * that one wants. Best effort.
 */
void emit_thread_raise_limits(int priority);

/* Prepares the calling thread. -1 with *err when the processor or the priority cannot be had. */
int emit_thread_prepare(const struct emit_thread_options *options, struct error *err);

/*
 * Memory that the thread will read or write under a deadline: locked where that is allowed, and touched. Nobody else may
 * write it meanwhile.
 */
void emit_thread_lock(void *memory, size_t bytes);

/* Zero it before the first use. */
struct emit_thread_watch {
    int64_t looked_ns;
    int64_t used_ns; /* processor time */
    bool is_demoted;
};

/* For a thread of another one's that was prepared with `options`. Nothing to do without a priority. */
void emit_thread_watch(struct emit_thread_watch *watch, pthread_t thread, const struct emit_thread_options *options);

/* Of the calling thread, minor and major. */
uint64_t emit_thread_page_faults(void);

#endif
