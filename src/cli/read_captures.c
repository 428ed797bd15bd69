#include "cli/read_captures.h"

#include <stdio.h>

#include "capture/link_type.h"
#include "cli/progress.h"

enum { UPDATE_EVERY = 4096 }; /* packets */

/* What reading goes on with from packet to packet. */
struct reading {
    struct capture_set *set;
    struct flow_table *table;
    struct progress progress;
    uint64_t packets;
    struct error damage; /* the first, before any packet: it may be why there are none */
};

static void print_damage(struct reading *reading, const char *message)
{
    progress_finish(&reading->progress);
    fprintf(stderr, "dayshift: %s; what comes before it counts\n", message);
}

static void report_damage(void *self, const char *message)
{
    struct reading *reading = self;

    if (reading->packets == 0 && reading->damage.text[0] == '\0')
        error_set(&reading->damage, "%s", message);
    else
        print_damage(reading, message);
}

static int add_captures(struct capture_set *set, char **paths, int count, struct error *err)
{
    for (int i = 0; i < count; i++) {
        struct input_file *input = input_file_open(paths[i], err);

        if (input == NULL || capture_set_add(set, input, err) < 0)
            return -1;
    }
    return 0;
}

static void show_progress(struct reading *reading)
{
    uint64_t done;
    uint64_t size;

    if (!reading->progress.shown)
        return;
    capture_set_position(reading->set, &done, &size);
    progress_update(&reading->progress, capture_set_name(reading->set), done, size, "bytes");
}

/* No packet at all is an error when something explains it. */
static int explain_nothing(const struct reading *reading, const char *path, struct error *err)
{
    const struct capture_counts *counts = capture_set_counts(reading->set);

    if (reading->damage.text[0] != '\0')
        return error_set(err, "%s", reading->damage.text);
    if (counts->unknown_link > 0)
        return link_type_error(path, counts->unknown_link_type, err);
    return 0;
}

static int read_packets(struct reading *reading, const char *path, struct error *err)
{
    struct packet_view packet;
    int got;

    while ((got = capture_set_next(reading->set, &packet, err)) > 0) {
        flow_table_add(reading->table, &packet);
        if (reading->packets++ % UPDATE_EVERY == 0)
            show_progress(reading);
    }
    if (got == 0 && reading->packets == 0)
        return explain_nothing(reading, path, err);
    if (reading->damage.text[0] != '\0')
        print_damage(reading, reading->damage.text);
    return got;
}

int read_captures(char **paths, int count, bool quiet, flow_sink *sink, void *sink_self,
                  struct read_totals *totals, struct error *err)
{
    const struct capture_options options = { 0 };
    struct reading reading = { .table = flow_table_new(FLOW_MAX_DEFAULT, sink, sink_self) };
    int status;

    reading.set = capture_set_new(&options, report_damage, &reading);
    progress_init(&reading.progress, quiet);
    status = add_captures(reading.set, paths, count, err);
    if (status == 0)
        status = read_packets(&reading, paths[0], err);
    progress_finish(&reading.progress);
    flow_table_flush(reading.table);
    totals->capture = *capture_set_counts(reading.set);
    totals->flow = *flow_table_counts(reading.table);
    flow_table_free(reading.table);
    capture_set_free(reading.set);
    return status;
}
