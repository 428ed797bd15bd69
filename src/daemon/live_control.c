#include <signal.h>

#include "daemon/commands.h"
#include "daemon/live_run_private.h"
#include "daemon/supervisor_channel.h"

/* ---- what the run is told; from the thread that serves ---- */

static int pause_run(void *self, struct error *err)
{
    struct live_run *run = self;

    if (run->finish_ns > 0)
        return error_set(err, "the run is ending, and sessions cannot end while time stands still");
    run->is_paused = true;
    live_status_publish_orders(run);
    emit_clock_pause(run->clock);
    return 0;
}

static void resume_run(void *self)
{
    struct live_run *run = self;

    run->is_paused = false;
    live_status_publish_orders(run);
    if (run->is_playing)
        emit_clock_resume(run->clock);
}

static int set_speed(void *self, double speed, struct error *err)
{
    struct live_run *run = self;

    (void)err;
    run->speed = speed;
    live_status_publish_orders(run);
    steering_set_speed(&run->steering, speed);
    return 0;
}

static int set_activity(void *self, double activity, struct error *err)
{
    struct live_run *run = self;

    if (scenario_check_activity(run->play.scenario, activity, err) < 0)
        return -1;
    run->activity = activity;
    live_status_publish_orders(run);
    steering_set_activity(&run->steering, activity);
    return 0;
}

static void stop_run(void *self)
{
    const struct live_run *run = self;
    struct error err;

    /* Without a supervisor that could be asked, as it would have done it. */
    if (supervisor_channel_request(run->config->channel, REQUEST_STOP, &err) < 0)
        raise(SIGTERM);
}

static int reload_run(void *self, struct error *err)
{
    struct live_run *run = self;

    if (run->is_reloading)
        return 0; /* one answer for all who asked */
    if (supervisor_channel_request(run->config->channel, REQUEST_RELOAD, err) < 0)
        return -1;
    run->is_reloading = true;
    return 0;
}

static struct run_controls controls_of(struct live_run *run)
{
    return (struct run_controls){ run, pause_run, resume_run, set_speed, set_activity, stop_run, reload_run,
                                  live_status_fill };
}

static json_t *handle(void *self, const char *const *words, size_t count)
{
    struct run_controls controls = controls_of(self);

    return commands_handle(&controls, words, count);
}

/* ---- serving ---- */

void live_control_begin(struct live_run *run)
{
    const struct control_handler handler = { handle, run };

    if (run->config->control_fd >= 0)
        run->control = control_new(run->config->control_fd, &handler);
}

void live_control_end(struct live_run *run)
{
    control_free(run->control);
}

size_t live_control_fill_pollfds(const struct live_run *run, struct pollfd *pollfds)
{
    size_t count = run->control ? control_fill_pollfds(run->control, pollfds) : 0;

    pollfds[count++] = (struct pollfd){ .fd = run->config->channel, .events = POLLIN };
    return count;
}

/* The supervisor has answered: to what it was asked last. */
static void take_answer(struct live_run *run)
{
    struct error objection;
    int got = supervisor_channel_take_answer(run->config->channel, &objection);

    if (got == 0 || !run->is_reloading)
        return;
    run->is_reloading = false;
    control_answer_pending(run->control, commands_reload_answer(got < 0 ? objection.text : NULL), mono_time_now());
}

void live_control_serve(struct live_run *run)
{
    take_answer(run);
    if (run->control)
        control_serve(run->control, mono_time_now());
}
