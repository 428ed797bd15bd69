#include "cli/read_captures.h"

#include "cli/progress.h"

enum { UPDATE_EVERY = 4096 }; /* packets */

static void add_counts(struct capture_counts *sum, const struct capture_counts *more)
{
    sum->frames += more->frames;
    sum->bytes += more->bytes;
    for (int i = 0; i < DECODE_RESULTS; i++)
        sum->by_result[i] += more->by_result[i];
}

static int read_capture(const char *path, struct flow_table *table, struct read_totals *totals,
                        struct progress *progress, struct error *err)
{
    struct capture_file *file = capture_file_open(path, err);
    struct packet_view packet;
    uint64_t done;
    uint64_t size;
    int got;

    if (file == NULL)
        return -1;
    for (uint64_t i = 0; (got = capture_file_next(file, &packet, err)) > 0; i++) {
        flow_table_add(table, &packet);
        if (i % UPDATE_EVERY == 0 && progress->shown) {
            capture_file_position(file, &done, &size);
            progress_update(progress, path, done, size, "bytes");
        }
    }
    add_counts(&totals->capture, capture_file_counts(file));
    capture_file_close(file);
    return got;
}

int read_captures(char **paths, int count, bool quiet, flow_sink *sink, void *sink_self,
                  struct read_totals *totals, struct error *err)
{
    struct flow_table *table = flow_table_new(FLOW_MAX_DEFAULT, sink, sink_self);
    struct progress progress;
    int status = 0;

    progress_init(&progress, quiet);
    for (int i = 0; i < count && status == 0; i++)
        status = read_capture(paths[i], table, totals, &progress, err);
    progress_finish(&progress);
    flow_table_flush(table);
    totals->flow = *flow_table_counts(table);
    flow_table_free(table);
    return status;
}
