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
 * (as the sampled flow had it; else RFC 6298: 200 ms at least, doubled each time; a SYN's is a second), or a round
 * trip later when three segments followed it (RFC 5681). Before that passes nothing that would acknowledge it: a bare
 * ACK that would becomes a duplicate ACK, one for each segment that followed, with what came behind the hole (RFC
 * 2018). After these an ACK of all that arrived, one more than the session has, comes as soon as the hole is filled.
 *
 * Constant memory: at most two packets are held back. Pure.
 */
#ifndef SESSION_IMPAIRMENTS_H
#define SESSION_IMPAIRMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "session/impairment_counts.h"
#include "session/packet_model.h"
#include "session/session_packet.h"

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
    uint32_t duplicates;      /* ACKs that told so */
    uint32_t followed_until;  /* the sequence number behind them */
    bool has_held;            /* what the latest duplicate would have acknowledged, and its window: */
    uint16_t held_window;
    uint32_t held_sequence, held_acknowledgement;
    uint16_t window[2];       /* the side's latest, of no SYN; 0: there was none */
    uint32_t edge[2];         /* the side takes nothing from here on */
    uint8_t window_scale[2];
    int64_t lost_age_ns;      /* since `lost` passed last */
    struct session_packet waiting; /* comes next */
    struct session_packet lost;    /* comes again, when losses > 0 */
};

/* `total`: what the session is to send. `opens`: it begins with a SYN. `window_scale`: in force; of TCP alone. */
void impairments_begin(struct impairments *impairments, const struct impairment_counts *counts,
                       uint8_t protocol, bool opens, const struct packet_budget *total, int64_t rtt_ns,
                       const uint8_t window_scale[2]);

/* The next packet as it passes; false: no more. */
bool impairments_next(struct impairments *impairments, const struct session_packet_source *source,
                      struct random_stream *random, struct session_packet *packet);

/* From here on nothing happens to packets: none comes again, or in more copies. What is held back passes at once. */
void impairments_stop(struct impairments *impairments);

#endif
