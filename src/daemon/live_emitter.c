#include "daemon/live_emitter.h"

#include <string.h>
#include <time.h>

#include "base/counter.h"

#define RING_BYTES ((size_t)16 << 20) /* frames rendered ahead: 10,000 full ones or more */

/* While there is one thread, and the right to. */
static void lock_memory(struct live_emitter *e)
{
    size_t bytes;
    void *memory = frame_ring_memory(e->ring, &bytes);

    emit_thread_lock(memory, bytes);
    emit_thread_lock(e, sizeof *e);
}

int live_emitter_open(struct live_emitter *e, const struct configuration *configuration, struct error *err)
{
    memset(e, 0, sizeof *e);
    e->ring = frame_ring_new(RING_BYTES);
    if (e->ring == NULL)
        return error_set(err, "not enough memory for a ring of %zu bytes", RING_BYTES);
    e->clock = emit_clock_real();
    e->path = configuration->path;
    e->options = (struct emit_thread_options){ configuration->cpu, configuration->priority };
    e->emitter.clock = &e->clock;
    e->emitter.pace.timing = configuration->timing;
    e->emitter.late = configuration->late;
    e->emitter.max_late_ns = configuration->max_late_ns;
    lock_memory(e);
    return 0;
}

void live_emitter_close(struct live_emitter *e)
{
    frame_ring_free(e->ring);
}

void live_emitter_set_link(struct live_emitter *e, size_t number, const struct emit_link *link)
{
    e->links[number] = *link;
    e->emitter.links[number] = &e->links[number];
}

static void *emit_thread(void *argument)
{
    struct live_emitter *e = argument;

    e->status = emit_thread_prepare(&e->options, &e->err);
    if (e->status < 0) {
        error_prefix(&e->err, "%s", e->path);
        atomic_store(e->stop, true);
    }
    atomic_store(&e->is_prepared, true);
    if (e->status == 0)
        e->status = emitter_run_ring(&e->emitter, e->ring, &e->err);
    if (e->status < 0)
        atomic_store(e->stop, true);
    atomic_store(&e->done, true);
    return NULL;
}

int live_emitter_start(struct live_emitter *e, atomic_bool *stop, struct error *err)
{
    const struct timespec nap = { .tv_nsec = 100 * NS_PER_US };
    int status;

    e->stop = stop;
    e->emitter.stop = stop;
    status = pthread_create(&e->thread, NULL, emit_thread, e);
    if (status != 0)
        return error_set(err, "cannot start a thread: %s", strerror(status));
    e->started = true;
    /* What it cannot have is to be known before the run begins. */
    while (!atomic_load(&e->is_prepared))
        nanosleep(&nap, NULL);
    return 0;
}

void live_emitter_watch(struct live_emitter *e)
{
    if (e->started)
        emit_thread_watch(&e->watch, e->thread, &e->options);
}

bool live_emitter_is_done(const struct live_emitter *e)
{
    return atomic_load(&e->done);
}

void live_emitter_drop_rest(struct live_emitter *e)
{
    struct frame frame;

    if (!atomic_load(&e->is_prepared))
        return; /* nothing was planned for it */
    while (frame_ring_take(e->ring, &frame, 1) > 0) {
        struct emit_counts *counts = e->links[frame.link].counts;

        counter_add(&counts->planned, 1);
        counter_add(&counts->dropped, 1);
        counter_add(&counts->unsent, 1);
    }
}

int live_emitter_end(struct live_emitter *e, struct error *err)
{
    if (!e->started)
        return 0;
    pthread_join(e->thread, NULL);
    e->started = false;
    if (e->status < 0)
        *err = e->err;
    return e->status < 0 ? -1 : 0;
}
