/*
 * duplicates.h - is a packet the same as one a moment ago, from a second tap on its way?
 *
 * Bounded: at most DUPLICATES_PACKETS packets and DUPLICATES_BYTES of them are remembered, the
 * newest. Private to this room.
 */
#ifndef CAPTURE_DUPLICATES_H
#define CAPTURE_DUPLICATES_H

#include <stdbool.h>
#include <stdint.h>

#include "dayshift/packet_view.h"

enum { DUPLICATES_PACKETS = 1 << 16, DUPLICATES_BYTES = 16 << 20 };

struct duplicates;

struct duplicates *duplicates_new(int64_t window_ns);
void duplicates_free(struct duplicates *duplicates); /* NULL is fine */

/*
 * Does the packet equal one seen at most window_ns before or after it, byte for byte from the IP
 * header on, but for what routers change (TTL or hop limit, and the checksum of the IPv4 header)?
 * Of two that were cut differently, as far as both were captured. If not, it is remembered. A
 * packet without bytes (view->ip_captured 0) equals none.
 */
bool duplicates_seen(struct duplicates *duplicates, const struct packet_view *view);

#endif
