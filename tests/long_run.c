#include "long_run.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "scenario/scenario.h"

enum {
    ROUGH_EVERY = 1000,  /* calls of the sink */
    ROUGH_FRAME_BYTES = 1400 /* longer ones are refused */
};

struct long_run {
    struct sink sink; /* first: the sink is the run */
    const struct long_run_config *config;
    struct long_run_result *result;
    struct long_run_event events[LONG_RUN_MOST_EVENTS]; /* at_s: when next */
    struct scenario *scenario;
    struct frame_source frames;
    struct emit_clock clock;
    struct emit_counts counts;
    struct emit_link link;
    struct emitter emitter;
    uint64_t calls;
    int64_t last_due_ns;
    int64_t most_behind_ns; /* of all frames: by how much the machine's clock was ahead of the frame's due time */
    int64_t next_day;
};

/* ---- the sink ---- */

static void watch_frame(struct long_run *run, const struct frame *frame)
{
    struct long_run_result *result = run->result;
    int64_t behind_ns = emit_clock_machine_ns(&run->clock) - frame->due.ns;
    int64_t late_ns = emit_clock_now(&run->clock).ns - frame->due.ns;

    result->early += late_ns < 0;
    result->disordered += frame->due.ns < run->last_due_ns;
    result->crowded += behind_ns < run->most_behind_ns - EMIT_MAX_LATE_NS - EMIT_BUSY_NS;
    if ((double)late_ns > result->most_late_s * 1e9)
        result->most_late_s = (double)late_ns / 1e9;
    run->last_due_ns = frame->due.ns;
    if (behind_ns > run->most_behind_ns)
        run->most_behind_ns = behind_ns;
}

static enum sink_result watch(struct sink *sink, const struct frame *frames, size_t count, size_t *sent,
                              struct error *err)
{
    struct long_run *run = (struct long_run *)sink;
    const struct emit_counts *c = &run->counts;
    enum sink_result result = SINK_OK;

    (void)err;
    run->result->unbalanced += c->planned != c->sent + c->dropped + c->refused;
    *sent = count;
    if (run->config->is_rough && ++run->calls % ROUGH_EVERY < 3) {
        *sent = count / 2;
        result = run->calls % ROUGH_EVERY == 0 ? SINK_LOST : SINK_BUSY;
    }
    for (size_t i = 0; i < *sent; i++)
        watch_frame(run, &frames[i]);
    run->result->given += *sent;
    return result;
}

static void close_nothing(struct sink *sink)
{
    (void)sink;
}

/* ---- events, between two frames ---- */

static void happen(struct long_run *run, const struct long_run_event *event)
{
    struct run_time now = emit_clock_now(&run->clock);
    int64_t ns = (int64_t)(event->value * 1e9);

    run->result->events++;
    switch (event->kind) {
    case LONG_RUN_SPEED: scenario_set_speed(run->scenario, event->value, now); break;
    case LONG_RUN_ACTIVITY: scenario_set_activity(run->scenario, event->value, now); break;
    case LONG_RUN_STEP:
    case LONG_RUN_SLEEP: scenario_skip(run->scenario, ns, now); break;
    case LONG_RUN_PAUSE:
        emit_clock_pause(&run->clock);
        run->clock.simulated_ns += ns;
        emit_clock_resume(&run->clock);
        run->result->paused_s += event->value;
        break;
    case LONG_RUN_STALL:
        run->clock.simulated_ns += ns;
        run->result->stalled_s += event->value;
    }
}

/* The first event that is due before `due`; NULL: none is. */
static struct long_run_event *next_event(struct long_run *run, double due_s)
{
    struct long_run_event *first = NULL;

    for (size_t i = 0; i < run->config->event_count; i++) {
        struct long_run_event *event = &run->events[i];

        if (event->at_s <= due_s && (first == NULL || event->at_s < first->at_s))
            first = event;
    }
    return first;
}

static void tell_day(struct long_run *run, int64_t due_ns)
{
    for (; run->next_day * NS_PER_DAY <= due_ns; run->next_day++) {
        if (run->config->each_day)
            run->config->each_day(run->config->each_day_self, run->next_day);
    }
}

static int peek_steered(void *self, struct frame *next, struct error *err)
{
    struct long_run *run = self;
    int got;

    for (;;) {
        struct long_run_event *event;

        got = run->frames.peek(run->frames.self, next, err);
        event = next_event(run, got > 0 ? (double)next->due.ns / 1e9 : run->config->days * 86400);
        if (got < 0 || event == NULL)
            break;
        happen(run, event);
        event->at_s = event->repeat_s > 0 ? event->at_s + event->repeat_s : 1e300;
    }
    if (got > 0)
        tell_day(run, next->due.ns);
    return got;
}

static uint32_t take_counted(void *self, uint8_t *room)
{
    struct long_run *run = self;
    uint64_t flows = scenario_counts(run->scenario)->flows;
    uint32_t length = run->frames.take(run->frames.self, room);
    int64_t hour;

    if (scenario_counts(run->scenario)->flows > flows) {
        hour = (scenario_begun(run->scenario)->start.ns - run->config->begin.ns) / (3600 * NS_PER_SECOND);
        if (hour >= 0 && hour < LONG_RUN_MOST_HOURS)
            run->result->flows_of_hour[hour]++;
    }
    return length;
}

/* ---- the run ---- */

static struct scenario *new_scenario(const struct long_run_config *config, struct error *err)
{
    struct scenario_group group = { .model = config->model, .hosts = config->hosts };
    struct scenario_config c = {
        .groups = &group,
        .group_count = 1,
        .seed = 1,
        .begin = config->begin,
        .day_ns = (int64_t)(config->days * (double)NS_PER_DAY),
        .speed = 1,
        .how = { .impairments = { .learned = true } },
    };

    ip_network_parse(&group.addresses.networks[IP_FAMILY_4], SCENARIO_DEFAULT_NETWORK);
    ip_network_parse(&c.outside.networks[IP_FAMILY_4], SCENARIO_DEFAULT_OUTSIDE);
    return scenario_new(&c, err);
}

static void set_result(struct long_run *run)
{
    const struct emit_counts *c = &run->counts;
    struct long_run_result *result = run->result;

    result->flows = scenario_counts(run->scenario)->flows;
    result->frames = scenario_counts(run->scenario)->frames;
    result->planned = c->planned;
    result->sent = c->sent;
    result->dropped = c->dropped;
    result->refused = c->refused;
    result->late = c->late;
    result->lost = c->lost;
    result->stalls = c->stalls;
    result->put_off_s = (double)c->stalled_ns / 1e9;
    result->run_s = (double)emit_clock_now(&run->clock).ns / 1e9;
    result->machine_s = (double)emit_clock_machine_ns(&run->clock) / 1e9;
    result->unbalanced += c->planned != c->sent + c->dropped + c->refused;
}

int long_run_play(const struct long_run_config *config, struct long_run_result *result, struct error *err)
{
    static const struct sink_operations operations = { watch, NULL, close_nothing };
    struct long_run *run = memory_alloc(sizeof *run);
    const struct frame_source steered = { peek_steered, take_counted, run };
    const struct ip_network *networks;
    atomic_bool stop = false;
    struct gate_network *allowed = NULL;
    struct gate gate = { .max_frame_bytes = config->is_rough ? ROUGH_FRAME_BYTES : 0 };
    int status = -1;

    memset(result, 0, sizeof *result);
    run->sink.operations = &operations;
    run->config = config;
    run->result = result;
    run->clock = emit_clock_simulated();
    run->counts.planned = run->counts.sent = config->counted_before;
    run->next_day = 1;
    if (config->event_count > 0)
        memcpy(run->events, config->events, config->event_count * sizeof *config->events);
    run->scenario = new_scenario(config, err);
    if (run->scenario) {
        run->frames = scenario_frames(run->scenario);
        networks = scenario_networks(run->scenario, &gate.network_count);
        gate.networks = allowed = gate_networks_new(networks, gate.network_count);
        run->link = (struct emit_link){ .gate = &gate, .sink = &run->sink, .counts = &run->counts };
        run->emitter = (struct emitter){ .links = { &run->link }, .clock = &run->clock, .stop = &stop,
                                         .late = config->late };
        status = emitter_run_source(&run->emitter, &steered, err);
        set_result(run);
    }
    free(allowed);
    scenario_free(run->scenario);
    free(run);
    return status;
}
