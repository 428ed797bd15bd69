#include "scenario/session_set.h"

#include <stdlib.h>

#include "base/memory.h"
#include "scenario/service_list.h"
#include "synth/service_flows.h"

struct session_set {
    struct service_flows *flows;
    struct renderer *renderer;
    struct service_list services;
    struct ip_network networks[2];
};

struct session_set *session_set_new(const struct session_set_config *config, struct error *err)
{
    const struct service_flows_config flows = {
        .services = config->model->services,
        .service_count = config->model->service_count,
        .protocol = config->protocol,
        .flows = config->sessions,
        .begin = config->begin,
        .spacing_ns = (int64_t)((double)NS_PER_SECOND / config->rate),
        .initiators = config->initiators,
        .responders = config->responders,
        .seed = config->seed,
    };
    struct renderer_config renderer = {
        .schedule = { .origin = config->begin, .speed = 1.0 },
        .end = { INT64_MAX },
        .seed = config->seed,
        .how = config->how,
    };
    struct session_set *set;

    if (ip_network_overlaps(&config->initiators, &config->responders)) {
        error_set(err, "the networks of initiators and responders overlap");
        return NULL;
    }
    set = memory_alloc(sizeof *set);
    set->networks[0] = config->initiators;
    set->networks[1] = config->responders;
    set->flows = service_flows_new(&flows, err);
    service_list_add(&set->services, config->model);
    renderer.services = set->services.services;
    renderer.service_count = set->services.count;
    renderer.plans = (struct flow_plan_source){ service_flows_next, set->flows };
    if (set->flows != NULL)
        set->renderer = renderer_new(&renderer, err);
    if (set->renderer != NULL)
        return set;
    session_set_free(set);
    return NULL;
}

void session_set_free(struct session_set *set)
{
    if (set == NULL)
        return;
    renderer_free(set->renderer);
    service_flows_free(set->flows);
    service_list_release(&set->services);
    free(set);
}

struct frame_source session_set_frames(struct session_set *set)
{
    return renderer_frames(set->renderer);
}

const struct renderer_counts *session_set_counts(const struct session_set *set)
{
    return renderer_counts(set->renderer);
}

const struct ip_network *session_set_networks(const struct session_set *set)
{
    return set->networks;
}
