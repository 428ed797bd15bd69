/*
 * decode_private.h - what the layers of the decoder share. For decode*.c alone.
 *
 * decode.c begins, decode_link.c has the link layers, decode_ieee80211.c those of the air,
 * decode_ip.c IP and what is above it, decode_tunnel.c packets within packets. A layer takes its
 * header off the span and hands it to the next.
 *
 * The stack is bounded: whatever can hold a thing like itself is a loop or calls span_enter().
 */
#ifndef NET_DECODE_PRIVATE_H
#define NET_DECODE_PRIVATE_H

#include "base/cursor.h"
#include "net/decode.h"

/*
 * A stretch of the frame: how long it is by the headers around it, and the part of it that
 * was captured. The first header that does not fit decides why the frame gives no view.
 */
struct span {
    struct cursor bytes; /* at most `size` of them */
    size_t size;         /* or SPAN_OPEN */
    enum decode_result fault;
    bool tunnels;    /* are looked through */
    uint8_t nesting; /* frames and packets around this one */
};

/* The headers around do not tell: they came in fragments, of which this is the first. */
#define SPAN_OPEN ((size_t)1 << 30)

/* A cursor over a header of `size` bytes, which the span skips. */
static inline struct cursor span_header(struct span *span, size_t size)
{
    if (span->fault == DECODE_OK && size > span->bytes.left)
        span->fault = size > span->size ? DECODE_MALFORMED : DECODE_CUT;
    if (span->fault != DECODE_OK)
        return (struct cursor){ .failed = true };
    span->size -= size;
    return cursor_sub(&span->bytes, size);
}

/* What is left is `size` bytes by a header's word: the rest is padding. */
static inline void span_trim(struct span *span, size_t size)
{
    span->size = size;
    if (span->bytes.left > size)
        span->bytes.left = size;
}

/* Gives up on the span for a reason of the caller's, unless it has one already. */
static inline enum decode_result span_reject(struct span *span, enum decode_result reason)
{
    if (span->fault == DECODE_OK)
        span->fault = reason;
    return span->fault;
}

/* Before what may hold a thing like itself. False: it is nested too deep to be looked at. */
static inline bool span_enter(struct span *span)
{
    if (span->nesting == DECODE_MAX_NESTING)
        return false;
    span->nesting++;
    return true;
}

typedef enum decode_result decode_layer(struct span *span, struct packet_view *view);

decode_layer decode_ethernet, decode_sll, decode_sll2, decode_loopback;
decode_layer decode_ppp, decode_ppp_direction, decode_pppoe, decode_cisco_hdlc;
decode_layer decode_llc; /* from DSAP on; SNAP */
decode_layer decode_ieee80211, decode_radiotap, decode_prism;
decode_layer decode_ipv4, decode_ipv6, decode_ip; /* the last goes by the version */

/* By the protocol number that Ethernet, cooked headers and GRE share. */
enum decode_result decode_ether_type(struct span *span, uint16_t type, struct packet_view *view);

/*
 * Behind the IP header of a packet whose view->protocol is none of the transports'. Not OK if
 * it is no tunnel's either, or tunnels are not looked through.
 */
decode_layer decode_tunnel;

/* Behind the UDP header. DECODE_OK with the view unchanged if nothing in there is readable. */
decode_layer decode_vxlan;

#endif
