#include "session/symbol_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/radix_sort.h"

#define BUCKET_BYTES sizeof(struct symbol_bucket)

_Static_assert(BUCKET_BYTES == 64, "a line of the cache");

enum {
    SIZE_BITS = 12,   /* of a context's cells: fewer symbols can follow one (symbol_alphabet.h, TCP's machine) */
    MAX_CELLS = 1 << (31 - SIZE_BITS),
    IS_ONLY_SHIFT = 31,
    BYTES_OF_CONTEXT = 12, /* with its share of empty slots */
    SLOTS_OF_ONE_EMPTY = 3 /* of so many slots one is empty on average: few contexts are not in their first bucket */
};

/* ---- runs of sorted events ---- */

static uint64_t context_of(symbol_event event)
{
    return event >> 16;
}

static uint32_t level_of(symbol_event event)
{
    return event >> 16 & 0xf;
}

/* The sorted events of one context. */
struct run {
    uint32_t at, count;
    uint32_t symbols; /* different ones */
};

static struct run run_at(const symbol_event *events, size_t count, size_t at)
{
    struct run run = { .at = (uint32_t)at, .symbols = 1 };
    size_t end = at + 1;

    for (; end < count && context_of(events[end]) == context_of(events[at]); end++)
        run.symbols += events[end] != events[end - 1];
    run.count = (uint32_t)(end - at);
    return run;
}

static struct run *find_runs(const symbol_event *events, size_t count, size_t *used)
{
    struct run *runs = memory_alloc_array(count + 1, sizeof *runs);

    *used = 0;
    for (size_t at = 0; at < count; at += runs[*used - 1].count)
        runs[(*used)++] = run_at(events, count, at);
    return runs;
}

/* ---- what they take ---- */

struct table_size {
    size_t contexts, cells;
    size_t level_bytes[SYMBOL_LEVELS];
};

static size_t buckets_for(size_t contexts)
{
    return (contexts + contexts / (SLOTS_OF_ONE_EMPTY - 1)) / SYMBOL_BUCKET_SLOTS + 1;
}

static size_t bytes_of(const struct table_size *size)
{
    return buckets_for(size->contexts) * sizeof(struct symbol_bucket) + size->cells * sizeof(struct symbol_cell);
}

/* Leaves out the runs of too few events for their level; what the others take. */
static struct table_size keep_runs(const symbol_event *events, struct run *runs, size_t *count, const uint32_t *least)
{
    struct table_size size = { 0 };

    for (size_t i = 0; i < *count; i++) {
        struct run run = runs[i];
        uint32_t level = level_of(events[run.at]);
        size_t cells = run.symbols > 1 ? run.symbols : 0;

        if (run.count < least[level])
            continue;
        runs[size.contexts++] = run;
        size.cells += cells;
        size.level_bytes[level] += BYTES_OF_CONTEXT + cells * sizeof(struct symbol_cell);
    }
    *count = size.contexts;
    return size;
}

/* Of the level that takes most, each level counted half of the one before it: the specific ones give first. */
static void raise_least(uint32_t *least, const struct table_size *size)
{
    uint32_t at = 0;

    for (uint32_t level = 1; level < SYMBOL_LEVELS; level++) {
        if (size->level_bytes[level] >> level > size->level_bytes[at] >> at)
            at = level;
    }
    least[at] += (least[at] + 1) / 2;
}

/* ---- building ---- */

/* The bucket where the search for a context begins. */
static uint32_t first_bucket(const struct symbol_table *table, uint64_t context)
{
    return (uint32_t)((uint64_t)(uint32_t)(context >> 32) * table->bucket_count >> 32);
}

static uint32_t tag_of(uint64_t context)
{
    return (uint32_t)(context >> 16);
}

static uint32_t next_bucket(const struct symbol_table *table, uint32_t at)
{
    return at + 1 < table->bucket_count ? at + 1 : 0;
}

/* Of two contexts with one tag the second would not be found: it is left out. */
static void put_slot(struct symbol_table *table, symbol_event context, uint32_t what)
{
    uint32_t tag = tag_of(context);

    for (uint32_t at = first_bucket(table, context);; at = next_bucket(table, at)) {
        struct symbol_bucket *bucket = &table->buckets[at];

        for (int i = 0; i < SYMBOL_BUCKET_SLOTS; i++) {
            if (bucket->what[i] != 0 && bucket->tags[i] == tag)
                return;
            if (bucket->what[i] != 0)
                continue;
            bucket->tags[i] = tag;
            bucket->what[i] = what;
            table->context_count++;
            return;
        }
    }
}

/* Counts add up to at most SYMBOL_MAX_COUNT; none vanishes. */
static void put_cells(struct symbol_table *table, const symbol_event *events, size_t count, uint32_t symbols)
{
    size_t most = count > SYMBOL_MAX_COUNT - symbols ? SYMBOL_MAX_COUNT - symbols : count;
    uint32_t sum = 0;
    struct symbol_cell *cell = table->cells + table->cell_count + symbols;

    for (size_t end = count, at = end; end > 0; end = at) {
        while (at > 0 && events[at - 1] == events[end - 1])
            at--;
        sum += most == count ? (uint32_t)(end - at) : (uint32_t)((end - at) * most / count) + 1;
        *--cell = (struct symbol_cell){ (uint16_t)events[at], (uint16_t)sum };
    }
    table->cell_count += symbols;
}

static void put_context(struct symbol_table *table, const symbol_event *events, size_t count, uint32_t symbols)
{
    if (symbols > 1) {
        put_slot(table, events[0], table->cell_count << SIZE_BITS | symbols);
        put_cells(table, events, count, symbols);
        return;
    }
    count = count > SYMBOL_MAX_COUNT ? SYMBOL_MAX_COUNT : count;
    put_slot(table, events[0], UINT32_C(1) << IS_ONLY_SHIFT | (uint32_t)count << 16 | (uint16_t)events[0]);
}

void symbol_table_build(struct symbol_table *table, symbol_event *events, size_t count, size_t most_bytes)
{
    uint32_t least[SYMBOL_LEVELS] = { 2, 1, 1, 1, 1, 1, 1, 1 }; /* events of a context that counts */
    struct table_size size;
    struct run *runs;
    size_t used;

    radix_sort(events, count, 0);
    runs = find_runs(events, count, &used);
    size = keep_runs(events, runs, &used, least);
    while (bytes_of(&size) > most_bytes || size.cells > MAX_CELLS) {
        raise_least(least, &size);
        size = keep_runs(events, runs, &used, least);
    }
    *table = (struct symbol_table){ .bucket_count = (uint32_t)buckets_for(size.contexts) };
    table->memory = memory_alloc_array(table->bucket_count + 1, sizeof *table->buckets);
    table->buckets = (struct symbol_bucket *)(((uintptr_t)table->memory + BUCKET_BYTES - 1) & ~(BUCKET_BYTES - 1));
    table->cells = memory_alloc_array(size.cells + 1, sizeof *table->cells);
    for (size_t i = 0; i < used; i++)
        put_context(table, events + runs[i].at, runs[i].count, runs[i].symbols);
    free(runs);
}

void symbol_table_release(struct symbol_table *table)
{
    free(table->memory);
    free(table->cells);
}

size_t symbol_table_bytes(const struct symbol_table *table)
{
    struct table_size size = { .contexts = table->context_count, .cells = table->cell_count };

    return bytes_of(&size);
}

/* ---- looking up ---- */

typedef uint32_t lanes __attribute__((vector_size(16)));

/* What the bucket has of the tag; 0: nothing. All slots at once, for which one it is cannot be foreseen. */
static uint32_t look_up(const struct symbol_bucket *bucket, uint32_t tag)
{
    lanes found = { 0 };

    for (int i = 0; i < SYMBOL_BUCKET_SLOTS; i += 4) {
        lanes tags;
        lanes what;

        memcpy(&tags, bucket->tags + i, sizeof tags);
        memcpy(&what, bucket->what + i, sizeof what);
        found |= what & (lanes)(tags == tag);
    }
    return found[0] | found[1] | found[2] | found[3];
}

bool symbol_table_find(const struct symbol_table *table, uint64_t context, uint32_t level,
                       struct symbol_counts *counts)
{
    symbol_event event = symbol_event_of(context, level, 0);
    uint32_t tag = tag_of(event);
    uint32_t at = first_bucket(table, event);
    uint32_t found = look_up(&table->buckets[at], tag);

    while (found == 0 && table->buckets[at].what[SYMBOL_BUCKET_SLOTS - 1] != 0) {
        at = next_bucket(table, at);
        found = look_up(&table->buckets[at], tag);
    }
    if (found == 0)
        return false;
    if (found >> IS_ONLY_SHIFT) {
        counts->total = found >> 16 & SYMBOL_MAX_COUNT;
        counts->only = (struct symbol_cell){ (uint16_t)found, (uint16_t)counts->total };
        counts->cells = &counts->only;
        counts->size = 1;
        return true;
    }
    counts->size = found & ((1 << SIZE_BITS) - 1);
    counts->cells = table->cells + (found >> SIZE_BITS);
    counts->total = counts->cells[0].count;
    return true;
}
