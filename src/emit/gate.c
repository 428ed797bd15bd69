#include "emit/gate.h"

#include "net/wire.h"

enum {
    ETHERNET_TYPE = 12,
    ETHERNET_BYTES = 14,
    TAG_BYTES = 4,
    IPV4_SOURCE = 12,
    IPV4_DESTINATION = 16,
    IPV4_LEAST = 20,
    TYPE_IPV4 = 0x0800,
    TYPE_VLAN = 0x8100
};

/* What the gate looks at. */
struct headers {
    uint16_t vlan; /* 0: no tag */
    const uint8_t *ip;
};

static bool fits_link(const struct gate *gate, uint32_t length, uint32_t tag_bytes)
{
    return length <= (gate->max_frame_bytes ? gate->max_frame_bytes + tag_bytes : FRAME_MAX_BYTES);
}

/* Behind the Ethernet header and a tag of so many bytes. */
static bool find_ipv4(const struct gate *gate, const struct frame *frame, uint32_t tag_bytes, struct headers *headers)
{
    headers->ip = frame->bytes + ETHERNET_BYTES + tag_bytes;
    return fits_link(gate, frame->length, tag_bytes) && frame->length >= ETHERNET_BYTES + tag_bytes + IPV4_LEAST &&
           wire_get_u16(headers->ip - 2) == TYPE_IPV4 && headers->ip[0] >> 4 == 4;
}

static bool find_headers(const struct gate *gate, const struct frame *frame, struct headers *headers)
{
    if (frame->length < ETHERNET_BYTES + TAG_BYTES)
        return false;
    headers->vlan = 0;
    if (wire_get_u16(frame->bytes + ETHERNET_TYPE) != TYPE_VLAN)
        return find_ipv4(gate, frame, 0, headers);
    headers->vlan = wire_get_u16(frame->bytes + ETHERNET_BYTES); /* with its priority, which must be 0 */
    return headers->vlan != 0 && find_ipv4(gate, frame, TAG_BYTES, headers);
}

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

bool gate_passes(const struct gate *gate, const struct frame *frame)
{
    struct headers headers;
    uint32_t destination;

    if (!find_headers(gate, frame, &headers) || !may_send(gate, wire_get_u32(headers.ip + IPV4_SOURCE), headers.vlan))
        return false;
    destination = wire_get_u32(headers.ip + IPV4_DESTINATION);
    return is_group(destination) || is_allowed(gate, destination);
}
