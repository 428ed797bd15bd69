#include "session/frame_template.h"

#include <libnet.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "dayshift/frame.h"
#include "net/wire.h"
#include "session/datagram.h"
#include "session/tcp_options.h"

enum {
    TAG_AT = 12, /* behind the addresses, IEEE 802.1Q */
    IP_AT = FRAME_ETHERNET_BYTES,
    TRANSPORT_AT = FRAME_ETHERNET_BYTES + FRAME_IP_BYTES,
    TRANSPORT6_AT = FRAME_ETHERNET_BYTES + FRAME_IPV6_BYTES,
    ICMP_ECHO_REQUEST = 8,
    ICMP_ECHO_ANSWER = 0,
    ICMP_UNREACHABLE = 3,
    ICMPV6_UNREACHABLE = 1,
    ICMPV6_ECHO_REQUEST = 128,
    ICMPV6_ECHO_ANSWER = 129,
    ICMP_BYTES = 8,
    UDP_BYTES = 8,
    QUOTED6_MOST = FLOW_LEAST_MTU - FRAME_IPV6_BYTES - ICMP_BYTES, /* of a packet, in an error about it */
    CHUNK_BYTES = 1024 /* even: sums of chunks add up */
};

enum { IP_DONT_FRAGMENT = 0x4000, IP_MORE_FRAGMENTS = 0x2000, IP_FRAGMENT_UNIT = 8 };
/* IPv6: offsets in the header, and what is in its extension for fragments (RFC 8200, section 4.5). */
enum { IPV6_LENGTH = 4, IPV6_NEXT = 6, IPV6_HOPS = 7, IPV6_SOURCE = 8, IPV6_DESTINATION = 24, IPV6_ADDRESS = 16 };
enum { NEXT_FRAGMENT = 44, FRAGMENT_HAS_MORE = 1, FLOW_LABELS = 1 << 20 };

enum { UNREACHABLE6_ADDRESS = 3, UNREACHABLE6_PORT = 4 }; /* RFC 4443, section 3.1 */
enum { UNREACHABLE_HOST = 1, UNREACHABLE_PORT = 3, TOS_OF_ERRORS = 0xc0 /* RFC 1812, section 4.3.2.5 */ };

/* Sessions of one host that begin one after the other go on counting, roughly. */
#define IP_ID_STEP_NS (16 * NS_PER_MS)

/* Of the transport's checksum in its header. */
static uint32_t checksum_offset(uint8_t protocol)
{
    return protocol == IP_TCP ? 16 : protocol == IP_UDP ? 6 : 2;
}

/* Headers that lack what a session has of its own; 0 behind the shorter ones. */
struct headers {
    uint8_t bytes[FRAME_TEMPLATE_MAX];
};

struct frame_builder {
    struct headers tcp[IP_FAMILIES], udp[IP_FAMILIES], icmp[IP_FAMILIES];
};

/* Addresses, ports, lengths, numbers and checksums are left 0. */
static int put_transport(libnet_t *l, uint8_t protocol, enum ip_family family)
{
    if (protocol == IP_TCP)
        return libnet_build_tcp(0, 0, 0, 0, 0, 0, 0, 0, LIBNET_TCP_H, NULL, 0, l, 0);
    if (protocol == IP_UDP)
        return libnet_build_udp(0, 0, LIBNET_UDP_H, 0, NULL, 0, l, 0);
    return family == IP_FAMILY_4 ? libnet_build_icmpv4_echo(ICMP_ECHO_REQUEST, 0, 0, 0, 0, NULL, 0, l, 0)
                                 : libnet_build_icmpv6_echo(ICMPV6_ECHO_REQUEST, 0, 0, 0, 0, NULL, 0, l, 0);
}

static int put_ip(libnet_t *l, uint8_t protocol, enum ip_family family)
{
    static const struct libnet_in6_addr nobody;

    if (family == IP_FAMILY_4)
        return libnet_build_ipv4(LIBNET_IPV4_H, 0, 0, IP_DONT_FRAGMENT, 0, protocol, 0, 0, 0, NULL, 0, l, 0);
    return libnet_build_ipv6(0, 0, 0, protocol == IP_ICMP ? IP_ICMPV6 : protocol, 0, nobody, nobody, NULL, 0, l, 0);
}

static int put_headers(libnet_t *l, uint8_t protocol, enum ip_family family)
{
    static const uint8_t nobody[6];

    if (put_transport(l, protocol, family) < 0 || put_ip(l, protocol, family) < 0 ||
        libnet_build_ethernet(nobody, nobody, family == IP_FAMILY_4 ? ETHERTYPE_IP : ETHERTYPE_IPV6, NULL, 0, l, 0) < 0)
        return -1;
    return 0;
}

static int build_headers(libnet_t *l, struct headers *headers, uint8_t protocol, enum ip_family family,
                         struct error *err)
{
    uint32_t transport_at = family == IP_FAMILY_4 ? TRANSPORT_AT : TRANSPORT6_AT;
    uint8_t *bytes;
    uint32_t size;

    libnet_clear_packet(l);
    if (put_headers(l, protocol, family) < 0 || libnet_pblock_coalesce(l, &bytes, &size) < 0)
        return error_set(err, "libnet: %s", libnet_geterror(l));
    if (size <= sizeof headers->bytes)
        memcpy(headers->bytes, bytes, size);
    libnet_adv_free_packet(l, bytes);
    if (size > sizeof headers->bytes)
        return error_set(err, "libnet: headers of %u bytes", size);
    if (family == IP_FAMILY_4)
        wire_put_u16(headers->bytes + IP_AT + 10, 0);
    wire_put_u16(headers->bytes + transport_at + checksum_offset(protocol), 0);
    return 0;
}

static int build_family(libnet_t *l, struct frame_builder *builder, enum ip_family family, struct error *err)
{
    if (build_headers(l, &builder->tcp[family], IP_TCP, family, err) < 0 ||
        build_headers(l, &builder->udp[family], IP_UDP, family, err) < 0)
        return -1;
    return build_headers(l, &builder->icmp[family], IP_ICMP, family, err);
}

struct frame_builder *frame_builder_new(struct error *err)
{
    char reason[LIBNET_ERRBUF_SIZE];
    /* No injection: libnet only puts headers together, which needs no privilege. */
    libnet_t *l = libnet_init(LIBNET_NONE, NULL, reason);
    struct frame_builder *builder;

    if (l == NULL) {
        error_set(err, "libnet: %s", reason);
        return NULL;
    }
    builder = memory_alloc(sizeof *builder);
    if (build_family(l, builder, IP_FAMILY_4, err) < 0 || build_family(l, builder, IP_FAMILY_6, err) < 0) {
        free(builder);
        builder = NULL;
    }
    libnet_destroy(l);
    return builder;
}

void frame_builder_free(struct frame_builder *builder)
{
    free(builder);
}

static const struct headers *headers_of(const struct frame_builder *builder, uint8_t protocol, enum ip_family family)
{
    return protocol == IP_TCP ? &builder->tcp[family] : protocol == IP_UDP ? &builder->udp[family] : &builder->icmp[family];
}

/*
 * Not 0, as a stack has it that names its flows (RFC 6437): the same as long as a connection, whichever sessions it
 * is played by.
 */
static uint32_t flow_label(const struct flow_plan *plan, enum flow_side side)
{
    const struct flow_end *ends = plan->ends;
    uint64_t names = (uint64_t)ends[FLOW_INITIATOR].name << 32 | ends[FLOW_RESPONDER].name;
    uint64_t ports = (uint64_t)ends[FLOW_INITIATOR].port << 16 | ends[FLOW_RESPONDER].port;
    uint64_t hash = random_mix64(names ^ random_mix64(ports << 16 | (uint64_t)plan->protocol << 8 | side));

    return 1 + (uint32_t)(hash >> 32) % (FLOW_LABELS - 1);
}

static void patch_ipv4_ends(uint8_t *ip, const struct flow_end *from, const struct flow_end *to, uint8_t ttl)
{
    ip[8] = ttl;
    memcpy(ip + 12, from->address.bytes + 12, 4);
    memcpy(ip + 16, to->address.bytes + 12, 4);
}

static void patch_ipv6_ends(uint8_t *ip, const struct flow_end *from, const struct flow_end *to, uint8_t hops,
                            uint32_t label)
{
    wire_put_u32(ip, UINT32_C(6) << 28 | label);
    ip[IPV6_HOPS] = hops;
    memcpy(ip + IPV6_SOURCE, from->address.bytes, IPV6_ADDRESS);
    memcpy(ip + IPV6_DESTINATION, to->address.bytes, IPV6_ADDRESS);
}

static void patch_ports(uint8_t *transport, const struct flow_plan *plan, bool is_ipv6, enum flow_side side)
{
    static const uint8_t echo[2][2] = { { ICMP_ECHO_REQUEST, ICMP_ECHO_ANSWER },
                                        { ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_ANSWER } };

    if (plan->protocol == IP_ICMP) {
        transport[0] = echo[is_ipv6][side];
        wire_put_u16(transport + 4, plan->ends[FLOW_INITIATOR].port);
        return;
    }
    wire_put_u16(transport, plan->ends[side].port);
    wire_put_u16(transport + 2, plan->ends[!side].port);
}

/* What stays the same in all packets of a side. */
static void patch_ends(uint8_t *bytes, const struct flow_plan *plan, const struct stack_profile *stack,
                       enum flow_side side)
{
    static const uint8_t nobody[6];
    const struct flow_end *from = &plan->ends[side];
    const struct flow_end *to = &plan->ends[!side];
    bool is_direct = memcmp(from->next_hop, nobody, sizeof nobody) == 0;
    bool is_ipv6 = flow_plan_is_ipv6(plan);

    memcpy(bytes, is_direct ? to->mac : from->next_hop, sizeof to->mac);
    memcpy(bytes + sizeof to->mac, from->mac, sizeof from->mac);
    if (is_ipv6)
        patch_ipv6_ends(bytes + IP_AT, from, to, stack->ttl[side], flow_label(plan, side));
    else
        patch_ipv4_ends(bytes + IP_AT, from, to, stack->ttl[side]);
    patch_ports(bytes + (is_ipv6 ? TRANSPORT6_AT : TRANSPORT_AT), plan, is_ipv6, side);
}

/* Where the counters of a host stand: the same in all its sessions. */
static void begin_counters(struct frame_template *frame, const struct flow_plan *plan,
                           const struct stack_profile *stack, enum flow_side side)
{
    uint64_t host = random_mix64(plan->ends[side].name);

    frame->ip_id_kind = stack->ip_id[side];
    frame->ip_id = (uint16_t)((host >> 48) + (uint64_t)(plan->start.ns / IP_ID_STEP_NS));
    frame->clock_base = (uint32_t)host;
    frame->tick_ns = (uint32_t)(NS_PER_SECOND / stack->timestamp_hz[side]);
}

/* In 32 bits, as carries go around in them as in 16. */
static uint32_t folded(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    return (uint32_t)(sum + (sum >> 32));
}

/* Sums over what does not change: the addresses, and the rest of a header of IPv4. */
static void begin_sums(struct frame_template *frame)
{
    const uint8_t protocol[2] = { 0, frame->protocol };
    const uint8_t *ip = frame->bytes + IP_AT;
    uint64_t sum = frame->is_ipv6 ? checksum_add(0, ip + IPV6_SOURCE, 2 * IPV6_ADDRESS) : checksum_add(0, ip + 12, 8);

    frame->address_sum = folded(checksum_add(sum, protocol, sizeof protocol));
    if (!frame->is_ipv6)
        frame->ip_sum = folded(checksum_add(checksum_add(0, ip, 2), ip + 8, 12));
}

void frame_template_build(const struct frame_builder *builder, struct frame_template *frame,
                          const struct flow_plan *plan, const struct stack_profile *stack, enum flow_side side)
{
    enum ip_family family = ip_address_family(&plan->ends[side].address);
    const struct headers *headers = headers_of(builder, plan->protocol, family);

    memset(frame, 0, sizeof *frame);
    memcpy(frame->bytes, headers->bytes, sizeof frame->bytes);
    frame->protocol = flow_plan_ip_protocol(plan);
    frame->is_ipv6 = family == IP_FAMILY_6;
    frame->transport_at = frame->is_ipv6 ? TRANSPORT6_AT : TRANSPORT_AT;
    frame->ip_payload = flow_plan_ip_payload(plan);
    frame->link = plan->ends[side].link;
    frame->vlan = plan->ends[side].vlan;
    patch_ends(frame->bytes, plan, stack, side);
    begin_sums(frame);
    begin_counters(frame, plan, stack, side);
}

/* ---- IP ---- */

/* Pieces of a packet are told from others by their identification, whatever whole packets have. */
static uint16_t as_ip_id(const struct frame_template *frame, uint16_t count, bool is_piece)
{
    switch ((enum ip_id_kind)frame->ip_id_kind) {
    case IP_ID_ZERO:
        return is_piece ? count : 0;
    case IP_ID_RANDOM:
        return (uint16_t)(random_mix64((uint64_t)frame->clock_base << 16 | count) >> 32);
    default:
        return count;
    }
}

/* A stack counts in the order in which it sends, not in that of arrival. */
static uint16_t next_ip_id(struct frame_template *frame, const struct session_packet *packet)
{
    bool is_piece = packet->piece_bytes > 0;
    uint16_t count = frame->ip_id;

    if (packet->fate == FATE_COPY || packet->piece_offset > 0)
        return as_ip_id(frame, (uint16_t)(count - 1), is_piece);
    if (packet->fate == FATE_AHEAD)
        return as_ip_id(frame, (uint16_t)(count + 1), is_piece);
    frame->ip_id = (uint16_t)(count + (packet->fate == FATE_BEHIND ? 2 : 1));
    return as_ip_id(frame, count, is_piece);
}

/* Of pieces their place; whole packets of every stack are not to be cut. */
static uint16_t fragment_field(const struct session_packet *packet)
{
    if (packet->piece_bytes == 0)
        return IP_DONT_FRAGMENT;
    return (uint16_t)((packet->has_more_pieces ? IP_MORE_FRAGMENTS : 0) | packet->piece_offset / IP_FRAGMENT_UNIT);
}

/* What a packet has of its own in the header of its session. */
static void patch_ip(const struct frame_template *frame, const struct session_packet *packet, uint8_t *ip,
                     uint16_t length, uint16_t id)
{
    uint16_t fragment = fragment_field(packet);

    wire_put_u16(ip + 2, length);
    wire_put_u16(ip + 4, id);
    wire_put_u16(ip + 6, fragment);
    wire_put_u16(ip + 10, checksum_finish((uint64_t)frame->ip_sum + htons(length) + htons(id) + htons(fragment)));
}

static void patch_ipv6(uint8_t *ip, uint32_t payload_bytes)
{
    wire_put_u16(ip + IPV6_LENGTH, (uint16_t)payload_bytes);
}

/* The extension header of a piece; identifications cannot be foretold (RFC 7739), whatever IPv4 has. */
static void put_fragment_header(const struct frame_template *frame, const struct session_packet *packet, uint16_t id,
                                uint8_t *ip)
{
    uint8_t *fragment = ip + FRAME_IPV6_BYTES;

    ip[IPV6_NEXT] = NEXT_FRAGMENT;
    fragment[0] = frame->protocol;
    fragment[1] = 0;
    wire_put_u16(fragment + 2, (uint16_t)(packet->piece_offset | (packet->has_more_pieces ? FRAGMENT_HAS_MORE : 0)));
    wire_put_u32(fragment + 4, (uint32_t)(random_mix64((uint64_t)frame->clock_base << 16 | id) >> 16));
}

/* What a packet, or a piece, has of its own in the headers of IPv6. */
static void finish_ipv6(const struct frame_template *frame, const struct session_packet *packet, uint8_t *ip,
                        uint32_t length, uint16_t id)
{
    if (packet->piece_bytes > 0) {
        put_fragment_header(frame, packet, id, ip);
        length += FRAME_FRAGMENT_BYTES;
    }
    patch_ipv6(ip, length);
}

/* ---- transport ---- */

/* Sum over pseudo header, header and payload of `length` bytes in all, of which some are in `sum` already. */
static uint16_t transport_checksum(const struct frame_template *frame, uint64_t sum, uint32_t length)
{
    return checksum_finish(frame->protocol == IP_ICMP ? sum : sum + frame->address_sum + htons((uint16_t)length));
}

static uint32_t clock_at(const struct frame_template *frame, struct run_time due)
{
    return frame->clock_base + (uint32_t)((uint64_t)due.ns / frame->tick_ns);
}

/* A packet that was overtaken was sent before the one that is ahead; a copy is of the first. */
static struct tcp_timestamps next_timestamps(struct frame_template *frame, const struct frame_template *other,
                                             const struct session_packet *packet, struct run_time due)
{
    bool is_older = packet->fate == FATE_COPY || packet->fate == FATE_BEHIND;
    struct tcp_timestamps timestamps = { 0, 0 };

    timestamps.value = is_older && frame->has_sent ? frame->timestamp : clock_at(frame, due);
    if (packet->tcp_flags & TCP_ACK)
        timestamps.echo = other->has_sent ? other->timestamp : clock_at(other, due);
    if (!(packet->tcp_flags & TCP_RST)) /* what answers a RST had not seen it */
        frame->timestamp = timestamps.value;
    return timestamps;
}

/* Fills the TCP header and its options; returns its length. */
static uint32_t patch_tcp(struct frame_template frames[2], const struct stack_profile *stack,
                          const struct session_packet *packet, struct run_time due, uint8_t *tcp)
{
    struct frame_template *frame = &frames[packet->side];
    struct tcp_timestamps timestamps = next_timestamps(frame, &frames[!packet->side], packet, due);
    uint32_t header = FRAME_TCP_BYTES + tcp_options_put(stack, packet->side, packet->tcp_flags,
                                                        timestamps, packet->sack, tcp + FRAME_TCP_BYTES);

    wire_put_u32(tcp + 4, packet->sequence);
    wire_put_u32(tcp + 8, packet->acknowledgement);
    tcp[12] = (uint8_t)(header / 4 << 4);
    tcp[13] = packet->tcp_flags;
    wire_put_u16(tcp + 14, packet->window);
    return header;
}

/* Fills the transport header; returns its length, options included. */
static uint32_t patch_transport(struct frame_template frames[2], const struct stack_profile *stack,
                                const struct session_packet *packet, struct run_time due, uint8_t *transport)
{
    switch (frames[packet->side].protocol) {
    case IP_TCP:
        return patch_tcp(frames, stack, packet, due, transport);
    case IP_UDP:
        wire_put_u16(transport + 4, (uint16_t)(UDP_BYTES + packet->payload_bytes));
        return UDP_BYTES;
    default:
        wire_put_u16(transport + 6, (uint16_t)(packet->sequence + 1));
        return ICMP_BYTES;
    }
}

static void put_transport_checksum(const struct frame_template *frame, uint64_t sum, uint32_t length,
                                   uint8_t *transport)
{
    uint16_t checksum = transport_checksum(frame, sum, length);

    if (frame->protocol == IP_UDP && checksum == 0)
        checksum = 0xffff; /* RFC 768: zero would say that there is none */
    wire_put_u16(transport + checksum_offset(frame->protocol), checksum);
}

/* ---- pieces of packets ---- */

/* The part of the payload that begins `skipped` bytes behind the packet's first one. */
static void fill_part(const struct session_packet *packet, uint32_t skipped, payload_fill *fill,
                      uint8_t *out, uint32_t size)
{
    struct payload_place place = packet->place;

    place.offset += skipped;
    fill(&place, out, size);
}

/* Of payload that another piece carries. */
static uint64_t add_unsent(const struct session_packet *packet, uint64_t sum, uint32_t from, payload_fill *fill)
{
    uint8_t chunk[CHUNK_BYTES];

    for (uint32_t size; from < packet->payload_bytes; from += size) {
        size = packet->payload_bytes - from < CHUNK_BYTES ? packet->payload_bytes - from : CHUNK_BYTES;
        fill_part(packet, from, fill, chunk, size);
        sum = checksum_add(sum, chunk, size);
    }
    return sum;
}

/* The transport of a packet, or what its piece has of it, and the checksum, which covers all of the packet. */
static uint32_t render_transport(struct frame_template frames[2], const struct stack_profile *stack,
                                 const struct session_packet *packet, struct run_time due,
                                 payload_fill *fill, uint8_t *transport)
{
    const struct frame_template *frame = &frames[packet->side];
    uint32_t header = patch_transport(frames, stack, packet, due, transport);
    uint32_t length = header + packet->payload_bytes;
    uint32_t here = packet->piece_bytes > 0 ? packet->piece_bytes : length;
    uint64_t sum;

    if (packet->piece_offset > 0) {
        fill_part(packet, packet->piece_offset - header, fill, transport, here);
        return here;
    }
    if (here > header)
        fill(&packet->place, transport + header, here - header);
    sum = checksum_add(0, transport, here);
    if (here < length)
        sum = add_unsent(packet, sum, here - header, fill);
    put_transport_checksum(frame, sum, length, transport);
    return here;
}

/* ---- ICMP errors ---- */

/* Of a header that is not as the session has it otherwise. */
static void patch_changed_ip(uint8_t *ip, uint16_t length, uint16_t id)
{
    wire_put_u16(ip + 2, length);
    wire_put_u16(ip + 4, id);
    wire_put_u16(ip + 10, checksum_finish(checksum_add(0, ip, FRAME_IP_BYTES)));
}

/* Type 3, port or host, with the header and the first bytes of what the other side sent last. */
static uint32_t render_unreachable(struct frame_template frames[2], const struct session_packet *packet,
                                   uint8_t *out)
{
    struct frame_template *frame = &frames[packet->side];
    const struct frame_template *about = &frames[!packet->side];
    bool has_ports = about->protocol == IP_TCP || about->protocol == IP_UDP;
    uint8_t *ip = out + IP_AT;
    uint8_t *icmp = out + TRANSPORT_AT;
    uint8_t *quoted = icmp + ICMP_BYTES;
    uint32_t length = ICMP_BYTES + FRAME_IP_BYTES + FRAME_QUOTED_BYTES;

    memcpy(out, frame->bytes, TRANSPORT_AT);
    ip[1] = TOS_OF_ERRORS;
    ip[9] = IP_ICMP;
    patch_changed_ip(ip, (uint16_t)(FRAME_IP_BYTES + length), next_ip_id(frame, packet));
    memset(icmp, 0, ICMP_BYTES);
    icmp[0] = ICMP_UNREACHABLE;
    icmp[1] = has_ports ? UNREACHABLE_PORT : UNREACHABLE_HOST;
    memcpy(quoted, about->bytes + IP_AT, FRAME_IP_BYTES);
    if (about->sent_bytes > FRAME_IP_BYTES + about->ip_payload)
        wire_put_u16(quoted + 6, 0); /* as it is when it was put together */
    patch_changed_ip(quoted, about->sent_bytes, about->sent_id);
    memcpy(quoted + FRAME_IP_BYTES, about->sent_transport, FRAME_QUOTED_BYTES);
    wire_put_u16(icmp + 2, checksum_finish(checksum_add(0, icmp, length)));
    return TRANSPORT_AT + length;
}

/* As much of it as was noted, and what the error itself tells of its payload. Returns the bytes. */
static uint32_t quote_ipv6(const struct frame_template *about, const struct session_packet *packet, payload_fill *fill,
                           uint8_t *to)
{
    uint32_t payload = about->protocol == IP_TCP ? 0 : packet->payload_bytes;
    uint32_t room = QUOTED6_MOST - FRAME_IPV6_BYTES - FRAME_QUOTED_BYTES;

    memcpy(to, about->bytes + IP_AT, FRAME_IPV6_BYTES);
    patch_ipv6(to, about->sent_bytes - FRAME_IPV6_BYTES);
    to += FRAME_IPV6_BYTES;
    memcpy(to, about->sent_transport, FRAME_QUOTED_BYTES);
    if (payload > room)
        payload = room;
    if (payload > 0)
        fill(&packet->place, to + FRAME_QUOTED_BYTES, payload);
    return FRAME_IPV6_BYTES + FRAME_QUOTED_BYTES + payload;
}

/* Type 1, port or address, with what fits the least MTU of what the other side sent last (RFC 4443, section 3.1). */
static uint32_t render_unreachable6(const struct frame_template frames[2], const struct session_packet *packet,
                                    payload_fill *fill, uint8_t *out)
{
    const struct frame_template *frame = &frames[packet->side];
    const struct frame_template *about = &frames[!packet->side];
    bool has_ports = about->protocol == IP_TCP || about->protocol == IP_UDP;
    uint8_t *ip = out + IP_AT;
    uint8_t *icmp = out + TRANSPORT6_AT;
    const uint8_t next[2] = { 0, IP_ICMPV6 };
    uint32_t length;
    uint64_t sum;

    memcpy(out, frame->bytes, TRANSPORT6_AT);
    ip[IPV6_NEXT] = IP_ICMPV6;
    memset(icmp, 0, ICMP_BYTES);
    icmp[0] = ICMPV6_UNREACHABLE;
    icmp[1] = has_ports ? UNREACHABLE6_PORT : UNREACHABLE6_ADDRESS;
    length = ICMP_BYTES + quote_ipv6(about, packet, fill, icmp + ICMP_BYTES);
    patch_ipv6(ip, length);
    sum = checksum_add(checksum_add(0, ip + IPV6_SOURCE, 2 * IPV6_ADDRESS), next, sizeof next);
    wire_put_u16(icmp + 2, checksum_finish(checksum_add(sum + htons((uint16_t)length), icmp, length)));
    return TRANSPORT6_AT + length;
}

/* ---- frames ---- */

/* What an ICMP error would have to quote: of a datagram in pieces all of it. */
static void note_sent(struct frame_template *frame, const struct session_packet *packet, const uint8_t *transport,
                      uint32_t length, uint16_t id)
{
    if (packet->piece_bytes > 0)
        length = DATAGRAM_HEADER_BYTES + packet->payload_bytes;
    frame->sent_id = id;
    frame->sent_bytes = (uint16_t)(frame->transport_at - FRAME_ETHERNET_BYTES + length);
    memcpy(frame->sent_transport, transport, FRAME_QUOTED_BYTES);
    frame->has_sent = true;
}

/* That of a piece is in IPv6 behind the extension. */
static uint8_t *move_transport(const struct frame_template *frame, uint8_t *transport)
{
    if (!frame->is_ipv6)
        return transport;
    memcpy(transport + FRAME_FRAGMENT_BYTES, frame->bytes + TRANSPORT6_AT, FRAME_TCP_BYTES);
    return transport + FRAME_FRAGMENT_BYTES;
}

static uint32_t render_untagged(struct frame_template frames[2], const struct stack_profile *stack,
                                const struct session_packet *packet, struct run_time due,
                                payload_fill *fill, uint8_t *out)
{
    struct frame_template *frame = &frames[packet->side];
    uint8_t *transport = out + frame->transport_at;
    uint32_t length;
    uint16_t id;

    if (packet->is_unreachable)
        return frame->is_ipv6 ? render_unreachable6(frames, packet, fill, out) : render_unreachable(frames, packet, out);
    id = next_ip_id(frame, packet);
    memcpy(out, frame->bytes, sizeof frame->bytes); /* always as much: what is not header is overwritten */
    if (packet->piece_bytes > 0)
        transport = move_transport(frame, transport);
    length = render_transport(frames, stack, packet, due, fill, transport);
    if (frame->is_ipv6)
        finish_ipv6(frame, packet, out + IP_AT, length, id);
    else
        patch_ip(frame, packet, out + IP_AT, (uint16_t)(FRAME_IP_BYTES + length), id);
    if (packet->piece_offset == 0)
        note_sent(frame, packet, transport, length, id);
    return (uint32_t)(transport - out) + length;
}

/* Between the addresses and the type of a frame that begins FRAME_TAG_BYTES behind `out`. Priority 0. */
static void put_tag(uint8_t *out, uint16_t vlan)
{
    memmove(out, out + FRAME_TAG_BYTES, TAG_AT);
    wire_put_u16(out + TAG_AT, ETHERTYPE_VLAN);
    wire_put_u16(out + TAG_AT + 2, vlan);
}

uint32_t frame_template_render(struct frame_template frames[2], const struct stack_profile *stack,
                               const struct session_packet *packet, struct run_time due,
                               payload_fill *fill, uint8_t *out)
{
    uint16_t vlan = frames[packet->side].vlan;
    uint32_t length;

    if (vlan == 0)
        return render_untagged(frames, stack, packet, due, fill, out);
    length = render_untagged(frames, stack, packet, due, fill, out + FRAME_TAG_BYTES);
    put_tag(out, vlan);
    return length + FRAME_TAG_BYTES;
}
