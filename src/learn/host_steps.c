#include "learn/host_steps.h"

#include <stdlib.h>
#include <string.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "learn/stats_private.h"

_Static_assert(sizeof(struct host_step) <= 16, "host_steps.h states it");

void host_steps_release(struct host_steps *steps)
{
    for (size_t i = 0; i < steps->host_count; i++)
        free(steps->hosts[i].steps);
    free(steps->hosts);
    memset(steps, 0, sizeof *steps);
}

void host_steps_add(void *self, uint32_t host, const struct host_step *step)
{
    struct host_steps *steps = self;
    struct step_list *list;

    if (steps->max_steps > 0 && steps->steps == steps->max_steps) {
        steps->is_full = true;
        return;
    }
    while (steps->host_count <= host) {
        steps->hosts = memory_grow(steps->hosts, &steps->host_capacity, steps->host_count + 1,
                                   sizeof *steps->hosts);
        steps->hosts[steps->host_count++] = (struct step_list){ 0 };
    }
    list = &steps->hosts[host];
    list->steps = memory_grow(list->steps, &list->capacity, list->used + 1, sizeof *list->steps);
    list->steps[list->used++] = *step;
    steps->steps++;
}

static void count_ports(struct network_stats *stats, uint32_t state, const struct host_step *step)
{
    uint32_t feature = state_key_unpack(step->state).port_feature;

    tally_add(&stats->initiator_ports, state, step->initiator_feature, 1);
    if (!port_feature_is_exact(feature))
        tally_add(&stats->responder_ports, state, step->responder_port, 1);
}

/* `last` is the state before, or TALLY_NONE where a sequence begins. Returns the state. */
static uint32_t count_step(struct network_stats *stats, uint32_t host, uint32_t last,
                           const struct host_step *step)
{
    uint32_t state = tally_add(&stats->states, host, step->state, 1);

    if (last == TALLY_NONE)
        tally_add(&stats->initial, host, state, 1);
    else
        tally_add(&stats->gaps, tally_add(&stats->transitions, last, state, 1), step->gap_bin, 1);
    tally_add(&stats->volumes, state, step->packets_bin, 1);
    tally_add(&stats->bytes, state, flow_size_pack(step->packets_bin, step->bytes_bin), 1);
    tally_add(&stats->peers, state, peer_pack((struct peer){ PEER_OUTSIDE, PEER_ID_OTHER }), 1);
    if (state_key_has_ports(state_key_unpack(step->state)))
        count_ports(stats, state, step);
    sum_add(&stats->flows, 1);
    sum_add(&stats->packets, (uint64_t)log_grid_whole_value(step->packets_bin, VOLUME_GRID_PER_OCTAVE));
    return state;
}

void host_steps_count(struct network_stats *stats, uint32_t host, const struct step_sequence *sequence)
{
    uint32_t last = TALLY_NONE;

    while (stats->host_count <= host)
        stats_add_host(stats, 0, 1, 0);
    for (uint32_t i = 0; i < sequence->length; i++) {
        const struct host_step *step = &sequence->steps[i];

        last = count_step(stats, host, step->gap_bin == STEP_NO_GAP ? TALLY_NONE : last, step);
    }
}
