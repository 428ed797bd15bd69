/*
 * decode_ip.c - IPv4, IPv6 with its extension headers, and what is read above: TCP, UDP, ICMP echo,
 * ICMP destination unreachable.
 */
#include "net/decode_private.h"

enum ipv6_extension {
    IPV6_HOP_BY_HOP = 0,
    IPV6_ROUTING = 43,
    IPV6_FRAGMENT = 44,
    IPV6_AUTHENTICATION = 51,
    IPV6_DESTINATION = 60,
    IPV6_MOBILITY = 135
};

enum tcp_option { /* RFC 9293, 7323, 2018 */
    OPTION_END = 0,
    OPTION_NONE = 1,
    OPTION_MSS = 2,
    OPTION_WINDOW_SCALE = 3,
    OPTION_SACK = 4,
    OPTION_TIMESTAMPS = 8
};

enum {
    IPV4_HEADER_BYTES = 20,
    IPV6_HEADER_BYTES = 40,
    IPV6_FRAGMENT_BYTES = 8,
    TCP_HEADER_BYTES = 20,
    UDP_HEADER_BYTES = 8,
    ICMP_ECHO_BYTES = 8,
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
    const uint16_t offset_mask = 0x1fff;
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
        (cursor_u16_be(quoted) & offset_mask) != 0)
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
    struct cursor header = span_header(ip, ICMP_ECHO_BYTES);
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
    static const struct icmp_types v4 = { 8, 0, 3, 4 };
    static const struct icmp_types v6 = { 128, 129, 1, UINT8_MAX };
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
    const uint16_t more_fragments = 0x2000;
    const uint16_t offset_mask = 0x1fff;
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
    view->fragment = fragment & (more_fragments | offset_mask);
    return decode_ip_payload(ip, fragment & offset_mask, view);
}

/* What IPv6 puts between its header and the transport's. */
struct ipv6_chain {
    uint8_t next;
    bool fragment; /* one piece of several */
    bool later_fragment;
    uint32_t id;
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
    chain->fragment = fragment & (offset_mask | more_fragments);
    chain->later_fragment = fragment & offset_mask;
    chain->id = cursor_u32_be(&header);
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

enum decode_result decode_ipv6(struct span *ip, struct packet_view *view)
{
    const struct cursor packet = ip->bytes;
    struct cursor header = span_header(ip, IPV6_HEADER_BYTES);
    struct ipv6_chain chain = { 0 };
    uint8_t version;
    size_t payload_bytes;

    if (header.failed)
        return ip->fault;
    version = cursor_u8(&header) >> 4;
    cursor_skip(&header, 3); /* traffic class, flow label */
    payload_bytes = cursor_u16_be(&header);
    chain.next = cursor_u8(&header);
    view->ttl = cursor_u8(&header);
    cursor_copy(&header, view->source.bytes, sizeof view->source.bytes);
    cursor_copy(&header, view->destination.bytes, sizeof view->destination.bytes);
    if (payload_bytes == 0)
        payload_bytes = ip->size; /* a jumbogram, or captured before offloading cut it up */
    if (version != 6 || payload_bytes > ip->size || payload_bytes > MAX_OFFLOADED_BYTES)
        return span_reject(ip, DECODE_MALFORMED);
    keep_packet(&packet, IPV6_HEADER_BYTES + payload_bytes, view);
    span_trim(ip, payload_bytes);
    walk_ipv6_extensions(ip, &chain);
    view->protocol = chain.next;
    view->fragment = chain.fragment;
    view->ip_id = chain.id;
    return decode_ip_payload(ip, chain.later_fragment, view);
}

enum decode_result decode_ip(struct span *ip, struct packet_view *view)
{
    struct cursor peek = ip->bytes;
    uint8_t version = cursor_u8(&peek) >> 4;

    if (version == 6)
        return decode_ipv6(ip, view);
    return decode_ipv4(ip, view); /* which rejects what is not 4 */
}
