/*
 * frame_ring.h - single producer, single consumer: frames of any length from the renderer's
 * thread to the emitter's. Wait-free on both sides; C11 atomics with acquire/release pairs
 * on the two positions; no allocation after frame_ring_new().
 *
 * A frame is rendered where it will be sent from: its bytes are aligned to 8 and never wrap around the end of the
 * memory. With them is kept all that a struct frame says.
 */
#ifndef BASE_FRAME_RING_H
#define BASE_FRAME_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dayshift/frame.h"

struct frame_ring; /* opaque */

/* 4 KiB at least, a power of two, touched. NULL: there is not as much memory. */
struct frame_ring *frame_ring_new(size_t bytes);
void frame_ring_free(struct frame_ring *ring); /* NULL: nothing */

/* Where its frames lie: whole pages, for who has to know (locking, AF_XDP). */
void *frame_ring_memory(const struct frame_ring *ring, size_t *bytes);

/* Producer: room for FRAME_MAX_BYTES; NULL when there is none now. */
uint8_t *frame_ring_reserve(struct frame_ring *ring);

/* Producer: the frame whose bytes are in the room that was reserved last may be taken. Where else they lie is ignored. */
void frame_ring_commit(struct frame_ring *ring, const struct frame *frame);

/* Producer: both, for who has the bytes already; false when there is no room now. */
bool frame_ring_push(struct frame_ring *ring, const struct frame *frame);

/* Producer: no more frames will come. */
void frame_ring_finish(struct frame_ring *ring);

/*
 * Consumer: up to `most` frames that it has not been shown yet, the oldest first. They are its own until
 * frame_ring_release(). Returns how many.
 */
size_t frame_ring_take(struct frame_ring *ring, struct frame *frames, size_t most);

/* Consumer: gives back the memory of the `count` oldest frames of those taken and not released yet. */
void frame_ring_release(struct frame_ring *ring, size_t count);

/* The same, but not from the first frame on whose bytes are at one of `held`. Returns how many. */
size_t frame_ring_release_until(struct frame_ring *ring, size_t count, const uint8_t *const *held, size_t held_count);

/* Consumer: all was taken, and the producer has finished. */
bool frame_ring_is_done(struct frame_ring *ring);

#endif
