#include "cli/read_captures.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/progress.h"

enum { UPDATE_EVERY = 4096 }; /* packets */

#define FILES_OVERLAP_NS NS_PER_SECOND /* rotating captures may write a few packets late */

/* What reading goes on with from file to file. */
struct reading {
    struct flow_table *table;
    struct read_totals *totals;
    struct progress progress;
    bool has_newest;
    struct day_time newest; /* of all packets so far */
};

static void add_counts(struct capture_counts *sum, const struct capture_counts *more)
{
    sum->frames += more->frames;
    sum->bytes += more->bytes;
    for (int i = 0; i < DECODE_RESULTS; i++)
        sum->by_result[i] += more->by_result[i];
}

enum { TIME_TEXT = 48 };

static const char *time_text(struct day_time time, char text[TIME_TEXT])
{
    char date[TEXT_DATE];
    int32_t day = day_time_date(time);
    int64_t s = (time.ns - (int64_t)day * NS_PER_DAY) / NS_PER_SECOND;

    snprintf(text, TIME_TEXT, "%s %02" PRId64 ":%02" PRId64 ":%02" PRId64, text_from_date(day, date),
             s / 3600, s / 60 % 60, s % 60);
    return text;
}

/*
 * The newest time counts for every packet that is older: of a file out of order all packets would
 * fall on one instant.
 */
static int check_order(const struct reading *reading, const char *path,
                       const struct packet_view *first, struct error *err)
{
    char begins[TIME_TEXT];
    char newest[TIME_TEXT];

    if (!reading->has_newest || first->time.ns >= reading->newest.ns - FILES_OVERLAP_NS)
        return 0;
    return error_set(err, "%s: begins at %s, but a file before it goes on until %s; give the files"
                     " in order of time", path, time_text(first->time, begins),
                     time_text(reading->newest, newest));
}

static void add_packet(struct reading *reading, const struct packet_view *packet)
{
    flow_table_add(reading->table, packet);
    if (!reading->has_newest || packet->time.ns > reading->newest.ns)
        reading->newest = packet->time;
    reading->has_newest = true;
}

static int read_capture(struct reading *reading, const char *path, struct error *err)
{
    struct capture_file *file = capture_file_open(path, err);
    struct packet_view packet;
    uint64_t done;
    uint64_t size;
    int got;

    if (file == NULL)
        return -1;
    for (uint64_t i = 0; (got = capture_file_next(file, &packet, err)) > 0; i++) {
        if (i == 0 && check_order(reading, path, &packet, err) < 0) {
            got = -1;
            break;
        }
        add_packet(reading, &packet);
        if (i % UPDATE_EVERY == 0 && reading->progress.shown) {
            capture_file_position(file, &done, &size);
            progress_update(&reading->progress, path, done, size, "bytes");
        }
    }
    add_counts(&reading->totals->capture, capture_file_counts(file));
    capture_file_close(file);
    return got;
}

int read_captures(char **paths, int count, bool quiet, flow_sink *sink, void *sink_self,
                  struct read_totals *totals, struct error *err)
{
    const struct flow_table_options options = { .max_flows = FLOW_MAX_DEFAULT };
    struct reading reading = {
        .table = flow_table_new(&options, sink, sink_self),
        .totals = totals,
    };
    int status = 0;

    progress_init(&reading.progress, quiet);
    for (int i = 0; i < count && status == 0; i++)
        status = read_capture(&reading, paths[i], err);
    progress_finish(&reading.progress);
    flow_table_flush(reading.table);
    totals->flow = *flow_table_counts(reading.table);
    flow_table_free(reading.table);
    return status;
}
