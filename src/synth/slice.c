#include "synth/slice.h"

#include <math.h>
#include <stdlib.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "net/wire.h"

#define MAX_FLOWS_A_SLICE 1e6 /* of one host, whatever a model says: 3,333 a second */

uint64_t slice_draw_packets(const struct volume_model *mixture, struct random_stream *random)
{
    double at = random_unit(random);
    uint32_t k = 0;
    double x;

    while (k + 1 < mixture->size && at >= mixture->components[k].weight)
        at -= mixture->components[k++].weight;
    x = random_normal(random, mixture->components[k].mean, mixture->components[k].sd);
    return (uint64_t)fmax(1.0, round(exp(fmin(x, mixture->log_max))));
}

uint16_t slice_draw_port(uint32_t feature, struct random_stream *random)
{
    uint32_t first = port_feature_first(feature);

    return (uint16_t)(first + random_below(random, port_feature_first(feature + 1) - first));
}

/* ---- how much, and in which slice of the learned day ---- */

enum { NO_SLICE = DAY_SLICES };

/* The slice itself where it was observed, or what stands in for it. */
static uint32_t learned_slice(const struct host_model *model, uint32_t slice,
                              enum day_fallback fallback, struct random_stream *random)
{
    uint32_t observed[DAY_SLICES];
    uint32_t count = 0;

    if (model->observed_days[slice] > 0)
        return slice;
    if (fallback == DAY_SILENT)
        return NO_SLICE;
    for (uint32_t i = 0; i < DAY_SLICES; i++) {
        if (model->observed_days[i] > 0)
            observed[count++] = i;
    }
    return count ? observed[random_below(random, count)] : NO_SLICE;
}

/* SYNTHESIZE-DAY 2-5, corrected: n = v / E[volume], rounded at random so that the mean holds. */
static uint32_t draw_flow_count(const struct host_model *model, const struct slice_profile *profile,
                                struct random_stream *random)
{
    double is_active = random_unit(random);
    double log_volume = random_normal(random, (double)profile->log_mean, (double)profile->log_sd);
    /* A spread over two or three days says little: no slice is busier than the busiest one seen. */
    double volume = exp(fmin(log_volume, model->log_slice_max));
    double flows = volume / model->mean_packets + random_unit(random);

    if (is_active >= host_model_active_share(model, profile))
        return 0;
    return !(flows < MAX_FLOWS_A_SLICE) ? (uint32_t)MAX_FLOWS_A_SLICE : (uint32_t)flows;
}

/* ---- which flows: SYNTHESIZE-STATS with a clock ---- */

static double gap_of_bin(uint32_t bin, struct random_stream *random)
{
    return log_grid_value((double)bin + random_unit(random) - 0.5, GAP_GRID_PER_OCTAVE);
}

static double draw_gap(const struct discrete *gaps, struct random_stream *random)
{
    return gap_of_bin(discrete_symbol(gaps, discrete_draw(gaps, random)), random);
}

/* One step of the chain: the next state and the gap until its flow starts. */
static uint32_t step(const struct host_model *model, uint32_t from, double *gap_ns,
                     struct random_stream *random)
{
    const struct state_model *state = &model->states[from];
    uint32_t i;

    if (state->next.size == 0) { /* only ever seen at the end of the input */
        *gap_ns = random_exponential(random, (double)NS_PER_SECOND);
        return discrete_symbol(&model->frequency, discrete_draw(&model->frequency, random));
    }
    i = discrete_draw(&state->next, random);
    *gap_ns = draw_gap(state_model_gaps(state, i), random);
    return discrete_symbol(&state->next, i);
}

/*
 * Where a moment chosen at random finds the chain: in the middle of a transition, most likely a
 * long one. The state that the transition leads to.
 */
static uint32_t enter_chain(const struct host_model *model, struct random_stream *random)
{
    const struct state_model *state = model->states;
    uint32_t transition;

    if (model->under_way.size == 0) /* a host of a single flow */
        return discrete_symbol(&model->frequency, discrete_draw(&model->frequency, random));
    transition = discrete_draw(&model->under_way, random);
    while (transition >= state->next.size)
        transition -= state++->next.size;
    return discrete_symbol(&state->next, transition);
}

/* ---- one flow ---- */

static void set_ports(struct flow_plan *plan, const struct state_model *state,
                      struct random_stream *random)
{
    uint16_t responder = slice_draw_port(state->key.port_feature, random);
    uint16_t initiator = (uint16_t)random_u32(random); /* ICMP: the identifier */

    if (state->responder_ports.size) {
        uint32_t i = discrete_draw(&state->responder_ports, random);

        if (discrete_symbol(&state->responder_ports, i) != PORT_OTHER)
            responder = (uint16_t)discrete_symbol(&state->responder_ports, i);
    }
    if (state->initiator_ports.size) {
        uint32_t i = discrete_draw(&state->initiator_ports, random);

        initiator = slice_draw_port(discrete_symbol(&state->initiator_ports, i), random);
    } else { /* not TCP or UDP: the feature is the ICMP type */
        responder = (uint16_t)(state->key.port_feature << 8);
    }
    plan->ends[FLOW_INITIATOR].port = initiator;
    plan->ends[FLOW_RESPONDER].port = responder;
}

/* Fills a plan but for its start; false when the other end generates this flow. */
static bool draw_flow(const struct slice_request *request, const struct state_model *state,
                      struct flow_plan *plan, struct random_stream *random)
{
    const struct virtual_host *host = &request->population->hosts[request->host];
    enum flow_side side = state->key.role == ROLE_INITIATOR ? FLOW_INITIATOR : FLOW_RESPONDER;
    struct peer peer = peer_unpack(discrete_symbol(&state->peers, discrete_draw(&state->peers, random)));
    bool virtual_peer;
    struct flow_end other;

    *plan = (struct flow_plan){ .key = random_u64(random), .virtual_host = request->host,
                                .protocol = state->key.protocol };
    plan->packets = slice_draw_packets(&state->packets, random);
    other = population_peer(request->population, host, peer, plan->key, &virtual_peer);
    plan->ends[side] = host->end;
    plan->ends[!side] = other;
    set_ports(plan, state, random);
    plan->to_group = peer.kind == PEER_GROUP;
    if (plan->to_group)
        plan->ends[!side] = population_group_end(plan->ends[!side].port);
    plan->service = host->group->service(host->group->service_self, plan->protocol,
                                         plan->protocol == IP_ICMP ? state->key.port_feature
                                                             : plan->ends[FLOW_RESPONDER].port);
    /* Between two virtual hosts the initiator's own sequence makes the flow. */
    return side == FLOW_INITIATOR || !virtual_peer;
}

static struct flow_plan *append(struct plan_list *list)
{
    list->plans = memory_grow(list->plans, &list->capacity, list->used + 1, sizeof *list->plans);
    return &list->plans[list->used++];
}

/*
 * Gaps become starts. The sequence is closed to a ring and turned by a random angle, so that no
 * second of the slice is special, the first and the last included. Gaps keep their length, so
 * that bursts stay bursts; only where they do not fit into the slice they are scaled down together.
 */
static void place_flows(const struct slice_request *request, struct plan_list *plans,
                        size_t first_plan, const double *at_ns, double ring_ns, double turn_ns)
{
    struct day_time begin = day_time_of_slice(request->date, request->slice);

    for (size_t i = first_plan; i < plans->used; i++) {
        double turned_ns = at_ns[i - first_plan] + turn_ns;
        double share = (turned_ns < ring_ns ? turned_ns : turned_ns - ring_ns) / ring_ns;

        plans->plans[i].start.ns =
            begin.ns + (int64_t)fmin(share * (double)NS_PER_SLICE, (double)(NS_PER_SLICE - 1));
    }
}

static void synthesize_flows(const struct slice_request *request, uint32_t count,
                             struct plan_list *plans, struct random_stream *random)
{
    const struct host_model *model = request->population->hosts[request->host].model;
    double *at_ns = memory_alloc_array(count, sizeof *at_ns);
    uint32_t state = enter_chain(model, random);
    size_t first_plan = plans->used;
    /* A longer pause does not happen among this many flows of one slice. */
    double pause_ns = (double)NS_PER_SLICE / (count < 4 ? count : 4);
    double now_ns = 0;
    double ring_ns;
    double gap_ns;

    for (uint32_t i = 0; i < count; i++) {
        if (draw_flow(request, &model->states[state], append(plans), random))
            at_ns[plans->used - 1 - first_plan] = now_ns;
        else
            plans->used--;
        state = step(model, state, &gap_ns, random);
        if (i + 1 < count)
            now_ns += fmin(gap_ns, pause_ns);
    }
    /* What the slice leaves closes the ring; at least a gap as the others are. */
    ring_ns = fmax((double)NS_PER_SLICE, now_ns + now_ns / count);
    place_flows(request, plans, first_plan, at_ns, ring_ns, random_unit(random) * ring_ns);
    free(at_ns);
}

void slice_synthesize(const struct slice_request *request, struct plan_list *plans)
{
    const struct host_model *model = request->population->hosts[request->host].model;
    const struct slice_profile *profile;
    struct random_stream random;
    uint32_t learned;
    uint32_t count;

    if (model->state_count == 0)
        return;
    /* Named by its address, so that the stream is the same whoever else there is. */
    random_init(&random, request->seed, RANDOM_SLICE,
                request->population->hosts[request->host].end.address, (uint32_t)request->date,
                request->slice);
    learned = learned_slice(model, request->slice, request->fallback, &random);
    profile = learned == NO_SLICE ? NULL : host_model_slice(model, learned);
    if (profile == NULL)
        return;
    count = draw_flow_count(model, profile, &random);
    if (count > 0)
        synthesize_flows(request, count, plans, &random);
}
