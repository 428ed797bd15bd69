/*
 * truth.h - the ground truth of synthesized sessions: a record of each, of the frames that were written of it.
 */
#ifndef CLI_TRUTH_H
#define CLI_TRUTH_H

#include "base/error.h"
#include "base/time_types.h"
#include "dayshift/session_options.h"
#include "records/flow_output.h"

/* -1 when it would be written over the output or the model. `path` NULL: fine. */
int truth_check_apart(const char *path, const char *output, const char *model, struct error *err);

/*
 * Has the sessions tell it; their times are counted from `begin`. *truth is the caller's to commit and to free: NULL when
 * `path` is, for none is wanted. 0 or -1; also then it is to be freed.
 */
int truth_open(struct flow_output **truth, const char *path, struct day_time begin, struct session_options *how,
               struct error *err);

#endif
