#include "daemon/live_neighbours.h"

#include <string.h>

#include "emit/gateway_search.h"

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

/* Somebody outside asks, in its own place or in that of the first population. */
static struct gateway_question question_of_outside(const struct live_neighbours *n)
{
    const struct population_outside *outside = &scenario_population(n->scenario)->outside;
    const struct configuration_population *first = &n->configuration->populations[0];
    const struct ip_network *network = &outside->networks[ip_address_family(&outside->gateway.address)];
    struct gateway_question question = question_of(n, &outside->gateway, outside->has_link ? outside->link : first->link,
                                                   outside->has_vlan ? outside->vlan : first->vlan);

    question.sender = ip_address_add(&network->base, 1);
    if (ip_address_equal(&question.sender, &question.gateway))
        question.sender = ip_address_add(&network->base, 2);
    memcpy(question.sender_mac, outside->mac, sizeof question.sender_mac);
    return question;
}

/* That of the outside has the number behind the last group's. */
static int find_gateway(const struct live_neighbours *n, size_t number, struct error *err)
{
    const struct gateway_question question = number < n->configuration->population_count ? question_of_group(n, number)
                                                                                         : question_of_outside(n);
    uint8_t mac[MAC_BYTES];

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
