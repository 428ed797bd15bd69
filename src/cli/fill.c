/*
 * dayshift fill: NETFLOW-REGRESSION: a record file with gaps -> the same with synthetic records in them.
 */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/fill_list.h"
#include "cli/fill_options.h"
#include "cli/read_inputs.h"
#include "learn/address_table.h"
#include "learn/fit.h"
#include "learn/learner.h"
#include "learn/local_networks.h"

/* What is worked on. */
struct work {
    struct fill_command *o;
    struct recording recording;
    struct model *model;
    uint32_t *model_hosts; /* by host of the recording */
    bool *is_wanted;       /* by host of the recording */
    struct gaps gaps;
    struct gap_fill *fills;
    size_t fill_count, fill_capacity;
    size_t hidden;    /* records */
    size_t synthetic; /* records */
    size_t one_sided; /* gaps of hosts with records on one side only */
};

/* ---- hosts ---- */

static void add_senders(struct address_table *hosts, const struct local_networks *local,
                        const struct recording *recording)
{
    for (size_t i = 0; i < recording->used; i++) {
        const struct flow_record *record = &recording->records[i];

        for (int side = 0; side < 2; side++) {
            if (record->packets[side] > 0 && !ip_address_is_group(&record->address[side]) &&
                local_networks_contain(local, &record->address[side]))
                address_table_put(hosts, &record->address[side]);
        }
    }
}

/* As learning has them: local addresses that sent a packet; and those that are named. */
static void set_hosts(struct work *w)
{
    const struct fill_command *o = w->o;
    struct local_networks local = { 0 };
    struct address_table hosts;

    address_table_init(&hosts);
    for (size_t i = 0; i < o->host_count; i++)
        address_table_put(&hosts, &o->hosts[i].address);
    if (o->local_count > 0)
        local_networks_give(&local, o->local, o->local_count);
    else
        local_networks_find(&local, w->recording.records, w->recording.used);
    if (o->model == NULL)
        add_senders(&hosts, &local, &w->recording);
    recording_set_hosts(&w->recording, hosts.addresses, (uint32_t)hosts.used);
    local_networks_release(&local);
    address_table_release(&hosts);
}

static int choose_hosts(struct work *w, const char *path, struct error *err)
{
    uint32_t count;

    set_hosts(w);
    count = w->recording.host_count;
    if (count == 0)
        return error_set(err, "%s: no local host sent a packet; name the local networks with --local", path);
    w->is_wanted = memory_alloc_array(count, sizeof *w->is_wanted);
    w->model_hosts = memory_alloc_array(count, sizeof *w->model_hosts);
    for (uint32_t host = 0; host < count; host++) {
        w->is_wanted[host] = w->o->host_count == 0 || host < w->o->host_count; /* those named come first */
        w->model_hosts[host] = w->o->model ? w->o->hosts[host].model_host : host;
        if (host < w->o->host_count && w->recording.hosts[host].step_count == 0)
            return error_set(err, "--host: %s: the input has no record of it", w->o->hosts[host].text);
    }
    return 0;
}

/* ---- gaps ---- */

static struct gap_hosts gap_hosts(const struct work *w)
{
    return (struct gap_hosts){ w->is_wanted, w->o->host_count > 0 };
}

static int set_gaps(struct work *w, const char *path, struct error *err)
{
    struct gap_hosts hosts = gap_hosts(w);

    if (!w->o->find && gaps_mark(&w->gaps, &w->o->marked, &w->recording, &hosts, &w->hidden, err) < 0)
        return -1;
    if (w->hidden > 0 && !w->o->replace)
        return error_set(err, "--gap: %zu records lie in it; with --replace they give way to synthetic ones",
                         w->hidden);
    if (w->o->find)
        gaps_find(&w->gaps, &w->recording, &hosts);
    if (w->o->find && w->gaps.count == 0)
        return error_set(err, "%s: no silence in it is too long for its clock; mark a gap with --gap", path);
    gaps_sort(&w->gaps);
    return 0;
}

/* ---- models ---- */

/* All that is known, in order, with a break where something is missing. */
static void learn_rest(struct work *w, struct learner *learner)
{
    const struct recording *recording = &w->recording;
    size_t next = 0;

    for (size_t i = 0; i < recording->used; i++) {
        for (; next < w->gaps.count && w->gaps.list[next].to.ns <= recording->records[i].start.ns; next++) {
            const struct gap *gap = &w->gaps.list[next];

            if (gap->host == RECORDING_NOBODY)
                learner_break(learner, gap->from);
            else
                learner_break_host(learner, &recording->hosts[gap->host].address);
        }
        if (!recording->is_hidden[i])
            learner_add(learner, &recording->records[i]);
    }
}

static int learn_model(struct work *w, struct error *err)
{
    struct ip_address *addresses = memory_alloc_array(w->recording.host_count, sizeof *addresses);
    struct learner_config config = { .hosts = addresses, .host_count = w->recording.host_count };
    struct model_image image;
    struct network_fit fit;
    struct learner *learner;

    for (uint32_t i = 0; i < w->recording.host_count; i++)
        addresses[i] = w->recording.hosts[i].address;
    learner = learner_new(&config);
    learn_rest(w, learner);
    network_fit_init(&fit, learner_finish(learner));
    if (model_image_make(&image, learner_finish(learner), &fit, err) == 0) {
        w->model = model_from_image(&image, err);
        model_image_release(&image);
    }
    network_fit_release(&fit);
    learner_free(learner);
    free(addresses);
    return w->model ? 0 : -1;
}

static int load_model(struct work *w, struct error *err)
{
    w->model = model_load(w->o->model, err);
    if (w->model == NULL)
        return -1;
    for (size_t i = 0; i < w->o->host_count; i++) {
        uint32_t id = w->o->hosts[i].model_host;

        if (id >= w->model->host_count || w->model->hosts[id].state_count == 0)
            return error_set(err, "--host: %s: %s has %" PRIu32 " hosts, and none with that number that did"
                             " anything", w->o->hosts[i].text, w->o->model, w->model->host_count);
    }
    return 0;
}

/* ---- filling ---- */

static int fill_gap(struct work *w, const struct gap *gap, struct error *err)
{
    uint32_t count = w->recording.host_count;
    struct gap_hosts hosts = gap_hosts(w);
    bool *are_filled = memory_alloc_array(count, sizeof *are_filled);

    for (uint32_t host = 0; host < count; host++)
        are_filled[host] = gaps_fill(&w->gaps, gap, &w->recording, &hosts, host, &w->one_sided);
    for (uint32_t host = 0; host < count && w->synthetic <= RECORDING_MAX; host++) {
        const struct fill_request request = {
            .recording = &w->recording, .host = host, .fills = are_filled, .model = w->model,
            .model_host = w->model_hosts[host], .from = gap->from, .to = gap->to, .options = &w->o->fill,
        };

        if (!are_filled[host])
            continue;
        w->fills = memory_grow(w->fills, &w->fill_capacity, w->fill_count + 1, sizeof *w->fills);
        gap_fill_make(&w->fills[w->fill_count], &request);
        w->synthetic += w->fills[w->fill_count++].record_count;
    }
    free(are_filled);
    return w->synthetic <= RECORDING_MAX
               ? 0
               : error_set(err, "the gaps take more than %d records; fill them one by one", RECORDING_MAX);
}

static int fill_gaps(struct work *w, struct error *err)
{
    for (size_t i = 0; i < w->gaps.count; i++) {
        if (fill_gap(w, &w->gaps.list[i], err) < 0)
            return -1;
    }
    if (w->fill_count == 0)
        return error_set(err, "no host has records before and after a gap; name one with --host");
    return 0;
}

/* ---- the outcome ---- */

/* In order of time; genuine records before synthetic ones, and those in the order in which they were made. */
struct placed {
    const struct flow_record *record;
    size_t number;
};

static int compare_placed(const void *a, const void *b)
{
    const struct placed *x = a;
    const struct placed *y = b;

    if (x->record->start.ns != y->record->start.ns)
        return x->record->start.ns < y->record->start.ns ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static size_t place_records(const struct work *w, struct placed *placed)
{
    size_t used = 0;

    for (size_t i = 0; i < w->recording.used && !w->o->only; i++) {
        if (!w->recording.is_hidden[i])
            placed[used++] = (struct placed){ &w->recording.records[i], i };
    }
    for (size_t f = 0; f < w->fill_count; f++) {
        for (size_t i = 0; i < w->fills[f].record_count; i++, used++)
            placed[used] = (struct placed){ &w->fills[f].records[i], w->recording.used + used };
    }
    qsort(placed, used, sizeof *placed, compare_placed);
    return used;
}

static int write_records(const struct work *w, struct error *err)
{
    const struct fill_command *o = w->o;
    const struct record_encoding *encoding = o->only ? o->encoding : record_encoding_labelled(o->encoding);
    struct placed *placed = memory_alloc_array(w->recording.used + w->synthetic, sizeof *placed);
    size_t count = place_records(w, placed);
    const atomic_bool *interrupted = cli_catch_signals();
    struct record_writer *writer;
    int status = -1;

    writer = record_writer_new(o->output, encoding, err);
    if (writer) {
        status = 0;
        for (size_t i = 0; i < count && status == 0; i++)
            status = record_writer_add(writer, placed[i].record, err);
        if (status == 0 && atomic_load(interrupted))
            status = output_file_interrupted(o->output, "interrupted", err);
        if (status == 0)
            status = record_writer_commit(writer, err);
    }
    record_writer_free(writer);
    free(placed);
    return status;
}

static int print_json(const struct work *w)
{
    const struct fill_list list = { &w->recording, w->fills, w->fill_count };
    json_t *fillings = json_array();

    for (size_t i = 0; i < list.count; i++)
        json_array_append_new(fillings, fill_list_json(&list, i));
    return cli_print_json(json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "method", w->o->fill.method == FILL_EXACT ? "exact" : "search",
        "gaps", (json_int_t)w->gaps.count, "genuine", (json_int_t)(w->recording.used - w->hidden), "missing",
        (json_int_t)w->hidden, "synthetic", (json_int_t)w->synthetic, "one_sided", (json_int_t)w->one_sided,
        "fillings", fillings));
}

static void print_summary(const struct work *w)
{
    char counts[2][TEXT_NUMBER];

    printf("gaps     %s, of one host each\n", text_from_count(w->fill_count, counts[0]));
    printf("filled   %s synthetic flows among %s genuine ones\n", text_from_count(w->synthetic, counts[0]),
           text_from_count(w->recording.used - w->hidden, counts[1]));
    if (w->hidden > 0)
        printf("replaced %s flows that lay in a gap\n", text_from_count(w->hidden, counts[0]));
    if (w->one_sided > 0)
        printf("left     %s, of hosts with flows on one side of a gap only (--host fills them)\n",
               text_from_count(w->one_sided, counts[0]));
}

static int report(const struct work *w)
{
    const struct fill_list list = { &w->recording, w->fills, w->fill_count };

    if (w->o->json)
        return print_json(w) == EXIT_OK ? 0 : -1;
    for (size_t i = 0; i < list.count && w->o->list; i++)
        fill_list_print(&list, i, &w->o->fill);
    if (!w->o->quiet && (w->o->output == NULL || strcmp(w->o->output, "-") != 0))
        print_summary(w);
    return 0;
}

/* ---- the verb ---- */

static int read_records(struct work *w, char **paths, int count, struct host_names *names,
                        struct read_totals *totals, struct error *err)
{
    const struct read_options read = { .outputs = { w->o->output }, .quiet = w->o->quiet, .names = names,
                                       .records = w->o->records, .max_bytes = READ_MAX_BYTES_DEFAULT };

    if (w->o->output && output_file_probe(w->o->output, err) < 0)
        return -1;
    if (w->o->output && w->o->model && output_file_check_apart(w->o->output, w->o->model, err) < 0)
        return -1;
    if (read_inputs(paths, count, &read, recording_add, &w->recording, totals, err) < 0)
        return -1;
    if (w->recording.used == 0)
        return error_set(err, "%s: no flow in it that could be read", paths[0]);
    if (w->recording.refused > 0)
        return error_set(err, "%s: more than %d flows; fill a part of them, around the gap", paths[0],
                         RECORDING_MAX);
    recording_sort(&w->recording);
    return 0;
}

/* 0, or -1 with *err, which is empty when it was said. */
static int work_through(struct work *w, char **paths, struct error *err)
{
    if (choose_hosts(w, paths[0], err) < 0 || set_gaps(w, paths[0], err) < 0)
        return -1;
    if ((w->o->model ? load_model(w, err) : learn_model(w, err)) < 0 || fill_gaps(w, err) < 0)
        return -1;
    if (w->o->output && write_records(w, err) < 0)
        return -1;
    return report(w);
}

static void work_release(struct work *w)
{
    for (size_t i = 0; i < w->fill_count; i++)
        gap_fill_release(&w->fills[i]);
    free(w->fills);
    free(w->gaps.list);
    free(w->is_wanted);
    free(w->model_hosts);
    model_free(w->model);
    recording_release(&w->recording);
}

static int fill(struct fill_command *o, char **paths, int count)
{
    struct host_names *names = host_names_new(READ_MAX_BYTES_DEFAULT / 8);
    struct work w = { .o = o };
    struct read_totals totals = { 0 };
    struct error err = { "" };
    int status = read_records(&w, paths, count, names, &totals, &err);

    if (status == 0)
        status = work_through(&w, paths, &err);
    if (status < 0 && err.text[0] != '\0')
        cli_fail(&err);
    work_release(&w);
    host_names_free(names);
    return status < 0 ? EXIT_FAILED : totals.damaged > 0 ? EXIT_DAMAGED : EXIT_OK;
}

int verb_fill(int argc, char **argv)
{
    struct fill_command o;
    int status = fill_command_parse(&o, argc, argv);

    if (status == EXIT_OK)
        status = fill(&o, argv + optind, argc - optind);
    fill_command_release(&o);
    return status < 0 ? EXIT_OK : status;
}
