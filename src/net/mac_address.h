/*
 * mac_address.h - MAC addresses: six bytes as they are sent. As numbers of 48 bits they can be counted.
 */
#ifndef NET_MAC_ADDRESS_H
#define NET_MAC_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "net/ip_address.h"
#include "net/wire.h"

enum { MAC_BYTES = 6, MAC_TEXT = 18 };

static inline bool mac_equal(const uint8_t a[MAC_BYTES], const uint8_t b[MAC_BYTES])
{
    return memcmp(a, b, MAC_BYTES) == 0;
}

static inline bool mac_is_zero(const uint8_t mac[MAC_BYTES])
{
    static const uint8_t zero[MAC_BYTES];

    return mac_equal(mac, zero);
}

/* Of one receiver; nobody has 00:00:00:00:00:00. */
static inline bool mac_is_unicast(const uint8_t mac[MAC_BYTES])
{
    return (mac[0] & 1) == 0 && !mac_is_zero(mac);
}

static inline bool mac_is_broadcast(const uint8_t mac[MAC_BYTES])
{
    static const uint8_t broadcast[MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

    return mac_equal(mac, broadcast);
}

static inline uint64_t mac_number(const uint8_t mac[MAC_BYTES])
{
    return (uint64_t)wire_get_u16(mac) << 32 | wire_get_u32(mac + 2);
}

static inline void mac_put(uint8_t mac[MAC_BYTES], uint64_t number)
{
    wire_put_u16(mac, (uint16_t)(number >> 32));
    wire_put_u32(mac + 2, (uint32_t)number);
}

/* To whom frames for a multicast group, or for any broadcast, go: RFC 1112, section 6.4; RFC 2464, section 7. */
void mac_put_group(uint8_t mac[MAC_BYTES], const struct ip_address *group);

/* "02:d5:00:00:00:01". Returns `text`. */
const char *mac_format(const uint8_t mac[MAC_BYTES], char text[MAC_TEXT]);

#endif
