/*
 * frame_ring.h - single producer, single consumer: frames of any length from the renderer's
 * thread to the emitter's. Wait-free on both sides; C11 atomics with acquire/release pairs
 * on the two positions; no allocation after frame_ring_new().
 *
 * A frame is stored with its due time, aligned to 8 bytes, and never wraps around the
 * end of the buffer, so that the consumer can send it from where it lies.
 */
#ifndef BASE_FRAME_RING_H
#define BASE_FRAME_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dayshift/frame.h"

struct frame_ring; /* opaque */

struct frame_ring *frame_ring_new(size_t bytes); /* 4 KiB at least, a power of two, touched */
void frame_ring_free(struct frame_ring *ring); /* NULL: nothing */

/*
 * Producer: copies the frame; false when there is no room now. A frame of up to FRAME_MAX_BYTES
 * fits every ring, a longer one must be shorter than half of it by 24 bytes.
 */
bool frame_ring_push(struct frame_ring *ring, const struct frame *frame);

/* Producer: no more frames will come. */
void frame_ring_finish(struct frame_ring *ring);

/* Consumer: the oldest frame, still owned by the ring until frame_ring_drop(); false when empty. */
bool frame_ring_peek(struct frame_ring *ring, struct frame *frame);
void frame_ring_drop(struct frame_ring *ring);

/* Consumer: empty, and the producer has finished. */
bool frame_ring_is_done(struct frame_ring *ring);

#endif
