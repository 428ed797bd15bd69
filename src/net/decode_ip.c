/*
 * decode_ip.c - IPv4, IPv6 with its extension headers, and what is read above: TCP, UDP, ICMP echo,
 * ICMP destination unreachable.
 */
#include "net/decode_private.h"
#include "net/ip_header.h"
#include "net/ipv6_extensions.h"

enum tcp_option { /* RFC 9293, 7323, 2018 */
    OPTION_END = 0,
    OPTION_NONE = 1,
    OPTION_MSS = 2,
    OPTION_WINDOW_SCALE = 3,
    OPTION_SACK = 4,
    OPTION_TIMESTAMPS = 8
};

enum {
    MAX_WINDOW_SCALE = 14, /* RFC 7323, section 2.3: more counts as this */
    MAX_OFFLOADED_BYTES = 512 * 1024 /* what Linux hands to an interface at most */
};

/* An option counts when it has the length that its kind has; behind a SYN only timestamps do. */
static void read_tcp_option(uint8_t kind, struct cursor value, struct packet_view *view)
{
    if (kind == OPTION_TIMESTAMPS && value.left == 8) {
        view->tcp_options |= TCP_OPTION_TIMESTAMPS;
        view->tcp_timestamp = cursor_u32_be(&value);
    } else if (!(view->tcp_flags & TCP_SYN)) {
        return;
    } else if (kind == OPTION_MSS && value.left == 2) {
        view->tcp_options |= TCP_OPTION_MSS;
        view->tcp_mss = cursor_u16_be(&value);
    } else if (kind == OPTION_WINDOW_SCALE && value.left == 1) {
        uint8_t shift = cursor_u8(&value);

        view->tcp_options |= TCP_OPTION_WINDOW_SCALE;
        view->tcp_window_scale = shift < MAX_WINDOW_SCALE ? shift : MAX_WINDOW_SCALE;
    } else if (kind == OPTION_SACK && value.left == 0) {
        view->tcp_options |= TCP_OPTION_SACK;
    }
}

static void read_tcp_options(struct cursor options, struct packet_view *view)
{
    while (options.left > 0) {
        uint8_t kind = cursor_u8(&options);
        uint8_t size;
        struct cursor value;

        if (kind == OPTION_END)
            return;
        if (kind == OPTION_NONE)
            continue;
        size = cursor_u8(&options);
        if (size < 2)
            return;
        value = cursor_sub(&options, size - 2u);
        if (!value.failed)
            read_tcp_option(kind, value, view);
    }
}

/*
 * The options may be cut off without harm: a capture snapped behind 20 bytes of TCP still
 * tells who spoke when. Or they go on in the next fragment.
 */
static enum decode_result decode_tcp(struct span *ip, struct packet_view *view)
{
    struct cursor header = span_header(ip, TCP_HEADER_BYTES);
    size_t header_bytes;
    size_t options_bytes;

    if (header.failed)
        return ip->fault;
    view->source_port = cursor_u16_be(&header);
    view->destination_port = cursor_u16_be(&header);
    view->tcp_sequence = cursor_u32_be(&header);
    view->tcp_acknowledgement = cursor_u32_be(&header);
    header_bytes = (size_t)(cursor_u8(&header) >> 4) * 4;
    view->tcp_flags = cursor_u8(&header);
    view->tcp_window = cursor_u16_be(&header);
    if (header_bytes < TCP_HEADER_BYTES)
        return span_reject(ip, DECODE_MALFORMED);
    options_bytes = header_bytes - TCP_HEADER_BYTES;
    if (options_bytes > ip->size) {
        if (!view->fragment)
            return span_reject(ip, DECODE_MALFORMED);
        options_bytes = ip->size;
    }
    view->payload_bytes = (uint32_t)(ip->size - options_bytes);
    span_trim(ip, options_bytes);
    read_tcp_options(ip->bytes, view);
    return DECODE_OK;
}

/*
 * Of a datagram in fragments only what is in this first one counts as payload. Length 0
 * comes from offloading and from jumbograms: what IP says holds then.
 */
static enum decode_result decode_udp(struct span *ip, struct packet_view *view)
{
    size_t ip_payload_bytes = ip->size;
    struct cursor header = span_header(ip, UDP_HEADER_BYTES);
    size_t udp_bytes;

    if (header.failed)
        return ip->fault;
    view->source_port = cursor_u16_be(&header);
    view->destination_port = cursor_u16_be(&header);
    udp_bytes = cursor_u16_be(&header);
    if (view->fragment && udp_bytes > ip_payload_bytes)
        view->datagram_bytes = (uint32_t)(udp_bytes - UDP_HEADER_BYTES);
    if (udp_bytes == 0 || (view->fragment && udp_bytes > ip_payload_bytes))
        udp_bytes = ip_payload_bytes;
    if (udp_bytes < UDP_HEADER_BYTES || udp_bytes > ip_payload_bytes)
        return span_reject(ip, DECODE_MALFORMED);
    view->payload_bytes = (uint32_t)(udp_bytes - UDP_HEADER_BYTES);
    if (!ip->tunnels)
        return DECODE_OK;
    span_trim(ip, view->payload_bytes);
    return decode_vxlan(ip, view);
}

/* The protocol of a quoted packet whose header follows; 0 when there is none to be read. */
static uint8_t read_quoted_ip(struct cursor *quoted, struct packet_view *view)
{
    uint8_t version_and_words = cursor_u8(quoted);
    uint8_t protocol;

    if (version_and_words >> 4 == 6) {
        cursor_skip(quoted, 5); /* traffic class, flow label, length */
        protocol = cursor_u8(quoted);
        cursor_skip(quoted, 1); /* hop limit */
        cursor_copy(quoted, view->source.bytes, sizeof view->source.bytes);
        cursor_copy(quoted, view->destination.bytes, sizeof view->destination.bytes);
        return protocol;
    }
    cursor_skip(quoted, 5); /* service, length, identification */
    if (version_and_words >> 4 != 4 || (version_and_words & 0x0f) < IPV4_HEADER_BYTES / 4 ||
        (cursor_u16_be(quoted) & IPV4_OFFSET_MASK) != 0)
        return 0;
    cursor_skip(quoted, 1); /* TTL */
    protocol = cursor_u8(quoted);
    cursor_skip(quoted, 2); /* checksum */
    view->source = ip_address_from_v4(cursor_u32_be(quoted));
    view->destination = ip_address_from_v4(cursor_u32_be(quoted));
    cursor_skip(quoted, (size_t)(version_and_words & 0x0f) * 4 - IPV4_HEADER_BYTES);
    return protocol;
}

/* The view becomes that of the packet which an error quotes (RFC 792; RFC 4443, section 3.1). */
static enum decode_result decode_quoted(struct span *ip, struct packet_view *view)
{
    struct cursor quoted = ip->bytes;
    uint8_t protocol = read_quoted_ip(&quoted, view);

    view->protocol = protocol;
    view->is_unreachable = true;
    view->payload_bytes = 0;
    view->source_port = cursor_u16_be(&quoted);
    view->destination_port = cursor_u16_be(&quoted);
    if (protocol == IP_ICMP || protocol == IP_ICMPV6) { /* type and code, checksum */
        view->destination_port = view->source_port;
        view->source_port = cursor_u16_be(&quoted);
    }
    if (quoted.failed ||
        (protocol != IP_TCP && protocol != IP_UDP && protocol != IP_ICMP && protocol != IP_ICMPV6))
        return span_reject(ip, DECODE_OTHER_IP);
    return DECODE_OK;
}

struct icmp_types {
    uint8_t request, reply, unreachable;
    uint8_t too_big; /* a code of `unreachable` that says no such thing */
};

/* Request and reply get mirrored ports, so that a conversation has one 5-tuple. */
static enum decode_result decode_icmp(struct span *ip, const struct icmp_types *types,
                                      struct packet_view *view)
{
    struct cursor header = span_header(ip, ICMP_HEADER_BYTES);
    uint8_t code;
    uint16_t kind;
    uint16_t identifier;

    view->icmp_type = cursor_u8(&header);
    code = cursor_u8(&header);
    kind = (uint16_t)(types->request << 8 | code);
    cursor_skip(&header, 2); /* checksum */
    identifier = cursor_u16_be(&header);
    view->payload_bytes = (uint32_t)ip->size;
    view->source_port = view->icmp_type == types->reply ? kind : identifier;
    view->destination_port = view->icmp_type == types->reply ? identifier : kind;
    if (ip->fault != DECODE_OK)
        return ip->fault;
    if (view->icmp_type == types->unreachable && code != types->too_big && !view->fragment)
        return decode_quoted(ip, view);
    if (view->icmp_type != types->request && view->icmp_type != types->reply)
        return span_reject(ip, DECODE_OTHER_IP);
    return DECODE_OK;
}

static enum decode_result decode_either_icmp(struct span *ip, struct packet_view *view)
{
    static const struct icmp_types v4 = { ICMP_ECHO_REQUEST, ICMP_ECHO_REPLY, ICMP_UNREACHABLE, ICMP_TOO_BIG };
    static const struct icmp_types v6 = { ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REPLY, ICMPV6_UNREACHABLE, UINT8_MAX };
    bool is_v4 = ip_address_is_v4(&view->source);

    if (is_v4 != (view->protocol == IP_ICMP))
        return DECODE_OTHER_IP;
    return decode_icmp(ip, is_v4 ? &v4 : &v6, view);
}

static enum decode_result decode_transport(struct span *ip, struct packet_view *view)
{
    switch (view->protocol) {
    case IP_TCP:
        return decode_tcp(ip, view);
    case IP_UDP:
        return decode_udp(ip, view);
    case IP_ICMP:
    case IP_ICMPV6:
        return decode_either_icmp(ip, view);
    default:
        return decode_tunnel(ip, view);
    }
}

/* Behind the headers of IP. */
static enum decode_result decode_ip_payload(struct span *ip, bool later_fragment,
                                            struct packet_view *view)
{
    if (ip->fault != DECODE_OK)
        return ip->fault;
    view->transport_offset = view->ip_bytes - (uint32_t)ip->size;
    if (!later_fragment)
        return decode_transport(ip, view);
    view->later_fragment = true;
    view->payload_bytes = (uint32_t)ip->size;
    return DECODE_FRAGMENT;
}

/* `packet` begins with the header, which has been read: the packet has `size` bytes. */
static void keep_packet(const struct cursor *packet, size_t size, struct packet_view *view)
{
    view->ip = packet->at;
    view->ip_captured = (uint32_t)(packet->left < size ? packet->left : size);
    view->ip_bytes = (uint32_t)size;
}

enum decode_result decode_ipv4(struct span *ip, struct packet_view *view)
{
    const struct cursor packet = ip->bytes;
    size_t frame_bytes = ip->size;
    struct cursor header = span_header(ip, IPV4_HEADER_BYTES);
    uint8_t version_and_words;
    size_t header_bytes;
    size_t total_bytes;
    uint16_t fragment;

    if (header.failed)
        return ip->fault;
    version_and_words = cursor_u8(&header);
    header_bytes = (size_t)(version_and_words & 0x0f) * 4;
    cursor_skip(&header, 1); /* service */
    total_bytes = cursor_u16_be(&header);
    view->ip_id = cursor_u16_be(&header);
    fragment = cursor_u16_be(&header);
    view->ttl = cursor_u8(&header);
    view->protocol = cursor_u8(&header);
    cursor_skip(&header, 2); /* checksum */
    view->source = ip_address_from_v4(cursor_u32_be(&header));
    view->destination = ip_address_from_v4(cursor_u32_be(&header));
    if (total_bytes == 0 && frame_bytes <= MAX_OFFLOADED_BYTES)
        total_bytes = frame_bytes; /* a packet captured before offloading cut it up */
    if (version_and_words >> 4 != 4 || header_bytes < IPV4_HEADER_BYTES ||
        total_bytes < header_bytes || total_bytes > frame_bytes)
        return span_reject(ip, DECODE_MALFORMED);
    keep_packet(&packet, total_bytes, view);
    span_trim(ip, total_bytes - IPV4_HEADER_BYTES);
    if (header_bytes > IPV4_HEADER_BYTES)
        span_header(ip, header_bytes - IPV4_HEADER_BYTES);
    view->fragment = fragment & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET_MASK);
    return decode_ip_payload(ip, fragment & IPV4_OFFSET_MASK, view);
}

/* Off the span. One that is cut is a fault of it. */
static struct ipv6_extensions take_ipv6_extensions(struct span *ip, uint8_t next)
{
    struct ipv6_extensions extensions = ipv6_extensions_at(next, ip->bytes.at, ip->bytes.left);

    span_header(ip, extensions.bytes);
    if (extensions.cut_bytes > 0)
        span_header(ip, extensions.cut_bytes);
    return extensions;
}

enum decode_result decode_ipv6(struct span *ip, struct packet_view *view)
{
    const struct cursor packet = ip->bytes;
    struct cursor header = span_header(ip, IPV6_HEADER_BYTES);
    struct ipv6_extensions extensions;
    uint8_t version, next;
    size_t payload_bytes;

    if (header.failed)
        return ip->fault;
    version = cursor_u8(&header) >> 4;
    cursor_skip(&header, 3); /* traffic class, flow label */
    payload_bytes = cursor_u16_be(&header);
    next = cursor_u8(&header);
    view->ttl = cursor_u8(&header);
    cursor_copy(&header, view->source.bytes, sizeof view->source.bytes);
    cursor_copy(&header, view->destination.bytes, sizeof view->destination.bytes);
    if (payload_bytes == 0)
        payload_bytes = ip->size; /* a jumbogram, or captured before offloading cut it up */
    if (version != 6 || payload_bytes > ip->size || payload_bytes > MAX_OFFLOADED_BYTES)
        return span_reject(ip, DECODE_MALFORMED);
    keep_packet(&packet, IPV6_HEADER_BYTES + payload_bytes, view);
    span_trim(ip, payload_bytes);
    extensions = take_ipv6_extensions(ip, next);
    view->protocol = extensions.next;
    view->fragment = extensions.is_fragment;
    view->ip_id = extensions.fragment_id;
    return decode_ip_payload(ip, extensions.is_later_fragment, view);
}

enum decode_result decode_ip(struct span *ip, struct packet_view *view)
{
    struct cursor peek = ip->bytes;
    uint8_t version = cursor_u8(&peek) >> 4;

    if (version == 6)
        return decode_ipv6(ip, view);
    return decode_ipv4(ip, view); /* which rejects what is not 4 */
}
