#include "scenario/overlay_time.h"

#include <stdio.h>

#include "base/text.h"
#include "base/time_zone.h"

/* False: the wall clock does not show that on that date. */
static bool instant_of(const struct overlay_time *time, int32_t date, struct day_time *instant)
{
    const struct day_time wall = { (int64_t)date * NS_PER_DAY + time->ns };

    *instant = time_zone_instant(wall);
    return time_zone_wall(*instant).ns == wall.ns;
}

bool overlay_time_next(const struct overlay_time *time, struct day_time from, struct day_time *next)
{
    const int32_t tries = 3; /* one is over, one misses the time */
    int32_t today = day_time_date(time_zone_wall(from));

    if (time->when == OVERLAY_AFTER)
        return false;
    if (time->when == OVERLAY_ONCE)
        return instant_of(time, time->date, next) && next->ns >= from.ns;
    for (int32_t date = today; date < today + tries; date++) {
        if (instant_of(time, date, next) && next->ns >= from.ns)
            return next->ns < DAY_TIME_MOST_NS;
    }
    return false;
}

const char *overlay_time_text(const struct overlay_time *time, char text[OVERLAY_TIME_TEXT])
{
    int64_t ms = time->ns / NS_PER_MS;
    int seconds = (int)(ms / 1000 % 86400);
    char date[TEXT_DATE] = "";
    int used;

    if (time->when == OVERLAY_AFTER) {
        snprintf(text, OVERLAY_TIME_TEXT, "%.9g s after the begin", (double)time->ns / (double)NS_PER_SECOND);
        return text;
    }
    if (time->when == OVERLAY_ONCE)
        text_from_date(time->date, date);
    used = snprintf(text, OVERLAY_TIME_TEXT, "%sat %s%s%02d:%02d:%02d", *date ? "" : "every day ", date, *date ? " " : "",
                    seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (ms % 1000 != 0)
        snprintf(text + used, OVERLAY_TIME_TEXT - (size_t)used, ".%03d", (int)(ms % 1000));
    return text;
}
