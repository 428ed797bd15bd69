#include "scenario/overlay_addresses.h"

#include <stdint.h>
#include <string.h>

#include "base/random.h"

static bool is_held(const struct overlay_addresses *a, const struct ip_address *address)
{
    for (size_t i = 0; i < a->network_count; i++) {
        if (ip_network_contains(&a->networks[i], address))
            return true;
    }
    return false;
}

static bool is_within(const struct ip_network *inner, const struct ip_network *outer)
{
    return inner->prefix >= outer->prefix && ip_network_contains(outer, &inner->base);
}

int overlay_addresses_check(const struct overlay_addresses *a, struct error *err)
{
    char text[IP_NETWORK_TEXT];

    for (size_t i = 0; i < a->map_count; i++) {
        size_t j = 0;

        while (j < a->network_count && !is_within(&a->map[i].to, &a->networks[j]))
            j++;
        if (j == a->network_count)
            return error_set(err, "map: %s is neither in the network of a population nor in that of the outside",
                             ip_network_format(&a->map[i].to, text));
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

/* Spread over the network, but for its first and last address. */
static bool stand_in(const struct ip_network *outside, const struct ip_address *from, struct ip_address *to)
{
    unsigned host_bits = 128u - outside->prefix;
    uint64_t halves[2];
    uint64_t number;

    if (host_bits < 2)
        return false;
    for (int half = 0; half < 2; half++) {
        halves[half] = 0;
        for (int i = 0; i < 8; i++)
            halves[half] = halves[half] << 8 | from->bytes[8 * half + i];
    }
    number = random_mix64(random_mix64(halves[0]) ^ halves[1]);
    number = 1 + number % ((UINT64_C(1) << (host_bits < 63 ? host_bits : 63)) - 2);
    *to = outside->base;
    for (int i = 0; i < 8; i++)
        to->bytes[15 - i] |= (uint8_t)(number >> 8 * i);
    return true;
}

static bool is_unspecified(const struct ip_address *address)
{
    static const struct ip_address zero;
    const struct ip_address zero_v4 = ip_address_from_v4(0);

    return ip_address_equal(address, &zero) || ip_address_equal(address, &zero_v4);
}

bool overlay_addresses_find(const void *self, const struct ip_address *from, struct ip_address *to)
{
    const struct overlay_addresses *a = self;

    for (size_t i = 0; i < a->map_count; i++) {
        if (ip_network_contains(&a->map[i].from, from)) {
            *to = moved(&a->map[i], from);
            return true;
        }
    }
    *to = *from;
    if (is_unspecified(from))
        return false;
    if (ip_address_is_group(from) || is_held(a, from))
        return true;
    for (size_t i = 0; i < a->outside_count; i++) {
        if (ip_address_is_v4(&a->outsides[i].base) == ip_address_is_v4(from))
            return stand_in(&a->outsides[i], from, to);
    }
    return false;
}
