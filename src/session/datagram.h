/*
 * datagram.h - how datagrams go into frames: whole, or in pieces that the receiver puts together.
 *
 * A packet of a session is a whole datagram, or the piece of it that goes out next. How many packets a flow has counts
 * pieces of IPv4 at an MTU of 1500 bytes, as flows are learned; on another path the pieces are others. Pure.
 */
#ifndef SESSION_DATAGRAM_H
#define SESSION_DATAGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "net/wire.h"
#include "session/session_packet.h"

enum {
    DATAGRAM_HEADER_BYTES = 8,   /* of UDP, and of an ICMP echo */
    DATAGRAM_PIECE_BYTES = 1480, /* of IP payload in a frame; a multiple of 8 */
    DATAGRAM_WHOLE_BYTES = DATAGRAM_PIECE_BYTES - DATAGRAM_HEADER_BYTES, /* payload that goes out whole */
    DATAGRAM_MAX_BYTES = 65507   /* payload, as IP can say */
};

/* How many packets it takes on the wire: one of TCP, whatever its length. */
static inline uint32_t datagram_pieces(uint8_t protocol, uint32_t payload_bytes)
{
    return protocol == IP_TCP || payload_bytes <= DATAGRAM_WHOLE_BYTES
               ? 1
               : (DATAGRAM_HEADER_BYTES + payload_bytes + DATAGRAM_PIECE_BYTES - 1) / DATAGRAM_PIECE_BYTES;
}

/* Of IP payload in a piece, a multiple of 8, where `ip_payload` fits a frame: the header of IPv6's pieces takes 8. */
static inline uint16_t datagram_piece_bytes(uint16_t ip_payload, bool is_ipv6)
{
    return (uint16_t)((is_ipv6 ? ip_payload - 8 : ip_payload) & ~7);
}

/* The whole packet becomes its first piece, of so many bytes of IP payload, a multiple of 8: fewer than it has. */
void datagram_cut(struct session_packet *packet, uint16_t piece_bytes);

/* The piece becomes the next one, `gap_ns` behind it; false: it was the last, or the packet is whole. */
bool datagram_next_piece(struct session_packet *packet);

#endif
