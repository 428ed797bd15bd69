#include "synth/regression.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "synth/bridge.h"
#include "synth/chain.h"
#include "synth/flow_draw.h"
#include "synth/slice.h"

#define CLOCK_REACH_NS (3600 * NS_PER_SECOND) /* the longest pause that a gap clock may have learned */

enum { FIRST_GAP_TRIES = 64 };

/* ---- likelihood ---- */

static double log_normal_density(const struct mixture_component *c, double x)
{
    double z = (x - c->mean) / c->sd;

    return log(c->weight) - log(c->sd) - 0.5 * log(2 * M_PI) - 0.5 * z * z;
}

/* ln p(x | s), by log-sum-exp; no volume is impossible. */
static double log_volume(const struct volume_model *mixture, double x)
{
    double terms[MIXTURE_MAX];
    double most = -DBL_MAX;
    double sum = 0;

    for (uint32_t k = 0; k < mixture->size; k++) {
        terms[k] = log_normal_density(&mixture->components[k], x);
        most = fmax(most, terms[k]);
    }
    for (uint32_t k = 0; k < mixture->size; k++)
        sum += exp(terms[k] - most);
    return most + log(sum);
}

double regression_log_likelihood(const struct regression_gap *gap, const uint32_t *states,
                                 const uint64_t *packets)
{
    const struct smoothed_chain *chain = gap->chain;
    uint32_t at = regression_before(gap);
    double sum = 0;

    for (uint32_t i = 0; i < gap->count; i++) {
        sum += smoothed_chain_log(chain, at, states[i]) +
               log_volume(&chain->host->states[states[i]].packets, log((double)packets[i]));
        at = states[i];
    }
    return sum + smoothed_chain_log(chain, at, regression_after(gap));
}

/* ---- how many ---- */

/* Where the gap finds the host: its next state, and when that begins, from the gap's begin. */
static uint32_t first_in_gap(const struct regression_gap *gap, double *at_ns, struct random_stream *random)
{
    const struct host_model *host = gap->chain->host;
    uint32_t before = regression_before(gap);
    double gap_ns = 0;
    uint32_t state;

    for (int i = 0; i < FIRST_GAP_TRIES && before < gap->chain->states; i++) {
        state = chain_step(host, before, &gap_ns, random);
        if (gap_ns >= (double)gap->before_ns) {
            *at_ns = gap_ns - (double)gap->before_ns;
            return state;
        }
    }
    /* Nothing is known before, or it was silent for longer than it ever was: a moment like any other. */
    state = chain_enter(host, random);
    *at_ns = random_unit(random) * chain_gap(host, state, state, random);
    return state;
}

static uint32_t count_by_clock(const struct regression_gap *gap, struct random_stream *random)
{
    double end_ns = (double)(gap->to.ns - gap->from.ns) * gap->pace;
    double at_ns;
    double gap_ns;
    uint32_t state = first_in_gap(gap, &at_ns, random);
    uint32_t count = 0;

    while (at_ns < end_ns && count < REGRESSION_MAX_COUNT) {
        state = chain_step(gap->chain->host, state, &gap_ns, random);
        at_ns += gap_ns;
        count++;
    }
    return count;
}

static uint32_t count_by_profile(const struct regression_gap *gap, struct random_stream *random)
{
    double count = 0;
    struct day_time at = gap->from;

    while (at.ns < gap->to.ns && count < REGRESSION_MAX_COUNT) {
        uint32_t slice = day_time_slice(at);
        int32_t date = day_time_date(at);
        int64_t slice_end = day_time_of_slice(date, slice).ns + NS_PER_SLICE;
        int64_t until = slice_end < gap->to.ns ? slice_end : gap->to.ns;

        count += slice_draw_flows(gap->chain->host, date, slice, DAY_SPREAD, random) *
                 ((double)(until - at.ns) / (double)NS_PER_SLICE);
        at.ns = until;
    }
    return (uint32_t)fmin(round(count), REGRESSION_MAX_COUNT);
}

uint32_t regression_draw_count(const struct regression_gap *gap, struct random_stream *random)
{
    return gap->to.ns - gap->from.ns <= CLOCK_REACH_NS ? count_by_clock(gap, random)
                                                       : count_by_profile(gap, random);
}

/* ---- when ---- */

/*
 * gaps_ns[0] leads to the first record, gaps_ns[count] from the last one to the one behind the gap. What of the
 * two lies outside is cut off at random: the gap's border is a moment like any other of them. Together
 * they are scaled to fill the gap.
 */
static void place(const struct regression_gap *gap, double *gaps_ns, struct regression_filling *filling,
                  struct random_stream *random)
{
    double length_ns = (double)(gap->to.ns - gap->from.ns);
    double sum = 0;
    double at = 0;

    if (gap->before_count == 0 || gap->before_ns > 0)
        gaps_ns[0] *= random_unit(random);
    if (gap->after_count == 0 || gap->after_ns > 0)
        gaps_ns[gap->count] *= random_unit(random);
    for (uint32_t i = 0; i <= gap->count; i++)
        sum += gaps_ns[i];
    for (uint32_t i = 0; i < gap->count; i++) {
        at += gaps_ns[i];
        filling->starts[i].ns =
            gap->from.ns + (int64_t)fmin(fmax(at / sum * length_ns, 1), fmax(length_ns - 1, 0));
    }
}

static void filling_init(struct regression_filling *filling, uint32_t count)
{
    *filling = (struct regression_filling){
        .count = count,
        .states = memory_alloc_array(count, sizeof *filling->states),
        .packets = memory_alloc_array(count, sizeof *filling->packets),
        .starts = memory_alloc_array(count, sizeof *filling->starts),
    };
}

void regression_filling_release(struct regression_filling *filling)
{
    free(filling->states);
    free(filling->packets);
    free(filling->starts);
    *filling = (struct regression_filling){ 0 };
}

/* ---- exactly ---- */

/* Between two states, one of which may not be known. */
static double gap_between(const struct smoothed_chain *chain, uint32_t from, uint32_t to,
                          struct random_stream *random)
{
    if (from < chain->states)
        return chain_gap(chain->host, from, to, random);
    return chain_gap(chain->host, to, to, random);
}

static void draw_starts(const struct regression_gap *gap, struct regression_filling *filling,
                        struct random_stream *random)
{
    double *gaps_ns = memory_alloc_array((size_t)gap->count + 1, sizeof *gaps_ns);
    uint32_t at = regression_before(gap);

    for (uint32_t i = 0; i < gap->count; i++) {
        gaps_ns[i] = gap_between(gap->chain, at, filling->states[i], random);
        at = filling->states[i];
    }
    if (gap->count > 0)
        gaps_ns[gap->count] = gap_between(gap->chain, at, regression_after(gap), random);
    place(gap, gaps_ns, filling, random);
    free(gaps_ns);
}

static void draw_states_and_packets(const struct bridge *bridge, struct regression_filling *filling,
                                    struct random_stream *random)
{
    bridge_draw(bridge, filling->states, random);
    for (uint32_t i = 0; i < filling->count; i++)
        filling->packets[i] =
            flow_draw_packets(&bridge->chain->host->states[filling->states[i]].packets, random);
}

void regression_exact(const struct regression_gap *gap, uint32_t draws, struct random_stream *random,
                      struct regression_filling *filling)
{
    struct regression_filling drawn;
    struct bridge bridge;

    filling_init(filling, gap->count);
    filling_init(&drawn, gap->count);
    bridge_init(&bridge, gap->chain, regression_before(gap), regression_after(gap), gap->count);
    for (uint32_t i = 0; i < draws; i++) {
        draw_states_and_packets(&bridge, &drawn, random);
        drawn.log_likelihood = regression_log_likelihood(gap, drawn.states, drawn.packets);
        if (i == 0 || drawn.log_likelihood > filling->log_likelihood) {
            struct regression_filling better = drawn;

            drawn = *filling;
            *filling = better;
        }
    }
    draw_starts(gap, filling, random);
    bridge_release(&bridge);
    regression_filling_release(&drawn);
}

/* ---- by search ---- */

struct sequence {
    uint32_t length;
    uint32_t *states;
    uint64_t *packets;
    double *gaps_ns; /* before each record */
};

static void sequence_init(struct sequence *sequence, const struct host_model *host, uint32_t length,
                          struct random_stream *random)
{
    double gap_ns = 0;
    uint32_t at = chain_enter(host, random);

    *sequence = (struct sequence){
        .length = length,
        .states = memory_alloc_array(length, sizeof *sequence->states),
        .packets = memory_alloc_array(length, sizeof *sequence->packets),
        .gaps_ns = memory_alloc_array((size_t)length + 1, sizeof *sequence->gaps_ns),
    };
    sequence->gaps_ns[0] = chain_gap(host, at, at, random);
    for (uint32_t i = 0; i < length; i++) {
        sequence->states[i] = at;
        sequence->packets[i] = flow_draw_packets(&host->states[at].packets, random);
        at = chain_step(host, at, &gap_ns, random);
        sequence->gaps_ns[i + 1] = gap_ns;
    }
}

static void sequence_release(struct sequence *sequence)
{
    free(sequence->states);
    free(sequence->packets);
    free(sequence->gaps_ns);
}

/* How unlike two neighbourhoods are: by their states, and where these are equally alike by their volumes. */
struct distance {
    uint32_t mismatches;
    double volumes; /* sum of the differences of ln packets */
};

static void add_distance(struct distance *d, const struct regression_record *genuine,
                         const struct sequence *sequence, uint32_t index)
{
    d->mismatches += genuine->state != sequence->states[index];
    d->volumes += fabs(log((double)genuine->packets / (double)sequence->packets[index]));
}

static bool is_nearer(struct distance a, struct distance b)
{
    return a.mismatches != b.mismatches ? a.mismatches < b.mismatches : a.volumes < b.volumes;
}

/* Of a window that begins there: the gap's records, strictly between their neighbourhoods. */
static struct distance window_distance(const struct regression_gap *gap, const struct sequence *sequence,
                                       uint32_t window)
{
    struct distance d = { 0 };

    for (uint32_t k = 0; k < gap->before_count; k++)
        add_distance(&d, &gap->before[k], sequence, window - 1 - k);
    for (uint32_t k = 0; k < gap->after_count; k++)
        add_distance(&d, &gap->after[k], sequence, window + gap->count + k);
    return d;
}

static uint32_t nearest_window(const struct regression_gap *gap, const struct sequence *sequence,
                               uint32_t *mismatches)
{
    uint32_t last = sequence->length - gap->count - gap->after_count;
    uint32_t best = gap->before_count;
    struct distance least = window_distance(gap, sequence, best);

    for (uint32_t window = best + 1; window <= last; window++) {
        struct distance d = window_distance(gap, sequence, window);

        if (is_nearer(d, least)) {
            least = d;
            best = window;
        }
    }
    *mismatches = least.mismatches;
    return best;
}

void regression_search(const struct regression_gap *gap, uint32_t length, struct random_stream *random,
                       struct regression_filling *filling)
{
    uint32_t least = gap->before_count + gap->count + gap->after_count;
    struct sequence sequence;

    filling_init(filling, gap->count);
    sequence_init(&sequence, gap->chain->host, length > least ? length : least, random);
    filling->window = nearest_window(gap, &sequence, &filling->mismatches);
    memcpy(filling->states, sequence.states + filling->window, gap->count * sizeof *filling->states);
    memcpy(filling->packets, sequence.packets + filling->window, gap->count * sizeof *filling->packets);
    filling->log_likelihood = regression_log_likelihood(gap, filling->states, filling->packets);
    place(gap, sequence.gaps_ns + filling->window, filling, random);
    sequence_release(&sequence);
}
