/*
 * dayshift features: 22 statistics of each flow of captures, as CSV for a classifier.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mono_time.h"
#include "base/output_file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/file_label.h"
#include "cli/options.h"
#include "cli/read_inputs.h"
#include "eval/flow_vector.h"
#include "net/wire.h"
#include "records/label_table.h"

static const char help[] =
    "Usage: dayshift features [OPTION]... CAPTURE...\n"
    "\n"
    "Writes a line of CSV for each flow of captures: where it is from, its label, 22 statistics that a\n"
    "classifier can learn from, and its sequence of data packets as a hash, by which copies are found.\n"
    "dayshift(1) has all columns. Each capture is read by itself; captures are what 'dayshift learn'\n"
    "reads, without flow logs.\n"
    "\n"
    "  -o, --output FILE        the file to write (default '-': standard output)\n"
    "      --labels TABLE       label flows by this table: what a labeller wrote, the truth of\n"
    "                           'dayshift sessions', or features that have labels\n"
    "      --labels file        label flows by the name of their capture, without .pcap and the like\n"
    "      --protocol NAME      only flows of tcp, or of udp\n"
    "      --fold K/N           only flows of part K (0 to N-1) of N\n"
    "      --except-fold K/N    only flows of the other parts\n"
    "      --anonymous          without the columns of addresses\n"
    "  -q, --quiet              no progress and no summary\n"
    "  -h, --help               this text\n"
    "\n"
    "Exit status: 0 done; 1 failed; 2 wrong usage; 3 done, but a part of the input could not be read.\n";

enum { OPTION_LABELS = 256, OPTION_PROTOCOL, OPTION_FOLD, OPTION_EXCEPT_FOLD, OPTION_ANONYMOUS };

/* Which flows are written. */
struct fold_choice {
    uint32_t fold, folds; /* 0 folds: all */
    bool is_excepted;
};

struct options {
    const char *output;
    const char *labels; /* NULL: none */
    uint8_t protocol;   /* 0: all */
    struct fold_choice fold;
    bool anonymous;
    bool quiet;
};

/* What the sink of flows needs. */
struct features {
    const struct options *options;
    const struct label_table *table; /* NULL: none */
    const struct read_totals *totals;
    FILE *stream;
    uint64_t flows, labelled;
};

/* ---- the columns ---- */

static void write_header(const struct features *f)
{
    fputs(f->options->anonymous ? "file,protocol,initiator_port,responder_port,start_ns,label"
                                : "file,protocol,initiator,initiator_port,responder,responder_port,start_ns,label",
          f->stream);
    for (int i = 0; i < FLOW_NUMBERS; i++)
        fprintf(f->stream, ",%s", flow_number_name((enum flow_number)i));
    fputs(",data_packets,data_sequence\n", f->stream);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* A name in CSV: what would need quotes, and what no line has, becomes an underscore. */
static void write_name(const char *name, size_t size, FILE *stream)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)name[i];

        fputc(c < ' ' || c == 0x7f || c == ',' || c == '"' ? '_' : c, stream);
    }
}

/* False when the flow has none. */
static bool write_label(const struct features *f, const struct flow_record *record)
{
    const char *name = base_name(f->totals->capture_name);
    char of_file[LABEL_MAX_BYTES + 1];
    const char *label;

    if (f->options->labels == NULL)
        return false;
    if (f->table == NULL) {
        fputs(file_label(name, of_file), f->stream);
        return true;
    }
    label = label_table_find(f->table, name, record);
    if (label != NULL)
        fputs(label, f->stream);
    return label != NULL;
}

static void write_end(const struct features *f, const struct flow_record *record, enum flow_side side)
{
    char text[IP_ADDRESS_TEXT];

    if (!f->options->anonymous)
        fprintf(f->stream, ",%s", ip_address_format(&record->address[side], text));
    fprintf(f->stream, ",%u", record->port[side]);
}

static void write_flow(struct features *f, const struct flow_record *record,
                       const struct flow_statistics *statistics)
{
    const char *name = base_name(f->totals->capture_name);
    double vector[FLOW_NUMBERS];

    write_name(name, strlen(name), f->stream);
    fprintf(f->stream, ",%s", cli_protocol_name(record->protocol));
    write_end(f, record, FLOW_INITIATOR);
    write_end(f, record, FLOW_RESPONDER);
    fprintf(f->stream, ",%" PRId64 ",", record->start.ns);
    f->labelled += write_label(f, record);
    flow_vector_of(record, statistics, vector);
    for (int i = 0; i < FLOW_NUMBERS; i++)
        fprintf(f->stream, ",%.12g", vector[i]);
    fprintf(f->stream, ",%" PRIu64 ",%016" PRIx64 "\n", statistics->data_packets, statistics->data_sequence);
}

static bool is_chosen(const struct options *o, const struct flow_record *record)
{
    if (o->protocol != 0 && record->protocol != o->protocol)
        return false;
    return o->fold.folds == 0 ||
           (flow_record_fold(record, o->fold.folds) == o->fold.fold) != o->fold.is_excepted;
}

/* ---- what the flow table tells ---- */

static void add_packet(void *self, void *state, enum flow_side side, const struct packet_view *packet)
{
    (void)self;
    flow_statistics_add(state, side, packet->time, packet->payload_bytes);
}

static void end_flow(void *self, void *state, const struct flow_record *record)
{
    struct features *f = self;

    if (!is_chosen(f->options, record))
        return;
    write_flow(f, record, state);
    f->flows++;
}

/* All was said at the end of the flow. */
static void pass_record(void *self, const struct flow_record *record)
{
    (void)self;
    (void)record;
}

/* ---- options ---- */

static int take_fold(struct fold_choice *choice, const char *name, const char *text, bool is_excepted,
                     struct error *err)
{
    if (choice->folds > 0)
        return error_set(err, "%s: one choice of a fold is enough", name);
    choice->is_excepted = is_excepted;
    return option_fold(name, text, &choice->fold, &choice->folds, err);
}

static int take_option(void *self, int option, char *value, struct error *err)
{
    struct options *o = self;

    switch (option) {
    case 'o': o->output = value; return 0;
    case 'q': o->quiet = true; return 0;
    case OPTION_LABELS: o->labels = value; return 0;
    case OPTION_PROTOCOL: return option_protocol("--protocol", value, false, &o->protocol, err);
    case OPTION_FOLD: return take_fold(&o->fold, "--fold", value, false, err);
    case OPTION_EXCEPT_FOLD: return take_fold(&o->fold, "--except-fold", value, true, err);
    default: o->anonymous = true; return 0;
    }
}

/* EXIT_OK to go on, or as options_read(). */
static int parse(struct options *o, int argc, char **argv)
{
    static const struct option long_options[] = {
        { "output", required_argument, NULL, 'o' },
        { "labels", required_argument, NULL, OPTION_LABELS },
        { "protocol", required_argument, NULL, OPTION_PROTOCOL },
        { "fold", required_argument, NULL, OPTION_FOLD },
        { "except-fold", required_argument, NULL, OPTION_EXCEPT_FOLD },
        { "anonymous", no_argument, NULL, OPTION_ANONYMOUS },
        { "quiet", no_argument, NULL, 'q' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    const struct option_reader reader = { help, "o:qh", long_options, take_option, o };
    int status = options_read(&reader, argc, argv);

    if (status == EXIT_OK && optind == argc)
        return options_misused("features", "at least one capture is needed");
    return status;
}

/* ---- the verb ---- */

static void print_summary(const struct features *f, double seconds)
{
    uint64_t packets = f->totals->flow.packets;
    char flows[TEXT_NUMBER], labelled[TEXT_NUMBER], read[TEXT_NUMBER], rate[TEXT_NUMBER];

    printf("%s: %s flows, %s with a label; %s packets read, %s a second\n", f->options->output,
           text_from_count(f->flows, flows), text_from_count(f->labelled, labelled),
           text_from_count(packets, read),
           text_from_count(seconds > 0 ? (uint64_t)((double)packets / seconds) : 0, rate));
}

static int write_features(struct features *f, char **paths, int count, const struct read_options *read,
                          struct read_totals *totals, struct error *err)
{
    struct output_file output;
    struct mono_time begin = mono_time_now();
    int status;

    if (output_file_open(&output, f->options->output, err) < 0)
        return -1;
    f->stream = output.stream;
    write_header(f);
    status = read_inputs(paths, count, read, pass_record, NULL, totals, err);
    if (status == 0 && atomic_load(read->stop))
        status = error_set(err, "interrupted; %s", output.temporary ? "nothing was written"
                                                                    : "the output ends early");
    if (status == 0)
        status = output_file_commit(&output, err);
    output_file_abandon(&output);
    if (status == 0 && !f->options->quiet && strcmp(f->options->output, "-") != 0)
        print_summary(f, mono_time_seconds_since(begin));
    return status;
}

/* The table, or NULL with 0 when none is wanted. */
static int read_table(const struct options *o, struct label_table **table, bool *is_damaged,
                      struct error *err)
{
    *table = NULL;
    if (o->labels == NULL || strcmp(o->labels, "file") == 0)
        return 0;
    *table = label_table_read(o->labels, err);
    if (*table == NULL)
        return -1;
    *is_damaged = label_table_damage(*table) != NULL;
    if (*is_damaged)
        fprintf(stderr, "dayshift: %s; the others count\n", label_table_damage(*table));
    return output_file_check_apart(o->output, o->labels, err);
}

int verb_features(int argc, char **argv)
{
    struct options o = { .output = "-" };
    struct read_totals totals = { 0 };
    struct features f = { .options = &o, .totals = &totals };
    const struct flow_observer observer = { &f, sizeof(struct flow_statistics), add_packet, end_flow, NULL };
    struct read_options read = { .captures_only = true, .captures_apart = true, .observer = &observer,
                                 .max_bytes = READ_MAX_BYTES_DEFAULT };
    struct label_table *table = NULL;
    bool is_damaged = false;
    struct error err = { "" };
    int status = parse(&o, argc, argv);

    if (status != EXIT_OK)
        return status == OPTIONS_HELP ? EXIT_OK : status;
    read.quiet = o.quiet;
    read.outputs[0] = o.output;
    read.stop = cli_catch_signals();
    status = read_table(&o, &table, &is_damaged, &err);
    f.table = table;
    if (status == 0)
        status = write_features(&f, argv + optind, argc - optind, &read, &totals, &err);
    label_table_free(table);
    if (status < 0)
        return cli_fail(&err);
    return totals.damaged > 0 || is_damaged ? EXIT_DAMAGED : EXIT_OK;
}
