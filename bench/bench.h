/*
 * bench.h - what the benchmarks measure with.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <time.h>

/* CPU time of the process so far, of all its threads. */
static inline double bench_cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

#endif
