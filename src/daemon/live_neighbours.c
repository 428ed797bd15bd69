#include "daemon/live_neighbours.h"

#include <string.h>

#include "emit/gateway_search.h"

enum { MOST_ASKERS = 8 };

static bool is_asked_for(const struct gateway *gateway)
{
    return gateway->kind == GATEWAY_ADDRESS;
}

bool live_neighbours_has_questions(const struct configuration *c)
{
    for (size_t i = 0; i < c->population_count; i++) {
        if (is_asked_for(&c->populations[i].addresses.gateway))
            return true;
    }
    return is_asked_for(&c->outside.gateway);
}

static size_t probed_links(const struct live_neighbours *n, struct probed_link links[CONFIGURATION_MAX_LINKS])
{
    for (size_t i = 0; i < n->configuration->link_count; i++)
        links[i] = live_link_probed(&n->links[i]);
    return n->configuration->link_count;
}

/* ---- gateways ---- */

/* Of the group with that number. */
static const struct virtual_host *first_host(const struct population *population, size_t group)
{
    const struct virtual_host *host = population->hosts;

    while (group-- > 0)
        host += host->group->host_count;
    return host;
}

/* On that link, with that tag; who asks is still to be said. */
static struct gateway_question question_of(const struct live_neighbours *n, const struct gateway *gateway, uint16_t link,
                                           uint16_t vlan)
{
    return (struct gateway_question){
        .link = &n->links[link].link,
        .ceiling = live_link_probed(&n->links[link]).ceiling,
        .counts = &n->links[link].answers,
        .vlan = vlan,
        .gateway = gateway->address,
    };
}

/* Its first host asks. */
static struct gateway_question question_of_group(const struct live_neighbours *n, size_t group)
{
    const struct configuration_population *config = &n->configuration->populations[group];
    const struct virtual_host *host = first_host(scenario_population(n->scenario), group);
    struct gateway_question question = question_of(n, &config->addresses.gateway, config->link, config->vlan);

    question.sender = population_address(host, ip_address_family(&question.gateway));
    memcpy(question.sender_mac, host->end.mac, sizeof question.sender_mac);
    return question;
}

/* Where the outside asks for its gateway: in its own place or in that of the first population. */
static uint16_t link_of_outside(const struct live_neighbours *n)
{
    const struct population_outside *outside = &scenario_population(n->scenario)->outside;

    return outside->has_link ? outside->link : n->configuration->populations[0].link;
}

static uint16_t vlan_of_outside(const struct live_neighbours *n)
{
    const struct population_outside *outside = &scenario_population(n->scenario)->outside;

    return outside->has_vlan ? outside->vlan : n->configuration->populations[0].vlan;
}

/* Who may ask from outside, when the address turns out to be free: the outside may be full of real hosts. */
static size_t askers_of_outside(const struct live_neighbours *n, struct walked_host askers[MOST_ASKERS])
{
    const struct population_outside *outside = &scenario_population(n->scenario)->outside;
    const struct ip_network *network = &outside->networks[ip_address_family(&outside->gateway.address)];
    size_t count = 0;

    for (uint32_t i = 1; is_asked_for(&outside->gateway) && i <= MOST_ASKERS; i++) {
        struct walked_host asker = { .address = ip_address_add(&network->base, i), .vlan = vlan_of_outside(n) };
        struct ip_address last = ip_address_add(&network->base, ip_address_is_v4(&asker.address) ? i + 1 : i);

        if (!ip_network_contains(network, &last) || /* the last one of IPv4 is for all */
            ip_address_equal(&asker.address, &outside->gateway.address))
            continue;
        memcpy(asker.host.mac, outside->mac, sizeof asker.host.mac);
        askers[count++] = asker;
    }
    return count;
}

/* The first whose address nobody else has asks. */
static int question_of_outside(const struct live_neighbours *n, struct gateway_question *question, struct error *err)
{
    uint16_t link = link_of_outside(n);
    struct walked_host askers[MOST_ASKERS];
    size_t count = askers_of_outside(n, askers);
    char text[IP_ADDRESS_TEXT];
    size_t i = 0;

    *question = question_of(n, &scenario_population(n->scenario)->outside.gateway, link, vlan_of_outside(n));
    while (i < count && address_claims_has(&n->links[link].claims, &askers[i].address))
        i++;
    if (i == count)
        return error_set(err, "outside_gateway %s: others on %s have the first %d addresses outside, with which it would be "
                         "asked for", ip_address_format(&question->gateway, text), question->link->name, MOST_ASKERS);
    question->sender = askers[i].address;
    memcpy(question->sender_mac, askers[i].host.mac, sizeof question->sender_mac);
    return 0;
}

/* That of the outside has the number behind the last group's. */
static int find_gateway(const struct live_neighbours *n, size_t number, struct error *err)
{
    struct gateway_question question;
    uint8_t mac[MAC_BYTES];

    if (number < n->configuration->population_count)
        question = question_of_group(n, number);
    else if (question_of_outside(n, &question, err) < 0)
        return -1;
    if (gateway_search(&question, n->stop, n->stop_self, mac, err) < 0)
        return -1;
    scenario_set_gateway_mac(n->scenario, number, mac);
    return 0;
}

static int find_gateways(const struct live_neighbours *n, struct error *err)
{
    const struct configuration *c = n->configuration;

    for (size_t i = 0; i <= c->population_count; i++) {
        const struct gateway *gateway = i < c->population_count ? &c->populations[i].addresses.gateway
                                                                : &c->outside.gateway;

        if (is_asked_for(gateway) && find_gateway(n, i, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- all of it ---- */

int live_neighbours_meet(const struct live_neighbours *n, struct error *err)
{
    struct probed_link links[CONFIGURATION_MAX_LINKS];
    size_t count = probed_links(n, links);
    struct walked_host askers[MOST_ASKERS];
    struct probed_link *outside = &links[link_of_outside(n)];

    outside->askers = askers;
    outside->asker_count = askers_of_outside(n, askers);
    if (n->configuration->probe)
        address_probe(links, count, n->configuration->probe_ns, n->stop, n->stop_self);
    if (!n->goes_on && address_probe_complain(links, count, err) < 0)
        return -1;
    return find_gateways(n, err);
}

void live_neighbours_announce(const struct live_neighbours *n)
{
    struct probed_link links[CONFIGURATION_MAX_LINKS];
    size_t count = probed_links(n, links);

    if (n->configuration->announce)
        address_announce(links, count, n->stop, n->stop_self);
}
