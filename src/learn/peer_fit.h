/*
 * peer_fit.h - how often a state meets new peers: a Pitman-Yor process fitted to who its peers were.
 *
 * With discount d and concentration theta, the flow after n flows to K peers goes to peer j with
 * probability (c_j - d) / (n + theta), and to a new one with (theta + d K) / (n + theta) (Pitman and
 * Yor 1997). Pure.
 */
#ifndef LEARN_PEER_FIT_H
#define LEARN_PEER_FIT_H

#include <stddef.h>
#include <stdint.h>

#include "dayshift/host_model.h"

/*
 * The peers of a state: of each number of flows, how many peers had so many; and flows to peers that
 * came when the list was full.
 */
struct peer_partition {
    const struct peer_group {
        uint64_t flows; /* > 0 */
        uint32_t peers; /* > 0 */
    } *groups;
    uint32_t group_count;
    uint64_t unlisted;
};

/*
 * Natural logarithm of the probability that the process gives these peers so many flows, in one order of
 * the flows in which listed peers come first: with K listed, n flows and (x)_m = x (x+1) .. (x+m-1),
 * prod_{k<K} (theta + k d) prod_j (1-d)_{c_j - 1} (theta + K d)_unlisted / (theta + 1)_{n - 1}.
 */
double peer_fit_log_probability(const struct peer_partition *partition, const struct peer_process *process);

/*
 * The process that makes all partitions together most probable, times a prior: normal in logit(d) and
 * ln(theta) around those of `prior`, with standard deviations of 1 and 1.5, so that a state of few
 * flows is as its host, and a host of few as all. Within PEER_DISCOUNT_* and PEER_CONCENTRATION_*.
 */
struct peer_process peer_fit(const struct peer_partition *partitions, size_t count,
                             const struct peer_process *prior);

#endif
