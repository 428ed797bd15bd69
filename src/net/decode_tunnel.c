/*
 * decode_tunnel.c - packets within packets: IP in IP, GRE, VXLAN. Looked through on request.
 */
#include "net/decode_private.h"

enum tunnel_protocol { TUNNEL_IPV4 = 4, TUNNEL_IPV6 = 41, TUNNEL_GRE = 47 };

enum gre { /* RFC 2784, 2890; version 1 is PPTP's, RFC 2637 */
    GRE_CHECKSUM = 0x8000,
    GRE_ROUTING = 0x4000,
    GRE_KEY = 0x2000,
    GRE_SEQUENCE = 0x1000,
    GRE_ACKNOWLEDGEMENT = 0x0080, /* of version 1 */
    GRE_VERSION = 0x0007,
    GRE_ETHERNET = 0x6558,
    GRE_PPP = 0x880b,
    GRE_ERSPAN = 0x88be
};

static size_t gre_options_bytes(uint16_t flags)
{
    int words = !!(flags & GRE_CHECKSUM) + !!(flags & GRE_KEY) + !!(flags & GRE_SEQUENCE);

    if (flags & GRE_VERSION && flags & GRE_ACKNOWLEDGEMENT)
        words++;
    return 4 * (size_t)words;
}

static enum decode_result decode_gre(struct span *packet, struct packet_view *view)
{
    struct cursor header = span_header(packet, 4);
    uint16_t flags = cursor_u16_be(&header);
    uint16_t type = cursor_u16_be(&header);

    if (flags & GRE_ROUTING || (flags & GRE_VERSION) > 1)
        return span_reject(packet, DECODE_OTHER_IP);
    span_header(packet, gre_options_bytes(flags));
    switch (type) {
    case GRE_PPP:
        return decode_ppp(packet, view);
    case GRE_ERSPAN: /* type I has no number and no header of its own, type II both */
        span_header(packet, flags & GRE_SEQUENCE ? 8 : 0);
        return decode_ethernet(packet, view);
    case GRE_ETHERNET:
        return decode_ethernet(packet, view);
    default:
        return decode_ether_type(packet, type, view);
    }
}

static decode_layer *layer_of(uint8_t protocol)
{
    switch (protocol) {
    case TUNNEL_IPV4:
        return decode_ipv4;
    case TUNNEL_IPV6:
        return decode_ipv6;
    case TUNNEL_GRE:
        return decode_gre;
    default:
        return NULL;
    }
}

enum decode_result decode_tunnel(struct span *packet, struct packet_view *view)
{
    decode_layer *layer = layer_of(view->protocol);

    if (layer == NULL || !packet->tunnels || !span_enter(packet))
        return span_reject(packet, DECODE_OTHER_IP);
    if (view->fragment)
        packet->size = SPAN_OPEN;
    return layer(packet, view); /* which fills anew what IP has filled */
}

/* RFC 7348; 8472 is Linux's port from before it. */
static bool is_vxlan(struct cursor payload, uint16_t port)
{
    const uint8_t has_network = 0x08;

    return (port == 4789 || port == 8472) && cursor_u8(&payload) & has_network;
}

enum decode_result decode_vxlan(struct span *payload, struct packet_view *view)
{
    struct span frame = *payload;
    struct packet_view inner = { .time = view->time };
    enum decode_result result;

    if (!frame.tunnels || !is_vxlan(frame.bytes, view->destination_port) || !span_enter(&frame))
        return DECODE_OK;
    if (view->fragment)
        frame.size = SPAN_OPEN;
    span_header(&frame, 8);
    result = decode_ethernet(&frame, &inner);
    if (result != DECODE_OK && result != DECODE_FRAGMENT)
        return DECODE_OK;
    *view = inner;
    return result;
}
