#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/live_run_private.h"

/* ---- the board ---- */

static void say_position(struct live_run *run)
{
    struct run_position *position = &run->config->board->position;
    struct run_time now = emit_clock_now(run->clock);

    position->run_ns = run->config->span->before_ns + now.ns;
    position->day_ns = steering_day_time(&run->steering, now).ns;
    position->said_ns = mono_time_now().ns;
}

void live_status_publish_orders(const struct live_run *run)
{
    struct run_position *position = &run->config->board->position;

    position->speed = run->speed;
    position->activity = run->activity;
    position->is_paused = run->is_paused;
}

/* What has arrived comes first: what is sent meanwhile is on its way, and not more than was sent. */
static void count_crossings(const struct live_run *run, size_t i, struct report_counts *counts)
{
    struct live_link *link = &run->config->links[i];

    if (link->crossing.fd < 0)
        return;
    counts->crossing_links = 1;
    counts->arrived = crossing_count(&link->crossing);
    for (size_t from = 0; from < live_run_configuration(run)->link_count; from++)
        counts->crossed += run->counts[from].crossed[i];
}

/* What became of the frames of a link. */
static void count_link(const struct live_run *run, size_t i, struct report_counts *counts)
{
    const struct live_link *link = &run->config->links[i];

    memset(counts, 0, sizeof *counts);
    count_crossings(run, i, counts);
    report_counts_add_emitted(counts, &run->counts[i]);
    report_counts_add_answers(counts, &link->answers);
    counts->kernel_lateness = link->stamps.lateness;
}

/* What is not of a link. */
static void count_run(const struct live_run *run, struct report_counts *counts)
{
    play_count(&run->play, NULL, 0, counts);
    if (run->ledger)
        report_counts_set_logged(counts, flow_ledger_counts(run->ledger));
    counts->clock_steps = run->watch.steps;
    counts->suspensions = run->watch.suspensions;
}

void live_status_publish(struct live_run *run)
{
    const struct live_run_config *config = run->config;
    size_t links = live_run_configuration(run)->link_count;
    struct report_counts counts;
    struct report_counts link;
    uint64_t counted;
    bool is_known;

    say_position(run);
    count_run(run, &counts);
    for (size_t i = 0; i < links; i++) {
        count_link(run, i, &link);
        report_counts_add(&counts, &link);
    }
    config->board->present = counts; /* now, and not at the end: the engine may be killed. Amid this copy, too: the counts are then of two moments */
    is_known = live_links_count(config->links, links, &counted);
    board_count_interface(config->board, is_known, live_links_identity(config->links, links), counted);
}

/* ---- rates ---- */

static void measure(struct live_rate *rate, const struct emit_counts *counts)
{
    double seconds = mono_time_seconds_since(rate->since);
    uint64_t sent = counts->sent;
    uint64_t bytes = counts->sent_bytes;

    if (seconds < 1)
        return;
    rate->packets_per_second = (double)(sent - rate->sent) / seconds;
    rate->bits_per_second = (double)(bytes - rate->bytes) * 8 / seconds;
    rate->since = mono_time_now();
    rate->sent = sent;
    rate->bytes = bytes;
}

void live_status_measure(struct live_run *run)
{
    for (size_t i = 0; i < live_run_configuration(run)->link_count; i++)
        measure(&run->rates[i], &run->counts[i]);
}

/* ---- for who asks ---- */

static enum status_state state_of(const struct live_run *run)
{
    if (run->finish_ns > 0 || atomic_load(&run->is_stopped))
        return STATUS_ENDING;
    if (!run->is_playing)
        return STATUS_STARTING;
    return emit_clock_is_paused(run->clock) ? STATUS_PAUSED : STATUS_PLAYING;
}

static void fill_link(const struct live_run *run, size_t i, struct status_link *to)
{
    const struct live_link *link = &run->config->links[i];
    const struct live_rate *rate = &run->rates[i];

    snprintf(to->name, sizeof to->name, "%s", link->config->name);
    snprintf(to->interface, sizeof to->interface, "%s", link->link.name);
    snprintf(to->sink, sizeof to->sink, "%s", sink_kind_name(link->config->sink));
    to->is_up = link->state.is_up && link->state.has_carrier;
    to->mtu = link->state.mtu;
    count_link(run, i, &to->counts);
    to->packets_per_second = rate->packets_per_second;
    to->bits_per_second = rate->bits_per_second;
}

void live_status_fill(const void *self, struct status *status)
{
    struct live_run *run = (struct live_run *)(uintptr_t)self; /* to ask for the day takes a lock */
    const struct board *board = run->config->board;

    *status = (struct status){
        .state = state_of(run),
        .engine = (int)getpid(),
        .seconds = board_seconds_played(board),
        .restarts = board->restarts,
        .day = steering_day_time(&run->steering, emit_clock_now(run->clock)),
        .speed = run->speed,
        .activity = run->activity,
        .live = scenario_counts(run->play.scenario)->live,
        .skipped_ns = run->skipped_ns,
        .link_count = live_run_configuration(run)->link_count,
    };
    error_set(&status->crash, "%.*s", (int)strnlen(board->crash.text, sizeof board->crash.text), board->crash.text);
    count_run(run, &status->counts);
    report_counts_add(&status->counts, &board->past);
    for (size_t i = 0; i < status->link_count; i++) {
        fill_link(run, i, &status->links[i]);
        report_counts_add(&status->counts, &status->links[i].counts);
    }
}
