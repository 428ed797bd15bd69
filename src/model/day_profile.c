#include "model/day_profile.h"

#include <math.h>
#include <string.h>

enum { SLICE_MASK = (1 << 9) - 1 /* bits of slice_profile.slice */ };

static uint64_t observed_threshold(const struct tally *seconds)
{
    uint64_t longest = 1;

    for (size_t i = 0; i < seconds->used; i++) {
        if (seconds->entries[i].count > longest)
            longest = seconds->entries[i].count;
    }
    return longest < DAY_OBSERVED_SECONDS ? longest : DAY_OBSERVED_SECONDS;
}

void day_coverage_init(struct day_coverage *coverage, const struct tally *seconds)
{
    memset(coverage, 0, sizeof *coverage);
    coverage->seconds = seconds;
    coverage->threshold = observed_threshold(seconds);
    for (size_t i = 0; i < seconds->used; i++) {
        if (seconds->entries[i].count >= coverage->threshold)
            coverage->observed[seconds->entries[i].symbol % DAY_SLICES]++;
    }
    for (uint32_t slice = 0; slice < DAY_SLICES; slice++)
        coverage->covered_slices += coverage->observed[slice] > 0;
}

void day_profile_init(struct day_profile *profile)
{
    memset(profile, 0, sizeof *profile);
}

struct log_moments log_moments_of(const struct crowd_activity *crowd)
{
    double n = (double)crowd->members;
    double sum = ldexp((double)crowd->log_sum, -ACTIVITY_LOG_BITS);
    double squares = ldexp((double)crowd->log_square_sum, -ACTIVITY_LOG_BITS);

    return (struct log_moments){ n, sum / n, fmax(0, squares - sum * sum / n) };
}

/* Chan, Golub and LeVeque 1979: the moments of a union. */
static void add_members(struct day_moments *moments, const struct crowd_activity *crowd, double log_scale)
{
    struct log_moments more = log_moments_of(crowd);
    double all = moments->active + more.count;
    double delta = more.mean + log_scale - moments->mean;

    moments->squares += more.squares + delta * delta * moments->active * more.count / all;
    moments->mean += delta * more.count / all;
    moments->active += (uint32_t)crowd->members;
}

void day_profile_add(struct day_profile *profile, const struct day_coverage *coverage,
                     uint32_t slice_number, uint64_t packets, const struct crowd_activity *crowd)
{
    struct day_moments *moments = &profile->slices[slice_number % DAY_SLICES];
    uint64_t seconds = tally_count(coverage->seconds, 0, slice_number);
    double scale;
    double x;
    double delta;

    if (seconds < coverage->threshold)
        return;
    scale = (double)SLICE_SECONDS / (double)(seconds < SLICE_SECONDS ? seconds : SLICE_SECONDS);
    if (crowd_activity_has_sums(crowd)) {
        add_members(moments, crowd, log(scale));
        return;
    }
    x = log((double)packets * scale);
    delta = x - moments->mean;
    moments->active++;
    moments->mean += delta / moments->active;
    moments->squares += delta * (x - moments->mean);
}

static unsigned at_most(uint32_t active)
{
    return active < SLICE_MAX_ACTIVE ? active : SLICE_MAX_ACTIVE;
}

uint32_t day_profile_finish(const struct day_profile *profile, struct slice_profile slices[DAY_SLICES])
{
    uint32_t count = 0;

    for (uint32_t slice = 0; slice < DAY_SLICES; slice++) {
        const struct day_moments *moments = &profile->slices[slice];

        if (moments->active == 0)
            continue;
        slices[count] = (struct slice_profile){ .slice = slice & SLICE_MASK,
                                                .active = at_most(moments->active) & SLICE_MAX_ACTIVE,
                                                .log_mean = (float)moments->mean };
        if (moments->active > 1)
            slices[count].log_sd = (float)sqrt(moments->squares / (moments->active - 1));
        count++;
    }
    return count;
}
