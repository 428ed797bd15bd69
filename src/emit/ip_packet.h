/*
 * ip_packet.h - an IP packet that came in for a virtual host, looked at before it is answered; and the headers of answers.
 *
 * Whole packets alone: no fragments, no options, no extension headers, nothing that a broken header or a wrong checksum
 * makes doubtful. Hosts that answer those too are few, and who sends them is up to something.
 */
#ifndef EMIT_IP_PACKET_H
#define EMIT_IP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/ethernet_header.h"
#include "net/ip_address.h"
#include "net/ip_header.h"

/* Of a frame without a tag, whose bytes are borrowed. */
struct ip_packet {
    const uint8_t *frame;
    const uint8_t *ip;
    size_t ip_bytes; /* the whole packet, by its own header: without padding of Ethernet */
    bool is_v6;
    struct ip_address source, destination;
    uint8_t protocol; /* or the next header */
    uint8_t ttl;      /* or hop limit */
    const uint8_t *payload;
    size_t payload_bytes;
    bool is_unsummed; /* it has been on no wire yet, and the sum of TCP and UDP is left to the hardware: it is wrong here */
};

/*
 * False when it is none that may be answered. Says nothing of the payload, nor whose the addresses are. The caller says
 * whether it is unsummed.
 */
bool ip_packet_parse(struct ip_packet *packet, const uint8_t *frame, size_t size);

/* It comes from one host, so that an answer has one receiver (RFC 1122, section 3.2.2; RFC 4443, section 2.4). */
bool ip_packet_is_from_one(const struct ip_packet *packet);

/*
 * The checksum over the payload is right, or not to be looked at. It is with the pseudo header of the protocol, which ICMP
 * of IPv4 has not.
 */
bool ip_packet_is_intact(const struct ip_packet *packet);

/* The header of an answer. */
struct ip_header {
    const uint8_t *mac; /* of who answers */
    uint8_t protocol;
    uint8_t ttl;
    uint8_t class; /* type of service, or traffic class */
    bool dont_fragment; /* the next two: IPv4 */
    uint16_t id;
};

/* Where in the frame of an answer the payload stands. */
static inline size_t ip_packet_answer_header(const struct ip_packet *request)
{
    return ETHERNET_BYTES + (size_t)(request->is_v6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES);
}

/*
 * Puts Ethernet and IP before a payload of so many bytes that stands in its place, and its checksum `checksum_at` bytes
 * into it. Back to where the request came from. Returns the length of the frame.
 */
size_t ip_packet_put_answer(uint8_t *frame, const struct ip_packet *request, const struct ip_header *header,
                            size_t payload_bytes, size_t checksum_at);

/* One's complement sum of the pseudo header (RFC 9293, section 3.1; RFC 8200, section 8.1), addresses of one family. */
uint64_t ip_packet_pseudo_sum(const struct ip_address *source, const struct ip_address *destination, uint8_t protocol,
                              size_t payload_bytes);

#endif
