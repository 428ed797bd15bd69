#include "daemon/live.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time_zone.h"
#include "daemon/engine_process.h"
#include "daemon/privileges.h"
#include "daemon/syscall_filter.h"

/* What an engine that starts now has to play: the first one all of it, another one what is left. */
static struct play_span what_is_left(const struct live *live)
{
    struct play_span span = live->span;
    struct run_place place = { .speed = span.speed, .activity = span.activity };

    span.goes_on = live->board->began_ns > 0;
    if (!board_find_place(live->board, mono_time_now().ns, &place))
        return span;
    span.begin = place.day;
    span.speed = place.speed;
    span.activity = place.activity;
    span.is_paused = place.is_paused;
    span.before_ns = place.run_ns;
    if (span.duration_ns > 0)
        span.duration_ns -= span.before_ns;
    return span;
}

/* ---- what the supervisor calls ---- */

static int play(void *self, struct board *board, int channel)
{
    const struct live *live = self;
    struct error err = { "" };
    struct play_span span = what_is_left(live);
    const struct engine_ends ends = { live->options, board, channel, live->control.fd, live->logger };

    flow_logger_enter_engine(live->logger);
    if ((live->span.duration_ns > 0 && span.duration_ns <= 0) ||
        engine_process_play(&live->configuration, &live->files, &span, &ends, &err) == 0)
        return EXIT_SUCCESS;
    fprintf(stderr, "dayshiftd: %s\n", err.text);
    return EXIT_FAILURE;
}

static int open_files(struct configuration *c, struct play_files *files, const char *path, struct error *err)
{
    if (configuration_load_trusted(c, path, err) < 0)
        return -1;
    if (c->link_count == 0)
        error_set(err, "%s: interface is missing: where is to be played? (-w needs none)", path);
    else if (play_files_check_truth(c, err) == 0 && play_files_open(files, c, err) == 0)
        return 0;
    configuration_release(c);
    return -1;
}

/* Where `dayshift ctl` comes in, if anywhere. */
static int open_control(struct control_socket *control, const struct configuration *c, struct error *err)
{
    control->fd = -1;
    if (c->control == NULL || control_socket_open(control, c->control, c->control_group, err) == 0)
        return 0;
    control->fd = -1;
    return c->control_place ? error_prefix(err, "%s", c->control_place) : error_prefix(err, "%s: control", c->path);
}

static void close_control(struct control_socket *control)
{
    if (control->fd >= 0)
        control_socket_close(control);
    control->fd = -1;
}

static bool has_other_control(const struct configuration *a, const struct configuration *b)
{
    return strcmp(a->control ? a->control : "", b->control ? b->control : "") != 0 ||
           a->control_group != b->control_group;
}

static int try_new(void *self, struct error *err)
{
    const struct live *live = self;
    struct configuration c;
    struct play_files files;

    if (live->control.fd >= 0)
        close(live->control.fd); /* of this process: who tries a model must not answer there */
    if (open_files(&c, &files, live->path, err) < 0 || flow_logger_try(live->logger, &c, err) < 0)
        return -1;
    flow_logger_free(live->logger); /* of this process: the same for what was sent */
    return engine_process_check(&c, &files, NULL, err); /* the process ends here: nothing is to be released */
}

static int take_new(void *self, struct error *err)
{
    struct live *live = self;
    struct configuration c;
    struct play_files files;
    struct error ignored;

    if (open_files(&c, &files, live->path, err) < 0) {
        /* It was good a moment ago, and may have left its time zone. */
        time_zone_set(live->configuration.timezone ? live->configuration.timezone : TIME_ZONE_DEFAULT, &ignored);
        return -1;
    }
    if (has_other_control(&live->configuration, &c) || live->control.fd < 0) {
        close_control(&live->control);
        if (open_control(&live->control, &c, &ignored) < 0)
            fprintf(stderr, "dayshiftd: %s\n", ignored.text); /* it plays on all the same */
    }
    live->board->position.speed = c.speed;
    live->board->position.activity = 1;
    live->span.duration_ns = c.duration_ns;
    live->span.speed = c.speed;
    play_files_close(&live->files);
    configuration_release(&live->configuration);
    live->configuration = c;
    live->files = files;
    live->is_new = true;
    return 0;
}

static int prepare(void *self, struct error *err)
{
    struct live *live = self;

    if (flow_logger_prepare(live->logger, &live->configuration, live->is_new, err) < 0)
        return -1;
    live->is_new = false;
    return 0;
}

static void settle(void *self)
{
    struct live *live = self;
    struct flow_ledger_counts logged;

    flow_logger_settle(live->logger, &logged);
    report_counts_set_logged(&live->board->present, logged);
}

static int64_t stop_ns(void *self)
{
    const struct live *live = self;

    return live->configuration.stop_ns;
}

/* ---- from the outside ---- */

int live_open(struct live *live, const char *path, const struct play_options *options, struct error *err)
{
    *live = (struct live){ .path = path, .options = options, .control.fd = -1 };
    if (open_files(&live->configuration, &live->files, path, err) < 0)
        return -1;
    if (privileges_check_sending(err) < 0) {
        live_close(live);
        return -1;
    }
    live->logger = flow_logger_new();
    live->board = board_new(err);
    if (live->board && open_control(&live->control, &live->configuration, err) == 0)
        return 0;
    live_close(live);
    return -1;
}

void live_close(struct live *live)
{
    close_control(&live->control);
    flow_logger_free(live->logger);
    play_files_close(&live->files);
    configuration_release(&live->configuration);
    if (live->board)
        board_free(live->board);
}

static void print_report(const struct live *live, const struct supervision *how)
{
    const struct board *board = live->board;
    const struct report report = {
        .counts = &board->past,
        .seconds = board_seconds_played(board),
        .ended = how->ended,
        .is_live = true,
        .restarts = board->restarts,
        .interface_known = board->interface_known,
        .interface_packets = board->interface_past,
    };

    report_print(&report, stdout, live->options->json);
}

int live_supervise(struct live *live, bool *failed, struct error *err)
{
    const struct supervised what = { live, play, prepare, settle, try_new, take_new, stop_ns };
    struct supervision how;

    if (!syscall_filter_is_built_in())
        fputs("dayshiftd: built with sanitizers, so system calls are not filtered\n", stderr);
    live->span = play_span_of(&live->configuration);
    if (supervisor_run(&what, live->board, &how, err) < 0)
        return -1;
    *failed = how.failed;
    play_clear_progress();
    if (!how.failed || live->board->began_ns > 0)
        print_report(live, &how);
    return 0;
}
