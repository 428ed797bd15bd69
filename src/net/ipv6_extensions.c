#include "net/ipv6_extensions.h"

#include "net/wire.h"

enum { LEAST_BYTES = IPV6_FRAGMENT_BYTES, FRAGMENT_AT = 2, FRAGMENT_ID_AT = 4, OFFSET_MASK = 0xfff8, MORE_FRAGMENTS = 1 };

/* The length is in units of 8 bytes beyond the first; that of authentication in 4 (RFC 4302, section 2.2). */
static size_t extension_bytes(uint8_t kind, const uint8_t *extension)
{
    switch (kind) {
    case IPV6_FRAGMENT: return LEAST_BYTES;
    case IPV6_AUTHENTICATION: return LEAST_BYTES + (size_t)extension[1] * 4;
    default: return LEAST_BYTES + (size_t)extension[1] * 8;
    }
}

static void read_fragment(struct ipv6_extensions *found, const uint8_t *extension)
{
    uint16_t fragment = wire_get_u16(extension + FRAGMENT_AT);

    found->is_fragment = (fragment & (OFFSET_MASK | MORE_FRAGMENTS)) != 0;
    found->is_later_fragment = (fragment & OFFSET_MASK) != 0;
    found->fragment_id = wire_get_u32(extension + FRAGMENT_ID_AT);
}

struct ipv6_extensions ipv6_extensions_walk(uint8_t next, const uint8_t *bytes, size_t size)
{
    struct ipv6_extensions found = { .next = next };

    while (!found.is_later_fragment && ipv6_extension_is(found.next)) {
        const uint8_t *extension = bytes + found.bytes;
        size_t left = size - found.bytes;
        size_t wanted = left < LEAST_BYTES ? LEAST_BYTES : extension_bytes(found.next, extension);

        found.has_routing |= found.next == IPV6_ROUTING;
        if (wanted > left) {
            found.cut_bytes = wanted;
            break;
        }
        if (found.next == IPV6_FRAGMENT)
            read_fragment(&found, extension);
        found.next = extension[0];
        found.bytes += wanted;
        found.count++;
    }
    return found;
}
