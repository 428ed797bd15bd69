#include "session/packet_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "session/model_bn.h"
#include "session/model_messages.h"
#include "session/model_symbols.h"

static const struct packet_model *const kinds[] = {
    &packet_model_symbols, &packet_model_bn, &packet_model_bn_tcp, &packet_model_messages,
};

const struct packet_model *packet_model_at(size_t place)
{
    return place < sizeof kinds / sizeof *kinds ? kinds[place] : NULL;
}

const struct packet_model *packet_model_find(const char *name)
{
    if (name == NULL)
        return kinds[0];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    }
    return NULL;
}

/* ---- fits ---- */

struct fitted {
    const struct service_model *service; /* NULL: free */
    struct packet_tables *tables;        /* NULL: the service has to do without */
};

struct packet_models {
    const struct packet_model *kind;
    struct fitted *slots;
    size_t mask, used;
};

enum { FIRST_SLOTS = 64 };

void packet_models_free(struct packet_models *models)
{
    if (models == NULL)
        return;
    for (size_t i = 0; i <= models->mask; i++) {
        if (models->slots[i].tables)
            models->kind->release(models->slots[i].tables);
    }
    free(models->slots);
    free(models);
}

const struct packet_model *packet_models_kind(const struct packet_models *models)
{
    return models->kind;
}

/* The service's slot, or the free one where it belongs. */
static struct fitted *slot_of(const struct packet_models *models, const struct service_model *service)
{
    size_t i = (size_t)random_mix64((uint64_t)(uintptr_t)service);

    while (models->slots[i & models->mask].service && models->slots[i & models->mask].service != service)
        i++;
    return &models->slots[i & models->mask];
}

static void grow(struct packet_models *models)
{
    struct packet_models larger = { .kind = models->kind, .mask = models->mask * 2 + 1, .used = models->used };

    larger.slots = memory_alloc_array(larger.mask + 1, sizeof *larger.slots);
    for (size_t i = 0; i <= models->mask; i++) {
        if (models->slots[i].service)
            *slot_of(&larger, models->slots[i].service) = models->slots[i];
    }
    free(models->slots);
    *models = larger;
}

static struct packet_tables *add(struct packet_models *models, const struct service_model *service,
                                 struct packet_tables *tables)
{
    if (models->used * 2 > models->mask)
        grow(models);
    *slot_of(models, service) = (struct fitted){ service, tables };
    models->used++;
    return tables;
}

static void fit_all(struct packet_models *models, const struct service_model *const *services, size_t count)
{
    struct packet_tables **tables = memory_alloc_array(count, sizeof *tables);

    models->kind->fit_all(models->kind, services, count, tables);
    for (size_t i = 0; i < count; i++)
        add(models, services[i], tables[i]);
    free(tables);
}

struct packet_models *packet_models_new(const struct packet_model *model,
                                        const struct service_model *const *services, size_t count)
{
    struct packet_models *models = memory_alloc(sizeof *models);

    models->kind = model;
    models->slots = memory_alloc_array(FIRST_SLOTS, sizeof *models->slots);
    models->mask = FIRST_SLOTS - 1;
    if (model->fit_all && count > 0)
        fit_all(models, services, count);
    return models;
}

const struct packet_tables *packet_models_tables(struct packet_models *models, const struct service_model *service)
{
    struct fitted *slot = slot_of(models, service);

    if (slot->service == NULL && models->kind->fit)
        return add(models, service, models->kind->fit(service));
    return slot->tables;
}
