/*
 * packet_bytes.h - what the bytes of a packet tell beyond its view: checksums, and the TCP options of
 * any segment. Pure.
 *
 * Works on what was captured: a part that is not there makes an answer unknown, never wrong.
 */
#ifndef NET_PACKET_BYTES_H
#define NET_PACKET_BYTES_H

#include <stdbool.h>
#include <stdint.h>

#include "dayshift/packet_view.h"

enum checksum_state {
    CHECKSUM_UNKNOWN, /* cut, a fragment, or there is none: IPv6, UDP that left it out */
    CHECKSUM_RIGHT,
    CHECKSUM_WRONG /* also where the sender left it to its network card, behind the capture */
};

/* Of the header of IPv4. */
enum checksum_state packet_ip_checksum(const struct packet_view *packet);

/* Of TCP or UDP, by their pseudo-headers. */
enum checksum_state packet_transport_checksum(const struct packet_view *packet);

struct tcp_option_values {
    bool are_whole;      /* all options were captured; else what was not seen may be there */
    bool has_timestamps; /* RFC 7323 */
    bool has_sack;       /* blocks, RFC 2018 */
    bool has_fast_open;  /* RFC 7413, or its experimental number */
    uint32_t timestamp, echoed_timestamp;
};

/* Of a TCP packet that is no fragment; of others nothing is known. */
struct tcp_option_values packet_tcp_options(const struct packet_view *packet);

#endif
