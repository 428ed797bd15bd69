#include "net/readdress.h"

#include <string.h>

#include "net/ip_header.h"
#include "net/ipv6_extensions.h"
#include "net/wire.h"

enum { NO_TRANSPORT = 255 /* reserved, RFC 5237 */ };

/* Where things are in a packet. */
struct layout {
    bool is_v4;
    uint8_t *addresses; /* source, destination */
    size_t address_bytes;
    uint8_t protocol; /* NO_TRANSPORT in a later fragment, and behind an extension that is cut */
    bool has_routing; /* a header of IPv6 */
    uint8_t *transport;
    size_t transport_bytes; /* that are there; 0: none */
};

/* Sums of the same bytes as they were and as they are, both to be folded. */
struct change {
    uint64_t before, after;
};

static void set_transport(struct layout *l, uint8_t *packet, size_t size, size_t offset, uint8_t protocol)
{
    l->protocol = protocol;
    l->transport_bytes = offset < size ? size - offset : 0;
    l->transport = packet + (offset < size ? offset : size);
}

static bool find_ipv4(struct layout *l, uint8_t *packet, size_t size)
{
    bool is_later_fragment;

    if (size < IPV4_HEADER_BYTES || ipv4_header_bytes(packet) < IPV4_HEADER_BYTES)
        return false;
    l->is_v4 = true;
    l->has_routing = false;
    l->addresses = packet + IPV4_SOURCE;
    l->address_bytes = 4;
    is_later_fragment = (wire_get_u16(packet + IPV4_FRAGMENT) & IPV4_OFFSET_MASK) != 0;
    set_transport(l, packet, size, ipv4_header_bytes(packet), is_later_fragment ? NO_TRANSPORT : packet[IPV4_PROTOCOL]);
    return true;
}

static bool find_ipv6(struct layout *l, uint8_t *packet, size_t size)
{
    struct ipv6_extensions extensions;
    bool has_transport;

    if (size < IPV6_HEADER_BYTES)
        return false;
    extensions = ipv6_extensions_at(packet[IPV6_NEXT], packet + IPV6_HEADER_BYTES, size - IPV6_HEADER_BYTES);
    has_transport = !extensions.is_later_fragment && extensions.cut_bytes == 0;
    l->is_v4 = false;
    l->has_routing = extensions.has_routing;
    l->addresses = packet + IPV6_SOURCE;
    l->address_bytes = 16;
    set_transport(l, packet, size, IPV6_HEADER_BYTES + extensions.bytes, has_transport ? extensions.next : NO_TRANSPORT);
    return true;
}

static bool find_layout(struct layout *l, uint8_t *packet, size_t size)
{
    if (size > 0 && packet[0] >> 4 == 4)
        return find_ipv4(l, packet, size);
    return size > 0 && packet[0] >> 4 == 6 && find_ipv6(l, packet, size);
}

/* RFC 1624, equation 3: HC' = ~(~HC + ~m + m'). */
static void change_checksum(uint8_t *checksum, const struct change *change)
{
    uint8_t words[4] = { (uint8_t)~checksum[0], (uint8_t)~checksum[1] };

    wire_put_u16(words + 2, checksum_finish(change->before));
    wire_put_u16(checksum, checksum_finish(checksum_add(change->after, words, sizeof words)));
}

/* The checksum of what goes by pseudo-headers; NULL: it has none, or it is not there. */
static uint8_t *pseudo_checksum(const struct layout *l)
{
    static const struct {
        uint8_t protocol;
        uint8_t offset;
    } places[] = { { IP_TCP, TCP_CHECKSUM }, { IP_UDP, UDP_CHECKSUM }, { IP_ICMPV6, ICMP_CHECKSUM } };

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (places[i].protocol == l->protocol && l->transport_bytes >= places[i].offset + 2u)
            return l->transport + places[i].offset;
    }
    return NULL;
}

/* In UDP 0 means that there is none, and ffff is the other 0 (RFC 768). */
static void change_pseudo_checksum(const struct layout *l, const struct change *change)
{
    uint8_t *checksum = pseudo_checksum(l);

    if (checksum == NULL || (l->protocol == IP_UDP && wire_get_u16(checksum) == 0))
        return;
    change_checksum(checksum, change);
    if (l->protocol == IP_UDP && wire_get_u16(checksum) == 0)
        wire_put_u16(checksum, UINT16_MAX);
}

static struct ip_address get_address(const struct layout *l, int end)
{
    struct ip_address address;

    if (l->is_v4)
        return ip_address_from_v4(wire_get_u32(l->addresses + 4 * end));
    memcpy(address.bytes, l->addresses + 16 * end, sizeof address.bytes);
    return address;
}

static void put_address(const struct layout *l, int end, const struct ip_address *address)
{
    size_t skipped = sizeof address->bytes - l->address_bytes;

    memcpy(l->addresses + l->address_bytes * (size_t)end, address->bytes + skipped, l->address_bytes);
}

static bool change_addresses(const struct layout *l, uint8_t *packet, const struct readdress_map *map,
                             struct ip_address ends[2])
{
    struct change change = { .before = checksum_add(0, l->addresses, 2 * l->address_bytes) };

    for (int end = 0; end < 2; end++) {
        struct ip_address from = get_address(l, end);

        if (!map->find(map->self, &from, &ends[end]))
            return false;
        put_address(l, end, &ends[end]);
    }
    change.after = checksum_add(0, l->addresses, 2 * l->address_bytes);
    if (l->is_v4)
        change_checksum(packet + IPV4_CHECKSUM, &change);
    change_pseudo_checksum(l, &change);
    return true;
}

/* RFC 792; RFC 4443, section 2.1. */
static bool is_icmp_error(const struct layout *l)
{
    uint8_t type;

    if (l->protocol != (l->is_v4 ? IP_ICMP : IP_ICMPV6) || l->transport_bytes <= ICMP_HEADER_BYTES)
        return false;
    type = l->transport[0];
    return l->is_v4 ? (type >= 3 && type <= 5) || type == 11 || type == 12 : type >= 1 && type <= 4;
}

/* Also in an error that came in pieces: what is quoted in the first one. */
static bool change_quoted(const struct layout *l, const struct readdress_map *map)
{
    uint8_t *quoted = l->transport + ICMP_HEADER_BYTES;
    size_t size = l->transport_bytes - ICMP_HEADER_BYTES;
    struct change change = { .before = checksum_add(0, quoted, size) };
    struct ip_address ends[2];
    struct layout inner;

    if (!find_layout(&inner, quoted, size))
        return true; /* what cannot be read stays as it is */
    if (!change_addresses(&inner, quoted, map, ends))
        return false;
    change.after = checksum_add(0, quoted, size);
    change_checksum(l->transport + ICMP_CHECKSUM, &change);
    return true;
}

bool readdress_packet(uint8_t *packet, size_t size, const struct readdress_map *map, struct ip_address ends[2])
{
    struct layout l;

    return find_layout(&l, packet, size) && !l.has_routing && change_addresses(&l, packet, map, ends) &&
           (!is_icmp_error(&l) || change_quoted(&l, map));
}
