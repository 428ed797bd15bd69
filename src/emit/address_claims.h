/*
 * address_claims.h - addresses of the run that somebody else says are his: a table with one writer, that others may read.
 *
 * Bounded: behind ADDRESS_CLAIMS_MOST no more are noted.
 */
#ifndef EMIT_ADDRESS_CLAIMS_H
#define EMIT_ADDRESS_CLAIMS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/ip_address.h"

enum { ADDRESS_CLAIMS_MOST = 256, ADDRESS_CLAIM_TEXT = IP_ADDRESS_TEXT + 24 };

struct address_claim {
    struct ip_address address;
    uint8_t mac[6];  /* of who said so */
    bool is_virtual; /* a virtual host has it; else it is of the outside */
};

struct address_claims {
    struct address_claim claims[ADDRESS_CLAIMS_MOST];
    _Atomic size_t count; /* stored (release) by the writer when one more is there, loaded (acquire) by readers */
};

/* True when it is a new one. */
bool address_claims_add(struct address_claims *claims, const struct address_claim *claim);

bool address_claims_has(const struct address_claims *claims, const struct ip_address *address);

/* "192.0.2.7 (52:54:00:12:34:56)". Returns `text`. */
const char *address_claim_format(const struct address_claim *claim, char text[ADDRESS_CLAIM_TEXT]);

#endif
