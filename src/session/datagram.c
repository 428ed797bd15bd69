#include "session/datagram.h"

#include "base/time_types.h"

#define NEXT_PIECE_NS (10 * NS_PER_US) /* as long as a frame takes on a link of 1 Gbit/s */

void datagram_cut(struct session_packet *p, uint16_t piece_bytes)
{
    p->piece_bytes = piece_bytes;
    p->has_more_pieces = true;
}

bool datagram_next_piece(struct session_packet *p)
{
    uint32_t left;

    if (!p->has_more_pieces)
        return false;
    p->piece_offset += p->piece_bytes;
    p->gap_ns = NEXT_PIECE_NS;
    left = DATAGRAM_HEADER_BYTES + p->payload_bytes - p->piece_offset;
    p->has_more_pieces = left > p->piece_bytes;
    if (!p->has_more_pieces)
        p->piece_bytes = (uint16_t)left;
    return true;
}
