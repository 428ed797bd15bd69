#include "scenario/scenario.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "scenario/scenario_fault.h"
#include "scenario/service_list.h"
#include "session/session_record.h"
#include "synth/day.h"
#include "synth/population.h"

struct scenario {
    struct population_group *groups;
    uint32_t **counts; /* by group: the places of its models' hosts */
    size_t group_count;
    struct ip_network *networks; /* of the groups, then the outside */
    size_t network_count;
    struct population_sender *senders;
    size_t sender_count;
    struct population population;
    struct day *day;
    struct renderer *renderer;
    struct overlay_set *overlays; /* NULL: none */
    struct service_list services;
    struct run_time end;
    double activity; /* beside those of the groups */
};

static const struct service_model *find_service(const void *self, uint8_t protocol, uint32_t port,
                                                uint32_t label, uint64_t choice)
{
    return model_service(self, protocol, port, label, choice);
}

static uint16_t mtu_of(const struct scenario_config *config, uint16_t link)
{
    return config->mtus ? config->mtus[link] : FLOW_USUAL_MTU;
}

static int set_group(struct population_group *to, uint32_t **counts, const struct scenario_group *from, uint16_t mtu,
                     struct error *err)
{
    const struct model *model = from->model;
    uint32_t places;

    if (model->host_count == 0)
        return error_set(err, "the model has no host");
    *counts = memory_alloc_array(model->host_count, sizeof **counts);
    if (pick_parse(from->pick ? from->pick : "all", model->hosts, model->host_count, *counts, &places, err) < 0)
        return from->pick ? error_prefix(err, "pick \"%s\"", from->pick) : -1;
    *to = (struct population_group){
        .models = model->hosts,
        .model_count = model->host_count,
        .service = find_service,
        .service_self = model,
        .addresses = from->addresses,
        .link = from->link,
        .vlan = from->vlan,
        .mtu = mtu,
        .host_count = from->hosts ? from->hosts : places,
        .counts = *counts,
        .activity = from->activity,
    };
    if (from->addresses.networks[IP_FAMILY_6].prefix > 0 && mtu < FLOW_LEAST_MTU)
        return error_set(err, "IPv6 needs an MTU of %d bytes, and the link of a population has %d", FLOW_LEAST_MTU, mtu);
    if (to->host_count > SCENARIO_MAX_HOSTS)
        return error_set(err, "%" PRIu32 " hosts are more than %d", to->host_count, SCENARIO_MAX_HOSTS);
    return 0;
}

static bool has_ipv6(const struct scenario *s)
{
    bool has = false;

    for (size_t i = 0; i < s->group_count; i++)
        has = has || s->groups[i].addresses.networks[IP_FAMILY_6].prefix > 0;
    return has;
}

/* Puts before an error where it comes from, if that is known. */
static int say_place(const char *place, struct error *err)
{
    return place ? error_prefix(err, "%s", place) : -1;
}

static int set_population(struct scenario *s, const struct scenario_config *config,
                          const struct population_outside *outside, struct error *err)
{
    if (population_init(&s->population, s->groups, config->group_count, outside, err) == 0)
        return 0;
    return say_place(scenario_fault_place(config, s->groups, outside), err);
}

static int set_groups(struct scenario *s, const struct scenario_config *config, struct error *err)
{
    struct population_outside outside = config->outside;

    s->groups = memory_alloc_array(config->group_count, sizeof *s->groups);
    s->counts = memory_alloc_array(config->group_count, sizeof *s->counts);
    s->group_count = config->group_count;
    for (size_t i = 0; i < config->group_count; i++) {
        const struct scenario_group *group = &config->groups[i];

        if (set_group(&s->groups[i], &s->counts[i], group, mtu_of(config, group->link), err) < 0)
            return say_place(group->place, err);
    }
    outside.mtu = mtu_of(config, outside.link);
    if (outside.has_link && has_ipv6(s) && outside.mtu < FLOW_LEAST_MTU) {
        error_set(err, "IPv6 needs an MTU of %d bytes, and the link of the outside has %d", FLOW_LEAST_MTU, outside.mtu);
        return say_place(config->place, err);
    }
    if (set_population(s, config, &outside, err) < 0)
        return -1;
    s->networks = memory_alloc_array(IP_FAMILIES * (config->group_count + 1), sizeof *s->networks);
    s->network_count = population_networks(&s->population, s->networks);
    s->senders = memory_alloc_array(2 * IP_FAMILIES * config->group_count, sizeof *s->senders);
    s->sender_count = population_senders(&s->population, s->senders);
    return 0;
}

static struct day_time day_end(const struct scenario_config *config)
{
    bool is_endless = config->day_ns > DAY_TIME_MOST_NS - config->begin.ns;

    return (struct day_time){ is_endless ? DAY_TIME_MOST_NS : config->begin.ns + config->day_ns };
}

/* The first flows are those of the time before the run: what of it is behind 1970. */
static struct day_time first_flows(const struct scenario_config *config)
{
    double day_ns = (double)config->lead_ns * config->speed;

    if (config->lead_ns == 0 || config->begin.ns <= 0)
        return config->begin;
    return (struct day_time){ day_ns < (double)config->begin.ns ? config->begin.ns - (int64_t)day_ns : 0 };
}

static int wire(struct scenario *s, const struct scenario_config *config, struct error *err)
{
    struct day_config day = {
        .population = &s->population,
        .seed = config->seed,
        .begin = first_flows(config),
        .end = day_end(config),
        .fallback = config->fallback,
        .threads = config->threads,
        .plan_ahead = config->plan_ahead,
        .stop = config->stop,
    };
    struct renderer_config renderer = {
        .schedule = { .origin = config->begin, .speed = config->speed },
        .lead_ns = config->lead_ns,
        .stop = config->stop,
        .seed = config->seed,
        .how = config->how,
        .leaves_out_orphan_ends = true,
    };

    s->day = day_new(&day);
    s->end.ns = day.end.ns == DAY_TIME_MOST_NS ? INT64_MAX : schedule_run_time(&renderer.schedule, day.end).ns;
    s->activity = 1;
    renderer.plans = (struct flow_plan_source){ day_next, s->day };
    renderer.end = s->end;
    for (size_t i = 0; i < config->group_count; i++)
        service_list_add(&s->services, config->groups[i].model);
    renderer.services = s->services.services;
    renderer.service_count = s->services.count;
    s->renderer = renderer_new(&renderer, err);
    return s->renderer ? 0 : say_place(config->place, err);
}

static int add_overlays(struct scenario *s, const struct scenario_config *config, struct error *err)
{
    const struct overlay_set_config overlays = {
        .overlays = config->overlays,
        .count = config->overlay_count,
        .background = renderer_frames(s->renderer),
        .schedule = renderer_schedule(s->renderer),
        .end = s->end,
        .keeper = config->how.keeper,
        .before_ns = config->before_ns,
        .may_fail = config->overlays_may_fail,
        .population = &s->population,
        .networks = s->networks,
        .network_count = s->network_count,
    };

    if (config->overlay_count == 0)
        return 0;
    s->overlays = overlay_set_new(&overlays, err);
    return s->overlays ? 0 : -1;
}

int scenario_lead_parse(const char *text, int64_t *ns)
{
    *ns = 0;
    if (strcmp(text, "0") == 0)
        return 0;
    return text_to_duration_ns(text, ns) == 0 && *ns <= SCENARIO_MOST_LEAD_NS ? 0 : -1;
}

struct scenario *scenario_new(const struct scenario_config *config, struct error *err)
{
    struct scenario *s = memory_alloc(sizeof *s);

    if (set_groups(s, config, err) < 0 || wire(s, config, err) < 0 || add_overlays(s, config, err) < 0) {
        scenario_free(s);
        return NULL;
    }
    return s;
}

void scenario_free(struct scenario *s)
{
    if (s == NULL)
        return;
    overlay_set_free(s->overlays);
    renderer_free(s->renderer);
    day_free(s->day);
    population_release(&s->population);
    service_list_release(&s->services);
    for (size_t i = 0; i < s->group_count; i++)
        free(s->counts[i]);
    free(s->counts);
    free(s->networks);
    free(s->senders);
    free(s->groups);
    free(s);
}

int scenario_begin(struct scenario *s, struct error *err)
{
    return renderer_begin(s->renderer, err);
}

struct frame_source scenario_frames(struct scenario *s)
{
    return s->overlays ? overlay_set_frames(s->overlays) : renderer_frames(s->renderer);
}

const struct overlay_set *scenario_overlays(const struct scenario *s)
{
    return s->overlays;
}

const struct renderer_counts *scenario_counts(const struct scenario *s)
{
    return renderer_counts(s->renderer);
}

const struct flow_plan *scenario_begun(const struct scenario *s)
{
    return renderer_begun(s->renderer);
}

uint32_t scenario_host_count(const struct scenario *s)
{
    return s->population.host_count;
}

void scenario_set_gateway_mac(struct scenario *s, size_t group, const uint8_t mac[6])
{
    population_set_gateway_mac(&s->population, group, mac);
}

uint32_t scenario_first_host(const struct scenario *s, size_t group)
{
    uint32_t first = 0;

    for (size_t i = 0; i < group; i++)
        first += s->groups[i].host_count;
    return first;
}

const struct ip_network *scenario_networks(const struct scenario *s, size_t *count)
{
    *count = s->network_count;
    return s->networks;
}

const struct population_sender *scenario_senders(const struct scenario *s, size_t *count)
{
    *count = s->sender_count;
    return s->senders;
}

struct run_time scenario_end(const struct scenario *s)
{
    return s->end;
}

const struct population *scenario_population(const struct scenario *s)
{
    return &s->population;
}

struct flow_plan_source scenario_plans(struct scenario *s)
{
    return (struct flow_plan_source){ day_next, s->day };
}

/* ---- steering ---- */

/* `now`, but not before the frame that was taken last: the renderer knows those of sessions alone. */
static struct run_time clock_of(const struct scenario *s, struct run_time now)
{
    return s->overlays ? overlay_set_position(s->overlays, now) : now;
}

static struct run_time position(const struct scenario *s, struct run_time now)
{
    return clock_of(s, renderer_position(s->renderer, clock_of(s, now)));
}

/* Another schedule, and as much of the day as it has until the end of the run. */
static void reschedule(struct scenario *s, const struct schedule *schedule)
{
    struct day_time end = { DAY_TIME_MOST_NS };

    if (s->end.ns != INT64_MAX)
        end = schedule_day_time(schedule, s->end);
    renderer_reschedule(s->renderer, schedule);
    day_set_end(s->day, end);
}

static struct schedule schedule_from(const struct scenario *s, struct run_time now)
{
    struct run_time at = position(s, now);
    const struct schedule *before = renderer_schedule(s->renderer);

    return (struct schedule){ schedule_day_time(before, at), before->speed, at };
}

void scenario_set_speed(struct scenario *s, double speed, struct run_time now)
{
    struct schedule schedule = schedule_from(s, now);

    schedule.speed = speed;
    reschedule(s, &schedule);
}

int scenario_check_activity(const struct scenario *s, double factor, struct error *err)
{
    for (size_t i = 0; i < s->group_count; i++) {
        double group = s->groups[i].activity > 0 ? s->groups[i].activity : 1;
        double product = group * factor;

        if (!(product >= SCENARIO_LEAST_ACTIVITY && product <= SCENARIO_MOST_ACTIVITY))
            return error_set(err, "an activity of %g makes %g of the %g of population %zu, which is not between %g"
                             " and %g", factor, product, group, i + 1, SCENARIO_LEAST_ACTIVITY,
                             SCENARIO_MOST_ACTIVITY);
    }
    return 0;
}

void scenario_set_activity(struct scenario *s, double factor, struct run_time now)
{
    struct day_time from = renderer_return_plan(s->renderer, schedule_from(s, now).origin);

    s->activity = factor;
    day_replan(s->day, from, renderer_begun(s->renderer), factor);
}

void scenario_skip(struct scenario *s, int64_t ns, struct run_time now)
{
    struct schedule schedule = schedule_from(s, now);
    double to_ns = (double)schedule.origin.ns + (double)ns;

    if (to_ns < 0)
        schedule.origin.ns = 0;
    else if (to_ns > (double)DAY_TIME_MOST_NS)
        schedule.origin.ns = DAY_TIME_MOST_NS;
    else
        schedule.origin.ns += ns;
    renderer_return_plan(s->renderer, schedule.origin);
    reschedule(s, &schedule);
    day_replan(s->day, schedule.origin, ns < 0 ? NULL : renderer_begun(s->renderer), s->activity);
    if (s->overlays)
        overlay_set_seek(s->overlays, schedule.origin);
}

void scenario_finish(struct scenario *s, struct run_time now, int64_t bound_ns)
{
    struct run_time at = position(s, now);

    renderer_finish(s->renderer, clock_of(s, now), bound_ns);
    if (s->overlays)
        overlay_set_finish(s->overlays, (struct run_time){ at.ns + bound_ns });
}

const struct schedule *scenario_schedule(const struct scenario *s)
{
    return renderer_schedule(s->renderer);
}

void scenario_record(const struct flow_plan *plan, uint64_t seed, struct flow_record *record)
{
    session_record(plan, seed, record);
}
