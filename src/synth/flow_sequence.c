#include "synth/flow_sequence.h"

#include <math.h>

#include "base/log_grid.h"
#include "synth/chain.h"
#include "synth/flow_draw.h"

#define LEARNED_SILENCE_NS (3600.0 * (double)NS_PER_SECOND) /* ends a sequence when it is learned */

/* ---- the time that a host was observed ---- */

static double mean_gap(const struct discrete *gaps)
{
    double sum = 0;

    for (uint32_t i = 0; i < gaps->size; i++)
        sum += discrete_count(gaps, i) * log_grid_value(discrete_symbol(gaps, i), GAP_GRID_PER_OCTAVE);
    return gaps->size ? sum / discrete_total(gaps) : 0;
}

/* Within sequences: the gaps of all transitions together. */
static double chain_time(const struct host_model *model)
{
    double sum = 0;

    for (uint32_t s = 0; s < model->state_count; s++) {
        const struct state_model *state = &model->states[s];
        double own = 0, rest = discrete_total(&state->next);

        for (uint32_t i = 0; i < state->own_gap_count; i++) {
            double times = discrete_count(&state->next, state->own_gaps[i].next);

            own += times * mean_gap(&state->own_gaps[i].gaps);
            rest -= times;
        }
        sum += own + rest * mean_gap(&state->gaps);
    }
    return sum;
}

static double observed_time(const struct host_model *model)
{
    double slices = 0;

    for (uint32_t i = 0; i < DAY_SLICES; i++)
        slices += model->observed_days[i];
    return slices * (double)NS_PER_SLICE;
}

static uint32_t sequences(const struct host_model *model)
{
    uint32_t begun = discrete_total(&model->initial);

    return begun > 0 ? begun : 1;
}

/* ---- sequences ---- */

/* Exponential, but beyond the silence without which none was learned where they are that long. */
static double draw_pause(struct flow_sequence *sequence)
{
    double least = sequence->pause_ns > LEARNED_SILENCE_NS ? LEARNED_SILENCE_NS : 0;

    return least + random_exponential(&sequence->random, sequence->pause_ns - least);
}

static uint32_t draw_first(struct flow_sequence *sequence)
{
    const struct host_model *model = sequence->model;
    const struct discrete *first = model->initial.size > 0 ? &model->initial : &model->frequency;

    return discrete_symbol(first, discrete_draw(first, &sequence->random));
}

double flow_sequence_begin(struct flow_sequence *sequence, const struct host_model *model,
                           const struct random_stream *random)
{
    double in_chain_ns = chain_time(model);
    double in_pauses_ns = fmax((double)NS_PER_SECOND, observed_time(model) - in_chain_ns);
    double wait_ns;

    sequence->model = model;
    sequence->random = *random;
    sequence->pause_ns = in_pauses_ns / sequences(model);
    if (random_unit(&sequence->random) * (in_chain_ns + in_pauses_ns) < in_pauses_ns) {
        sequence->state = draw_first(sequence);
        return random_exponential(&sequence->random, sequence->pause_ns);
    }
    sequence->state = chain_enter_after(model, &wait_ns, &sequence->random);
    return wait_ns;
}

/* Was the flow the last of its sequence? As often as it was where it was learned. */
static bool draw_end(const struct state_model *state, struct random_stream *random)
{
    uint64_t others = discrete_total(&state->next);

    if (others >= state->flows || state->flows > UINT32_MAX)
        return false; /* of more the counts are shares */
    return random_below(random, state->flows) >= others;
}

double flow_sequence_next(struct flow_sequence *sequence, struct flow_features *features)
{
    const struct state_model *state = &sequence->model->states[sequence->state];
    struct random_stream *random = &sequence->random;
    double gap_ns;

    features->state = state;
    features->key = random_u64(random);
    features->packets = flow_draw_packets(&state->packets, random);
    features->peer = peer_unpack(discrete_symbol(&state->peers, discrete_draw(&state->peers, random)));
    flow_draw_ports(state, features->ports, random);
    if (state->next.size == 0 || draw_end(state, random)) {
        sequence->state = draw_first(sequence);
        return draw_pause(sequence);
    }
    sequence->state = chain_step(sequence->model, sequence->state, &gap_ns, random);
    return gap_ns;
}
