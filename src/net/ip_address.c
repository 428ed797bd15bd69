#include "net/ip_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/wire.h"

uint32_t ip_address_to_v4(const struct ip_address *a)
{
    return (uint32_t)a->bytes[12] << 24 | (uint32_t)a->bytes[13] << 16 |
           (uint32_t)a->bytes[14] << 8 | a->bytes[15];
}

struct ip_address ip_address_add(const struct ip_address *a, uint64_t count)
{
    uint64_t low = wire_get_u64(a->bytes + 8) + count;
    struct ip_address sum;

    wire_put_u64(sum.bytes, wire_get_u64(a->bytes) + (low < count));
    wire_put_u64(sum.bytes + 8, low);
    return sum;
}

uint64_t ip_address_distance(const struct ip_address *a, const struct ip_address *first)
{
    uint64_t low = wire_get_u64(a->bytes + 8) - wire_get_u64(first->bytes + 8);
    bool borrows = wire_get_u64(a->bytes + 8) < wire_get_u64(first->bytes + 8);
    uint64_t high = wire_get_u64(a->bytes) - wire_get_u64(first->bytes) - borrows;

    return high == 0 ? low : UINT64_MAX;
}

bool ip_address_is_group(const struct ip_address *a)
{
    static const uint8_t zero[16];

    if (ip_address_is_v4(a)) {
        uint32_t v4 = ip_address_to_v4(a);

        return v4 == 0 || v4 == UINT32_MAX || v4 >> 28 == 0xe;
    }
    return a->bytes[0] == 0xff || memcmp(a->bytes, zero, sizeof zero) == 0;
}

bool ip_address_is_private(const struct ip_address *a)
{
    if (ip_address_is_v4(a)) {
        uint32_t v4 = ip_address_to_v4(a);

        return v4 >> 24 == 10 || v4 >> 20 == (172 << 4 | 1) || v4 >> 16 == (192 << 8 | 168) ||
               v4 >> 22 == (100 << 2 | 1) || v4 >> 16 == (169 << 8 | 254);
    }
    return (a->bytes[0] & 0xfe) == 0xfc || (a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80);
}

const char *ip_address_format(const struct ip_address *a, char text[IP_ADDRESS_TEXT])
{
    if (ip_address_is_v4(a))
        inet_ntop(AF_INET, a->bytes + 12, text, IP_ADDRESS_TEXT);
    else
        inet_ntop(AF_INET6, a->bytes, text, IP_ADDRESS_TEXT);
    return text;
}

int ip_address_parse(struct ip_address *a, const char *text)
{
    uint8_t v4[4];

    if (inet_pton(AF_INET, text, v4) == 1) {
        *a = ip_address_from_v4(wire_get_u32(v4));
        return 0;
    }
    return inet_pton(AF_INET6, text, a->bytes) == 1 ? 0 : -1;
}

/* The address with everything behind the prefix cleared. */
static struct ip_address masked(const struct ip_address *a, uint8_t prefix)
{
    struct ip_address m = *a;

    for (unsigned i = 0; i < 16; i++) {
        if (prefix >= 8 * (i + 1))
            continue;
        m.bytes[i] &= (uint8_t)(prefix <= 8 * i ? 0 : 0xff << (8 - prefix % 8));
    }
    return m;
}

int ip_network_parse(struct ip_network *network, const char *text)
{
    char address[IP_ADDRESS_TEXT];
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);
    struct ip_address cleared;
    unsigned long prefix;
    unsigned bits;
    char *end;

    if (length >= sizeof address)
        return -1;
    memcpy(address, text, length);
    address[length] = '\0';
    if (ip_address_parse(&network->base, address) < 0)
        return -1;
    bits = ip_address_is_v4(&network->base) ? 32 : 128;
    prefix = bits;
    if (slash) {
        if (slash[1] < '0' || slash[1] > '9')
            return -1;
        prefix = strtoul(slash + 1, &end, 10);
        if (*end != '\0' || prefix > bits)
            return -1;
    }
    network->prefix = (uint8_t)(128 - bits + prefix);
    cleared = masked(&network->base, network->prefix);
    return ip_address_equal(&cleared, &network->base) ? 0 : -1;
}

const char *ip_network_format(const struct ip_network *network, char text[IP_NETWORK_TEXT])
{
    char address[IP_ADDRESS_TEXT];
    int prefix = ip_address_is_v4(&network->base) ? network->prefix - 96 : network->prefix;

    ip_address_format(&network->base, address);
    if (network->prefix == 128 || prefix < 0)
        snprintf(text, IP_NETWORK_TEXT, "%s", address);
    else
        snprintf(text, IP_NETWORK_TEXT, "%s/%d", address, prefix);
    return text;
}

bool ip_network_contains(const struct ip_network *network, const struct ip_address *a)
{
    unsigned whole = network->prefix / 8;
    unsigned bits = network->prefix % 8;

    return memcmp(a->bytes, network->base.bytes, whole) == 0 &&
           (bits == 0 || (a->bytes[whole] ^ network->base.bytes[whole]) >> (8 - bits) == 0);
}

bool ip_network_overlaps(const struct ip_network *a, const struct ip_network *b)
{
    return a->prefix <= b->prefix ? ip_network_contains(a, &b->base)
                                  : ip_network_contains(b, &a->base);
}

uint64_t ip_network_usable(const struct ip_network *network)
{
    unsigned bits = 128u - network->prefix;
    uint64_t reserved = ip_address_is_v4(&network->base) ? 2 : 1;

    if (bits >= 64)
        return UINT64_MAX;
    return UINT64_C(1) << bits > reserved ? (UINT64_C(1) << bits) - reserved : 0;
}
