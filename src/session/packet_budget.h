/*
 * packet_budget.h - what a session has still to send.
 */
#ifndef SESSION_PACKET_BUDGET_H
#define SESSION_PACKET_BUDGET_H

#include <stdint.h>

#include "base/at_most.h"
#include "base/time_types.h"
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

/*
 * Data packets that a bare ACK acknowledges: those that wait for one and those to come, shared by as many bare ACKs of
 * the side as there are, this one included.
 */
static inline uint64_t packet_budget_ack_share(uint64_t data_packets, uint64_t acks)
{
    return acks == 0 ? data_packets : (data_packets + acks - 1) / acks;
}

/* And all that wait, if it comes so much later than the packet before it: Linux holds back no ACK for longer. */
static inline int64_t packet_budget_ack_patience_ns(int64_t rtt_ns)
{
    return rtt_ns + 40 * NS_PER_MS;
}

#endif
