/*
 * Hostile and odd files through the whole of learning: reading, flows, statistics, fit, model, and back. Nothing
 * may crash, hang, leak or ask for more memory than it was given; what is learned must load. Run under
 * sanitizers as well. The files are those of DAYSHIFT_CAPTURES; without them this is skipped.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/input_file.h"
#include "base/memory.h"
#include "capture/capture_file.h"
#include "flow/flow_table.h"
#include "learn/fit.h"
#include "learn/learner.h"
#include "model/model.h"
#include "records/record_file.h"
#include "records/record_pairer.h"
#include "support.h"

enum {
    MAX_SECONDS = 120,   /* for one file, also in a slow build */
    MAX_FLOWS = 4096,
    LEARNER_BYTES = 16 << 20,
    SEQUENCE_BYTES = 1 << 20,
    MOST_TRUNCATED = 6000 /* bytes of a file that is cut at every one of them */
};

/* What one input came to. */
struct outcome {
    bool through_model; /* wanted: what is learned also becomes a file */
    bool opened;
    bool is_capture;
    bool damaged;
    uint64_t frames, flows;
    uint32_t hosts;
    struct error err;
};

static struct learner *new_learner(void)
{
    struct learner_config config = { .max_bytes = LEARNER_BYTES };

    return learner_new(&config);
}

/* What was learned becomes a model, which loads as one and as statistics. */
static void check_learned(struct learner *learner, struct outcome *outcome)
{
    const struct network_stats *stats = learner_finish(learner);
    struct network_stats again;
    struct network_fit fit;
    struct model *model;
    const char *model_path = scratch_path("learned.dsm");
    struct error err = { "" };

    outcome->flows = stats->flows;
    outcome->hosts = stats->host_count;
    assert_true(learner_bytes(learner) <= LEARNER_BYTES);
    if (stats->states.used == 0 || !outcome->through_model)
        return;
    network_fit_init(&fit, stats);
    if (model_save(model_path, stats, &fit, &err) < 0)
        fail_msg("cannot save: %s", err.text);
    network_fit_release(&fit);
    model = model_load(model_path, &err);
    if (model == NULL)
        fail_msg("does not load: %s", err.text);
    assert_int_equal(model->host_count, stats->host_count);
    assert_true(model->flows == stats->flows);
    model_free(model);
    network_stats_init(&again);
    if (model_load_stats(model_path, &again, &err) < 0)
        fail_msg("does not come back: %s", err.text);
    assert_int_equal(again.transitions.used, stats->transitions.used);
    network_stats_release(&again);
}

static void learn_capture(struct input_file *input, struct outcome *outcome)
{
    static const struct capture_options options = { .tunnels = true, .dedup_ns = 5 * NS_PER_MS };
    struct flow_table_options flow = { .max_flows = MAX_FLOWS, .max_sequence_bytes = SEQUENCE_BYTES };
    struct capture_file *file = capture_file_open(input, &options, &outcome->err);
    struct learner *learner;
    struct flow_table *table;
    struct packet_view packet;
    int got;

    if (file == NULL)
        return;
    outcome->opened = true;
    learner = new_learner();
    table = flow_table_new(&flow, learner_add, learner);
    while ((got = capture_file_next(file, &packet, &outcome->err)) == 1)
        flow_table_add(table, &packet);
    outcome->damaged = got < 0;
    outcome->frames = capture_file_counts(file)->frames;
    flow_table_flush(table);
    flow_table_free(table);
    capture_file_close(file);
    check_learned(learner, outcome);
    learner_free(learner);
}

static void learn_records(struct input_file *input, struct outcome *outcome)
{
    static const struct record_options options = { NULL, NULL };
    struct host_names *names = host_names_new(1 << 20);
    struct record_file *file = record_file_open(input, &options, names, &outcome->err);
    struct learner *learner;
    struct record_pairer *pairer;
    struct log_record record;
    int got;

    if (file != NULL) {
        outcome->opened = true;
        learner = new_learner();
        pairer = record_pairer_new(MAX_FLOWS, learner_add, learner);
        while ((got = record_file_next(file, &record, &outcome->err)) == 1)
            record_pairer_add(pairer, &record);
        outcome->damaged = got < 0 || record_file_damage(file) != NULL;
        outcome->frames = record_file_counts(file)->lines;
        record_pairer_flush(pairer);
        record_pairer_free(pairer);
        check_learned(learner, outcome);
        learner_free(learner);
    }
    record_file_close(file);
    host_names_free(names);
}

static struct outcome learn_input(struct input_file *input, bool through_model)
{
    struct outcome outcome = { .through_model = through_model };
    size_t got;
    const uint8_t *bytes = input_file_peek(input, CAPTURE_MAGIC_BYTES, &got);

    alarm(MAX_SECONDS); /* a hang ends the test */
    outcome.is_capture = capture_file_recognizes(bytes, got);
    if (outcome.is_capture)
        learn_capture(input, &outcome);
    else if (record_file_recognizes(input))
        learn_records(input, &outcome);
    else
        input_file_close(input);
    alarm(0);
    return outcome;
}

static struct outcome learn_path(const char *path)
{
    struct outcome outcome = { 0 };
    struct input_file *input = input_file_open(path, &outcome.err);

    return input ? learn_input(input, true) : outcome;
}

struct tally_of_files {
    unsigned files, opened, damaged, learned;
};

static void learn_below(const char *path, struct tally_of_files *sum)
{
    struct stat status;
    struct dirent *entry;
    struct outcome outcome;
    DIR *directory;

    assert_int_equal(stat(path, &status), 0);
    if (!S_ISDIR(status.st_mode)) {
        outcome = learn_path(path);
        sum->files++;
        sum->opened += outcome.opened;
        sum->damaged += outcome.damaged;
        sum->learned += outcome.hosts > 0;
        if (outcome.opened ? outcome.damaged && outcome.err.text[0] == '\0' && outcome.frames == 0
                           : outcome.flows > 0)
            fail_msg("%s: says nothing", path);
        return;
    }
    directory = opendir(path);
    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL) {
        char inside[4096];

        if (entry->d_name[0] == '.')
            continue;
        snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        learn_below(inside, sum);
    }
    closedir(directory);
}

static const char *captures(void)
{
    const char *path = getenv("DAYSHIFT_CAPTURES");

    if (path == NULL)
        skip_because("DAYSHIFT_CAPTURES is not set");
    return path;
}

static void test_every_hostile_file(void **state)
{
    struct tally_of_files sum = { 0 };
    char path[4096];

    (void)state;
    snprintf(path, sizeof path, "%s/hostile", captures());
    learn_below(path, &sum);
    print_message("%u files, %u opened, %u of them damaged, %u with hosts\n", sum.files, sum.opened,
                  sum.damaged, sum.learned);
    assert_true(sum.files >= 100);
    assert_true(sum.opened > sum.files / 2);
    assert_true(sum.learned > sum.files / 5);
}

/* The bytes of a file, at most so many; owned. */
static uint8_t *read_bytes(const char *name, size_t most, size_t *size)
{
    char path[4096];
    uint8_t *bytes;
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", captures(), name); /* or skips */
    bytes = memory_alloc(most);
    file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s: cannot open", path);
    *size = fread(bytes, 1, most, file);
    fclose(file);
    return bytes;
}

/* Cut behind any byte: what was there before the cut is read as before. */
static void test_every_truncation(void **state)
{
    static const char *const names[] = {
        "apps_ipfixprobe/dns.pcap",
        "apps_ipfixprobe/mqtt.pcap", /* Linux cooked */
        "ndpi_apps/crawler_false_positive.pcapng",
        "ndpi_apps/bt-http.pcapng",
        "hostile/pcng/output_be__difficult__test200.pcapng",
        "m57_20091118_zeek_conn.log",
        "flow_formats/argus_sample.binetflow",
        "flow_formats/lanl2017_biflow_sample.csv",
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t size;
        uint8_t *bytes = read_bytes(names[i], MOST_TRUNCATED, &size);
        struct outcome whole = learn_input(input_file_from_memory(bytes, size, names[i]), true);
        uint64_t before = 0;

        assert_true(whole.opened);
        for (size_t cut = 1; cut < size; cut++) {
            struct outcome part = learn_input(input_file_from_memory(bytes, cut, names[i]), false);

            if (part.frames > whole.frames ||
                (part.is_capture && (part.frames < before || part.frames > before + 1)))
                fail_msg("%s cut at %zu: %lu units, %lu before", names[i], cut,
                         (unsigned long)part.frames, (unsigned long)before);
            before = part.frames;
        }
        free(bytes);
    }
}

/* Compression cut behind any byte of a file, which needs a real one. */
static void test_truncated_compression(void **state)
{
    static const char *const names[] = { "rita_vps72h_20240419_zeek_conn.log.xz",
                                         "wrccdc2018_zeek/ntp.log.gz" };
    const char *path = scratch_path("truncated");
    int fd;

    (void)state;
    captures();
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t size;
        uint8_t *bytes = read_bytes(names[i], 100000, &size);

        for (size_t cut = 1; cut < size; cut += cut < 64 ? 1 : size / 23) {
            assert_int_equal(ftruncate(fd, 0), 0);
            assert_true(pwrite(fd, bytes, cut, 0) == (ssize_t)cut);
            learn_path(path);
        }
        free(bytes);
    }
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_hostile_file),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_truncated_compression),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
