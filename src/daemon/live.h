/*
 * live.h - a run on a link as its supervisor sees it: the configuration, the files that are played, how far the day has come, and
 * the table at the end.
 */
#ifndef DAEMON_LIVE_H
#define DAEMON_LIVE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/mono_time.h"
#include "daemon/board.h"
#include "daemon/configuration.h"
#include "daemon/control_socket.h"
#include "daemon/flow_logger.h"
#include "daemon/play_files.h"
#include "daemon/play.h"
#include "daemon/supervisor.h"

struct live {
    const char *path; /* of the configuration */
    const struct play_options *options;
    struct configuration configuration;
    struct play_files files;
    struct board *board;
    struct control_socket control; /* fd -1: none */
    struct play_span span; /* of the whole run */
    struct flow_logger *logger;
    bool is_new; /* the configuration: files that it names are to be opened anew */
};

/* Loads the configuration and opens the model files. 0, or -1 with nothing to close. The two pointers are borrowed. */
int live_open(struct live *live, const char *path, const struct play_options *options, struct error *err);
void live_close(struct live *live);

/* Plays under a supervisor until the run is over, and prints the table. *failed: it was said why. 0 or -1. */
int live_supervise(struct live *live, bool *failed, struct error *err);

#endif
