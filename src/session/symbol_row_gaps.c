#include "session/symbol_row_gaps.h"

#include "net/wire.h"
#include "session/symbol_alphabet.h"
#include "session/symbol_flow.h"
#include "session/symbol_gap_parts.h"

enum { LOOKED_AHEAD = 8 /* packets of the flow */ };

_Static_assert(FLOW_MAX_SEQUENCE <= UINT16_MAX, "an index of a sequence has 16 bits");

static bool is_like(struct flow_packet packet, uint16_t token)
{
    const uint8_t turning = TCP_SYN | TCP_FIN | TCP_RST;
    bool has_payload = packet.payload_bytes > 0 && flow_packet_mark(packet) != PACKET_KEEPALIVE;

    return flow_packet_side(packet) == token_side(token) && has_payload == (token_length(token) != LENGTH_NONE) &&
           !(flow_packet_tcp_flags(packet) & turning) == !(token_flags(token) & turning);
}

/* What was kept of the end of a longer flow is for the end of the session; what is before it ends at a hole. */
static uint32_t kept_until(const struct session_row *row, uint64_t packets_left, uint16_t *at)
{
    uint32_t tail = row->sequence_length - row->sequence_head;

    if (*at > row->sequence_head)
        return row->sequence_length;
    if (packets_left > tail)
        return row->sequence_head;
    if (tail > 0)
        *at = (uint16_t)row->sequence_head;
    return row->sequence_length;
}

/* The gap of what the network did to a packet goes to the packet behind it. */
bool symbol_row_gaps_next(const struct session_row *row, uint16_t token, uint64_t packets_left, uint16_t *at,
                          struct random_stream *random, int64_t *gap_ns)
{
    uint32_t end = kept_until(row, packets_left, at);
    int64_t carried_ns = 0;
    int looked = 0;

    for (uint32_t i = *at; i < end && looked < LOOKED_AHEAD; i++) {
        struct flow_packet packet = row->sequence[i];
        bool is_impaired = flow_packet_mark(packet) == PACKET_IMPAIRED;
        int64_t ns;

        looked += !is_impaired;
        if (!is_impaired && !is_like(packet, token))
            continue;
        ns = symbol_gap_place_ns(symbol_gap_bin(packet.gap_bin),
                                 (uint32_t)packet.gap_part << 24 | random_u32(random) >> 8);
        if (is_impaired) {
            carried_ns += ns;
            continue;
        }
        *at = (uint16_t)(i + 1);
        *gap_ns = carried_ns + ns;
        return true;
    }
    return false;
}
