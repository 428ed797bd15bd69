#include "flow/flow_table.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_key.h"
#include "base/log_grid.h"
#include "base/memory.h"
#include "base/random.h"
#include "flow/flow_tracker.h"
#include "flow/packet_sequence.h"

enum {
    FIRST_BUCKETS = 1024, /* a power of two */
    BLOCK_FLOWS = 256
};

/*
 * A flow is open (in the hash table and in one of the two queues) or over (in neither). It stands in
 * the line of starts until its record is released, or until it is let out of the line, open, so that
 * those behind it need not wait; its record is then released when it is over. Behind it lies the state of
 * the observer: state_of().
 */
struct flow {
    struct flow_tracker tracker;
    struct packet_sequence sequence;
    struct application_inspection inspection;
    uint64_t hash;
    int64_t deadline_ns;
    struct flow *chain;             /* next of the same bucket */
    struct flow *later;             /* next in the line of starts, or on the free list */
    struct flow *before, *after;    /* in its queue */
    struct flow_queue *queue;       /* NULL when over */
    bool in_line;
};

/* Open flows by deadline: what is queued gets the same time to live, so the newest goes last. */
struct flow_queue {
    struct flow *first, *last;
    int64_t ttl_ns;
};

struct flow_block {
    struct flow_block *next;
    max_align_t flows[]; /* BLOCK_FLOWS of them, each with its state */
};

static size_t align(size_t size)
{
    return (size + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
}

static void *state_of(struct flow *flow)
{
    return (uint8_t *)flow + align(sizeof *flow);
}

struct flow_table {
    flow_sink *sink;
    void *sink_self;
    struct flow_counts counts;
    struct day_time now; /* newest packet */
    bool started;
    struct hash_key hash_key;
    struct flow **buckets;
    size_t bucket_mask;
    size_t open;             /* flows in the hash table */
    size_t waiting;          /* flows that are over, in the line of starts */
    size_t max_flows;        /* of both together */
    struct day_time released; /* the latest start of a record released, when any_released */
    bool any_released;
    struct sequence_pool *sequences;        /* NULL: none are kept */
    struct application_labeller *labeller;  /* NULL: no names */
    struct flow_observer observer;          /* zeros: none */
    struct flow *first_start, *last_start;
    struct flow_queue idle;  /* waiting for a packet */
    struct flow_queue grace; /* closed, waiting for stragglers */
    struct flow *free_flows;
    struct flow_block *blocks;
};

static void queue_append(struct flow_queue *queue, struct flow *flow, struct day_time now)
{
    flow->queue = queue;
    flow->deadline_ns = now.ns + queue->ttl_ns;
    flow->before = queue->last;
    flow->after = NULL;
    if (queue->last != NULL)
        queue->last->after = flow;
    else
        queue->first = flow;
    queue->last = flow;
}

static void queue_remove(struct flow *flow)
{
    struct flow_queue *queue = flow->queue;

    if (flow->before != NULL)
        flow->before->after = flow->after;
    else
        queue->first = flow->after;
    if (flow->after != NULL)
        flow->after->before = flow->before;
    else
        queue->last = flow->before;
    flow->queue = NULL;
}

/* The same for both directions. The key is secret, so that no capture can fill one bucket. */
static uint64_t hash_packet(const struct flow_table *table, const struct packet_view *packet)
{
    uint64_t source = hash_endpoint(&table->hash_key, packet->source.bytes, packet->source_port);
    uint64_t destination = hash_endpoint(&table->hash_key, packet->destination.bytes, packet->destination_port);

    return random_mix64(source + destination + packet->protocol);
}

/* Whether the packet is of the flow, and then which side sent it. */
static bool is_of_flow(const struct flow *flow, const struct packet_view *packet,
                       enum flow_side *side)
{
    const struct flow_record *record = &flow->tracker.record;

    for (int i = 0; i < 2; i++) {
        *side = (enum flow_side)i;
        if (packet->source_port == record->port[i] &&
            packet->destination_port == record->port[!i] &&
            ip_address_equal(&packet->source, &record->address[i]) &&
            ip_address_equal(&packet->destination, &record->address[!i]))
            return packet->protocol == record->protocol;
    }
    return false;
}

static struct flow *find_open(const struct flow_table *table, uint64_t hash,
                              const struct packet_view *packet, enum flow_side *side)
{
    struct flow *flow = table->buckets[hash & table->bucket_mask];

    while (flow != NULL && !(flow->hash == hash && is_of_flow(flow, packet, side)))
        flow = flow->chain;
    return flow;
}

static void hash_insert(struct flow_table *table, struct flow *flow)
{
    struct flow **bucket = &table->buckets[flow->hash & table->bucket_mask];

    flow->chain = *bucket;
    *bucket = flow;
}

static void hash_remove(struct flow_table *table, const struct flow *flow)
{
    struct flow **link = &table->buckets[flow->hash & table->bucket_mask];

    while (*link != flow)
        link = &(*link)->chain;
    *link = flow->chain;
}

static void grow_buckets(struct flow_table *table)
{
    struct flow **old = table->buckets;
    size_t old_count = table->bucket_mask + 1;

    table->buckets = memory_alloc_array(old_count * 2, sizeof *table->buckets);
    table->bucket_mask = old_count * 2 - 1;
    for (size_t i = 0; i < old_count; i++) {
        for (struct flow *flow = old[i], *next; flow != NULL; flow = next) {
            next = flow->chain;
            hash_insert(table, flow);
        }
    }
    free(old);
}

static struct flow *take_free_flow(struct flow_table *table)
{
    struct flow *flow;

    if (table->free_flows == NULL) {
        const size_t size = align(sizeof *flow) + align(table->observer.state_bytes);
        struct flow_block *block = memory_alloc(sizeof *block + BLOCK_FLOWS * size);

        block->next = table->blocks;
        table->blocks = block;
        for (size_t i = 0; i < BLOCK_FLOWS; i++) {
            flow = (struct flow *)(void *)((uint8_t *)block->flows + i * size);
            flow->later = table->free_flows;
            table->free_flows = flow;
        }
    }
    flow = table->free_flows;
    table->free_flows = flow->later;
    return flow;
}

static void release(struct flow_table *table, struct flow *flow)
{
    struct flow_record *record = &flow->tracker.record;

    sequence_finish(&flow->sequence);
    record->sequence = flow->sequence.packets;
    record->sequence_length = flow->sequence.length;
    record->sequence_head = flow_sequence_head(flow_record_packets(record), record->sequence_length);
    if (table->any_released && record->start.ns < table->released.ns) {
        table->counts.late++;
    } else {
        table->released = record->start;
        table->any_released = true;
    }
    table->counts.flows++;
    if (table->observer.end != NULL)
        table->observer.end(table->observer.self, state_of(flow), record);
    table->sink(table->sink_self, record);
    if (table->sequences != NULL)
        sequence_release(table->sequences, &flow->sequence);
    flow->later = table->free_flows;
    table->free_flows = flow;
}

static struct flow *leave_line(struct flow_table *table)
{
    struct flow *flow = table->first_start;

    table->first_start = flow->later;
    if (table->first_start == NULL)
        table->last_start = NULL;
    flow->in_line = false;
    return flow;
}

static void join_line(struct flow_table *table, struct flow *flow)
{
    flow->later = NULL;
    flow->in_line = true;
    if (table->last_start != NULL)
        table->last_start->later = flow;
    else
        table->first_start = flow;
    table->last_start = flow;
}

static void release_finished(struct flow_table *table)
{
    while (table->first_start != NULL && table->first_start->queue == NULL) {
        table->waiting--;
        release(table, leave_line(table));
    }
}

/* Nothing more will be added to the flow; its record waits for its turn, if it still has one. */
static void end_flow(struct flow_table *table, struct flow *flow)
{
    queue_remove(flow);
    hash_remove(table, flow);
    table->open--;
    flow_tracker_finish(&flow->tracker);
    if (flow->inspection.detection != NULL)
        flow->tracker.record.application = application_conclude(table->labeller,
                                                                &flow->inspection);
    if (flow->in_line)
        table->waiting++;
    else
        release(table, flow);
}

static void end_all(struct flow_table *table)
{
    while (table->idle.first != NULL)
        end_flow(table, table->idle.first);
    while (table->grace.first != NULL)
        end_flow(table, table->grace.first);
    release_finished(table);
    table->started = false;
    table->any_released = false;
}

static void expire(struct flow_table *table, struct flow_queue *queue)
{
    while (queue->first != NULL && queue->first->deadline_ns <= table->now.ns)
        end_flow(table, queue->first);
}

/*
 * When all flows are open, the one that was idle for longest ends. When some wait, the first of them is
 * released, and the open ones before it lose their place.
 */
static void make_room(struct flow_table *table)
{
    if (table->open + table->waiting < table->max_flows)
        return;
    if (table->waiting == 0) {
        end_flow(table, table->grace.first != NULL ? table->grace.first : table->idle.first);
        table->counts.ended_early++;
    }
    while (table->waiting > 0 && table->first_start->queue != NULL)
        leave_line(table);
    release_finished(table);
}

static struct flow *begin_flow(struct flow_table *table, uint64_t hash,
                               const struct packet_view *packet, enum flow_side *side)
{
    struct flow *flow;

    make_room(table);
    flow = take_free_flow(table);
    *side = flow_tracker_begin(&flow->tracker, packet);
    flow->sequence = (struct packet_sequence){ .length = 0 };
    flow->inspection = (struct application_inspection){ .packets = 0 };
    memset(state_of(flow), 0, table->observer.state_bytes);
    flow->hash = hash;
    join_line(table, flow);
    if (++table->open > table->bucket_mask)
        grow_buckets(table);
    hash_insert(table, flow);
    queue_append(&table->idle, flow, packet->time);
    return flow;
}

/* Another packet puts off the idle timeout, but never the end of the grace. */
static void requeue(struct flow_table *table, struct flow *flow)
{
    if (flow->queue == &table->grace)
        return;
    queue_remove(flow);
    queue_append(flow_tracker_is_closed(&flow->tracker) ? &table->grace : &table->idle, flow,
                 table->now);
}

/*
 * Time as the table knows it never goes back but where it begins anew. Returns the packet, or a copy of
 * it in *timely that counts as of the newest before it.
 */
static const struct packet_view *advance_clock(struct flow_table *table,
                                               const struct packet_view *packet,
                                               struct packet_view *timely)
{
    if (table->started && packet->time.ns < table->now.ns - FLOW_IDLE_NS) {
        end_all(table);
        table->counts.clock_steps++;
    }
    if (!table->started || packet->time.ns >= table->now.ns) {
        table->now = packet->time;
        table->started = true;
        return packet;
    }
    table->counts.late_packets++;
    *timely = *packet;
    timely->time = table->now;
    return timely;
}

/* Where a gap lies in its bin, in 1/256. */
static uint8_t part_of(int64_t gap_ns, uint32_t bin)
{
    double place = gap_ns > 1 ? log2((double)gap_ns) * GAP_GRID_PER_OCTAVE - bin + 0.5 : 0;

    return (uint8_t)fmin(fmax(place * 256, 0), UINT8_MAX);
}

static void keep_packet(struct flow_table *table, struct flow *flow, enum flow_side side,
                        enum packet_mark mark, int64_t gap_ns, const struct packet_view *packet)
{
    uint32_t gap_bin = log_grid_gap_bin((uint64_t)gap_ns);
    uint32_t payload_bytes = packet->datagram_bytes > 0 ? packet->datagram_bytes : packet->payload_bytes;
    struct flow_packet kept = {
        .side_and_flags = flow_packet_kind(side, mark, packet->tcp_flags),
        .gap_bin = (uint8_t)(gap_bin < UINT8_MAX ? gap_bin : UINT8_MAX),
        .payload_bytes = (uint16_t)(payload_bytes < UINT16_MAX ? payload_bytes : UINT16_MAX),
        .gap_part = part_of(gap_ns, gap_bin),
    };

    if (!sequence_append(table->sequences, &flow->sequence, kept))
        table->counts.cut_sequences++;
}

static void add_to_flow(struct flow_table *table, struct flow *flow, enum flow_side side,
                        const struct packet_view *packet)
{
    int64_t gap_ns = packet->time.ns - flow->tracker.last.ns;
    enum packet_mark mark = flow_tracker_add(&flow->tracker, side, packet);

    if (table->sequences != NULL)
        keep_packet(table, flow, side, mark, gap_ns, packet);
    if (table->labeller != NULL && !flow->inspection.is_over)
        flow->tracker.record.application = application_inspect(table->labeller, &flow->inspection,
                                                               packet);
    if (table->observer.packet != NULL)
        table->observer.packet(table->observer.self, state_of(flow), side, packet);
    requeue(table, flow);
}

static void add_error(struct flow_table *table, struct flow *flow, enum flow_side side)
{
    flow->tracker.record.unreachable++;
    if (table->observer.error != NULL)
        table->observer.error(table->observer.self, state_of(flow), side);
}

size_t flow_table_flow_bytes(void)
{
    return sizeof(struct flow) + 3 * sizeof(struct flow *); /* buckets, while they double */
}

struct flow_table *flow_table_new(const struct flow_table_options *options, flow_sink *sink,
                                  void *sink_self)
{
    struct flow_table *table = memory_alloc(sizeof *table);

    table->sink = sink;
    table->sink_self = sink_self;
    table->max_flows = options->max_flows > 0 ? options->max_flows : 1;
    if (options->max_sequence_bytes > 0)
        table->sequences = sequence_pool_new(options->max_sequence_bytes);
    table->labeller = options->labeller;
    if (options->observer != NULL)
        table->observer = *options->observer;
    table->idle.ttl_ns = FLOW_IDLE_NS;
    table->grace.ttl_ns = FLOW_GRACE_NS;
    table->buckets = memory_alloc_array(FIRST_BUCKETS, sizeof *table->buckets);
    table->bucket_mask = FIRST_BUCKETS - 1;
    table->hash_key = hash_key_new();
    return table;
}

static void conclude_inspections(struct flow_table *table, const struct flow_queue *queue)
{
    for (struct flow *flow = queue->first; flow != NULL; flow = flow->after)
        application_conclude(table->labeller, &flow->inspection);
}

void flow_table_free(struct flow_table *table)
{
    if (table == NULL)
        return;
    if (table->labeller != NULL) {
        conclude_inspections(table, &table->idle);
        conclude_inspections(table, &table->grace);
    }
    for (struct flow_block *block = table->blocks, *next; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    sequence_pool_free(table->sequences);
    free(table->buckets);
    free(table);
}

void flow_table_add(struct flow_table *table, const struct packet_view *packet)
{
    struct packet_view timely;
    uint64_t hash = hash_packet(table, packet);
    enum flow_side side;
    struct flow *flow;

    packet = advance_clock(table, packet, &timely);
    table->counts.packets++;
    expire(table, &table->idle);
    expire(table, &table->grace);
    flow = find_open(table, hash, packet, &side);
    if (flow != NULL && !packet->is_unreachable && flow_tracker_is_closed(&flow->tracker) &&
        flow_tracker_is_new_syn(&flow->tracker, side, packet)) {
        end_flow(table, flow);
        flow = NULL;
    }
    release_finished(table);
    if (packet->is_unreachable) {
        if (flow != NULL)
            add_error(table, flow, side);
        return;
    }
    if (flow == NULL)
        flow = begin_flow(table, hash, packet, &side);
    add_to_flow(table, flow, side, packet);
}

void flow_table_flush(struct flow_table *table)
{
    end_all(table);
}

const struct flow_counts *flow_table_counts(const struct flow_table *table)
{
    return &table->counts;
}
