#include "synth/slice.h"

#include <math.h>
#include <stdlib.h>

#include "base/log_normal.h"
#include "base/memory.h"
#include "net/wire.h"
#include "synth/chain.h"
#include "synth/flow_draw.h"
#include "synth/peer_draw.h"

#define MAX_FLOWS_A_SLICE 1e6 /* of one host, whatever a model says: 3,333 a second */

/* ---- how much the learned day says ---- */

/* What was learned of a slice, or what stands in for it. */
struct amount {
    double share; /* probability of being active */
    double log_packets, log_sd, log_flows; /* when active */
};

/* The days that tell of a slice: of the class, or else of the other one; or NULL. */
static const struct class_profile *days_of(const struct host_model *model, enum day_class class,
                                           uint32_t slice)
{
    if (model->days[class].observed[slice] == 0)
        class = class == DAY_WEEKDAY ? DAY_WEEKEND : DAY_WEEKDAY;
    return model->days[class].observed[slice] > 0 ? &model->days[class] : NULL;
}

static struct amount amount_of(const struct class_profile *days, uint32_t slice)
{
    const struct slice_profile *p = class_profile_slice(days, slice);

    if (p == NULL)
        return (struct amount){ 0 };
    return (struct amount){ slice_profile_share(p), slice_profile_log_packets(p), slice_profile_log_sd(p),
                            slice_profile_log_flows(p) };
}

/* An observed slice chosen at random. */
static struct amount spread(const struct host_model *model, enum day_class class,
                            struct random_stream *random)
{
    uint32_t observed[DAY_SLICES];
    uint32_t count = 0;
    uint32_t slice;

    for (uint32_t i = 0; i < DAY_SLICES; i++) {
        if (days_of(model, class, i))
            observed[count++] = i;
    }
    if (count == 0)
        return (struct amount){ 0 };
    slice = observed[random_below(random, count)];
    return amount_of(days_of(model, class, slice), slice);
}

/* `part` of b, the rest of a. Who is active in one of them alone does then as in that one. */
static struct amount mix(const struct amount *a, const struct amount *b, double part)
{
    double inner = a->share <= 0 ? 1 : b->share <= 0 ? 0 : part;

    return (struct amount){
        .share = a->share + part * (b->share - a->share),
        .log_packets = a->log_packets + inner * (b->log_packets - a->log_packets),
        .log_sd = a->log_sd + inner * (b->log_sd - a->log_sd),
        .log_flows = a->log_flows + inner * (b->log_flows - a->log_flows),
    };
}

/* Slices from `slice` on in a direction (1, or DAY_SLICES - 1) to the first observed one; 0: none. */
static uint32_t distance(const struct host_model *model, enum day_class class, uint32_t slice, uint32_t step)
{
    for (uint32_t i = 1; i < DAY_SLICES; i++) {
        if (days_of(model, class, (slice + i * step) % DAY_SLICES))
            return i;
    }
    return 0;
}

static struct amount interpolate(const struct host_model *model, enum day_class class, uint32_t slice)
{
    uint32_t before = distance(model, class, slice, DAY_SLICES - 1);
    uint32_t after = distance(model, class, slice, 1);
    uint32_t from = (slice + DAY_SLICES - before) % DAY_SLICES;
    uint32_t to = (slice + after) % DAY_SLICES;
    struct amount a;
    struct amount b;

    if (before == 0)
        return (struct amount){ 0 };
    a = amount_of(days_of(model, class, from), from);
    b = amount_of(days_of(model, class, to), to);
    return mix(&a, &b, (double)before / (before + after));
}

static struct amount learned_amount(const struct host_model *model, int32_t date, uint32_t slice,
                                    enum day_fallback fallback, struct random_stream *random)
{
    enum day_class class = day_class_of(date);
    const struct class_profile *days = days_of(model, class, slice);

    if (days)
        return amount_of(days, slice);
    switch (fallback) {
    case DAY_SPREAD: return spread(model, class, random);
    case DAY_INTERPOLATE: return interpolate(model, class, slice);
    case DAY_SILENT: break;
    }
    return (struct amount){ 0 };
}

/* One for all dates of a slice. */
static struct random_stream stream_of_days(const struct slice_request *request)
{
    struct random_stream random;

    random_init(&random, request->seed, RANDOM_DAYS, request->population->hosts[request->host].end.address,
                request->slice, 0);
    return random;
}

/*
 * Two numbers, uniform in [0, 1), each of which the dates in a row share out evenly among them: on five of seven
 * days means five of seven. Additive sequences of the golden ratio, which does that best, and of the real root of
 * x^3 = x + 1, which has nothing in common with it.
 */
struct chances {
    double active, rounding;
};

static struct chances chances_of_date(const struct slice_request *request)
{
    struct random_stream days = stream_of_days(request);
    double active = random_unit(&days) + request->date * 0.6180339887498949;
    double rounding = random_unit(&days) + request->date * 0.7548776662466927;

    return (struct chances){ active - floor(active), rounding - floor(rounding) };
}

/* What a slice is to have. */
struct quota {
    uint32_t flows;
    double packets;
};

/*
 * SYNTHESIZE-DAY 2-5, corrected: n = v / E[volume], with E of the slice itself, in the domain of the data. Who is
 * active has one flow at least; the others grow with the volume. Rounded at random so that the mean holds.
 */
static struct quota draw_quota(const struct slice_request *request, const struct amount *learned,
                               double activity, struct random_stream *random)
{
    const struct host_model *model = request->population->hosts[request->host].model;
    double most = fmax(model->log_slice_max, learned->log_packets);
    /* A spread over two or three days says little: no slice is busier than the busiest one seen. */
    double sd = most - learned->log_packets < 0.001 ? 0 : learned->log_sd;
    struct chances chances = chances_of_date(request);
    double x = random_normal(random, log_normal_mean_of_x(learned->log_packets, sd, most), sd);
    double volume = exp(fmin(x, most));
    double expected = 1 + (exp(learned->log_flows) - 1) * volume / exp(learned->log_packets);
    double flows = expected * activity + chances.rounding;
    struct quota quota = { 0 };

    if (chances.active >= learned->share)
        return quota;
    quota.flows = !(flows < MAX_FLOWS_A_SLICE) ? (uint32_t)MAX_FLOWS_A_SLICE : (uint32_t)flows;
    quota.packets = volume * quota.flows / expected;
    return quota;
}

double slice_draw_flows(const struct host_model *model, int32_t date, uint32_t slice, enum day_fallback fallback,
                        struct random_stream *random)
{
    struct amount learned = learned_amount(model, date, slice, fallback, random);

    return random_unit(random) < learned.share ? exp(learned.log_flows) : 0;
}

/* ---- one flow ---- */

/* Fills a plan but for its start; false when the other end generates this flow. */
static bool draw_flow(const struct slice_request *request, const struct state_model *state,
                      uint64_t packets, struct flow_plan *plan, struct random_stream *random)
{
    const struct virtual_host *host = &request->population->hosts[request->host];
    enum flow_side side = state->key.role == ROLE_INITIATOR ? FLOW_INITIATOR : FLOW_RESPONDER;
    const struct peer_owner owner = { host->model, (uint32_t)(state - host->model->states), request->seed,
                                      host->end.address };
    uint64_t name = 0;
    struct peer peer = peer_draw(&owner, &name, random);
    bool virtual_peer;
    struct flow_end other;
    uint16_t ports[2];

    *plan = (struct flow_plan){ .key = random_u64(random), .virtual_host = request->host,
                                .protocol = state->key.protocol, .packets = packets };
    other = population_peer(request->population, host, peer, name, &virtual_peer);
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
    if (virtual_peer && side == FLOW_INITIATOR)
        plan->answer = population_answer(request->population, host, state, plan);
    /* Between two virtual hosts the initiator's own sequence makes the flow. */
    return side == FLOW_INITIATOR || !virtual_peer;
}

static struct flow_plan *append(struct plan_list *list)
{
    list->plans = memory_grow(list->plans, &list->capacity, list->used + 1, sizeof *list->plans);
    return &list->plans[list->used++];
}

/* ---- the sequence of a slice ---- */

/* A flow of the sequence, before it has ends. */
struct step {
    uint32_t state;
    double at_ns; /* from the first one */
    uint64_t packets;
};

struct sequence {
    struct step *steps;
    double packets; /* of all together */
};

enum { MAX_STEP_TRIES = 16 };

/*
 * A step within the slice. A gap that is drawn would lead out of it as likely as it is long: such are not of this
 * slice but between two, where chain_enter() has them.
 */
static uint32_t step_inside(const struct host_model *model, uint32_t from, double *gap_ns,
                            struct random_stream *random)
{
    uint32_t next = chain_step(model, from, gap_ns, random);

    for (int i = 1; i < MAX_STEP_TRIES && *gap_ns > random_unit(random) * (double)NS_PER_SLICE; i++)
        next = chain_step(model, from, gap_ns, random);
    return next;
}

static void draw_sequence(const struct host_model *model, struct sequence *sequence, uint32_t count,
                          struct random_stream *random)
{
    uint32_t state = chain_enter(model, random);
    /* A longer pause does not happen among this many flows of one slice. */
    double pause_ns = (double)NS_PER_SLICE / (count < 4 ? count : 4);
    double now_ns = 0;
    double gap_ns;

    sequence->packets = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t packets = flow_draw_packets(&model->states[state].packets, random);

        sequence->steps[i] = (struct step){ state, now_ns, packets };
        sequence->packets += (double)packets;
        if (i + 1 < count)
            state = step_inside(model, state, &gap_ns, random);
        now_ns += i + 1 < count ? fmin(gap_ns, pause_ns) : 0;
    }
}

/* How far a sequence is from the volume, in logarithms. */
static double misfit(const struct sequence *sequence, double packets)
{
    return fabs(log(sequence->packets / packets));
}

enum { MAX_TRIES = 16, MAX_CHOICES = 16 };
#define GOOD_FIT 0.1
#define FAIR_FIT 0.5

/* Of several sequences of so many flows, the one with the volume that is wanted, nearly. */
static void choose_sequence(const struct host_model *model, struct sequence *best, const struct quota *quota,
                            struct random_stream *random)
{
    struct sequence other = { memory_alloc_array(quota->flows, sizeof *other.steps), 0 };

    draw_sequence(model, best, quota->flows, random);
    for (int i = 1; i < MAX_TRIES && misfit(best, quota->packets) > GOOD_FIT; i++) {
        draw_sequence(model, &other, quota->flows, random);
        if (misfit(&other, quota->packets) < misfit(best, quota->packets)) {
            struct sequence swap = *best;

            *best = other;
            other = swap;
        }
    }
    free(other.steps);
}

/* The flow that can take up most of what is missing, or too much: within what its state has shown. */
static struct step *most_flexible(const struct host_model *model, const struct sequence *sequence, uint32_t count,
                                  bool is_missing)
{
    struct step *best = sequence->steps;
    double most = -1;

    for (uint32_t i = 0; i < count; i++) {
        struct step *step = &sequence->steps[i];
        double packets = (double)step->packets;
        double room = is_missing ? exp(model->states[step->state].packets.log_max) - packets : packets - 1;

        if (room > most) {
            most = room;
            best = step;
        }
    }
    return best;
}

enum { MAX_FITTED = 16 };

/* Where no sequence comes near, a few flows take up the difference: those that can take most. */
static void fit_volume(const struct host_model *model, struct sequence *sequence, const struct quota *quota)
{
    if (misfit(sequence, quota->packets) <= FAIR_FIT)
        return;
    for (int i = 0; i < MAX_FITTED && misfit(sequence, quota->packets) > GOOD_FIT; i++) {
        double missing = quota->packets - sequence->packets;
        struct step *step = most_flexible(model, sequence, quota->flows, missing > 0);
        double before = (double)step->packets;
        double wanted = fmin(before + missing, exp(model->states[step->state].packets.log_max));

        step->packets = (uint64_t)fmax(1, round(wanted));
        sequence->packets += (double)step->packets - before;
    }
}

/* Where in the slice a sequence stands. */
struct ring {
    double length_ns, turn_ns;
};

/*
 * Gaps become starts. The sequence is closed to a ring and turned by a random angle, so that no
 * second of the slice is special, the first and the last included. Gaps keep their length, so
 * that bursts stay bursts; only where they do not fit into the slice they are scaled down together.
 */
static struct ring close_ring(const struct sequence *sequence, uint32_t count, struct random_stream *random)
{
    double last_ns = sequence->steps[count - 1].at_ns;
    struct ring ring;

    /* What the slice leaves closes the ring; at least a gap as the others are. */
    ring.length_ns = fmax((double)NS_PER_SLICE, last_ns + last_ns / count);
    ring.turn_ns = random_unit(random) * ring.length_ns;
    return ring;
}

static struct day_time start_of(const struct slice_request *request, const struct ring *ring, double at_ns)
{
    double turned_ns = at_ns + ring->turn_ns;
    double share = (turned_ns < ring->length_ns ? turned_ns : turned_ns - ring->length_ns) / ring->length_ns;
    int64_t begin_ns = day_time_of_slice(request->date, request->slice).ns;

    return (struct day_time){ begin_ns +
                              (int64_t)fmin(share * (double)NS_PER_SLICE, (double)(NS_PER_SLICE - 1)) };
}

static void synthesize_flows(const struct slice_request *request, const struct quota *quota,
                             struct plan_list *plans, struct random_stream *random)
{
    const struct host_model *model = request->population->hosts[request->host].model;
    struct sequence sequence = { memory_alloc_array(quota->flows, sizeof *sequence.steps), 0 };
    struct ring ring;

    for (int i = 0; i < MAX_CHOICES && (i == 0 || misfit(&sequence, quota->packets) > FAIR_FIT); i++) {
        choose_sequence(model, &sequence, quota, random);
        fit_volume(model, &sequence, quota);
    }
    ring = close_ring(&sequence, quota->flows, random);
    for (uint32_t i = 0; i < quota->flows; i++) {
        const struct step *step = &sequence.steps[i];
        struct flow_plan *plan = append(plans);

        if (draw_flow(request, &model->states[step->state], step->packets, plan, random))
            plan->start = start_of(request, &ring, step->at_ns);
        else
            plans->used--;
    }
    free(sequence.steps);
}

void slice_synthesize(const struct slice_request *request, struct plan_list *plans)
{
    const struct virtual_host *host = &request->population->hosts[request->host];
    struct random_stream random;
    struct amount learned;
    struct quota quota;

    if (host->model->state_count == 0)
        return;
    /* Named by its address, so that the stream is the same whoever else there is. */
    random_init(&random, request->seed, RANDOM_SLICE, host->end.address, (uint32_t)request->date,
                request->slice);
    learned = learned_amount(host->model, request->date, request->slice, request->fallback, &random);
    if (learned.share <= 0)
        return;
    quota = draw_quota(request, &learned, 1, &random);
    if (quota.flows > 0)
        synthesize_flows(request, &quota, plans, &random);
}
