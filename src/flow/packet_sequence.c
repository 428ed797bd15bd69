#include "flow/packet_sequence.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    FIRST_PACKETS = 4,
    GROWTH = 4,
    SIZES = 5, /* 4, 16, 64, 256, 1024 */
    SLAB_BYTES = 32768
};

/* Room for one sequence, of any size: on a free list it holds the link. */
union chunk {
    union chunk *next;
    struct flow_packet first[FIRST_PACKETS];
};

struct slab {
    struct slab *next;
    union chunk chunks[(SLAB_BYTES - sizeof(struct slab *)) / sizeof(union chunk)];
};

struct sequence_pool {
    union chunk *free_chunks[SIZES];
    struct slab *slabs;
    size_t slab_count, max_slabs;
};

_Static_assert(FLOW_MAX_SEQUENCE == FIRST_PACKETS * GROWTH * GROWTH * GROWTH * GROWTH,
               "the largest size holds a whole sequence");
_Static_assert(FLOW_MAX_SEQUENCE / GROWTH <= FLOW_SEQUENCE_HEAD,
               "a sequence that was cut ends before the ring: see flow_sequence_head()");

struct sequence_pool *sequence_pool_new(size_t max_bytes)
{
    struct sequence_pool *pool = memory_alloc(sizeof *pool);

    pool->max_slabs = max_bytes / sizeof(struct slab);
    return pool;
}

void sequence_pool_free(struct sequence_pool *pool)
{
    if (pool == NULL)
        return;
    for (struct slab *slab = pool->slabs, *next; slab != NULL; slab = next) {
        next = slab->next;
        free(slab);
    }
    free(pool);
}

static int size_index(size_t capacity)
{
    int i = 0;

    for (size_t size = FIRST_PACKETS; size < capacity; size *= GROWTH)
        i++;
    return i;
}

static void give_back(struct sequence_pool *pool, union chunk *chunk, size_t capacity)
{
    union chunk **list = &pool->free_chunks[size_index(capacity)];

    chunk->next = *list;
    *list = chunk;
}

/* Cuts a new slab into chunks of one size. */
static void add_slab(struct sequence_pool *pool, size_t capacity)
{
    struct slab *slab = memory_alloc(sizeof *slab);
    size_t step = capacity / FIRST_PACKETS;

    slab->next = pool->slabs;
    pool->slabs = slab;
    pool->slab_count++;
    for (size_t i = 0; i + step <= sizeof slab->chunks / sizeof slab->chunks[0]; i += step)
        give_back(pool, &slab->chunks[i], capacity);
}

static union chunk *take(struct sequence_pool *pool, size_t capacity)
{
    union chunk **list = &pool->free_chunks[size_index(capacity)];
    union chunk *chunk;

    if (*list == NULL && pool->slab_count < pool->max_slabs)
        add_slab(pool, capacity);
    chunk = *list;
    if (chunk != NULL)
        *list = chunk->next;
    return chunk;
}

static bool grow(struct sequence_pool *pool, struct packet_sequence *sequence)
{
    size_t capacity = sequence->capacity > 0 ? sequence->capacity * (size_t)GROWTH : FIRST_PACKETS;
    union chunk *chunk = take(pool, capacity);
    struct packet_sequence old = *sequence;

    if (chunk == NULL)
        return false;
    if (old.length > 0)
        memcpy(chunk, old.packets, old.length * sizeof *old.packets);
    sequence_release(pool, sequence);
    sequence->packets = (struct flow_packet *)chunk;
    sequence->capacity = (uint16_t)capacity;
    sequence->length = old.length;
    return true;
}

static void replace_oldest(struct packet_sequence *sequence, struct flow_packet packet)
{
    sequence->packets[FLOW_SEQUENCE_HEAD + sequence->oldest] = packet;
    sequence->oldest = (uint8_t)((sequence->oldest + 1) % FLOW_SEQUENCE_TAIL);
}

bool sequence_append(struct sequence_pool *pool, struct packet_sequence *sequence,
                     struct flow_packet packet)
{
    if (sequence->is_cut)
        return true;
    if (sequence->length == FLOW_MAX_SEQUENCE) {
        replace_oldest(sequence, packet);
        return true;
    }
    if (sequence->length == sequence->capacity && !grow(pool, sequence)) {
        sequence->is_cut = true;
        return false;
    }
    sequence->packets[sequence->length++] = packet;
    return true;
}

void sequence_finish(struct packet_sequence *sequence)
{
    struct flow_packet ring[FLOW_SEQUENCE_TAIL];
    struct flow_packet *tail;
    size_t behind = FLOW_SEQUENCE_TAIL - (size_t)sequence->oldest;

    if (sequence->oldest == 0)
        return;
    tail = sequence->packets + FLOW_SEQUENCE_HEAD;
    memcpy(ring, tail, sizeof ring);
    memcpy(tail, ring + sequence->oldest, behind * sizeof *ring);
    memcpy(tail + behind, ring, sequence->oldest * sizeof *ring);
    sequence->oldest = 0;
}

void sequence_release(struct sequence_pool *pool, struct packet_sequence *sequence)
{
    if (sequence->capacity > 0)
        give_back(pool, (union chunk *)sequence->packets, sequence->capacity);
    *sequence = (struct packet_sequence){ .length = 0 };
}
