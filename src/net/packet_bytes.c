#include "net/packet_bytes.h"

#include "base/cursor.h"
#include "net/ip_header.h"

enum tcp_option_kind {
    KIND_END = 0,
    KIND_NONE = 1,
    KIND_SACK = 5,
    KIND_TIMESTAMPS = 8,
    KIND_FAST_OPEN = 34,
    KIND_EXPERIMENT = 254 /* RFC 6994: two bytes say whose */
};

#define FAST_OPEN_EXPERIMENT 0xf989

static enum checksum_state checksum_judge(uint64_t sum)
{
    return checksum_finish(sum) == 0 ? CHECKSUM_RIGHT : CHECKSUM_WRONG;
}

enum checksum_state packet_ip_checksum(const struct packet_view *packet)
{
    size_t size;

    if (packet->ip_captured < IPV4_HEADER_BYTES || packet->ip[0] >> 4 != 4)
        return CHECKSUM_UNKNOWN;
    size = ipv4_header_bytes(packet->ip);
    return size > packet->ip_captured ? CHECKSUM_UNKNOWN : checksum_judge(checksum_add(0, packet->ip, size));
}

/* Both families alike: the sum does not care how wide a number is. */
static uint64_t pseudo_header_sum(const struct packet_view *packet, uint32_t size)
{
    const bool is_v4 = ip_address_is_v4(&packet->source) && ip_address_is_v4(&packet->destination);
    const size_t skipped = is_v4 ? 12 : 0;
    uint8_t rest[8] = { [7] = packet->protocol };
    uint64_t sum;

    wire_put_u32(rest, size);
    sum = checksum_add(0, packet->source.bytes + skipped, sizeof packet->source.bytes - skipped);
    sum = checksum_add(sum, packet->destination.bytes + skipped, sizeof packet->destination.bytes - skipped);
    return checksum_add(sum, rest, sizeof rest);
}

enum checksum_state packet_transport_checksum(const struct packet_view *packet)
{
    const uint8_t *segment;
    uint32_t size;

    if (packet->fragment || packet->ip_captured < packet->ip_bytes ||
        packet->transport_offset >= packet->ip_bytes ||
        (packet->protocol != IP_TCP && packet->protocol != IP_UDP))
        return CHECKSUM_UNKNOWN;
    segment = packet->ip + packet->transport_offset;
    size = packet->ip_bytes - packet->transport_offset;
    if (packet->protocol == IP_UDP) {
        size = packet->payload_bytes + UDP_HEADER_BYTES;
        if (wire_get_u16(segment + UDP_CHECKSUM) == 0)
            return CHECKSUM_UNKNOWN;
    }
    return checksum_judge(checksum_add(pseudo_header_sum(packet, size), segment, size));
}

static void read_option(uint8_t kind, struct cursor value, struct tcp_option_values *values)
{
    if (kind == KIND_TIMESTAMPS && value.left == 8) {
        values->has_timestamps = true;
        values->timestamp = cursor_u32_be(&value);
        values->echoed_timestamp = cursor_u32_be(&value);
    } else if (kind == KIND_SACK) {
        values->has_sack = true;
    } else if (kind == KIND_FAST_OPEN ||
               (kind == KIND_EXPERIMENT && cursor_u16_be(&value) == FAST_OPEN_EXPERIMENT)) {
        values->has_fast_open = true;
    }
}

/* To the end, or to what cannot be read. */
static void read_options(struct cursor options, struct tcp_option_values *values)
{
    while (options.left > 0) {
        uint8_t kind = cursor_u8(&options);
        uint8_t size;
        struct cursor value;

        if (kind == KIND_END)
            return;
        if (kind == KIND_NONE)
            continue;
        size = cursor_u8(&options);
        value = cursor_sub(&options, size < 2 ? options.left + 1 : size - 2u);
        if (value.failed)
            return;
        read_option(kind, value, values);
    }
}

struct tcp_option_values packet_tcp_options(const struct packet_view *packet)
{
    struct tcp_option_values values = { .are_whole = false };
    struct cursor header;
    size_t wanted;

    if (packet->protocol != IP_TCP || packet->fragment ||
        packet->transport_offset + TCP_HEADER_BYTES > packet->ip_captured)
        return values;
    header = cursor_of(packet->ip + packet->transport_offset, packet->ip_captured - packet->transport_offset);
    wanted = tcp_header_bytes(header.at) - TCP_HEADER_BYTES; /* the decoder saw that it is not less */
    cursor_skip(&header, TCP_HEADER_BYTES);
    values.are_whole = header.left >= wanted;
    header.left = values.are_whole ? wanted : header.left;
    read_options(header, &values);
    return values;
}
