/*
 * dayshift sessions: a model -> sessions of its services, each by itself -> pcap file and ground truth.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/output_file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/session_choice.h"
#include "cli/truth.h"
#include "cli/write_frames.h"
#include "model/model.h"
#include "net/wire.h"
#include "scenario/session_set.h"

static const char help[] =
    "Usage: dayshift sessions -o PCAP -n N [OPTION]... MODEL\n"
    "\n"
    "Synthesizes N sessions as the services of the model have them, each by itself: between two hosts\n"
    "of its own, at random times. A labelled set of flows for classifiers, where 'dayshift day' makes\n"
    "the traffic of hosts. The same options give the same bytes. '-o -' writes to standard output.\n"
    "\n"
    "  -o, --output PCAP      the file to write (nanosecond pcap)\n"
    "  -n, --sessions N       how many\n"
    "      --protocol NAME    of tcp, udp or icmp alone (default: all)\n"
    "      --rate R           sessions that begin a second, on average (default 10)\n"
    "%s"
    "      --network NETWORK  addresses of initiators (default " SCENARIO_DEFAULT_NETWORK ")\n"
    "      --outside NETWORK  addresses of responders (default " SCENARIO_DEFAULT_OUTSIDE ")\n"
    "      --date DATE        the day of the first (default: the first day that was learned)\n"
    "      --seed N           another seed, other sessions (default 1)\n"
    "  -q, --quiet            no progress and no summary\n"
    "  -h, --help             this text\n";

#define MAX_SESSIONS 1000000000

struct sessions_options {
    const char *output;
    struct session_set_config set;
    struct session_choice sessions;
    bool has_date;
    int32_t date;
    bool quiet;
};

static const struct option long_options[] = {
    { "output", required_argument, NULL, 'o' },  { "sessions", required_argument, NULL, 'n' },
    { "protocol", required_argument, NULL, 'p' }, { "rate", required_argument, NULL, 'r' },
    SESSION_CHOICE_LONG_OPTIONS,
    { "network", required_argument, NULL, 'N' }, { "outside", required_argument, NULL, 'O' },
    { "date", required_argument, NULL, 'd' },    { "seed", required_argument, NULL, 'S' },
    { "quiet", no_argument, NULL, 'q' },         { "help", no_argument, NULL, 'h' },
    { 0 },
};

/* Takes one option; 0, or -1 with *err. */
static int take_option(void *self, int c, char *value, struct error *err)
{
    struct sessions_options *o = self;

    switch (c) {
    case 'o': o->output = value; return 0;
    case 'n': return option_u64("--sessions", value, 1, MAX_SESSIONS, &o->set.sessions, err);
    case 'p': return option_protocol("--protocol", value, true, &o->set.protocol, err);
    case 'r': return option_rate("--rate", value, &o->set.rate, err);
    case 'N': return option_network("--network", value, &o->set.initiators, err);
    case 'O': return option_network("--outside", value, &o->set.responders, err);
    case 'd':
        o->has_date = true;
        return option_date("--date", value, &o->date, err);
    case 'S': return option_u64("--seed", value, 0, UINT64_MAX, &o->set.seed, err);
    case 'q': o->quiet = true; return 0;
    default: return session_choice_take(&o->sessions, c, value, err);
    }
}

static void print_summary(const struct sessions_options *o, const struct session_set *set,
                          const struct emit_counts *counts)
{
    char sessions[TEXT_NUMBER];
    char complete[TEXT_NUMBER];
    char frames[TEXT_NUMBER];
    char bytes[TEXT_NUMBER];

    printf("made     %s sessions, %s of them complete TCP connections\n",
           text_from_count(session_set_counts(set)->flows, sessions),
           text_from_count(session_set_counts(set)->complete_tcp, complete));
    printf("wrote    %s frames, %s bytes to %s\n", text_from_count(counts->sent, frames),
           text_from_count(counts->sent_bytes, bytes), o->output);
}

static int synthesize(struct sessions_options *o, const atomic_bool *stop, struct error *err)
{
    struct flow_output *truth = NULL;
    struct session_set *set = NULL;
    struct emit_counts counts;
    struct write_frames_config write = {
        .path = o->output, .what = "sessions", .stop = stop, .quiet = o->quiet,
        .begin = o->set.begin,
    };
    int status;

    o->set.how = o->sessions.how;
    status = truth_open(&truth, o->sessions.truth, o->set.begin, &o->set.how, err);
    if (status == 0) {
        set = session_set_new(&o->set, err);
        status = set == NULL ? -1 : 0;
    }
    if (status == 0) {
        write.truth = truth;
        write.frames = session_set_frames(set);
        write.networks = session_set_networks(set);
        write.network_count = 2;
        status = write_frames(&write, &counts, err);
    }
    if (status == 0 && !o->quiet && strcmp(o->output, "-") != 0)
        print_summary(o, set, &counts);
    session_set_free(set);
    flow_output_free(truth);
    return status;
}

int verb_sessions(int argc, char **argv)
{
    struct sessions_options o = { .set = { .seed = 1, .rate = 10 }, .sessions = SESSION_CHOICE_DEFAULT };
    struct error err = { "" };
    struct model *model;
    char lines[SESSION_CHOICE_HELP];
    char text[sizeof help + sizeof lines];
    int status;

    ip_network_parse(&o.set.initiators, SCENARIO_DEFAULT_NETWORK);
    ip_network_parse(&o.set.responders, SCENARIO_DEFAULT_OUTSIDE);
    snprintf(text, sizeof text, help, session_choice_help(lines));
    status = options_read(&(struct option_reader){ text, "o:n:qh", long_options, take_option, &o }, argc, argv);
    if (status != EXIT_OK)
        return status == OPTIONS_HELP ? EXIT_OK : status;
    if (o.output == NULL || o.set.sessions == 0 || argc - optind != 1)
        return options_misused("sessions", "an output file (-o), how many (-n) and one model are needed");
    if (output_file_check_apart(o.output, argv[optind], &err) < 0 ||
        truth_check_apart(o.sessions.truth, o.output, argv[optind], &err) < 0)
        return cli_fail(&err);
    model = model_load(argv[optind], &err);
    if (model == NULL)
        return cli_fail(&err);
    o.set.model = model;
    o.set.begin.ns = (int64_t)(o.has_date ? o.date : day_time_date(model->first)) * NS_PER_DAY;
    status = synthesize(&o, cli_catch_signals(), &err) < 0 ? cli_fail(&err) : EXIT_OK;
    model_free(model);
    return status;
}
