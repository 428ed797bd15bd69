#include "session/frame_template.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/random.h"
#include "dayshift/frame.h"
#include "net/ipv6_extensions.h"
#include "net/wire.h"
#include "session/datagram.h"
#include "session/frame_unreachable.h"
#include "session/tcp_options.h"

enum { CHUNK_BYTES = 1024 /* even: sums of chunks add up */ };

/* IPv6: what is in its extension for fragments (RFC 8200, section 4.5), and in its header. */
enum { FRAGMENT_HAS_MORE = 1, FLOW_LABELS = 1 << 20 };

_Static_assert(ETHERNET_BYTES + ETHERNET_TAG_BYTES + FLOW_MOST_MTU == FRAME_MAX_BYTES, "a frame has room for every packet");

/* Sessions of one host that begin one after the other go on counting, roughly. */
#define IP_ID_STEP_NS (16 * NS_PER_MS)

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
    memcpy(ip + IPV4_SOURCE, from->address.bytes + 12, IPV4_ADDRESS_BYTES);
    memcpy(ip + IPV4_DESTINATION, to->address.bytes + 12, IPV4_ADDRESS_BYTES);
}

static void patch_ipv6_ends(uint8_t *ip, const struct flow_end *from, const struct flow_end *to, uint8_t hops,
                            uint32_t label)
{
    wire_put_u32(ip, UINT32_C(6) << 28 | label);
    ip[IPV6_HOPS] = hops;
    memcpy(ip + IPV6_SOURCE, from->address.bytes, IPV6_ADDRESS_BYTES);
    memcpy(ip + IPV6_DESTINATION, to->address.bytes, IPV6_ADDRESS_BYTES);
}

static void patch_ports(uint8_t *transport, const struct flow_plan *plan, bool is_ipv6, enum flow_side side)
{
    static const uint8_t echo[2][2] = { { ICMP_ECHO_REQUEST, ICMP_ECHO_REPLY },
                                        { ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REPLY } };

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
    const struct flow_end *from = &plan->ends[side];
    const struct flow_end *to = &plan->ends[!side];
    bool is_ipv6 = flow_plan_is_ipv6(plan);

    memcpy(bytes, flow_end_next_hop(from, to), sizeof to->mac);
    memcpy(bytes + sizeof to->mac, from->mac, sizeof from->mac);
    if (is_ipv6)
        patch_ipv6_ends(bytes + FRAME_IP, from, to, stack->ttl[side], flow_label(plan, side));
    else
        patch_ipv4_ends(bytes + FRAME_IP, from, to, stack->ttl[side]);
    patch_ports(bytes + (is_ipv6 ? FRAME_TRANSPORT6 : FRAME_TRANSPORT4), plan, is_ipv6, side);
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
    const uint8_t *ip = frame->bytes + FRAME_IP;
    uint64_t sum = frame->is_ipv6 ? checksum_add(0, ip + IPV6_SOURCE, 2 * IPV6_ADDRESS_BYTES)
                                  : checksum_add(0, ip + IPV4_SOURCE, 2 * IPV4_ADDRESS_BYTES);

    frame->address_sum = folded(checksum_add(sum, protocol, sizeof protocol));
    if (!frame->is_ipv6)
        frame->ip_sum = folded(checksum_add(checksum_add(0, ip, 2), ip + 8, 12));
}

void frame_template_build(const struct frame_builder *builder, struct frame_template *frame,
                          const struct flow_plan *plan, const struct stack_profile *stack, enum flow_side side)
{
    enum ip_family family = ip_address_family(&plan->ends[side].address);

    memset(frame, 0, sizeof *frame);
    memcpy(frame->bytes, frame_builder_headers(builder, plan->protocol, family), sizeof frame->bytes);
    frame->protocol = flow_plan_ip_protocol(plan);
    frame->is_ipv6 = family == IP_FAMILY_6;
    frame->transport_at = frame->is_ipv6 ? FRAME_TRANSPORT6 : FRAME_TRANSPORT4;
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
        return IPV4_DONT_FRAGMENT;
    return (uint16_t)((packet->has_more_pieces ? IPV4_MORE_FRAGMENTS : 0) | packet->piece_offset / FRAGMENT_UNIT_BYTES);
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

/* The extension header of a piece; identifications cannot be foretold (RFC 7739), whatever IPv4 has. */
static void put_fragment_header(const struct frame_template *frame, const struct session_packet *packet, uint16_t id,
                                uint8_t *ip)
{
    uint8_t *fragment = ip + IPV6_HEADER_BYTES;

    ip[IPV6_NEXT] = IPV6_FRAGMENT;
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
        length += IPV6_FRAGMENT_BYTES;
    }
    wire_put_u16(ip + IPV6_LENGTH, (uint16_t)length);
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
    uint32_t header = TCP_HEADER_BYTES + tcp_options_put(stack, packet->side, packet->tcp_flags,
                                                        timestamps, packet->sack, tcp + TCP_HEADER_BYTES);

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
        wire_put_u16(transport + 4, (uint16_t)(UDP_HEADER_BYTES + packet->payload_bytes));
        return UDP_HEADER_BYTES;
    default:
        wire_put_u16(transport + 6, (uint16_t)(packet->sequence + 1));
        return ICMP_HEADER_BYTES;
    }
}

static void put_transport_checksum(const struct frame_template *frame, uint64_t sum, uint32_t length,
                                   uint8_t *transport)
{
    uint16_t checksum = transport_checksum(frame, sum, length);

    if (frame->protocol == IP_UDP && checksum == 0)
        checksum = 0xffff; /* RFC 768: zero would say that there is none */
    wire_put_u16(transport + frame_builder_checksum_at(frame->protocol), checksum);
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

/* ---- frames ---- */

/* What an ICMP error would have to quote: of a datagram in pieces all of it. */
static void note_sent(struct frame_template *frame, const struct session_packet *packet, const uint8_t *transport,
                      uint32_t length, uint16_t id)
{
    if (packet->piece_bytes > 0)
        length = DATAGRAM_HEADER_BYTES + packet->payload_bytes;
    frame->sent_id = id;
    frame->sent_bytes = (uint16_t)(frame->transport_at - ETHERNET_BYTES + length);
    memcpy(frame->sent_transport, transport, FRAME_QUOTED_BYTES);
    frame->has_sent = true;
}

/* That of a piece is in IPv6 behind the extension. */
static uint8_t *move_transport(const struct frame_template *frame, uint8_t *transport)
{
    if (!frame->is_ipv6)
        return transport;
    memcpy(transport + IPV6_FRAGMENT_BYTES, frame->bytes + FRAME_TRANSPORT6, TCP_HEADER_BYTES);
    return transport + IPV6_FRAGMENT_BYTES;
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
        return frame->is_ipv6 ? frame_unreachable_render6(frames, packet, fill, out)
                              : frame_unreachable_render4(frames, packet, next_ip_id(frame, packet), out);
    id = next_ip_id(frame, packet);
    memcpy(out, frame->bytes, sizeof frame->bytes); /* always as much: what is not header is overwritten */
    if (packet->piece_bytes > 0)
        transport = move_transport(frame, transport);
    length = render_transport(frames, stack, packet, due, fill, transport);
    if (frame->is_ipv6)
        finish_ipv6(frame, packet, out + FRAME_IP, length, id);
    else
        patch_ip(frame, packet, out + FRAME_IP, (uint16_t)(IPV4_HEADER_BYTES + length), id);
    if (packet->piece_offset == 0)
        note_sent(frame, packet, transport, length, id);
    return (uint32_t)(transport - out) + length;
}

/* Between the addresses and the type of a frame that begins ETHERNET_TAG_BYTES behind `out`. Priority 0. */
static void put_tag(uint8_t *out, uint16_t vlan)
{
    memmove(out, out + ETHERNET_TAG_BYTES, ETHERNET_TYPE);
    wire_put_u16(out + ETHERNET_TYPE, ETHERNET_TYPE_VLAN);
    wire_put_u16(out + ETHERNET_TYPE + 2, vlan);
}

uint32_t frame_template_render(struct frame_template frames[2], const struct stack_profile *stack,
                               const struct session_packet *packet, struct run_time due,
                               payload_fill *fill, uint8_t *out)
{
    uint16_t vlan = frames[packet->side].vlan;
    uint32_t length;

    if (vlan == 0)
        return render_untagged(frames, stack, packet, due, fill, out);
    length = render_untagged(frames, stack, packet, due, fill, out + ETHERNET_TAG_BYTES);
    put_tag(out, vlan);
    return length + ETHERNET_TAG_BYTES;
}
