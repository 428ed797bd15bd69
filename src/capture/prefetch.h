/*
 * prefetch.h - captures read ahead by other threads, in bounded batches.
 *
 * Threads take turns at all streams, one thread at a stream at a time, so that any number of
 * streams goes on with one thread. Memory is bounded over all streams: each has room for the batch that
 * is consumed and for the next, and the rest is for those that read further ahead. All functions belong to the one thread that consumes. Private
 * to this room.
 */
#ifndef CAPTURE_PREFETCH_H
#define CAPTURE_PREFETCH_H

#include <stdbool.h>

#include "capture/capture_read.h"

struct prefetch;
struct prefetch_stream;

/* NULL when no thread can be started. */
struct prefetch *prefetch_new(unsigned threads, bool keep_bytes, size_t max_bytes);

/* Streams must have been ended. NULL is fine. */
void prefetch_free(struct prefetch *prefetch);

/* May another stream be started? Else max_bytes are spoken for. */
bool prefetch_has_room(const struct prefetch *prefetch);

/* Begins to read a capture, which is taken, when there is room. */
struct prefetch_stream *prefetch_start(struct prefetch *prefetch, struct capture_file *file);

/* Would another stream find a thread to read it? As of the last batch that was taken. */
bool prefetch_is_idle(const struct prefetch *prefetch);

/*
 * As capture_file_read(), but *view points to a packet that is valid until the next call. Counts
 * go up by whole batches.
 */
int prefetch_read(struct prefetch_stream *stream, struct packet_view **view,
                  enum decode_result *result, struct capture_counts *counts, struct error *err);

/* Bytes of the file that have been read for the packets given so far. */
uint64_t prefetch_position(const struct prefetch_stream *stream);

/* Closes the capture, at its end or before; waits for a read that is under way. */
void prefetch_end(struct prefetch_stream *stream);

#endif
