/*
 * fuzz_model.c - a libFuzzer target: any bytes as a model file, read as host models and as statistics.
 *
 * What one reader takes the other takes as well; what is taken can be measured, fitted and merged.
 * Every other mutation changes values of a table instead of bytes: few changed bytes get past SQLite.
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "learn/crowd_stats.h"
#include "learn/fit.h"
#include "model/model.h"

static struct model_image image_of(const uint8_t *bytes, size_t size)
{
    struct model_image image = { sqlite3_malloc64(size), size, memory_copy_text("fuzz.dsm") };

    if (image.bytes == NULL)
        abort();
    memcpy(image.bytes, bytes, size);
    return image;
}

/* What everything downstream relies on. */
static void check_host(const struct host_model *host)
{
    if (host_model_bytes(host) < sizeof *host)
        abort();
    for (uint32_t i = 0; i < host->state_count; i++) {
        const struct state_model *state = &host->states[i];

        if (state->packets.size == 0 || state->peers.size == 0)
            abort();
        for (uint32_t k = 0; k < state->next.size; k++) {
            if (discrete_symbol(&state->next, k) >= host->state_count ||
                discrete_total(state_model_gaps(state, k)) == 0)
                abort();
        }
    }
}

/* All hosts as one crowd, of which the most is told that can be. */
static void use_crowd(const struct network_stats *stats)
{
    uint32_t *crowd = memory_alloc_array(stats->host_count, sizeof *crowd);
    struct crowd_stats_counts counts;
    struct network_stats sum;
    struct network_fit fit;
    struct error err;

    network_stats_init(&sum);
    if (stats->host_count > 0 && crowd_stats_add(&sum, stats, crowd, 1, 1, &counts, &err) == 0) {
        network_fit_init(&fit, &sum);
        network_fit_release(&fit);
    }
    network_stats_release(&sum);
    free(crowd);
}

static void use_stats(const struct network_stats *stats)
{
    struct network_stats sum;
    struct network_fit fit;
    struct error err;

    network_fit_init(&fit, stats);
    network_fit_release(&fit);
    network_stats_init(&sum);
    if (network_stats_merge(&sum, stats, &err) == 0)
        (void)network_stats_merge(&sum, stats, &err); /* hosts that are there already */
    network_stats_release(&sum);
    use_crowd(stats);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct network_stats stats;
    struct model_image image;
    struct model *model;
    struct error err = { "" };

    if (size == 0)
        return 0;
    image = image_of(bytes, size);
    model = model_from_image(&image, &err);
    model_image_release(&image);
    for (uint32_t i = 0; model && i < model->host_count; i++)
        check_host(&model->hosts[i]);
    network_stats_init(&stats);
    image = image_of(bytes, size);
    if ((model_stats_from_image(&image, &stats, &err) == 0) != (model != NULL))
        abort();
    if (model)
        use_stats(&stats);
    model_image_release(&image);
    network_stats_release(&stats);
    model_free(model);
    return 0;
}

/* ---- mutation by SQL: for the fuzzer alone, not for replay.c ---- */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed);

static const char *const values[] = {
    "NULL", "0", "1", "-1", "2", "255", "256", "1024", "65535", "65536", "4294967295", "4294967296",
    "9007199254740992", "9223372036854775807", "0.5", "-1e300", "'text'", "x''", "zeroblob(1024)",
    "zeroblob(1026)", "{} + 1", "{} - 1", "{} * 2", "(SELECT max({}) FROM [])", "(SELECT min({}) FROM [])",
};

enum { VALUES = sizeof values / sizeof *values };

/* A text of one column and one row, or NULL; the caller frees it. */
static char *one_text(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    char *text = NULL;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0))
        text = memory_copy_text((const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    return text;
}

/* The value, with {} for the column and [] for the table. */
static void append_value(sqlite3_str *sql, const char *value, const char *table, const char *column)
{
    for (; *value; value++) {
        if (strncmp(value, "{}", 2) == 0 || strncmp(value, "[]", 2) == 0) {
            sqlite3_str_appendf(sql, "\"%w\"", *value == '{' ? column : table);
            value++;
        } else {
            sqlite3_str_appendchar(sql, 1, *value);
        }
    }
}

static void change_values(sqlite3 *db, unsigned seed)
{
    char *table = one_text(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY random()");
    char *lookup = sqlite3_mprintf("SELECT name FROM pragma_table_info(%Q) ORDER BY random()", table);
    char *column = one_text(db, lookup);
    sqlite3_str *sql = sqlite3_str_new(db);
    char *text;

    if (table && column && seed % 16 == 0) {
        sqlite3_str_appendf(sql, "DELETE FROM \"%w\" WHERE random() %% 4 = 0", table);
    } else if (table && column) {
        sqlite3_str_appendf(sql, "UPDATE OR IGNORE \"%w\" SET \"%w\" = ", table, column);
        append_value(sql, values[seed / 16 % VALUES], table, column);
        sqlite3_str_appendf(sql, " WHERE random() %% %d = 0", 1 << seed / 512 % 6);
    }
    text = sqlite3_str_finish(sql);
    if (text)
        sqlite3_exec(db, text, NULL, NULL, NULL);
    sqlite3_free(text);
    sqlite3_free(lookup);
    free(column);
    free(table);
}

/* The size of the changed file, or 0 when there is none. */
static size_t change_file(uint8_t *bytes, size_t size, size_t most, unsigned seed)
{
    sqlite3 *db = NULL;
    unsigned char *changed = NULL;
    sqlite3_int64 changed_size = 0;
    uint8_t *copy = sqlite3_malloc64(size + 1);

    memcpy(copy, bytes, size);
    if (sqlite3_open(":memory:", &db) != SQLITE_OK ||
        sqlite3_deserialize(db, "main", copy, (sqlite3_int64)size, (sqlite3_int64)size,
                            SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE) != SQLITE_OK) {
        sqlite3_close(db);
        return 0;
    }
    change_values(db, seed);
    changed = sqlite3_serialize(db, "main", &changed_size, 0);
    if (changed && (size_t)changed_size <= most)
        memcpy(bytes, changed, (size_t)changed_size);
    else
        changed_size = 0;
    sqlite3_free(changed);
    sqlite3_close(db);
    return (size_t)changed_size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed)
{
    size_t changed = seed % 2 ? change_file(bytes, size, most, seed / 2) : 0;

    return changed ? changed : LLVMFuzzerMutate(bytes, size, most);
}

#endif
