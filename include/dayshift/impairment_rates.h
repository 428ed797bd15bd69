/*
 * impairment_rates.h - what the network is to do to packets: a setting of a run, the contract from
 * configuration to session.
 */
#ifndef DAYSHIFT_IMPAIRMENT_RATES_H
#define DAYSHIFT_IMPAIRMENT_RATES_H

#include <stdbool.h>

#include "base/error.h"

/* All zero: nothing happens to any packet. Rates are shares, 0 to 1. */
struct impairment_rates {
    bool learned;          /* as the sampled flows had it; the rates below mean nothing */
    double retransmission; /* of TCP data segments */
    double reordering;     /* of TCP data segments: overtaken by the next one */
    double duplication;    /* of packets */
    double fragmentation;  /* of UDP datagrams that a narrower link could not carry whole */
    double unanswered;     /* of TCP connections: the SYN gets no answer */
};

#define IMPAIRMENTS_LEARNED ((struct impairment_rates){ .learned = true })

/*
 * "learned", "none", or rates as in "retransmission=0.01,unanswered=0.02", those not named 0.
 * Else -1, and *err says which part of the text is wrong, and why; *rates is unchanged.
 */
int impairment_rates_parse(struct impairment_rates *rates, const char *text, struct error *err);

#endif
