#include "scenario/overlay_addresses.h"

#include <stdint.h>
#include <string.h>

#include "base/random.h"
#include "net/wire.h"

/* IPv4's mapped addresses, too, lie in a network such as ::/64. */
static bool holds(const struct ip_network *network, const struct ip_address *address)
{
    return ip_address_family(&network->base) == ip_address_family(address) && ip_network_contains(network, address);
}

static bool is_held(const struct overlay_addresses *a, const struct ip_address *address)
{
    for (size_t i = 0; i < a->network_count; i++) {
        if (holds(&a->networks[i], address))
            return true;
    }
    return false;
}

static bool is_within(const struct ip_network *inner, const struct ip_network *outer)
{
    return inner->prefix >= outer->prefix && holds(outer, &inner->base);
}

int overlay_addresses_check(const struct overlay_addresses *a, struct error *err)
{
    char text[IP_NETWORK_TEXT];

    for (size_t i = 0; i < a->map_count; i++) {
        size_t j = 0;

        while (j < a->network_count && !is_within(&a->map[i].to, &a->networks[j]))
            j++;
        if (j < a->network_count)
            continue;
        error_set(err, "map: %s is neither in the network of a population nor in that of the outside",
                  ip_network_format(&a->map[i].to, text));
        return a->map[i].place ? error_prefix(err, "%s", a->map[i].place) : -1;
    }
    return 0;
}

/* The host part of one network goes to the other. */
static struct ip_address moved(const struct overlay_mapping *mapping, const struct ip_address *from)
{
    struct ip_address to = *from;
    unsigned whole = mapping->to.prefix / 8;
    uint8_t host_mask = (uint8_t)(0xff >> mapping->to.prefix % 8);

    memcpy(to.bytes, mapping->to.base.bytes, whole);
    if (whole < sizeof to.bytes)
        to.bytes[whole] = (uint8_t)(mapping->to.base.bytes[whole] | (from->bytes[whole] & host_mask));
    return to;
}

static bool has_family(const struct overlay_addresses *a, enum ip_family family)
{
    size_t i = 0;

    while (i < a->network_count && ip_address_family(&a->networks[i].base) != family)
        i++;
    return i < a->network_count;
}

static bool is_unspecified(const struct ip_address *address)
{
    return ip_address_is_zero(address) || (ip_address_is_v4(address) && ip_address_to_v4(address) == 0);
}

bool overlay_addresses_find(const void *self, const struct ip_address *from, struct ip_address *to)
{
    const struct overlay_addresses *a = self;
    uint64_t number;

    for (size_t i = 0; i < a->map_count; i++) {
        if (holds(&a->map[i].from, from)) {
            *to = moved(&a->map[i], from);
            return true;
        }
    }
    *to = *from;
    if (is_unspecified(from))
        return false;
    if (ip_address_is_group(from) || is_held(a, from))
        return true;
    if (!has_family(a, ip_address_family(from)))
        return false;
    number = random_mix64(wire_get_u64(from->bytes)) ^ wire_get_u64(from->bytes + 8);
    *to = population_outside_address(&a->population->outside, ip_address_family(from), number);
    return true;
}
