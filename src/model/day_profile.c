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

/* Whether enough dates of each class have an observed slice. Entries of a date need not be together. */
static bool has_classes(const struct day_coverage *coverage)
{
    uint32_t dates[DAY_CLASSES] = { 0 };
    struct tally known;

    tally_init(&known);
    for (size_t i = 0; i < coverage->seconds->used; i++) {
        const struct tally_entry *entry = &coverage->seconds->entries[i];
        uint32_t date = entry->symbol / DAY_SLICES;

        if (entry->count < coverage->threshold || tally_find(&known, 0, date) != TALLY_NONE)
            continue;
        tally_add(&known, 0, date, 1);
        dates[day_class_of((int32_t)date)]++;
    }
    tally_release(&known);
    return dates[DAY_WEEKDAY] >= DAY_CLASS_DATES && dates[DAY_WEEKEND] >= DAY_CLASS_DATES;
}

/* Without classes all days are weekdays, and weekends are as these. */
static enum day_class class_of(const struct day_coverage *coverage, uint32_t slice_number)
{
    return coverage->has_classes ? day_class_of((int32_t)(slice_number / DAY_SLICES)) : DAY_WEEKDAY;
}

uint32_t day_coverage_days(const struct day_coverage *coverage, uint32_t slice)
{
    return coverage->observed[DAY_WEEKDAY][slice] +
           (coverage->has_classes ? coverage->observed[DAY_WEEKEND][slice] : 0U);
}

void day_coverage_init(struct day_coverage *coverage, const struct tally *seconds)
{
    memset(coverage, 0, sizeof *coverage);
    coverage->seconds = seconds;
    coverage->threshold = observed_threshold(seconds);
    coverage->has_classes = has_classes(coverage);
    for (size_t i = 0; i < seconds->used; i++) {
        uint32_t number = seconds->entries[i].symbol;

        if (seconds->entries[i].count >= coverage->threshold)
            coverage->observed[class_of(coverage, number)][number % DAY_SLICES]++;
    }
    if (!coverage->has_classes)
        memcpy(coverage->observed[DAY_WEEKEND], coverage->observed[DAY_WEEKDAY],
               sizeof coverage->observed[DAY_WEEKEND]);
    for (uint32_t slice = 0; slice < DAY_SLICES; slice++)
        coverage->covered_slices += day_coverage_days(coverage, slice) > 0;
}

void day_profile_init(struct day_profile *profile)
{
    memset(profile, 0, sizeof *profile);
}

static struct log_moments log_moments_of(const struct crowd_activity *crowd)
{
    double n = (double)crowd->members;
    double sum = ldexp((double)crowd->log_sum, -ACTIVITY_LOG_BITS);
    double squares = ldexp((double)crowd->log_square_sum, -ACTIVITY_LOG_BITS);

    return (struct log_moments){ n, sum / n, fmax(0, squares - sum * sum / n) };
}

struct slice_volume slice_volume_of(const struct activity *activity, const struct crowd_activity *crowd)
{
    struct slice_volume volume = {
        .packets = (double)activity->packets_sent + (double)activity->packets_received,
        .flows = (double)activity->flows_initiated + (double)activity->flows_answered,
    };

    volume.log_packets = crowd_activity_has_sums(crowd)
                             ? log_moments_of(crowd)
                             : (struct log_moments){ .count = 1, .mean = log(volume.packets) };
    return volume;
}

/* None has more than all, nor lies farther above the mean than sqrt(n - 1) standard deviations (Samuelson). */
double slice_volume_log_most(const struct slice_volume *volume)
{
    const struct log_moments *logs = &volume->log_packets;

    return fmin(log(volume->packets), logs->mean + sqrt((logs->count - 1) * logs->squares / logs->count));
}

/* Chan, Golub and LeVeque 1979: the moments of a union. */
static void add_logs(struct day_moments *moments, const struct log_moments *more, double log_scale)
{
    double active = (double)moments->active;
    double all = active + more->count;
    double delta = more->mean + log_scale - moments->log_mean;

    moments->log_squares += more->squares + delta * delta * active * more->count / all;
    moments->log_mean += delta * more->count / all;
    moments->active += (uint64_t)more->count;
}

static bool is_observed(const struct day_coverage *coverage, uint32_t slice_number)
{
    return tally_count(coverage->seconds, 0, slice_number) >= coverage->threshold;
}

void day_profile_add(struct day_profile *profile, const struct day_coverage *coverage,
                     uint32_t slice_number, const struct slice_volume *volume)
{
    struct day_moments *moments =
        &profile->slices[class_of(coverage, slice_number)][slice_number % DAY_SLICES];
    uint64_t seconds = tally_count(coverage->seconds, 0, slice_number);
    double scale;

    if (seconds < coverage->threshold) {
        profile->has_edge = true;
        profile->edge_number = slice_number;
        profile->edge = *volume;
        return;
    }
    scale = (double)SLICE_SECONDS / (double)(seconds < SLICE_SECONDS ? seconds : SLICE_SECONDS);
    add_logs(moments, &volume->log_packets, log(scale));
    moments->packets += volume->packets * scale;
    moments->flows += volume->flows * scale;
}

static bool is_empty(const struct day_profile *profile)
{
    for (uint32_t i = 0; i < DAY_SLICES; i++) {
        if (profile->slices[DAY_WEEKDAY][i].active + profile->slices[DAY_WEEKEND][i].active > 0)
            return false;
    }
    return true;
}

void day_profile_end(struct day_profile *profile, const struct day_coverage *coverage)
{
    uint32_t number = profile->edge_number;

    if (!profile->has_edge || !is_empty(profile))
        return;
    if (is_observed(coverage, number + 1))
        day_profile_add(profile, coverage, number + 1, &profile->edge);
    else if (number > 0 && is_observed(coverage, number - 1))
        day_profile_add(profile, coverage, number - 1, &profile->edge);
}

/*
 * Two or three days say little about a spread: that of a slice counts as its days do, that of all slices of the
 * host together as DAY_SD_DAYS more; which is none where these are too few to tell it either.
 */
enum { DAY_SD_DAYS = 4, DAY_SD_LEAST = 16 };

static double pooled_variance(const struct day_moments slices[DAY_SLICES])
{
    double squares = 0;
    double degrees = 0;

    for (uint32_t i = 0; i < DAY_SLICES; i++) {
        squares += slices[i].log_squares;
        degrees += slices[i].active > 0 ? (double)slices[i].active - 1 : 0;
    }
    return degrees >= DAY_SD_LEAST ? squares / degrees : 0;
}

static double fixed(double value, double unit, double most)
{
    return fmin(fmax(round(value * unit), 0), most);
}

/* `observed`: days, of a crowd those of all members. */
static struct slice_profile slice_of(const struct day_moments *moments, double pooled, double observed)
{
    double active = (double)moments->active;
    double variance = (moments->log_squares + DAY_SD_DAYS * pooled) / (active - 1 + DAY_SD_DAYS);

    return (struct slice_profile){
        .active = (uint8_t)fmax(1, fixed(active / observed, 255, 255)),
        .sd = (uint8_t)fixed(sqrt(variance), 32, UINT8_MAX),
        .mean = (uint16_t)fixed(log(moments->packets / active), 1024, UINT16_MAX),
        .flows = (uint16_t)fixed(log(moments->flows / active), 1024, UINT16_MAX),
    };
}

uint32_t day_profile_finish(const struct day_profile *profile, const struct day_coverage *coverage,
                            enum day_class class, uint32_t members, struct slice_profile slices[DAY_SLICES])
{
    enum day_class from = coverage->has_classes ? class : DAY_WEEKDAY;
    double pooled = pooled_variance(profile->slices[from]);
    uint32_t count = 0;

    for (uint32_t slice = 0; slice < DAY_SLICES; slice++) {
        if (profile->slices[from][slice].active == 0)
            continue;
        slices[count] = slice_of(&profile->slices[from][slice], pooled,
                                 (double)members * coverage->observed[from][slice]);
        slices[count++].slice = (uint16_t)slice;
    }
    return count;
}
