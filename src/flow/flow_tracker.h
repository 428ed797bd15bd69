/*
 * flow_tracker.h - what one flow has done so far: updates a flow_record packet by packet.
 *
 * Pure; the table owns when a flow begins and ends. A few words of state beyond the record.
 * Times of the packets must not go backwards; the table sees to that.
 */
#ifndef FLOW_FLOW_TRACKER_H
#define FLOW_FLOW_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

#include "dayshift/flow_record.h"
#include "dayshift/packet_view.h"
#include "flow/sender_traits.h"

#define REORDER_DEFAULT_NS (3 * NS_PER_MS) /* while the round trip is not known; Wireshark's figure */
#define COPY_NS (100 * NS_PER_MS)          /* beyond, an equal IP identification is chance */

enum { FLOW_MARKS = 4 };

/* One direction of a TCP connection, by the packets its sender sent. */
struct flow_tcp_side {
    uint32_t first_syn;           /* sequence number, when there was a SYN */
    uint32_t next_sequence;       /* behind the newest byte, SYN or FIN, when next_known */
    uint32_t fin_acknowledgement; /* what acknowledges the FIN, when fin_seen */
    bool syn_seen;                /* without ACK */
    bool next_known;
    bool fin_seen;
    bool fin_acknowledged; /* by the other side */
    uint32_t gap_begin, gap_end; /* numbers that were jumped over; none when equal */
    struct day_time gap_time;    /* of the newest segment that jumped */
};

/* Marks of the newest packets of one direction, by which a copy is known. */
struct flow_copies {
    uint32_t marks[FLOW_MARKS];
    uint32_t time_ms; /* of the newest, roughly; only differences count */
    uint8_t next;
};

struct flow_tracker {
    struct flow_record record;
    struct flow_tcp_side tcp[2]; /* by enum flow_side */
    struct flow_copies copies[2];
    struct sender_traits traits[2]; /* told in the record at the end */
    struct day_time last;        /* newest packet */
    struct day_time request_time; /* the question whose answer gives the round trip, when asked */
    bool asked;
    bool answered;
    bool syn_ack_seen;
    bool reset_seen;
    uint8_t last_data_side; /* once there was data */
};

/*
 * Decides who initiated a flow from its first packet, which is not counted yet: flow_tracker_add()
 * follows with the same packet. Returns the side that sent it. In this order:
 * what is sent to a group: the sender; ICMP: who asks; TCP: who sends a SYN, or receives a SYN-ACK;
 * TCP under way: the higher port, as services have the lower; UDP: who is not on a well-known port
 * when the other is; else the sender.
 */
enum flow_side flow_tracker_begin(struct flow_tracker *tracker, const struct packet_view *packet);

/*
 * Adds a packet of this side, and returns what it is. What went wrong on the way (see flow_record.h) is
 * told so:
 *
 * A copy has the IP identification, not 0, the length, and of TCP the numbers and flags of one of the
 * FLOW_MARKS packets before it of its side, each at most COPY_NS after the next. Pieces of packets
 * share an identification and are never copies.
 * A segment takes the numbers of its payload, SYN and FIN. When it takes numbers below the highest
 * that was seen before, and is no copy and no keep-alive, it was
 * - reordered, when all its numbers were jumped over by a segment that was seen less than a round
 *   trip before (REORDER_DEFAULT_NS while unknown): no answer to a loss can be that fast;
 * - retransmitted otherwise.
 * Not counted: a segment of several bytes whose first alone was sent before, as behind a probe of a
 * closed window; resets, whose number may be anything; later fragments, which have no number.
 */
enum packet_mark flow_tracker_add(struct flow_tracker *tracker, enum flow_side side,
                                  const struct packet_view *packet);

/* No packet follows: the record is complete. */
void flow_tracker_finish(struct flow_tracker *tracker);

/* RST seen, or FIN from both sides acknowledged. */
bool flow_tracker_is_closed(const struct flow_tracker *tracker);

/* A SYN that is no copy of one this flow has seen: after the end, the next connection's first. */
bool flow_tracker_is_new_syn(const struct flow_tracker *tracker, enum flow_side side,
                             const struct packet_view *packet);

#endif
