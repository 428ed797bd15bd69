#include "learn/learner.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "dayshift/flow_state.h"
#include "learn/address_table.h"
#include "learn/address_tag.h"
#include "learn/label_names.h"
#include "learn/observation.h"
#include "learn/record_hold.h"
#include "learn/service_learner.h"
#include "learn/stats_private.h"

#define NO_STATE UINT32_MAX
#define MAX_START_NS (NETWORK_MAX_DATE * NS_PER_DAY - MAX_OBSERVED_NS) /* all that is observed has a date */
#define MAX_DURATION_NS (INT64_MAX / 4)

enum {
    HELD_BYTES = 64 << 20,   /* most that records held back may take */
    RECORD_BYTES = 64 * 1024 /* more than one record can add, with the other ports of all protocols */
};

/* Where a host's sequence of flows stands. */
struct host_sequence {
    uint32_t last_state; /* NO_STATE before the first flow */
    uint32_t stretch;    /* in which that was */
    struct day_time last_start;
};

/* Of a state: symbols listed one by one, and when its last flow was. */
struct state_lists {
    uint32_t peers, ports;
    struct day_time last_start;
    uint32_t stretch; /* 0: it had none */
};

enum {
    HOST_BYTES = ADDRESS_BYTES + 2 * sizeof(struct host_sequence),
    STATE_BYTES = 2 * sizeof(struct state_lists) + sizeof(struct mixture) + sizeof(struct peer_process) +
                  2 * TALLY_ENTRY_BYTES /* other peers and other ports: these always find room */
};

_Static_assert(HOST_BYTES + STATS_HOST_BYTES + STATS_TAG_BYTES == 107 && STATE_BYTES + TALLY_ENTRY_BYTES == 321 &&
               ADDRESS_BYTES + STATS_TAG_BYTES == 59 && STATS_ACTIVITY_BYTES + TALLY_ENTRY_BYTES == 139 &&
               STATS_SERVICE_BYTES + TALLY_ENTRY_BYTES == 267, "learner.h states these");

struct learner {
    struct learner_config config;
    uint8_t key[ADDRESS_TAG_KEY_BYTES];
    struct network_stats stats;
    struct address_table hosts;   /* number = host */
    struct address_table outside; /* number = id of an outside peer */
    struct host_sequence *sequences;
    size_t sequence_capacity;
    struct state_lists *lists; /* by state */
    size_t list_capacity;
    struct local_networks local;
    bool is_holding; /* until the local networks are found */
    struct record_hold hold;
    struct observation observation;
    enum learner_room room;          /* of the record at hand */
    struct service_learner services;
    struct label_names labels;
    size_t other_entries;    /* of other peers and ports: accounted with their states */
    bool is_finished;
    uint64_t foreign_flows, late_flows, refused_flows;
    struct learner_given_up given_up;
};

/* ---- memory ---- */

size_t learner_bytes(const struct learner *learner)
{
    const struct network_stats *stats = &learner->stats;
    size_t slices = (size_t)((learner->observation.to.ns - learner->observation.from.ns) / NS_PER_SLICE);

    return sizeof *learner + stats_counted_bytes(stats) + stats->host_count * (size_t)HOST_BYTES +
           stats->outside_count * (size_t)ADDRESS_BYTES + stats->states.used * STATE_BYTES -
           learner->other_entries * TALLY_ENTRY_BYTES +
           service_learner_bytes(&learner->services) +
           slices * TALLY_ENTRY_BYTES /* of coverage, to come */ + record_hold_bytes(&learner->hold);
}

static void set_room(struct learner *learner)
{
    size_t most = learner->config.max_bytes;
    size_t eighth = most / 8;
    size_t bytes;

    learner->room = ROOM_HOSTS;
    if (most > 0) {
        bytes = learner_bytes(learner) + RECORD_BYTES;
        learner->room = bytes <= 5 * eighth   ? ROOM_HOSTS
                        : bytes <= 6 * eighth ? ROOM_STATES
                        : bytes <= 7 * eighth ? ROOM_DETAILS
                        : bytes <= most       ? ROOM_SLICES
                                              : ROOM_NONE;
    }
    if (learner->stats.states.used > NETWORK_MAX_STATES - 2 && learner->room > ROOM_DETAILS)
        learner->room = ROOM_DETAILS; /* a record makes two at most */
    if (learner->stats.transitions.used > NETWORK_MAX_TRANSITIONS - 2 && learner->room > ROOM_SLICES)
        learner->room = ROOM_SLICES;
}

/* Counts one more of a detail, when it is known or there is room; or says that it is given up. */
static uint32_t count_detail(const struct learner *learner, struct tally *tally, uint32_t owner,
                             uint32_t symbol, uint64_t *given_up)
{
    uint32_t index;

    if (learner->room >= ROOM_DETAILS)
        return tally_add(tally, owner, symbol, 1);
    index = tally_add_known(tally, owner, symbol, 1);
    *given_up += index == TALLY_NONE;
    return index;
}

/* ---- hosts ---- */

static bool is_local(const struct learner *learner, const struct ip_address *address)
{
    return !ip_address_is_group(address) && local_networks_contain(&learner->local, address);
}

static uint64_t tag_of(const struct learner *learner, const struct ip_address *address)
{
    return learner->config.key ? address_tag(learner->key, address) : 0;
}

static uint32_t add_host(struct learner *learner, const struct ip_address *address)
{
    size_t known = learner->hosts.used;
    uint32_t host = address_table_put(&learner->hosts, address);

    if (learner->hosts.used == known)
        return host; /* listed twice */
    learner->sequences = memory_grow(learner->sequences, &learner->sequence_capacity, known + 1,
                                     sizeof *learner->sequences);
    learner->sequences[host] = (struct host_sequence){ .last_state = NO_STATE };
    stats_add_host(&learner->stats, 0, 1, tag_of(learner, address));
    return host;
}

/* The host at one side of a flow, made when it is local and has sent something; or TALLY_NONE. */
static uint32_t host_of(struct learner *learner, const struct flow_record *record,
                        enum flow_side side)
{
    uint32_t host = address_table_find(&learner->hosts, &record->address[side]);

    if (host != ADDRESS_NONE || learner->config.host_count > 0)
        return host;
    if (record->packets[side] == 0 || !is_local(learner, &record->address[side]))
        return TALLY_NONE;
    if (learner->stats.host_count == NETWORK_MAX_HOSTS || learner->room < ROOM_HOSTS) {
        learner->given_up.hosts++;
        return TALLY_NONE;
    }
    return add_host(learner, &record->address[side]);
}

struct learner *learner_new(const struct learner_config *config)
{
    struct learner *learner = memory_alloc(sizeof *learner);

    learner->config = *config;
    learner->observation.half = config->half;
    if (config->max_bytes > 0 && config->max_bytes < LEARN_MIN_BYTES)
        learner->config.max_bytes = LEARN_MIN_BYTES;
    learner->services.max_bytes = learner->config.max_bytes / 4;
    network_stats_init(&learner->stats);
    address_table_init(&learner->hosts);
    address_table_init(&learner->outside);
    if (config->key) {
        memcpy(learner->key, config->key, sizeof learner->key);
        learner->stats.has_tags = true;
        learner->stats.key_check = address_tag_key_check(learner->key);
    }
    for (size_t i = 0; i < config->host_count; i++)
        add_host(learner, &config->hosts[i]);
    local_networks_give(&learner->local, config->local, config->local_count);
    learner->is_holding = config->local_count == 0 && config->host_count == 0;
    return learner;
}

void learner_free(struct learner *learner)
{
    if (learner == NULL)
        return;
    network_stats_release(&learner->stats);
    address_table_release(&learner->hosts);
    address_table_release(&learner->outside);
    record_hold_release(&learner->hold);
    local_networks_release(&learner->local);
    free(learner->sequences);
    free(learner->lists);
    sodium_memzero(learner->key, sizeof learner->key);
    free(learner);
}

const struct ip_address *learner_host_address(const struct learner *learner, uint32_t host)
{
    return &learner->hosts.addresses[host];
}

const struct ip_network *learner_local_networks(const struct learner *learner, size_t *count)
{
    *count = learner->local.count;
    return learner->local.networks;
}

enum local_basis learner_local_basis(const struct learner *learner)
{
    return learner->local.basis;
}

uint64_t learner_foreign_flows(const struct learner *learner)
{
    return learner->foreign_flows;
}

uint64_t learner_late_flows(const struct learner *learner)
{
    return learner->late_flows;
}

uint64_t learner_refused_flows(const struct learner *learner)
{
    return learner->refused_flows;
}

const struct learner_given_up *learner_given_up(const struct learner *learner)
{
    return &learner->given_up;
}

/* ---- one record, seen from one of its hosts ---- */

/* A record, and what both of its hosts need of it. */
struct seen {
    const struct flow_record *record;
    uint32_t label;
    uint32_t packets_bin, bytes_bin;
    bool is_late;
};

static uint32_t add_state(struct learner *learner, uint32_t host, enum host_role role,
                          const struct flow_record *record)
{
    struct state_key key = flow_state_key(record, role);
    size_t known = learner->stats.states.used;
    uint32_t state;

    if (learner->room < ROOM_STATES) {
        state = tally_add_known(&learner->stats.states, host, state_key_pack(key), 1);
        learner->given_up.states += state == TALLY_NONE;
        return state;
    }
    state = tally_add(&learner->stats.states, host, state_key_pack(key), 1);
    if (learner->stats.states.used > known) {
        learner->lists = memory_grow(learner->lists, &learner->list_capacity, known + 1,
                                     sizeof *learner->lists);
        learner->lists[state] = (struct state_lists){ 0 };
    }
    return state;
}

/* A count under (state, symbol), or under (state, other) once `limit` symbols are listed. */
static void add_listed(struct learner *learner, struct tally *tally, uint32_t *listed,
                       uint32_t limit, uint32_t state, uint32_t symbol, uint32_t other)
{
    size_t known = tally->used;

    if (tally_add_known(tally, state, symbol, 1) != TALLY_NONE)
        return;
    if (symbol != other && *listed < limit && learner->room >= ROOM_DETAILS) {
        tally_add(tally, state, symbol, 1);
        (*listed)++;
    } else {
        tally_add(tally, state, other, 1);
        learner->other_entries += tally->used - known;
    }
}

/* Addresses are remembered only as long as they can still be listed: a scan fills no memory. */
static uint32_t outside_id(struct learner *learner, uint32_t state, const struct ip_address *address)
{
    uint32_t id = address_table_find(&learner->outside, address);

    if (id == ADDRESS_NONE && learner->lists[state].peers < LEARN_MAX_PEERS &&
        learner->room >= ROOM_DETAILS && learner->outside.used < PEER_ID_OTHER) {
        id = address_table_put(&learner->outside, address);
        stats_add_outside(&learner->stats, tag_of(learner, address));
    }
    return id == ADDRESS_NONE ? PEER_ID_OTHER : id;
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
        add_listed(learner, &learner->stats.peers, &learner->lists[state].peers, LEARN_MAX_PEERS,
                   state, peer_pack(peer), peer_pack((struct peer){ PEER_OUTSIDE, PEER_ID_OTHER }));
    else
        count_detail(learner, &learner->stats.peers, state, peer_pack(peer),
                     &learner->given_up.peers);
}

static void add_ports(struct learner *learner, uint32_t state, const struct flow_record *record)
{
    uint32_t port = record->port[FLOW_RESPONDER];

    if (!flow_has_ports(record))
        return;
    count_detail(learner, &learner->stats.initiator_ports, state,
                 port_feature_of(record->port[FLOW_INITIATOR]), &learner->given_up.ports);
    if (!port_feature_is_exact(port_feature_of((uint16_t)port)))
        add_listed(learner, &learner->stats.responder_ports, &learner->lists[state].ports,
                   LEARN_MAX_PORTS, state, port, PORT_OTHER);
}

static void add_transition(struct learner *learner, uint32_t from, uint32_t to, uint32_t gap_bin)
{
    uint32_t transition = count_detail(learner, &learner->stats.transitions, from, to,
                                       &learner->given_up.transitions);

    if (transition != TALLY_NONE)
        count_detail(learner, &learner->stats.gaps, transition, gap_bin, &learner->given_up.gaps);
}

/* Of half of the slices, what is in two of them did not follow one another. */
static bool is_adjacent(const struct learner *learner, struct day_time before, struct day_time start)
{
    return learner->config.half == OBSERVE_ALL || before.ns / NS_PER_SLICE == start.ns / NS_PER_SLICE;
}

static void tell_step(const struct learner *learner, uint32_t host, uint32_t state,
                      const struct seen *seen, uint16_t gap_bin)
{
    const struct flow_record *record = seen->record;
    struct host_step step = {
        .state = learner->stats.states.entries[state].symbol,
        .gap_bin = gap_bin,
        .packets_bin = (uint16_t)seen->packets_bin,
        .bytes_bin = (uint16_t)seen->bytes_bin,
    };

    if (learner->config.on_step == NULL)
        return;
    if (flow_has_ports(record)) {
        step.initiator_feature = (uint16_t)port_feature_of(record->port[FLOW_INITIATOR]);
        step.responder_port = record->port[FLOW_RESPONDER];
    }
    learner->config.on_step(learner->config.on_step_self, host, &step);
}

/* The time since the last flow of the same state, whatever was in between. */
static void add_beat(struct learner *learner, uint32_t state, struct day_time start)
{
    struct state_lists *lists = &learner->lists[state];
    int64_t gap_ns = start.ns - lists->last_start.ns;

    if (lists->stretch == learner->observation.stretch && gap_ns >= BEAT_LEAST_NS && gap_ns <= BEAT_MOST_NS &&
        is_adjacent(learner, lists->last_start, start))
        count_detail(learner, &learner->stats.beats, state,
                     log_grid_bin((double)gap_ns, BEAT_GRID_PER_OCTAVE), &learner->given_up.gaps);
    lists->last_start = start;
    lists->stretch = learner->observation.stretch;
}

static void add_step(struct learner *learner, uint32_t host, uint32_t state, struct seen *seen)
{
    struct host_sequence *sequence = &learner->sequences[host];
    struct day_time start = seen->record->start;
    int64_t gap_ns = start.ns - sequence->last_start.ns;
    bool is_under_way = sequence->last_state != NO_STATE &&
                        sequence->stretch == learner->observation.stretch;
    uint16_t gap_bin = STEP_NO_GAP;

    if (is_under_way && gap_ns < 0) {
        seen->is_late = true;
        return;
    }
    add_beat(learner, state, start);
    if (is_under_way && gap_ns <= LEARN_MAX_SILENCE_NS &&
        is_adjacent(learner, sequence->last_start, start)) {
        gap_bin = (uint16_t)log_grid_bin((double)gap_ns, GAP_GRID_PER_OCTAVE);
        add_transition(learner, sequence->last_state, state, gap_bin);
    } else {
        count_detail(learner, &learner->stats.initial, host, state, &learner->given_up.transitions);
    }
    tell_step(learner, host, state, seen, gap_bin);
    *sequence = (struct host_sequence){ state, learner->observation.stretch, start };
}

static void add_activity(struct learner *learner, uint32_t host, enum flow_side side,
                         const struct flow_record *record)
{
    struct activity *activity;
    uint32_t slice;

    if (learner->observation.has_ended) {
        learner->given_up.activity++;
        return;
    }
    if (!observation_slice(&learner->observation, record->start, &slice))
        return;
    activity = stats_add_activity(&learner->stats, host, slice, 1);
    sum_add(&activity->packets_sent, record->packets[side]);
    sum_add(&activity->packets_received, record->packets[!side]);
    sum_add(&activity->bytes_sent, record->bytes[side]);
    sum_add(&activity->bytes_received, record->bytes[!side]);
    if (side == FLOW_INITIATOR)
        activity->flows_initiated++;
    else
        activity->flows_answered++;
}

static void add_to_host(struct learner *learner, uint32_t host, uint32_t peer_host,
                        enum flow_side side, struct seen *seen)
{
    enum host_role role = side == FLOW_INITIATOR ? ROLE_INITIATOR : ROLE_RESPONDER;
    const struct flow_record *record = seen->record;
    uint32_t state = add_state(learner, host, role, record);

    add_activity(learner, host, side, record);
    if (state == TALLY_NONE)
        return;
    add_step(learner, host, state, seen);
    count_detail(learner, &learner->stats.volumes, state, seen->packets_bin,
                 &learner->given_up.volumes);
    count_detail(learner, &learner->stats.bytes, state, flow_size_pack(seen->packets_bin, seen->bytes_bin),
                 &learner->given_up.volumes);
    if (seen->label != LABEL_NONE)
        count_detail(learner, &learner->stats.state_labels, state, seen->label, &learner->given_up.labels);
    add_ports(learner, state, record);
    add_peer(learner, state, role, peer_host, &record->address[!side]);
}

/* ---- records ---- */

static bool is_possible(const struct flow_record *record)
{
    bool is_possible = flow_record_packets(record) > 0 && record->start.ns >= 0 &&
                       record->start.ns <= MAX_START_NS && record->duration_ns >= 0 &&
                       record->duration_ns <= MAX_DURATION_NS && record->rtt_ns >= 0 &&
                       record->rtt_ns <= MAX_DURATION_NS &&
                       !ip_address_equal(&record->address[0], &record->address[1]);

    for (int side = 0; side < 2; side++)
        is_possible = is_possible && record->packets[side] <= FLOW_MAX_PACKETS &&
                      record->bytes[side] <= FLOW_MAX_BYTES && record->payload_bytes[side] <= FLOW_MAX_BYTES &&
                      record->data_packets[side] <= record->packets[side];
    return is_possible;
}

static uint32_t label_of(struct learner *learner, const struct flow_record *record)
{
    uint32_t label = record->application ? label_names_put(&learner->labels, &learner->stats, record->application)
                                         : LABEL_NONE;

    learner->given_up.labels += record->application && label == LABEL_NONE;
    return label;
}

static void add(void *self, const struct flow_record *record)
{
    struct learner *learner = self;
    uint64_t bytes = record->bytes[FLOW_INITIATOR] + record->bytes[FLOW_RESPONDER];
    struct seen seen = { .record = record };
    uint32_t initiator;
    uint32_t responder;

    set_room(learner);
    initiator = host_of(learner, record, FLOW_INITIATOR);
    responder = host_of(learner, record, FLOW_RESPONDER);
    observation_add(&learner->observation, &learner->stats, record,
                    learner->room >= ROOM_SLICES);
    if (!observation_has(&learner->observation, record->start))
        return;
    sum_add(&learner->stats.flows, 1);
    sum_add(&learner->stats.packets, flow_record_packets(record));
    /* 0.0.0.0: who asks for an address is on the link, though nobody knows which host it is */
    if (initiator == TALLY_NONE && responder == TALLY_NONE && !ip_address_is_group(&record->address[FLOW_INITIATOR])) {
        learner->foreign_flows++;
        return;
    }
    seen.label = label_of(learner, record);
    seen.packets_bin = log_grid_bin((double)flow_record_packets(record), VOLUME_GRID_PER_OCTAVE);
    seen.bytes_bin = log_grid_bin((double)bytes, VOLUME_GRID_PER_OCTAVE);
    if (initiator != TALLY_NONE)
        add_to_host(learner, initiator, responder, FLOW_INITIATOR, &seen);
    if (responder != TALLY_NONE && flow_is_step(record, ROLE_RESPONDER))
        add_to_host(learner, responder, initiator, FLOW_RESPONDER, &seen);
    learner->late_flows += seen.is_late;
    service_learner_add(&learner->services, &learner->stats, record, seen.label, learner->room,
                        &learner->given_up);
}

/* The first records say which networks are local; then they are learned like all others. */
static void release_held(struct learner *learner)
{
    learner->is_holding = false;
    local_networks_find(&learner->local, learner->hold.records, learner->hold.used);
    record_hold_replay(&learner->hold, add, learner);
    record_hold_release(&learner->hold);
}

static bool is_full(const struct learner *learner)
{
    size_t most = learner->config.max_bytes / 8;

    if (most == 0 || most > HELD_BYTES)
        most = HELD_BYTES;
    return learner->hold.used == LEARN_HELD_RECORDS || record_hold_bytes(&learner->hold) > most / 2;
}

void learner_add(void *self, const struct flow_record *record)
{
    struct learner *learner = self;

    if (!is_possible(record)) {
        learner->refused_flows++;
        return;
    }
    if (!learner->is_holding) {
        add(learner, record);
        return;
    }
    record_hold_add(&learner->hold, record);
    if (is_full(learner))
        release_held(learner);
}

void learner_break(struct learner *learner, struct day_time from)
{
    assert(!learner->is_holding);
    observation_break(&learner->observation, from);
}

void learner_break_host(struct learner *learner, const struct ip_address *address)
{
    uint32_t host = address_table_find(&learner->hosts, address);

    assert(!learner->is_holding);
    if (host != ADDRESS_NONE)
        learner->sequences[host].last_state = NO_STATE;
}

/* ---- the end ---- */

/* An address may be met as a peer before it sends its first packet: it is the host from the start. */
static void settle_peers(struct learner *learner)
{
    uint32_t outside = learner->stats.outside_count;
    uint32_t *hosts = memory_alloc_array(outside, sizeof *hosts);
    bool any = false;

    for (uint32_t id = 0; id < outside; id++) {
        hosts[id] = address_table_find(&learner->hosts, &learner->outside.addresses[id]);
        any = any || hosts[id] != ADDRESS_NONE;
    }
    if (any)
        stats_settle_peers(&learner->stats, hosts);
    free(hosts);
}

const struct network_stats *learner_finish(struct learner *learner)
{
    if (learner->is_finished)
        return &learner->stats;
    learner->is_finished = true;
    if (learner->is_holding)
        release_held(learner);
    observation_cover(&learner->observation, &learner->stats);
    settle_peers(learner);
    service_learner_finish(&learner->services, &learner->stats, &learner->given_up);
    return &learner->stats;
}
