/*
 * host_model.h - what is fitted for one host, the contract from model to synth.
 *
 * PT-Markov (Song, section III-B): p(s, x) = p(s1) p(x1|s1) prod p(st|st-1) p(xt|st), with x the
 * natural logarithm of a flow's packets; a semi-Markov clock of gaps; a day profile.
 */
#ifndef DAYSHIFT_HOST_MODEL_H
#define DAYSHIFT_HOST_MODEL_H

#include <stdbool.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/discrete.h"
#include "base/time_types.h"
#include "dayshift/port_feature.h"
#include "net/wire.h"

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

/* A ping has none. */
static inline bool state_key_has_ports(struct state_key key)
{
    return key.protocol == IP_TCP || key.protocol == IP_UDP;
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

/* Outside, and listed one by one: not one of the others of its state. */
static inline bool peer_is_listed_outside(struct peer peer)
{
    return peer.kind == PEER_OUTSIDE && peer.id != PEER_ID_OTHER;
}

/* How a state meets new peers outside: a Pitman-Yor process, as it is fitted. */
struct peer_process {
    double discount;
    double concentration; /* 0: the state has no peer outside */
};

#define PEER_DISCOUNT_LEAST 0.001
#define PEER_DISCOUNT_MOST 0.99
#define PEER_CONCENTRATION_LEAST 0.001
#define PEER_CONCENTRATION_MOST 1e6

/*
 * The same for drawing, given who was met (all zeros: nobody new is ever met). A listed peer gives way to a new
 * one with probability peer_novelty_fresh(), and one of c flows is gone for good with probability discount / c:
 * that is the posterior of the process on average. New peers come from a process of the same discount and the
 * concentration peer_novelty_strength(). 8 bytes.
 */
struct peer_novelty {
    uint16_t fresh;    /* as peer_number_pack(): concentration / (flows outside + concentration) */
    uint16_t strength; /* the same: concentration + discount * peers met */
    uint16_t unlisted; /* of 65535: share of the flows that went to peers who are not listed, all of them new */
    uint8_t discount;  /* of 256 */
    uint8_t known;     /* of 255: new peers that are peers of other states of the same role */
};

/* A number from 2^-32 to 2^31 to within 0.04 %, or 0. */
static inline uint16_t peer_number_pack(double number)
{
    return number > 0 ? (uint16_t)fmin(fmax(1 + round((log2(number) + 32) * 1024), 1), UINT16_MAX) : 0;
}

static inline double peer_number_unpack(uint16_t packed)
{
    return packed > 0 ? exp2((packed - 1) / 1024.0 - 32) : 0;
}

static inline double peer_novelty_fresh(const struct peer_novelty *novelty)
{
    return peer_number_unpack(novelty->fresh);
}

static inline double peer_novelty_strength(const struct peer_novelty *novelty)
{
    return peer_number_unpack(novelty->strength);
}

static inline double peer_novelty_discount(const struct peer_novelty *novelty)
{
    return novelty->discount / 256.0;
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
    float log_max;
    uint32_t size;
};

/* The clock of one transition. */
struct transition_gaps {
    uint32_t next; /* index in the state's `next` */
    struct discrete gaps;
};

/* `label` of a state whose flows have several, or some of them none: the host has its mix. */
#define STATE_LABELS_MIXED UINT16_MAX

/* Which classes the flows of a state have; of states that have several. */
struct state_labels {
    uint32_t state; /* index in the host's states */
    struct discrete labels; /* LABEL_NONE is among them where some flows have none */
};

struct state_model {
    struct state_key key;
    float mean_bytes; /* of a flow, both ways, headers included; 0 unknown */
    float beat_s;    /* it keeps a clock: seconds from a flow to the next one of this state; 0: it does not */
    float beat_sd_s; /* how far these differ */
    uint64_t flows;
    struct volume_model packets; /* ln of the packets of a flow, both ways */
    struct transition_gaps *own_gaps; /* of transitions that were seen often; ascending */
    uint16_t own_gap_count;
    uint16_t label; /* of all its flows; LABEL_NONE; STATE_LABELS_MIXED */
    struct discrete next;            /* symbols: indices of states of this host */
    struct discrete gaps;            /* bins of the gap clock, all transitions out of this state together */
    struct discrete initiator_ports; /* port features */
    struct discrete responder_ports; /* ports, PORT_OTHER; empty when the feature is one port */
    struct discrete peers;           /* packed peers, listed ones alone */
    struct peer_novelty novelty;
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

/* Days that are alike; which one a date is of: day_class_of(). */
enum day_class { DAY_WEEKDAY, DAY_WEEKEND, DAY_CLASSES };

/* Saturday and Sunday are the weekend. */
static inline enum day_class day_class_of(int32_t date)
{
    return date_weekday(date) >= 5 ? DAY_WEEKEND : DAY_WEEKDAY;
}

/*
 * One of the 288 parts of a day in which a host was active on some day: probability of being active, and how
 * much it did when active. 8 bytes: fixed point, rounded to the nearest.
 */
struct slice_profile {
    uint16_t slice;
    uint8_t active; /* share of the days on which the slice was observed, in 1/255; at least 1. Of a crowd:
                     * of the days of all members */
    uint8_t sd;     /* of ln packets, over days, in 1/32 */
    uint16_t mean;  /* ln of the mean packets of the slice, in 1/1024 */
    uint16_t flows; /* ln of the mean flows of the slice, in 1/1024 */
};

static inline double slice_profile_share(const struct slice_profile *p)
{
    return p->active / 255.0;
}

static inline double slice_profile_log_packets(const struct slice_profile *p)
{
    return p->mean / 1024.0;
}

static inline double slice_profile_log_sd(const struct slice_profile *p)
{
    return p->sd / 32.0;
}

static inline double slice_profile_log_flows(const struct slice_profile *p)
{
    return p->flows / 1024.0;
}

/* The days of one class. */
struct class_profile {
    struct slice_profile *slices; /* ascending; a slice that is not in it: never active */
    uint32_t size;
    const uint16_t *observed; /* days, by slice; 0: unknown, not silent. Shared by the hosts that
                               * were observed together. */
};

enum { HOST_MAX_STATES = 1 << 16, SLICE_MAX_DAYS = UINT16_MAX };

struct host_model {
    uint32_t id;
    uint32_t members; /* hosts of the source network that it stands for: 1, or more of a crowd */
    uint32_t crowd;   /* number of the hosts of the model that behave alike */
    uint32_t state_count;
    uint64_t flows;
    struct state_model *states;
    struct discrete frequency; /* of the states: Song's pi; symbols are state indices */
    struct discrete initial;
    struct discrete entry; /* all transitions, those of the first state first, then the states of `initial`,
                            * in proportion to how often they led into another slice */
    uint32_t mix_count;
    struct state_labels *mixes; /* ascending in state */
    double mean_packets;       /* E[packets of a flow] under `frequency`; finite, at least 1 */
    double log_slice_max;      /* ln packets of the busiest slice that was learned */
    struct class_profile days[DAY_CLASSES]; /* both the same where too few dates were observed to tell */
};

/* Weekends are told apart from weekdays. */
static inline bool host_model_has_classes(const struct host_model *host)
{
    return host->days[DAY_WEEKEND].slices != host->days[DAY_WEEKDAY].slices;
}

static inline int slice_profile_compare(const void *slice, const void *at)
{
    return (int)*(const uint32_t *)slice - (int)((const struct slice_profile *)at)->slice;
}

/* What the host did in a slice of such days; NULL: it was never active, or the slice never observed. */
static inline const struct slice_profile *class_profile_slice(const struct class_profile *days,
                                                              uint32_t slice)
{
    if (days->size == 0)
        return NULL;
    return bsearch(&slice, days->slices, days->size, sizeof *days->slices, slice_profile_compare);
}

#endif
