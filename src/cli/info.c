/*
 * dayshift info: what a model file holds, for people and for scripts.
 */
#include "cli/info.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "base/order.h"
#include "base/output_file.h"
#include "cli/histogram.h"
#include "cli/options.h"
#include "net/wire.h"

static const char help[] =
    "Usage: dayshift info [OPTION]... MODEL\n"
    "\n"
    "Shows what is in a model file: the capture it was learned from, its hosts, its services,\n"
    "and what it takes on disk and in memory.\n"
    "\n"
    "      --host N          one host in detail: states, volumes, gaps, ports, peers, day profile\n"
    "      --histogram FILE  instead, a picture (SVG): on which ports each host receives, and to which it\n"
    "                        sends; with --host of that host\n"
    "      --json            as JSON (with --host: that host; with --histogram: what is in the picture)\n"
    "  -h, --help            this text\n";

struct options {
    const char *path;
    const char *host;      /* NULL: all */
    const char *histogram; /* NULL: none */
    bool json;
};

const char *const info_weekdays[DAYS_A_WEEK] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

/* ---- figures ---- */

double info_median_gap_s(const struct discrete *gaps)
{
    uint32_t half = discrete_total(gaps) / 2;
    uint32_t i = 0;

    if (gaps->size == 0)
        return 0;
    while (discrete_cumulative(gaps, i) <= half && i + 1 < gaps->size)
        i++;
    return log_grid_value(discrete_symbol(gaps, i), GAP_GRID_PER_OCTAVE) / (double)NS_PER_SECOND;
}

struct info_peers info_peers(const struct state_model *state)
{
    struct info_peers peers = { 0 };

    for (uint32_t i = 0; i < state->peers.size; i++) {
        enum peer_kind kind = peer_unpack(discrete_symbol(&state->peers, i)).kind;

        peers.local += kind == PEER_LOCAL;
        peers.outside += kind == PEER_OUTSIDE;
        if (kind == PEER_GROUP)
            peers.group_share += discrete_share(&state->peers, i);
    }
    return peers;
}

static int compare_states(const void *a, const void *b)
{
    const struct state_model *x = *(const struct state_model *const *)a;
    const struct state_model *y = *(const struct state_model *const *)b;

    if (x->flows != y->flows)
        return x->flows > y->flows ? -1 : 1;
    return state_key_pack(x->key) < state_key_pack(y->key) ? -1 : 1;
}

const struct state_model **info_states_by_use(const struct host_model *host)
{
    const struct state_model **states = memory_alloc_array(host->state_count, sizeof(void *));

    for (uint32_t i = 0; i < host->state_count; i++)
        states[i] = &host->states[i];
    if (host->state_count > 0)
        qsort(states, host->state_count, sizeof(void *), compare_states);
    return states;
}

double info_rate(uint64_t times, uint64_t of)
{
    return of > 0 ? (double)times / (double)of : 0;
}

double info_state_share(const struct host_model *host, const struct state_model *state)
{
    return info_rate(state->flows, host->flows);
}

static int compare_services(const void *a, const void *b)
{
    const struct info_service *x = a;
    const struct info_service *y = b;

    if (x->flows != y->flows)
        return x->flows > y->flows ? -1 : 1;
    return x->classes < y->classes ? -1 : 1; /* as in the model: by protocol and port */
}

static void add_class(struct info_service *service, const struct service_model *class)
{
    sum_add(&service->flows, class->flows);
    service->sampled += class->row_count;
    service_conditions_add(&service->conditions, &class->conditions);
    service->count++;
}

struct info_service *info_services_by_use(const struct model *model, size_t *count)
{
    struct info_service *services = memory_alloc_array(model->service_count, sizeof *services);
    struct info_service *last = services;

    *count = 0;
    for (size_t i = 0; i < model->service_count; i++) {
        const struct service_model *class = &model->services[i];

        if (*count == 0 || last->protocol != class->protocol || last->port != class->port) {
            last = &services[(*count)++];
            *last = (struct info_service){ .protocol = class->protocol, .port = class->port, .classes = class };
        }
        add_class(last, class);
    }
    if (*count > 0)
        qsort(services, *count, sizeof *services, compare_services);
    return services;
}

static int compare_classes(const void *a, const void *b)
{
    const struct service_model *x = *(const struct service_model *const *)a;
    const struct service_model *y = *(const struct service_model *const *)b;

    return x->flows != y->flows ? (x->flows > y->flows ? -1 : 1) : strcmp(x->label, y->label);
}

const struct service_model **info_classes_by_use(const struct info_service *service, size_t *count)
{
    const struct service_model **classes = memory_alloc_array(service->count, sizeof(void *));

    *count = 0;
    for (size_t i = 0; i < service->count; i++) {
        if (service->classes[i].label)
            classes[(*count)++] = &service->classes[i];
    }
    if (*count > 0)
        qsort(classes, *count, sizeof(void *), compare_classes);
    return classes;
}

const char *info_service_name(const struct info_service *service, char text[STATE_NAME])
{
    const char *protocol = cli_protocol_name(service->protocol);

    if (service->port == SERVICE_OTHER_PORTS)
        snprintf(text, STATE_NAME, "%s/other", protocol);
    else
        snprintf(text, STATE_NAME, "%s/%" PRIu32, protocol, service->port);
    return text;
}

struct info_memory info_memory(const struct model *model)
{
    size_t *sizes = memory_alloc_array(model->host_count, sizeof *sizes);
    struct info_memory memory = { 0 };

    for (uint32_t i = 0; i < model->host_count; i++) {
        sizes[i] = host_model_bytes(&model->hosts[i]);
        memory.total += sizes[i];
        if (sizes[i] > memory.largest) {
            memory.largest = sizes[i];
            memory.largest_host = i;
        }
    }
    if (model->host_count > 0) {
        qsort(sizes, model->host_count, sizeof *sizes, order_size);
        memory.median = sizes[model->host_count / 2];
        memory.average = memory.total / model->host_count;
    }
    free(sizes);
    return memory;
}

/* ---- the verb ---- */

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

static int show(const struct model *model, const char *path, uint64_t file_bytes,
                const struct host_model *host, bool json)
{
    if (json)
        return host ? info_print_host_json(host) : info_print_model_json(model, path, file_bytes);
    if (host)
        info_print_host(host);
    else
        info_print_model(model, path, file_bytes);
    return EXIT_OK;
}

static int show_histogram(const struct options *o, const struct model *model, const struct host_model *host)
{
    struct error err = { "" };

    if (histogram_write(o->histogram, model, host, &err) < 0)
        return cli_fail(&err);
    return o->json ? histogram_print_json(model, host) : EXIT_OK;
}

/* A slip of the hand must not cost a model. */
static int check_output(const struct options *o, struct error *err)
{
    if (o->histogram == NULL)
        return 0;
    if (output_file_check_apart(o->histogram, o->path, err) < 0)
        return -1;
    return output_file_probe(o->histogram, err);
}

static int load_and_show(const struct options *o)
{
    struct error err = { "" };
    struct model_image image;
    struct model *model = NULL;
    uint64_t file_bytes = 0;
    uint64_t host = 0;
    int status = check_output(o, &err);

    if (status == 0)
        status = model_image_read(&image, o->path, &err);
    if (status == 0) {
        file_bytes = image.size;
        model = model_from_image(&image, &err);
        model_image_release(&image);
    }
    status = model == NULL ? -1 : o->host ? choose_host(model, o->path, o->host, &host, &err) : 0;
    if (status < 0)
        status = cli_fail(&err);
    else if (o->histogram)
        status = show_histogram(o, model, o->host ? &model->hosts[host] : NULL);
    else
        status = show(model, o->path, file_bytes, o->host ? &model->hosts[host] : NULL, o->json);
    model_free(model);
    return status;
}

static int take_option(void *self, int option, char *value, struct error *err)
{
    struct options *o = self;

    (void)err;
    switch (option) {
    case 'n': o->host = value; return 0;
    case 'H': o->histogram = value; return 0;
    default: o->json = true; return 0;
    }
}

/* EXIT_OK to go on, or as options_read(). */
static int parse(struct options *o, int argc, char **argv)
{
    static const struct option options[] = {
        { "host", required_argument, NULL, 'n' },
        { "histogram", required_argument, NULL, 'H' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    const struct option_reader reader = { help, "h", options, take_option, o };
    int status = options_read(&reader, argc, argv);

    if (status != EXIT_OK)
        return status;
    if (argc - optind != 1)
        return options_misused("info", "one model is needed");
    o->path = argv[optind];
    if (o->json && o->histogram && strcmp(o->histogram, "-") == 0)
        return options_misused("info", "--json and the picture cannot both go to standard output");
    return EXIT_OK;
}

int verb_info(int argc, char **argv)
{
    struct options o = { 0 };
    int status = parse(&o, argc, argv);

    if (status == EXIT_OK)
        return load_and_show(&o);
    return status == OPTIONS_HELP ? EXIT_OK : status;
}

int info_day_classes(const struct host_model *host)
{
    return host_model_has_classes(host) ? DAY_CLASSES : 1;
}

const char *info_day_class_name(const struct host_model *host, int day_class)
{
    return !host_model_has_classes(host) ? "all days" : day_class == DAY_WEEKEND ? "weekends" : "weekdays";
}

uint32_t info_active_slices(const struct host_model *host)
{
    uint32_t count = 0;

    for (uint32_t slice = 0; slice < DAY_SLICES; slice++)
        count += class_profile_slice(&host->days[DAY_WEEKDAY], slice) ||
                 class_profile_slice(&host->days[DAY_WEEKEND], slice);
    return count;
}
