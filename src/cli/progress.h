/*
 * progress.h - one line on a terminal that says how far long work has come; silent in a pipe.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mono_time.h"

struct progress {
    bool shown;
    struct mono_time began;
    struct mono_time printed;
};

/* `quiet` silences it also on a terminal. */
void progress_init(struct progress *progress, bool quiet);

/* Cheap to call often: prints at most five times a second. `total` 0: unknown. */
void progress_update(struct progress *progress, const char *what, uint64_t done, uint64_t total,
                     const char *unit);

/* Clears the line. */
void progress_finish(struct progress *progress);

#endif
