#include "model/model_services.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- order ---- */

static int compare_services(const void *a, const void *b)
{
    const struct service_model *x = a;
    const struct service_model *y = b;

    if (x->protocol != y->protocol)
        return x->protocol < y->protocol ? -1 : 1;
    return x->port == y->port ? 0 : x->port < y->port ? -1 : 1;
}

static int compare_applications(const void *a, const void *b)
{
    const struct service_application *x = a;
    const struct service_application *y = b;

    if (x->flows != y->flows)
        return x->flows > y->flows ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Services without a sampled flow are of no use; the others by protocol and port. */
static void sort_services(struct model *model)
{
    size_t kept = 0;

    for (size_t i = 0; i < model->service_count; i++) {
        struct service_model *service = &model->services[i];

        if (service->row_count == 0) {
            service_model_release(service);
            continue;
        }
        if (service->application_count > 0)
            qsort(service->applications, service->application_count, sizeof *service->applications,
                  compare_applications);
        model->services[kept++] = *service;
    }
    model->service_count = kept;
    if (kept > 0)
        qsort(model->services, kept, sizeof *model->services, compare_services);
}

void service_model_release(struct service_model *service)
{
    for (size_t i = 0; i < service->application_count; i++)
        free(service->applications[i].name);
    free(service->applications);
    free(service->rows);
}

/* ---- pools ---- */

/* By packets; then by everything else, so that only equal rows tie. */
static int compare_rows(const void *a, const void *b)
{
    const struct session_row *x = a;
    const struct session_row *y = b;
    const uint64_t fields[][2] = {
        { session_row_packets(x), session_row_packets(y) },
        { (uint64_t)x->duration_ns, (uint64_t)y->duration_ns },
        { x->packets[0], y->packets[0] },
        { x->data_packets[0], y->data_packets[0] },
        { x->data_packets[1], y->data_packets[1] },
        { x->payload_bytes[0], y->payload_bytes[0] },
        { x->payload_bytes[1], y->payload_bytes[1] },
        { (uint64_t)x->rtt_ns, (uint64_t)y->rtt_ns },
        { x->turns, y->turns },
        { x->mss[0], y->mss[0] },
        { x->mss[1], y->mss[1] },
        { x->ttl[0], y->ttl[0] },
        { x->ttl[1], y->ttl[1] },
        { x->opening, y->opening },
        { x->ending, y->ending },
        { x->first_data_side, y->first_data_side },
        { x->closing_side, y->closing_side },
        { x->window[0], y->window[0] },
        { x->window[1], y->window[1] },
        { x->tcp_options[0], y->tcp_options[0] },
        { x->tcp_options[1], y->tcp_options[1] },
        { x->window_scale[0], y->window_scale[0] },
        { x->window_scale[1], y->window_scale[1] },
        { x->is_measured, y->is_measured },
    };

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i][0] != fields[i][1])
            return fields[i][0] < fields[i][1] ? -1 : 1;
    }
    return 0;
}

static bool is_same_pool(const struct service_model *a, const struct service_model *b)
{
    return a->protocol == b->protocol && a->port <= UINT16_MAX && b->port <= UINT16_MAX &&
           port_feature_of((uint16_t)a->port) == port_feature_of((uint16_t)b->port);
}

static void add_to_pool(struct service_model *pool, const struct service_model *service)
{
    size_t capacity = pool->row_count;

    pool->rows = memory_grow(pool->rows, &capacity, pool->row_count + service->row_count,
                             sizeof *pool->rows);
    memcpy(pool->rows + pool->row_count, service->rows, service->row_count * sizeof *pool->rows);
    pool->row_count += service->row_count;
    sum_add(&pool->flows, service->flows);
    service_conditions_add(&pool->conditions, &service->conditions);
}

/* Services are in order of their ports, so those of one feature follow one another. */
static void make_pools(struct model *model)
{
    struct service_model *pool = NULL;

    model->pools = memory_alloc_array(model->service_count, sizeof *model->pools);
    for (size_t i = 0; i < model->service_count; i++) {
        const struct service_model *service = &model->services[i];

        if (service->port < PORT_REGISTERED_FIRST || service->port > UINT16_MAX)
            continue; /* a feature of its own */
        if (pool == NULL || !is_same_pool(pool, service)) {
            pool = &model->pools[model->pool_count++];
            pool->protocol = service->protocol;
            pool->port = port_feature_first(port_feature_of((uint16_t)service->port));
        }
        add_to_pool(pool, service);
    }
    for (size_t i = 0; i < model->pool_count; i++)
        qsort(model->pools[i].rows, model->pools[i].row_count, sizeof *pool->rows,
              compare_rows);
}

void model_services_finish(struct model *model)
{
    sort_services(model);
    make_pools(model);
}
