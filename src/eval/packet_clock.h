/*
 * packet_clock.h - when packets come: how their number varies over timescales, how seconds resemble those
 * before them, and the profile of the day.
 *
 * Time is cut into slices of five minutes; packets are counted in hundredths of a second, one slice at a
 * time. What is told of a slice is told of what was observed of it: the first begins with the first packet,
 * the last ends with the last. Silence of more than CLOCK_SILENCE_SLICES slices was not observed. Sums are
 * kept for even and odd slices apart: two halves of one capture, at the same hours. Memory is fixed.
 */
#ifndef EVAL_PACKET_CLOCK_H
#define EVAL_PACKET_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time_types.h"

enum {
    CLOCK_SCALES = 13,      /* 10, 20, 50 ms and so on to 100 s: each divides a slice */
    CLOCK_LAGS = 60,        /* seconds */
    CLOCK_BINS = 30000,     /* of 10 ms in a slice */
    CLOCK_SILENCE_SLICES = 12 /* an hour */
};

/* Bins of 10 ms at each scale. */
extern const uint32_t clock_scale_bins[CLOCK_SCALES];

/* Sums over slices. */
struct clock_sums {
    double bins[CLOCK_SCALES]; /* that were observed whole */
    double counts[CLOCK_SCALES], squares[CLOCK_SCALES];
    double pairs[CLOCK_LAGS + 1]; /* of seconds of one slice so far apart; 0: the seconds */
    double products[CLOCK_LAGS + 1];
    double firsts[CLOCK_LAGS + 1], seconds[CLOCK_LAGS + 1]; /* sums of either second of the pairs */
    double first_squares[CLOCK_LAGS + 1], second_squares[CLOCK_LAGS + 1];
};

struct packet_clock { /* begins with packet_clock_init() */
    struct clock_sums half[2]; /* even and odd slices */
    double observed_s[DAY_SLICES]; /* by slice of the day */
    double packets[DAY_SLICES], flows[DAY_SLICES];
    /* the slice that is counted */
    bool is_running;
    int64_t slice; /* since 1970 */
    uint32_t first_bin, last_bin; /* observed so far */
    uint32_t counted[CLOCK_BINS];
    uint32_t begun; /* flows */
};

void packet_clock_init(struct packet_clock *clock);

/* A packet; `begins`: the first of its flow. Times may only go back by what flow_table lets pass. */
void packet_clock_add(struct packet_clock *clock, struct day_time time, bool begins);

/* No packet follows, or one of another recording. */
void packet_clock_end(struct packet_clock *clock);

/*
 * Variance of the counts at a scale, in units of the squared mean: what a smooth load of the same mean would
 * not have. NAN with fewer than 2 bins or without packets.
 */
double clock_variance(const struct clock_sums *sums, int scale);

/*
 * Slope s of the logarithm of that variance over the logarithm of the scale, by least squares; 1 + s / 2 is the
 * Hurst parameter H if the series is self-similar (Leland et al. 1994): 0.5 without memory. NAN without
 * two scales.
 */
double clock_hurst(const struct clock_sums *sums);

/* Correlation of the packets of a second with those `lag` seconds later; NAN when they do not vary. */
double clock_autocorrelation(const struct clock_sums *sums, int lag);

/* Sums of both. */
struct clock_sums clock_sums_add(const struct clock_sums *a, const struct clock_sums *b);

#endif
