#include "net/glance.h"

#include "net/ethernet_header.h"
#include "net/ip_header.h"
#include "net/ipv6_extensions.h"
#include "net/wire.h"

/* What is behind the headers of IP, unless it is a later fragment. */
static void look_at_transport(const uint8_t *transport, const uint8_t *end, uint8_t protocol, struct glance *glance)
{
    if (protocol == IP_TCP && end - transport > TCP_FLAGS)
        glance->tcp_flags = transport[TCP_FLAGS];
    else if (protocol == IP_ICMP && end - transport > 1)
        glance->is_unreachable = transport[0] == ICMP_UNREACHABLE && transport[1] != ICMP_TOO_BIG;
    else if (protocol == IP_ICMPV6 && end - transport > 1)
        glance->is_unreachable = transport[0] == ICMPV6_UNREACHABLE;
}

static void look_at_ipv4(const uint8_t *ip, const uint8_t *end, struct glance *glance)
{
    if (end - ip < IPV4_HEADER_BYTES)
        return;
    glance->ip_bytes = wire_get_u16(ip + IPV4_LENGTH);
    if ((wire_get_u16(ip + IPV4_FRAGMENT) & IPV4_OFFSET_MASK) == 0 && end - ip > (ptrdiff_t)ipv4_header_bytes(ip))
        look_at_transport(ip + ipv4_header_bytes(ip), end, ip[IPV4_PROTOCOL], glance);
}

static void look_at_ipv6(const uint8_t *ip, const uint8_t *end, struct glance *glance)
{
    const uint8_t *payload = ip + IPV6_HEADER_BYTES;
    struct ipv6_extensions extensions;

    if (end - ip < IPV6_HEADER_BYTES)
        return;
    glance->ip_bytes = IPV6_HEADER_BYTES + (uint32_t)wire_get_u16(ip + IPV6_LENGTH);
    extensions = ipv6_extensions_at(ip[IPV6_NEXT], payload, (size_t)(end - payload));
    if (!extensions.is_later_fragment && extensions.cut_bytes == 0)
        look_at_transport(payload + extensions.bytes, end, extensions.next, glance);
}

struct glance glance_at(const uint8_t *frame, uint32_t length)
{
    struct glance glance = { 0 };
    const uint8_t *end = frame + length;
    const uint8_t *ip = frame + ETHERNET_BYTES;

    if (length < ETHERNET_BYTES + ETHERNET_TAG_BYTES)
        return glance;
    if (wire_get_u16(ip - 2) == ETHERNET_TYPE_VLAN)
        ip += ETHERNET_TAG_BYTES;
    if (wire_get_u16(ip - 2) == ETHERNET_TYPE_IPV4)
        look_at_ipv4(ip, end, &glance);
    else if (wire_get_u16(ip - 2) == ETHERNET_TYPE_IPV6)
        look_at_ipv6(ip, end, &glance);
    return glance;
}
