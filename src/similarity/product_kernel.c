#include "similarity/product_kernel.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define NOT_SHARED UINT32_MAX

/* Chosen on halves of UGR'16 (docs/model.md). */
const struct kernel_shape kernel_default_shape = { .length = 4, .blur = 0.1 };

struct shared_state { /* of both sides */
    uint32_t a, b;     /* indices there */
    double alike;      /* of the mixtures, 0..1 */
    double start;      /* sqrt(pi_a pi_b), times that */
    bool is_end;       /* nothing follows it on either side: both draw from their frequencies */
};

struct shared_step { /* one that both sides make, between shared states */
    uint32_t state, next;
    double product; /* sqrt(T_a T_b), times how alike the mixtures of `next` are */
};

struct product_kernel {
    struct kernel_shape shape;
    struct shared_state *states;
    size_t state_capacity, state_count;
    uint32_t *of_a, *of_b; /* by state: index in `states`, NOT_SHARED */
    size_t of_a_capacity, of_b_capacity;
    struct shared_step *steps;
    size_t step_capacity, step_count;
    double *forward, *moved; /* by shared state */
    size_t forward_capacity, moved_capacity;
};

struct product_kernel *product_kernel_new(const struct kernel_shape *shape)
{
    struct product_kernel *kernel = memory_alloc(sizeof *kernel);

    kernel->shape = *shape;
    return kernel;
}

void product_kernel_free(struct product_kernel *kernel)
{
    if (kernel == NULL)
        return;
    free(kernel->states);
    free(kernel->of_a);
    free(kernel->of_b);
    free(kernel->steps);
    free(kernel->forward);
    free(kernel->moved);
    free(kernel);
}

/* ---- mixtures ---- */

/*
 * The integral over x of p(x) q(x), each blurred: of two Gaussians it is a Gaussian of the distance of
 * their means, with both variances (Jebara et al., section 3.1, rho = 1). Without the factor
 * 1 / sqrt(2 pi), which falls out.
 */
static double mixture_product(const struct behaviour_state *p, const struct behaviour_state *q, double blur)
{
    double sum = 0;

    for (uint32_t i = 0; i < p->size; i++) {
        for (uint32_t k = 0; k < q->size; k++) {
            const struct mixture_component *a = &p->components[i];
            const struct mixture_component *b = &q->components[k];
            double variance = a->sd * a->sd + b->sd * b->sd + 2 * blur * blur;
            double distance = a->mean - b->mean;

            sum += a->weight * b->weight * exp(-0.5 * distance * distance / variance) / sqrt(variance);
        }
    }
    return sum;
}

void kernel_side_init(struct kernel_side *side, const struct product_kernel *kernel,
                      const struct behaviour *behaviour)
{
    uint32_t states = behaviour->state_count;

    side->behaviour = behaviour;
    side->root_weights = memory_alloc_array(states, sizeof *side->root_weights);
    side->norms = memory_alloc_array(states, sizeof *side->norms);
    side->root_shares = memory_alloc_array(behaviour->rows[states], sizeof *side->root_shares);
    for (uint32_t i = 0; i < states; i++) {
        const struct behaviour_state *state = &behaviour->states[i];

        side->root_weights[i] = sqrt(state->weight);
        side->norms[i] = 1 / sqrt(mixture_product(state, state, kernel->shape.blur));
    }
    for (uint32_t i = 0; i < behaviour->rows[states]; i++)
        side->root_shares[i] = sqrt(behaviour->shares[i]);
}

void kernel_side_release(struct kernel_side *side)
{
    free(side->root_weights);
    free(side->root_shares);
    free(side->norms);
    memset(side, 0, sizeof *side);
}

/* ---- the product of the two chains ---- */

static void make_room(struct product_kernel *k, uint32_t a_states, uint32_t b_states)
{
    uint32_t most = a_states < b_states ? a_states : b_states;

    k->states = memory_grow(k->states, &k->state_capacity, most, sizeof *k->states);
    k->forward = memory_grow(k->forward, &k->forward_capacity, most, sizeof *k->forward);
    k->moved = memory_grow(k->moved, &k->moved_capacity, most, sizeof *k->moved);
    k->of_a = memory_grow(k->of_a, &k->of_a_capacity, a_states, sizeof *k->of_a);
    k->of_b = memory_grow(k->of_b, &k->of_b_capacity, b_states, sizeof *k->of_b);
    memset(k->of_a, 0xff, a_states * sizeof *k->of_a);
    memset(k->of_b, 0xff, b_states * sizeof *k->of_b);
}

/* Keys ascend on both sides. */
static void match_states(struct product_kernel *k, const struct kernel_side *a, const struct kernel_side *b)
{
    const struct behaviour *p = a->behaviour;
    const struct behaviour *q = b->behaviour;
    uint32_t i = 0;
    uint32_t j = 0;

    make_room(k, p->state_count, q->state_count);
    k->state_count = 0;
    while (i < p->state_count && j < q->state_count) {
        uint32_t x = p->states[i].key;
        uint32_t y = q->states[j].key;

        if (x == y) {
            double product = mixture_product(&p->states[i], &q->states[j], k->shape.blur);

            k->of_a[i] = (uint32_t)k->state_count;
            k->of_b[j] = (uint32_t)k->state_count;
            product *= a->norms[i] * b->norms[j];
            k->states[k->state_count++] =
                (struct shared_state){ i, j, product, a->root_weights[i] * b->root_weights[j] * product, false };
        }
        i += x <= y;
        j += y <= x;
    }
}

static void add_step(struct product_kernel *k, uint32_t state, uint32_t next, double product)
{
    k->steps = memory_grow(k->steps, &k->step_capacity, k->step_count + 1, sizeof *k->steps);
    k->steps[k->step_count++] = (struct shared_step){ state, next, product * k->states[next].alike };
}

/* States that follow a shared state on both sides; they ascend in the same order there. */
static void match_steps(struct product_kernel *k, const struct kernel_side *a, const struct kernel_side *b,
                      uint32_t state)
{
    const struct behaviour *p = a->behaviour;
    const struct behaviour *q = b->behaviour;
    uint32_t i = p->rows[k->states[state].a];
    uint32_t j = q->rows[k->states[state].b];
    uint32_t i_end = p->rows[k->states[state].a + 1];
    uint32_t j_end = q->rows[k->states[state].b + 1];

    while (i < i_end && j < j_end) {
        uint32_t x = p->states[p->next[i]].key;
        uint32_t y = q->states[q->next[j]].key;

        if (x == y)
            add_step(k, state, k->of_a[p->next[i]], a->root_shares[i] * b->root_shares[j]);
        i += x <= y;
        j += y <= x;
    }
}

/* What can follow a shared state; a side on which nothing did draws from its frequency. */
static void match_row(struct product_kernel *k, const struct kernel_side *a, const struct kernel_side *b,
                      uint32_t state)
{
    const uint32_t *p = &a->behaviour->rows[k->states[state].a];
    const uint32_t *q = &b->behaviour->rows[k->states[state].b];
    bool a_draws = p[0] == p[1];
    bool b_draws = q[0] == q[1];

    k->states[state].is_end = a_draws && b_draws;
    if (!a_draws && !b_draws)
        match_steps(k, a, b, state);
    for (uint32_t j = q[0]; a_draws && j < q[1]; j++) {
        uint32_t next = k->of_b[b->behaviour->next[j]];

        if (next != NOT_SHARED)
            add_step(k, state, next, a->root_weights[k->states[next].a] * b->root_shares[j]);
    }
    for (uint32_t i = p[0]; b_draws && i < p[1]; i++) {
        uint32_t next = k->of_a[a->behaviour->next[i]];

        if (next != NOT_SHARED)
            add_step(k, state, next, a->root_shares[i] * b->root_weights[k->states[next].b]);
    }
}

/* The forward recursion over shared states: the kernel of sequences of 1, 2, ... flows, and their mean. */
static double mean_over_lengths(struct product_kernel *k)
{
    double total = 0;

    for (size_t s = 0; s < k->state_count; s++)
        k->forward[s] = k->states[s].start;
    for (uint32_t length = 1;; length++) {
        double *moved = k->moved;
        double sum = 0;
        double ended = 0;

        for (size_t s = 0; s < k->state_count; s++) {
            sum += k->forward[s];
            ended += k->states[s].is_end ? k->forward[s] : 0;
        }
        total += sum;
        if (length == k->shape.length)
            break;
        for (size_t s = 0; s < k->state_count; s++)
            moved[s] = ended * k->states[s].start;
        for (size_t i = 0; i < k->step_count; i++)
            moved[k->steps[i].next] += k->forward[k->steps[i].state] * k->steps[i].product;
        k->moved = k->forward;
        k->forward = moved;
    }
    return total / k->shape.length;
}

double product_kernel_value(struct product_kernel *kernel, const struct kernel_side *a,
                            const struct kernel_side *b)
{
    if (a->behaviour->state_count == 0 || b->behaviour->state_count == 0)
        return a->behaviour->state_count == b->behaviour->state_count;
    match_states(kernel, a, b);
    if (kernel->state_count == 0)
        return 0;
    kernel->step_count = 0;
    for (uint32_t s = 0; s < kernel->state_count; s++)
        match_row(kernel, a, b, s);
    return mean_over_lengths(kernel);
}
