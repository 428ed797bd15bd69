/*
 * blindtest_files.h - a blind test as a directory: the flows in random order, the sheet for answers, the sealed truth
 * and its key.
 */
#ifndef CLI_BLINDTEST_FILES_H
#define CLI_BLINDTEST_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "eval/blind_answers.h"
#include "eval/blind_flow.h"

struct blindtest_files {
    size_t flows;
    struct blind_flow *flow[BLIND_MAX_FLOWS]; /* borrowed; in the order of the files */
    bool is_generated[BLIND_MAX_FLOWS];
};

/* Half of the flows are real, then come the others. Every order is as likely (Fisher and Yates). */
void blindtest_files_shuffle(struct blindtest_files *files, struct blind_flow *all, size_t flows, uint64_t seed);

/* -1: a test that is there already stays. */
int blindtest_files_check(const char *output, struct error *err);

/* Made beside its place, and then there: whole or not at all. */
int blindtest_files_write(const struct blindtest_files *files, const char *output, uint64_t seed, struct error *err);

#endif
