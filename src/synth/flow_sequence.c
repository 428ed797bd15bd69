#include "synth/flow_sequence.h"

#include <math.h>
#include <stdbool.h>

#include "base/log_grid.h"
#include "synth/chain.h"
#include "synth/flow_draw.h"
#include "synth/peer_draw.h"

#define LEARNED_SILENCE_NS (3600.0 * (double)NS_PER_SECOND) /* ends a sequence when it is learned */
#define LONGEST_NS 0x1p60 /* whatever a model says: times of day that are added stay numbers */

/* ---- the time that a host was observed ---- */

static double mean_gap(const struct discrete *gaps)
{
    double sum = 0;

    for (uint32_t i = 0; i < gaps->size; i++)
        sum += discrete_count(gaps, i) * log_grid_value(discrete_symbol(gaps, i), GAP_GRID_PER_OCTAVE);
    return gaps->size ? sum / discrete_total(gaps) : 0;
}

/* A transition, and the time that the host spent in it while it was learned. */
struct transition {
    uint32_t from, to; /* index of the state, and in its `next` */
    const struct discrete *gaps;
    double time_ns;
};

/* Calls until it returns true, for all transitions. */
static void for_transitions(const struct host_model *model, bool (*visit)(void *self, const struct transition *t),
                            void *self)
{
    for (uint32_t s = 0; s < model->state_count; s++) {
        const struct state_model *state = &model->states[s];
        double mean = mean_gap(&state->gaps);

        for (uint32_t i = 0; i < state->next.size; i++) {
            struct transition t = { s, i, state_model_gaps(state, i), 0 };

            t.time_ns = discrete_count(&state->next, i) * (t.gaps == &state->gaps ? mean : mean_gap(t.gaps));
            if (visit(self, &t))
                return;
        }
    }
}

static bool add_time(void *self, const struct transition *t)
{
    *(double *)self += t->time_ns;
    return false;
}

/* Within sequences: the gaps of all transitions together. */
static double chain_time(const struct host_model *model)
{
    double sum = 0;

    for_transitions(model, add_time, &sum);
    return sum;
}

/* The transition of which a moment of the chain's time falls. */
struct moment {
    double left_ns;
    struct transition transition;
};

static bool is_reached(void *self, const struct transition *t)
{
    struct moment *moment = self;

    moment->transition = *t;
    moment->left_ns -= t->time_ns;
    return moment->left_ns < 0;
}

static double observed_time(const struct host_model *model)
{
    bool has_classes = model->days[DAY_WEEKDAY].observed != model->days[DAY_WEEKEND].observed;
    double slices = 0;

    for (uint32_t i = 0; i < DAY_SLICES; i++)
        slices += model->days[DAY_WEEKDAY].observed[i] +
                  (has_classes ? model->days[DAY_WEEKEND].observed[i] : 0);
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

/* Amid a transition, most likely a long one; it leads to the first flow. Returns the rest of its time. */
static double enter_chain(struct flow_sequence *sequence, double at_ns)
{
    struct moment moment = { .left_ns = at_ns };
    const struct state_model *from;

    for_transitions(sequence->model, is_reached, &moment);
    from = &sequence->model->states[moment.transition.from];
    sequence->state = discrete_symbol(&from->next, moment.transition.to);
    return chain_draw_gap(moment.transition.gaps, &sequence->random) * random_unit(&sequence->random);
}

double flow_sequence_begin(struct flow_sequence *sequence, const struct host_model *model, uint64_t seed,
                           uint32_t name, const struct random_stream *random)
{
    double in_chain_ns = chain_time(model);
    double in_pauses_ns = fmax((double)NS_PER_SECOND, observed_time(model) - in_chain_ns);
    double at_ns;

    sequence->model = model;
    sequence->seed = seed;
    sequence->name = name;
    sequence->random = *random;
    sequence->pause_ns = in_pauses_ns / sequences(model);
    at_ns = random_unit(&sequence->random) * (in_chain_ns + in_pauses_ns);
    if (at_ns < in_chain_ns)
        return fmin(enter_chain(sequence, at_ns), LONGEST_NS);
    sequence->state = draw_first(sequence);
    return fmin(random_exponential(&sequence->random, sequence->pause_ns), LONGEST_NS);
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
    const struct peer_owner owner = { sequence->model, sequence->state, sequence->seed, sequence->name };
    struct random_stream *random = &sequence->random;
    double gap_ns;

    features->state = state;
    features->key = random_u64(random);
    features->packets = flow_draw_packets(&state->packets, random);
    features->peer = peer_draw(&owner, &features->peer_name, random);
    flow_draw_ports(state, features->ports, random);
    if (state->next.size == 0 || draw_end(state, random)) {
        sequence->state = draw_first(sequence);
        return fmin(draw_pause(sequence), LONGEST_NS);
    }
    sequence->state = chain_step(sequence->model, sequence->state, &gap_ns, random);
    return fmin(gap_ns, LONGEST_NS);
}
