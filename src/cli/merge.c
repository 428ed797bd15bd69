/*
 * dayshift merge: statistics of several models added up, and fitted anew.
 */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/crowds.h"
#include "cli/options.h"
#include "cli/write_model.h"
#include "model/model.h"

static const char help[] =
    "Usage: dayshift merge -o MODEL [OPTION]... MODEL...\n"
    "\n"
    "Adds up the statistics of models, as if their captures had been learned together, and\n"
    "fits a model of them. Models learned with the same key have hosts in common: what each\n"
    "says of a host adds up. Without a key, or with different ones, the hosts of a model stand\n"
    "beside those of the others, and the result has no key.\n"
    "\n"
    "  -o, --output MODEL  the model file to write; '-' is standard output\n"
    "      --crowd K       merge hosts that behave alike: every host of the result stands for at least\n"
    "                      K hosts, and shows only what at least K of them did\n"
    "      --json          the summary as JSON\n"
    "  -q, --quiet         no summary\n"
    "  -h, --help          this text\n";

struct options {
    const char *output;
    uint32_t crowd_least; /* 0: no crowds */
    bool json;
    bool quiet;
};

/* Why the hosts of a file cannot be found among those before it. */
enum apart { TOGETHER, NO_KEY, OTHER_KEY, OTHERS_HAVE_NO_KEY };

static const char *const apart_reasons[] = {
    [NO_KEY] = "it was learned without a key",
    [OTHER_KEY] = "it was learned with another key",
    [OTHERS_HAVE_NO_KEY] = "those before it have no key in common",
};

struct part {
    const char *path;
    uint32_t hosts, common; /* with the files before it */
    uint64_t flows;
    enum apart apart;
};

/* ---- merging ---- */

static enum apart why_apart(const struct network_stats *into, const struct network_stats *from)
{
    if (!from->has_tags)
        return NO_KEY;
    if (!into->has_tags)
        return OTHERS_HAVE_NO_KEY;
    return into->key_check == from->key_check ? TOGETHER : OTHER_KEY;
}

static int add_part(struct network_stats *all, const struct network_stats *stats, struct part *part,
                    struct error *err)
{
    uint32_t before = all->host_count;

    part->apart = why_apart(all, stats);
    if (network_stats_merge(all, stats, err) < 0)
        return error_prefix(err, "%s", part->path);
    part->common = before + stats->host_count - all->host_count;
    return 0;
}

/* The first file is what the others are added to. */
static int merge_files(struct part *parts, int count, struct network_stats *all, struct error *err)
{
    int status = model_load_stats(parts[0].path, all, err);

    parts[0].hosts = all->host_count;
    parts[0].flows = all->flows;
    for (int i = 1; i < count && status == 0; i++) {
        struct network_stats stats;

        network_stats_init(&stats);
        status = model_load_stats(parts[i].path, &stats, err);
        parts[i].hosts = stats.host_count;
        parts[i].flows = stats.flows;
        if (status == 0)
            status = add_part(all, &stats, &parts[i], err);
        network_stats_release(&stats);
    }
    return status;
}

/* ---- the summary ---- */

static void print_text(const struct options *o, const struct part *parts, int count,
                       const struct network_stats *all, const struct crowds *crowds)
{
    char number[TEXT_NUMBER];

    for (int i = 0; i < count; i++) {
        printf("merged   %s: %" PRIu32 " hosts, %s flows", parts[i].path, parts[i].hosts,
               text_from_count(parts[i].flows, number));
        if (i > 0 && parts[i].apart == TOGETHER)
            printf(", %" PRIu32 " hosts in common with those before", parts[i].common);
        putchar('\n');
        if (parts[i].apart != TOGETHER)
            printf("apart    %s: its hosts stand beside the others: %s\n", parts[i].path,
                   apart_reasons[parts[i].apart]);
    }
    printf("all      %" PRIu32 " hosts, %zu states, %zu transitions, %zu services, %s flows\n",
           all->host_count, all->states.used, all->transitions.used, all->services.used,
           text_from_count(all->flows, number));
    if (crowds)
        crowds_print(crowds, o->crowd_least);
    printf("wrote    %s\n", o->output);
}

static json_t *part_json(const struct part *part)
{
    json_t *root = json_pack("{s:o,s:I,s:I,s:I,s:b}", "file", cli_json_text(part->path), "hosts",
                             (json_int_t)part->hosts, "flows", (json_int_t)part->flows,
                             "hosts_in_common", (json_int_t)part->common, "matched",
                             part->apart == TOGETHER);

    if (part->apart != TOGETHER)
        json_object_set_new(root, "why_not", json_string(apart_reasons[part->apart]));
    return root;
}

static int print_json(const struct options *o, const struct part *parts, int count,
                       const struct network_stats *all, const struct crowds *crowds)
{
    json_t *files = json_array();
    json_t *root;

    for (int i = 0; i < count; i++)
        json_array_append_new(files, part_json(&parts[i]));
    root = json_pack("{s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:b}", "files", files, "output",
                     cli_json_text(o->output), "hosts",
                     (json_int_t)all->host_count, "states", (json_int_t)all->states.used,
                     "transitions", (json_int_t)all->transitions.used, "services",
                     (json_int_t)all->services.used, "flows", (json_int_t)all->flows, "has_tags",
                     (int)(all->has_tags && crowds == NULL));
    if (crowds)
        json_object_set_new(root, "crowds", crowds_json(crowds, o->crowd_least));
    return cli_print_json(root);
}

/* ---- the verb ---- */

/* A slip of the hand must not cost a model, nor count one twice. */
static int check_files(const struct options *o, const struct part *parts, int count,
                       struct error *err)
{
    struct stat *infos = memory_alloc_array((size_t)count, sizeof *infos);
    int status = 0;

    for (int i = 0; i < count && status == 0; i++) {
        bool is_there = stat(parts[i].path, &infos[i]) == 0;

        status = output_file_check_apart(o->output, parts[i].path, err);
        for (int k = 0; k < i && is_there && status == 0; k++) {
            if (infos[i].st_dev == infos[k].st_dev && infos[i].st_ino == infos[k].st_ino)
                status = error_set(err, "%s: the same file as %s: its flows would count twice",
                                   parts[i].path, parts[k].path);
        }
    }
    free(infos);
    return status;
}

/* Writes the sum, or `crowds` of it (NULL: none), and says what there is to say. An exit status. */
static int write_sum(const struct options *o, const struct part *parts, int count,
                     const struct network_stats *all, const struct crowds *crowds, struct error *err)
{
    if (write_model(o->output, crowds ? &crowds->stats : all, NULL, err) < 0)
        return EXIT_FAILED;
    if (o->json)
        return print_json(o, parts, count, all, crowds);
    if (!o->quiet && strcmp(o->output, "-") != 0)
        print_text(o, parts, count, all, crowds);
    return EXIT_OK;
}

static int write_crowds(const struct options *o, const struct part *parts, int count,
                        const struct network_stats *all, struct error *err)
{
    struct crowds crowds;
    int status = crowds_make(&crowds, all, o->crowd_least, err);

    status = status < 0 ? EXIT_FAILED : write_sum(o, parts, count, all, &crowds, err);
    crowds_release(&crowds);
    return status;
}

/* An exit status; EXIT_FAILED with *err, unless it was said. */
static int merge(const struct options *o, struct part *parts, int count, struct error *err)
{
    struct network_stats all;
    int status;

    if (check_files(o, parts, count, err) < 0 || output_file_probe(o->output, err) < 0)
        return EXIT_FAILED;
    network_stats_init(&all);
    status = merge_files(parts, count, &all, err);
    if (status < 0)
        status = EXIT_FAILED;
    else if (o->crowd_least > 0)
        status = write_crowds(o, parts, count, &all, err);
    else
        status = write_sum(o, parts, count, &all, NULL, err);
    network_stats_release(&all);
    return status;
}

static int take_option(void *self, int option, char *value, struct error *err)
{
    struct options *o = self;

    switch (option) {
    case 'o': o->output = value; return 0;
    case 'c': return option_crowd("--crowd", value, &o->crowd_least, err);
    case 'j': o->json = true; return 0;
    default: o->quiet = true; return 0;
    }
}

/* EXIT_OK to go on, or as options_read(). */
static int parse(struct options *o, int argc, char **argv)
{
    static const struct option long_options[] = {
        { "output", required_argument, NULL, 'o' },
        { "crowd", required_argument, NULL, 'c' },
        { "json", no_argument, NULL, 'j' },
        { "quiet", no_argument, NULL, 'q' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    const struct option_reader reader = { help, "o:qh", long_options, take_option, o };
    int status = options_read(&reader, argc, argv);

    if (status != EXIT_OK)
        return status;
    if (o->output == NULL || optind == argc)
        return options_misused("merge", "an output file (-o) and at least one model are needed");
    if (o->json && strcmp(o->output, "-") == 0)
        return options_misused("merge", "--json and the model cannot both be written to standard output");
    return EXIT_OK;
}

int verb_merge(int argc, char **argv)
{
    struct options o = { 0 };
    struct error err = { "" };
    int status = parse(&o, argc, argv);
    int count = argc - optind;
    struct part *parts;

    if (status != EXIT_OK)
        return status == OPTIONS_HELP ? EXIT_OK : status;
    parts = memory_alloc_array((size_t)count, sizeof *parts);
    for (int i = 0; i < count; i++)
        parts[i].path = argv[optind + i];
    status = merge(&o, parts, count, &err);
    if (err.text[0] != '\0')
        cli_fail(&err);
    free(parts);
    return status;
}
