/*
 * dayshiftd - puts a day of virtual hosts on a link, live.
 */
#include <config.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "daemon/configuration.h"
#include "daemon/file_run.h"
#include "daemon/live_run.h"
#include "daemon/play.h"
#include "daemon/privileges.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char help[] =
    "Usage: dayshiftd -c FILE [OPTION]...\n"
    "\n"
    "Plays virtual hosts, as learned by dayshift(1), on an Ethernet link. Opens the link as\n"
    "root, then gives up root. Ends with a table of what was planned, sent and dropped.\n"
    "\n"
    "  -c, --config FILE  the configuration, see dayshift.conf(5)\n"
    "  -n, --check        check the configuration and the models, and exit\n"
    "  -w, --write FILE   write the frames to a pcap file instead; needs no privilege\n"
    "                     ('-': to standard output, and the table to standard error)\n"
    "  -j, --json         the final table as JSON\n"
    "  -q, --quiet        no progress\n"
    "      --version      the version\n"
    "  -h, --help         this text\n";

struct options {
    const char *config;
    const char *write;
    bool check;
    struct play_options play;
};

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' }, { "check", no_argument, NULL, 'n' },
    { "write", required_argument, NULL, 'w' },  { "json", no_argument, NULL, 'j' },
    { "quiet", no_argument, NULL, 'q' },        { "version", no_argument, NULL, 'V' },
    { "help", no_argument, NULL, 'h' },         { 0 },
};

/* -1 to go on, or the status to exit with. */
static int parse(struct options *o, int argc, char **argv)
{
    static char name[] = "dayshiftd";
    int c;

    argv[0] = name; /* not a path, in the messages of getopt(3) */
    while ((c = getopt_long(argc, argv, "c:nw:jqh", long_options, NULL)) != -1) {
        switch (c) {
        case 'c': o->config = optarg; break;
        case 'n': o->check = true; break;
        case 'w': o->write = optarg; break;
        case 'j': o->play.json = true; break;
        case 'q': o->play.quiet = true; break;
        case 'V':
            printf("dayshiftd (%s)\n", PACKAGE_STRING);
            return EXIT_SUCCESS;
        case 'h':
            fputs(help, stdout);
            return EXIT_SUCCESS;
        default: return EXIT_USAGE;
        }
    }
    if (o->config == NULL || optind != argc) {
        fputs("dayshiftd: a configuration (-c) is needed, and nothing else; see dayshiftd --help\n",
              stderr);
        return EXIT_USAGE;
    }
    return -1;
}

static int drop_privileges(const struct options *o, const struct configuration *c, struct error *err)
{
    return privileges_drop(c->user, err) < 0 ? error_prefix(err, "%s", o->config) : 0;
}

/* Everything that needs root, then no root, then everything that looks at foreign data. */
static int play(const struct options *o, const struct configuration *c, struct model_image *images,
                struct error *err)
{
    struct link link;
    int status;

    if (c->link_count == 0)
        return error_set(err, "%s: interface is missing: where is to be played? (-w needs none)",
                         o->config);
    if (c->link_count > 1)
        return error_set(err, "%s: links: more than one can only be checked or written to a file", o->config);
    if (link_open(&link, c->links[0].interface, c->allow_default_route, err) < 0)
        return error_prefix(err, "%s: interface", o->config);
    status = play_read_models(c, images, err);
    if (status == 0)
        status = drop_privileges(o, c, err);
    if (status == 0)
        status = live_run_play(c, images, &link, &o->play, err);
    link_close(&link);
    return status;
}

/* Builds everything and throws it away. */
static int check(const struct configuration *c, struct model_image *images, struct error *err)
{
    struct play play;

    if (play_init(&play, c, images, err) < 0)
        return -1;
    play_release(&play);
    return 0;
}

static int check_output(const struct options *o, const struct configuration *c, struct error *err)
{
    if (output_file_check_apart(o->write, o->config, err) < 0)
        return -1;
    for (size_t i = 0; i < c->population_count; i++) {
        if (output_file_check_apart(o->write, c->populations[i].model, err) < 0)
            return -1;
    }
    return 0;
}

static int run(const struct options *o, const struct configuration *c, struct error *err)
{
    struct model_image *images = memory_alloc_array(c->population_count, sizeof *images);
    int status;

    if (!o->check && o->write == NULL) {
        status = play(o, c, images, err);
    } else {
        status = o->write ? check_output(o, c, err) : 0;
        if (status == 0)
            status = play_read_models(c, images, err);
        /* -w keeps its rights: its file is put in place at the end, where only they may suffice. */
        if (status == 0 && o->check)
            status = drop_privileges(o, c, err);
        if (status == 0)
            status = o->check ? check(c, images, err)
                              : file_run_write(c, images, o->write, &o->play, err);
    }
    for (size_t i = 0; i < c->population_count; i++)
        model_image_release(&images[i]);
    free(images);
    return status;
}

static int serve(const struct options *o, struct error *err)
{
    struct configuration configuration;
    int status;

    if (configuration_load(&configuration, o->config, err) < 0)
        return -1;
    status = run(o, &configuration, err);
    configuration_release(&configuration);
    if (status == 0 && o->check)
        printf("%s: good\n", o->config);
    return status;
}

int main(int argc, char **argv)
{
    struct options options = { 0 };
    struct error err = { "" };
    int status = parse(&options, argc, argv);

    if (status > 0)
        return status;
    if (status < 0)
        status = serve(&options, &err);
    /* What was printed must have been taken: a script may rely on it. */
    if (status == 0 && (fflush(stdout) != 0 || ferror(stdout)))
        status = error_set(&err, "standard output: cannot write: %s", strerror(errno));
    if (status < 0)
        fprintf(stderr, "dayshiftd: %s\n", err.text);
    return status < 0 ? EXIT_FAILED : EXIT_SUCCESS;
}
