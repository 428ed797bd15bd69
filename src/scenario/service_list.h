/*
 * service_list.h - all services of the models of a run, for packet models that learn from all of them.
 */
#ifndef SCENARIO_SERVICE_LIST_H
#define SCENARIO_SERVICE_LIST_H

#include <stddef.h>

#include "model/model.h"

struct service_list { /* begins zeroed */
    const struct service_model **services; /* owned; what they lead to is the models' */
    size_t count, capacity;
};

/* The model's services and pools; once, however often it is added. */
void service_list_add(struct service_list *list, const struct model *model);
void service_list_release(struct service_list *list);

#endif
