#include "scenario/overlay.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define MOST_NS 0x1p61 /* 73 years: two of them can be added up */

static struct overlay_reader *open_reader(const struct overlay *o, struct error *err)
{
    return overlay_reader_new(o->config.fd, o->config.path, &o->rewriting, err);
}

static void note_strangers(struct overlay *o, const struct overlay_frame *frame)
{
    for (int i = 0; i < 2; i++) {
        if (population_find(o->rewriting.population, &frame->addresses[i]) == NULL)
            overlay_strangers_add(o->rewriting.strangers, &frame->addresses[i]);
    }
}

static int read_all(struct overlay *o, struct overlay_reader *reader, struct error *err)
{
    const struct overlay_frame *frame;
    int got;

    while ((got = overlay_reader_next(reader, &frame, err)) == 1) {
        if (o->tally.played++ == 0)
            o->first = frame->time;
        o->last = frame->time;
        note_strangers(o, frame);
    }
    o->tally = *overlay_reader_tally(reader);
    return got;
}

/* What there is in the capture. */
static int survey(struct overlay *o, struct error *err)
{
    struct overlay_reader *reader = open_reader(o, err);
    char faults[OVERLAY_FAULTS_TEXT];
    int status;

    if (reader == NULL)
        return -1;
    status = read_all(o, reader, err);
    overlay_reader_free(reader);
    if (status < 0 || o->tally.played > 0)
        return status;
    if (o->tally.frames == 0)
        return error_set(err, "%s: there is no frame in it", o->config.path);
    return error_set(err, "%s: none of its %" PRIu64 " frames can be played: %s", o->config.path, o->tally.frames,
                     overlay_faults_text(&o->tally, faults));
}

int overlay_init(struct overlay *o, const struct overlay_config *config, const struct overlay_rewriting *rewriting,
                 const struct sent_flow_keeper *keeper, int64_t before_ns, struct error *err)
{
    *o = (struct overlay){ .config = *config, .rewriting = *rewriting, .keeper = keeper };
    o->after.ns = config->time.ns - before_ns;
    o->has_next = config->time.when == OVERLAY_AFTER && o->after.ns >= 0;
    return survey(o, err);
}

static void close_reader(struct overlay *o)
{
    overlay_reader_free(o->reader);
    overlay_flows_free(o->flows);
    o->reader = NULL;
    o->flows = NULL;
    o->head = NULL;
    o->is_ready = false;
    o->has_begun = false;
}

void overlay_release(struct overlay *o)
{
    close_reader(o);
}

static void end_capture(struct overlay *o, bool is_cut)
{
    if (o->flows)
        overlay_flows_end(o->flows, is_cut);
    close_reader(o);
}

/* The next frame is not taken: nobody was given its mark. */
static void unmark(struct overlay *o)
{
    if (o->is_ready && o->flows)
        overlay_flows_take_back(o->flows);
    o->is_ready = false;
}

/* What has been made ready, but has not begun: it may begin at another time, or never. */
static void withdraw(struct overlay *o)
{
    if (o->has_begun)
        return;
    unmark(o);
    end_capture(o, false);
}

/* In the log a file has no directories. */
static const char *name_of(const struct overlay *o)
{
    const char *slash = strrchr(o->config.path, '/');

    return slash ? slash + 1 : o->config.path;
}

void overlay_seek(struct overlay *o, struct day_time from)
{
    withdraw(o);
    if (o->config.time.when != OVERLAY_AFTER && !o->has_failed)
        o->has_next = overlay_time_next(&o->config.time, from, &o->next);
}

static void seek_behind(struct overlay *o)
{
    o->has_next = overlay_time_next(&o->config.time, (struct day_time){ o->next.ns + 1 }, &o->next);
}

/* By its own speed; far times are foreign. */
static struct run_time due_of_head(const struct overlay *o)
{
    double elapsed_ns = (double)(o->head->time.ns - o->first.ns) / o->config.speed;

    return (struct run_time){ o->begin.ns + (int64_t)fmax(fmin(elapsed_ns, MOST_NS), 0) };
}

static struct run_time due_of_begin(const struct overlay *o, const struct schedule *schedule)
{
    return o->config.time.when == OVERLAY_AFTER ? o->after : schedule_run_time(schedule, o->next);
}

int overlay_fetch(struct overlay *o, struct error *err)
{
    int got;

    if (!o->has_begun || o->head)
        return 0;
    got = overlay_reader_next(o->reader, &o->head, err);
    if (got == 0)
        end_capture(o, false);
    return got < 0 ? -1 : 0;
}

bool overlay_due(const struct overlay *o, const struct schedule *schedule, struct run_time *due)
{
    if (o->has_begun)
        *due = due_of_head(o);
    else if (o->has_next)
        *due = due_of_begin(o, schedule);
    return o->has_begun || o->has_next;
}

/* The first frame of the capture. */
static int open_capture(struct overlay *o, struct error *err)
{
    int got;

    o->reader = open_reader(o, err);
    if (o->reader == NULL)
        return -1;
    if (o->keeper)
        o->flows = overlay_flows_new(o->keeper, name_of(o), o->config.label);
    got = overlay_reader_next(o->reader, &o->head, err);
    return got == 0 ? error_set(err, "%s: has changed since the run began", o->config.path) : got < 0 ? -1 : 0;
}

int overlay_prepare(struct overlay *o, struct run_time due, struct error *err)
{
    /* Steered since: its flows would be of two times, so far apart that they are others. */
    if (o->is_ready && o->mark_due.ns != due.ns)
        withdraw(o);
    if (o->head == NULL && open_capture(o, err) < 0)
        return -1;
    if (!o->is_ready)
        o->mark = o->flows ? overlay_flows_mark(o->flows, o->head, due) : FRAME_NO_FLOW;
    o->mark_due = due;
    o->is_ready = true;
    return 0;
}

bool overlay_take(struct overlay *o, struct run_time due)
{
    bool begins = !o->has_begun;

    o->head = NULL;
    o->is_ready = false;
    if (begins) {
        o->has_begun = true;
        o->begin = due;
        seek_behind(o);
    }
    return begins;
}

bool overlay_leave_out(struct overlay *o, const struct schedule *schedule, struct run_time due)
{
    if (!o->has_begun || !o->has_next || due_of_begin(o, schedule).ns > due.ns)
        return false;
    seek_behind(o);
    return true;
}

void overlay_stop(struct overlay *o)
{
    o->has_next = false;
    withdraw(o);
}

void overlay_cut(struct overlay *o)
{
    unmark(o);
    if (o->has_begun)
        end_capture(o, true);
    o->has_next = false;
}

void overlay_fail(struct overlay *o, const struct error *why)
{
    end_capture(o, o->has_begun);
    o->has_next = false;
    o->failure = *why;
    atomic_store(&o->has_failed, true);
}
