/*
 * packet_view.h - one decoded packet, the contract from capture to flow.
 *
 * Plain numbers that may be kept, but for `ip`, which is valid until the next read, and `file`.
 */
#ifndef DAYSHIFT_PACKET_VIEW_H
#define DAYSHIFT_PACKET_VIEW_H

#include <stdbool.h>
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
    uint8_t tcp_options;      /* enum tcp_option_bit */
    uint32_t tcp_timestamp;   /* the sender's, with TCP_OPTION_TIMESTAMPS */
    uint8_t tcp_window_scale; /* of the option on a SYN, else 0 */
    bool fragment;       /* one piece of a packet; the later ones have the ports of the first */
    bool later_fragment; /* and not the first piece */
    bool is_unreachable; /* an ICMP error that a packet found nobody: addresses, ports and protocol are
                          * those of that packet, whose sender is told; only `time` is of the error */
    uint32_t ip_id;   /* IPv4, or of an IPv6 fragment header; else 0 */
    uint32_t tcp_sequence;
    uint32_t tcp_acknowledgement;
    uint32_t ip_bytes;      /* length of the IP packet by its own header, also when cut by a snaplen */
    uint32_t payload_bytes; /* above TCP, UDP or ICMP, by their lengths; in this fragment */
    uint32_t datagram_bytes; /* payload of all its fragments, of the first one of UDP; else 0 */
    const uint8_t *ip;    /* borrowed: the IP packet, from its header on; the inner one of a tunnel */
    uint32_t ip_captured; /* bytes of it that are there; 0 when the reader did not keep them */
    uint32_t transport_offset; /* of the TCP, UDP or ICMP header in it; of a later fragment: what follows IP */
    uint64_t frame;        /* its number in its file, from 1, as Wireshark counts */
    const char *file;      /* the file's name, borrowed from the set of captures; NULL: not of a set */
};

#endif
