/*
 * packet_sequence.h - packets of many flows, one by one, in bounded memory: the first of each, and of a
 * flow of more than FLOW_MAX_SEQUENCE the last.
 *
 * A sequence begins with room for 4 packets and moves to 16, 64, 256 and FLOW_MAX_SEQUENCE as it grows;
 * what it leaves goes to the next sequence of that size. The pool takes memory in slabs and keeps it.
 * Past FLOW_MAX_SEQUENCE the places of the last FLOW_SEQUENCE_TAIL packets are a ring.
 */
#ifndef FLOW_PACKET_SEQUENCE_H
#define FLOW_PACKET_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dayshift/flow_record.h"

struct sequence_pool; /* opaque */

/* Of one flow. Zeroed: empty. */
struct packet_sequence {
    struct flow_packet *packets; /* `length` of them, in the pool */
    uint16_t length;
    uint16_t capacity;
    bool is_cut; /* there was no room for one more: nothing is added any more */
    uint8_t oldest; /* of the ring, the place of its oldest packet */
};

struct sequence_pool *sequence_pool_new(size_t max_bytes);
void sequence_pool_free(struct sequence_pool *pool); /* with all sequences; NULL is fine */

/* False when there is no room for this packet: the sequence is cut. Nothing happens once it is. */
bool sequence_append(struct sequence_pool *pool, struct packet_sequence *sequence,
                     struct flow_packet packet);

/* No packet follows: puts the ring in order. */
void sequence_finish(struct packet_sequence *sequence);

/* Gives the memory back; the sequence is empty again. */
void sequence_release(struct sequence_pool *pool, struct packet_sequence *sequence);

#endif
