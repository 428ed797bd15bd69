/*
 * model_rows.h - rows of a model file, each number range-checked as it is read.
 *
 * Reads an image in memory, defensively. The first thing that is wrong fails the whole reading:
 * *err names the file, the table, the row and the column; from then on there are no more rows.
 */
#ifndef MODEL_MODEL_ROWS_H
#define MODEL_MODEL_ROWS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/model.h"

struct database {
    sqlite3 *handle;
    const char *path;
    struct error *err;
    bool failed; /* sticky; *err says why */
};

/* Takes the image's bytes; it and `err` are borrowed until the end. Fails on what is no model file. */
void database_open(struct database *db, struct model_image *image, struct error *err);
void database_close(struct database *db);

/* "PATH: " and the message, unless it has failed before. */
void database_fail(struct database *db, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct rows {
    struct database *db;
    sqlite3_stmt *statement;
    const char *table;
    uint64_t number; /* of the current row, from 1; after the last one: how many there were + 1 */
};

struct rows rows_open(struct database *db, const char *table, const char *sql);
bool rows_next(struct rows *rows);
void rows_close(struct rows *rows);
void rows_fail(struct rows *rows, const char *why);

/* A column in least..most; anything else fails the reading and gives `least`. */
int64_t rows_integer(struct rows *rows, int column, int64_t least, int64_t most);
double rows_real(struct rows *rows, int column, double least, double most);

/* All 64 bits where there must be a number; 0 where there must be none. */
uint64_t rows_tag(struct rows *rows, int column, bool is_wanted);

/* 1 to `most` printable characters of ASCII; lives until the next row. "" when it failed. */
const char *rows_text(struct rows *rows, int column, size_t most);

/* Lives until the next row; *size is a multiple of `unit`, above 0 and at most `most`. NULL for a NULL,
 * and when it failed. */
const uint8_t *rows_blob(struct rows *rows, int column, size_t unit, size_t most, size_t *size);

#endif
