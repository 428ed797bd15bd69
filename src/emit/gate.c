#include "emit/gate.h"

#include "net/ethernet_header.h"
#include "net/ipv4_options.h"
#include "net/wire.h"

enum { IPV4_SOURCE = 12, IPV4_DESTINATION = 16, IPV4_LEAST = 20 };

enum {
    IPV6_NEXT = 6,
    IPV6_SOURCE = 8,
    IPV6_DESTINATION = 24,
    IPV6_LEAST = 40,
    HOP_BY_HOP = 0,
    ROUTING = 43,
    FRAGMENT = 44,
    AUTHENTICATION = 51,
    DESTINATION_OPTIONS = 60,
    EXTENSION_LEAST = 8,
    MOST_EXTENSIONS = 8, /* more than RFC 8200 recommends of each once */
    MAPPED = 0xffff      /* an IPv4 address in the form of IPv6 */
};

/* What the gate looks at: an IP packet and how it is tagged. */
struct headers {
    uint16_t vlan; /* 0: no tag */
    uint16_t type;
    const uint8_t *ip;
    uint32_t ip_bytes; /* that the frame has of it */
};

/* One of IPv6, in host order. */
struct wide_address {
    uint64_t high, low;
};

static bool fits_link(const struct gate *gate, uint32_t length, uint32_t tag_bytes)
{
    return length <= (gate->max_frame_bytes ? gate->max_frame_bytes + tag_bytes : FRAME_MAX_BYTES);
}

/* Behind the Ethernet header and a tag of so many bytes. */
static bool find_ip(const struct gate *gate, const struct frame *frame, uint32_t tag_bytes, struct headers *headers)
{
    headers->ip = frame->bytes + ETHERNET_BYTES + tag_bytes;
    headers->ip_bytes = frame->length - ETHERNET_BYTES - tag_bytes;
    headers->type = wire_get_u16(headers->ip - 2);
    return fits_link(gate, frame->length, tag_bytes) && frame->length >= ETHERNET_BYTES + tag_bytes + IPV4_LEAST;
}

static bool find_headers(const struct gate *gate, const struct frame *frame, struct headers *headers)
{
    if (frame->length < ETHERNET_BYTES + ETHERNET_TAG_BYTES)
        return false;
    headers->vlan = 0;
    if (wire_get_u16(frame->bytes + ETHERNET_TYPE) != ETHERNET_TYPE_VLAN)
        return find_ip(gate, frame, 0, headers);
    headers->vlan = wire_get_u16(frame->bytes + ETHERNET_BYTES); /* with its priority, which must be 0 */
    return headers->vlan != 0 && find_ip(gate, frame, ETHERNET_TAG_BYTES, headers);
}

/* ---- IPv4 ---- */

/* Works on the 32 bits of IPv4: the general comparison costs ten times as much. A network of IPv6 holds no host. */
static bool network_holds(const struct ip_network *network, uint32_t address)
{
    uint64_t difference = address ^ wire_get_u32(network->base.bytes + 12);

    return network->prefix >= 96 && difference >> (128 - network->prefix) == 0 && ip_address_is_v4(&network->base);
}

static bool is_allowed(const struct gate *gate, uint32_t address)
{
    for (size_t i = 0; i < gate->network_count; i++)
        if (network_holds(&gate->networks[i], address))
            return true;
    return false;
}

/* Unlike ip_address_is_group(): nothing may go to 0.0.0.0. */
static bool is_group(uint32_t address)
{
    return address >> 28 == 0xe || address == UINT32_MAX;
}

static bool may_send(const struct gate *gate, uint32_t address, uint16_t vlan)
{
    if (gate->senders == NULL)
        return vlan == 0 && is_allowed(gate, address);
    for (size_t i = 0; i < gate->sender_count; i++)
        if (gate->senders[i].vlan == vlan && network_holds(&gate->senders[i].network, address))
            return true;
    return false;
}

static bool passes_ipv4(const struct gate *gate, const struct headers *headers)
{
    uint32_t destination = wire_get_u32(headers->ip + IPV4_DESTINATION);

    return headers->ip[0] >> 4 == 4 && may_send(gate, wire_get_u32(headers->ip + IPV4_SOURCE), headers->vlan) &&
           (is_group(destination) || is_allowed(gate, destination)) &&
           ipv4_options_are_plain(headers->ip, headers->ip_bytes);
}

/* ---- IPv6 ---- */

static struct wide_address wide_address_at(const uint8_t *bytes)
{
    return (struct wide_address){ wire_get_u64(bytes), wire_get_u64(bytes + 8) };
}

/* One that stands for an IPv4 address lies in no network, whatever the two forms have in common. */
static bool network_holds6(const struct ip_network *network, struct wide_address address)
{
    uint64_t high = address.high ^ wire_get_u64(network->base.bytes);
    uint64_t low = address.low ^ wire_get_u64(network->base.bytes + 8);

    if ((address.high == 0 && address.low >> 32 == MAPPED) || network->prefix == 0)
        return false;
    return network->prefix <= 64 ? high >> (64 - network->prefix) == 0
                                 : high == 0 && low >> (128 - network->prefix) == 0;
}

static bool is_allowed6(const struct gate *gate, struct wide_address address)
{
    for (size_t i = 0; i < gate->network_count; i++)
        if (network_holds6(&gate->networks[i], address))
            return true;
    return false;
}

static bool may_send6(const struct gate *gate, struct wide_address address, uint16_t vlan)
{
    if (gate->senders == NULL)
        return vlan == 0 && is_allowed6(gate, address);
    for (size_t i = 0; i < gate->sender_count; i++)
        if (gate->senders[i].vlan == vlan && network_holds6(&gate->senders[i].network, address))
            return true;
    return false;
}

static uint32_t extension_bytes(uint8_t kind, const uint8_t *extension)
{
    switch (kind) {
    case FRAGMENT: return EXTENSION_LEAST;
    case AUTHENTICATION: return (extension[1] + 2u) * 4;
    default: return (extension[1] + 1u) * 8;
    }
}

/* A routing header would take the packet to where the gate does not look. Extensions that are cut are not trusted. */
static bool goes_straight(const struct headers *headers)
{
    uint8_t next = headers->ip[IPV6_NEXT];
    uint32_t at = IPV6_LEAST;

    for (int i = 0; i < MOST_EXTENSIONS; i++) {
        const uint8_t *extension = headers->ip + at;

        if (next != HOP_BY_HOP && next != ROUTING && next != FRAGMENT && next != AUTHENTICATION &&
            next != DESTINATION_OPTIONS)
            return true;
        if (next == ROUTING || at + EXTENSION_LEAST > headers->ip_bytes)
            return false;
        if (next == FRAGMENT && wire_get_u16(extension + 2) >> 3 != 0)
            return true; /* what follows is no header */
        at += extension_bytes(next, extension);
        next = extension[0];
    }
    return false;
}

static bool passes_ipv6(const struct gate *gate, const struct headers *headers)
{
    struct wide_address destination;

    if (headers->ip_bytes < IPV6_LEAST || headers->ip[0] >> 4 != 6 ||
        !may_send6(gate, wide_address_at(headers->ip + IPV6_SOURCE), headers->vlan))
        return false;
    destination = wide_address_at(headers->ip + IPV6_DESTINATION);
    return (destination.high >> 56 == 0xff || is_allowed6(gate, destination)) && goes_straight(headers);
}

bool gate_passes(const struct gate *gate, const struct frame *frame)
{
    struct headers headers;

    if (!find_headers(gate, frame, &headers))
        return false;
    return headers.type == ETHERNET_TYPE_IPV4 ? passes_ipv4(gate, &headers)
                                     : headers.type == ETHERNET_TYPE_IPV6 && passes_ipv6(gate, &headers);
}
