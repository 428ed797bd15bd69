/*
 * engine_process.h - a process that looks at models and captures: first it opens what needs rights, then it gives them up,
 * and only then does it read.
 */
#ifndef DAEMON_ENGINE_PROCESS_H
#define DAEMON_ENGINE_PROCESS_H

#include <stdio.h>

#include "base/error.h"
#include "daemon/board.h"
#include "daemon/configuration.h"
#include "daemon/flow_logger.h"
#include "daemon/play.h"
#include "daemon/play_files.h"

/* What an engine has in common with its supervisor. */
struct engine_ends {
    const struct play_options *options;
    struct board *board;
    int channel;
    int control_fd; /* listens for `dayshift ctl`; -1: none */
    struct flow_logger *logger;
};

/* Opens the link and plays on it, see live_run.h. 0 or -1. */
int engine_process_play(const struct configuration *configuration, const struct play_files *files,
                        const struct play_span *span, const struct engine_ends *ends, struct error *err);

/*
 * Builds all that is to be played, and throws it away: 0 when it is good. No link is looked at. When overlays are
 * played is printed there; NULL: nowhere.
 */
int engine_process_check(const struct configuration *configuration, const struct play_files *files, FILE *overlays,
                         struct error *err);

#endif
