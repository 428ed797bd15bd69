#include "session/renderer.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "net/wire.h"
#include "session/frame_template.h"
#include "session/session.h"

enum { FIRST_BUCKETS = 1024 };

/* A session that is being played, with its next packet. */
struct live {
    struct run_time due;
    uint64_t number; /* order of birth: decides ties */
    struct session session;
    struct session_packet packet;
    struct frame_template templates[2];
    payload_fill *fill;
    struct flow_tuple {
        uint32_t address[2];
        uint16_t port[2];
        uint8_t protocol;
    } tuple;
    bool is_dormant;             /* over, but its connection is still open */
    struct live *next_in_bucket; /* or next in the free list */
};

struct renderer {
    struct renderer_config config;
    struct renderer_counts counts;
    struct frame_builder *builder;
    struct live **heap; /* ascending in (due, number) along every branch */
    size_t live_count;
    size_t heap_capacity;
    struct live *unused;
    struct live **buckets; /* live and dormant sessions by their ends */
    size_t bucket_mask;
    size_t indexed;
    struct flow_plan plan; /* the next one, when has_plan */
    bool has_plan;
    bool plans_over;
    bool hurrying;
    uint8_t frame[FRAME_MAX_BYTES];
};

/* ---- sessions by the ends they are between ---- */

/* The initiator's port is left out, so that a bucket has all sessions of two hosts and a service. */
static struct live **bucket_of(struct renderer *r, const struct flow_tuple *t)
{
    uint64_t addresses = (uint64_t)t->address[0] << 32 | t->address[1];
    uint64_t service = (uint64_t)t->protocol << 16 | t->port[FLOW_RESPONDER];

    return &r->buckets[(size_t)random_mix64(addresses ^ random_mix64(service)) & r->bucket_mask];
}

static bool same_service(const struct flow_tuple *a, const struct flow_tuple *b)
{
    return a->address[0] == b->address[0] && a->address[1] == b->address[1] &&
           a->port[FLOW_RESPONDER] == b->port[FLOW_RESPONDER] && a->protocol == b->protocol;
}

static bool tuple_is_taken(struct renderer *r, const struct flow_tuple *tuple)
{
    const struct live *live = *bucket_of(r, tuple);

    while (live && !(same_service(&live->tuple, tuple) &&
                     live->tuple.port[FLOW_INITIATOR] == tuple->port[FLOW_INITIATOR]))
        live = live->next_in_bucket;
    return live != NULL;
}

static void index_live(struct renderer *r, struct live *live)
{
    struct live **bucket = bucket_of(r, &live->tuple);

    live->next_in_bucket = *bucket;
    *bucket = live;
    r->indexed++;
}

static void unindex_live(struct renderer *r, struct live *live)
{
    struct live **link = bucket_of(r, &live->tuple);

    while (*link != live)
        link = &(*link)->next_in_bucket;
    *link = live->next_in_bucket;
    r->indexed--;
}

static void grow_index(struct renderer *r)
{
    size_t old_count = r->bucket_mask + 1;
    struct live **old = r->buckets;

    r->buckets = memory_alloc_array(old_count * 2, sizeof *r->buckets);
    r->bucket_mask = old_count * 2 - 1;
    r->indexed = 0;
    for (size_t i = 0; i < old_count; i++) {
        while (old[i]) {
            struct live *live = old[i];

            old[i] = live->next_in_bucket;
            index_live(r, live);
        }
    }
    free(old);
}

/* The connection between the same ends that an earlier session left open, or NULL. */
static struct live *find_open_connection(struct renderer *r, const struct flow_tuple *tuple)
{
    struct live *live = *bucket_of(r, tuple);

    while (live && !(live->is_dormant && same_service(&live->tuple, tuple)))
        live = live->next_in_bucket;
    return live;
}

/* ---- the heap ---- */

static bool is_before(const struct live *a, const struct live *b)
{
    return a->due.ns != b->due.ns ? a->due.ns < b->due.ns : a->number < b->number;
}

static void sift_up(struct live **heap, size_t at)
{
    struct live *live = heap[at];

    while (at > 0 && is_before(live, heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = live;
}

static void sift_down(struct live **heap, size_t count, size_t at)
{
    struct live *live = heap[at];

    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && is_before(heap[child + 1], heap[child]))
            child++;
        if (!is_before(heap[child], live))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = live;
}

/* ---- birth and end of a session ---- */

static struct live *take_unused(struct renderer *r)
{
    struct live *live = r->unused;

    if (live == NULL)
        return memory_alloc(sizeof *live);
    r->unused = live->next_in_bucket;
    return live;
}

static void give_back(struct renderer *r, struct live *live)
{
    live->next_in_bucket = r->unused;
    r->unused = live;
}

/* Another initiator port, next to the one drawn, when a session has it already. */
static void avoid_taken_tuple(struct renderer *r, struct flow_tuple *tuple)
{
    uint16_t *port = &tuple->port[FLOW_INITIATOR];

    /* A UDP client with a port of its own (NTP) uses it again, as real ones do. */
    if (tuple->protocol == IP_UDP && *port < 1024)
        return;
    for (uint32_t tries = 0; tries < UINT16_MAX && tuple_is_taken(r, tuple); tries++)
        *port = *port == UINT16_MAX ? 1024 : *port + 1;
}

/*
 * Which ports the session uses. One that joins a connection under way goes on with the one that
 * was left open between the same ends, if there is any.
 */
static void choose_tuple(struct renderer *r, struct live *live, const struct flow_plan *plan)
{
    struct live *open;

    live->tuple = (struct flow_tuple){
        { plan->ends[0].address, plan->ends[1].address },
        { plan->ends[0].port, plan->ends[1].port },
        plan->protocol,
    };
    open = session_joins(&live->session) ? find_open_connection(r, &live->tuple) : NULL;
    if (open == NULL) {
        avoid_taken_tuple(r, &live->tuple);
        return;
    }
    live->tuple = open->tuple;
    session_resume(&live->session, &open->session);
    unindex_live(r, open);
    give_back(r, open);
}

static int build_templates(struct renderer *r, struct live *live, struct error *err)
{
    for (int side = 0; side < 2; side++) {
        if (frame_template_build(r->builder, &live->templates[side], &r->plan, &live->session,
                                 (enum flow_side)side, err) < 0)
            return -1;
    }
    return 0;
}

static void enter(struct renderer *r, struct live *live)
{
    r->heap = memory_grow(r->heap, &r->heap_capacity, r->live_count + 1, sizeof(struct live *));
    r->heap[r->live_count++] = live;
    sift_up(r->heap, r->live_count - 1);
    index_live(r, live);
    if (r->indexed > r->bucket_mask)
        grow_index(r);
    if (r->live_count > r->counts.most_live)
        r->counts.most_live = r->live_count;
}

static int begin_session(struct renderer *r, struct error *err)
{
    struct live *live = take_unused(r);

    session_begin(&live->session, &r->plan, r->config.seed);
    choose_tuple(r, live, &r->plan);
    r->plan.ends[FLOW_INITIATOR].port = live->tuple.port[FLOW_INITIATOR];
    live->is_dormant = false;
    live->fill = payload_for(r->plan.protocol, r->plan.ends[FLOW_RESPONDER].port);
    live->due = schedule_run_time(&r->config.schedule, r->plan.start);
    live->number = r->counts.flows++;
    r->has_plan = false;
    if (build_templates(r, live, err) < 0) {
        give_back(r, live);
        return -1;
    }
    if (session_is_complete_tcp(&live->session))
        r->counts.complete_tcp++;
    if (session_next(&live->session, &live->packet))
        enter(r, live);
    else
        give_back(r, live); /* a plan without packets */
    return 0;
}

/* The session at the top of the heap is over; the connection that it leaves open is remembered. */
static void end_session(struct renderer *r, struct live *live)
{
    struct live *older = find_open_connection(r, &live->tuple);

    r->heap[0] = r->heap[--r->live_count];
    if (session_stays_open(&live->session)) {
        live->is_dormant = true;
        live = older; /* one a service and pair of ends is enough */
    }
    if (live) {
        unindex_live(r, live);
        give_back(r, live);
    }
}

/* The end of the run: every live session says no more than it must. */
static void hurry_all(struct renderer *r)
{
    r->hurrying = true;
    for (size_t i = 0; i < r->live_count; i++) {
        session_hurry(&r->heap[i]->session);
        if (r->heap[i]->due.ns > r->config.end.ns)
            r->heap[i]->due = r->config.end;
        r->counts.hurried++;
    }
    for (size_t i = r->live_count / 2; i-- > 0;)
        sift_down(r->heap, r->live_count, i);
}

/* ---- frames ---- */

static int fetch_plan(struct renderer *r, struct error *err)
{
    int got;

    if (r->has_plan || r->plans_over)
        return 0;
    got = r->config.plans.next(r->config.plans.self, &r->plan, err);
    if (got < 0)
        return -1;
    r->has_plan = got > 0;
    r->plans_over = got == 0;
    return 0;
}

/* Begins every session that starts before the next packet of a live one. */
static int begin_due_sessions(struct renderer *r, struct error *err)
{
    for (;;) {
        if (fetch_plan(r, err) < 0)
            return -1;
        if (!r->has_plan ||
            (r->live_count > 0 &&
             r->heap[0]->due.ns < schedule_run_time(&r->config.schedule, r->plan.start).ns))
            return 0;
        if (begin_session(r, err) < 0)
            return -1;
    }
}

static void render(struct renderer *r, struct live *live, struct frame *frame)
{
    struct session_packet *packet = &live->packet;

    frame->due = live->due;
    frame->bytes = r->frame;
    frame->length = frame_template_render(&live->templates[packet->side], &live->session, packet,
                                          live->fill, r->frame);
    if (live->session.phase == SESSION_ATTEMPT && packet->tcp_flags == TCP_SYN && packet->gap_ns > 0)
        r->counts.repeated_syns++;
}

static void advance(struct renderer *r, struct live *live)
{
    if (session_next(&live->session, &live->packet))
        live->due.ns += live->packet.gap_ns;
    else
        end_session(r, live);
    if (r->live_count > 0)
        sift_down(r->heap, r->live_count, 0);
}

int renderer_next(void *self, struct frame *frame, struct error *err)
{
    struct renderer *r = self;

    if (begin_due_sessions(r, err) < 0)
        return -1;
    if (r->live_count == 0)
        return 0;
    if (!r->hurrying && !r->has_plan && r->heap[0]->due.ns >= r->config.end.ns)
        hurry_all(r);
    render(r, r->heap[0], frame);
    advance(r, r->heap[0]);
    return 1;
}

struct renderer *renderer_new(const struct renderer_config *config, struct error *err)
{
    struct renderer *r = memory_alloc(sizeof *r);

    r->config = *config;
    r->bucket_mask = FIRST_BUCKETS - 1;
    r->buckets = memory_alloc_array(FIRST_BUCKETS, sizeof *r->buckets);
    r->builder = frame_builder_new(err);
    if (r->builder == NULL) {
        renderer_free(r);
        return NULL;
    }
    return r;
}

static void free_chain(struct live *live)
{
    while (live) {
        struct live *next = live->next_in_bucket;

        free(live);
        live = next;
    }
}

void renderer_free(struct renderer *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; r->buckets && i <= r->bucket_mask; i++)
        free_chain(r->buckets[i]); /* every live and dormant session is in one */
    free_chain(r->unused);
    frame_builder_free(r->builder);
    free(r->heap);
    free(r->buckets);
    free(r);
}

const struct renderer_counts *renderer_counts(const struct renderer *r)
{
    return &r->counts;
}
