/*
 * bn_packets.h - Falk's packet-level Bayesian network: flows to networks, networks to packets.
 *
 * Falk II. A packet depends on the packet before it alone. Drawn: payload length, time since the packet
 * before, direction, TCP flags, and whether the flow ends here. Given: the same four of the packet before,
 * the packet's index in its flow, and the label of the flow. Numbers are binned by quantiles. The first
 * packets of flows have a network of their own. Knows no budget and, but for one function, no TCP.
 */
#ifndef SESSION_BN_PACKETS_H
#define SESSION_BN_PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "dayshift/service_model.h"
#include "session/bn_state.h"
#include "session/tcp_machine.h"

/* A flow to learn from; borrowed for the call. */
struct bn_flow {
    const struct session_row *row; /* with a sequence */
    uint16_t label;
};

enum bn_impaired {
    BN_WITH_IMPAIRED,   /* packets as captured, as in the paper */
    BN_WITHOUT_IMPAIRED /* without what the network did to packets */
};

struct bn_packets;

/*
 * Learns both networks. Labels are below `labels`, which is 1..65536. NULL when no flow shows its first packet. A
 * flow of which packets were not kept ends nowhere; a packet behind a hole is not learned.
 */
struct bn_packets *bn_packets_new(const struct bn_flow *flows, size_t count, uint32_t labels,
                                  enum bn_impaired impaired);
void bn_packets_free(struct bn_packets *packets); /* NULL is fine */

size_t bn_packets_bytes(const struct bn_packets *packets);

/* A packet as drawn. */
struct bn_packet {
    enum flow_side side;
    uint8_t tcp_flags;
    uint16_t payload_bytes;
    int64_t gap_ns; /* of the first: 0 */
    bool is_last;
};

void bn_packets_draw(const struct bn_packets *packets, struct bn_state *state, struct bn_packet *packet,
                     struct random_stream *random);

/* The same, given that the machine allows the packet. False: it has probability 0; nothing is drawn. */
bool bn_packets_draw_legal(const struct bn_packets *packets, const struct tcp_machine *machine,
                           struct bn_state *state, struct bn_packet *packet, struct random_stream *random);

#endif
