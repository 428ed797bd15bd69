/*
 * time_types.h - two kinds of time that cannot be mixed.
 *
 * day_time is a point of the calendar of a network, as a capture or a plan knows it.
 * run_time is a point of one run of the emitter, counted from the run's start.
 * schedule_run_time() and schedule_day_time() are the only ways from one to the other.
 * Nanoseconds in 64 bits reach 292 years either way; nothing here is floating point
 * but the speed, which is applied once to a difference.
 */
#ifndef BASE_TIME_TYPES_H
#define BASE_TIME_TYPES_H

#include <math.h>
#include <stdint.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_SECOND INT64_C(1000000000)
#define US_PER_SECOND INT64_C(1000000)

#define DAY_SLICES 288 /* five-minute parts of a day (Song, section IV-F) */
#define NS_PER_SLICE (300 * NS_PER_SECOND)
#define NS_PER_DAY (DAY_SLICES * NS_PER_SLICE)

struct day_time {
    int64_t ns; /* since 1970-01-01 00:00 UTC */
};

#define DAY_TIME_MOST_NS INT64_C(9000000000000000000) /* in 2255: what comes is still far from an overflow */

struct run_time {
    int64_t ns; /* since the start of the run */
};

/* When a day is played: `origin` at run time `begin`; from there the day passes `speed` times as fast. */
struct schedule {
    struct day_time origin;
    double speed; /* > 0 */
    struct run_time begin;
};

static inline struct run_time schedule_run_time(const struct schedule *schedule, struct day_time t)
{
    double elapsed_ns = (double)(t.ns - schedule->origin.ns) / schedule->speed;

    return (struct run_time){ schedule->begin.ns + (int64_t)floor(fmin(elapsed_ns, 0x1p62)) }; /* a century at a slow pace */
}

/* What is played at a time of the run. In 2255 the calendar stands still. */
static inline struct day_time schedule_day_time(const struct schedule *schedule, struct run_time t)
{
    double elapsed_ns = (double)(t.ns - schedule->begin.ns) * schedule->speed;
    double most_ns = (double)DAY_TIME_MOST_NS - (double)schedule->origin.ns;

    return (struct day_time){ schedule->origin.ns + (int64_t)fmax(fmin(elapsed_ns, most_ns), -0x1p62) };
}

/* Days since 1970-01-01 of a point in time, also before that day. */
static inline int32_t day_time_date(struct day_time t)
{
    int64_t date = t.ns / NS_PER_DAY;

    return (int32_t)(t.ns % NS_PER_DAY < 0 ? date - 1 : date);
}

/* The five-minute slice of its day, 0..287. */
static inline uint32_t day_time_slice(struct day_time t)
{
    return (uint32_t)((t.ns - (int64_t)day_time_date(t) * NS_PER_DAY) / NS_PER_SLICE);
}

enum { DAYS_A_WEEK = 7 };

/* 0 is Monday. */
static inline uint32_t date_weekday(int32_t date)
{
    return (uint32_t)(((int64_t)date + 3) % DAYS_A_WEEK + DAYS_A_WEEK) % DAYS_A_WEEK; /* day 0 was a Thursday */
}

static inline struct day_time day_time_of_slice(int32_t date, uint32_t slice)
{
    return (struct day_time){ (int64_t)date * NS_PER_DAY + (int64_t)slice * NS_PER_SLICE };
}

#endif
