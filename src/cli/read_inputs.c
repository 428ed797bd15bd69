#include "cli/read_inputs.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/mono_time.h"
#include "cli/cli.h"
#include "cli/progress.h"

enum { UPDATE_EVERY = 4096 }; /* packets or records between two looks at the time */

#define DRAIN_NS (2 * NS_PER_SECOND) /* of a live capture at its end, at most */

/* What the flow stage of one reading consists of. */
struct reading {
    const struct read_options *options;
    struct read_totals *totals;
    struct progress progress;
    struct flow_table *table;
    uint64_t records;           /* of flow logs, so far */
    uint64_t bytes, bytes_done; /* of inputs that are read one after the other, for progress */
    uint64_t packets_before;    /* of captures that were read before, apart */
};

/* One line, and on with what follows. */
static void say(struct reading *reading, const char *message, const char *consequence)
{
    progress_finish(&reading->progress);
    fprintf(stderr, "dayshift: %s; %s\n", message, consequence);
    reading->totals->damaged++;
}

static void report_damage(void *self, const char *message)
{
    struct reading *reading = self;
    bool is_empty = reading->table ? flow_table_counts(reading->table)->packets == reading->packets_before
                                   : reading->records == 0;

    say(reading, message, is_empty ? "nothing could be read" : "what was read of it counts");
}

/* ---- packets ---- */

/* A quarter for first packets, the rest for flows. */
static void begin_flows(struct reading *reading, flow_sink *sink, void *sink_self)
{
    const struct read_options *options = reading->options;
    size_t share = (size_t)(options->max_bytes / 4);
    size_t state_bytes = options->observer ? options->observer->state_bytes : 0;
    const struct flow_table_options flow = {
        .max_flows = 3 * share / (flow_table_flow_bytes() + state_bytes),
        .max_sequence_bytes = options->keep_sequences ? share : 0,
        .labeller = options->labeller,
        .observer = options->observer,
    };

    reading->table = flow_table_new(&flow, sink, sink_self);
}

static void end_flows(struct reading *reading)
{
    flow_table_flush(reading->table);
    reading->totals->flow = *flow_table_counts(reading->table);
    flow_table_free(reading->table);
}

static int add_captures(struct reading *reading, struct capture_set *set, struct inputs *inputs, size_t first,
                        size_t count, struct error *err)
{
    for (size_t i = first; i < first + count; i++) {
        struct input_file *input = inputs_open(inputs, i, err);

        if (input != NULL && capture_set_add(set, input, err) == 0)
            continue;
        if (!inputs->list[i].in_directory)
            return -1;
        say(reading, err->text, "it is left out");
    }
    return 0;
}

static bool is_stopped(const struct reading *reading)
{
    return reading->options->stop != NULL && atomic_load_explicit(reading->options->stop, memory_order_relaxed);
}

static void read_packets(struct reading *reading, struct capture_set *set)
{
    struct packet_view packet;
    uint64_t done;
    uint64_t size;

    for (uint64_t i = 0; capture_set_next(set, &packet); i++) {
        flow_table_add(reading->table, &packet);
        if (i % UPDATE_EVERY != 0)
            continue;
        if (is_stopped(reading))
            return;
        if (reading->progress.shown) {
            capture_set_position(set, &done, &size);
            progress_update(&reading->progress, capture_set_name(set), reading->bytes_done + done,
                            reading->options->captures_apart ? reading->bytes : size, "bytes");
        }
    }
}

/* `count` captures of the list, as one. */
static int read_set(struct reading *reading, struct inputs *inputs, size_t first, size_t count,
                    struct error *err)
{
    struct capture_options options = reading->options->capture;
    struct capture_set *set;
    uint64_t done, size;
    int status;

    options.keep_bytes = reading->options->labeller != NULL || reading->options->observer != NULL;
    set = capture_set_new(&options, report_damage, reading);
    status = add_captures(reading, set, inputs, first, count, err);
    if (status == 0)
        read_packets(reading, set);
    flow_table_flush(reading->table);
    capture_set_position(set, &done, &size);
    reading->bytes_done += size;
    reading->packets_before = flow_table_counts(reading->table)->packets;
    capture_counts_add(&reading->totals->capture, capture_set_counts(set));
    capture_set_free(set);
    return status;
}

static int read_apart(struct reading *reading, struct inputs *inputs, struct error *err)
{
    int status = 0;

    reading->bytes = inputs_bytes(inputs);
    for (size_t i = 0; i < inputs->count && status == 0 && !is_stopped(reading); i++) {
        reading->totals->capture_name = inputs->list[i].path;
        status = read_set(reading, inputs, i, 1, err);
    }
    reading->totals->capture_name = NULL;
    return status;
}

static int read_captures(struct reading *reading, struct inputs *inputs, flow_sink *sink,
                         void *sink_self, struct error *err)
{
    int status;

    begin_flows(reading, sink, sink_self);
    status = reading->options->captures_apart ? read_apart(reading, inputs, err)
                                              : read_set(reading, inputs, 0, inputs->count, err);
    progress_finish(&reading->progress);
    end_flows(reading);
    return status;
}

/* ---- an interface ---- */

/*
 * Until the time is over (0: never) or a signal came, and then on to the last packet that is there already,
 * which the kernel hands over late.
 */
static int follow(struct reading *reading, struct capture_file *file, const char *interface,
                  int64_t for_ns, struct error *err)
{
    const atomic_bool *stop = cli_catch_signals();
    int64_t end_ns = for_ns > 0 ? mono_time_now().ns + for_ns : INT64_MAX;
    bool ends = false;
    struct packet_view packet;
    int got;

    while ((got = capture_file_next(file, &packet, err)) > 0 && !(ends && got == 2)) {
        int64_t now = mono_time_now().ns;

        if (got == 1)
            flow_table_add(reading->table, &packet);
        if (!ends && (atomic_load(stop) || now >= end_ns)) {
            ends = true;
            end_ns = now + DRAIN_NS;
        } else if (ends && now >= end_ns) {
            break;
        }
        progress_update(&reading->progress, interface, capture_file_counts(file)->frames, 0, "frames");
    }
    return got < 0 ? -1 : 0;
}

int read_live(struct capture_file *file, const char *interface, int64_t for_ns,
              const struct read_options *options, flow_sink *sink, void *sink_self,
              struct read_totals *totals, struct error *err)
{
    struct reading reading = { .options = options, .totals = totals };

    totals->kind = INPUT_CAPTURES;
    totals->inputs = 1;
    progress_init(&reading.progress, options->quiet);
    begin_flows(&reading, sink, sink_self);
    /* An interface that went away is the end of what there is to learn. */
    if (follow(&reading, file, interface, for_ns, err) < 0)
        report_damage(&reading, err->text);
    progress_finish(&reading.progress);
    end_flows(&reading);
    totals->capture = *capture_file_counts(file);
    return 0;
}

/* ---- flow logs ---- */

static void add_record_counts(struct record_counts *sum, const struct record_counts *more)
{
    sum->lines += more->lines;
    sum->records += more->records;
    sum->other_protocol += more->other_protocol;
    sum->other_icmp += more->other_icmp;
    sum->empty += more->empty;
    sum->malformed += more->malformed;
}

/* Which log is read when: by the time of its first record. */
struct log_file {
    size_t index; /* in the inputs */
    int64_t first_ns;
};

static int compare_logs(const void *a, const void *b)
{
    const struct log_file *x = a;
    const struct log_file *y = b;

    if (x->first_ns != y->first_ns)
        return x->first_ns < y->first_ns ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static struct record_file *open_log(struct reading *reading, struct inputs *inputs, size_t index,
                                    struct error *err)
{
    struct input_file *input = inputs_open(inputs, index, err);

    return input ? record_file_open(input, &reading->options->records, reading->options->names, err)
                 : NULL;
}

/* What cannot be read, and what is read once only, goes first. */
static int64_t first_time(struct reading *reading, struct inputs *inputs, size_t index)
{
    struct record_file *file;
    struct log_record record;
    struct error ignored;
    int64_t first_ns = INT64_MIN;

    if (inputs->list[index].file != NULL)
        return first_ns;
    file = open_log(reading, inputs, index, &ignored);
    if (file != NULL && record_file_next(file, &record, &ignored) == 1)
        first_ns = record.start_ns;
    record_file_close(file);
    return first_ns;
}

/* Owned. A single log needs no order. */
static struct log_file *order_logs(struct reading *reading, struct inputs *inputs)
{
    struct log_file *logs = memory_alloc_array(inputs->count, sizeof *logs);

    for (size_t i = 0; i < inputs->count; i++) {
        logs[i].index = i;
        if (inputs->count > 1)
            logs[i].first_ns = first_time(reading, inputs, i);
    }
    qsort(logs, inputs->count, sizeof *logs, compare_logs);
    return logs;
}

static void read_records(struct reading *reading, struct record_file *file, const char *path,
                         struct record_pairer *pairer)
{
    struct log_record record;
    struct error err = { "" };
    uint64_t done;
    uint64_t size;
    int got;

    for (uint64_t i = 0; (got = record_file_next(file, &record, &err)) > 0; i++) {
        record_pairer_add(pairer, &record);
        reading->records++;
        if (i % UPDATE_EVERY == 0 && reading->progress.shown) {
            record_file_position(file, &done, &size);
            progress_update(&reading->progress, path, reading->bytes_done + done, reading->bytes, "bytes");
        }
    }
    if (got < 0)
        report_damage(reading, err.text);
    else if (record_file_damage(file))
        report_damage(reading, record_file_damage(file));
    record_file_position(file, &done, &size);
    reading->bytes_done += size;
    add_record_counts(&reading->totals->records, record_file_counts(file));
}

static int read_flow_logs(struct reading *reading, struct inputs *inputs, flow_sink *sink,
                          void *sink_self, struct error *err)
{
    const struct read_options *options = reading->options;
    struct record_pairer *pairer =
        record_pairer_new((size_t)(options->max_bytes / RECORD_PAIRER_FLOW_BYTES), sink, sink_self);
    struct log_file *logs = order_logs(reading, inputs);
    int status = 0;

    if (options->one_way)
        record_pairer_keep_apart(pairer);
    reading->bytes = inputs_bytes(inputs);
    for (size_t i = 0; i < inputs->count && status == 0; i++) {
        const struct input *input = &inputs->list[logs[i].index];
        struct record_file *file = open_log(reading, inputs, logs[i].index, err);

        if (file != NULL)
            read_records(reading, file, input->path, pairer);
        else if (input->in_directory)
            say(reading, err->text, "it is left out");
        else
            status = -1;
        record_file_close(file);
    }
    progress_finish(&reading->progress);
    record_pairer_flush(pairer);
    reading->totals->pairing = *record_pairer_counts(pairer);
    record_pairer_free(pairer);
    free(logs);
    return status;
}

int read_inputs(char **paths, int count, const struct read_options *options, flow_sink *sink,
                void *sink_self, struct read_totals *totals, struct error *err)
{
    struct reading reading = { .options = options, .totals = totals };
    bool flow_logs = options->records.format || options->records.columns;
    struct inputs inputs;
    int status = inputs_find(&inputs, paths, count, flow_logs, options->outputs, err);

    if (status == 0 && options->captures_only && inputs.kind != INPUT_CAPTURES)
        status = error_set(err, "%s: is a flow log; captures are needed", inputs.kind_path);
    progress_init(&reading.progress, options->quiet);
    totals->kind = inputs.kind;
    totals->inputs = inputs.count;
    totals->passed_over = inputs.passed_over;
    if (status == 0)
        status = inputs.kind == INPUT_CAPTURES
                     ? read_captures(&reading, &inputs, sink, sink_self, err)
                     : read_flow_logs(&reading, &inputs, sink, sink_self, err);
    inputs_release(&inputs);
    return status;
}
