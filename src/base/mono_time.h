/*
 * mono_time.h - the clock that nobody sets, for how long something takes.
 */
#ifndef BASE_MONO_TIME_H
#define BASE_MONO_TIME_H

#include <stdint.h>

struct mono_time {
    int64_t ns; /* since some time before the process */
};

struct mono_time mono_time_now(void);

double mono_time_seconds_since(struct mono_time from);

#endif
