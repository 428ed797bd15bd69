#include "net/decode.h"

#include "base/cursor.h"

enum ether_type {
    ETHER_IPV4 = 0x0800,
    ETHER_VLAN = 0x8100,
    ETHER_IPV6 = 0x86dd,
    ETHER_QINQ = 0x88a8,
    ETHER_QINQ_OLD = 0x9100
};

enum ipv6_extension {
    IPV6_HOP_BY_HOP = 0,
    IPV6_ROUTING = 43,
    IPV6_FRAGMENT = 44,
    IPV6_AUTHENTICATION = 51,
    IPV6_DESTINATION = 60,
    IPV6_MOBILITY = 135
};

enum {
    IPV4_HEADER_BYTES = 20,
    IPV6_HEADER_BYTES = 40,
    IPV6_FRAGMENT_BYTES = 8,
    TCP_HEADER_BYTES = 20,
    UDP_HEADER_BYTES = 8,
    ICMP_ECHO_BYTES = 8,
    OPTION_END = 0,
    OPTION_NONE = 1,
    OPTION_MSS = 2,
    OPTION_MSS_BYTES = 4
};

/*
 * A stretch of the frame: how long it is by the headers around it, and the part of it that
 * was captured. The first header that does not fit decides why the frame gives no view.
 */
struct span {
    struct cursor bytes; /* at most `size` of them */
    size_t size;
    enum decode_result fault;
};

/* A cursor over a header of `size` bytes, which the span skips. */
static struct cursor span_header(struct span *span, size_t size)
{
    if (span->fault == DECODE_OK && size > span->size)
        span->fault = DECODE_MALFORMED;
    if (span->fault == DECODE_OK && size > span->bytes.left)
        span->fault = DECODE_CUT;
    if (span->fault != DECODE_OK)
        return (struct cursor){ .failed = true };
    span->size -= size;
    return cursor_sub(&span->bytes, size);
}

/* What is left is `size` bytes by a header's word: the rest is padding. */
static void span_trim(struct span *span, size_t size)
{
    span->size = size;
    if (span->bytes.left > size)
        span->bytes.left = size;
}

/* Gives up on the span for a reason of the caller's, unless it has one already. */
static enum decode_result span_reject(struct span *span, enum decode_result reason)
{
    if (span->fault == DECODE_OK)
        span->fault = reason;
    return span->fault;
}

static uint16_t read_tcp_mss(struct cursor options)
{
    while (options.left > 0) {
        uint8_t kind = cursor_u8(&options);
        uint8_t size;

        if (kind == OPTION_END)
            break;
        if (kind == OPTION_NONE)
            continue;
        size = cursor_u8(&options);
        if (size < 2)
            break;
        if (kind == OPTION_MSS && size == OPTION_MSS_BYTES)
            return cursor_u16_be(&options);
        cursor_skip(&options, size - 2u);
    }
    return 0;
}

/*
 * The options may be cut off without harm: a capture snapped behind 20 bytes of TCP still
 * tells who spoke when.
 */
static enum decode_result decode_tcp(struct span *ip, struct packet_view *view)
{
    struct cursor header = span_header(ip, TCP_HEADER_BYTES);
    size_t header_bytes;

    view->source_port = cursor_u16_be(&header);
    view->destination_port = cursor_u16_be(&header);
    view->tcp_sequence = cursor_u32_be(&header);
    view->tcp_acknowledgement = cursor_u32_be(&header);
    header_bytes = (size_t)(cursor_u8(&header) >> 4) * 4;
    view->tcp_flags = cursor_u8(&header);
    view->tcp_window = cursor_u16_be(&header);
    if (header_bytes < TCP_HEADER_BYTES || header_bytes - TCP_HEADER_BYTES > ip->size)
        return span_reject(ip, DECODE_MALFORMED);
    view->payload_bytes = (uint32_t)(ip->size - (header_bytes - TCP_HEADER_BYTES));
    span_trim(ip, header_bytes - TCP_HEADER_BYTES);
    if (view->tcp_flags & TCP_SYN)
        view->tcp_mss = read_tcp_mss(ip->bytes);
    return ip->fault;
}

/*
 * Of a datagram in fragments only what is in this first one counts as payload. Length 0
 * comes from offloading and from jumbograms: what IP says holds then.
 */
static enum decode_result decode_udp(struct span *ip, bool first_fragment, struct packet_view *view)
{
    size_t ip_payload_bytes = ip->size;
    struct cursor header = span_header(ip, UDP_HEADER_BYTES);
    size_t udp_bytes;

    view->source_port = cursor_u16_be(&header);
    view->destination_port = cursor_u16_be(&header);
    udp_bytes = cursor_u16_be(&header);
    if (udp_bytes == 0 || (first_fragment && udp_bytes > ip_payload_bytes))
        udp_bytes = ip_payload_bytes;
    if (udp_bytes < UDP_HEADER_BYTES || udp_bytes > ip_payload_bytes)
        return span_reject(ip, DECODE_MALFORMED);
    view->payload_bytes = (uint32_t)(udp_bytes - UDP_HEADER_BYTES);
    return ip->fault;
}

/* Request and reply get mirrored ports, so that a conversation has one 5-tuple. */
static enum decode_result decode_echo(struct span *ip, uint8_t request, uint8_t reply,
                                      struct packet_view *view)
{
    struct cursor header = span_header(ip, ICMP_ECHO_BYTES);
    uint16_t kind;
    uint16_t identifier;

    view->icmp_type = cursor_u8(&header);
    kind = (uint16_t)(request << 8 | cursor_u8(&header));
    cursor_skip(&header, 2); /* checksum */
    identifier = cursor_u16_be(&header);
    view->payload_bytes = (uint32_t)ip->size;
    view->source_port = view->icmp_type == reply ? kind : identifier;
    view->destination_port = view->icmp_type == reply ? identifier : kind;
    if (view->icmp_type != request && view->icmp_type != reply)
        return span_reject(ip, DECODE_OTHER_IP);
    return ip->fault;
}

static enum decode_result decode_transport(struct span *ip, bool first_fragment,
                                           struct packet_view *view)
{
    switch (view->protocol) {
    case IP_TCP:
        return decode_tcp(ip, view);
    case IP_UDP:
        return decode_udp(ip, first_fragment, view);
    case IP_ICMP:
        return ip_address_is_v4(&view->source) ? decode_echo(ip, 8, 0, view) : DECODE_OTHER_IP;
    case IP_ICMPV6:
        return ip_address_is_v4(&view->source) ? DECODE_OTHER_IP : decode_echo(ip, 128, 129, view);
    default:
        return DECODE_OTHER_IP;
    }
}

static enum decode_result decode_ipv4(struct span *ip, struct packet_view *view)
{
    const uint16_t more_fragments = 0x2000;
    const uint16_t offset_mask = 0x1fff;
    size_t frame_bytes = ip->size;
    struct cursor header = span_header(ip, IPV4_HEADER_BYTES);
    uint8_t version_and_words = cursor_u8(&header);
    size_t header_bytes = (size_t)(version_and_words & 0x0f) * 4;
    size_t total_bytes;
    uint16_t fragment;

    cursor_skip(&header, 1); /* service */
    total_bytes = cursor_u16_be(&header);
    cursor_skip(&header, 2); /* identification */
    fragment = cursor_u16_be(&header);
    view->ttl = cursor_u8(&header);
    view->protocol = cursor_u8(&header);
    cursor_skip(&header, 2); /* checksum */
    view->source = ip_address_from_v4(cursor_u32_be(&header));
    view->destination = ip_address_from_v4(cursor_u32_be(&header));
    if (total_bytes == 0)
        total_bytes = frame_bytes; /* a packet captured before offloading cut it up */
    if (version_and_words >> 4 != 4 || header_bytes < IPV4_HEADER_BYTES ||
        total_bytes < header_bytes || total_bytes > frame_bytes)
        return span_reject(ip, DECODE_MALFORMED);
    span_trim(ip, total_bytes - IPV4_HEADER_BYTES);
    span_header(ip, header_bytes - IPV4_HEADER_BYTES);
    view->ip_bytes = (uint32_t)total_bytes;
    if (fragment & offset_mask)
        return span_reject(ip, DECODE_FRAGMENT);
    return decode_transport(ip, fragment & more_fragments, view);
}

/* What IPv6 puts between its header and the transport's. */
struct ipv6_chain {
    uint8_t next;
    bool first_fragment;
    bool later_fragment;
};

static void read_ipv6_fragment(struct span *ip, struct ipv6_chain *chain)
{
    const uint16_t offset_mask = 0xfff8;
    const uint16_t more_fragments = 1;
    struct cursor header = span_header(ip, IPV6_FRAGMENT_BYTES);
    uint16_t fragment;

    chain->next = cursor_u8(&header);
    cursor_skip(&header, 1); /* reserved */
    fragment = cursor_u16_be(&header);
    chain->later_fragment = fragment & offset_mask;
    chain->first_fragment = !chain->later_fragment && (fragment & more_fragments);
}

/* An extension that tells its own length, in units of `unit` bytes beyond `base`. */
static void skip_ipv6_extension(struct span *ip, struct ipv6_chain *chain, size_t base, size_t unit)
{
    struct cursor header = span_header(ip, 2);
    size_t size;

    chain->next = cursor_u8(&header);
    size = base + cursor_u8(&header) * unit;
    span_header(ip, size - 2);
}

/* Ends at a header that is no extension, behind which nothing can be read or at a fault. */
static void walk_ipv6_extensions(struct span *ip, struct ipv6_chain *chain)
{
    while (ip->fault == DECODE_OK && !chain->later_fragment) {
        switch (chain->next) {
        case IPV6_HOP_BY_HOP:
        case IPV6_ROUTING:
        case IPV6_DESTINATION:
        case IPV6_MOBILITY:
            skip_ipv6_extension(ip, chain, 8, 8);
            break;
        case IPV6_AUTHENTICATION:
            skip_ipv6_extension(ip, chain, 8, 4);
            break;
        case IPV6_FRAGMENT:
            read_ipv6_fragment(ip, chain);
            break;
        default:
            return;
        }
    }
}

static enum decode_result decode_ipv6(struct span *ip, struct packet_view *view)
{
    struct cursor header = span_header(ip, IPV6_HEADER_BYTES);
    struct ipv6_chain chain = { 0 };
    uint8_t version = cursor_u8(&header) >> 4;
    size_t payload_bytes;

    cursor_skip(&header, 3); /* traffic class, flow label */
    payload_bytes = cursor_u16_be(&header);
    chain.next = cursor_u8(&header);
    view->ttl = cursor_u8(&header);
    cursor_copy(&header, view->source.bytes, sizeof view->source.bytes);
    cursor_copy(&header, view->destination.bytes, sizeof view->destination.bytes);
    if (payload_bytes == 0)
        payload_bytes = ip->size; /* a jumbogram, or captured before offloading cut it up */
    if (version != 6 || payload_bytes > ip->size)
        return span_reject(ip, DECODE_MALFORMED);
    span_trim(ip, payload_bytes);
    view->ip_bytes = (uint32_t)(IPV6_HEADER_BYTES + payload_bytes);
    walk_ipv6_extensions(ip, &chain);
    view->protocol = chain.next;
    if (ip->fault != DECODE_OK)
        return ip->fault;
    if (chain.later_fragment)
        return DECODE_FRAGMENT;
    return decode_transport(ip, chain.first_fragment, view);
}

/* By the protocol number that Ethernet and the cooked headers share. */
static enum decode_result decode_ether_type(struct span *frame, uint16_t type,
                                            struct packet_view *view)
{
    while (type == ETHER_VLAN || type == ETHER_QINQ || type == ETHER_QINQ_OLD) {
        struct cursor tag = span_header(frame, 4);

        cursor_skip(&tag, 2); /* priority and number of the VLAN */
        type = cursor_u16_be(&tag);
    }
    if (type == ETHER_IPV4)
        return decode_ipv4(frame, view);
    if (type == ETHER_IPV6)
        return decode_ipv6(frame, view);
    return span_reject(frame, DECODE_NOT_IP);
}

static enum decode_result decode_ethernet(struct span *frame, struct packet_view *view)
{
    struct cursor header = span_header(frame, 14);

    cursor_skip(&header, 12); /* addresses */
    return decode_ether_type(frame, cursor_u16_be(&header), view);
}

static enum decode_result decode_sll(struct span *frame, struct packet_view *view)
{
    struct cursor header = span_header(frame, 16);

    cursor_skip(&header, 14); /* packet and hardware type, address */
    return decode_ether_type(frame, cursor_u16_be(&header), view);
}

static enum decode_result decode_sll2(struct span *frame, struct packet_view *view)
{
    struct cursor header = span_header(frame, 20); /* interface, types and address follow */

    return decode_ether_type(frame, cursor_u16_be(&header), view);
}

static enum decode_result decode_raw_ip(struct span *frame, struct packet_view *view)
{
    struct cursor peek = frame->bytes;
    uint8_t version = cursor_u8(&peek) >> 4;

    if (version == 6)
        return decode_ipv6(frame, view);
    return decode_ipv4(frame, view); /* which rejects what is not 4 */
}

/*
 * Systems agree on 2 for IPv4 alone. No family is as large as 2^16, so that the order of the
 * bytes shows by itself.
 */
static enum decode_result decode_loopback(struct span *frame, struct packet_view *view)
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

enum decode_result decode_frame(enum decode_link link, const uint8_t *bytes, size_t captured,
                                size_t original, struct packet_view *view)
{
    struct span frame = { cursor_of(bytes, captured), original, DECODE_OK };
    struct day_time time = view->time;

    if (frame.size < captured)
        frame.size = captured; /* a length on the wire that cannot be true */
    *view = (struct packet_view){ .time = time };
    switch (link) {
    case DECODE_ETHERNET:
        return decode_ethernet(&frame, view);
    case DECODE_LINUX_SLL:
        return decode_sll(&frame, view);
    case DECODE_LINUX_SLL2:
        return decode_sll2(&frame, view);
    case DECODE_RAW_IP:
        return decode_raw_ip(&frame, view);
    case DECODE_NULL:
    case DECODE_LOOP:
        return decode_loopback(&frame, view);
    }
    return DECODE_MALFORMED;
}

const char *decode_result_name(enum decode_result result)
{
    static const char *const names[DECODE_RESULTS] = {
        [DECODE_OK] = "decoded",
        [DECODE_NOT_IP] = "not IP",
        [DECODE_OTHER_IP] = "IP, but not TCP, UDP or ping",
        [DECODE_FRAGMENT] = "later fragment",
        [DECODE_MALFORMED] = "malformed",
        [DECODE_CUT] = "cut by the snaplen",
    };

    return names[result];
}
