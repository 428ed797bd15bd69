/*
 * netflow.h - SYNTHESIZE-NETFLOW (Song): flows of one or many virtual hosts, in order of time, without an end.
 *
 * Each host goes through its own sequence from the beginning on, day and night. Its random stream is named by
 * its address: whoever else is chosen changes nothing but who makes a flow between two chosen hosts, which is
 * always its initiator's sequence. A flow with a host that was not chosen has that host's address.
 *
 * Flows that start at the same nanosecond are in order of their hosts.
 */
#ifndef SYNTH_NETFLOW_H
#define SYNTH_NETFLOW_H

#include "dayshift/flow_plan.h"
#include "synth/flow_sequence.h"
#include "synth/population.h"

/* No flow starts later: the year 2200, the last that formats of records and their readers know. */
#define NETFLOW_END_NS (INT64_C(7258118400) * NS_PER_SECOND)

struct netflow_config {
    const struct population *population; /* borrowed */
    const uint32_t *hosts; /* those chosen, ascending, as indices of the population; borrowed for the call */
    uint32_t host_count;
    uint64_t seed;
    struct day_time begin;
};

struct netflow; /* opaque */

/* NULL: none of the hosts has a state. */
struct netflow *netflow_new(const struct netflow_config *config, struct error *err);
void netflow_free(struct netflow *netflow); /* NULL is fine */

/* A source of flow_plan; `self` is the netflow. Never 0: it fails when time is over, or nobody makes a flow. */
int netflow_next(void *self, struct flow_plan *plan, struct error *err);

/* The stream of a host's sequence. */
void netflow_stream(const struct population *population, uint32_t host, uint64_t seed,
                    struct random_stream *random);

#endif
