#include "eval/packet_clock.h"

#include <math.h>
#include <string.h>

#define BIN_NS (10 * NS_PER_MS)

enum { BINS_A_SECOND = 100, SLICE_SECONDS_WHOLE = CLOCK_BINS / BINS_A_SECOND };

const uint32_t clock_scale_bins[CLOCK_SCALES] = {
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000
};

void packet_clock_init(struct packet_clock *clock)
{
    memset(clock, 0, sizeof *clock);
}

/* ---- a slice that is over ---- */

static double sum_of(const uint32_t *counts, uint32_t count)
{
    double sum = 0;

    for (uint32_t i = 0; i < count; i++)
        sum += counts[i];
    return sum;
}

/* Bins at this scale that lie in [from, to). */
static void add_scale(struct clock_sums *sums, const uint32_t *counted, int scale, uint32_t from, uint32_t to)
{
    uint32_t size = clock_scale_bins[scale];

    for (uint32_t at = (from + size - 1) / size * size; at + size <= to; at += size) {
        double count = sum_of(counted + at, size);

        sums->bins[scale]++;
        sums->counts[scale] += count;
        sums->squares[scale] += count * count;
    }
}

static void add_lags(struct clock_sums *sums, const double *seconds, uint32_t count)
{
    for (uint32_t lag = 0; lag <= CLOCK_LAGS && lag < count; lag++) {
        for (uint32_t i = 0; i + lag < count; i++) {
            double x = seconds[i];
            double y = seconds[i + lag];

            sums->pairs[lag]++;
            sums->products[lag] += x * y;
            sums->firsts[lag] += x;
            sums->seconds[lag] += y;
            sums->first_squares[lag] += x * x;
            sums->second_squares[lag] += y * y;
        }
    }
}

static void add_seconds(struct clock_sums *sums, const uint32_t *counted, uint32_t from, uint32_t to)
{
    double seconds[SLICE_SECONDS_WHOLE];
    uint32_t count = 0;

    for (uint32_t at = (from + BINS_A_SECOND - 1) / BINS_A_SECOND * BINS_A_SECOND; at + BINS_A_SECOND <= to;
         at += BINS_A_SECOND)
        seconds[count++] = sum_of(counted + at, BINS_A_SECOND);
    add_lags(sums, seconds, count);
}

/* What was counted between two bins of the slice becomes sums; the slice is empty again. */
static void end_slice(struct packet_clock *clock, uint32_t to)
{
    struct clock_sums *sums = &clock->half[clock->slice & 1];
    uint32_t of_day = (uint32_t)(clock->slice % DAY_SLICES);

    for (int scale = 0; scale < CLOCK_SCALES; scale++)
        add_scale(sums, clock->counted, scale, clock->first_bin, to);
    add_seconds(sums, clock->counted, clock->first_bin, to);
    clock->observed_s[of_day] += (double)(to - clock->first_bin) / BINS_A_SECOND;
    clock->packets[of_day] += sum_of(clock->counted, CLOCK_BINS);
    clock->flows[of_day] += clock->begun;
    memset(clock->counted, 0, sizeof clock->counted);
    clock->begun = 0;
}

static void add_silent_slice(struct packet_clock *clock, int64_t slice)
{
    struct clock_sums *sums = &clock->half[slice & 1];

    for (int scale = 0; scale < CLOCK_SCALES; scale++)
        sums->bins[scale] += CLOCK_BINS / clock_scale_bins[scale];
    for (int lag = 0; lag <= CLOCK_LAGS; lag++)
        sums->pairs[lag] += SLICE_SECONDS_WHOLE - lag;
    clock->observed_s[slice % DAY_SLICES] += SLICE_SECONDS_WHOLE;
}

/* ---- packets ---- */

static void begin(struct packet_clock *clock, int64_t slice, uint32_t bin)
{
    clock->is_running = true;
    clock->slice = slice;
    clock->first_bin = clock->last_bin = bin;
}

static void move_to(struct packet_clock *clock, int64_t slice, uint32_t bin)
{
    if (slice < clock->slice || slice - clock->slice > CLOCK_SILENCE_SLICES) {
        packet_clock_end(clock);
        begin(clock, slice, bin);
        return;
    }
    end_slice(clock, CLOCK_BINS);
    for (int64_t silent = clock->slice + 1; silent < slice; silent++)
        add_silent_slice(clock, silent);
    begin(clock, slice, 0);
    clock->last_bin = bin;
}

void packet_clock_add(struct packet_clock *clock, struct day_time time, bool begins)
{
    int64_t slice = time.ns / NS_PER_SLICE;
    uint32_t bin = (uint32_t)(time.ns % NS_PER_SLICE / BIN_NS);

    if (!clock->is_running)
        begin(clock, slice, bin);
    else if (slice != clock->slice)
        move_to(clock, slice, bin);
    clock->counted[bin]++;
    clock->begun += begins;
    if (bin < clock->first_bin)
        clock->first_bin = bin;
    if (bin > clock->last_bin)
        clock->last_bin = bin;
}

void packet_clock_end(struct packet_clock *clock)
{
    if (clock->is_running)
        end_slice(clock, clock->last_bin + 1);
    clock->is_running = false;
}

/* ---- what the sums say ---- */

double clock_variance(const struct clock_sums *sums, int scale)
{
    double n = sums->bins[scale];
    double mean = sums->counts[scale] / n;

    if (n < 2 || sums->counts[scale] == 0)
        return NAN;
    return fmax(0, (sums->squares[scale] - n * mean * mean) / (n - 1)) / (mean * mean);
}

double clock_hurst(const struct clock_sums *sums)
{
    double n = 0, sum_x = 0, sum_y = 0, xx = 0, xy = 0;

    for (int scale = 0; scale < CLOCK_SCALES; scale++) {
        double variance = clock_variance(sums, scale);
        double x = log(clock_scale_bins[scale]);
        double y = log(variance);

        if (!(variance > 0))
            continue;
        n++;
        sum_x += x;
        sum_y += y;
        xx += x * x;
        xy += x * y;
    }
    return n < 2 ? NAN : 1 + (n * xy - sum_x * sum_y) / (n * xx - sum_x * sum_x) / 2;
}

double clock_autocorrelation(const struct clock_sums *sums, int lag)
{
    double n = sums->pairs[lag];
    double x = n * sums->first_squares[lag] - sums->firsts[lag] * sums->firsts[lag];
    double y = n * sums->second_squares[lag] - sums->seconds[lag] * sums->seconds[lag];

    if (n < 2 || !(x > 0) || !(y > 0))
        return NAN;
    return (n * sums->products[lag] - sums->firsts[lag] * sums->seconds[lag]) / sqrt(x * y);
}

struct clock_sums clock_sums_add(const struct clock_sums *a, const struct clock_sums *b)
{
    struct clock_sums sum = *a;

    for (int i = 0; i < CLOCK_SCALES; i++) {
        sum.bins[i] += b->bins[i];
        sum.counts[i] += b->counts[i];
        sum.squares[i] += b->squares[i];
    }
    for (int i = 0; i <= CLOCK_LAGS; i++) {
        sum.pairs[i] += b->pairs[i];
        sum.products[i] += b->products[i];
        sum.firsts[i] += b->firsts[i];
        sum.seconds[i] += b->seconds[i];
        sum.first_squares[i] += b->first_squares[i];
        sum.second_squares[i] += b->second_squares[i];
    }
    return sum;
}
