/*
 * address_walk.h - the virtual hosts of a link, one after the other.
 */
#ifndef EMIT_ADDRESS_WALK_H
#define EMIT_ADDRESS_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dayshift/link_hosts.h"

struct address_walk {
    const struct link_hosts *hosts;
    size_t range;
    struct ip_address next;
    bool is_within; /* `next` is one of the range, not its first */
};

static inline struct address_walk address_walk_begin(const struct link_hosts *hosts)
{
    return (struct address_walk){ .hosts = hosts };
}

struct walked_host {
    struct ip_address address;
    uint16_t vlan;
    struct link_host host;
};

/* False when there is none left. */
bool address_walk_next(struct address_walk *walk, struct walked_host *walked);

#endif
