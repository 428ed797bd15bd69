#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "model/model.h"
#include "model/model_schema.h"
#include "net/wire.h"

enum {
    MAX_HOSTS = 1 << 20,
    MAX_STATES = 1 << 26,
    MAX_TRANSITIONS = 1 << 28,
    MAX_BIN = 1024,            /* of any log grid: 2^(1024/16) packets, 2^(1024/4) ns */
    MIN_GAP_TIMES = 8          /* fewer say less about a transition than its state does */
};
#define MAX_COUNT (INT64_C(1) << 53)
#define NO_HOST UINT32_MAX

/* Where a global state id of the file lives in memory. */
struct state_place {
    uint32_t host;
    uint32_t index;
};

struct transition_place {
    struct state_model *from;
    uint32_t index; /* in from->next */
};

struct reader {
    sqlite3 *db;
    const char *path;
    struct error *err;
    struct model *model;
    struct state_place *states;
    uint32_t *rooms; /* by host: states there is room for */
    int64_t state_count;
    struct transition_place *transitions;
    int64_t transition_count;
    bool failed; /* sticky; *err says why */
};

static void fail_sqlite(struct reader *r, const char *what)
{
    if (!r->failed)
        error_set(r->err, "%s: not a usable model file: %s: %s", r->path, what,
                  sqlite3_errmsg(r->db));
    r->failed = true;
}

/* ---- rows and columns ---- */

struct rows {
    struct reader *reader;
    sqlite3_stmt *statement;
    const char *table;
    int64_t number; /* of the current row, from 1 */
};

static struct rows rows_open(struct reader *r, const char *table, const char *sql)
{
    struct rows rows = { r, NULL, table, 0 };

    if (!r->failed && sqlite3_prepare_v2(r->db, sql, -1, &rows.statement, NULL) != SQLITE_OK)
        fail_sqlite(r, table);
    return rows;
}

static bool rows_next(struct rows *rows)
{
    int status;

    if (rows->reader->failed)
        return false;
    status = sqlite3_step(rows->statement);
    if (status != SQLITE_ROW && status != SQLITE_DONE)
        fail_sqlite(rows->reader, rows->table);
    rows->number++;
    return status == SQLITE_ROW;
}

static void rows_close(struct rows *rows)
{
    sqlite3_finalize(rows->statement);
}

/* An integer column in least..most; anything else fails the reading and gives `least`. */
static int64_t column(struct rows *rows, int index, int64_t least, int64_t most)
{
    int64_t value = sqlite3_column_int64(rows->statement, index);
    bool is_integer = sqlite3_column_type(rows->statement, index) == SQLITE_INTEGER;

    if (is_integer && value >= least && value <= most)
        return value;
    if (!rows->reader->failed)
        error_set(rows->reader->err, "%s: table %s, row %" PRId64 ", column %s: %s is not in %" PRId64
                  "..%" PRId64, rows->reader->path, rows->table, rows->number,
                  sqlite3_column_name(rows->statement, index),
                  is_integer ? (const char *)sqlite3_column_text(rows->statement, index)
                             : "something that is no integer",
                  least, most);
    rows->reader->failed = true;
    return least;
}

static double real_column(struct rows *rows, int index, double least, double most)
{
    double value = sqlite3_column_double(rows->statement, index);
    int type = sqlite3_column_type(rows->statement, index);
    bool is_number = type == SQLITE_FLOAT || type == SQLITE_INTEGER;
    char text[32] = "something that is no number";

    if (is_number && value >= least && value <= most) /* false for a NaN */
        return value;
    if (is_number)
        snprintf(text, sizeof text, "%g", value);
    if (!rows->reader->failed)
        error_set(rows->reader->err, "%s: table %s, row %" PRId64 ", column %s: %s is not in %g..%g",
                  rows->reader->path, rows->table, rows->number,
                  sqlite3_column_name(rows->statement, index), text, least, most);
    rows->reader->failed = true;
    return least;
}

static void fail_row(struct rows *rows, const char *why)
{
    if (!rows->reader->failed)
        error_set(rows->reader->err, "%s: table %s, row %" PRId64 ": %s", rows->reader->path,
                  rows->table, rows->number, why);
    rows->reader->failed = true;
}

static int64_t single_integer(struct reader *r, const char *table, const char *sql, int64_t most)
{
    struct rows rows = rows_open(r, table, sql);
    int64_t value = 0;

    if (rows_next(&rows))
        value = column(&rows, 0, 0, most);
    rows_close(&rows);
    return value;
}

/* ---- distributions: rows of (owner, symbol, count) in order of owner ---- */

typedef void take_group(struct reader *r, int64_t owner, const struct tally_entry *entries,
                        uint32_t size);

struct grouped {
    const char *table;
    const char *sql;
    int64_t owners; /* owner is in 0..owners-1 */
    int64_t symbols;
    take_group *take;
};

static bool is_behind(const struct tally_entry *entry, const struct tally_entry *last)
{
    return entry->owner != last->owner ? entry->owner > last->owner : entry->symbol > last->symbol;
}

static void read_grouped(struct reader *r, const struct grouped *what)
{
    struct rows rows = rows_open(r, what->table, what->sql);
    struct tally_entry *entries = NULL;
    size_t capacity = 0;
    uint32_t used = 0;
    uint64_t sum = 0; /* of the owner's counts */

    while (rows_next(&rows)) {
        struct tally_entry entry = {
            (uint32_t)column(&rows, 0, 0, what->owners - 1),
            (uint32_t)column(&rows, 1, 0, what->symbols - 1),
            (uint64_t)column(&rows, 2, 1, MAX_COUNT),
        };

        if (!r->failed && used > 0 && !is_behind(&entry, &entries[used - 1]))
            fail_row(&rows, "it is there twice, or out of order"); /* damage: SQL asks for order */
        if (!r->failed && used > 0 && entry.owner != entries[0].owner) {
            what->take(r, entries[0].owner, entries, used);
            used = 0;
            sum = 0;
        }
        sum += entry.count;
        if (sum > MAX_COUNT)
            fail_row(&rows, "the counts add up to more than can have been counted");
        entries = memory_grow(entries, &capacity, used + 1, sizeof *entries);
        entries[used++] = entry;
    }
    if (used > 0 && !r->failed)
        what->take(r, entries[0].owner, entries, used);
    rows_close(&rows);
    free(entries);
}

static struct state_model *state_at(const struct reader *r, int64_t id)
{
    const struct state_place *place = &r->states[id];

    return &r->model->hosts[place->host].states[place->index];
}

/* Turns global state ids into indices of one host; fails when a state is another host's. */
static bool localize(struct reader *r, uint32_t host, const struct tally_entry *entries,
                     uint32_t size, struct tally_entry *local)
{
    for (uint32_t i = 0; i < size; i++) {
        const struct state_place *place = &r->states[entries[i].symbol];

        if (place->host != host) {
            error_set(r->err, "%s: state %" PRIu32 " of host %" PRIu32 " follows one of host %" PRIu32,
                      r->path, entries[i].symbol, place->host, host);
            r->failed = true;
            return false;
        }
        local[i] = (struct tally_entry){ 0, place->index, entries[i].count };
    }
    return true;
}

static void take_localized(struct reader *r, uint32_t host, struct discrete *discrete,
                           const struct tally_entry *entries, uint32_t size)
{
    struct tally_entry *local = memory_alloc_array(size, sizeof *local);

    if (localize(r, host, entries, size, local))
        discrete_init(discrete, local, size);
    free(local);
}

static void take_initial(struct reader *r, int64_t owner, const struct tally_entry *entries,
                         uint32_t size)
{
    take_localized(r, (uint32_t)owner, &r->model->hosts[owner].initial, entries, size);
}

static void take_next(struct reader *r, int64_t owner, const struct tally_entry *entries,
                      uint32_t size)
{
    struct state_model *state = state_at(r, owner);

    take_localized(r, r->states[owner].host, &state->next, entries, size);
    state->next_gaps = memory_alloc_array(state->next.size, sizeof *state->next_gaps);
}

static void take_transition_gaps(struct reader *r, int64_t owner, const struct tally_entry *entries,
                                 uint32_t size)
{
    const struct transition_place *place = &r->transitions[owner];

    if (place->from && place->index < place->from->next.size &&
        discrete_count(&place->from->next, place->index) >= MIN_GAP_TIMES)
        discrete_init(&place->from->next_gaps[place->index], entries, size);
}

#define TAKE_STATE_FIELD(field)                                                             \
    static void take_##field(struct reader *r, int64_t owner,                               \
                             const struct tally_entry *entries, uint32_t size)              \
    {                                                                                       \
        discrete_init(&state_at(r, owner)->field, entries, size);                           \
    }
TAKE_STATE_FIELD(gaps)
TAKE_STATE_FIELD(initiator_ports)
TAKE_STATE_FIELD(responder_ports)

static void take_peers(struct reader *r, int64_t owner, const struct tally_entry *entries,
                       uint32_t size)
{
    struct state_model *state = state_at(r, owner);

    for (uint32_t i = 0; i < size; i++) {
        struct peer peer = peer_unpack(entries[i].symbol);

        if (peer.kind > PEER_GROUP || (peer.kind == PEER_LOCAL && peer.id >= r->model->host_count) ||
            (peer.kind == PEER_GROUP && state->key.role == ROLE_RESPONDER)) {
            error_set(r->err, "%s: table peer: %" PRIu32 " is nobody", r->path, entries[i].symbol);
            r->failed = true;
            return;
        }
    }
    discrete_init(&state->peers, entries, size);
}

/* ---- tables ---- */

static void read_summary(struct reader *r)
{
    struct rows rows = rows_open(r, "summary", "SELECT * FROM summary");

    if (rows_next(&rows)) {
        r->model->flows = (uint64_t)column(&rows, 0, 0, INT64_MAX);
        r->model->packets = (uint64_t)column(&rows, 1, 0, INT64_MAX);
        r->model->first.ns = column(&rows, 2, 0, INT64_MAX);
        r->model->last.ns = column(&rows, 3, r->model->first.ns, INT64_MAX);
        r->model->covered_slices = (uint32_t)column(&rows, 4, 0, DAY_SLICES);
    }
    rows_close(&rows);
}

static void read_hosts(struct reader *r)
{
    int64_t count = single_integer(r, "host", "SELECT count(*) FROM host", MAX_HOSTS);

    r->model->hosts = memory_alloc_array((size_t)count, sizeof *r->model->hosts);
    r->model->host_count = (uint32_t)count;
    for (uint32_t i = 0; i < r->model->host_count; i++)
        r->model->hosts[i].id = i;
}

static bool has_ports(const struct state_model *state)
{
    return state->key.protocol == IP_TCP || state->key.protocol == IP_UDP;
}

static void add_state(struct reader *r, int64_t id, uint32_t host, const struct state_model *state)
{
    struct host_model *model = &r->model->hosts[host];

    if (model->state_count == r->rooms[host] || r->states[id].host != NO_HOST ||
        model->flows + state->flows > MAX_COUNT) {
        error_set(r->err, "%s: table state: it changes while it is read, id %" PRId64
                  " is there twice, or the host has too many flows", r->path, id);
        r->failed = true;
        return;
    }
    r->states[id] = (struct state_place){ host, model->state_count };
    model->states[model->state_count++] = *state;
    model->flows += state->flows;
}

static void make_room_for_states(struct reader *r)
{
    struct rows rows = rows_open(r, "state", "SELECT host, count(*) FROM state GROUP BY host");

    while (rows_next(&rows)) {
        int64_t host = column(&rows, 0, 0, (int64_t)r->model->host_count - 1);
        int64_t count = column(&rows, 1, 0, MAX_STATES);

        if (count > HOST_MAX_STATES && !r->failed) {
            error_set(r->err, "%s: host %" PRId64 ": %" PRId64 " states are more than %d", r->path, host,
                      count, HOST_MAX_STATES);
            r->failed = true;
        }
        if (r->failed || r->rooms[host] > 0)
            continue;
        r->rooms[host] = (uint32_t)count;
        r->model->hosts[host].states =
            memory_alloc_array((size_t)count, sizeof *r->model->hosts[host].states);
    }
    rows_close(&rows);
}

/* Every id was there: as many rows as ids, none twice. Not so for a view that plays tricks. */
static void check_states(struct reader *r)
{
    for (int64_t id = 0; id < r->state_count && !r->failed; id++) {
        if (r->states[id].host != NO_HOST)
            continue;
        error_set(r->err, "%s: table state: id %" PRId64 " is missing", r->path, id);
        r->failed = true;
    }
}

static void read_states(struct reader *r)
{
    struct rows rows;

    r->state_count = single_integer(r, "state", "SELECT count(*) FROM state", MAX_STATES);
    r->states = memory_alloc_array((size_t)r->state_count, sizeof *r->states);
    for (int64_t id = 0; id < r->state_count; id++)
        r->states[id].host = NO_HOST;
    r->rooms = memory_alloc_array(r->model->host_count, sizeof *r->rooms);
    make_room_for_states(r);
    rows = rows_open(r, "state", "SELECT id, host, role, protocol, port_feature, flows FROM state"
                                 " ORDER BY host, id");
    while (rows_next(&rows)) {
        struct state_model state = { 0 };
        int64_t id = column(&rows, 0, 0, r->state_count - 1);
        int64_t host = column(&rows, 1, 0, (int64_t)r->model->host_count - 1);

        state.key.role = (enum host_role)column(&rows, 2, ROLE_INITIATOR, ROLE_RESPONDER);
        state.key.protocol = (uint8_t)column(&rows, 3, 0, UINT8_MAX);
        state.key.port_feature = (uint32_t)column(&rows, 4, 0, PORT_FEATURES - 1);
        state.flows = (uint64_t)column(&rows, 5, 1, MAX_COUNT);
        if (state.key.protocol != IP_ICMP && !has_ports(&state))
            fail_row(&rows, "a protocol that no flow can be made of");
        if (!r->failed)
            add_state(r, id, (uint32_t)host, &state);
    }
    rows_close(&rows);
    check_states(r);
}

static void read_mixtures(struct reader *r)
{
    struct rows rows = rows_open(r, "mixture", "SELECT state, component, weight, mean, sd"
                                               " FROM mixture ORDER BY state, component");

    while (rows_next(&rows)) {
        int64_t state = column(&rows, 0, 0, r->state_count - 1);
        int64_t k = column(&rows, 1, 0, MIXTURE_MAX - 1);
        struct mixture_component c = { real_column(&rows, 2, 0, 1), real_column(&rows, 3, -1, 100),
                                       real_column(&rows, 4, 1e-6, 100) };
        struct mixture *mixture;

        if (r->failed)
            break;
        mixture = &state_at(r, state)->packets;
        mixture->components[k] = c;
        mixture->size = (uint32_t)k + 1;
    }
    rows_close(&rows);
}

/* The largest volume seen in each state: the upper edge of its last bin. */
static void read_largest_volumes(struct reader *r)
{
    struct rows rows = rows_open(r, "volume", "SELECT state, max(bin) FROM volume GROUP BY state");

    while (rows_next(&rows)) {
        int64_t state = column(&rows, 0, 0, r->state_count - 1);
        int64_t bin = column(&rows, 1, 0, MAX_BIN - 1);

        if (!r->failed)
            state_at(r, state)->packets.log_max =
                log(log_grid_value((double)bin + 0.5, VOLUME_GRID_PER_OCTAVE));
    }
    rows_close(&rows);
}

/* Transitions by id, so that gap rows find theirs; relies on state->next being in order of id of next. */
static void read_transitions(struct reader *r)
{
    const struct grouped next = { "transition",
                                  "SELECT state, next, times FROM transition ORDER BY state, next",
                                  r->state_count, r->state_count, take_next };
    struct rows rows;
    int64_t previous = -1;
    uint32_t index = 0;

    read_grouped(r, &next);
    r->transition_count = single_integer(r, "transition", "SELECT count(*) FROM transition",
                                         MAX_TRANSITIONS);
    r->transitions = memory_alloc_array((size_t)r->transition_count, sizeof *r->transitions);
    rows = rows_open(r, "transition", "SELECT id, state FROM transition ORDER BY state, next");
    while (rows_next(&rows)) {
        int64_t id = column(&rows, 0, 0, r->transition_count - 1);
        int64_t state = column(&rows, 1, 0, r->state_count - 1);

        if (r->failed)
            break;
        index = state == previous ? index + 1 : 0;
        previous = state;
        r->transitions[id] = (struct transition_place){ state_at(r, state), index };
    }
    rows_close(&rows);
}

static void read_distributions(struct reader *r)
{
    const struct grouped tables[] = {
        { "initial", "SELECT host, state, times FROM initial ORDER BY host, state",
          r->model->host_count, r->state_count, take_initial },
        { "gap", "SELECT transition_id, bin, times FROM gap ORDER BY transition_id, bin",
          r->transition_count, MAX_BIN, take_transition_gaps },
        { "gap", "SELECT t.state, g.bin, sum(g.times) FROM gap g JOIN transition t"
                 " ON t.id = g.transition_id GROUP BY t.state, g.bin ORDER BY t.state, g.bin",
          r->state_count, MAX_BIN, take_gaps },
        { "initiator_port", "SELECT state, port_feature, flows FROM initiator_port"
                            " ORDER BY state, port_feature",
          r->state_count, PORT_FEATURES, take_initiator_ports },
        { "responder_port", "SELECT state, port, flows FROM responder_port ORDER BY state, port",
          r->state_count, PORT_OTHER + 1, take_responder_ports },
        { "peer", "SELECT state, peer, flows FROM peer ORDER BY state, peer", r->state_count,
          (int64_t)1 << (PEER_ID_BITS + 2), take_peers },
    };

    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        read_grouped(r, &tables[i]);
}

static void read_profiles(struct reader *r)
{
    struct rows rows = rows_open(r, "profile", "SELECT host, slice, observed, active, log_mean,"
                                               " log_sd FROM profile");

    while (rows_next(&rows)) {
        int64_t host = column(&rows, 0, 0, (int64_t)r->model->host_count - 1);
        int64_t slice = column(&rows, 1, 0, DAY_SLICES - 1);
        struct slice_profile profile;

        profile.observed = (uint32_t)column(&rows, 2, 1, INT32_MAX);
        profile.active = (uint32_t)column(&rows, 3, 0, profile.observed);
        profile.log_mean = (float)real_column(&rows, 4, 0, 100);
        profile.log_sd = (float)real_column(&rows, 5, 0, 100);
        if (r->failed)
            break;
        r->model->hosts[host].profile[slice] = profile;
    }
    rows_close(&rows);
}

/* The busiest slice of each host, as counted or as scaled up from a part of it. */
static void read_busiest_slices(struct reader *r)
{
    struct rows rows = rows_open(r, "activity", "SELECT host, max(packets_sent + packets_received)"
                                                " FROM activity GROUP BY host");

    while (rows_next(&rows)) {
        int64_t host = column(&rows, 0, 0, (int64_t)r->model->host_count - 1);
        int64_t packets = column(&rows, 1, 1, MAX_COUNT);

        if (!r->failed)
            r->model->hosts[host].log_slice_max = log((double)packets);
    }
    rows_close(&rows);
    for (uint32_t i = 0; i < r->model->host_count; i++) {
        struct host_model *host = &r->model->hosts[i];

        for (int slice = 0; slice < DAY_SLICES; slice++)
            host->log_slice_max = fmax(host->log_slice_max, (double)host->profile[slice].log_mean);
    }
}

static void read_session_row(struct rows *rows, struct session_row *row)
{
    for (int side = 0; side < 2; side++) {
        row->packets[side] = (uint64_t)column(rows, 1 + side, 0, MAX_COUNT);
        row->data_packets[side] = (uint64_t)column(rows, 3 + side, 0, (int64_t)row->packets[side]);
        row->payload_bytes[side] = (uint64_t)column(rows, 5 + side, 0, MAX_COUNT);
        row->mss[side] = (uint16_t)column(rows, 10 + side, 0, UINT16_MAX);
        row->ttl[side] = (uint8_t)column(rows, 12 + side, 0, UINT8_MAX);
    }
    row->duration_ns = column(rows, 7, 0, INT64_MAX / 4);
    row->rtt_ns = column(rows, 8, 0, INT64_MAX / 4);
    row->turns = (uint32_t)column(rows, 9, 0, UINT32_MAX);
    row->opening = (enum flow_opening)column(rows, 14, FLOW_OPENING_NONE, FLOW_OPENING_HANDSHAKE);
    row->ending = (enum flow_ending)column(rows, 15, FLOW_ENDING_NONE, FLOW_ENDING_FIN);
    row->first_data_side = (enum flow_side)column(rows, 16, 0, 1);
    row->closing_side = (enum flow_side)column(rows, 17, 0, 1);
}

static void read_session_rows(struct reader *r, int64_t id, struct service_model *service)
{
    struct rows rows = rows_open(r, "session_row",
        "SELECT service, initiator_packets, responder_packets, initiator_data_packets,"
        " responder_data_packets, initiator_payload_bytes, responder_payload_bytes, duration_ns,"
        " rtt_ns, turns, initiator_mss, responder_mss, initiator_ttl, responder_ttl, opening,"
        " ending, first_data_side, closing_side FROM session_row WHERE service = ?"
        " ORDER BY initiator_packets + responder_packets, number");
    size_t capacity = 0;

    if (!r->failed)
        sqlite3_bind_int64(rows.statement, 1, id);
    while (rows_next(&rows) && service->row_count < SERVICE_MAX_ROWS) {
        service->rows = memory_grow(service->rows, &capacity, service->row_count + 1,
                                    sizeof *service->rows);
        read_session_row(&rows, &service->rows[service->row_count++]);
    }
    rows_close(&rows);
}

static void read_services(struct reader *r)
{
    int64_t count = single_integer(r, "service", "SELECT count(*) FROM service", SERVICE_MAX * 256);
    struct rows rows = rows_open(r, "service", "SELECT protocol, port, flows, id FROM service"
                                               " ORDER BY protocol, port");

    r->model->services = memory_alloc_array((size_t)count, sizeof *r->model->services);
    while (rows_next(&rows) && r->model->service_count < (size_t)count) {
        struct service_model *service = &r->model->services[r->model->service_count];

        service->protocol = (uint8_t)column(&rows, 0, 0, UINT8_MAX);
        service->port = (uint32_t)column(&rows, 1, 0, SERVICE_OTHER_PORTS);
        service->flows = (uint64_t)column(&rows, 2, 1, MAX_COUNT);
        read_session_rows(r, sqlite3_column_int64(rows.statement, 3), service);
        if (service->row_count > 0)
            r->model->service_count++;
    }
    rows_close(&rows);
}

/* ---- what follows from the rows ---- */

/* By packets; then by everything else, so that only equal rows tie. */
static int compare_rows(const void *a, const void *b)
{
    const struct session_row *x = a;
    const struct session_row *y = b;
    const uint64_t fields[][2] = {
        { session_row_packets(x), session_row_packets(y) },
        { (uint64_t)x->duration_ns, (uint64_t)y->duration_ns },
        { x->packets[0], y->packets[0] },
        { x->data_packets[0], y->data_packets[0] },
        { x->data_packets[1], y->data_packets[1] },
        { x->payload_bytes[0], y->payload_bytes[0] },
        { x->payload_bytes[1], y->payload_bytes[1] },
        { (uint64_t)x->rtt_ns, (uint64_t)y->rtt_ns },
        { x->turns, y->turns },
        { x->mss[0], y->mss[0] },
        { x->mss[1], y->mss[1] },
        { x->ttl[0], y->ttl[0] },
        { x->ttl[1], y->ttl[1] },
        { x->opening, y->opening },
        { x->ending, y->ending },
        { x->first_data_side, y->first_data_side },
        { x->closing_side, y->closing_side },
    };

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i][0] != fields[i][1])
            return fields[i][0] < fields[i][1] ? -1 : 1;
    }
    return 0;
}

static bool is_same_pool(const struct service_model *a, const struct service_model *b)
{
    return a->protocol == b->protocol && a->port <= UINT16_MAX && b->port <= UINT16_MAX &&
           port_feature_of((uint16_t)a->port) == port_feature_of((uint16_t)b->port);
}

static void add_to_pool(struct service_model *pool, const struct service_model *service)
{
    size_t capacity = pool->row_count;

    pool->rows = memory_grow(pool->rows, &capacity, pool->row_count + service->row_count,
                             sizeof *pool->rows);
    memcpy(pool->rows + pool->row_count, service->rows, service->row_count * sizeof *pool->rows);
    pool->row_count += service->row_count;
    pool->flows += service->flows;
}

/* Services are in order of their ports, so those of one feature follow one another. */
static void make_pools(struct model *model)
{
    struct service_model *pool = NULL;

    model->pools = memory_alloc_array(model->service_count, sizeof *model->pools);
    for (size_t i = 0; i < model->service_count; i++) {
        const struct service_model *service = &model->services[i];

        if (service->port < PORT_REGISTERED_FIRST || service->port > UINT16_MAX)
            continue; /* a feature of its own */
        if (pool == NULL || !is_same_pool(pool, service)) {
            pool = &model->pools[model->pool_count++];
            pool->protocol = service->protocol;
            pool->port = port_feature_first(port_feature_of((uint16_t)service->port));
        }
        add_to_pool(pool, service);
    }
    for (size_t i = 0; i < model->pool_count; i++)
        qsort(model->pools[i].rows, model->pools[i].row_count, sizeof *pool->rows,
              compare_rows);
}

static double normal_cdf(double z)
{
    return 0.5 * erfc(-z / M_SQRT2);
}

/* E[min(e^X, e^log_max)] of the mixture X: a log-normal mean, cut where draws stop. */
static double mixture_mean(const struct mixture *m)
{
    double mean = 0;

    for (uint32_t k = 0; k < m->size; k++) {
        const struct mixture_component *c = &m->components[k];
        double z = (m->log_max - c->mean) / c->sd;

        mean += c->weight * (exp(c->mean + c->sd * c->sd / 2) * normal_cdf(z - c->sd) +
                             exp(m->log_max) * normal_cdf(-z));
    }
    return mean;
}

static bool has_whole_mixture(const struct state_model *state)
{
    double sum = 0;

    for (uint32_t k = 0; k < state->packets.size; k++)
        sum += state->packets.components[k].weight;
    return fabs(sum - 1) < 1e-6;
}

/* What a synthesizer relies on: a state has a volume, a peer, ports, and a gap if it has a successor. */
static void check_state(struct reader *r, const struct host_model *host, uint32_t index)
{
    const struct state_model *state = &host->states[index];
    const char *missing = state->packets.size == 0                       ? "mixture"
                          : !has_whole_mixture(state)                    ? "weights that sum to 1"
                          : state->peers.size == 0                       ? "peer"
                          : has_ports(state) && state->initiator_ports.size == 0
                              ? "initiator_port"
                          : state->next.size > 0 && state->gaps.size == 0 ? "gap"
                                                                         : NULL;

    if (missing == NULL || r->failed)
        return;
    error_set(r->err, "%s: host %" PRIu32 ": state %" PRIu32 " has no %s", r->path, host->id, index,
              missing);
    r->failed = true;
}

static double mean_gap(const struct discrete *gaps)
{
    double sum = 0;

    for (uint32_t i = 0; i < gaps->size; i++)
        sum += discrete_share(gaps, i) * log_grid_value(gaps->symbols[i], GAP_GRID_PER_OCTAVE);
    return sum;
}

/* Time spent in each transition: how often it was made, times its mean gap. */
static void set_under_way(struct host_model *host)
{
    struct tally_entry *entries = NULL;
    double *times = NULL;
    size_t entry_capacity = 0;
    size_t time_capacity = 0;
    size_t used = 0;
    double sum = 0;

    for (uint32_t i = 0; i < host->state_count; i++) {
        const struct state_model *state = &host->states[i];

        for (uint32_t k = 0; k < state->next.size; k++) {
            const struct discrete *own = &state->next_gaps[k];

            entries = memory_grow(entries, &entry_capacity, used + 1, sizeof *entries);
            times = memory_grow(times, &time_capacity, used + 1, sizeof *times);
            entries[used].symbol = transition_pack(i, k);
            times[used] = discrete_count(&state->next, k) * mean_gap(own->size ? own : &state->gaps);
            sum += times[used++];
        }
    }
    for (size_t i = 0; i < used; i++)
        entries[i].count = 1 + (uint64_t)(times[i] / sum * 0x1p30);
    discrete_init(&host->under_way, entries, (uint32_t)used);
    free(entries);
    free(times);
}

static void finish_host(struct reader *r, struct host_model *host)
{
    struct tally_entry *entries = memory_alloc_array(host->state_count, sizeof *entries);

    for (uint32_t i = 0; i < host->state_count; i++) {
        check_state(r, host, i);
        entries[i] = (struct tally_entry){ 0, i, host->states[i].flows };
        host->mean_packets += mixture_mean(&host->states[i].packets) *
                              (double)host->states[i].flows / (double)host->flows;
    }
    discrete_init(&host->frequency, entries, host->state_count);
    free(entries);
    if (!r->failed)
        set_under_way(host);
}

static void check_file(struct reader *r)
{
    int64_t id = single_integer(r, "application_id", "PRAGMA application_id", INT64_MAX);
    int64_t version = single_integer(r, "user_version", "PRAGMA user_version", INT64_MAX);
    struct rows rows;

    if (!r->failed && id != MODEL_APPLICATION_ID) {
        error_set(r->err, "%s: not a model file: application id %" PRId64, r->path, id);
        r->failed = true;
    }
    if (!r->failed && version != MODEL_FORMAT_VERSION) {
        error_set(r->err, "%s: model format %" PRId64 " is not %d", r->path, version,
                  MODEL_FORMAT_VERSION);
        r->failed = true;
    }
    rows = rows_open(r, "quick_check", "PRAGMA quick_check(1)");
    if (rows_next(&rows) && strcmp((const char *)sqlite3_column_text(rows.statement, 0), "ok") != 0) {
        error_set(r->err, "%s: damaged: %s", r->path, sqlite3_column_text(rows.statement, 0));
        for (char *c = strchr(r->err->text, '\n'); c; c = strchr(c, '\n'))
            *c = ' '; /* SQLite reports in lines */
        r->failed = true;
    }
    rows_close(&rows);
}

static void read_all(struct reader *r)
{
    check_file(r);
    read_summary(r);
    read_hosts(r);
    read_states(r);
    read_mixtures(r);
    read_largest_volumes(r);
    read_transitions(r);
    read_distributions(r);
    read_profiles(r);
    read_busiest_slices(r);
    read_services(r);
    make_pools(r->model);
    for (uint32_t i = 0; i < r->model->host_count && !r->failed; i++)
        finish_host(r, &r->model->hosts[i]);
}

/* SQLite reads the missing rest of a last page as zeros. */
static bool is_cut_in_a_page(const struct model_image *image)
{
    static const char magic[16] = "SQLite format 3";
    size_t page;

    if (image->size < 18 || memcmp(image->bytes, magic, sizeof magic) != 0)
        return false;
    page = (size_t)image->bytes[16] << 8 | image->bytes[17];
    return page >= 512 && image->size % page != 0; /* 1 stands for 65536: never what we write */
}

static bool open_image(struct reader *r, struct model_image *image)
{
    uint8_t *bytes = image->bytes;

    if (is_cut_in_a_page(image)) {
        error_set(r->err, "%s: damaged: its last page is incomplete", r->path);
        r->failed = true;
        return false;
    }
    if (sqlite3_open_v2(":memory:", &r->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        fail_sqlite(r, "open");
        return false;
    }
    sqlite3_db_config(r->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(r->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    image->bytes = NULL; /* SQLite frees it, also when this fails */
    if (sqlite3_deserialize(r->db, "main", bytes, (sqlite3_int64)image->size,
                            (sqlite3_int64)image->size,
                            SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_READONLY) != SQLITE_OK) {
        fail_sqlite(r, "open");
        return false;
    }
    return true;
}

struct model *model_from_image(struct model_image *image, struct error *err)
{
    struct reader r = { .path = image->path, .err = err, .model = memory_alloc(sizeof *r.model) };

    if (open_image(&r, image))
        read_all(&r);
    sqlite3_close(r.db);
    free(r.states);
    free(r.rooms);
    free(r.transitions);
    if (r.failed) {
        model_free(r.model);
        return NULL;
    }
    return r.model;
}
