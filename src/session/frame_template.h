/*
 * frame_template.h - the headers of one direction of a session: a session patches what is its own in those of the
 * builder, and a packet what it has of its own.
 *
 * What a stack counts is here: IP identifications, and the clock of TCP timestamps, which is one for
 * all sessions of a host. Packets of IPv6 have no identification, but a flow label, the same in all of a direction.
 */
#ifndef SESSION_FRAME_TEMPLATE_H
#define SESSION_FRAME_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time_types.h"
#include "dayshift/flow_plan.h"
#include "session/frame_builder.h"
#include "session/payload.h"
#include "session/session_packet.h"
#include "session/stack_profile.h"

enum { FRAME_QUOTED_BYTES = 8 /* of a packet's IP payload in an ICMP error about it */ };

struct frame_template {
    uint8_t bytes[FRAME_HEADERS_MAX]; /* Ethernet, IPv4 or IPv6, and TCP, UDP or ICMP */
    uint16_t link; /* that the side sends on ... */
    uint16_t vlan; /* ... and its tag; 0: none */
    uint8_t protocol; /* as IP has it */
    bool is_ipv6;
    uint8_t transport_at; /* in `bytes` */
    uint8_t ip_id_kind;   /* enum ip_id_kind */
    bool has_sent;
    uint16_t ip_id;       /* count of the next packet */
    uint16_t sent_id;     /* of the latest packet, as on the wire ... */
    uint16_t sent_bytes;  /* ... and its IP length */
    uint16_t ip_payload;  /* that fits a frame */
    uint8_t sent_transport[FRAME_QUOTED_BYTES];
    uint32_t address_sum; /* of the pseudo header's addresses and protocol, carries folded */
    uint32_t ip_sum;      /* of the IP header, without length, identification, fragment and checksum */
    uint32_t clock_base;  /* TCP timestamp at the start of the run */
    uint32_t tick_ns;
    uint32_t timestamp;   /* sent last, when `has_sent` */
};

/* The template for what `side` of the flow sends. */
void frame_template_build(const struct frame_builder *builder, struct frame_template *frame,
                          const struct flow_plan *plan, const struct stack_profile *stack, enum flow_side side);

/*
 * Renders one packet, or one piece of it, into `out`, which holds FRAME_MAX_BYTES: header, options,
 * payload made by `fill`, lengths and checksums. `frames` are those of both sides. Returns the frame's length.
 */
uint32_t frame_template_render(struct frame_template frames[2], const struct stack_profile *stack,
                               const struct session_packet *packet, struct run_time due,
                               payload_fill *fill, uint8_t *out);

#endif
