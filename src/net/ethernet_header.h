/*
 * ethernet_header.h - Ethernet headers without a tag, as packet sockets show them: offsets, types, addresses.
 */
#ifndef NET_ETHERNET_HEADER_H
#define NET_ETHERNET_HEADER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "net/wire.h"

enum {
    MAC_BYTES = 6,
    ETHERNET_SOURCE = 6,
    ETHERNET_TYPE = 12,
    ETHERNET_BYTES = 14,
    ETHERNET_TAG_BYTES = 4
};

enum {
    ETHERNET_TYPE_IPV4 = 0x0800,
    ETHERNET_TYPE_ARP = 0x0806,
    ETHERNET_TYPE_VLAN = 0x8100,
    ETHERNET_TYPE_IPV6 = 0x86dd
};

static inline bool mac_equal(const uint8_t a[MAC_BYTES], const uint8_t b[MAC_BYTES])
{
    return memcmp(a, b, MAC_BYTES) == 0;
}

/* Of one receiver; nobody has 00:00:00:00:00:00. */
static inline bool mac_is_unicast(const uint8_t mac[MAC_BYTES])
{
    static const uint8_t zero[MAC_BYTES];

    return (mac[0] & 1) == 0 && !mac_equal(mac, zero);
}

static inline bool mac_is_broadcast(const uint8_t mac[MAC_BYTES])
{
    static const uint8_t broadcast[MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

    return mac_equal(mac, broadcast);
}

static inline void ethernet_put(uint8_t *frame, const uint8_t to[MAC_BYTES], const uint8_t from[MAC_BYTES], uint16_t type)
{
    memcpy(frame, to, MAC_BYTES);
    memcpy(frame + ETHERNET_SOURCE, from, MAC_BYTES);
    wire_put_u16(frame + ETHERNET_TYPE, type);
}

#endif
