/*
 * Stacks are learned when they are asked for: an atomic word for each host of a model, 0 as long as nobody has asked.
 * Who asks at the same time finds the same.
 */
#include "scenario/scenario_hosts.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "scenario/learned_stack.h"

struct group_stacks {
    enum host_os system;
    _Atomic uint32_t *learned; /* by host of the models: packed, see pack() */
};

struct scenario_hosts {
    const struct population *population;
    const struct overlay_set *overlays; /* NULL: none */
    const struct population_group *groups; /* the population's */
    struct group_stacks *stacks;           /* by group */
    uint16_t link;
    struct host_range *virtual_hosts;
    size_t virtual_count;
};

/* ---- stacks ---- */

static uint32_t pack(struct host_stack stack)
{
    return (uint32_t)stack.os << 16 | (uint32_t)stack.ttl << 8 | (uint32_t)stack.ip_id; /* no system is 0 */
}

static struct host_stack unpack(uint32_t packed)
{
    return (struct host_stack){ (enum host_os)(packed >> 16), (uint8_t)(packed >> 8), (enum ip_id_kind)(packed & 0xff) };
}

static struct host_stack stack_of(const struct scenario_hosts *hosts, const struct virtual_host *host)
{
    const struct group_stacks *stacks = &hosts->stacks[host->group - hosts->groups];
    _Atomic uint32_t *known = &stacks->learned[host->model - host->group->models];
    uint32_t packed;

    if (stacks->system != HOST_OS_LEARNED)
        return learned_stack_default(stacks->system);
    packed = atomic_load_explicit(known, memory_order_relaxed);
    if (packed == 0) {
        packed = pack(learned_stack_of(host->group, host->model));
        atomic_store_explicit(known, packed, memory_order_relaxed);
    }
    return unpack(packed);
}

/* ---- whose an address is ---- */

static enum host_kind find_virtual(const struct scenario_hosts *hosts, const struct virtual_host *virtual_host,
                                   uint16_t vlan, struct link_host *host)
{
    if (virtual_host->end.link != hosts->link || virtual_host->end.vlan != vlan)
        return HOST_ELSEWHERE;
    memcpy(host->mac, virtual_host->end.mac, sizeof host->mac);
    host->stack = stack_of(hosts, virtual_host);
    return HOST_VIRTUAL;
}

/* Its place is its own when it has a link or a tag that is not that of the hosts it talks with. */
static enum host_kind find_outside(const struct scenario_hosts *hosts, const struct ip_address *address, uint16_t vlan,
                                   struct link_host *host)
{
    const struct population_outside *outside = &hosts->population->outside;

    if (!outside->has_link && !outside->has_vlan)
        return HOST_NONE;
    if (!population_is_outside(hosts->population, address, hosts->link, vlan))
        return HOST_ELSEWHERE;
    memcpy(host->mac, outside->mac, sizeof host->mac);
    host->stack = learned_stack_default(HOST_OS_LEARNED);
    return HOST_OUTSIDE;
}

static enum host_kind find(const void *self, const struct ip_address *address, uint16_t vlan, struct link_host *host)
{
    const struct scenario_hosts *hosts = self;
    const struct virtual_host *virtual_host = population_find(hosts->population, address);

    if (virtual_host)
        return find_virtual(hosts, virtual_host, vlan, host);
    if (population_outside_has(&hosts->population->outside, address))
        return find_outside(hosts, address, vlan, host);
    return hosts->overlays && overlay_set_brings(hosts->overlays, address) ? HOST_ELSEWHERE : HOST_NONE;
}

/* ---- ranges ---- */

/* A group's hosts in one family. */
static void add_group(struct scenario_hosts *hosts, const struct virtual_host *first, enum ip_family family)
{
    struct ip_address address = population_address(first, family);

    hosts->virtual_hosts[hosts->virtual_count++] = (struct host_range){
        address, ip_address_add(&address, first->group->host_count - 1), first->end.vlan,
    };
}

static void add_groups(struct scenario_hosts *hosts)
{
    const struct population *population = hosts->population;

    for (uint32_t i = 0; i < population->host_count; i += population->hosts[i].group->host_count) {
        for (int family = 0; family < IP_FAMILIES; family++) {
            if (population->hosts[i].end.link == hosts->link &&
                population->hosts[i].group->addresses.networks[family].prefix > 0)
                add_group(hosts, &population->hosts[i], (enum ip_family)family);
        }
    }
}

struct scenario_hosts *scenario_hosts_new(const struct population *population, const struct overlay_set *overlays,
                                          const enum host_os *systems, uint16_t link)
{
    struct scenario_hosts *hosts = memory_alloc(sizeof *hosts);
    size_t groups = population->group_count;

    hosts->population = population;
    hosts->overlays = overlays;
    hosts->groups = population->hosts->group;
    hosts->link = link;
    hosts->stacks = memory_alloc_array(groups, sizeof *hosts->stacks);
    hosts->virtual_hosts = memory_alloc_array(groups * IP_FAMILIES, sizeof *hosts->virtual_hosts);
    for (size_t i = 0; i < groups; i++) {
        hosts->stacks[i].system = systems[i];
        hosts->stacks[i].learned = memory_alloc_array(hosts->groups[i].model_count, sizeof *hosts->stacks[i].learned);
    }
    add_groups(hosts);
    return hosts;
}

void scenario_hosts_free(struct scenario_hosts *hosts)
{
    if (hosts == NULL)
        return;
    for (size_t i = 0; i < hosts->population->group_count; i++)
        free(hosts->stacks[i].learned);
    free(hosts->stacks);
    free(hosts->virtual_hosts);
    free(hosts);
}

struct link_hosts scenario_hosts_of(const struct scenario_hosts *hosts)
{
    struct link_hosts of = {
        .find = find,
        .self = hosts,
        .virtual_hosts = hosts->virtual_hosts,
        .virtual_count = hosts->virtual_count,
    };

    memcpy(of.outside_mac, hosts->population->outside.mac, sizeof of.outside_mac);
    return of;
}
