#include "records/record_pairer.h"

#include <stdlib.h>
#include <string.h>

#include "base/keyed_hash.h"
#include "base/memory.h"
#include "net/service_side.h"
#include "net/wire.h"

enum {
    FIRST_BUCKETS = 1024, /* a power of two */
    SEGMENT_BYTES = 1448, /* payload of a full segment with timestamps */
    SYN_BYTES = 80,       /* no SYN is larger */
    HEAP_SLACK = 1024
};

#define NO_FLOW UINT32_MAX
#define NOT_SEEN INT64_MAX

/* A flow that is held. Ends as in its first record. */
struct held_flow {
    struct ip_address address[2];
    int64_t first_ns[2]; /* of what each end sent; NOT_SEEN */
    int64_t last_ns;
    uint64_t packets[2];
    uint64_t bytes[2];
    uint64_t payload_bytes[2];
    uint64_t sequence; /* of its first record */
    uint32_t hash;
    uint32_t chain;    /* next of its bucket, or of the free ones */
    uint32_t grain_ns;
    uint16_t port[2];
    uint8_t protocol;
    uint8_t tcp_flags[2];
    uint8_t initiator; /* enum log_end */
    uint8_t closing;   /* enum log_end */
    bool payload_known;
    bool is_newest; /* of its tuple: in the hash table */
};

/*
 * A heap by start. When the start of a flow moves to an earlier time, it gets a second entry, and the first is
 * stale: it is known by its start, or by the sequence of a flow that took the place.
 */
struct heap_entry {
    int64_t start_ns;
    uint64_t sequence;
    uint32_t flow;
};

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
    struct heap_entry *heap;
    size_t heap_used, heap_capacity;
    int64_t newest_ns;   /* end of any record */
    int64_t released_ns; /* latest start given out */
    uint64_t sequence;
};

static int64_t start_of(const struct held_flow *flow)
{
    return flow->first_ns[0] < flow->first_ns[1] ? flow->first_ns[0] : flow->first_ns[1];
}

static bool is_before(const struct heap_entry *a, const struct heap_entry *b)
{
    return a->start_ns != b->start_ns ? a->start_ns < b->start_ns : a->sequence < b->sequence;
}

static void heap_sift_down(struct record_pairer *p, size_t at, struct heap_entry entry)
{
    for (;;) {
        size_t child = at * 2 + 1;

        if (child >= p->heap_used)
            break;
        if (child + 1 < p->heap_used && is_before(&p->heap[child + 1], &p->heap[child]))
            child++;
        if (!is_before(&p->heap[child], &entry))
            break;
        p->heap[at] = p->heap[child];
        at = child;
    }
    p->heap[at] = entry;
}

static bool is_stale(const struct record_pairer *p, const struct heap_entry *entry)
{
    const struct held_flow *flow = &p->flows[entry->flow];

    return flow->sequence != entry->sequence || start_of(flow) != entry->start_ns;
}

/* Drops stale entries, so that there are never many more entries than flows. */
static void heap_clean(struct record_pairer *p)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->heap_used; i++) {
        if (!is_stale(p, &p->heap[i]))
            p->heap[kept++] = p->heap[i];
    }
    p->heap_used = kept;
    for (size_t i = kept / 2; i-- > 0;)
        heap_sift_down(p, i, p->heap[i]);
}

static void heap_push(struct record_pairer *p, uint32_t index)
{
    struct heap_entry entry = { start_of(&p->flows[index]), p->flows[index].sequence, index };
    size_t at;

    if (p->heap_used > p->held + p->held / 4 + HEAP_SLACK)
        heap_clean(p);
    p->heap = memory_grow(p->heap, &p->heap_capacity, p->heap_used + 1, sizeof *p->heap);
    at = p->heap_used++;
    while (at > 0 && is_before(&entry, &p->heap[(at - 1) / 2])) {
        p->heap[at] = p->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    p->heap[at] = entry;
}

static struct heap_entry heap_pop(struct record_pairer *p)
{
    struct heap_entry first = p->heap[0];
    struct heap_entry last = p->heap[--p->heap_used];

    if (p->heap_used > 0)
        heap_sift_down(p, 0, last);
    return first;
}

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

    while (index != NO_FLOW) {
        const struct held_flow *flow = &p->flows[index];

        if (flow->hash == hash) {
            *end = source_end(flow, record);
            if (*end >= 0)
                return index;
        }
        index = flow->chain;
    }
    return NO_FLOW;
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
    memset(p->buckets, 0xff, count * sizeof *p->buckets); /* NO_FLOW */
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

    if (index != NO_FLOW) {
        p->free_flow = p->flows[index].chain;
        return index;
    }
    p->flows = memory_grow(p->flows, &p->capacity, p->used + 1, sizeof *p->flows);
    return (uint32_t)p->used++;
}

/* Who began, when no record says so: the rules of flow_tracker.c, as far as a log shows what they ask. */
static enum log_end find_initiator(const struct held_flow *flow)
{
    bool half = flow->packets[0] == 0 || flow->packets[1] == 0;
    int earlier = flow->first_ns[1] < flow->first_ns[0];
    int64_t apart_ns = half ? 0 : llabs(flow->first_ns[0] - flow->first_ns[1]);
    bool syn_seen = (flow->tcp_flags[0] | flow->tcp_flags[1]) & TCP_SYN;
    int service = service_side(flow->protocol, flow->port[0], flow->port[1]);

    if (ip_address_is_group(&flow->address[0]) != ip_address_is_group(&flow->address[1]))
        return ip_address_is_group(&flow->address[0]) ? LOG_END_DESTINATION : LOG_END_SOURCE;
    for (int end = 0; end < 2; end++) {
        if ((flow->tcp_flags[end] & (TCP_SYN | TCP_ACK)) == TCP_SYN && flow->packets[end] > 0)
            return (enum log_end)end;
    }
    if (service != 0 && (half || apart_ns < flow->grain_ns || (flow->protocol == IP_TCP && !syn_seen)))
        return service > 0 ? LOG_END_DESTINATION : LOG_END_SOURCE;
    return (enum log_end)earlier;
}

static enum flow_opening find_opening(const struct flow_record *r)
{
    uint8_t initiator = r->tcp_flags[FLOW_INITIATOR], responder = r->tcp_flags[FLOW_RESPONDER];

    if ((initiator | responder) == 0) { /* the log has no flags */
        if (r->packets[FLOW_INITIATOR] >= 2 && r->packets[FLOW_RESPONDER] >= 2)
            return FLOW_OPENING_HANDSHAKE;
        return r->packets[FLOW_RESPONDER] == 0 &&
                       r->bytes[FLOW_INITIATOR] / SYN_BYTES <= r->packets[FLOW_INITIATOR]
                   ? FLOW_OPENING_ATTEMPT
                   : FLOW_OPENING_NONE;
    }
    if (!(initiator & TCP_SYN))
        return FLOW_OPENING_NONE;
    /* what answers may have taken another way: who acknowledges was answered */
    return (responder & TCP_SYN) || (initiator & TCP_ACK) ? FLOW_OPENING_HANDSHAKE
                                                          : FLOW_OPENING_ATTEMPT;
}

/* A FIN counts before a RST: after one, resets are common. */
static void find_ending(struct flow_record *r, const struct held_flow *flow, enum log_end initiator)
{
    uint8_t both = r->tcp_flags[0] | r->tcp_flags[1];
    uint8_t mark = both & TCP_FIN ? TCP_FIN : TCP_RST;

    if (!(both & mark))
        return;
    r->ending = mark == TCP_FIN ? FLOW_ENDING_FIN : FLOW_ENDING_RESET;
    if (flow->closing != LOG_END_UNKNOWN)
        r->closing_side = flow->closing == initiator ? FLOW_INITIATOR : FLOW_RESPONDER;
    else
        r->closing_side = r->tcp_flags[FLOW_INITIATOR] & mark ? FLOW_INITIATOR : FLOW_RESPONDER;
}

/* A log knows no packets: as many with payload as it takes, and one turn each way. */
static void estimate_data(struct flow_record *r, bool payload_known)
{
    if (r->protocol == IP_TCP && r->opening == FLOW_OPENING_ATTEMPT && !payload_known)
        r->payload_bytes[0] = r->payload_bytes[1] = 0;
    for (int side = 0; side < 2; side++) {
        uint64_t wanted = r->protocol == IP_TCP
                              ? (r->payload_bytes[side] + SEGMENT_BYTES - 1) / SEGMENT_BYTES
                              : r->packets[side];

        if (r->payload_bytes[side] == 0 || r->packets[side] == 0)
            wanted = r->payload_bytes[side] = 0;
        r->data_packets[side] = wanted < r->packets[side] ? wanted : r->packets[side];
        r->turns += r->data_packets[side] > 0;
    }
    r->first_data_side = r->data_packets[FLOW_INITIATOR] > 0 ? FLOW_INITIATOR : FLOW_RESPONDER;
}

static void give_out(struct record_pairer *p, const struct held_flow *flow)
{
    enum log_end initiator = flow->initiator == LOG_END_UNKNOWN ? find_initiator(flow)
                                                                : (enum log_end)flow->initiator;
    struct flow_record r = { .protocol = flow->protocol, .start = { start_of(flow) } };

    for (int side = 0; side < 2; side++) {
        int end = side == FLOW_INITIATOR ? (int)initiator : !initiator;

        r.address[side] = flow->address[end];
        r.port[side] = flow->port[end];
        r.packets[side] = flow->packets[end];
        r.bytes[side] = flow->bytes[end];
        r.payload_bytes[side] = flow->payload_bytes[end];
        r.tcp_flags[side] = flow->tcp_flags[end];
    }
    r.duration_ns = flow->last_ns - r.start.ns;
    if (r.protocol == IP_TCP) {
        r.opening = find_opening(&r);
        find_ending(&r, flow, initiator);
    }
    estimate_data(&r, flow->payload_known);
    p->counts.flows++;
    p->sink(p->sink_self, &r);
}

static void release(struct record_pairer *p, const struct heap_entry *entry)
{
    const struct held_flow *flow = &p->flows[entry->flow];

    if (entry->start_ns < p->released_ns)
        p->counts.late++;
    else
        p->released_ns = entry->start_ns;
    give_out(p, flow);
}

/* The flow with the earliest start leaves; there is one. Returns when it was heard last. */
static int64_t release_first(struct record_pairer *p)
{
    struct heap_entry entry;
    struct held_flow *flow;

    do {
        entry = heap_pop(p);
    } while (is_stale(p, &entry));
    release(p, &entry);
    flow = &p->flows[entry.flow];
    table_remove(p, entry.flow);
    flow->sequence = UINT64_MAX;
    flow->chain = p->free_flow;
    p->free_flow = entry.flow;
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
           start_of(flow) - end_ns <= RECORD_IDLE_NS && !begins_anew(flow, record, end);
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
        .first_ns = { NOT_SEEN, NOT_SEEN },
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
    p->free_flow = NO_FLOW;
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
    free(p->heap);
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
    if (index != NO_FLOW && !belongs(&p->flows[index], record, source)) {
        table_remove(p, index);
        index = NO_FLOW;
    }
    if (index == NO_FLOW) {
        index = begin_flow(p, hash, record);
        source = 0;
    } else {
        p->counts.joined++;
    }
    start_ns = start_of(&p->flows[index]);
    add_to_flow(&p->flows[index], record, source);
    if (start_of(&p->flows[index]) != start_ns)
        heap_push(p, index);
}

static int compare_entries(const void *a, const void *b)
{
    return is_before(a, b) ? -1 : is_before(b, a);
}

void record_pairer_flush(struct record_pairer *p)
{
    /* sorting at once is faster than taking the first again and again; no entry gets stale by it */
    if (p->heap_used > 0)
        qsort(p->heap, p->heap_used, sizeof *p->heap, compare_entries);
    for (size_t i = 0; i < p->heap_used; i++) {
        if (!is_stale(p, &p->heap[i]))
            release(p, &p->heap[i]);
    }
    p->heap_used = p->used = p->held = p->in_table = 0;
    p->free_flow = NO_FLOW;
    make_buckets(p, FIRST_BUCKETS);
    p->newest_ns = p->released_ns = 0;
}

const struct pairer_counts *record_pairer_counts(const struct record_pairer *p)
{
    return &p->counts;
}
