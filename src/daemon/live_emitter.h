/*
 * live_emitter.h - the emitter of a run: the ring that frames are rendered into, and the thread that sends them.
 *
 * One for all links, since frames go out in one order. Opened with the rights of root, used without.
 */
#ifndef DAEMON_LIVE_EMITTER_H
#define DAEMON_LIVE_EMITTER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "daemon/configuration.h"
#include "emit/emit_thread.h"
#include "emit/emitter.h"

struct live_emitter {
    struct frame_ring *ring; /* the renderer's to write, the emitter's to read */
    struct emit_clock clock; /* of the run */
    struct emit_link links[CONFIGURATION_MAX_LINKS];
    struct emitter emitter;
    const char *path; /* of the configuration, for messages: borrowed */
    struct emit_thread_options options;
    struct emit_thread_watch watch;
    pthread_t thread;
    bool started;
    int status; /* of the emitter, when it is done */
    struct error err;
    atomic_bool is_prepared; /* the thread is, or could not be */
    atomic_bool done;
    atomic_bool *stop;
};

/* Ring and clock: what links need to be opened. 0, or -1 with nothing to close. */
int live_emitter_open(struct live_emitter *emitter, const struct configuration *configuration, struct error *err);
void live_emitter_close(struct live_emitter *emitter);

/* What frames of that number leave by; before the start. All that it names is borrowed. */
void live_emitter_set_link(struct live_emitter *emitter, size_t number, const struct emit_link *link);

/* Starts the thread. A sink that fails sets *stop. */
int live_emitter_start(struct live_emitter *emitter, atomic_bool *stop, struct error *err);

/* To be called several times a second. */
void live_emitter_watch(struct live_emitter *emitter);

/* All that was rendered is sent, or the run was stopped. */
bool live_emitter_is_done(const struct live_emitter *emitter);

/* Waits for the thread, which ends when the ring is finished and empty or the run is stopped. Its error, if it had one. */
int live_emitter_end(struct live_emitter *emitter, struct error *err);

/* With no thread left, neither the emitter's nor the renderer's: what was rendered and never came to it is dropped. */
void live_emitter_drop_rest(struct live_emitter *emitter);

#endif
