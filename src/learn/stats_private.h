/*
 * stats_private.h - what learning and merging do to statistics in the same way.
 */
#ifndef LEARN_STATS_PRIVATE_H
#define LEARN_STATS_PRIVATE_H

#include "base/memory.h"
#include "dayshift/network_stats.h"
#include "learn/row_sample.h"

/* Bytes beside those of the tallies, at most: arrays have just doubled. */
enum {
    STATS_ACTIVITY_BYTES = 2 * sizeof(struct activity),
    STATS_SERVICE_BYTES = 2 * sizeof(struct row_sample) + 2 * sizeof(struct service_conditions),
    STATS_NAME_BYTES = 2 * sizeof(char *) + 96, /* LABEL_MAX_NAME and the allocator's */
    STATS_TAG_BYTES = 2 * sizeof(uint64_t),
    STATS_HOST_BYTES = 4 * sizeof(uint32_t) /* its observation and members */
};

/* network_stats_bytes() but for the samples: costs next to nothing. */
size_t stats_counted_bytes(const struct network_stats *stats);

/* Seconds of a slice that an observation covered, which may be new; no slice has more than it lasts. */
void stats_cover(struct network_stats *stats, uint32_t observation, uint32_t slice, uint64_t seconds);

/*
 * Leaves the SERVICE_MAX services of most flows, those with a class, then the lower (label, protocol, port) first where these are
 * equal,
 * and the other ports of each protocol. Of the rest what has a class goes to the same port without one, and what
 * has none, or finds no room there either, to the other ports: flows, samples and conditions. Services have
 * other indices then, in their order; samples of services without a class are open. How many flows went to
 * the other ports.
 */
uint64_t stats_prune_services(struct network_stats *stats);

/* The same, once, but leaves those services that `stays` says, by service. */
uint64_t stats_keep_services(struct network_stats *stats, const bool *stays);

/* Puts samples that are open in order. */
void stats_finish_samples(struct network_stats *stats);

/* The index of the service; a new one has an empty sample and no conditions. */
uint32_t stats_add_service(struct network_stats *stats, uint32_t owner, uint32_t port, uint64_t flows);

/* What its members did in a slice that stats_add_activity() has made for a crowd; valid until the next call. */
struct crowd_activity *stats_crowd_activity(struct network_stats *stats, uint32_t host, uint32_t slice);

/* What a host did in a slice, zeros when it is new; valid until the next call. */
struct activity *stats_add_activity(struct network_stats *stats, uint32_t host, uint32_t slice,
                                    uint64_t flows);

/* A new host of an observation, which may be new, and so many members. */
void stats_add_host(struct network_stats *stats, uint32_t observation, uint32_t members, uint64_t tag);
void stats_add_outside(struct network_stats *stats, uint64_t tag);

/* Outside peer i becomes hosts[i], unless that is TALLY_NONE; the others are numbered anew, in order. */
void stats_settle_peers(struct network_stats *stats, const uint32_t *hosts);

#endif
