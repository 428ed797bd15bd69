#include "records/column_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* One column after the other. */
struct columns {
    const char *at, *end;
    char delimiter;
    bool done;
};

static struct columns columns_of(char delimiter, const char *line, size_t size)
{
    return (struct columns){ line, line + size, delimiter, false };
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Where the column that begins at c->at ends. */
static const char *column_end(const struct columns *c)
{
    const char *from = c->at;
    const char *found;

    if (c->delimiter == COLUMN_BLANKS) {
        while (from < c->end && !is_blank(*from))
            from++;
        return from;
    }
    if (from < c->end && *from == '"') { /* a delimiter may stand between the quotes */
        found = memchr(from + 1, '"', (size_t)(c->end - from - 1));
        if (found != NULL)
            from = found;
    }
    found = memchr(from, c->delimiter, (size_t)(c->end - from));
    return found ? found : c->end;
}

static struct field trimmed(const char *begin, const char *end)
{
    while (begin < end && *begin == ' ')
        begin++;
    while (end > begin && end[-1] == ' ')
        end--;
    if (end - begin >= 2 && *begin == '"' && end[-1] == '"') {
        begin++;
        end--;
    }
    if (end - begin == 1 && *begin == '-')
        end = begin;
    return (struct field){ begin, (size_t)(end - begin) };
}

static bool next_column(struct columns *c, struct field *field)
{
    const char *end;

    if (c->delimiter == COLUMN_BLANKS) {
        while (c->at < c->end && is_blank(*c->at))
            c->at++;
        c->done = c->at == c->end;
    }
    if (c->done)
        return false;
    end = column_end(c);
    *field = trimmed(c->at, end);
    c->done = end == c->end;
    c->at = c->done ? end : end + 1;
    return true;
}

void column_map_init(struct column_map *map, char delimiter)
{
    *map = (struct column_map){ .delimiter = delimiter };
    memset(map->role_of, ROLE_NONE, sizeof map->role_of);
}

void column_map_release(struct column_map *map)
{
    free(map->header);
    map->header = NULL;
    map->header_size = 0;
}

void column_map_set(struct column_map *map, unsigned column, enum row_role role)
{
    if (column >= COLUMN_MAP_MAX || map->has_role[role] || map->role_of[column] != ROLE_NONE)
        return;
    map->has_role[role] = true;
    map->column_of[role] = (uint8_t)column;
    map->role_of[column] = (uint8_t)role;
    if (column >= map->columns)
        map->columns = column + 1;
}

void column_map_read_header(struct column_map *map, const char *line, size_t size,
                            const struct column_name *names, size_t name_count)
{
    struct columns columns = columns_of(map->delimiter, line, size);
    struct field field;

    map->header = memory_alloc(size + 1);
    map->header_size = size;
    memcpy(map->header, line, size);
    for (unsigned i = 0; i < COLUMN_MAP_MAX && next_column(&columns, &field); i++) {
        for (size_t n = 0; n < name_count; n++) {
            if (field_is(field, names[n].header))
                column_map_set(map, i, names[n].role);
        }
    }
}

const char *column_map_missing(const struct column_map *map)
{
    static const enum row_role needed[][2] = {
        { ROLE_START, ROLE_END }, { ROLE_SRC, ROLE_SRC }, { ROLE_DST, ROLE_DST },
        { ROLE_SPORT, ROLE_SPORT }, { ROLE_DPORT, ROLE_DPORT }, { ROLE_PROTO, ROLE_PROTO },
        { ROLE_PACKETS, ROLE_TOTAL_PACKETS }, { ROLE_BYTES, ROLE_TOTAL_BYTES },
    };

    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (!map->has_role[needed[i][0]] && !map->has_role[needed[i][1]])
            return row_role_name(needed[i][0]);
    }
    return NULL;
}

int column_map_split(const struct column_map *map, const char *line, size_t size, struct record_row *row,
                     struct error *err)
{
    struct columns columns = columns_of(map->delimiter, line, size);
    struct field field;

    if (memchr(line, '\0', size) != NULL)
        return error_set(err, "holds a byte of 0, which is in no text");
    for (unsigned i = 0; i < map->columns; i++) {
        if (!next_column(&columns, &field))
            return error_set(err, "has %u columns, not the %u that are needed",
                             column_map_count(map, line, size), map->columns);
        if (map->role_of[i] != ROLE_NONE)
            row->fields[map->role_of[i]] = field;
    }
    return 0;
}

unsigned column_map_count(const struct column_map *map, const char *line, size_t size)
{
    struct columns columns = columns_of(map->delimiter, line, size);
    struct field field;
    unsigned count = 0;

    while (next_column(&columns, &field))
        count++;
    return count;
}

const char *column_map_show(const struct column_map *map, enum row_role role, char text[COLUMN_TEXT])
{
    char name[FIELD_TEXT];
    struct columns columns;
    struct field field = { "", 0 };

    if (!map->has_role[role]) {
        snprintf(text, COLUMN_TEXT, "%s", row_role_name(role));
        return text;
    }
    if (map->header == NULL) {
        snprintf(text, COLUMN_TEXT, "column %u", map->column_of[role] + 1u);
        return text;
    }
    columns = columns_of(map->delimiter, map->header, map->header_size);
    for (unsigned i = 0; i <= map->column_of[role]; i++) {
        if (!next_column(&columns, &field))
            break;
    }
    snprintf(text, COLUMN_TEXT, "column \"%s\"", field_show(field, name));
    return text;
}

static int parse_delimiter(struct column_choice *choice, const char *name, struct error *err)
{
    static const struct {
        const char *name;
        char delimiter;
    } delimiters[] = { { "comma", ',' }, { "tab", '\t' }, { "semicolon", ';' }, { "space", COLUMN_BLANKS } };

    for (size_t i = 0; i < sizeof delimiters / sizeof *delimiters; i++) {
        if (strcmp(name, delimiters[i].name) == 0) {
            choice->delimiter = delimiters[i].delimiter;
            return 0;
        }
    }
    return error_set(err, "columns: delimiter is \"%.40s\": comma, tab, semicolon or space", name);
}

static int add_choice(struct column_choice *choice, const char *name, const char *column,
                      struct error *err)
{
    enum row_role role = row_role_of(name, strlen(name));
    uint64_t number;
    bool is_number = text_to_u64(column, &number) == 0;

    if (role == ROLE_NONE)
        return error_set(err,
                         "columns: \"%.40s\" is unknown; there are start, end, duration, src, dst, sport, "
                         "dport, proto, packets, bytes, rpackets, rbytes, totpackets, totbytes, payload, "
                         "rpayload, flags, rflags, state, history, direction and delimiter", name);
    for (size_t i = 0; i < choice->count; i++) {
        if (choice->names[i].role == role)
            return error_set(err, "columns: \"%s\" is said twice", name);
    }
    if (is_number && (number < 1 || number > COLUMN_MAP_MAX))
        return error_set(err, "columns: %s=%.40s: columns are numbered from 1 to %d", name, column,
                         COLUMN_MAP_MAX);
    if (choice->count > 0 && is_number != choice->by_number)
        return error_set(err, "columns: %s=%.40s: either all are names of a header, or all are numbers",
                         name, column);
    choice->by_number = is_number;
    choice->numbers[choice->count] = is_number ? (unsigned)number - 1 : 0;
    choice->names[choice->count++] = (struct column_name){ column, role };
    return 0;
}

int column_choice_parse(struct column_choice *choice, const char *text, struct error *err)
{
    char *rest = NULL;
    int status = 0;

    *choice = (struct column_choice){ .text = memory_copy_text(text) };
    for (char *item = strtok_r(choice->text, ",", &rest); item != NULL && status == 0;
         item = strtok_r(NULL, ",", &rest)) {
        char *equals = strchr(item, '=');

        if (equals == NULL || equals[1] == '\0') {
            status = error_set(err, "columns: \"%.40s\" is not of the form NAME=COLUMN", item);
            break;
        }
        *equals = '\0';
        status = strcmp(item, "delimiter") == 0 ? parse_delimiter(choice, equals + 1, err)
                                                : add_choice(choice, item, equals + 1, err);
    }
    return status;
}

void column_choice_release(struct column_choice *choice)
{
    free(choice->text);
    choice->text = NULL;
}
