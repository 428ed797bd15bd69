#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "daemon/live_neighbours.h"
#include "daemon/live_run_private.h"
#include "daemon/say.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

enum {
    TICK_MS = 200,
    START_TICK_MS = 1,
    LEAD_TICK_MS = 20,
    LONGEST_START_S = 300,
    FRAMES_TO_MISS = 100,
    SECONDS_TO_MISS = 10
};

/* ---- signals ---- */

/* Of the thread and of all that it starts. */
static int open_signals(struct live_run *run, struct error *err)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    run->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return run->signal_fd < 0 ? error_set(err, "cannot wait for signals: %s", strerror(errno)) : 0;
}

static void stop(struct live_run *run)
{
    atomic_store(&run->play.stop, true);
    atomic_store(&run->is_stopped, true);
}

/* Once: a signal to the group of processes comes twice, and what goes further is SIGINT. */
static void finish(struct live_run *run)
{
    if (run->finish_ns > 0)
        return;
    if (live_run_configuration(run)->stop_ns == 0 || !run->is_playing) {
        stop(run);
        return;
    }
    /* Sessions end from where the renderer is on. */
    run->finish_ns = mono_time_now().ns + live_run_configuration(run)->stop_ns + RENDER_AHEAD_NS;
    atomic_store(&run->play.stop, true); /* also amid a slice that takes long to plan */
    emit_clock_resume(run->clock); /* sessions cannot end while time stands still */
    steering_finish(&run->steering, live_run_configuration(run)->stop_ns);
}

/* SIGHUP is the supervisor's: a terminal that is gone sends it to both. */
static void take_signals(struct live_run *run)
{
    struct signalfd_siginfo caught;

    while (read(run->signal_fd, &caught, sizeof caught) == (ssize_t)sizeof caught) {
        if (caught.ssi_signo == SIGTERM)
            finish(run);
        else if (caught.ssi_signo == SIGINT)
            stop(run);
    }
}

/* ---- the clocks of the machine ---- */

/* A day that began with the wall clock goes on with it: what was slept through is not made up for. */
static void watch_wall_clock(struct live_run *run)
{
    const struct configuration *c = live_run_configuration(run);
    struct clock_reading now = clock_reading_now();
    struct wall_change change = wall_watch_look(&run->watch, &now);
    int64_t skip_ns = change.step_ns + change.suspended_ns;
    char text[TEXT_NUMBER];

    if (change.step_ns != 0)
        say("the wall clock was set %s by %s", change.step_ns > 0 ? "forward" : "back",
            text_from_ns(change.step_ns < 0 ? -change.step_ns : change.step_ns, text));
    if (change.suspended_ns != 0)
        say("the machine was suspended for %s", text_from_ns(change.suspended_ns, text));
    if (skip_ns != 0 && !c->has_date && !c->has_start && run->speed == 1) {
        steering_skip(&run->steering, skip_ns);
        run->skipped_ns += skip_ns;
    }
}

/* ---- several times a second ---- */

static void watch_link(struct live_link *link)
{
    struct link_state state;

    transmit_stamps_read(&link->stamps);
    live_link_say_claims(link);
    if (link_read_state(&link->link, &state) < 0)
        return; /* it is gone: the emitter will say so */
    if (state.is_up != link->state.is_up || state.has_carrier != link->state.has_carrier)
        say("%s: %s", link->link.name,
            !state.is_up ? "the interface is down, frames are lost" :
            !state.has_carrier ? "the interface has no carrier" : "the interface is up");
    if (state.mtu != link->state.mtu)
        say("%s: the MTU is %d now, and was %d; longer frames are lost", link->link.name, state.mtu, link->state.mtu);
    link->state = state;
}

/* At most every ten seconds: what a ceiling holds back stalls again and again. */
static void watch_stalls(struct live_run *run)
{
    uint64_t stalled_ns = 0;
    uint64_t held_back = 0;
    char text[TEXT_NUMBER];

    for (size_t i = 0; i < live_run_configuration(run)->link_count; i++) {
        stalled_ns += run->counts[i].stalled_ns;
        held_back += run->counts[i].held_back;
    }
    if (stalled_ns == run->said_stalled_ns || (run->said_stalled_ns > 0 && mono_time_seconds_since(run->said_stall) < 10))
        return;
    say("%s: the run was put off by %s", held_back > run->said_held_back ? "held back by a ceiling" : "a stall",
        text_from_ns((int64_t)(stalled_ns - run->said_stalled_ns), text));
    run->said_stall = mono_time_now();
    run->said_stalled_ns = stalled_ns;
    run->said_held_back = held_back;
}

/* Once for each link: there may be no way to it. What arrives in part is in the table. */
static void watch_crossing(struct live_run *run, size_t i)
{
    struct live_link *link = &run->config->links[i];
    uint64_t sent = 0;
    char text[TEXT_NUMBER];

    for (size_t from = 0; from < live_run_configuration(run)->link_count; from++)
        sent += run->counts[from].crossed[i];
    if (link->crossing.fd < 0 || link->said_none_arrives || sent < FRAMES_TO_MISS ||
        mono_time_seconds_since(run->play.started) < SECONDS_TO_MISS || crossing_count(&link->crossing) > 0)
        return;
    link->said_none_arrives = true;
    say("%s: none of %s frames that other links have sent to hosts on it has arrived", link->link.name,
        text_from_count(sent, text));
}

static void tick(struct live_run *run)
{
    for (size_t i = 0; i < live_run_configuration(run)->link_count; i++) {
        watch_link(&run->config->links[i]);
        watch_crossing(run, i);
    }
    play_say_failures(&run->play);
    flow_logger_watch(run->config->logger);
    live_emitter_watch(run->config->emitter);
    watch_stalls(run);
    watch_wall_clock(run);
    live_status_measure(run);
    live_status_publish(run);
    if (!run->config->options->quiet)
        play_show_progress(&run->play, &run->config->board->present);
}

/* ---- the run ---- */

static void wait_for_events(struct live_run *run, int timeout_ms)
{
    struct pollfd fds[1 + CONTROL_POLLFDS + 1] = { { .fd = run->signal_fd, .events = POLLIN } };
    size_t count = 1 + live_control_fill_pollfds(run, fds + 1);

    (void)poll(fds, count, timeout_ms);
    take_signals(run);
    live_control_serve(run);
}

/*
 * To plan the first minutes of a large population takes seconds, in which its frames would become late, and what is before
 * the run can take minutes. Until then run time stands still; the bound is for one that has nothing to say for ever.
 */
static void wait_for_first_frames(struct live_run *run)
{
    struct mono_time began;

    while (!atomic_load(&run->render.has_begun) && !atomic_load(&run->is_stopped))
        wait_for_events(run, live_run_configuration(run)->lead_ns > 0 ? LEAD_TICK_MS : START_TICK_MS);
    began = mono_time_now();
    while (!atomic_load(&run->render.is_ahead) && !atomic_load(&run->is_stopped) &&
           mono_time_seconds_since(began) < LONGEST_START_S)
        wait_for_events(run, START_TICK_MS);
}

/* Of its links: sessions fit them. */
static void read_mtus(const struct live_run_config *config, uint16_t mtus[CONFIGURATION_MAX_LINKS])
{
    for (size_t i = 0; i < config->configuration->link_count; i++)
        mtus[i] = (uint16_t)(config->links[i].link.mtu < FLOW_MOST_MTU ? config->links[i].link.mtu : FLOW_MOST_MTU);
}

/* ---- in the name of the hosts, before the first frame ---- */

/* Also serves who asks meanwhile. */
static bool is_stopped(void *self)
{
    struct live_run *run = self;

    wait_for_events(run, 0);
    return atomic_load(&run->is_stopped);
}

/* What takes time is done meanwhile: the first minutes are planned, when it is known to whom their frames go. */
static int meet_neighbours(struct live_run *run, struct error *err)
{
    const struct live_neighbours neighbours = { live_run_configuration(run), run->config->links, run->play.scenario,
                                                is_stopped, run, atomic_load(&run->config->board->began_ns) > 0 };
    bool must_wait = live_neighbours_has_questions(neighbours.configuration);

    for (size_t i = 0; i < neighbours.configuration->link_count; i++)
        live_link_populate(&neighbours.links[i], neighbours.configuration, run->play.scenario, (uint16_t)i);
    if (!must_wait && render_ahead_start(&run->render, err) < 0)
        return -1;
    if (live_neighbours_meet(&neighbours, err) < 0)
        return -1;
    if (must_wait && render_ahead_start(&run->render, err) < 0)
        return -1;
    live_neighbours_announce(&neighbours);
    return 0;
}

static int start_links(struct live_run *run, struct error *err)
{
    for (size_t i = 0; i < live_run_configuration(run)->link_count; i++) {
        struct live_link *link = &run->config->links[i];
        const struct gate gate = link_gates_of(&run->play.gates, i);
        const struct emit_link emitted = live_link_for_emitter(link, &gate, &run->counts[i]);

        live_emitter_set_link(run->config->emitter, i, &emitted);
        if (live_link_answer(link, err) < 0)
            return -1;
    }
    return 0;
}

static int start(struct live_run *run, struct error *err)
{
    *run->clock = emit_clock_real();
    emit_clock_pause(run->clock);
    run->render.scenario = run->play.scenario;
    run->render.ring = run->config->emitter->ring;
    run->render.clock = run->clock;
    run->render.steering = &run->steering;
    run->render.stop = &run->is_stopped;
    if (run->ledger)
        run->config->emitter->emitter.tallies = flow_ledger_tallies(run->ledger);
    if (!run->config->options->quiet)
        play_say_lead_in(&run->play, live_run_configuration(run));
    if (meet_neighbours(run, err) < 0 || start_links(run, err) < 0 ||
        live_emitter_start(run->config->emitter, &run->is_stopped, err) < 0 ||
        flow_logger_start(run->config->logger, err) < 0)
        return -1;
    wait_for_first_frames(run);
    wall_watch_init(&run->watch);
    run->play.started = mono_time_now();
    run->is_playing = true;
    if (!run->is_paused)
        emit_clock_resume(run->clock);
    return 0;
}

/* All is sent and the time is up: until then the hosts may have nothing to say, but they answer. */
static bool is_over(const struct live_run *run)
{
    int64_t duration_ns = run->config->span->duration_ns;

    if (atomic_load(&run->is_stopped) || (run->finish_ns > 0 && mono_time_now().ns > run->finish_ns))
        return true;
    return live_emitter_is_done(run->config->emitter) &&
           (run->finish_ns > 0 || (duration_ns > 0 && emit_clock_now(run->clock).ns >= duration_ns));
}

/* Its error is that of the first thread that had one. */
static int end(struct live_run *run, int status, struct error *err)
{
    struct error other;

    if (status < 0 || !live_emitter_is_done(run->config->emitter))
        stop(run);
    if (live_emitter_end(run->config->emitter, status < 0 ? &other : err) < 0)
        status = -1;
    stop(run); /* nobody empties the ring any more */
    for (size_t i = 0; i < live_run_configuration(run)->link_count; i++)
        live_link_end(&run->config->links[i]);
    if (render_ahead_end(&run->render, status < 0 ? &other : err) < 0)
        status = -1;
    live_emitter_drop_rest(run->config->emitter);
    flow_logger_end(run->config->logger);
    return status;
}

static int play(struct live_run *run, struct error *err)
{
    struct mono_time ticked = mono_time_now();
    int status = start(run, err);

    if (status == 0 && !atomic_load(&run->is_stopped))
        board_play(run->config->board);
    while (status == 0 && !is_over(run)) {
        wait_for_events(run, TICK_MS);
        if (mono_time_now().ns - ticked.ns < TICK_MS * NS_PER_MS / 2)
            continue; /* somebody asks and asks */
        ticked = mono_time_now();
        tick(run);
    }
    status = end(run, status, err);
    play_say_failures(&run->play);
    live_status_publish(run);
    play_clear_progress();
    return status;
}

int live_run_play(const struct live_run_config *config, struct model_image *images, struct error *err)
{
    struct live_run *run = memory_alloc(sizeof *run);
    uint16_t mtus[CONFIGURATION_MAX_LINKS] = { 0 };
    int status;

    read_mtus(config, mtus);
    run->config = config;
    run->counts = config->board->emitted;
    run->clock = &config->emitter->clock;
    run->ledger = flow_logger_ledger(config->logger);
    if (run->ledger)
        run->keeper = flow_ledger_keeper(run->ledger);
    status = play_init(&run->play, config->configuration, config->files, config->span, mtus, images,
                       run->ledger ? &run->keeper : NULL, err);
    if (status == 0) {
        play_say_overlays(&run->play);
        if (run->ledger)
            play_name_populations(&run->play, run->ledger);
        run->speed = config->span->speed;
        run->activity = config->span->activity;
        run->is_paused = config->span->is_paused;
        live_status_publish_orders(run);
        steering_init(&run->steering, scenario_schedule(run->play.scenario));
        if (run->activity != 1)
            steering_set_activity(&run->steering, run->activity);
        status = open_signals(run, err); /* before that there is nothing to end, and they may end it at once */
        live_control_begin(run);
        if (status == 0)
            status = play(run, err);
        live_control_end(run);
        if (run->signal_fd >= 0)
            close(run->signal_fd);
        steering_release(&run->steering);
        play_release(&run->play);
    }
    free(run);
    return status;
}
