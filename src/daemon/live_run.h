/*
 * live_run.h - plays a configuration on its links, with threads and a clock: what the engine does.
 *
 * The caller waits for signals and for who asks, watches the clocks and shows progress; one thread renders ahead into
 * a ring; one emits what is in it, on all links; each link has one that answers. They share the ring, a stop flag,
 * orders for the renderer, and counters with one writer each.
 */
#ifndef DAEMON_LIVE_RUN_H
#define DAEMON_LIVE_RUN_H

#include "base/error.h"
#include "daemon/board.h"
#include "daemon/configuration.h"
#include "daemon/flow_logger.h"
#include "daemon/live_emitter.h"
#include "daemon/live_link.h"
#include "daemon/play.h"
#include "model/model.h"

struct live_run_config {
    const struct configuration *configuration;
    const struct play_files *files; /* of it */
    const struct play_span *span;
    struct live_link *links; /* as many as the configuration has, open */
    struct live_emitter *emitter; /* open */
    const struct play_options *options;
    struct board *board;
    int channel;    /* to the supervisor */
    int control_fd; /* listens for `dayshift ctl`; -1: nobody may ask */
    struct flow_logger *logger;
};

/*
 * Takes the images. SIGTERM brings the sessions to an end and then the run, SIGINT ends it at once; while
 * the models are parsed they do what they did before the call. What is done is on the board, also
 * when the run was interrupted. 0 or -1.
 */
int live_run_play(const struct live_run_config *config, struct model_image *images, struct error *err);

#endif
