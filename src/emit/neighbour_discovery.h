/*
 * neighbour_discovery.h - solicitations and advertisements of IPv6 neighbours (RFC 4861), and the detection of duplicate
 * addresses with them (RFC 4862, section 5.4): bytes alone.
 *
 * Frames have no tag.
 */
#ifndef EMIT_NEIGHBOUR_DISCOVERY_H
#define EMIT_NEIGHBOUR_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emit/ip_packet.h"
#include "net/ethernet_header.h"

/* With a link-layer address, and without. */
enum { NEIGHBOUR_FRAME_BYTES = 86, NEIGHBOUR_PROBE_BYTES = 78 };

/* What a packet says. */
struct neighbour_message {
    bool is_advertisement;
    bool is_solicited; /* of an advertisement */
    bool is_probe;     /* a solicitation from ::, whether the target is free */
    struct ip_address target;
    const uint8_t *mac; /* of the sender, or of the target of an advertisement; borrowed */
};

/* It says so of itself, and deserves to be looked at by the next function. */
bool neighbour_message_is(const struct ip_packet *packet);

/* False when it is neither, or one that is to be discarded silently (RFC 4861, sections 7.1.1 and 7.1.2). */
bool neighbour_message_parse(struct neighbour_message *message, const struct ip_packet *packet);

/*
 * The advertisement that answers a solicitation, of NEIGHBOUR_FRAME_BYTES: from who has the target and `mac`. That for a
 * probe goes to all nodes.
 */
void neighbour_put_answer(uint8_t *frame, const struct ip_packet *packet, const struct neighbour_message *solicitation,
                          const uint8_t mac[MAC_BYTES], bool is_router);

/* Whether an address is free (RFC 4862, section 5.4.2), of NEIGHBOUR_PROBE_BYTES. */
void neighbour_put_probe(uint8_t *frame, const uint8_t mac[MAC_BYTES], const struct ip_address *address);

/* "This is mine", to all nodes and unasked (RFC 4861, section 7.2.6), of NEIGHBOUR_FRAME_BYTES. */
void neighbour_put_announcement(uint8_t *frame, const uint8_t mac[MAC_BYTES], const struct ip_address *address,
                                bool is_router);

/* Who has `target`? Of NEIGHBOUR_FRAME_BYTES. */
void neighbour_put_solicitation(uint8_t *frame, const uint8_t mac[MAC_BYTES], const struct ip_address *sender,
                                const struct ip_address *target);

#endif
