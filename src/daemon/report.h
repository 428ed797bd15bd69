/*
 * report.h - the table at the end of a run, for people and for scripts.
 */
#ifndef DAEMON_REPORT_H
#define DAEMON_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/log_histogram.h"

struct report {
    uint32_t hosts;
    uint64_t flows, complete_tcp, hurried, repeated_syns, most_live;
    uint64_t planned, sent, sent_bytes, dropped, refused;
    const struct log_histogram *lateness;
    bool is_live; /* the rest is about a link */
    uint64_t unsent; /* of the dropped: their time had not come when the run was stopped */
    uint64_t stalls, stalled_ns;
    uint64_t arp_answers, echo_answers, answers_dropped;
    bool interface_known; /* it was there until the end */
    uint64_t interface_packets; /* that the interface counted during the run */
    double seconds;
    const char *ended; /* "the end of the run", "SIGINT" ... */
};

void report_print(const struct report *report, FILE *to, bool json);

#endif
