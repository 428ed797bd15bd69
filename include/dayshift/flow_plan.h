/*
 * flow_plan.h - a flow to be, the contract from synth to session: who, when, which service,
 * how much; no bytes yet.
 */
#ifndef DAYSHIFT_FLOW_PLAN_H
#define DAYSHIFT_FLOW_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/time_types.h"
#include "dayshift/flow_record.h"
#include "dayshift/service_model.h"
#include "net/ip_address.h"
#include "net/ip_header.h"
#include "net/mac_address.h"
#include "net/wire.h"

enum { FLOW_USUAL_MTU = 1500, FLOW_LEAST_MTU = 1280 /* of IPv6, RFC 8200 */, FLOW_MOST_MTU = 9000 };

struct flow_end {
    struct ip_address address; /* of the same family at both ends */
    uint32_t name; /* names the host's random streams: its IPv4 address where it has one, whatever it uses here */
    uint16_t port;
    uint8_t mac[6];
    uint8_t next_hop[6]; /* to whom its frames of this flow go; all 0: to the MAC of the other end */
    uint16_t link; /* which of the run's links it sends on */
    uint16_t vlan; /* identifier of the tag that it sends with (IEEE 802.1Q): 1..4094, or 0: none */
};

/* The MAC address that frames of `from` for `to` are sent to. */
static inline const uint8_t *flow_end_next_hop(const struct flow_end *from, const struct flow_end *to)
{
    return mac_is_zero(from->next_hop) ? to->mac : from->next_hop;
}

/* Whether the responder says anything. */
enum flow_answer {
    ANSWER_LIKELY, /* as often as in the sampled flows of the service */
    ANSWER_NONE,   /* it is a virtual host, and this one it does not answer */
    ANSWER_SURE    /* it is, and it does; two packets at least are wanted */
};

struct flow_plan {
    struct day_time start;
    uint64_t key; /* names the flow's own random stream */
    uint32_t virtual_host; /* whose model made it */
    struct flow_end ends[2]; /* by enum flow_side */
    uint8_t protocol; /* IP_ICMP stands for that of either family */
    uint16_t mtu; /* of the narrower of the links of both ends, in bytes of IP; 0: FLOW_USUAL_MTU */
    bool to_group; /* broadcast or multicast: nobody answers */
    enum flow_answer answer;
    uint64_t packets; /* wanted, both ways; at least 1 */
    const struct service_model *service; /* NULL: nothing known about such flows */
};

static inline bool flow_plan_is_ipv6(const struct flow_plan *plan)
{
    return !ip_address_is_v4(&plan->ends[0].address);
}

/* The protocol as IP has it. */
static inline uint8_t flow_plan_ip_protocol(const struct flow_plan *plan)
{
    return plan->protocol == IP_ICMP && flow_plan_is_ipv6(plan) ? IP_ICMPV6 : plan->protocol;
}

/* The port of a flow record: plans have the type of IPv4's echo request. */
static inline uint16_t flow_plan_ip_port(const struct flow_plan *plan, enum flow_side side)
{
    bool is_type = side == FLOW_RESPONDER && flow_plan_ip_protocol(plan) == IP_ICMPV6;

    return is_type ? ICMPV6_ECHO_REQUEST << 8 : plan->ends[side].port;
}

/* What fits a frame of the narrower link: bytes of IP payload, without extension headers. */
static inline uint16_t flow_plan_ip_payload(const struct flow_plan *plan)
{
    return (uint16_t)((plan->mtu ? plan->mtu : FLOW_USUAL_MTU) - (flow_plan_is_ipv6(plan) ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES));
}

/* Where plans come from, in order of their starts. */
struct flow_plan_source {
    /* 1: *plan is filled; 0: no more; -1: failed. */
    int (*next)(void *self, struct flow_plan *plan, struct error *err);
    void *self;
};

#endif
