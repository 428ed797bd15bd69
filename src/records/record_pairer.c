#include "records/record_pairer.h"

#include <stdlib.h>
#include <string.h>

#include "base/keyed_hash.h"
#include "base/memory.h"
#include "net/wire.h"
#include "records/flow_of_log.h"
#include "records/held_flow.h"
#include "records/start_heap.h"

enum { FIRST_BUCKETS = 1024 /* a power of two */ };

struct record_pairer {
    record_sink *sink;
    void *sink_self;
    struct pairer_counts counts;
    uint64_t secret; /* of the buckets */
    struct held_flow *flows;
    size_t used, capacity; /* of flows, free ones included */
    size_t held;
    size_t max_flows;
    uint32_t free_flow;
    uint32_t *buckets;
    size_t bucket_mask;
    size_t in_table;
    struct start_heap heap;
    int64_t newest_ns;   /* end of any record */
    int64_t released_ns; /* latest start given out */
    uint64_t sequence;
};

static uint64_t hash_end(uint64_t secret, const struct ip_address *address, uint16_t port)
{
    uint64_t words[2];
    uint64_t hash;

    memcpy(words, address->bytes, sizeof words);
    hash = keyed_hash_word(secret, keyed_hash_word(secret, secret, words[0]), words[1]);
    return keyed_hash_word(secret, hash, port);
}

/* The same for both directions. */
static uint32_t hash_record(const struct record_pairer *p, const struct log_record *record)
{
    uint64_t source = hash_end(p->secret, &record->address[0], record->port[0]);
    uint64_t destination = hash_end(p->secret, &record->address[1], record->port[1]);

    return (uint32_t)(keyed_hash_word(p->secret, source + destination, record->protocol) >> 32);
}

/* The end of the flow that is the record's source, or -1: another tuple. */
static int source_end(const struct held_flow *flow, const struct log_record *record)
{
    if (flow->protocol != record->protocol)
        return -1;
    for (int end = 0; end < 2; end++) {
        if (flow->port[end] == record->port[0] && flow->port[!end] == record->port[1] &&
            ip_address_equal(&flow->address[end], &record->address[0]) &&
            ip_address_equal(&flow->address[!end], &record->address[1]))
            return end;
    }
    return -1;
}

static uint32_t find_newest(const struct record_pairer *p, uint32_t hash,
                            const struct log_record *record, int *end)
{
    uint32_t index = p->buckets[hash & p->bucket_mask];

    while (index != HELD_NONE) {
        const struct held_flow *flow = &p->flows[index];

        if (flow->hash == hash) {
            *end = source_end(flow, record);
            if (*end >= 0)
                return index;
        }
        index = flow->chain;
    }
    return HELD_NONE;
}

static void table_insert(struct record_pairer *p, uint32_t index)
{
    uint32_t *bucket = &p->buckets[p->flows[index].hash & p->bucket_mask];

    p->flows[index].chain = *bucket;
    *bucket = index;
}

static void table_remove(struct record_pairer *p, uint32_t index)
{
    uint32_t *link = &p->buckets[p->flows[index].hash & p->bucket_mask];

    if (!p->flows[index].is_newest)
        return;
    while (*link != index)
        link = &p->flows[*link].chain;
    *link = p->flows[index].chain;
    p->flows[index].is_newest = false;
    p->in_table--;
}

static void make_buckets(struct record_pairer *p, size_t count)
{
    free(p->buckets);
    p->buckets = memory_alloc_array(count, sizeof *p->buckets);
    memset(p->buckets, 0xff, count * sizeof *p->buckets); /* HELD_NONE */
    p->bucket_mask = count - 1;
}

static void table_grow(struct record_pairer *p)
{
    make_buckets(p, (p->bucket_mask + 1) * 2);
    for (uint32_t i = 0; i < p->used; i++) {
        if (p->flows[i].is_newest)
            table_insert(p, i);
    }
}

static uint32_t take_free_flow(struct record_pairer *p)
{
    uint32_t index = p->free_flow;

    if (index != HELD_NONE) {
        p->free_flow = p->flows[index].chain;
        return index;
    }
    p->flows = memory_grow(p->flows, &p->capacity, p->used + 1, sizeof *p->flows);
    return (uint32_t)p->used++;
}

static void give_out(struct record_pairer *p, const struct start_entry *entry)
{
    struct flow_record record = flow_of_log(&p->flows[entry->flow]);

    if (entry->start_ns < p->released_ns)
        p->counts.late++;
    else
        p->released_ns = entry->start_ns;
    p->counts.flows++;
    p->sink(p->sink_self, &record);
}

/* The flow with the earliest start leaves; there is one. Returns when it was heard last. */
static int64_t release_first(struct record_pairer *p)
{
    struct start_entry first = start_heap_pop(&p->heap, p->flows);
    struct held_flow *flow = &p->flows[first.flow];

    give_out(p, &first);
    table_remove(p, first.flow);
    flow->sequence = UINT64_MAX;
    flow->chain = p->free_flow;
    p->free_flow = first.flow;
    p->held--;
    return flow->last_ns;
}

static void make_room(struct record_pairer *p)
{
    while (p->held >= p->max_flows) {
        if (release_first(p) > p->newest_ns - RECORD_IDLE_NS)
            p->counts.ended_early++;
    }
}

static bool is_closed(const struct held_flow *flow)
{
    return (flow->tcp_flags[0] | flow->tcp_flags[1]) & (TCP_FIN | TCP_RST);
}

/* A SYN of an end that has been heard already, behind the end of a connection that was closed. */
static bool begins_anew(const struct held_flow *flow, const struct log_record *record, int end)
{
    bool heard = record->packets[0] == 0 || flow->packets[end] > 0;
    bool syn = (record->tcp_flags[0] | record->tcp_flags[1]) & TCP_SYN;

    return syn && heard && is_closed(flow) && record->start_ns >= flow->last_ns;
}

static bool belongs(const struct held_flow *flow, const struct log_record *record, int end)
{
    int64_t end_ns = record->start_ns + record->duration_ns;

    return record->start_ns - flow->last_ns <= RECORD_IDLE_NS &&
           held_flow_start(flow) - end_ns <= RECORD_IDLE_NS && !begins_anew(flow, record, end);
}

static uint32_t begin_flow(struct record_pairer *p, uint32_t hash, const struct log_record *record)
{
    uint32_t index;
    struct held_flow *flow;

    make_room(p);
    index = take_free_flow(p);
    flow = &p->flows[index];
    *flow = (struct held_flow){
        .address = { record->address[0], record->address[1] },
        .first_ns = { HELD_NOT_SEEN, HELD_NOT_SEEN },
        .last_ns = record->start_ns,
        .sequence = p->sequence++,
        .hash = hash,
        .port = { record->port[0], record->port[1] },
        .protocol = record->protocol,
        .initiator = LOG_END_UNKNOWN,
        .closing = LOG_END_UNKNOWN,
        .payload_known = true,
        .is_newest = true,
    };
    p->held++;
    if (++p->in_table > p->bucket_mask)
        table_grow(p); /* inserts it */
    else
        table_insert(p, index);
    return index;
}

/* An end of the record as an end of the flow. */
static uint8_t turned(enum log_end of_record, int source)
{
    if (of_record == LOG_END_UNKNOWN)
        return LOG_END_UNKNOWN;
    return (uint8_t)(of_record == LOG_END_SOURCE ? source : !source);
}

/* What is counted from the beginning again holds what was counted before. */
static uint64_t grown(uint64_t before, uint64_t now, bool is_restated)
{
    if (is_restated)
        return before > now ? before : now;
    return before + now;
}

static void add_to_flow(struct held_flow *flow, const struct log_record *record, int source)
{
    int64_t end_ns = record->start_ns + record->duration_ns;
    bool is_restated = record->is_cumulative && record->start_ns < flow->last_ns;

    for (int i = 0; i < 2; i++) {
        int end = i == 0 ? source : !source;

        flow->packets[end] = grown(flow->packets[end], record->packets[i], is_restated);
        flow->bytes[end] = grown(flow->bytes[end], record->bytes[i], is_restated);
        flow->payload_bytes[end] = grown(flow->payload_bytes[end], record->payload_bytes[i], is_restated);
        flow->tcp_flags[end] |= record->tcp_flags[i];
        if (record->packets[i] > 0 && record->start_ns < flow->first_ns[end])
            flow->first_ns[end] = record->start_ns;
    }
    if (end_ns > flow->last_ns)
        flow->last_ns = end_ns;
    if (record->grain_ns > flow->grain_ns)
        flow->grain_ns = (uint32_t)record->grain_ns;
    flow->payload_known &= record->payload_known;
    if (flow->initiator == LOG_END_UNKNOWN)
        flow->initiator = turned(record->initiator, source);
    if (flow->closing == LOG_END_UNKNOWN)
        flow->closing = turned(record->closing, source);
}

struct record_pairer *record_pairer_new(size_t max_flows, record_sink *sink, void *sink_self)
{
    struct record_pairer *p = memory_alloc(sizeof *p);

    p->sink = sink;
    p->sink_self = sink_self;
    p->max_flows = max_flows > 0 ? max_flows : 1;
    if (p->max_flows > UINT32_MAX / 2)
        p->max_flows = UINT32_MAX / 2;
    p->free_flow = HELD_NONE;
    make_buckets(p, FIRST_BUCKETS);
    p->secret = keyed_hash_secret();
    return p;
}

void record_pairer_free(struct record_pairer *p)
{
    if (p == NULL)
        return;
    free(p->flows);
    free(p->buckets);
    start_heap_release(&p->heap);
    free(p);
}

void record_pairer_add(struct record_pairer *p, const struct log_record *record)
{
    uint32_t hash = hash_record(p, record);
    int source = 0;
    uint32_t index = find_newest(p, hash, record, &source);
    int64_t start_ns;

    p->counts.records++;
    if (record->start_ns + record->duration_ns > p->newest_ns)
        p->newest_ns = record->start_ns + record->duration_ns;
    if (index != HELD_NONE && !belongs(&p->flows[index], record, source)) {
        table_remove(p, index);
        index = HELD_NONE;
    }
    if (index == HELD_NONE) {
        index = begin_flow(p, hash, record);
        source = 0;
    } else {
        p->counts.joined++;
    }
    start_ns = held_flow_start(&p->flows[index]);
    add_to_flow(&p->flows[index], record, source);
    if (held_flow_start(&p->flows[index]) != start_ns)
        start_heap_push(&p->heap, p->flows, index, p->held);
}

void record_pairer_flush(struct record_pairer *p)
{
    start_heap_sort(&p->heap);
    for (size_t i = 0; i < p->heap.used; i++) {
        if (!start_entry_is_stale(&p->heap.entries[i], p->flows))
            give_out(p, &p->heap.entries[i]);
    }
    p->heap.used = p->used = p->held = p->in_table = 0;
    p->free_flow = HELD_NONE;
    make_buckets(p, FIRST_BUCKETS);
    p->newest_ns = p->released_ns = 0;
}

const struct pairer_counts *record_pairer_counts(const struct record_pairer *p)
{
    return &p->counts;
}
