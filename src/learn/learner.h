/*
 * learner.h - flow records in, the statistics of every local host out.
 *
 * Records must come in order of their start, as the flow stage gives them. A local address
 * becomes a host when it sends its first packet; hosts are numbered in that order, or as in
 * the list that was given. Addresses stay inside the learner.
 */
#ifndef LEARN_LEARNER_H
#define LEARN_LEARNER_H

#include <stddef.h>

#include "dayshift/flow_record.h"
#include "dayshift/network_stats.h"

enum {
    LEARN_MAX_HOSTS = 1 << 20, /* local addresses beyond are peers outside; a model takes no more */
    LEARN_MAX_PEERS = 256, /* outside peers listed for one state; more are counted together */
    LEARN_MAX_PORTS = 256  /* the same for responder ports of a bin */
};

/*
 * A silence of the whole network longer than this was not observed, it is a hole in the input;
 * and the sequence of a host that was silent for longer begins anew.
 */
#define LEARN_MAX_SILENCE_NS (3600 * NS_PER_SECOND)

struct learner_config {
    const struct ip_network *local; /* borrowed; none: private addresses are local */
    size_t local_count;
    const struct ip_address *hosts; /* borrowed; when given, these and no others, in this order */
    size_t host_count;
};

struct learner; /* opaque */

struct learner *learner_new(const struct learner_config *config);
void learner_free(struct learner *learner);

/* Has the type of a flow_sink; `learner` is a struct learner. */
void learner_add(void *learner, const struct flow_record *record);

/* Ends the input; the statistics stay the learner's. */
const struct network_stats *learner_finish(struct learner *learner);

/* The address of a host: for the user's own eyes, never for a model. */
const struct ip_address *learner_host_address(const struct learner *learner, uint32_t host);

/* Flows between addresses none of which is local. */
uint64_t learner_foreign_flows(const struct learner *learner);

#endif
