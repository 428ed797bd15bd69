#include "model/model_rows.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/model_schema.h"

void database_fail(struct database *db, const char *format, ...)
{
    char text[sizeof db->err->text];
    va_list arguments;

    if (db->failed)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (char *c = strchr(text, '\n'); c; c = strchr(c, '\n'))
        *c = ' '; /* SQLite reports in lines */
    error_set(db->err, "%s: %s", db->path, text);
    db->failed = true;
}

static void fail_sqlite(struct database *db, const char *what)
{
    if (sqlite3_errcode(db->handle) == SQLITE_NOTADB)
        database_fail(db, "not a usable model file: it is something else");
    database_fail(db, "not a usable model file: %s: %s", what, sqlite3_errmsg(db->handle));
}

/* ---- rows ---- */

struct rows rows_open(struct database *db, const char *table, const char *sql)
{
    struct rows rows = { db, NULL, table, 0 };

    if (!db->failed && sqlite3_prepare_v2(db->handle, sql, -1, &rows.statement, NULL) != SQLITE_OK)
        fail_sqlite(db, table);
    return rows;
}

bool rows_next(struct rows *rows)
{
    int status;

    if (rows->db->failed)
        return false;
    status = sqlite3_step(rows->statement);
    if (status != SQLITE_ROW && status != SQLITE_DONE)
        fail_sqlite(rows->db, rows->table);
    rows->number++;
    return status == SQLITE_ROW;
}

void rows_close(struct rows *rows)
{
    sqlite3_finalize(rows->statement);
}

void rows_fail(struct rows *rows, const char *why)
{
    database_fail(rows->db, "table %s, row %" PRIu64 ": %s", rows->table, rows->number, why);
}

/* ---- columns ---- */

static void fail_column(struct rows *rows, int column, const char *why)
{
    database_fail(rows->db, "table %s, row %" PRIu64 ", column %s: %s", rows->table, rows->number,
                  sqlite3_column_name(rows->statement, column), why);
}

int64_t rows_integer(struct rows *rows, int column, int64_t least, int64_t most)
{
    int64_t value = sqlite3_column_int64(rows->statement, column);
    bool is_integer = sqlite3_column_type(rows->statement, column) == SQLITE_INTEGER;
    char why[96];

    if (is_integer && value >= least && value <= most)
        return value;
    if (is_integer)
        snprintf(why, sizeof why, "%" PRId64 " is not in %" PRId64 "..%" PRId64, value, least, most);
    else
        snprintf(why, sizeof why, "something that is no integer is not in %" PRId64 "..%" PRId64,
                 least, most);
    fail_column(rows, column, why);
    return least;
}

double rows_real(struct rows *rows, int column, double least, double most)
{
    double value = sqlite3_column_double(rows->statement, column);
    int type = sqlite3_column_type(rows->statement, column);
    bool is_number = type == SQLITE_FLOAT || type == SQLITE_INTEGER;
    char why[96];

    if (is_number && value >= least && value <= most) /* false for a NaN */
        return value;
    if (is_number)
        snprintf(why, sizeof why, "%g is not in %g..%g", value, least, most);
    else
        snprintf(why, sizeof why, "something that is no number is not in %g..%g", least, most);
    fail_column(rows, column, why);
    return least;
}

uint64_t rows_tag(struct rows *rows, int column, bool is_wanted)
{
    int type = sqlite3_column_type(rows->statement, column);

    if (type != (is_wanted ? SQLITE_INTEGER : SQLITE_NULL)) {
        fail_column(rows, column, is_wanted ? "a model with a key needs a number there"
                                            : "a model without a key has nothing there");
        return 0;
    }
    return (uint64_t)sqlite3_column_int64(rows->statement, column);
}

const char *rows_text(struct rows *rows, int column, size_t most)
{
    bool is_good = sqlite3_column_type(rows->statement, column) == SQLITE_TEXT;
    const char *text = (const char *)sqlite3_column_text(rows->statement, column);
    size_t size = (size_t)sqlite3_column_bytes(rows->statement, column);

    is_good = is_good && text && size > 0 && size <= most;
    for (size_t i = 0; is_good && i < size; i++)
        is_good = text[i] >= ' ' && text[i] <= '~';
    if (is_good)
        return text;
    fail_column(rows, column, "not a name");
    return "";
}

const uint8_t *rows_blob(struct rows *rows, int column, size_t unit, size_t most, size_t *size)
{
    int type = sqlite3_column_type(rows->statement, column);
    const uint8_t *blob;

    *size = 0;
    if (type == SQLITE_NULL)
        return NULL;
    blob = sqlite3_column_blob(rows->statement, column);
    *size = (size_t)sqlite3_column_bytes(rows->statement, column);
    if (type == SQLITE_BLOB && blob && *size > 0 && *size <= most && *size % unit == 0)
        return blob;
    *size = 0;
    fail_column(rows, column, "not a row of packets");
    return NULL;
}

/* ---- the file ---- */

static int64_t single_integer(struct database *db, const char *name, const char *sql)
{
    struct rows rows = rows_open(db, name, sql);
    int64_t value = 0;

    if (rows_next(&rows))
        value = rows_integer(&rows, 0, 0, INT64_MAX);
    rows_close(&rows);
    return value;
}

static void check_version(struct database *db)
{
    int64_t id = single_integer(db, "application_id", "PRAGMA application_id");
    int64_t version = single_integer(db, "user_version", "PRAGMA user_version");

    if (id != MODEL_APPLICATION_ID)
        database_fail(db, "not a model file: application id %" PRId64, id);
    if (version < MODEL_FORMAT_VERSION)
        database_fail(db, "model format %" PRId64 " is of an older version, this one reads %d:"
                          " learn the captures again", version, MODEL_FORMAT_VERSION);
    if (version > MODEL_FORMAT_VERSION)
        database_fail(db, "model format %" PRId64 " is of a later version, this one reads %d", version,
                      MODEL_FORMAT_VERSION);
}

/*
 * The tables of a model, word for word, and nothing else: views, triggers, generated columns, constraints
 * and virtual tables are programs of whoever wrote the file.
 */
static void check_schema(struct database *db)
{
    struct rows rows = rows_open(db, "schema", "SELECT sql FROM sqlite_schema ORDER BY rowid");
    const char *expected = MODEL_SCHEMA;

    while (rows_next(&rows)) {
        const char *sql = (const char *)sqlite3_column_text(rows.statement, 0);
        size_t size = sql ? strlen(sql) : 0;

        if (size == 0 || strncmp(expected, sql, size) != 0 || expected[size] != ';')
            rows_fail(&rows, "not a table of a model");
        else
            expected += size + 1;
    }
    if (*expected != '\0')
        database_fail(db, "not a usable model file: a table is missing");
    rows_close(&rows);
}

static void check_pages(struct database *db)
{
    struct rows rows = rows_open(db, "quick_check", "PRAGMA quick_check(1)");

    if (rows_next(&rows)) {
        const char *text = (const char *)sqlite3_column_text(rows.statement, 0);

        if (text == NULL || strcmp(text, "ok") != 0)
            database_fail(db, "damaged: %s", text ? text : "it cannot be checked");
    }
    rows_close(&rows);
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

static void open_image(struct database *db, struct model_image *image)
{
    uint8_t *bytes = image->bytes;

    if (is_cut_in_a_page(image)) {
        database_fail(db, "damaged: its last page is incomplete");
        return;
    }
    if (sqlite3_open_v2(":memory:", &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK) {
        fail_sqlite(db, "open");
        return;
    }
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    image->bytes = NULL; /* SQLite frees it, also when this fails */
    if (sqlite3_deserialize(db->handle, "main", bytes, (sqlite3_int64)image->size,
                            (sqlite3_int64)image->size,
                            SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_READONLY) != SQLITE_OK)
        fail_sqlite(db, "open");
}

/* Sorting writes no files. */
static void keep_in_memory(struct database *db)
{
    struct rows rows = rows_open(db, "temp_store", "PRAGMA temp_store = MEMORY");

    (void)rows_next(&rows);
    rows_close(&rows);
}

void database_open(struct database *db, struct model_image *image, struct error *err)
{
    *db = (struct database){ .path = image->path, .err = err };
    open_image(db, image);
    keep_in_memory(db);
    check_version(db);
    check_schema(db); /* before anything reads a table: to read one runs what its schema says */
    check_pages(db);
}

void database_close(struct database *db)
{
    sqlite3_close(db->handle);
}
