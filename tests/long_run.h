/*
 * long_run.h - days of a run in seconds: scenario and emitter as in a live run, with a clock that jumps from frame to
 * frame, and a sink that watches.
 *
 * The sink takes most of what it is given; now and then it has no room, or loses a frame. It watches at every call that
 *     planned = sent + dropped + refused
 * that frames come in order and never before their time, and that none comes closer behind another one than planned,
 * but for the lateness that is allowed.
 */
#ifndef TESTS_LONG_RUN_H
#define TESTS_LONG_RUN_H

#include <stddef.h>
#include <stdint.h>

#include "emit/emitter.h"
#include "model/model.h"

enum long_run_kind {
    LONG_RUN_SPEED,
    LONG_RUN_ACTIVITY,
    LONG_RUN_STEP,  /* the wall clock is set: the day jumps by so many seconds */
    LONG_RUN_SLEEP, /* the same, and the machine's clock stood still meanwhile: nobody notices anything else */
    LONG_RUN_PAUSE, /* for so many seconds */
    LONG_RUN_STALL  /* nothing happens for so many seconds, then all is late */
};

struct long_run_event {
    double at_s;     /* on the clock of the run, ... */
    double repeat_s; /* ... and again and again; 0: once */
    enum long_run_kind kind;
    double value;
};

enum { LONG_RUN_MOST_EVENTS = 32, LONG_RUN_MOST_HOURS = 24 * 40 };

struct long_run_config {
    struct model *model; /* borrowed */
    uint32_t hosts;
    struct day_time begin;
    double days; /* on the clock of the run */
    const struct long_run_event *events; /* by at_s */
    size_t event_count;
    enum late_policy late;
    uint64_t counted_before; /* frames that the emitter counted as planned and sent before */
    bool is_rough;           /* the sink has no room or loses a frame now and then, and long frames are refused */
    void (*each_day)(void *self, int64_t day); /* of the run; NULL: nobody */
    void *each_day_self;
};

struct long_run_result {
    uint64_t flows, frames; /* of the scenario */
    uint64_t planned, sent, dropped, refused, late, lost, stalls; /* of the emitter */
    uint64_t given;         /* to the sink, and taken */
    uint64_t unbalanced, disordered, early, crowded; /* what must not be */
    uint64_t events;
    double most_late_s;
    double paused_s, stalled_s; /* by events; */
    double put_off_s;           /* by stalls, as the emitter counted */
    double run_s, machine_s; /* clocks at the end */
    uint32_t flows_of_hour[LONG_RUN_MOST_HOURS]; /* by their hour of the day, from the first on; steps included */
};

/* 0, or -1 with *err. */
int long_run_play(const struct long_run_config *config, struct long_run_result *result, struct error *err);

#endif
