#include "cli/fill_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "synth/regression.h"

static const char help[] =
    "Usage: dayshift fill -o OUTPUT --gap FROM/TO [OPTION]... INPUT...\n"
    "       dayshift fill -o OUTPUT --find [OPTION]... INPUT...\n"
    "\n"
    "Fills gaps in the records of hosts with synthetic ones that fit to what is before and after\n"
    "them. An input is what 'dayshift learn' reads. The models are learned from the rest of it.\n"
    "\n"
    "  -o, --output OUTPUT    all records, with the synthetic ones among them ('-': standard output)\n"
    "      --format NAME      csv (nfdump's layout, default), json (Zeek's keys) or nfcapd\n"
    "      --only             write the synthetic records alone, without labels\n"
    "      --gap FROM/TO      what begins between these times (2026-01-31T09:00/2026-01-31T09:30,\n"
    "                         UTC) is missing; may be repeated\n"
    "      --find             find the gaps: silences too long for the clock of the host or network\n"
    "      --replace          records that lie in a gap give way to synthetic ones\n"
    "      --host ADDRESS     fill the gaps of this host only; may be repeated (default: all local\n"
    "                         hosts with records before and after the gap)\n"
    "      --model MODEL      use hosts of this model: --host ADDRESS=ID says which\n"
    "  -l, --local NETWORK    hosts in this network are local; may be repeated (without: found)\n"
    "      --method HOW       exact (draw from the chain given both ends, default) or search (Song)\n"
    "      --draws N          exact: draw so many, keep the most likely (default 100; 1: a typical one)\n"
    "      --length N         search: in a synthetic sequence of N records (default 20000)\n"
    "      --count N          records missing in each gap of each host (default: drawn, as many as the\n"
    "                         host makes in that time)\n"
    "      --seed N           another seed, other records (default 1)\n"
    "      --input-format NAME, --columns SPEC\n"
    "                         of the input, when it is not recognized: as --format and --columns of\n"
    "                         'dayshift learn'\n"
    "      --list             print what was filled, side by side with the original\n"
    "      --json             the same as JSON\n"
    "  -q, --quiet            no progress and no summary\n"
    "  -h, --help             this text\n"
    "\n"
    "Exit status: 0 filled; 1 failed; 2 wrong usage; 3 filled, but a part of the input could not be\n"
    "read.\n";

enum { DRAWS_DEFAULT = 100, MAX_DRAWS = 1000000, MAX_LENGTH = 100000000 };

/* "2026-01-31T09:00" */
static int parse_time(const char *text, size_t size, struct day_time *time)
{
    char copy[40];
    char *separator;
    int32_t date;
    int64_t ns;

    if (size >= sizeof copy)
        return -1;
    memcpy(copy, text, size);
    copy[size] = '\0';
    separator = strchr(copy, 'T');
    if (separator == NULL)
        return -1;
    *separator = '\0';
    if (text_to_date(copy, &date) < 0 || text_to_time_of_day_ns(separator + 1, &ns) < 0)
        return -1;
    time->ns = date * NS_PER_DAY + ns;
    return 0;
}

static int take_gap(struct fill_command *o, const char *text, struct error *err)
{
    const char *slash = strchr(text, '/');
    struct gap gap = { .host = RECORDING_NOBODY };

    if (slash == NULL || parse_time(text, (size_t)(slash - text), &gap.from) < 0 ||
        parse_time(slash + 1, strlen(slash + 1), &gap.to) < 0)
        return error_set(err, "--gap: '%s' is not FROM/TO (2026-01-31T09:00/2026-01-31T09:30)", text);
    if (gap.from.ns >= gap.to.ns)
        return error_set(err, "--gap: '%s' ends before it begins", text);
    gaps_add(&o->marked, gap);
    return 0;
}

static int take_host(struct fill_command *o, const char *text, struct error *err)
{
    const char *sign = strchr(text, '=');
    size_t size = sign ? (size_t)(sign - text) : strlen(text);
    struct named_host host = { .text = text, .has_model = sign != NULL };
    char address[IP_ADDRESS_TEXT];
    uint64_t id = 0;

    snprintf(address, sizeof address, "%.*s", (int)(size < sizeof address ? size : sizeof address), text);
    if (size >= sizeof address || ip_address_parse(&host.address, address) < 0)
        return error_set(err, "--host: '%s' is not an address, nor ADDRESS=ID", text);
    if (sign && option_u64("--host", sign + 1, 0, UINT32_MAX, &id, err) < 0)
        return -1;
    host.model_host = (uint32_t)id;
    for (size_t i = 0; i < o->host_count; i++) {
        if (ip_address_equal(&o->hosts[i].address, &host.address))
            return error_set(err, "--host: %s is named twice", address);
    }
    o->hosts = memory_grow(o->hosts, &o->host_capacity, o->host_count + 1, sizeof *o->hosts);
    o->hosts[o->host_count++] = host;
    return 0;
}

static int take_method(struct fill_command *o, const char *text, struct error *err)
{
    o->fill.method = strcmp(text, "search") == 0 ? FILL_SEARCH : FILL_EXACT;
    if (o->fill.method == FILL_EXACT && strcmp(text, "exact") != 0)
        return error_set(err, "--method: '%s' is not one of: exact, search", text);
    return 0;
}

static int take_local(struct fill_command *o, const char *text, struct error *err)
{
    o->local = memory_grow(o->local, &o->local_capacity, o->local_count + 1, sizeof *o->local);
    return option_network("--local", text, &o->local[o->local_count++], err);
}

enum {
    OPTION_FORMAT = 256, OPTION_ONLY, OPTION_GAP, OPTION_FIND, OPTION_REPLACE, OPTION_HOST, OPTION_MODEL,
    OPTION_METHOD, OPTION_DRAWS, OPTION_LENGTH, OPTION_COUNT, OPTION_SEED, OPTION_INPUT_FORMAT,
    OPTION_COLUMNS, OPTION_LIST, OPTION_JSON
};

static const struct option long_options[] = {
    { "output", required_argument, NULL, 'o' },
    { "format", required_argument, NULL, OPTION_FORMAT },
    { "only", no_argument, NULL, OPTION_ONLY },
    { "gap", required_argument, NULL, OPTION_GAP },
    { "find", no_argument, NULL, OPTION_FIND },
    { "replace", no_argument, NULL, OPTION_REPLACE },
    { "host", required_argument, NULL, OPTION_HOST },
    { "model", required_argument, NULL, OPTION_MODEL },
    { "local", required_argument, NULL, 'l' },
    { "method", required_argument, NULL, OPTION_METHOD },
    { "draws", required_argument, NULL, OPTION_DRAWS },
    { "length", required_argument, NULL, OPTION_LENGTH },
    { "count", required_argument, NULL, OPTION_COUNT },
    { "seed", required_argument, NULL, OPTION_SEED },
    { "input-format", required_argument, NULL, OPTION_INPUT_FORMAT },
    { "columns", required_argument, NULL, OPTION_COLUMNS },
    { "list", no_argument, NULL, OPTION_LIST },
    { "json", no_argument, NULL, OPTION_JSON },
    { "quiet", no_argument, NULL, 'q' },
    { "help", no_argument, NULL, 'h' },
    { 0 },
};

static int take_option(void *self, int option, char *value, struct error *err)
{
    struct fill_command *o = self;

    switch (option) {
    case 'o': o->output = value; return 0;
    case 'l': return take_local(o, value, err);
    case 'q': o->quiet = true; return 0;
    case OPTION_FORMAT: return option_record_encoding("--format", value, &o->encoding, err);
    case OPTION_ONLY: o->only = true; return 0;
    case OPTION_GAP: return take_gap(o, value, err);
    case OPTION_FIND: o->find = true; return 0;
    case OPTION_REPLACE: o->replace = true; return 0;
    case OPTION_HOST: return take_host(o, value, err);
    case OPTION_MODEL: o->model = value; return 0;
    case OPTION_METHOD: return take_method(o, value, err);
    case OPTION_DRAWS: return option_u32("--draws", value, 1, MAX_DRAWS, &o->fill.draws, err);
    case OPTION_LENGTH: return option_u32("--length", value, 1, MAX_LENGTH, &o->fill.length, err);
    case OPTION_COUNT: return option_u32("--count", value, 1, REGRESSION_MAX_COUNT, &o->fill.count, err);
    case OPTION_SEED: return option_u64("--seed", value, 0, UINT64_MAX, &o->fill.seed, err);
    case OPTION_INPUT_FORMAT: o->records.format = value; return 0;
    case OPTION_COLUMNS: o->records.columns = value; return 0;
    case OPTION_LIST: o->list = true; return 0;
    default: o->json = true; return 0;
    }
}

static const char *host_misuse(const struct fill_command *o)
{
    if (o->model && o->host_count == 0)
        return "with --model each host that is to be filled is named: --host ADDRESS=ID";
    for (size_t i = 0; i < o->host_count; i++) {
        if (o->model && !o->hosts[i].has_model)
            return "with --model a host is named with its number in it: --host ADDRESS=ID";
        if (!o->model && o->hosts[i].has_model)
            return "--host ADDRESS=ID needs a --model";
    }
    return NULL;
}

static const char *misuse(const struct fill_command *o, int inputs)
{
    if (inputs == 0 || (o->output == NULL && !o->list && !o->json))
        return "an output file (-o) or --list, and at least one input are needed";
    if ((o->marked.count > 0) == o->find)
        return "either a gap (--gap FROM/TO) or --find is needed";
    if (o->find && o->replace)
        return "--replace goes with --gap: in what is found nothing lies";
    if (o->list && o->json)
        return "--list and --json do not go together";
    if ((o->list || o->json) && o->output && strcmp(o->output, "-") == 0)
        return "the list and the records cannot both go to standard output";
    if (!o->only && record_encoding_labelled(o->encoding) == NULL)
        return "this --format has no place for labels: use --only";
    return host_misuse(o);
}

int fill_command_parse(struct fill_command *o, int argc, char **argv)
{
    const struct option_reader reader = { help, "o:l:qh", long_options, take_option, o };
    const char *wrong;
    int status;

    *o = (struct fill_command){
        .encoding = record_encoding_find("csv"),
        .fill = { .draws = DRAWS_DEFAULT, .length = REGRESSION_SEARCH_LENGTH, .count = FILL_DRAW_COUNT,
                  .seed = 1 },
    };
    status = options_read(&reader, argc, argv);
    if (status != EXIT_OK)
        return status;
    wrong = misuse(o, argc - optind);
    return wrong != NULL ? options_misused("fill", wrong) : EXIT_OK;
}

void fill_command_release(struct fill_command *o)
{
    free(o->marked.list);
    free(o->hosts);
    free(o->local);
}
