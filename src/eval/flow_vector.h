/*
 * flow_vector.h - a flow as 22 numbers, by which a classifier can tell services, devices, or what is real.
 *
 * The statistics of SPEC's evaluation by a random forest: how long, how much each way, and of each way the
 * payload of its packets and the time between them. Nothing of addresses, ports and flags.
 */
#ifndef EVAL_FLOW_VECTOR_H
#define EVAL_FLOW_VECTOR_H

#include "dayshift/flow_record.h"
#include "eval/flow_statistics.h"

/*
 * Times are in seconds, between whole microseconds. Lengths are payload bytes above TCP, UDP or ICMP, of all
 * packets of a side, empty ones included. Gaps are between packets of one side. Deviations are divided by the
 * count. What is not defined is 0: lengths of a side that sent nothing, gaps of one that sent fewer than two
 * packets, the rate of a flow that took no time.
 */
enum flow_number {
    FLOW_DURATION,
    FLOW_PACKETS_INITIATOR,
    FLOW_PACKETS_RESPONDER,
    FLOW_PAYLOAD_INITIATOR, /* bytes in all */
    FLOW_PAYLOAD_RESPONDER,
    FLOW_LENGTH_INITIATOR, /* least, mean, most, deviation */
    FLOW_LENGTH_RESPONDER = FLOW_LENGTH_INITIATOR + 4,
    FLOW_GAP_INITIATOR = FLOW_LENGTH_RESPONDER + 4,
    FLOW_GAP_RESPONDER = FLOW_GAP_INITIATOR + 4,
    FLOW_PACKET_RATE = FLOW_GAP_RESPONDER + 4, /* packets of both sides a second */
    FLOW_NUMBERS
};

/* Of a flow, with the statistics of all its packets. */
void flow_vector_of(const struct flow_record *record, const struct flow_statistics *statistics,
                    double vector[FLOW_NUMBERS]);

/* As a column is called: "initiator_length_mean". */
const char *flow_number_name(enum flow_number number);

#endif
