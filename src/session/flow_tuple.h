/*
 * flow_tuple.h - the ends of a flow, as a key.
 */
#ifndef SESSION_FLOW_TUPLE_H
#define SESSION_FLOW_TUPLE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/random.h"
#include "dayshift/flow_plan.h"
#include "net/ip_address.h"
#include "net/wire.h"

struct flow_tuple {
    struct ip_address address[2]; /* by enum flow_side */
    uint16_t port[2];
    uint8_t protocol;
};

static inline struct flow_tuple flow_tuple_of(const struct flow_plan *plan)
{
    return (struct flow_tuple){ { plan->ends[0].address, plan->ends[1].address },
                                { plan->ends[0].port, plan->ends[1].port },
                                plan->protocol };
}

/* The same two hosts and service; the initiator's port may differ. */
static inline bool flow_tuple_same_service(const struct flow_tuple *a, const struct flow_tuple *b)
{
    return ip_address_equal(&a->address[0], &b->address[0]) && ip_address_equal(&a->address[1], &b->address[1]) &&
           a->port[FLOW_RESPONDER] == b->port[FLOW_RESPONDER] && a->protocol == b->protocol;
}

static inline bool flow_tuple_equal(const struct flow_tuple *a, const struct flow_tuple *b)
{
    return flow_tuple_same_service(a, b) && a->port[FLOW_INITIATOR] == b->port[FLOW_INITIATOR];
}

/* Not for what somebody else chooses: sums of words can cancel. */
static inline uint64_t flow_tuple_service_hash(const struct flow_tuple *t)
{
    uint64_t words[4];

    memcpy(words, t->address, sizeof words);
    words[2] ^= (uint64_t)t->protocol << 16 | t->port[FLOW_RESPONDER];
    return random_mix64(words[0] + words[1] + random_mix64(words[2] + random_mix64(words[3])));
}

static inline uint64_t flow_tuple_hash(const struct flow_tuple *t)
{
    return random_mix64(flow_tuple_service_hash(t) ^ t->port[FLOW_INITIATOR]);
}

#endif
