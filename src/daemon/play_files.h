/*
 * play_files.h - the files that a configuration plays, models and captures: opened by who may, read by who must not be
 * able to do anything.
 */
#ifndef DAEMON_PLAY_FILES_H
#define DAEMON_PLAY_FILES_H

#include <stddef.h>

#include "base/error.h"
#include "daemon/configuration.h"
#include "model/model.h"

struct play_files {
    int *models; /* descriptors: one for each population ... */
    size_t model_count;
    int *overlays; /* ... and for each overlay; read by position, so that every process that has them may */
    size_t overlay_count;
};

/* No byte is read. 0, or -1 with nothing to close. */
int play_files_open(struct play_files *files, const struct configuration *configuration, struct error *err);

/* The models, as often as wanted, by any process that has the descriptors. 0, or -1 with no image. */
int play_files_read_models(const struct play_files *files, const struct configuration *configuration,
                           struct model_image *images, struct error *err);

/* That `output` is none of the files that a run reads: the configuration, models and captures. 0 or -1. */
int play_files_check_apart(const struct configuration *configuration, const char *output, struct error *err);

/* The same of the log of flows, where there is one. */
int play_files_check_truth(const struct configuration *configuration, struct error *err);

void play_files_close(struct play_files *files);

#endif
