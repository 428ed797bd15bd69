/*
 * sent_flow.h - a flow that is sent: what it is, told by who makes its frames, and what of it was really sent, told by who
 * sends them. The contract of the ground truth: from session and scenario, and from emit, to records.
 *
 * To have frames of one's own in the log, as an overlay has (all by the thread that makes frames):
 *     slot = keeper->begin(keeper->self, &flow);      before its first frame
 *     frame.flow = sent_flow_mark(slot, side);        with each; `side` of enum flow_side is who sends it
 *     keeper->end(keeper->self, slot, frames);        once its last one is made; so many had the mark
 * An ICMP error about a flow has the mark of that flow. There is one keeper in struct session_options.
 */
#ifndef DAYSHIFT_SENT_FLOW_H
#define DAYSHIFT_SENT_FLOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dayshift/flow_record.h"
#include "dayshift/frame.h"
#include "net/ip_address.h"

#define SENT_FLOW_NO_HOST UINT32_MAX

struct sent_flow {
    struct ip_address address[2]; /* by enum flow_side, as all of these */
    uint16_t port[2];             /* as in struct flow_record */
    uint16_t link[2];             /* which of the run's links it sends on */
    uint16_t vlan[2];             /* its tag; 0: none */
    uint8_t protocol;
    uint32_t virtual_host; /* whose model made it, by its number among all; or SENT_FLOW_NO_HOST */
    const char *label;     /* the class of its service; NULL: none. Borrowed for the call, as is: */
    const char *overlay;   /* the name of the overlay that it is of; NULL: of none */
};

/*
 * Written by who sends, alone; but for `handled`, which is stored last and with release, read when that says that the
 * flow is over, or when who sends is gone. A line of the processor's cache.
 */
struct sent_tally {
    _Atomic uint64_t handled; /* frames that nothing will be done with any more, sent or not */
    uint64_t packets[2];      /* sent, and so are all of these */
    uint64_t bytes[2];        /* of IP packets, headers included */
    int64_t first_ns;         /* by the machine's clock; of the packets, or of the errors where there are no packets */
    int64_t last_ns;
    uint32_t errors;          /* ICMP errors about the flow, which are no packets of it */
    uint8_t tcp_flags[2];
    uint8_t ending;           /* enum flow_ending: of the first packet that ends it ... */
    uint8_t closing_side;     /* ... and who sent that */
};

/* Who keeps the log. */
struct sent_flow_keeper {
    /* A slot for the flow, or FRAME_NO_FLOW: there is no room, it will not be in the log. Never waits. */
    uint32_t (*begin)(void *self, const struct sent_flow *flow);
    /* As many frames were made of it. Of none: as if it had never begun. `slot` may be FRAME_NO_FLOW. */
    void (*end)(void *self, uint32_t slot, uint64_t frames);
    void *self;
};

/* What `flow` of a frame is. */
static inline uint32_t sent_flow_mark(uint32_t slot, enum flow_side side)
{
    return slot == FRAME_NO_FLOW ? FRAME_NO_FLOW : slot << 1 | (uint32_t)side;
}

#endif
