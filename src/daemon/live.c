#include "daemon/live.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time_zone.h"
#include "daemon/engine_process.h"
#include "daemon/syscall_filter.h"

/* How long the run has been going on: from the first frame of the first engine. */
static int64_t run_ns(const struct live *live)
{
    int64_t began_ns = atomic_load(&live->board->began_ns);
    int64_t now_ns = mono_time_now().ns;

    return began_ns > 0 && began_ns < now_ns ? now_ns - began_ns : 0;
}

/* The point of the day that the present configuration has come to. */
static struct day_time day_now(const struct live *live)
{
    double passed_ns = (double)(run_ns(live) - live->begin_ns) * live->configuration.speed;
    int64_t most_ns = INT64_MAX - live->begin.ns; /* the calendar ends in 2262 */

    return (struct day_time){ live->begin.ns + (passed_ns < (double)most_ns ? (int64_t)passed_ns : most_ns) };
}

/* What is left to be played, by an engine that starts now; false: nothing. */
static bool what_is_left(const struct live *live, struct play_span *span)
{
    int64_t duration_ns = live->configuration.duration_ns;

    *span = (struct play_span){ day_now(live), duration_ns > 0 ? duration_ns - run_ns(live) : 0 };
    return duration_ns == 0 || span->duration_ns > 0;
}

/* ---- what the supervisor calls ---- */

static int play(void *self, struct board *board, int channel)
{
    const struct live *live = self;
    struct error err = { "" };
    struct play_span span;

    (void)channel;
    if (!what_is_left(live, &span) ||
        engine_process_play(&live->configuration, &live->models, &span, live->options, board, &err) == 0)
        return EXIT_SUCCESS;
    fprintf(stderr, "dayshiftd: %s\n", err.text);
    return EXIT_FAILURE;
}

static int open_files(struct configuration *c, struct model_files *models, const char *path, struct error *err)
{
    if (configuration_load_trusted(c, path, err) < 0)
        return -1;
    if (c->link_count == 0)
        error_set(err, "%s: interface is missing: where is to be played? (-w needs none)", path);
    else if (c->link_count > 1)
        error_set(err, "%s: links: more than one can only be checked or written to a file", path);
    else if (model_files_open(models, c, err) == 0)
        return 0;
    configuration_release(c);
    return -1;
}

static int try_new(void *self, struct error *err)
{
    const struct live *live = self;
    struct configuration c;
    struct model_files models;

    if (open_files(&c, &models, live->path, err) < 0)
        return -1;
    return engine_process_check(&c, &models, err); /* the process ends here: nothing is to be released */
}

static int take_new(void *self, struct error *err)
{
    struct live *live = self;
    struct configuration c;
    struct model_files models;
    struct error ignored;

    if (open_files(&c, &models, live->path, err) < 0) {
        /* It was good a moment ago, and may have left its time zone. */
        time_zone_set(live->configuration.timezone ? live->configuration.timezone : TIME_ZONE_DEFAULT, &ignored);
        return -1;
    }
    live->begin = day_now(live);
    live->begin_ns = run_ns(live);
    model_files_close(&live->models);
    configuration_release(&live->configuration);
    live->configuration = c;
    live->models = models;
    return 0;
}

static int64_t stop_ns(void *self)
{
    const struct live *live = self;

    return live->configuration.stop_ns;
}

/* ---- from the outside ---- */

int live_open(struct live *live, const char *path, const struct play_options *options, struct error *err)
{
    *live = (struct live){ .path = path, .options = options };
    if (open_files(&live->configuration, &live->models, path, err) < 0)
        return -1;
    live->board = board_new(err);
    if (live->board)
        return 0;
    live_close(live);
    return -1;
}

void live_close(struct live *live)
{
    model_files_close(&live->models);
    configuration_release(&live->configuration);
    if (live->board)
        board_free(live->board);
}

static void print_report(const struct live *live, const struct supervision *how)
{
    const struct board *board = live->board;
    const struct report report = {
        .counts = &board->past,
        .seconds = (double)run_ns(live) / (double)NS_PER_SECOND,
        .ended = how->ended,
        .is_live = true,
        .restarts = board->restarts,
        .interface_known = board->interface_known,
        .interface_packets = board->interface_now - board->interface_before,
    };

    report_print(&report, stdout, live->options->json);
}

int live_supervise(struct live *live, bool *failed, struct error *err)
{
    const struct supervised what = { live, play, try_new, take_new, stop_ns };
    struct supervision how;

    if (!syscall_filter_is_built_in())
        fputs("dayshiftd: built with sanitizers, so system calls are not filtered\n", stderr);
    live->begin = play_span_of(&live->configuration).begin;
    if (supervisor_run(&what, live->board, &how, err) < 0)
        return -1;
    *failed = how.failed;
    play_clear_progress();
    if (!how.failed || run_ns(live) > 0)
        print_report(live, &how);
    return 0;
}
