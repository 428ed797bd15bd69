/*
 * commands.h - what a run can be told, and asked, while it goes on: requests in words to calls.
 *
 * A request is checked whole before anything is called. Knows nothing of sockets or threads.
 */
#ifndef DAEMON_COMMANDS_H
#define DAEMON_COMMANDS_H

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"
#include "daemon/status.h"

/* The run. All are called from the thread of the control socket and return soon; -1 with *err. */
struct run_controls {
    void *self;
    int (*pause)(void *self, struct error *err); /* harmless when it is paused */
    void (*resume)(void *self);                  /* harmless when it is not */
    int (*set_speed)(void *self, double speed, struct error *err);
    int (*set_activity)(void *self, double activity, struct error *err);
    void (*stop)(void *self); /* begins to end the run */
    int (*reload)(void *self, struct error *err); /* begins to; commands_reload_answer() when that is known */
    void (*fill_status)(const void *self, struct status *status);
};

/* The handler of control.h; `controls` is a struct run_controls. */
json_t *commands_handle(void *controls, const char *const *words, size_t count);

/* What those are told who asked for a reload. NULL: it was done. */
json_t *commands_reload_answer(const char *objection);

#endif
