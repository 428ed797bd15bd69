#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "emit/emitter.h"

#include <time.h>

#include "base/counter.h"

/* An empty ring is looked at this often: late by this at most, and little of a processor. */
#define RING_NAP_NS (50 * NS_PER_US)

static bool is_stopped(const struct emitter *emitter)
{
    return atomic_load_explicit(emitter->stop, memory_order_relaxed);
}

static void count_lost(struct emitter *emitter)
{
    counter_add(&emitter->counts.planned, 1);
    counter_add(&emitter->counts.dropped, 1);
}

/* A frame whose time had not come when the run was stopped. */
static void count_unsent(struct emitter *emitter)
{
    count_lost(emitter);
    counter_add(&emitter->counts.unsent, 1);
}

static void count_refused(struct emitter *emitter)
{
    counter_add(&emitter->counts.planned, 1);
    counter_add(&emitter->counts.refused, 1);
}

static void count_sent(struct emitter *emitter, const struct frame *frame, struct run_time at)
{
    counter_add(&emitter->counts.planned, 1);
    counter_add(&emitter->counts.sent, 1);
    counter_add(&emitter->counts.sent_bytes, frame->length);
    log_histogram_add(&emitter->counts.lateness, at.ns - frame->due.ns);
}

/* Everything behind the late frame is overdue as well, and would leave at the speed of the wire. */
static void postpone_after_stall(struct emitter *emitter, int64_t late_ns)
{
    if (late_ns <= EMIT_MAX_LATE_NS)
        return;
    emitter->clock->operations->postpone(emitter->clock, late_ns);
    counter_add(&emitter->counts.stalls, 1);
    counter_add(&emitter->counts.stalled_ns, (uint64_t)late_ns);
}

/* Waits for a frame's time, sends it and counts what became of it. -1 when the sink failed. */
static int emit_frame(struct emitter *emitter, const struct frame *frame, struct error *err)
{
    struct emit_clock *clock = emitter->clock;
    enum sink_result result;
    struct run_time now;

    /* The gate looks before the wait, so that its time is not lateness. The bytes cannot change. */
    if (!gate_passes(emitter->gate, frame)) {
        count_refused(emitter);
        return 0;
    }
    now = clock->operations->wait_until(clock, frame->due, emitter->stop);
    if (is_stopped(emitter)) {
        count_unsent(emitter);
        return 0;
    }
    postpone_after_stall(emitter, now.ns - frame->due.ns);
    result = sink_send(emitter->sink, frame, err);
    if (result == SINK_SENT)
        count_sent(emitter, frame, now);
    else
        count_lost(emitter);
    return result == SINK_FAILED ? -1 : 0;
}

int emitter_run_source(struct emitter *emitter, const struct frame_source *source,
                       struct error *err)
{
    struct frame frame;

    emitter->clock->operations->enter_thread(emitter->clock);
    while (!is_stopped(emitter)) {
        int got = source->next(source->self, &frame, err);

        if (got <= 0)
            return got;
        if (emit_frame(emitter, &frame, err) < 0)
            return -1;
    }
    return 0;
}

int emitter_run_file(struct emitter *emitter, const struct frame_source *source, struct output_file *file,
                     struct day_time begin, struct error *err)
{
    struct emit_clock clock = emit_clock_simulated();
    int status;

    emitter->sink = sink_pcap_new(file, begin, err);
    if (emitter->sink == NULL)
        return -1;
    emitter->clock = &clock;
    status = emitter_run_source(emitter, source, err);
    emitter->clock = NULL;
    sink_close(emitter->sink);
    emitter->sink = NULL;
    return status;
}

static void nap(void)
{
    struct timespec t = { .tv_nsec = RING_NAP_NS };

    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

/* The producer has seen the stop too, or will when the ring is full: this comes to an end. */
static void drop_all(struct emitter *emitter, struct frame_ring *ring)
{
    struct frame frame;

    while (frame_ring_peek(ring, &frame)) {
        count_unsent(emitter);
        frame_ring_drop(ring);
    }
}

int emitter_run_ring(struct emitter *emitter, struct frame_ring *ring, struct error *err)
{
    struct frame frame;

    emitter->clock->operations->enter_thread(emitter->clock);
    while (!is_stopped(emitter)) {
        if (frame_ring_peek(ring, &frame)) {
            int status = emit_frame(emitter, &frame, err);

            frame_ring_drop(ring);
            if (status < 0)
                return -1;
        } else if (frame_ring_is_done(ring)) {
            return 0;
        } else {
            nap();
        }
    }
    drop_all(emitter, ring);
    return 0;
}
