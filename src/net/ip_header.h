/*
 * ip_header.h - headers of IPv4 and IPv6, and of what they carry: lengths, offsets, types.
 */
#ifndef NET_IP_HEADER_H
#define NET_IP_HEADER_H

#include <stddef.h>
#include <stdint.h>

enum { /* RFC 791 */
    IPV4_HEADER_BYTES = 20, /* without options */
    IPV4_LENGTH = 2,        /* offsets, here and below */
    IPV4_FRAGMENT = 6,
    IPV4_PROTOCOL = 9,
    IPV4_CHECKSUM = 10,
    IPV4_SOURCE = 12,
    IPV4_DESTINATION = 16,
    IPV4_ADDRESS_BYTES = 4,
    IPV4_DONT_FRAGMENT = 0x4000, /* in the word at IPV4_FRAGMENT */
    IPV4_MORE_FRAGMENTS = 0x2000,
    IPV4_OFFSET_MASK = 0x1fff,
    FRAGMENT_UNIT_BYTES = 8 /* of IPv6 too */
};

enum { /* RFC 8200; the extensions are in ipv6_extensions.h */
    IPV6_HEADER_BYTES = 40,
    IPV6_LENGTH = 4, /* of what is behind this header */
    IPV6_NEXT = 6,
    IPV6_HOPS = 7,
    IPV6_SOURCE = 8,
    IPV6_DESTINATION = 24,
    IPV6_ADDRESS_BYTES = 16
};

enum { /* RFC 9293 */
    TCP_HEADER_BYTES = 20, /* without options */
    TCP_SEQUENCE = 4,
    TCP_ACKNOWLEDGEMENT = 8,
    TCP_DATA_OFFSET = 12, /* in the upper half of the byte, in words of 4 bytes */
    TCP_FLAGS = 13,
    TCP_CHECKSUM = 16
};

enum { /* RFC 768 */
    UDP_HEADER_BYTES = 8,
    UDP_LENGTH = 4,
    UDP_CHECKSUM = 6
};

enum { /* RFC 792 */
    ICMP_HEADER_BYTES = 8,
    ICMP_CHECKSUM = 2, /* of both ICMP */
    ICMP_ECHO_REPLY = 0,
    ICMP_UNREACHABLE = 3,
    ICMP_TOO_BIG = 4, /* a code of it, which says no such thing */
    ICMP_REDIRECTION = 5,
    ICMP_ECHO_REQUEST = 8
};

enum { /* RFC 4443, 4861 */
    ICMPV6_UNREACHABLE = 1,
    ICMPV6_ECHO_REQUEST = 128,
    ICMPV6_ECHO_REPLY = 129,
    ICMPV6_ROUTER_SOLICITATION = 133, /* to 137: neighbour discovery */
    ICMPV6_NEIGHBOUR_SOLICITATION = 135,
    ICMPV6_NEIGHBOUR_ADVERTISEMENT = 136,
    ICMPV6_REDIRECT = 137
};

/* With its options, as it says itself: not below IPV4_HEADER_BYTES in a header that is in order. */
static inline size_t ipv4_header_bytes(const uint8_t *ip)
{
    return (ip[0] & 0x0fu) * 4;
}

/* The same of TCP. */
static inline size_t tcp_header_bytes(const uint8_t *tcp)
{
    return (tcp[TCP_DATA_OFFSET] >> 4) * (size_t)4;
}

#endif
