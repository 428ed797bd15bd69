/*
 * scenario_fault.h - where that is described which makes a population impossible.
 *
 * population_init() names networks, addresses and hosts, and knows of no file. Pure.
 */
#ifndef SCENARIO_SCENARIO_FAULT_H
#define SCENARIO_SCENARIO_FAULT_H

#include "scenario/scenario.h"

/*
 * The place of the group, of config->group_count, or of the outside, that is to blame, when population_init() has
 * refused them: of what agrees by itself but not together, the group that comes last. NULL: unknown.
 */
const char *scenario_fault_place(const struct scenario_config *config, const struct population_group *groups,
                                 const struct population_outside *outside);

#endif
