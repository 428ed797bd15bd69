/*
 * arena.h - memory for what is made piece by piece and dies together.
 *
 * Pieces are cut from large blocks one after another: no piece costs more than its size and what its
 * alignment skips. Zeroed. Never fails (memory.h).
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

enum { ARENA_ALIGNMENT = 8 /* of arrays */ };

struct arena_block;

struct arena {
    struct arena_block *blocks; /* the newest first */
    size_t free_bytes;          /* at the end of the newest */
};

void arena_init(struct arena *arena);
void arena_release(struct arena *arena);

void *arena_alloc(struct arena *arena, size_t size); /* as bytes: no alignment */
void *arena_alloc_array(struct arena *arena, size_t count, size_t size); /* of numbers and pointers */

#endif
