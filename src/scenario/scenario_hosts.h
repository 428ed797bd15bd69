/*
 * scenario_hosts.h - who of a population there is on one link, for who answers there.
 */
#ifndef SCENARIO_SCENARIO_HOSTS_H
#define SCENARIO_SCENARIO_HOSTS_H

#include "dayshift/link_hosts.h"
#include "scenario/overlay_set.h"
#include "synth/population.h"

struct scenario_hosts; /* opaque */

/*
 * `systems`: by group of the population, what its hosts have; copied. Population and overlays (NULL: none) are borrowed.
 * Nobody answers for addresses that an overlay brings, but they are of the run. The outside is somebody
 * who answers only where it has a place of its own: else it is everywhere and nowhere, and real machines may have its
 * addresses.
 */
struct scenario_hosts *scenario_hosts_new(const struct population *population, const struct overlay_set *overlays,
                                          const enum host_os *systems, uint16_t link);
void scenario_hosts_free(struct scenario_hosts *hosts);

/* Borrows all. */
struct link_hosts scenario_hosts_of(const struct scenario_hosts *hosts);

#endif
