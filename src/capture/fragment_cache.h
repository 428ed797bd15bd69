/*
 * fragment_cache.h - the ports of packets in fragments, which only the first fragment carries.
 *
 * Bounded and direct-mapped: a packet whose place is taken by another loses its later fragments.
 * Private to this room.
 */
#ifndef CAPTURE_FRAGMENT_CACHE_H
#define CAPTURE_FRAGMENT_CACHE_H

#include <stdbool.h>

#include "dayshift/packet_view.h"

enum { FRAGMENT_SLOTS = 1024 /* 64 KiB */ };

/* Zeros are an empty one. */
struct fragment_cache {
    struct fragment_slot {
        struct ip_address source, destination;
        uint32_t ip_id;
        uint8_t protocol;
        uint8_t icmp_type;
        uint16_t source_port, destination_port;
        bool used;
        struct day_time time;
    } slots[FRAGMENT_SLOTS];
};

/* Remembers a first fragment. */
void fragment_cache_put(struct fragment_cache *cache, const struct packet_view *first);

/*
 * Gives a later fragment protocol, ports and type of its first. False: that is not known, or more
 * than FRAGMENT_SECONDS away, when the identification may have come round.
 */
bool fragment_cache_complete(const struct fragment_cache *cache, struct packet_view *later);

enum { FRAGMENT_SECONDS = 30 /* what systems wait for the rest of a packet */ };

#endif
