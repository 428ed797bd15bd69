/*
 * dayshift learn: captures, flow logs or an interface -> flows -> statistics -> fit -> model file.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/output_file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/flow_labels.h"
#include "cli/host_choice.h"
#include "cli/learn_report.h"
#include "cli/options.h"
#include "cli/privileges.h"
#include "cli/write_model.h"
#include "learn/address_tag.h"

static const char help[] =
    "Usage: dayshift learn -o MODEL [OPTION]... INPUT...\n"
    "       dayshift learn -o MODEL -i INTERFACE [--for DURATION] [OPTION]...\n"
    "\n"
    "Learns a model of every local host. An input is a capture (pcap, pcapng) or a flow log (nfcapd,\n"
    "nfdump -o csv, Zeek conn.log, Argus ra -c, ...), compressed or not (.gz .xz .zst .bz2 .lz4), a\n"
    "directory of them, or '-' for standard input. Several are read as one, in order of time. The\n"
    "model holds no address, no name and no payload of the source.\n"
    "\n"
    "  -o, --output MODEL     the model file to write ('-': standard output)\n"
    "  -i, --interface NAME   learn live from this interface, until Ctrl-C\n"
    "      --for DURATION     with -i: for so long (90s, 8h, 7d)\n"
    "  -l, --local NETWORK    hosts in this network (or with names like Comp*) are local; may be\n"
    "                         repeated (without: found from the data)\n"
    "      --hosts FILE       these addresses, one a line, are the hosts, in this order\n"
    "      --half even|odd    only flows that begin in every second slice of five minutes: what two\n"
    "                         halves of one network differ in, no model of it can be blamed for\n"
    "      --fold K/N         without the flows of fold K of N, which 'dayshift features --fold K/N' has\n"
    "      --map FILE         also write which host of the model had which address\n"
    "                         (keep it to yourself)\n"
    "      --key FILE         mark hosts with a keyed hash of their address, so that models learned\n"
    "                         with the same key can be merged host by host; 32 secret bytes\n"
    "      --crowd K          merge hosts that behave alike: every host of the model stands for at\n"
    "                         least K hosts, and shows only what at least K of them did\n"
    "      --timezone ZONE    where the network is (Europe/Madrid): its days, and the times of flow logs\n"
    "                         that name no zone, are by the wall clock there (default: UTC)\n"
    "\n"
    "Captures:\n"
    "      --tunnels          look into GRE, VXLAN and IP-in-IP\n"
    "      --dedup[=TIME]     drop copies of a packet seen within TIME (default 5ms): two taps\n"
    "      --labels HOW       classes of flows: applications by 'ndpi' (deep packet inspection, the\n"
    "                         default when built with it); a TABLE, a flow a line (dayshift(1) has its\n"
    "                         columns), also for flow logs; 'file', the name of the capture, as of\n"
    "                         one device; 'port': none\n"
    "\n"
    "Flow logs:\n"
    "      --format NAME      the format, when it is not recognized\n"
    "      --columns SPEC     a table with these columns: start=ts,duration=td,src=sa,...\n"
    "                         (dayshift(1) has all)\n"
    "\n"
    "  -j, --jobs N           threads; the model is the same for any number (default 1)\n"
    "      --max-memory SIZE  give up detail rather than use more (default 1G, at least 64M)\n"
    "      --json             the summary as JSON\n"
    "  -q, --quiet            no progress and no summary\n"
    "  -h, --help             this text\n"
    "\n"
    "Exit status: 0 learned; 1 failed; 2 wrong usage; 3 learned, but a part of the input could not be\n"
    "read.\n";

enum { MAX_JOBS = 64, DEDUP_DEFAULT_MS = 5 };

#define MAX_MEMORY_DEFAULT (UINT64_C(1) << 30)
#define MAX_MEMORY_LEAST (UINT64_C(64) << 20)
#define DEDUP_MOST_NS NS_PER_SECOND
#define FIXED_MEMORY (UINT64_C(40) << 20) /* buffers, libraries, the cache of the model's writer */

struct options {
    const char *output;
    const char *map;
    const char *key_file;
    const char *interface;
    uint32_t crowd_least; /* 0: no crowds */
    int64_t for_ns;
    struct host_choice choice;
    uint8_t key[ADDRESS_TAG_KEY_BYTES];
    uint64_t max_memory;
    struct read_options read;
    enum observed_half half;
    bool inspect; /* applications by deep packet inspection */
    const char *label_table; /* a file; NULL: none */
    struct flow_labels labels;
    bool json;
    bool quiet;
};

/* ---- options ---- */

static int read_key(struct options *o, const char *path, struct error *err)
{
    uint8_t bytes[ADDRESS_TAG_KEY_BYTES + 1];
    FILE *file = fopen(path, "rb");
    size_t got;

    if (file == NULL)
        return error_set(err, "%s: cannot open: %s", path, strerror(errno));
    got = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    if (got != ADDRESS_TAG_KEY_BYTES)
        return error_set(err, "%s: a key has %d bytes, this file %s; head -c %d /dev/urandom makes one",
                         path, ADDRESS_TAG_KEY_BYTES, got < sizeof bytes ? "fewer" : "more",
                         ADDRESS_TAG_KEY_BYTES);
    memcpy(o->key, bytes, sizeof o->key);
    o->key_file = path;
    return 0;
}

static int choose_labels(struct options *o, const char *text, struct error *err)
{
    o->inspect = strcmp(text, "ndpi") == 0;
    o->labels.by_file = strcmp(text, "file") == 0;
    o->read.captures_only = o->labels.by_file;
    o->label_table = !o->inspect && !o->labels.by_file && strcmp(text, "port") != 0 ? text : NULL;
    if (o->inspect && !application_labeller_is_available())
        return error_set(err, "--labels: this dayshift was built without libndpi");
    return 0;
}

static int choose_half(struct options *o, const char *text, struct error *err)
{
    o->half = strcmp(text, "even") == 0 ? OBSERVE_EVEN : OBSERVE_ODD;
    if (o->half == OBSERVE_ODD && strcmp(text, "odd") != 0)
        return error_set(err, "--half: '%s' is not one of: even, odd", text);
    return 0;
}

enum {
    OPTION_HOSTS = 256, OPTION_HALF, OPTION_MAP, OPTION_KEY, OPTION_CROWD, OPTION_FOR, OPTION_TUNNELS, OPTION_DEDUP,
    OPTION_LABELS, OPTION_FOLD, OPTION_FORMAT, OPTION_COLUMNS, OPTION_MAX_MEMORY, OPTION_JSON, OPTION_TIMEZONE
};

static const struct option long_options[] = {
    { "output", required_argument, NULL, 'o' },
    { "interface", required_argument, NULL, 'i' },
    { "for", required_argument, NULL, OPTION_FOR },
    { "local", required_argument, NULL, 'l' },
    { "hosts", required_argument, NULL, OPTION_HOSTS },
    { "half", required_argument, NULL, OPTION_HALF },
    { "map", required_argument, NULL, OPTION_MAP },
    { "key", required_argument, NULL, OPTION_KEY },
    { "crowd", required_argument, NULL, OPTION_CROWD },
    { "tunnels", no_argument, NULL, OPTION_TUNNELS },
    { "dedup", optional_argument, NULL, OPTION_DEDUP },
    { "labels", required_argument, NULL, OPTION_LABELS },
    { "fold", required_argument, NULL, OPTION_FOLD },
    { "format", required_argument, NULL, OPTION_FORMAT },
    { "columns", required_argument, NULL, OPTION_COLUMNS },
    { "timezone", required_argument, NULL, OPTION_TIMEZONE },
    { "jobs", required_argument, NULL, 'j' },
    { "max-memory", required_argument, NULL, OPTION_MAX_MEMORY },
    { "json", no_argument, NULL, OPTION_JSON },
    { "quiet", no_argument, NULL, 'q' },
    { "help", no_argument, NULL, 'h' },
    { 0 },
};

/* 0, or -1 with *err: a value that is none. */
static int take_option(void *self, int option, char *value, struct error *err)
{
    struct options *o = self;
    uint64_t number;

    switch (option) {
    case 'o': o->output = value; return 0;
    case 'i': o->interface = value; return 0;
    case 'l': return host_choice_add_local(&o->choice, value, err);
    case 'q': o->quiet = true; return 0;
    case 'j':
        if (option_u64("--jobs", value, 1, MAX_JOBS, &number, err) < 0)
            return -1;
        o->read.capture.jobs = (unsigned)number;
        return 0;
    case OPTION_FOR: return option_duration("--for", value, &o->for_ns, err);
    case OPTION_HOSTS: o->choice.file = value; return 0;
    case OPTION_HALF: return choose_half(o, value, err);
    case OPTION_MAP: o->map = value; return 0;
    case OPTION_KEY: return read_key(o, value, err);
    case OPTION_CROWD: return option_crowd("--crowd", value, &o->crowd_least, err);
    case OPTION_TUNNELS: o->read.capture.tunnels = true; return 0;
    case OPTION_DEDUP:
        o->read.capture.dedup_ns = DEDUP_DEFAULT_MS * NS_PER_MS;
        if (value == NULL || option_duration("--dedup", value, &o->read.capture.dedup_ns, err) < 0)
            return value ? -1 : 0;
        return o->read.capture.dedup_ns <= DEDUP_MOST_NS
                   ? 0
                   : error_set(err, "--dedup: '%s' is more than a second: copies from two taps are"
                               " milliseconds apart (5ms)", value);
    case OPTION_LABELS: return choose_labels(o, value, err);
    case OPTION_FOLD: return option_fold("--fold", value, &o->labels.fold, &o->labels.folds, err);
    case OPTION_TIMEZONE: return option_timezone(value, err);
    case OPTION_FORMAT: o->read.records.format = value; return 0;
    case OPTION_COLUMNS: o->read.records.columns = value; return 0;
    case OPTION_MAX_MEMORY:
        return option_size("--max-memory", value, MAX_MEMORY_LEAST, &o->max_memory, err);
    default: o->json = true; return 0;
    }
}

/* What contradicts itself, or is missing. */
static const char *misuse(const struct options *o, int inputs)
{
    if (o->output == NULL || (inputs == 0 && !o->interface))
        return "an output file (-o) and at least one input are needed";
    if (inputs > 0 && o->interface)
        return "an interface (-i) and files do not go together";
    if (o->for_ns > 0 && !o->interface)
        return "--for goes with an interface (-i)";
    if (o->interface && (o->read.records.format || o->read.records.columns))
        return "--format and --columns go with flow logs, not with an interface (-i)";
    if (o->interface && o->labels.by_file)
        return "--labels file goes with files, not with an interface (-i)";
    if (o->crowd_least > 0 && o->key_file)
        return "a crowd has no mark: --crowd and --key do not go together (learn with --key, then dayshift"
               " merge --crowd)";
    if (o->json && strcmp(o->output, "-") == 0)
        return "--json and the model cannot both go to standard output";
    return NULL;
}

/* EXIT_OK to go on, -1 after --help, or the status to end with. */
static int parse(struct options *o, int argc, char **argv)
{
    const struct option_reader reader = { help, "o:i:l:j:qh", long_options, take_option, o };
    int status = options_read(&reader, argc, argv);
    struct error err = { "" };
    const char *wrong;

    if (status != EXIT_OK)
        return status;
    wrong = misuse(o, argc - optind);
    if (wrong != NULL)
        return options_misused("learn", wrong);
    return host_choice_read(&o->choice, &err) < 0 ? cli_fail(&err) : EXIT_OK;
}

/* ---- writing ---- */

/* `crowds` are by host; NULL: the hosts are those of the model. */
static void print_map(FILE *to, const struct options *o, const struct learner *learner, uint32_t hosts,
                      const uint32_t *crowds)
{
    char text[IP_ADDRESS_TEXT];

    for (uint32_t i = 0; i < hosts; i++) {
        const struct ip_address *address = learner_host_address(learner, i);
        const char *name = host_names_name(o->choice.names, address);

        fprintf(to, "%" PRIu32 "\t%s\n", crowds ? crowds[i] : i, name ? name : ip_address_format(address, text));
    }
}

/* With the map, or without: neither is left alone. */
static int write_files(const struct options *o, const struct learner *learner,
                       const struct network_stats *stats, const struct crowds *crowds, struct error *err)
{
    const struct network_stats *written = crowds ? &crowds->stats : stats;
    struct output_file map;

    if (o->map == NULL)
        return write_model(o->output, written, NULL, err);
    cli_catch_signals();
    if (output_file_open_private(&map, o->map, err) < 0)
        return -1;
    print_map(map.stream, o, learner, stats->host_count, crowds ? crowds->crowd : NULL);
    return write_model(o->output, written, &map, err);
}

static int nothing_learned(const struct options *o, const char *path, uint64_t flows,
                           struct error *err)
{
    if (flows == 0)
        return error_set(err, "%s: no flow in it that could be read: no model was written", path);
    if (o->choice.host_count > 0)
        return error_set(err, "%s: %" PRIu64 " flows, none of a host in %s", path, flows,
                         o->choice.file);
    if (o->choice.local_count > 0)
        return error_set(err, "%s: %" PRIu64 " flows, and in none a host of --local sent a packet;"
                         " without --local the networks are found from the data", path, flows);
    return error_set(err, "%s: %" PRIu64 " flows, and in none a local host sent a packet;"
                     " name the local networks with --local", path, flows);
}

/* A slip of the hand must not cost a key, and what cannot be written is told before hours of reading. */
static int check_outputs(const struct options *o, struct error *err)
{
    const char *const inputs[] = { o->key_file, o->choice.file, o->label_table };

    if (o->map && strcmp(o->map, "-") == 0 && strcmp(o->output, "-") == 0)
        return error_set(err, "the model and the map cannot both go to standard output");
    if (o->map && output_file_check_apart(o->map, o->output, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        if (inputs[i] && (output_file_check_apart(o->output, inputs[i], err) < 0 ||
                          (o->map && output_file_check_apart(o->map, inputs[i], err) < 0)))
            return -1;
    }
    if (output_file_probe(o->output, err) < 0 || (o->map && output_file_probe(o->map, err) < 0))
        return -1;
    return 0;
}

/*
 * Of the memory, statistics get a half, flows while they are open a quarter, files and names of hosts an
 * eighth, inspection a sixteenth. The rest is for writing the model and for what the allocator needs.
 */
static struct learner *new_learner(struct options *o, struct error *err)
{
    uint64_t share = (o->max_memory - FIXED_MEMORY) / 16;
    struct learner_config config = {
        .local = o->choice.local,
        .local_count = o->choice.local_count,
        .hosts = o->choice.hosts,
        .host_count = o->choice.host_count,
        .half = o->half,
        .key = o->key_file ? o->key : NULL,
        .max_bytes = (size_t)(8 * share),
    };

    o->read.max_bytes = 4 * share;
    o->read.capture.max_bytes = (size_t)(2 * share);
    host_names_bound(o->choice.names, (size_t)(2 * share)); /* of flow logs, which are no captures */
    if (o->inspect) {
        o->read.labeller = application_labeller_new((size_t)share, err);
        if (o->read.labeller == NULL)
            return NULL;
    }
    return learner_new(&config);
}

/* 0, or -1 when it was said that it failed. */
static int report(const struct options *o, const struct learner *learner, const struct network_stats *stats,
                  const struct read_totals *totals, const struct crowds *crowds)
{
    const struct learn_report report = { totals, learner, o->read.labeller, stats, crowds, o->crowd_least,
                                         o->choice.names, o->max_memory, o->output };

    if (o->json)
        return learn_report_print_json(&report) == EXIT_OK ? 0 : -1;
    if (!o->quiet && strcmp(o->output, "-") != 0)
        learn_report_print(&report);
    return 0;
}

/* The table of labels, if there is one. */
static int read_labels(struct options *o, struct label_table **table, struct error *err)
{
    *table = o->label_table ? label_table_read(o->label_table, err) : NULL;
    o->labels.table = *table;
    if (*table && label_table_damage(*table))
        fprintf(stderr, "dayshift: %s; the others count\n", label_table_damage(*table));
    return o->label_table && *table == NULL ? -1 : 0;
}

static int learn_live(struct options *o, struct label_table **table, struct read_totals *totals,
                      struct error *err)
{
    struct capture_file *file = capture_live_open(o->interface, &o->read.capture, err);
    int status;

    if (file == NULL)
        return -1;
    status = privileges_give_up_root(err);
    if (status == 0)
        status = check_outputs(o, err);
    if (status == 0)
        status = read_labels(o, table, err);
    if (status == 0)
        status = read_live(file, o->interface, o->for_ns, &o->read, flow_labels_pass, &o->labels, totals, err);
    capture_file_close(file);
    return status;
}

static int learn_files(struct options *o, char **paths, int count, struct label_table **table,
                       struct read_totals *totals, struct error *err)
{
    if (check_outputs(o, err) < 0 || read_labels(o, table, err) < 0)
        return -1;
    return read_inputs(paths, count, &o->read, flow_labels_pass, &o->labels, totals, err);
}

/* What was learned, as hosts or as crowds: into files, and what there is to say of it. */
static int finish(const struct options *o, const struct learner *learner, const struct network_stats *stats,
                  const struct read_totals *totals, struct error *err)
{
    struct crowds crowds;
    int status;

    if (o->crowd_least == 0) {
        status = write_files(o, learner, stats, NULL, err);
        return status == 0 ? report(o, learner, stats, totals, NULL) : status;
    }
    status = crowds_make(&crowds, stats, o->crowd_least, err);
    if (status == 0)
        status = write_files(o, learner, stats, &crowds, err);
    if (status == 0)
        status = report(o, learner, stats, totals, &crowds);
    crowds_release(&crowds);
    return status;
}

/* EXIT_OK, EXIT_DAMAGED, or EXIT_FAILED with *err, or without when it was said. */
static int learn(struct options *o, char **paths, int count, struct error *err)
{
    struct learner *learner = new_learner(o, err);
    struct read_totals totals = { 0 };
    const struct network_stats *stats;
    struct label_table *table = NULL;
    bool is_table_damaged;
    int status;

    if (learner == NULL)
        return EXIT_FAILED;
    o->labels.sink = learner_add;
    o->labels.sink_self = learner;
    status = o->interface ? learn_live(o, &table, &totals, err) : learn_files(o, paths, count, &table, &totals, err);
    is_table_damaged = table && label_table_damage(table);
    stats = learner_finish(learner);
    if (status == 0 && stats->states.used == 0)
        status = stats->flows == 0 && totals.damaged > 0 && totals.inputs == 1
                     ? error_set(err, "%s", "") /* it was said */
                     : nothing_learned(o, o->interface ? o->interface : paths[0], stats->flows, err);
    if (status == 0)
        status = finish(o, learner, stats, &totals, err);
    learner_free(learner);
    application_labeller_free(o->read.labeller);
    flow_labels_release(&o->labels);
    label_table_free(table);
    return status < 0 ? EXIT_FAILED : totals.damaged > 0 || is_table_damaged ? EXIT_DAMAGED : EXIT_OK;
}

int verb_learn(int argc, char **argv)
{
    struct options o = { .choice.names = host_names_new(MAX_MEMORY_DEFAULT / 8),
                         .max_memory = MAX_MEMORY_DEFAULT };
    struct error err = { "" };
    int status;

    o.inspect = application_labeller_is_available();
    o.read.keep_sequences = true;
    status = parse(&o, argc, argv);
    o.read.quiet = o.quiet;
    o.read.names = o.choice.names;
    if (status == EXIT_OK) {
        o.read.outputs[0] = o.output;
        o.read.outputs[1] = o.map;
        status = learn(&o, argv + optind, argc - optind, &err);
        if (status == EXIT_FAILED && err.text[0] != '\0')
            cli_fail(&err);
    }
    host_choice_release(&o.choice);
    return status < 0 ? EXIT_OK : status;
}
