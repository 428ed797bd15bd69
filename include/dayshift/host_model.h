/*
 * host_model.h - what is fitted for one host, the contract from model to synth.
 *
 * PT-Markov (Song, section III-B): p(s, x) = p(s1) p(x1|s1) prod p(st|st-1) p(xt|st), with x the
 * natural logarithm of a flow's packets; a semi-Markov clock of gaps; a day profile.
 */
#ifndef DAYSHIFT_HOST_MODEL_H
#define DAYSHIFT_HOST_MODEL_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

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

/* Gaussian mixture over a natural logarithm (Song (2), with weights), as it is fitted. */
enum { MIXTURE_MAX = 5 };

struct mixture {
    uint32_t size;
    struct mixture_component {
        double weight; /* they sum to 1 */
        double mean;
        double sd;
    } components[MIXTURE_MAX];
};

/*
 * The same with what it needs only. Its tail is an invention: what is drawn from it stops at the
 * largest value that was seen.
 */
struct volume_model {
    const struct mixture_component *components;
    double log_max;
    uint32_t size;
};

/* The clock of one transition. */
struct transition_gaps {
    uint32_t next; /* index in the state's `next` */
    struct discrete gaps;
};

struct state_model {
    struct state_key key;
    float mean_bytes; /* of a flow, both ways, headers included; 0 unknown */
    uint64_t flows;
    struct volume_model packets; /* ln of the packets of a flow, both ways */
    struct discrete next;        /* symbols: indices of states of this host */
    struct discrete gaps;        /* bins of the gap clock, all transitions out of this state together */
    struct transition_gaps *own_gaps; /* of transitions that were seen often; ascending */
    uint32_t own_gap_count;
    struct discrete initiator_ports; /* port features */
    struct discrete responder_ports; /* ports, PORT_OTHER; empty when the feature is one port */
    struct discrete peers;           /* packed peers */
};

/* The clock of a transition: its own gaps, or those of its state where they are too few. */
static inline const struct discrete *state_model_gaps(const struct state_model *state, uint32_t next)
{
    const struct transition_gaps *first = state->own_gaps;

    for (uint32_t left = state->own_gap_count; left > 1;) { /* bsearch(3) costs as much as the whole step */
        uint32_t half = left / 2;

        first += first[half].next <= next ? half : 0;
        left -= half;
    }
    return state->own_gap_count > 0 && first->next == next ? &first->gaps : &state->gaps;
}

/* One of the 288 parts of a day in which a host was active on some day. */
struct slice_profile {
    uint16_t slice;
    uint16_t active; /* days, of those on which the capture covered the slice */
    float log_mean;  /* of ln packets of the slice when active */
    float log_sd;    /* unbiased over days; 0 below two days */
};

enum { HOST_MAX_STATES = 1 << 16, SLICE_MAX_DAYS = UINT16_MAX };

struct host_model {
    uint32_t id;
    uint32_t state_count;
    uint64_t flows;
    struct state_model *states;
    struct discrete frequency; /* of the states: Song's pi; symbols are state indices */
    struct discrete initial;
    struct discrete under_way; /* all transitions, those of the first state first, in proportion to the
                                * time spent in each: which one a moment chosen at random falls into */
    double mean_packets;       /* E[packets of a flow] under `frequency`; finite, at least 1 */
    double log_slice_max;      /* ln packets of the busiest slice that was learned */
    struct slice_profile *profile; /* ascending; a slice that is not in it: never active */
    uint32_t profile_size;
    const uint16_t *observed_days; /* by slice of the day; 0: unknown, not silent. Shared by
                                    * the hosts that were observed together. */
};

static inline int slice_profile_compare(const void *slice, const void *at)
{
    return (int)*(const uint32_t *)slice - (int)((const struct slice_profile *)at)->slice;
}

/* What the host did in a slice of the day; NULL: it was never active, or the slice never observed. */
static inline const struct slice_profile *host_model_slice(const struct host_model *host,
                                                           uint32_t slice)
{
    if (host->profile_size == 0)
        return NULL;
    return bsearch(&slice, host->profile, host->profile_size, sizeof *host->profile, slice_profile_compare);
}

#endif
