/*
 * session_packet.h - one packet of a session, before it has bytes: from the session through the impairments
 * to the frame template.
 */
#ifndef SESSION_SESSION_PACKET_H
#define SESSION_SESSION_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "dayshift/flow_record.h"
#include "session/payload.h"

struct session_packet {
    enum flow_side side;
    uint8_t tcp_flags;
    uint32_t sequence;        /* TCP; ICMP: number of the echo */
    uint32_t acknowledgement; /* TCP */
    uint16_t window;          /* TCP, as on the wire */
    uint32_t payload_bytes;
    struct payload_place place; /* when there is payload */
    int64_t gap_ns;           /* since the session's previous packet; 0 for its first */
    bool is_repeated_syn;
};

#endif
