#include "learn/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "learn/mixture_fit.h"

/* ---- mixtures ---- */

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

/* ---- day profile ---- */

static uint64_t capped_seconds(uint64_t seconds)
{
    return seconds > NS_PER_SLICE / NS_PER_SECOND ? NS_PER_SLICE / NS_PER_SECOND : seconds;
}

/* What a slice must be covered to count; short captures take what there is. */
static uint64_t observed_threshold(const struct network_stats *stats)
{
    uint64_t longest = 1;

    for (size_t i = 0; i < stats->coverage.used; i++) {
        uint64_t seconds = stats->coverage.entries[i].count;

        longest = seconds > longest ? seconds : longest;
    }
    return longest < FIT_OBSERVED_SECONDS ? longest : FIT_OBSERVED_SECONDS;
}

static void count_observed_days(struct network_fit *fit, const struct network_stats *stats,
                                uint64_t threshold)
{
    uint32_t observed[DAY_SLICES] = { 0 };

    for (size_t i = 0; i < stats->coverage.used; i++) {
        if (stats->coverage.entries[i].count >= threshold)
            observed[stats->coverage.entries[i].symbol % DAY_SLICES]++;
    }
    for (uint32_t slice = 0; slice < DAY_SLICES; slice++) {
        fit->covered_slices += observed[slice] > 0;
        for (uint32_t host = 0; host < stats->host_count; host++)
            fit->profiles[host * DAY_SLICES + slice].observed = observed[slice];
    }
}

struct running { /* Welford's mean and sum of squared deviations */
    double mean, squares;
};

static void fit_profiles(struct network_fit *fit, const struct network_stats *stats)
{
    size_t cells = (size_t)stats->host_count * DAY_SLICES;
    struct running *sums = memory_alloc_array(cells, sizeof *sums);
    struct tally_entry *active = tally_sorted(&stats->active);
    uint64_t threshold = observed_threshold(stats);

    fit->profiles = memory_alloc_array(cells, sizeof *fit->profiles);
    count_observed_days(fit, stats, threshold);
    for (size_t i = 0; i < stats->active.used; i++) {
        uint32_t number = active[i].symbol;
        uint64_t seconds = tally_count(&stats->coverage, 0, number);
        size_t cell = (size_t)active[i].owner * DAY_SLICES + number % DAY_SLICES;
        const struct activity *a = &stats->activity[tally_find(&stats->active, active[i].owner, number)];
        double scale = (double)(NS_PER_SLICE / NS_PER_SECOND) / (double)capped_seconds(seconds);
        double x;
        double delta;

        if (seconds < threshold)
            continue;
        x = log((double)(a->packets_sent + a->packets_received) * scale);
        delta = x - sums[cell].mean;
        fit->profiles[cell].active++;
        sums[cell].mean += delta / fit->profiles[cell].active;
        sums[cell].squares += delta * (x - sums[cell].mean);
    }
    for (size_t cell = 0; cell < cells; cell++) {
        struct slice_profile *profile = &fit->profiles[cell];

        profile->log_mean = (float)sums[cell].mean;
        if (profile->active > 1)
            profile->log_sd = (float)sqrt(sums[cell].squares / (profile->active - 1));
    }
    free(active);
    free(sums);
}

void network_fit_init(struct network_fit *fit, const struct network_stats *stats)
{
    memset(fit, 0, sizeof *fit);
    fit_mixtures(fit, stats);
    fit_profiles(fit, stats);
}

void network_fit_release(struct network_fit *fit)
{
    free(fit->packets);
    free(fit->profiles);
    memset(fit, 0, sizeof *fit);
}
