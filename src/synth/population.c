#include "synth/population.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "net/mac_address.h"
#include "net/wire.h"
#include "synth/population_check.h"

uint32_t population_name(const struct ip_address *address)
{
    uint64_t high = wire_get_u64(address->bytes);
    uint64_t low = wire_get_u64(address->bytes + 8);

    if (ip_address_is_v4(address))
        return ip_address_to_v4(address);
    /* Addresses in a row have different names. */
    return (uint32_t)(random_mix64(high ^ random_mix64(low >> 32)) >> 32) + (uint32_t)low;
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
    struct ip_address address = population_addresses_first(&group->addresses,
                                                           population_addresses_main(&group->addresses));
    struct cast *cast = &population->casts[number];
    uint32_t first = population->host_count;
    uint64_t mac = population_addresses_mac(&group->addresses, number);

    init_cast(cast, group);
    for (uint32_t i = 0; i < group->host_count; i++) {
        struct virtual_host *host = &population->hosts[population->host_count++];

        *host = (struct virtual_host){ .model = &group->models[cast->host[i % cast->places]],
                                       .group = group, .cast = cast, .number = i, .first = first };
        host->end.address = ip_address_add(&address, i);
        host->end.name = population_name(&host->end.address);
        host->end.link = group->link;
        host->end.vlan = group->vlan;
        mac_put(host->end.mac, mac + i);
    }
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
    size_t total = 0;

    memset(population, 0, sizeof *population);
    population->outside = *outside;
    population_outside_set_mac(&population->outside);
    if (population_check(groups, group_count, &population->outside, err) < 0)
        return -1;
    for (size_t i = 0; i < group_count; i++)
        total += groups[i].host_count;
    population->casts = memory_alloc_array(group_count, sizeof *population->casts);
    population->group_count = group_count;
    population->hosts = memory_alloc_array(total, sizeof *population->hosts);
    for (size_t i = 0; i < group_count; i++)
        add_group(population, &groups[i], i);
    set_next_hops(population, groups);
    return 0;
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

void population_set_gateway_mac(struct population *population, size_t group, const uint8_t mac[MAC_BYTES])
{
    memcpy(population->next_hops[group], mac, MAC_BYTES);
}

struct ip_address population_address(const struct virtual_host *host, enum ip_family family)
{
    struct ip_address first = population_addresses_first(&host->group->addresses, family);

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
    if (!population_addresses_have(&first->group->addresses, family))
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

bool population_is_outside(const struct population *population, const struct ip_address *address, uint16_t link,
                           uint16_t vlan)
{
    enum ip_family family = ip_address_family(address);
    const struct population_outside *outside = &population->outside;

    if (!population_outside_has(outside, address) || ip_address_equal(address, &outside->networks[family].base))
        return false;
    for (uint32_t i = 0; i < population->host_count; i += population->hosts[i].group->host_count) {
        const struct population_group *group = population->hosts[i].group;

        if (population_addresses_have(&group->addresses, family) &&
            population_outside_link(outside, group->link) == link &&
            population_outside_vlan(outside, group->vlan) == vlan)
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

    for (uint32_t i = 0; i < population->host_count; i += population->hosts[i].group->host_count) {
        const struct population_group *group = population->hosts[i].group;

        for (int f = 0; f < IP_FAMILIES; f++) {
            const struct population_sender inside = { group->addresses.networks[f], group->link, group->vlan };
            const struct population_sender outside = { population->outside.networks[f],
                                                       population_outside_link(&population->outside, group->link),
                                                       population_outside_vlan(&population->outside, group->vlan) };

            if (!population_addresses_have(&group->addresses, (enum ip_family)f))
                continue;
            count = add_sender(senders, count, &inside);
            count = add_sender(senders, count, &outside);
        }
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

            if (!population_addresses_have(addresses, (enum ip_family)f))
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
