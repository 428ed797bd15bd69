#include "model/model_services.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/order.h"

/* ---- order ---- */

static int compare_services(const void *a, const void *b)
{
    const struct service_model *x = a;
    const struct service_model *y = b;

    if (x->protocol != y->protocol)
        return x->protocol < y->protocol ? -1 : 1;
    if (x->port != y->port)
        return x->port < y->port ? -1 : 1;
    return x->label_number == y->label_number ? 0 : x->label_number < y->label_number ? -1 : 1;
}

/* Services without a sampled flow are of no use; the others by protocol, port and label. */
static void sort_services(struct model *model)
{
    size_t kept = 0;

    for (size_t i = 0; i < model->service_count; i++) {
        struct service_model *service = &model->services[i];

        if (service->row_count == 0) {
            service_model_release(service);
            continue;
        }
        model->services[kept++] = *service;
    }
    model->service_count = kept;
    if (kept > 0)
        qsort(model->services, kept, sizeof *model->services, compare_services);
}

/* ---- round trips ---- */

void service_model_set_round_trips(struct service_model *service)
{
    int64_t *known = memory_alloc_array(service->row_count, sizeof *known);
    size_t count = 0;

    for (size_t i = 0; i < service->row_count; i++) {
        if (service->rows[i].rtt_ns > 0)
            known[count++] = service->rows[i].rtt_ns;
    }
    qsort(known, count, sizeof *known, order_i64);
    for (size_t i = 0; i < SERVICE_ROUND_TRIPS && count > 0; i++)
        service->round_trips_ns[i] = known[i * (count - 1) / (SERVICE_ROUND_TRIPS - 1)];
    free(known);
}

void service_model_release(struct service_model *service)
{
    free(service->rows);
}

/* ---- pools ---- */

static int compare_rows(const void *a, const void *b)
{
    return session_row_compare(a, b);
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

/* Of more sampled flows than a service may have, as many: at even steps of their order, smallest and largest stay. */
static void thin_rows(struct service_model *pool)
{
    struct session_row *kept;

    if (pool->row_count <= SERVICE_MAX_ROWS)
        return;
    kept = memory_alloc_array(SERVICE_MAX_ROWS, sizeof *kept);
    for (size_t i = 0; i < SERVICE_MAX_ROWS; i++)
        kept[i] = pool->rows[i * (pool->row_count - 1) / (SERVICE_MAX_ROWS - 1)];
    free(pool->rows);
    pool->rows = kept;
    pool->row_count = SERVICE_MAX_ROWS;
}

/* The pool of a service, made when it is new; that of its label is among the last `open` ones. */
static struct service_model *pool_of(struct model *model, const struct service_model *service, size_t *open)
{
    uint32_t port = port_feature_first(port_feature_of((uint16_t)service->port));
    struct service_model *pool = model->pools + model->pool_count;

    if (*open > 0 && (pool[-1].protocol != service->protocol || pool[-1].port != port))
        *open = 0;
    for (size_t i = 1; i <= *open; i++) {
        if (pool[-(ptrdiff_t)i].label_number == service->label_number)
            return &pool[-(ptrdiff_t)i];
    }
    (*open)++;
    model->pool_count++;
    pool->protocol = service->protocol;
    pool->port = port;
    pool->label_number = service->label_number;
    pool->label = service->label;
    return pool;
}

/* Services are in order of their ports, so those of one feature follow one another. */
static void make_pools(struct model *model)
{
    size_t open = 0; /* pools of the feature at hand */

    model->pools = memory_alloc_array(model->service_count, sizeof *model->pools);
    for (size_t i = 0; i < model->service_count; i++) {
        const struct service_model *service = &model->services[i];

        if (service->port >= PORT_REGISTERED_FIRST && service->port <= UINT16_MAX) /* else a feature of its own */
            add_to_pool(pool_of(model, service, &open), service);
    }
    for (size_t i = 0; i < model->pool_count; i++) {
        qsort(model->pools[i].rows, model->pools[i].row_count, sizeof *model->pools[i].rows, compare_rows);
        thin_rows(&model->pools[i]);
    }
    if (model->pool_count > 0)
        qsort(model->pools, model->pool_count, sizeof *model->pools, compare_services);
}

void model_services_finish(struct model *model)
{
    sort_services(model);
    make_pools(model);
    for (size_t i = 0; i < model->service_count; i++)
        service_model_set_round_trips(&model->services[i]);
    for (size_t i = 0; i < model->pool_count; i++)
        service_model_set_round_trips(&model->pools[i]);
}
