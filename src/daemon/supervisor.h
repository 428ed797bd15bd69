/*
 * supervisor.h - the process that stays root: starts the engine, waits, starts it again when it crashed.
 *
 * It has one thread and waits in one place, for signals, for its children and for requests of the engine. It looks at
 * no foreign byte: what it gets from the engine is an exit status, requests of one byte, and numbers on the board.
 *
 *   SIGTERM         the engine ends its sessions, for as long as it may; then it is killed
 *   SIGINT          the engine stops at once. A second signal of both goes one step further: at once, then SIGKILL
 *   SIGHUP          a new configuration is tried in a process of its own; if it is good, the engine ends its
 *                   sessions and one with the new configuration goes on. Not under nohup(1). When it comes because
 *                   the terminal is gone, it is a SIGTERM: nobody is to send for days without knowing
 *   engine ends     with status 0: the run is over. With 1 it has said why: final as long as no engine has played, else
 *                   tried again. In any other way it has crashed. Started again after 1, 2, 4 ... 60 s, and 1 s again
 *                   after a minute of playing
 *   supervisor dies the engine gets SIGTERM
 */
#ifndef DAEMON_SUPERVISOR_H
#define DAEMON_SUPERVISOR_H

#include "base/error.h"
#include "daemon/board.h"

/* What is supervised. `self` is handed to all of them. */
struct supervised {
    void *self;
    /*
     * In the engine's process, with the supervisor's rights and the signals as they were: plays. `channel` is for
     * supervisor_channel_request(). The status to exit with: 0, or 1 when it has said on standard error why.
     */
    int (*play)(void *self, struct board *board, int channel);
    /* In the supervisor, before each engine is started: makes what both share. -1 with *err: none can be started. */
    int (*prepare)(void *self, struct error *err);
    /* In the supervisor, when an engine has ended in whatever way, before the board is settled. */
    void (*settle)(void *self);
    /* In a process of its own: 0 when the new configuration is good, else -1 with *err. */
    int (*try_new)(void *self, struct error *err);
    /* In the supervisor: takes the new configuration. -1 with *err: the old one stays. */
    int (*take_new)(void *self, struct error *err);
    /* How long an engine may take to end its sessions. */
    int64_t (*stop_ns)(void *self);
};

struct supervision {
    const char *ended; /* by what, for the report: "the end of the run", "SIGTERM" ... */
    bool failed;       /* it was said on standard error */
};

/*
 * Returns when the run is over and the engine has ended. Before and afterwards the signals do what they did. -1 with
 * *err when there cannot even be an engine.
 */
int supervisor_run(const struct supervised *what, struct board *board, struct supervision *how, struct error *err);

#endif
