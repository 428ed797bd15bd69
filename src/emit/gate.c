#include "emit/gate.h"

#include "net/wire.h"

enum {
    ETHERNET_TYPE = 12,
    ETHERNET_BYTES = 14,
    IPV4_SOURCE = ETHERNET_BYTES + 12,
    IPV4_DESTINATION = ETHERNET_BYTES + 16,
    IPV4_FRAME_LEAST = ETHERNET_BYTES + 20,
    TYPE_IPV4 = 0x0800
};

static bool fits_link(const struct gate *gate, uint32_t length)
{
    return length <= (gate->max_frame_bytes ? gate->max_frame_bytes : FRAME_MAX_BYTES);
}

static bool is_ipv4(const struct frame *frame)
{
    return frame->length >= IPV4_FRAME_LEAST &&
           wire_get_u16(frame->bytes + ETHERNET_TYPE) == TYPE_IPV4 &&
           frame->bytes[ETHERNET_BYTES] >> 4 == 4;
}

/* Works on the 32 bits of IPv4: the general comparison costs ten times as much. */
static bool network_holds(const struct ip_network *network, uint32_t address)
{
    uint32_t mask;

    if (network->prefix < 96 || !ip_address_is_v4(&network->base))
        return false; /* a network of IPv6 holds no IPv4 host */
    mask = network->prefix == 96 ? 0 : UINT32_MAX << (128 - network->prefix);
    return (address & mask) == ip_address_to_v4(&network->base);
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

bool gate_passes(const struct gate *gate, const struct frame *frame)
{
    uint32_t source;
    uint32_t destination;

    if (!fits_link(gate, frame->length) || !is_ipv4(frame))
        return false;
    source = wire_get_u32(frame->bytes + IPV4_SOURCE);
    destination = wire_get_u32(frame->bytes + IPV4_DESTINATION);
    return is_allowed(gate, source) && (is_group(destination) || is_allowed(gate, destination));
}
