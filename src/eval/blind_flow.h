/*
 * blind_flow.h - a flow as a pcap file from which only its behaviour can be told.
 *
 * What names a network or a recording, and not how a flow behaves, is the same in every such file: addresses
 * of the documentation's networks, one pair of MAC addresses, the initiator's port, the time of the first packet,
 * microseconds, Ethernet, no tags. What is kept: lengths, gaps, the responder's port, and the headers from
 * IP on with their identification, TTL, numbers, windows and options. Without payload a packet is cut behind its
 * TCP or UDP header and has its checksum set to 0; with payload the checksum is made anew where the packet is
 * whole. IPv4 alone, as dayshift synthesizes nothing else.
 */
#ifndef EVAL_BLIND_FLOW_H
#define EVAL_BLIND_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dayshift/flow_record.h"
#include "dayshift/packet_view.h"

enum {
    BLIND_MAX_PACKETS = 1000,    /* of a flow: more are left out, in every file */
    BLIND_MAX_BYTES = 4 << 20    /* of a file, likewise */
};

/* The bytes of the file. Begins zeroed. */
struct blind_flow {
    uint8_t *bytes; /* owned */
    size_t size, capacity;
    uint32_t packets;
    struct day_time first; /* of the source */
    bool is_full;
};

/* May this flow be among those judged: of this protocol, IPv4, whole packets, at least so many of them. */
bool blind_flow_is_eligible(const struct flow_record *record, uint8_t protocol, uint64_t least_packets);

/* Adds a packet of an eligible flow. */
void blind_flow_add(struct blind_flow *flow, enum flow_side side, const struct packet_view *packet,
                    bool keep_payload);

void blind_flow_release(struct blind_flow *flow);

#endif
