/*
 * link_receiver.h - what comes in on a link, many frames a system call.
 */
#ifndef EMIT_LINK_RECEIVER_H
#define EMIT_LINK_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emit/link.h"

enum {
    LINK_RECEIVER_LONGEST = 9014, /* jumbo frames; of a longer one no more is received, so that it looks cut */
    LINK_RECEIVER_BATCH = 32
};

/* Without its tag. The bytes live until the next call. */
struct received_frame {
    uint8_t *bytes;
    size_t size;
    uint16_t vlan; /* 0: no tag, or one of priority alone */
    bool is_unsummed; /* from another namespace of this machine: its checksum is still to be made */
};

struct link_receiver; /* opaque */

struct link_receiver *link_receiver_new(const struct link *link);
void link_receiver_free(struct link_receiver *receiver);

/* Waits for frames, and returns how many came: 0 after so long without one. No errors: a link that is down may come back. */
size_t link_receiver_take(struct link_receiver *receiver, int most_ms, struct received_frame frames[LINK_RECEIVER_BATCH]);

#endif
