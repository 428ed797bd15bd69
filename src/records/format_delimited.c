/*
 * Delimited text: the formats whose columns are known, and those whose columns the user names.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "records/column_map.h"
#include "records/record_format.h"

static const struct column_name nfdump_names[] = {
    { "ts", ROLE_START }, { "te", ROLE_END }, { "td", ROLE_DURATION }, { "sa", ROLE_SRC },
    { "da", ROLE_DST }, { "sp", ROLE_SPORT }, { "dp", ROLE_DPORT }, { "pr", ROLE_PROTO },
    { "flg", ROLE_FLAGS }, { "ipkt", ROLE_PACKETS }, { "ibyt", ROLE_BYTES },
    { "opkt", ROLE_RPACKETS }, { "obyt", ROLE_RBYTES },
    /* from nfdump 1.7.3 on */
    { "firstSeen", ROLE_START }, { "lastSeen", ROLE_END }, { "duration", ROLE_DURATION },
    { "srcAddr", ROLE_SRC }, { "dstAddr", ROLE_DST }, { "srcPort", ROLE_SPORT },
    { "dstPort", ROLE_DPORT }, { "proto", ROLE_PROTO }, { "flags", ROLE_FLAGS },
    { "packets", ROLE_PACKETS }, { "inPackets", ROLE_PACKETS }, { "bytes", ROLE_BYTES },
    { "inBytes", ROLE_BYTES }, { "outPackets", ROLE_RPACKETS }, { "outBytes", ROLE_RBYTES },
    { "oflg", ROLE_RFLAGS }, /* of encoding_csv.c */
};

static const struct column_name ugr16_names[] = {
    { "te", ROLE_END }, { "td", ROLE_DURATION }, { "sa", ROLE_SRC }, { "da", ROLE_DST },
    { "sp", ROLE_SPORT }, { "dp", ROLE_DPORT }, { "pr", ROLE_PROTO }, { "flg", ROLE_FLAGS },
    { "pkt", ROLE_PACKETS }, { "byt", ROLE_BYTES },
};

static const struct column_name argus_names[] = {
    { "StartTime", ROLE_START }, { "LastTime", ROLE_END }, { "Dur", ROLE_DURATION },
    { "Proto", ROLE_PROTO }, { "SrcAddr", ROLE_SRC }, { "Sport", ROLE_SPORT },
    { "Dir", ROLE_DIRECTION }, { "DstAddr", ROLE_DST }, { "Dport", ROLE_DPORT },
    { "State", ROLE_STATE }, { "SrcPkts", ROLE_PACKETS }, { "DstPkts", ROLE_RPACKETS },
    { "SrcBytes", ROLE_BYTES }, { "DstBytes", ROLE_RBYTES }, { "TotPkts", ROLE_TOTAL_PACKETS },
    { "TotBytes", ROLE_TOTAL_BYTES },
};

static const struct column_name lanl_names[] = {
    { "Time", ROLE_START }, { "Duration", ROLE_DURATION }, { "SrcDevice", ROLE_SRC },
    { "DstDevice", ROLE_DST }, { "Protocol", ROLE_PROTO }, { "SrcPort", ROLE_SPORT },
    { "DstPort", ROLE_DPORT }, { "SrcPackets", ROLE_PACKETS }, { "DstPackets", ROLE_RPACKETS },
    { "SrcBytes", ROLE_BYTES }, { "DstBytes", ROLE_RBYTES },
};

/* The columns of the original data sets, which have no header. */
static const uint8_t ugr16_bare[] = {
    ROLE_END, ROLE_DURATION, ROLE_SRC, ROLE_DST, ROLE_SPORT, ROLE_DPORT, ROLE_PROTO, ROLE_FLAGS,
    ROLE_NONE, ROLE_NONE, ROLE_PACKETS, ROLE_BYTES, ROLE_NONE,
};

static const uint8_t lanl_bare[] = {
    ROLE_START, ROLE_DURATION, ROLE_SRC, ROLE_DST, ROLE_PROTO, ROLE_SPORT, ROLE_DPORT,
    ROLE_PACKETS, ROLE_RPACKETS, ROLE_BYTES, ROLE_RBYTES,
};

/* What is known of a format that names its columns. */
struct dialect {
    const struct column_name *names;
    size_t name_count;
    const uint8_t *bare; /* roles of the columns without a header; NULL: there always is one */
    unsigned bare_count;
    struct row_rules rules;
};

#define NAMES(list) (list), sizeof(list) / sizeof *(list)

static const struct dialect nfdump_dialect = {
    NAMES(nfdump_names), NULL, 0, { ICMP_IN_DPORT, .knows_initiator = true, .pairs = true }
};
static const struct dialect ugr16_dialect = {
    NAMES(ugr16_names), NAMES(ugr16_bare), { ICMP_IN_DPORT, .pairs = true }
};
static const struct dialect argus_dialect = {
    NAMES(argus_names), NULL, 0, { ICMP_IN_ARGUS, .knows_initiator = true, .udp_by_content = true }
};
static const struct dialect lanl_dialect = {
    NAMES(lanl_names), NAMES(lanl_bare),
    { ICMP_IN_DPORT, .knows_initiator = true, .pairs = true, .is_cumulative = true }
};

/* ends what `nfdump -o csv` prints, but for the sums of all flows */
static const char summary[] = "Summary";

struct delimited {
    struct line_reader lines;
    struct column_map map;
    bool in_summary;
};

static const char delimiters[] = { ',', '\t', ';' };

/* Which delimiter makes the line a header of the dialect; 0: none. */
static char header_delimiter(const struct dialect *dialect, struct field line)
{
    char found = '\0';

    for (size_t i = 0; i < sizeof delimiters && found == '\0'; i++) {
        struct column_map map;

        column_map_init(&map, delimiters[i]);
        column_map_read_header(&map, line.at, line.size, dialect->names, dialect->name_count);
        if (column_map_missing(&map) == NULL)
            found = delimiters[i];
        column_map_release(&map);
    }
    return found;
}

static void map_bare(struct column_map *map, const struct dialect *dialect, char delimiter)
{
    column_map_init(map, delimiter);
    for (unsigned i = 0; i < dialect->bare_count; i++) {
        if (dialect->bare[i] != ROLE_NONE)
            column_map_set(map, i, dialect->bare[i]);
    }
}

/* Without a header: as many columns as there should be, and they can be read. No name is kept. */
static bool is_bare_line(const struct dialect *dialect, struct field line)
{
    struct row_context context = { .rules = dialect->rules, .names = host_names_new(0) };
    struct column_map map;
    struct record_row row;
    struct log_record record;
    struct row_problem problem;
    struct error ignored;
    bool is = false;

    map_bare(&map, dialect, ',');
    record_row_clear(&row);
    if (column_map_count(&map, line.at, line.size) == dialect->bare_count &&
        column_map_split(&map, line.at, line.size, &row, &ignored) == 0) {
        enum row_result result = record_row_decode(&row, &context, &record, &problem);

        is = result != ROW_MALFORMED && result != ROW_HOPELESS;
    }
    host_names_free(context.names);
    return is;
}

static bool dialect_recognizes(const struct dialect *dialect, const char *head, size_t size)
{
    struct field line;

    if (!format_first_line(head, size, &line))
        return false;
    return header_delimiter(dialect, line) != '\0' ||
           (dialect->bare != NULL && is_bare_line(dialect, line));
}

/* Takes lines up to the first that is not empty. */
static int first_line(struct line_reader *lines, struct field *line, struct error *err)
{
    int status;

    do {
        status = line_reader_next(lines, &line->at, &line->size, err);
    } while (status == 1 && line->size == 0);
    if (status == 0)
        error_set(err, "%s: holds no line", input_file_name(lines->input));
    return status == 1 ? 0 : -1;
}

static struct delimited *delimited_new(struct input_file *input)
{
    struct delimited *d = memory_alloc(sizeof *d);

    d->lines.input = input;
    return d;
}

/* A line that is peeked at: what tells the format is not taken when it is a record. */
static void *dialect_open(struct input_file *input, const struct dialect *dialect, const char *format,
                          struct row_rules *rules, struct error *err)
{
    struct delimited *d = delimited_new(input);
    struct field line;
    size_t size;
    const char *head = (const char *)input_file_peek(input, RECORD_HEAD, &size);
    char delimiter = '\0';

    *rules = dialect->rules;
    if (format_first_line(head, size, &line))
        delimiter = header_delimiter(dialect, line);
    if (delimiter == '\0' && dialect->bare != NULL && line.size > 0 && is_bare_line(dialect, line)) {
        map_bare(&d->map, dialect, ',');
        return d;
    }
    if (delimiter == '\0') {
        error_set(err, "%s: the first line is no header of %s", input_file_name(input), format);
        free(d);
        return NULL;
    }
    if (first_line(&d->lines, &line, err) < 0) {
        free(d);
        return NULL;
    }
    column_map_init(&d->map, delimiter);
    column_map_read_header(&d->map, line.at, line.size, dialect->names, dialect->name_count);
    if (d->map.has_role[ROLE_RFLAGS]) { /* what dayshift wrote: both directions are in the line */
        rules->pairs = false;
        rules->icmp = ICMP_WITH_IDENTIFIER;
    }
    return d;
}

static bool is_header(const struct delimited *d, const char *line, size_t size)
{
    return d->map.header != NULL && size == d->map.header_size && memcmp(line, d->map.header, size) == 0;
}

static int delimited_next(void *self, struct record_row *row, struct error *err)
{
    struct delimited *d = self;
    const char *line;
    size_t size;
    int status;

    while ((status = line_reader_next(&d->lines, &line, &size, err)) == 1) {
        if (is_header(d, line, size)) { /* of another log behind the first */
            d->in_summary = false;
            continue;
        }
        if (size == sizeof summary - 1 && memcmp(line, summary, size) == 0)
            d->in_summary = true;
        if (d->in_summary || size == 0 || line[0] == '#')
            continue;
        return column_map_split(&d->map, line, size, row, err) == 0 ? FORMAT_ROW : FORMAT_DAMAGED;
    }
    return status == 0 ? FORMAT_END : FORMAT_FAILED;
}

static uint64_t delimited_place(const void *self, const char **noun)
{
    *noun = "line";
    return ((const struct delimited *)self)->lines.line;
}

static const char *delimited_column(const void *self, enum row_role role, char text[])
{
    return column_map_show(&((const struct delimited *)self)->map, role, text);
}

static void delimited_close(void *self)
{
    struct delimited *d = self;

    column_map_release(&d->map);
    free(d);
}

/* Numbers need no header: whatever the first line is, it is a record. */
static int map_choice(struct delimited *d, const struct column_choice *choice, struct error *err)
{
    const char *missing;
    struct field line = { "", 0 };
    char shown[FIELD_TEXT];

    column_map_init(&d->map, choice->delimiter ? choice->delimiter : ',');
    if (choice->by_number) {
        for (size_t i = 0; i < choice->count; i++)
            column_map_set(&d->map, choice->numbers[i], choice->names[i].role);
    } else {
        if (first_line(&d->lines, &line, err) < 0)
            return -1;
        column_map_read_header(&d->map, line.at, line.size, choice->names, choice->count);
    }
    for (size_t i = 0; i < choice->count; i++) {
        if (d->map.has_role[choice->names[i].role])
            continue;
        if (choice->by_number)
            return error_set(err, "columns: column %s is named twice", choice->names[i].header);
        return error_set(err, "%s: there is no column \"%.40s\" (for %s) in the first line, \"%s\"",
                         input_file_name(d->lines.input), choice->names[i].header,
                         row_role_name(choice->names[i].role), field_show(line, shown));
    }
    missing = column_map_missing(&d->map);
    if (missing != NULL)
        return error_set(err, "columns: \"%s\" is missing%s", missing,
                         strcmp(missing, "start") == 0     ? " (or \"end\")"
                         : strcmp(missing, "packets") == 0 ? " (or \"totpackets\")"
                         : strcmp(missing, "bytes") == 0   ? " (or \"totbytes\")"
                                                           : "");
    return 0;
}

void *delimited_open_columns(struct input_file *input, const char *columns, struct row_rules *rules,
                             struct error *err)
{
    struct delimited *d = delimited_new(input);
    struct column_choice choice;
    int status = column_choice_parse(&choice, columns, err);

    if (status == 0)
        status = map_choice(d, &choice, err);
    column_choice_release(&choice);
    if (status < 0) {
        delimited_close(d);
        return NULL;
    }
    rules->icmp = ICMP_IN_DPORT;
    rules->pairs = !d->map.has_role[ROLE_RPACKETS] && !d->map.has_role[ROLE_TOTAL_PACKETS];
    rules->knows_initiator = !rules->pairs;
    return d;
}

static void *columns_open(struct input_file *input, const struct record_options *options,
                          struct row_rules *rules, struct error *err)
{
    if (options->columns == NULL) {
        error_set(err, "the format \"columns\" needs columns to be named");
        return NULL;
    }
    return delimited_open_columns(input, options->columns, rules, err);
}

static bool never(const char *head, size_t size)
{
    (void)head;
    (void)size;
    return false;
}

const struct record_format format_columns = {
    "columns", never, columns_open, delimited_next, delimited_place, delimited_column, delimited_close,
    NULL,
};

/* The functions of a dialect, and its line in the table of formats. */
#define DIALECT(name)                                                                                  \
    static bool name##_recognizes(const char *head, size_t size)                                       \
    {                                                                                                  \
        return dialect_recognizes(&name##_dialect, head, size);                                        \
    }                                                                                                  \
    static void *name##_open(struct input_file *input, const struct record_options *options,           \
                             struct row_rules *rules, struct error *err)                               \
    {                                                                                                  \
        (void)options;                                                                                 \
        return dialect_open(input, &name##_dialect, #name, rules, err);                                \
    }                                                                                                  \
    const struct record_format format_##name = {                                                       \
        #name,           name##_recognizes, name##_open,     delimited_next,                           \
        delimited_place, delimited_column,  delimited_close, NULL,                                     \
    }

DIALECT(nfdump);
DIALECT(ugr16);
DIALECT(argus);
DIALECT(lanl);
