/*
 * live_run.h - plays a configuration on a link, with threads and a clock.
 *
 * The caller waits for signals and shows progress; one thread renders ahead into a ring; one emits; one answers ARP and
 * ping. They share the ring, a stop flag and counters with one writer each.
 */
#ifndef DAEMON_LIVE_RUN_H
#define DAEMON_LIVE_RUN_H

#include "base/error.h"
#include "daemon/configuration.h"
#include "daemon/play.h"
#include "emit/link.h"
#include "model/model.h"

/*
 * Takes the images. SIGINT, SIGTERM and SIGHUP end the run; while the models are parsed they do what they did before
 * the call. A table is printed to standard output at the end, also when the run was interrupted. 0 or -1.
 */
int live_run_play(const struct configuration *configuration, struct model_image *images, const struct link *link,
                  const struct play_options *options, struct error *err);

#endif
