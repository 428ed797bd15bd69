#include "synth/population_check.h"

#include <inttypes.h>

#include "net/mac_address.h"

/* ---- networks ---- */

/* "This" network, loopback, multicast and above (RFC 6890): what no host is reached at. */
static bool is_reserved(const struct ip_network *network)
{
    uint32_t first = ip_address_to_v4(&network->base) >> 24;

    return network->prefix < 96 + 1 || first == 0 || first == 127 || first >= 224;
}

/* The same of IPv6, and what stands for IPv4 (RFC 4291, sections 2.5 and 2.7): all but a part of it begins with 0. */
static bool is_reserved6(const struct ip_network *network)
{
    return network->prefix < 8 || network->base.bytes[0] == 0 || network->base.bytes[0] == 0xff;
}

static bool is_link_local(const struct ip_address *address) /* fe80::/10 */
{
    return address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

static int check_network(const struct ip_network *network, enum ip_family family, struct error *err)
{
    char text[IP_NETWORK_TEXT];

    if (ip_address_family(&network->base) != family)
        return error_set(err, "network %s: it is not IPv%d", ip_network_format(network, text),
                         family == IP_FAMILY_4 ? 4 : 6);
    if (family == IP_FAMILY_4 ? is_reserved(network) : is_reserved6(network))
        return error_set(err, "network %s: no host can have its addresses", ip_network_format(network, text));
    return 0;
}

/* From the first host's address on. */
static int check_room(const struct population_addresses *addresses, enum ip_family family, uint64_t wanted,
                      struct error *err)
{
    const struct ip_network *network = &addresses->networks[family];
    struct ip_address first = population_addresses_first(addresses, family);
    uint64_t place = ip_address_distance(&first, &network->base);
    uint64_t usable = ip_network_usable(network);
    uint64_t room = usable >= place ? usable - place + 1 : 0;
    char text[IP_NETWORK_TEXT];
    char address[IP_ADDRESS_TEXT];

    if (!ip_network_contains(network, &first) && usable > 0)
        return error_set(err, "network %s: %s, the address of the first host, is not in it",
                         ip_network_format(network, text), ip_address_format(&first, address));
    if (place == 0)
        return error_set(err, "network %s: no host can have its first address", ip_network_format(network, text));
    if (room < wanted && place == 1)
        return error_set(err, "network %s: %" PRIu64 " hosts wanted, it has room for %" PRIu64,
                         ip_network_format(network, text), wanted, room);
    if (room < wanted)
        return error_set(err, "network %s: %" PRIu64 " hosts wanted, it has room for %" PRIu64 " from %s on",
                         ip_network_format(network, text), wanted, room, ip_address_format(&first, address));
    return 0;
}

static int check_apart(const struct ip_network *a, const struct ip_network *b, struct error *err)
{
    char first[IP_NETWORK_TEXT];
    char second[IP_NETWORK_TEXT];

    if (a->prefix == 0 || b->prefix == 0 || !ip_network_overlaps(a, b))
        return 0;
    return error_set(err, "networks %s and %s overlap", ip_network_format(a, first), ip_network_format(b, second));
}

static int check_outside(const struct population_outside *outside, struct error *err)
{
    char text[IP_NETWORK_TEXT];

    for (int f = 0; f < IP_FAMILIES; f++) {
        const struct ip_network *network = &outside->networks[f];

        if (network->prefix == 0)
            continue;
        if (check_network(network, (enum ip_family)f, err) < 0)
            return -1;
        if (ip_network_usable(network) == 0)
            return error_set(err, "network %s: 1 hosts wanted, it has room for 0", ip_network_format(network, text));
    }
    return 0;
}

static int check_addresses(const struct population_group *group, const struct population_outside *outside,
                           struct error *err)
{
    bool has_any = false;
    char text[IP_NETWORK_TEXT];

    for (int f = 0; f < IP_FAMILIES; f++) {
        const struct ip_network *network = &group->addresses.networks[f];

        if (network->prefix == 0)
            continue;
        has_any = true;
        if (check_network(network, (enum ip_family)f, err) < 0 ||
            check_room(&group->addresses, (enum ip_family)f, group->host_count, err) < 0 ||
            check_apart(network, &outside->networks[f], err) < 0)
            return -1;
        if (outside->networks[f].prefix == 0)
            return error_set(err, "network %s: nobody outside has an address of IPv%d", ip_network_format(network, text),
                             f == IP_FAMILY_4 ? 4 : 6);
    }
    return has_any ? 0 : error_set(err, "a population without a network");
}

static int check_networks(const struct population_group *groups, size_t count,
                          const struct population_outside *outside, struct error *err)
{
    if (check_outside(outside, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (check_addresses(&groups[i], outside, err) < 0)
            return -1;
        for (size_t j = 0; j < i; j++) {
            for (int f = 0; f < IP_FAMILIES; f++) {
                if (check_apart(&groups[j].addresses.networks[f], &groups[i].addresses.networks[f], err) < 0)
                    return -1;
            }
        }
    }
    return 0;
}

/* ---- MAC addresses ---- */

static const char *mac_text(uint64_t number, char text[MAC_TEXT])
{
    uint8_t mac[MAC_BYTES];

    mac_put(mac, number);
    return mac_format(mac, text);
}

/* None of `count` in a row is a group's, RFC 9542, section 2.1. */
static int check_unicast(uint64_t first, uint64_t count, struct error *err)
{
    uint64_t last = first + count - 1;
    char text[MAC_TEXT];

    if (last >> 48 == 0 && (first >> 40 & 1) == 0 && (last >> 40 & 1) == 0)
        return 0;
    return error_set(err, "MAC addresses from %s on: %" PRIu64 " hosts wanted, and one would have that of a multicast"
                     " group", mac_text(first, text), count);
}

/* Two groups, or a group and the outside. */
static int check_macs_apart(uint64_t a, uint64_t a_count, uint64_t b, uint64_t b_count, struct error *err)
{
    char first[MAC_TEXT];
    char second[MAC_TEXT];

    if (a + a_count <= b || b + b_count <= a)
        return 0;
    return error_set(err, "MAC addresses from %s on and from %s on overlap", mac_text(a, first), mac_text(b, second));
}

static int check_macs(const struct population_group *groups, size_t count, const uint8_t outside[MAC_BYTES],
                      struct error *err)
{
    if (check_unicast(mac_number(outside), 1, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        uint64_t first = population_addresses_mac(&groups[i].addresses, i);

        if (check_unicast(first, groups[i].host_count, err) < 0 ||
            check_macs_apart(first, groups[i].host_count, mac_number(outside), 1, err) < 0)
            return -1;
        for (size_t j = 0; j < i; j++) {
            if (check_macs_apart(population_addresses_mac(&groups[j].addresses, j), groups[j].host_count, first,
                                 groups[i].host_count, err) < 0)
                return -1;
        }
    }
    return 0;
}

/* ---- gateways ---- */

static bool is_virtual_host(const struct population_group *groups, size_t count, const struct ip_address *address)
{
    enum ip_family family = ip_address_family(address);

    for (size_t i = 0; i < count; i++) {
        struct ip_address first = population_addresses_first(&groups[i].addresses, family);

        if (population_addresses_have(&groups[i].addresses, family) &&
            ip_address_distance(address, &first) < groups[i].host_count)
            return true;
    }
    return false;
}

/* A neighbour that is asked for its MAC is in the network of who asks, as `who` are. */
static int check_neighbour(const struct gateway *gateway, const struct ip_network networks[IP_FAMILIES], const char *who,
                           struct error *err)
{
    enum ip_family family = ip_address_family(&gateway->address);
    char text[IP_ADDRESS_TEXT];
    char network[IP_NETWORK_TEXT];

    ip_address_format(&gateway->address, text);
    if (networks[family].prefix == 0)
        return error_set(err, "gateway %s: %s no address of IPv%d", text, who, family == IP_FAMILY_4 ? 4 : 6);
    if (!is_link_local(&gateway->address) && !ip_network_contains(&networks[family], &gateway->address))
        return error_set(err, "gateway %s: it is not in network %s", text,
                         ip_network_format(&networks[family], network));
    return 0;
}

static int check_gateways(const struct population_group *groups, size_t count,
                          const struct population_outside *outside, struct error *err)
{
    for (size_t i = 0; i <= count; i++) {
        bool is_outside = i == count;
        const struct gateway *gateway = is_outside ? &outside->gateway : &groups[i].addresses.gateway;
        char text[IP_ADDRESS_TEXT];

        if (gateway->kind != GATEWAY_ADDRESS)
            continue;
        if (is_virtual_host(groups, count, &gateway->address))
            return error_set(err, "gateway %s: it is the address of a virtual host, too: let them begin elsewhere (first)",
                             ip_address_format(&gateway->address, text));
        if (check_neighbour(gateway, is_outside ? outside->networks : groups[i].addresses.networks,
                            is_outside ? "there is outside" : "the population has", err) < 0)
            return -1;
    }
    return 0;
}

int population_check(const struct population_group *groups, size_t count, const struct population_outside *outside,
                     struct error *err)
{
    if (check_networks(groups, count, outside, err) < 0 || check_macs(groups, count, outside->mac, err) < 0)
        return -1;
    return check_gateways(groups, count, outside, err);
}
