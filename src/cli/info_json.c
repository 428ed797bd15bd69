/*
 * dayshift info, for scripts.
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/info.h"

/* ---- a state ---- */

static json_t *mixture_json(const struct volume_model *mixture)
{
    json_t *components = json_array();

    for (uint32_t k = 0; k < mixture->size; k++)
        json_array_append_new(components,
                              json_pack("{s:f,s:f,s:f}", "weight", mixture->components[k].weight,
                                        "mean_ln_packets", mixture->components[k].mean, "sd",
                                        mixture->components[k].sd));
    return components;
}

static json_t *ports_json(const struct discrete *ports)
{
    json_t *array = json_array();

    for (uint32_t i = 0; i < ports->size; i++) {
        uint32_t port = discrete_symbol(ports, i);

        json_array_append_new(array, json_pack("{s:o,s:f}", "port",
                                               port == PORT_OTHER ? json_null()
                                                                  : json_integer((json_int_t)port),
                                               "share", discrete_share(ports, i)));
    }
    return array;
}

static json_t *state_json(const struct host_model *host, const struct state_model *state)
{
    struct info_peers peers = info_peers(state);
    char name[STATE_NAME];

    return json_pack("{s:s,s:f,s:I,s:f,s:i,s:i,s:f,s:o,s:f}", "state",
                     cli_state_name(state->key, name), "share", info_state_share(host, state), "flows",
                     (json_int_t)state->flows, "median_gap_s", info_median_gap_s(&state->gaps),
                     "local_peers", (int)peers.local, "outside_peers", (int)peers.outside,
                     "group_share", peers.group_share, "packets", mixture_json(&state->packets),
                     "mean_bytes", (double)state->mean_bytes);
}

static json_t *next_json(const struct host_model *host, const struct state_model *state)
{
    json_t *array = json_array();
    char name[STATE_NAME];

    for (uint32_t i = 0; i < state->next.size; i++) {
        uint32_t next = discrete_symbol(&state->next, i);

        json_array_append_new(
            array, json_pack("{s:s,s:f,s:f}", "state", cli_state_name(host->states[next].key, name),
                             "share", discrete_share(&state->next, i), "median_gap_s",
                             info_median_gap_s(state_model_gaps(state, i))));
    }
    return array;
}

static json_t *detailed_state_json(const struct host_model *host, const struct state_model *state)
{
    json_t *root = state_json(host, state);

    json_object_set_new(root, "responder_ports", ports_json(&state->responder_ports));
    json_object_set_new(root, "next", next_json(host, state));
    return root;
}

/* ---- a host ---- */

static json_t *states_json(const struct host_model *host, uint32_t most,
                           json_t *(*one)(const struct host_model *, const struct state_model *))
{
    const struct state_model **by_use = info_states_by_use(host);
    json_t *states = json_array();

    for (uint32_t i = 0; i < host->state_count && i < most; i++)
        json_array_append_new(states, one(host, by_use[i]));
    free(by_use);
    return states;
}

static json_t *host_json(const struct host_model *host)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:I}", "host", (json_int_t)host->id, "members",
                     (json_int_t)host->members, "crowd", (json_int_t)host->crowd, "flows",
                     (json_int_t)host->flows, "state_count", (json_int_t)host->state_count,
                     "active_slices", (json_int_t)info_active_slices(host), "mean_packets",
                     host->mean_packets, "bytes", (json_int_t)host_model_bytes(host));
}

static json_t *beginnings_json(const struct host_model *host)
{
    json_t *array = json_array();
    char name[STATE_NAME];

    for (uint32_t i = 0; i < host->initial.size; i++) {
        uint32_t state = discrete_symbol(&host->initial, i);

        json_array_append_new(array, json_pack("{s:s,s:f}", "state",
                                               cli_state_name(host->states[state].key, name), "share",
                                               discrete_share(&host->initial, i)));
    }
    return array;
}

/* One class where the days are not told apart: "all". */
static json_t *profile_json(const struct host_model *host)
{
    json_t *array = json_array();

    for (int class = 0; class < info_day_classes(host); class++) {
        const struct class_profile *days = &host->days[class];

        for (uint32_t i = 0; i < days->size; i++) {
            const struct slice_profile *p = &days->slices[i];

            json_array_append_new(
                array, json_pack("{s:s,s:i,s:f,s:I,s:f,s:f,s:f}", "days", info_day_class_name(host, class), "slice",
                                 (int)p->slice, "active_share", slice_profile_share(p), "observed_days",
                                 (json_int_t)host->members * days->observed[p->slice], "packets",
                                 exp(slice_profile_log_packets(p)),
                                 "sd_ln_packets", slice_profile_log_sd(p), "flows",
                                 exp(slice_profile_log_flows(p))));
        }
    }
    return array;
}

/* ---- the model ---- */

static json_t *hosts_json(const struct model *model)
{
    json_t *hosts = json_array();

    for (uint32_t i = 0; i < model->host_count; i++) {
        json_t *host = host_json(&model->hosts[i]);

        json_object_set_new(host, "states",
                            states_json(&model->hosts[i], INFO_BUSIEST_STATES, state_json));
        json_array_append_new(hosts, host);
    }
    return hosts;
}

static json_t *conditions_json(const struct service_conditions *c)
{
    return json_pack("{s:I,s:I,s:f,s:f,s:f,s:f,s:f,s:f,s:f}", "flows", (json_int_t)c->flows, "packets",
                     (json_int_t)c->packets, "retransmitted", info_rate(c->retransmitted, c->packets),
                     "reordered", info_rate(c->reordered, c->packets), "duplicated",
                     info_rate(c->duplicated, c->packets), "fragments",
                     info_rate(c->fragments, c->packets), "resets", info_rate(c->resets, c->flows),
                     "unanswered", info_rate(c->unanswered, c->attempts), "unreachable",
                     info_rate(c->unreachable, c->packets));
}

static json_t *classes_json(const struct info_service *service)
{
    size_t count;
    const struct service_model **classes = info_classes_by_use(service, &count);
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_pack("{s:s,s:I,s:I}", "class", classes[i]->label, "flows",
                                               (json_int_t)classes[i]->flows, "sampled",
                                               (json_int_t)classes[i]->row_count));
    free(classes);
    return array;
}

static json_t *services_json(const struct model *model)
{
    size_t count;
    struct info_service *services = info_services_by_use(model, &count);
    json_t *array = json_array();
    char name[STATE_NAME];

    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_pack("{s:s,s:I,s:I,s:o,s:o}", "service",
                                               info_service_name(&services[i], name), "flows",
                                               (json_int_t)services[i].flows, "sampled",
                                               (json_int_t)services[i].sampled, "classes",
                                               classes_json(&services[i]), "conditions",
                                               conditions_json(&services[i].conditions)));
    free(services);
    return array;
}

static json_t *coverage_json(const struct model *model)
{
    json_t *array = json_array();

    for (int i = 0; i < DAY_SLICES; i++)
        json_array_append_new(array, json_integer(model->observed_days[i]));
    return array;
}

static json_t *weekdays_json(const struct model *model)
{
    json_t *root = json_object();

    for (int i = 0; i < DAYS_A_WEEK; i++)
        json_object_set_new(root, info_weekdays[i], json_integer((json_int_t)model->weekdays[i]));
    return root;
}

static json_t *tables_json(const struct model *model)
{
    json_t *root = json_object();

    for (int i = 0; i < MODEL_TABLES; i++)
        json_object_set_new(root, model_table_name((enum model_table)i),
                            json_integer((json_int_t)model->rows[i]));
    return root;
}

static json_t *memory_json(const struct model *model)
{
    struct info_memory memory = info_memory(model);

    return json_pack("{s:I,s:I,s:I,s:I,s:I}", "average", (json_int_t)memory.average, "median",
                     (json_int_t)memory.median, "largest", (json_int_t)memory.largest, "largest_host",
                     (json_int_t)memory.largest_host, "total", (json_int_t)memory.total);
}

int info_print_model_json(const struct model *model, const char *path, uint64_t file_bytes)
{
    json_t *root = json_pack(
        "{s:o,s:I,s:I,s:I,s:I,s:I,s:b,s:I,s:I}", "file", cli_json_text(path), "flows", (json_int_t)model->flows,
        "packets", (json_int_t)model->packets, "first_ns", (json_int_t)model->first.ns, "last_ns",
        (json_int_t)model->last.ns, "covered_slices", (json_int_t)model->covered_slices, "has_tags",
        (int)model->has_tags, "outside_peers", (json_int_t)model->outside_count, "file_bytes",
        (json_int_t)file_bytes);

    json_object_set_new(root, "observed_days", coverage_json(model));
    json_object_set_new(root, "weekdays", weekdays_json(model));
    json_object_set_new(root, "memory_bytes", memory_json(model));
    json_object_set_new(root, "hosts", hosts_json(model));
    json_object_set_new(root, "services", services_json(model));
    json_object_set_new(root, "table_rows", tables_json(model));
    return cli_print_json(root);
}

int info_print_host_json(const struct host_model *host)
{
    json_t *root = host_json(host);

    json_object_set_new(root, "states", states_json(host, UINT32_MAX, detailed_state_json));
    json_object_set_new(root, "begins_with", beginnings_json(host));
    json_object_set_new(root, "profile", profile_json(host));
    return cli_print_json(root);
}
