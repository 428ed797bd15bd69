#include "learn/learner.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "dayshift/flow_state.h"
#include "learn/address_tag.h"
#include "learn/host_learner.h"
#include "learn/label_names.h"
#include "learn/observation.h"
#include "learn/record_hold.h"
#include "learn/service_learner.h"
#include "learn/stats_private.h"

#define MAX_START_NS (NETWORK_MAX_DATE * NS_PER_DAY - MAX_OBSERVED_NS) /* all that is observed has a date */
#define MAX_DURATION_NS (INT64_MAX / 4)

enum {
    HELD_BYTES = 64 << 20,   /* most that records held back may take */
    RECORD_BYTES = 64 * 1024 /* more than one record can add, with the other ports of all protocols */
};

_Static_assert(STATS_ACTIVITY_BYTES + TALLY_ENTRY_BYTES == 139 && STATS_SERVICE_BYTES + TALLY_ENTRY_BYTES == 267,
               "learner.h states these");

struct learner {
    struct learner_config config;
    uint8_t key[ADDRESS_TAG_KEY_BYTES];
    struct network_stats stats;
    struct host_learner hosts;
    struct local_networks local;
    bool is_holding; /* until the local networks are found */
    struct record_hold hold;
    struct observation observation;
    struct service_learner services;
    struct label_names labels;
    bool is_finished;
    uint64_t foreign_flows, late_flows, refused_flows;
    struct learner_given_up given_up;
};

/* ---- memory ---- */

size_t learner_bytes(const struct learner *learner)
{
    const struct network_stats *stats = &learner->stats;
    size_t slices = (size_t)((learner->observation.to.ns - learner->observation.from.ns) / NS_PER_SLICE);

    return sizeof *learner + stats_counted_bytes(stats) + host_learner_bytes(&learner->hosts) +
           service_learner_bytes(&learner->services) +
           slices * TALLY_ENTRY_BYTES /* of coverage, to come */ + record_hold_bytes(&learner->hold);
}

static enum learner_room room_of(const struct learner *learner)
{
    enum learner_room room = ROOM_HOSTS;
    size_t most = learner->config.max_bytes;
    size_t eighth = most / 8;
    size_t bytes;

    if (most > 0) {
        bytes = learner_bytes(learner) + RECORD_BYTES;
        room = bytes <= 5 * eighth   ? ROOM_HOSTS
               : bytes <= 6 * eighth ? ROOM_STATES
               : bytes <= 7 * eighth ? ROOM_DETAILS
               : bytes <= most       ? ROOM_SLICES
                                     : ROOM_NONE;
    }
    if (learner->stats.states.used > NETWORK_MAX_STATES - 2 && room > ROOM_DETAILS)
        room = ROOM_DETAILS; /* a record makes two at most */
    if (learner->stats.transitions.used > NETWORK_MAX_TRANSITIONS - 2 && room > ROOM_SLICES)
        room = ROOM_SLICES;
    return room;
}

/* ---- hosts ---- */

static bool is_local(const struct learner *learner, const struct ip_address *address)
{
    return !ip_address_is_group(address) && local_networks_contain(&learner->local, address);
}

/* The host at one side of a flow, made when it is local and has sent something; or TALLY_NONE. */
static uint32_t host_of(struct learner *learner, const struct flow_record *record,
                        enum flow_side side)
{
    uint32_t host = address_table_find(&learner->hosts.hosts, &record->address[side]);

    if (host != ADDRESS_NONE || learner->config.host_count > 0)
        return host;
    if (record->packets[side] == 0 || !is_local(learner, &record->address[side]))
        return TALLY_NONE;
    if (learner->stats.host_count == NETWORK_MAX_HOSTS || learner->hosts.room < ROOM_HOSTS) {
        learner->given_up.hosts++;
        return TALLY_NONE;
    }
    return host_learner_add_host(&learner->hosts, &record->address[side]);
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
    learner->hosts = (struct host_learner){
        .config = &learner->config, .key = config->key ? learner->key : NULL, .stats = &learner->stats,
        .observation = &learner->observation, .given_up = &learner->given_up,
    };
    host_learner_init(&learner->hosts);
    if (config->key) {
        memcpy(learner->key, config->key, sizeof learner->key);
        learner->stats.has_tags = true;
        learner->stats.key_check = address_tag_key_check(learner->key);
    }
    for (size_t i = 0; i < config->host_count; i++)
        host_learner_add_host(&learner->hosts, &config->hosts[i]);
    local_networks_give(&learner->local, config->local, config->local_count);
    learner->is_holding = config->local_count == 0 && config->host_count == 0;
    return learner;
}

void learner_free(struct learner *learner)
{
    if (learner == NULL)
        return;
    network_stats_release(&learner->stats);
    host_learner_release(&learner->hosts);
    record_hold_release(&learner->hold);
    local_networks_release(&learner->local);
    sodium_memzero(learner->key, sizeof learner->key);
    free(learner);
}

const struct ip_address *learner_host_address(const struct learner *learner, uint32_t host)
{
    return &learner->hosts.hosts.addresses[host];
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
    struct seen_flow seen = { .record = record };
    uint32_t initiator;
    uint32_t responder;

    learner->hosts.room = room_of(learner);
    initiator = host_of(learner, record, FLOW_INITIATOR);
    responder = host_of(learner, record, FLOW_RESPONDER);
    observation_add(&learner->observation, &learner->stats, record,
                    learner->hosts.room >= ROOM_SLICES);
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
        host_learner_add(&learner->hosts, initiator, responder, FLOW_INITIATOR, &seen);
    if (responder != TALLY_NONE && flow_is_step(record, ROLE_RESPONDER))
        host_learner_add(&learner->hosts, responder, initiator, FLOW_RESPONDER, &seen);
    learner->late_flows += seen.is_late;
    service_learner_add(&learner->services, &learner->stats, record, seen.label, learner->hosts.room,
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
    uint32_t host = address_table_find(&learner->hosts.hosts, address);

    assert(!learner->is_holding);
    if (host != ADDRESS_NONE)
        host_learner_break(&learner->hosts, host);
}

/* ---- the end ---- */

const struct network_stats *learner_finish(struct learner *learner)
{
    if (learner->is_finished)
        return &learner->stats;
    learner->is_finished = true;
    if (learner->is_holding)
        release_held(learner);
    observation_cover(&learner->observation, &learner->stats);
    host_learner_settle_peers(&learner->hosts);
    service_learner_finish(&learner->services, &learner->stats, &learner->given_up);
    return &learner->stats;
}
