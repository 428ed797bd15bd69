#include "eval/model_compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "eval/distance.h"

static double share_of(const struct host_model *model, uint32_t packed)
{
    for (uint32_t i = 0; i < model->state_count; i++) {
        if (state_key_pack(model->states[i].key) == packed)
            return (double)model->states[i].flows / (double)model->flows;
    }
    return 0;
}

/* Greatest sum first; ties by key, so that the order is the same every time. */
static int compare_shares(const void *a, const void *b)
{
    const struct state_share *x = a;
    const struct state_share *y = b;
    double dx = x->share[0] + x->share[1];
    double dy = y->share[0] + y->share[1];

    if (dx != dy)
        return dx > dy ? -1 : 1;
    return state_key_pack(x->key) < state_key_pack(y->key) ? -1 : 1;
}

/* All states of both; the caller frees. */
static struct state_share *all_shares(const struct host_model *a, const struct host_model *b,
                                      size_t *count)
{
    struct state_share *all =
        memory_alloc_array((size_t)a->state_count + b->state_count, sizeof *all);

    *count = 0;
    for (uint32_t i = 0; i < a->state_count; i++) {
        uint32_t packed = state_key_pack(a->states[i].key);

        all[(*count)++] = (struct state_share){
            a->states[i].key, { share_of(a, packed), share_of(b, packed) },
        };
    }
    for (uint32_t i = 0; i < b->state_count; i++) {
        uint32_t packed = state_key_pack(b->states[i].key);

        if (share_of(a, packed) == 0)
            all[(*count)++] =
                (struct state_share){ b->states[i].key, { 0, share_of(b, packed) } };
    }
    if (*count > 0)
        qsort(all, *count, sizeof *all, compare_shares);
    return all;
}

size_t model_compare_states(const struct host_model *a, const struct host_model *b,
                            struct state_share *shares, size_t capacity)
{
    size_t count;
    struct state_share *all = all_shares(a, b, &count);
    size_t filled = count < capacity ? count : capacity;

    if (filled > 0)
        memcpy(shares, all, filled * sizeof *all);
    free(all);
    return count;
}

double behaviour_divergence(const struct behaviour *a, const struct behaviour *b)
{
    uint32_t i = 0;
    uint32_t j = 0;
    double sum = 0;

    if (a->state_count == 0 || b->state_count == 0)
        return a->state_count == b->state_count ? 0 : 1;
    while (i < a->state_count || j < b->state_count) { /* both in order of their keys */
        uint32_t x = i < a->state_count ? a->states[i].key : UINT32_MAX;
        uint32_t y = j < b->state_count ? b->states[j].key : UINT32_MAX;
        double p = x <= y ? a->states[i].weight : 0;
        double q = y <= x ? b->states[j].weight : 0;

        sum += divergence_term(p, q) + divergence_term(q, p);
        i += x <= y;
        j += y <= x;
    }
    return fmin(1.0, fmax(0.0, sum));
}

/* P(ln packets of a flow <= x). */
static double volume_cdf(const struct behaviour *behaviour, double x)
{
    double sum = 0;

    for (uint32_t i = 0; i < behaviour->state_count; i++) {
        const struct behaviour_state *state = &behaviour->states[i];
        double below = 0;

        for (uint32_t k = 0; k < state->size; k++) {
            const struct mixture_component *c = &state->components[k];

            below += c->weight * 0.5 * erfc((c->mean - x) / (c->sd * M_SQRT2));
        }
        sum += below * state->weight;
    }
    return sum;
}

#define VOLUME_STEP 0.02

void volume_curve_init(struct volume_curve *curve, const struct behaviour *behaviour)
{
    curve->has_volume = behaviour->state_count > 0;
    for (int i = 0; i < VOLUME_POINTS; i++)
        curve->below[i] = volume_cdf(behaviour, -1 + i * VOLUME_STEP);
}

double volume_curve_distance(const struct volume_curve *a, const struct volume_curve *b)
{
    double sum = 0;

    if (!a->has_volume || !b->has_volume)
        return a->has_volume == b->has_volume ? 0 : INFINITY;
    for (int i = 0; i < VOLUME_POINTS; i++)
        sum += fabs(a->below[i] - b->below[i]) * VOLUME_STEP;
    return sum;
}

double behaviour_volume_distance(const struct behaviour *a, const struct behaviour *b)
{
    struct volume_curve first;
    struct volume_curve second;

    volume_curve_init(&first, a);
    volume_curve_init(&second, b);
    return volume_curve_distance(&first, &second);
}

/* ---- of models ---- */

static double compare_hosts(const struct host_model *a, const struct host_model *b,
                            double (*compare)(const struct behaviour *, const struct behaviour *))
{
    struct behaviour first;
    struct behaviour second;
    double result;

    behaviour_init_of_host(&first, a);
    behaviour_init_of_host(&second, b);
    result = compare(&first, &second);
    behaviour_release(&first);
    behaviour_release(&second);
    return result;
}

double model_compare_divergence(const struct host_model *a, const struct host_model *b)
{
    return compare_hosts(a, b, behaviour_divergence);
}

double model_compare_volume(const struct host_model *a, const struct host_model *b)
{
    return compare_hosts(a, b, behaviour_volume_distance);
}
