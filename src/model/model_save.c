#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "model/model.h"
#include "model/model_schema.h"

/*
 * The database is built in the temporary file of an output file: a bounded page cache, no journal, and
 * nothing in place before all of it is written. Rows go in in the order of their keys: pages are filled
 * one after the other, and the same statistics give the same bytes.
 */
struct writer {
    sqlite3 *db;
    int status; /* sticky: the first SQLite error */
};

#define CACHE_KIB "16384"

static void run(struct writer *w, const char *sql)
{
    if (w->status == SQLITE_OK)
        w->status = sqlite3_exec(w->db, sql, NULL, NULL, NULL);
}

static sqlite3_stmt *prepare(struct writer *w, const char *sql)
{
    sqlite3_stmt *statement = NULL;

    if (w->status == SQLITE_OK)
        w->status = sqlite3_prepare_v2(w->db, sql, -1, &statement, NULL);
    return statement;
}

/* Binds `count` integers from the first parameter on. */
static void bind(sqlite3_stmt *statement, const int64_t *values, int count)
{
    for (int i = 0; i < count; i++)
        sqlite3_bind_int64(statement, i + 1, values[i]);
}

static void step(struct writer *w, sqlite3_stmt *statement)
{
    if (w->status != SQLITE_OK)
        return;
    if (sqlite3_step(statement) != SQLITE_DONE)
        w->status = sqlite3_errcode(w->db);
    sqlite3_reset(statement);
}

static void write_row(struct writer *w, sqlite3_stmt *statement, const int64_t *values, int count)
{
    if (w->status == SQLITE_OK)
        bind(statement, values, count);
    step(w, statement);
}

/* Rows (owner, symbol, count), in that order. */
static void write_tally(struct writer *w, const char *sql, const struct tally *tally)
{
    struct tally_entry *entries = tally_sorted(tally);
    sqlite3_stmt *statement = prepare(w, sql);

    for (size_t i = 0; i < tally->used; i++) {
        int64_t values[] = { entries[i].owner, entries[i].symbol, (int64_t)entries[i].count };

        write_row(w, statement, values, 3);
    }
    sqlite3_finalize(statement);
    free(entries);
}

/* Ids from 0 on, each with its tag, or with none. */
static void write_hosts(struct writer *w, const struct network_stats *stats,
                        const struct network_fit *fit)
{
    sqlite3_stmt *statement = prepare(w, "INSERT INTO host VALUES(?1,?2,?5,?3,?4)");

    for (uint32_t id = 0; id < stats->host_count; id++) {
        int64_t values[] = { id, stats->host_observations[id], stats->host_members[id],
                             fit->crowds[id], stats->has_tags ? (int64_t)stats->host_tags[id] : 0 };

        write_row(w, statement, values, stats->has_tags ? 5 : 4);
    }
    sqlite3_finalize(statement);
}

static void write_outside(struct writer *w, const struct network_stats *stats)
{
    sqlite3_stmt *statement = prepare(w, "INSERT INTO outside VALUES(?,?)");

    for (uint32_t id = 0; stats->has_tags && id < stats->outside_count; id++) {
        int64_t values[] = { id, (int64_t)stats->outside_tags[id] };

        write_row(w, statement, values, 2);
    }
    sqlite3_finalize(statement);
}

static void write_states(struct writer *w, const struct network_stats *stats)
{
    sqlite3_stmt *statement = prepare(w, "INSERT INTO state VALUES(?,?,?,?,?,?)");

    for (size_t i = 0; i < stats->states.used; i++) {
        const struct tally_entry *entry = &stats->states.entries[i];
        struct state_key key = state_key_unpack(entry->symbol);
        int64_t values[] = { (int64_t)i, entry->owner, key.role, key.protocol,
                             key.port_feature, (int64_t)entry->count };

        write_row(w, statement, values, 6);
    }
    sqlite3_finalize(statement);
}

/* By owner, which is below `owners`: where its entries begin; one more for the end. */
static size_t *first_entries(const struct tally_entry *sorted, size_t count, size_t owners)
{
    size_t *firsts = memory_alloc_array(owners + 1, sizeof *firsts);

    for (size_t i = 0; i < count; i++)
        firsts[sorted[i].owner + 1]++;
    for (size_t owner = 0; owner < owners; owner++)
        firsts[owner + 1] += firsts[owner];
    return firsts;
}

/* Gaps under the numbers that their transitions have in the file. */
static void write_gaps(struct writer *w, const struct network_stats *stats,
                       const struct tally_entry *transitions)
{
    struct tally_entry *gaps = tally_sorted(&stats->gaps);
    size_t *firsts = first_entries(gaps, stats->gaps.used, stats->transitions.used);
    sqlite3_stmt *statement = prepare(w, "INSERT INTO gap VALUES(?,?,?)");

    for (size_t i = 0; i < stats->transitions.used; i++) {
        uint32_t index =
            tally_find(&stats->transitions, transitions[i].owner, transitions[i].symbol);

        for (size_t k = firsts[index]; k < firsts[index + 1]; k++) {
            int64_t values[] = { (int64_t)i, gaps[k].symbol, (int64_t)gaps[k].count };

            write_row(w, statement, values, 3);
        }
    }
    sqlite3_finalize(statement);
    free(firsts);
    free(gaps);
}

static void write_transitions(struct writer *w, const struct network_stats *stats)
{
    struct tally_entry *transitions = tally_sorted(&stats->transitions);
    sqlite3_stmt *statement = prepare(w, "INSERT INTO transition VALUES(?,?,?,?)");

    for (size_t i = 0; i < stats->transitions.used; i++) {
        const struct tally_entry *entry = &transitions[i];
        int64_t values[] = { (int64_t)i, entry->owner, entry->symbol, (int64_t)entry->count };

        write_row(w, statement, values, 4);
    }
    sqlite3_finalize(statement);
    write_gaps(w, stats, transitions);
    free(transitions);
}

static void write_mixtures(struct writer *w, const struct network_stats *stats,
                           const struct network_fit *fit)
{
    sqlite3_stmt *statement = prepare(w, "INSERT INTO mixture VALUES(?,?,?,?,?)");

    for (size_t i = 0; i < stats->states.used; i++) {
        for (uint32_t k = 0; k < fit->packets[i].size; k++) {
            const struct mixture_component *c = &fit->packets[i].components[k];
            int64_t values[] = { (int64_t)i, k };

            if (w->status == SQLITE_OK) {
                sqlite3_bind_double(statement, 3, c->weight);
                sqlite3_bind_double(statement, 4, c->mean);
                sqlite3_bind_double(statement, 5, c->sd);
            }
            write_row(w, statement, values, 2);
        }
    }
    sqlite3_finalize(statement);
}

static void write_peer_processes(struct writer *w, const struct network_stats *stats,
                                 const struct network_fit *fit)
{
    sqlite3_stmt *statement = prepare(w, "INSERT INTO peer_process VALUES(?,?,?)");

    for (size_t i = 0; i < stats->states.used; i++) {
        int64_t state = (int64_t)i;

        if (fit->peers[i].concentration == 0)
            continue;
        if (w->status == SQLITE_OK) {
            sqlite3_bind_double(statement, 2, fit->peers[i].discount);
            sqlite3_bind_double(statement, 3, fit->peers[i].concentration);
        }
        write_row(w, statement, &state, 1);
    }
    sqlite3_finalize(statement);
}

static void write_activity(struct writer *w, const struct network_stats *stats)
{
    const struct crowd_activity single = { .members = 1 };
    struct tally_entry *active = tally_sorted(&stats->active);
    sqlite3_stmt *statement = prepare(w, "INSERT INTO activity VALUES(?,?,?,?,?,?,?,?,?,?,?,?)");

    for (size_t i = 0; i < stats->active.used; i++) {
        const struct tally_entry *entry = &active[i];
        uint32_t index = tally_find(&stats->active, entry->owner, entry->symbol);
        const struct activity *a = &stats->activity[index];
        const struct crowd_activity *crowd =
            stats->host_members[entry->owner] > 1 ? &stats->crowd_activity[index] : &single;
        int64_t values[] = {
            entry->owner,           entry->symbol / DAY_SLICES,    entry->symbol % DAY_SLICES,
            (int64_t)a->packets_sent,    (int64_t)a->packets_received,
            (int64_t)a->bytes_sent,      (int64_t)a->bytes_received,
            (int64_t)a->flows_initiated, (int64_t)a->flows_answered,
            (int64_t)crowd->members,     (int64_t)crowd->log_sum,
            (int64_t)crowd->log_square_sum,
        };

        write_row(w, statement, values, 12);
    }
    sqlite3_finalize(statement);
    free(active);
}

static void write_labels(struct writer *w, const struct network_stats *stats)
{
    sqlite3_stmt *statement = prepare(w, "INSERT INTO label VALUES(?,?)");

    for (uint32_t label = 1; label <= stats->label_count; label++) {
        int64_t id = label;

        if (w->status == SQLITE_OK)
            sqlite3_bind_text(statement, 2, network_stats_label(stats, label), -1, SQLITE_STATIC);
        write_row(w, statement, &id, 1);
    }
    sqlite3_finalize(statement);
}

static void write_services(struct writer *w, const struct network_stats *stats)
{
    sqlite3_stmt *statement = prepare(w, "INSERT INTO service VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");

    for (size_t i = 0; i < stats->services.used; i++) {
        const struct tally_entry *entry = &stats->services.entries[i];
        const struct service_conditions *c = &stats->conditions[i];
        int64_t values[] = {
            (int64_t)i,
            service_owner_protocol(entry->owner),
            entry->symbol,
            service_owner_label(entry->owner),
            (int64_t)entry->count,     (int64_t)c->flows,       (int64_t)c->packets,
            (int64_t)c->retransmitted, (int64_t)c->reordered,   (int64_t)c->duplicated,
            (int64_t)c->fragments,     (int64_t)c->resets,      (int64_t)c->attempts,
            (int64_t)c->unanswered,    (int64_t)c->unreachable,
        };

        write_row(w, statement, values, sizeof values / sizeof *values);
    }
    sqlite3_finalize(statement);
}

static void bind_sequence(sqlite3_stmt *statement, int parameter, const struct keyed_row *row)
{
    uint8_t bytes[FLOW_MAX_SEQUENCE * MODEL_PACKET_BYTES];
    uint8_t *at = bytes;

    if (row->row.sequence == NULL) {
        sqlite3_bind_null(statement, parameter);
        return;
    }
    for (uint32_t i = 0; i < row->row.sequence_length && i < FLOW_MAX_SEQUENCE; i++) {
        const struct flow_packet *packet = &row->row.sequence[i];

        *at++ = packet->side_and_flags;
        *at++ = packet->gap_bin;
        *at++ = (uint8_t)packet->payload_bytes;
        *at++ = (uint8_t)(packet->payload_bytes >> 8);
        *at++ = packet->gap_part;
    }
    sqlite3_bind_blob(statement, parameter, bytes, (int)(at - bytes), SQLITE_TRANSIENT);
}

static void write_session_row(struct writer *w, sqlite3_stmt *statement, size_t service,
                              size_t number, const struct keyed_row *keyed)
{
    const struct session_row *row = &keyed->row;
    int64_t values[] = {
        (int64_t)service,
        (int64_t)number,
        (int64_t)row->packets[0],
        (int64_t)row->packets[1],
        (int64_t)row->data_packets[0],
        (int64_t)row->data_packets[1],
        (int64_t)row->payload_bytes[0],
        (int64_t)row->payload_bytes[1],
        row->duration_ns,
        row->rtt_ns,
        row->turns,
        row->mss[0],
        row->mss[1],
        row->ttl[0],
        row->ttl[1],
        row->window[0],
        row->window[1],
        row->tcp_options[0],
        row->tcp_options[1],
        row->window_scale[0],
        row->window_scale[1],
        row->is_measured,
        row->opening,
        row->ending,
        row->first_data_side,
        row->closing_side,
        row->open_window[0],
        row->open_window[1],
        row->timestamp_hz[0],
        row->timestamp_hz[1],
        row->ip_id[0],
        row->ip_id[1],
        row->retransmitted[0],
        row->retransmitted[1],
        row->reordered[0],
        row->reordered[1],
        row->duplicated[0],
        row->duplicated[1],
        row->fragments[0],
        row->fragments[1],
        (int64_t)keyed->key,
    };
    enum { VALUES = sizeof values / sizeof *values };

    if (w->status == SQLITE_OK)
        bind_sequence(statement, VALUES + 1, keyed);
    write_row(w, statement, values, VALUES);
}

static void write_session_rows(struct writer *w, const struct network_stats *stats)
{
    sqlite3_stmt *statement = prepare(w, "INSERT INTO session_row VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
                                         "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");

    for (size_t i = 0; i < stats->services.used; i++) {
        for (size_t j = 0; j < stats->samples[i].used; j++)
            write_session_row(w, statement, i, j, &stats->samples[i].rows[j]);
    }
    sqlite3_finalize(statement);
}

static void write_summary(struct writer *w, const struct network_stats *stats)
{
    sqlite3_stmt *statement = prepare(w, "INSERT INTO summary VALUES(?,?,?,?,?,?)");
    int64_t values[] = { (int64_t)stats->flows, (int64_t)stats->packets, stats->first.ns,
                         stats->last.ns,        stats->outside_count,
                         (int64_t)stats->key_check };

    write_row(w, statement, values, stats->has_tags ? 6 : 5);
    sqlite3_finalize(statement);
}

static void write_all(struct writer *w, const struct network_stats *stats,
                      const struct network_fit *fit)
{
    char *pragmas = sqlite3_mprintf("PRAGMA application_id=%d; PRAGMA user_version=%d;",
                                    MODEL_APPLICATION_ID, MODEL_FORMAT_VERSION);

    run(w, "PRAGMA page_size=4096; PRAGMA cache_size=-" CACHE_KIB "; PRAGMA locking_mode=EXCLUSIVE;"
           "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN;" MODEL_SCHEMA);
    run(w, pragmas);
    sqlite3_free(pragmas);
    write_summary(w, stats);
    write_hosts(w, stats, fit);
    write_outside(w, stats);
    write_states(w, stats);
    write_labels(w, stats);
    write_mixtures(w, stats, fit);
    write_peer_processes(w, stats, fit);
    write_tally(w, "INSERT INTO initial VALUES(?,?,?)", &stats->initial);
    write_transitions(w, stats);
    write_tally(w, "INSERT INTO beat VALUES(?,?,?)", &stats->beats);
    write_tally(w, "INSERT INTO volume VALUES(?,?,?)", &stats->volumes);
    write_tally(w, "INSERT INTO byte_volume VALUES(?,?,?)", &stats->bytes);
    write_tally(w, "INSERT INTO initiator_port VALUES(?,?,?)", &stats->initiator_ports);
    write_tally(w, "INSERT INTO responder_port VALUES(?,?,?)", &stats->responder_ports);
    write_tally(w, "INSERT INTO peer VALUES(?,?,?)", &stats->peers);
    write_tally(w, "INSERT INTO state_label VALUES(?,?,?)", &stats->state_labels);
    write_tally(w, "INSERT INTO coverage VALUES(?1, ?2 / 288, ?2 % 288, ?3)", &stats->coverage);
    write_activity(w, stats);
    write_services(w, stats);
    write_session_rows(w, stats);
    run(w, "COMMIT");
}

/* A name that SQLite takes for no URI. */
static char *plain_name(const char *name)
{
    size_t size = strlen(name) + sizeof "./";
    char *plain = memory_alloc(size);

    snprintf(plain, size, "%s%s", *name == '/' ? "" : "./", name);
    return plain;
}

static int build(struct output_file *file, const char *path, const struct network_stats *stats,
                 const struct network_fit *fit, struct error *err)
{
    struct writer w = { NULL, SQLITE_OK };
    char *name = plain_name(file->temporary);
    int status = 0;

    w.status = sqlite3_open_v2(name, &w.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    free(name);
    output_file_hide(file);
    write_all(&w, stats, fit);
    if (w.status != SQLITE_OK)
        status = error_set(err, "%s: cannot build the model: %s", path, sqlite3_errmsg(w.db));
    sqlite3_close(w.db);
    return status;
}

/* The bytes of a database in memory. */
static int take_bytes(struct writer *w, struct model_image *image)
{
    sqlite3_int64 size = 0;

    if (w->status == SQLITE_OK) {
        image->bytes = sqlite3_serialize(w->db, "main", &size, 0);
        w->status = image->bytes ? SQLITE_OK : SQLITE_NOMEM;
    }
    image->size = (size_t)size;
    return w->status == SQLITE_OK ? 0 : -1;
}

int model_image_make(struct model_image *image, const struct network_stats *stats,
                     const struct network_fit *fit, struct error *err)
{
    struct writer w = { NULL, SQLITE_OK };
    int status;

    *image = (struct model_image){ .path = memory_copy_text("the model") };
    w.status = sqlite3_open_v2(":memory:", &w.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    write_all(&w, stats, fit);
    status = take_bytes(&w, image);
    if (status < 0) {
        error_set(err, "cannot build the model: %s", sqlite3_errmsg(w.db));
        model_image_release(image);
    }
    sqlite3_close(w.db);
    return status;
}

int model_save(const char *path, const struct network_stats *stats, const struct network_fit *fit,
               struct error *err)
{
    struct output_file file;
    int status;

    if (output_file_open_named(&file, path, err) < 0)
        return -1;
    status = build(&file, path, stats, fit, err);
    if (status == 0)
        status = output_file_commit(&file, err);
    output_file_abandon(&file);
    return status;
}
