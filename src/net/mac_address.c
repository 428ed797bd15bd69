#include "net/mac_address.h"

#include <stdio.h>

enum { MULTICAST = 0xe /* the first four bits of an IPv4 address, RFC 1112 */ };

void mac_put_group(uint8_t mac[MAC_BYTES], const struct ip_address *group)
{
    uint32_t low = wire_get_u32(group->bytes + 12);

    if (!ip_address_is_v4(group))
        mac_put(mac, UINT64_C(0x3333) << 32 | low);
    else if (low >> 28 == MULTICAST)
        mac_put(mac, UINT64_C(0x01005e) << 24 | (low & 0x7fffff));
    else
        memset(mac, 0xff, MAC_BYTES);
}

const char *mac_format(const uint8_t mac[MAC_BYTES], char text[MAC_TEXT])
{
    snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    return text;
}
