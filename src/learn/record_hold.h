/*
 * record_hold.h - flow records kept for a while, with their packets.
 */
#ifndef LEARN_RECORD_HOLD_H
#define LEARN_RECORD_HOLD_H

#include <stddef.h>

#include "dayshift/flow_record.h"

struct record_hold {
    struct flow_record *records; /* `used` of them; their sequences are in `packets`, one after another */
    size_t used;
    size_t capacity;
    struct flow_packet *packets;
    size_t packets_used;
    size_t packets_capacity;
};

void record_hold_add(struct record_hold *hold, const struct flow_record *record);

/* Hands on every record as it was given, but for its file, in order. */
void record_hold_replay(const struct record_hold *hold,
                        void (*take)(void *self, const struct flow_record *record), void *self);

size_t record_hold_bytes(const struct record_hold *hold); /* memory it takes */
void record_hold_release(struct record_hold *hold);

#endif
