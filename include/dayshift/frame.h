/*
 * frame.h - bytes and their due time, the contract from session to emit.
 */
#ifndef DAYSHIFT_FRAME_H
#define DAYSHIFT_FRAME_H

#include <stdint.h>

#include "base/error.h"
#include "base/time_types.h"

#define FRAME_MAX_BYTES 1518 /* Ethernet without its check sum, one VLAN tag */

struct frame {
    struct run_time due; /* never decreases from one frame of a source to the next */
    uint32_t length;     /* bytes of the Ethernet frame, without check sum */
    const uint8_t *bytes; /* borrowed from the source until its next call */
};

/* Where frames come from, in order of their due times. */
struct frame_source {
    /* 1: *frame is filled; 0: no more; -1: failed, *err says why. */
    int (*next)(void *self, struct frame *frame, struct error *err);
    void *self;
};

#endif
