#include "daemon/link_gates.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void link_gates_init(struct link_gates *gates, const struct scenario *scenario)
{
    size_t count, network_count;
    const struct population_sender *senders = scenario_senders(scenario, &count);
    const struct ip_network *networks = scenario_networks(scenario, &network_count);

    memset(gates, 0, sizeof *gates);
    gates->senders = memory_alloc_array(count, sizeof *gates->senders);
    gates->networks = gate_networks_new(networks, network_count);
    gates->all.networks = gates->networks;
    gates->all.network_count = network_count;
    gates->all.senders = gates->senders;
    for (size_t link = 0; link < CONFIGURATION_MAX_LINKS; link++) {
        gates->firsts[link] = gates->all.sender_count;
        for (size_t i = 0; i < count; i++) {
            if (senders[i].link == link)
                gates->senders[gates->all.sender_count++] = (struct gate_sender){ gate_network_of(&senders[i].network), senders[i].vlan };
        }
    }
    gates->firsts[CONFIGURATION_MAX_LINKS] = gates->all.sender_count;
}

void link_gates_release(struct link_gates *gates)
{
    free(gates->senders);
    free(gates->networks);
}

struct gate link_gates_of(const struct link_gates *gates, size_t link)
{
    struct gate gate = gates->all;

    gate.senders = gates->senders + gates->firsts[link];
    gate.sender_count = gates->firsts[link + 1] - gates->firsts[link];
    return gate;
}
