#include "learn/host_learner.h"

#include <stdlib.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "dayshift/flow_state.h"
#include "learn/address_tag.h"
#include "learn/stats_private.h"

#define NO_STATE UINT32_MAX

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
               ADDRESS_BYTES + STATS_TAG_BYTES == 59, "learner.h states these");

void host_learner_init(struct host_learner *h)
{
    address_table_init(&h->hosts);
    address_table_init(&h->outside);
}

void host_learner_release(struct host_learner *h)
{
    address_table_release(&h->hosts);
    address_table_release(&h->outside);
    free(h->sequences);
    free(h->lists);
}

size_t host_learner_bytes(const struct host_learner *h)
{
    return h->stats->host_count * (size_t)HOST_BYTES + h->stats->outside_count * (size_t)ADDRESS_BYTES +
           h->stats->states.used * STATE_BYTES - h->other_entries * TALLY_ENTRY_BYTES;
}

static uint64_t tag_of(const struct host_learner *h, const struct ip_address *address)
{
    return h->key ? address_tag(h->key, address) : 0;
}

uint32_t host_learner_add_host(struct host_learner *h, const struct ip_address *address)
{
    size_t known = h->hosts.used;
    uint32_t host = address_table_put(&h->hosts, address);

    if (h->hosts.used == known)
        return host; /* listed twice */
    h->sequences = memory_grow(h->sequences, &h->sequence_capacity, known + 1, sizeof *h->sequences);
    h->sequences[host] = (struct host_sequence){ .last_state = NO_STATE };
    stats_add_host(h->stats, 0, 1, tag_of(h, address));
    return host;
}

void host_learner_break(struct host_learner *h, uint32_t host)
{
    h->sequences[host].last_state = NO_STATE;
}

void host_learner_settle_peers(struct host_learner *h)
{
    uint32_t outside = h->stats->outside_count;
    uint32_t *hosts = memory_alloc_array(outside, sizeof *hosts);
    bool any = false;

    for (uint32_t id = 0; id < outside; id++) {
        hosts[id] = address_table_find(&h->hosts, &h->outside.addresses[id]);
        any = any || hosts[id] != ADDRESS_NONE;
    }
    if (any)
        stats_settle_peers(h->stats, hosts);
    free(hosts);
}

/* Counts one more of a detail, when it is known or there is room; or says that it is given up. */
static uint32_t count_detail(const struct host_learner *h, struct tally *tally, uint32_t owner,
                             uint32_t symbol, uint64_t *given_up)
{
    uint32_t index;

    if (h->room >= ROOM_DETAILS)
        return tally_add(tally, owner, symbol, 1);
    index = tally_add_known(tally, owner, symbol, 1);
    *given_up += index == TALLY_NONE;
    return index;
}

static uint32_t add_state(struct host_learner *h, uint32_t host, enum host_role role,
                          const struct flow_record *record)
{
    struct state_key key = flow_state_key(record, role);
    size_t known = h->stats->states.used;
    uint32_t state;

    if (h->room < ROOM_STATES) {
        state = tally_add_known(&h->stats->states, host, state_key_pack(key), 1);
        h->given_up->states += state == TALLY_NONE;
        return state;
    }
    state = tally_add(&h->stats->states, host, state_key_pack(key), 1);
    if (h->stats->states.used > known) {
        h->lists = memory_grow(h->lists, &h->list_capacity, known + 1, sizeof *h->lists);
        h->lists[state] = (struct state_lists){ 0 };
    }
    return state;
}

/* A count under (state, symbol), or under (state, other) once `limit` symbols are listed. */
static void add_listed(struct host_learner *h, struct tally *tally, uint32_t *listed,
                       uint32_t limit, uint32_t state, uint32_t symbol, uint32_t other)
{
    size_t known = tally->used;

    if (tally_add_known(tally, state, symbol, 1) != TALLY_NONE)
        return;
    if (symbol != other && *listed < limit && h->room >= ROOM_DETAILS) {
        tally_add(tally, state, symbol, 1);
        (*listed)++;
    } else {
        tally_add(tally, state, other, 1);
        h->other_entries += tally->used - known;
    }
}

/* Addresses are remembered only as long as they can still be listed: a scan fills no memory. */
static uint32_t outside_id(struct host_learner *h, uint32_t state, const struct ip_address *address)
{
    uint32_t id = address_table_find(&h->outside, address);

    if (id == ADDRESS_NONE && h->lists[state].peers < LEARN_MAX_PEERS &&
        h->room >= ROOM_DETAILS && h->outside.used < PEER_ID_OTHER) {
        id = address_table_put(&h->outside, address);
        stats_add_outside(h->stats, tag_of(h, address));
    }
    return id == ADDRESS_NONE ? PEER_ID_OTHER : id;
}

static void add_peer(struct host_learner *h, uint32_t state, enum host_role role,
                     uint32_t peer_host, const struct ip_address *address)
{
    struct peer peer = { PEER_OUTSIDE, PEER_ID_OTHER };

    if (peer_host != TALLY_NONE)
        peer = (struct peer){ PEER_LOCAL, peer_host };
    else if (role == ROLE_INITIATOR && ip_address_is_group(address)) /* 0.0.0.0 may ask */
        peer = (struct peer){ PEER_GROUP, 0 };
    else
        peer.id = outside_id(h, state, address);
    if (peer.kind == PEER_OUTSIDE)
        add_listed(h, &h->stats->peers, &h->lists[state].peers, LEARN_MAX_PEERS, state, peer_pack(peer),
                   peer_pack((struct peer){ PEER_OUTSIDE, PEER_ID_OTHER }));
    else
        count_detail(h, &h->stats->peers, state, peer_pack(peer), &h->given_up->peers);
}

static void add_ports(struct host_learner *h, uint32_t state, const struct flow_record *record)
{
    uint32_t port = record->port[FLOW_RESPONDER];

    if (!flow_has_ports(record))
        return;
    count_detail(h, &h->stats->initiator_ports, state, port_feature_of(record->port[FLOW_INITIATOR]),
                 &h->given_up->ports);
    if (!port_feature_is_exact(port_feature_of((uint16_t)port)))
        add_listed(h, &h->stats->responder_ports, &h->lists[state].ports, LEARN_MAX_PORTS, state, port,
                   PORT_OTHER);
}

static void add_transition(struct host_learner *h, uint32_t from, uint32_t to, uint32_t gap_bin)
{
    uint32_t transition = count_detail(h, &h->stats->transitions, from, to, &h->given_up->transitions);

    if (transition != TALLY_NONE)
        count_detail(h, &h->stats->gaps, transition, gap_bin, &h->given_up->gaps);
}

/* Of half of the slices, what is in two of them did not follow one another. */
static bool is_adjacent(const struct host_learner *h, struct day_time before, struct day_time start)
{
    return h->config->half == OBSERVE_ALL || before.ns / NS_PER_SLICE == start.ns / NS_PER_SLICE;
}

static void tell_step(const struct host_learner *h, uint32_t host, uint32_t state,
                      const struct seen_flow *seen, uint16_t gap_bin)
{
    const struct flow_record *record = seen->record;
    struct host_step step = {
        .state = h->stats->states.entries[state].symbol,
        .gap_bin = gap_bin,
        .packets_bin = (uint16_t)seen->packets_bin,
        .bytes_bin = (uint16_t)seen->bytes_bin,
    };

    if (h->config->on_step == NULL)
        return;
    if (flow_has_ports(record)) {
        step.initiator_feature = (uint16_t)port_feature_of(record->port[FLOW_INITIATOR]);
        step.responder_port = record->port[FLOW_RESPONDER];
    }
    h->config->on_step(h->config->on_step_self, host, &step);
}

/* The time since the last flow of the same state, whatever was in between. */
static void add_beat(struct host_learner *h, uint32_t state, struct day_time start)
{
    struct state_lists *lists = &h->lists[state];
    int64_t gap_ns = start.ns - lists->last_start.ns;

    if (lists->stretch == h->observation->stretch && gap_ns >= BEAT_LEAST_NS && gap_ns <= BEAT_MOST_NS &&
        is_adjacent(h, lists->last_start, start))
        count_detail(h, &h->stats->beats, state,
                     log_grid_bin((double)gap_ns, BEAT_GRID_PER_OCTAVE), &h->given_up->gaps);
    lists->last_start = start;
    lists->stretch = h->observation->stretch;
}

static void add_step(struct host_learner *h, uint32_t host, uint32_t state, struct seen_flow *seen)
{
    struct host_sequence *sequence = &h->sequences[host];
    struct day_time start = seen->record->start;
    int64_t gap_ns = start.ns - sequence->last_start.ns;
    bool is_under_way = sequence->last_state != NO_STATE && sequence->stretch == h->observation->stretch;
    uint16_t gap_bin = STEP_NO_GAP;

    if (is_under_way && gap_ns < 0) {
        seen->is_late = true;
        return;
    }
    add_beat(h, state, start);
    if (is_under_way && gap_ns <= LEARN_MAX_SILENCE_NS && is_adjacent(h, sequence->last_start, start)) {
        gap_bin = (uint16_t)log_grid_bin((double)gap_ns, GAP_GRID_PER_OCTAVE);
        add_transition(h, sequence->last_state, state, gap_bin);
    } else {
        count_detail(h, &h->stats->initial, host, state, &h->given_up->transitions);
    }
    tell_step(h, host, state, seen, gap_bin);
    *sequence = (struct host_sequence){ state, h->observation->stretch, start };
}

static void add_activity(struct host_learner *h, uint32_t host, enum flow_side side,
                         const struct flow_record *record)
{
    struct activity *activity;
    uint32_t slice;

    if (h->observation->has_ended) {
        h->given_up->activity++;
        return;
    }
    if (!observation_slice(h->observation, record->start, &slice))
        return;
    activity = stats_add_activity(h->stats, host, slice, 1);
    sum_add(&activity->packets_sent, record->packets[side]);
    sum_add(&activity->packets_received, record->packets[!side]);
    sum_add(&activity->bytes_sent, record->bytes[side]);
    sum_add(&activity->bytes_received, record->bytes[!side]);
    if (side == FLOW_INITIATOR)
        activity->flows_initiated++;
    else
        activity->flows_answered++;
}

void host_learner_add(struct host_learner *h, uint32_t host, uint32_t peer_host, enum flow_side side,
                      struct seen_flow *seen)
{
    enum host_role role = side == FLOW_INITIATOR ? ROLE_INITIATOR : ROLE_RESPONDER;
    const struct flow_record *record = seen->record;
    uint32_t state = add_state(h, host, role, record);

    add_activity(h, host, side, record);
    if (state == TALLY_NONE)
        return;
    add_step(h, host, state, seen);
    count_detail(h, &h->stats->volumes, state, seen->packets_bin, &h->given_up->volumes);
    count_detail(h, &h->stats->bytes, state, flow_size_pack(seen->packets_bin, seen->bytes_bin),
                 &h->given_up->volumes);
    if (seen->label != LABEL_NONE)
        count_detail(h, &h->stats->state_labels, state, seen->label, &h->given_up->labels);
    add_ports(h, state, record);
    add_peer(h, state, role, peer_host, &record->address[!side]);
}
