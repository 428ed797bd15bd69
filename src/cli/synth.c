/*
 * dayshift synth: models -> flow records of hosts, of a mixture of hosts, or of a day of all of them.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/output_file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/synth_options.h"
#include "cli/synth_run.h"
#include "cli/write_records.h"
#include "records/record_writer.h"

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
    int status = synth_run_open(&run, o, path, err);

    if (status == 0)
        status = write_all(o, &run, err);
    synth_run_release(&run);
    return status;
}

int verb_synth(int argc, char **argv)
{
    struct synth_options o;
    struct error err = { "" };
    int status = synth_options_parse(&o, argc, argv);

    if (status == EXIT_OK) {
        o.play.scenario.stop = cli_catch_signals();
        status = synthesize(&o, argv[optind], &err) < 0 ? cli_fail(&err) : EXIT_OK;
    }
    synth_options_release(&o);
    return status == OPTIONS_HELP ? EXIT_OK : status;
}
