#include "model/model_hosts.h"

#include <math.h>
#include <stdlib.h>

#include "base/log_grid.h"
#include "base/log_normal.h"
#include "base/memory.h"
#include "model/model_read.h"
#include "model/peer_novelty.h"

enum { MOST_IN_TWO_BYTES = 1 << 10 /* numbers whose shares two bytes can tell apart */ };

/* E[min(e^X, e^log_max)] of the mixture X: a log-normal mean, cut where draws stop. */
static double mixture_mean(const struct volume_model *m)
{
    double mean = 0;

    for (uint32_t k = 0; k < m->size; k++) {
        const struct mixture_component *c = &m->components[k];

        mean += c->weight * log_normal_cut_mean(c->mean, c->sd, m->log_max);
    }
    return mean;
}

/* How likely a gap leads into another slice: of one that is shorter than a slice, its share of it. */
static double crossing_share(const double gap_values[MODEL_MAX_BIN], const struct discrete *gaps)
{
    double sum = 0;

    for (uint32_t i = 0; i < gaps->size; i++)
        sum += discrete_share(gaps, i) *
               fmin(1, gap_values[discrete_symbol(gaps, i)] / (double)NS_PER_SLICE);
    return sum;
}

static uint32_t transitions_of(const struct host_model *host)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < host->state_count; i++)
        count += host->states[i].next.size;
    return count;
}

/* A beginning leads into a slice for sure, a transition as often as its gaps are long. */
static void set_entry(struct host_model *host, const double gap_values[MODEL_MAX_BIN], struct arena *arena)
{
    uint32_t count = transitions_of(host) + host->initial.size;
    struct tally_entry *entries = memory_alloc_array(count, sizeof *entries);
    double *times = memory_alloc_array(count, sizeof *times);
    double scale = count <= MOST_IN_TWO_BYTES ? UINT16_MAX - MOST_IN_TWO_BYTES : 0x1p30;
    uint32_t used = 0;
    double sum = 0;

    for (uint32_t i = 0; i < host->state_count; i++) {
        const struct state_model *state = &host->states[i];
        double share = crossing_share(gap_values, &state->gaps);

        for (uint32_t k = 0; k < state->next.size; k++) {
            const struct discrete *gaps = state_model_gaps(state, k);

            times[used++] = discrete_count(&state->next, k) *
                            (gaps == &state->gaps ? share : crossing_share(gap_values, gaps));
        }
    }
    for (uint32_t i = 0; i < host->initial.size; i++)
        times[used++] = discrete_count(&host->initial, i);
    for (uint32_t i = 0; i < count; i++)
        sum += times[i];
    for (uint32_t i = 0; i < count; i++)
        entries[i] = (struct tally_entry){ 0, i, 1 + (uint64_t)(times[i] / sum * scale) };
    discrete_init(&host->entry, arena, entries, count);
    free(entries);
    free(times);
}

static void finish_host(struct host_model *host, const double gap_values[MODEL_MAX_BIN], struct arena *arena)
{
    struct tally_entry *entries = memory_alloc_array(host->state_count, sizeof *entries);

    for (uint32_t i = 0; i < host->state_count; i++) {
        const struct state_model *state = &host->states[i];

        entries[i] = (struct tally_entry){ 0, i, state->flows };
        host->mean_packets +=
            mixture_mean(&state->packets) * (double)state->flows / (double)host->flows;
    }
    host->mean_packets = fmax(host->mean_packets, 1.0); /* no draw is below */
    discrete_init(&host->frequency, arena, entries, host->state_count);
    free(entries);
    set_entry(host, gap_values, arena);
    peer_novelty_share(host);
}

void model_hosts_finish(struct model *model)
{
    double gap_values[MODEL_MAX_BIN]; /* in ns, by bin */

    for (uint32_t bin = 0; bin < MODEL_MAX_BIN; bin++)
        gap_values[bin] = log_grid_value(bin, GAP_GRID_PER_OCTAVE);
    for (uint32_t i = 0; i < model->host_count; i++)
        finish_host(&model->hosts[i], gap_values, &model->arena);
}
