/*
 * open_ends.h - between which two hosts, for which service, the run has a TCP connection open: one that is being played,
 * or was left open.
 *
 * Counts by a hash, in 1 MiB: of two pairs of hosts with the same hash each may be taken for the other. A count of 255 or
 * more stays there.
 */
#ifndef SESSION_OPEN_ENDS_H
#define SESSION_OPEN_ENDS_H

#include <stdbool.h>
#include <stdint.h>

#include "session/flow_tuple.h"

struct open_ends {
    uint8_t *counts; /* owned */
};

void open_ends_init(struct open_ends *ends);
void open_ends_release(struct open_ends *ends);

/* A connection began, or is over. The initiator's port does not matter. */
void open_ends_add(struct open_ends *ends, const struct flow_tuple *tuple);
void open_ends_remove(struct open_ends *ends, const struct flow_tuple *tuple);

bool open_ends_has(const struct open_ends *ends, const struct flow_tuple *tuple);

#endif
