/*
 * impairment_counts.h - how much is to happen to the packets of a session, before there is any.
 *
 * Pure: drawn once, when the session begins.
 */
#ifndef SESSION_IMPAIRMENT_COUNTS_H
#define SESSION_IMPAIRMENT_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "dayshift/impairment_rates.h"
#include "dayshift/service_model.h"

/* What is to happen to a session, by enum flow_side of the sender. */
struct impairment_counts {
    uint32_t retransmitted[2]; /* TCP: packets more, of data segments and the initiator's SYN */
    uint32_t repeated_fins[2]; /* TCP: packets more, of the segment with the FIN */
    bool fin_has_data[2];      /* it carries payload */
    uint32_t repeated_syn_acks; /* TCP: packets more, of the responder's SYN-ACK */
    int64_t repeat_ns[2];      /* TCP: until a segment is sent again, as learned; 0: the sender's timeout */
    uint32_t reordered[2];     /* TCP: data segments that the next one overtakes */
    uint32_t duplicated[2];    /* packets more */
    uint32_t fragmented[2];    /* UDP: datagrams that come in two pieces; those too large for a frame
                                * come in pieces anyway */
    uint32_t unreachable;      /* packets of the initiator that an ICMP error answers */
};

/*
 * Of the session that `row` plans for a service, or NULL. Learned: as the row says, and where nobody answers as
 * often as of the service. By rates: drawn, each about its mean. Attempts to connect repeat their SYNs
 * themselves: they lose nothing. The rate of unanswered connections is the caller's.
 */
struct impairment_counts impairment_counts_draw(const struct impairment_rates *rates,
                                                const struct session_row *row,
                                                const struct service_model *service, uint8_t protocol,
                                                struct random_stream *random);

/*
 * Takes from the row what they add to it, so that both together are what was planned; a side keeps its first
 * packets, and some data if it had any. What does not fit that way is taken from the counts.
 */
void impairment_counts_take(struct impairment_counts *counts, struct session_row *row);

/* Whether anything is to happen. */
bool impairment_counts_any(const struct impairment_counts *counts);

#endif
