/*
 * model_files.h - the model files of a configuration: opened by who may, read by who must not be able to do anything.
 */
#ifndef DAEMON_MODEL_FILES_H
#define DAEMON_MODEL_FILES_H

#include <stddef.h>

#include "base/error.h"
#include "daemon/configuration.h"
#include "model/model.h"

struct model_files {
    int *descriptors; /* one for each population */
    size_t count;
};

/* No byte is read. 0, or -1 with nothing to close. */
int model_files_open(struct model_files *files, const struct configuration *configuration, struct error *err);

/* As often as wanted, by any process that has the descriptors. 0, or -1 with no image. */
int model_files_read(const struct model_files *files, const struct configuration *configuration,
                     struct model_image *images, struct error *err);

void model_files_close(struct model_files *files);

#endif
