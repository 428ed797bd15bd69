#include "dayshift/behaviour.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dayshift/host_model.h"

/* A step between states in their order. */
struct ordered_step {
    uint32_t state, next;
    double times;
};

struct place { /* of a state that was given */
    uint32_t key, given;
};

static int compare_places(const void *a, const void *b)
{
    uint32_t x = ((const struct place *)a)->key;
    uint32_t y = ((const struct place *)b)->key;

    return (x > y) - (x < y);
}

static int compare_steps(const void *a, const void *b)
{
    const struct ordered_step *x = a;
    const struct ordered_step *y = b;

    if (x->state != y->state)
        return x->state < y->state ? -1 : 1;
    return (x->next > y->next) - (x->next < y->next);
}

/* Copies the states by key; where each one that was given is now. The caller frees that. */
static uint32_t *order_states(struct behaviour *b, const struct behaviour_state *states, uint32_t count)
{
    struct place *places = memory_alloc_array(count, sizeof *places);
    uint32_t *now = memory_alloc_array(count, sizeof *now);
    double sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        places[i] = (struct place){ states[i].key, i };
        sum += states[i].weight;
    }
    if (count > 0)
        qsort(places, count, sizeof *places, compare_places);
    b->state_count = count;
    b->states = memory_alloc_array(count, sizeof *b->states);
    for (uint32_t i = 0; i < count; i++) {
        b->states[i] = states[places[i].given];
        b->states[i].weight /= sum;
        now[places[i].given] = i;
    }
    free(places);
    return now;
}

/* The steps by state; the caller frees. */
static struct ordered_step *order_steps(const struct behaviour_step *steps, size_t count, const uint32_t *now)
{
    struct ordered_step *ordered = memory_alloc_array(count, sizeof *ordered);

    for (size_t i = 0; i < count; i++)
        ordered[i] = (struct ordered_step){ now[steps[i].state], now[steps[i].next], steps[i].times };
    if (count > 0)
        qsort(ordered, count, sizeof *ordered, compare_steps);
    return ordered;
}

static void fill_rows(struct behaviour *b, const struct ordered_step *steps, size_t count)
{
    size_t end = 0;

    b->rows = memory_alloc_array((size_t)b->state_count + 1, sizeof *b->rows);
    b->next = memory_alloc_array(count, sizeof *b->next);
    b->shares = memory_alloc_array(count, sizeof *b->shares);
    for (uint32_t s = 0; s < b->state_count; s++) {
        size_t begin = end;
        double sum = 0;

        while (end < count && steps[end].state == s)
            sum += steps[end++].times;
        for (size_t i = begin; i < end; i++) {
            b->next[i] = steps[i].next;
            b->shares[i] = steps[i].times / sum;
        }
        b->rows[s + 1] = (uint32_t)end;
    }
}

void behaviour_init(struct behaviour *behaviour, const struct behaviour_state *states,
                    uint32_t state_count, const struct behaviour_step *steps, size_t step_count)
{
    uint32_t *now = order_states(behaviour, states, state_count);
    struct ordered_step *ordered = order_steps(steps, step_count, now);

    fill_rows(behaviour, ordered, step_count);
    free(ordered);
    free(now);
}

void behaviour_init_of_host(struct behaviour *behaviour, const struct host_model *host)
{
    struct behaviour_state *states = memory_alloc_array(host->state_count, sizeof *states);
    struct behaviour_step *steps = NULL;
    size_t capacity = 0;
    size_t used = 0;

    for (uint32_t i = 0; i < host->state_count; i++) {
        const struct state_model *state = &host->states[i];

        states[i] = (struct behaviour_state){ state_key_pack(state->key), (double)state->flows,
                                              state->packets.components, state->packets.size };
        steps = memory_grow(steps, &capacity, used + state->next.size, sizeof *steps);
        for (uint32_t k = 0; k < state->next.size; k++)
            steps[used++] = (struct behaviour_step){ i, discrete_symbol(&state->next, k),
                                                     discrete_count(&state->next, k) };
    }
    behaviour_init(behaviour, states, host->state_count, steps, used);
    free(steps);
    free(states);
}

void behaviour_release(struct behaviour *behaviour)
{
    free(behaviour->states);
    free(behaviour->rows);
    free(behaviour->next);
    free(behaviour->shares);
    memset(behaviour, 0, sizeof *behaviour);
}
