#include "learn/host_behaviours.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "similarity/crowds.h"

/* States and transitions of one host, its states numbered from 0 on. */
struct host_rows {
    struct behaviour_state *states;
    size_t state_capacity;
    uint32_t state_count;
    struct behaviour_step *steps;
    size_t step_capacity, step_count;
};

static void add_state(struct host_rows *rows, const struct tally_entry *state, const struct mixture *mixture)
{
    rows->states =
        memory_grow(rows->states, &rows->state_capacity, (size_t)rows->state_count + 1, sizeof *rows->states);
    rows->states[rows->state_count++] = (struct behaviour_state){ state->symbol, (double)state->count,
                                                                  mixture->components, mixture->size };
}

static void add_step(struct host_rows *rows, uint32_t state, uint32_t next, uint64_t times)
{
    rows->steps = memory_grow(rows->steps, &rows->step_capacity, rows->step_count + 1, sizeof *rows->steps);
    rows->steps[rows->step_count++] = (struct behaviour_step){ state, next, (double)times };
}

/* By host: its rows; number[state] is where the state is among those of its host. */
static struct host_rows *gather(const struct network_stats *stats, const struct mixture *mixtures)
{
    struct host_rows *hosts = memory_alloc_array(stats->host_count, sizeof *hosts);
    uint32_t *number = memory_alloc_array(stats->states.used, sizeof *number);

    for (size_t i = 0; i < stats->states.used; i++) {
        const struct tally_entry *state = &stats->states.entries[i];

        number[i] = hosts[state->owner].state_count;
        add_state(&hosts[state->owner], state, &mixtures[i]);
    }
    for (size_t i = 0; i < stats->transitions.used; i++) {
        const struct tally_entry *step = &stats->transitions.entries[i];

        add_step(&hosts[stats->states.entries[step->owner].owner], number[step->owner],
                 number[step->symbol], step->count);
    }
    free(number);
    return hosts;
}

struct behaviour *host_behaviours_new(const struct network_stats *stats, const struct mixture *mixtures)
{
    struct host_rows *hosts = gather(stats, mixtures);
    struct behaviour *behaviours = memory_alloc_array(stats->host_count, sizeof *behaviours);

    for (uint32_t i = 0; i < stats->host_count; i++) {
        behaviour_init(&behaviours[i], hosts[i].states, hosts[i].state_count, hosts[i].steps,
                       hosts[i].step_count);
        free(hosts[i].states);
        free(hosts[i].steps);
    }
    free(hosts);
    return behaviours;
}

void host_behaviours_free(struct behaviour *behaviours, uint32_t count)
{
    for (uint32_t i = 0; behaviours && i < count; i++)
        behaviour_release(&behaviours[i]);
    free(behaviours);
}

/* The crowds of one observation, which get numbers from `used` on; how many there are then. */
static int find_in_observation(const struct network_stats *stats, const struct behaviour *behaviours,
                               uint32_t least, uint32_t observation, int used, uint32_t *crowd,
                               struct error *err)
{
    struct behaviour *together = memory_alloc_array(stats->host_count, sizeof *together);
    uint32_t *found = memory_alloc_array(stats->host_count, sizeof *found);
    uint32_t count = 0;
    int crowds;

    for (uint32_t i = 0; i < stats->host_count; i++) {
        if (stats->host_observations[i] == observation)
            together[count++] = behaviours[i]; /* a view of it */
    }
    crowds = crowds_find(together, count, least, found, err);
    count = 0;
    for (uint32_t i = 0; crowds >= 0 && i < stats->host_count; i++) {
        if (stats->host_observations[i] == observation)
            crowd[i] = (uint32_t)used + found[count++];
    }
    free(found);
    free(together);
    return crowds < 0 ? -1 : used + crowds;
}

int host_behaviours_crowds(const struct network_stats *stats, const struct behaviour *behaviours,
                           uint32_t least, uint32_t *crowd, struct error *err)
{
    int used = 0;

    for (uint32_t o = 0; o < stats->observation_count && used >= 0; o++)
        used = find_in_observation(stats, behaviours, least, o, used, crowd, err);
    return used;
}
