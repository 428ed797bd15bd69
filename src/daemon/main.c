/*
 * dayshiftd - puts a day of virtual hosts on a link, live.
 */
#include <config.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "daemon/configuration.h"
#include "daemon/engine_process.h"
#include "daemon/file_run.h"
#include "daemon/flow_logger.h"
#include "daemon/live.h"
#include "daemon/play_files.h"
#include "daemon/play.h"

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

/* ---- on a link: load, open, supervise ---- */

static int play(const struct options *o, bool *failed, struct error *err)
{
    struct live live;
    int status;

    if (live_open(&live, o->config, &o->play, err) < 0)
        return -1;
    status = live_supervise(&live, failed, err);
    live_close(&live);
    return status;
}

/* ---- -n and -w: no link ---- */

static int check_output(const struct options *o, const struct configuration *c, struct error *err)
{
    if (play_files_check_apart(c, o->write, err) < 0 || play_files_check_truth(c, err) < 0)
        return -1;
    return c->truth ? output_file_check_apart(o->write, c->truth, err) : 0;
}

/* It keeps its rights: its file is put in place at the end, where only they may suffice. */
static int write_file(const struct options *o, const struct configuration *c, const struct play_files *files,
                      struct error *err)
{
    struct model_image *images = memory_alloc_array(c->population_count, sizeof *images);
    int status = check_output(o, c, err);

    if (status == 0)
        status = play_files_read_models(files, c, images, err);
    if (status == 0)
        status = file_run_write(c, files, images, o->write, &o->play, err);
    free(images);
    return status;
}

static int check(const struct options *o, const struct configuration *c, const struct play_files *files,
                 struct error *err)
{
    int status = play_files_check_truth(c, err);

    /* Only root can say what a run that root starts would find; without a link the file is put in place whole. */
    if (status == 0 && c->link_count > 0 && geteuid() == 0)
        status = flow_logger_try(NULL, c, err);
    if (status == 0)
        status = engine_process_check(c, files, stdout, err);
    if (status == 0)
        printf("%s: good\n", o->config);
    return status;
}

static int load(const struct options *o, struct configuration *c, struct error *err)
{
    return geteuid() == 0 ? configuration_load_trusted(c, o->config, err) : configuration_load(c, o->config, err);
}

static int do_without_link(const struct options *o, struct error *err)
{
    struct configuration configuration;
    struct play_files files;
    int status;

    if (load(o, &configuration, err) < 0)
        return -1;
    status = play_files_open(&files, &configuration, err);
    if (status == 0) {
        status = o->check ? check(o, &configuration, &files, err) : write_file(o, &configuration, &files, err);
        play_files_close(&files);
    }
    configuration_release(&configuration);
    return status;
}

int main(int argc, char **argv)
{
    struct options options = { 0 };
    struct error err = { "" };
    bool failed = false;
    int status = parse(&options, argc, argv);

    if (status > 0)
        return status;
    if (status < 0)
        status = options.check || options.write ? do_without_link(&options, &err) : play(&options, &failed, &err);
    /* What was printed must have been taken: a script may rely on it. */
    if (status == 0 && (fflush(stdout) != 0 || ferror(stdout)))
        status = error_set(&err, "standard output: cannot write: %s", strerror(errno));
    if (status < 0)
        fprintf(stderr, "dayshiftd: %s\n", err.text);
    return status < 0 || failed ? EXIT_FAILED : EXIT_SUCCESS;
}
