#include "learn/local_networks.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "learn/address_table.h"

enum {
    PRIVATE_SHARE = 10, /* percent of the flows that make private addresses local */
    ENOUGH_SHARE = 95,  /* percent of the flows with a local end: no need to look further */
    GAIN_SHARE = 5,     /* percent of all flows that a network must add */
    LOST_SHARE = 10000  /* a network is narrowed to a half that loses no more than one in so many flows */
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

/* As ip_network_contains(), for a question that is asked millions of times. */
static bool contains(const struct ip_network *network, const struct ip_address *address)
{
    size_t bytes = network->prefix / 8;
    unsigned bits = network->prefix % 8;

    return memcmp(network->base.bytes, address->bytes, bytes) == 0 &&
           (bits == 0 || (network->base.bytes[bytes] ^ address->bytes[bytes]) >> (8 - bits) == 0);
}

bool local_networks_contain(const struct local_networks *local, const struct ip_address *address)
{
    if (local->private_is_local && ip_address_is_private(address))
        return true;
    for (size_t i = 0; i < local->count; i++) {
        if (contains(&local->networks[i], address))
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

static void add_network(struct local_networks *local, const struct ip_network *network)
{
    local->networks = memory_grow(local->networks, &local->capacity, local->count + 1,
                                  sizeof *local->networks);
    local->networks[local->count++] = *network;
}

static bool is_seen(const struct ip_network *network, const struct flow_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (int side = 0; side < 2; side++) {
            if (contains(network, &records[i].address[side]))
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
            add_network(search->found, &network);
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

/* How many open flows have an end in the network, in its lower half, and in its upper half. */
struct touched {
    size_t all, half[2];
};

static struct touched count_touched(const struct search *search, enum ends ends,
                                    const struct ip_network *network)
{
    struct touched touched = { 0, { 0 } };

    for (size_t i = 0; i < search->open_count; i++) {
        bool is_in[2] = { false };

        for (int side = 0; side < (int)ends; side++) {
            const struct ip_address *address = &search->open[i]->address[side];

            if (contains(network, address))
                is_in[address->bytes[network->prefix / 8] >> (7 - network->prefix % 8) & 1] = true;
        }
        touched.half[0] += is_in[0];
        touched.half[1] += is_in[1];
        touched.all += is_in[0] || is_in[1];
    }
    return touched;
}

/* Descends into the half that holds nearly all of what the network touched to begin with. */
static void descend(const struct search *search, enum ends ends, struct ip_network *network)
{
    struct touched touched = count_touched(search, ends, network);
    size_t wanted = touched.all - touched.all / LOST_SHARE;

    while (touched.half[0] >= wanted || touched.half[1] >= wanted) {
        if (touched.half[0] < wanted)
            network->base.bytes[network->prefix / 8] |= (uint8_t)(0x80 >> network->prefix % 8);
        if (++network->prefix == 128)
            return;
        touched = count_touched(search, ends, network);
    }
}

/* Numbers of names mean nothing: of a class one name is taken, or all. */
static void narrow(const struct search *search, enum ends ends, struct ip_network *network)
{
    struct ip_network narrowed = *network;

    descend(search, ends, &narrowed);
    if (!is_name(&network->base) || narrowed.prefix == 128)
        *network = narrowed;
}

/* ---- the search ---- */

static bool has_enough(const struct search *search)
{
    return (search->all - search->open_count) * 100 >= search->all * ENOUGH_SHARE;
}

static void take_outstanding(struct search *search)
{
    struct ip_network network = { 0 };

    while (!has_enough(search) &&
           best_candidate(search, BOTH_ENDS, &network) * 100 >= search->all * GAIN_SHARE) {
        narrow(search, BOTH_ENDS, &network);
        add_network(search->found, &network);
        close_local_flows(search);
    }
}

static void guess(struct search *search, const struct flow_record *records, size_t count)
{
    struct ip_network network = { .base = { { 1 } }, .prefix = 64 };

    search->found->basis = LOCAL_GUESSED;
    if (search->open_count > 0 && is_name(&search->open[0]->address[FLOW_INITIATOR])) {
        add_network(search->found, &network);
        return;
    }
    take_private(search, records, count);
    for (int i = 0; i < LOCAL_MAX_GUESSED && !has_enough(search); i++) {
        best_candidate(search, INITIATORS, &network);
        narrow(search, INITIATORS, &network);
        add_network(search->found, &network);
        close_local_flows(search);
    }
}

void local_networks_give(struct local_networks *local, const struct ip_network *networks,
                         size_t count)
{
    memset(local, 0, sizeof *local);
    local->basis = LOCAL_GIVEN;
    for (size_t i = 0; i < count; i++)
        add_network(local, &networks[i]);
}

void local_networks_release(struct local_networks *local)
{
    free(local->networks);
    memset(local, 0, sizeof *local);
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
