#include "daemon/render_ahead.h"

#include <string.h>
#include <time.h>

#define ROOM_NAP_NS (200 * NS_PER_US) /* a full ring is looked at this often: it holds milliseconds at full speed */
#define TIME_NAP_NS (5 * NS_PER_MS)

static void nap(int64_t ns)
{
    const struct timespec t = { .tv_nsec = ns };

    nanosleep(&t, NULL);
}

static bool is_stopped(const struct render_ahead *render)
{
    return atomic_load_explicit(render->stop, memory_order_relaxed);
}

static void say_ahead(struct render_ahead *render)
{
    if (!atomic_load_explicit(&render->is_ahead, memory_order_relaxed))
        atomic_store(&render->is_ahead, true);
}

/* False when something else is to be done first: there are orders, or the run was stopped. */
static bool wait_for_time(struct render_ahead *render, struct run_time due)
{
    while (due.ns - emit_clock_now(render->clock).ns > RENDER_AHEAD_NS) {
        say_ahead(render);
        if (is_stopped(render) || steering_has_orders(render->steering))
            return false;
        nap(TIME_NAP_NS);
    }
    return true;
}

/* Room for the next frame; NULL when the run was stopped before there was any. */
static uint8_t *wait_for_room(const struct render_ahead *render)
{
    uint8_t *room;

    while ((room = frame_ring_reserve(render->ring)) == NULL && !is_stopped(render))
        nap(ROOM_NAP_NS);
    return room;
}

/* Nothing is left of the day, as it is steered now. 1: look again; 0: it is over. */
static int wait_for_orders(struct render_ahead *render)
{
    if (render->steering->is_finished || emit_clock_now(render->clock).ns >= scenario_end(render->scenario).ns)
        return 0;
    say_ahead(render);
    nap(TIME_NAP_NS);
    return 1;
}

/* The next frame, when its time is near. 1; 0: no more; -1: failed. */
static int render_next(struct render_ahead *render, const struct frame_source *frames)
{
    struct frame next;
    uint8_t *room;
    int got;

    if (steering_has_orders(render->steering))
        steering_apply(render->steering, render->scenario, emit_clock_now(render->clock));
    got = frames->peek(frames->self, &next, &render->err);
    if (got == 0)
        return wait_for_orders(render);
    if (got < 0 || !wait_for_time(render, next.due))
        return got;
    room = wait_for_room(render);
    if (room == NULL)
        return 0;
    next.length = frames->take(frames->self, room);
    frame_ring_commit(render->ring, &next);
    say_ahead(render);
    return 1;
}

static void *render_thread(void *argument)
{
    struct render_ahead *render = argument;
    struct frame_source frames = scenario_frames(render->scenario);

    render->status = scenario_begin(render->scenario, &render->err) < 0 ? -1 : 1;
    atomic_store(&render->has_begun, true);
    while (render->status > 0 && !is_stopped(render))
        render->status = render_next(render, &frames);
    if (render->status < 0)
        atomic_store(render->stop, true);
    frame_ring_finish(render->ring);
    say_ahead(render);
    return NULL;
}

int render_ahead_start(struct render_ahead *render, struct error *err)
{
    int status = pthread_create(&render->thread, NULL, render_thread, render);

    if (status != 0)
        return error_set(err, "cannot start a thread: %s", strerror(status));
    render->started = true;
    return 0;
}

int render_ahead_end(struct render_ahead *render, struct error *err)
{
    if (!render->started)
        return 0;
    pthread_join(render->thread, NULL);
    render->started = false;
    if (render->status < 0)
        *err = render->err;
    return render->status < 0 ? -1 : 0;
}
