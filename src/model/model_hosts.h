/*
 * model_hosts.h - what follows from the rows of a model's hosts: their mean packets, how often each state is, and which
 * state or transition a slice begins with.
 */
#ifndef MODEL_MODEL_HOSTS_H
#define MODEL_MODEL_HOSTS_H

#include "model/model.h"

/* Once all rows of hosts and states are there. */
void model_hosts_finish(struct model *model);

#endif
