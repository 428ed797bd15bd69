#include "learn/name_table.h"

#include <string.h>

#include "base/memory.h"
#include "base/random.h"

/* The slot that holds the name, or the empty one where it belongs. */
static uint32_t *name_slot(struct name_table *table, const struct network_stats *stats,
                           const char *name)
{
    uint64_t hash = 0;
    size_t slot;

    for (const char *c = name; *c; c++)
        hash = hash * 31 + (uint8_t)*c;
    slot = (size_t)random_mix64(hash) % (2 * NAME_TABLE_MAX);
    while (table->slots[slot] > 0 &&
           strcmp(stats->application_names[table->slots[slot] - 1], name) != 0)
        slot = (slot + 1) % (2 * NAME_TABLE_MAX);
    return &table->slots[slot];
}

void name_table_init(struct name_table *table, const struct network_stats *stats)
{
    memset(table, 0, sizeof *table);
    for (size_t i = 0; i < stats->application_count && i < NAME_TABLE_MAX; i++)
        *name_slot(table, stats, stats->application_names[i]) = (uint32_t)i + 1;
}

uint32_t name_table_put(struct name_table *table, struct network_stats *stats, const char *name)
{
    uint32_t *slot = name_slot(table, stats, name);

    if (*slot > 0)
        return *slot - 1;
    if (stats->application_count >= NAME_TABLE_MAX || strlen(name) > NAME_MAX_BYTES)
        return NAME_NONE;
    stats->application_names =
        memory_grow(stats->application_names, &stats->application_capacity,
                    stats->application_count + 1, sizeof *stats->application_names);
    stats->application_names[stats->application_count++] = memory_copy_text(name);
    *slot = (uint32_t)stats->application_count;
    return *slot - 1;
}
