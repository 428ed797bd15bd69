/*
 * Zeek's conn.log as JSON: one object a line.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "records/record_format.h"

enum { NUMBER_TEXT = 32 };

/* A role's key. What no record can be without is needed in the first. */
static const struct {
    const char *name;
    enum row_role role;
    bool needed;
} keys[] = {
    { "ts", ROLE_START, true }, { "duration", ROLE_DURATION, false }, { "id.orig_h", ROLE_SRC, true },
    { "id.orig_p", ROLE_SPORT, true }, { "id.resp_h", ROLE_DST, true }, { "id.resp_p", ROLE_DPORT, true },
    { "proto", ROLE_PROTO, true }, { "orig_bytes", ROLE_PAYLOAD, false },
    { "resp_bytes", ROLE_RPAYLOAD, false }, { "conn_state", ROLE_STATE, false },
    { "history", ROLE_HISTORY, false }, { "orig_pkts", ROLE_PACKETS, true },
    { "orig_ip_bytes", ROLE_BYTES, true }, { "resp_pkts", ROLE_RPACKETS, false },
    { "resp_ip_bytes", ROLE_RBYTES, false },
};

enum { KEYS = sizeof keys / sizeof *keys };

struct zeek_json {
    struct line_reader lines;
    json_t *object; /* of the last row, which borrows from it */
    char numbers[KEYS][NUMBER_TEXT];
};

static bool zeek_json_recognizes(const char *head, size_t size)
{
    struct field line;
    json_t *object;
    bool is;

    if (!format_first_line(head, size, &line) || line.at[0] != '{')
        return false;
    object = json_loadb(line.at, line.size, 0, NULL);
    is = json_object_get(object, "ts") != NULL &&
         (json_object_get(object, "id.orig_h") != NULL || json_object_get(object, "_path") != NULL);
    json_decref(object);
    return is;
}

/* Refuses a log of another kind, by its first record. */
static int check_kind(const json_t *object, const char *name, struct error *err)
{
    const json_t *path = json_object_get(object, "_path");

    if (json_is_string(path) && strcmp(json_string_value(path), "conn") != 0)
        return error_set(err, "%s: is Zeek's %.32s.log, which knows no packets and bytes: conn.log is needed",
                         name, json_string_value(path));
    for (int i = 0; i < KEYS; i++) {
        if (keys[i].needed && json_object_get(object, keys[i].name) == NULL)
            return error_set(err, "%s: has no \"%s\": Zeek's conn.log with packets and bytes is needed",
                             name, keys[i].name);
    }
    return 0;
}

static void *zeek_json_open(struct input_file *input, const struct record_options *options,
                            struct row_rules *rules, struct error *err)
{
    size_t size;
    const char *head = (const char *)input_file_peek(input, RECORD_HEAD, &size);
    struct zeek_json *z;
    struct field line;
    json_error_t reason;
    json_t *object;
    int status;

    (void)options;
    *rules = (struct row_rules){ ICMP_IN_SPORT, .knows_initiator = true };
    (void)format_first_line(head, size, &line);
    object = json_loadb(line.at, line.size, 0, &reason);
    status = object ? check_kind(object, input_file_name(input), err)
                    : error_set(err, "%s: line 1 is no JSON: %s", input_file_name(input), reason.text);
    json_decref(object);
    if (status < 0)
        return NULL;
    z = memory_alloc(sizeof *z);
    z->lines.input = input;
    return z;
}

/* Numbers become text again, so that one reader judges them all. Microseconds are what Zeek writes. */
static struct field field_of(const json_t *value, char number[NUMBER_TEXT])
{
    if (json_is_string(value))
        return (struct field){ json_string_value(value), json_string_length(value) };
    if (json_is_integer(value))
        snprintf(number, NUMBER_TEXT, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value) && json_real_value(value) < 1e15)
        snprintf(number, NUMBER_TEXT, "%.6f", json_real_value(value));
    else if (json_is_null(value))
        number[0] = '\0';
    else
        snprintf(number, NUMBER_TEXT, "?"); /* nothing that could be read */
    return (struct field){ number, strlen(number) };
}

static int zeek_json_next(void *self, struct record_row *row, struct error *err)
{
    struct zeek_json *z = self;
    json_error_t reason;
    const char *line;
    size_t size;
    int status;

    do {
        status = line_reader_next(&z->lines, &line, &size, err);
    } while (status == 1 && size == 0);
    if (status != 1)
        return status == 0 ? FORMAT_END : FORMAT_FAILED;
    json_decref(z->object);
    z->object = json_loadb(line, size, 0, &reason);
    if (!json_is_object(z->object)) {
        error_set(err, "is no JSON object: %s", z->object ? "something else" : reason.text);
        return FORMAT_DAMAGED;
    }
    for (int i = 0; i < KEYS; i++) {
        const json_t *value = json_object_get(z->object, keys[i].name);

        if (value != NULL)
            row->fields[keys[i].role] = field_of(value, z->numbers[i]);
    }
    return FORMAT_ROW;
}

static uint64_t zeek_json_place(const void *self, const char **noun)
{
    *noun = "line";
    return ((const struct zeek_json *)self)->lines.line;
}

static const char *zeek_json_column(const void *self, enum row_role role, char text[])
{
    (void)self;
    strcpy(text, row_role_name(role));
    for (int i = 0; i < KEYS; i++) {
        if (keys[i].role == role)
            sprintf(text, "\"%s\"", keys[i].name);
    }
    return text;
}

static void zeek_json_close(void *self)
{
    struct zeek_json *z = self;

    json_decref(z->object);
    free(z);
}

const struct record_format format_zeek_json = {
    "zeek-json", zeek_json_recognizes, zeek_json_open, zeek_json_next, zeek_json_place,
    zeek_json_column, zeek_json_close, NULL,
};
