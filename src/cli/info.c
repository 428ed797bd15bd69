/*
 * dayshift info: what a model file holds, for people and for scripts.
 */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "model/model.h"
#include "net/wire.h"

static const char help[] =
    "Usage: dayshift info [OPTION]... MODEL\n"
    "\n"
    "Shows what is in a model file: the capture it was learned from, its hosts, its services.\n"
    "\n"
    "      --host N  one host in detail: states, volumes, gaps, peers, day profile\n"
    "      --json    as JSON (with --host: that host)\n"
    "  -h, --help    this text\n";

enum { BUSIEST_STATES = 3 };

/* ---- figures ---- */

static double median_gap_s(const struct discrete *gaps)
{
    uint32_t half = discrete_total(gaps) / 2;
    uint32_t i = 0;

    if (gaps->size == 0)
        return 0;
    while (discrete_cumulative(gaps, i) <= half && i + 1 < gaps->size)
        i++;
    return log_grid_value(discrete_symbol(gaps, i), GAP_GRID_PER_OCTAVE) / (double)NS_PER_SECOND;
}

struct peer_counts {
    uint32_t local, outside; /* distinct ones; outside at least */
    double group_share;      /* of flows, to broadcast or multicast */
};

static struct peer_counts count_peers(const struct state_model *state)
{
    struct peer_counts counts = { 0 };

    for (uint32_t i = 0; i < state->peers.size; i++) {
        enum peer_kind kind = peer_unpack(discrete_symbol(&state->peers, i)).kind;

        counts.local += kind == PEER_LOCAL;
        counts.outside += kind == PEER_OUTSIDE;
        if (kind == PEER_GROUP)
            counts.group_share += discrete_share(&state->peers, i);
    }
    return counts;
}

static uint32_t active_slices(const struct host_model *host)
{
    return host->profile_size;
}

static int compare_states(const void *a, const void *b)
{
    const struct state_model *x = *(const struct state_model *const *)a;
    const struct state_model *y = *(const struct state_model *const *)b;

    if (x->flows != y->flows)
        return x->flows > y->flows ? -1 : 1;
    return state_key_pack(x->key) < state_key_pack(y->key) ? -1 : 1;
}

/* Pointers to the states, the most used first; the caller frees. */
static const struct state_model **states_by_use(const struct host_model *host)
{
    const struct state_model **states = memory_alloc_array(host->state_count, sizeof(void *));

    for (uint32_t i = 0; i < host->state_count; i++)
        states[i] = &host->states[i];
    if (host->state_count > 0)
        qsort(states, host->state_count, sizeof(void *), compare_states);
    return states;
}

static double state_share(const struct host_model *host, const struct state_model *state)
{
    return (double)state->flows / (double)host->flows;
}

/* ---- text ---- */

static void print_model(const struct model *model, const char *path)
{
    char flows[TEXT_NUMBER];
    char packets[TEXT_NUMBER];
    char first[TEXT_DATE];
    char last[TEXT_DATE];
    size_t bytes = 0;

    for (uint32_t i = 0; i < model->host_count; i++)
        bytes += host_model_bytes(&model->hosts[i]);
    printf("%s\n", path);
    printf("  learned from  %s flows, %s packets, %s to %s, %.1f minutes\n",
           text_from_count(model->flows, flows), text_from_count(model->packets, packets),
           text_from_date(day_time_date(model->first), first),
           text_from_date(day_time_date(model->last), last),
           (double)(model->last.ns - model->first.ns) / (60.0 * (double)NS_PER_SECOND));
    printf("  day profile   %" PRIu32 " of %d slices observed\n", model->covered_slices, DAY_SLICES);
    printf("  hosts         %" PRIu32 ", %zu bytes each in memory on average\n", model->host_count,
           model->host_count ? bytes / model->host_count : 0);
}

static void print_hosts(const struct model *model)
{
    char name[STATE_NAME];

    printf("\n  host    flows states slices  most used states\n");
    for (uint32_t i = 0; i < model->host_count; i++) {
        const struct host_model *host = &model->hosts[i];
        const struct state_model **states = states_by_use(host);

        printf("  %4" PRIu32 " %8" PRIu64 " %6" PRIu32 " %6" PRIu32, host->id, host->flows,
               host->state_count, active_slices(host));
        for (uint32_t k = 0; k < host->state_count && k < BUSIEST_STATES; k++)
            printf("%s %s %.2f", k ? "," : " ", cli_state_name(states[k]->key, name),
                   state_share(host, states[k]));
        putchar('\n');
        free(states);
    }
}

static const char *service_name(const struct service_model *service, char text[STATE_NAME])
{
    const char *protocol = service->protocol == IP_TCP   ? "tcp"
                           : service->protocol == IP_UDP ? "udp"
                                                         : "icmp";

    if (service->port == SERVICE_OTHER_PORTS)
        snprintf(text, STATE_NAME, "%s/other", protocol);
    else
        snprintf(text, STATE_NAME, "%s/%" PRIu32, protocol, service->port);
    return text;
}

static void print_services(const struct model *model)
{
    char name[STATE_NAME];

    printf("\n  service          flows  sampled\n");
    for (size_t i = 0; i < model->service_count; i++)
        printf("  %-12s %9" PRIu64 " %8zu\n", service_name(&model->services[i], name),
               model->services[i].flows, model->services[i].row_count);
}

static void print_state(const struct host_model *host, const struct state_model *state)
{
    struct peer_counts peers = count_peers(state);
    char name[STATE_NAME];

    printf("  %-28s %5.3f  gap %-8.3g  peers %u local, %u outside\n",
           cli_state_name(state->key, name), state_share(host, state), median_gap_s(&state->gaps),
           peers.local, peers.outside);
    for (uint32_t k = 0; k < state->packets.size; k++) {
        const struct mixture_component *c = &state->packets.components[k];

        printf("      %5.3f of flows have %.1f packets, sd of ln %.2f\n", c->weight, exp(c->mean),
               c->sd);
    }
}

static void print_profile(const struct host_model *host)
{
    printf("\n  slices with activity (time, days active/observed, packets):\n");
    for (uint32_t i = 0; i < host->profile_size; i++) {
        const struct slice_profile *p = &host->profile[i];

        printf("    %02d:%02d  %d/%d  %.0f\n", p->slice / 12, p->slice % 12 * 5, p->active,
               host->observed_days[p->slice], exp((double)p->log_mean));
    }
}

/* The states that a capture, or the end of a long silence, finds first. */
static void print_beginnings(const struct host_model *host)
{
    char name[STATE_NAME];

    printf("\n  begins with:\n");
    for (uint32_t i = 0; i < host->initial.size; i++)
        printf("    %-28s %5.3f\n",
               cli_state_name(host->states[discrete_symbol(&host->initial, i)].key, name),
               discrete_share(&host->initial, i));
}

static void print_host(const struct host_model *host)
{
    const struct state_model **states = states_by_use(host);

    printf("host %" PRIu32 ": %" PRIu64 " flows, %.1f packets each, %zu bytes in memory\n\n", host->id,
           host->flows, host->mean_packets, host_model_bytes(host));
    printf("  state                        share  median gap to the next flow (s)\n");
    for (uint32_t i = 0; i < host->state_count; i++)
        print_state(host, states[i]);
    print_beginnings(host);
    print_profile(host);
    free(states);
}

/* ---- JSON ---- */

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

static json_t *state_json(const struct host_model *host, const struct state_model *state)
{
    struct peer_counts peers = count_peers(state);
    char name[STATE_NAME];

    return json_pack("{s:s,s:f,s:I,s:f,s:i,s:i,s:f,s:o}", "state", cli_state_name(state->key, name),
                     "share", state_share(host, state), "flows", (json_int_t)state->flows,
                     "median_gap_s", median_gap_s(&state->gaps), "local_peers", (int)peers.local,
                     "outside_peers", (int)peers.outside, "group_share", peers.group_share,
                     "packets", mixture_json(&state->packets));
}

static json_t *host_json(const struct host_model *host, bool in_detail)
{
    json_t *states = json_array();
    const struct state_model **by_use = states_by_use(host);

    for (uint32_t i = 0; i < host->state_count && (in_detail || i < BUSIEST_STATES); i++)
        json_array_append_new(states, state_json(host, by_use[i]));
    free(by_use);
    return json_pack("{s:i,s:I,s:i,s:i,s:f,s:I,s:o}", "host", (int)host->id, "flows",
                     (json_int_t)host->flows, "state_count", (int)host->state_count,
                     "active_slices", (int)active_slices(host), "mean_packets", host->mean_packets,
                     "bytes", (json_int_t)host_model_bytes(host), "states", states);
}

static json_t *model_json(const struct model *model)
{
    json_t *hosts = json_array();
    json_t *services = json_array();
    char name[STATE_NAME];

    for (uint32_t i = 0; i < model->host_count; i++)
        json_array_append_new(hosts, host_json(&model->hosts[i], false));
    for (size_t i = 0; i < model->service_count; i++)
        json_array_append_new(services,
                              json_pack("{s:s,s:I,s:I}", "service",
                                        service_name(&model->services[i], name), "flows",
                                        (json_int_t)model->services[i].flows, "sampled",
                                        (json_int_t)model->services[i].row_count));
    return json_pack("{s:I,s:I,s:I,s:I,s:i,s:o,s:o}", "flows", (json_int_t)model->flows, "packets",
                     (json_int_t)model->packets, "first_ns", (json_int_t)model->first.ns, "last_ns",
                     (json_int_t)model->last.ns, "covered_slices", (int)model->covered_slices,
                     "hosts", hosts, "services", services);
}

static void print_json(json_t *root)
{
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(root);
}

/* The host that was asked for, of those there are. */
static int choose_host(const struct model *model, const char *path, const char *text, uint64_t *host,
                       struct error *err)
{
    if (model->host_count == 0)
        return error_set(err, "--host: %s: there is no host in %s", text, path);
    if (option_u64("--host", text, 0, model->host_count - 1, host, err) < 0)
        return error_prefix(err, "%s", path);
    return 0;
}

static int show(const char *path, const char *host_text, bool json)
{
    struct error err = { "" };
    struct model *model = model_load(path, &err);
    uint64_t host = 0;

    if (model == NULL)
        return cli_fail(&err);
    if (host_text && choose_host(model, path, host_text, &host, &err) < 0) {
        model_free(model);
        return cli_fail(&err);
    }
    if (json) {
        print_json(host_text ? host_json(&model->hosts[host], true) : model_json(model));
    } else if (host_text) {
        print_host(&model->hosts[host]);
    } else {
        print_model(model, path);
        print_hosts(model);
        print_services(model);
    }
    model_free(model);
    return EXIT_OK;
}

int verb_info(int argc, char **argv)
{
    static const struct option options[] = {
        { "host", required_argument, NULL, 'n' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    const char *host = NULL;
    bool json = false;
    int c;

    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (c) {
        case 'n': host = optarg; break;
        case 'j': json = true; break;
        case 'h':
            fputs(help, stdout);
            return EXIT_OK;
        default: return EXIT_USAGE;
        }
    }
    if (argc - optind != 1) {
        fputs("dayshift info: one model is needed; see dayshift info --help\n", stderr);
        return EXIT_USAGE;
    }
    return show(argv[optind], host, json);
}
