#include "synth/slice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_normal.h"
#include "base/memory.h"
#include "synth/beat.h"
#include "synth/flow_draw.h"
#include "synth/flow_features.h"
#include "synth/peer_draw.h"
#include "synth/slice_sequence.h"

#define MAX_FLOWS_A_SLICE 1e6 /* of one host, whatever a model says: 3,333 a second */

static const char *const fallback_names[] = { "spread", "silent", "interpolate" }; /* in the order of the enum */

enum { FALLBACKS = sizeof fallback_names / sizeof *fallback_names };

const char *day_fallback_names(char text[TEXT_NAMES])
{
    text[0] = '\0';
    for (int i = 0; i < FALLBACKS; i++)
        text_add_name(text, fallback_names[i]);
    return text;
}

int day_fallback_parse(const char *text, enum day_fallback *fallback)
{
    for (int i = 0; i < FALLBACKS; i++) {
        if (strcmp(text, fallback_names[i]) == 0) {
            *fallback = (enum day_fallback)i;
            return 0;
        }
    }
    return -1;
}

/* ---- amount: what the learned day says ---- */

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

/* ---- quota: what a date has of it ---- */

/* One for all dates of a slice. */
static struct random_stream stream_of_days(const struct slice_request *request)
{
    struct random_stream random;

    random_init(&random, request->seed, RANDOM_DAYS, request->population->hosts[request->host].end.name,
                request->slice, 0);
    return random;
}

/* What the dates of a slice share out among them. */
struct chances {
    double active, rounding; /* uniform in [0, 1) */
    double volume;           /* normal, mean 0 and sd 1 */
};

/*
 * A number that is uniform in [0, 1), and that dates in a row share out evenly: on five of seven days means five of
 * seven. An additive sequence; steps that have no common measure give sequences that know nothing of one another.
 */
static double unit_of_date(const struct slice_request *request, double step, struct random_stream *days)
{
    double at = random_unit(days) + request->date * step;

    return at - floor(at);
}

static struct chances chances_of_date(const struct slice_request *request)
{
    struct random_stream days = stream_of_days(request);
    struct chances chances;
    double radius;

    chances.active = unit_of_date(request, 0.61803398874989485, &days); /* the golden ratio */
    chances.rounding = unit_of_date(request, 0.7548776662466927, &days); /* 1 / x, x^3 = x + 1 */
    radius = sqrt(-2 * log(1 - unit_of_date(request, 0.41421356237309505, &days))); /* of 2, the root */
    chances.volume = radius * cos(2 * M_PI * unit_of_date(request, 0.73205080756887729, &days)); /* of 3 */
    return chances;
}

/*
 * SYNTHESIZE-DAY 2-5, corrected: n = v / E[volume], with E of the slice itself, in the domain of the data. Who is
 * active has one flow at least; the others grow with the volume. Rounded at random so that the mean holds.
 */
static struct quota draw_quota(const struct slice_request *request, const struct amount *learned,
                               double activity)
{
    const struct host_model *model = request->population->hosts[request->host].model;
    double most = fmax(model->log_slice_max, learned->log_packets);
    /* A spread over two or three days says little: no slice is busier than the busiest one seen. */
    double sd = most - learned->log_packets < 0.001 ? 0 : learned->log_sd;
    struct chances chances = chances_of_date(request);
    double x = log_normal_mean_of_x(learned->log_packets, sd, most) + sd * chances.volume;
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

/* ---- flows ---- */

/* Fills a plan but for its start; false when the other end generates this flow. */
static bool draw_flow(const struct slice_request *request, const struct step *step, struct flow_plan *plan,
                      struct random_stream *random)
{
    const struct virtual_host *host = &request->population->hosts[request->host];
    const struct peer_owner owner = { host->model, step->state, request->seed, host->end.name };
    struct flow_features features = { .state = &host->model->states[step->state], .packets = step->packets };
    uint32_t other;

    features.peer = peer_draw(&owner, &features.peer_name, random);
    features.key = random_u64(random);
    flow_draw_ports(features.state, features.ports, random);
    other = flow_features_plan(&features, request->population, request->host, plan);
    /* Between two virtual hosts the initiator's own sequence makes the flow. */
    return flow_features_side(&features) == FLOW_INITIATOR || other == FLOW_FEATURES_NO_HOST;
}

static struct flow_plan *append(struct plan_list *list)
{
    list->plans = memory_grow(list->plans, &list->capacity, list->used + 1, sizeof *list->plans);
    return &list->plans[list->used++];
}

static double activity_of(const struct slice_request *request)
{
    double group = request->population->hosts[request->host].group->activity;

    return (group > 0 ? group : 1) * (request->activity > 0 ? request->activity : 1);
}

static void synthesize_flows(const struct slice_request *request, const struct quota *quota,
                             struct plan_list *plans, struct random_stream *random)
{
    const struct virtual_host *host = &request->population->hosts[request->host];
    const struct beat_place place = { request->seed, host->end.name, request->begin, activity_of(request) };
    struct slice_sequence sequence;

    slice_sequence_draw(&sequence, host->model, quota, random);
    beat_place(&sequence, host->model, &place, random);
    slice_sequence_close(&sequence, random);
    for (uint32_t i = 0; i < sequence.count; i++) {
        const struct step *step = &sequence.steps[i];
        struct flow_plan *plan = append(plans);

        if (draw_flow(request, step, plan, random))
            plan->start.ns = request->begin.ns + step->offset_ns;
        else
            plans->used--;
    }
    slice_sequence_release(&sequence);
}

void slice_synthesize(const struct slice_request *request, struct plan_list *plans)
{
    const struct virtual_host *host = &request->population->hosts[request->host];
    struct random_stream random;
    struct amount learned;
    struct quota quota;

    if (host->model->state_count == 0)
        return;
    /* By the name of the host, so that the stream is the same whoever else there is. */
    random_init(&random, request->seed, RANDOM_SLICE, host->end.name, (uint32_t)request->date,
                request->slice);
    learned = learned_amount(host->model, request->date, request->slice, request->fallback, &random);
    if (learned.share <= 0)
        return;
    quota = draw_quota(request, &learned, activity_of(request));
    if (quota.flows > 0)
        synthesize_flows(request, &quota, plans, &random);
}
