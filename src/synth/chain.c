#include "synth/chain.h"

#include "base/log_grid.h"

static double gap_of_bin(uint32_t bin, struct random_stream *random)
{
    return log_grid_value((double)bin + random_short_unit(random) - 0.5, GAP_GRID_PER_OCTAVE);
}

static double draw_gap(const struct discrete *gaps, struct random_stream *random)
{
    return gap_of_bin(discrete_symbol(gaps, discrete_draw(gaps, random)), random);
}

static uint32_t draw_frequent(const struct host_model *model, struct random_stream *random)
{
    return discrete_symbol(&model->frequency, discrete_draw(&model->frequency, random));
}

uint32_t chain_step(const struct host_model *model, uint32_t from, double *gap_ns,
                     struct random_stream *random)
{
    const struct state_model *state = &model->states[from];
    uint32_t i;

    if (state->next.size == 0) { /* only ever seen at the end of the input */
        *gap_ns = random_exponential(random, (double)NS_PER_SECOND);
        return draw_frequent(model, random);
    }
    i = discrete_draw(&state->next, random);
    *gap_ns = draw_gap(state_model_gaps(state, i), random);
    return discrete_symbol(&state->next, i);
}

/* The state that the transition comes from; *i is its number there, in place of among all of the host. */
static const struct state_model *draw_under_way(const struct host_model *model, uint32_t *i,
                                                struct random_stream *random)
{
    const struct state_model *state = model->states;

    *i = discrete_draw(&model->under_way, random);
    while (*i >= state->next.size)
        *i -= state++->next.size;
    return state;
}

uint32_t chain_enter(const struct host_model *model, struct random_stream *random)
{
    const struct state_model *state;
    uint32_t i;

    if (model->under_way.size == 0) /* a host of a single flow */
        return draw_frequent(model, random);
    state = draw_under_way(model, &i, random);
    return discrete_symbol(&state->next, i);
}

uint32_t chain_enter_after(const struct host_model *model, double *wait_ns, struct random_stream *random)
{
    const struct state_model *state;
    uint32_t i;

    *wait_ns = 0;
    if (model->under_way.size == 0)
        return draw_frequent(model, random);
    state = draw_under_way(model, &i, random);
    *wait_ns = draw_gap(state_model_gaps(state, i), random) * random_unit(random);
    return discrete_symbol(&state->next, i);
}
