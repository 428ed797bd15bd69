/*
 * localtime_r(3) of the C library, which knows one zone: that of the environment variable TZ. It takes a name that
 * it does not know for UTC, silently; so the file of the zone is looked for first. Until a zone is set it is UTC,
 * whatever the machine has: the same input gives the same model everywhere.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* tm_gmtoff */
#endif
#include "base/time_zone.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ZONE_FOLDER "/usr/share/zoneinfo"

static bool is_set; /* as global as TZ is */

#define LONGEST_REPEAT_NS (3 * 3600 * NS_PER_SECOND)

/* Letters, digits and -+_ in parts between slashes, none of which is "." or "..": no dot at all. */
static bool is_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+_/";

    return *name != '\0' && *name != '/' && strlen(name) < 128 && strspn(name, allowed) == strlen(name);
}

static bool is_zone_file(const char *path)
{
    char magic[4] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_zone = fd >= 0 && read(fd, magic, sizeof magic) == (ssize_t)sizeof magic &&
                   memcmp(magic, "TZif", sizeof magic) == 0;

    if (fd >= 0)
        close(fd);
    return is_zone;
}

int time_zone_set(const char *name, struct error *err)
{
    const char *folder = getenv("TZDIR");
    char path[PATH_MAX];
    char value[PATH_MAX + 1];
    bool is_utc = strcmp(name, TIME_ZONE_DEFAULT) == 0;

    snprintf(path, sizeof path, "%s/%s", folder ? folder : ZONE_FOLDER, name);
    if (!is_utc && (!is_name(name) || !is_zone_file(path)))
        return error_set(err, "'%s' is not a time zone that this system knows: a name below %s (package"
                         " tzdata), such as Europe/Madrid, or UTC", name, folder ? folder : ZONE_FOLDER);
    snprintf(value, sizeof value, ":%s", path);
    setenv("TZ", is_utc ? "UTC0" : value, 1);
    tzset();
    is_set = !is_utc;
    return 0;
}

/*
 * How far the wall clock is ahead. Whole slices: before 1972 zones may differ by odd seconds, and slices are to
 * begin where those of UTC do.
 */
static int64_t offset_ns(struct day_time t)
{
    time_t seconds = (time_t)(t.ns / NS_PER_SECOND - (t.ns % NS_PER_SECOND < 0));
    struct tm broken;

    if (!is_set || localtime_r(&seconds, &broken) == NULL)
        return 0;
    return broken.tm_gmtoff / (NS_PER_SLICE / NS_PER_SECOND) * NS_PER_SLICE;
}

struct day_time time_zone_wall(struct day_time t)
{
    return (struct day_time){ t.ns + offset_ns(t) };
}

struct day_time time_zone_instant(struct day_time wall)
{
    /* A day before and a day after there is one offset, or the two between which the clock is set. */
    int64_t before = offset_ns((struct day_time){ wall.ns - NS_PER_DAY });
    int64_t after = offset_ns((struct day_time){ wall.ns + NS_PER_DAY });
    struct day_time first = { wall.ns - before };
    struct day_time second = { wall.ns - after };

    return offset_ns(first) == before || offset_ns(second) != after ? first : second;
}

bool time_zone_is_repeat(struct day_time t)
{
    int64_t now = offset_ns(t);
    int64_t before = offset_ns((struct day_time){ t.ns - LONGEST_REPEAT_NS });
    struct day_time twin = { t.ns + now - before };

    return before > now && offset_ns(twin) == before;
}
