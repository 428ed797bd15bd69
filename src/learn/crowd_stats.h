/*
 * crowd_stats.h - statistics in which every host is a crowd of hosts (k-anonymity).
 *
 * What a crowd's members showed adds up, but only what at least `least` of them did is told:
 *
 * - a state that fewer members have is left out, with its flows, and so is a transition;
 * - ports and peers that fewer members had are counted with the others, as if too many to be listed;
 * - bins of volumes, gaps and initiators' ports are put together with their neighbours until `least`
 *   members are in them, and stand where half of the counts are;
 * - a bin of beats that fewer members had is left out: a clock is told where they share it;
 * - five minutes in which fewer members were active share their sums with those before and behind on
 *   the same date; a date on which fewer were active is left out;
 * - services of fewer hosts, of all crowds together, go to the other ports of their protocol.
 *
 * Tags and classes are left out. Sampled flows stay: each is one flow of one host.
 */
#ifndef LEARN_CROWD_STATS_H
#define LEARN_CROWD_STATS_H

#include "dayshift/network_stats.h"

/* Flows of hosts, each once for every host it belongs to. */
struct crowd_stats_counts {
    uint64_t flows, kept_flows; /* of members; of these in states that are kept */
    uint64_t states, kept_states; /* different ones a crowd; of these shown by enough members */
    uint64_t services, kept_services;
};

/* 0; -1 with *err where a host is a crowd already: who did what among its members is not known. */
int crowd_stats_check(const struct network_stats *hosts, struct error *err);

/*
 * From hosts that pass this check (-1 with *err else), with crowd[i] of host i below `crowds`, and
 * `least` hosts of one observation or more in each. `into` was initialised, and is empty.
 */
int crowd_stats_add(struct network_stats *into, const struct network_stats *hosts, const uint32_t *crowd,
                    uint32_t crowds, uint32_t least, struct crowd_stats_counts *counts, struct error *err);

#endif
