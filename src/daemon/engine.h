/*
 * engine.h - plays a configuration: on a link with threads and a clock, or into a file.
 *
 * Threads of a live run: the caller waits for signals and shows progress; one renders
 * ahead into a ring; one emits; one answers ARP and ping. They share the ring, a stop flag and
 * counters with one writer each.
 */
#ifndef DAEMON_ENGINE_H
#define DAEMON_ENGINE_H

#include <stdbool.h>

#include "base/error.h"
#include "daemon/configuration.h"
#include "emit/link.h"
#include "model/model.h"

struct engine_options {
    bool json;  /* the final table */
    bool quiet; /* no progress */
};

/* Reads every model file of the configuration, unparsed: what needs the caller's rights. */
int engine_read_models(const struct configuration *configuration, struct model_image *images,
                       struct error *err);

/*
 * Each takes the images. SIGINT, SIGTERM and SIGHUP end a run; while the models are parsed
 * they do what they did before the call. A table is printed at the end, also when the run was interrupted: to
 * standard output, or to standard error when the frames go there. 0 or -1.
 */
int engine_play(const struct configuration *configuration, struct model_image *images,
                const struct link *link, const struct engine_options *options, struct error *err);
int engine_write(const struct configuration *configuration, struct model_image *images,
                 const char *path, const struct engine_options *options, struct error *err);

/* Builds everything and throws it away: -n. */
int engine_check(const struct configuration *configuration, struct model_image *images,
                 struct error *err);

#endif
