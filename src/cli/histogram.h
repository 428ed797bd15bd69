/*
 * histogram.h - the ports that hosts receive on and send to (Song, Fig. 1).
 */
#ifndef CLI_HISTOGRAM_H
#define CLI_HISTOGRAM_H

#include "model/model.h"

enum { HISTOGRAM_MOST_HOSTS = 64 /* in one picture: the busiest */ };

/* One host (NULL: all) of a model: an SVG file, whole or not at all. 0, or -1 with *err. */
int histogram_write(const char *path, const struct model *model, const struct host_model *host,
                    struct error *err);

/* The same as JSON on standard output, of all hosts. An exit status. */
int histogram_print_json(const struct model *model, const struct host_model *host);

#endif
