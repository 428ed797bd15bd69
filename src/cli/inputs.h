/*
 * inputs.h - what a user named as input, told apart by its first bytes: captures or flow logs.
 *
 * A file, a directory (all files below it, but for those whose names begin with a dot) or "-". All must
 * be of one kind. In a directory, what is neither is passed over and counted, and so is what was
 * found before under another name; a file that was named and is neither, or was named twice, is an error.
 */
#ifndef CLI_INPUTS_H
#define CLI_INPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/input_file.h"

enum input_kind { INPUT_NONE, INPUT_CAPTURES, INPUT_FLOW_LOGS };

struct inputs {
    enum input_kind kind;
    const char *kind_path; /* the file that decided it; of the list */
    struct input { /* in the order given; those of a directory by name */
        char *path;
        struct input_file *file; /* open: what cannot be opened twice; else NULL */
        bool in_directory;       /* found there, not named */
    } *list;
    size_t count, capacity;
    uint64_t passed_over;
    void *seen; /* a tree (tsearch(3)) of files and directories, by device and number */
};

/*
 * Looks at all of them. `flow_logs`: by the user's word all are flow logs. `outputs` (each may be NULL) must
 * not be among them. 0, or -1 with *err; to be released in either case.
 */
int inputs_find(struct inputs *inputs, char **arguments, int count, bool flow_logs,
                const char *const outputs[2], struct error *err);

/* The file, opened; the caller's. NULL on failure. */
struct input_file *inputs_open(struct inputs *inputs, size_t index, struct error *err);

/* Bytes of all files as they lie on disk; 0 when one of them is no file. For progress. */
uint64_t inputs_bytes(const struct inputs *inputs);

void inputs_release(struct inputs *inputs);

#endif
