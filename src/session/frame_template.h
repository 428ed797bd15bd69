/*
 * frame_template.h - the headers of one direction of a session, built once by libnet and
 * patched for every packet.
 */
#ifndef SESSION_FRAME_TEMPLATE_H
#define SESSION_FRAME_TEMPLATE_H

#include <stdint.h>

#include "base/error.h"
#include "dayshift/flow_plan.h"
#include "session/session.h"

enum {
    FRAME_ETHERNET_BYTES = 14,
    FRAME_IP_BYTES = 20,
    FRAME_TCP_BYTES = 20,
    FRAME_TCP_SYN_OPTIONS = 12,
    FRAME_TEMPLATE_MAX = FRAME_ETHERNET_BYTES + FRAME_IP_BYTES + FRAME_TCP_BYTES
};

struct frame_template {
    uint8_t bytes[FRAME_TEMPLATE_MAX]; /* Ethernet, IPv4, and TCP, UDP or ICMP */
    uint8_t size;
    uint8_t protocol;
    uint16_t ip_id; /* of the next packet */
    uint64_t address_sum; /* of the pseudo header's addresses and protocol */
};

struct frame_builder; /* opaque: libnet's context */

struct frame_builder *frame_builder_new(struct error *err);
void frame_builder_free(struct frame_builder *builder);

/* The template for what `side` of the flow sends. */
int frame_template_build(struct frame_builder *builder, struct frame_template *frame,
                         const struct flow_plan *plan, const struct session *session,
                         enum flow_side side, struct error *err);

/*
 * Renders one packet into `out`, which holds FRAME_MAX_BYTES: header, options, payload of
 * packet->payload_bytes made by `fill`, lengths and checksums. Returns the frame's length.
 */
uint32_t frame_template_render(struct frame_template *frame, const struct session *session,
                               const struct session_packet *packet, payload_fill *fill, uint8_t *out);

#endif
