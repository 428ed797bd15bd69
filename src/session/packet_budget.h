/*
 * packet_budget.h - what a session has still to send.
 */
#ifndef SESSION_PACKET_BUDGET_H
#define SESSION_PACKET_BUDGET_H

#include <stdint.h>

#include "base/at_most.h"
#include "dayshift/flow_record.h"
#include "session/datagram.h"

/* By enum flow_side. */
struct packet_budget {
    uint64_t packets[2];      /* frames: of a datagram in pieces each */
    uint64_t data_packets[2]; /* of these, with payload */
    uint64_t payload_bytes[2]; /* about; 0 also when more were sent than planned */
};

/* A packet goes out, with as many frames as it takes; what is not there is not owed. */
static inline void packet_budget_pay(struct packet_budget *left, enum flow_side side, uint8_t protocol,
                                     uint32_t payload_bytes)
{
    uint64_t frames = datagram_pieces(protocol, payload_bytes);

    left->packets[side] -= at_most(frames, left->packets[side]);
    left->data_packets[side] -= payload_bytes > 0 ? at_most(frames, left->data_packets[side]) : 0;
    left->payload_bytes[side] -= at_most(payload_bytes, left->payload_bytes[side]);
}

#endif
