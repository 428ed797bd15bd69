/*
 * packet_gate.h - what becomes of a packet because of those before it: a later fragment gets the
 * ports of the first, or waits for it; a copy from a second tap is dropped.
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

/*
 * Before the next packet: a later fragment that waited for the first one, which has passed. It has no
 * bytes any more, and the time of the first: order holds. False: none.
 */
bool packet_gate_release(struct packet_gate *gate, struct packet_view *view,
                         struct capture_counts *counts);

#endif
