#include "records/record_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "records/column_map.h"
#include "records/record_format.h"

enum {
    MALFORMED_SHARE = 100, /* one line in so many may be unreadable */
    MALFORMED_EARLY = 10,  /* and these, before the file is given up while it is read */
    MALFORMED_AT_END = 1,  /* or at its end: the last line of a file may be cut */
    PLACE_TEXT = 320
};

/* In the order in which they are asked. */
static const struct record_format *const formats[] = {
    &format_nfcapd, &format_zeek, &format_zeek_json, &format_nfdump, &format_ugr16,
    &format_argus,  &format_lanl, &format_columns,
};

enum { FORMATS = sizeof formats / sizeof *formats };

struct record_file {
    struct input_file *input;
    const struct record_format *format;
    void *reader; /* the format's */
    struct row_context context;
    struct record_counts counts;
    char first_malformed[PLACE_TEXT]; /* "line 3, column 2: ..." */
    char damage[sizeof((struct error *)NULL)->text];
    bool ended;
};

int line_reader_next(struct line_reader *reader, const char **line, size_t *size, struct error *err)
{
    *line = input_file_line(reader->input, RECORD_MAX_LINE, size);
    if (*line == NULL)
        return 0;
    reader->line++;
    if (*size == SIZE_MAX)
        return error_set(err, "%s: line %" PRIu64 " is longer than %d bytes: this is no flow log",
                         input_file_name(reader->input), reader->line, RECORD_MAX_LINE);
    return 1;
}

bool format_first_line(const char *head, size_t size, struct field *line)
{
    const char *end = head + size;

    while (head < end && (*head == '\n' || *head == '\r'))
        head++;
    line->at = head;
    while (head < end && *head != '\n')
        head++;
    line->size = (size_t)(head - line->at);
    if (line->size > 0 && line->at[line->size - 1] == '\r')
        line->size--;
    return line->size > 0;
}

static const struct record_format *recognize(struct input_file *input)
{
    size_t size;
    const char *head = (const char *)input_file_peek(input, RECORD_HEAD, &size);

    for (int i = 0; i < FORMATS; i++) {
        if (formats[i]->recognizes(head, size))
            return formats[i];
    }
    return NULL;
}

bool record_file_recognizes(struct input_file *input)
{
    return recognize(input) != NULL;
}

static const struct record_format *format_of_name(const char *name, struct error *err)
{
    char names[TEXT_NAMES] = "";

    for (int i = 0; i < FORMATS; i++) {
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
        text_add_name(names, formats[i]->name);
    }
    error_set(err, "format \"%.40s\" is unknown; there are %s", name, names);
    return NULL;
}

static const struct record_format *choose_format(struct input_file *input,
                                                 const struct record_options *options,
                                                 struct error *err)
{
    const struct record_format *format;
    struct field line;
    char text[FIELD_TEXT];
    size_t size;
    const char *head;

    if (options->columns != NULL && options->format == NULL)
        return &format_columns;
    if (options->columns != NULL && strcmp(options->format, format_columns.name) != 0) {
        error_set(err, "columns are named for the format \"%s\", but \"%.40s\" is asked for",
                  format_columns.name, options->format);
        return NULL;
    }
    if (options->format != NULL)
        return format_of_name(options->format, err);
    format = recognize(input);
    if (format == NULL) {
        head = (const char *)input_file_peek(input, RECORD_HEAD, &size);
        error_set(err, "%s: is no flow log of a known format: it begins with \"%s\"; columns can be named",
                  input_file_name(input),
                  format_first_line(head, size, &line) ? field_show(line, text) : "");
    }
    return format;
}

struct record_file *record_file_open(struct input_file *input, const struct record_options *options,
                                     struct host_names *names, struct error *err)
{
    const struct record_format *format = choose_format(input, options, err);
    struct record_file *file = memory_alloc(sizeof *file);

    file->input = input;
    file->format = format;
    file->context.names = names;
    if (format != NULL)
        file->reader = format->open(input, options, &file->context.rules, err);
    if (file->reader == NULL) {
        record_file_close(file);
        return NULL;
    }
    return file;
}

void record_file_close(struct record_file *file)
{
    if (file == NULL)
        return;
    if (file->reader != NULL)
        file->format->close(file->reader);
    input_file_close(file->input);
    free(file);
}

/* Says where: "line 3: " and so on. */
static void remember_malformed(struct record_file *file, const char *column, const char *value,
                               const char *why)
{
    const char *noun;
    uint64_t place = file->format->place(file->reader, &noun);

    if (file->counts.malformed++ == 0)
        snprintf(file->first_malformed, sizeof file->first_malformed, "%s %" PRIu64 "%s%s%s%s%s: %.255s",
                 noun, place, column ? ", " : "", column ? column : "", value ? ": \"" : "",
                 value ? value : "", value ? "\"" : "", why);
}

static void remember_problem(struct record_file *file, const struct record_row *row,
                             const struct row_problem *problem)
{
    char column[COLUMN_TEXT], value[FIELD_TEXT];

    remember_malformed(file, file->format->column(file->reader, problem->role, column),
                       field_show(row->fields[problem->role], value), problem->why);
}

static int too_many_malformed(struct record_file *file, uint64_t allowed, struct error *err)
{
    const struct record_counts *counts = &file->counts;

    if (counts->malformed <= counts->lines / MALFORMED_SHARE + allowed)
        return 0;
    file->ended = true;
    return error_set(err, "%s: %" PRIu64 " of %" PRIu64 " lines cannot be read as %s,"
                     " and it is given up there; the first: %s",
                     input_file_name(file->input), counts->malformed, counts->lines, file->format->name,
                     file->first_malformed);
}

static int hopeless(struct record_file *file, const struct record_row *row,
                    const struct row_problem *problem, struct error *err)
{
    char column[COLUMN_TEXT], value[FIELD_TEXT];
    const char *noun;
    uint64_t place = file->format->place(file->reader, &noun);

    file->ended = true;
    file->counts.lines--; /* the failure tells of this one */
    return error_set(err, "%s: %s %" PRIu64 ", %s: \"%s\" %s", input_file_name(file->input), noun, place,
                     file->format->column(file->reader, problem->role, column),
                     field_show(row->fields[problem->role], value), problem->why);
}

/* 1: a record; 0: none, go on; -1: no more can come of it. */
static int take_row(struct record_file *file, const struct record_row *row, struct log_record *record,
                    struct error *err)
{
    struct row_problem problem = { ROLE_NONE, "" };

    switch (record_row_decode(row, &file->context, record, &problem)) {
    case ROW_RECORD:
        file->counts.records++;
        return 1;
    case ROW_OTHER_PROTOCOL:
        file->counts.other_protocol++;
        return 0;
    case ROW_OTHER_ICMP:
        file->counts.other_icmp++;
        return 0;
    case ROW_EMPTY:
        file->counts.empty++;
        return 0;
    case ROW_MALFORMED:
        remember_problem(file, row, &problem);
        return too_many_malformed(file, MALFORMED_EARLY, err);
    case ROW_HOPELESS:
        break;
    }
    return hopeless(file, row, &problem, err);
}

int record_file_next(struct record_file *file, struct log_record *record, struct error *err)
{
    struct record_row row;

    while (!file->ended) {
        int result;

        record_row_clear(&row);
        result = file->format->next(file->reader, &row, err);
        if (result == FORMAT_END || result == FORMAT_FAILED) {
            file->ended = true;
            return result == FORMAT_END ? too_many_malformed(file, MALFORMED_AT_END, err) : -1;
        }
        file->counts.lines++;
        if (result == FORMAT_ROW) {
            result = take_row(file, &row, record, err);
        } else {
            remember_malformed(file, NULL, NULL, err->text);
            err->text[0] = '\0';
            result = too_many_malformed(file, MALFORMED_EARLY, err);
        }
        if (result != 0)
            return result;
    }
    return 0;
}

const char *record_file_format(const struct record_file *file)
{
    return file->format->name;
}

const struct record_counts *record_file_counts(const struct record_file *file)
{
    return &file->counts;
}

const char *record_file_damage(struct record_file *file)
{
    const char *name = input_file_name(file->input);
    const char *damage = input_file_damage(file->input);
    const char *noun;
    uint64_t place = file->format->place(file->reader, &noun);

    if (damage == NULL && file->format->damage != NULL)
        damage = file->format->damage(file->reader);
    if (damage != NULL)
        snprintf(file->damage, sizeof file->damage, "%s: reading ended behind %s %" PRIu64 ": %s", name,
                 noun, place, damage);
    else if (file->counts.malformed > 0)
        snprintf(file->damage, sizeof file->damage, "%s: left out %" PRIu64 " of %" PRIu64
                 " lines that cannot be read; the first: %s", name, file->counts.malformed,
                 file->counts.lines, file->first_malformed);
    else
        return NULL;
    return file->damage;
}

void record_file_position(const struct record_file *file, uint64_t *read, uint64_t *size)
{
    input_file_position(file->input, read, size);
}
