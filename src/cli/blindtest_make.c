#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "base/random.h"
#include "cli/blindtest.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/read_inputs.h"
#include "eval/blind_answers.h"
#include "eval/blind_flow.h"
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
    uint64_t least_packets;
    uint64_t seed;
    uint8_t protocol;
    bool has_seed;
    bool keep_payload;
    bool quiet;
};

/* ---- which flows: a first reading ---- */

/* Of one capture: flows are known by their number, in order of their first packets. */
struct choice {
    const struct make_options *options;
    struct random_stream stream;
    uint64_t *numbers; /* those chosen, `wanted` when there are enough */
    size_t wanted;
    uint64_t begun, eligible; /* flows */
};

/* Of a flow, in either reading. */
struct chosen_flow {
    uint64_t number; /* 0: no packet yet */
    struct blind_flow *flow; /* of the second; NULL: not chosen */
};

static void number_flow(void *self, void *state, enum flow_side side, const struct packet_view *packet)
{
    struct choice *choice = self;
    struct chosen_flow *flow = state;

    (void)side;
    (void)packet;
    if (flow->number == 0)
        flow->number = ++choice->begun;
}

/* Each of those seen so far is as likely among the chosen as any other (reservoir sampling, Vitter 1985). */
static void choose_flow(void *self, void *state, const struct flow_record *record)
{
    struct choice *choice = self;
    const struct chosen_flow *flow = state;
    uint64_t place;

    if (!blind_flow_is_eligible(record, choice->options->protocol, choice->options->least_packets))
        return;
    place = choice->eligible++;
    if (place >= choice->wanted)
        place = random_below(&choice->stream, choice->eligible);
    if (place < choice->wanted)
        choice->numbers[place] = flow->number;
}

static void pass_over(void *self, const struct flow_record *record)
{
    (void)self; /* the observer has seen it */
    (void)record;
}

static int read_capture(char *path, const struct flow_observer *observer, const struct make_options *o,
                        struct read_totals *totals, struct error *err)
{
    const struct read_options options = {
        .captures_only = true,
        .quiet = o->quiet,
        .max_bytes = READ_MAX_BYTES_DEFAULT,
        .observer = observer,
    };

    return read_inputs(&path, 1, &options, pass_over, NULL, totals, err);
}

static int compare_numbers(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x;
    uint64_t b = *(const uint64_t *)y;

    return (a > b) - (a < b);
}

/* 0, or -1 with *err. *damaged: a part could not be read. */
static int choose_flows(struct choice *choice, char *path, bool *damaged, struct error *err)
{
    const struct flow_observer observer = { choice, sizeof(struct chosen_flow), number_flow, choose_flow };
    struct read_totals totals = { 0 };

    if (strcmp(path, "-") == 0)
        return error_set(err, "standard input cannot be read twice: a file is needed");
    if (read_capture(path, &observer, choice->options, &totals, err) < 0)
        return -1;
    if (choice->eligible < choice->wanted)
        return error_set(err, "%s: %" PRIu64 " flows of %s over IPv4 with at least %" PRIu64 " packets; %zu are needed",
                         path, choice->eligible, choice->options->protocol == IP_TCP ? "TCP" : "UDP",
                         choice->options->least_packets, choice->wanted);
    *damaged |= totals.damaged > 0;
    qsort(choice->numbers, choice->wanted, sizeof *choice->numbers, compare_numbers);
    return 0;
}

/* ---- their packets: a second reading ---- */

struct collection {
    struct choice *choice;
    struct blind_flow *flows; /* of choice->numbers, in their order */
    uint64_t begun;
};

static void collect_packet(void *self, void *state, enum flow_side side, const struct packet_view *packet)
{
    struct collection *collection = self;
    struct chosen_flow *flow = state;
    const struct choice *choice = collection->choice;

    if (flow->number == 0) {
        const uint64_t *found;

        flow->number = ++collection->begun;
        found = bsearch(&flow->number, choice->numbers, choice->wanted, sizeof *found, compare_numbers);
        flow->flow = found ? &collection->flows[found - choice->numbers] : NULL;
    }
    if (flow->flow != NULL)
        blind_flow_add(flow->flow, side, packet, choice->options->keep_payload);
}

/* What was said of damage in the first reading is not said again. */
static int collect_flows(struct choice *choice, char *path, struct blind_flow *flows, struct error *err)
{
    struct collection collection = { choice, flows, 0 };
    const struct flow_observer observer = { &collection, sizeof(struct chosen_flow), collect_packet, NULL };
    struct read_totals totals = { 0 };

    return read_capture(path, &observer, choice->options, &totals, err);
}

/* ---- the test ---- */

struct test {
    size_t flows;
    struct blind_flow *flow[BLIND_MAX_FLOWS]; /* in the order of the files */
    bool is_generated[BLIND_MAX_FLOWS];
};

/* Every order is as likely (Fisher and Yates). */
static void shuffle(struct test *test, struct blind_flow *all, size_t flows, uint64_t seed)
{
    struct random_stream stream;

    random_init(&stream, seed, RANDOM_BLIND, 2, 0, 0);
    test->flows = flows;
    for (size_t i = 0; i < flows; i++) {
        size_t j = random_below(&stream, i + 1);

        test->flow[i] = test->flow[j];
        test->is_generated[i] = test->is_generated[j];
        test->flow[j] = &all[i];
        test->is_generated[j] = i >= flows / 2;
    }
}

static char *join(const char *directory, const char *name)
{
    size_t size = strlen(directory) + strlen(name) + 2;
    char *path = memory_alloc(size);

    snprintf(path, size, "%s/%s", directory, name);
    return path;
}

/* A file that is complete or an error. */
static int write_file(const char *directory, const char *name, mode_t mode, const void *bytes, size_t size,
                      struct error *err)
{
    char *path = join(directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    FILE *stream = fd < 0 ? NULL : fdopen(fd, "wb");
    int status = 0;

    if (stream == NULL) {
        status = error_set(err, "%s: cannot create: %s", path, strerror(errno));
    } else {
        bool is_written = fwrite(bytes, 1, size, stream) == size;

        if (fclose(stream) != 0 || !is_written)
            status = error_set(err, "%s: cannot write: %s", path, strerror(errno));
    }
    free(path);
    return status;
}

static int write_flows(const struct test *test, const char *directory, struct error *err)
{
    char number[BLIND_FLOW_NAME];
    char name[BLIND_FLOW_NAME + 8];
    int status = 0;

    for (size_t i = 0; i < test->flows && status == 0; i++) {
        snprintf(name, sizeof name, "%s.pcap", blind_flow_name(i + 1, test->flows, number));
        status = write_file(directory, name, 0666, test->flow[i]->bytes, test->flow[i]->size, err);
    }
    return status;
}

static int write_sheet(const struct test *test, const char *directory, struct error *err)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    int status;

    if (stream == NULL || !blind_answers_write_sheet(stream, test->flows) || fclose(stream) != 0)
        abort(); /* only for want of memory */
    status = write_file(directory, BLINDTEST_SHEET, 0666, text, size, err);
    free(text);
    return status;
}

static int write_line(const char *directory, const char *name, mode_t mode, const char *text, struct error *err)
{
    size_t size = strlen(text) + 1;
    char *line = memory_alloc(size + 1);
    int status;

    snprintf(line, size + 1, "%s\n", text);
    status = write_file(directory, name, mode, line, size, err);
    free(line);
    return status;
}

static int write_key(const struct test *test, const char *directory, uint64_t seed, struct error *err)
{
    char key[BLIND_KEY_TEXT];
    char *sealed;
    int status;

    blind_key_of_seed(seed, key);
    sealed = blind_key_seal(key, test->is_generated, test->flows);
    status = write_line(directory, BLINDTEST_TRUTH, 0666, sealed, err);
    if (status == 0)
        status = write_line(directory, BLINDTEST_KEY, 0600, key, err);
    free(sealed);
    return status;
}

static int write_all(const struct test *test, const char *directory, uint64_t seed, struct error *err)
{
    char *flows = join(directory, BLINDTEST_FLOWS);
    int status = mkdir(flows, 0777) < 0 ? error_set(err, "%s: cannot create: %s", flows, strerror(errno)) : 0;

    if (status == 0)
        status = write_flows(test, flows, err);
    if (status == 0)
        status = write_sheet(test, flows, err);
    if (status == 0)
        status = write_key(test, directory, seed, err);
    free(flows);
    return status;
}

/* What write_all() may have made. */
static void remove_all(const struct test *test, const char *directory)
{
    char number[BLIND_FLOW_NAME];
    char name[sizeof BLINDTEST_FLOWS + BLIND_FLOW_NAME + 8];
    const char *const others[] = { BLINDTEST_FLOWS "/" BLINDTEST_SHEET, BLINDTEST_TRUTH, BLINDTEST_KEY,
                                   BLINDTEST_FLOWS };
    char *path;

    for (size_t i = 0; i < test->flows; i++) {
        snprintf(name, sizeof name, BLINDTEST_FLOWS "/%s.pcap", blind_flow_name(i + 1, test->flows, number));
        path = join(directory, name);
        (void)unlink(path);
        free(path);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        path = join(directory, others[i]);
        (void)remove(path);
        free(path);
    }
    (void)rmdir(directory);
}

static void set_usual_mode(const char *directory)
{
    mode_t mask = umask(0);

    umask(mask);
    (void)chmod(directory, 0777 & ~mask);
}

/* Beside its place, and then there: whole or not at all. */
static int write_test(const struct test *test, const struct make_options *o, struct error *err)
{
    size_t size = strlen(o->output) + sizeof ".XXXXXX";
    char *temporary = memory_alloc(size);
    int status;

    snprintf(temporary, size, "%s.XXXXXX", o->output);
    if (mkdtemp(temporary) == NULL) {
        status = error_set(err, "%s: cannot create: %s", o->output, strerror(errno));
    } else {
        set_usual_mode(temporary);
        status = write_all(test, temporary, o->seed, err);
        if (status == 0 && rename(temporary, o->output) < 0)
            status = error_set(err, "%s: cannot create: %s", o->output, strerror(errno));
        if (status < 0)
            remove_all(test, temporary);
    }
    free(temporary);
    return status;
}

/* ---- the verb ---- */

static int take_protocol(const char *text, uint8_t *protocol, struct error *err)
{
    if (strcmp(text, "tcp") != 0 && strcmp(text, "udp") != 0)
        return error_set(err, "--protocol: '%s' is not one of: tcp, udp", text);
    *protocol = strcmp(text, "tcp") == 0 ? IP_TCP : IP_UDP;
    return 0;
}

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
    case 'q': o->quiet = true; return 0;
    case OPTION_PROTOCOL: return take_protocol(value, &o->protocol, err);
    case OPTION_MIN_PACKETS:
        return option_u64("--min-packets", value, 1, BLIND_MAX_PACKETS, &o->least_packets, err);
    case OPTION_KEEP_PAYLOAD: o->keep_payload = true; return 0;
    default: o->has_seed = true; return option_u64("--seed", value, 0, UINT64_MAX, &o->seed, err);
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

/* A test that is there already stays. */
static int check_output(const char *path, struct error *err)
{
    struct stat status;

    return lstat(path, &status) == 0 ? error_set(err, "%s: is there already", path) : 0;
}

static int make(const struct make_options *o, char **paths, bool *damaged, struct error *err)
{
    const size_t half = (size_t)o->flows / 2;
    struct blind_flow *flows = memory_alloc_array(o->flows, sizeof *flows);
    struct test *test = memory_alloc(sizeof *test);
    int status = check_output(o->output, err);

    for (uint32_t i = 0; i < 2 && status == 0; i++) {
        struct choice choice = { .options = o, .wanted = half };

        choice.numbers = memory_alloc_array(half, sizeof *choice.numbers);
        random_init(&choice.stream, o->seed, RANDOM_BLIND, i, 0, 0);
        status = choose_flows(&choice, paths[i], damaged, err);
        if (status == 0)
            status = collect_flows(&choice, paths[i], flows + i * half, err);
        free(choice.numbers);
    }
    if (status == 0) {
        shuffle(test, flows, (size_t)o->flows, o->seed);
        status = write_test(test, o, err);
    }
    for (size_t i = 0; i < o->flows; i++)
        blind_flow_release(&flows[i]);
    free(flows);
    free(test);
    return status;
}

int blindtest_make(int argc, char **argv)
{
    struct make_options o = {
        .flows = FLOWS_DEFAULT,
        .least_packets = LEAST_PACKETS_DEFAULT,
        .protocol = IP_TCP,
    };
    struct error err = { "" };
    bool damaged = false;
    int status = parse(&o, argc, argv);

    if (status != EXIT_OK)
        return status < 0 ? EXIT_OK : status;
    if (!o.has_seed)
        o.seed = blind_seed_new();
    if (make(&o, argv + optind, &damaged, &err) < 0)
        return cli_fail(&err);
    if (!o.quiet)
        printf("wrote    %" PRIu64 " flows and %s to %s/%s: hand these out\n"
               "         what they are to %s/%s, and the key to it to %s/%s: keep these\n",
               o.flows, BLINDTEST_SHEET, o.output, BLINDTEST_FLOWS, o.output, BLINDTEST_TRUTH, o.output,
               BLINDTEST_KEY);
    return damaged ? EXIT_DAMAGED : EXIT_OK;
}
