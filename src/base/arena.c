#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"

enum {
    BLOCK_BYTES = 1 << 16,
    LARGE_BYTES = BLOCK_BYTES / 16 /* larger pieces have a block of their own: little is left over */
};

struct arena_block {
    struct arena_block *next;
    uint64_t bytes[];
};

void arena_init(struct arena *arena)
{
    *arena = (struct arena){ NULL, 0 };
}

void arena_release(struct arena *arena)
{
    while (arena->blocks) {
        struct arena_block *block = arena->blocks;

        arena->blocks = block->next;
        free(block);
    }
    arena->free_bytes = 0;
}

static struct arena_block *block_new(size_t size)
{
    return memory_alloc(sizeof(struct arena_block) + size);
}

/* Behind the block that is being filled, so that it goes on being filled. */
static void *alloc_large(struct arena *arena, size_t size)
{
    struct arena_block *block = block_new(size);

    if (arena->blocks) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        arena->blocks = block;
    }
    return block->bytes;
}

static void *cut(struct arena *arena, size_t size)
{
    if (size > LARGE_BYTES)
        return alloc_large(arena, size);
    if (arena->free_bytes == 0 || size > arena->free_bytes) {
        struct arena_block *block = block_new(BLOCK_BYTES);

        block->next = arena->blocks;
        arena->blocks = block;
        arena->free_bytes = BLOCK_BYTES;
    }
    arena->free_bytes -= size;
    return (uint8_t *)arena->blocks->bytes + (BLOCK_BYTES - arena->free_bytes - size);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return cut(arena, size);
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size)
{
    if (size > 0 && count > SIZE_MAX / 2 / size)
        memory_alloc(SIZE_MAX / 2); /* says that there is not so much, and ends the process */
    arena->free_bytes -= arena->free_bytes % ARENA_ALIGNMENT;
    return cut(arena, count * size);
}
