#include "cli/learn_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "flow/application.h"

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

static int read_key(struct learn_options *o, const char *path, struct error *err)
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

static int choose_labels(struct learn_options *o, const char *text, struct error *err)
{
    o->inspect = strcmp(text, "ndpi") == 0;
    o->labels.by_file = strcmp(text, "file") == 0;
    o->read.captures_only = o->labels.by_file;
    o->label_table = !o->inspect && !o->labels.by_file && strcmp(text, "port") != 0 ? text : NULL;
    if (o->inspect && !application_labeller_is_available())
        return error_set(err, "--labels: this dayshift was built without libndpi");
    return 0;
}

static int choose_half(struct learn_options *o, const char *text, struct error *err)
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
    struct learn_options *o = self;
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
static const char *misuse(const struct learn_options *o, int inputs)
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

int learn_options_parse(struct learn_options *o, int argc, char **argv)
{
    const struct option_reader reader = { help, "o:i:l:j:qh", long_options, take_option, o };
    struct error err = { "" };
    const char *wrong;
    int status;

    *o = (struct learn_options){ .choice.names = host_names_new(MAX_MEMORY_DEFAULT / 8),
                                 .max_memory = MAX_MEMORY_DEFAULT,
                                 .inspect = application_labeller_is_available(),
                                 .read.keep_sequences = true };
    status = options_read(&reader, argc, argv);
    o->read.quiet = o->quiet;
    o->read.names = o->choice.names;
    o->read.outputs[0] = o->output;
    o->read.outputs[1] = o->map;
    if (status != EXIT_OK)
        return status;
    wrong = misuse(o, argc - optind);
    if (wrong != NULL)
        return options_misused("learn", wrong);
    return host_choice_read(&o->choice, &err) < 0 ? cli_fail(&err) : EXIT_OK;
}

void learn_options_release(struct learn_options *o)
{
    host_choice_release(&o->choice);
}
