#include "net/glance.h"

#include "net/wire.h"

enum {
    ETHERNET_BYTES = 14,
    TAG_BYTES = 4,
    TYPE_IPV4 = 0x0800,
    TYPE_IPV6 = 0x86dd,
    TYPE_VLAN = 0x8100,
    IPV4_BYTES = 20,
    IPV6_BYTES = 40,
    IPV6_HOP_BY_HOP = 0,
    IPV6_ROUTING = 43,
    IPV6_FRAGMENT = 44,
    IPV6_AUTHENTICATION = 51,
    IPV6_OPTIONS = 60,
    IPV6_MOBILITY = 135,
    IPV6_EXTENSION_LEAST = 8,
    TCP_FLAGS_AT = 13,
    ICMP_UNREACHABLE = 3,
    ICMP_TOO_BIG = 4, /* a code of it that says no such thing */
    ICMPV6_UNREACHABLE = 1
};

/* What is behind the headers of IP, unless it is a later fragment. */
static void look_at_transport(const uint8_t *transport, const uint8_t *end, uint8_t protocol, struct glance *glance)
{
    if (protocol == IP_TCP && end - transport > TCP_FLAGS_AT)
        glance->tcp_flags = transport[TCP_FLAGS_AT];
    else if (protocol == IP_ICMP && end - transport > 1)
        glance->is_unreachable = transport[0] == ICMP_UNREACHABLE && transport[1] != ICMP_TOO_BIG;
    else if (protocol == IP_ICMPV6 && end - transport > 1)
        glance->is_unreachable = transport[0] == ICMPV6_UNREACHABLE;
}

static void look_at_ipv4(const uint8_t *ip, const uint8_t *end, struct glance *glance)
{
    const uint16_t offset_mask = 0x1fff;

    if (end - ip < IPV4_BYTES)
        return;
    glance->ip_bytes = wire_get_u16(ip + 2);
    if ((wire_get_u16(ip + 6) & offset_mask) == 0 && end - ip > (ip[0] & 0xf) * 4)
        look_at_transport(ip + (ip[0] & 0xf) * 4, end, ip[9], glance);
}

/* Its length; 0: it is none, what follows is the transport. */
static uint32_t extension_bytes(uint8_t kind, const uint8_t *extension)
{
    switch (kind) {
    case IPV6_FRAGMENT: return IPV6_EXTENSION_LEAST;
    case IPV6_AUTHENTICATION: return (extension[1] + 2u) * 4;
    case IPV6_HOP_BY_HOP:
    case IPV6_ROUTING:
    case IPV6_OPTIONS:
    case IPV6_MOBILITY: return (extension[1] + 1u) * IPV6_EXTENSION_LEAST;
    default: return 0;
    }
}

static void look_at_ipv6(const uint8_t *ip, const uint8_t *end, struct glance *glance)
{
    const uint16_t offset_mask = 0xfff8;
    const uint8_t *at = ip + IPV6_BYTES;
    uint32_t bytes;
    uint8_t next;

    if (end - ip < IPV6_BYTES)
        return;
    glance->ip_bytes = IPV6_BYTES + (uint32_t)wire_get_u16(ip + 4);
    for (next = ip[6]; end - at >= IPV6_EXTENSION_LEAST && (bytes = extension_bytes(next, at)) > 0; at += bytes) {
        if (next == IPV6_FRAGMENT && wire_get_u16(at + 2) & offset_mask)
            return;
        if (end - at < bytes)
            return;
        next = at[0];
    }
    look_at_transport(at, end, next, glance);
}

struct glance glance_at(const uint8_t *frame, uint32_t length)
{
    struct glance glance = { 0 };
    const uint8_t *end = frame + length;
    const uint8_t *ip = frame + ETHERNET_BYTES;

    if (length < ETHERNET_BYTES + TAG_BYTES)
        return glance;
    if (wire_get_u16(ip - 2) == TYPE_VLAN)
        ip += TAG_BYTES;
    if (wire_get_u16(ip - 2) == TYPE_IPV4)
        look_at_ipv4(ip, end, &glance);
    else if (wire_get_u16(ip - 2) == TYPE_IPV6)
        look_at_ipv6(ip, end, &glance);
    return glance;
}
