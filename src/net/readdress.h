/*
 * readdress.h - another source and destination for an IP packet, as a translator of addresses would give it (RFC 3022).
 *
 * Every checksum that covers an address is changed by the difference (RFC 1624): one that was right is right, one that
 * was wrong stays wrong, a UDP checksum that was left out stays so. The packet that an ICMP error quotes gets other
 * addresses too. Nothing else is touched: ports, options, what is within tunnels, payload. Pure.
 */
#ifndef NET_READDRESS_H
#define NET_READDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/ip_address.h"

/* Which address stands for another one. */
struct readdress_map {
    /* False: there is none. *to has the family of *from. */
    bool (*find)(const void *self, const struct ip_address *from, struct ip_address *to);
    const void *self;
};

/*
 * `size` bytes from the IP header on, of which at least that header is there. Fills the new source and destination.
 * False: the map has no address for one, there is no such header, or it is followed by one of IPv6 for routing, which
 * has addresses of its own; the bytes mean nothing then.
 */
bool readdress_packet(uint8_t *packet, size_t size, const struct readdress_map *map, struct ip_address ends[2]);

#endif
