/*
 * address_claims.h - addresses of the run that somebody else says are his: a table with one writer, and what of it is
 * still to be told.
 *
 * Bounded: ADDRESS_CLAIMS_MOST of virtual hosts and as many of the outside, so that claims of the one do not push out those
 * of the other. A new one takes the place of the oldest.
 */
#ifndef EMIT_ADDRESS_CLAIMS_H
#define EMIT_ADDRESS_CLAIMS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/ip_address.h"

enum { ADDRESS_CLAIMS_MOST = 256, ADDRESS_CLAIM_TEXT = IP_ADDRESS_TEXT + 24 };

enum claim_kind {
    CLAIM_OUTSIDE, /* of an address of the outside */
    CLAIM_VIRTUAL, /* of one that a virtual host has */
    CLAIM_KINDS
};

struct address_claim {
    struct ip_address address;
    uint8_t mac[6]; /* of who said so */
    enum claim_kind kind;
};

/* Of one kind. */
struct claim_table {
    struct address_claim claims[ADDRESS_CLAIMS_MOST];
    size_t count;
    size_t oldest; /* what is replaced next, when it is full */
    struct address_claim untold; /* the first that was not told; the lock is for this and the next one */
    uint64_t untold_count;
};

struct address_claims {
    struct claim_table tables[CLAIM_KINDS];
    pthread_mutex_t lock;
};

void address_claims_init(struct address_claims *claims);
void address_claims_release(struct address_claims *claims);

/* For the writer, as the next one. True when it was not there. */
bool address_claims_add(struct address_claims *claims, const struct address_claim *claim);

bool address_claims_has(const struct address_claims *claims, const struct ip_address *address);

/* For any thread: how many of a kind were added since it was asked last, and the first of them when there is one. */
uint64_t address_claims_take_untold(struct address_claims *claims, enum claim_kind kind, struct address_claim *first);

/* "192.0.2.7 (52:54:00:12:34:56)". Returns `text`. */
const char *address_claim_format(const struct address_claim *claim, char text[ADDRESS_CLAIM_TEXT]);

#endif
