/*
 * gate.h - the last thing before a sink: what may not leave does not leave.
 *
 * A frame passes when it is IPv4 or IPv6, its source is one that sends on this link with the VLAN tag that the frame
 * has, or without one; its destination lies in an allowed network, is multicast or 255.255.255.255; and it fits the
 * link. Everything else is refused and counted: two tags, a tag of priority alone, a routing header of IPv6 too, and
 * options of IPv4 but for a router alert: source routes are among them. Pure; costs a few nanoseconds.
 */
#ifndef EMIT_GATE_H
#define EMIT_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dayshift/frame.h"
#include "net/ip_address.h"

/* A network, so that it is quickly seen who lies in it. Numbers in host order; of IPv4 in the form of IPv6. */
struct gate_network {
    uint64_t high, low;
    uint64_t high_mask, low_mask;
    bool is_v4;
};

/* Of prefix 0 it is none, and holds nobody: ::/0 too, as that is what all-zero networks look like. */
struct gate_network gate_network_of(const struct ip_network *network);

/* The same of several, for the caller to free(). */
struct gate_network *gate_networks_new(const struct ip_network *networks, size_t count);

/* Who may send, and how. */
struct gate_sender {
    struct gate_network network;
    uint16_t vlan; /* the tag, priority 0; 0: none */
};

struct gate {
    const struct gate_network *networks; /* borrowed: virtual hosts and outside */
    size_t network_count;
    uint32_t max_frame_bytes; /* MTU + ETHERNET_BYTES, to which a tag's 4 are added; 0: FRAME_MAX_BYTES */
    const struct gate_sender *senders; /* borrowed; NULL: all that is in `networks`, untagged */
    size_t sender_count;
};

bool gate_passes(const struct gate *gate, const struct frame *frame);

#endif
