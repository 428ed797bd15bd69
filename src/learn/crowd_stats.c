#include "learn/crowd_stats.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "learn/row_sample.h"
#include "learn/shown_table.h"
#include "learn/stats_private.h"

struct crowding {
    struct network_stats *into;
    const struct network_stats *from;
    const uint32_t *crowd; /* by host of `from` */
    uint32_t least;
    uint32_t *states;      /* of `from`: the state of `into`, TALLY_NONE where left out */
    uint32_t *transitions; /* the same */
    uint32_t *met;         /* by host: the last group of bins it was met in */
    uint32_t group;        /* numbers these */
};

/* Adds to `into` what enough members showed; the rest under `other`, unless that is TALLY_NONE. */
static void add_shown(const struct crowding *c, struct shown_table *table, struct tally *into, uint32_t other)
{
    struct shown_symbol at = { 0 };

    shown_table_sort(table);
    while (shown_table_next(table, &at)) {
        uint32_t symbol = at.members >= c->least ? table->rows[at.begin].symbol : other;

        if (symbol != TALLY_NONE)
            tally_add(into, table->rows[at.begin].owner, symbol, at.count);
    }
    shown_table_release(table);
}

static uint32_t host_of_state(const struct crowding *c, uint32_t state)
{
    return c->from->states.entries[state].owner;
}

/* ---- hosts, states, transitions ---- */

static void add_crowds(struct crowding *c, uint32_t crowds)
{
    uint32_t *members = memory_alloc_array(crowds, sizeof *members);
    uint32_t *observations = memory_alloc_array(crowds, sizeof *observations);

    for (uint32_t i = 0; i < c->from->host_count; i++) {
        members[c->crowd[i]]++;
        observations[c->crowd[i]] = c->from->host_observations[i];
    }
    for (uint32_t i = 0; i < crowds; i++)
        stats_add_host(c->into, observations[i], members[i], 0);
    free(observations);
    free(members);
}

static void add_states(struct crowding *c, struct crowd_stats_counts *counts)
{
    const struct tally *from = &c->from->states;
    struct shown_table table = { 0 };
    struct shown_symbol at = { 0 };

    for (size_t i = 0; i < from->used; i++)
        shown_table_add(&table, c->crowd[from->entries[i].owner], from->entries[i].symbol, from->entries[i].owner,
             from->entries[i].count);
    shown_table_sort(&table);
    while (shown_table_next(&table, &at)) {
        bool is_kept = at.members >= c->least;

        counts->flows += at.count;
        counts->states++;
        counts->kept_flows += is_kept ? at.count : 0;
        counts->kept_states += is_kept;
    }
    add_shown(c, &table, &c->into->states, TALLY_NONE);
    for (size_t i = 0; i < from->used; i++)
        c->states[i] = tally_find(&c->into->states, c->crowd[from->entries[i].owner], from->entries[i].symbol);
}

static void add_initial(struct crowding *c)
{
    struct shown_table table = { 0 };

    for (size_t i = 0; i < c->from->initial.used; i++) {
        const struct tally_entry *entry = &c->from->initial.entries[i];

        if (c->states[entry->symbol] != TALLY_NONE)
            shown_table_add(&table, c->crowd[entry->owner], c->states[entry->symbol], entry->owner, entry->count);
    }
    add_shown(c, &table, &c->into->initial, TALLY_NONE);
}

/* A transition without a gap, as a file may have it, would be none that can be played. */
static bool *find_gaps(const struct crowding *c)
{
    bool *has_gap = memory_alloc_array(c->from->transitions.used, sizeof *has_gap);

    for (size_t i = 0; i < c->from->gaps.used; i++)
        has_gap[c->from->gaps.entries[i].owner] = true;
    return has_gap;
}

static void add_transitions(struct crowding *c)
{
    const struct tally *from = &c->from->transitions;
    struct shown_table table = { 0 };
    bool *has_gap = find_gaps(c);

    for (size_t i = 0; i < from->used; i++) {
        const struct tally_entry *entry = &from->entries[i];
        uint32_t state = c->states[entry->owner];
        uint32_t next = c->states[entry->symbol];

        if (state != TALLY_NONE && next != TALLY_NONE && has_gap[i])
            shown_table_add(&table, state, next, host_of_state(c, entry->owner), entry->count);
    }
    add_shown(c, &table, &c->into->transitions, TALLY_NONE);
    for (size_t i = 0; i < from->used; i++)
        c->transitions[i] = !has_gap[i] || c->states[from->entries[i].owner] == TALLY_NONE
                                ? TALLY_NONE
                                : tally_find(&c->into->transitions, c->states[from->entries[i].owner],
                                             c->states[from->entries[i].symbol]);
    free(has_gap);
}

/* ---- bins ---- */

/* The symbol that half of the counts of these rows reach; they are sorted. */
static uint32_t median_symbol(const struct shown *rows, size_t begin, size_t end)
{
    uint64_t half = 0;
    uint64_t below = 0;

    for (size_t i = begin; i < end; i++)
        half += rows[i].count;
    half = (half + 1) / 2;
    for (size_t i = begin; i < end; i++) {
        below += rows[i].count;
        if (below >= half)
            return rows[i].symbol;
    }
    return rows[begin].symbol;
}

/* Rows of one symbol from `at` on; how many members came to the group with them. */
static uint32_t meet_members(struct crowding *c, const struct shown *rows, size_t at, size_t end)
{
    uint32_t members = 0;

    for (; at < end; at++) {
        members += c->met[rows[at].member] != c->group;
        c->met[rows[at].member] = c->group;
    }
    return members;
}

static uint64_t sum_counts(const struct shown *rows, size_t begin, size_t end)
{
    uint64_t sum = 0;

    for (; begin < end; begin++)
        sum += rows[begin].count;
    return sum;
}

/* Of one owner: neighbours together until enough members are in; what remains goes to the last group. */
static void add_owner_bins(struct crowding *c, const struct shown *rows, size_t end, struct tally *into)
{
    uint32_t members = 0;
    uint32_t last = TALLY_NONE;
    size_t begin = 0;

    c->group++;
    for (size_t i = 0; i < end;) {
        size_t symbol_end = i + 1;

        while (symbol_end < end && rows[symbol_end].symbol == rows[i].symbol)
            symbol_end++;
        members += meet_members(c, rows, i, symbol_end);
        i = symbol_end;
        if (members < c->least)
            continue;
        last = median_symbol(rows, begin, i);
        tally_add(into, rows->owner, last, sum_counts(rows, begin, i));
        begin = i;
        members = 0;
        c->group++;
    }
    if (begin < end && last != TALLY_NONE)
        tally_add(into, rows->owner, last, sum_counts(rows, begin, end));
}

/* owners[i] is the new number of owner i, host_of() whose it is. */
static void add_bins(struct crowding *c, const struct tally *from, const uint32_t *owners,
                     uint32_t (*host_of)(const struct crowding *, uint32_t), struct tally *into)
{
    struct shown_table table = { 0 };
    size_t begin = 0;

    for (size_t i = 0; i < from->used; i++) {
        const struct tally_entry *entry = &from->entries[i];

        if (owners[entry->owner] != TALLY_NONE)
            shown_table_add(&table, owners[entry->owner], entry->symbol, host_of(c, entry->owner), entry->count);
    }
    shown_table_sort(&table);
    for (size_t i = 0; i < table.used; i++) {
        if (i + 1 < table.used && table.rows[i + 1].owner == table.rows[begin].owner)
            continue;
        add_owner_bins(c, table.rows + begin, i + 1 - begin, into);
        begin = i + 1;
    }
    shown_table_release(&table);
}

static uint32_t host_of_transition(const struct crowding *c, uint32_t transition)
{
    return host_of_state(c, c->from->transitions.entries[transition].owner);
}

static void add_distributions(struct crowding *c)
{
    const struct network_stats *from = c->from;
    struct network_stats *into = c->into;

    add_bins(c, &from->gaps, c->transitions, host_of_transition, &into->gaps);
    add_bins(c, &from->volumes, c->states, host_of_state, &into->volumes);
    add_bins(c, &from->bytes, c->states, host_of_state, &into->bytes);
    add_bins(c, &from->initiator_ports, c->states, host_of_state, &into->initiator_ports);
}

/* A median of several clocks would be a clock of nobody: a bin is told when enough members have that one. */
static void add_beats(struct crowding *c)
{
    struct shown_table table = { 0 };

    for (size_t i = 0; i < c->from->beats.used; i++) {
        const struct tally_entry *entry = &c->from->beats.entries[i];

        if (c->states[entry->owner] != TALLY_NONE)
            shown_table_add(&table, c->states[entry->owner], entry->symbol, host_of_state(c, entry->owner),
                            entry->count);
    }
    add_shown(c, &table, &c->into->beats, TALLY_NONE);
}

/* ---- ports and peers ---- */

static void add_ports(struct crowding *c)
{
    struct shown_table table = { 0 };

    for (size_t i = 0; i < c->from->responder_ports.used; i++) {
        const struct tally_entry *entry = &c->from->responder_ports.entries[i];

        if (c->states[entry->owner] != TALLY_NONE)
            shown_table_add(&table, c->states[entry->owner], entry->symbol, host_of_state(c, entry->owner),
                 entry->count);
    }
    add_shown(c, &table, &c->into->responder_ports, PORT_OTHER);
}

/* Outside peers that are left get numbers in the order of those they had. */
static void renumber_outside(struct crowding *c, const struct tally *kept)
{
    uint32_t *number = memory_alloc_array(c->from->outside_count, sizeof *number);
    bool *is_listed = memory_alloc_array(c->from->outside_count, sizeof *is_listed);

    for (size_t i = 0; i < kept->used; i++) {
        struct peer peer = peer_unpack(kept->entries[i].symbol);

        if (peer_is_listed_outside(peer))
            is_listed[peer.id] = true;
    }
    for (uint32_t id = 0; id < c->from->outside_count; id++) {
        number[id] = c->into->outside_count;
        if (is_listed[id])
            stats_add_outside(c->into, 0);
    }
    for (size_t i = 0; i < kept->used; i++) {
        const struct tally_entry *entry = &kept->entries[i];
        struct peer peer = peer_unpack(entry->symbol);

        if (peer_is_listed_outside(peer))
            peer.id = number[peer.id];
        tally_add(&c->into->peers, entry->owner, peer_pack(peer), entry->count);
    }
    free(is_listed);
    free(number);
}

static void add_peers(struct crowding *c)
{
    struct shown_table table = { 0 };
    struct tally kept;

    tally_init(&kept);
    for (size_t i = 0; i < c->from->peers.used; i++) {
        const struct tally_entry *entry = &c->from->peers.entries[i];
        struct peer peer = peer_unpack(entry->symbol);

        if (peer.kind == PEER_LOCAL)
            peer.id = c->crowd[peer.id];
        if (c->states[entry->owner] != TALLY_NONE)
            shown_table_add(&table, c->states[entry->owner], peer_pack(peer), host_of_state(c, entry->owner),
                 entry->count);
    }
    add_shown(c, &table, &kept, peer_pack((struct peer){ PEER_OUTSIDE, PEER_ID_OTHER }));
    renumber_outside(c, &kept);
    tally_release(&kept);
}

/* ---- days ---- */

static uint64_t in_log_units(double value)
{
    return (uint64_t)llround(ldexp(value, ACTIVITY_LOG_BITS));
}

/* What the rows of a crowd's slice, or of several, add up to. */
struct activity_sum {
    struct activity activity;
    struct crowd_activity crowd;
};

static void add_activity(struct activity_sum *sum, const struct activity *more)
{
    double x = log((double)(more->packets_sent + more->packets_received));

    sum_add(&sum->activity.packets_sent, more->packets_sent);
    sum_add(&sum->activity.packets_received, more->packets_received);
    sum_add(&sum->activity.bytes_sent, more->bytes_sent);
    sum_add(&sum->activity.bytes_received, more->bytes_received);
    sum_add(&sum->activity.flows_initiated, more->flows_initiated);
    sum_add(&sum->activity.flows_answered, more->flows_answered);
    sum->crowd.members++;
    sum->crowd.log_sum += in_log_units(x);
    sum->crowd.log_square_sum += in_log_units(x * x);
}

/* Of `total`, what the members up to `done` of `all` have. */
static uint64_t part(uint64_t total, uint64_t done, uint64_t all)
{
    return (uint64_t)((unsigned __int128)total * done / all);
}

/* The part of two sums: together it is exact, and at least as many as members, as the sums are. */
static void split(uint64_t first, uint64_t second, uint64_t before, uint64_t done, uint64_t all,
                  uint64_t *first_part, uint64_t *second_part)
{
    uint64_t both = part(first + second, done, all) - part(first + second, before, all);
    uint64_t wanted = part(first, done, all) - part(first, before, all);

    *first_part = wanted < both ? wanted : both;
    *second_part = both - *first_part;
}

/* What the members behind `before` up to `done` of a sum have, if all of them did the same. */
static struct activity_sum part_of_sum(const struct activity_sum *sum, uint64_t before, uint64_t done)
{
    const struct activity *a = &sum->activity;
    uint64_t all = sum->crowd.members;
    struct activity_sum piece = { .crowd.members = done - before };

    split(a->packets_sent, a->packets_received, before, done, all, &piece.activity.packets_sent,
          &piece.activity.packets_received);
    split(a->bytes_sent, a->bytes_received, before, done, all, &piece.activity.bytes_sent,
          &piece.activity.bytes_received);
    split(a->flows_initiated, a->flows_answered, before, done, all, &piece.activity.flows_initiated,
          &piece.activity.flows_answered);
    piece.crowd.log_sum = part(sum->crowd.log_sum, done, all) - part(sum->crowd.log_sum, before, all);
    piece.crowd.log_square_sum =
        part(sum->crowd.log_square_sum, done, all) - part(sum->crowd.log_square_sum, before, all);
    return piece;
}

/* Writes a sum over the slices of rows[begin..end): as it is, or spread over them by members. */
static void write_slices(struct crowding *c, const struct shown *rows, size_t begin, size_t end)
{
    struct activity_sum sum = { 0 };
    size_t slice_begin = begin;

    for (size_t i = begin; i < end; i++)
        add_activity(&sum, &c->from->activity[rows[i].count]);
    for (size_t i = begin + 1; i <= end; i++) {
        struct activity_sum piece;

        if (i < end && rows[i].symbol == rows[slice_begin].symbol)
            continue;
        piece = part_of_sum(&sum, slice_begin - begin, i - begin);
        *stats_add_activity(c->into, rows[begin].owner, rows[slice_begin].symbol,
                            piece.activity.flows_initiated + piece.activity.flows_answered) = piece.activity;
        *stats_crowd_activity(c->into, rows[begin].owner, rows[slice_begin].symbol) = piece.crowd;
        slice_begin = i;
    }
}

/* Of one crowd and date: as add_owner_bins(), but the last group is written when nothing can come to it. */
static void add_date(struct crowding *c, const struct shown *rows, size_t end)
{
    uint32_t members = 0;
    size_t begin = 0;
    size_t full = 0; /* the end of the last group that has enough members, which begins at `begin` */

    c->group++;
    for (size_t i = 0; i < end;) {
        size_t slice_end = i + 1;

        while (slice_end < end && rows[slice_end].symbol == rows[i].symbol)
            slice_end++;
        members += meet_members(c, rows, i, slice_end);
        i = slice_end;
        if (members < c->least)
            continue;
        if (full > 0) {
            write_slices(c, rows, begin, full);
            begin = full;
        }
        full = i;
        members = 0;
        c->group++;
    }
    if (full > 0)
        write_slices(c, rows, begin, end);
}

static void add_days(struct crowding *c)
{
    const struct tally *from = &c->from->active;
    struct shown_table table = { 0 };
    size_t begin = 0;

    for (size_t i = 0; i < from->used; i++) /* the count is where its activity is */
        shown_table_add(&table, c->crowd[from->entries[i].owner], from->entries[i].symbol, from->entries[i].owner, i);
    shown_table_sort(&table);
    for (size_t i = 0; i < table.used; i++) {
        if (i + 1 < table.used && table.rows[i + 1].owner == table.rows[begin].owner &&
            table.rows[i + 1].symbol / DAY_SLICES == table.rows[begin].symbol / DAY_SLICES)
            continue;
        add_date(c, table.rows + begin, i + 1 - begin);
        begin = i + 1;
    }
    shown_table_release(&table);
    for (size_t i = 0; i < c->from->coverage.used; i++)
        stats_cover(c->into, c->from->coverage.entries[i].owner, c->from->coverage.entries[i].symbol,
                    c->from->coverage.entries[i].count);
}

/* ---- services ---- */

/* Without their classes. */
static void copy_services(struct crowding *c)
{
    for (size_t i = 0; i < c->from->services.used; i++) {
        const struct tally_entry *entry = &c->from->services.entries[i];
        uint32_t owner = service_owner_pack(service_owner_protocol(entry->owner), LABEL_NONE);
        uint32_t service = stats_add_service(c->into, owner, entry->symbol, entry->count);

        row_sample_merge(&c->into->samples[service], &c->from->samples[i]);
        service_conditions_add(&c->into->conditions[service], &c->from->conditions[i]);
    }
}

/* (protocol, port) -> hosts that had a flow of it. A port beyond those listed is not known. */
static void count_service_hosts(const struct crowding *c, struct tally *hosts)
{
    const struct network_stats *from = c->from;
    struct shown_table table = { 0 };
    struct shown_symbol at = { 0 };

    for (size_t i = 0; i < from->states.used; i++) {
        struct state_key key = state_key_unpack(from->states.entries[i].symbol);

        if (port_feature_is_exact(key.port_feature))
            shown_table_add(&table, key.protocol, key.port_feature, from->states.entries[i].owner, 1);
    }
    for (size_t i = 0; i < from->responder_ports.used; i++) {
        const struct tally_entry *entry = &from->responder_ports.entries[i];
        struct state_key key = state_key_unpack(from->states.entries[entry->owner].symbol);

        if (entry->symbol != PORT_OTHER)
            shown_table_add(&table, key.protocol, entry->symbol, host_of_state(c, entry->owner), 1);
    }
    shown_table_sort(&table);
    while (shown_table_next(&table, &at))
        tally_add(hosts, table.rows[at.begin].owner, table.rows[at.begin].symbol, at.members);
    shown_table_release(&table);
}

static void add_services(struct crowding *c, struct crowd_stats_counts *counts)
{
    bool *stays = memory_alloc_array(c->from->services.used, sizeof *stays);
    struct tally hosts;

    tally_init(&hosts);
    count_service_hosts(c, &hosts);
    copy_services(c);
    for (size_t i = 0; i < c->into->services.used; i++) {
        const struct tally_entry *entry = &c->into->services.entries[i];

        stays[i] = entry->symbol == SERVICE_OTHER_PORTS ||
                   tally_count(&hosts, entry->owner, entry->symbol) >= c->least;
        counts->services += entry->symbol != SERVICE_OTHER_PORTS;
        counts->kept_services += entry->symbol != SERVICE_OTHER_PORTS && stays[i];
    }
    stats_keep_services(c->into, stays);
    stats_finish_samples(c->into);
    tally_release(&hosts);
    free(stays);
}

/* ---- the whole ---- */

static void add_totals(struct crowding *c)
{
    c->into->flows = c->from->flows;
    c->into->packets = c->from->packets;
    c->into->first = c->from->first;
    c->into->last = c->from->last;
}

int crowd_stats_check(const struct network_stats *hosts, struct error *err)
{
    for (uint32_t i = 0; i < hosts->host_count; i++) {
        if (hosts->host_members[i] > 1)
            return error_set(err, "host %" PRIu32 " is a crowd of %" PRIu32 " already: crowds are made of"
                             " hosts, once", i, hosts->host_members[i]);
    }
    return 0;
}

int crowd_stats_add(struct network_stats *into, const struct network_stats *hosts, const uint32_t *crowd,
                    uint32_t crowds, uint32_t least, struct crowd_stats_counts *counts, struct error *err)
{
    struct crowding c = { .into = into, .from = hosts, .crowd = crowd, .least = least };

    if (crowd_stats_check(hosts, err) < 0)
        return -1;
    *counts = (struct crowd_stats_counts){ 0 };
    c.states = memory_alloc_array(hosts->states.used, sizeof *c.states);
    c.transitions = memory_alloc_array(hosts->transitions.used, sizeof *c.transitions);
    c.met = memory_alloc_array(hosts->host_count, sizeof *c.met);
    add_crowds(&c, crowds);
    add_states(&c, counts);
    add_initial(&c);
    add_transitions(&c);
    add_distributions(&c);
    add_beats(&c);
    add_ports(&c);
    add_peers(&c);
    add_days(&c);
    add_services(&c, counts);
    add_totals(&c);
    free(c.states);
    free(c.transitions);
    free(c.met);
    return 0;
}
