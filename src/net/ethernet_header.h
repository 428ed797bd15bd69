/*
 * ethernet_header.h - Ethernet headers without a tag, as packet sockets show them: offsets and types.
 */
#ifndef NET_ETHERNET_HEADER_H
#define NET_ETHERNET_HEADER_H

#include <stdint.h>
#include <string.h>

#include "net/mac_address.h"
#include "net/wire.h"

enum {
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

static inline void ethernet_put(uint8_t *frame, const uint8_t to[MAC_BYTES], const uint8_t from[MAC_BYTES], uint16_t type)
{
    memcpy(frame, to, MAC_BYTES);
    memcpy(frame + ETHERNET_SOURCE, from, MAC_BYTES);
    wire_put_u16(frame + ETHERNET_TYPE, type);
}

#endif
