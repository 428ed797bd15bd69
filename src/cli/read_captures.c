#include "cli/read_captures.h"

#include <stdio.h>

#include "cli/progress.h"

enum { UPDATE_EVERY = 4096 }; /* packets */

static void report_damage(void *self, const char *message)
{
    struct progress *progress = self;

    progress_finish(progress);
    fprintf(stderr, "dayshift: %s; what was read of it counts\n", message);
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

static int read_packets(struct capture_set *set, struct flow_table *table,
                        struct progress *progress, struct error *err)
{
    struct packet_view packet;
    uint64_t done;
    uint64_t size;
    int got;

    for (uint64_t i = 0; (got = capture_set_next(set, &packet, err)) > 0; i++) {
        flow_table_add(table, &packet);
        if (i % UPDATE_EVERY == 0 && progress->shown) {
            capture_set_position(set, &done, &size);
            progress_update(progress, capture_set_name(set), done, size, "bytes");
        }
    }
    return got;
}

int read_captures(char **paths, int count, bool quiet, flow_sink *sink, void *sink_self,
                  struct read_totals *totals, struct error *err)
{
    struct capture_options options = { 0 };
    const struct flow_table_options flow_options = { .max_flows = FLOW_MAX_DEFAULT };
    struct progress progress;
    struct capture_set *set = capture_set_new(&options, report_damage, &progress);
    struct flow_table *table = flow_table_new(&flow_options, sink, sink_self);
    int status;

    progress_init(&progress, quiet);
    status = add_captures(set, paths, count, err);
    if (status == 0)
        status = read_packets(set, table, &progress, err);
    progress_finish(&progress);
    flow_table_flush(table);
    totals->capture = *capture_set_counts(set);
    totals->flow = *flow_table_counts(table);
    flow_table_free(table);
    capture_set_free(set);
    return status;
}
