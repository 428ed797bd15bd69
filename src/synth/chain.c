#include "synth/chain.h"

#include "base/log_grid.h"

static double gap_of_bin(uint32_t bin, struct random_stream *random)
{
    return log_grid_value((double)bin + random_short_unit(random) - 0.5, GAP_GRID_PER_OCTAVE);
}

double chain_draw_gap(const struct discrete *gaps, struct random_stream *random)
{
    return gap_of_bin(discrete_symbol(gaps, discrete_draw(gaps, random)), random);
}

uint32_t chain_step(const struct host_model *model, uint32_t from, double *gap_ns,
                     struct random_stream *random)
{
    const struct state_model *state = &model->states[from];
    uint32_t i;

    if (state->next.size == 0) { /* only ever seen at the end of the input */
        *gap_ns = random_exponential(random, (double)NS_PER_SECOND);
        return discrete_symbol(&model->frequency, discrete_draw(&model->frequency, random));
    }
    i = discrete_draw(&state->next, random);
    *gap_ns = chain_draw_gap(state_model_gaps(state, i), random);
    return discrete_symbol(&state->next, i);
}

uint32_t chain_enter(const struct host_model *model, struct random_stream *random)
{
    const struct state_model *state = model->states;
    uint32_t transition;

    if (model->under_way.size == 0) /* a host of a single flow */
        return discrete_symbol(&model->frequency, discrete_draw(&model->frequency, random));
    transition = discrete_draw(&model->under_way, random);
    while (transition >= state->next.size)
        transition -= state++->next.size;
    return discrete_symbol(&state->next, transition);
}
