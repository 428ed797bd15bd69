#include "records/tuple_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { FIRST_BUCKETS = 1024 /* a power of two */ };

/* ---- the tree of one tuple ---- */

static uint64_t priority(const struct hash_key *key, const struct held_flow *flow)
{
    return hash_number(key, flow->sequence);
}

static bool begins_before(const struct held_flow *a, const struct held_flow *b)
{
    int64_t a_ns = held_flow_start(a), b_ns = held_flow_start(b);

    return a_ns != b_ns ? a_ns < b_ns : a->sequence < b->sequence;
}

/* Parts a tree into what begins before a flow, and the rest. */
static void tree_split(struct held_flow *flows, uint32_t root, const struct held_flow *at,
                       uint32_t *before, uint32_t *behind)
{
    while (root != HELD_NONE) {
        struct held_flow *flow = &flows[root];

        if (begins_before(flow, at)) {
            *before = root;
            before = &flow->later;
            root = *before;
        } else {
            *behind = root;
            behind = &flow->earlier;
            root = *behind;
        }
    }
    *before = *behind = HELD_NONE;
}

/* The opposite: all of the one begins before all of the other. */
static uint32_t tree_join(const struct hash_key *key, struct held_flow *flows, uint32_t before, uint32_t behind)
{
    uint32_t root;
    uint32_t *link = &root;

    while (before != HELD_NONE && behind != HELD_NONE) {
        if (priority(key, &flows[before]) > priority(key, &flows[behind])) {
            *link = before;
            link = &flows[before].later;
            before = *link;
        } else {
            *link = behind;
            link = &flows[behind].earlier;
            behind = *link;
        }
    }
    *link = before != HELD_NONE ? before : behind;
    return root;
}

static void tree_insert(const struct hash_key *key, struct held_flow *flows, uint32_t *root, uint32_t index)
{
    struct held_flow *flow = &flows[index];
    uint32_t *link = root;

    while (*link != HELD_NONE && priority(key, &flows[*link]) >= priority(key, flow))
        link = begins_before(flow, &flows[*link]) ? &flows[*link].earlier : &flows[*link].later;
    tree_split(flows, *link, flow, &flow->earlier, &flow->later);
    *link = index;
}

static void tree_remove(const struct hash_key *key, struct held_flow *flows, uint32_t *root, uint32_t index)
{
    const struct held_flow *flow = &flows[index];
    uint32_t *link = root;

    while (*link != index)
        link = begins_before(flow, &flows[*link]) ? &flows[*link].earlier : &flows[*link].later;
    *link = tree_join(key, flows, flow->earlier, flow->later);
}

/* ---- the table of tuples ---- */

static void make_buckets(struct tuple_table *table, size_t count)
{
    table->buckets = memory_alloc_array(count, sizeof *table->buckets);
    memset(table->buckets, 0xff, count * sizeof *table->buckets); /* HELD_NONE */
    table->bucket_mask = count - 1;
}

void tuple_table_init(struct tuple_table *table)
{
    table->key = hash_key_new();
    table->tuples = 0;
    make_buckets(table, FIRST_BUCKETS);
}

void tuple_table_release(struct tuple_table *table)
{
    free(table->buckets);
}

void tuple_table_clear(struct tuple_table *table)
{
    free(table->buckets);
    table->tuples = 0;
    make_buckets(table, FIRST_BUCKETS);
}

static void grow(struct tuple_table *table, struct held_flow *flows)
{
    uint32_t *old = table->buckets;
    size_t old_count = table->bucket_mask + 1;

    make_buckets(table, old_count * 2);
    for (size_t i = 0; i < old_count; i++) {
        uint32_t next;

        for (uint32_t root = old[i]; root != HELD_NONE; root = next) {
            uint32_t *bucket = &table->buckets[flows[root].hash & table->bucket_mask];

            next = flows[root].chain;
            flows[root].chain = *bucket;
            *bucket = root;
        }
    }
    free(old);
}

/* The same for both directions. */
uint32_t tuple_table_hash(const struct tuple_table *table, const struct log_record *record)
{
    uint64_t source = hash_endpoint(&table->key, record->address[0].bytes, record->port[0]);
    uint64_t destination = hash_endpoint(&table->key, record->address[1].bytes, record->port[1]);

    return (uint32_t)(hash_two(&table->key, source + destination, record->protocol) >> 32);
}

static int matching_end(const struct held_flow *flow, const struct ip_address address[2],
                        const uint16_t port[2])
{
    for (int end = 0; end < 2; end++) {
        if (flow->port[end] == port[0] && flow->port[!end] == port[1] &&
            ip_address_equal(&flow->address[end], &address[0]) &&
            ip_address_equal(&flow->address[!end], &address[1]))
            return end;
    }
    return -1;
}

int tuple_source_end(const struct held_flow *flow, const struct log_record *record)
{
    return flow->protocol == record->protocol ? matching_end(flow, record->address, record->port) : -1;
}

/* Where the root of a flow's tuple stands; *link is HELD_NONE when the tuple is new. */
static uint32_t *find_link(struct tuple_table *table, struct held_flow *flows, const struct held_flow *flow)
{
    uint32_t *link = &table->buckets[flow->hash & table->bucket_mask];

    while (*link != HELD_NONE) {
        const struct held_flow *root = &flows[*link];

        if (root->hash == flow->hash && root->protocol == flow->protocol &&
            matching_end(root, flow->address, flow->port) >= 0)
            break;
        link = &flows[*link].chain;
    }
    return link;
}

/* In front of its bucket: the answer is likely to come next. */
static void insert_tuple(struct tuple_table *table, struct held_flow *flows, uint32_t flow)
{
    uint32_t *bucket = &table->buckets[flows[flow].hash & table->bucket_mask];

    flows[flow].earlier = flows[flow].later = HELD_NONE;
    flows[flow].chain = *bucket;
    *bucket = flow;
    if (++table->tuples > table->bucket_mask)
        grow(table, flows);
}

void tuple_table_insert(struct tuple_table *table, struct held_flow *flows, uint32_t flow)
{
    uint32_t *link = find_link(table, flows, &flows[flow]);
    uint32_t root = *link;
    uint32_t next;

    if (root == HELD_NONE) {
        insert_tuple(table, flows, flow);
        return;
    }
    next = flows[root].chain;
    tree_insert(&table->key, flows, &root, flow);
    *link = root;
    flows[root].chain = next;
}

void tuple_table_remove(struct tuple_table *table, struct held_flow *flows, uint32_t flow)
{
    uint32_t *link = find_link(table, flows, &flows[flow]);
    uint32_t root = *link;
    uint32_t next = flows[root].chain;

    tree_remove(&table->key, flows, &root, flow);
    if (root == HELD_NONE) {
        *link = next;
        table->tuples--;
        return;
    }
    *link = root;
    flows[root].chain = next;
}

void tuple_table_around(const struct tuple_table *table, const struct held_flow *flows, uint32_t hash,
                        const struct log_record *record, uint32_t around[2])
{
    uint32_t at = table->buckets[hash & table->bucket_mask];

    around[0] = around[1] = HELD_NONE;
    while (at != HELD_NONE && (flows[at].hash != hash || tuple_source_end(&flows[at], record) < 0))
        at = flows[at].chain;
    while (at != HELD_NONE) {
        bool is_behind = held_flow_start(&flows[at]) > record->start_ns;

        around[is_behind] = at;
        at = is_behind ? flows[at].earlier : flows[at].later;
    }
}
