/*
 * record_format.h - what a format of flow logs has to do: for record_file.c and the formats only.
 *
 * A format turns its input into rows. One file an implementation, one line in the table of record_file.c.
 */
#ifndef RECORDS_RECORD_FORMAT_H
#define RECORDS_RECORD_FORMAT_H

#include "base/input_file.h"
#include "records/record_file.h"
#include "records/record_row.h"

enum {
    RECORD_MAX_LINE = 64 * 1024,
    RECORD_HEAD = 64 * 1024 /* bytes by which a format is recognised */
};

/* The lines of an input, counted. */
struct line_reader {
    struct input_file *input; /* borrowed */
    uint64_t line;            /* number of the line given last, from 1 */
};

/* 1: a line, borrowed until the next call; 0: no more; -1: it is too long. */
int line_reader_next(struct line_reader *reader, const char **line, size_t *size, struct error *err);

enum format_result {
    FORMAT_FAILED = -1,  /* *err is set */
    FORMAT_END = 0,
    FORMAT_ROW = 1,
    FORMAT_DAMAGED = 2 /* a line that makes no row: *err says why */
};

struct record_format {
    const char *name;
    bool (*recognizes)(const char *head, size_t size);

    /* NULL when it failed. `input` stays the caller's. Sets the rules of its rows. */
    void *(*open)(struct input_file *input, const struct record_options *options,
                  struct row_rules *rules, struct error *err);

    /* An enum format_result; the row is all empty before. */
    int (*next)(void *self, struct record_row *row, struct error *err);

    /* Where the last row was, for messages: "line 12", "record 12". */
    uint64_t (*place)(const void *self, const char **noun);

    /* A column, as the user knows it; returns `text`. */
    const char *(*column)(const void *self, enum row_role role, char text[]);

    void (*close)(void *self);

    /* At the end: why not all was read, when the format itself knows it; else NULL. May be NULL itself. */
    const char *(*damage)(const void *self);
};

extern const struct record_format format_nfdump, format_ugr16, format_argus, format_lanl, format_columns,
    format_zeek, format_zeek_json, format_nfcapd;

/*
 * A reader for format_columns' functions, of lines whose columns a text names (column_map.h), as the option does.
 */
void *delimited_open_columns(struct input_file *input, const char *columns, struct row_rules *rules,
                             struct error *err);

/* The first line of a head that says something; false when there is none. */
bool format_first_line(const char *head, size_t size, struct field *line);

#endif
