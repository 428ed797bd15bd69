/*
 * host_behaviours.h - the hosts of statistics as chains that can be compared, and which are alike.
 */
#ifndef LEARN_HOST_BEHAVIOURS_H
#define LEARN_HOST_BEHAVIOURS_H

#include "dayshift/behaviour.h"
#include "dayshift/network_stats.h"

/* One for each host, in their order. Borrow the mixtures (by state). The caller frees them. */
struct behaviour *host_behaviours_new(const struct network_stats *stats, const struct mixture *mixtures);
void host_behaviours_free(struct behaviour *behaviours, uint32_t count); /* NULL is fine */

/*
 * Crowds of at least `least` hosts: crowd[i] is that of host i. Hosts that were observed apart are never in
 * one crowd: their days cannot be compared. Returns how many there are, numbered in order of their
 * first hosts; -1 with *err when hosts that were observed together are fewer than `least`.
 */
int host_behaviours_crowds(const struct network_stats *stats, const struct behaviour *behaviours,
                           uint32_t least, uint32_t *crowd, struct error *err);

#endif
