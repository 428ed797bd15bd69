/*
 * overlay_time.h - when an overlay begins: every day at a time of day, once, or so long after the run began.
 *
 * Times of day are by the wall clock of the process's zone: an hour that comes twice counts when it comes first, and a
 * day that misses the time is left out.
 */
#ifndef SCENARIO_OVERLAY_TIME_H
#define SCENARIO_OVERLAY_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time_types.h"

enum overlay_when {
    OVERLAY_DAILY,
    OVERLAY_ONCE, /* on a date */
    OVERLAY_AFTER /* the begin of the run, on its clock */
};

struct overlay_time {
    enum overlay_when when;
    int32_t date; /* of OVERLAY_ONCE */
    int64_t ns;   /* since midnight; of OVERLAY_AFTER since the begin */
};

/* The first one that is not before `from`. False: there is none; also for OVERLAY_AFTER, which the day does not know. */
bool overlay_time_next(const struct overlay_time *time, struct day_time from, struct day_time *next);

/* "every day at 10:15:00", "at 2026-11-23 10:15:30.250", "90 s after the begin". Returns `text`. */
enum { OVERLAY_TIME_TEXT = 64 };
const char *overlay_time_text(const struct overlay_time *time, char text[OVERLAY_TIME_TEXT]);

#endif
