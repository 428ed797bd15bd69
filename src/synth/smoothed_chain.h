/*
 * smoothed_chain.h - the chain of a host in which nothing is impossible: its learned transitions, backed off
 * to how often each state is.
 *
 *     p(t | s) = (n(s, t) + w pi(t)) / (n(s) + w)
 *
 * with n the transitions that were counted and pi the frequency of the states: the mean of Dirichlet's
 * posterior with the prior w pi. The weight w is the host's own: the one under which its transitions are
 * likeliest when each is left out once (MacKay and Peto 1995). A state that was only ever seen last is
 * followed by pi. What the model does not know is one dummy state, CHAIN_UNKNOWN: it is entered with a
 * fixed probability from everywhere, and left as by a draw from pi.
 *
 * Immutable once made. Borrows the host model.
 */
#ifndef SYNTH_SMOOTHED_CHAIN_H
#define SYNTH_SMOOTHED_CHAIN_H

#include <stdbool.h>

#include "dayshift/host_model.h"

#define CHAIN_NONE UINT32_MAX          /* no state: the sequence begins, or ends, here */
#define CHAIN_UNKNOWN (UINT32_MAX - 1) /* a state that the model does not have */

#define CHAIN_UNKNOWN_PROBABILITY 1e-4

/* w is a power of two between these, in transitions. */
#define SMOOTHED_CHAIN_LEAST_WEIGHT 0.25
#define SMOOTHED_CHAIN_MOST_WEIGHT 64.0

struct smoothed_chain {
    const struct host_model *host;
    uint32_t states; /* at least 1 */
    double weight;   /* w */
    uint32_t *rows;  /* states + 1: where the entries of a state begin */
    uint32_t *next;  /* by entry */
    double *own;     /* by entry: what the counts alone give */
    double *rest;    /* by state: what is spread as pi */
    double *frequency; /* by state: pi, above 0 */
    struct smoothed_chain_key {
        uint32_t packed; /* state_key_pack() */
        uint32_t state;
    } *keys;           /* ascending */
};

/* Of a host with at least one state. */
void smoothed_chain_init(struct smoothed_chain *chain, const struct host_model *host);
void smoothed_chain_release(struct smoothed_chain *chain);

/*
 * ln p(to | from), never minus infinity. From CHAIN_NONE: ln pi(to), where a sequence begins; to CHAIN_NONE: 0,
 * nothing is known to follow.
 */
double smoothed_chain_log(const struct smoothed_chain *chain, uint32_t from, uint32_t to);

/* Whether the transition was ever counted. */
bool smoothed_chain_has(const struct smoothed_chain *chain, uint32_t from, uint32_t to);

/* The host's state with that key, or CHAIN_UNKNOWN. */
uint32_t smoothed_chain_find(const struct smoothed_chain *chain, struct state_key key);

#endif
