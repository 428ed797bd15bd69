/*
 * responder.h - answers on a link for addresses that exist only here: ARP, neighbour solicitations, pings, and refusals of
 * whatever else real hosts send to virtual ones.
 *
 * Its own thread reads the link's receive descriptor; answers go out through the packet descriptor. It keeps no table of
 * hosts: it asks whose an address is.
 *
 * Answers go to whoever asked on the link, whatever its address: they do not pass the gate, which holds for what the
 * emitter sends. That is wanted, so that any neighbour can talk to a virtual host. They have the VLAN tag of the request.
 * Nothing goes out unasked, one answer at most for a frame, no longer than it but for the headers of a refusal
 * (refusal.h), no more than 10,000 a second. While the emitter waits for room below the ceiling of the link, only address
 * resolution is answered, within its part of the ceiling (rate_ceiling.h). Who sends from an address of the run, or from the MAC address that the outside has, gets no answer: that is a frame of the
 * run itself, which came by another link or in a loop.
 *
 * It also sees who claims an address of the run. A virtual host goes on answering; for an address outside that a real
 * host has, nothing is answered any more.
 */
#ifndef EMIT_RESPONDER_H
#define EMIT_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dayshift/link_hosts.h"
#include "emit/address_claims.h"
#include "emit/answer_counts.h"
#include "emit/link.h"
#include "emit/rate_ceiling.h"
#include "emit/refusal.h"

/* All borrowed. */
struct responder_config {
    const struct link *link; /* NULL: nothing is received or sent, for responder_answer() alone */
    struct link_hosts hosts;
    struct rate_ceiling *ceiling; /* of the link, shared with its emitter; NULL: none */
    struct answer_counts *counts;
    struct address_claims *claims; /* what others have claimed so far; the responder writes to it from its start on */
};

struct responder; /* opaque */

struct responder *responder_new(const struct responder_config *config);
void responder_free(struct responder *responder);

int responder_start(struct responder *responder, struct error *err);
void responder_stop(struct responder *responder); /* waits for the thread, 100 ms at most */

/* A frame that was received, and room for its answer: as long as it is, and REFUSAL_MOST_BYTES at least. */
struct responder_request {
    const uint8_t *frame; /* without its tag */
    size_t size;
    uint16_t vlan;  /* 0: none */
    int64_t now_ns; /* of a clock that does not go back */
    bool is_unsummed; /* as in struct ip_packet */
};

/*
 * The answer to one frame, if it deserves one. Returns its length, 0 for none; *response is what it is. Malformed frames
 * get no answer; checksums are verified, not trusted.
 */
size_t responder_answer(struct responder *responder, const struct responder_request *request, uint8_t *reply,
                        enum response *response);

#endif
