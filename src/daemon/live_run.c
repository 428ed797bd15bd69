#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "daemon/live_run.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/frame_ring.h"
#include "base/memory.h"
#include "base/stop_signals.h"
#include "emit/responder.h"

#define RING_BYTES ((size_t)16 << 20) /* frames rendered ahead: 10,000 full ones or more */
#define RENDER_NAP_NS (200 * NS_PER_US)
#define WATCH_NS (200 * NS_PER_MS)
#define FIRST_FRAME_NAP_NS NS_PER_MS
#define LONGEST_START_S 300

/* A thread's function, its result, and whether it has one yet. */
struct worker {
    struct live_run *run;
    pthread_t thread;
    bool started;
    int status;
    struct error err;
    atomic_bool done;
};

struct live_run {
    struct play play;
    struct frame_ring *ring;
    struct emit_clock clock;
    struct emitter emitter;
    struct emit_counts counts;
    struct responder responder;
    bool responding;
    struct worker render;
    struct worker emit;
};

/* Room for the next frame; NULL when the run was stopped before there was any. */
static uint8_t *wait_for_room(struct live_run *run)
{
    const struct timespec nap = { .tv_nsec = RENDER_NAP_NS };
    uint8_t *room;

    while ((room = frame_ring_reserve(run->ring)) == NULL && !atomic_load(&run->play.stop))
        nanosleep(&nap, NULL);
    return room;
}

static void *render_thread(void *argument)
{
    struct worker *worker = argument;
    struct live_run *run = worker->run;
    struct frame_source frames = scenario_frames(run->play.scenario);
    struct frame next;
    uint8_t *room;

    while (!atomic_load(&run->play.stop)) {
        worker->status = frames.peek(frames.self, &next, &worker->err);
        if (worker->status <= 0 || (room = wait_for_room(run)) == NULL)
            break;
        frame_ring_commit(run->ring, next.due, frames.take(frames.self, room));
    }
    if (worker->status < 0)
        atomic_store(&run->play.stop, true);
    frame_ring_finish(run->ring);
    atomic_store(&worker->done, true);
    return NULL;
}

static void *emit_thread(void *argument)
{
    struct worker *worker = argument;
    struct live_run *run = worker->run;

    worker->status = emitter_run_ring(&run->emitter, run->ring, &worker->err);
    if (worker->status < 0)
        atomic_store(&run->play.stop, true);
    atomic_store(&worker->done, true);
    return NULL;
}

static int start_worker(struct worker *worker, struct live_run *run, void *(*function)(void *),
                        struct error *err)
{
    int status;

    worker->run = run;
    status = pthread_create(&worker->thread, NULL, function, worker);
    if (status != 0)
        return error_set(err, "cannot start a thread: %s", strerror(status));
    worker->started = true;
    return 0;
}

/* Waits for the thread and passes on its error. */
static int join_worker(struct worker *worker, struct error *err)
{
    if (!worker->started)
        return 0;
    pthread_join(worker->thread, NULL);
    if (worker->status < 0)
        *err = worker->err;
    return worker->status < 0 ? -1 : 0;
}

/* Waits for a signal for at most `ns`; on one that ends the run, sets the stop flag. */
static void watch_signals(struct live_run *run, int64_t ns)
{
    if (stop_signals_wait(ns) != NULL)
        atomic_store(&run->play.stop, true);
}

/*
 * To plan the first minutes of a large population takes seconds, in which its frames would become
 * late. Until then the run does not begin; the bound is for one that has nothing to say for ever.
 */
static void wait_for_first_frame(struct live_run *run)
{
    while (frame_ring_is_empty(run->ring) && !frame_ring_is_done(run->ring) &&
           !atomic_load(&run->play.stop) && mono_time_seconds_since(run->play.started) < LONGEST_START_S)
        watch_signals(run, FIRST_FRAME_NAP_NS);
}

static int start_live(struct live_run *run, const struct link *link, struct error *err)
{
    run->ring = frame_ring_new(RING_BYTES);
    if (run->ring == NULL)
        return error_set(err, "not enough memory for a ring of %zu bytes", RING_BYTES);
    run->play.gate.max_frame_bytes = (uint32_t)link->mtu + 14;
    run->emitter = (struct emitter){ .clock = &run->clock, .gate = &run->play.gate,
                                     .sink = sink_open(SINK_PACKET, link, run->ring, NULL, err), .stop = &run->play.stop, .counts = &run->counts };
    run->responder.link = link;
    run->responder.lookup = scenario_lookup;
    run->responder.lookup_self = run->play.scenario;
    if (responder_start(&run->responder, err) < 0)
        return -1;
    run->responding = true;
    if (start_worker(&run->render, run, render_thread, err) < 0)
        return -1;
    wait_for_first_frame(run); /* the ring's other end is this thread's until the emitter's has it */
    run->clock = emit_clock_real();
    run->play.started = mono_time_now();
    return start_worker(&run->emit, run, emit_thread, err);
}

/* All is sent and the time is up: until then the hosts may have nothing to say, but they answer. */
static bool is_over(const struct live_run *run, int64_t duration_ns)
{
    double elapsed_ns = mono_time_seconds_since(run->play.started) * (double)NS_PER_SECOND;

    return duration_ns > 0 && elapsed_ns >= (double)duration_ns && atomic_load(&run->emit.done);
}

/* With no thread left: what was planned and never came to the emitter is dropped. */
static void count_leftovers(struct live_run *run)
{
    struct frame frame;
    uint64_t left = 0;

    while (run->ring && frame_ring_take(run->ring, &frame, 1) > 0)
        left++;
    run->counts.planned += left;
    run->counts.dropped += left;
    run->counts.unsent += left;
}

static int finish_live(struct live_run *run, int status, struct error *err)
{
    if (status < 0)
        atomic_store(&run->play.stop, true);
    if (join_worker(&run->emit, err) < 0)
        status = -1;
    atomic_store(&run->play.stop, true); /* nobody empties the ring any more */
    if (join_worker(&run->render, err) < 0)
        status = -1;
    count_leftovers(run);
    if (run->responding)
        responder_stop(&run->responder);
    return status;
}

/* What this engine has done so far, where it outlives it. */
static void publish(const struct live_run *run, const struct link *link, struct board *board)
{
    struct report_counts *counts = &board->present;
    struct error ignored;
    uint64_t counted = 0;
    bool is_known;

    play_count(&run->play, &run->counts, counts);
    counts->arp_answers = run->responder.arp_answers;
    counts->echo_answers = run->responder.echo_answers;
    counts->answers_dropped = run->responder.dropped;
    is_known = link_sent_packets(link, &counted, &ignored) == 0;
    board_count_interface(board, is_known, counted);
}

int live_run_play(const struct configuration *c, const struct play_span *span, struct model_image *images,
                  const struct link *link, const struct play_options *options, struct board *board, struct error *err)
{
    struct live_run *run = memory_alloc(sizeof *run);
    int status;

    if (play_init(&run->play, c, span, images, err) < 0) {
        free(run);
        return -1;
    }
    stop_signals_block(); /* before that there is nothing to end, and they may end it at once */
    status = start_live(run, link, err);
    if (status == 0)
        board_play(board);
    while (status == 0 && !is_over(run, span->duration_ns) && !atomic_load(&run->play.stop)) {
        watch_signals(run, WATCH_NS);
        publish(run, link, board);
        if (!options->quiet)
            play_show_progress(&run->play, &run->counts);
    }
    atomic_store(&board->state, ENGINE_ENDING);
    status = finish_live(run, status, err);
    publish(run, link, board);
    play_clear_progress();
    sink_close(run->emitter.sink);
    frame_ring_free(run->ring);
    play_release(&run->play);
    free(run);
    return status;
}
