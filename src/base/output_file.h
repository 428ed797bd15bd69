/*
 * output_file.h - a file that appears whole or not at all.
 *
 * Writes go to a temporary file in the same directory; output_file_commit() puts it in
 * place, output_file_abandon() removes it. "-" is standard output; it, a device and a pipe are
 * written as it comes.
 */
#ifndef BASE_OUTPUT_FILE_H
#define BASE_OUTPUT_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

struct output_file {
    FILE *stream; /* NULL when closed */
    char *path;   /* where it will be; NULL for standard output */
    char *temporary; /* NULL where there is nothing to put in place */
    bool is_copied;  /* the commit copies what is in copied_fd to the stream */
    int copied_fd;
};

/* -1 when what is to be written is the very file that is to be read (or to be written as well). */
int output_file_check_apart(const char *output, const char *other, struct error *err);

/*
 * Whether such a file could be made now: what takes long is told before, not after. 0, or -1. Devices and
 * pipes are not opened for it.
 */
int output_file_probe(const char *path, struct error *err);

int output_file_open(struct output_file *file, const char *path, struct error *err);

/* One that its owner alone may read, from its first byte. */
int output_file_open_private(struct output_file *file, const char *path, struct error *err);

/*
 * For another library that writes, under the name `temporary`: an empty file, which the commit puts in
 * place. Where there is no place (standard output, a device, a pipe) it is in $TMPDIR, or /tmp, and
 * the commit copies it.
 */
int output_file_open_named(struct output_file *file, const char *path, struct error *err);

/* The library has opened it: a file that will be copied loses its name, so that none can be left. */
void output_file_hide(struct output_file *file);

/* What was written so far is out: 0, or -1 with *err. */
int output_file_flush(struct output_file *file, struct error *err);
int output_file_commit(struct output_file *file, struct error *err); /* closes in any case */
void output_file_abandon(struct output_file *file); /* harmless after a commit */

/* What is left of an output that a signal ended, for the user: "interrupted by SIGINT; day.pcap was not written".
 * `how` is the first word or more; -1. */
int output_file_interrupted(const char *path, const char *how, struct error *err);

#endif
