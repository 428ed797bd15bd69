#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "learn/learner.h"
#include "learn/label_names.h"
#include "learn/stats_private.h"
#include "learn/tag_table.h"

#define NOT_LISTED UINT32_MAX

/* How numbers of `from` read in `into`. */
struct merge {
    struct network_stats *into;
    const struct network_stats *from;
    uint32_t *hosts;
    uint32_t *outside; /* by id: a packed peer, or NOT_LISTED while no state lists it */
    uint32_t *states;
    uint32_t *transitions;
    uint32_t *labels; /* by number */
    uint32_t observation; /* of `into`: where those of `from` begin */
    uint32_t *listed; /* by state of `into`: symbols listed one by one, of the table at hand */
};

static bool is_empty(const struct network_stats *stats)
{
    return stats->flows == 0 && stats->host_count == 0;
}

static bool share_tags(const struct network_stats *a, const struct network_stats *b)
{
    return a->has_tags && b->has_tags && a->key_check == b->key_check;
}

/* ---- hosts and outside peers ---- */

static void tag_hosts(struct tag_table *table, const struct network_stats *stats)
{
    for (uint32_t i = 0; i < stats->host_count; i++)
        tag_table_put(table, stats->host_tags[i], peer_pack((struct peer){ PEER_LOCAL, i }));
}

/* Where each host of `from` will be; returns how many hosts there will be. Changes nothing. */
static uint64_t map_hosts(struct merge *m)
{
    uint64_t count = m->into->host_count;
    bool has_tags = share_tags(m->into, m->from);
    struct tag_table table;

    tag_table_init(&table, has_tags ? m->into->host_count : 0);
    if (has_tags)
        tag_hosts(&table, m->into);
    for (uint32_t i = 0; i < m->from->host_count; i++) {
        uint64_t known = has_tags ? tag_table_find(&table, m->from->host_tags[i]) : TAG_NONE;

        m->hosts[i] = (uint32_t)(known == TAG_NONE ? count++ : peer_unpack((uint32_t)known).id);
    }
    tag_table_release(&table);
    return count;
}

static void add_hosts(struct merge *m)
{
    for (uint32_t i = 0; i < m->from->host_count; i++) {
        if (m->hosts[i] == m->into->host_count)
            stats_add_host(m->into, m->observation + m->from->host_observations[i],
                           m->from->host_members[i], m->into->has_tags ? m->from->host_tags[i] : 0);
    }
}

/* What was outside of `into` may be a host of `from`. */
static void settle_own_peers(struct merge *m, const struct tag_table *hosts)
{
    struct network_stats *into = m->into;
    uint32_t *became = memory_alloc_array(into->outside_count, sizeof *became);
    bool any = false;

    for (uint32_t id = 0; id < into->outside_count; id++) {
        uint64_t host = tag_table_find(hosts, into->outside_tags[id]);

        became[id] = host == TAG_NONE ? TALLY_NONE : peer_unpack((uint32_t)host).id;
        any = any || host != TAG_NONE;
    }
    if (any)
        stats_settle_peers(into, became);
    free(became);
}

/* A number for one more outside peer of `from`: it has found room in the list of a state. */
static uint32_t list_outside(struct merge *m, uint32_t id)
{
    m->outside[id] = peer_pack((struct peer){ PEER_OUTSIDE, m->into->outside_count });
    stats_add_outside(m->into, m->into->has_tags ? m->from->outside_tags[id] : 0);
    return m->outside[id];
}

static void map_tagged_outside(struct merge *m)
{
    struct tag_table table;

    tag_table_init(&table, (size_t)m->into->host_count + m->into->outside_count);
    tag_hosts(&table, m->into);
    settle_own_peers(m, &table);
    for (uint32_t id = 0; id < m->into->outside_count; id++)
        tag_table_put(&table, m->into->outside_tags[id], peer_pack((struct peer){ PEER_OUTSIDE, id }));
    for (uint32_t id = 0; id < m->from->outside_count; id++) {
        uint64_t known = tag_table_find(&table, m->from->outside_tags[id]);

        m->outside[id] = known == TAG_NONE ? NOT_LISTED : (uint32_t)known;
    }
    tag_table_release(&table);
}

static void map_outside(struct merge *m)
{
    if (m->into->has_tags) {
        map_tagged_outside(m);
        return;
    }
    for (uint32_t id = 0; id < m->from->outside_count; id++)
        m->outside[id] = NOT_LISTED;
}

/* ---- classes ---- */

/* Those that find no room are none. */
static void map_labels(struct merge *m)
{
    struct label_names *table = memory_alloc(sizeof *table);

    label_names_init(table, m->into);
    m->labels[LABEL_NONE] = LABEL_NONE;
    for (uint32_t label = 1; label <= m->from->label_count; label++)
        m->labels[label] = label_names_put(table, m->into, network_stats_label(m->from, label));
    free(table);
}

static void add_state_labels(struct merge *m)
{
    for (size_t i = 0; i < m->from->state_labels.used; i++) {
        const struct tally_entry *entry = &m->from->state_labels.entries[i];

        if (m->labels[entry->symbol] != LABEL_NONE)
            tally_add(&m->into->state_labels, m->states[entry->owner], m->labels[entry->symbol], entry->count);
    }
}

/* ---- tables of a state ---- */

/* Adds entry by entry; new_index, when given, tells where each entry of `from` is now. */
static void add_tally(struct tally *into, const struct tally *from, const uint32_t *owners,
                      const uint32_t *symbols, uint32_t *new_index)
{
    for (size_t i = 0; i < from->used; i++) {
        const struct tally_entry *entry = &from->entries[i];
        uint32_t index = tally_add(into, owners ? owners[entry->owner] : entry->owner,
                                   symbols ? symbols[entry->symbol] : entry->symbol, entry->count);

        if (new_index)
            new_index[i] = index;
    }
}

static bool is_listed_peer(uint32_t symbol)
{
    return peer_is_listed_outside(peer_unpack(symbol));
}

static bool is_listed_port(uint32_t symbol)
{
    return symbol != PORT_OTHER;
}

/* NOT_LISTED for an outside peer without a number so far. */
static uint32_t peer_symbol(const struct merge *m, uint32_t symbol)
{
    struct peer peer = peer_unpack(symbol);

    if (peer_is_listed_outside(peer))
        return m->outside[peer.id];
    if (peer.kind == PEER_LOCAL)
        peer.id = m->hosts[peer.id];
    return peer_pack(peer);
}

/* A table that lists at most `limit` symbols a state. */
struct listed_table {
    struct tally *into;
    const struct tally *from;
    bool (*is_listed)(uint32_t symbol);
    uint32_t limit;
    uint32_t other; /* stands for those beyond */
};

/* In order of symbols: outside peers get their numbers in the order they had. */
static int compare_symbols(const void *a, const void *b)
{
    const struct tally_entry *x = a;
    const struct tally_entry *y = b;

    if (x->symbol != y->symbol)
        return x->symbol < y->symbol ? -1 : 1;
    return x->owner == y->owner ? 0 : x->owner < y->owner ? -1 : 1;
}

static struct tally_entry *sorted_by_symbol(const struct tally *tally)
{
    struct tally_entry *copy = memory_alloc_array(tally->used, sizeof *copy);

    if (tally->used > 0) {
        memcpy(copy, tally->entries, tally->used * sizeof *copy);
        qsort(copy, tally->used, sizeof *copy, compare_symbols);
    }
    return copy;
}

/* What a symbol of `from` is for a state of `into`: itself, when it is there or there is room to list it. */
static uint32_t listed_symbol(struct merge *m, const struct listed_table *table, uint32_t state,
                              uint32_t from)
{
    bool is_peer = table->from == &m->from->peers;
    uint32_t symbol = is_peer ? peer_symbol(m, from) : from;

    if (symbol != NOT_LISTED &&
        (!table->is_listed(symbol) || tally_find(table->into, state, symbol) != TALLY_NONE))
        return symbol;
    if (m->listed[state] >= table->limit ||
        (symbol == NOT_LISTED && m->into->outside_count == PEER_ID_OTHER))
        return table->other;
    m->listed[state]++;
    return symbol == NOT_LISTED ? list_outside(m, peer_unpack(from).id) : symbol;
}

static void add_listed(struct merge *m, const struct listed_table *table)
{
    struct tally_entry *entries = sorted_by_symbol(table->from);

    memset(m->listed, 0, m->into->states.used * sizeof *m->listed);
    for (size_t i = 0; i < table->into->used; i++)
        m->listed[table->into->entries[i].owner] += table->is_listed(table->into->entries[i].symbol);
    for (size_t i = 0; i < table->from->used; i++) {
        uint32_t state = m->states[entries[i].owner];

        tally_add(table->into, state, listed_symbol(m, table, state, entries[i].symbol),
                  entries[i].count);
    }
    free(entries);
}

static void add_states(struct merge *m)
{
    struct network_stats *into = m->into;
    const struct network_stats *from = m->from;
    const struct listed_table ports = { &into->responder_ports, &from->responder_ports,
                                        is_listed_port, LEARN_MAX_PORTS, PORT_OTHER };
    const struct listed_table peers = { &into->peers, &from->peers, is_listed_peer, LEARN_MAX_PEERS,
                                        peer_pack((struct peer){ PEER_OUTSIDE, PEER_ID_OTHER }) };

    add_tally(&into->states, &from->states, m->hosts, NULL, m->states);
    add_tally(&into->initial, &from->initial, m->hosts, m->states, NULL);
    add_tally(&into->transitions, &from->transitions, m->states, m->states, m->transitions);
    add_tally(&into->gaps, &from->gaps, m->transitions, NULL, NULL);
    add_tally(&into->volumes, &from->volumes, m->states, NULL, NULL);
    add_tally(&into->bytes, &from->bytes, m->states, NULL, NULL);
    add_tally(&into->beats, &from->beats, m->states, NULL, NULL);
    add_tally(&into->initiator_ports, &from->initiator_ports, m->states, NULL, NULL);
    add_state_labels(m);
    m->listed = memory_alloc_array(into->states.used, sizeof *m->listed);
    add_listed(m, &ports);
    add_listed(m, &peers);
}

static void add_activity(struct merge *m)
{
    for (size_t i = 0; i < m->from->active.used; i++) {
        const struct tally_entry *entry = &m->from->active.entries[i];
        const struct activity *more = &m->from->activity[i];
        struct activity *sum = stats_add_activity(m->into, m->hosts[entry->owner], entry->symbol,
                                                  entry->count);

        sum_add(&sum->packets_sent, more->packets_sent);
        sum_add(&sum->packets_received, more->packets_received);
        sum_add(&sum->bytes_sent, more->bytes_sent);
        sum_add(&sum->bytes_received, more->bytes_received);
        sum_add(&sum->flows_initiated, more->flows_initiated);
        sum_add(&sum->flows_answered, more->flows_answered);
        if (m->from->host_members[entry->owner] > 1)
            *stats_crowd_activity(m->into, m->hosts[entry->owner], entry->symbol) =
                m->from->crowd_activity[i]; /* a crowd has no tag: it is new there */
    }
}

static void add_coverage(struct merge *m)
{
    for (size_t i = 0; i < m->from->coverage.used; i++) {
        const struct tally_entry *entry = &m->from->coverage.entries[i];

        stats_cover(m->into, m->observation + entry->owner, entry->symbol, entry->count);
    }
}

/* ---- services ---- */

static void add_services(struct merge *m)
{
    for (size_t i = 0; i < m->from->services.used; i++) {
        const struct tally_entry *entry = &m->from->services.entries[i];
        uint32_t label = m->labels[service_owner_label(entry->owner)];
        uint32_t owner = service_owner_pack(service_owner_protocol(entry->owner), label);
        uint32_t service = stats_add_service(m->into, owner, entry->symbol, entry->count);

        row_sample_merge(&m->into->samples[service], &m->from->samples[i]);
        service_conditions_add(&m->into->conditions[service], &m->from->conditions[i]);
    }
}

/* All services of both sides are known by now: who stays does not depend on who came first. */
static void prune_services(struct network_stats *into)
{
    stats_prune_services(into);
    stats_finish_samples(into);
}

/* ---- the whole ---- */

/* What was observed together: all of it, where hosts can be told by their tags. */
static uint32_t first_observation(const struct network_stats *into, const struct network_stats *from)
{
    return is_empty(into) || share_tags(into, from) ? 0 : into->observation_count;
}

/* Those that crowds stand for, beyond the one that every host is. */
static uint64_t more_members(const struct network_stats *stats)
{
    uint64_t more = 0;

    for (uint32_t i = 0; i < stats->host_count; i++)
        more += stats->host_members[i] - 1;
    return more;
}

static int check_limits(const struct merge *m, uint64_t hosts, struct error *err)
{
    const struct network_stats *a = m->into;
    const struct network_stats *b = m->from;

    hosts += more_members(a) + more_members(b);
    if (hosts > NETWORK_MAX_HOSTS)
        return error_set(err, "%" PRIu64 " hosts together are more than a model takes (%d)", hosts,
                         NETWORK_MAX_HOSTS);
    if (a->states.used + b->states.used > NETWORK_MAX_STATES ||
        a->transitions.used + b->transitions.used > NETWORK_MAX_TRANSITIONS)
        return error_set(err, "%zu states and %zu transitions together are more than a model takes",
                         a->states.used + b->states.used, a->transitions.used + b->transitions.used);
    if (m->observation + b->observation_count > NETWORK_MAX_OBSERVATIONS)
        return error_set(err, "%" PRIu32 " models without a common key are more than fit into one (%d)",
                         m->observation + b->observation_count, NETWORK_MAX_OBSERVATIONS);
    if (a->flows > NETWORK_MAX_SUM || b->flows > NETWORK_MAX_SUM - a->flows)
        return error_set(err, "%" PRIu64 " and %" PRIu64 " flows are more than can be counted",
                         a->flows, b->flows);
    return 0;
}

/* Tags stay only where all hosts have one of the same key. */
static void settle_tags(struct network_stats *into, const struct network_stats *from)
{
    if (is_empty(into)) {
        into->has_tags = from->has_tags;
        into->key_check = from->key_check;
    } else if (!share_tags(into, from)) {
        into->has_tags = false;
        into->key_check = 0;
    }
}

static void add_totals(struct network_stats *into, const struct network_stats *from)
{
    if (into->flows == 0 || from->first.ns < into->first.ns)
        into->first = from->first;
    if (into->flows == 0 || from->last.ns > into->last.ns)
        into->last = from->last;
    into->flows += from->flows;
    sum_add(&into->packets, from->packets);
}

static void add_all(struct merge *m)
{
    settle_tags(m->into, m->from);
    add_hosts(m);
    map_outside(m);
    map_labels(m);
    add_states(m);
    add_activity(m);
    add_coverage(m);
    add_services(m);
    prune_services(m->into);
    add_totals(m->into, m->from);
}

int network_stats_merge(struct network_stats *into, const struct network_stats *from,
                        struct error *err)
{
    struct merge m = {
        .into = into,
        .from = from,
        .observation = first_observation(into, from),
        .hosts = memory_alloc_array(from->host_count, sizeof *m.hosts),
        .outside = memory_alloc_array(from->outside_count, sizeof *m.outside),
        .states = memory_alloc_array(from->states.used, sizeof *m.states),
        .transitions = memory_alloc_array(from->transitions.used, sizeof *m.transitions),
        .labels = memory_alloc_array((size_t)from->label_count + 1, sizeof *m.labels),
    };
    int status = is_empty(from) ? 0 : check_limits(&m, map_hosts(&m), err);

    if (status == 0 && !is_empty(from))
        add_all(&m);
    free(m.hosts);
    free(m.outside);
    free(m.states);
    free(m.transitions);
    free(m.labels);
    free(m.listed);
    return status;
}
