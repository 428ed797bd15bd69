/*
 * link_send.h - one frame onto a link at once, beside what the emitter sends.
 */
#ifndef EMIT_LINK_SEND_H
#define EMIT_LINK_SEND_H

#include <stddef.h>
#include <stdint.h>

#include "emit/link.h"
#include "net/ethernet_header.h"

/* Of a frame of `size` bytes, with its tag. */
static inline size_t link_send_bytes(uint16_t vlan, size_t size)
{
    return size + (vlan ? ETHERNET_TAG_BYTES : 0);
}

/* With the tag of a VLAN (0: none) between the addresses and the type. -1 when the interface did not take it. */
int link_send(const struct link *link, uint16_t vlan, uint8_t *frame, size_t size);

#endif
