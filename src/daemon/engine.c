#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "daemon/engine.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/frame_ring.h"
#include "base/memory.h"
#include "base/output_file.h"
#include "base/text.h"
#include "base/time_zone.h"
#include "daemon/report.h"
#include "emit/emitter.h"
#include "emit/responder.h"

#define RING_BYTES ((size_t)16 << 20) /* frames rendered ahead: 10,000 full ones or more */
#define RENDER_NAP_NS (200 * NS_PER_US)
#define FOREVER_NS (INT64_C(100) * 365 * NS_PER_DAY)
#define WATCH_NS (200 * NS_PER_MS)
#define FIRST_FRAME_NAP_NS NS_PER_MS
#define LONGEST_START_S 300

/* What both kinds of run are made of. */
struct play {
    struct model **models;
    size_t model_count;
    struct scenario *scenario;
    struct day_time begin;
    struct gate gate;
    atomic_bool stop;
    const char *ended;
    struct timespec started;
};

/* ---- from configuration to scenario ---- */

int engine_read_models(const struct configuration *c, struct model_image *images, struct error *err)
{
    for (size_t i = 0; i < c->population_count; i++) {
        if (model_image_read(&images[i], c->populations[i].model, err) == 0)
            continue;
        while (i-- > 0)
            model_image_release(&images[i]);
        return -1;
    }
    return 0;
}

/* By the wall clock of the zone that is set. */
static struct day_time begin_time(const struct configuration *c)
{
    struct day_time now = time_zone_wall((struct day_time){ (int64_t)time(NULL) * NS_PER_SECOND });
    int64_t midnight_ns = (int64_t)(c->has_date ? c->date : day_time_date(now)) * NS_PER_DAY;
    int64_t start_ns = c->has_start ? c->start_ns : now.ns % NS_PER_DAY;

    return time_zone_instant((struct day_time){ midnight_ns + start_ns });
}

static int make_scenario(struct play *play, const struct configuration *c,
                         const struct scenario_group *groups, struct error *err)
{
    struct day_time begin = begin_time(c);
    int64_t run_ns = c->duration_ns > 0 ? c->duration_ns : FOREVER_NS;
    int64_t most_ns = INT64_MAX - begin.ns; /* the calendar ends in 2262 */
    double day_ns = (double)run_ns * c->speed;
    struct scenario_config config = {
        .groups = groups,
        .group_count = c->population_count,
        .outside = c->outside,
        .seed = c->seed,
        .begin = begin,
        .day_ns = day_ns < (double)most_ns ? (int64_t)day_ns : most_ns,
        .speed = c->speed,
        .fallback = c->unobserved,
        .how = c->sessions,
        .threads = c->threads,
        .stop = &play->stop,
    };

    play->begin = begin;
    play->scenario = scenario_new(&config, err);
    return play->scenario ? 0 : error_prefix(err, "%s", c->path);
}

static void release_play(struct play *play)
{
    scenario_free(play->scenario);
    for (size_t i = 0; i < play->model_count; i++)
        model_free(play->models[i]);
    free(play->models);
}

static int prepare(struct play *play, const struct configuration *c, struct model_image *images,
                   struct error *err)
{
    struct scenario_group groups[SCENARIO_MAX_GROUPS];
    int status = 0;

    memset(play, 0, sizeof *play);
    play->ended = "the end of the run";
    play->models = memory_alloc_array(c->population_count, sizeof *play->models);
    play->model_count = c->population_count;
    for (size_t i = 0; i < c->population_count; i++) {
        if (status == 0)
            play->models[i] = model_from_image(&images[i], err);
        if (play->models[i] == NULL)
            status = -1;
        model_image_release(&images[i]);
        groups[i] = (struct scenario_group){ play->models[i], c->populations[i].network, c->populations[i].pick,
                                             c->populations[i].hosts, c->populations[i].activity };
    }
    if (status == 0)
        status = make_scenario(play, c, groups, err);
    if (status < 0) {
        release_play(play);
        return -1;
    }
    play->gate.networks = scenario_networks(play->scenario, &play->gate.network_count);
    clock_gettime(CLOCK_MONOTONIC, &play->started);
    return 0;
}

int engine_check(const struct configuration *c, struct model_image *images, struct error *err)
{
    struct play play;

    if (prepare(&play, c, images, err) < 0)
        return -1;
    release_play(&play);
    return 0;
}

static double seconds_since(const struct timespec *from)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - from->tv_sec) + (double)(now.tv_nsec - from->tv_nsec) * 1e-9;
}

static struct report make_report(const struct play *play, const struct emit_counts *counts)
{
    const struct renderer_counts *r = scenario_counts(play->scenario);

    return (struct report){
        .hosts = scenario_host_count(play->scenario),
        .flows = r->flows,
        .complete_tcp = r->complete_tcp,
        .hurried = r->hurried,
        .repeated_syns = r->repeated_syns,
        .most_live = r->most_live,
        .planned = r->frames,
        .sent = counts->sent,
        .sent_bytes = counts->sent_bytes,
        .dropped = counts->dropped,
        .refused = counts->refused,
        .lateness = &counts->lateness,
        .unsent = counts->unsent,
        .stalls = counts->stalls,
        .stalled_ns = counts->stalled_ns,
        .seconds = seconds_since(&play->started),
        .ended = play->ended,
    };
}

/* ---- signals and progress ---- */

/* Those that end a run. */
static void ending_signals(sigset_t *signals)
{
    struct sigaction inherited;

    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    sigaction(SIGHUP, NULL, &inherited);
    if (inherited.sa_handler != SIG_IGN) /* nohup(1) */
        sigaddset(signals, SIGHUP);
}

static const char *signal_name(int number)
{
    return number == SIGINT ? "SIGINT" : number == SIGHUP ? "SIGHUP" : "SIGTERM";
}

/* For a run with threads, which inherit the mask: the caller's alone waits for signals. */
static void block_signals(void)
{
    sigset_t signals;

    ending_signals(&signals);
    sigprocmask(SIG_BLOCK, &signals, NULL);
}

/* Waits for a signal for at most `ns`; on one that ends the run, sets the stop flag. */
static void watch_signals(struct play *play, int64_t ns)
{
    struct timespec timeout = { ns / NS_PER_SECOND, ns % NS_PER_SECOND };
    sigset_t signals;
    int caught;

    ending_signals(&signals);
    caught = sigtimedwait(&signals, NULL, &timeout);
    if (caught < 0)
        return;
    play->ended = signal_name(caught);
    atomic_store(&play->stop, true);
}

static void show_progress(const struct play *play, const struct emit_counts *counts)
{
    char sent[TEXT_NUMBER];
    char flows[TEXT_NUMBER];

    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K%.0f s: %s flows, %s frames sent, %llu dropped",
                seconds_since(&play->started),
                text_from_count(scenario_counts(play->scenario)->flows, flows),
                text_from_count(counts->sent, sent), (unsigned long long)counts->dropped);
}

static void clear_progress(void)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}

/* ---- a live run ---- */

struct worker { /* a thread's function, its result, and whether it has one yet */
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
    struct responder responder;
    bool responding;
    uint64_t given_up; /* by the renderer's thread: frames that found no room before a stop */
    struct worker render;
    struct worker emit;
};

/* False when the run was stopped before there was room. */
static bool push(struct live_run *run, const struct frame *frame)
{
    const struct timespec nap = { .tv_nsec = RENDER_NAP_NS };

    while (!frame_ring_push(run->ring, frame)) {
        if (atomic_load(&run->play.stop)) {
            run->given_up++;
            return false;
        }
        nanosleep(&nap, NULL);
    }
    return true;
}

static void *render_thread(void *argument)
{
    struct worker *worker = argument;
    struct live_run *run = worker->run;
    struct frame_source frames = scenario_frames(run->play.scenario);
    struct frame frame;

    while (!atomic_load(&run->play.stop)) {
        worker->status = frames.next(frames.self, &frame, &worker->err);
        if (worker->status <= 0 || !push(run, &frame))
            break;
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

/*
 * To plan the first minutes of a large population takes seconds, in which its frames would become
 * late. Until then the run does not begin; the bound is for one that has nothing to say for ever.
 */
static void wait_for_first_frame(struct live_run *run)
{
    struct frame first;

    while (!frame_ring_peek(run->ring, &first) && !frame_ring_is_done(run->ring) &&
           !atomic_load(&run->play.stop) && seconds_since(&run->play.started) < LONGEST_START_S)
        watch_signals(&run->play, FIRST_FRAME_NAP_NS);
}

static int start_live(struct live_run *run, const struct link *link, struct error *err)
{
    run->ring = frame_ring_new(RING_BYTES);
    run->play.gate.max_frame_bytes = (uint32_t)link->mtu + 14;
    run->emitter = (struct emitter){ .clock = &run->clock, .gate = &run->play.gate,
                                     .sink = sink_packet_new(link->packet_fd), .stop = &run->play.stop };
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
    clock_gettime(CLOCK_MONOTONIC, &run->play.started);
    return start_worker(&run->emit, run, emit_thread, err);
}

/* All is sent and the time is up: until then the hosts may have nothing to say, but they answer. */
static bool is_over(const struct live_run *run, int64_t duration_ns)
{
    double elapsed_ns = seconds_since(&run->play.started) * (double)NS_PER_SECOND;

    return duration_ns > 0 && elapsed_ns >= (double)duration_ns && atomic_load(&run->emit.done);
}

/* With no thread left: what was planned and never came to the emitter is dropped. */
static void count_leftovers(struct live_run *run)
{
    struct frame frame;
    uint64_t left = run->given_up;

    for (; run->ring && frame_ring_peek(run->ring, &frame); left++)
        frame_ring_drop(run->ring);
    run->emitter.counts.dropped += left;
    run->emitter.counts.unsent += left;
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

static void report_live(const struct live_run *run, const struct link *link, uint64_t counted_before,
                        bool json)
{
    struct report report = make_report(&run->play, &run->emitter.counts);
    uint64_t counted = counted_before;
    struct error ignored;

    report.is_live = true;
    report.arp_answers = run->responder.arp_answers;
    report.echo_answers = run->responder.echo_answers;
    report.answers_dropped = run->responder.dropped;
    report.interface_known = link_sent_packets(link, &counted, &ignored) == 0;
    report.interface_packets = counted - counted_before;
    report_print(&report, stdout, json);
}

int engine_play(const struct configuration *c, struct model_image *images, const struct link *link,
                const struct engine_options *options, struct error *err)
{
    struct live_run *run = memory_alloc(sizeof *run);
    uint64_t counted = 0;
    int status;

    if (prepare(&run->play, c, images, err) < 0) {
        free(run);
        return -1;
    }
    block_signals(); /* before that there is nothing to report, and they may end it at once */
    status = link_sent_packets(link, &counted, err);
    if (status == 0)
        status = start_live(run, link, err);
    while (status == 0 && !is_over(run, c->duration_ns) && !atomic_load(&run->play.stop)) {
        watch_signals(&run->play, WATCH_NS);
        if (!options->quiet)
            show_progress(&run->play, &run->emitter.counts);
    }
    status = finish_live(run, status, err);
    clear_progress();
    if (status < 0)
        run->play.ended = "an error";
    report_live(run, link, counted, options->json);
    sink_close(run->emitter.sink);
    frame_ring_free(run->ring);
    release_play(&run->play);
    free(run);
    return status;
}

/* ---- into a file ---- */

/*
 * One thread does it all, and may be planning for minutes: a handler sets the stop flag, which
 * the planning looks at. It has no argument, hence these.
 */
static atomic_bool *stop_on_signal;
static volatile sig_atomic_t signal_caught;

static void request_stop(int number)
{
    signal_caught = number;
    atomic_store(stop_on_signal, true);
}

/* Without SA_RESTART: a write to a pipe that nobody reads ends too. SIG_DFL undoes it. */
static void handle_signals(void (*handler)(int))
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = handler };
    sigset_t signals;

    ending_signals(&signals);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (sigismember(&signals, numbers[i]))
            sigaction(numbers[i], &action, NULL);
    }
}

/* The frames of the scenario, with a look at the progress now and then. */
struct watched_frames {
    const struct play *play;
    struct frame_source frames;
    const struct emit_counts *counts;
    uint64_t given;
    bool quiet;
};

static int next_watched(void *self, struct frame *frame, struct error *err)
{
    struct watched_frames *w = self;

    if (w->given++ % 65536 == 0 && !w->quiet)
        show_progress(w->play, w->counts);
    return w->frames.next(w->frames.self, frame, err);
}

static int write_frames(struct play *play, struct output_file *file, struct emitter *emitter,
                        const struct engine_options *options, struct error *err)
{
    struct watched_frames watched = { play, scenario_frames(play->scenario), &emitter->counts, 0,
                                      options->quiet };
    struct frame_source frames = { next_watched, &watched };
    int status;

    emitter->sink = sink_pcap_new(file, play->begin, err);
    if (emitter->sink == NULL)
        return -1;
    status = emitter_run_source(emitter, &frames, err);
    sink_close(emitter->sink);
    if (atomic_load(&play->stop)) {
        play->ended = signal_name(signal_caught);
        return file->path == NULL ? error_set(err, "interrupted by %s; standard output ends early",
                                              play->ended)
                                  : error_set(err, "interrupted by %s; %s was not written",
                                              play->ended, file->path);
    }
    if (status < 0)
        play->ended = "an error";
    return status;
}

int engine_write(const struct configuration *c, struct model_image *images, const char *path,
                 const struct engine_options *options, struct error *err)
{
    struct emit_clock clock = emit_clock_simulated();
    struct emitter emitter = { .clock = &clock };
    struct play play;
    struct output_file file;
    struct report report;
    int status;

    if (c->duration_ns == 0)
        return error_set(err, "%s: duration is \"forever\", but %s needs an end", c->path,
                         strcmp(path, "-") == 0 ? "standard output" : path);
    if (prepare(&play, c, images, err) < 0)
        return -1;
    emitter.gate = &play.gate;
    emitter.stop = &play.stop;
    stop_on_signal = &play.stop;
    handle_signals(request_stop); /* before that there is nothing to clean up */
    status = output_file_open(&file, path, err);
    if (status == 0) {
        status = write_frames(&play, &file, &emitter, options, err);
        if (status == 0)
            status = output_file_commit(&file, err);
        output_file_abandon(&file);
        clear_progress();
        report = make_report(&play, &emitter.counts);
        report_print(&report, strcmp(path, "-") == 0 ? stderr : stdout, options->json);
    }
    handle_signals(SIG_DFL); /* what is left to write may block */
    release_play(&play);
    return status;
}
