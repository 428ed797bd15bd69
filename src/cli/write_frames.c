#include "cli/write_frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/output_file.h"
#include "cli/progress.h"

enum { UPDATE_EVERY = 4096 }; /* frames between two looks at the time */

/* The frames, with a look at the clock of the run now and then. */
struct watched_frames {
    const struct write_frames_config *config;
    struct progress progress;
    uint64_t given;
};

static int peek_watched(void *self, struct frame *next, struct error *err)
{
    struct watched_frames *w = self;
    int got = w->config->frames.peek(w->config->frames.self, next, err);

    if (got > 0 && w->given++ % UPDATE_EVERY == 0)
        progress_update(&w->progress, w->config->what, (uint64_t)(next->due.ns / NS_PER_SECOND),
                        (uint64_t)w->config->end_s, "seconds");
    return got;
}

static uint32_t take_watched(void *self, uint8_t *room)
{
    const struct watched_frames *w = self;

    return w->config->frames.take(w->config->frames.self, room);
}

static int run(const struct write_frames_config *config, struct output_file *file, struct emit_counts *counts,
               struct error *err)
{
    struct gate_network *networks = gate_networks_new(config->networks, config->network_count);
    struct gate gate = { .networks = networks, .network_count = config->network_count };
    struct emit_link link = { .gate = &gate, .counts = counts };
    struct emitter emitter = { .links = { &link }, .stop = config->stop,
                               .tallies = flow_output_tallies(config->truth) };
    struct watched_frames watched = { .config = config };
    struct frame_source frames = { peek_watched, take_watched, &watched };
    int status;

    progress_init(&watched.progress, config->quiet);
    status = emitter_run_file(&emitter, &frames, file, config->begin, err);
    progress_finish(&watched.progress);
    free(networks);
    if (atomic_load(config->stop))
        status = output_file_interrupted(config->path, "interrupted", err);
    return status;
}

int write_frames(const struct write_frames_config *config, struct emit_counts *counts, struct error *err)
{
    struct output_file file;
    int status;

    memset(counts, 0, sizeof *counts);
    if (output_file_open(&file, config->path, err) < 0)
        return -1;
    status = run(config, &file, counts, err);
    if (status == 0)
        status = flow_output_commit(config->truth, err);
    if (status == 0)
        status = output_file_commit(&file, err);
    output_file_abandon(&file);
    return status;
}
