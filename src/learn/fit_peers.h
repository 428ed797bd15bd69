/*
 * fit_peers.h - how every state of a network meets new peers: all states of a role, then those of a host,
 * then each of them, what comes before being the prior of what follows.
 */
#ifndef LEARN_FIT_PEERS_H
#define LEARN_FIT_PEERS_H

#include "dayshift/network_stats.h"

/* By state; the caller frees. */
struct peer_process *fit_peers(const struct network_stats *stats);

#endif
