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

/* One direction of a TCP connection, by the packets its sender sent. */
struct flow_tcp_side {
    uint32_t first_syn;           /* sequence number, when syn_seen */
    uint32_t next_sequence;       /* behind the newest byte, SYN or FIN, when next_known */
    uint32_t fin_acknowledgement; /* what acknowledges the FIN, when fin_seen */
    bool syn_seen;                /* without ACK */
    bool next_known;
    bool fin_seen;
    bool fin_acknowledged; /* by the other side */
};

struct flow_tracker {
    struct flow_record record;
    struct flow_tcp_side tcp[2]; /* by enum flow_side */
    struct day_time last;        /* newest packet */
    struct day_time request_time; /* the question whose answer gives the round trip, when asked */
    bool asked;
    bool answered;
    bool syn_ack_seen;
    bool reset_seen;
    uint8_t last_data_side; /* once there was data */
};

/*
 * Decides who initiated a flow from its first packet, which is not counted yet:
 * flow_tracker_add() follows with the same packet.
 */
void flow_tracker_begin(struct flow_tracker *tracker, const struct packet_view *packet);

/* Which side of the flow sent this packet. */
enum flow_side flow_tracker_side(const struct flow_tracker *tracker,
                                 const struct packet_view *packet);

void flow_tracker_add(struct flow_tracker *tracker, const struct packet_view *packet);

/* RST seen, or FIN from both sides acknowledged. */
bool flow_tracker_is_closed(const struct flow_tracker *tracker);

/* A SYN that is no copy of one this flow has seen: after the end, the next connection's first. */
bool flow_tracker_is_new_syn(const struct flow_tracker *tracker, const struct packet_view *packet);

#endif
