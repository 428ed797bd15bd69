/*
 * dayshift synth: models -> flow records of hosts, of a mixture of hosts, or of a day of all of them.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/mix_option.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/scenario_options.h"
#include "cli/write_records.h"
#include "model/model.h"
#include "records/record_writer.h"
#include "scenario/scenario.h"
#include "synth/mixed_netflow.h"
#include "synth/netflow.h"

static const char help[] =
    "Usage: dayshift synth -o FILE -n N [OPTION]... MODEL\n"
    "       dayshift synth -o FILE -n N --mix ID:WEIGHT,... [OPTION]... [MODEL]\n"
    "       dayshift synth -o FILE --for DURATION [OPTION]... MODEL\n"
    "\n"
    "Synthesizes flow records: N of one host or of many, one flow of a host after the other; or\n"
    "those of a day of all hosts, which are the flows that 'dayshift day' makes packets of.\n"
    "The same options give the same bytes.\n"
    "\n"
    "  -o, --output FILE      the file to write; '-' is standard output\n"
    "      --format FORMAT    csv (nfdump's layout, default), json (lines with the keys of\n"
    "                         Zeek's conn.log) or nfcapd (what nfdump reads)\n"
    "  -n, --records N        that many records\n"
    "      --host ID,...      of these hosts (default: all)\n"
    "      --mix LIST         of one host that behaves now as one model, now as another:\n"
    "                         3:0.7,5:0.3 or office.dsm#3:0.7,home.dsm#5:0.3\n"
    "      --block C          flows until the model is drawn again (default 50);\n"
    "                         random:C draws a number with the mean C each time\n"
    "      --keep-addresses   each host of a mixture keeps its own address\n"
    "      --for DURATION     all flows of so much of the day\n"
    "      --activity X       with --for, X times as many flows\n"
    "      --hosts N          virtual hosts (default: as many as are picked)\n"
    "      --pick HOSTS       which hosts of the model are played, as for 'dayshift day'\n"
    "      --network NETWORK  their addresses (default " SCENARIO_DEFAULT_NETWORK ")\n"
    "      --outside NETWORK  addresses of the rest of the world (default " SCENARIO_DEFAULT_OUTSIDE ")\n"
    "      --date DATE        the day (default: the first day that was learned)\n"
    "      --start TIME       begin at this time of day (default 00:00)\n"
    "      --timezone ZONE    where the day is (Europe/Madrid); records are in UTC all the same\n"
    "      --seed N           another seed, other flows (default 1)\n"
    "      --unobserved HOW   with --for, hours that the capture did not cover: as for 'dayshift day'\n"
    "  -j, --jobs N           threads; the file is the same for any number (default 1)\n"
    "      --json             the summary as JSON\n"
    "  -q, --quiet            no progress and no summary\n"
    "  -h, --help             this text\n";

enum { MAX_RECORDS = 1000000000, MAX_MODELS = MIX_MAX_PARTS + 1 };

struct synth_options {
    const char *output;
    const struct record_encoding *encoding;
    uint64_t records; /* 0: --for */
    const char *hosts; /* of --host; NULL: all */
    struct mix_option mix; /* count 0: none */
    bool has_block;
    uint32_t block;
    bool block_is_random;
    bool keeps_addresses;
    struct scenario_options play; /* its group: of each model */
    bool json;
    bool quiet;
};

/* What is made ready for the run, and released together. */
struct synth_run {
    struct model *models[MAX_MODELS];
    const char *paths[MAX_MODELS];
    uint32_t model_count;
    struct scenario_group groups[MAX_MODELS];
    struct scenario *scenario;
    uint32_t *hosts; /* chosen: indices of the population */
    uint32_t host_count;
    struct netflow *netflow;
    struct mixed_netflow *mix;
    struct flow_plan_source plans;
};

/* ---- options ---- */

static const struct option long_options[] = {
    { "output", required_argument, NULL, 'o' },  { "format", required_argument, NULL, 'F' },
    { "records", required_argument, NULL, 'n' }, { "host", required_argument, NULL, 'H' },
    { "mix", required_argument, NULL, 'm' },     { "block", required_argument, NULL, 'b' },
    { "keep-addresses", no_argument, NULL, 'k' }, SCENARIO_LONG_OPTIONS,
    { "json", no_argument, NULL, 'J' },          { "quiet", no_argument, NULL, 'q' },
    { "help", no_argument, NULL, 'h' },          { 0 },
};

static int take_mix(struct synth_options *o, const char *text, struct error *err)
{
    mix_option_release(&o->mix); /* given twice: the last one counts */
    return mix_option_parse(&o->mix, text, err);
}

/* Takes one option; 0, or -1 with *err. */
static int take_option(void *self, int c, char *value, struct error *err)
{
    struct synth_options *o = self;

    switch (c) {
    case 'o': o->output = value; return 0;
    case 'F': return option_record_encoding("--format", value, &o->encoding, err);
    case 'n': return option_u64("--records", value, 1, MAX_RECORDS, &o->records, err);
    case 'H': o->hosts = value; return 0;
    case 'm': return take_mix(o, value, err);
    case 'b': o->has_block = true; return block_option_parse(value, &o->block, &o->block_is_random, err);
    case 'k': o->keeps_addresses = true; return 0;
    case 'j': return scenario_options_take(&o->play, SCENARIO_OPTION_JOBS, value, err);
    case 'J': o->json = true; return 0;
    case 'q': o->quiet = true; return 0;
    default: return scenario_options_take(&o->play, c, value, err);
    }
}

/* What does not go together; NULL: nothing. */
static const char *find_misuse(const struct synth_options *o, int models)
{
    bool is_mix = o->mix.count > 0;
    bool is_day = o->play.scenario.day_ns > 0;

    if (o->output == NULL)
        return "an output file (-o) is needed";
    if ((o->records > 0) == is_day)
        return "either a number of records (-n) or a duration (--for) is needed";
    if (is_mix && (is_day || o->hosts || o->play.group.hosts > 0 || o->play.group.pick))
        return "--mix goes with -n, and names its hosts itself";
    if (is_day && o->hosts)
        return "--host goes with -n; a day (--for) is one of all hosts";
    if (!is_mix && (o->has_block || o->keeps_addresses))
        return "--block and --keep-addresses are of a mixture (--mix)";
    if (!is_day && (o->play.has_unobserved || o->play.group.activity > 0))
        return "--unobserved and --activity are of a day (--for)";
    if (o->json && strcmp(o->output, "-") == 0)
        return "--json and the records cannot both go to standard output";
    if (models > 1 || (models == 0 && (!is_mix || mix_option_needs_model(&o->mix))))
        return "one model is needed";
    return NULL;
}

/* ---- who plays ---- */

static int find_model(struct synth_run *run, const struct synth_options *o, const char *path, uint32_t *index,
                      struct error *err)
{
    for (*index = 0; *index < run->model_count; (*index)++) {
        if (strcmp(run->paths[*index], path) == 0)
            return 0;
    }
    if (output_file_check_apart(o->output, path, err) < 0)
        return -1;
    run->models[*index] = model_load(path, err);
    if (run->models[*index] == NULL)
        return -1;
    run->paths[run->model_count++] = path;
    return 0;
}

/* The addresses of a model among several: the network is cut into equal parts. */
static struct ip_network part_of(const struct ip_network *network, uint32_t count, uint32_t index)
{
    struct ip_network part = *network;
    unsigned bits = 0;

    while (UINT32_C(1) << bits < count)
        bits++;
    if (bits == 0 || !ip_address_is_v4(&network->base) || network->prefix + bits > 128)
        return part;
    part.prefix = (uint8_t)(network->prefix + bits);
    part.base = ip_address_from_v4(ip_address_to_v4(&network->base) | index << (128 - part.prefix));
    return part;
}

static int open_scenario(struct synth_run *run, struct synth_options *o, struct error *err)
{
    struct scenario_config *config = &o->play.scenario;

    config->begin = scenario_options_begin(&o->play, run->models[0]);
    if (config->begin.ns < 0 || (double)config->begin.ns + (double)config->day_ns > (double)NETFLOW_END_NS)
        return error_set(err, "records are of the years 1970 to 2199; see --date and --for");
    for (uint32_t i = 0; i < run->model_count; i++) {
        run->groups[i] = o->play.group;
        run->groups[i].model = run->models[i];
        run->groups[i].network = part_of(&o->play.group.network, run->model_count, i);
    }
    config->groups = run->groups;
    config->group_count = run->model_count;
    run->scenario = scenario_new(config, err);
    return run->scenario ? 0 : -1;
}

/* "3,7,12", marked by host. */
static int mark_hosts(const char *text, uint32_t count, uint8_t *marks, struct error *err)
{
    char *copy = memory_copy_text(text);
    char *rest = copy;
    uint64_t id;
    int status = 0;

    while (rest != NULL && status == 0) {
        status = option_u64("--host", strsep(&rest, ","), 0, count - 1, &id, err);
        if (status == 0)
            marks[id] = 1;
    }
    free(copy);
    return status;
}

static int choose_hosts(struct synth_run *run, const struct synth_options *o, struct error *err)
{
    uint32_t count = scenario_host_count(run->scenario);
    bool all = o->hosts == NULL || strcmp(o->hosts, "all") == 0;
    uint8_t *marks = memory_alloc_array(count, 1);
    int status = all ? 0 : mark_hosts(o->hosts, count, marks, err);

    run->hosts = memory_alloc_array(count, sizeof *run->hosts);
    for (uint32_t i = 0; i < count; i++) {
        if (all || marks[i])
            run->hosts[run->host_count++] = i;
    }
    free(marks);
    return status;
}

static int open_netflow(struct synth_run *run, const struct synth_options *o, struct error *err)
{
    struct netflow_config config = { .population = scenario_population(run->scenario),
                                     .seed = o->play.scenario.seed, .begin = o->play.scenario.begin };

    if (choose_hosts(run, o, err) < 0)
        return -1;
    config.hosts = run->hosts;
    config.host_count = run->host_count;
    run->netflow = netflow_new(&config, err);
    run->plans = (struct flow_plan_source){ netflow_next, run->netflow };
    return run->netflow ? 0 : -1;
}

/* Loads the models of a mixture; *group of each of its hosts. */
static int load_mix(struct synth_run *run, const struct synth_options *o, uint32_t group[MIX_MAX_PARTS],
                    struct error *err)
{
    for (uint32_t i = 0; i < o->mix.count; i++) {
        const struct mix_host *host = &o->mix.hosts[i];
        const char *path = host->path ? host->path : run->paths[0];

        if (find_model(run, o, path, &group[i], err) < 0)
            return -1;
        if (host->id >= run->models[group[i]]->host_count)
            return error_set(err, "--mix: host %" PRIu32 ": %s has hosts 0 to %" PRIu32, host->id, path,
                             run->models[group[i]]->host_count - 1);
    }
    return 0;
}

/* The first virtual host that plays it: each is played, those that stand for many more often. */
static uint32_t player_of(const struct population *population, const struct host_model *model)
{
    uint32_t host = 0;

    while (population->hosts[host].model != model)
        host++;
    return host;
}

static int open_mix(struct synth_run *run, struct synth_options *o, struct error *err)
{
    struct mix_part parts[MIX_MAX_PARTS];
    uint32_t group[MIX_MAX_PARTS];
    struct mixed_netflow_config config = { .parts = parts, .part_count = o->mix.count, .block = o->block,
                                           .is_random = o->block_is_random,
                                           .keeps_addresses = o->keeps_addresses, .seed = o->play.scenario.seed };

    if (load_mix(run, o, group, err) < 0 || open_scenario(run, o, err) < 0)
        return -1;
    config.population = scenario_population(run->scenario);
    for (uint32_t i = 0; i < o->mix.count; i++) {
        const struct host_model *model = &run->models[group[i]]->hosts[o->mix.hosts[i].id];

        parts[i] = (struct mix_part){ player_of(config.population, model), o->mix.hosts[i].weight };
    }
    config.begin = o->play.scenario.begin;
    run->mix = mixed_netflow_new(&config, err);
    run->plans = (struct flow_plan_source){ mixed_netflow_next, run->mix };
    return run->mix ? 0 : -1;
}

static int open_run(struct synth_run *run, struct synth_options *o, const char *path, struct error *err)
{
    uint32_t index;

    if (path != NULL && find_model(run, o, path, &index, err) < 0)
        return -1;
    if (o->mix.count > 0)
        return open_mix(run, o, err);
    if (open_scenario(run, o, err) < 0)
        return -1;
    if (o->records > 0)
        return open_netflow(run, o, err);
    run->plans = scenario_plans(run->scenario);
    run->host_count = scenario_host_count(run->scenario);
    return 0;
}

static void release_run(struct synth_run *run)
{
    netflow_free(run->netflow);
    mixed_netflow_free(run->mix);
    scenario_free(run->scenario);
    free(run->hosts);
    for (uint32_t i = 0; i < run->model_count; i++)
        model_free(run->models[i]);
}

/* ---- what was written ---- */

static uint64_t sum_of(const uint64_t values[RECORD_CLASSES])
{
    uint64_t sum = 0;

    for (int c = 0; c < RECORD_CLASSES; c++)
        sum += values[c];
    return sum;
}

/* In a mixture as users name it. */
static const char *host_name(const struct mix_host *host, char *text, size_t size)
{
    snprintf(text, size, "%s%s%" PRIu32, host->path ? host->path : "", host->path ? "#" : "", host->id);
    return text;
}

static json_t *mix_json(const struct synth_options *o, const struct synth_run *run)
{
    const struct mix_counts *counts = mixed_netflow_counts(run->mix);
    json_t *hosts = json_array();

    for (uint32_t i = 0; i < o->mix.count; i++) {
        char name[512];

        json_array_append_new(hosts, json_pack("{s:o,s:f,s:I}", "host",
                                               cli_json_text(host_name(&o->mix.hosts[i], name, sizeof name)), "weight",
                                               o->mix.hosts[i].weight, "flows", (json_int_t)counts->flows[i]));
    }
    return json_pack("{s:I,s:I,s:o}", "blocks", (json_int_t)counts->blocks, "switches",
                     (json_int_t)counts->switches, "hosts", hosts);
}

static int print_json(const struct synth_options *o, const struct synth_run *run, const struct record_sums *sums)
{
    json_t *root = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:o}", "records", (json_int_t)record_sums_flows(sums),
                             "hosts", (json_int_t)(run->mix ? 1 : run->host_count), "packets",
                             (json_int_t)sum_of(sums->packets), "bytes", (json_int_t)sum_of(sums->bytes), "first_ns",
                             (json_int_t)sums->first.ns, "last_ns", (json_int_t)sums->last.ns, "format",
                             record_encoding_name(o->encoding), "output", cli_json_text(o->output));

    if (root != NULL && run->mix)
        json_object_set_new(root, "mix", mix_json(o, run));
    return cli_print_json(root) == EXIT_OK ? 0 : -1;
}

static void print_mix(const struct synth_options *o, const struct synth_run *run)
{
    const struct mix_counts *counts = mixed_netflow_counts(run->mix);
    char name[512];
    char blocks[TEXT_NUMBER];
    char switches[TEXT_NUMBER];

    for (uint32_t i = 0; i < o->mix.count; i++)
        printf("%s host %s: %.2f %% of the flows\n", i == 0 ? "mix     " : "        ",
               host_name(&o->mix.hosts[i], name, sizeof name),
               100.0 * (double)counts->flows[i] / (double)o->records);
    printf("         %s blocks, another host behind %s of them\n", text_from_count(counts->blocks, blocks),
           text_from_count(counts->switches, switches));
}

static void print_summary(const struct synth_options *o, const struct synth_run *run,
                          const struct record_sums *sums)
{
    uint32_t hosts = run->mix ? 1 : run->host_count;
    char records[TEXT_NUMBER];
    char packets[TEXT_NUMBER];
    char bytes[TEXT_NUMBER];
    char duration[TEXT_NUMBER];

    printf("wrote    %s records of %" PRIu32 " host%s to %s (%s)\n",
           text_from_count(record_sums_flows(sums), records), hosts, hosts == 1 ? "" : "s", o->output,
           record_encoding_name(o->encoding));
    printf("         %s packets, %s bytes, %s\n", text_from_count(sum_of(sums->packets), packets),
           text_from_count(sum_of(sums->bytes), bytes), text_from_duration(sums->last.ns - sums->first.ns, duration));
    if (run->mix)
        print_mix(o, run);
}

/* ---- the verb ---- */

static int write_all(const struct synth_options *o, const struct synth_run *run, struct error *err)
{
    struct progress progress;
    struct write_records_config config = {
        .plans = run->plans, .limit = o->records, .seed = o->play.scenario.seed, .threads = o->play.scenario.threads,
        .end = { o->records > 0 ? INT64_MAX : o->play.scenario.begin.ns + o->play.scenario.day_ns },
        .encoding = o->encoding, .stop = o->play.scenario.stop, .progress = &progress,
    };
    int status = -1;

    config.writer = record_writer_new(o->output, o->encoding, err);
    if (config.writer == NULL)
        return -1;
    progress_init(&progress, o->quiet);
    status = write_records(&config, err);
    progress_finish(&progress);
    if (atomic_load(o->play.scenario.stop))
        status = output_file_interrupted(o->output, "interrupted", err);
    if (status == 0)
        status = record_writer_commit(config.writer, err);
    if (status == 0 && o->json)
        status = print_json(o, run, record_writer_sums(config.writer));
    else if (status == 0 && !o->quiet && strcmp(o->output, "-") != 0)
        print_summary(o, run, record_writer_sums(config.writer));
    record_writer_free(config.writer);
    return status;
}

static int synthesize(struct synth_options *o, const char *path, struct error *err)
{
    struct synth_run run = { .model_count = 0 };
    int status = open_run(&run, o, path, err);

    if (status == 0)
        status = write_all(o, &run, err);
    release_run(&run);
    return status;
}

/* EXIT_OK to go on, or as options_read(). */
static int parse(struct synth_options *o, int argc, char **argv)
{
    const struct option_reader reader = { help, "o:n:j:qh", long_options, take_option, o };
    int status = options_read(&reader, argc, argv);
    const char *wrong;

    if (status != EXIT_OK)
        return status;
    wrong = find_misuse(o, argc - optind);
    return wrong != NULL ? options_misused("synth", wrong) : EXIT_OK;
}

int verb_synth(int argc, char **argv)
{
    struct synth_options o = { .encoding = record_encoding_find("csv"), .block = 50 };
    struct error err = { "" };
    int status;

    scenario_options_init(&o.play);
    status = parse(&o, argc, argv);
    if (status == EXIT_OK) {
        o.play.scenario.stop = cli_catch_signals();
        status = synthesize(&o, argv[optind], &err) < 0 ? cli_fail(&err) : EXIT_OK;
    }
    mix_option_release(&o.mix);
    return status == OPTIONS_HELP ? EXIT_OK : status;
}
