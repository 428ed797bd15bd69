/*
 * flow_tracker.h - what one flow has done so far: updates a flow_record packet by packet.
 *
 * Pure; the table owns when a flow begins and ends. A few words of state beyond the record.
 */
#ifndef FLOW_FLOW_TRACKER_H
#define FLOW_FLOW_TRACKER_H

#include <stdbool.h>

#include "dayshift/flow_record.h"
#include "dayshift/packet_view.h"

struct flow_tracker {
    struct flow_record record;
    struct day_time last;          /* newest packet */
    struct day_time syn_time;
    struct day_time first_data_time[2];
    uint32_t fin_acknowledgement[2]; /* what acknowledges the FIN of a side */
    bool fin_seen[2];
    bool fin_acknowledged[2];
    bool initiator_acknowledged;   /* the third packet of the handshake was seen */
    uint8_t last_data_side;
};

/* Begins with the first packet of a flow and decides who initiated it. */
void flow_tracker_begin(struct flow_tracker *tracker, const struct packet_view *packet);

/* Which side of the flow sent this packet. */
enum flow_side flow_tracker_side(const struct flow_tracker *tracker,
                                 const struct packet_view *packet);

void flow_tracker_add(struct flow_tracker *tracker, const struct packet_view *packet);

/* RST seen, or FIN from both sides acknowledged. */
bool flow_tracker_is_closed(const struct flow_tracker *tracker);

#endif
