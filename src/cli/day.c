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
#include "base/time_zone.h"
#include "cli/cli.h"
#include "cli/options.h"
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
    "      --network NETWORK  their addresses (default " SCENARIO_DEFAULT_NETWORK ")\n"
    "      --outside NETWORK  addresses of the rest of the world (default " SCENARIO_DEFAULT_OUTSIDE ")\n"
    "      --date DATE        the day (default: the first day that was learned)\n"
    "      --timezone ZONE    where the day is (Europe/Madrid): date and time are by the wall clock there\n"
    "                         (default UTC)\n"
    "      --start TIME       begin at this time of day (default 00:00)\n"
    "      --for DURATION     how much of the day (default 1d)\n"
    "      --speed X          the day passes X times as fast; sessions keep their own pace\n"
    "                         (default 1)\n"
    "      --seed N           another seed, another day (default 1)\n"
    "      --unobserved HOW   hours that the capture did not cover: spread (behave as in one\n"
    "                         of the observed five minutes, default), interpolate (between the\n"
    "                         observed ones before and after) or silent\n"
    "      --truth FILE       also write what every session was, one line each: ends, time, packets,\n"
    "                         bytes, flags, class and how it ended (CSV)\n"
    "      --packet-model M   how packets follow one another: %s\n"
    "                         (default %s)\n"
    "      --impairments HOW  what the network does to packets: learned (default), none, or rates such as\n"
    "                         retransmission=0.01,reordering=0,duplication=0,fragmentation=0,unanswered=0\n"
    "  -j, --jobs N           threads; the file is the same for any number (default 1)\n"
    "  -q, --quiet            no progress and no summary\n"
    "  -h, --help             this text\n";

struct day_options {
    const char *output;
    const char *truth;
    struct scenario_group group;
    struct scenario_config scenario;
    bool has_date;
    int32_t date;
    int64_t start_ns;
    bool quiet;
};

/* A pcap file has 32 bits for the seconds since 1970. */
#define LAST_NS ((double)UINT32_MAX * (double)NS_PER_SECOND)

static const struct option long_options[] = {
    { "output", required_argument, NULL, 'o' },  { "hosts", required_argument, NULL, 'n' },
    { "network", required_argument, NULL, 'N' }, { "outside", required_argument, NULL, 'O' },
    { "date", required_argument, NULL, 'd' },    { "start", required_argument, NULL, 's' },
    { "for", required_argument, NULL, 'f' },     { "speed", required_argument, NULL, 'x' },
    { "seed", required_argument, NULL, 'S' },    { "unobserved", required_argument, NULL, 'u' },
    { "pick", required_argument, NULL, 'p' },    { "activity", required_argument, NULL, 'a' },
    { "timezone", required_argument, NULL, 'z' }, { "jobs", required_argument, NULL, 'j' },
    { "truth", required_argument, NULL, 't' },  { "packet-model", required_argument, NULL, 'm' },
    { "impairments", required_argument, NULL, 'i' },
    { "quiet", no_argument, NULL, 'q' },         { "help", no_argument, NULL, 'h' },
    { 0 },
};

/* Takes one option; 0, or -1 with *err. */
static int take_option(void *self, int c, char *value, struct error *err)
{
    struct day_options *o = self;
    uint64_t number = 0;
    int status = 0;

    switch (c) {
    case 'o': o->output = value; break;
    case 'n':
        status = option_u64("--hosts", value, 1, SCENARIO_MAX_HOSTS, &number, err);
        o->group.hosts = (uint32_t)number;
        break;
    case 'N': status = option_network("--network", value, &o->group.network, err); break;
    case 'O': status = option_network("--outside", value, &o->scenario.outside, err); break;
    case 'd':
        o->has_date = true;
        status = option_date("--date", value, &o->date, err);
        break;
    case 's': status = option_time_of_day("--start", value, &o->start_ns, err); break;
    case 'f': status = option_duration("--for", value, &o->scenario.day_ns, err); break;
    case 'x': status = option_speed("--speed", value, &o->scenario.speed, err); break;
    case 'S': status = option_u64("--seed", value, 0, UINT64_MAX, &o->scenario.seed, err); break;
    case 'u': status = option_fallback("--unobserved", value, &o->scenario.fallback, err); break;
    case 'p': o->group.pick = value; break;
    case 't': o->truth = value; break;
    case 'm': status = option_packet_model("--packet-model", value, &o->scenario.how.model, err); break;
    case 'i': status = option_impairments("--impairments", value, &o->scenario.how.impairments, err); break;
    case 'a': status = option_activity("--activity", value, &o->group.activity, err); break;
    case 'z': status = option_timezone(value, err); break;
    case 'j':
        status = option_u64("--jobs", value, 1, SCENARIO_MAX_THREADS, &number, err);
        o->scenario.threads = (unsigned)number;
        break;
    case 'q': o->quiet = true; break;
    default: break;
    }
    return status;
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
    struct truth truth = { 0 };
    struct emit_counts counts;
    struct write_frames_config write = {
        .path = o->output, .what = "day", .stop = o->scenario.stop, .quiet = o->quiet,
        .finish = truth_finish, .finish_self = &truth,
    };
    struct scenario *scenario = NULL;
    int status;

    if (!o->has_date)
        o->date = day_time_date(o->group.model->first);
    o->scenario.begin = time_zone_instant((struct day_time){ (int64_t)o->date * NS_PER_DAY + o->start_ns });
    if ((double)o->scenario.begin.ns + (double)o->scenario.day_ns / o->scenario.speed > LAST_NS)
        return error_set(err, "the day ends after 2106, the last year of a pcap file; see --date,"
                         " --for and --speed");
    o->scenario.groups = &o->group;
    o->scenario.group_count = 1;
    status = truth_open(&truth, o->truth, &o->scenario.how, err);
    if (status == 0) {
        scenario = scenario_new(&o->scenario, err);
        status = scenario == NULL ? -1 : 0;
    }
    if (status == 0) {
        write.begin = o->scenario.begin;
        write.frames = scenario_frames(scenario);
        write.end_s = scenario_end(scenario).ns / NS_PER_SECOND;
        write.networks = scenario_networks(scenario, &write.network_count);
        status = write_frames(&write, &counts, err);
    }
    if (status == 0 && !o->quiet && strcmp(o->output, "-") != 0)
        print_summary(o, scenario, &counts);
    scenario_free(scenario);
    truth_close(&truth);
    return status;
}

int verb_day(int argc, char **argv)
{
    struct day_options o = { .scenario = { .seed = 1, .day_ns = NS_PER_DAY, .speed = 1,
                                           .how.impairments = IMPAIRMENTS_LEARNED } };
    struct error err = { "" };
    char text[sizeof help + 256];
    int status;

    snprintf(text, sizeof text, help, packet_model_names(), packet_model_default()->name);
    ip_network_parse(&o.group.network, SCENARIO_DEFAULT_NETWORK);
    ip_network_parse(&o.scenario.outside, SCENARIO_DEFAULT_OUTSIDE);
    status = options_read(&(struct option_reader){ text, "o:n:j:qh", long_options, take_option, &o }, argc, argv);
    if (status != EXIT_OK)
        return status == OPTIONS_HELP ? EXIT_OK : status;
    if (o.output == NULL || argc - optind != 1)
        return options_misused("day", "an output file (-o) and one model are needed");
    if (output_file_check_apart(o.output, argv[optind], &err) < 0 ||
        truth_check_apart(o.truth, o.output, argv[optind], &err) < 0)
        return cli_fail(&err);
    o.group.model = model_load(argv[optind], &err);
    if (o.group.model == NULL)
        return cli_fail(&err);
    o.scenario.stop = cli_catch_signals();
    status = synthesize(&o, &err) < 0 ? cli_fail(&err) : EXIT_OK;
    model_free(o.group.model);
    return status;
}
