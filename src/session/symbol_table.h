/*
 * symbol_table.h - how often symbols followed contexts, packed into one flat hash table.
 *
 * Counts are integers and cumulative, so a draw is one probe and one binary search of a few entries. A context
 * is known by its level and a hash alone: of the hash the bucket tells some bits and a tag keeps 28 others. Of a
 * bucket some five slots are in use, so at most one lookup in 50 million of a context that was never seen finds
 * another one's counts. Who draws checks what comes out.
 * Immutable once built.
 */
#ifndef SESSION_SYMBOL_TABLE_H
#define SESSION_SYMBOL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"

enum {
    SYMBOL_LEVELS = 8,           /* at most: level 0 is the most specific */
    SYMBOL_MAX_COUNT = 32767     /* of a context; larger ones are scaled down */
};

/* Once a symbol followed a context of a level: sorted, equal ones are neighbours. */
typedef uint64_t symbol_event;

/* `context` is a hash of which the upper 44 bits count. */
static inline symbol_event symbol_event_of(uint64_t context, uint32_t level, uint16_t symbol)
{
    return (context >> 20 << 20) | (uint64_t)level << 16 | symbol;
}

struct symbol_cell {
    uint16_t symbol;
    uint16_t count; /* with those behind it */
};

enum { SYMBOL_BUCKET_SLOTS = 8 };

struct symbol_table {
    struct symbol_bucket { /* a line of a cache: a context is found, or is not, with one look */
        uint32_t tags[SYMBOL_BUCKET_SLOTS];
        uint32_t what[SYMBOL_BUCKET_SLOTS]; /* where the context's cells begin and how many there are; or its only
                                             * cell; 0: empty, as all behind it */
    } *buckets;
    uint32_t bucket_count;
    uint32_t context_count;
    struct symbol_cell *cells;
    uint32_t cell_count;
    void *memory; /* of the buckets */
};

/* What followed a context. */
struct symbol_counts {
    const struct symbol_cell *cells;
    uint32_t size;           /* > 0 */
    uint32_t total;
    struct symbol_cell only; /* where cells points to when there is one */
};

/*
 * From events, which are sorted in place; of one context there are fewer than 4096 different symbols. Of the most
 * specific level, 0, what was seen once is left out: it would say what one flow did. Where the table would take more
 * than `most_bytes`, contexts that were seen seldom are left out, of the most specific levels first.
 */
void symbol_table_build(struct symbol_table *table, symbol_event *events, size_t count, size_t most_bytes);
void symbol_table_release(struct symbol_table *table);
size_t symbol_table_bytes(const struct symbol_table *table);

/* False: the context is not known. */
bool symbol_table_find(const struct symbol_table *table, uint64_t context, uint32_t level,
                       struct symbol_counts *counts);

/* How often the symbol of a cell was seen. */
static inline uint32_t symbol_counts_of(const struct symbol_counts *counts, uint32_t cell)
{
    return counts->cells[cell].count - (cell + 1 < counts->size ? counts->cells[cell + 1].count : 0U);
}

/* The symbol at `place` among `total`. Without a jump that depends on it, which no processor would foresee. */
static inline uint16_t symbol_counts_at(const struct symbol_counts *counts, uint32_t place)
{
    const struct symbol_cell *first = counts->cells;
    uint32_t behind = counts->total - place;

    for (uint32_t size = counts->size; size > 1; size -= size / 2)
        first += first[size / 2].count >= behind ? size / 2 : 0;
    return first->symbol;
}

/*
 * Witten and Bell's estimate (1991, method C): of n observations with d different symbols, something else comes with
 * probability d / (n + d). False: something else.
 */
static inline bool symbol_counts_draw(const struct symbol_counts *counts, struct random_stream *random,
                                      uint16_t *symbol)
{
    uint32_t place = random_below_u32(random, counts->total + counts->size);

    if (place >= counts->total)
        return false;
    *symbol = symbol_counts_at(counts, place);
    return true;
}

#endif
