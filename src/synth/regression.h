/*
 * regression.h - NETFLOW-REGRESSION (Song, section IV-D): the records that are missing from a host's sequence.
 *
 * Two ways. By the paper's search, corrected: a long sequence is synthesized, and what lies in it between
 * the neighbourhoods that are most like those of the gap is taken. And exactly: the states are drawn from
 * the chain conditioned on both ends (bridge.h), the volumes from the states' mixtures.
 *
 * Both are judged by the likelihood of the filling (Song (9), corrected),
 *
 *     ln p(s_1 | s_0) + sum ln p(s_t | s_t-1) + ln p(s_c+1 | s_c) + sum ln p(x_t | s_t)
 *
 * with the transitions smoothed (smoothed_chain.h), so that no boundary is impossible. Nothing here
 * knows addresses. Pure: the same stream gives the same filling.
 */
#ifndef SYNTH_REGRESSION_H
#define SYNTH_REGRESSION_H

#include "base/random.h"
#include "base/time_types.h"
#include "synth/smoothed_chain.h"

enum {
    REGRESSION_CONTEXT = 4,          /* records on either side that the search compares (Song, line 5) */
    REGRESSION_MAX_COUNT = 1000000,  /* records of one gap */
    REGRESSION_SEARCH_LENGTH = 20000 /* Song's "some large number": the longest of his Fig. 6 */
};

/* A genuine record, as it is compared. */
struct regression_record {
    uint32_t state; /* or CHAIN_UNKNOWN */
    uint64_t packets;
};

struct regression_gap {
    const struct smoothed_chain *chain; /* borrowed */
    struct regression_record before[REGRESSION_CONTEXT], after[REGRESSION_CONTEXT]; /* the nearest first */
    uint32_t before_count, after_count;
    uint32_t count;            /* c: records that are missing */
    struct day_time from, to;  /* synthetic records start strictly between */
    double pace;               /* of the host's clock around the gap; 1 as on average */
    int64_t before_ns, after_ns; /* how long before `from` and after `to` the nearest records start */
};

/* Arrays of `count`, owned. */
struct regression_filling {
    uint32_t count;
    uint32_t *states;
    uint64_t *packets;
    struct day_time *starts;
    double log_likelihood;
    uint32_t mismatches; /* of the search: records of the neighbourhoods that have another state */
    uint32_t window;     /* of the search: where in its sequence the filling was found */
};

/* The states at the ends of the gap, or CHAIN_NONE. */
static inline uint32_t regression_before(const struct regression_gap *gap)
{
    return gap->before_count ? gap->before[0].state : CHAIN_NONE;
}

static inline uint32_t regression_after(const struct regression_gap *gap)
{
    return gap->after_count ? gap->after[0].state : CHAIN_NONE;
}

/*
 * How many records are missing, when nobody knows: as many as the host makes in that time. Up to an hour
 * its gap clock tells, run on from the record before at the pace of the gap. The clock knows no longer
 * pauses (learn/observation.h); beyond that the day profile tells, slice by slice, with those never observed
 * spread.
 */
uint32_t regression_draw_count(const struct regression_gap *gap, struct random_stream *random);

/* `draws` fillings are drawn, at least 1; the most likely one is kept. */
void regression_exact(const struct regression_gap *gap, uint32_t draws, struct random_stream *random,
                      struct regression_filling *filling);

/* In a synthetic sequence of `length` records, or as many as gap and neighbourhoods need. */
void regression_search(const struct regression_gap *gap, uint32_t length, struct random_stream *random,
                       struct regression_filling *filling);

/* Of these states and packets in that gap, whoever made them. */
double regression_log_likelihood(const struct regression_gap *gap, const uint32_t *states,
                                 const uint64_t *packets);

void regression_filling_release(struct regression_filling *filling);

#endif
