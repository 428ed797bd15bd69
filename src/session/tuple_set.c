#include "session/tuple_set.h"

#include <stdlib.h>

#include "base/memory.h"

enum { FIRST_BUCKETS = 1024 };

static struct tuple_entry **bucket_of(const struct tuple_set *set, const struct flow_tuple *tuple)
{
    return &set->buckets[(size_t)flow_tuple_hash(tuple) & set->bucket_mask];
}

static void link_entry(struct tuple_set *set, struct tuple_entry *entry)
{
    struct tuple_entry **bucket = bucket_of(set, &entry->tuple);

    entry->next = *bucket;
    *bucket = entry;
}

static void grow(struct tuple_set *set)
{
    struct tuple_set grown = { .bucket_mask = set->bucket_mask * 2 + 1, .count = set->count };

    grown.buckets = memory_alloc_array(grown.bucket_mask + 1, sizeof *grown.buckets);
    for (size_t i = 0; i <= set->bucket_mask; i++) {
        while (set->buckets[i]) {
            struct tuple_entry *entry = set->buckets[i];

            set->buckets[i] = entry->next;
            link_entry(&grown, entry);
        }
    }
    free(set->buckets);
    *set = grown;
}

void tuple_set_init(struct tuple_set *set)
{
    *set = (struct tuple_set){ .bucket_mask = FIRST_BUCKETS - 1 };
    set->buckets = memory_alloc_array(FIRST_BUCKETS, sizeof *set->buckets);
}

void tuple_set_release(struct tuple_set *set)
{
    free(set->buckets);
    *set = (struct tuple_set){ 0 };
}

void tuple_set_put(struct tuple_set *set, struct tuple_entry *entry)
{
    link_entry(set, entry);
    if (++set->count > set->bucket_mask)
        grow(set);
}

void tuple_set_remove(struct tuple_set *set, struct tuple_entry *entry)
{
    struct tuple_entry **link = bucket_of(set, &entry->tuple);

    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    set->count--;
}

bool tuple_set_has(const struct tuple_set *set, const struct flow_tuple *tuple)
{
    const struct tuple_entry *entry = *bucket_of(set, tuple);

    while (entry && !flow_tuple_equal(&entry->tuple, tuple))
        entry = entry->next;
    return entry != NULL;
}
