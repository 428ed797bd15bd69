/*
 * host_steps.h - the sequences of hosts, step by step: kept to be judged, or counted as a learner counts.
 *
 * A learner tells every step (on_step); they are kept here in their order, 16 bytes each at most, 32 while
 * an array grows. So a host's own stream can be cut, and its parts be learned apart.
 */
#ifndef LEARN_HOST_STEPS_H
#define LEARN_HOST_STEPS_H

#include <stdbool.h>
#include <stddef.h>

#include "dayshift/host_step.h"
#include "dayshift/network_stats.h"

struct host_steps {
    struct step_list {
        struct host_step *steps;
        size_t used, capacity;
    } *hosts;
    size_t host_count, host_capacity;
    size_t steps, max_steps; /* of all hosts; 0: unbounded */
    bool is_full;            /* there were more: they are not kept */
};

void host_steps_release(struct host_steps *steps);

/* Has the type of on_step; `steps` is a struct host_steps, zeros at first but for max_steps. */
void host_steps_add(void *steps, uint32_t host, const struct host_step *step);

/*
 * Counts steps of a host as a learner would have, into statistics that network_stats_init() began: states,
 * transitions, gaps, volumes and ports. Nothing of days, services or peers: all of them are outside, and
 * have no number. The first step begins a sequence.
 */
void host_steps_count(struct network_stats *stats, uint32_t host, const struct step_sequence *sequence);

#endif
