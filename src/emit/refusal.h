/*
 * refusal.h - what a host without a service says: resets of TCP, unreachable of ICMP.
 *
 * A reset has 54 or 74 bytes. An error quotes the packet that it is about, so it is longer than that by the headers of IP
 * and ICMP, 28 or 48 bytes, until it has 576 or 1280.
 */
#ifndef EMIT_REFUSAL_H
#define EMIT_REFUSAL_H

#include <stddef.h>
#include <stdint.h>

#include "emit/host_answer.h"

enum { REFUSAL_MOST_BYTES = ETHERNET_BYTES + 1280 };

enum refusal_kind {
    REFUSAL_NONE,
    REFUSAL_RESET,
    REFUSAL_PORT,    /* nobody listens on a port of UDP */
    REFUSAL_PROTOCOL /* nobody speaks the protocol */
};

/*
 * What a packet that a host has no use for deserves. None: a damaged one, a reset, anything of ICMP, multicast's
 * management, an extension header of IPv6.
 */
enum refusal_kind refusal_of(const struct ip_packet *packet);

/* A refusal that is one. Returns its length, REFUSAL_MOST_BYTES at most. */
size_t refusal_put(uint8_t *frame, enum refusal_kind kind, const struct host_answer *answer);

#endif
