#include "emit/neighbour_discovery.h"

enum {
    HOP_LIMIT = 255, /* no router was between */
    /* Offsets in the ICMPv6 message. */
    FLAGS = 4,
    TARGET = 8,
    OPTIONS = 24,
    /* Options, in units of 8 bytes. */
    OPTION_SOURCE_MAC = 1,
    OPTION_TARGET_MAC = 2,
    OPTION_UNIT = 8
};

#define FLAG_ROUTER UINT32_C(0x80000000)
#define FLAG_SOLICITED UINT32_C(0x40000000)
#define FLAG_OVERRIDE UINT32_C(0x20000000)

static const struct ip_address nobody;
static const struct ip_address all_nodes = { { 0xff, 0x02, [15] = 1 } };

/* ff02::1:ffxx:xxxx (RFC 4291, section 2.7.1). */
static struct ip_address solicited_node(const struct ip_address *address)
{
    struct ip_address group = { { 0xff, 0x02, [11] = 1, [12] = 0xff } };

    memcpy(group.bytes + 13, address->bytes + 13, 3);
    return group;
}

/* ---- what came in ---- */

/* False when one of them has no length, or goes beyond the end. */
static bool take_options(struct neighbour_message *message, const uint8_t *options, size_t size, uint8_t wanted,
                         bool *has_mac)
{
    *has_mac = false;
    while (size > 0) {
        size_t length = size >= OPTION_UNIT ? (size_t)options[1] * OPTION_UNIT : 0;

        if (length == 0 || length > size)
            return false;
        if (options[0] == wanted && mac_is_unicast(options + 2)) {
            message->mac = options + 2;
            *has_mac = true;
        }
        options += length;
        size -= length;
    }
    return true;
}

/* Where it was sent to, and by whom. */
static bool is_fit_solicitation(const struct ip_packet *packet, const struct neighbour_message *message, bool has_mac)
{
    struct ip_address group = solicited_node(&message->target);
    bool is_to_group = ip_address_equal(&packet->destination, &group);

    if (message->is_probe)
        return is_to_group && !has_mac;
    return ip_packet_is_from_one(packet) && (is_to_group || ip_address_equal(&packet->destination, &message->target));
}

bool neighbour_message_is(const struct ip_packet *packet)
{
    return packet->is_v6 && packet->protocol == IP_ICMPV6 && packet->payload_bytes > 0 &&
           (packet->payload[0] == ICMPV6_NEIGHBOUR_SOLICITATION || packet->payload[0] == ICMPV6_NEIGHBOUR_ADVERTISEMENT);
}

bool neighbour_message_parse(struct neighbour_message *message, const struct ip_packet *packet)
{
    const uint8_t *icmp = packet->payload;
    bool has_mac;

    if (!neighbour_message_is(packet) || packet->payload_bytes < OPTIONS || icmp[1] != 0 || packet->ttl != HOP_LIMIT ||
        !ip_packet_is_intact(packet))
        return false;
    message->is_advertisement = icmp[0] == ICMPV6_NEIGHBOUR_ADVERTISEMENT;
    message->is_solicited = (wire_get_u32(icmp + FLAGS) & FLAG_SOLICITED) != 0;
    message->is_probe = !message->is_advertisement && ip_address_equal(&packet->source, &nobody);
    message->mac = packet->frame + ETHERNET_SOURCE;
    memcpy(message->target.bytes, icmp + TARGET, sizeof message->target.bytes);
    if (ip_address_is_group(&message->target) || ip_address_is_v4(&message->target) ||
        !take_options(message, icmp + OPTIONS, packet->payload_bytes - OPTIONS,
                      message->is_advertisement ? OPTION_TARGET_MAC : OPTION_SOURCE_MAC, &has_mac))
        return false;
    if (!message->is_advertisement)
        return is_fit_solicitation(packet, message, has_mac);
    return ip_packet_is_from_one(packet) && !(message->is_solicited && packet->destination.bytes[0] == 0xff);
}

/* ---- what goes out ---- */

struct ends {
    const uint8_t *mac; /* of the sender */
    const struct ip_address *source, *destination;
    const uint8_t *to; /* NULL: the group that the destination is */
};

/* Around an ICMPv6 message that stands in its place, up to its checksum. */
static void put_headers(uint8_t *frame, const struct ends *ends, size_t bytes)
{
    uint8_t *ip = frame + ETHERNET_BYTES;
    uint8_t *icmp = ip + IPV6_HEADER_BYTES;
    uint8_t group[MAC_BYTES];
    uint64_t sum;

    mac_put_group(group, ends->destination);
    ethernet_put(frame, ends->to ? ends->to : group, ends->mac, ETHERNET_TYPE_IPV6);
    wire_put_u32(ip, UINT32_C(6) << 28);
    wire_put_u16(ip + IPV6_LENGTH, (uint16_t)bytes);
    ip[IPV6_NEXT] = IP_ICMPV6;
    ip[7] = HOP_LIMIT;
    memcpy(ip + IPV6_SOURCE, ends->source->bytes, sizeof ends->source->bytes);
    memcpy(ip + IPV6_DESTINATION, ends->destination->bytes, sizeof ends->destination->bytes);
    wire_put_u16(icmp + ICMP_CHECKSUM, 0);
    sum = ip_packet_pseudo_sum(ends->source, ends->destination, IP_ICMPV6, bytes);
    wire_put_u16(icmp + ICMP_CHECKSUM, checksum_finish(checksum_add(sum, icmp, bytes)));
}

/* `option`: that of the sender's address, or 0 for none. */
static void put(uint8_t *frame, const struct ends *ends, uint8_t type, uint32_t flags, const struct ip_address *target,
                uint8_t option)
{
    uint8_t *icmp = frame + ETHERNET_BYTES + IPV6_HEADER_BYTES;

    icmp[0] = type;
    icmp[1] = 0;
    wire_put_u32(icmp + FLAGS, flags);
    memcpy(icmp + TARGET, target->bytes, sizeof target->bytes);
    if (option != 0) {
        icmp[OPTIONS] = option;
        icmp[OPTIONS + 1] = 1;
        memcpy(icmp + OPTIONS + 2, ends->mac, MAC_BYTES);
    }
    put_headers(frame, ends, OPTIONS + (option ? (size_t)OPTION_UNIT : 0));
}

void neighbour_put_answer(uint8_t *frame, const struct ip_packet *packet, const struct neighbour_message *solicitation,
                          const uint8_t mac[MAC_BYTES], bool is_router)
{
    const struct ends to_one = { mac, &solicitation->target, &packet->source, packet->frame + ETHERNET_SOURCE };
    const struct ends to_all = { mac, &solicitation->target, &all_nodes, NULL };
    uint32_t flags = FLAG_OVERRIDE | (is_router ? FLAG_ROUTER : 0);

    if (solicitation->is_probe)
        put(frame, &to_all, ICMPV6_NEIGHBOUR_ADVERTISEMENT, flags, &solicitation->target, OPTION_TARGET_MAC);
    else
        put(frame, &to_one, ICMPV6_NEIGHBOUR_ADVERTISEMENT, flags | FLAG_SOLICITED, &solicitation->target, OPTION_TARGET_MAC);
}

void neighbour_put_probe(uint8_t *frame, const uint8_t mac[MAC_BYTES], const struct ip_address *address)
{
    struct ip_address group = solicited_node(address);
    const struct ends ends = { mac, &nobody, &group, NULL };

    put(frame, &ends, ICMPV6_NEIGHBOUR_SOLICITATION, 0, address, 0);
}

void neighbour_put_announcement(uint8_t *frame, const uint8_t mac[MAC_BYTES], const struct ip_address *address,
                                bool is_router)
{
    const struct ends ends = { mac, address, &all_nodes, NULL };

    put(frame, &ends, ICMPV6_NEIGHBOUR_ADVERTISEMENT, FLAG_OVERRIDE | (is_router ? FLAG_ROUTER : 0), address, OPTION_TARGET_MAC);
}

void neighbour_put_solicitation(uint8_t *frame, const uint8_t mac[MAC_BYTES], const struct ip_address *sender,
                                const struct ip_address *target)
{
    struct ip_address group = solicited_node(target);
    const struct ends ends = { mac, sender, &group, NULL };

    put(frame, &ends, ICMPV6_NEIGHBOUR_SOLICITATION, 0, target, OPTION_SOURCE_MAC);
}
