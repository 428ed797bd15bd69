/*
 * network_stats.h - the sufficient statistics of a network, the contract from learn to model.
 *
 * Counts and histograms on fixed grids, nothing else: the statistics of two captures add
 * up to those of their union. Hosts, states and transitions are dense indices. No address, name
 * or payload of the source network is in here. With a secret key, hosts and outside peers carry a tag, by
 * which the statistics of two captures know that they speak of the same host; the tag tells nobody
 * without the key which address it was.
 */
#ifndef DAYSHIFT_NETWORK_STATS_H
#define DAYSHIFT_NETWORK_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log_grid.h"
#include "base/tally.h"
#include "base/time_types.h"
#include "dayshift/host_model.h"
#include "dayshift/service_model.h"

/* What a flow can have, one way; a learner refuses more, and so does who reads a model. */
#define FLOW_MAX_PACKETS (UINT64_C(1) << 40)
#define FLOW_MAX_BYTES (UINT64_C(1) << 50)

/* What a model has at most: a learner makes no more, a merge fails, a reader refuses. */
#define NETWORK_MAX_DATE 53376 /* in 2116, the last that is half of 64 bits of nanoseconds */
enum {
    NETWORK_MAX_HOSTS = 1 << 20,
    NETWORK_MAX_STATES = 1 << 26,
    NETWORK_MAX_TRANSITIONS = 1 << 28,
    NETWORK_MAX_OBSERVATIONS = 4096
};

_Static_assert(NETWORK_MAX_DATE < SLICE_MAX_DAYS, "days of a slice are counted");

/* Bins of both ways together are below. */
enum {
    FLOW_PACKET_BINS = 41 * VOLUME_GRID_PER_OCTAVE + 1,
    FLOW_BYTE_BINS = 51 * VOLUME_GRID_PER_OCTAVE + 1,
    FLOW_SIZE_BYTES = 1024 /* more than FLOW_BYTE_BINS */
};

/* The bins of a flow's packets and of its bytes as one symbol. */
static inline uint32_t flow_size_pack(uint32_t packets_bin, uint32_t bytes_bin)
{
    return packets_bin * FLOW_SIZE_BYTES + bytes_bin;
}

static inline uint32_t flow_size_packets_bin(uint32_t packed)
{
    return packed / FLOW_SIZE_BYTES;
}

static inline uint32_t flow_size_bytes_bin(uint32_t packed)
{
    return packed % FLOW_SIZE_BYTES;
}

/* What one host did in one five-minute slice of one date; flows count where they start. */
struct activity {
    uint64_t packets_sent, packets_received;
    uint64_t bytes_sent, bytes_received;
    uint64_t flows_initiated, flows_answered;
};

/*
 * Of the members of a crowd in a slice: how many were active, and the sums of ln packets of each of them
 * and of its square, in units of 2^-ACTIVITY_LOG_BITS: whole numbers, which add up in any order.
 */
enum { ACTIVITY_LOG_BITS = 20 };

struct crowd_activity {
    uint64_t members;
    uint64_t log_sum, log_square_sum;
};

/* Else it is one host's, and its packets tell all. */
static inline bool crowd_activity_has_sums(const struct crowd_activity *crowd)
{
    return crowd->members > 1 || crowd->log_sum > 0;
}

/* A bounded sample of the flows of a service: those with the smallest keys, so that the
 * sample of a union is the smallest of both samples. */
struct row_sample {
    struct keyed_row {
        uint64_t key; /* a hash of the flow */
        struct session_row row; /* owns its sequence */
    } *rows;
    size_t used;
    size_t capacity;
    size_t packets; /* of all sequences together */
};

/*
 * Who was observed together: an observation is what one capture saw, or several whose hosts can be told
 * by their tags. What is covered is covered for the hosts of an observation, and says nothing about others.
 */
enum {
    SLICE_SECONDS = NS_PER_SLICE / NS_PER_SECOND
};

/* A state that keeps a clock does so within these. */
#define BEAT_LEAST_NS NS_PER_SECOND
#define BEAT_MOST_NS (600 * NS_PER_SECOND)

enum { BEAT_BINS = 40 * BEAT_GRID_PER_OCTAVE /* all of them are below */ };

struct network_stats {
    uint32_t host_count;
    uint32_t *host_observations;  /* by host; below observation_count */
    size_t host_observations_capacity;
    uint32_t observation_count;   /* a learner has one */
    uint32_t *host_members;       /* by host: hosts of the source network that it stands for. 1: it is
                                   * one; more: a crowd, and whoever has a crowd has no tags */
    size_t host_members_capacity;
    struct tally states;          /* (host, state_key_pack) -> flows; its index is a state */
    struct tally initial;         /* (host, state) -> times a host's sequence began there */
    struct tally transitions;     /* (state, next state) -> times; its index is a transition */
    struct tally gaps;            /* (transition, bin of ns between the two starts) -> times */
    struct tally beats;           /* (state, bin of ns between the starts of two flows of it in a row, from
                                   * BEAT_LEAST_NS to BEAT_MOST_NS) -> times */
    struct tally volumes;         /* (state, bin of packets) -> flows */
    struct tally bytes;           /* (state, flow_size_pack() of the bins of packets and bytes) -> flows */
    struct tally initiator_ports; /* (state, port feature) -> flows: Song's table b */
    struct tally responder_ports; /* (state, port or PORT_OTHER) -> flows, where the feature is a bin */
    struct tally peers;           /* (state, peer_pack) -> flows */
    struct tally active;          /* (host, slice number) -> flows; its index is in `activity` */
    struct activity *activity;
    size_t activity_capacity;
    struct crowd_activity *crowd_activity; /* by entry of `active`, zeros where the host is no crowd; NULL:
                                            * there is no crowd */
    size_t crowd_activity_capacity;
    struct tally coverage;        /* (observation, slice number) -> seconds of capture, at most
                                   * SLICE_SECONDS */
    struct tally services;        /* (service_owner_pack(), port) -> flows; its index is in `samples` */
    struct row_sample *samples;
    size_t samples_capacity;
    struct service_conditions *conditions; /* by service */
    size_t conditions_capacity;
    struct tally state_labels;    /* (state, label) -> flows of that class; those without one are the rest */
    char **labels;                /* names by number - 1; owned. "TLS.Google" */
    uint32_t label_count;
    size_t label_capacity;
    bool has_tags;
    uint64_t key_check;           /* of the key that made the tags */
    uint64_t *host_tags;          /* by host, when has_tags */
    uint64_t *outside_tags;       /* by id of an outside peer, when has_tags */
    size_t host_tags_capacity, outside_tags_capacity;
    uint32_t outside_count;       /* ids of outside peers are below */
    struct day_time first, last;  /* of the flows */
    uint64_t flows, packets;      /* NETWORK_MAX_SUM at most; no owner's counts add up to more flows (of a
                                   * crowd: to twice as many, for two of its members can have one),
                                   * nor do all services */
};

/* Protocol and label of a service, as the owner of its port. */
static inline uint32_t service_owner_pack(uint8_t protocol, uint32_t label)
{
    return label << 8 | protocol;
}

static inline uint8_t service_owner_protocol(uint32_t owner)
{
    return (uint8_t)owner;
}

static inline uint32_t service_owner_label(uint32_t owner)
{
    return owner >> 8;
}

/* The name of a label other than LABEL_NONE. */
static inline const char *network_stats_label(const struct network_stats *stats, uint32_t label)
{
    return stats->labels[label - 1];
}

/* date * 288 + slice, for dates from 1970 on. */
static inline uint32_t slice_number(struct day_time t)
{
    return t.ns < 0 ? 0 : (uint32_t)day_time_date(t) * DAY_SLICES + day_time_slice(t);
}

/* What is fitted from the statistics. Owned arrays. */
struct network_fit {
    struct mixture *packets;    /* by state */
    struct peer_process *peers; /* by state */
    uint32_t *crowds;           /* by host: the number of those that behave alike, below crowd_count */
    uint32_t crowd_count;
};

void network_stats_init(struct network_stats *stats);
void network_stats_release(struct network_stats *stats);

/*
 * Adds the statistics `from` to `into`, as if one learner had seen both.
 *
 * Where both sides have tags of one key, hosts with equal tags are one host, an address that is outside on
 * one side and a host on the other becomes that host, and both sides are one observation: a host that
 * was seen in one of them was silent in the other. Else all hosts stay apart, observations of `from`
 * come behind those of `into`, and the result is without tags. Hosts, outside peers, states and transitions of
 * `from` that are new come behind those of `into`, in their order.
 *
 * Seconds of a slice that both sides covered add up, to SLICE_SECONDS at most: where parts overlap they
 * count twice. Classes are the same when their names are. The services that stay are the SERVICE_MAX of most
 * flows; beyond LEARN_MAX_PEERS,
 * LEARN_MAX_PORTS and the limit of names, who came first is listed. Sums stop at NETWORK_MAX_SUM.
 *
 * Commutative but for the order, while no list is full. Associative, too, where all parts have tags of
 * one key, or no two have: with A and B of one key and C of none, (A + B) + C knows the hosts of A
 * in B, but A + (B + C) cannot, for B + C has no tags. Who merges many begins with those of one key.
 *
 * 0, or -1 with *err and `into` as it was: more flows, hosts, states, transitions or observations than a
 * model has.
 */
int network_stats_merge(struct network_stats *into, const struct network_stats *from,
                        struct error *err);

/* Memory that the statistics may take, by what is in them: at most, with arrays just doubled. */
size_t network_stats_bytes(const struct network_stats *stats);

#endif
