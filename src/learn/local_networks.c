#include "learn/local_networks.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "learn/address_table.h"

enum {
    PRIVATE_SHARE = 10, /* percent of the flows that make private addresses local */
    ENOUGH_SHARE = 95,  /* percent of the flows with a local end: no need to look further */
    GAIN_SHARE = 5,     /* percent of all flows that a network must add */
    HALF_SHARE = 99     /* percent of its flows that let a network be narrowed to a half */
};

enum ends { BOTH_ENDS = 2, INITIATORS = 1 }; /* sides of a flow that are looked at */

/* Flows between two single hosts, and those of them that have no local end yet. */
struct search {
    const struct flow_record **open;
    size_t open_count;
    size_t all;
    struct local_networks *found;
};

static const char *const private_networks[] = {
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7",
    "fe80::/10",
};

/* ---- what is local so far ---- */

bool local_networks_contain(const struct local_networks *local, const struct ip_address *address)
{
    if (local->private_is_local && ip_address_is_private(address))
        return true;
    for (size_t i = 0; i < local->count; i++) {
        if (ip_network_contains(&local->networks[i], address))
            return true;
    }
    return false;
}

/* The flows without a local end, in their order. */
static void close_local_flows(struct search *search)
{
    size_t left = 0;

    for (size_t i = 0; i < search->open_count; i++) {
        const struct flow_record *r = search->open[i];

        if (!local_networks_contain(search->found, &r->address[FLOW_INITIATOR]) &&
            !local_networks_contain(search->found, &r->address[FLOW_RESPONDER]))
            search->open[left++] = r;
    }
    search->open_count = left;
}

static void add_network(struct search *search, const struct ip_network *network)
{
    search->found->networks[search->found->count++] = *network;
}

static bool is_seen(const struct ip_network *network, const struct flow_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (int side = 0; side < 2; side++) {
            if (ip_network_contains(network, &records[i].address[side]))
                return true;
        }
    }
    return false;
}

static void take_private(struct search *search, const struct flow_record *records, size_t count)
{
    struct ip_network network;

    for (size_t i = 0; i < sizeof private_networks / sizeof *private_networks; i++) {
        (void)ip_network_parse(&network, private_networks[i]);
        if (is_seen(&network, records, count))
            add_network(search, &network);
    }
    search->found->private_is_local = true;
    close_local_flows(search);
}

/* A tenth of all flows, those to groups included, has a private address. */
static bool is_private_network(const struct flow_record *records, size_t count)
{
    size_t flows = 0;

    for (size_t i = 0; i < count; i++)
        flows += ip_address_is_private(&records[i].address[FLOW_INITIATOR]) ||
                 ip_address_is_private(&records[i].address[FLOW_RESPONDER]);
    return flows > 0 && flows * 100 >= count * PRIVATE_SHARE;
}

/* ---- the network that touches most ---- */

/* Named hosts have addresses in 100::/64, their class in the bytes behind. */
static bool is_name(const struct ip_address *address)
{
    static const uint8_t names[8] = { 1 };

    return memcmp(address->bytes, names, sizeof names) == 0;
}

static struct ip_network candidate_of(const struct ip_address *address)
{
    struct ip_network network = { .prefix = 32 };

    if (ip_address_is_v4(address))
        network.prefix = 112;
    else if (is_name(address))
        network.prefix = 96;
    memcpy(network.base.bytes, address->bytes, network.prefix / 8);
    return network;
}

/* A lower address comes first, in the order of its bytes. */
static bool is_better(size_t flows, const struct ip_network *network, size_t best_flows,
                      const struct ip_network *best)
{
    if (flows != best_flows)
        return flows > best_flows;
    return memcmp(network->base.bytes, best->base.bytes, sizeof best->base.bytes) < 0;
}

/* Counts the open flows of every candidate; the best one and its flows, 0 when there is none. */
static size_t best_candidate(const struct search *search, enum ends ends, struct ip_network *best)
{
    struct address_table candidates;
    size_t *flows = memory_alloc_array(search->open_count * 2, sizeof *flows);
    size_t best_flows = 0;

    address_table_init(&candidates);
    for (size_t i = 0; i < search->open_count; i++) {
        uint32_t counted = ADDRESS_NONE;

        for (int side = 0; side < (int)ends; side++) {
            struct ip_network network = candidate_of(&search->open[i]->address[side]);
            uint32_t number = address_table_put(&candidates, &network.base);

            flows[number] += number != counted;
            counted = number;
        }
    }
    for (size_t i = 0; i < candidates.used; i++) {
        struct ip_network network = candidate_of(&candidates.addresses[i]);

        if (is_better(flows[i], &network, best_flows, best)) {
            *best = network;
            best_flows = flows[i];
        }
    }
    address_table_release(&candidates);
    free(flows);
    return best_flows;
}

/* The open flows with an end in the network; returns how many. */
static size_t select_flows(const struct search *search, enum ends ends,
                           const struct ip_network *network, const struct flow_record **selected)
{
    size_t count = 0;

    for (size_t i = 0; i < search->open_count; i++) {
        const struct flow_record *r = search->open[i];

        if (ip_network_contains(network, &r->address[FLOW_INITIATOR]) ||
            (ends == BOTH_ENDS && ip_network_contains(network, &r->address[FLOW_RESPONDER])))
            selected[count++] = r;
    }
    return count;
}

/* One half of the network that holds nearly all of the flows; false when there is none. */
static bool take_half(struct ip_network *network, enum ends ends,
                      const struct flow_record **selected, size_t selected_count, size_t touched)
{
    struct search inner = { .open = selected, .open_count = selected_count };
    const struct flow_record **kept = memory_alloc_array(selected_count, sizeof *kept);
    struct ip_network half = *network;
    bool is_taken = false;

    half.prefix++;
    for (int bit = 0; bit < 2 && !is_taken; bit++) {
        if (bit > 0)
            half.base.bytes[network->prefix / 8] |= (uint8_t)(0x80 >> network->prefix % 8);
        is_taken = select_flows(&inner, ends, &half, kept) * 100 >= touched * HALF_SHARE;
    }
    if (is_taken)
        *network = half;
    free(kept);
    return is_taken;
}

static void narrow(const struct search *search, enum ends ends, struct ip_network *network)
{
    const struct flow_record **selected = memory_alloc_array(search->open_count, sizeof *selected);
    size_t touched = select_flows(search, ends, network, selected);

    while (network->prefix < 128 && take_half(network, ends, selected, touched, touched))
        continue;
    free(selected);
}

/* ---- the search ---- */

static bool has_enough(const struct search *search)
{
    return (search->all - search->open_count) * 100 >= search->all * ENOUGH_SHARE;
}

static void take_outstanding(struct search *search)
{
    struct ip_network network = { 0 };

    while (!has_enough(search) && search->found->count < LOCAL_MAX_NETWORKS &&
           best_candidate(search, BOTH_ENDS, &network) * 100 >= search->all * GAIN_SHARE) {
        narrow(search, BOTH_ENDS, &network);
        add_network(search, &network);
        close_local_flows(search);
    }
}

static void guess(struct search *search, const struct flow_record *records, size_t count)
{
    struct ip_network network = { .base = { { 1 } }, .prefix = 64 };

    search->found->basis = LOCAL_GUESSED;
    if (search->open_count > 0 && is_name(&search->open[0]->address[FLOW_INITIATOR])) {
        add_network(search, &network);
        return;
    }
    take_private(search, records, count);
    for (int i = 0; i < LOCAL_MAX_GUESSED && !has_enough(search); i++) {
        best_candidate(search, INITIATORS, &network);
        narrow(search, INITIATORS, &network);
        add_network(search, &network);
        close_local_flows(search);
    }
}

void local_networks_find(struct local_networks *found, const struct flow_record *records,
                         size_t count)
{
    struct search search = { memory_alloc_array(count, sizeof *search.open), 0, 0, found };

    memset(found, 0, sizeof *found);
    found->basis = LOCAL_FOUND;
    for (size_t i = 0; i < count; i++) {
        if (!ip_address_is_group(&records[i].address[FLOW_INITIATOR]) &&
            !ip_address_is_group(&records[i].address[FLOW_RESPONDER]))
            search.open[search.open_count++] = &records[i];
    }
    search.all = search.open_count;
    if (is_private_network(records, count))
        take_private(&search, records, count);
    take_outstanding(&search);
    if (found->count == 0 && !found->private_is_local)
        guess(&search, records, count);
    free(search.open);
}
