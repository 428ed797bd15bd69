/*
 * write_model.h - fits statistics and writes them as a model file: the end of learn and merge.
 */
#ifndef CLI_WRITE_MODEL_H
#define CLI_WRITE_MODEL_H

#include "base/output_file.h"
#include "dayshift/network_stats.h"

/*
 * The file is there whole or not at all, also when a signal comes meanwhile. `companion` (NULL: none) is
 * another file that is written and not committed yet: it appears when the model does, and is
 * abandoned when it does not. 0, or -1 with *err.
 */
int write_model(const char *path, const struct network_stats *stats, struct output_file *companion,
                struct error *err);

#endif
