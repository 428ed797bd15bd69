/*
 * dayshift - learns how the hosts of a network behave, and plans days of it.
 */
#include <config.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/stop_signals.h"
#include "cli/cli.h"
#include "net/wire.h"

static const struct verb {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
} verbs[] = {
    { "learn", "learn a model of every local host from captures or flow logs", verb_learn },
    { "merge", "add up models, of several captures or machines", verb_merge },
    { "info", "show what is in a model file, or a picture of its ports", verb_info },
    { "synth", "synthesize flow records of hosts, of mixtures of hosts, or of a day", verb_synth },
    { "embed", "place hosts in a plane, those that behave alike close together", verb_embed },
    { "day", "synthesize a day of virtual hosts into a pcap file", verb_day },
    { "sessions", "synthesize sessions of services, with their ground truth", verb_sessions },
    { "fill", "fill gaps in the records of hosts with synthetic ones", verb_fill },
    { "features", "statistics of each flow of captures, for a classifier", verb_features },
    { "check", "judge the TCP flows of a capture: handshake, order, legality", verb_check },
    { "compare", "compare two models, or two captures", verb_compare },
    { "blindtest", "make a test of flows for people, and grade their answers", verb_blindtest },
    { "identify", "tell hosts by their flows: how much of a host is in its model", verb_identify },
    { "score", "how likely a host's model finds genuine, synthetic and spliced flows", verb_score },
    { "ctl", "control a running dayshiftd: pause, speed, status and more", verb_ctl },
};

enum { VERBS = sizeof verbs / sizeof *verbs };

int cli_fail(const struct error *err)
{
    fprintf(stderr, "dayshift: %s\n", err->text);
    return EXIT_FAILED;
}

const atomic_bool *cli_catch_signals(void)
{
    static atomic_bool stop;

    stop_signals_catch(&stop);
    return &stop;
}

json_t *cli_json_text(const char *text)
{
    json_t *json = json_string(text);
    char *copy;

    if (json != NULL)
        return json;
    copy = memory_copy_text(text);
    for (char *c = copy; *c; c++) {
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    }
    json = json_string(copy);
    free(copy);
    return json;
}

int cli_print_json(json_t *root)
{
    struct error err;

    if (root == NULL) {
        error_set(&err, "what there is to say cannot be said in JSON");
        return cli_fail(&err);
    }
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(root);
    return EXIT_OK; /* a stream that failed shows at the end of main() */
}

const char *cli_time(struct day_time at, char text[CLI_TIME])
{
    time_t seconds = (time_t)(at.ns / NS_PER_SECOND);
    struct tm tm;
    size_t used;

    gmtime_r(&seconds, &tm);
    used = strftime(text, CLI_TIME, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + used, CLI_TIME - used, ".%03d", (int)(at.ns % NS_PER_SECOND / NS_PER_MS));
    return text;
}

const char *cli_protocol_name(uint8_t protocol)
{
    switch (protocol) {
    case IP_TCP: return "tcp";
    case IP_UDP: return "udp";
    case IP_ICMPV6: return "icmp6";
    default: return "icmp";
    }
}

const char *cli_port_name(uint8_t protocol, uint32_t feature, char text[PORT_NAME])
{
    const char *name = cli_protocol_name(protocol);

    if (port_feature_is_exact(feature))
        snprintf(text, PORT_NAME, "%s/%" PRIu32, name, feature);
    else
        snprintf(text, PORT_NAME, "%s/%" PRIu32 "-%" PRIu32, name, port_feature_first(feature),
                 port_feature_first(feature + 1) - 1);
    return text;
}

const char *cli_state_name(struct state_key key, char text[STATE_NAME])
{
    const char *verb = key.role == ROLE_INITIATOR ? "initiates" : "answers";
    bool is_echo = key.protocol != IP_TCP && key.protocol != IP_UDP;
    char port[PORT_NAME];

    snprintf(text, STATE_NAME, "%s %s", verb,
             is_echo ? "icmp echo" : cli_port_name(key.protocol, key.port_feature, port));
    return text;
}

static void print_help(FILE *to)
{
    fprintf(to, "Usage: dayshift VERB [OPTION]... [FILE]...\n\nVerbs:\n");
    for (int i = 0; i < VERBS; i++)
        fprintf(to, "  %-9s %s\n", verbs[i].name, verbs[i].summary);
    fprintf(to, "\n'dayshift VERB --help' explains a verb. To put a day on a wire, see dayshiftd(8).\n");
}

/* Under the name that getopt(3) is to give in its messages. */
static int run_verb(const struct verb *verb, int argc, char **argv)
{
    char name[32];

    snprintf(name, sizeof name, "dayshift %s", verb->name);
    argv[0] = name;
    return verb->run(argc, argv);
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts(PACKAGE_STRING);
        return EXIT_OK;
    }
    for (int i = 0; i < VERBS; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0)
            return run_verb(&verbs[i], argc - 1, argv + 1);
    }
    fprintf(stderr, "dayshift: unknown verb '%s'; see dayshift --help\n", argv[1]);
    return EXIT_USAGE;
}

/* A closed standard stream must not become the first file that is opened. */
static void hold_standard_streams(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    int status;

    hold_standard_streams();
    status = run(argc, argv);

    /* What was printed must have been taken: a script may rely on it. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == EXIT_OK) {
        fprintf(stderr, "dayshift: standard output: cannot write: %s\n", strerror(errno));
        status = EXIT_FAILED;
    }
    return status;
}
