/*
 * packet_sequence.h - the first packets of many flows, one by one, in bounded memory.
 *
 * A sequence begins with room for 4 packets and moves to 16, 64 and FLOW_MAX_SEQUENCE as it grows; what
 * it leaves goes to the next sequence of that size. The pool takes memory in slabs and keeps it.
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
};

struct sequence_pool *sequence_pool_new(size_t max_bytes);
void sequence_pool_free(struct sequence_pool *pool); /* with all sequences; NULL is fine */

/*
 * False when there is no room for this packet: the sequence is cut. Nothing happens once it is, or once
 * FLOW_MAX_SEQUENCE packets are kept.
 */
bool sequence_append(struct sequence_pool *pool, struct packet_sequence *sequence,
                     struct flow_packet packet);

/* Gives the memory back; the sequence is empty again. */
void sequence_release(struct sequence_pool *pool, struct packet_sequence *sequence);

#endif
