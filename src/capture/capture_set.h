/*
 * capture_set.h - captures that are read as one: packets in order of time, in whatever order the
 * files were given and however a capture was cut into them.
 *
 * Files are merged by the times of their next packets; within a file its own order holds. A file
 * is open only while its time has come, so that rotating files are open one at a time. How many may
 * overlap in time is a matter of memory: options.max_bytes bounds what open files take, with what is
 * read ahead of them. A file that is alone, and pipes, are read whatever they take.
 */
#ifndef CAPTURE_CAPTURE_SET_H
#define CAPTURE_CAPTURE_SET_H

#include "capture/capture_file.h"

struct capture_set; /* opaque */

/*
 * A file that could be read only to here, as one line; what was read of it counts. Nothing of it, when it
 * cannot be opened again, or when there is no memory for another of those that overlap in time.
 */
typedef void capture_damage(void *self, const char *message);

struct capture_set *capture_set_new(const struct capture_options *options,
                                    capture_damage *damage, void *damage_self);
void capture_set_free(struct capture_set *set); /* NULL is fine */

/*
 * Adds a capture before the first packet is taken; the input is taken, also on failure. Its first
 * frame is looked at. What cannot be opened again (a pipe) stays open. Errors are those of
 * capture_file_open().
 */
int capture_set_add(struct capture_set *set, struct input_file *input, struct error *err);

/*
 * The next packet in *view, whose bytes are valid until the next call. False at the end. Damage ends its
 * file alone.
 */
bool capture_set_next(struct capture_set *set, struct packet_view *view);

const struct capture_counts *capture_set_counts(const struct capture_set *set);

/* Of all files as they lie on disk; *size 0: not known, because of a pipe. For progress. */
void capture_set_position(const struct capture_set *set, uint64_t *read, uint64_t *size);

/* The file of the packet given last: for progress. NULL before the first. */
const char *capture_set_name(const struct capture_set *set);

#endif
