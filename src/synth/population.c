#include "synth/population.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "synth/peer_draw.h"

static const uint8_t gateway_mac[6] = { 0x02, 0xd5, 0x00, 0x00, 0x00, 0x01 };

/* Locally administered, and unique because the address is. */
static void set_mac(uint8_t mac[6], uint32_t address)
{
    mac[0] = 0x02;
    mac[1] = 0xd5;
    for (int i = 0; i < 4; i++)
        mac[2 + i] = (uint8_t)(address >> (24 - 8 * i));
}

/* Addresses of an IPv4 network that a host can have: not the first, not the last. */
static uint64_t usable_addresses(const struct ip_network *network)
{
    uint64_t size = UINT64_C(1) << (128 - network->prefix);

    return size > 2 ? size - 2 : 0;
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

static int check_network(const struct ip_network *network, uint64_t wanted, struct error *err)
{
    char text[IP_ADDRESS_TEXT + 4];

    if (!ip_address_is_v4(&network->base))
        return error_set(err, "network %s: only IPv4 networks can be emulated",
                         network_text(network, text));
    if (is_reserved(network))
        return error_set(err, "network %s: no host can have its addresses",
                         network_text(network, text));
    if (usable_addresses(network) < wanted)
        return error_set(err, "network %s: %" PRIu64 " hosts wanted, it has room for %" PRIu64,
                         network_text(network, text), wanted, usable_addresses(network));
    return 0;
}

static int check_apart(const struct ip_network *a, const struct ip_network *b, struct error *err)
{
    char first[IP_ADDRESS_TEXT + 4];
    char second[IP_ADDRESS_TEXT + 4];

    if (!ip_network_overlaps(a, b))
        return 0;
    return error_set(err, "networks %s and %s overlap", network_text(a, first),
                     network_text(b, second));
}

static int check_networks(const struct population_group *groups, size_t count,
                          const struct ip_network *outside, struct error *err)
{
    if (check_network(outside, 1, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (check_network(&groups[i].network, groups[i].host_count, err) < 0 ||
            check_apart(&groups[i].network, outside, err) < 0)
            return -1;
        for (size_t j = 0; j < i; j++) {
            if (check_apart(&groups[j].network, &groups[i].network, err) < 0)
                return -1;
        }
    }
    return 0;
}

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

static void add_group(struct population *population, const struct population_group *group,
                      struct cast *cast)
{
    uint32_t first = population->host_count;
    uint32_t base = ip_address_to_v4(&group->network.base);

    init_cast(cast, group);
    for (uint32_t i = 0; i < group->host_count; i++) {
        struct virtual_host *host = &population->hosts[population->host_count++];

        *host = (struct virtual_host){ .model = &group->models[cast->host[i % cast->places]],
                                       .group = group, .cast = cast, .number = i, .first = first };
        host->end.address = base + 1 + i;
        host->end.link = group->link;
        host->end.vlan = group->vlan;
        set_mac(host->end.mac, host->end.address);
    }
}

int population_init(struct population *population, const struct population_group *groups,
                    size_t group_count, const struct ip_network *outside, struct error *err)
{
    size_t total = 0;

    memset(population, 0, sizeof *population);
    if (check_networks(groups, group_count, outside, err) < 0)
        return -1;
    for (size_t i = 0; i < group_count; i++)
        total += groups[i].host_count;
    population->casts = memory_alloc_array(group_count, sizeof *population->casts);
    population->group_count = group_count;
    population->hosts = memory_alloc_array(total, sizeof *population->hosts);
    population->outside = *outside;
    memcpy(population->gateway_mac, gateway_mac, sizeof gateway_mac);
    for (size_t i = 0; i < group_count; i++)
        add_group(population, &groups[i], &population->casts[i]);
    return 0;
}

void population_release(struct population *population)
{
    for (size_t i = 0; i < population->group_count; i++)
        cast_release(&population->casts[i]);
    free(population->casts);
    free(population->hosts);
    memset(population, 0, sizeof *population);
}

const struct virtual_host *population_find(const struct population *population, uint32_t address)
{
    uint32_t i = 0;

    while (i < population->host_count) { /* one step a group */
        const struct virtual_host *first = &population->hosts[i];
        uint32_t offset = address - first->end.address;

        if (offset < first->group->host_count)
            return &population->hosts[i + offset];
        i += first->group->host_count;
    }
    return NULL;
}

void population_place_outside(struct population *population, const struct population_place *place)
{
    population->outside_place = *place;
}

static uint16_t outside_link(const struct population *population, const struct population_group *group)
{
    return population->outside_place.has_link ? population->outside_place.link : group->link;
}

static uint16_t outside_vlan(const struct population *population, const struct population_group *group)
{
    return population->outside_place.has_vlan ? population->outside_place.vlan : group->vlan;
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
        const struct population_sender inside = { group->network, group->link, group->vlan };
        const struct population_sender outside = { population->outside, outside_link(population, group),
                                                   outside_vlan(population, group) };

        count = add_sender(senders, count, &inside);
        count = add_sender(senders, count, &outside);
        i += group->host_count;
    }
    return count;
}

/* The outside address with a number: numbers are spread over the network, the same every time. */
static struct flow_end outside_end(const struct population *population, const struct population_group *group,
                                   uint64_t number)
{
    uint64_t size = usable_addresses(&population->outside);
    struct flow_end end = { 0 };

    end.address = ip_address_to_v4(&population->outside.base) + 1 +
                  (uint32_t)(random_mix64(number) % size);
    memcpy(end.mac, population->gateway_mac, sizeof end.mac);
    end.link = outside_link(population, group);
    end.vlan = outside_vlan(population, group);
    return end;
}

/* ---- any address ---- */

/* Whose network it is in; NULL: nobody's. */
static const struct population_group *group_of(const struct population *population, const struct ip_address *address)
{
    for (uint32_t i = 0; i < population->host_count;) { /* one step a group */
        const struct population_group *group = population->hosts[i].group;

        if (ip_network_contains(&group->network, address))
            return group;
        i += group->host_count;
    }
    return NULL;
}

/* RFC 1112, section 6.4; RFC 2464, section 7. */
static void set_group_mac(uint8_t mac[6], const struct ip_address *address)
{
    memset(mac, 0xff, 6);
    if (!ip_address_is_v4(address)) {
        mac[0] = mac[1] = 0x33;
        memcpy(mac + 2, address->bytes + 12, 4);
    } else if (address->bytes[12] >> 4 == 0xe) {
        memcpy(mac, (uint8_t[]){ 0x01, 0x00, 0x5e, address->bytes[13] & 0x7f, address->bytes[14], address->bytes[15] }, 6);
    }
}

static bool is_last_of(const struct ip_network *network, uint32_t address)
{
    return address - ip_address_to_v4(&network->base) == (UINT32_MAX >> (network->prefix - 96));
}

static struct flow_end inside_end(const struct population_group *group, const struct ip_address *address)
{
    struct flow_end end = { .address = ip_address_to_v4(address), .link = group->link, .vlan = group->vlan };

    set_mac(end.mac, end.address);
    return end;
}

/* As somebody of `group` sees it. */
static struct flow_end outside_end_at(const struct population *population, const struct population_group *group,
                                      const struct ip_address *address)
{
    struct flow_end end = { .address = ip_address_to_v4(address), .link = outside_link(population, group),
                            .vlan = outside_vlan(population, group) };

    memcpy(end.mac, population->gateway_mac, sizeof end.mac);
    return end;
}

static struct flow_end group_end(const struct flow_end *sender, const struct ip_address *address)
{
    struct flow_end end = *sender;

    end.address = ip_address_is_v4(address) ? ip_address_to_v4(address) : 0;
    set_group_mac(end.mac, address);
    return end;
}

bool population_ends(const struct population *population, const struct ip_address addresses[2], struct flow_end ends[2])
{
    const struct population_group *groups[2] = { group_of(population, &addresses[0]), group_of(population, &addresses[1]) };

    if (groups[0] == NULL && groups[1] == NULL)
        return false;
    for (int i = 0; i < 2; i++) {
        if (groups[i])
            ends[i] = inside_end(groups[i], &addresses[i]);
        else if (ip_network_contains(&population->outside, &addresses[i]))
            ends[i] = outside_end_at(population, groups[!i], &addresses[i]);
        else if (i == 1 && ip_address_is_group(&addresses[i]))
            ends[i] = group_end(&ends[0], &addresses[i]);
        else
            return false;
    }
    if (groups[1] && is_last_of(&groups[1]->network, ends[1].address))
        set_group_mac(ends[1].mac, &addresses[1]); /* of nobody's own: all of the network */
    return true;
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
    uint64_t world = random_mix64(ip_address_to_v4(&host->group->network.base));
    uint32_t number = peer.kind == PEER_LOCAL ? local_peer(host, peer.id) : NOBODY;

    *virtual_peer = peer.kind == PEER_LOCAL && number < host->group->host_count && number != host->number;
    if (*virtual_peer)
        return population->hosts[host->first + number].end;
    if (peer.kind == PEER_OUTSIDE && peer.id == PEER_ID_OTHER)
        return outside_end(population, host->group, world ^ name);
    return outside_end(population, host->group, world ^ peer_pack(peer));
}

enum flow_answer population_answer(const struct population *population, const struct virtual_host *host,
                                   const struct state_model *state, const struct flow_plan *plan)
{
    const struct virtual_host *asked = population_find(population, plan->ends[FLOW_RESPONDER].address);

    if (asked == NULL)
        return ANSWER_LIKELY;
    if (!peer_answers(state, (uint32_t)(host->model - host->group->models),
                      (uint32_t)(asked->model - asked->group->models), asked->model, plan->key))
        return ANSWER_NONE;
    return plan->packets > 1 ? ANSWER_SURE : ANSWER_LIKELY;
}

struct flow_end population_group_end(uint16_t port)
{
    static const struct {
        uint16_t port;
        uint32_t address;
    } groups[] = {
        { 5353, 0xe00000fb }, /* mDNS, 224.0.0.251 */
        { 5355, 0xe00000fc }, /* LLMNR, 224.0.0.252 */
        { 1900, 0xeffffffa }, /* SSDP, 239.255.255.250 */
    };
    struct flow_end end = { .address = UINT32_MAX, .port = port };

    memset(end.mac, 0xff, sizeof end.mac);
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        if (groups[i].port != port)
            continue;
        end.address = groups[i].address;
        memcpy(end.mac, (uint8_t[]){ 0x01, 0x00, 0x5e, end.address >> 16 & 0x7f,
                                     end.address >> 8 & 0xff, end.address & 0xff }, 6);
    }
    return end;
}
