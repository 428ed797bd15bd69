#include "daemon/answer_filter.h"

enum { MOST_RANGES = (SCENARIO_MAX_GROUPS + 1) * IP_FAMILIES };

struct ranges {
    struct host_range ranges[MOST_RANGES];
    size_t count;
};

static void add_network(struct ranges *to, const struct ip_network *network)
{
    struct host_range range = { network->base, network->base, 0 };

    for (size_t bit = network->prefix; bit < 128; bit++)
        range.last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    if (network->prefix > 0)
        to->ranges[to->count++] = range;
}

static void add_hosts(struct ranges *to, const struct configuration_population *population, enum ip_family family)
{
    const struct population_addresses *addresses = &population->addresses;
    struct ip_address first;

    if (population->hosts == 0 || addresses->networks[family].prefix == 0)
        return;
    first = population_addresses_first(addresses, family);
    to->ranges[to->count++] = (struct host_range){ first, ip_address_add(&first, population->hosts - 1), 0 };
}

static bool has_population(const struct configuration *c, size_t link)
{
    for (size_t i = 0; i < c->population_count; i++) {
        if (c->populations[i].link == link)
            return true;
    }
    return false;
}

/* The outside is somebody here where it has a link or a VLAN of its own (scenario_hosts.h). */
static void add_outside(const struct configuration *c, size_t link, enum ip_family family, struct ranges *wanted,
                        struct ranges *unwanted)
{
    if (c->outside.has_link && c->outside.link != link)
        add_network(unwanted, &c->outside.networks[family]);
    else if (c->outside.has_link || (c->outside.has_vlan && has_population(c, link)))
        add_network(wanted, &c->outside.networks[family]);
}

void answer_filter(const struct configuration *c, size_t link, struct receive_filter *filter)
{
    struct ranges wanted = { .count = 0 };
    struct ranges unwanted = { .count = 0 };

    for (int family = 0; family < IP_FAMILIES; family++) {
        for (size_t i = 0; i < c->population_count; i++) {
            if (c->populations[i].link == link)
                add_network(&wanted, &c->populations[i].addresses.networks[family]);
            else
                add_hosts(&unwanted, &c->populations[i], (enum ip_family)family);
        }
        add_outside(c, link, (enum ip_family)family, &wanted, &unwanted);
    }
    receive_filter_ranges(filter, wanted.ranges, wanted.count, unwanted.ranges, unwanted.count);
}
