/*
 * sink_private.h - the constructors behind sink_open(), and what a failed call means to all of them.
 */
#ifndef EMIT_SINK_PRIVATE_H
#define EMIT_SINK_PRIVATE_H

#include <stdbool.h>

#include "emit/sink.h"

struct sink *sink_packet_new(const struct link *link, struct transmit_stamps *stamps, struct error *err);
bool sink_xdp_is_available(void);
struct sink *sink_xdp_new(const struct link *link, const struct frame_ring *ring, struct error *err);
struct sink *sink_libnet_new(const struct link *link, struct error *err);
struct sink *sink_null_new(void);

/* What the errno of a call that should have sent a frame means to that frame. On SINK_FAILED *err says why. */
enum sink_result sink_result_of(int error_number, const struct frame *frame, struct error *err);

#endif
