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
    STATS_NAME_BYTES = 2 * sizeof(char *) + 96, /* APPLICATION_NAME_BYTES and the allocator's */
    STATS_TAG_BYTES = 2 * sizeof(uint64_t),
    STATS_HOST_BYTES = 2 * sizeof(uint32_t) /* its observation */
};

/* Sums stay below what a model file takes. */
#define STATS_MAX_SUM (UINT64_C(1) << 52)

static inline void stats_add(uint64_t *sum, uint64_t more)
{
    *sum = more < STATS_MAX_SUM - *sum ? *sum + more : STATS_MAX_SUM;
}

/* network_stats_bytes() but for the samples: costs next to nothing. */
size_t stats_counted_bytes(const struct network_stats *stats);

/* Seconds of a slice that an observation covered, which may be new; no slice has more than it lasts. */
void stats_cover(struct network_stats *stats, uint32_t observation, uint32_t slice, uint64_t seconds);

/* The port, or SERVICE_OTHER_PORTS when it is new and there are SERVICE_MAX services already. */
uint32_t stats_service_port(const struct network_stats *stats, uint8_t protocol, uint32_t port);

/* The index of the service; a new one has an empty sample and no conditions. */
uint32_t stats_add_service(struct network_stats *stats, uint8_t protocol, uint32_t port,
                           uint64_t flows);

/* What a host did in a slice, zeros when it is new; valid until the next call. */
struct activity *stats_add_activity(struct network_stats *stats, uint32_t host, uint32_t slice,
                                    uint64_t flows);

/* A new host of an observation, which may be new. */
void stats_add_host(struct network_stats *stats, uint32_t observation, uint64_t tag);
void stats_add_outside(struct network_stats *stats, uint64_t tag);

/* Outside peer i becomes hosts[i], unless that is TALLY_NONE; the others are numbered anew, in order. */
void stats_settle_peers(struct network_stats *stats, const uint32_t *hosts);

#endif
