#include "records/record_pairer.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "net/wire.h"
#include "records/flow_of_log.h"
#include "records/held_flow.h"
#include "records/start_heap.h"
#include "records/tuple_table.h"

struct record_pairer {
    record_sink *sink;
    void *sink_self;
    struct pairer_counts counts;
    struct held_flow *flows;
    size_t used, capacity; /* of flows, free ones included */
    size_t held;
    size_t max_flows;
    uint32_t free_flow;
    struct tuple_table tuples;
    struct start_heap heap;
    int64_t newest_ns;   /* end of any record */
    int64_t released_ns; /* latest start given out */
    uint64_t sequence;
    bool keeps_apart;
};

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
    tuple_table_remove(&p->tuples, p->flows, first.flow);
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

/* The silence between a flow and a record; below 0: they overlap by so much. */
static int64_t apart_ns(const struct held_flow *flow, const struct log_record *record)
{
    int64_t behind_ns = record->start_ns - flow->last_ns;
    int64_t before_ns = held_flow_start(flow) - (record->start_ns + record->duration_ns);

    return behind_ns > before_ns ? behind_ns : before_ns;
}

/* The flow of which the record is a part: of those around it, the nearer. HELD_NONE: it is a new one. */
static uint32_t find_flow(const struct record_pairer *p, const uint32_t around[2],
                          const struct log_record *record, int *source)
{
    uint32_t found = HELD_NONE;
    int64_t least_ns = RECORD_IDLE_NS + 1;

    for (int i = 0; i < 2; i++) {
        const struct held_flow *flow;
        int end;

        if (around[i] == HELD_NONE)
            continue;
        flow = &p->flows[around[i]];
        end = tuple_source_end(flow, record);
        if (apart_ns(flow, record) >= least_ns || begins_anew(flow, record, end))
            continue;
        found = around[i];
        least_ns = apart_ns(flow, record);
        *source = end;
    }
    return found;
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

static void begin_flow(struct record_pairer *p, uint32_t hash, const struct log_record *record)
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
    };
    add_to_flow(flow, record, LOG_END_SOURCE);
    p->held++;
    tuple_table_insert(&p->tuples, p->flows, index);
    start_heap_push(&p->heap, p->flows, index, p->held);
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
    tuple_table_init(&p->tuples);
    return p;
}

void record_pairer_keep_apart(struct record_pairer *p)
{
    p->keeps_apart = true;
}

void record_pairer_free(struct record_pairer *p)
{
    if (p == NULL)
        return;
    free(p->flows);
    tuple_table_release(&p->tuples);
    start_heap_release(&p->heap);
    free(p);
}

/*
 * Whether a flow that begins with the record from now on stays where it is among those of its tuple: it was
 * the first behind, and so it is still, unless the one before begins at the same time.
 */
static bool keeps_place(const struct record_pairer *p, uint32_t before, const struct log_record *record)
{
    return before == HELD_NONE || held_flow_start(&p->flows[before]) < record->start_ns;
}

static void join_flow(struct record_pairer *p, uint32_t index, uint32_t before,
                      const struct log_record *record, int source)
{
    bool begins_earlier = record->start_ns < held_flow_start(&p->flows[index]);
    bool keeps = !begins_earlier || keeps_place(p, before, record);

    if (!keeps)
        tuple_table_remove(&p->tuples, p->flows, index);
    add_to_flow(&p->flows[index], record, source);
    if (!keeps)
        tuple_table_insert(&p->tuples, p->flows, index);
    if (begins_earlier)
        start_heap_push(&p->heap, p->flows, index, p->held);
    p->counts.joined++;
}

void record_pairer_add(struct record_pairer *p, const struct log_record *record)
{
    uint32_t hash = tuple_table_hash(&p->tuples, record);
    uint32_t around[2];
    uint32_t index;
    int source = 0;

    p->counts.records++;
    if (record->start_ns + record->duration_ns > p->newest_ns)
        p->newest_ns = record->start_ns + record->duration_ns;
    tuple_table_around(&p->tuples, p->flows, hash, record, around);
    index = p->keeps_apart ? HELD_NONE : find_flow(p, around, record, &source);
    if (index == HELD_NONE)
        begin_flow(p, hash, record);
    else
        join_flow(p, index, around[0], record, source);
}

void record_pairer_flush(struct record_pairer *p)
{
    start_heap_sort(&p->heap);
    for (size_t i = 0; i < p->heap.used; i++) {
        if (!start_entry_is_stale(&p->heap.entries[i], p->flows))
            give_out(p, &p->heap.entries[i]);
    }
    p->heap.used = p->used = p->held = 0;
    p->free_flow = HELD_NONE;
    tuple_table_clear(&p->tuples);
    p->newest_ns = p->released_ns = 0;
}

const struct pairer_counts *record_pairer_counts(const struct record_pairer *p)
{
    return &p->counts;
}
