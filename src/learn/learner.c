#include "learn/learner.h"

#include <stdlib.h>
#include <string.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "base/random.h"
#include "learn/row_sample.h"
#include "net/wire.h"

#define NO_STATE UINT32_MAX

enum { ICMP_ECHO_TYPE = 8 };

/* Addresses met so far, each with a dense number; open addressing. */
struct address_table {
    struct ip_address *addresses;
    size_t used;
    size_t capacity;
    uint32_t *slots;
    size_t slot_mask;
};

/* Where a host's sequence of flows stands. */
struct host_sequence {
    uint32_t last_state; /* NO_STATE before the first flow */
    struct day_time last_start;
};

struct learner {
    struct learner_config config;
    struct network_stats stats;
    struct address_table hosts;   /* number = host */
    struct address_table outside; /* number = id of an outside peer */
    struct host_sequence *sequences;
    size_t sequence_capacity;
    uint32_t *listed_peers; /* by state: distinct outside peers listed */
    uint32_t *listed_ports; /* by state: distinct responder ports listed */
    size_t listed_peers_capacity;
    size_t listed_ports_capacity;
    struct day_time observed_from;
    struct day_time observed_to;
    uint64_t foreign_flows;
};

/* ---- address table ---- */

static uint64_t address_hash(const struct ip_address *address)
{
    uint64_t words[2];

    memcpy(words, address->bytes, sizeof words);
    return random_mix64(words[0] ^ random_mix64(words[1]));
}

static size_t address_slot(const struct address_table *table, const struct ip_address *address)
{
    size_t slot = (size_t)address_hash(address) & table->slot_mask;

    while (table->slots[slot] != TALLY_NONE &&
           !ip_address_equal(&table->addresses[table->slots[slot]], address))
        slot = (slot + 1) & table->slot_mask;
    return slot;
}

static void address_table_rehash(struct address_table *table, size_t slots)
{
    free(table->slots);
    table->slots = memory_alloc_array(slots, sizeof *table->slots);
    memset(table->slots, 0xff, slots * sizeof *table->slots);
    table->slot_mask = slots - 1;
    for (size_t i = 0; i < table->used; i++)
        table->slots[address_slot(table, &table->addresses[i])] = (uint32_t)i;
}

static uint32_t address_find(const struct address_table *table, const struct ip_address *address)
{
    return table->slots[address_slot(table, address)];
}

static uint32_t address_put(struct address_table *table, const struct ip_address *address)
{
    size_t slot = address_slot(table, address);

    if (table->slots[slot] != TALLY_NONE)
        return table->slots[slot];
    table->addresses = memory_grow(table->addresses, &table->capacity, table->used + 1,
                                   sizeof *table->addresses);
    table->addresses[table->used] = *address;
    table->slots[slot] = (uint32_t)table->used++;
    if (table->used * 4 > (table->slot_mask + 1) * 3)
        address_table_rehash(table, (table->slot_mask + 1) * 2);
    return (uint32_t)table->used - 1;
}

static void address_table_release(struct address_table *table)
{
    free(table->addresses);
    free(table->slots);
}

/* ---- hosts ---- */

static bool is_local(const struct learner *learner, const struct ip_address *address)
{
    if (ip_address_is_group(address))
        return false;
    if (learner->config.local_count == 0)
        return ip_address_is_private(address);
    for (size_t i = 0; i < learner->config.local_count; i++) {
        if (ip_network_contains(&learner->config.local[i], address))
            return true;
    }
    return false;
}

static uint32_t add_host(struct learner *learner, const struct ip_address *address)
{
    uint32_t host = address_put(&learner->hosts, address);

    learner->sequences = memory_grow(learner->sequences, &learner->sequence_capacity,
                                     (size_t)host + 1, sizeof *learner->sequences);
    learner->sequences[host] = (struct host_sequence){ .last_state = NO_STATE };
    learner->stats.host_count = host + 1;
    return host;
}

/* The host at one side of a flow, made when it is local and has sent something; or TALLY_NONE. */
static uint32_t host_of(struct learner *learner, const struct flow_record *record,
                        enum flow_side side)
{
    uint32_t host = address_find(&learner->hosts, &record->address[side]);

    if (host != TALLY_NONE || learner->config.host_count > 0)
        return host;
    if (record->packets[side] == 0 || !is_local(learner, &record->address[side]) ||
        learner->stats.host_count == LEARN_MAX_HOSTS)
        return TALLY_NONE;
    return add_host(learner, &record->address[side]);
}

struct learner *learner_new(const struct learner_config *config)
{
    struct learner *learner = memory_alloc(sizeof *learner);

    learner->config = *config;
    network_stats_init(&learner->stats);
    address_table_rehash(&learner->hosts, 64);
    address_table_rehash(&learner->outside, 64);
    for (size_t i = 0; i < config->host_count; i++)
        add_host(learner, &config->hosts[i]);
    return learner;
}

void learner_free(struct learner *learner)
{
    if (learner == NULL)
        return;
    network_stats_release(&learner->stats);
    address_table_release(&learner->hosts);
    address_table_release(&learner->outside);
    free(learner->sequences);
    free(learner->listed_peers);
    free(learner->listed_ports);
    free(learner);
}

const struct ip_address *learner_host_address(const struct learner *learner, uint32_t host)
{
    return &learner->hosts.addresses[host];
}

uint64_t learner_foreign_flows(const struct learner *learner)
{
    return learner->foreign_flows;
}

/* ---- one record, seen from one of its hosts ---- */

static bool has_ports(const struct flow_record *record)
{
    return record->protocol == IP_TCP || record->protocol == IP_UDP;
}

/* A ping is a ping in either version of IP. */
static uint8_t service_protocol(const struct flow_record *record)
{
    return has_ports(record) ? record->protocol : IP_ICMP;
}

static uint32_t service_port(const struct flow_record *record)
{
    return has_ports(record) ? record->port[FLOW_RESPONDER] : ICMP_ECHO_TYPE;
}

static uint32_t add_state(struct learner *learner, uint32_t host, enum host_role role,
                          const struct flow_record *record)
{
    struct state_key key = { role, service_protocol(record), service_port(record) };
    size_t known = learner->stats.states.used;
    uint32_t state;

    if (has_ports(record))
        key.port_feature = port_feature_of(record->port[FLOW_RESPONDER]);
    state = tally_add(&learner->stats.states, host, state_key_pack(key), 1);
    if (learner->stats.states.used > known) {
        learner->listed_peers = memory_grow(learner->listed_peers, &learner->listed_peers_capacity,
                                            known + 1, sizeof *learner->listed_peers);
        learner->listed_ports = memory_grow(learner->listed_ports, &learner->listed_ports_capacity,
                                            known + 1, sizeof *learner->listed_ports);
        learner->listed_peers[state] = 0;
        learner->listed_ports[state] = 0;
    }
    return state;
}

/* A count under (state, symbol), or under (state, other) once `limit` symbols are listed. */
static void add_listed(struct tally *tally, uint32_t *listed, uint32_t limit, uint32_t state,
                       uint32_t symbol, uint32_t other)
{
    if (tally_find(tally, state, symbol) == TALLY_NONE) {
        if (listed[state] == limit)
            symbol = other;
        else
            listed[state]++;
    }
    tally_add(tally, state, symbol, 1);
}

/* Addresses are remembered only as long as they can still be listed: a scan fills no memory. */
static uint32_t outside_id(struct learner *learner, uint32_t state, const struct ip_address *address)
{
    uint32_t id = address_find(&learner->outside, address);

    if (id == TALLY_NONE && learner->listed_peers[state] < LEARN_MAX_PEERS &&
        learner->outside.used < PEER_ID_OTHER)
        id = address_put(&learner->outside, address);
    learner->stats.outside_count = (uint32_t)learner->outside.used;
    return id == TALLY_NONE ? PEER_ID_OTHER : id;
}

static void add_peer(struct learner *learner, uint32_t state, enum host_role role,
                     uint32_t peer_host, const struct ip_address *address)
{
    struct peer peer = { PEER_OUTSIDE, PEER_ID_OTHER };

    if (peer_host != TALLY_NONE)
        peer = (struct peer){ PEER_LOCAL, peer_host };
    else if (role == ROLE_INITIATOR && ip_address_is_group(address)) /* 0.0.0.0 may ask */
        peer = (struct peer){ PEER_GROUP, 0 };
    else
        peer.id = outside_id(learner, state, address);
    if (peer.kind == PEER_OUTSIDE)
        add_listed(&learner->stats.peers, learner->listed_peers, LEARN_MAX_PEERS, state,
                   peer_pack(peer), peer_pack((struct peer){ PEER_OUTSIDE, PEER_ID_OTHER }));
    else
        tally_add(&learner->stats.peers, state, peer_pack(peer), 1);
}

static void add_ports(struct learner *learner, uint32_t state, const struct flow_record *record)
{
    uint32_t port = record->port[FLOW_RESPONDER];

    if (!has_ports(record))
        return;
    tally_add(&learner->stats.initiator_ports, state,
              port_feature_of(record->port[FLOW_INITIATOR]), 1);
    if (!port_feature_is_exact(port_feature_of((uint16_t)port)))
        add_listed(&learner->stats.responder_ports, learner->listed_ports, LEARN_MAX_PORTS, state,
                   port, PORT_OTHER);
}

static void add_step(struct learner *learner, uint32_t host, uint32_t state, struct day_time start)
{
    struct host_sequence *sequence = &learner->sequences[host];
    int64_t gap_ns = start.ns - sequence->last_start.ns;

    if (sequence->last_state == NO_STATE || gap_ns > LEARN_MAX_SILENCE_NS) {
        tally_add(&learner->stats.initial, host, state, 1);
    } else {
        uint32_t transition = tally_add(&learner->stats.transitions, sequence->last_state, state, 1);

        tally_add(&learner->stats.gaps, transition,
                  log_grid_bin((double)gap_ns, GAP_GRID_PER_OCTAVE), 1);
    }
    sequence->last_state = state;
    sequence->last_start = start;
}

static void add_activity(struct learner *learner, uint32_t host, enum flow_side side,
                         const struct flow_record *record)
{
    struct network_stats *stats = &learner->stats;
    size_t known = stats->active.used;
    uint32_t index = tally_add(&stats->active, host, slice_number(record->start), 1);
    struct activity *activity;

    if (stats->active.used > known) {
        stats->activity = memory_grow(stats->activity, &stats->activity_capacity, known + 1,
                                      sizeof *stats->activity);
        memset(&stats->activity[index], 0, sizeof *stats->activity);
    }
    activity = &stats->activity[index];
    activity->packets_sent += record->packets[side];
    activity->packets_received += record->packets[!side];
    activity->bytes_sent += record->bytes[side];
    activity->bytes_received += record->bytes[!side];
    if (side == FLOW_INITIATOR)
        activity->flows_initiated++;
    else
        activity->flows_answered++;
}

static void add_to_host(struct learner *learner, uint32_t host, uint32_t peer_host,
                        enum flow_side side, const struct flow_record *record)
{
    enum host_role role = side == FLOW_INITIATOR ? ROLE_INITIATOR : ROLE_RESPONDER;
    uint32_t state = add_state(learner, host, role, record);

    add_step(learner, host, state, record->start);
    tally_add(&learner->stats.volumes, state,
              log_grid_bin((double)flow_record_packets(record), VOLUME_GRID_PER_OCTAVE), 1);
    add_ports(learner, state, record);
    add_peer(learner, state, role, peer_host, &record->address[!side]);
    add_activity(learner, host, side, record);
}

/* ---- one record, seen from its service ---- */

static uint64_t record_key(const struct flow_record *record)
{
    uint64_t ports = (uint64_t)record->port[0] << 16 | record->port[1];

    uint64_t payload = record->payload_bytes[0] << 32 ^ record->payload_bytes[1];
    uint64_t key = random_mix64(ports << 8 | record->protocol);

    key = random_mix64(key ^ (uint64_t)record->start.ns);
    return random_mix64(random_mix64(key ^ (uint64_t)record->duration_ns) ^ payload);
}

static void add_to_service(struct learner *learner, const struct flow_record *record)
{
    struct network_stats *stats = &learner->stats;
    struct session_row row = session_row_of(record);
    uint32_t port = service_port(record);
    size_t known = stats->services.used;
    uint32_t service;

    if (known >= SERVICE_MAX && tally_find(&stats->services, service_protocol(record), port) == TALLY_NONE)
        port = SERVICE_OTHER_PORTS;
    service = tally_add(&stats->services, service_protocol(record), port, 1);
    if (stats->services.used > known) {
        stats->samples = memory_grow(stats->samples, &stats->samples_capacity, known + 1,
                                     sizeof *stats->samples);
        memset(&stats->samples[service], 0, sizeof *stats->samples);
        stats->conditions = memory_grow(stats->conditions, &stats->conditions_capacity, known + 1,
                                        sizeof *stats->conditions);
        memset(&stats->conditions[service], 0, sizeof *stats->conditions);
    }
    row_sample_add(&stats->samples[service], record_key(record), &row);
}

/* ---- what was observed ---- */

static void cover(struct learner *learner)
{
    int64_t at = learner->observed_from.ns;

    while (at >= 0 && at < learner->observed_to.ns) {
        int64_t slice_end = (at / NS_PER_SLICE + 1) * NS_PER_SLICE;
        int64_t until = slice_end < learner->observed_to.ns ? slice_end : learner->observed_to.ns;

        tally_add(&learner->stats.coverage, 0, slice_number((struct day_time){ at }),
                  (uint64_t)((until - at + NS_PER_SECOND - 1) / NS_PER_SECOND));
        at = until;
    }
}

static void observe(struct learner *learner, const struct flow_record *record)
{
    struct network_stats *stats = &learner->stats;
    int64_t seen_ns = record->duration_ns > NS_PER_SECOND ? record->duration_ns : NS_PER_SECOND;
    struct day_time end = { record->start.ns + seen_ns };

    if (stats->flows == 0) {
        stats->first = record->start;
        learner->observed_from = record->start;
    } else if (record->start.ns - learner->observed_to.ns > LEARN_MAX_SILENCE_NS) {
        cover(learner);
        learner->observed_from = record->start;
        learner->observed_to = record->start;
    }
    if (end.ns > learner->observed_to.ns)
        learner->observed_to = end;
    if (end.ns > stats->last.ns)
        stats->last = end;
}

void learner_add(void *self, const struct flow_record *record)
{
    struct learner *learner = self;
    uint32_t initiator = host_of(learner, record, FLOW_INITIATOR);
    uint32_t responder = host_of(learner, record, FLOW_RESPONDER);

    observe(learner, record);
    learner->stats.flows++;
    learner->stats.packets += flow_record_packets(record);
    if (initiator == TALLY_NONE && responder == TALLY_NONE) {
        learner->foreign_flows++;
        return;
    }
    if (initiator != TALLY_NONE)
        add_to_host(learner, initiator, responder, FLOW_INITIATOR, record);
    /* A host that did not answer was doing nothing. */
    if (responder != TALLY_NONE && record->packets[FLOW_RESPONDER] > 0)
        add_to_host(learner, responder, initiator, FLOW_RESPONDER, record);
    add_to_service(learner, record);
}

const struct network_stats *learner_finish(struct learner *learner)
{
    cover(learner);
    learner->observed_from = learner->observed_to;
    for (size_t i = 0; i < learner->stats.services.used; i++)
        row_sample_finish(&learner->stats.samples[i]);
    return &learner->stats;
}
