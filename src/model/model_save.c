#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/output_file.h"
#include "model/model.h"
#include "model/model_schema.h"

/*
 * The file is built as a database in memory and its image written in one piece, so that no
 * journal and no half of it is ever on disk.
 */
struct writer {
    sqlite3 *db;
    int status; /* sticky: the first SQLite error */
};

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

static void write_hosts(struct writer *w, const struct network_stats *stats)
{
    sqlite3_stmt *statement = prepare(w, "INSERT INTO host VALUES(?)");

    for (int64_t id = 0; id < stats->host_count; id++)
        write_row(w, statement, &id, 1);
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

static void write_transitions(struct writer *w, const struct network_stats *stats)
{
    sqlite3_stmt *statement = prepare(w, "INSERT INTO transition VALUES(?,?,?,?)");

    for (size_t i = 0; i < stats->transitions.used; i++) {
        const struct tally_entry *entry = &stats->transitions.entries[i];
        int64_t values[] = { (int64_t)i, entry->owner, entry->symbol, (int64_t)entry->count };

        write_row(w, statement, values, 4);
    }
    sqlite3_finalize(statement);
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

static void write_activity(struct writer *w, const struct network_stats *stats)
{
    sqlite3_stmt *statement = prepare(w, "INSERT INTO activity VALUES(?,?,?,?,?,?,?,?,?)");

    for (size_t i = 0; i < stats->active.used; i++) {
        const struct tally_entry *entry = &stats->active.entries[i];
        const struct activity *a = &stats->activity[i];
        int64_t values[] = {
            entry->owner,           entry->symbol / DAY_SLICES,    entry->symbol % DAY_SLICES,
            (int64_t)a->packets_sent,    (int64_t)a->packets_received,
            (int64_t)a->bytes_sent,      (int64_t)a->bytes_received,
            (int64_t)a->flows_initiated, (int64_t)a->flows_answered,
        };

        write_row(w, statement, values, 9);
    }
    sqlite3_finalize(statement);
}

static void write_profiles(struct writer *w, const struct network_stats *stats,
                           const struct network_fit *fit)
{
    sqlite3_stmt *statement = prepare(w, "INSERT INTO profile VALUES(?,?,?,?,?,?)");

    for (size_t cell = 0; cell < (size_t)stats->host_count * DAY_SLICES; cell++) {
        const struct slice_profile *profile = &fit->profiles[cell];
        int64_t values[] = { (int64_t)(cell / DAY_SLICES), (int64_t)(cell % DAY_SLICES),
                             profile->observed, profile->active };

        if (profile->observed == 0)
            continue;
        if (w->status == SQLITE_OK) {
            sqlite3_bind_double(statement, 5, (double)profile->log_mean);
            sqlite3_bind_double(statement, 6, (double)profile->log_sd);
        }
        write_row(w, statement, values, 4);
    }
    sqlite3_finalize(statement);
}

static void write_services(struct writer *w, const struct network_stats *stats)
{
    sqlite3_stmt *statement = prepare(w, "INSERT INTO service VALUES(?,?,?,?)");

    for (size_t i = 0; i < stats->services.used; i++) {
        const struct tally_entry *entry = &stats->services.entries[i];
        int64_t values[] = { (int64_t)i, entry->owner, entry->symbol, (int64_t)entry->count };

        write_row(w, statement, values, 4);
    }
    sqlite3_finalize(statement);
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
        row->opening,
        row->ending,
        row->first_data_side,
        row->closing_side,
        (int64_t)keyed->key,
    };

    write_row(w, statement, values, sizeof values / sizeof *values);
}

static void write_session_rows(struct writer *w, const struct network_stats *stats)
{
    sqlite3_stmt *statement = prepare(
        w, "INSERT INTO session_row VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");

    for (size_t i = 0; i < stats->services.used; i++) {
        for (size_t j = 0; j < stats->samples[i].used; j++)
            write_session_row(w, statement, i, j, &stats->samples[i].rows[j]);
    }
    sqlite3_finalize(statement);
}

static void write_summary(struct writer *w, const struct network_stats *stats,
                          const struct network_fit *fit)
{
    sqlite3_stmt *statement = prepare(w, "INSERT INTO summary VALUES(?,?,?,?,?)");
    int64_t values[] = { (int64_t)stats->flows, (int64_t)stats->packets, stats->first.ns,
                         stats->last.ns, fit->covered_slices };

    write_row(w, statement, values, 5);
    sqlite3_finalize(statement);
}

static void write_all(struct writer *w, const struct network_stats *stats,
                      const struct network_fit *fit)
{
    char *pragmas = sqlite3_mprintf("PRAGMA application_id=%d; PRAGMA user_version=%d;",
                                    MODEL_APPLICATION_ID, MODEL_FORMAT_VERSION);

    run(w, pragmas);
    sqlite3_free(pragmas);
    run(w, "BEGIN;" MODEL_SCHEMA);
    write_summary(w, stats, fit);
    write_hosts(w, stats);
    write_states(w, stats);
    write_transitions(w, stats);
    write_tally(w, "INSERT INTO initial VALUES(?,?,?)", &stats->initial);
    write_tally(w, "INSERT INTO gap VALUES(?,?,?)", &stats->gaps);
    write_tally(w, "INSERT INTO volume VALUES(?,?,?)", &stats->volumes);
    write_mixtures(w, stats, fit);
    write_tally(w, "INSERT INTO initiator_port VALUES(?,?,?)", &stats->initiator_ports);
    write_tally(w, "INSERT INTO responder_port VALUES(?,?,?)", &stats->responder_ports);
    write_tally(w, "INSERT INTO peer VALUES(?,?,?)", &stats->peers);
    write_activity(w, stats);
    /* coverage has one owner; its symbol is date * 288 + slice */
    write_tally(w, "INSERT INTO coverage SELECT ?2 / 288, ?2 % 288, ?3 WHERE ?1 = 0",
                &stats->coverage);
    write_profiles(w, stats, fit);
    write_services(w, stats);
    write_session_rows(w, stats);
    run(w, "COMMIT");
}

static int write_image(const char *path, const unsigned char *image, size_t size,
                       struct error *err)
{
    struct output_file file;

    if (output_file_open(&file, path, err) < 0)
        return -1;
    /* A short write leaves the stream's error flag set; the commit reports it. */
    (void)fwrite(image, 1, size, file.stream);
    return output_file_commit(&file, err);
}

int model_save(const char *path, const struct network_stats *stats, const struct network_fit *fit,
               struct error *err)
{
    struct writer w = { NULL, SQLITE_OK };
    unsigned char *image = NULL;
    sqlite3_int64 size = 0;
    int result = -1;

    w.status = sqlite3_open(":memory:", &w.db);
    write_all(&w, stats, fit);
    if (w.status == SQLITE_OK)
        image = sqlite3_serialize(w.db, "main", &size, 0);
    if (image == NULL)
        error_set(err, "%s: cannot build the model: %s", path, sqlite3_errmsg(w.db));
    else
        result = write_image(path, image, (size_t)size, err);
    sqlite3_free(image);
    sqlite3_close(w.db);
    return result;
}
