/*
 * tcp_options.h - the options of TCP headers: of a SYN all that its stack offers, of other segments timestamps, and
 * of a duplicate ACK what it acknowledges behind the hole.
 */
#ifndef SESSION_TCP_OPTIONS_H
#define SESSION_TCP_OPTIONS_H

#include <stdint.h>

#include "session/session_packet.h"
#include "session/stack_profile.h"

enum {
    TCP_TIMESTAMPS_BYTES = 12, /* with the padding before them */
    TCP_SACK_BYTES = 12, /* one block, with the padding before it */
    TCP_OPTIONS_MAX = TCP_TIMESTAMPS_BYTES + TCP_SACK_BYTES
};

/* RFC 7323, section 3. */
struct tcp_timestamps {
    uint32_t value;
    uint32_t echo; /* the other side's latest */
};

/* Bytes of the options of a segment with these flags and no SACK that `side` sends; a multiple of 4. */
uint32_t tcp_options_bytes(const struct stack_profile *stack, enum flow_side side, uint8_t tcp_flags);

/*
 * Writes them in the order of the stack, which its TTL tells: that of Windows above 64, else that of
 * Linux. Returns their bytes.
 */
uint32_t tcp_options_put(const struct stack_profile *stack, enum flow_side side, uint8_t tcp_flags,
                         struct tcp_timestamps timestamps, struct sack_block sack, uint8_t *to);

#endif
