#include "synth/slice_sequence.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "synth/chain.h"
#include "synth/flow_draw.h"

enum { MAX_STEP_TRIES = 16 };

/*
 * A step within the slice. A gap that is drawn would lead out of it as likely as it is long: such are not of this
 * slice but between two, where chain_enter() has them.
 */
static uint32_t step_inside(const struct host_model *model, uint32_t from, double *gap_ns,
                            struct random_stream *random)
{
    uint32_t next = chain_step(model, from, gap_ns, random);

    for (int i = 1; i < MAX_STEP_TRIES && *gap_ns > random_unit(random) * (double)NS_PER_SLICE; i++)
        next = chain_step(model, from, gap_ns, random);
    return next;
}

static void draw_sequence(const struct host_model *model, struct slice_sequence *sequence,
                          struct random_stream *random)
{
    uint32_t count = sequence->count;
    uint32_t state = chain_enter(model, random);
    /* A longer pause does not happen among this many flows of one slice. */
    double pause_ns = (double)NS_PER_SLICE / (count < 4 ? count : 4);
    double now_ns = 0;
    double gap_ns;

    sequence->packets = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t packets = flow_draw_packets(&model->states[state].packets, random);

        sequence->steps[i] = (struct step){ state, packets, now_ns, OFFSET_OPEN };
        sequence->packets += (double)packets;
        if (i + 1 < count)
            state = step_inside(model, state, &gap_ns, random);
        now_ns += i + 1 < count ? fmin(gap_ns, pause_ns) : 0;
    }
    sequence->last_ns = now_ns;
}

/* How far a sequence is from the volume, in logarithms. */
static double misfit(const struct slice_sequence *sequence, double packets)
{
    return fabs(log(sequence->packets / packets));
}

enum { MAX_TRIES = 16, MAX_CHOICES = 16 };
#define GOOD_FIT 0.1
#define FAIR_FIT 0.5

/* Of several sequences of so many flows, the one with the volume that is wanted, nearly. */
static void choose(const struct host_model *model, struct slice_sequence *best, const struct quota *quota,
                   struct random_stream *random)
{
    struct slice_sequence other = *best;

    other.steps = memory_alloc_array(other.capacity, sizeof *other.steps);
    draw_sequence(model, best, random);
    for (int i = 1; i < MAX_TRIES && misfit(best, quota->packets) > GOOD_FIT; i++) {
        draw_sequence(model, &other, random);
        if (misfit(&other, quota->packets) < misfit(best, quota->packets)) {
            struct slice_sequence swap = *best;

            *best = other;
            other = swap;
        }
    }
    free(other.steps);
}

/* The flow that can take up most of what is missing, or too much: within what its state has shown. */
static struct step *most_flexible(const struct host_model *model, const struct slice_sequence *sequence,
                                  bool is_missing)
{
    struct step *best = sequence->steps;
    double most = -1;

    for (uint32_t i = 0; i < sequence->count; i++) {
        struct step *step = &sequence->steps[i];
        double packets = (double)step->packets;
        double room = is_missing ? exp(model->states[step->state].packets.log_max) - packets : packets - 1;

        if (room > most) {
            most = room;
            best = step;
        }
    }
    return best;
}

enum { MAX_FITTED = 16 };

/* Where no sequence comes near, a few flows take up the difference: those that can take most. */
static void fit_volume(const struct host_model *model, struct slice_sequence *sequence, const struct quota *quota)
{
    if (misfit(sequence, quota->packets) <= FAIR_FIT)
        return;
    for (int i = 0; i < MAX_FITTED && misfit(sequence, quota->packets) > GOOD_FIT; i++) {
        double missing = quota->packets - sequence->packets;
        struct step *step = most_flexible(model, sequence, missing > 0);
        double before = (double)step->packets;
        double wanted = fmin(before + missing, exp(model->states[step->state].packets.log_max));

        step->packets = (uint64_t)fmax(1, round(wanted));
        sequence->packets += (double)step->packets - before;
    }
}

void slice_sequence_draw(struct slice_sequence *sequence, const struct host_model *model, const struct quota *quota,
                   struct random_stream *random)
{
    *sequence = (struct slice_sequence){ .steps = memory_alloc_array(quota->flows, sizeof *sequence->steps),
                                   .count = quota->flows, .drawn = quota->flows,
                                         .capacity = quota->flows };
    for (int i = 0; i < MAX_CHOICES && (i == 0 || misfit(sequence, quota->packets) > FAIR_FIT); i++) {
        choose(model, sequence, quota, random);
        fit_volume(model, sequence, quota);
    }
}

void slice_sequence_close(struct slice_sequence *sequence, struct random_stream *random)
{
    double last_ns = sequence->last_ns;
    /* What the slice leaves closes the ring; at least a gap as the others are. */
    double ring_ns = fmax((double)NS_PER_SLICE, last_ns + last_ns / sequence->drawn);
    double turn_ns = random_unit(random) * ring_ns;

    for (uint32_t i = 0; i < sequence->count; i++) {
        struct step *step = &sequence->steps[i];
        double turned_ns = step->at_ns + turn_ns;
        double share = (turned_ns < ring_ns ? turned_ns : turned_ns - ring_ns) / ring_ns;

        if (step->offset_ns == OFFSET_OPEN)
            step->offset_ns = (int64_t)fmin(share * (double)NS_PER_SLICE, (double)(NS_PER_SLICE - 1));
    }
}

void slice_sequence_release(struct slice_sequence *sequence)
{
    free(sequence->steps);
}
