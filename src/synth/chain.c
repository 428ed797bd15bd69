#include "synth/chain.h"

#include "base/log_grid.h"

static double gap_of_bin(uint32_t bin, struct random_stream *random)
{
    return log_grid_value((double)bin + random_unit(random) - 0.5, GAP_GRID_PER_OCTAVE);
}

static double draw_gap(const struct discrete *gaps, struct random_stream *random)
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
    *gap_ns = draw_gap(state_model_gaps(state, i), random);
    return discrete_symbol(&state->next, i);
}

uint32_t chain_enter(const struct host_model *model, struct random_stream *random)
{
    uint32_t transition;
    uint32_t i = 0;

    if (model->entry.size == 0) /* a host whose sequence was not kept */
        return discrete_symbol(&model->frequency, discrete_draw(&model->frequency, random));
    transition = discrete_draw(&model->entry, random);
    for (; i < model->state_count && transition >= model->states[i].next.size; i++)
        transition -= model->states[i].next.size;
    return discrete_symbol(i < model->state_count ? &model->states[i].next : &model->initial, transition);
}
