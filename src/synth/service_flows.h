/*
 * service_flows.h - flows of services, each by itself: no hosts, no day.
 *
 * What labelled sets of flows for classifiers are made of. A service is drawn by its flows, a packet count from its
 * sampled flows; every flow has two hosts of its own, as far as the networks have addresses. Flow i is a pure function of
 * seed and i.
 */
#ifndef SYNTH_SERVICE_FLOWS_H
#define SYNTH_SERVICE_FLOWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dayshift/flow_plan.h"
#include "dayshift/service_model.h"
#include "net/ip_address.h"

struct service_flows_config {
    const struct service_model *services; /* borrowed */
    size_t service_count;
    uint8_t protocol;           /* flows of this one alone; 0: TCP, UDP and pings */
    uint64_t flows;             /* how many are made */
    struct day_time begin;      /* of the first */
    int64_t spacing_ns;         /* between the starts of two, on average (exponential) */
    struct ip_network initiators, responders; /* IPv4 */
    uint64_t seed;
};

struct service_flows; /* opaque */

/* NULL with *err: no service of that protocol, or a network that is not IPv4. */
struct service_flows *service_flows_new(const struct service_flows_config *config, struct error *err);
void service_flows_free(struct service_flows *flows); /* NULL is fine */

/* A source of flow_plan; `self` is the service_flows. */
int service_flows_next(void *self, struct flow_plan *plan, struct error *err);

#endif
