/*
 * Two positions that only grow, counted in bytes since the ring was made: `written`
 * belongs to the producer, `released` to the consumer. Bytes released..written hold records.
 *
 * A record is a header and the frame's bytes, in multiples of 8. One that could cross the
 * end of the memory starts at its beginning instead; a filler header covers the gap. The filler
 * and the record behind it are published by the same store, so behind a filler there is always
 * a record.
 *
 * Pairing of the atomics:
 *   written   stored (release) by commit, loaded (acquire) by take: the consumer sees the
 *             record's bytes;
 *   released  stored (release) by release, loaded (acquire) by reserve: the producer writes over
 *             bytes only after the consumer's last read of them;
 *   finished  stored (release) by finish, loaded (acquire) by is_done: who sees it sees every
 *             commit before it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "base/frame_ring.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"

enum {
    RECORD_ALIGNMENT = 8,
    APART_BYTES = 128, /* two cache lines: prefetchers fetch them in pairs */
    SMALLEST_RING = 32768 /* two of the longest frames: one always fits, whatever gap it leaves */
};

#define FILLER UINT16_MAX

/* The length comes first: a gap at the end may have room for 8 bytes only. */
struct record {
    uint16_t length; /* FILLER: go on at the beginning of the memory */
    uint8_t link;
    uint8_t to_link;
    uint32_t flow;
    int64_t due_ns;
    uint8_t bytes[];
};

/* What is asked for before the length is known. */
enum { LONGEST_RECORD = sizeof(struct record) + (FRAME_MAX_BYTES + RECORD_ALIGNMENT - 1) / RECORD_ALIGNMENT * RECORD_ALIGNMENT };

_Static_assert(sizeof(struct record) % RECORD_ALIGNMENT == 0, "records stay aligned");
_Static_assert(FRAME_MAX_BYTES < FILLER && FRAME_MAX_LINKS <= UINT8_MAX, "a record holds what a frame may have");
_Static_assert(SMALLEST_RING >= 2 * LONGEST_RECORD, "the smallest ring takes the longest frame");

struct frame_ring {
    uint8_t *memory;
    size_t size; /* a power of two */
    uint8_t apart_from_producer[APART_BYTES];

    /* Producer's. */
    _Atomic uint64_t written;
    uint64_t released_seen; /* `released` as last loaded: spares touching the consumer's line */
    uint64_t reserved;      /* where the record that was reserved begins */
    atomic_bool finished;
    uint8_t apart_from_consumer[APART_BYTES];

    /* Consumer's. */
    _Atomic uint64_t released;
    uint64_t taken; /* end of the last record that was shown */
    uint64_t written_seen;
};

static size_t record_size(uint32_t length)
{
    size_t size = sizeof(struct record) + length;

    return (size + RECORD_ALIGNMENT - 1) & ~(size_t)(RECORD_ALIGNMENT - 1);
}

static struct record *record_at(const struct frame_ring *ring, uint64_t position)
{
    return (struct record *)(void *)(ring->memory + (position & (ring->size - 1)));
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
    /* Populated: the pages come now, not under a deadline. */
    ring->memory = mmap(NULL, ring->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (ring->memory == MAP_FAILED) {
        free(ring);
        return NULL;
    }
    return ring;
}

void frame_ring_free(struct frame_ring *ring)
{
    if (ring == NULL)
        return;
    munmap(ring->memory, ring->size);
    free(ring);
}

void *frame_ring_memory(const struct frame_ring *ring, size_t *bytes)
{
    *bytes = ring->size;
    return ring->memory;
}

/* ---- the producer ---- */

static bool has_room(struct frame_ring *ring, uint64_t end)
{
    if (end - ring->released_seen <= ring->size)
        return true;
    ring->released_seen = atomic_load_explicit(&ring->released, memory_order_acquire);
    return end - ring->released_seen <= ring->size;
}

uint8_t *frame_ring_reserve(struct frame_ring *ring)
{
    uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    size_t to_end = bytes_to_end(ring, written);

    ring->reserved = to_end >= LONGEST_RECORD ? written : written + to_end;
    return has_room(ring, ring->reserved + LONGEST_RECORD) ? record_at(ring, ring->reserved)->bytes : NULL;
}

void frame_ring_commit(struct frame_ring *ring, const struct frame *frame)
{
    uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    struct record *record = record_at(ring, ring->reserved);

    assert(frame->length <= FRAME_MAX_BYTES && frame->link < FRAME_MAX_LINKS && frame->to_link < FRAME_MAX_LINKS);
    if (ring->reserved != written)
        record_at(ring, written)->length = FILLER;
    record->length = (uint16_t)frame->length;
    record->link = (uint8_t)frame->link;
    record->to_link = (uint8_t)frame->to_link;
    record->flow = frame->flow;
    record->due_ns = frame->due.ns;
    atomic_store_explicit(&ring->written, ring->reserved + record_size(frame->length), memory_order_release);
}

bool frame_ring_push(struct frame_ring *ring, const struct frame *frame)
{
    uint8_t *room = frame_ring_reserve(ring);

    if (room == NULL)
        return false;
    memcpy(room, frame->bytes, frame->length);
    frame_ring_commit(ring, frame);
    return true;
}

void frame_ring_finish(struct frame_ring *ring)
{
    atomic_store_explicit(&ring->finished, true, memory_order_release);
}

/* ---- the consumer ---- */

/* The record at a position, or behind the filler there; the position becomes its end. */
static const struct record *pass_record(const struct frame_ring *ring, uint64_t *position)
{
    const struct record *record = record_at(ring, *position);

    if (record->length == FILLER) {
        *position += bytes_to_end(ring, *position);
        record = record_at(ring, *position);
    }
    *position += record_size(record->length);
    return record;
}

static bool has_more(struct frame_ring *ring)
{
    if (ring->written_seen == ring->taken)
        ring->written_seen = atomic_load_explicit(&ring->written, memory_order_acquire);
    return ring->written_seen != ring->taken;
}

size_t frame_ring_take(struct frame_ring *ring, struct frame *frames, size_t most)
{
    size_t count = 0;

    for (; count < most && has_more(ring); count++) {
        const struct record *record = pass_record(ring, &ring->taken);

        frames[count] = (struct frame){
            .due = { record->due_ns },
            .length = record->length,
            .link = record->link,
            .to_link = record->to_link,
            .flow = record->flow,
            .bytes = record->bytes,
        };
    }
    return count;
}

static bool is_one_of(const uint8_t *bytes, const uint8_t *const *held, size_t held_count)
{
    for (size_t i = 0; i < held_count; i++)
        if (held[i] == bytes)
            return true;
    return false;
}

size_t frame_ring_release_until(struct frame_ring *ring, size_t count, const uint8_t *const *held, size_t held_count)
{
    uint64_t released = atomic_load_explicit(&ring->released, memory_order_relaxed);
    uint64_t position = released;
    size_t passed = 0;

    for (; passed < count; passed++) {
        assert(released != ring->taken);
        if (is_one_of(pass_record(ring, &position)->bytes, held, held_count))
            break;
        released = position;
    }
    atomic_store_explicit(&ring->released, released, memory_order_release);
    return passed;
}

void frame_ring_release(struct frame_ring *ring, size_t count)
{
    (void)frame_ring_release_until(ring, count, NULL, 0);
}

bool frame_ring_is_done(struct frame_ring *ring)
{
    /* `finished` first: a commit after an empty look would else be missed. */
    return atomic_load_explicit(&ring->finished, memory_order_acquire) && !has_more(ring);
}
