/*
 * live_link.h - one link of a run: the interface, its ring, sink, gate and emitter, and who answers on it.
 *
 * Opened with the rights of root, used without. The emitter has a thread of its own, and so has the responder.
 */
#ifndef DAEMON_LIVE_LINK_H
#define DAEMON_LIVE_LINK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "daemon/configuration.h"
#include "emit/emit_thread.h"
#include "emit/emitter.h"
#include "emit/link.h"
#include "emit/responder.h"

struct live_link {
    const struct configuration_link *config;
    struct link link;
    struct frame_ring *ring; /* the renderer's to write, the emitter's to read */
    struct sink *sink;
    struct transmit_stamps stamps; /* who watches the run reads them */
    struct gate gate;
    struct rate_ceiling ceiling;
    struct emitter emitter;
    struct scenario_link hosts; /* whom the responder answers for */
    struct responder responder;
    bool responding;
    struct emit_thread_options options;
    struct emit_thread_watch watch;
    struct link_state state; /* when it was looked at last */
    pthread_t thread;
    bool started;
    int status; /* of the emitter, when it is done */
    struct error err;
    atomic_bool is_prepared; /* the thread is, or could not be */
    atomic_bool done;
    atomic_bool *stop;
};

/* What all links of a run have in common; borrowed. */
struct live_link_run {
    const struct configuration *configuration;
    struct emit_clock *clock;
    atomic_bool *stop;
    struct sent_tally *tallies; /* NULL: nobody asks */
};

/* Interface, ring and sink: what needs rights. The clock is borrowed. 0, or -1 with nothing to close. */
int live_link_open(struct live_link *link, const struct configuration *configuration,
                   const struct configuration_link *config, const struct emit_clock *clock, struct error *err);
void live_link_close(struct live_link *link);

/* Answers for its hosts from here on. -1 with *err; live_link_end() cleans up. */
int live_link_answer(struct live_link *link, const struct scenario_link *hosts, struct error *err);

/* Starts the emitter behind that gate, whose counts go to `counts`. A sink that fails sets the run's stop. */
int live_link_start(struct live_link *link, const struct live_link_run *run, const struct gate *gate,
                    struct emit_counts *counts, struct error *err);

/* Not 0; another one for other interfaces, and for one that was made anew. */
uint32_t live_links_identity(const struct live_link *links, size_t count);

/* What the interfaces of several links counted as sent since they came up; false when one of them is gone. */
bool live_links_count(const struct live_link *links, size_t count, uint64_t *packets);

/* Waits for its threads, which end when the ring is finished and empty or the run is stopped. Its error, if it had one. */
int live_link_end(struct live_link *link, struct error *err);

#endif
