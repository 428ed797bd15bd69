/*
 * log_record.h - one line of a flow log, from a record file to the pairer: one or both directions of
 * a flow, or of a part of it.
 *
 * Arrays of two are indexed by end: 0 is the one the log names first, its source.
 */
#ifndef RECORDS_LOG_RECORD_H
#define RECORDS_LOG_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "net/ip_address.h"

/* Which end, where a log may not say. */
enum log_end { LOG_END_SOURCE = 0, LOG_END_DESTINATION = 1, LOG_END_UNKNOWN = 2 };

struct log_record {
    struct ip_address address[2];
    uint16_t port[2]; /* as in flow_record.h */
    uint8_t protocol; /* TCP, UDP, or the echo of either ICMP */
    int64_t start_ns; /* since 1970-01-01 00:00 UTC, >= 0 */
    int64_t duration_ns;
    int64_t grain_ns; /* of the log's clock: what is closer together may be in either order */
    uint64_t packets[2];
    uint64_t bytes[2];
    uint64_t payload_bytes[2];
    bool payload_known;     /* else estimated */
    bool is_cumulative;     /* counted from the flow's beginning: what overlaps it was said before */
    uint8_t tcp_flags[2];   /* all that were seen, also as a connection state tells them; 0 unknown */
    enum log_end initiator;
    enum log_end closing;   /* who sent the first FIN or RST */
};

#endif
