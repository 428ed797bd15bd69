/*
 * Pairing of the atomics:
 *   queue.put     stored (release) by who puts, loaded (acquire) by who takes: what was written to the slot before is seen;
 *   queue.taken   is the taker's alone: no queue is ever full, for it has room for every slot;
 *   tally.handled stored (release) by who sends, loaded (acquire) by the writer: all of the tally is seen;
 *   in_use        stored (release) when all else of the slot is there: for who comes after a kill.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "records/flow_ledger.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/counter.h"
#include "base/memory.h"
#include "base/random.h"
#include "net/ip_header.h"
#include "net/wire.h"

enum { NAME_PLACES = 2 * FLOW_LEDGER_NAMES, LINE_BYTES = 64, APART_BYTES = 2 * LINE_BYTES /* fetched in pairs */ };

enum { MOST_IP_BYTES = IPV6_HEADER_BYTES + UINT16_MAX, MOST_AMID = 64 /* frames that are sent with one call */ };
#define MOST_FRAMES (UINT64_C(1) << 40) /* of a flow */

#define GOES_ON 0 /* `made`, until the last frame was */

/* What a flow is: a line of the cache, as its tally. */
struct entry {
    struct ip_address address[2];
    uint16_t port[2];
    uint16_t link[2];
    uint16_t vlan[2];
    uint16_t label, overlay; /* names */
    uint32_t virtual_host;
    uint8_t protocol;
    _Atomic uint8_t in_use; /* 1; anything else: free */
    _Atomic uint64_t made; /* frames and 1; or GOES_ON */
};

_Static_assert(sizeof(struct entry) == LINE_BYTES && sizeof(struct sent_tally) == LINE_BYTES, "as the header says");

struct queue {
    _Atomic uint64_t put;
    uint8_t apart[APART_BYTES];
    uint64_t taken;
    uint8_t apart_too[APART_BYTES];
    uint32_t slots[FLOW_LEDGER_SLOTS];
};

enum writing { WRITING_NOT, WRITING, WRITTEN };

struct shared {
    _Atomic uint32_t touched; /* slots that were ever taken are below */
    uint32_t population_first[FLOW_LEDGER_POPULATIONS];
    uint32_t population_count;
    uint16_t link_names[FRAME_MAX_LINKS];
    _Atomic uint64_t begun, no_room; /* the maker's */
    _Atomic uint64_t given_back, logged, lost; /* the writer's */
    _Atomic int writing; /* enum writing, of: */
    int64_t file_bytes;
    uint32_t batch[FLOW_LEDGER_BATCH];
    uint32_t batch_count, batch_lines;
    uint32_t name_count;
    char names[FLOW_LEDGER_NAMES][FLOW_LEDGER_NAME_BYTES]; /* the first is "" */
    struct queue over, free;
    _Alignas(LINE_BYTES) struct sent_tally tallies[FLOW_LEDGER_SLOTS];
    _Alignas(LINE_BYTES) struct entry entries[FLOW_LEDGER_SLOTS];
};

struct flow_ledger {
    struct shared *shared;
    uint16_t *places; /* names by their hashes, 0: none; the maker's */
};

struct flow_ledger *flow_ledger_new(struct error *err)
{
    struct flow_ledger *ledger = memory_alloc(sizeof *ledger);
    void *memory = mmap(NULL, sizeof *ledger->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
                        -1, 0);

    if (memory == MAP_FAILED) {
        free(ledger);
        error_set(err, "no memory for the log of flows: %s", strerror(errno));
        return NULL;
    }
    ledger->shared = memory;
    ledger->shared->name_count = 1;
    ledger->places = memory_alloc_array(NAME_PLACES, sizeof *ledger->places);
    return ledger;
}

void flow_ledger_free(struct flow_ledger *ledger)
{
    if (ledger == NULL)
        return;
    munmap(ledger->shared, sizeof *ledger->shared);
    free(ledger->places);
    free(ledger);
}

/* ---- names ---- */

static uint64_t hash_of(const char *name, size_t size)
{
    uint64_t hash = size;

    for (size_t i = 0; i < size; i++)
        hash = hash * 31 + (uint8_t)name[i];
    return random_mix64(hash);
}

/* A name for good. */
static uint16_t number_of(struct flow_ledger *ledger, const char *name)
{
    struct shared *shared = ledger->shared;
    size_t size = name ? strnlen(name, FLOW_LEDGER_NAME_BYTES - 1) : 0;
    size_t at = (size_t)hash_of(name, size) % NAME_PLACES;

    if (size == 0)
        return 0;
    for (; ledger->places[at] != 0; at = (at + 1) % NAME_PLACES) {
        const char *known = shared->names[ledger->places[at]];

        if (strncmp(known, name, size) == 0 && known[size] == '\0')
            return ledger->places[at];
    }
    if (shared->name_count == FLOW_LEDGER_NAMES)
        return 0;
    memcpy(shared->names[shared->name_count], name, size);
    ledger->places[at] = (uint16_t)shared->name_count;
    return (uint16_t)shared->name_count++;
}

/* Whatever lies there: it has an end. */
static const char *name_of(const struct flow_ledger *ledger, uint16_t number)
{
    const char *name = ledger->shared->names[number % FLOW_LEDGER_NAMES];

    return memchr(name, '\0', FLOW_LEDGER_NAME_BYTES) ? name : "";
}

void flow_ledger_add_population(struct flow_ledger *ledger, uint32_t first)
{
    struct shared *shared = ledger->shared;

    assert(shared->population_count < FLOW_LEDGER_POPULATIONS);
    shared->population_first[shared->population_count++] = first;
}

void flow_ledger_name_link(struct flow_ledger *ledger, uint16_t link, const char *name)
{
    assert(link < FRAME_MAX_LINKS);
    ledger->shared->link_names[link] = number_of(ledger, name);
}

/* ---- queues ---- */

static void put(struct queue *queue, uint32_t slot)
{
    uint64_t at = atomic_load_explicit(&queue->put, memory_order_relaxed);

    queue->slots[at % FLOW_LEDGER_SLOTS] = slot;
    atomic_store_explicit(&queue->put, at + 1, memory_order_release);
}

/* The `nth` that was not taken yet. */
static bool look(const struct queue *queue, size_t nth, uint32_t *slot)
{
    if (queue->taken + nth >= atomic_load_explicit(&queue->put, memory_order_acquire))
        return false;
    *slot = queue->slots[(queue->taken + nth) % FLOW_LEDGER_SLOTS];
    return true;
}

/* ---- the maker of frames ---- */

static bool take_slot(struct shared *shared, uint32_t *slot)
{
    uint32_t touched = atomic_load_explicit(&shared->touched, memory_order_relaxed);

    if (look(&shared->free, 0, slot)) {
        shared->free.taken++;
        return true;
    }
    if (touched == FLOW_LEDGER_SLOTS)
        return false;
    *slot = touched;
    atomic_store_explicit(&shared->touched, touched + 1, memory_order_relaxed);
    return true;
}

static uint32_t begin(void *self, const struct sent_flow *flow)
{
    struct flow_ledger *ledger = self;
    struct shared *shared = ledger->shared;
    struct entry *entry;
    uint32_t slot;

    if (!take_slot(shared, &slot)) {
        counter_add(&shared->no_room, 1);
        return FRAME_NO_FLOW;
    }
    counter_add(&shared->begun, 1);
    memset(&shared->tallies[slot], 0, sizeof shared->tallies[slot]);
    entry = &shared->entries[slot];
    for (int side = 0; side < 2; side++) {
        entry->address[side] = flow->address[side];
        entry->port[side] = flow->port[side];
        entry->link[side] = flow->link[side];
        entry->vlan[side] = flow->vlan[side];
    }
    entry->protocol = flow->protocol;
    entry->virtual_host = flow->virtual_host;
    entry->label = number_of(ledger, flow->label);
    entry->overlay = number_of(ledger, flow->overlay);
    atomic_store_explicit(&entry->made, GOES_ON, memory_order_relaxed);
    atomic_store_explicit(&entry->in_use, 1, memory_order_release);
    return slot;
}

static void end(void *self, uint32_t slot, uint64_t frames)
{
    struct flow_ledger *ledger = self;
    struct shared *shared = ledger->shared;

    if (slot == FRAME_NO_FLOW)
        return;
    atomic_store_explicit(&shared->entries[slot].made, frames + 1, memory_order_relaxed);
    put(&shared->over, slot);
}

struct sent_flow_keeper flow_ledger_keeper(struct flow_ledger *ledger)
{
    return (struct sent_flow_keeper){ begin, end, ledger };
}

struct sent_tally *flow_ledger_tallies(struct flow_ledger *ledger)
{
    return ledger->shared->tallies;
}

/* ---- the writer ---- */

static bool is_over(const struct shared *shared, uint32_t slot)
{
    uint64_t made = atomic_load_explicit(&shared->entries[slot].made, memory_order_relaxed);

    return made != GOES_ON && atomic_load_explicit(&shared->tallies[slot].handled, memory_order_acquire) >= made - 1;
}

bool flow_ledger_over(struct flow_ledger *ledger, size_t nth, uint32_t *slot)
{
    return look(&ledger->shared->over, nth, slot) && is_over(ledger->shared, *slot);
}

static enum flow_opening opening_of(const struct sent_tally *tally)
{
    if (!(tally->tcp_flags[FLOW_INITIATOR] & TCP_SYN))
        return FLOW_OPENING_NONE;
    return tally->tcp_flags[FLOW_RESPONDER] & TCP_SYN ? FLOW_OPENING_HANDSHAKE : FLOW_OPENING_ATTEMPT;
}

/* The population of a host, and its number there. */
static void find_host(const struct shared *shared, uint32_t virtual_host, struct sent_record *record)
{
    uint32_t count = shared->population_count <= FLOW_LEDGER_POPULATIONS ? shared->population_count : 0;
    uint32_t at = count;

    if (virtual_host == SENT_FLOW_NO_HOST)
        return;
    while (at > 0 && shared->population_first[at - 1] > virtual_host)
        at--;
    record->population = at;
    record->host = at > 0 ? virtual_host - shared->population_first[at - 1] + 1 : 0;
}

static void set_times(const struct sent_tally *tally, int64_t origin_ns, struct flow_record *flow)
{
    int64_t start_ns;
    int64_t end_ns;

    if (__builtin_add_overflow(tally->first_ns, origin_ns, &start_ns) || start_ns < 0 || start_ns > DAY_TIME_MOST_NS)
        start_ns = 0;
    if (__builtin_add_overflow(tally->last_ns, origin_ns, &end_ns) || end_ns < start_ns || end_ns > DAY_TIME_MOST_NS)
        end_ns = start_ns;
    flow->start.ns = start_ns;
    flow->duration_ns = end_ns - start_ns;
}

static void set_sides(const struct flow_ledger *ledger, const struct entry *entry, const struct sent_tally *tally,
                      struct sent_record *record)
{
    for (int side = 0; side < 2; side++) {
        record->flow.address[side] = entry->address[side];
        record->flow.port[side] = entry->port[side];
        record->flow.packets[side] = tally->packets[side];
        record->flow.bytes[side] = tally->bytes[side];
        record->flow.tcp_flags[side] = tally->tcp_flags[side];
        record->link[side] = name_of(ledger, ledger->shared->link_names[entry->link[side] % FRAME_MAX_LINKS]);
        record->vlan[side] = entry->vlan[side];
    }
}

bool flow_ledger_record(const struct flow_ledger *ledger, uint32_t slot, int64_t origin_ns, struct sent_record *record)
{
    const struct entry *entry = &ledger->shared->entries[slot];
    const struct sent_tally *tally = &ledger->shared->tallies[slot];
    uint64_t sent = tally->packets[0] + tally->packets[1] + tally->errors;
    uint64_t handled = atomic_load_explicit(&tally->handled, memory_order_relaxed);
    uint64_t made = atomic_load_explicit(&entry->made, memory_order_relaxed);
    uint64_t known = made != GOES_ON ? made - 1 : handled;

    *record = (struct sent_record){
        .flow = {
            .protocol = entry->protocol,
            .opening = opening_of(tally),
            .ending = tally->ending == FLOW_ENDING_RESET ? FLOW_ENDING_RESET :
                      tally->ending == FLOW_ENDING_FIN ? FLOW_ENDING_FIN : FLOW_ENDING_NONE,
            .closing_side = tally->closing_side == FLOW_RESPONDER ? FLOW_RESPONDER : FLOW_INITIATOR,
            .unreachable = tally->errors,
            .is_measured = true,
            .is_synthetic = true,
            .application = name_of(ledger, entry->label),
        },
        .overlay = name_of(ledger, entry->overlay),
        .unsent = known > sent ? known - sent : 0, /* more are sent than handled when the sender was killed in between */
        .is_cut = !is_over(ledger->shared, slot),
    };
    set_sides(ledger, entry, tally, record);
    set_times(tally, origin_ns, &record->flow);
    find_host(ledger->shared, entry->virtual_host, record);
    return sent > 0;
}

void flow_ledger_forget(struct flow_ledger *ledger, uint32_t slot)
{
    atomic_store_explicit(&ledger->shared->entries[slot].in_use, 0, memory_order_relaxed);
}

void flow_ledger_give_back(struct flow_ledger *ledger, size_t count)
{
    struct shared *shared = ledger->shared;
    uint32_t slot;

    for (size_t i = 0; i < count && look(&shared->over, 0, &slot); i++) {
        flow_ledger_forget(ledger, slot);
        shared->over.taken++;
        put(&shared->free, slot);
        counter_add(&shared->given_back, 1);
    }
}

size_t flow_ledger_used(const struct flow_ledger *ledger)
{
    uint64_t used = ledger->shared->begun - ledger->shared->given_back;

    return used < FLOW_LEDGER_SLOTS ? (size_t)used : FLOW_LEDGER_SLOTS;
}

/* ---- what is left ---- */

bool flow_ledger_next_left(const struct flow_ledger *ledger, uint32_t *slot)
{
    uint32_t touched = atomic_load(&ledger->shared->touched);

    for (; *slot < touched && *slot < FLOW_LEDGER_SLOTS; ++*slot) {
        if (atomic_load_explicit(&ledger->shared->entries[*slot].in_use, memory_order_acquire) == 1)
            return true;
    }
    return false;
}

/* Not even of a sender that was killed between sending frames and saying that they were handled. */
static bool are_counts_possible(const struct sent_tally *tally, uint64_t made)
{
    uint64_t handled = atomic_load_explicit(&tally->handled, memory_order_relaxed);

    if (handled > MOST_FRAMES || (made != GOES_ON && handled > made - 1))
        return false;
    for (int side = 0; side < 2; side++) {
        if (tally->packets[side] > handled + MOST_AMID || tally->bytes[side] > tally->packets[side] * MOST_IP_BYTES)
            return false;
    }
    return tally->packets[0] + tally->packets[1] + tally->errors <= handled + MOST_AMID;
}

static bool is_ending(uint8_t ending)
{
    return ending == FLOW_ENDING_NONE || ending == FLOW_ENDING_FIN || ending == FLOW_ENDING_RESET;
}

bool flow_ledger_is_possible(const struct flow_ledger *ledger, uint32_t slot)
{
    const struct entry *entry = &ledger->shared->entries[slot];
    const struct sent_tally *tally = &ledger->shared->tallies[slot];
    uint64_t made = atomic_load_explicit(&entry->made, memory_order_relaxed);

    return are_counts_possible(tally, made) && is_ending(tally->ending) && tally->closing_side <= FLOW_RESPONDER &&
           entry->label < FLOW_LEDGER_NAMES && entry->overlay < FLOW_LEDGER_NAMES &&
           entry->link[0] < FRAME_MAX_LINKS && entry->link[1] < FRAME_MAX_LINKS;
}

void flow_ledger_write_begins(struct flow_ledger *ledger, const uint32_t *slots, size_t count, int64_t file_bytes)
{
    struct shared *shared = ledger->shared;

    assert(count <= FLOW_LEDGER_BATCH);
    if (count > 0)
        memcpy(shared->batch, slots, count * sizeof *slots);
    shared->batch_count = (uint32_t)count;
    shared->batch_lines = 0;
    shared->file_bytes = file_bytes;
    atomic_store(&shared->writing, WRITING);
}

/* It may be what somebody else has left: its numbers are checked. */
static void forget_batch(struct flow_ledger *ledger)
{
    const struct shared *shared = ledger->shared;

    for (uint32_t i = 0; i < shared->batch_count && i < FLOW_LEDGER_BATCH; i++) {
        if (shared->batch[i] < FLOW_LEDGER_SLOTS)
            flow_ledger_forget(ledger, shared->batch[i]);
    }
    counter_add(&ledger->shared->logged, shared->batch_lines < FLOW_LEDGER_BATCH ? shared->batch_lines : FLOW_LEDGER_BATCH);
}

void flow_ledger_write_ends(struct flow_ledger *ledger, size_t count, size_t lines)
{
    struct shared *shared = ledger->shared;

    assert(count <= shared->batch_count);
    shared->batch_count = (uint32_t)count;
    shared->batch_lines = (uint32_t)lines;
    atomic_store(&shared->writing, WRITTEN);
    forget_batch(ledger);
    atomic_store(&shared->writing, WRITING_NOT);
}

int64_t flow_ledger_recover(struct flow_ledger *ledger)
{
    struct shared *shared = ledger->shared;
    int writing = atomic_exchange(&shared->writing, WRITING_NOT);

    if (writing == WRITTEN)
        forget_batch(ledger);
    return writing == WRITING && shared->file_bytes >= 0 ? shared->file_bytes : -1;
}

/* ---- counts ---- */

void flow_ledger_count_lost(struct flow_ledger *ledger, uint64_t flows)
{
    counter_add(&ledger->shared->lost, flows);
}

void flow_ledger_lose_line(struct flow_ledger *ledger)
{
    struct shared *shared = ledger->shared;

    if (shared->logged == 0)
        return;
    counter_add(&shared->logged, UINT64_MAX); /* one less */
    counter_add(&shared->lost, 1);
}

struct flow_ledger_counts flow_ledger_counts(const struct flow_ledger *ledger)
{
    return (struct flow_ledger_counts){ ledger->shared->logged, ledger->shared->no_room, ledger->shared->lost };
}
