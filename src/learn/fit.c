#include "learn/fit.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "learn/fit_peers.h"
#include "learn/host_behaviours.h"
#include "learn/mixture_fit.h"
#include "similarity/crowds.h"

static void fit_mixtures(struct network_fit *fit, const struct network_stats *stats)
{
    struct tally_entry *volumes = tally_sorted(&stats->volumes);
    struct weighted_point *points = NULL;
    size_t capacity = 0;
    size_t used = 0;

    fit->packets = memory_alloc_array(stats->states.used, sizeof *fit->packets);
    for (size_t i = 0; i < stats->volumes.used; i++) {
        uint32_t state = volumes[i].owner;
        double packets = log_grid_whole_value(volumes[i].symbol, VOLUME_GRID_PER_OCTAVE);

        points = memory_grow(points, &capacity, used + 1, sizeof *points);
        points[used++] = (struct weighted_point){ log(packets), (double)volumes[i].count };
        if (i + 1 == stats->volumes.used || volumes[i + 1].owner != state) {
            mixture_fit(&fit->packets[state], points, used,
                        log_grid_width(VOLUME_GRID_PER_OCTAVE) / sqrt(12.0));
            used = 0;
        }
    }
    free(points);
    free(volumes);
}

/* Which hosts are alike: all of them together, wherever they were observed. */
static bool are_crowds(const struct network_stats *stats)
{
    for (uint32_t i = 0; i < stats->host_count; i++) {
        if (stats->host_members[i] == 1)
            return false;
    }
    return true;
}

/* Where all hosts are crowds already, each is its own. */
static void fit_crowds(struct network_fit *fit, const struct network_stats *stats)
{
    struct behaviour *behaviours;
    struct error impossible;

    fit->crowds = memory_alloc_array(stats->host_count, sizeof *fit->crowds);
    fit->crowd_count = stats->host_count;
    for (uint32_t i = 0; i < stats->host_count; i++)
        fit->crowds[i] = i;
    if (are_crowds(stats))
        return;
    behaviours = host_behaviours_new(stats, fit->packets);
    fit->crowd_count = (uint32_t)crowds_find(behaviours, stats->host_count, 1, fit->crowds, &impossible);
    host_behaviours_free(behaviours, stats->host_count);
}

void network_fit_init(struct network_fit *fit, const struct network_stats *stats)
{
    memset(fit, 0, sizeof *fit);
    fit_mixtures(fit, stats);
    fit->peers = fit_peers(stats);
    fit_crowds(fit, stats);
}

void network_fit_release(struct network_fit *fit)
{
    free(fit->packets);
    free(fit->peers);
    free(fit->crowds);
    memset(fit, 0, sizeof *fit);
}
