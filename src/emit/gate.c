#include "emit/gate.h"

#include "base/memory.h"
#include "net/ethernet_header.h"
#include "net/ip_header.h"
#include "net/ipv4_options.h"
#include "net/ipv6_extensions.h"
#include "net/wire.h"

enum { TOO_MANY_EXTENSIONS = 8 /* RFC 8200 recommends each once, destination options twice */ };

#define MAPPED UINT64_C(0xffff) /* an IPv4 address in the form of IPv6: ::ffff:a.b.c.d */

/* What the gate looks at: an IP packet and how it is tagged. */
struct headers {
    uint16_t vlan; /* 0: no tag */
    uint16_t type;
    const uint8_t *ip;
    uint32_t ip_bytes; /* that the frame has of it */
};

/* In host order. */
struct wide_address {
    uint64_t high, low; /* of IPv4: in the form of IPv6 */
    bool is_v4;
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
    return fits_link(gate, frame->length, tag_bytes) && frame->length >= ETHERNET_BYTES + tag_bytes + IPV4_HEADER_BYTES;
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

/* ---- networks ---- */

struct gate_network gate_network_of(const struct ip_network *network)
{
    unsigned high_bits = network->prefix < 64 ? network->prefix : 64;
    unsigned low_bits = network->prefix - high_bits;

    if (network->prefix == 0) /* no address is that of IPv4 and begins with ones */
        return (struct gate_network){ UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, true };
    return (struct gate_network){
        .high = wire_get_u64(network->base.bytes),
        .low = wire_get_u64(network->base.bytes + 8),
        .high_mask = high_bits > 0 ? UINT64_MAX << (64 - high_bits) : 0,
        .low_mask = low_bits > 0 ? UINT64_MAX << (64 - low_bits) : 0,
        .is_v4 = ip_address_is_v4(&network->base),
    };
}

struct gate_network *gate_networks_new(const struct ip_network *networks, size_t count)
{
    struct gate_network *made = memory_alloc_array(count, sizeof *made);

    for (size_t i = 0; i < count; i++)
        made[i] = gate_network_of(&networks[i]);
    return made;
}

/* Of its own family: an IPv4 address is none of a network of IPv6 that looks like it. */
static bool network_holds(const struct gate_network *network, const struct wide_address *address)
{
    return ((address->high ^ network->high) & network->high_mask) == 0 &&
           ((address->low ^ network->low) & network->low_mask) == 0 && network->is_v4 == address->is_v4;
}

static bool is_allowed(const struct gate *gate, const struct wide_address *address)
{
    for (size_t i = 0; i < gate->network_count; i++)
        if (network_holds(&gate->networks[i], address))
            return true;
    return false;
}

static bool may_send(const struct gate *gate, const struct wide_address *address, uint16_t vlan)
{
    if (gate->senders == NULL)
        return vlan == 0 && is_allowed(gate, address);
    for (size_t i = 0; i < gate->sender_count; i++)
        if (gate->senders[i].vlan == vlan && network_holds(&gate->senders[i].network, address))
            return true;
    return false;
}

/* ---- IPv4 ---- */

static struct wide_address address_of_v4(const uint8_t *bytes)
{
    return (struct wide_address){ 0, MAPPED << 32 | wire_get_u32(bytes), true };
}

/* Unlike ip_address_is_group(): nothing may go to 0.0.0.0. */
static bool is_group(uint32_t address)
{
    return address >> 28 == 0xe || address == UINT32_MAX;
}

static bool passes_ipv4(const struct gate *gate, const struct headers *headers)
{
    struct wide_address source = address_of_v4(headers->ip + IPV4_SOURCE);
    struct wide_address destination = address_of_v4(headers->ip + IPV4_DESTINATION);

    return headers->ip[0] >> 4 == 4 && may_send(gate, &source, headers->vlan) &&
           (is_group((uint32_t)destination.low) || is_allowed(gate, &destination)) &&
           ipv4_options_are_plain(headers->ip, headers->ip_bytes);
}

/* ---- IPv6 ---- */

static struct wide_address address_of_v6(const uint8_t *bytes)
{
    return (struct wide_address){ wire_get_u64(bytes), wire_get_u64(bytes + 8), false };
}

/* It stands for an IPv4 address, and lies in no network, whatever the two forms have in common. */
static bool is_mapped(const struct wide_address *address)
{
    return address->high == 0 && address->low >> 32 == MAPPED;
}

/* A routing header would take the packet to where the gate does not look. Extensions that are cut are not trusted. */
static bool goes_straight(const struct headers *headers)
{
    struct ipv6_extensions extensions = ipv6_extensions_at(headers->ip[IPV6_NEXT], headers->ip + IPV6_HEADER_BYTES,
                                                           headers->ip_bytes - IPV6_HEADER_BYTES);

    return !extensions.has_routing && extensions.cut_bytes == 0 && extensions.count < TOO_MANY_EXTENSIONS;
}

static bool passes_ipv6(const struct gate *gate, const struct headers *headers)
{
    struct wide_address source, destination;

    if (headers->ip_bytes < IPV6_HEADER_BYTES || headers->ip[0] >> 4 != 6)
        return false;
    source = address_of_v6(headers->ip + IPV6_SOURCE);
    destination = address_of_v6(headers->ip + IPV6_DESTINATION);
    return !is_mapped(&source) && !is_mapped(&destination) && may_send(gate, &source, headers->vlan) &&
           (destination.high >> 56 == 0xff || is_allowed(gate, &destination)) && goes_straight(headers);
}

bool gate_passes(const struct gate *gate, const struct frame *frame)
{
    struct headers headers;

    if (!find_headers(gate, frame, &headers))
        return false;
    return headers.type == ETHERNET_TYPE_IPV4 ? passes_ipv4(gate, &headers)
                                     : headers.type == ETHERNET_TYPE_IPV6 && passes_ipv6(gate, &headers);
}
