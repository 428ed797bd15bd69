#include "records/label_table.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/hash_key.h"
#include "base/memory.h"
#include "net/wire.h"
#include "records/field.h"

enum {
    MAX_LINE = 64 * 1024,
    MAX_COLUMNS = 256,
    FILE_MAX_BYTES = 255,
    MALFORMED_SHARE = 100, /* one line in so many may be unreadable */
    NONE = -1
};

/* What becomes of a line. */
enum line_result { LINE_FAILED = -1, LINE_DONE, LINE_MALFORMED };

#define NO_ROW UINT32_MAX
#define NO_START INT64_MIN

/* What a column may be. */
enum label_column {
    COLUMN_LABEL,
    COLUMN_PROTOCOL,
    COLUMN_ADDRESS_A,
    COLUMN_PORT_A,
    COLUMN_ADDRESS_B,
    COLUMN_PORT_B,
    COLUMN_NEEDED, /* those above */
    COLUMN_FILE = COLUMN_NEEDED,
    COLUMN_START,
    COLUMN_START_NS,
    COLUMN_COUNT
};

/* Of several names in one header the first counts. */
static const char *const column_names[COLUMN_COUNT][5] = {
    [COLUMN_LABEL] = { "ndpi_label", "application", "class", "label" },
    [COLUMN_PROTOCOL] = { "l4", "pr", "proto", "protocol" },
    [COLUMN_ADDRESS_A] = { "client_ip", "sa", "src", "initiator" },
    [COLUMN_PORT_A] = { "client_port", "sp", "sport", "initiator_port" },
    [COLUMN_ADDRESS_B] = { "server_ip", "da", "dst", "responder" },
    [COLUMN_PORT_B] = { "server_port", "dp", "dport", "responder_port" },
    [COLUMN_FILE] = { "file" },
    [COLUMN_START] = { "ts", "first_seen", "start" },
    [COLUMN_START_NS] = { "start_ns" },
};

/* Both ends of a flow, the smaller first, without a hole: equal keys have equal bytes. */
struct label_key {
    uint8_t address[2][16];
    uint16_t port[2];
    uint16_t protocol;
};

struct label_row {
    struct label_key key;
    uint32_t next; /* of the same bucket, further down in the table; NO_ROW */
    const char *file;  /* base name; NULL: any */
    const char *label;
    int64_t start_ns; /* NO_START: not known */
};

/* Texts, each once: a sorted list of pointers, which the arena owns. */
struct text_set {
    char **texts;
    size_t count, capacity;
};

struct label_table {
    struct arena arena;
    struct text_set labels, files;
    struct label_row *rows;
    size_t count, capacity;
    uint32_t *buckets; /* the first row of each */
    size_t bucket_mask;
    struct hash_key hash_key;
    struct error damage; /* empty: none */
};

/* What a table is while it is read. */
struct label_reader {
    struct label_table *table;
    struct input_file *input;
    uint64_t line;      /* its number, from 1 */
    uint64_t lines;     /* behind the header that say something */
    uint64_t malformed; /* of these */
    struct error first_malformed;
    char delimiter;
    int column_of[COLUMN_COUNT]; /* NONE: there is none */
    struct field_clock clock;
};

/* ---- texts ---- */

static struct field base_name(struct field path)
{
    for (size_t i = path.size; i > 0; i--) {
        if (path.at[i - 1] == '/')
            return (struct field){ path.at + i, path.size - i };
    }
    return path;
}

static int compare_text(struct field field, const char *text)
{
    int order = strncmp(field.at, text, field.size);

    return order == 0 && text[field.size] != '\0' ? -1 : order;
}

/* Where the text is, or would have to be. */
static size_t text_place(const struct text_set *set, struct field field, bool *found)
{
    size_t low = 0;
    size_t high = set->count;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_text(field, set->texts[middle]);

        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* NULL when there are too many. */
static const char *text_set_add(struct text_set *set, struct arena *arena, struct field field)
{
    bool found;
    size_t place = text_place(set, field, &found);
    char *copy;

    if (found)
        return set->texts[place];
    if (set->count == LABEL_TABLE_MAX_LABELS)
        return NULL;
    copy = arena_alloc(arena, field.size + 1);
    memcpy(copy, field.at, field.size);
    set->texts = memory_grow(set->texts, &set->capacity, set->count + 1, sizeof *set->texts);
    memmove(set->texts + place + 1, set->texts + place, (set->count - place) * sizeof *set->texts);
    set->texts[place] = copy;
    set->count++;
    return copy;
}

/* ---- lines ---- */

/* Takes the first column off a line, without the blanks around it. False at the end. */
static bool next_column(struct field *line, char delimiter, struct field *column)
{
    const char *end;

    if (line->at == NULL)
        return false;
    end = memchr(line->at, delimiter, line->size);
    *column = (struct field){ line->at, end ? (size_t)(end - line->at) : line->size };
    *line = end ? (struct field){ end + 1, line->size - column->size - 1 } : (struct field){ NULL, 0 };
    while (column->size > 0 && column->at[0] == ' ')
        *column = (struct field){ column->at + 1, column->size - 1 };
    while (column->size > 0 && column->at[column->size - 1] == ' ')
        column->size--;
    return true;
}

/* Remembers the first. */
static enum line_result malformed(struct label_reader *reader, const char *what, struct field value)
{
    char shown[FIELD_TEXT];

    if (reader->malformed++ == 0)
        error_set(&reader->first_malformed, "line %" PRIu64 ": %s: \"%s\"", reader->line, what,
                  field_show(value, shown));
    return LINE_MALFORMED;
}

static enum line_result too_many(const struct label_reader *reader, const char *what, struct error *err)
{
    error_set(err, "%s: line %" PRIu64 ": more %s than a table of labels can have",
              input_file_name(reader->input), reader->line, what);
    return LINE_FAILED;
}

/* 1: a line that is not empty; 0: no more; -1. */
static int next_line(struct label_reader *reader, struct field *line, struct error *err)
{
    do {
        line->at = input_file_line(reader->input, MAX_LINE, &line->size);
        if (line->at == NULL) {
            const char *damage = input_file_damage(reader->input);

            return damage ? error_set(err, "%s: %s", input_file_name(reader->input), damage) : 0;
        }
        reader->line++;
        if (line->size == SIZE_MAX)
            return error_set(err, "%s: line %" PRIu64 " is longer than %d bytes: this is no table of labels",
                             input_file_name(reader->input), reader->line, MAX_LINE);
        if (memchr(line->at, '\0', line->size) != NULL)
            return error_set(err, "%s: line %" PRIu64 " holds a byte of 0, which is in no text",
                             input_file_name(reader->input), reader->line);
    } while (line->size == 0);
    return 1;
}

/* ---- the header ---- */

static int find_column(const struct field *header, int count, const char *const *names)
{
    for (; *names; names++) {
        for (int i = 0; i < count; i++) {
            if (field_is(header[i], *names))
                return i;
        }
    }
    return NONE;
}

static int read_header(struct label_reader *reader, struct error *err)
{
    struct field line, header[MAX_COLUMNS];
    int count = 0;
    int got = next_line(reader, &line, err);

    if (got < 0)
        return -1;
    if (got == 0)
        return error_set(err, "%s: holds no line", input_file_name(reader->input));
    reader->delimiter = memchr(line.at, '\t', line.size) ? '\t' : ',';
    while (count < MAX_COLUMNS && next_column(&line, reader->delimiter, &header[count]))
        count++;
    for (int i = 0; i < COLUMN_COUNT; i++)
        reader->column_of[i] = find_column(header, count, column_names[i]);
    for (int i = 0; i < COLUMN_NEEDED; i++) {
        if (reader->column_of[i] == NONE)
            return error_set(err, "%s: the first line names no column %s, %s or %s: this is no table of labels",
                             input_file_name(reader->input), column_names[i][0], column_names[i][1],
                             column_names[i][3]);
    }
    return 0;
}

/* ---- rows ---- */

static struct label_key key_of(const struct ip_address address[2], const uint16_t port[2], uint8_t protocol)
{
    struct label_key key = { .protocol = protocol };
    int order = memcmp(address[0].bytes, address[1].bytes, sizeof address[0].bytes);
    bool swapped = order > 0 || (order == 0 && port[0] > port[1]);

    for (int i = 0; i < 2; i++) {
        memcpy(key.address[i], address[swapped ? !i : i].bytes, sizeof key.address[i]);
        key.port[i] = port[swapped ? !i : i];
    }
    return key;
}

/* Of another protocol than TCP and UDP the key is not set. */
static enum line_result read_key(struct label_reader *reader, const struct field *fields, bool *is_other,
                                 struct label_key *key)
{
    struct ip_address address[2];
    uint16_t port[2];
    unsigned protocol;

    if (field_to_protocol(fields[COLUMN_PROTOCOL], &protocol) < 0)
        return malformed(reader, "no protocol", fields[COLUMN_PROTOCOL]);
    *is_other = protocol != IP_TCP && protocol != IP_UDP;
    for (int i = 0; i < 2 && !*is_other; i++) {
        struct field where = fields[i == 0 ? COLUMN_ADDRESS_A : COLUMN_ADDRESS_B];
        struct field number = fields[i == 0 ? COLUMN_PORT_A : COLUMN_PORT_B];
        uint64_t value;

        if (field_to_address(where, &address[i]) < 0)
            return malformed(reader, "no address", where);
        if (field_to_u64(number, UINT16_MAX, &value) < 0)
            return malformed(reader, "no port", number);
        port[i] = (uint16_t)value;
    }
    if (!*is_other)
        *key = key_of(address, port, (uint8_t)protocol);
    return LINE_DONE;
}

static bool is_absent(struct field field)
{
    return field.size == 0 || (field.size == 1 && field.at[0] == '-');
}

static enum line_result read_start(struct label_reader *reader, const struct field *fields,
                                   int64_t *start_ns)
{
    struct field start = fields[COLUMN_START];
    struct field start_in_ns = fields[COLUMN_START_NS];
    int64_t grain_ns;
    uint64_t value;

    *start_ns = NO_START;
    if (!is_absent(start_in_ns)) {
        if (field_to_u64(start_in_ns, FIELD_MAX_TIME_NS, &value) < 0)
            return malformed(reader, "no time in nanoseconds", start_in_ns);
        *start_ns = (int64_t)value;
    } else if (!is_absent(start) && field_to_time(start, &reader->clock, start_ns, &grain_ns) < 0) {
        return malformed(reader, "no time", start);
    }
    return LINE_DONE;
}

static bool is_plain(struct field label)
{
    for (size_t i = 0; i < label.size; i++) {
        if (label.at[i] < ' ' || label.at[i] > '~' || label.at[i] == '"' || label.at[i] == ',')
            return false;
    }
    return label.size <= LABEL_MAX_BYTES;
}

static enum line_result read_texts(struct label_reader *reader, const struct field *fields,
                                   struct label_row *row, struct error *err)
{
    struct label_table *table = reader->table;
    struct field file = base_name(fields[COLUMN_FILE]);

    if (!is_plain(fields[COLUMN_LABEL]))
        return malformed(reader, "a label has at most 63 printable letters, no quotes and no commas",
                         fields[COLUMN_LABEL]);
    if (file.size > FILE_MAX_BYTES)
        return malformed(reader, "no name of a file", file);
    row->label = text_set_add(&table->labels, &table->arena, fields[COLUMN_LABEL]);
    if (row->label == NULL)
        return too_many(reader, "labels", err);
    if (is_absent(file))
        return LINE_DONE;
    row->file = text_set_add(&table->files, &table->arena, file);
    return row->file ? LINE_DONE : too_many(reader, "files", err);
}

/* The fields of columns that are known. */
static void split(const struct label_reader *reader, struct field line, struct field fields[COLUMN_COUNT])
{
    struct field column;

    for (int i = 0; next_column(&line, reader->delimiter, &column); i++) {
        for (int c = 0; c < COLUMN_COUNT; c++) {
            if (reader->column_of[c] == i)
                fields[c] = column;
        }
    }
}

static enum line_result read_row(struct label_reader *reader, struct field line, struct error *err)
{
    struct label_table *table = reader->table;
    struct field fields[COLUMN_COUNT] = { { NULL, 0 } };
    struct label_row row = { .next = NO_ROW };
    enum line_result result;
    bool is_other;

    split(reader, line, fields);
    for (int c = 0; c < COLUMN_NEEDED; c++) {
        if (fields[c].at == NULL)
            return malformed(reader, "has too few columns", line);
    }
    result = read_key(reader, fields, &is_other, &row.key);
    if (result != LINE_DONE || is_other || is_absent(fields[COLUMN_LABEL]))
        return result;
    result = read_start(reader, fields, &row.start_ns);
    if (result == LINE_DONE)
        result = read_texts(reader, fields, &row, err);
    if (result != LINE_DONE)
        return result;
    if (table->count == LABEL_TABLE_MAX_ROWS)
        return too_many(reader, "lines", err);
    table->rows = memory_grow(table->rows, &table->capacity, table->count + 1, sizeof *table->rows);
    table->rows[table->count++] = row;
    return LINE_DONE;
}

/* ---- the table ---- */

static uint32_t *bucket_of(const struct label_table *table, const struct label_key *key)
{
    return &table->buckets[hash_bytes(&table->hash_key, key, sizeof *key) & table->bucket_mask];
}

/* From the last row on, so that a bucket begins with the first. */
static void index_rows(struct label_table *table)
{
    size_t buckets = 1;

    while (buckets < table->count)
        buckets *= 2;
    table->buckets = memory_alloc_array(buckets, sizeof *table->buckets);
    memset(table->buckets, 0xff, buckets * sizeof *table->buckets);
    table->bucket_mask = buckets - 1;
    table->hash_key = hash_key_new();
    for (size_t i = table->count; i-- > 0;) {
        uint32_t *bucket = bucket_of(table, &table->rows[i].key);

        table->rows[i].next = *bucket;
        *bucket = (uint32_t)i;
    }
}

/* Few lines that cannot be read are damage, many a failure. */
static int judge_malformed(struct label_reader *reader, struct error *err)
{
    struct error *say = reader->malformed > reader->lines / MALFORMED_SHARE ? err : &reader->table->damage;

    if (reader->malformed == 0)
        return 0;
    error_set(say, "%s: %" PRIu64 " of %" PRIu64 " lines cannot be read; the first: %s",
              input_file_name(reader->input), reader->malformed, reader->lines, reader->first_malformed.text);
    return say == err ? -1 : 0;
}

static int read_all(struct label_reader *reader, struct error *err)
{
    struct field line;
    int got;

    if (read_header(reader, err) < 0)
        return -1;
    while ((got = next_line(reader, &line, err)) == 1) {
        reader->lines++;
        if (read_row(reader, line, err) == LINE_FAILED)
            return -1;
    }
    if (got < 0 || judge_malformed(reader, err) < 0)
        return -1;
    if (reader->table->count == 0)
        return error_set(err, "%s: no line labels a flow of TCP or UDP", input_file_name(reader->input));
    return 0;
}

struct label_table *label_table_read_input(struct input_file *input, struct error *err)
{
    struct label_reader reader = { .input = input };
    int status;

    reader.table = memory_alloc(sizeof *reader.table);
    arena_init(&reader.table->arena);
    status = read_all(&reader, err);
    input_file_close(reader.input);
    if (status < 0) {
        label_table_free(reader.table);
        return NULL;
    }
    index_rows(reader.table);
    return reader.table;
}

struct label_table *label_table_read(const char *path, struct error *err)
{
    struct input_file *input = input_file_open(path, err);

    return input ? label_table_read_input(input, err) : NULL;
}

void label_table_free(struct label_table *table)
{
    if (table == NULL)
        return;
    free(table->buckets);
    free(table->rows);
    free(table->files.texts);
    free(table->labels.texts);
    arena_release(&table->arena);
    free(table);
}

static uint64_t distance(int64_t a, int64_t b)
{
    return a < b ? (uint64_t)b - (uint64_t)a : (uint64_t)a - (uint64_t)b;
}

const char *label_table_find(const struct label_table *table, const char *file,
                             const struct flow_record *record)
{
    struct label_key key = key_of(record->address, record->port, record->protocol);
    struct field name = base_name((struct field){ file, file ? strlen(file) : 0 });
    const struct label_row *best = NULL;
    uint64_t best_distance = 0;

    for (uint32_t i = *bucket_of(table, &key); i != NO_ROW; i = table->rows[i].next) {
        const struct label_row *row = &table->rows[i];
        uint64_t far = row->start_ns == NO_START ? UINT64_MAX : distance(row->start_ns, record->start.ns);

        if (memcmp(&row->key, &key, sizeof key) != 0)
            continue;
        if (file && row->file && compare_text(name, row->file) != 0)
            continue;
        if (best == NULL || far < best_distance) {
            best = row;
            best_distance = far;
        }
    }
    return best ? best->label : NULL;
}

const char *label_table_damage(const struct label_table *table)
{
    return table->damage.text[0] != '\0' ? table->damage.text : NULL;
}

size_t label_table_count(const struct label_table *table)
{
    return table->labels.count;
}

const char *label_table_label(const struct label_table *table, size_t index)
{
    return table->labels.texts[index];
}
