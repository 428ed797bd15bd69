/*
 * Two positions that only grow, counted in bytes since the ring was made: `written`
 * belongs to the producer, `released` to the consumer. Bytes released..written hold records.
 *
 * A record is a header and the frame's bytes, in multiples of 8. One that would cross the
 * end of the buffer starts at its beginning instead; a filler header covers the gap. The filler
 * and the record behind it are published by the same store, so behind a filler there is always
 * a record.
 *
 * Pairing of the atomics:
 *   written   stored (release) by push, loaded (acquire) by peek: the consumer sees the
 *             record's bytes;
 *   released  stored (release) by drop, loaded (acquire) by push: the producer writes over
 *             bytes only after the consumer's last read of them;
 *   finished  stored (release) by finish, loaded (acquire) by is_done: who sees it sees every
 *             push before it.
 */
#include "base/frame_ring.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    RECORD_ALIGNMENT = 8,
    APART_BYTES = 128, /* two cache lines: prefetchers fetch them in pairs */
    SMALLEST_RING = 4096 /* two of the longest frames, see frame_ring_push() */
};

#define FILLER UINT32_MAX

/* The length comes first: a gap at the end may have room for 8 bytes only. */
struct record {
    uint32_t length; /* FILLER: go on at the beginning of the buffer */
    uint32_t unused;
    int64_t due_ns;
    uint8_t bytes[];
};

_Static_assert(sizeof(struct record) % RECORD_ALIGNMENT == 0, "records stay aligned");
_Static_assert(SMALLEST_RING >= 2 * (sizeof(struct record) + FRAME_MAX_BYTES + RECORD_ALIGNMENT),
               "the smallest ring takes the longest frame");

struct frame_ring {
    uint8_t *buffer;
    size_t size; /* a power of two */
    uint8_t apart_from_producer[APART_BYTES];

    /* Producer's. */
    _Atomic uint64_t written;
    uint64_t released_seen; /* `released` as last loaded: spares touching the consumer's line */
    atomic_bool finished;
    uint8_t apart_from_consumer[APART_BYTES];

    /* Consumer's. */
    _Atomic uint64_t released;
    uint64_t written_seen;
    uint64_t peeked_end; /* end of the record that peek showed; 0 when there is none */
};

static size_t record_size(uint32_t length)
{
    size_t size = sizeof(struct record) + length;

    return (size + RECORD_ALIGNMENT - 1) & ~(size_t)(RECORD_ALIGNMENT - 1);
}

static struct record *record_at(const struct frame_ring *ring, uint64_t position)
{
    return (struct record *)(void *)(ring->buffer + (position & (ring->size - 1)));
}

static size_t bytes_to_end(const struct frame_ring *ring, uint64_t position)
{
    return ring->size - (size_t)(position & (ring->size - 1));
}

struct frame_ring *frame_ring_new(size_t bytes)
{
    struct frame_ring *ring = memory_alloc(sizeof *ring);

    assert(bytes <= SIZE_MAX / 2);
    ring->size = SMALLEST_RING;
    while (ring->size < bytes)
        ring->size *= 2;
    ring->buffer = memory_alloc(ring->size);
    /* Faults the pages in now, not under a deadline. Zeros again could be optimised away. */
    memset(ring->buffer, 0xff, ring->size);
    return ring;
}

void frame_ring_free(struct frame_ring *ring)
{
    if (ring == NULL)
        return;
    free(ring->buffer);
    free(ring);
}

static bool has_room(struct frame_ring *ring, uint64_t end)
{
    if (end - ring->released_seen <= ring->size)
        return true;
    ring->released_seen = atomic_load_explicit(&ring->released, memory_order_acquire);
    return end - ring->released_seen <= ring->size;
}

bool frame_ring_push(struct frame_ring *ring, const struct frame *frame)
{
    uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    size_t size = record_size(frame->length);
    size_t gap = bytes_to_end(ring, written);
    struct record *record;

    /* More than half the ring may never fit, gap and all: the producer would wait for ever. */
    assert(size <= ring->size / 2);
    if (size <= gap)
        gap = 0;
    if (!has_room(ring, written + gap + size))
        return false;
    if (gap > 0)
        record_at(ring, written)->length = FILLER;
    record = record_at(ring, written + gap);
    record->length = frame->length;
    record->due_ns = frame->due.ns;
    memcpy(record->bytes, frame->bytes, frame->length);
    atomic_store_explicit(&ring->written, written + gap + size, memory_order_release);
    return true;
}

void frame_ring_finish(struct frame_ring *ring)
{
    atomic_store_explicit(&ring->finished, true, memory_order_release);
}

static bool has_record(struct frame_ring *ring, uint64_t released)
{
    if (ring->written_seen != released)
        return true;
    ring->written_seen = atomic_load_explicit(&ring->written, memory_order_acquire);
    return ring->written_seen != released;
}

bool frame_ring_peek(struct frame_ring *ring, struct frame *frame)
{
    uint64_t at = atomic_load_explicit(&ring->released, memory_order_relaxed);
    const struct record *record;

    if (!has_record(ring, at))
        return false;
    record = record_at(ring, at);
    if (record->length == FILLER) {
        at += bytes_to_end(ring, at);
        record = record_at(ring, at);
    }
    frame->due.ns = record->due_ns;
    frame->length = record->length;
    frame->bytes = record->bytes;
    ring->peeked_end = at + record_size(record->length);
    return true;
}

void frame_ring_drop(struct frame_ring *ring)
{
    assert(ring->peeked_end != 0);
    atomic_store_explicit(&ring->released, ring->peeked_end, memory_order_release);
    ring->peeked_end = 0;
}

bool frame_ring_is_done(struct frame_ring *ring)
{
    /* `finished` first: a push after an empty look would else be missed. */
    if (!atomic_load_explicit(&ring->finished, memory_order_acquire))
        return false;
    return !has_record(ring, atomic_load_explicit(&ring->released, memory_order_relaxed));
}
