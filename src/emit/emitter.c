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

/* The first frame that is still to be done with, and what it leaves by. */
static const struct frame *first_frame(const struct emitter *emitter)
{
    return &emitter->frames[emitter->first];
}

static struct emit_link *first_link(const struct emitter *emitter)
{
    return emitter->links[first_frame(emitter)->link];
}

/* ---- frames that are done with ---- */

/* Their memory goes back, but for what a sink still reads, and what is behind that. */
static void release(struct emitter *emitter)
{
    const uint8_t *held[FRAME_MAX_LINKS];

    if (emitter->holder_count == 0) { /* nearly always, and once a frame */
        frame_ring_release(emitter->ring, emitter->unreleased);
        emitter->unreleased = 0;
        return;
    }
    for (size_t i = 0; i < emitter->holder_count; i++)
        held[i] = sink_oldest_held(emitter->holders[i]);
    emitter->unreleased -= frame_ring_release_until(emitter->ring, emitter->unreleased, held, emitter->holder_count);
}

/* The `count` first frames are, all of that link. */
static void pass(struct emitter *emitter, struct emit_link *link, size_t count)
{
    counter_add(&link->counts->planned, count);
    if (emitter->tallies)
        sent_count_handled(emitter->tallies, first_frame(emitter), count);
    emitter->first += count;
    emitter->unreleased += count;
    release(emitter);
}

static void drop(struct emitter *emitter, struct emit_link *link, _Atomic uint64_t *why)
{
    counter_add(&link->counts->dropped, 1);
    counter_add(why, 1);
    pass(emitter, link, 1);
}

static void refuse(struct emitter *emitter, struct emit_link *link)
{
    counter_add(&link->counts->refused, 1);
    pass(emitter, link, 1);
}

static void count_frame(struct emit_counts *counts, const struct frame *frame, int64_t late_ns)
{
    log_histogram_add(&counts->lateness, late_ns);
    if (frame->to_link != frame->link)
        counter_add(&counts->crossed[frame->to_link], 1);
}

/* Given to the sink between `begin` and `end`, one after the other. */
static void count_sent(struct emitter *emitter, struct emit_link *link, size_t count, struct run_time begin,
                       struct run_time end)
{
    const struct frame *frames = first_frame(emitter);
    int64_t step_ns = count > 1 ? (end.ns - begin.ns) / (int64_t)count : 0;
    int64_t begin_machine_ns = emit_clock_machine_at(emitter->clock, begin);
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        int64_t late_ns = begin.ns + (int64_t)i * step_ns - frames[i].due.ns;

        if (emitter->tallies)
            sent_count_frame(emitter->tallies, &frames[i], begin_machine_ns + (int64_t)i * step_ns);
        bytes += frames[i].length;
        count_frame(link->counts, &frames[i], i == 0 ? late_ns + emitter->stalled_ns : late_ns);
    }
    emitter->stalled_ns = 0;
    counter_add(&link->counts->sent, count);
    counter_add(&link->counts->sent_bytes, bytes);
    link->busy_since_ns = 0;
    link->is_blocked = false;
    pass(emitter, link, count);
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
static struct run_time put_off_after_stall(struct emitter *emitter, struct emit_link *link, struct run_time now)
{
    struct run_time due = first_frame(emitter)->due;
    int64_t stalled_ns = now.ns - due.ns;

    if (emitter->late == LATE_DROP || stalled_ns <= max_late_ns(emitter))
        return now;
    emit_clock_put_off(emitter->clock, stalled_ns);
    counter_add(&link->counts->stalls, 1);
    counter_add(&link->counts->stalled_ns, (uint64_t)stalled_ns);
    emitter->stalled_ns = stalled_ns;
    return due;
}

/* How many of the first frames may go out now, together: by one link. */
static size_t count_ready(const struct emitter *emitter, const struct emit_link *link, struct run_time now)
{
    size_t at = emitter->first;

    while (at < emitter->count && emitter->frames[at].due.ns <= now.ns &&
           emitter->links[emitter->frames[at].link] == link && !is_late(emitter, &emitter->frames[at], now) &&
           gate_passes(link->gate, &emitter->frames[at]))
        at++;
    return at - emitter->first;
}

/* Of so many, those that the ceiling has room for. When it has none, waits for it. */
static size_t hold_back(struct emitter *emitter, struct emit_link *link, size_t ready)
{
    for (size_t i = 0; link->ceiling && i < ready; i++) {
        int64_t wait_ns = rate_ceiling_take_first(link->ceiling, emit_clock_machine_ns(emitter->clock),
                                                  first_frame(emitter)[i].length);

        if (wait_ns == 0)
            continue;
        counter_add(&link->counts->held_back, 1);
        if (i == 0)
            emitter->clock->operations->nap(emitter->clock, wait_ns < NS_PER_MS ? wait_ns : NS_PER_MS);
        return i;
    }
    return ready;
}

/* The first frame found no room: it is tried again, unless that has been in vain for long. */
static void wait_for_room(struct emitter *emitter, struct emit_link *link, struct run_time now)
{
    counter_add(&link->counts->busy, 1);
    if (link->busy_since_ns == 0)
        link->busy_since_ns = now.ns;
    if (!link->is_blocked && now.ns - link->busy_since_ns < EMIT_BUSY_NS) {
        emitter->clock->operations->nap(emitter->clock, BUSY_NAP_NS);
        return;
    }
    link->is_blocked = true;
    link->busy_since_ns = 0;
    drop(emitter, link, &link->counts->lost);
}

/* -1 when the sink failed; the frame that it failed on is dropped. */
static int send_ready(struct emitter *emitter, struct emit_link *link, size_t count, struct run_time begin,
                      struct error *err)
{
    size_t sent = 0;
    enum sink_result result = sink_send(link->sink, first_frame(emitter), count, &sent, err);
    struct run_time end = count > 1 || result != SINK_OK ? emit_clock_now(emitter->clock) : begin;

    for (size_t i = sent; link->ceiling && i < count; i++)
        rate_ceiling_give_back(link->ceiling, first_frame(emitter)[i].length);
    if (sent > 0)
        count_sent(emitter, link, sent, begin, end);
    if (result == SINK_BUSY)
        wait_for_room(emitter, link, end);
    else if (result != SINK_OK)
        drop(emitter, link, &link->counts->lost);
    if (result == SINK_FAILED && link->name)
        return error_prefix(err, "%s", link->name);
    return result == SINK_FAILED ? -1 : 0;
}

/* The first frame is due: sends it and what is due with it, or does with it what has to be done instead. */
static int emit_due(struct emitter *emitter, struct run_time now, struct error *err)
{
    struct emit_link *link = first_link(emitter);
    size_t ready;

    now = put_off_after_stall(emitter, link, now);
    ready = count_ready(emitter, link, now);
    if (ready == 0 && is_late(emitter, first_frame(emitter), now))
        drop(emitter, link, &link->counts->late);
    else if (ready == 0)
        refuse(emitter, link);
    else if ((ready = hold_back(emitter, link, ready)) > 0)
        return send_ready(emitter, link, ready, now, err);
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
    while (emitter->first < emitter->count)
        drop(emitter, first_link(emitter), &first_link(emitter)->counts->unsent);
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
        now = emitter->clock->operations->wait_until(emitter->clock, first_frame(emitter)->due, &emitter->pace,
                                                     emitter->stop);
        if (!is_stopped(emitter) && emit_due(emitter, now, err) < 0)
            return -1;
    }
    drop_all(emitter);
    return 0;
}

static void find_holders(struct emitter *emitter)
{
    emitter->holder_count = 0;
    for (size_t i = 0; i < FRAME_MAX_LINKS; i++) {
        if (emitter->links[i] && emitter->links[i]->sink->operations->oldest_held)
            emitter->holders[emitter->holder_count++] = emitter->links[i]->sink;
    }
}

static int run(struct emitter *emitter, struct frame_ring *ring, struct supply *supply, struct error *err)
{
    uint64_t faults_before = emit_thread_page_faults();
    int status;

    emitter->ring = ring;
    emitter->first = emitter->count = 0;
    emitter->unreleased = 0;
    emitter->stalled_ns = 0;
    find_holders(emitter);
    status = loop(emitter, supply, err);
    drop_taken(emitter);
    counter_add(&emitter->links[0]->counts->page_faults, emit_thread_page_faults() - faults_before);
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
    struct emit_link *link = emitter->links[0];
    int status;

    link->sink = sink_pcap_new(file, begin, err);
    if (link->sink == NULL)
        return -1;
    for (size_t i = 1; i < FRAME_MAX_LINKS; i++)
        emitter->links[i] = link;
    emitter->clock = &clock;
    status = emitter_run_source(emitter, source, err);
    emitter->clock = NULL;
    sink_close(link->sink);
    link->sink = NULL;
    return status;
}
