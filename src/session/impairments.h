/*
 * impairments.h - what the network does to the packets of a session: they are lost and sent again, overtake
 * one another, come twice or in pieces, or find nobody.
 *
 * A filter between the session and the frames. How often each happens to a session is fixed when it begins, and
 * then placed uniformly among the packets that can suffer it, so that the totals come out: a packet is hit
 * with the probability of what is left to do over the packets that are left. Where too few can suffer it, or two
 * things meet in the last ones, less happens.
 *
 * A loss is told as a passer-by before it sees it: the segment passes, and once more after the sender's timeout
 * (as the sampled flow had it; else RFC 6298: 200 ms at least, doubled each time; a SYN's is a second), or a round trip
 * later when three segments followed it (RFC 5681). Before that passes nothing that would acknowledge it.
 *
 * Constant memory: at most two packets are held back. Pure.
 */
#ifndef SESSION_IMPAIRMENTS_H
#define SESSION_IMPAIRMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "dayshift/impairment_rates.h"
#include "dayshift/service_model.h"
#include "session/packet_model.h"
#include "session/session_packet.h"

/* What is to happen to a session, by enum flow_side of the sender. */
struct impairment_counts {
    uint32_t retransmitted[2]; /* TCP: packets more, of data segments and the initiator's SYN */
    uint32_t repeated_fins[2]; /* TCP: packets more, of the segment with the FIN */
    bool fin_has_data[2];      /* it carries payload */
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

/* Where packets come from; false: there are no more. */
struct session_packet_source {
    bool (*next)(void *self, struct session_packet *packet);
    void *self;
};

struct impairments {
    struct impairment_counts left;
    uint64_t packets_left[2]; /* of the session: to come */
    uint64_t data_left[2];    /* of these, those that can be lost or overtaken */
    int64_t rtt_ns;
    uint8_t protocol;
    uint8_t waiting_kind;     /* enum waiting_kind */
    bool sent[2];             /* the side sent something */
    bool is_over;             /* there are no more packets */
    bool is_judged;           /* `waiting`: how often it is lost is known, in losses_next */
    uint32_t copies;          /* to come, of `waiting` */
    uint32_t losses_next;
    uint32_t losses;          /* `lost` has to pass so often */
    uint32_t losses_done;
    uint32_t followers;       /* data segments that its side sent behind it */
    int64_t lost_age_ns;      /* since `lost` passed last */
    struct session_packet waiting; /* comes next */
    struct session_packet lost;    /* comes again, when losses > 0 */
};

/* `total`: what the session is to send. `opens`: it begins with a SYN. */
void impairments_begin(struct impairments *impairments, const struct impairment_counts *counts,
                       uint8_t protocol, bool opens, const struct packet_budget *total, int64_t rtt_ns);

/* The next packet as it passes; false: no more. */
bool impairments_next(struct impairments *impairments, const struct session_packet_source *source,
                      struct random_stream *random, struct session_packet *packet);

/* From here on nothing happens to packets. Those held back still pass. */
void impairments_stop(struct impairments *impairments);

#endif
