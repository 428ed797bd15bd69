#include "synth/beat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "synth/flow_draw.h"

/* What follows a flow so soon belongs to it: a name is looked up, then a connection is made. */
#define BURST_GAP_NS ((double)NS_PER_SECOND)

enum { MAX_STEPS = 1 << 21 }; /* of a slice, beyond which no burst is repeated whatever a model says */

#define LEAST_KEPT 0.5
#define LEAST_TICKS 2 /* of a slice: of a slower clock the day profile says how many flows there are */
#define NEARLY_ALL 0.85 /* counts of flows are rounded, and no clock misses a tick for that */

/* A state of the host, and its ticks in the slice. */
struct clock {
    uint32_t state;
    double period_ns, jitter_ns;
    double first_ns; /* of the ticks, from the beginning of the slice */
    uint32_t ticks;
    double kept;     /* share of ticks that have a flow, as far as the flows of the slice go */
    bool is_running; /* there are enough flows to see a clock in them */
};

static bool set_clock(struct clock *clock, const struct host_model *model, uint32_t state, uint32_t flows,
                      const struct beat_place *place)
{
    const struct state_model *from = &model->states[state];
    struct random_stream random;
    double period_ns = (double)from->beat_s * (double)NS_PER_SECOND / place->activity;
    double expected = flows * (double)from->flows / (double)model->flows;
    double phase_ns;

    if (from->beat_s <= 0)
        return false;
    /* States of one period tick together: most likely they are one program's. */
    random_init(&random, place->seed, RANDOM_BEAT, place->name, (uint32_t)lround(log2((double)from->beat_s) * 8),
                0);
    phase_ns = random_unit(&random) * period_ns;
    clock->state = state;
    clock->period_ns = period_ns;
    clock->jitter_ns = (double)from->beat_sd_s * (double)NS_PER_SECOND / place->activity;
    clock->first_ns = phase_ns - fmod((double)place->begin.ns, period_ns);
    clock->first_ns -= floor(clock->first_ns / period_ns) * period_ns;
    clock->ticks = (uint32_t)fmin(fmax(0, ceil(((double)NS_PER_SLICE - clock->first_ns) / period_ns)), UINT32_MAX);
    clock->kept = expected * period_ns / (double)NS_PER_SLICE;
    clock->is_running = clock->kept > LEAST_KEPT && clock->kept < 1 / LEAST_KEPT &&
                        period_ns * LEAST_TICKS <= (double)NS_PER_SLICE;
    if (clock->kept > NEARLY_ALL)
        clock->kept = 1;
    return true;
}

struct burst {
    uint32_t first, end; /* indices of steps */
};

/* The clocks of a host. */
struct clocks {
    struct clock *clocks;
    uint32_t count;
};

static bool keeps_clock(const struct clocks *clocks, uint32_t state)
{
    for (uint32_t i = 0; i < clocks->count; i++) {
        if (clocks->clocks[i].state == state)
            return true;
    }
    return false;
}

static bool follows(const struct slice_sequence *sequence, uint32_t i)
{
    return i > 0 && i < sequence->count && sequence->steps[i].at_ns - sequence->steps[i - 1].at_ns < BURST_GAP_NS;
}

/* A step leads a burst unless it follows one that keeps a clock and leads. */
static bool leads(const struct slice_sequence *sequence, const struct clocks *clocks, uint32_t i)
{
    while (follows(sequence, i)) {
        if (keeps_clock(clocks, sequence->steps[--i].state))
            return false;
    }
    return true;
}

/* The bursts that the state begins. */
static uint32_t find_bursts(const struct slice_sequence *sequence, const struct clocks *clocks, uint32_t state,
                            struct burst *bursts)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < sequence->count; i++) {
        struct burst burst = { i, i + 1 };

        if (sequence->steps[i].offset_ns != OFFSET_OPEN || sequence->steps[i].state != state ||
            !leads(sequence, clocks, i))
            continue;
        while (follows(sequence, burst.end) && sequence->steps[burst.end].offset_ns == OFFSET_OPEN)
            burst.end++;
        bursts[count++] = burst;
    }
    return count;
}

/* A tick a little early or late; never in another slice, which knows nothing of it. */
static double tick_ns(const struct clock *clock, uint32_t tick, struct random_stream *random)
{
    double exact_ns = clock->first_ns + tick * clock->period_ns;
    double ns = random_normal(random, exact_ns, fmin(clock->jitter_ns, clock->period_ns / 8));

    return ns >= 0 && ns < (double)NS_PER_SLICE ? ns : exact_ns;
}

/* Moves a burst to a moment of the slice, around its end if need be. */
static void move_burst(struct slice_sequence *sequence, struct burst burst, double to_ns)
{
    double from_ns = sequence->steps[burst.first].at_ns;

    for (uint32_t i = burst.first; i < burst.end; i++) {
        double ns = fmod(to_ns + sequence->steps[i].at_ns - from_ns, (double)NS_PER_SLICE);

        sequence->steps[i].offset_ns = (int64_t)fmin(ns, (double)(NS_PER_SLICE - 1));
    }
}

/* The same states once more, with volumes of their own. */
static struct burst repeat_burst(struct slice_sequence *sequence, const struct host_model *model, struct burst burst,
                                 struct random_stream *random)
{
    struct burst again = { sequence->count, sequence->count + burst.end - burst.first };

    sequence->steps = memory_grow(sequence->steps, &sequence->capacity, again.end, sizeof *sequence->steps);
    for (uint32_t i = burst.first; i < burst.end; i++) {
        struct step step = sequence->steps[i];

        step.packets = flow_draw_packets(&model->states[step.state].packets, random);
        sequence->steps[sequence->count++] = step;
    }
    return again;
}

static void drop_burst(struct slice_sequence *sequence, struct burst burst)
{
    memmove(&sequence->steps[burst.first], &sequence->steps[burst.end],
            (sequence->count - burst.end) * sizeof *sequence->steps);
    sequence->count -= burst.end - burst.first;
}

/* A burst for every tick, but for those that the clock misses; what is left over is dropped. */
static void run_clock(struct slice_sequence *sequence, const struct host_model *model, const struct clock *clock,
                      const struct burst *bursts, uint32_t count, struct random_stream *random)
{
    uint32_t used = 0;

    for (uint32_t tick = 0; tick < clock->ticks; tick++) {
        struct burst burst;

        if (random_unit(random) >= clock->kept)
            continue;
        if (used < count)
            burst = bursts[used++];
        else if (sequence->count > MAX_STEPS)
            break;
        else
            burst = repeat_burst(sequence, model, bursts[random_below(random, count)], random);
        move_burst(sequence, burst, tick_ns(clock, tick, random));
    }
    for (uint32_t i = count; i-- > used;)
        drop_burst(sequence, bursts[i]);
}

/* The bursts that there are, on ticks in a row: a clock that was on for a while, or a slow one. */
static void keep_bursts(struct slice_sequence *sequence, const struct clock *clock, const struct burst *bursts,
                        uint32_t count, struct random_stream *random)
{
    uint32_t placed = count < clock->ticks ? count : clock->ticks;
    uint32_t first = (uint32_t)random_below(random, (uint64_t)clock->ticks - placed + 1);

    for (uint32_t i = 0; i < placed; i++)
        move_burst(sequence, bursts[i], tick_ns(clock, first + i, random));
}

static uint32_t flows_of_state(const struct slice_sequence *sequence, uint32_t state)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < sequence->count; i++)
        count += sequence->steps[i].state == state;
    return count;
}

static struct clocks set_clocks(const struct host_model *model, uint32_t flows, const struct beat_place *place)
{
    struct clocks clocks = { NULL, 0 };
    size_t capacity = 0;
    struct clock clock;

    for (uint32_t state = 0; state < model->state_count; state++) {
        if (!set_clock(&clock, model, state, flows, place))
            continue;
        clocks.clocks = memory_grow(clocks.clocks, &capacity, clocks.count + 1, sizeof *clocks.clocks);
        clocks.clocks[clocks.count++] = clock;
    }
    return clocks;
}

void beat_place(struct slice_sequence *sequence, const struct host_model *model, const struct beat_place *place,
                struct random_stream *random)
{
    struct clocks clocks = set_clocks(model, sequence->count, place);

    for (uint32_t i = 0; i < clocks.count; i++) {
        const struct clock *clock = &clocks.clocks[i];
        struct burst *bursts = memory_alloc_array(sequence->count, sizeof *bursts);
        uint32_t count = find_bursts(sequence, &clocks, clock->state, bursts);

        /* What mostly follows another clock has no need of its own. */
        if (2 * count > flows_of_state(sequence, clock->state)) {
            if (clock->is_running)
                run_clock(sequence, model, clock, bursts, count, random);
            else
                keep_bursts(sequence, clock, bursts, count, random);
        }
        free(bursts);
    }
    free(clocks.clocks);
}
