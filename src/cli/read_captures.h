/*
 * read_captures.h - capture files in, flow records out: what learn and check begin with.
 */
#ifndef CLI_READ_CAPTURES_H
#define CLI_READ_CAPTURES_H

#include <stdbool.h>

#include "base/error.h"
#include "capture/capture_set.h"
#include "flow/flow_table.h"

struct read_totals { /* over all files */
    struct capture_counts capture;
    struct flow_counts flow;
};

/*
 * Reads the files, given in any order, as one capture, with progress on a terminal unless `quiet`.
 * What is damaged is read as far as it goes, and said on standard error. 0 or -1.
 */
int read_captures(char **paths, int count, bool quiet, flow_sink *sink, void *sink_self,
                  struct read_totals *totals, struct error *err);

#endif
