/*
 * packet_gate.h - what becomes of a packet because of those before it: a later fragment gets the
 * ports of the first, a copy from a second tap is dropped.
 *
 * Packets come in the order of the whole input, whatever the files it was cut into. Private to
 * this room.
 */
#ifndef CAPTURE_PACKET_GATE_H
#define CAPTURE_PACKET_GATE_H

#include <stdbool.h>

#include "capture/capture_file.h"

struct packet_gate;

struct packet_gate *packet_gate_new(int64_t dedup_ns); /* 0: duplicates are packets */
void packet_gate_free(struct packet_gate *gate);       /* NULL is fine */

/*
 * `result` is DECODE_OK or DECODE_FRAGMENT, and counted as such; the gate corrects the counts.
 * True: *view is a packet, now with ports.
 */
bool packet_gate_pass(struct packet_gate *gate, struct packet_view *view,
                      enum decode_result result, struct capture_counts *counts);

#endif
