/*
 * ip_address.h - IPv4 and IPv6 addresses in one type, and networks of them.
 *
 * IPv4 is kept as the mapped address ::ffff:a.b.c.d, so that one comparison serves both.
 */
#ifndef NET_IP_ADDRESS_H
#define NET_IP_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define IP_ADDRESS_TEXT 46 /* INET6_ADDRSTRLEN */

struct ip_address {
    uint8_t bytes[16]; /* network order */
};

struct ip_network {
    struct ip_address base; /* host bits are zero */
    uint8_t prefix;         /* 0..128, counted on the mapped form: an IPv4 /24 is 120 */
};

enum ip_family { IP_FAMILY_4, IP_FAMILY_6, IP_FAMILIES };

static inline bool ip_address_equal(const struct ip_address *a, const struct ip_address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* `address` in host order. */
static inline struct ip_address ip_address_from_v4(uint32_t address)
{
    return (struct ip_address){ { [10] = 0xff, [11] = 0xff, (uint8_t)(address >> 24),
                                  (uint8_t)(address >> 16), (uint8_t)(address >> 8),
                                  (uint8_t)address } };
}

static inline bool ip_address_is_v4(const struct ip_address *a)
{
    static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

    /* In sizes that a compiler makes loads of. */
    return memcmp(a->bytes, prefix, 8) == 0 && memcmp(a->bytes + 8, prefix + 8, 4) == 0;
}

uint32_t ip_address_to_v4(const struct ip_address *a); /* host order; a must be IPv4 */

static inline enum ip_family ip_address_family(const struct ip_address *a)
{
    return ip_address_is_v4(a) ? IP_FAMILY_4 : IP_FAMILY_6;
}

static inline bool ip_address_is_zero(const struct ip_address *a) /* :: */
{
    static const struct ip_address zero;

    return ip_address_equal(a, &zero);
}

/* The address that comes `count` behind it; beyond the last one :: follows. */
struct ip_address ip_address_add(const struct ip_address *a, uint64_t count);

/* How far `a` is behind `first`, modulo 2^128; UINT64_MAX for all that is as far or farther. */
uint64_t ip_address_distance(const struct ip_address *a, const struct ip_address *first);

/* Multicast, 255.255.255.255 and 0.0.0.0 (or ::): no host of anybody's. */
bool ip_address_is_group(const struct ip_address *a);

/* RFC 1918, RFC 6598, link-local and unique local: what a site uses inside. */
bool ip_address_is_private(const struct ip_address *a);

/* Writes at most IP_ADDRESS_TEXT bytes; returns `text`. */
const char *ip_address_format(const struct ip_address *a, char text[IP_ADDRESS_TEXT]);

/* 0, or -1 when the text is no address. */
int ip_address_parse(struct ip_address *a, const char *text);

/* "10.0.0.0/8"; of a network of one "10.0.0.1". Returns `text`. */
enum { IP_NETWORK_TEXT = IP_ADDRESS_TEXT + 4 };
const char *ip_network_format(const struct ip_network *network, char text[IP_NETWORK_TEXT]);

/* "10.0.0.0/8" or "10.0.0.1" (a network of one). -1 when malformed or host bits are set. */
int ip_network_parse(struct ip_network *network, const char *text);
bool ip_network_contains(const struct ip_network *network, const struct ip_address *a);
bool ip_network_overlaps(const struct ip_network *a, const struct ip_network *b);

/* How many of its addresses a host can have: not the first (RFC 4291, section 2.6.1), nor of IPv4 the last. At most UINT64_MAX. */
uint64_t ip_network_usable(const struct ip_network *network);

#endif
