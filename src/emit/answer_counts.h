/*
 * answer_counts.h - what was sent on a link beside the frames of sessions, and what came of it. One writer at a time;
 * anyone may read.
 */
#ifndef EMIT_ANSWER_COUNTS_H
#define EMIT_ANSWER_COUNTS_H

#include <stdatomic.h>
#include <stdint.h>

enum response {
    RESPONSE_NONE,
    RESPONSE_ARP,
    RESPONSE_ND,          /* neighbour advertisements of IPv6 */
    RESPONSE_ECHO,        /* to pings */
    RESPONSE_RESET,       /* of TCP */
    RESPONSE_UNREACHABLE, /* errors of ICMP */
    RESPONSES
};

struct answer_counts {
    _Atomic uint64_t sent[RESPONSES];
    _Atomic uint64_t unasked;   /* frames: probes, announcements, questions for gateways */
    _Atomic uint64_t dropped;   /* answers over the rate limit, or that the interface did not take */
    _Atomic uint64_t withheld;  /* answers that the operating system of the host would not have sent either */
    _Atomic uint64_t conflicts; /* addresses of virtual hosts that somebody else claims */
};

#endif
