/*
 * model_services.h - the services of a model: their order, and the pools that stand in for rare ones.
 */
#ifndef MODEL_MODEL_SERVICES_H
#define MODEL_MODEL_SERVICES_H

#include "model/model.h"

/* Drops services without rows, sorts the others and makes the pools. */
void model_services_finish(struct model *model);

void service_model_release(struct service_model *service);

/* From the rows, once all are there. */
void service_model_set_round_trips(struct service_model *service);

#endif
