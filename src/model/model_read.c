#include "model/model_read_private.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "net/wire.h"

#define MAX_LOG_MEAN 46.0 /* a flow has less than e^29 packets: what is fitted stays below, */
#define MAX_LOG_SD 16.0   /* and below half of that; exp(mean + sd^2 / 2) is a number */

enum { MOST_LOG_PACKETS = 38 /* of a slice: more than can be counted, twice NETWORK_MAX_SUM */ };

/* What was seen of a state. */
enum {
    SEEN_MIXTURE = 1 << 0,
    SEEN_NEXT = 1 << 1,
    SEEN_GAP = 1 << 2,
    SEEN_VOLUME = 1 << 3,
    SEEN_INITIATOR_PORT = 1 << 4,
    SEEN_PEER = 1 << 5,
    SEEN_OUTSIDE = 1 << 6, /* a peer of that kind */
    SEEN_PROCESS = 1 << 7
};

static const char *const table_names[MODEL_TABLES] = {
    "summary", "host", "outside", "state", "label", "mixture", "peer_process", "initial", "transition", "gap", "beat",
    "volume", "byte_volume", "initiator_port", "responder_port", "peer", "state_label", "coverage", "activity",
    "service", "session_row",
};

const char *model_table_name(enum model_table table)
{
    return table_names[table];
}

struct rows table_open(struct reader *r, enum model_table table, const char *sql)
{
    return rows_open(&r->db, table_names[table], sql);
}

void table_close(struct reader *r, enum model_table table, struct rows *rows)
{
    r->rows[table] = rows->number > 0 ? rows->number - 1 : 0;
    rows_close(rows);
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x == y ? 0 : x < y ? -1 : 1;
}

bool reader_has_twice(uint64_t *numbers, size_t count)
{
    if (count > 0)
        qsort(numbers, count, sizeof *numbers, compare_numbers);
    for (size_t i = 1; i < count; i++) {
        if (numbers[i] == numbers[i - 1])
            return true;
    }
    return false;
}

/* ---- who there is ---- */

static void read_summary(struct reader *r)
{
    struct rows rows = table_open(r, TABLE_SUMMARY, "SELECT flows, packets, first_ns, last_ns,"
                                                    " outside_count, key_check FROM summary");
    struct model_shape *shape = &r->shape;

    if (rows_next(&rows)) {
        shape->flows = (uint64_t)rows_integer(&rows, 0, 0, MAX_COUNT);
        shape->packets = (uint64_t)rows_integer(&rows, 1, 0, MAX_COUNT);
        shape->first.ns = rows_integer(&rows, 2, 0, INT64_MAX);
        shape->last.ns = rows_integer(&rows, 3, shape->first.ns, INT64_MAX);
        shape->outside_count = (uint32_t)rows_integer(&rows, 4, 0, PEER_ID_OTHER);
        shape->has_tags = sqlite3_column_type(rows.statement, 5) != SQLITE_NULL;
        shape->key_check = rows_tag(&rows, 5, shape->has_tags);
        if (rows_next(&rows))
            rows_fail(&rows, "there is a second row");
    } else {
        rows_fail(&rows, "there is none");
    }
    table_close(r, TABLE_SUMMARY, &rows);
}

/* Where hosts have tags of one key, all were observed together. */
static uint32_t read_observation(struct reader *r, struct rows *rows, int column)
{
    return (uint32_t)rows_integer(rows, column, 0,
                                  r->shape.has_tags ? 0 : NETWORK_MAX_OBSERVATIONS - 1);
}

static void read_hosts(struct reader *r)
{
    struct rows rows = table_open(r, TABLE_HOST, "SELECT id, observation, tag, members, crowd"
                                                 " FROM host ORDER BY id");
    struct model_shape *shape = &r->shape;

    while (rows_next(&rows)) {
        uint32_t host = shape->host_count;
        uint32_t observation = read_observation(r, &rows, 1);

        rows_integer(&rows, 0, host, host);
        if (host == NETWORK_MAX_HOSTS)
            rows_fail(&rows, "there are too many");
        if (r->db.failed)
            break;
        shape->host_tags = memory_grow(shape->host_tags, &r->host_tag_capacity, (size_t)host + 1,
                                       sizeof *shape->host_tags);
        shape->host_observations =
            memory_grow(shape->host_observations, &r->host_observation_capacity, (size_t)host + 1,
                        sizeof *shape->host_observations);
        shape->host_tags[host] = rows_tag(&rows, 2, shape->has_tags);
        shape->host_observations[host] = observation;
        shape->host_members = memory_grow(shape->host_members, &r->host_member_capacity,
                                          (size_t)host + 1, sizeof *shape->host_members);
        shape->host_crowds = memory_grow(shape->host_crowds, &r->host_crowd_capacity, (size_t)host + 1,
                                         sizeof *shape->host_crowds);
        shape->host_members[host] =
            (uint32_t)rows_integer(&rows, 3, 1, shape->has_tags ? 1 : NETWORK_MAX_HOSTS);
        shape->host_crowds[host] = (uint32_t)rows_integer(&rows, 4, 0, NETWORK_MAX_HOSTS - 1);
        if (observation >= shape->observation_count)
            shape->observation_count = observation + 1;
        shape->host_count++;
    }
    table_close(r, TABLE_HOST, &rows);
}

/* There are not more crowds than hosts, and not more members than a population can have. */
static void check_crowds(struct reader *r)
{
    uint64_t members = 0;

    for (uint32_t i = 0; i < r->shape.host_count && !r->db.failed; i++) {
        members += r->shape.host_members[i];
        if (r->shape.host_crowds[i] >= r->shape.host_count)
            database_fail(&r->db, "table host: host %" PRIu32 " is of crowd %" PRIu32
                          ", where there are %" PRIu32 " hosts", i, r->shape.host_crowds[i],
                          r->shape.host_count);
    }
    if (members > NETWORK_MAX_HOSTS)
        database_fail(&r->db, "table host: %" PRIu64 " members are more than a model has (%d)", members,
                      NETWORK_MAX_HOSTS);
}

/* How many have a row. */
static uint32_t read_outside(struct reader *r)
{
    struct rows rows = table_open(r, TABLE_OUTSIDE, "SELECT id, tag FROM outside ORDER BY id");
    struct model_shape *shape = &r->shape;
    uint32_t count = 0;

    while (rows_next(&rows)) {
        rows_integer(&rows, 0, count, count);
        if (count == PEER_ID_OTHER)
            rows_fail(&rows, "there are too many");
        shape->outside_tags = memory_grow(shape->outside_tags, &r->outside_tag_capacity,
                                          (size_t)count + 1, sizeof *shape->outside_tags);
        shape->outside_tags[count++] = rows_tag(&rows, 1, shape->has_tags);
    }
    table_close(r, TABLE_OUTSIDE, &rows);
    return count;
}

/* An address is a host or outside, and once. */
static void check_tags(struct reader *r)
{
    const struct model_shape *shape = &r->shape;
    size_t count = (size_t)shape->host_count + shape->outside_count;
    uint64_t *sorted;

    if (!shape->has_tags || r->db.failed)
        return;
    sorted = memory_alloc_array(count, sizeof *sorted);
    for (size_t i = 0; i < count; i++)
        sorted[i] = i < shape->host_count ? shape->host_tags[i]
                                          : shape->outside_tags[i - shape->host_count];
    if (reader_has_twice(sorted, count))
        database_fail(&r->db, "tables host and outside: two have the same tag");
    free(sorted);
}

/* Outside peers have rows only where they have tags. */
static void read_who(struct reader *r)
{
    struct model_shape *shape = &r->shape;
    uint32_t outside;

    read_hosts(r);
    check_crowds(r);
    outside = read_outside(r);
    if (outside != (shape->has_tags ? shape->outside_count : 0))
        database_fail(&r->db, "table outside: %" PRIu32 " rows, where the summary has %" PRIu32, outside,
                      shape->outside_count);
    check_tags(r);
}

/* ---- states ---- */

static bool has_ports(const struct model_state *state)
{
    return state->key.protocol == IP_TCP || state->key.protocol == IP_UDP;
}

static void read_state(struct reader *r, struct rows *rows, struct model_state *state)
{
    rows_integer(rows, 0, r->shape.state_count, r->shape.state_count);
    state->host = (uint32_t)rows_integer(rows, 1, 0, (int64_t)r->shape.host_count - 1);
    state->key.role = (enum host_role)rows_integer(rows, 2, ROLE_INITIATOR, ROLE_RESPONDER);
    state->key.protocol = (uint8_t)rows_integer(rows, 3, 0, UINT8_MAX);
    state->key.port_feature = (uint32_t)rows_integer(rows, 4, 0, PORT_FEATURES - 1);
    state->flows = (uint64_t)rows_integer(rows, 5, 1, MAX_COUNT);
    if (state->key.protocol != IP_ICMP && !has_ports(state))
        rows_fail(rows, "a protocol that no flow can be made of");
    if (r->shape.state_count == NETWORK_MAX_STATES)
        rows_fail(rows, "there are too many");
}

/* At most: a flow between two members of a crowd is one of each. */
static uint64_t flows_of_host(const struct reader *r, uint32_t host)
{
    return r->shape.host_members[host] > 1 ? 2 * r->shape.flows : r->shape.flows;
}

/* A host has each state once, and not more than its indices can count. */
static void check_hosts(struct reader *r)
{
    const struct model_shape *shape = &r->shape;
    uint64_t *keys = memory_alloc_array(shape->state_count, sizeof *keys);
    uint64_t *flows = memory_alloc_array(shape->host_count, sizeof *flows);

    for (uint32_t i = 0; i < shape->state_count && !r->db.failed; i++) {
        const struct model_state *state = &shape->states[i];

        keys[i] = (uint64_t)state->host << 32 | state_key_pack(state->key);
        flows[state->host] += state->flows;
        if (++shape->host_states[state->host] > HOST_MAX_STATES || flows[state->host] > flows_of_host(r, state->host))
            database_fail(&r->db, "table state: host %" PRIu32 " has too many states or flows",
                          state->host);
    }
    if (!r->db.failed && reader_has_twice(keys, shape->state_count))
        database_fail(&r->db, "table state: a host has the same state twice");
    free(keys);
    free(flows);
}

static void read_states(struct reader *r)
{
    struct rows rows = table_open(r, TABLE_STATE, "SELECT id, host, role, protocol, port_feature, flows"
                                                  " FROM state ORDER BY id");
    struct model_shape *shape = &r->shape;

    while (rows_next(&rows)) {
        shape->states = memory_grow(shape->states, &r->state_capacity,
                                    (size_t)shape->state_count + 1, sizeof *shape->states);
        read_state(r, &rows, &shape->states[shape->state_count]);
        shape->state_count++;
    }
    table_close(r, TABLE_STATE, &rows);
    shape->host_states = memory_alloc_array(shape->host_count, sizeof *shape->host_states);
    r->seen = memory_alloc_array(shape->state_count, sizeof *r->seen);
    check_hosts(r);
}

/* ---- mixtures ---- */

static void end_mixture(struct reader *r, uint32_t state, const struct mixture *mixture)
{
    double sum = 0;

    for (uint32_t k = 0; k < mixture->size; k++)
        sum += mixture->components[k].weight;
    if (!(fabs(sum - 1) < 1e-6))
        database_fail(&r->db, "table mixture: state %" PRIu32 " has no weights that sum to 1", state);
    if (r->db.failed)
        return;
    r->seen[state] |= SEEN_MIXTURE;
    if (r->sink->mixture)
        r->sink->mixture(r->sink->self, state, mixture);
}

static void read_mixtures(struct reader *r)
{
    struct rows rows = table_open(r, TABLE_MIXTURE, "SELECT state, component, weight, mean, sd"
                                                    " FROM mixture ORDER BY state, component");
    struct mixture mixture = { 0 };
    uint32_t state = 0;

    while (rows_next(&rows)) {
        uint32_t owner = (uint32_t)rows_integer(&rows, 0, state, (int64_t)r->shape.state_count - 1);

        if (owner != state && mixture.size > 0) {
            end_mixture(r, state, &mixture);
            mixture.size = 0;
        }
        state = owner;
        rows_integer(&rows, 1, mixture.size, mixture.size);
        if (mixture.size == MIXTURE_MAX)
            rows_fail(&rows, "there are too many");
        if (r->db.failed)
            break;
        mixture.components[mixture.size++] =
            (struct mixture_component){ rows_real(&rows, 2, 0, 1), rows_real(&rows, 3, 0, MAX_LOG_MEAN),
                                        rows_real(&rows, 4, 1e-6, MAX_LOG_SD) };
    }
    if (mixture.size > 0 && !r->db.failed)
        end_mixture(r, state, &mixture);
    table_close(r, TABLE_MIXTURE, &rows);
}

/* ---- how new peers are met ---- */

static void read_peer_processes(struct reader *r)
{
    struct rows rows = table_open(r, TABLE_PEER_PROCESS, "SELECT state, discount, concentration"
                                                         " FROM peer_process ORDER BY state");

    while (rows_next(&rows)) {
        uint32_t state = (uint32_t)rows_integer(&rows, 0, 0, (int64_t)r->shape.state_count - 1);
        const struct peer_process process = {
            rows_real(&rows, 1, PEER_DISCOUNT_LEAST, PEER_DISCOUNT_MOST),
            rows_real(&rows, 2, PEER_CONCENTRATION_LEAST, PEER_CONCENTRATION_MOST),
        };

        if (r->db.failed)
            break;
        r->seen[state] |= SEEN_PROCESS;
        if (r->sink->peer_process)
            r->sink->peer_process(r->sink->self, state, &process);
    }
    table_close(r, TABLE_PEER_PROCESS, &rows);
}

/* ---- tables of counts: rows of (owner, symbol, count), in that order ---- */

struct counts_table {
    enum model_counts counts;
    enum model_table table;
    const char *sql;
    int64_t owners; /* owner is in 0..owners-1 */
    int64_t symbols;
};

static bool is_behind(const struct tally_entry *entry, const struct tally_entry *last)
{
    return entry->owner != last->owner ? entry->owner > last->owner : entry->symbol > last->symbol;
}

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

static void end_group(struct reader *r, enum model_counts counts, const struct tally_entry *entries,
                      uint32_t size)
{
    if (!r->db.failed)
        check_group(r, counts, entries[0].owner, entries, size);
    if (!r->db.failed)
        r->sink->counts(r->sink->self, counts, entries[0].owner, entries, size);
}

static uint64_t flows_of_owner(const struct reader *r, const struct counts_table *what, uint32_t owner)
{
    return what->table == TABLE_INITIAL && !r->db.failed ? flows_of_host(r, owner) : r->shape.flows;
}

static void read_counts(struct reader *r, const struct counts_table *what)
{
    struct rows rows = table_open(r, what->table, what->sql);
    struct tally_entry *entries = NULL;
    size_t capacity = 0;
    uint32_t used = 0;
    uint64_t sum = 0; /* of the owner's counts */

    while (rows_next(&rows)) {
        struct tally_entry entry = read_entry(&rows, what);

        if (what->table == TABLE_TRANSITION)
            rows_integer(&rows, 3, (int64_t)rows.number - 1, (int64_t)rows.number - 1);
        if (used > 0 && !is_behind(&entry, &entries[used - 1]))
            rows_fail(&rows, "it is there twice, or out of order");
        if (used > 0 && entry.owner != entries[0].owner) {
            end_group(r, what->counts, entries, used);
            used = 0;
            sum = 0;
        }
        sum += entry.count;
        if (sum > flows_of_owner(r, what, entry.owner))
            rows_fail(&rows, "the counts add up to more than all flows");
        entries = memory_grow(entries, &capacity, (size_t)used + 1, sizeof *entries);
        entries[used++] = entry;
    }
    if (used > 0)
        end_group(r, what->counts, entries, used);
    table_close(r, what->table, &rows);
    free(entries);
}

static void read_sequences(struct reader *r)
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

static void read_distributions(struct reader *r)
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

/* What a synthesizer relies on: a state has a volume, a peer, ports, and a gap if it has a successor. */
static void check_states(struct reader *r)
{
    for (uint32_t i = 0; i < r->shape.state_count && !r->db.failed; i++) {
        unsigned seen = r->seen[i];
        const char *missing =
            !(seen & SEEN_MIXTURE)                     ? "mixture"
            : !(seen & SEEN_VOLUME)                    ? "volume"
            : !(seen & SEEN_PEER)                      ? "peer"
            : (seen & SEEN_NEXT) && !(seen & SEEN_GAP) ? "gap"
            : (seen & SEEN_OUTSIDE) && !(seen & SEEN_PROCESS) ? "peer_process"
            : has_ports(&r->shape.states[i]) && !(seen & SEEN_INITIATOR_PORT)
                ? "initiator_port"
                : NULL;

        if (missing)
            database_fail(&r->db, "state %" PRIu32 " of host %" PRIu32 " has no %s", i,
                          r->shape.states[i].host, missing);
        if ((seen & SEEN_PROCESS) && !(seen & SEEN_OUTSIDE))
            database_fail(&r->db, "table peer_process: state %" PRIu32 " has no peer outside", i);
    }
}

/* ---- days ---- */

/* date * 288 + slice, behind the last one. */
static uint32_t read_slice_number(struct rows *rows, int column)
{
    int64_t date = rows_integer(rows, column, 0, NETWORK_MAX_DATE);
    int64_t slice = rows_integer(rows, column + 1, 0, DAY_SLICES - 1);

    return (uint32_t)(date * DAY_SLICES + slice);
}

static void read_coverage(struct reader *r)
{
    struct rows rows = table_open(r, TABLE_COVERAGE, "SELECT observation, date, slice, seconds FROM"
                                                     " coverage ORDER BY observation, date, slice");
    struct tally_entry *entries = NULL;
    size_t capacity = 0;
    uint32_t used = 0;

    while (rows_next(&rows)) {
        struct tally_entry entry = { read_observation(r, &rows, 0), read_slice_number(&rows, 1),
                                     (uint64_t)rows_integer(&rows, 3, 1, SLICE_SECONDS) };

        if (used > 0 && !is_behind(&entry, &entries[used - 1]))
            rows_fail(&rows, "it is there twice, or out of order");
        if (used > 0 && entry.owner != entries[0].owner) {
            end_group(r, COUNTS_COVERAGE, entries, used);
            used = 0;
        }
        entries = memory_grow(entries, &capacity, (size_t)used + 1, sizeof *entries);
        entries[used++] = entry;
    }
    if (used > 0)
        end_group(r, COUNTS_COVERAGE, entries, used);
    table_close(r, TABLE_COVERAGE, &rows);
    free(entries);
}

static struct activity read_activity_row(struct rows *rows)
{
    return (struct activity){
        .packets_sent = (uint64_t)rows_integer(rows, 3, 0, MAX_COUNT),
        .packets_received = (uint64_t)rows_integer(rows, 4, 0, MAX_COUNT),
        .bytes_sent = (uint64_t)rows_integer(rows, 5, 0, MAX_COUNT),
        .bytes_received = (uint64_t)rows_integer(rows, 6, 0, MAX_COUNT),
        .flows_initiated = (uint64_t)rows_integer(rows, 7, 0, MAX_COUNT),
        .flows_answered = (uint64_t)rows_integer(rows, 8, 0, MAX_COUNT),
    };
}

/* Sums of logarithms are of crowds only, and of no member more than can be counted. */
static struct crowd_activity read_crowd_activity(struct rows *rows, uint32_t members)
{
    struct crowd_activity crowd = { .members = (uint64_t)rows_integer(rows, 9, 1, members) };
    int64_t most = members > 1 ? (int64_t)crowd.members << ACTIVITY_LOG_BITS : 0;

    crowd.log_sum = (uint64_t)rows_integer(rows, 10, 0, most * MOST_LOG_PACKETS);
    crowd.log_square_sum = (uint64_t)rows_integer(rows, 11, 0, most * MOST_LOG_PACKETS * MOST_LOG_PACKETS);
    return crowd;
}

static void read_activity(struct reader *r)
{
    struct rows rows = table_open(r, TABLE_ACTIVITY,
                                  "SELECT host, date, slice, packets_sent, packets_received, bytes_sent,"
                                  " bytes_received, flows_initiated, flows_answered, members, log_packets,"
                                  " log_packets_squared FROM activity"
                                  " ORDER BY host, date, slice");
    struct tally_entry last = { 0, 0, 0 };

    while (rows_next(&rows)) {
        struct tally_entry at = { (uint32_t)rows_integer(&rows, 0, 0, (int64_t)r->shape.host_count - 1),
                                  read_slice_number(&rows, 1), 0 };
        struct activity activity = read_activity_row(&rows);
        struct crowd_activity crowd =
            read_crowd_activity(&rows, r->db.failed ? 1 : r->shape.host_members[at.owner]);

        if (rows.number > 1 && !is_behind(&at, &last))
            rows_fail(&rows, "it is there twice, or out of order");
        if (activity.packets_sent + activity.packets_received == 0 ||
            activity.flows_initiated + activity.flows_answered == 0)
            rows_fail(&rows, "nothing happened");
        if (r->db.failed)
            break;
        r->sink->activity(r->sink->self, at.owner, at.symbol, &activity, &crowd);
        last = at;
    }
    table_close(r, TABLE_ACTIVITY, &rows);
}

/* ---- all of it ---- */

static void read_all(struct reader *r)
{
    read_summary(r);
    read_who(r);
    read_states(r);
    read_labels(r);
    if (r->db.failed)
        return;
    r->sink->shape(r->sink->self, &r->shape);
    read_mixtures(r);
    read_peer_processes(r);
    read_sequences(r);
    read_distributions(r);
    check_states(r);
    read_coverage(r);
    read_activity(r);
    read_services(r);
    read_session_rows(r);
}

int model_read(struct model_image *image, const struct model_sink *sink,
               uint64_t rows[MODEL_TABLES], struct error *err)
{
    struct reader r = { .sink = sink, .rows = rows };

    database_open(&r.db, image, err);
    read_all(&r);
    database_close(&r.db);
    free(r.shape.host_tags);
    free(r.shape.host_observations);
    free(r.shape.host_members);
    free(r.shape.host_crowds);
    free(r.shape.host_states);
    for (uint32_t i = 0; i < r.shape.label_count; i++)
        free(r.shape.labels[i]);
    free(r.shape.labels);
    free(r.shape.outside_tags);
    free(r.shape.states);
    free(r.shape.transitions);
    free(r.seen);
    free(r.service_keys);
    return r.db.failed ? -1 : 0;
}
