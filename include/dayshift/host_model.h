/*
 * host_model.h - what is fitted for one host, the contract from model to synth.
 *
 * PT-Markov (Song, section III-B): p(s, x) = p(s1) p(x1|s1) prod p(st|st-1) p(xt|st), with x the
 * natural logarithm of a flow's packets; a semi-Markov clock of gaps; a day profile.
 */
#ifndef DAYSHIFT_HOST_MODEL_H
#define DAYSHIFT_HOST_MODEL_H

#include <stdint.h>

#include "base/discrete.h"
#include "base/time_types.h"
#include "dayshift/port_feature.h"

/* A state: what a host does in one flow. */
enum host_role { ROLE_INITIATOR = 0, ROLE_RESPONDER = 1 };

struct state_key {
    enum host_role role;
    uint8_t protocol;
    uint32_t port_feature; /* of the responder's port; ICMP: the type */
};

static inline uint32_t state_key_pack(struct state_key key)
{
    return (uint32_t)key.role << 24 | (uint32_t)key.protocol << 16 | key.port_feature;
}

static inline struct state_key state_key_unpack(uint32_t packed)
{
    return (struct state_key){ (enum host_role)(packed >> 24 & 1), (uint8_t)(packed >> 16),
                               packed & 0xffff };
}

/* Stands for the ports of a feature that were too many to be listed one by one. */
#define PORT_OTHER 65536

/* Who is at the other end of a flow, without a name. */
enum peer_kind {
    PEER_LOCAL,   /* id: the host's index in the model */
    PEER_OUTSIDE, /* id: an arbitrary number, the same for all hosts of the model */
    PEER_GROUP    /* broadcast or multicast; id 0 */
};

#define PEER_ID_BITS 28
#define PEER_ID_OTHER ((UINT32_C(1) << PEER_ID_BITS) - 1) /* outside, beyond those listed */

struct peer {
    enum peer_kind kind;
    uint32_t id;
};

static inline uint32_t peer_pack(struct peer peer)
{
    return (uint32_t)peer.kind << PEER_ID_BITS | peer.id;
}

static inline struct peer peer_unpack(uint32_t packed)
{
    return (struct peer){ (enum peer_kind)(packed >> PEER_ID_BITS), packed & PEER_ID_OTHER };
}

/*
 * Gaussian mixture over a natural logarithm (Song (2), with weights). Its tail is an invention: what
 * is drawn from it stops at the largest value that was seen.
 */
enum { MIXTURE_MAX = 5 };

struct mixture {
    uint32_t size;
    double log_max;
    struct mixture_component {
        double weight; /* they sum to 1 */
        double mean;
        double sd;
    } components[MIXTURE_MAX];
};

struct state_model {
    struct state_key key;
    uint64_t flows;
    struct mixture packets;       /* ln of the packets of a flow, both ways */
    struct discrete next;         /* symbols: indices of states of this host */
    struct discrete *next_gaps;   /* next.size of them: bins of the gap clock; empty: use gaps */
    struct discrete gaps;         /* all transitions out of this state together */
    struct discrete initiator_ports; /* port features */
    struct discrete responder_ports; /* ports, PORT_OTHER; empty when the feature is one port */
    struct discrete peers;           /* packed peers */
};

/* One of 288 parts of a day; `observed` 0 means unknown, not silent. */
struct slice_profile {
    uint32_t observed; /* days on which the capture covered it */
    uint32_t active;   /* of these, with a flow of this host */
    float log_mean;    /* of ln packets of the slice when active */
    float log_sd;      /* unbiased over days; 0 below two days */
};

/* A transition of a host: the index of a state, and that of its successor in `next`. */
enum { HOST_MAX_STATES = 1 << 16 };

static inline uint32_t transition_pack(uint32_t state, uint32_t next)
{
    return state << 16 | next;
}

struct host_model {
    uint32_t id;
    uint64_t flows;
    struct state_model *states;
    uint32_t state_count;
    struct discrete frequency; /* of the states: Song's pi; symbols are state indices */
    struct discrete initial;
    struct discrete under_way; /* packed transitions, in proportion to the time spent in each:
                                * which one a moment chosen at random falls into */
    double mean_packets; /* E[packets of a flow] under `frequency` */
    double log_slice_max; /* ln packets of the busiest slice that was learned */
    struct slice_profile profile[DAY_SLICES];
};

#endif
