/*
 * time_zone.h - wall-clock time of a place, by the time zone database of the system.
 *
 * A process has one zone: time_zone_set() is called once, before there are threads. Where the clock is set
 * back an hour of the wall clock comes twice, where it is set forward one is missing.
 */
#ifndef BASE_TIME_ZONE_H
#define BASE_TIME_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/time_types.h"

#define TIME_ZONE_DEFAULT "UTC"

/* A name such as "Europe/Madrid" (IANA). -1 with *err, and no change, where the system does not know it. */
int time_zone_set(const char *name, struct error *err);

/* What a wall clock shows, as if it were UTC: its date and slice are those of the place. */
struct day_time time_zone_wall(struct day_time t);

/*
 * When a wall clock shows this. The first time where it does so twice; where it never does, as if the clock had
 * not been set forward yet.
 */
struct day_time time_zone_instant(struct day_time wall);

/* The wall clock has shown this hour before: it was set back in between. */
bool time_zone_is_repeat(struct day_time t);

#endif
