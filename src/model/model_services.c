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

static int compare_rows(const void *a, const void *b)
{
    return session_row_compare(a, b);
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
    if (service->longest_ns > pool->longest_ns)
        pool->longest_ns = service->longest_ns;
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
