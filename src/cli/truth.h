/*
 * truth.h - the ground truth of synthesized sessions: a flow record of each, with its class and how it ended.
 */
#ifndef CLI_TRUTH_H
#define CLI_TRUTH_H

#include "base/error.h"
#include "dayshift/session_options.h"
#include "records/record_writer.h"

struct truth {
    struct record_writer *writer; /* NULL: none is wanted */
    struct error err;
    bool failed; /* *err says why */
};

/* -1 when it would be written over the output or the model. `path` NULL: fine. */
int truth_check_apart(const char *path, const char *output, const char *model, struct error *err);

/* `path` NULL: none is wanted. Makes the sessions tell it. 0 or -1. */
int truth_open(struct truth *truth, const char *path, struct session_options *how, struct error *err);

/* Puts the file in place, whole; `self` is the truth. 0, or -1 with *err. */
int truth_finish(void *self, struct error *err);

/* Without truth_finish() nothing is left. */
void truth_close(struct truth *truth);

#endif
