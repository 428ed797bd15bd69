#include "daemon/file_run.h"

#include <stdio.h>
#include <string.h>

#include "base/output_file.h"
#include "base/stop_signals.h"
#include "records/flow_output.h"

enum { UPDATE_EVERY = 65536 }; /* frames between two looks at the progress */

struct file_run {
    const struct configuration *configuration;
    struct play play;
    struct emitter emitter;
    struct emit_link link;
    struct emit_counts counts;
    struct flow_output *truth; /* NULL: none is wanted */
    struct frame_source frames; /* of the scenario */
    uint64_t given;
    bool quiet;
};

/* The frames of the scenario, with a look at the progress now and then. */
static int peek_watched(void *self, struct frame *next, struct error *err)
{
    struct file_run *run = self;
    struct report_counts counts;

    if (run->given++ % UPDATE_EVERY == 0 && !run->quiet) {
        play_count(&run->play, &run->counts, 1, &counts);
        play_show_progress(&run->play, &counts);
    }
    return run->frames.peek(run->frames.self, next, err);
}

static uint32_t take_watched(void *self, uint8_t *room)
{
    const struct file_run *run = self;

    return run->frames.take(run->frames.self, room);
}

static int write_frames(struct file_run *run, struct output_file *file, const char *path, struct error *err)
{
    const struct frame_source watched = { peek_watched, take_watched, run };
    int status = emitter_run_file(&run->emitter, &watched, file, run->play.begin, err);
    char how[32];

    if (atomic_load(&run->play.stop)) {
        run->play.ended = stop_signals_caught();
        snprintf(how, sizeof how, "interrupted by %s", run->play.ended);
        return output_file_interrupted(path, how, err);
    }
    if (status < 0)
        run->play.ended = "an error";
    return status;
}

static int open_truth(struct file_run *run, struct error *err)
{
    const struct configuration *c = run->configuration;
    struct flow_ledger *ledger = flow_output_ledger(run->truth);

    for (size_t i = 0; i < c->link_count; i++)
        flow_ledger_name_link(ledger, (uint16_t)i, c->links[i].name);
    play_name_populations(&run->play, ledger);
    if (flow_output_open(run->truth, c->truth, c->truth_format, run->play.begin.ns - EMIT_CLOCK_SIMULATED_NS, err) == 0)
        return 0;
    return error_prefix(err, "%s", c->truth_place);
}

/* Both files are there whole or not at all; the report of what came of the frames is printed in any case. */
static int write_files(struct file_run *run, const char *path, bool json, struct error *err)
{
    struct report_counts counts = { 0 };
    struct output_file file;
    struct report report;
    int status;

    if (run->truth && open_truth(run, err) < 0)
        return -1;
    if (output_file_open(&file, path, err) < 0)
        return -1;
    status = write_frames(run, &file, path, err);
    if (status == 0)
        status = play_check_overlays(&run->play, err);
    if (status == 0)
        status = flow_output_commit(run->truth, err);
    if (status == 0)
        status = output_file_commit(&file, err);
    output_file_abandon(&file);
    play_clear_progress();
    play_count(&run->play, &run->counts, 1, &counts);
    if (run->truth)
        report_counts_set_logged(&counts, flow_ledger_counts(flow_output_ledger(run->truth)));
    report = (struct report){ .counts = &counts, .seconds = mono_time_seconds_since(run->play.started),
                              .ended = run->play.ended };
    report_print(&report, strcmp(path, "-") == 0 ? stderr : stdout, json);
    return status;
}

int file_run_write(const struct configuration *c, const struct play_files *files, struct model_image *images,
                   const char *path, const struct play_options *options, struct error *err)
{
    const struct play_span span = play_span_of(c);
    struct file_run run = { .quiet = options->quiet, .configuration = c };
    int status;

    if (c->duration_ns == 0)
        return error_set(err, "%s: duration is \"forever\", but %s needs an end", c->path,
                         strcmp(path, "-") == 0 ? "standard output" : path);
    if (c->truth && (run.truth = flow_output_new(err)) == NULL)
        return -1;
    status = play_init(&run.play, c, files, &span, NULL, images, flow_output_keeper(run.truth), err);
    if (status == 0) {
        play_say_overlays(&run.play);
        if (!options->quiet)
            play_say_lead_in(&run.play, c);
        run.frames = scenario_frames(run.play.scenario);
        run.link.gate = &run.play.gates.all;
        run.link.counts = &run.counts;
        run.emitter.links[0] = &run.link;
        run.emitter.stop = &run.play.stop;
        run.emitter.tallies = flow_output_tallies(run.truth);
        stop_signals_catch(&run.play.stop); /* before that there is nothing to clean up */
        status = write_files(&run, path, options->json, err);
        stop_signals_release(); /* what is left to write may block */
        play_release(&run.play);
    }
    flow_output_free(run.truth);
    return status;
}
