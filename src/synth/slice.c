#include "synth/slice.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "net/wire.h"
#include "synth/chain.h"
#include "synth/flow_draw.h"

#define MAX_FLOWS_A_SLICE 1e6 /* of one host, whatever a model says: 3,333 a second */

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

/* n = v / E[volume], rounded at random so that the mean holds. */
static uint32_t count_of(const struct host_model *model, const struct slice_profile *profile,
                         struct random_stream *random)
{
    double is_active = random_unit(random);
    double log_volume = random_normal(random, (double)profile->log_mean, (double)profile->log_sd);
    /* A spread over two or three days says little: no slice is busier than the busiest one seen. */
    double volume = exp(fmin(log_volume, model->log_slice_max));
    double flows = volume / model->mean_packets + random_unit(random);

    if (is_active * model->observed_days[profile->slice] >= profile->active)
        return 0;
    return !(flows < MAX_FLOWS_A_SLICE) ? (uint32_t)MAX_FLOWS_A_SLICE : (uint32_t)flows;
}

uint32_t slice_draw_flow_count(const struct host_model *model, uint32_t slice, enum day_fallback fallback,
                               struct random_stream *random)
{
    uint32_t learned = learned_slice(model, slice, fallback, random);
    const struct slice_profile *profile = learned == NO_SLICE ? NULL : host_model_slice(model, learned);

    return profile ? count_of(model, profile, random) : 0;
}

/* ---- one flow ---- */

/* Fills a plan but for its start; false when the other end generates this flow. */
static bool draw_flow(const struct slice_request *request, const struct state_model *state,
                      struct flow_plan *plan, struct random_stream *random)
{
    const struct virtual_host *host = &request->population->hosts[request->host];
    enum flow_side side = state->key.role == ROLE_INITIATOR ? FLOW_INITIATOR : FLOW_RESPONDER;
    struct peer peer = peer_unpack(discrete_symbol(&state->peers, discrete_draw(&state->peers, random)));
    bool virtual_peer;
    struct flow_end other;
    uint16_t ports[2];

    *plan = (struct flow_plan){ .key = random_u64(random), .virtual_host = request->host,
                                .protocol = state->key.protocol };
    plan->packets = flow_draw_packets(&state->packets, random);
    other = population_peer(request->population, host, peer, plan->key, &virtual_peer);
    plan->ends[side] = host->end;
    plan->ends[!side] = other;
    flow_draw_ports(state, ports, random);
    plan->ends[FLOW_INITIATOR].port = ports[FLOW_INITIATOR];
    plan->ends[FLOW_RESPONDER].port = ports[FLOW_RESPONDER];
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
    uint32_t state = chain_enter(model, random);
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
        state = chain_step(model, state, &gap_ns, random);
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
    struct random_stream random;
    uint32_t count;

    if (model->state_count == 0)
        return;
    /* Named by its address, so that the stream is the same whoever else there is. */
    random_init(&random, request->seed, RANDOM_SLICE,
                request->population->hosts[request->host].end.address, (uint32_t)request->date,
                request->slice);
    count = slice_draw_flow_count(model, request->slice, request->fallback, &random);
    if (count > 0)
        synthesize_flows(request, count, plans, &random);
}
