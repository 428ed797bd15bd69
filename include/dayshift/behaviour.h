/*
 * behaviour.h - a plain view of one host's PT-Markov model, for what compares hosts: how often which
 * state, what follows what, how large flows are. The contract from learn and model to similarity.
 *
 * States are known by their keys, in ascending order, so that two hosts' states are matched by one
 * walk. No clock, ports or peers.
 */
#ifndef DAYSHIFT_BEHAVIOUR_H
#define DAYSHIFT_BEHAVIOUR_H

#include <stddef.h>
#include <stdint.h>

#include "dayshift/host_model.h"

/* A state as it is given: `components` are borrowed for the behaviour's life. */
struct behaviour_state {
    uint32_t key;  /* state_key_pack() */
    double weight; /* above 0: flows, or a share of them */
    const struct mixture_component *components; /* of ln packets */
    uint32_t size; /* of the mixture, at least 1 */
};

/* `times` that state `next` followed `state`: indices in the array of states given. */
struct behaviour_step {
    uint32_t state, next;
    double times; /* above 0 */
};

struct behaviour {
    uint32_t state_count;
    struct behaviour_state *states; /* ascending keys; the weights sum to 1: Song's pi */
    uint32_t *rows;    /* state_count + 1: where the steps of each state begin; an empty row is a draw from
                        * the weights */
    uint32_t *next;    /* by step, ascending within a row */
    double *shares;    /* by step: T(next | state), a row sums to 1 unless it is empty */
};

/*
 * In any order; no key and no step twice. A state after which nothing was ever seen is followed as by
 * a draw from the states' frequency, which is how it is played.
 */
void behaviour_init(struct behaviour *behaviour, const struct behaviour_state *states,
                    uint32_t state_count, const struct behaviour_step *steps, size_t step_count);

/* The same of a fitted model, which must outlive it. One without flows has no states. */
void behaviour_init_of_host(struct behaviour *behaviour, const struct host_model *host);

void behaviour_release(struct behaviour *behaviour);

#endif
