/*
 * flow_table.h - packet views in, finished bidirectional flows out, in order of their start.
 *
 * A flow ends FLOW_GRACE after a RST or after both FINs are acknowledged (so that late
 * segments and retransmitted FINs still belong to it), or FLOW_IDLE without a packet (120 s, Falk).
 * A SYN with a new sequence number on a 5-tuple that was closed begins a new flow at once.
 * Records come out in order of their start: a flow that is over waits for those that began before it.
 *
 * An ICMP error counts for the open flow of the packet that it quotes, if there is one, and is no packet
 * of its own.
 *
 * Memory is bounded: at most max_flows are open or waiting. When they are reached, order goes first:
 * open flows that others wait for lose their place, and their records come late. Only when all are
 * open, the one that was idle for longest is ended before its time.
 *
 * Time comes from the packets. A packet that is older than the newest by at most FLOW_IDLE counts as
 * of the newest; an older one is a step of the clock: all flows end, and time goes on from there.
 */
#ifndef FLOW_FLOW_TABLE_H
#define FLOW_FLOW_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "dayshift/flow_record.h"
#include "dayshift/packet_view.h"
#include "flow/application.h"

#define FLOW_IDLE_NS (120 * NS_PER_SECOND)
#define FLOW_GRACE_NS (5 * NS_PER_SECOND)

struct flow_table; /* opaque */

/* Receives each record once; it and its sequence are borrowed for the call. */
typedef void flow_sink(void *self, const struct flow_record *record);

/*
 * Is shown every packet of every flow, and has room of its own with each flow. What its state points to
 * it frees itself: flow_table_free() ends no flows.
 */
struct flow_observer {
    void *self;
    size_t state_bytes; /* of a flow: zeroed when it begins, aligned for any type */
    /* A packet of this side, its time as the table counts it; borrowed for the call. May be NULL. */
    void (*packet)(void *self, void *state, enum flow_side side, const struct packet_view *packet);
    /* The flow is over: just before the sink, in the sink's order, with the same record. May be NULL. */
    void (*end)(void *self, void *state, const struct flow_record *record);
    /* An ICMP error that quotes a packet of this side, while the flow is open. May be NULL. */
    void (*error)(void *self, void *state, enum flow_side side);
};

struct flow_counts {
    uint64_t packets;
    uint64_t flows;         /* records given to the sink */
    uint64_t late;          /* of them after one that began later, for want of room */
    uint64_t ended_early;   /* for want of room */
    uint64_t late_packets;  /* older than the newest before them, whose time counts */
    uint64_t clock_steps;   /* back by more than FLOW_IDLE */
    uint64_t cut_sequences; /* for want of room: shorter than the flow and than FLOW_MAX_SEQUENCE */
};

struct flow_table_options {
    size_t max_flows;          /* 0 counts as 1 */
    size_t max_sequence_bytes; /* of all kept packets; 0: none are kept */
    struct application_labeller *labeller; /* borrowed; NULL: flows get no application */
    const struct flow_observer *observer;  /* borrowed; NULL: nobody looks at packets */
};

/* What one of max_flows costs, without its kept packets, an observer's state and the labeller's memory. */
size_t flow_table_flow_bytes(void);

struct flow_table *flow_table_new(const struct flow_table_options *options, flow_sink *sink,
                                  void *sink_self);
void flow_table_free(struct flow_table *table); /* does not flush; NULL is fine */

void flow_table_add(struct flow_table *table, const struct packet_view *packet);

/*
 * Ends everything that is open and gives it to the sink: the end of the input. The clock
 * forgets: what is added next may be of an earlier day, and its records come after.
 */
void flow_table_flush(struct flow_table *table);

const struct flow_counts *flow_table_counts(const struct flow_table *table);

#endif
