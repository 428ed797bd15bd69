#include "learn/label_names.h"

#include <string.h>

#include "base/memory.h"
#include "base/random.h"

/* The slot that holds the name, or the empty one where it belongs. */
static uint32_t *name_slot(struct label_names *table, const struct network_stats *stats, const char *name)
{
    uint64_t hash = 0;
    size_t slot;

    for (const char *c = name; *c; c++)
        hash = hash * 31 + (uint8_t)*c;
    slot = (size_t)random_mix64(hash) % (2 * LABELS_MAX);
    while (table->slots[slot] > 0 && strcmp(network_stats_label(stats, table->slots[slot]), name) != 0)
        slot = (slot + 1) % (2 * LABELS_MAX);
    return &table->slots[slot];
}

void label_names_init(struct label_names *table, const struct network_stats *stats)
{
    memset(table, 0, sizeof *table);
    for (uint32_t label = 1; label <= stats->label_count; label++)
        *name_slot(table, stats, network_stats_label(stats, label)) = label;
}

uint32_t label_names_put(struct label_names *table, struct network_stats *stats, const char *name)
{
    uint32_t *slot = name_slot(table, stats, name);

    if (*slot == 0 && stats->label_count < LABELS_MAX && strlen(name) <= LABEL_MAX_NAME) {
        stats->labels = memory_grow(stats->labels, &stats->label_capacity, (size_t)stats->label_count + 1,
                                    sizeof *stats->labels);
        stats->labels[stats->label_count++] = memory_copy_text(name);
        *slot = stats->label_count;
    }
    return *slot;
}
