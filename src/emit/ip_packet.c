#include "emit/ip_packet.h"

enum {
    IPV4_NO_OPTIONS = 0x45,
    IPV6_VERSION = 6
};

/* ---- what came in ---- */

static bool parse_v4(struct ip_packet *packet, size_t room)
{
    const uint8_t *ip = packet->ip;

    if (room < IPV4_HEADER_BYTES || ip[0] != IPV4_NO_OPTIONS || wire_get_u16(ip + IPV4_FRAGMENT) & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET_MASK) ||
        checksum_finish(checksum_add(0, ip, IPV4_HEADER_BYTES)) != 0)
        return false;
    packet->ip_bytes = wire_get_u16(ip + IPV4_LENGTH);
    if (packet->ip_bytes < IPV4_HEADER_BYTES || packet->ip_bytes > room)
        return false;
    packet->ttl = ip[8];
    packet->protocol = ip[IPV4_PROTOCOL];
    packet->source = ip_address_from_v4(wire_get_u32(ip + IPV4_SOURCE));
    packet->destination = ip_address_from_v4(wire_get_u32(ip + IPV4_DESTINATION));
    packet->payload = ip + IPV4_HEADER_BYTES;
    packet->payload_bytes = packet->ip_bytes - IPV4_HEADER_BYTES;
    return true;
}

static bool parse_v6(struct ip_packet *packet, size_t room)
{
    const uint8_t *ip = packet->ip;

    if (room < IPV6_HEADER_BYTES || ip[0] >> 4 != IPV6_VERSION)
        return false;
    packet->payload_bytes = wire_get_u16(ip + IPV6_LENGTH);
    if (packet->payload_bytes > room - IPV6_HEADER_BYTES)
        return false;
    packet->ip_bytes = IPV6_HEADER_BYTES + packet->payload_bytes;
    packet->protocol = ip[IPV6_NEXT];
    packet->ttl = ip[7];
    memcpy(packet->source.bytes, ip + IPV6_SOURCE, sizeof packet->source.bytes);
    memcpy(packet->destination.bytes, ip + IPV6_DESTINATION, sizeof packet->destination.bytes);
    packet->payload = ip + IPV6_HEADER_BYTES;
    /* The form that IPv4 has here does not come over a wire. */
    return !ip_address_is_v4(&packet->source) && !ip_address_is_v4(&packet->destination);
}

bool ip_packet_parse(struct ip_packet *packet, const uint8_t *frame, size_t size)
{
    uint16_t type;

    if (size < ETHERNET_BYTES || !mac_is_unicast(frame + ETHERNET_SOURCE))
        return false;
    type = wire_get_u16(frame + ETHERNET_TYPE);
    packet->frame = frame;
    packet->is_unsummed = false;
    packet->ip = frame + ETHERNET_BYTES;
    packet->is_v6 = type == ETHERNET_TYPE_IPV6;
    if (packet->is_v6)
        return parse_v6(packet, size - ETHERNET_BYTES);
    return type == ETHERNET_TYPE_IPV4 && parse_v4(packet, size - ETHERNET_BYTES);
}

/* Not "this" network, loopback, multicast, reserved or broadcast. */
static bool is_unicast_v4(uint32_t address)
{
    uint32_t first = address >> 24;

    return first != 0 && first != 127 && first < 224;
}

static bool is_unicast_v6(const struct ip_address *address)
{
    static const struct ip_address loopback = { { [15] = 1 } };

    return !ip_address_is_group(address) && !ip_address_equal(address, &loopback);
}

bool ip_packet_is_from_one(const struct ip_packet *packet)
{
    return packet->is_v6 ? is_unicast_v6(&packet->source) : is_unicast_v4(ip_address_to_v4(&packet->source));
}

uint64_t ip_packet_pseudo_sum(const struct ip_address *source, const struct ip_address *destination, uint8_t protocol,
                              size_t payload_bytes)
{
    size_t skipped = ip_address_is_v4(source) ? 12 : 0;
    uint8_t rest[8] = { [7] = protocol };
    uint64_t sum = checksum_add(0, source->bytes + skipped, sizeof source->bytes - skipped);

    sum = checksum_add(sum, destination->bytes + skipped, sizeof destination->bytes - skipped);
    wire_put_u32(rest, (uint32_t)payload_bytes); /* 16 bits of IPv4: the sum is the same */
    return checksum_add(sum, rest, sizeof rest);
}

static uint64_t start_of_sum(const struct ip_address *source, const struct ip_address *destination, uint8_t protocol,
                             size_t payload_bytes)
{
    return protocol == IP_ICMP ? 0 : ip_packet_pseudo_sum(source, destination, protocol, payload_bytes);
}

bool ip_packet_is_intact(const struct ip_packet *packet)
{
    uint64_t sum = start_of_sum(&packet->source, &packet->destination, packet->protocol, packet->payload_bytes);

    return packet->is_unsummed || checksum_finish(checksum_add(sum, packet->payload, packet->payload_bytes)) == 0;
}

/* ---- what goes back ---- */

static void put_v4(uint8_t *ip, const struct ip_packet *request, const struct ip_header *header, size_t payload_bytes)
{
    memset(ip, 0, IPV4_HEADER_BYTES);
    ip[0] = IPV4_NO_OPTIONS;
    ip[1] = header->class;
    wire_put_u16(ip + IPV4_LENGTH, (uint16_t)(IPV4_HEADER_BYTES + payload_bytes));
    wire_put_u16(ip + 4, header->id);
    wire_put_u16(ip + IPV4_FRAGMENT, header->dont_fragment ? IPV4_DONT_FRAGMENT : 0);
    ip[8] = header->ttl;
    ip[IPV4_PROTOCOL] = header->protocol;
    memcpy(ip + IPV4_SOURCE, request->ip + IPV4_DESTINATION, 4);
    memcpy(ip + IPV4_DESTINATION, request->ip + IPV4_SOURCE, 4);
    wire_put_u16(ip + IPV4_CHECKSUM, checksum_finish(checksum_add(0, ip, IPV4_HEADER_BYTES)));
}

static void put_v6(uint8_t *ip, const struct ip_packet *request, const struct ip_header *header, size_t payload_bytes)
{
    wire_put_u32(ip, UINT32_C(6) << 28 | (uint32_t)header->class << 20);
    wire_put_u16(ip + IPV6_LENGTH, (uint16_t)payload_bytes);
    ip[IPV6_NEXT] = header->protocol;
    ip[7] = header->ttl;
    memcpy(ip + IPV6_SOURCE, request->ip + IPV6_DESTINATION, 16);
    memcpy(ip + IPV6_DESTINATION, request->ip + IPV6_SOURCE, 16);
}

size_t ip_packet_put_answer(uint8_t *frame, const struct ip_packet *request, const struct ip_header *header,
                            size_t payload_bytes, size_t checksum_at)
{
    uint8_t *payload = frame + ip_packet_answer_header(request);
    uint64_t sum = start_of_sum(&request->destination, &request->source, header->protocol, payload_bytes);

    ethernet_put(frame, request->frame + ETHERNET_SOURCE, header->mac,
                 request->is_v6 ? ETHERNET_TYPE_IPV6 : ETHERNET_TYPE_IPV4);
    if (request->is_v6)
        put_v6(frame + ETHERNET_BYTES, request, header, payload_bytes);
    else
        put_v4(frame + ETHERNET_BYTES, request, header, payload_bytes);
    wire_put_u16(payload + checksum_at, 0);
    wire_put_u16(payload + checksum_at, checksum_finish(checksum_add(sum, payload, payload_bytes)));
    return (size_t)(payload - frame) + payload_bytes;
}
