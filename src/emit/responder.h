/*
 * responder.h - answers ARP requests and pings for addresses that exist only here.
 *
 * Its own thread reads the link's receive descriptor; answers go out through the packet
 * descriptor. It keeps no table of hosts: it asks whether an address is one.
 *
 * Answers go to whoever asked on the link, whatever its address: they do not pass the gate, which
 * holds for what the emitter sends. That is wanted, so that any neighbour can ping a virtual host.
 * They have the VLAN tag of the request. Nothing goes out unasked, one answer at most for a request, never longer than it, and no more
 * than 10,000 a second.
 */
#ifndef EMIT_RESPONDER_H
#define EMIT_RESPONDER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dayshift/address_owner.h"
#include "emit/link.h"
#include "emit/rate_ceiling.h"
#include "net/ip_address.h"

/*
 * True when `address` is of somebody who is played on this link, in this VLAN (0: untagged); fills who it is. Called
 * from the responder's thread.
 */
typedef bool responder_lookup(const void *self, const struct ip_address *address, uint16_t vlan,
                              struct address_owner *owner);

struct responder {
    const struct link *link;
    responder_lookup *lookup;
    const void *lookup_self;
    struct rate_ceiling *ceiling; /* of the link, shared with its emitter; NULL: none */
    atomic_bool stop;
    pthread_t thread;
    _Atomic uint64_t arp_answers;
    _Atomic uint64_t echo_answers;
    _Atomic uint64_t dropped; /* answers over the rate limit, or that the interface did not take */
};

int responder_start(struct responder *responder, struct error *err);
void responder_stop(struct responder *responder); /* waits for the thread, 100 ms at most */

/*
 * The pure part: the answer to one frame received in a VLAN (0: untagged), if it deserves one, both without their tag.
 * Returns the answer's length, 0 for none; `reply` holds at least `size` bytes, the length of the request.
 * Malformed requests get no answer. The checksum of a ping is verified, not trusted.
 */
size_t responder_answer(const struct responder *responder, uint16_t vlan, const uint8_t *request, size_t size,
                        uint8_t *reply);

#endif
