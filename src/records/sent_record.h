/*
 * sent_record.h - a line of the log of what was sent: a flow record, and what only its sender knows.
 */
#ifndef RECORDS_SENT_RECORD_H
#define RECORDS_SENT_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "dayshift/flow_record.h"

struct sent_record {
    struct flow_record flow; /* its application is the label; no payload, no more than what tallies tell */
    uint32_t population, host; /* from 1; 0: of none */
    const char *overlay;     /* "": of none */
    const char *link[2];     /* names, "": it has none; by enum flow_side */
    uint16_t vlan[2];
    uint64_t unsent;         /* frames that were made and not sent */
    bool is_cut;             /* sending ended before the flow did */
};

#endif
