#include "eval/capture_compare.h"

#include <math.h>
#include <stdlib.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "eval/distance.h"

const int compared_lags[COMPARED_LAGS] = { 1, 2, 5, 10, 30, 60 };

/* ---- distributions ---- */

/* Both halves together. */
static void unite(struct tally *sum, const struct capture_profile *profile, enum profile_category category)
{
    tally_init(sum);
    for (int h = 0; h < 2; h++) {
        const struct tally *tally = &profile->half[h].categories[category];

        for (size_t i = 0; i < tally->used; i++)
            tally_add(sum, 0, tally->entries[i].symbol, tally->entries[i].count);
    }
}

/* NAN when neither has any. */
static double divergence(const struct tally *a, const struct tally *b)
{
    return a->used + b->used > 0 ? divergence_of_tallies(a, b) : NAN;
}

static struct distance_and_floor compare_category(const struct capture_profile *real,
                                                  const struct capture_profile *synthetic,
                                                  enum profile_category category)
{
    struct distance_and_floor result;
    struct tally a;
    struct tally b;

    unite(&a, real, category);
    unite(&b, synthetic, category);
    result.distance = divergence(&a, &b);
    result.floor = divergence(&real->half[0].categories[category], &real->half[1].categories[category]);
    tally_release(&a);
    tally_release(&b);
    return result;
}

static void add_bins(uint64_t *sum, const struct capture_profile *profile, enum profile_number number)
{
    for (int i = 0; i < PROFILE_BINS; i++)
        sum[i] = profile->half[0].numbers[number][i] + profile->half[1].numbers[number][i];
}

static struct distance_and_floor compare_number(const struct capture_profile *real,
                                                const struct capture_profile *synthetic,
                                                enum profile_number number)
{
    const double width = log_grid_width(PROFILE_PER_OCTAVE);
    uint64_t a[PROFILE_BINS];
    uint64_t b[PROFILE_BINS];

    add_bins(a, real, number);
    add_bins(b, synthetic, number);
    return (struct distance_and_floor){
        wasserstein_of_bins(a, b, PROFILE_BINS, width),
        wasserstein_of_bins(real->half[0].numbers[number], real->half[1].numbers[number], PROFILE_BINS, width),
    };
}

/* ---- time ---- */

typedef double clock_measure(const struct clock_sums *sums, int index);

static double hurst(const struct clock_sums *sums, int unused)
{
    (void)unused;
    return clock_hurst(sums);
}

static struct clock_figure figure_of(const struct clock_sums sums[2], const struct clock_sums halves[2],
                                     clock_measure *measure, int index)
{
    return (struct clock_figure){
        { measure(&sums[0], index), measure(&sums[1], index) },
        { measure(&halves[0], index), measure(&halves[1], index) },
    };
}

/* A mean of those that are numbers. */
struct mean {
    double sum;
    unsigned count;
};

static void mean_add(struct mean *mean, double value)
{
    if (!isfinite(value))
        return;
    mean->sum += value;
    mean->count++;
}

static double mean_of(const struct mean *mean)
{
    return mean->count > 0 ? mean->sum / mean->count : NAN;
}

static void compare_variances(struct capture_comparison *c, const struct clock_sums sums[2],
                              const struct clock_sums halves[2])
{
    struct mean distance = { 0 };
    struct mean floor = { 0 };

    for (int scale = 0; scale < CLOCK_SCALES; scale++) {
        const struct clock_figure f = figure_of(sums, halves, clock_variance, scale);

        mean_add(&distance, fabs(log(f.of[0]) - log(f.of[1])));
        mean_add(&floor, fabs(log(f.halves[0]) - log(f.halves[1])));
        c->variance[scale] = f;
    }
    c->variance_distance = (struct distance_and_floor){ mean_of(&distance), mean_of(&floor) };
    c->hurst = figure_of(sums, halves, hurst, 0);
}

static void compare_autocorrelations(struct capture_comparison *c, const struct clock_sums sums[2],
                                     const struct clock_sums halves[2])
{
    struct mean distance = { 0 };
    struct mean floor = { 0 };

    for (int lag = 1; lag <= CLOCK_LAGS; lag++) {
        const struct clock_figure f = figure_of(sums, halves, clock_autocorrelation, lag);

        mean_add(&distance, fabs(f.of[0] - f.of[1]));
        mean_add(&floor, fabs(f.halves[0] - f.halves[1]));
    }
    c->autocorrelation_distance = (struct distance_and_floor){ mean_of(&distance), mean_of(&floor) };
    for (int i = 0; i < COMPARED_LAGS; i++)
        c->autocorrelation[i] = figure_of(sums, halves, clock_autocorrelation, compared_lags[i]);
}

/* ---- the day ---- */

enum {
    LEAST_OBSERVED_S = 150, /* of a slice, on one day or on several: an edge of a capture is no slice */
    LEAST_POINTS = 12       /* of a correlation */
};

/* What a slice has a second, where it was observed. */
struct rates {
    bool known[DAY_SLICES];
    double packets[DAY_SLICES], flows[DAY_SLICES];
};

static void find_rates(struct rates *rates, const struct packet_clock *clock)
{
    for (int s = 0; s < DAY_SLICES; s++) {
        rates->known[s] = clock->observed_s[s] >= LEAST_OBSERVED_S;
        rates->packets[s] = clock->packets[s] / clock->observed_s[s];
        rates->flows[s] = clock->flows[s] / clock->observed_s[s];
    }
}

/* Slices of the one with slices of the other that are `step` later: 0, or of pairs 1. Returns how many. */
static uint32_t correlate(const struct rates *a, const struct rates *b, int step, double *packets, double *flows)
{
    double x[2][DAY_SLICES];
    double y[2][DAY_SLICES];
    uint32_t count = 0;

    for (int s = 0; s + step < DAY_SLICES; s += 1 + step) {
        if (!a->known[s] || !b->known[s + step])
            continue;
        x[0][count] = a->packets[s];
        y[0][count] = b->packets[s + step];
        x[1][count] = a->flows[s];
        y[1][count++] = b->flows[s + step];
    }
    *packets = count < LEAST_POINTS ? NAN : correlation(x[0], y[0], count);
    *flows = count < LEAST_POINTS ? NAN : correlation(x[1], y[1], count);
    return count;
}

static void compare_days(struct capture_comparison *c, const struct packet_clock *real,
                         const struct packet_clock *synthetic)
{
    struct rates a;
    struct rates b;

    find_rates(&a, real);
    find_rates(&b, synthetic);
    c->slices = correlate(&a, &b, 0, &c->packet_profile.distance, &c->flow_profile.distance);
    c->half_slices = correlate(&a, &a, 1, &c->packet_profile.floor, &c->flow_profile.floor);
}

/* ---- all of it ---- */

static void count(struct capture_comparison *c, int side, const struct capture_profile *profile)
{
    c->flows[side] = profile->half[0].flows + profile->half[1].flows;
    c->packets[side] = profile->half[0].packets + profile->half[1].packets;
    for (int s = 0; s < DAY_SLICES; s++)
        c->observed_s[side] += profile->clock.observed_s[s];
}

void capture_compare(struct capture_comparison *comparison, const struct capture_profile *real,
                     const struct capture_profile *synthetic)
{
    const struct clock_sums sums[2] = {
        clock_sums_add(&real->clock.half[0], &real->clock.half[1]),
        clock_sums_add(&synthetic->clock.half[0], &synthetic->clock.half[1]),
    };

    *comparison = (struct capture_comparison){ .slices = 0 };
    count(comparison, 0, real);
    count(comparison, 1, synthetic);
    for (enum profile_category i = 0; i < PROFILE_CATEGORIES; i++)
        comparison->divergence[i] = compare_category(real, synthetic, i);
    for (enum profile_number i = 0; i < PROFILE_NUMBERS; i++)
        comparison->distance[i] = compare_number(real, synthetic, i);
    compare_variances(comparison, sums, real->clock.half);
    compare_autocorrelations(comparison, sums, real->clock.half);
    compare_days(comparison, &real->clock, &synthetic->clock);
}

const char *profile_category_name(enum profile_category category)
{
    static const char *const names[PROFILE_CATEGORIES] = {
        [CATEGORY_PROTOCOL] = "protocol",   [CATEGORY_DIRECTION] = "direction", [CATEGORY_TCP_FLAGS] = "tcp flags",
        [CATEGORY_TTL] = "ttl",             [CATEGORY_SERVICE] = "service",     [CATEGORY_LABEL] = "label",
    };

    return names[category];
}

const char *profile_number_name(enum profile_number number)
{
    static const char *const names[PROFILE_NUMBERS] = {
        [NUMBER_PACKET_BYTES] = "packet length",   [NUMBER_PAYLOAD_BYTES] = "payload length",
        [NUMBER_GAP] = "gap in the flow",          [NUMBER_FLOW_DURATION] = "flow duration",
        [NUMBER_FLOW_PACKETS] = "flow packets",    [NUMBER_FLOW_BYTES] = "flow bytes",
        [NUMBER_RTT] = "round trip",
    };

    return names[number];
}
