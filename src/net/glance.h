/*
 * glance.h - the little of a frame that a flow log counts. Pure.
 *
 * For Ethernet frames of our own, with one VLAN tag at most, which are well-formed: what is not tells nothing, and no
 * byte outside of it is read. decode.h is for frames of others, and takes ten times as long.
 */
#ifndef NET_GLANCE_H
#define NET_GLANCE_H

#include <stdbool.h>
#include <stdint.h>

struct glance {
    uint32_t ip_bytes;   /* of the IP packet, by its own header; 0: it is none */
    uint8_t tcp_flags;   /* 0: it is not TCP, or a later fragment */
    bool is_unreachable; /* an ICMP error: destination unreachable, as in struct packet_view */
};

struct glance glance_at(const uint8_t *frame, uint32_t length);

#endif
