#include "synth/population_addresses.h"

#include "net/mac_address.h"

#define MADE_UP_BY_ADDRESS (UINT64_C(0x02d5) << 32) /* locally administered */
#define MADE_UP_BY_NUMBER (UINT64_C(0x02d6) << 32)  /* behind it 8 bits of the group, 24 of the host */

struct ip_address population_addresses_first(const struct population_addresses *addresses, enum ip_family family)
{
    const struct ip_address *first = &addresses->firsts[family];

    return ip_address_is_zero(first) ? ip_address_add(&addresses->networks[family].base, 1) : *first;
}

uint64_t population_addresses_mac(const struct population_addresses *addresses, size_t number)
{
    struct ip_address first;

    if (!mac_is_zero(addresses->mac))
        return mac_number(addresses->mac);
    if (!population_addresses_have(addresses, IP_FAMILY_4))
        return MADE_UP_BY_NUMBER | (uint64_t)number << 24;
    first = population_addresses_first(addresses, IP_FAMILY_4);
    return MADE_UP_BY_ADDRESS | ip_address_to_v4(&first);
}
