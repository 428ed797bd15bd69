/*
 * frame.h - bytes and their due time, the contract from session to emit.
 */
#ifndef DAYSHIFT_FRAME_H
#define DAYSHIFT_FRAME_H

#include <stdint.h>

#include "base/error.h"
#include "base/time_types.h"

#define FRAME_MAX_BYTES 9018 /* Ethernet without its check sum, one VLAN tag, 9000 bytes of IP */

#define FRAME_MAX_LINKS 8 /* of a run */

#define FRAME_NO_FLOW UINT32_MAX

struct frame {
    struct run_time due; /* never decreases from one frame of a source to the next */
    uint32_t length;     /* bytes of the Ethernet frame, without check sum */
    uint32_t link;       /* which of the run's links it leaves by ... */
    uint32_t to_link;    /* ... and which one its receiver sends on: the same where no two links are between them */
    uint32_t flow;       /* which flow of the ground truth it is of, FRAME_NO_FLOW: none */
    const uint8_t *bytes; /* borrowed from where it was rendered */
};

/*
 * Where frames come from, in order of their due times. In two steps: what comes next is known before it is rendered,
 * so that the caller can wait for its time, and choose the memory by its link.
 */
struct frame_source {
    /* 1: all but length and bytes of what comes next is filled; 0: no more; -1: failed, *err says why. The same until it is taken. */
    int (*peek)(void *self, struct frame *next, struct error *err);
    /* Renders what peek() showed last into `room`, of FRAME_MAX_BYTES. Returns its length. */
    uint32_t (*take)(void *self, uint8_t *room);
    void *self;
};

/* Both steps: as peek(), with the whole frame, which lies in `room`. */
static inline int frame_source_next(const struct frame_source *source, uint8_t *room, struct frame *frame,
                                    struct error *err)
{
    int got = source->peek(source->self, frame, err);

    if (got <= 0)
        return got;
    frame->length = source->take(source->self, room);
    frame->bytes = room;
    return 1;
}

#endif
