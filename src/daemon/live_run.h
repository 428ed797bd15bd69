/*
 * live_run.h - plays a configuration on a link, with threads and a clock: what the engine does.
 *
 * The caller waits for signals and shows progress; one thread renders ahead into a ring; one emits; one answers ARP and
 * ping. They share the ring, a stop flag and counters with one writer each.
 */
#ifndef DAEMON_LIVE_RUN_H
#define DAEMON_LIVE_RUN_H

#include "base/error.h"
#include "daemon/board.h"
#include "daemon/configuration.h"
#include "daemon/play.h"
#include "emit/link.h"
#include "model/model.h"

/*
 * Takes the images. SIGINT and SIGTERM end the run; while the models are parsed they do what they did before the call.
 * What is done is on the board, also when the run was interrupted. 0 or -1.
 */
int live_run_play(const struct configuration *configuration, const struct play_span *span, struct model_image *images,
                  const struct link *link, const struct play_options *options, struct board *board,
                  struct error *err);

#endif
