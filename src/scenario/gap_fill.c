#include "scenario/gap_fill.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dayshift/flow_state.h"
#include "records/host_names.h"
#include "session/session_record.h"
#include "synth/flow_draw.h"

/* The steps of the host that are known, by state. */
struct known_steps {
    uint32_t *firsts; /* by state, and one more: where its steps begin */
    uint32_t *steps;
};

static bool is_known(const struct fill_request *request, size_t step)
{
    const struct recording *recording = request->recording;

    return !recording->is_hidden[recording->hosts[request->host].steps[step].record];
}

static uint32_t state_of(const struct fill_request *request, const struct smoothed_chain *chain, size_t step)
{
    const struct recorded_step *at = &request->recording->hosts[request->host].steps[step];

    return smoothed_chain_find(chain, flow_state_key(&request->recording->records[at->record], at->role));
}

static void known_steps_init(struct known_steps *known, const struct fill_request *request,
                             const struct smoothed_chain *chain)
{
    size_t count = request->recording->hosts[request->host].step_count;
    uint32_t *states = memory_alloc_array(count, sizeof *states);

    known->firsts = memory_alloc_array((size_t)chain->states + 2, sizeof *known->firsts);
    known->steps = memory_alloc_array(count, sizeof *known->steps);
    for (size_t i = 0; i < count; i++) {
        states[i] = is_known(request, i) ? state_of(request, chain, i) : CHAIN_UNKNOWN;
        if (states[i] != CHAIN_UNKNOWN)
            known->firsts[states[i] + 2]++;
    }
    for (uint32_t s = 2; s < chain->states + 2; s++)
        known->firsts[s] += known->firsts[s - 1];
    for (size_t i = 0; i < count; i++) {
        if (states[i] != CHAIN_UNKNOWN)
            known->steps[known->firsts[states[i] + 1]++] = (uint32_t)i;
    }
    free(states);
}

static void known_steps_release(struct known_steps *known)
{
    free(known->firsts);
    free(known->steps);
}

/* ---- the gap, as the regression sees it ---- */

static void set_neighbours(struct regression_gap *gap, const struct fill_request *request,
                           const struct gap_fill *fill)
{
    const struct recording *recording = request->recording;
    size_t count = recording->hosts[request->host].step_count;

    for (size_t i = fill->first_missing; i-- > 0 && gap->before_count < REGRESSION_CONTEXT;) {
        const struct flow_record *record = recording_step(recording, request->host, i);

        if (!is_known(request, i))
            continue;
        if (gap->before_count == 0)
            gap->before_ns = gap->from.ns - record->start.ns;
        gap->before[gap->before_count++] = (struct regression_record){
            state_of(request, gap->chain, i), flow_record_packets(record)
        };
    }
    for (size_t i = fill->first_after; i < count && gap->after_count < REGRESSION_CONTEXT; i++) {
        const struct flow_record *record = recording_step(recording, request->host, i);

        if (!is_known(request, i))
            continue;
        if (gap->after_count == 0)
            gap->after_ns = record->start.ns - gap->to.ns;
        gap->after[gap->after_count++] = (struct regression_record){
            state_of(request, gap->chain, i), flow_record_packets(record)
        };
    }
}

/* ---- the pace around the gap ---- */

#define LONGEST_PAUSE_NS (3600 * NS_PER_SECOND) /* a longer one ends a sequence: no clock has it */

struct pauses {
    double count, sum_ns;
};

static void add_pause(struct pauses *pauses, int64_t pause_ns)
{
    pauses->count++;
    pauses->sum_ns += (double)pause_ns;
}

/* Of the pauses between steps on the same side of the gap. */
static double pace_around(const struct fill_request *request)
{
    const struct recorded_host *host = &request->recording->hosts[request->host];
    const struct flow_record *last = NULL;
    struct pauses all = { 0 };
    struct pauses near = { 0 };
    int64_t reach_ns = request->to.ns - request->from.ns;

    if (reach_ns < FILL_PACE_LEAST_REACH_NS)
        reach_ns = FILL_PACE_LEAST_REACH_NS;
    for (size_t i = 0; i < host->step_count; i++) {
        const struct flow_record *record = recording_step(request->recording, request->host, i);
        int64_t pause_ns = last ? record->start.ns - last->start.ns : INT64_MAX;
        bool is_before = record->start.ns <= request->from.ns;
        bool is_after = last && last->start.ns >= request->to.ns;

        if (!is_known(request, i))
            continue;
        if (pause_ns <= LONGEST_PAUSE_NS && (is_before || is_after)) {
            add_pause(&all, pause_ns);
            if (is_before ? last->start.ns >= request->from.ns - reach_ns
                          : record->start.ns <= request->to.ns + reach_ns)
                add_pause(&near, pause_ns);
        }
        last = record;
    }
    if (all.sum_ns <= 0)
        return 1;
    return all.sum_ns / all.count * (near.count + FILL_PACE_PRIOR) /
           (near.sum_ns + all.sum_ns / all.count * FILL_PACE_PRIOR);
}

/* ---- records ---- */

/* What records are made with. */
struct maker {
    const struct fill_request *request;
    const struct smoothed_chain *chain;
    struct known_steps known;
    struct random_stream *random;
};

/*
 * A known step of that state; or, *is_alike false, of its role, or any: a model from elsewhere may have states
 * that the host never had. Of a host that is filled one step at least is known.
 */
static const struct recorded_step *draw_step(const struct maker *maker, uint32_t state, bool *is_alike)
{
    const struct recorded_host *host = &maker->request->recording->hosts[maker->request->host];
    enum host_role role = maker->chain->host->states[state].key.role;
    uint32_t first = maker->known.firsts[state];
    uint32_t count = maker->known.firsts[state + 1] - first;
    const struct recorded_step *any = NULL;
    size_t from;

    *is_alike = count > 0;
    if (count > 0)
        return &host->steps[maker->known.steps[first + random_below(maker->random, count)]];
    from = random_below(maker->random, host->step_count);
    for (size_t i = 0; i < host->step_count; i++) {
        size_t number = (from + i) % host->step_count;

        if (!is_known(maker->request, number))
            continue;
        any = &host->steps[number];
        if (any->role == role)
            break;
    }
    return any;
}

static void set_plan(struct flow_plan *plan, const struct state_model *state, uint64_t packets,
                     struct day_time start, struct random_stream *random)
{
    uint16_t ports[2];

    *plan = (struct flow_plan){ .start = start, .key = random_u64(random), .protocol = state->key.protocol,
                                .packets = packets };
    flow_draw_ports(state, ports, random);
    plan->ends[FLOW_INITIATOR].port = ports[FLOW_INITIATOR];
    plan->ends[FLOW_RESPONDER].port = ports[FLOW_RESPONDER];
}

/* Sessions have packets of IPv4 or IPv6; of ends that only have names, nobody knows of which. */
static void set_family(struct flow_plan *plan, const struct ip_address *host)
{
    const struct ip_address address = ip_address_is_named(host) ? ip_address_from_v4(0) : *host;

    plan->ends[FLOW_INITIATOR].address = plan->ends[FLOW_RESPONDER].address = address;
}

static const struct service_model *service_of(const struct model *model, const struct host_model *host,
                                              const struct state_model *state, const struct flow_plan *plan)
{
    return model_service(model, state->key.protocol,
                         state->key.protocol == IP_ICMP ? state->key.port_feature : plan->ends[FLOW_RESPONDER].port,
                         flow_draw_label(host, state, plan->key), random_mix64(plan->key));
}

/* Record `number` of the filling; false when the other end's own sequence makes it. */
static bool make_record(const struct maker *maker, const struct regression_filling *filling, uint32_t number,
                        struct flow_record *record)
{
    const struct fill_request *request = maker->request;
    const struct recording *recording = request->recording;
    const struct state_model *state = &maker->chain->host->states[filling->states[number]];
    enum flow_side side = state->key.role == ROLE_INITIATOR ? FLOW_INITIATOR : FLOW_RESPONDER;
    bool is_alike;
    const struct recorded_step *step = draw_step(maker, filling->states[number], &is_alike);
    const struct flow_record *alike = &recording->records[step->record];
    const struct ip_address *peer =
        &alike->address[step->role == ROLE_INITIATOR ? FLOW_RESPONDER : FLOW_INITIATOR];
    uint32_t peer_host = recording_find(recording, peer);
    const struct ip_address *own = &recording->hosts[request->host].address;
    struct flow_plan plan;

    set_plan(&plan, state, filling->packets[number], filling->starts[number], maker->random);
    set_family(&plan, own);
    if (is_alike)
        plan.ends[FLOW_RESPONDER].port = alike->port[FLOW_RESPONDER];
    plan.to_group = side == FLOW_INITIATOR && ip_address_is_group(peer);
    plan.service = service_of(request->model, maker->chain->host, state, &plan);
    session_record(&plan, request->options->seed, record);
    record->address[side] = *own;
    record->address[!side] = *peer;
    record->is_synthetic = true;
    return side == FLOW_INITIATOR || peer_host == RECORDING_NOBODY || !request->fills[peer_host];
}

static void make_records(struct gap_fill *fill, const struct fill_request *request,
                         const struct smoothed_chain *chain, struct random_stream *random)
{
    struct maker maker = { .request = request, .chain = chain, .random = random };
    uint32_t count = fill->filling.count;

    known_steps_init(&maker.known, request, chain);
    fill->records = memory_alloc_array(count, sizeof *fill->records);
    for (uint32_t i = 0; i < count; i++)
        fill->record_count += make_record(&maker, &fill->filling, i, &fill->records[fill->record_count]);
    known_steps_release(&maker.known);
}

/* ---- the whole ---- */

/* Named by the host's address and the gap: the same whoever else there is. */
static void begin_stream(struct random_stream *random, const struct fill_request *request)
{
    uint64_t name = 0;
    uint64_t half;

    for (size_t i = 0; i < sizeof(struct ip_address); i += sizeof half) {
        memcpy(&half, request->recording->hosts[request->host].address.bytes + i, sizeof half);
        name = random_mix64(name ^ half);
    }
    name = random_mix64(name ^ (uint64_t)request->from.ns);
    random_init(random, request->options->seed, RANDOM_FILL, (uint32_t)name, (uint32_t)(name >> 32), 0);
}

static void judge_ends(struct gap_fill *fill, const struct regression_gap *gap)
{
    uint32_t before = regression_before(gap);
    uint32_t after = regression_after(gap);
    uint32_t count = fill->filling.count;

    fill->log_before = smoothed_chain_log(gap->chain, before, count ? fill->filling.states[0] : after);
    fill->log_after = count ? smoothed_chain_log(gap->chain, fill->filling.states[count - 1], after)
                            : fill->log_before;
}

/* No more than are known: of flows of which many begin at the same time a clock tells little. */
static uint32_t draw_count(const struct regression_gap *gap, const struct fill_request *request,
                           struct random_stream *random)
{
    size_t steps = request->recording->hosts[request->host].step_count;
    uint32_t count = regression_draw_count(gap, random);
    uint32_t known = 0;

    for (size_t i = 0; i < steps && known < count; i++)
        known += is_known(request, i);
    return known;
}

void gap_fill_make(struct gap_fill *fill, const struct fill_request *request)
{
    const struct fill_options *options = request->options;
    struct smoothed_chain chain;
    struct regression_gap gap = { .chain = &chain, .from = request->from, .to = request->to,
                                  .pace = pace_around(request) };
    struct random_stream random;

    *fill = (struct gap_fill){ .host = request->host, .from = request->from, .to = request->to };
    fill->first_missing = recording_first_step(request->recording, request->host, request->from);
    fill->first_after = recording_first_step(request->recording, request->host,
                                             (struct day_time){ request->to.ns - 1 });
    smoothed_chain_init(&chain, &request->model->hosts[request->model_host]);
    set_neighbours(&gap, request, fill);
    begin_stream(&random, request);
    gap.count = options->count == FILL_DRAW_COUNT ? draw_count(&gap, request, &random) : options->count;
    if (options->method == FILL_EXACT)
        regression_exact(&gap, options->draws, &random, &fill->filling);
    else
        regression_search(&gap, options->length, &random, &fill->filling);
    judge_ends(fill, &gap);
    make_records(fill, request, &chain, &random);
    smoothed_chain_release(&chain);
}

void gap_fill_release(struct gap_fill *fill)
{
    regression_filling_release(&fill->filling);
    free(fill->records);
    *fill = (struct gap_fill){ 0 };
}
