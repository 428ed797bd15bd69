/*
 * packet_budget.h - what a session has still to send.
 */
#ifndef SESSION_PACKET_BUDGET_H
#define SESSION_PACKET_BUDGET_H

#include <stdint.h>

#include "base/at_most.h"
#include "dayshift/flow_record.h"

/* By enum flow_side. */
struct packet_budget {
    uint64_t packets[2];
    uint64_t data_packets[2]; /* of these, with payload */
    uint64_t payload_bytes[2]; /* about; 0 also when more were sent than planned */
};

/* A packet goes out; what is not there is not owed. */
static inline void packet_budget_pay(struct packet_budget *left, enum flow_side side, uint64_t payload_bytes)
{
    left->packets[side] -= left->packets[side] > 0;
    left->data_packets[side] -= payload_bytes > 0 && left->data_packets[side] > 0;
    left->payload_bytes[side] -= at_most(payload_bytes, left->payload_bytes[side]);
}

#endif
