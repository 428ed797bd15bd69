/*
 * domain_checks.h - does a TCP flow look as TCP does? (Falk, Table II)
 *
 * The same five checks judge real and synthetic captures; what they look at was noted in the
 * records, so they are a count. Flows that are not TCP are passed over.
 */
#ifndef EVAL_DOMAIN_CHECKS_H
#define EVAL_DOMAIN_CHECKS_H

#include <stdint.h>

#include "dayshift/flow_record.h"

enum domain_check {
    DOMAIN_HANDSHAKE,                 /* SYN and SYN-ACK were seen */
    DOMAIN_NO_DATA_BEFORE_HANDSHAKE,
    DOMAIN_NO_DUPLICATE_HANDSHAKE,
    DOMAIN_TERMINATION,               /* FIN or RST was seen */
    DOMAIN_NO_DATA_AFTER_TERMINATION,
    DOMAIN_CHECKS
};

struct domain_checks { /* begins zeroed; two of them add up */
    uint64_t flows;    /* TCP flows judged */
    uint64_t passed[DOMAIN_CHECKS];
};

void domain_checks_add(struct domain_checks *checks, const struct flow_record *record);

/* Share of the flows that pass, 0..1; 0 when there were none. */
double domain_checks_share(const struct domain_checks *checks, enum domain_check check);

/* In Falk's words: "no data before handshake". */
const char *domain_check_name(enum domain_check check);

#endif
