/*
 * input_file.h - what a program reads: a file, standard input or a program's output, with its
 * compression taken off, as a window that slides over the bytes.
 *
 * Readers look at what comes (input_file_peek) before they take it (input_file_skip), so that
 * whoever opens the file can tell what it is and hand it on. The only user of libarchive.
 */
#ifndef BASE_INPUT_FILE_H
#define BASE_INPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    INPUT_MAX_WINDOW = 32 << 20, /* a peek asks for no more; bounds memory */
    INPUT_MAX_LINE = 16 << 20,
    INPUT_MAX_DECOMPRESSOR = (128 << 20) + (1 << 20) /* "xz -9" takes 64 MiB, "zstd --long" 128 MiB */
};

struct input_file; /* opaque */

/*
 * Opens a path, or standard input for "-". A directory and an empty file are errors, and so is what
 * takes more than INPUT_MAX_DECOMPRESSOR by the header of its first block of xz or frame of zstd (no
 * later one is looked at). When descriptors run out, the process's soft limit becomes the hard one.
 * NULL on failure.
 */
struct input_file *input_file_open(const char *path, struct error *err);

/* Reads a descriptor, which it takes; `name` is for messages. */
struct input_file *input_file_from_fd(int fd, const char *name, struct error *err);

/*
 * Reads a regular file from its beginning, by a descriptor that stays the caller's and whose place does not matter: the
 * same can be read again, and by several at once.
 */
struct input_file *input_file_from_shared_fd(int fd, const char *name, struct error *err);

/* Reads bytes in memory, of which it makes a copy; compression is not taken off. */
struct input_file *input_file_from_memory(const void *bytes, size_t size, const char *name);

void input_file_close(struct input_file *file); /* NULL is fine */

const char *input_file_name(const struct input_file *file); /* for messages */

/* What input_file_open() may be given to read the same again; NULL for pipes, descriptors, memory. */
const char *input_file_path(const struct input_file *file);

/*
 * The next `size` bytes, not taken yet, and in *got how many there are: fewer than `size` only at
 * the end of the input, or where it can be read no further. Valid until the next call.
 */
const uint8_t *input_file_peek(struct input_file *file, size_t size, size_t *got);

/* Takes `size` bytes, at most what was peeked. */
void input_file_skip(struct input_file *file, size_t size);

/*
 * Peeks the next line, without its end ("\n" or "\r\n"), in *size; NULL at the end of the input. The
 * last line may lack its end. `limit`, up to INPUT_MAX_LINE: a longer line fails, with *size =
 * SIZE_MAX. The line is taken by the next call.
 */
const char *input_file_line(struct input_file *file, size_t limit, size_t *size);

/* Why the input can be read no further, when that is not its end: damaged compression, a failed read. */
const char *input_file_damage(const struct input_file *file); /* NULL: none */

/*
 * What it takes now, in bytes, by the sizes of its window and of what its decompressor says it needs. A
 * window is large only while something long is looked at.
 */
size_t input_file_memory(const struct input_file *file);

/* Bytes read so far from the file as it lies on disk, and its size (0 for a pipe): for progress. */
void input_file_position(const struct input_file *file, uint64_t *read, uint64_t *size);

#endif
