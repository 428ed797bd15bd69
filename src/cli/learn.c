/*
 * dayshift learn: captures -> flows -> statistics -> fit -> model file.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/read_captures.h"
#include "learn/fit.h"
#include "learn/learner.h"
#include "model/day_profile.h"
#include "model/model.h"

static const char help[] =
    "Usage: dayshift learn -o MODEL [OPTION]... CAPTURE...\n"
    "\n"
    "Learns a model of every local host from pcap or pcapng files, compressed or not\n"
    "(.gz .xz .zst .bz2). Several files are read as one capture, in the given order.\n"
    "'-' is standard input, and standard output with -o. The model holds no address and\n"
    "no payload of the source.\n"
    "\n"
    "  -o, --output MODEL   the model file to write\n"
    "  -l, --local NETWORK  hosts in this network are local; may be repeated\n"
    "                       (without: private addresses are local)\n"
    "      --hosts FILE     these addresses, one a line, are the hosts, in this order\n"
    "      --map FILE       also write which host of the model had which address\n"
    "                       (keep it to yourself)\n"
    "  -q, --quiet          no progress and no summary\n"
    "  -h, --help           this text\n";

struct options {
    const char *output;
    const char *map;
    const char *hosts_file;
    struct ip_network *local;
    size_t local_count;
    size_t local_capacity;
    struct ip_address *hosts;
    size_t host_count;
    bool quiet;
};

/* ---- options ---- */

static int add_local(struct options *o, const char *text, struct error *err)
{
    o->local = memory_grow(o->local, &o->local_capacity, o->local_count + 1, sizeof *o->local);
    return option_network("--local", text, &o->local[o->local_count++], err);
}

/* The first word of every line that is not a comment. */
static int read_hosts(struct options *o, struct error *err)
{
    FILE *file = fopen(o->hosts_file, "r");
    size_t capacity = 0;
    char line[256];
    int status = 0;

    if (file == NULL)
        return error_set(err, "%s: cannot open: %s", o->hosts_file, strerror(errno));
    for (int number = 1; status == 0 && fgets(line, sizeof line, file); number++) {
        char *word = strtok(line, " \t\r\n,");

        if (word == NULL || *word == '#')
            continue;
        o->hosts = memory_grow(o->hosts, &capacity, o->host_count + 1, sizeof *o->hosts);
        if (ip_address_parse(&o->hosts[o->host_count++], word) < 0)
            status = error_set(err, "%s:%d: '%s' is not an address", o->hosts_file, number, word);
    }
    if (status == 0 && ferror(file))
        status = error_set(err, "%s: cannot read: %s", o->hosts_file, strerror(errno));
    fclose(file);
    if (status == 0 && o->host_count == 0)
        status = error_set(err, "%s: no address in it", o->hosts_file);
    return status;
}

enum { OPTION_HOSTS = 256, OPTION_MAP };

static const struct option long_options[] = {
    { "output", required_argument, NULL, 'o' },
    { "local", required_argument, NULL, 'l' },
    { "hosts", required_argument, NULL, OPTION_HOSTS },
    { "map", required_argument, NULL, OPTION_MAP },
    { "quiet", no_argument, NULL, 'q' },
    { "help", no_argument, NULL, 'h' },
    { 0 },
};

/* EXIT_OK to go on, -1 after --help, or the status to end with. */
static int parse(struct options *o, int argc, char **argv)
{
    struct error err = { "" };
    int c;

    while ((c = getopt_long(argc, argv, "o:l:qh", long_options, NULL)) != -1) {
        switch (c) {
        case 'o': o->output = optarg; break;
        case 'l':
            if (add_local(o, optarg, &err) < 0)
                return cli_fail(&err);
            break;
        case 'q': o->quiet = true; break;
        case OPTION_HOSTS: o->hosts_file = optarg; break;
        case OPTION_MAP: o->map = optarg; break;
        case 'h':
            fputs(help, stdout);
            return -1;
        default: return EXIT_USAGE;
        }
    }
    if (o->output == NULL || optind == argc) {
        fputs("dayshift learn: an output file (-o) and at least one capture are needed;"
              " see dayshift learn --help\n", stderr);
        return EXIT_USAGE;
    }
    return o->hosts_file && read_hosts(o, &err) < 0 ? cli_fail(&err) : EXIT_OK;
}

/* ---- writing ---- */

static void print_map(FILE *to, const struct learner *learner, uint32_t hosts)
{
    char address[IP_ADDRESS_TEXT];

    for (uint32_t i = 0; i < hosts; i++)
        fprintf(to, "%" PRIu32 "\t%s\n", i,
                ip_address_format(learner_host_address(learner, i), address));
}

/* A map that cannot be written leaves no model either, and no map is left without a model. */
static int write_map_and_model(const struct options *o, const struct learner *learner,
                               const struct network_stats *stats, const struct network_fit *fit,
                               struct error *err)
{
    struct output_file map;
    int status;

    if (output_file_open_private(&map, o->map, err) < 0)
        return -1;
    print_map(map.stream, learner, stats->host_count);
    status = output_file_flush(&map, err);
    if (status == 0)
        status = model_save(o->output, stats, fit, err);
    if (status == 0)
        status = output_file_commit(&map, err);
    output_file_abandon(&map);
    return status;
}

/* A signal meanwhile finds both files written, or neither. */
static int write_files(const struct options *o, const struct learner *learner,
                       const struct network_stats *stats, const struct network_fit *fit,
                       struct error *err)
{
    const atomic_bool *stop = cli_catch_signals();
    int status = o->map ? write_map_and_model(o, learner, stats, fit, err)
                        : model_save(o->output, stats, fit, err);

    /* The signal is why a pipe that nobody reads could not be written. */
    if (status < 0 && atomic_load(stop))
        error_set(err, "interrupted; %s was not written", o->output);
    return status;
}

static void print_summary(const struct options *o, const struct network_stats *stats,
                          const struct read_totals *totals, uint64_t foreign)
{
    struct day_coverage coverage;
    char frames[TEXT_NUMBER];
    char flows[TEXT_NUMBER];
    double minutes = (double)(stats->last.ns - stats->first.ns) / (60.0 * (double)NS_PER_SECOND);

    printf("read     %s frames, %s flows, %.1f minutes\n",
           text_from_count(totals->capture.frames, frames), text_from_count(stats->flows, flows),
           minutes);
    for (int i = DECODE_OK + 1; i < DECODE_RESULTS; i++) {
        if (totals->capture.by_result[i] > 0)
            printf("skipped  %s frames: %s\n",
                   text_from_count(totals->capture.by_result[i], frames),
                   decode_result_name((enum decode_result)i));
    }
    if (foreign > 0)
        printf("skipped  %s flows: neither end is local\n", text_from_count(foreign, flows));
    if (totals->flow.ended_early > 0)
        printf("cut      %s flows: more than %d were open at once\n",
               text_from_count(totals->flow.ended_early, flows), FLOW_MAX_DEFAULT);
    if (totals->flow.clock_steps > 0)
        printf("clock    %s packets were older than one before them; they count as of that one\n",
               text_from_count(totals->flow.clock_steps, frames));
    if (o->local_count == 0 && o->host_count == 0)
        printf("local    private addresses (name others with --local)\n");
    day_coverage_init(&coverage, &stats->coverage);
    printf("learned  %" PRIu32 " hosts, %zu states, %zu transitions, %zu services, %" PRIu32
           " of %d slices of the day\n",
           stats->host_count, stats->states.used, stats->transitions.used, stats->services.used,
           coverage.covered_slices, DAY_SLICES);
    printf("wrote    %s\n", o->output);
}

static int nothing_learned(const struct options *o, const char *path, uint64_t flows,
                           struct error *err)
{
    if (flows == 0)
        return error_set(err, "%s: no flow in it: nothing to learn from", path);
    if (o->host_count > 0)
        return error_set(err, "%s: %" PRIu64 " flows, none of a host in %s", path, flows,
                         o->hosts_file);
    return error_set(err, "%s: %" PRIu64 " flows, none with a local address;"
                     " name the local networks with --local", path, flows);
}

/* A slip of the hand must not cost a capture. */
static int check_outputs(const struct options *o, char **paths, int count, struct error *err)
{
    if (o->map && output_file_check_apart(o->map, o->output, err) < 0)
        return -1;
    for (int i = 0; i < count; i++) {
        if (output_file_check_apart(o->output, paths[i], err) < 0 ||
            (o->map && output_file_check_apart(o->map, paths[i], err) < 0))
            return -1;
    }
    return 0;
}

static int learn(const struct options *o, char **paths, int count, struct error *err)
{
    struct learner_config config = { .local = o->local, .local_count = o->local_count,
                                     .hosts = o->hosts, .host_count = o->host_count };
    struct learner *learner = learner_new(&config);
    const struct network_stats *stats;
    struct read_totals totals = { 0 };
    struct network_fit fit;
    int status = read_captures(paths, count, o->quiet, learner_add, learner, &totals, err);

    stats = learner_finish(learner);
    if (status == 0 && stats->states.used == 0)
        status = nothing_learned(o, paths[0], stats->flows, err);
    if (status == 0) {
        network_fit_init(&fit, stats);
        status = write_files(o, learner, stats, &fit, err);
        if (status == 0 && !o->quiet && strcmp(o->output, "-") != 0)
            print_summary(o, stats, &totals, learner_foreign_flows(learner));
        network_fit_release(&fit);
    }
    learner_free(learner);
    return status;
}

int verb_learn(int argc, char **argv)
{
    struct options o = { 0 };
    struct error err = { "" };
    int status = parse(&o, argc, argv);

    if (status == EXIT_OK && (check_outputs(&o, argv + optind, argc - optind, &err) < 0 ||
                              learn(&o, argv + optind, argc - optind, &err) < 0))
        status = cli_fail(&err);
    free(o.local);
    free(o.hosts);
    return status < 0 ? EXIT_OK : status;
}
