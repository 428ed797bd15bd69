/*
 * flow_of_log.h - the flow record that the records of a log make, once they are put together: who began, how it
 * opened and ended, and what its packets carried, as far as a log tells. Pure.
 */
#ifndef RECORDS_FLOW_OF_LOG_H
#define RECORDS_FLOW_OF_LOG_H

#include "dayshift/flow_record.h"
#include "records/held_flow.h"

struct flow_record flow_of_log(const struct held_flow *flow);

#endif
