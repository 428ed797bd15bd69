/*
 * dayshift learn: captures, flow logs or an interface -> flows -> statistics -> fit -> model file.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/output_file.h"
#include "cli/cli.h"
#include "cli/learn_options.h"
#include "cli/learn_report.h"
#include "cli/options.h"
#include "cli/privileges.h"
#include "cli/write_model.h"

#define FIXED_MEMORY (UINT64_C(40) << 20) /* buffers, libraries, the cache of the model's writer */

/* `crowds` are by host; NULL: the hosts are those of the model. */
static void print_map(FILE *to, const struct learn_options *o, const struct learner *learner, uint32_t hosts,
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
static int write_files(const struct learn_options *o, const struct learner *learner,
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

static int nothing_learned(const struct learn_options *o, const char *path, uint64_t flows,
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
static int check_outputs(const struct learn_options *o, struct error *err)
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
static struct learner *new_learner(struct learn_options *o, struct error *err)
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
static int report(const struct learn_options *o, const struct learner *learner, const struct network_stats *stats,
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
static int read_labels(struct learn_options *o, struct label_table **table, struct error *err)
{
    *table = o->label_table ? label_table_read(o->label_table, err) : NULL;
    o->labels.table = *table;
    if (*table && label_table_damage(*table))
        fprintf(stderr, "dayshift: %s; the others count\n", label_table_damage(*table));
    return o->label_table && *table == NULL ? -1 : 0;
}

static int learn_live(struct learn_options *o, struct label_table **table, struct read_totals *totals,
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

static int learn_files(struct learn_options *o, char **paths, int count, struct label_table **table,
                       struct read_totals *totals, struct error *err)
{
    if (check_outputs(o, err) < 0 || read_labels(o, table, err) < 0)
        return -1;
    return read_inputs(paths, count, &o->read, flow_labels_pass, &o->labels, totals, err);
}

/* What was learned, as hosts or as crowds: into files, and what there is to say of it. */
static int finish(const struct learn_options *o, const struct learner *learner, const struct network_stats *stats,
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
static int learn(struct learn_options *o, char **paths, int count, struct error *err)
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
    struct learn_options o;
    struct error err = { "" };
    int status = learn_options_parse(&o, argc, argv);

    if (status == EXIT_OK) {
        status = learn(&o, argv + optind, argc - optind, &err);
        if (status == EXIT_FAILED && err.text[0] != '\0')
            cli_fail(&err);
    }
    learn_options_release(&o);
    return status == OPTIONS_HELP ? EXIT_OK : status;
}
