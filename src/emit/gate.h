/*
 * gate.h - the last thing before a sink: what may not leave does not leave.
 *
 * A frame passes when it is IPv4 without a VLAN tag, its source lies in an allowed network, its
 * destination lies in an allowed network, is multicast or 255.255.255.255, and it fits the link.
 * Everything else is refused and counted. Pure; costs a few nanoseconds.
 */
#ifndef EMIT_GATE_H
#define EMIT_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dayshift/frame.h"
#include "net/ip_address.h"

struct gate {
    const struct ip_network *networks; /* borrowed: virtual hosts and outside */
    size_t network_count;
    uint32_t max_frame_bytes; /* MTU + 14; 0: FRAME_MAX_BYTES */
};

bool gate_passes(const struct gate *gate, const struct frame *frame);

#endif
