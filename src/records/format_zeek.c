/*
 * Zeek's conn.log as tab-separated text: the lines that begin with # say what the columns are, and may come
 * again where logs were put one behind the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "records/column_map.h"
#include "records/record_format.h"

static const struct column_name conn_names[] = {
    { "ts", ROLE_START }, { "duration", ROLE_DURATION }, { "id.orig_h", ROLE_SRC },
    { "id.orig_p", ROLE_SPORT }, { "id.resp_h", ROLE_DST }, { "id.resp_p", ROLE_DPORT },
    { "proto", ROLE_PROTO }, { "orig_bytes", ROLE_PAYLOAD }, { "resp_bytes", ROLE_RPAYLOAD },
    { "conn_state", ROLE_STATE }, { "history", ROLE_HISTORY }, { "orig_pkts", ROLE_PACKETS },
    { "orig_ip_bytes", ROLE_BYTES }, { "resp_pkts", ROLE_RPACKETS }, { "resp_ip_bytes", ROLE_RBYTES },
};

struct zeek {
    struct line_reader lines;
    struct column_map map; /* of the newest #fields */
    bool has_fields;
    char separator;
    char path[32]; /* of the log: "conn"; empty: not said */
};

/* The rest of a line behind a word and one separator or space; false: another line. */
static bool is_line_of(struct field line, const char *word, struct field *rest)
{
    size_t length = strlen(word);

    if (line.size < length || memcmp(line.at, word, length) != 0)
        return false;
    *rest = (struct field){ line.at + length, line.size - length };
    if (rest->size > 0) {
        rest->at++;
        rest->size--;
    }
    return true;
}

/* "\x09", or the character itself. */
static char separator_of(struct field text)
{
    struct field hexadecimal = { text.at + 2, text.size - 2 };
    char digits[5] = "0x";
    uint64_t value;

    if (text.size == 1)
        return text.at[0];
    if (text.size != 4 || text.at[0] != '\\')
        return '\t';
    memcpy(digits + 2, hexadecimal.at, hexadecimal.size);
    return field_to_u64((struct field){ digits, 4 }, 127, &value) == 0 && value > 0 ? (char)value : '\t';
}

static int read_fields(struct zeek *z, struct field names, struct error *err)
{
    const char *name = input_file_name(z->lines.input);
    const char *missing;

    if (z->path[0] != '\0' && strcmp(z->path, "conn") != 0)
        return error_set(err, "%s: is Zeek's %s.log, which knows no packets and bytes: conn.log is needed",
                         name, z->path);
    column_map_release(&z->map);
    column_map_init(&z->map, z->separator);
    column_map_read_header(&z->map, names.at, names.size, conn_names,
                           sizeof conn_names / sizeof *conn_names);
    missing = column_map_missing(&z->map);
    if (missing == NULL) {
        z->has_fields = true;
        return 0;
    }
    for (size_t i = 0; i < sizeof conn_names / sizeof *conn_names; i++) {
        if (strcmp(row_role_name(conn_names[i].role), missing) == 0)
            missing = conn_names[i].header;
    }
    return error_set(err, "%s: has no field \"%s\": Zeek's conn.log with packets and bytes is needed", name,
                     missing);
}

static int read_directive(struct zeek *z, struct field line, struct error *err)
{
    char text[FIELD_TEXT];
    struct field rest;

    if (is_line_of(line, "#separator", &rest))
        z->separator = separator_of(rest);
    else if (is_line_of(line, "#path", &rest))
        snprintf(z->path, sizeof z->path, "%s", field_show(rest, text));
    else if (is_line_of(line, "#fields", &rest))
        return read_fields(z, rest, err);
    return 0;
}

static bool zeek_recognizes(const char *head, size_t size)
{
    struct field line, rest;

    return format_first_line(head, size, &line) &&
           (is_line_of(line, "#separator", &rest) || is_line_of(line, "#fields", &rest) ||
            is_line_of(line, "#path", &rest));
}

static void zeek_close(void *self)
{
    struct zeek *z = self;

    column_map_release(&z->map);
    free(z);
}

/* Reads the lines of # at the beginning, and no record: these are in the head that is only peeked at. */
static int check_head(struct zeek *z, struct error *err)
{
    size_t size;
    const char *head = (const char *)input_file_peek(z->lines.input, RECORD_HEAD, &size);
    const char *end = head + size;
    struct field line;

    while (format_first_line(head, (size_t)(end - head), &line) && line.at[0] == '#') {
        if (read_directive(z, line, err) < 0)
            return -1;
        head = line.at + line.size;
    }
    if (!z->has_fields)
        return error_set(err, "%s: has no line #fields, so it is no log of Zeek",
                         input_file_name(z->lines.input));
    return 0;
}

static void *zeek_open(struct input_file *input, const struct record_options *options,
                       struct row_rules *rules, struct error *err)
{
    struct zeek *z = memory_alloc(sizeof *z);

    (void)options;
    *rules = (struct row_rules){ ICMP_IN_SPORT, .knows_initiator = true };
    z->lines.input = input;
    z->separator = '\t';
    column_map_init(&z->map, z->separator);
    if (check_head(z, err) == 0)
        return z;
    zeek_close(z);
    return NULL;
}

static int zeek_next(void *self, struct record_row *row, struct error *err)
{
    struct zeek *z = self;
    struct field line;
    int status;

    while ((status = line_reader_next(&z->lines, &line.at, &line.size, err)) == 1) {
        if (line.size == 0)
            continue;
        if (line.at[0] == '#') {
            if (read_directive(z, line, err) < 0)
                return FORMAT_FAILED;
            continue;
        }
        return column_map_split(&z->map, line.at, line.size, row, err) == 0 ? FORMAT_ROW : FORMAT_DAMAGED;
    }
    return status == 0 ? FORMAT_END : FORMAT_FAILED;
}

static uint64_t zeek_place(const void *self, const char **noun)
{
    *noun = "line";
    return ((const struct zeek *)self)->lines.line;
}

static const char *zeek_column(const void *self, enum row_role role, char text[])
{
    return column_map_show(&((const struct zeek *)self)->map, role, text);
}

const struct record_format format_zeek = {
    "zeek", zeek_recognizes, zeek_open, zeek_next, zeek_place, zeek_column, zeek_close, NULL,
};
