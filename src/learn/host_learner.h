/*
 * host_learner.h - what the learner does with a record for a host of its: states, steps, sizes, ports, peers, activity.
 *
 * It knows the addresses of the hosts and of their peers outside, where the sequence of each host stands, and what of
 * each state is listed one by one. What finds no room is counted in *given_up.
 */
#ifndef LEARN_HOST_LEARNER_H
#define LEARN_HOST_LEARNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "learn/address_table.h"
#include "learn/learner.h"
#include "learn/learner_room.h"
#include "learn/observation.h"

struct host_learner {
    /* Borrowed from the learner, for life. */
    const struct learner_config *config;
    const uint8_t *key; /* of tags; NULL: there are none */
    struct network_stats *stats;
    struct observation *observation;
    struct learner_given_up *given_up;

    enum learner_room room; /* for the record at hand: set by the learner */
    struct address_table hosts;   /* number = host */
    struct address_table outside; /* number = id of an outside peer */
    struct host_sequence *sequences; /* owned; by host */
    size_t sequence_capacity;
    struct state_lists *lists; /* owned; by state */
    size_t list_capacity;
    size_t other_entries; /* of other peers and ports: accounted with their states */
};

/* A record, and what both of its hosts need of it. */
struct seen_flow {
    const struct flow_record *record;
    uint32_t label;
    uint32_t packets_bin, bytes_bin;
    bool is_late; /* set here: it began before the last flow of one of them */
};

/* What is borrowed is set. */
void host_learner_init(struct host_learner *learner);
void host_learner_release(struct host_learner *learner);

/* Memory of it, and what of the statistics is accounted with hosts and states. */
size_t host_learner_bytes(const struct host_learner *learner);

/* The host of that address, which is new or was there. */
uint32_t host_learner_add_host(struct host_learner *learner, const struct ip_address *address);

/* What comes next does not follow what was. */
void host_learner_break(struct host_learner *learner, uint32_t host);

/* Adds a flow to the host at that side of it; `peer_host` is the one at the other, or TALLY_NONE. */
void host_learner_add(struct host_learner *learner, uint32_t host, uint32_t peer_host, enum flow_side side,
                      struct seen_flow *seen);

/* An address may be met as a peer before it sends its first packet: it is the host from the start. At the end. */
void host_learner_settle_peers(struct host_learner *learner);

#endif
