/*
 * arp.h - the address resolution protocol (RFC 826) and the detection of conflicts with it (RFC 5227): bytes alone.
 *
 * Frames have no tag.
 */
#ifndef EMIT_ARP_H
#define EMIT_ARP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/ethernet_header.h"

enum { ARP_FRAME_BYTES = 42 };

enum arp_operation { ARP_REQUEST = 1, ARP_REPLY = 2 };

/* What a frame says. Addresses of IPv4 in host order. */
struct arp {
    enum arp_operation operation;
    uint8_t to[MAC_BYTES]; /* of the Ethernet header */
    uint8_t sender_mac[MAC_BYTES];
    uint32_t sender; /* 0: a probe, whether the target is free */
    uint32_t target;
};

/* False when it is no request or reply of Ethernet and IPv4 from one sender. */
bool arp_parse(struct arp *arp, const uint8_t *frame, size_t size);

/* A request to all, of ARP_FRAME_BYTES: sender 0 makes it a probe, the sender as target an announcement. */
void arp_put_request(uint8_t *frame, const uint8_t mac[MAC_BYTES], uint32_t sender, uint32_t target);

/* The reply to a request, of ARP_FRAME_BYTES: who has `mac` is its target. */
void arp_put_reply(uint8_t *frame, const struct arp *request, const uint8_t mac[MAC_BYTES]);

#endif
