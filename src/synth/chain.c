#include "synth/chain.h"

#include "base/log_grid.h"

#define LAST_STATE_GAP_NS ((double)NS_PER_SECOND) /* of one that was only ever seen at the end */

static double gap_of_bin(uint32_t bin, struct random_stream *random)
{
    return log_grid_value((double)bin + random_short_unit(random) - 0.5, GAP_GRID_PER_OCTAVE);
}

double chain_draw_gap(const struct discrete *gaps, struct random_stream *random)
{
    return gap_of_bin(discrete_symbol(gaps, discrete_draw(gaps, random)), random);
}

static uint32_t index_of_next(const struct state_model *state, uint32_t to)
{
    uint32_t i = 0;

    while (i < state->next.size && discrete_symbol(&state->next, i) != to)
        i++;
    return i;
}

double chain_gap(const struct host_model *model, uint32_t from, uint32_t to,
                 struct random_stream *random)
{
    const struct state_model *state = &model->states[from];

    if (state->next.size == 0)
        return random_exponential(random, LAST_STATE_GAP_NS);
    /* What never followed comes after a gap of its state. */
    return chain_draw_gap(state_model_gaps(state, index_of_next(state, to)), random);
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

    if (state->next.size == 0) {
        *gap_ns = random_exponential(random, LAST_STATE_GAP_NS);
        return draw_frequent(model, random);
    }
    i = discrete_draw(&state->next, random);
    *gap_ns = chain_draw_gap(state_model_gaps(state, i), random);
    return discrete_symbol(&state->next, i);
}

uint32_t chain_enter(const struct host_model *model, struct random_stream *random)
{
    uint32_t entry;
    uint32_t i = 0;

    if (model->entry.size == 0) /* a host whose sequence was not kept */
        return draw_frequent(model, random);
    entry = discrete_draw(&model->entry, random);
    for (; i < model->state_count && entry >= model->states[i].next.size; i++)
        entry -= model->states[i].next.size;
    return discrete_symbol(i < model->state_count ? &model->states[i].next : &model->initial, entry);
}
