/*
 * frame_unreachable.h - ICMP errors of a session: a packet found nobody, or no port; who says so quotes the packet.
 */
#ifndef SESSION_FRAME_UNREACHABLE_H
#define SESSION_FRAME_UNREACHABLE_H

#include <stdint.h>

#include "session/frame_template.h"
#include "session/payload.h"
#include "session/session_packet.h"

/*
 * Renders the error that packet->side sends about what the other side sent last, without a tag. `frames` are those of
 * both sides. Returns the frame's length.
 */

/* Type 3, port or host, with the header and the first bytes of the packet (RFC 792). */
uint32_t frame_unreachable_render4(const struct frame_template frames[2], const struct session_packet *packet,
                                   uint16_t id, uint8_t *out);

/* Type 1, port or address, with what fits the least MTU of the packet (RFC 4443, section 3.1). */
uint32_t frame_unreachable_render6(const struct frame_template frames[2], const struct session_packet *packet,
                                   payload_fill *fill, uint8_t *out);

#endif
