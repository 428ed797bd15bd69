/*
 * column_map.h - which column of a delimited line means what: from its header, or as a user says it.
 */
#ifndef RECORDS_COLUMN_MAP_H
#define RECORDS_COLUMN_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "records/record_row.h"

enum {
    COLUMN_MAP_MAX = 256, /* columns beyond are not looked at */
    COLUMN_TEXT = 96      /* of a column in a message */
};

#define COLUMN_BLANKS ' ' /* as a delimiter: any run of spaces and tabs */

struct column_name {
    const char *header;
    enum row_role role;
};

struct column_map {
    char delimiter;
    unsigned columns;  /* that a line must have: up to the last with a role */
    uint8_t role_of[COLUMN_MAP_MAX]; /* ROLE_NONE where nothing is asked of a column */
    uint8_t column_of[ROLE_COUNT]; /* the other way round, where has_role */
    bool has_role[ROLE_COUNT];
    char *header; /* owned, of header_size bytes whatever they are; NULL: none */
    size_t header_size;
};

void column_map_init(struct column_map *map, char delimiter);
void column_map_release(struct column_map *map);

/* Gives a column (from 0) a role; a column and a role that have each other already stay so. */
void column_map_set(struct column_map *map, unsigned column, enum row_role role);

/* Sets the roles of a header's names, of which the list knows some; the header is copied for messages. */
void column_map_read_header(struct column_map *map, const char *line, size_t size,
                            const struct column_name *names, size_t name_count);

/* The first of what no record can be without, and which no column gives; NULL: it is all there. */
const char *column_map_missing(const struct column_map *map);

/*
 * Fields of a line, which they borrow: blanks around, quotes and "-" are taken off. -1 for too few columns, or a
 * byte that is in no text: 0.
 */
int column_map_split(const struct column_map *map, const char *line, size_t size, struct record_row *row,
                     struct error *err);

/* `column "ibyt"` or `column 3`; returns `text`. */
const char *column_map_show(const struct column_map *map, enum row_role role, char text[COLUMN_TEXT]);

/* Number of columns of a line. */
unsigned column_map_count(const struct column_map *map, const char *line, size_t size);

/*
 * "start=ts,duration=td,src=3,...,delimiter=tab": what a user says. Right of the equals sign is a header's
 * name, or for a file without header the number of a column, from 1.
 */
struct column_choice {
    char *text; /* owned; the names point into it */
    struct column_name names[ROLE_COUNT];
    unsigned numbers[ROLE_COUNT]; /* of the names' roles, from 0, when by_number */
    size_t count;
    char delimiter; /* 0: not said */
    bool by_number;
};

int column_choice_parse(struct column_choice *choice, const char *text, struct error *err);
void column_choice_release(struct column_choice *choice);

#endif
