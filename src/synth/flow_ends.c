#include "synth/flow_ends.h"

#include <string.h>

#include "base/random.h"
#include "net/mac_address.h"

#define MADE_UP_FOR_STRANGER (UINT64_C(0x02d7) << 32) /* behind it the name */

/* ---- of flows that were learned ---- */

/* Of a host and somebody who has all the families that the host has; always the same. */
static enum ip_family family_between(const struct virtual_host *host, uint32_t peer)
{
    const struct population_addresses *addresses = &host->group->addresses;
    uint64_t pair = random_mix64(host->end.name) + random_mix64(peer); /* whoever begins */

    if (!population_addresses_have(addresses, IP_FAMILY_6))
        return IP_FAMILY_4;
    if (!population_addresses_have(addresses, IP_FAMILY_4))
        return IP_FAMILY_6;
    return (double)(random_mix64(pair) >> 11) * 0x1p-53 < addresses->ipv6 ? IP_FAMILY_6 : IP_FAMILY_4;
}

/* As the host sees everybody outside. */
static void place_outside(const struct population *population, const struct virtual_host *host, struct flow_end *end)
{
    memcpy(end->mac, population->outside.mac, sizeof end->mac);
    memcpy(end->next_hop, population->next_hops[population->group_count], sizeof end->next_hop);
    end->link = population_outside_link(&population->outside, host->group->link);
    end->vlan = population_outside_vlan(&population->outside, host->group->vlan);
}

/* Somebody outside with a number. */
static struct flow_end outside_end(const struct population *population, const struct virtual_host *host,
                                   uint64_t number)
{
    enum ip_family named = population_addresses_main(&host->group->addresses);
    struct flow_end end = { .address = population_outside_address(&population->outside, named, number) };

    end.name = population_name(&end.address);
    if (family_between(host, end.name) != named)
        end.address = population_outside_address(&population->outside, IP_FAMILY_6, number);
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

struct flow_end flow_ends_peer(const struct population *population, const struct virtual_host *host,
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

struct flow_end flow_ends_group(const struct virtual_host *host, uint16_t port)
{
    const struct group_address *group = group_address_of(port);
    enum ip_family family = family_between(host, group->v4);
    struct flow_end end = { .name = group->v4, .port = port, .link = host->end.link, .vlan = host->end.vlan };

    if (group->v4 == UINT32_MAX && population_addresses_have(&host->group->addresses, IP_FAMILY_4))
        family = IP_FAMILY_4; /* IPv6 has no broadcast, nor the services that use it */
    end.address = family == IP_FAMILY_4 ? ip_address_from_v4(group->v4) : group->v6;
    mac_put_group(end.mac, &end.address);
    return end;
}

struct flow_end flow_ends_own(const struct population *population, const struct virtual_host *host,
                             const struct flow_end *peer)
{
    enum ip_family family = ip_address_family(&peer->address);
    const uint8_t *next_hop = population->next_hops[host->cast - population->casts];
    struct flow_end end = host_end(host, family);

    if (!mac_is_zero(next_hop) && !ip_address_is_group(&peer->address) &&
        !ip_network_contains(&host->group->addresses.networks[family], &peer->address))
        memcpy(end.next_hop, next_hop, sizeof end.next_hop);
    return end;
}

uint16_t flow_ends_mtu(const struct population *population, const struct virtual_host *host, bool is_outside)
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

        if (population_addresses_have(addresses, family) && ip_network_contains(&addresses->networks[family], address))
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
    mac_put(stranger.end.mac, MADE_UP_FOR_STRANGER | stranger.end.name);
    return flow_ends_own(population, host ? host : &stranger, &peer);
}

/* A multicast group, or everybody, as its sender sees it. */
static struct flow_end group_end(const struct flow_end *sender, const struct ip_address *address)
{
    struct flow_end end = { .address = *address, .link = sender->link, .vlan = sender->vlan };

    mac_put_group(end.mac, address);
    return end;
}

static bool is_broadcast_of(const struct virtual_host *first, const struct ip_address *address)
{
    const struct ip_network *network = &first->group->addresses.networks[IP_FAMILY_4];

    return ip_address_is_v4(address) && ip_address_distance(address, &network->base) == ip_network_usable(network) + 1;
}

uint16_t flow_ends_between(const struct population *population, const struct ip_address addresses[2],
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
        uint16_t own = flow_ends_mtu(population, first, firsts[i] == NULL);

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
