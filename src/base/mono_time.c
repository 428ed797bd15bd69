#include "base/mono_time.h"

#include <time.h>

#include "base/time_types.h"

struct mono_time mono_time_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail: the clock exists and `now` is ours */
    return (struct mono_time){ now.tv_sec * NS_PER_SECOND + now.tv_nsec };
}

double mono_time_seconds_since(struct mono_time from)
{
    return (double)(mono_time_now().ns - from.ns) / (double)NS_PER_SECOND;
}
