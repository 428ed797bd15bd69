/*
 * configuration_population.h - the populations of a configuration: who is played.
 */
#ifndef DAEMON_CONFIGURATION_POPULATION_H
#define DAEMON_CONFIGURATION_POPULATION_H

#include "daemon/configuration_value.h"

/* A key of the file, taken when the links are. */
int population_take_list(struct parser *parser, const config_setting_t *setting);

void configuration_populations_release(struct configuration *configuration);

#endif
