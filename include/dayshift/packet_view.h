/*
 * packet_view.h - one decoded packet, the contract from capture to flow.
 *
 * Nothing is borrowed: the view is plain numbers and may be kept.
 */
#ifndef DAYSHIFT_PACKET_VIEW_H
#define DAYSHIFT_PACKET_VIEW_H

#include <stdint.h>

#include "base/time_types.h"
#include "net/ip_address.h"
#include "net/wire.h"

struct packet_view {
    struct day_time time;
    struct ip_address source;
    struct ip_address destination;
    uint8_t protocol; /* of the IP payload, behind IPv6 extension headers */
    uint8_t ttl;      /* or hop limit */
    uint16_t source_port;      /* an echo request: its identifier */
    uint16_t destination_port; /* an echo request: type << 8 | code; a reply has the two swapped */
    uint8_t icmp_type;
    uint8_t tcp_flags;
    uint16_t tcp_mss; /* of the option on a SYN, else 0 */
    uint16_t tcp_window;
    uint32_t tcp_sequence;
    uint32_t tcp_acknowledgement;
    uint32_t ip_bytes;      /* length of the IP packet by its own header, also when cut by a snaplen */
    uint32_t payload_bytes; /* above TCP, UDP or ICMP, by their lengths; in this fragment */
};

#endif
