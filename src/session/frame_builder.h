/*
 * frame_builder.h - headers of Ethernet, IP and what it carries, as libnet builds them, once for all sessions: without
 * what a session, or a packet, has of its own.
 */
#ifndef SESSION_FRAME_BUILDER_H
#define SESSION_FRAME_BUILDER_H

#include <stdint.h>

#include "base/error.h"
#include "net/ethernet_header.h"
#include "net/ip_address.h"
#include "net/ip_header.h"
#include "net/wire.h"

/* Where things stand, in a frame without a tag and without options. */
enum {
    FRAME_IP = ETHERNET_BYTES,
    FRAME_TRANSPORT4 = FRAME_IP + IPV4_HEADER_BYTES,
    FRAME_TRANSPORT6 = FRAME_IP + IPV6_HEADER_BYTES,
    FRAME_HEADERS_MAX = FRAME_TRANSPORT6 + TCP_HEADER_BYTES
};

/* The checksum in the header of the transport. */
static inline uint32_t frame_builder_checksum_at(uint8_t protocol)
{
    return protocol == IP_TCP ? 16 : protocol == IP_UDP ? 6 : 2;
}

struct frame_builder; /* opaque: headers of every protocol */

struct frame_builder *frame_builder_new(struct error *err);
void frame_builder_free(struct frame_builder *builder);

/*
 * FRAME_HEADERS_MAX bytes, 0 behind the headers. IP_ICMP stands for that of either family. Addresses, ports, lengths, numbers
 * and checksums are 0.
 */
const uint8_t *frame_builder_headers(const struct frame_builder *builder, uint8_t protocol, enum ip_family family);

#endif
