#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/blindtest.h"
#include "cli/blindtest_choice.h"
#include "cli/blindtest_files.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "eval/blind_key.h"
#include "net/wire.h"

static const char help[] =
    "Usage: dayshift blindtest make -o DIR [OPTION]... REAL SYNTHETIC\n"
    "\n"
    "Takes N / 2 flows each of two captures (or directories of them), drawn at random among those\n"
    "that are long enough, and writes one pcap file a flow, in random order. Addresses, the\n"
    "initiator's port, the time of the first packet and the link are the same in all files.\n"
    "DIR/flows is what to hand out: the flows and a sheet, answers.csv. What is what is in\n"
    "DIR/truth.sealed, which DIR/seal.key opens.\n"
    "\n"
    "  -o, --output DIR      the test; must not be there yet\n"
    "  -n, --flows N         so many flows, an even number (2 to 1000, default 200)\n"
    "      --protocol NAME   tcp (default) or udp\n"
    "      --min-packets N   of flows with at least N packets (1 to 1000, default 4)\n"
    "      --keep-payload    keep payload; without, packets end behind the TCP or UDP header\n"
    "      --seed N          the same N makes the same test (default: random)\n"
    "  -q, --quiet           no progress on standard error, no summary\n"
    "  -h, --help            this text\n"
    "\n"
    "Exit status: 0 done; 1 failed; 2 wrong usage; 3 done, but a part of the input could not be read.\n";

enum { FLOWS_DEFAULT = 200, LEAST_PACKETS_DEFAULT = 4 };
enum { OPTION_PROTOCOL = 256, OPTION_MIN_PACKETS, OPTION_KEEP_PAYLOAD, OPTION_SEED };

struct make_options {
    const char *output;
    uint64_t flows;
    struct blindtest_choice choice;
    bool has_seed;
};

static int take_flows(const char *text, uint64_t *flows, struct error *err)
{
    if (option_u64("--flows", text, 2, BLIND_MAX_FLOWS, flows, err) < 0)
        return -1;
    return *flows % 2 == 0 ? 0 : error_set(err, "--flows: '%s' is odd: one half is real, one synthetic", text);
}

static int take_option(void *self, int option, char *value, struct error *err)
{
    struct make_options *o = self;

    switch (option) {
    case 'o': o->output = value; return 0;
    case 'n': return take_flows(value, &o->flows, err);
    case 'q': o->choice.quiet = true; return 0;
    case OPTION_PROTOCOL: return option_protocol("--protocol", value, false, &o->choice.protocol, err);
    case OPTION_MIN_PACKETS:
        return option_u64("--min-packets", value, 1, BLIND_MAX_PACKETS, &o->choice.least_packets, err);
    case OPTION_KEEP_PAYLOAD: o->choice.keep_payload = true; return 0;
    default: o->has_seed = true; return option_u64("--seed", value, 0, UINT64_MAX, &o->choice.seed, err);
    }
}

static int parse(struct make_options *o, int argc, char **argv)
{
    static const struct option options[] = {
        { "output", required_argument, NULL, 'o' },
        { "flows", required_argument, NULL, 'n' },
        { "protocol", required_argument, NULL, OPTION_PROTOCOL },
        { "min-packets", required_argument, NULL, OPTION_MIN_PACKETS },
        { "keep-payload", no_argument, NULL, OPTION_KEEP_PAYLOAD },
        { "seed", required_argument, NULL, OPTION_SEED },
        { "quiet", no_argument, NULL, 'q' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    const struct option_reader reader = { help, "o:n:qh", options, take_option, o };
    int status = options_read(&reader, argc, argv);

    if (status == EXIT_OK && (o->output == NULL || argc - optind != 2))
        return options_misused("blindtest make", "an output directory (-o) and two captures are needed");
    return status;
}

static int make(const struct make_options *o, char **paths, bool *damaged, struct error *err)
{
    const size_t half = (size_t)o->flows / 2;
    struct blind_flow *flows = memory_alloc_array(o->flows, sizeof *flows);
    struct blindtest_files *files = memory_alloc(sizeof *files);
    int status = blindtest_files_check(o->output, err);

    for (uint32_t i = 0; i < 2 && status == 0; i++)
        status = blindtest_choice_draw(&o->choice, paths[i], i, flows + i * half, half, damaged, err);
    if (status == 0) {
        blindtest_files_shuffle(files, flows, (size_t)o->flows, o->choice.seed);
        status = blindtest_files_write(files, o->output, o->choice.seed, err);
    }
    for (size_t i = 0; i < o->flows; i++)
        blind_flow_release(&flows[i]);
    free(flows);
    free(files);
    return status;
}

int blindtest_make(int argc, char **argv)
{
    struct make_options o = {
        .flows = FLOWS_DEFAULT,
        .choice = { .protocol = IP_TCP, .least_packets = LEAST_PACKETS_DEFAULT },
    };
    struct error err = { "" };
    bool damaged = false;
    int status = parse(&o, argc, argv);

    if (status != EXIT_OK)
        return status < 0 ? EXIT_OK : status;
    if (!o.has_seed)
        o.choice.seed = blind_seed_new();
    if (make(&o, argv + optind, &damaged, &err) < 0)
        return cli_fail(&err);
    if (!o.choice.quiet)
        printf("wrote    %" PRIu64 " flows and %s to %s/%s: hand these out\n"
               "         what they are to %s/%s, and the key to it to %s/%s: keep these\n",
               o.flows, BLINDTEST_SHEET, o.output, BLINDTEST_FLOWS, o.output, BLINDTEST_TRUTH, o.output,
               BLINDTEST_KEY);
    return damaged ? EXIT_DAMAGED : EXIT_OK;
}
