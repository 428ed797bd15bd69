/*
 * learned_stack.h - which TCP/IP stack a virtual host shows in most of its sessions.
 *
 * A session takes time to live and IP identifications from a sampled flow of its service. A host uses several services,
 * and a service is of several hosts: so a host's sessions are not all of one stack. What most of them show is what its
 * answers show, too. The operating system is a guess from both: initial times to live are 64, 128 and 255.
 */
#ifndef SCENARIO_LEARNED_STACK_H
#define SCENARIO_LEARNED_STACK_H

#include "dayshift/host_stack.h"
#include "synth/population.h"

/* Of a host of the group's models. Looks at some of the sampled flows: takes a tenth of a millisecond. */
struct host_stack learned_stack_of(const struct population_group *group, const struct host_model *host);

/* As an operating system has it when nobody has touched it. HOST_OS_LEARNED is Linux. */
struct host_stack learned_stack_default(enum host_os os);

#endif
