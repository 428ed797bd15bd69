/*
 * service_learner.h - what the learner does with a record for its service: counts, conditions, the sample.
 */
#ifndef LEARN_SERVICE_LEARNER_H
#define LEARN_SERVICE_LEARNER_H

#include <stddef.h>

#include "dayshift/flow_record.h"
#include "dayshift/network_stats.h"
#include "learn/learner.h"
#include "learn/learner_room.h"

struct service_learner {
    size_t max_bytes; /* that samples may take; 0: unbounded. Beyond, they get a few rows without packets */
    size_t sampled_rows, sampled_packets; /* of all services */
};

/* Zeroed but for its bound, and statistics without services, to begin with. What finds no room is counted in
 * *given_up. */
void service_learner_add(struct service_learner *learner, struct network_stats *stats,
                         const struct flow_record *record, uint32_t label, enum learner_room room,
                         struct learner_given_up *given_up);

/* Memory that the samples take, at most. */
size_t service_learner_bytes(const struct service_learner *learner);

/* Leaves what belongs to a model. */
void service_learner_finish(struct service_learner *learner, struct network_stats *stats,
                            struct learner_given_up *given_up);

#endif
