#include "emit/emitter.h"

#include <time.h>

#include "base/counter.h"
#include "emit/emit_thread.h"
#include "emit/sent_count.h"

#define RING_NAP_NS (50 * NS_PER_US)    /* an empty ring is looked at this often */
#define PATIENT_NAP_NS (2 * NS_PER_MS)
#define BUSY_NAP_NS (20 * NS_PER_US)    /* a full interface as often */
#define SOURCE_RING_BYTES ((size_t)1 << 17) /* stays in the processor's cache */

enum { PATIENT_AFTER = 20 }; /* looks */

/* Where more frames come from when all that were taken are done with. 1: look again; 0: no more; -1: failed. */
struct supply {
    int (*more)(struct emitter *emitter, struct supply *supply, struct error *err);
    const struct frame_source *source; /* NULL: another thread fills the ring */
    int got;                           /* from the source, last */
    uint64_t seen_taken;               /* frames that had come when the ring was empty last ... */
    unsigned looks;                    /* ... and how often it has been since */
};

static bool is_stopped(const struct emitter *emitter)
{
    return atomic_load_explicit(emitter->stop, memory_order_relaxed);
}

/* ---- frames that are done with ---- */

/* Their memory goes back, but for what the sink still reads, and what is behind that. */
static void release(struct emitter *emitter)
{
    emitter->unreleased -=
        frame_ring_release_until(emitter->ring, emitter->unreleased, sink_oldest_held(emitter->sink));
}

/* The `count` first frames are. */
static void pass(struct emitter *emitter, size_t count)
{
    counter_add(&emitter->counts->planned, count);
    if (emitter->tallies)
        sent_count_handled(emitter->tallies, &emitter->frames[emitter->first], count);
    emitter->first += count;
    emitter->unreleased += count;
    release(emitter);
}

static void drop(struct emitter *emitter, size_t count, _Atomic uint64_t *why)
{
    counter_add(&emitter->counts->dropped, count);
    counter_add(why, count);
    pass(emitter, count);
}

static void refuse(struct emitter *emitter)
{
    counter_add(&emitter->counts->refused, 1);
    pass(emitter, 1);
}

/* Given to the sink between `begin` and `end`, one after the other. */
static void count_sent(struct emitter *emitter, size_t count, struct run_time begin, struct run_time end)
{
    const struct frame *frames = &emitter->frames[emitter->first];
    int64_t step_ns = count > 1 ? (end.ns - begin.ns) / (int64_t)count : 0;
    int64_t begin_machine_ns = emit_clock_machine_at(emitter->clock, begin);
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        int64_t late_ns = begin.ns + (int64_t)i * step_ns - frames[i].due.ns;

        if (emitter->tallies)
            sent_count_frame(emitter->tallies, &frames[i], begin_machine_ns + (int64_t)i * step_ns);
        bytes += frames[i].length;
        log_histogram_add(&emitter->counts->lateness, i == 0 ? late_ns + emitter->stalled_ns : late_ns);
    }
    emitter->stalled_ns = 0;
    counter_add(&emitter->counts->sent, count);
    counter_add(&emitter->counts->sent_bytes, bytes);
    emitter->is_blocked = false;
    pass(emitter, count);
}

/* ---- the frames that are due ---- */

static int64_t max_late_ns(const struct emitter *emitter)
{
    return emitter->max_late_ns > 0 ? emitter->max_late_ns : EMIT_MAX_LATE_NS;
}

static bool is_late(const struct emitter *emitter, const struct frame *frame, struct run_time now)
{
    return emitter->late == LATE_DROP && now.ns - frame->due.ns > max_late_ns(emitter);
}

/* Everything behind a frame that is far too late is overdue as well, and would leave at the speed of the wire. */
static struct run_time put_off_after_stall(struct emitter *emitter, struct run_time now)
{
    struct run_time due = emitter->frames[emitter->first].due;
    int64_t stalled_ns;

    if (emitter->late == LATE_DROP || now.ns - due.ns <= max_late_ns(emitter))
        return now;
    stalled_ns = emit_clock_put_off(emitter->clock, due, max_late_ns(emitter));
    if (stalled_ns == 0)
        return emit_clock_now(emitter->clock); /* another link's emitter did */
    counter_add(&emitter->counts->stalls, 1);
    counter_add(&emitter->counts->stalled_ns, (uint64_t)stalled_ns);
    emitter->stalled_ns = stalled_ns;
    return due;
}

/* How many of the first frames may go out now, together. */
static size_t count_ready(const struct emitter *emitter, struct run_time now)
{
    size_t at = emitter->first;

    while (at < emitter->count && emitter->frames[at].due.ns <= now.ns && !is_late(emitter, &emitter->frames[at], now) &&
           gate_passes(emitter->gate, &emitter->frames[at]))
        at++;
    return at - emitter->first;
}

/* Of so many, those that the ceiling has room for. When it has none, waits for it. */
static size_t hold_back(struct emitter *emitter, size_t ready)
{
    for (size_t i = 0; emitter->ceiling && i < ready; i++) {
        int64_t wait_ns = rate_ceiling_take(emitter->ceiling, emit_clock_machine_ns(emitter->clock),
                                            emitter->frames[emitter->first + i].length);

        if (wait_ns == 0)
            continue;
        counter_add(&emitter->counts->held_back, 1);
        if (i == 0)
            emitter->clock->operations->nap(emitter->clock, wait_ns < NS_PER_MS ? wait_ns : NS_PER_MS);
        return i;
    }
    return ready;
}

/* The first frame found no room: it is tried again, unless that has been in vain for long. */
static void wait_for_room(struct emitter *emitter, struct run_time now)
{
    counter_add(&emitter->counts->busy, 1);
    if (emitter->busy_since_ns == 0)
        emitter->busy_since_ns = now.ns;
    if (!emitter->is_blocked && now.ns - emitter->busy_since_ns < EMIT_BUSY_NS) {
        emitter->clock->operations->nap(emitter->clock, BUSY_NAP_NS);
        return;
    }
    emitter->is_blocked = true;
    emitter->busy_since_ns = 0;
    drop(emitter, 1, &emitter->counts->lost);
}

/* -1 when the sink failed; the frame that it failed on is dropped. */
static int send_ready(struct emitter *emitter, size_t count, struct run_time begin, struct error *err)
{
    size_t sent = 0;
    enum sink_result result = sink_send(emitter->sink, &emitter->frames[emitter->first], count, &sent, err);
    struct run_time end = count > 1 || result != SINK_OK ? emit_clock_now(emitter->clock) : begin;

    for (size_t i = sent; emitter->ceiling && i < count; i++)
        rate_ceiling_give_back(emitter->ceiling, emitter->frames[emitter->first + i].length);
    if (sent > 0) {
        count_sent(emitter, sent, begin, end);
        emitter->busy_since_ns = 0;
    }
    if (result == SINK_BUSY)
        wait_for_room(emitter, end);
    else if (result != SINK_OK)
        drop(emitter, 1, &emitter->counts->lost);
    return result == SINK_FAILED ? -1 : 0;
}

/* The first frame is due: sends it and what is due with it, or does with it what has to be done instead. */
static int emit_due(struct emitter *emitter, struct run_time now, struct error *err)
{
    size_t ready;

    now = put_off_after_stall(emitter, now);
    if (emitter->frames[emitter->first].due.ns > now.ns)
        return 0; /* another link's emitter put the run off further */
    ready = count_ready(emitter, now);
    if (ready == 0 && is_late(emitter, &emitter->frames[emitter->first], now))
        drop(emitter, 1, &emitter->counts->late);
    else if (ready == 0)
        refuse(emitter);
    else if ((ready = hold_back(emitter, ready)) > 0)
        return send_ready(emitter, ready, now, err);
    return 0;
}

/* ---- the loop ---- */

static bool take_frames(struct emitter *emitter)
{
    emitter->first = 0;
    emitter->count = frame_ring_take(emitter->ring, emitter->frames, EMIT_BATCH);
    emitter->ring_taken += emitter->count;
    if (emitter->tallies)
        sent_count_fetch(emitter->tallies, emitter->frames, emitter->count);
    return emitter->count > 0;
}

static void drop_taken(struct emitter *emitter)
{
    if (emitter->first < emitter->count)
        drop(emitter, emitter->count - emitter->first, &emitter->counts->unsent);
}

/* The producer has seen the stop too, or will when the ring is full: this comes to an end. */
static void drop_all(struct emitter *emitter)
{
    do {
        drop_taken(emitter);
    } while (take_frames(emitter));
}

static int loop(struct emitter *emitter, struct supply *supply, struct error *err)
{
    while (!is_stopped(emitter)) {
        struct run_time now;
        int more;

        if (emitter->first == emitter->count && !take_frames(emitter)) {
            release(emitter);
            more = supply->more(emitter, supply, err);
            if (more <= 0)
                return more;
            continue;
        }
        now = emitter->clock->operations->wait_until(emitter->clock, emitter->frames[emitter->first].due,
                                                     &emitter->pace, emitter->stop);
        if (!is_stopped(emitter) && emit_due(emitter, now, err) < 0)
            return -1;
    }
    drop_all(emitter);
    return 0;
}

static int run(struct emitter *emitter, struct frame_ring *ring, struct supply *supply, struct error *err)
{
    uint64_t faults_before = emit_thread_page_faults();
    int status;

    emitter->ring = ring;
    emitter->first = emitter->count = 0;
    emitter->unreleased = 0;
    emitter->stalled_ns = 0;
    status = loop(emitter, supply, err);
    drop_taken(emitter);
    counter_add(&emitter->counts->page_faults, emit_thread_page_faults() - faults_before);
    return status;
}

static int wait_for_producer(struct emitter *emitter, struct supply *supply, struct error *err)
{
    struct timespec nap = { .tv_nsec = RING_NAP_NS };

    (void)err;
    if (frame_ring_is_done(emitter->ring))
        return 0;
    /* Frames come long before their time: who had none for a while need not look so often. */
    if (emitter->ring_taken == supply->seen_taken && ++supply->looks > PATIENT_AFTER)
        nap.tv_nsec = PATIENT_NAP_NS;
    else if (emitter->ring_taken != supply->seen_taken)
        supply->looks = 0;
    supply->seen_taken = emitter->ring_taken;
    nanosleep(&nap, NULL); /* for a thread, which has no simulated clock */
    return 1;
}

int emitter_run_ring(struct emitter *emitter, struct frame_ring *ring, struct error *err)
{
    struct supply supply = { .more = wait_for_producer };

    return run(emitter, ring, &supply, err);
}

/* Renders what there is room for. An end or an error is told when all that came before it has been sent. */
static int render(struct emitter *emitter, struct supply *supply, struct error *err)
{
    bool is_empty = true;
    struct frame frame;
    uint8_t *room;

    while (supply->got > 0 && (room = frame_ring_reserve(emitter->ring)) != NULL) {
        supply->got = frame_source_next(supply->source, room, &frame, err);
        if (supply->got <= 0)
            break;
        frame_ring_commit(emitter->ring, &frame);
        is_empty = false;
    }
    return is_empty ? supply->got : 1;
}

int emitter_run_source(struct emitter *emitter, const struct frame_source *source,
                       struct error *err)
{
    struct supply supply = { .more = render, .source = source, .got = 1 };
    struct frame_ring *ring = frame_ring_new(SOURCE_RING_BYTES);
    int status;

    if (ring == NULL)
        return error_set(err, "not enough memory for a ring of %zu bytes", SOURCE_RING_BYTES);
    status = run(emitter, ring, &supply, err);
    frame_ring_free(ring);
    return status;
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
