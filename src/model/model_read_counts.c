#include "model/model_read_private.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"

/* Rows of (owner, symbol, count), in that order. */
struct counts_table {
    enum model_counts counts;
    enum model_table table;
    const char *sql;
    int64_t owners; /* owner is in 0..owners-1 */
    int64_t symbols;
};

static struct tally_entry read_entry(struct rows *rows, const struct counts_table *what)
{
    return (struct tally_entry){ (uint32_t)rows_integer(rows, 0, 0, what->owners - 1),
                                 (uint32_t)rows_integer(rows, 1, 0, what->symbols - 1),
                                 (uint64_t)rows_integer(rows, 2, 1, MAX_COUNT) };
}

static void check_own_states(struct reader *r, uint32_t host, const struct tally_entry *entries,
                             uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        if (r->shape.states[entries[i].symbol].host != host)
            database_fail(&r->db, "state %" PRIu32 " of host %" PRIu32 " follows one of host %" PRIu32,
                          entries[i].symbol, r->shape.states[entries[i].symbol].host, host);
    }
}

static void add_transitions(struct reader *r, uint32_t state, const struct tally_entry *entries,
                            uint32_t size)
{
    struct model_shape *shape = &r->shape;

    check_own_states(r, shape->states[state].host, entries, size);
    if (size > NETWORK_MAX_TRANSITIONS - shape->transition_count)
        database_fail(&r->db, "table transition: there are too many");
    if (r->db.failed)
        return;
    shape->transitions = memory_grow(shape->transitions, &r->transition_capacity,
                                     (size_t)shape->transition_count + size,
                                     sizeof *shape->transitions);
    for (uint32_t i = 0; i < size; i++)
        shape->transitions[shape->transition_count++] = (struct model_transition){ state, i };
}

/* Transitions of a state follow one another; their gaps are counted together as well. */
static void add_gaps(struct reader *r, uint32_t state, const struct tally_entry *entries,
                     uint32_t size)
{
    if (state != r->gap_state)
        r->gap_sum = 0;
    r->gap_state = state;
    for (uint32_t i = 0; i < size; i++)
        r->gap_sum += entries[i].count;
    if (r->gap_sum > r->shape.flows)
        database_fail(&r->db, "table gap: the counts of state %" PRIu32 " add up to more than all flows",
                      state);
}

/* Nobody is a peer of himself; members of a crowd are of one another. */
static bool is_peer(const struct reader *r, const struct model_state *state, struct peer peer)
{
    switch (peer.kind) {
    case PEER_LOCAL:
        return peer.id < r->shape.host_count &&
               (peer.id != state->host || r->shape.host_members[state->host] > 1);
    case PEER_OUTSIDE: return peer.id < r->shape.outside_count || peer.id == PEER_ID_OTHER;
    case PEER_GROUP: return peer.id == 0 && state->key.role == ROLE_INITIATOR;
    default: return false;
    }
}

static void check_peers(struct reader *r, uint32_t state, const struct tally_entry *entries,
                        uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        if (!is_peer(r, &r->shape.states[state], peer_unpack(entries[i].symbol)))
            database_fail(&r->db, "table peer: state %" PRIu32 ": %" PRIu32 " is nobody", state,
                          entries[i].symbol);
        if (peer_unpack(entries[i].symbol).kind == PEER_OUTSIDE)
            r->seen[state] |= SEEN_OUTSIDE;
    }
}

static void check_labels(struct reader *r, uint32_t state, const struct tally_entry *entries,
                         uint32_t size)
{
    uint64_t flows = 0;

    for (uint32_t i = 0; i < size; i++) {
        flows += entries[i].count;
        if (entries[i].symbol == LABEL_NONE)
            database_fail(&r->db, "table state_label: state %" PRIu32 ": 0 is no label", state);
    }
    if (flows > r->shape.states[state].flows)
        database_fail(&r->db, "table state_label: state %" PRIu32 " has more flows with a label than flows", state);
}

static void check_sizes(struct reader *r, uint32_t state, const struct tally_entry *entries,
                        uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        if (flow_size_bytes_bin(entries[i].symbol) >= FLOW_BYTE_BINS)
            database_fail(&r->db, "table byte_volume: state %" PRIu32 ": %" PRIu32 " is no size of a flow",
                          state, entries[i].symbol);
    }
}

/* Checks a group against what was read before, and takes notice of it. */
static void check_group(struct reader *r, enum model_counts counts, uint32_t owner,
                        const struct tally_entry *entries, uint32_t size)
{
    switch (counts) {
    case COUNTS_INITIAL: check_own_states(r, owner, entries, size); break;
    case COUNTS_TRANSITION:
        add_transitions(r, owner, entries, size);
        r->seen[owner] |= SEEN_NEXT;
        break;
    case COUNTS_GAP:
        add_gaps(r, r->shape.transitions[owner].state, entries, size);
        r->seen[r->shape.transitions[owner].state] |= SEEN_GAP;
        break;
    case COUNTS_VOLUME: r->seen[owner] |= SEEN_VOLUME; break;
    case COUNTS_INITIATOR_PORT: r->seen[owner] |= SEEN_INITIATOR_PORT; break;
    case COUNTS_PEER:
        check_peers(r, owner, entries, size);
        r->seen[owner] |= SEEN_PEER;
        break;
    case COUNTS_STATE_LABEL: check_labels(r, owner, entries, size); break;
    case COUNTS_BYTE_VOLUME: check_sizes(r, owner, entries, size); break;
    case COUNTS_BEAT:
    case COUNTS_RESPONDER_PORT:
    case COUNTS_COVERAGE: break;
    }
}

bool entry_is_behind(const struct tally_entry *entry, const struct tally_entry *last)
{
    return entry->owner != last->owner ? entry->owner > last->owner : entry->symbol > last->symbol;
}

static void end_owner(struct reader *r, struct owner_counts *group)
{
    if (!r->db.failed && group->used > 0)
        check_group(r, group->counts, group->entries[0].owner, group->entries, group->used);
    if (!r->db.failed && group->used > 0)
        r->sink->counts(r->sink->self, group->counts, group->entries[0].owner, group->entries, group->used);
    group->used = 0;
    group->sum = 0;
}

void owner_counts_add(struct reader *r, struct rows *rows, struct owner_counts *group, struct tally_entry entry)
{
    if (group->used > 0 && !entry_is_behind(&entry, &group->entries[group->used - 1]))
        rows_fail(rows, "it is there twice, or out of order");
    if (group->used > 0 && entry.owner != group->entries[0].owner)
        end_owner(r, group);
    group->sum += entry.count;
    group->entries = memory_grow(group->entries, &group->capacity, (size_t)group->used + 1, sizeof *group->entries);
    group->entries[group->used++] = entry;
}

void owner_counts_end(struct reader *r, struct owner_counts *group)
{
    end_owner(r, group);
    free(group->entries);
}

static uint64_t flows_of_owner(const struct reader *r, const struct counts_table *what, uint32_t owner)
{
    return what->table == TABLE_INITIAL && !r->db.failed ? reader_host_flows(r, owner) : r->shape.flows;
}

static void read_counts(struct reader *r, const struct counts_table *what)
{
    struct rows rows = table_open(r, what->table, what->sql);
    struct owner_counts group = { .counts = what->counts };

    while (rows_next(&rows)) {
        struct tally_entry entry = read_entry(&rows, what);

        if (what->table == TABLE_TRANSITION)
            rows_integer(&rows, 3, (int64_t)rows.number - 1, (int64_t)rows.number - 1);
        owner_counts_add(r, &rows, &group, entry);
        if (group.sum > flows_of_owner(r, what, entry.owner))
            rows_fail(&rows, "the counts add up to more than all flows");
    }
    owner_counts_end(r, &group);
    table_close(r, what->table, &rows);
}

void read_sequences(struct reader *r)
{
    const int64_t states = r->shape.state_count;
    const struct counts_table initial = {
        COUNTS_INITIAL, TABLE_INITIAL, "SELECT host, state, times FROM initial ORDER BY host, state",
        r->shape.host_count, states
    };
    const struct counts_table transitions = {
        COUNTS_TRANSITION, TABLE_TRANSITION, "SELECT state, next, times, id FROM transition ORDER BY id",
        states, states
    };

    read_counts(r, &initial);
    read_counts(r, &transitions);
}

void read_distributions(struct reader *r)
{
    const int64_t states = r->shape.state_count;
    const struct counts_table tables[] = {
        { COUNTS_GAP, TABLE_GAP,
          "SELECT transition_id, bin, times FROM gap ORDER BY transition_id, bin",
          r->shape.transition_count, MODEL_MAX_BIN },
        { COUNTS_BEAT, TABLE_BEAT, "SELECT state, bin, times FROM beat ORDER BY state, bin", states,
          BEAT_BINS },
        { COUNTS_VOLUME, TABLE_VOLUME, "SELECT state, bin, flows FROM volume ORDER BY state, bin",
          states, FLOW_PACKET_BINS },
        { COUNTS_BYTE_VOLUME, TABLE_BYTE_VOLUME,
          "SELECT state, bins, flows FROM byte_volume ORDER BY state, bins", states,
          FLOW_PACKET_BINS * FLOW_SIZE_BYTES },
        { COUNTS_INITIATOR_PORT, TABLE_INITIATOR_PORT,
          "SELECT state, port_feature, flows FROM initiator_port ORDER BY state, port_feature", states,
          PORT_FEATURES },
        { COUNTS_RESPONDER_PORT, TABLE_RESPONDER_PORT,
          "SELECT state, port, flows FROM responder_port ORDER BY state, port", states,
          PORT_OTHER + 1 },
        { COUNTS_PEER, TABLE_PEER, "SELECT state, peer, flows FROM peer ORDER BY state, peer", states,
          (int64_t)1 << (PEER_ID_BITS + 2) },
        { COUNTS_STATE_LABEL, TABLE_STATE_LABEL,
          "SELECT state, label, flows FROM state_label ORDER BY state, label", states,
          (int64_t)r->shape.label_count + 1 },
    };

    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        read_counts(r, &tables[i]);
}
