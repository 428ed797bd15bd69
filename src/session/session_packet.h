/*
 * session_packet.h - one packet of a session, before it has bytes: from the session through the impairments
 * to the frame template.
 */
#ifndef SESSION_SESSION_PACKET_H
#define SESSION_SESSION_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dayshift/flow_record.h"
#include "session/payload.h"

/* What the network did to a packet: where it stands among those of its side. */
enum packet_fate {
    FATE_IN_TURN,
    FATE_COPY,  /* the packet that its side sent last, once more */
    FATE_AHEAD, /* it overtook the one that comes next of its side ... */
    FATE_BEHIND /* ... which is this one */
};

/* TCP: bytes behind a hole, up to `right`; none: both are 0. RFC 2018. */
struct sack_block {
    uint32_t left, right;
};

struct session_packet {
    enum flow_side side;
    enum packet_fate fate;
    uint8_t tcp_flags;
    uint32_t sequence;        /* TCP; ICMP: number of the echo */
    uint32_t acknowledgement; /* TCP */
    struct sack_block sack;   /* of a duplicate ACK; goes out where both stacks offered it */
    uint16_t window;          /* TCP, as on the wire */
    uint32_t payload_bytes;
    int64_t gap_ns;           /* since the session's previous packet; 0 for its first */
    bool is_repeated_syn;
    /* A piece of a packet: from which byte of the IP payload on, how many bytes; 0: the packet is whole. */
    uint16_t piece_offset, piece_bytes;
    bool has_more_pieces;
    /* Instead of all this: an ICMP error of `side` about the packet that the other side sent last, whose payload it is. */
    bool is_unreachable;
    struct payload_place place; /* when there is payload */
};

/* Everything but the place, which is left as it is, is 0. */
static inline void session_packet_clear(struct session_packet *packet)
{
    memset(packet, 0, offsetof(struct session_packet, place));
}

#endif
