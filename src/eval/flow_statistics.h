/*
 * flow_statistics.h - what the packets of one flow were like, summed up while they come: of a flow of any
 * length, in the same memory.
 *
 * Times are in whole microseconds, as most captures have them: finer digits would tell captures apart by the
 * clock they were taken with.
 */
#ifndef EVAL_FLOW_STATISTICS_H
#define EVAL_FLOW_STATISTICS_H

#include <stdint.h>

#include "base/moments.h"
#include "base/random.h"
#include "base/time_types.h"
#include "dayshift/flow_record.h"

/* Arrays by enum flow_side: of the packets that it sent. Begins zeroed. */
struct flow_statistics {
    struct moments payload[2]; /* bytes of each packet */
    struct moments gaps_us[2]; /* from each packet to the next of the same side */
    int64_t last_us[2];        /* of the newest packet, once there was one */
    uint64_t data_packets;     /* of both sides: with payload */
    uint64_t data_sequence;    /* a hash of direction and payload bytes of each of these, in order */
};

/* Whole microseconds, rounded down. */
static inline int64_t flow_statistics_us(int64_t ns)
{
    return ns / NS_PER_US - (ns % NS_PER_US < 0);
}

/* A packet of that side, not earlier than the ones before. */
static inline void flow_statistics_add(struct flow_statistics *statistics, enum flow_side side,
                                       struct day_time time, uint32_t payload_bytes)
{
    int64_t us = flow_statistics_us(time.ns);

    if (statistics->payload[side].count > 0)
        moments_add(&statistics->gaps_us[side], (uint64_t)(us - statistics->last_us[side]));
    statistics->last_us[side] = us;
    moments_add(&statistics->payload[side], payload_bytes);
    if (payload_bytes == 0)
        return;
    statistics->data_packets++;
    statistics->data_sequence =
        random_mix64(statistics->data_sequence ^ ((uint64_t)payload_bytes << 1 | side));
}

#endif
