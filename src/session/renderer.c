#include "session/renderer.h"

#include <stdlib.h>
#include <string.h>

#include "base/counter.h"
#include "base/memory.h"
#include "net/wire.h"
#include "session/datagram.h"
#include "session/due_heap.h"
#include "session/flow_tuple.h"
#include "session/frame_template.h"
#include "session/open_connections.h"
#include "session/session.h"
#include "session/tuple_set.h"

enum {
    CACHE_LINE_BYTES = 64,
    MANY_LIVE = 512 /* fewer stay in a processor's own cache */
};

/* What the network does to a session. */
struct impaired {
    struct impairments filter;
    struct random_stream random;
};

/* A session that is being played, with its next packet. */
struct live {
    struct run_time due;
    uint64_t number; /* order of birth: decides ties */
    struct session session;
    struct session_packet packet;
    struct impaired *impaired; /* NULL: nothing happens to its packets */
    struct frame_template templates[2];
    struct tuple_entry ends;
    uint32_t slot;   /* of the ground truth, or FRAME_NO_FLOW ... */
    uint64_t frames; /* ... and how many were made for it */
    struct sent_flow *unlogged; /* what the ground truth will have of a session that began before the run; or NULL */
    struct live *next_unused;
};

struct renderer {
    struct renderer_config config;
    struct renderer_counts counts;
    struct renderer_counts before;   /* the same of the time before the run, for nobody */
    struct renderer_counts *counted; /* the one of the two where the renderer is */
    struct frame_builder *builder;
    struct due_heap heap; /* of live sessions */
    struct live *unused;
    struct tuple_set taken; /* by live sessions */
    struct open_connections connections;
    struct packet_models *models;
    struct schedule schedule;
    struct flow_plan plan; /* the next one, when has_plan ... */
    struct run_time plan_due; /* ... and when it begins */
    bool has_plan;
    bool plans_over;
    struct live *coming;           /* the session of that plan, made ready: it begins with the next frame. Or NULL */
    bool has_resumed;              /* it goes on with a connection that was left open, as: */
    struct session_numbers resumed;
    struct flow_plan begun; /* the latest plan that began or was left out, when has_begun */
    bool has_begun;
    struct run_time now;    /* due time of the frame that was taken last */
    struct run_time latest; /* no frame is due later */
    uint64_t births;        /* of sessions, also before the run ... */
    uint64_t first_birth;   /* ... and how many those were */
    bool is_leading;        /* the run has not begun: see lead_ns */
    bool hurrying;
};

/* In no order, but for the first. */
static struct live *live_at(const struct renderer *r, size_t i)
{
    return r->heap.entries[i].thing;
}

/* ---- the ports of a session ---- */

static bool is_taken(const struct renderer *r, const struct flow_tuple *tuple)
{
    return tuple_set_has(&r->taken, tuple) || open_connections_has(&r->connections, tuple);
}

/* Another initiator port, next to the one drawn, when a session has it already. */
static void avoid_taken_tuple(const struct renderer *r, struct flow_tuple *tuple)
{
    uint16_t *port = &tuple->port[FLOW_INITIATOR];

    /* A UDP client with a port of its own (NTP) uses it again, as real ones do. */
    if (tuple->protocol == IP_UDP && *port < 1024)
        return;
    for (uint32_t tries = 0; tries < UINT16_MAX && is_taken(r, tuple); tries++)
        *port = *port == UINT16_MAX ? 1024 : *port + 1;
}

/*
 * Which ports the session uses. One that joins a connection under way goes on with the one that
 * was left open between the same ends, if there is any.
 */
static void choose_tuple(struct renderer *r, struct live *live, const struct flow_plan *plan)
{
    live->ends.tuple = flow_tuple_of(plan);
    r->has_resumed = session_joins(&live->session) &&
                     open_connections_take(&r->connections, &live->ends.tuple, &r->resumed);
    if (r->has_resumed)
        session_resume(&live->session, &r->resumed);
    else
        avoid_taken_tuple(r, &live->ends.tuple);
}

/* ---- its packets ---- */

/* Few sessions are impaired, so that those that are not need no room for it. */
static void impair(const struct renderer *r, struct live *live, const struct impairment_counts *counts)
{
    const struct session *s = &live->session;
    const struct packet_shape *shape = &s->course.shape;

    live->impaired = NULL;
    if (!impairment_counts_any(counts))
        return;
    live->impaired = memory_alloc(sizeof *live->impaired);
    impairments_begin(&live->impaired->filter, counts, shape->protocol, !shape->under_way, &shape->total,
                      shape->rtt_ns, s->numbers.window_scale);
    random_init(&live->impaired->random, r->config.seed, RANDOM_IMPAIR, (uint32_t)(s->key >> 32), (uint32_t)s->key,
                0);
}

static bool pull_session(void *self, struct session_packet *packet)
{
    return session_next(self, packet);
}

static bool next_packet(struct live *live)
{
    const struct session_packet_source source = { pull_session, &live->session };

    if (datagram_next_piece(&live->packet))
        return true;
    return live->impaired ? impairments_next(&live->impaired->filter, &source, &live->impaired->random, &live->packet)
                          : session_next(&live->session, &live->packet);
}

/* ---- the ground truth ---- */

static struct sent_flow sent_flow_of(const struct flow_plan *plan)
{
    struct sent_flow flow = {
        .protocol = flow_plan_ip_protocol(plan),
        .virtual_host = plan->virtual_host,
        .label = plan->service ? plan->service->label : NULL,
    };

    for (int side = 0; side < 2; side++) {
        flow.address[side] = plan->ends[side].address;
        flow.port[side] = flow_plan_ip_port(plan, (enum flow_side)side);
        flow.link[side] = plan->ends[side].link;
        flow.vlan[side] = plan->ends[side].vlan;
    }
    return flow;
}

/* One that begins before the run is told of when it outlasts that: most do not. */
static void begin_flow(const struct renderer *r, struct live *live, const struct flow_plan *plan)
{
    const struct sent_flow_keeper *keeper = r->config.how.keeper;
    struct sent_flow flow;

    live->slot = FRAME_NO_FLOW;
    live->frames = 0;
    if (keeper == NULL)
        return;
    flow = sent_flow_of(plan);
    if (live->due.ns >= r->config.schedule.begin.ns) {
        live->slot = keeper->begin(keeper->self, &flow);
    } else {
        live->unlogged = memory_alloc(sizeof *live->unlogged);
        *live->unlogged = flow;
    }
}

/* The run begins, and the session goes on. */
static void log_flow(const struct renderer *r, struct live *live)
{
    if (live->unlogged == NULL)
        return;
    live->slot = r->config.how.keeper->begin(r->config.how.keeper->self, live->unlogged);
    free(live->unlogged);
    live->unlogged = NULL;
}

static void end_flow(const struct renderer *r, struct live *live)
{
    if (r->config.how.keeper)
        r->config.how.keeper->end(r->config.how.keeper->self, live->slot, live->frames);
    free(live->unlogged);
    live->unlogged = NULL;
}

/* An ICMP error is about the flow, whichever side it is of; it is no packet of it, as a meter sees it. */
static uint32_t mark_of(const struct live *live)
{
    return sent_flow_mark(live->slot, live->packet.side);
}

/* ---- its birth and end ---- */

static struct live *take_unused(struct renderer *r)
{
    struct live *live = r->unused;

    if (live == NULL)
        return memory_alloc(sizeof *live);
    r->unused = live->next_unused;
    return live;
}

static void give_back(struct renderer *r, struct live *live)
{
    free(live->impaired);
    live->next_unused = r->unused;
    r->unused = live;
}

static void count_live(struct renderer *r)
{
    atomic_store_explicit(&r->counted->live, r->heap.count, memory_order_relaxed);
    if (r->heap.count > r->counted->most_live)
        r->counted->most_live = r->heap.count;
}

static void enter(struct renderer *r, struct live *live)
{
    due_heap_put(&r->heap, (struct due_entry){ live->due, live->number, live });
    tuple_set_put(&r->taken, &live->ends);
    count_live(r);
}

/* A plan of the run can be passed over before that begins. */
static struct renderer_counts *counted_with_plan(struct renderer *r)
{
    return r->plan_due.ns >= r->config.schedule.begin.ns ? &r->counts : r->counted;
}

/* The plan is no longer one to come. */
static void pass_plan(struct renderer *r, _Atomic uint64_t *count)
{
    counter_add(count, 1);
    r->begun = r->plan;
    r->has_begun = true;
    r->has_plan = false;
}

/* The run has no such connection that is left open: it would have begun before it, or is still under way. */
static bool ends_nothing(const struct renderer *r, const struct live *live)
{
    return r->config.leaves_out_orphan_ends && !r->has_resumed && session_only_ends(&live->session);
}

/* Makes the session of the plan ready: it is known to have a packet before anyone counts on it. */
static void prepare_session(struct renderer *r)
{
    struct live *live = take_unused(r);
    struct impairment_counts counts;

    session_begin(&live->session, &r->plan, r->config.seed, r->models,
                  &r->config.how.impairments, &counts);
    impair(r, live, &counts);
    choose_tuple(r, live, &r->plan);
    if (ends_nothing(r, live)) {
        session_release(&live->session);
        give_back(r, live);
        pass_plan(r, &counted_with_plan(r)->left_out);
        return;
    }
    r->plan.ends[FLOW_INITIATOR].port = live->ends.tuple.port[FLOW_INITIATOR];
    live->due = r->plan_due;
    begin_flow(r, live, &r->plan);
    for (int side = 0; side < 2; side++)
        frame_template_build(r->builder, &live->templates[side], &r->plan, &live->session.stack, (enum flow_side)side);
    if (next_packet(live)) {
        r->coming = live;
        return;
    }
    session_release(&live->session);
    end_flow(r, live);
    give_back(r, live); /* a plan without packets */
    pass_plan(r, &counted_with_plan(r)->flows);
}

static void begin_session(struct renderer *r)
{
    r->coming->number = r->births++;
    enter(r, r->coming);
    r->coming = NULL;
    pass_plan(r, &r->counted->flows);
}

/* As if it had never been made ready. */
static void forget_coming(struct renderer *r)
{
    if (r->coming == NULL)
        return;
    if (r->has_resumed)
        open_connections_put(&r->connections, &r->coming->ends.tuple, &r->resumed);
    session_release(&r->coming->session);
    end_flow(r, r->coming);
    give_back(r, r->coming);
    r->coming = NULL;
}

/* The session at the top of the heap is over; the connection that it leaves open is remembered. */
static void end_session(struct renderer *r, struct live *live)
{
    due_heap_remove_first(&r->heap);
    count_live(r);
    tuple_set_remove(&r->taken, &live->ends);
    counter_add(&r->counted->complete_tcp,
                live->number >= r->first_birth && session_is_complete_tcp(&live->session));
    end_flow(r, live);
    if (session_stays_open(&live->session)) {
        struct session_numbers left = tcp_numbers_leave(&live->session.numbers);

        open_connections_put(&r->connections, &live->ends.tuple, &left);
    }
    give_back(r, live);
}

/* The heap is to be put in order afterwards. */
static void hasten(struct renderer *r, size_t i, struct run_time latest)
{
    struct live *live = live_at(r, i);

    if (live->impaired)
        impairments_stop(&live->impaired->filter);
    if (live->due.ns > latest.ns)
        live->due = latest;
    r->heap.entries[i].due = live->due;
}

static void hurry_begun(struct renderer *r)
{
    if (!r->hurrying)
        counter_add(&r->counted->hurried, r->heap.count);
    r->hurrying = true;
}

/* The end of the run: every live session says no more than it must. */
static void hurry_all(struct renderer *r)
{
    hurry_begun(r);
    for (size_t i = 0; i < r->heap.count; i++) {
        session_hurry(&live_at(r, i)->session);
        hasten(r, i, r->config.end);
    }
    due_heap_order(&r->heap);
}

/* ---- frames ---- */

static void set_plan_due(struct renderer *r)
{
    r->plan_due = schedule_run_time(&r->schedule, r->plan.start);
    if (r->plan_due.ns < r->now.ns)
        r->plan_due = r->now;
}

static int fetch_plan(struct renderer *r, struct error *err)
{
    int got;

    if (r->has_plan || r->plans_over || r->hurrying)
        return 0;
    got = r->config.plans.next(r->config.plans.self, &r->plan, err);
    if (got < 0)
        return -1;
    r->has_plan = got > 0;
    if (r->has_plan)
        set_plan_due(r);
    r->plans_over = got == 0;
    return 0;
}

/* A session begins before the next packet of a live one. */
static bool begins_next(const struct renderer *r)
{
    return r->has_plan && r->plan_due.ns < r->config.end.ns &&
           (r->heap.count == 0 || r->plan_due.ns < live_at(r, 0)->due.ns);
}

static int prepare_next_session(struct renderer *r, struct error *err)
{
    while (r->coming == NULL) {
        if (fetch_plan(r, err) < 0)
            return -1;
        if (!begins_next(r))
            return 0;
        prepare_session(r);
    }
    return 0;
}

static uint32_t render(struct renderer *r, struct live *live, uint8_t *room)
{
    const struct session_packet *packet = &live->packet;
    const struct run_time since_first_plans = { live->due.ns + r->config.lead_ns }; /* what clocks of hosts count from */
    uint32_t length = frame_template_render(live->templates, &live->session.stack, packet, since_first_plans,
                                            live->session.fill, room);

    live->frames += !r->is_leading;
    counter_add(&r->counted->repeated_syns, packet->is_repeated_syn);
    return length;
}

static void advance(struct renderer *r, struct live *live)
{
    if (next_packet(live)) {
        live->due.ns += live->packet.gap_ns;
        if (live->due.ns > r->latest.ns)
            live->due = r->latest;
        due_heap_postpone_first(&r->heap, live->due);
    } else {
        end_session(r, live);
    }
}

/* All that is left comes at the end of the run or later. That is for take() to act on: until then it may be steered. */
static bool end_is_next(const struct renderer *r)
{
    return !r->hurrying && r->coming == NULL && r->heap.count > 0 && live_at(r, 0)->due.ns >= r->config.end.ns;
}

/* Of those that all are to go on at the end of the run. */
static const struct live *oldest_live(const struct renderer *r)
{
    const struct live *oldest = live_at(r, 0);

    for (size_t i = 1; i < r->heap.count; i++) {
        if (live_at(r, i)->number < oldest->number)
            oldest = live_at(r, i);
    }
    return oldest;
}

static int peek(struct renderer *r, struct frame *next, struct error *err)
{
    const struct live *first;

    if (prepare_next_session(r, err) < 0)
        return -1;
    if (r->coming == NULL && r->heap.count == 0)
        return 0;
    first = r->coming ? r->coming : end_is_next(r) ? oldest_live(r) : live_at(r, 0);
    next->due = end_is_next(r) ? r->config.end : first->due;
    next->link = first->templates[first->packet.side].link;
    next->to_link = first->templates[!first->packet.side].link;
    next->flow = mark_of(first);
    return 1;
}

/* The memory of many sessions is far away: that of the next one is fetched while this one's frame is made. */
static void fetch_ahead(const struct renderer *r)
{
    const char *second = r->heap.count >= MANY_LIVE ? due_heap_second(&r->heap) : NULL;

    for (size_t at = 0; second && at < sizeof(struct live); at += CACHE_LINE_BYTES)
        __builtin_prefetch(second + at);
}

static uint32_t take(struct renderer *r, uint8_t *room)
{
    uint32_t length;

    if (end_is_next(r))
        hurry_all(r);
    if (r->coming)
        begin_session(r); /* its packet is before all others */
    fetch_ahead(r);
    r->now = live_at(r, 0)->due;
    length = render(r, live_at(r, 0), room);
    counter_add(&r->counted->frames, 1);
    advance(r, live_at(r, 0));
    return length;
}

/* ---- before the run ---- */

static void begin_run(struct renderer *r)
{
    r->is_leading = false;
    r->first_birth = r->births;
    r->now = r->config.schedule.begin;
    r->counted = &r->counts;
    counter_add(&r->counts.flows, r->heap.count);
    counter_add(&r->counts.under_way, r->heap.count);
    count_live(r);
    for (size_t i = 0; i < r->heap.count; i++)
        log_flow(r, live_at(r, i));
}

static bool is_stopped(const struct renderer *r)
{
    return r->config.stop && atomic_load_explicit(r->config.stop, memory_order_relaxed);
}

int renderer_begin(struct renderer *r, struct error *err)
{
    uint8_t room[FRAME_MAX_BYTES];
    struct frame next;

    while (r->is_leading) {
        int got = peek(r, &next, err);

        if (got < 0)
            return -1;
        if (is_stopped(r)) /* that may have been the end of the plans */
            return 0;
        if (got > 0 && next.due.ns < r->config.schedule.begin.ns)
            take(r, room);
        else
            begin_run(r);
    }
    return 0;
}

static int renderer_peek(void *self, struct frame *next, struct error *err)
{
    struct renderer *r = self;

    if (renderer_begin(r, err) < 0)
        return -1;
    return r->is_leading ? 0 : peek(r, next, err);
}

static uint32_t renderer_take(void *self, uint8_t *room)
{
    return take(self, room);
}

struct frame_source renderer_frames(struct renderer *r)
{
    return (struct frame_source){ renderer_peek, renderer_take, r };
}

struct renderer *renderer_new(const struct renderer_config *config, struct error *err)
{
    struct renderer *r = memory_alloc(sizeof *r);

    r->config = *config;
    r->schedule = config->schedule;
    r->now.ns = config->schedule.begin.ns - config->lead_ns;
    r->is_leading = config->lead_ns > 0;
    r->counted = r->is_leading ? &r->before : &r->counts;
    r->latest = (struct run_time){ INT64_MAX };
    tuple_set_init(&r->taken);
    open_connections_init(&r->connections);
    r->models = packet_models_new(packet_model_find(config->how.packet_model), config->services, config->service_count);
    r->builder = frame_builder_new(err);
    if (r->builder == NULL) {
        renderer_free(r);
        return NULL;
    }
    return r;
}

void renderer_free(struct renderer *r)
{
    if (r == NULL)
        return;
    forget_coming(r);
    for (size_t i = 0; i < r->heap.count; i++) {
        session_release(&live_at(r, i)->session);
        free(live_at(r, i)->impaired);
        free(live_at(r, i)->unlogged);
        free(live_at(r, i));
    }
    while (r->unused) {
        struct live *live = r->unused;

        r->unused = live->next_unused;
        free(live);
    }
    open_connections_release(&r->connections);
    packet_models_free(r->models);
    frame_builder_free(r->builder);
    due_heap_release(&r->heap);
    tuple_set_release(&r->taken);
    free(r);
}

const struct renderer_counts *renderer_counts(const struct renderer *r)
{
    return &r->counts;
}

/* ---- steering ---- */

struct run_time renderer_position(const struct renderer *r, struct run_time now)
{
    struct run_time at = now;

    if (r->has_plan && r->plan_due.ns < at.ns)
        at = r->plan_due;
    else if (!r->has_plan && !r->plans_over)
        at = r->now; /* the next plan may begin at once */
    return at.ns > r->now.ns ? at : r->now;
}

const struct schedule *renderer_schedule(const struct renderer *r)
{
    return &r->schedule;
}

void renderer_reschedule(struct renderer *r, const struct schedule *schedule)
{
    forget_coming(r);
    r->schedule = *schedule;
    r->plans_over = false;
    if (r->has_plan)
        set_plan_due(r);
}

struct day_time renderer_return_plan(struct renderer *r, struct day_time now)
{
    struct day_time from = now;

    forget_coming(r);
    if (r->has_plan)
        from = r->plan.start;
    else if (r->has_begun && !r->plans_over)
        from = r->begun.start; /* the next one may start with it */
    r->has_plan = false;
    r->plans_over = false;
    return from.ns < now.ns ? from : now;
}

const struct flow_plan *renderer_begun(const struct renderer *r)
{
    return r->has_begun ? &r->begun : NULL;
}

void renderer_finish(struct renderer *r, struct run_time now, int64_t bound_ns)
{
    struct run_time begin = renderer_position(r, now);
    double step_ns = (double)bound_ns / 2 / (double)(r->heap.count + 1);

    forget_coming(r);
    r->has_plan = false;
    hurry_begun(r);
    r->latest.ns = begin.ns + bound_ns;
    for (size_t i = 0; i < r->heap.count; i++) {
        session_close(&live_at(r, i)->session, bound_ns / 6);
        hasten(r, i, (struct run_time){ begin.ns + (int64_t)((double)i * step_ns) });
    }
    due_heap_order(&r->heap);
}
