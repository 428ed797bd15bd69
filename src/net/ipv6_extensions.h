/*
 * ipv6_extensions.h - the headers that IPv6 puts between its own and that of the transport (RFC 8200, section 4). Pure.
 *
 * As many as there are, in any order and as often as they come, as a node has to take them (section 4.1). Extensions are
 * those of RFC 8200, authentication and mobility (RFC 7045, section 3); encryption ends the walk, and so do the rare ones:
 * HIP, Shim6 and the two for experiments.
 */
#ifndef NET_IPV6_EXTENSIONS_H
#define NET_IPV6_EXTENSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ipv6_extension {
    IPV6_HOP_BY_HOP = 0,
    IPV6_ROUTING = 43,
    IPV6_FRAGMENT = 44,
    IPV6_AUTHENTICATION = 51,
    IPV6_NOTHING = 59, /* none: nothing follows */
    IPV6_DESTINATION_OPTIONS = 60,
    IPV6_MOBILITY = 135
};

enum { IPV6_FRAGMENT_BYTES = 8 };

struct ipv6_extensions {
    unsigned count;
    size_t bytes;       /* of those that are whole: behind them is ... */
    uint8_t next;       /* ... this: an extension when it is cut; of a later fragment what the fragment says */
    size_t cut_bytes;   /* 0: all are whole; else how long that one is, as far as can be told */
    bool has_routing;   /* also when it is that which is cut */
    bool is_fragment;   /* one piece of several */
    bool is_later_fragment; /* and not the first one: what is behind is no header */
    uint32_t fragment_id;
};

static inline bool ipv6_extension_is(uint8_t next)
{
    switch (next) {
    case IPV6_HOP_BY_HOP:
    case IPV6_ROUTING:
    case IPV6_FRAGMENT:
    case IPV6_AUTHENTICATION:
    case IPV6_DESTINATION_OPTIONS:
    case IPV6_MOBILITY: return true;
    default: return false;
    }
}

struct ipv6_extensions ipv6_extensions_walk(uint8_t next, const uint8_t *bytes, size_t size);

/* `next` is the kind of what begins at `bytes`, of which `size` are there. Nothing behind them is read. */
static inline struct ipv6_extensions ipv6_extensions_at(uint8_t next, const uint8_t *bytes, size_t size)
{
    if (!ipv6_extension_is(next)) /* nearly always, and once a frame */
        return (struct ipv6_extensions){ .next = next };
    return ipv6_extensions_walk(next, bytes, size);
}

#endif
