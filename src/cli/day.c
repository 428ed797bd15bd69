/*
 * dayshift day: models -> a day of virtual hosts -> pcap file.
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
#include "cli/scenario_options.h"
#include "cli/session_choice.h"
#include "cli/truth.h"
#include "cli/write_frames.h"
#include "model/model.h"
#include "scenario/scenario.h"

static const char help[] =
    "Usage: dayshift day -o PCAP [OPTION]... MODEL\n"
    "\n"
    "Synthesizes a day, or a part of one, of virtual hosts that behave as those of the model.\n"
    "The same options give the same bytes. '-o -' writes to standard output.\n"
    "\n"
    "  -o, --output PCAP      the file to write (nanosecond pcap)\n"
    "  -n, --hosts N          virtual hosts (default: as many as are picked)\n"
    "      --pick HOSTS       which hosts of the model are played in turn, by the numbers that 'dayshift\n"
    "                         info' has, and how often: 3,7*5 or crowd:2 (default: all)\n"
    "      --activity X       X times as many flows, as large as learned (default 1)\n"
    "      --network NETWORK  their addresses, IPv4 or IPv6; once for each: hosts have both\n"
    "                         (default " SCENARIO_DEFAULT_NETWORK ")\n"
    "      --outside NETWORK  addresses of the rest of the world, the same (default " SCENARIO_DEFAULT_OUTSIDE "\n"
    "                         and " SCENARIO_DEFAULT_OUTSIDE6 ")\n"
    "      --date DATE        the day (default: the first day that was learned)\n"
    "      --timezone ZONE    where the day is (Europe/Madrid): date and time are by the wall clock there\n"
    "                         (default UTC)\n"
    "      --start TIME       begin at this time of day (default 00:00)\n"
    "      --for DURATION     how much of the day (default 1d)\n"
    "      --lead-in DURATION sessions are under way at the begin that began so long before it at most;\n"
    "                         up to 30d, or 0: none (default 0)\n"
    "      --speed X          the day passes X times as fast; sessions keep their own pace\n"
    "                         (default 1)\n"
    "      --seed N           another seed, another day (default 1)\n"
    "      --unobserved HOW   hours that the capture did not cover: spread (behave as in one\n"
    "                         of the observed five minutes, default), interpolate (between the\n"
    "                         observed ones before and after) or silent\n"
    "%s"
    "  -j, --jobs N           threads; the file is the same for any number (default 1)\n"
    "  -q, --quiet            no progress and no summary\n"
    "  -h, --help             this text\n";

struct day_options {
    const char *output;
    struct scenario_options play;
    struct session_choice sessions;
    bool quiet;
};

/* A pcap file has 32 bits for the seconds since 1970. */
#define LAST_NS ((double)UINT32_MAX * (double)NS_PER_SECOND)

static const struct option long_options[] = {
    { "output", required_argument, NULL, 'o' },
    { "speed", required_argument, NULL, 'x' },
    { "lead-in", required_argument, NULL, 'l' },
    SCENARIO_LONG_OPTIONS,
    SESSION_CHOICE_LONG_OPTIONS,
    { "quiet", no_argument, NULL, 'q' },
    { "help", no_argument, NULL, 'h' },
    { 0 },
};

static int take_lead_in(struct scenario_config *config, const char *value, struct error *err)
{
    if (scenario_lead_parse(value, &config->lead_ns) < 0)
        return error_set(err, "--lead-in: '%s' is not " SCENARIO_LEAD_WANTED, value);
    return 0;
}

/* Takes one option; 0, or -1 with *err. */
static int take_option(void *self, int c, char *value, struct error *err)
{
    struct day_options *o = self;

    switch (c) {
    case 'o': o->output = value; return 0;
    case 'x': return option_speed("--speed", value, &o->play.scenario.speed, err);
    case 'l': return take_lead_in(&o->play.scenario, value, err);
    case 'q': o->quiet = true; return 0;
    case 'n': return scenario_options_take(&o->play, SCENARIO_OPTION_HOSTS, value, err);
    case 'j': return scenario_options_take(&o->play, SCENARIO_OPTION_JOBS, value, err);
    default:
        return c < SESSION_CHOICE_TRUTH ? scenario_options_take(&o->play, c, value, err)
                                        : session_choice_take(&o->sessions, c, value, err);
    }
}

static void print_summary(const struct day_options *o, const struct scenario *scenario,
                          const struct emit_counts *counts)
{
    char flows[TEXT_NUMBER];
    char frames[TEXT_NUMBER];
    char bytes[TEXT_NUMBER];

    printf("planned  %s flows of %" PRIu32 " virtual hosts\n",
           text_from_count(scenario_counts(scenario)->flows, flows), scenario_host_count(scenario));
    printf("wrote    %s frames, %s bytes to %s\n", text_from_count(counts->sent, frames),
           text_from_count(counts->sent_bytes, bytes), o->output);
    if (counts->refused > 0)
        printf("refused  %s frames: not between the networks of the day\n",
               text_from_count(counts->refused, frames));
}

static int synthesize(struct day_options *o, struct error *err)
{
    struct scenario_config *config = &o->play.scenario;
    struct flow_output *truth = NULL;
    struct emit_counts counts;
    struct write_frames_config write = {
        .path = o->output, .what = "day", .stop = config->stop, .quiet = o->quiet,
    };
    struct scenario *scenario = NULL;
    int status;

    config->begin = scenario_options_begin(&o->play, o->play.group.model);
    if ((double)config->begin.ns + (double)config->day_ns / config->speed > LAST_NS)
        return error_set(err, "the day ends after 2106, the last year of a pcap file; see --date,"
                         " --for and --speed");
    config->groups = &o->play.group;
    config->group_count = 1;
    config->how = o->sessions.how;
    status = truth_open(&truth, o->sessions.truth, config->begin, &config->how, err);
    if (status == 0) {
        scenario = scenario_new(config, err);
        status = scenario == NULL ? -1 : 0;
    }
    if (status == 0) {
        if (truth)
            flow_ledger_add_population(flow_output_ledger(truth), 0);
        write.truth = truth;
        write.begin = config->begin;
        write.frames = scenario_frames(scenario);
        write.end_s = scenario_end(scenario).ns / NS_PER_SECOND;
        write.networks = scenario_networks(scenario, &write.network_count);
        status = write_frames(&write, &counts, err);
    }
    if (status == 0 && !o->quiet && strcmp(o->output, "-") != 0)
        print_summary(o, scenario, &counts);
    scenario_free(scenario);
    flow_output_free(truth);
    return status;
}

int verb_day(int argc, char **argv)
{
    struct day_options o = { .sessions = SESSION_CHOICE_DEFAULT };
    struct error err = { "" };
    char lines[SESSION_CHOICE_HELP];
    char text[sizeof help + sizeof lines];
    int status;

    scenario_options_init(&o.play);
    o.play.scenario.day_ns = NS_PER_DAY;
    snprintf(text, sizeof text, help, session_choice_help(lines));
    status = options_read(&(struct option_reader){ text, "o:n:j:qh", long_options, take_option, &o }, argc, argv);
    if (status != EXIT_OK)
        return status == OPTIONS_HELP ? EXIT_OK : status;
    if (o.output == NULL || argc - optind != 1)
        return options_misused("day", "an output file (-o) and one model are needed");
    if (output_file_check_apart(o.output, argv[optind], &err) < 0 ||
        truth_check_apart(o.sessions.truth, o.output, argv[optind], &err) < 0)
        return cli_fail(&err);
    o.play.group.model = model_load(argv[optind], &err);
    if (o.play.group.model == NULL)
        return cli_fail(&err);
    o.play.scenario.stop = cli_catch_signals();
    status = synthesize(&o, &err) < 0 ? cli_fail(&err) : EXIT_OK;
    model_free(o.play.group.model);
    return status;
}
