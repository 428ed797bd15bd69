#include "synth/population.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "net/wire.h"
#include "synth/peer_draw.h"

static const uint8_t outside_mac[6] = { 0x02, 0xd5, 0x00, 0x00, 0x00, 0x01 };

enum { MAC_BYTES = 6 };

#define MADE_UP_BY_ADDRESS (UINT64_C(0x02d5) << 32) /* locally administered */
#define MADE_UP_BY_NUMBER (UINT64_C(0x02d6) << 32)  /* behind it 8 bits of the group, 24 of the host */
#define MADE_UP_FOR_STRANGER (UINT64_C(0x02d7) << 32)

/* ---- numbers ---- */

static uint64_t mac_number(const uint8_t mac[MAC_BYTES])
{
    return (uint64_t)wire_get_u16(mac) << 32 | wire_get_u32(mac + 2);
}

static void put_mac(uint8_t mac[MAC_BYTES], uint64_t number)
{
    wire_put_u16(mac, (uint16_t)(number >> 32));
    wire_put_u32(mac + 2, (uint32_t)number);
}

static bool has_family(const struct population_addresses *addresses, enum ip_family family)
{
    return addresses->networks[family].prefix > 0;
}

uint32_t population_name(const struct ip_address *address)
{
    uint64_t high = wire_get_u64(address->bytes);
    uint64_t low = wire_get_u64(address->bytes + 8);

    if (ip_address_is_v4(address))
        return ip_address_to_v4(address);
    /* Addresses in a row have different names. */
    return (uint32_t)(random_mix64(high ^ random_mix64(low >> 32)) >> 32) + (uint32_t)low;
}

static struct ip_address first_address(const struct population_addresses *addresses, enum ip_family family)
{
    const struct ip_address *first = &addresses->firsts[family];

    return ip_address_is_zero(first) ? ip_address_add(&addresses->networks[family].base, 1) : *first;
}

/* Of host 0 of a group. */
static uint64_t first_mac(const struct population_group *group, size_t number)
{
    static const uint8_t none[MAC_BYTES];
    const struct population_addresses *addresses = &group->addresses;
    struct ip_address first;

    if (memcmp(addresses->mac, none, sizeof none) != 0)
        return mac_number(addresses->mac);
    if (!has_family(addresses, IP_FAMILY_4))
        return MADE_UP_BY_NUMBER | (uint64_t)number << 24;
    first = first_address(addresses, IP_FAMILY_4);
    return MADE_UP_BY_ADDRESS | ip_address_to_v4(&first);
}

/* ---- what is refused ---- */

/* Addresses that a host can have: not the first (RFC 4291, section 2.6.1), nor of IPv4 the last. */
static uint64_t usable_addresses(const struct ip_network *network)
{
    unsigned bits = 128u - network->prefix;
    uint64_t reserved = ip_address_is_v4(&network->base) ? 2 : 1;

    if (bits >= 64)
        return UINT64_MAX;
    return UINT64_C(1) << bits > reserved ? (UINT64_C(1) << bits) - reserved : 0;
}

static const char *network_text(const struct ip_network *network, char text[IP_ADDRESS_TEXT + 4])
{
    size_t length = strlen(ip_address_format(&network->base, text));

    snprintf(text + length, IP_ADDRESS_TEXT + 4 - length, "/%d",
             ip_address_is_v4(&network->base) ? network->prefix - 96 : network->prefix);
    return text;
}

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
    char text[IP_ADDRESS_TEXT + 4];

    if (ip_address_family(&network->base) != family)
        return error_set(err, "network %s: it is not IPv%d", network_text(network, text), family == IP_FAMILY_4 ? 4 : 6);
    if (family == IP_FAMILY_4 ? is_reserved(network) : is_reserved6(network))
        return error_set(err, "network %s: no host can have its addresses",
                         network_text(network, text));
    return 0;
}

/* From the first host's address on. */
static int check_room(const struct population_addresses *addresses, enum ip_family family, uint64_t wanted,
                      struct error *err)
{
    const struct ip_network *network = &addresses->networks[family];
    struct ip_address first = first_address(addresses, family);
    uint64_t place = ip_address_distance(&first, &network->base);
    uint64_t usable = usable_addresses(network);
    uint64_t room = usable >= place ? usable - place + 1 : 0;
    char text[IP_ADDRESS_TEXT + 4];
    char address[IP_ADDRESS_TEXT];

    if (!ip_network_contains(network, &first) && usable > 0)
        return error_set(err, "network %s: %s, the address of the first host, is not in it",
                         network_text(network, text), ip_address_format(&first, address));
    if (place == 0)
        return error_set(err, "network %s: no host can have its first address", network_text(network, text));
    if (room < wanted && place == 1)
        return error_set(err, "network %s: %" PRIu64 " hosts wanted, it has room for %" PRIu64,
                         network_text(network, text), wanted, room);
    if (room < wanted)
        return error_set(err, "network %s: %" PRIu64 " hosts wanted, it has room for %" PRIu64 " from %s on",
                         network_text(network, text), wanted, room, ip_address_format(&first, address));
    return 0;
}

static int check_apart(const struct ip_network *a, const struct ip_network *b, struct error *err)
{
    char first[IP_ADDRESS_TEXT + 4];
    char second[IP_ADDRESS_TEXT + 4];

    if (a->prefix == 0 || b->prefix == 0 || !ip_network_overlaps(a, b))
        return 0;
    return error_set(err, "networks %s and %s overlap", network_text(a, first),
                     network_text(b, second));
}

static int check_outside(const struct population_outside *outside, struct error *err)
{
    char text[IP_ADDRESS_TEXT + 4];

    for (int f = 0; f < IP_FAMILIES; f++) {
        const struct ip_network *network = &outside->networks[f];

        if (network->prefix == 0)
            continue;
        if (check_network(network, (enum ip_family)f, err) < 0)
            return -1;
        if (usable_addresses(network) == 0)
            return error_set(err, "network %s: 1 hosts wanted, it has room for 0", network_text(network, text));
    }
    return 0;
}

static int check_addresses(const struct population_group *group, const struct population_outside *outside,
                           struct error *err)
{
    bool has_any = false;
    char text[IP_ADDRESS_TEXT + 4];

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
            return error_set(err, "network %s: nobody outside has an address of IPv%d", network_text(network, text),
                             f == IP_FAMILY_4 ? 4 : 6);
    }
    return has_any ? 0 : error_set(err, "a population without a network");
}

static const char *mac_text(uint64_t number, char text[18])
{
    uint8_t mac[MAC_BYTES];

    put_mac(mac, number);
    snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    return text;
}

/* None of `count` in a row is a group's, RFC 9542, section 2.1. */
static int check_unicast(uint64_t first, uint64_t count, struct error *err)
{
    uint64_t last = first + count - 1;
    char text[18];

    if (last >> 48 == 0 && (first >> 40 & 1) == 0 && (last >> 40 & 1) == 0)
        return 0;
    return error_set(err, "MAC addresses from %s on: %" PRIu64 " hosts wanted, and one would have that of a multicast"
                     " group", mac_text(first, text), count);
}

/* Two groups, or a group and the outside. */
static int check_macs_apart(uint64_t a, uint64_t a_count, uint64_t b, uint64_t b_count, struct error *err)
{
    char first[18];
    char second[18];

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
        uint64_t first = first_mac(&groups[i], i);

        if (check_unicast(first, groups[i].host_count, err) < 0 ||
            check_macs_apart(first, groups[i].host_count, mac_number(outside), 1, err) < 0)
            return -1;
        for (size_t j = 0; j < i; j++) {
            if (check_macs_apart(first_mac(&groups[j], j), groups[j].host_count, first, groups[i].host_count, err) < 0)
                return -1;
        }
    }
    return 0;
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

/* ---- who there is ---- */

static void init_cast(struct cast *cast, const struct population_group *group)
{
    uint32_t *members = NULL;

    if (group->counts == NULL) {
        members = memory_alloc_array(group->model_count, sizeof *members);
        for (uint32_t i = 0; i < group->model_count; i++)
            members[i] = group->models[i].members;
    }
    cast_init(cast, members ? members : group->counts, group->model_count);
    free(members);
}

static void add_group(struct population *population, const struct population_group *group, size_t number)
{
    enum ip_family family = has_family(&group->addresses, IP_FAMILY_4) ? IP_FAMILY_4 : IP_FAMILY_6;
    struct ip_address address = first_address(&group->addresses, family);
    struct cast *cast = &population->casts[number];
    uint32_t first = population->host_count;
    uint64_t mac = first_mac(group, number);

    init_cast(cast, group);
    for (uint32_t i = 0; i < group->host_count; i++) {
        struct virtual_host *host = &population->hosts[population->host_count++];

        *host = (struct virtual_host){ .model = &group->models[cast->host[i % cast->places]],
                                       .group = group, .cast = cast, .number = i, .first = first };
        host->end.address = ip_address_add(&address, i);
        host->end.name = population_name(&host->end.address);
        host->end.link = group->link;
        host->end.vlan = group->vlan;
        put_mac(host->end.mac, mac + i);
    }
}

/* A neighbour that is asked for its MAC: where hosts are, and not one of them. */
static int check_gateway(const struct population *population, const struct population_group *group, struct error *err)
{
    const struct gateway *gateway = group ? &group->addresses.gateway : &population->outside.gateway;
    const struct ip_network *networks = group ? group->addresses.networks : population->outside.networks;
    enum ip_family family = ip_address_family(&gateway->address);
    char text[IP_ADDRESS_TEXT];
    char network[IP_ADDRESS_TEXT + 4];

    if (gateway->kind != GATEWAY_ADDRESS)
        return 0;
    ip_address_format(&gateway->address, text);
    if (population_find(population, &gateway->address))
        return error_set(err, "gateway %s: it is the address of a virtual host, too", text);
    if (networks[family].prefix == 0)
        return error_set(err, "gateway %s: %s no address of IPv%d", text, group ? "the population has" : "there is outside",
                         family == IP_FAMILY_4 ? 4 : 6);
    if (!is_link_local(&gateway->address) && !ip_network_contains(&networks[family], &gateway->address))
        return error_set(err, "gateway %s: it is not in network %s", text, network_text(&networks[family], network));
    return 0;
}

static int check_gateways(const struct population *population, const struct population_group *groups, struct error *err)
{
    for (size_t i = 0; i < population->group_count; i++) {
        if (check_gateway(population, &groups[i], err) < 0)
            return -1;
    }
    return check_gateway(population, NULL, err);
}

static void set_next_hops(struct population *population, const struct population_group *groups)
{
    population->next_hops = memory_alloc_array(population->group_count + 1, sizeof *population->next_hops);
    for (size_t i = 0; i <= population->group_count; i++) {
        const struct gateway *gateway = i < population->group_count ? &groups[i].addresses.gateway
                                                                    : &population->outside.gateway;

        if (gateway->kind == GATEWAY_MAC)
            memcpy(population->next_hops[i], gateway->mac, MAC_BYTES);
    }
}

int population_init(struct population *population, const struct population_group *groups, size_t group_count,
                    const struct population_outside *outside, struct error *err)
{
    static const uint8_t none[MAC_BYTES];
    size_t total = 0;

    memset(population, 0, sizeof *population);
    population->outside = *outside;
    if (memcmp(outside->mac, none, sizeof none) == 0)
        memcpy(population->outside.mac, outside_mac, sizeof outside_mac);
    if (check_networks(groups, group_count, outside, err) < 0 ||
        check_macs(groups, group_count, population->outside.mac, err) < 0)
        return -1;
    for (size_t i = 0; i < group_count; i++)
        total += groups[i].host_count;
    population->casts = memory_alloc_array(group_count, sizeof *population->casts);
    population->group_count = group_count;
    population->hosts = memory_alloc_array(total, sizeof *population->hosts);
    for (size_t i = 0; i < group_count; i++)
        add_group(population, &groups[i], i);
    set_next_hops(population, groups);
    if (check_gateways(population, groups, err) == 0)
        return 0;
    population_release(population);
    return -1;
}

void population_release(struct population *population)
{
    for (size_t i = 0; i < population->group_count; i++)
        cast_release(&population->casts[i]);
    free(population->casts);
    free(population->hosts);
    free(population->next_hops);
    memset(population, 0, sizeof *population);
}

void population_set_gateway_mac(struct population *population, size_t group, const uint8_t mac[6])
{
    memcpy(population->next_hops[group], mac, MAC_BYTES);
}

struct ip_address population_address(const struct virtual_host *host, enum ip_family family)
{
    struct ip_address first = first_address(&host->group->addresses, family);

    return ip_address_add(&first, host->number);
}

/* How far the address is behind the first host's; UINT64_MAX where that has none of the family. */
static uint64_t distance_from(const struct virtual_host *first, const struct ip_address *address, enum ip_family family)
{
    struct ip_address other;

    if (family == IP_FAMILY_4 && ip_address_is_v4(&first->end.address))
        return ip_address_to_v4(address) - ip_address_to_v4(&first->end.address);
    if (ip_address_family(&first->end.address) == family)
        return ip_address_distance(address, &first->end.address);
    if (!has_family(&first->group->addresses, family))
        return UINT64_MAX;
    other = population_address(first, family);
    return ip_address_distance(address, &other);
}

const struct virtual_host *population_find(const struct population *population, const struct ip_address *address)
{
    enum ip_family family = ip_address_family(address);
    uint32_t i = 0;

    while (i < population->host_count) { /* one step a group */
        const struct virtual_host *first = &population->hosts[i];
        uint64_t offset = distance_from(first, address, family);

        if (offset < first->group->host_count)
            return &population->hosts[i + offset];
        i += first->group->host_count;
    }
    return NULL;
}

/* ---- who sends where ---- */

static uint16_t outside_link(const struct population *population, const struct population_group *group)
{
    return population->outside.has_link ? population->outside.link : group->link;
}

static uint16_t outside_vlan(const struct population *population, const struct population_group *group)
{
    return population->outside.has_vlan ? population->outside.vlan : group->vlan;
}

/* It is nobody's that is played. */
static bool is_gateway_outside(const struct population *population, const struct ip_address *address)
{
    const struct gateway *gateway = &population->outside.gateway;

    return gateway->kind == GATEWAY_ADDRESS && ip_address_equal(&gateway->address, address);
}

bool population_is_outside(const struct population *population, const struct ip_address *address, uint16_t link,
                           uint16_t vlan)
{
    enum ip_family family = ip_address_family(address);
    const struct ip_network *network = &population->outside.networks[family];

    if (network->prefix == 0 || !ip_network_contains(network, address) || ip_address_equal(address, &network->base) ||
        is_gateway_outside(population, address))
        return false;
    for (uint32_t i = 0; i < population->host_count; i += population->hosts[i].group->host_count) {
        const struct population_group *group = population->hosts[i].group;

        if (has_family(&group->addresses, family) && outside_link(population, group) == link &&
            outside_vlan(population, group) == vlan)
            return true;
    }
    return false;
}

/* Unless it is there already. */
static size_t add_sender(struct population_sender *senders, size_t count, const struct population_sender *sender)
{
    for (size_t i = 0; i < count; i++) {
        if (senders[i].link == sender->link && senders[i].vlan == sender->vlan &&
            ip_network_overlaps(&senders[i].network, &sender->network))
            return count;
    }
    senders[count] = *sender;
    return count + 1;
}

size_t population_senders(const struct population *population, struct population_sender *senders)
{
    size_t count = 0;

    for (uint32_t i = 0; i < population->host_count;) { /* one step a group */
        const struct population_group *group = population->hosts[i].group;

        for (int f = 0; f < IP_FAMILIES; f++) {
            const struct population_sender inside = { group->addresses.networks[f], group->link, group->vlan };
            const struct population_sender outside = { population->outside.networks[f],
                                                       outside_link(population, group),
                                                       outside_vlan(population, group) };

            if (!has_family(&group->addresses, (enum ip_family)f))
                continue;
            count = add_sender(senders, count, &inside);
            count = add_sender(senders, count, &outside);
        }
        i += group->host_count;
    }
    return count;
}

size_t population_networks(const struct population *population, struct ip_network *networks)
{
    bool is_used[IP_FAMILIES] = { false, false };
    size_t count = 0;

    for (uint32_t i = 0; i < population->host_count; i += population->hosts[i].group->host_count) {
        for (int f = 0; f < IP_FAMILIES; f++) {
            const struct population_addresses *addresses = &population->hosts[i].group->addresses;

            if (!has_family(addresses, (enum ip_family)f))
                continue;
            networks[count++] = addresses->networks[f];
            is_used[f] = true;
        }
    }
    for (int f = 0; f < IP_FAMILIES; f++) {
        if (is_used[f])
            networks[count++] = population->outside.networks[f];
    }
    return count;
}

/* ---- the ends of flows ---- */

/* Of a host and somebody who has all the families that the host has; always the same. */
static enum ip_family family_between(const struct virtual_host *host, uint32_t peer)
{
    const struct population_addresses *addresses = &host->group->addresses;
    uint64_t pair = random_mix64(host->end.name) + random_mix64(peer); /* whoever begins */

    if (!has_family(addresses, IP_FAMILY_6))
        return IP_FAMILY_4;
    if (!has_family(addresses, IP_FAMILY_4))
        return IP_FAMILY_6;
    return (double)(random_mix64(pair) >> 11) * 0x1p-53 < addresses->ipv6 ? IP_FAMILY_6 : IP_FAMILY_4;
}

static struct ip_address outside_address4(const struct ip_network *network, uint64_t number)
{
    return ip_address_add(&network->base, 1 + random_mix64(number) % usable_addresses(network));
}

/* Over all the host bits, as the rest of the world has many networks; never the first of all. */
static struct ip_address outside_address6(const struct ip_network *network, uint64_t number)
{
    unsigned bits = 128u - network->prefix;
    uint64_t low = random_mix64(number);
    uint64_t high = bits > 64 ? random_mix64(~number) >> (128 - bits) : 0;
    struct ip_address host;

    if (bits < 64)
        low = 1 + low % usable_addresses(network);
    else if (high == 0 && low == 0) /* the first address is no host's */
        low = 1;
    wire_put_u64(host.bytes, high);
    wire_put_u64(host.bytes + 8, low);
    for (int i = 0; i < 16; i++)
        host.bytes[i] |= network->base.bytes[i];
    return host;
}

struct ip_address population_outside_address(const struct population *population, enum ip_family family,
                                             uint64_t number)
{
    const struct ip_network *network = &population->outside.networks[family];
    struct ip_address address;

    do {
        address = family == IP_FAMILY_4 ? outside_address4(network, number) : outside_address6(network, number);
        number++;
    } while (is_gateway_outside(population, &address) && usable_addresses(network) > 1);
    return address;
}

/* As the host sees everybody outside. */
static void place_outside(const struct population *population, const struct virtual_host *host, struct flow_end *end)
{
    memcpy(end->mac, population->outside.mac, sizeof end->mac);
    memcpy(end->next_hop, population->next_hops[population->group_count], sizeof end->next_hop);
    end->link = outside_link(population, host->group);
    end->vlan = outside_vlan(population, host->group);
}

/* Somebody outside with a number: numbers are spread over the network, the same every time. */
static struct flow_end outside_end(const struct population *population, const struct virtual_host *host,
                                   uint64_t number)
{
    enum ip_family named = has_family(&host->group->addresses, IP_FAMILY_4) ? IP_FAMILY_4 : IP_FAMILY_6;
    struct flow_end end = { .address = population_outside_address(population, named, number) };

    end.name = population_name(&end.address);
    if (family_between(host, end.name) != named)
        end.address = population_outside_address(population, IP_FAMILY_6, number);
    place_outside(population, host, &end);
    return end;
}

static struct flow_end host_end(const struct virtual_host *host, enum ip_family family)
{
    struct flow_end end = host->end;

    if (family != ip_address_family(&end.address))
        end.address = population_address(host, family);
    return end;
}

enum { NOBODY = UINT32_MAX };

/* Whom a host means by a host of its model: a number in the group, which may be beyond its end. */
static uint32_t local_peer(const struct virtual_host *host, uint32_t id)
{
    const struct cast *cast = host->cast;
    uint32_t own_place = host->number % cast->places;
    uint32_t members = cast_members(cast, id);
    uint64_t nth = 0;

    if (members == 0)
        return NOBODY;
    if (members > 1)
        nth = random_mix64((uint64_t)own_place << 32 | id) % members;
    if (members > 1 && cast->host[own_place] == id && cast->nth[own_place] == nth)
        nth = (nth + 1) % members;
    return host->number - own_place + cast->place[cast->firsts[id] + nth];
}

struct flow_end population_peer(const struct population *population, const struct virtual_host *host,
                                struct peer peer, uint64_t name, bool *virtual_peer)
{
    /* Each group has a world of its own outside, named by what no other group can change. */
    const struct ip_network *networks = host->group->addresses.networks;
    uint64_t world = random_mix64(population_name(&networks[networks[IP_FAMILY_4].prefix == 0].base));
    uint32_t number = peer.kind == PEER_LOCAL ? local_peer(host, peer.id) : NOBODY;
    const struct virtual_host *other;

    *virtual_peer = peer.kind == PEER_LOCAL && number < host->group->host_count && number != host->number;
    if (*virtual_peer) {
        other = &population->hosts[host->first + number];
        return host_end(other, family_between(host, other->end.name));
    }
    if (peer.kind == PEER_OUTSIDE && peer.id == PEER_ID_OTHER)
        return outside_end(population, host, world ^ name);
    return outside_end(population, host, world ^ peer_pack(peer));
}

struct group_address {
    uint16_t port;
    uint32_t v4;
    struct ip_address v6;
};

/* The groups of services; of others everybody on the link, which has a counterpart in IPv6 for who has nothing else. */
static const struct group_address *group_address_of(uint16_t port)
{
    static const struct group_address groups[] = {
        { 5353, 0xe00000fb, { { 0xff, 0x02, [15] = 0xfb } } },           /* mDNS, 224.0.0.251, ff02::fb */
        { 5355, 0xe00000fc, { { 0xff, 0x02, [13] = 1, [15] = 3 } } },    /* LLMNR, 224.0.0.252, ff02::1:3 */
        { 1900, 0xeffffffa, { { 0xff, 0x02, [15] = 0x0c } } },           /* SSDP, 239.255.255.250, ff02::c */
        { 0, UINT32_MAX, { { 0xff, 0x02, [15] = 1 } } },
    };
    size_t i = 0;

    while (groups[i].port != port && groups[i].port != 0)
        i++;
    return &groups[i];
}

/* RFC 2464, section 7; RFC 1112, section 6.4. */
static void set_group_mac(uint8_t mac[MAC_BYTES], const struct ip_address *address)
{
    uint32_t low = wire_get_u32(address->bytes + 12);

    if (!ip_address_is_v4(address))
        put_mac(mac, UINT64_C(0x3333) << 32 | low);
    else if (low == UINT32_MAX)
        memset(mac, 0xff, MAC_BYTES);
    else
        put_mac(mac, UINT64_C(0x01005e) << 24 | (low & 0x7fffff));
}

struct flow_end population_group_end(const struct virtual_host *host, uint16_t port)
{
    const struct group_address *group = group_address_of(port);
    enum ip_family family = family_between(host, group->v4);
    struct flow_end end = { .name = group->v4, .port = port, .link = host->end.link, .vlan = host->end.vlan };

    if (group->v4 == UINT32_MAX && has_family(&host->group->addresses, IP_FAMILY_4))
        family = IP_FAMILY_4; /* IPv6 has no broadcast, nor the services that use it */
    end.address = family == IP_FAMILY_4 ? ip_address_from_v4(group->v4) : group->v6;
    set_group_mac(end.mac, &end.address);
    return end;
}

struct flow_end population_own_end(const struct population *population, const struct virtual_host *host,
                                   const struct flow_end *peer)
{
    enum ip_family family = ip_address_family(&peer->address);
    const uint8_t *next_hop = population->next_hops[host->cast - population->casts];
    struct flow_end end = host_end(host, family);

    if (mac_number(next_hop) != 0 && !ip_address_is_group(&peer->address) &&
        !ip_network_contains(&host->group->addresses.networks[family], &peer->address))
        memcpy(end.next_hop, next_hop, sizeof end.next_hop);
    return end;
}

uint16_t population_mtu(const struct population *population, const struct virtual_host *host, bool is_outside)
{
    const struct population_outside *outside = &population->outside;
    uint16_t mtu = host->group->mtu;

    return is_outside && outside->has_link && (outside->mtu < mtu) ? outside->mtu : mtu;
}

/* ---- the ends of any packet ---- */

/* Host 0 of the group whose network has the address; NULL: none has. */
static const struct virtual_host *first_around(const struct population *population, const struct ip_address *address)
{
    enum ip_family family = ip_address_family(address);

    for (uint32_t i = 0; i < population->host_count; i += population->hosts[i].group->host_count) {
        const struct population_addresses *addresses = &population->hosts[i].group->addresses;

        if (has_family(addresses, family) && ip_network_contains(&addresses->networks[family], address))
            return &population->hosts[i];
    }
    return NULL;
}

/* A virtual host, or a stranger in the network of the group of `first`. */
static struct flow_end inside_end(const struct population *population, const struct virtual_host *first,
                                  const struct ip_address *address, const struct ip_address *other)
{
    const struct flow_end peer = { .address = *other };
    const struct virtual_host *host = population_find(population, address);
    struct virtual_host stranger = *first;

    stranger.end.address = *address;
    stranger.end.name = population_name(address);
    put_mac(stranger.end.mac, MADE_UP_FOR_STRANGER | stranger.end.name);
    return population_own_end(population, host ? host : &stranger, &peer);
}

/* A multicast group, or everybody, as its sender sees it. */
static struct flow_end group_end(const struct flow_end *sender, const struct ip_address *address)
{
    struct flow_end end = { .address = *address, .link = sender->link, .vlan = sender->vlan };

    set_group_mac(end.mac, address);
    return end;
}

static bool is_broadcast_of(const struct virtual_host *first, const struct ip_address *address)
{
    const struct ip_network *network = &first->group->addresses.networks[IP_FAMILY_4];

    return ip_address_is_v4(address) && ip_address_distance(address, &network->base) == usable_addresses(network) + 1;
}

uint16_t population_ends(const struct population *population, const struct ip_address addresses[2],
                         struct flow_end ends[2])
{
    const struct ip_network *outside = &population->outside.networks[ip_address_family(&addresses[0])];
    const struct virtual_host *firsts[2] = { first_around(population, &addresses[0]),
                                             first_around(population, &addresses[1]) };
    uint16_t mtu = UINT16_MAX;

    if ((firsts[0] == NULL && firsts[1] == NULL) ||
        ip_address_family(&addresses[0]) != ip_address_family(&addresses[1]))
        return 0;
    for (int i = 0; i < 2; i++) {
        const struct virtual_host *first = firsts[i] ? firsts[i] : firsts[!i];
        uint16_t own = population_mtu(population, first, firsts[i] == NULL);

        mtu = own < mtu ? own : mtu;
        if (i == 1 && (ip_address_is_group(&addresses[1]) || (firsts[1] && is_broadcast_of(firsts[1], &addresses[1])))) {
            ends[i] = group_end(&ends[0], &addresses[1]);
        } else if (firsts[i]) {
            ends[i] = inside_end(population, firsts[i], &addresses[i], &addresses[!i]);
        } else if (outside->prefix > 0 && ip_network_contains(outside, &addresses[i])) {
            ends[i] = (struct flow_end){ .address = addresses[i], .name = population_name(&addresses[i]) };
            place_outside(population, first, &ends[i]);
        } else {
            return 0;
        }
    }
    return mtu;
}

enum flow_answer population_answer(const struct population *population, const struct virtual_host *host,
                                   const struct state_model *state, const struct flow_plan *plan)
{
    const struct virtual_host *asked = population_find(population, &plan->ends[FLOW_RESPONDER].address);

    if (asked == NULL)
        return ANSWER_LIKELY;
    if (!peer_answers(state, (uint32_t)(host->model - host->group->models),
                      (uint32_t)(asked->model - asked->group->models), asked->model, plan->key))
        return ANSWER_NONE;
    return plan->packets > 1 ? ANSWER_SURE : ANSWER_LIKELY;
}
