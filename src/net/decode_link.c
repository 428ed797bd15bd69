/*
 * decode_link.c - what carries IP over a wire: Ethernet with its tags and labels, the headers
 * that systems put in front of cooked and loopback captures, PPP and Cisco HDLC.
 */
#include "net/decode_private.h"
#include "net/ethernet_header.h"

enum { /* Ethernet types of headers before IP */
    ETHER_MAX_LENGTH = 1500, /* up to here IEEE 802.3 has the length of an LLC frame */
    ETHER_MPLS = 0x8847,
    ETHER_MPLS_MULTICAST = 0x8848,
    ETHER_PPPOE_SESSION = 0x8864,
    ETHER_QINQ = 0x88a8,
    ETHER_QINQ_OLD = 0x9100
};

enum ppp_protocol {
    PPP_IPV4 = 0x0021,
    PPP_IPV6 = 0x0057,
    PPP_MPLS = 0x0281,
    PPP_MPLS_MULTICAST = 0x0283
};

enum { SLL_LLC = 4 /* ETH_P_802_2 */ };

/*
 * RFC 3032; nothing tells what the labels stand for. A control word of zeros (RFC 4448) cannot
 * be IP, and is all but certain when an Ethernet frame of IP follows. A pseudowire without one is
 * taken for what its first nibble says.
 */
static enum decode_result decode_mpls(struct span *frame, struct packet_view *view)
{
    const uint32_t bottom = 0x100;
    struct cursor peek;
    struct cursor word;
    uint32_t label;

    do {
        word = span_header(frame, 4);
        label = cursor_u32_be(&word);
    } while (frame->fault == DECODE_OK && !(label & bottom));
    peek = frame->bytes;
    if (cursor_u8(&peek) >> 4 != 0)
        return decode_ip(frame, view);
    word = span_header(frame, 4);
    if (cursor_u32_be(&word) != 0 || !span_enter(frame))
        return span_reject(frame, DECODE_NOT_IP);
    return decode_ethernet(frame, view);
}

static bool is_tag(uint16_t type)
{
    return type == ETHERNET_TYPE_VLAN || type == ETHER_QINQ || type == ETHER_QINQ_OLD;
}

static enum decode_result decode_type_or_length(struct span *frame, uint16_t value,
                                                struct packet_view *view)
{
    if (value > ETHER_MAX_LENGTH)
        return decode_ether_type(frame, value, view);
    if (value > frame->size)
        return span_reject(frame, DECODE_MALFORMED);
    span_trim(frame, value);
    return decode_llc(frame, view);
}

static enum decode_result decode_tagged(struct span *frame, uint16_t type,
                                        struct packet_view *view)
{
    while (is_tag(type)) {
        struct cursor tag = span_header(frame, ETHERNET_TAG_BYTES);

        cursor_skip(&tag, 2); /* priority and number of the VLAN */
        type = cursor_u16_be(&tag);
    }
    return decode_type_or_length(frame, type, view);
}

enum decode_result decode_ether_type(struct span *frame, uint16_t type, struct packet_view *view)
{
    switch (type) {
    case ETHERNET_TYPE_IPV4:
        return decode_ipv4(frame, view);
    case ETHERNET_TYPE_IPV6:
        return decode_ipv6(frame, view);
    case ETHERNET_TYPE_VLAN:
    case ETHER_QINQ:
    case ETHER_QINQ_OLD:
        return decode_tagged(frame, type, view);
    case ETHER_MPLS:
    case ETHER_MPLS_MULTICAST:
        return decode_mpls(frame, view);
    case ETHER_PPPOE_SESSION:
        return decode_pppoe(frame, view);
    default:
        return span_reject(frame, DECODE_NOT_IP);
    }
}

/* RFC 1042 and 802.1H: SNAP with an Ethernet type; or IP's own SAP. */
enum decode_result decode_llc(struct span *frame, struct packet_view *view)
{
    const uint32_t snap = 0xaaaa03;
    const uint32_t ip = 0x060603;
    const uint32_t bridge_tunnel = 0x0000f8;
    struct cursor header = span_header(frame, 3);
    uint32_t saps = (uint32_t)cursor_u16_be(&header) << 8 | cursor_u8(&header);
    uint32_t organisation;

    if (saps == ip)
        return decode_ipv4(frame, view);
    if (saps != snap || !span_enter(frame))
        return span_reject(frame, DECODE_NOT_IP);
    header = span_header(frame, 5);
    organisation = (uint32_t)cursor_u16_be(&header) << 8 | cursor_u8(&header);
    if (organisation != 0 && organisation != bridge_tunnel)
        return span_reject(frame, DECODE_NOT_IP);
    return decode_ether_type(frame, cursor_u16_be(&header), view);
}

enum decode_result decode_ethernet(struct span *frame, struct packet_view *view)
{
    struct cursor header = span_header(frame, ETHERNET_BYTES);

    if (header.failed)
        return frame->fault;
    cursor_skip(&header, ETHERNET_TYPE);
    return decode_type_or_length(frame, cursor_u16_be(&header), view);
}

static enum decode_result decode_cooked(struct span *frame, uint16_t type,
                                        struct packet_view *view)
{
    return type == SLL_LLC ? decode_llc(frame, view) : decode_ether_type(frame, type, view);
}

enum decode_result decode_sll(struct span *frame, struct packet_view *view)
{
    struct cursor header = span_header(frame, 16);

    cursor_skip(&header, 14); /* packet and hardware type, address */
    return decode_cooked(frame, cursor_u16_be(&header), view);
}

enum decode_result decode_sll2(struct span *frame, struct packet_view *view)
{
    struct cursor header = span_header(frame, 20); /* interface, types and address follow */

    return decode_cooked(frame, cursor_u16_be(&header), view);
}

/*
 * Systems agree on 2 for IPv4 alone. No family is as large as 2^16, so that the order of the
 * bytes shows by itself.
 */
enum decode_result decode_loopback(struct span *frame, struct packet_view *view)
{
    struct cursor header = span_header(frame, 4);
    uint32_t family = cursor_u32_be(&header);

    if (family >> 16)
        family = family >> 24 | (family >> 8 & 0xff00);
    switch (family) {
    case 2:
        return decode_ipv4(frame, view);
    case 10: /* Linux */
    case 24: /* NetBSD, OpenBSD */
    case 28: /* FreeBSD */
    case 30: /* Darwin */
        return decode_ipv6(frame, view);
    default:
        return span_reject(frame, DECODE_NOT_IP);
    }
}

/* RFC 1547, section 4.3.1. */
enum decode_result decode_cisco_hdlc(struct span *frame, struct packet_view *view)
{
    struct cursor header = span_header(frame, 4);

    cursor_skip(&header, 2); /* address, control */
    return decode_ether_type(frame, cursor_u16_be(&header), view);
}

/* Odd in its first byte: the protocol was sent as that byte alone (RFC 1661, section 6.5). */
static uint16_t read_ppp_protocol(struct span *frame)
{
    struct cursor header = span_header(frame, 1);
    uint8_t first = cursor_u8(&header);

    if (first & 1)
        return first;
    header = span_header(frame, 1);
    return (uint16_t)(first << 8 | cursor_u8(&header));
}

/*
 * The address byte is 0xff, or 0 or 1 where Linux kept the direction in it. Neither such a byte
 * before control byte 3 nor Cisco's address begins a protocol number in use.
 */
enum decode_result decode_ppp(struct span *frame, struct packet_view *view)
{
    struct cursor peek = frame->bytes;
    uint8_t address = cursor_u8(&peek);
    uint8_t control = cursor_u8(&peek);

    if (address == 0x0f || address == 0x8f)
        return decode_cisco_hdlc(frame, view);
    if (peek.failed || (control == 0x03 && (address == 0xff || address <= 1)))
        span_header(frame, 2);
    switch (read_ppp_protocol(frame)) {
    case PPP_IPV4:
        return decode_ipv4(frame, view);
    case PPP_IPV6:
        return decode_ipv6(frame, view);
    case PPP_MPLS:
    case PPP_MPLS_MULTICAST:
        return decode_mpls(frame, view);
    default:
        return span_reject(frame, DECODE_NOT_IP);
    }
}

enum decode_result decode_ppp_direction(struct span *frame, struct packet_view *view)
{
    span_header(frame, 1);
    return decode_ppp(frame, view);
}

/* RFC 2516. */
enum decode_result decode_pppoe(struct span *frame, struct packet_view *view)
{
    struct cursor header = span_header(frame, 6);
    uint8_t version_and_type = cursor_u8(&header);
    uint8_t code = cursor_u8(&header);
    uint16_t size;

    cursor_skip(&header, 2); /* session */
    size = cursor_u16_be(&header);
    if (version_and_type != 0x11 || size > frame->size)
        return span_reject(frame, DECODE_MALFORMED);
    if (code != 0 || !span_enter(frame)) /* discovery; or PPP with Cisco's header and PPPoE again */
        return span_reject(frame, DECODE_NOT_IP);
    span_trim(frame, size);
    return decode_ppp(frame, view);
}
