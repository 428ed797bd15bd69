/*
 * gap_fill.h - one gap of one host in a recording, filled: NETFLOW-REGRESSION from records to records.
 *
 * synth/regression.h draws states, packets and times. Here they become records with addresses and ports:
 * the peer, and the responder's port, are those of a genuine record of the host that was in the same
 * state, drawn from all of them, so as often as they are genuine. Bytes, duration and flags are those of a
 * sampled session of the service.
 *
 * The pace of the host's clock in the gap is that before and after it, as far as the gap is long: the mean
 * of all its pauses by the mean of those, as if FILL_PACE_PRIOR more of them were as on average.
 */
#ifndef SCENARIO_GAP_FILL_H
#define SCENARIO_GAP_FILL_H

#include "model/model.h"
#include "scenario/recording.h"
#include "synth/regression.h"

enum fill_method { FILL_EXACT, FILL_SEARCH };

#define FILL_PACE_LEAST_REACH_NS (300 * NS_PER_SECOND)
#define FILL_PACE_PRIOR 10.0

#define FILL_DRAW_COUNT UINT32_MAX /* as many as the host makes in that time */

struct fill_options {
    enum fill_method method;
    uint32_t draws;  /* exact: of which the most likely one is kept */
    uint32_t length; /* search: of the synthetic sequence */
    uint32_t count;  /* of records, or FILL_DRAW_COUNT: at most as many as are known of the host */
    uint64_t seed;
};

struct fill_request {
    const struct recording *recording;
    uint32_t host;             /* of the recording */
    const bool *fills;         /* by host of the recording: whose gap at this time is filled as well */
    const struct model *model;
    uint32_t model_host;       /* it has states */
    struct day_time from, to;  /* the gap: what begins strictly between is missing */
    const struct fill_options *options;
};

/* A gap, filled. */
struct gap_fill {
    uint32_t host;
    struct day_time from, to;
    size_t first_missing, first_after; /* steps of the host: those between are hidden */
    struct regression_filling filling;
    double log_before, log_after;      /* of the transitions into the filling and out of it */
    struct flow_record *records; /* owned; fewer than the states: another host's filling has the others */
    size_t record_count;
};

void gap_fill_make(struct gap_fill *fill, const struct fill_request *request);
void gap_fill_release(struct gap_fill *fill);

#endif
