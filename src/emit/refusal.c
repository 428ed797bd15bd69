#include "emit/refusal.h"

#include "base/at_most.h"
#include "net/ipv6_extensions.h"

enum {
    UNREACHABLE = 3, /* RFC 792 */
    UNREACHABLE_PROTOCOL = 2,
    UNREACHABLE_PORT = 3,
    UNREACHABLE_V6 = 1, /* RFC 4443, section 3.1 */
    UNREACHABLE_V6_PORT = 4,
    PARAMETER_PROBLEM_V6 = 4, /* section 3.4 */
    UNKNOWN_NEXT_HEADER = 1,
    NEXT_HEADER_AT = 6 /* in the header of IPv6 */
};

enum { MOST_ERROR_V4 = 576, MOST_ERROR_V6 = 1280 }; /* RFC 1812, section 4.3.2.3; RFC 4443, section 2.4 */

/* ---- what deserves one ---- */

static enum refusal_kind refusal_of_tcp(const struct ip_packet *packet)
{
    size_t header = packet->payload_bytes >= TCP_HEADER_BYTES ? tcp_header_bytes(packet->payload) : 0;

    if (header < TCP_HEADER_BYTES || header > packet->payload_bytes || packet->payload[TCP_FLAGS] & TCP_RST ||
        !ip_packet_is_intact(packet))
        return REFUSAL_NONE;
    return REFUSAL_RESET;
}

static enum refusal_kind refusal_of_udp(const struct ip_packet *packet)
{
    bool has_sum;
    size_t length;

    if (packet->payload_bytes < UDP_HEADER_BYTES)
        return REFUSAL_NONE;
    length = wire_get_u16(packet->payload + UDP_LENGTH);
    has_sum = wire_get_u16(packet->payload + UDP_CHECKSUM) != 0;
    /* IPv6 has no datagrams without a checksum (RFC 8200, section 8.1). */
    if (length != packet->payload_bytes || (has_sum ? !ip_packet_is_intact(packet) : packet->is_v6))
        return REFUSAL_NONE;
    return REFUSAL_PORT;
}

/* What every host has a use for, or discards in silence. */
static bool is_known(const struct ip_packet *packet)
{
    enum { IGMP = 2 };

    if (!packet->is_v6)
        return packet->protocol == IP_ICMP || packet->protocol == IGMP;
    switch (packet->protocol) {
    case IPV6_HOP_BY_HOP:
    case IPV6_ROUTING:
    case IPV6_FRAGMENT:
    case IP_ICMPV6:
    case IPV6_NOTHING:
    case IPV6_DESTINATION_OPTIONS: return true;
    default: return false;
    }
}

enum refusal_kind refusal_of(const struct ip_packet *packet)
{
    if (packet->protocol == IP_TCP)
        return refusal_of_tcp(packet);
    if (packet->protocol == IP_UDP)
        return refusal_of_udp(packet);
    return is_known(packet) ? REFUSAL_NONE : REFUSAL_PROTOCOL;
}

/* ---- resets ---- */

/* How far the segment goes in sequence numbers. */
static uint32_t segment_length(const struct ip_packet *packet)
{
    uint8_t flags = packet->payload[TCP_FLAGS];

    return (uint32_t)(packet->payload_bytes - tcp_header_bytes(packet->payload)) + ((flags & TCP_SYN) != 0) +
           ((flags & TCP_FIN) != 0);
}

/* Of a port in the state CLOSED (RFC 9293, section 3.10.7.1). */
static size_t put_reset(uint8_t *frame, const struct host_answer *answer)
{
    const struct ip_packet *packet = answer->packet;
    const uint8_t *segment = packet->payload;
    struct ip_header header = host_answer_header(answer, IP_TCP, 0, answer->traits->reset_has_df);
    uint8_t *reset = frame + ip_packet_answer_header(packet);

    memset(reset, 0, TCP_HEADER_BYTES);
    memcpy(reset, segment + 2, 2);
    memcpy(reset + 2, segment, 2);
    reset[TCP_DATA_OFFSET] = TCP_HEADER_BYTES / 4 << 4;
    if (segment[TCP_FLAGS] & TCP_ACK) {
        memcpy(reset + TCP_SEQUENCE, segment + TCP_ACKNOWLEDGEMENT, 4);
        reset[TCP_FLAGS] = TCP_RST;
    } else {
        wire_put_u32(reset + TCP_ACKNOWLEDGEMENT, wire_get_u32(segment + TCP_SEQUENCE) + segment_length(packet));
        reset[TCP_FLAGS] = TCP_RST | TCP_ACK;
    }
    return ip_packet_put_answer(frame, packet, &header, TCP_HEADER_BYTES, TCP_CHECKSUM);
}

/* ---- errors ---- */

static size_t quoted_bytes(const struct ip_packet *packet, const struct stack_traits *traits)
{
    if (packet->is_v6)
        return at_most(packet->ip_bytes, MOST_ERROR_V6 - IPV6_HEADER_BYTES - ICMP_HEADER_BYTES);
    return at_most(at_most(packet->ip_bytes, IPV4_HEADER_BYTES + (size_t)traits->quoted_bytes),
                   MOST_ERROR_V4 - IPV4_HEADER_BYTES - ICMP_HEADER_BYTES);
}

static void put_type(uint8_t *icmp, enum refusal_kind kind, bool is_v6)
{
    bool is_port = kind == REFUSAL_PORT;

    memset(icmp, 0, ICMP_HEADER_BYTES);
    if (!is_v6) {
        icmp[0] = UNREACHABLE;
        icmp[1] = is_port ? UNREACHABLE_PORT : UNREACHABLE_PROTOCOL;
    } else if (is_port) {
        icmp[0] = UNREACHABLE_V6;
        icmp[1] = UNREACHABLE_V6_PORT;
    } else {
        icmp[0] = PARAMETER_PROBLEM_V6;
        icmp[1] = UNKNOWN_NEXT_HEADER;
        wire_put_u32(icmp + 4, NEXT_HEADER_AT);
    }
}

static size_t put_error(uint8_t *frame, enum refusal_kind kind, const struct host_answer *answer)
{
    const struct ip_packet *packet = answer->packet;
    size_t quoted = quoted_bytes(packet, answer->traits);
    struct ip_header header = host_answer_header(answer, packet->is_v6 ? IP_ICMPV6 : IP_ICMP,
                                                 packet->is_v6 ? 0 : answer->traits->error_class, false);
    uint8_t *icmp = frame + ip_packet_answer_header(packet);

    put_type(icmp, kind, packet->is_v6);
    memcpy(icmp + ICMP_HEADER_BYTES, packet->ip, quoted);
    return ip_packet_put_answer(frame, packet, &header, ICMP_HEADER_BYTES + quoted, ICMP_CHECKSUM);
}

size_t refusal_put(uint8_t *frame, enum refusal_kind kind, const struct host_answer *answer)
{
    return kind == REFUSAL_RESET ? put_reset(frame, answer) : put_error(frame, kind, answer);
}
