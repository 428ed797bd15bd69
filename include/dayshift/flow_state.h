/*
 * flow_state.h - what a flow was to one of its two ends: the state of that host, and whether it was a step
 * of its sequence.
 */
#ifndef DAYSHIFT_FLOW_STATE_H
#define DAYSHIFT_FLOW_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "dayshift/flow_record.h"
#include "dayshift/host_model.h"
#include "dayshift/port_feature.h"
#include "net/wire.h"

enum { FLOW_ICMP_ECHO_TYPE = 8 };

static inline bool flow_has_ports(const struct flow_record *record)
{
    return record->protocol == IP_TCP || record->protocol == IP_UDP;
}

/* A ping is a ping in either version of IP. */
static inline uint8_t flow_service_protocol(const struct flow_record *record)
{
    return flow_has_ports(record) ? record->protocol : IP_ICMP;
}

static inline uint32_t flow_service_port(const struct flow_record *record)
{
    return flow_has_ports(record) ? record->port[FLOW_RESPONDER] : FLOW_ICMP_ECHO_TYPE;
}

static inline struct state_key flow_state_key(const struct flow_record *record, enum host_role role)
{
    uint32_t port = flow_service_port(record);

    return (struct state_key){ role, flow_service_protocol(record),
                               flow_has_ports(record) ? port_feature_of((uint16_t)port) : port };
}

/* A host that did not answer was doing nothing. */
static inline bool flow_is_step(const struct flow_record *record, enum host_role role)
{
    return role == ROLE_INITIATOR || record->packets[FLOW_RESPONDER] > 0;
}

#endif
