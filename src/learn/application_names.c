#include "learn/application_names.h"

#include <string.h>

#include "base/memory.h"
#include "base/random.h"

/* The slot that holds the name, or the empty one where it belongs. */
static uint32_t *name_slot(struct application_names *table, const struct network_stats *stats,
                           const char *name)
{
    uint64_t hash = 0;
    size_t slot;

    for (const char *c = name; *c; c++)
        hash = hash * 31 + (uint8_t)*c;
    slot = (size_t)random_mix64(hash) % (2 * APPLICATION_NAMES_MAX);
    while (table->slots[slot] > 0 &&
           strcmp(stats->application_names[table->slots[slot] - 1], name) != 0)
        slot = (slot + 1) % (2 * APPLICATION_NAMES_MAX);
    return &table->slots[slot];
}

void application_names_init(struct application_names *table, const struct network_stats *stats)
{
    memset(table, 0, sizeof *table);
    for (size_t i = 0; i < stats->application_count && i < APPLICATION_NAMES_MAX; i++)
        *name_slot(table, stats, stats->application_names[i]) = (uint32_t)i + 1;
}

uint32_t application_names_put(struct application_names *table, struct network_stats *stats, const char *name)
{
    uint32_t *slot = name_slot(table, stats, name);

    if (*slot > 0)
        return *slot - 1;
    if (stats->application_count >= APPLICATION_NAMES_MAX || strlen(name) > APPLICATION_NAME_BYTES)
        return APPLICATION_NONE;
    stats->application_names =
        memory_grow(stats->application_names, &stats->application_capacity,
                    stats->application_count + 1, sizeof *stats->application_names);
    stats->application_names[stats->application_count++] = memory_copy_text(name);
    *slot = (uint32_t)stats->application_count;
    return *slot - 1;
}
