#include "scenario/service_list.h"

#include <stdlib.h>

#include "base/memory.h"

static void append(struct service_list *list, const struct service_model *services, size_t count)
{
    list->services = memory_grow(list->services, &list->capacity, list->count + count, sizeof *list->services);
    for (size_t i = 0; i < count; i++)
        list->services[list->count++] = &services[i];
}

static bool has(const struct service_list *list, const struct service_model *service)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->services[i] == service)
            return true;
    }
    return false;
}

void service_list_add(struct service_list *list, const struct model *model)
{
    if (model->service_count == 0 || has(list, model->services))
        return;
    append(list, model->services, model->service_count);
    append(list, model->pools, model->pool_count);
}

void service_list_release(struct service_list *list)
{
    free(list->services);
    *list = (struct service_list){ .services = NULL };
}
