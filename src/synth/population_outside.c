#include "synth/population_outside.h"

#include <string.h>

#include "base/random.h"
#include "net/mac_address.h"
#include "net/wire.h"

void population_outside_set_mac(struct population_outside *outside)
{
    static const uint8_t made_up[MAC_BYTES] = { 0x02, 0xd5, 0x00, 0x00, 0x00, 0x01 };

    if (mac_is_zero(outside->mac))
        memcpy(outside->mac, made_up, sizeof made_up);
}

bool population_outside_has(const struct population_outside *outside, const struct ip_address *address)
{
    const struct ip_network *network = &outside->networks[ip_address_family(address)];

    return network->prefix > 0 && ip_network_contains(network, address) && !gateway_has(&outside->gateway, address);
}

static struct ip_address address4(const struct ip_network *network, uint64_t number)
{
    return ip_address_add(&network->base, 1 + random_mix64(number) % ip_network_usable(network));
}

/* Over all the host bits, as the rest of the world has many networks; never the first of all. */
static struct ip_address address6(const struct ip_network *network, uint64_t number)
{
    unsigned bits = 128u - network->prefix;
    uint64_t low = random_mix64(number);
    uint64_t high = bits > 64 ? random_mix64(~number) >> (128 - bits) : 0;
    struct ip_address host;

    if (bits < 64)
        low = 1 + low % ip_network_usable(network);
    else if (high == 0 && low == 0) /* the first address is no host's */
        low = 1;
    wire_put_u64(host.bytes, high);
    wire_put_u64(host.bytes + 8, low);
    for (int i = 0; i < 16; i++)
        host.bytes[i] |= network->base.bytes[i];
    return host;
}

struct ip_address population_outside_address(const struct population_outside *outside, enum ip_family family,
                                             uint64_t number)
{
    const struct ip_network *network = &outside->networks[family];
    struct ip_address address;

    do {
        address = family == IP_FAMILY_4 ? address4(network, number) : address6(network, number);
        number++;
    } while (gateway_has(&outside->gateway, &address) && ip_network_usable(network) > 1);
    return address;
}
