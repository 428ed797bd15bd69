/*
 * model_compare.h - how alike two models of one host are: loop closure, learned against relearned; and a
 * host and its crowd.
 */
#ifndef EVAL_MODEL_COMPARE_H
#define EVAL_MODEL_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dayshift/behaviour.h"
#include "dayshift/host_model.h"

/* A state that either model has, with its share of the flows in each. */
struct state_share {
    struct state_key key;
    double share[2];
};

/*
 * Fills at most `capacity` shares, the greatest sum of both first; returns how many states
 * there are in all. A model without flows has shares of 0.
 */
size_t model_compare_states(const struct host_model *a, const struct host_model *b,
                            struct state_share *shares, size_t capacity);

/* Jensen-Shannon divergence of the state shares, base 2: 0 alike, 1 nothing in common. */
double model_compare_divergence(const struct host_model *a, const struct host_model *b);

/*
 * Wasserstein-1 distance of the packets of a flow on the scale of natural logarithms, each model's
 * mixtures weighted by its states: 0.1 is about 10 %.
 */
double model_compare_volume(const struct host_model *a, const struct host_model *b);

/* The same two, of behaviours. */
double behaviour_divergence(const struct behaviour *a, const struct behaviour *b);
double behaviour_volume_distance(const struct behaviour *a, const struct behaviour *b);

/* ln packets of a flow as a curve, by which one is compared with many: P(at most -1 + i / 50). */
enum { VOLUME_POINTS = 1450 };

struct volume_curve {
    bool has_volume;
    double below[VOLUME_POINTS];
};

void volume_curve_init(struct volume_curve *curve, const struct behaviour *behaviour);
double volume_curve_distance(const struct volume_curve *a, const struct volume_curve *b);

#endif
