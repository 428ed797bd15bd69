/*
 * delayed_ack.h - how much a bare ACK acknowledges: one rule for the packet model, which draws no ACK in vain, and for
 * the numbers of the connection.
 */
#ifndef SESSION_DELAYED_ACK_H
#define SESSION_DELAYED_ACK_H

#include <stdint.h>

#include "base/time_types.h"

/*
 * Data packets for one bare ACK: those that wait and those to come, shared by the packets without payload that its side
 * has still to send, this one included: of `packets`, all but `data_packets`.
 */
static inline uint64_t delayed_ack_share(uint64_t waiting_and_to_come, uint64_t packets, uint64_t data_packets)
{
    uint64_t acks = packets > data_packets ? packets - data_packets : 0;

    return acks == 0 ? waiting_and_to_come : (waiting_and_to_come + acks - 1) / acks;
}

/* And all that wait, if it comes so much later than the packet before it: Linux holds back no ACK for longer. */
static inline int64_t delayed_ack_patience_ns(int64_t rtt_ns)
{
    return rtt_ns + 40 * NS_PER_MS;
}

#endif
