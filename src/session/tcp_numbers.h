/*
 * tcp_numbers.h - the numbers of a TCP connection: sequence, acknowledgement and window of either side.
 *
 * Turns the draws of a packet model, which tcp_machine.h allows, into packets with numbers. The packets pass
 * a point between the two hosts one by one. What a side sends acknowledges all that passed before it, but
 * for bare ACKs: these share the segments that are there and to come evenly, as many ACKs as the session has, so
 * that several in a row are no duplicates, which would read as a sign of loss. Where there is nothing left to
 * acknowledge, a bare ACK is a window update, or the answer to a keep-alive.
 *
 * Invariant: what a side sent stays within the window that the other one announced last, as long as the
 * caller heeds tcp_numbers_room().
 */
#ifndef SESSION_TCP_NUMBERS_H
#define SESSION_TCP_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "dayshift/service_model.h"
#include "session/packet_model.h"
#include "session/session_packet.h"

/* Where a TCP connection stands that is left open and may go on later; by enum flow_side. */
struct session_numbers {
    uint32_t sequence[2];     /* next to be sent */
    uint32_t acknowledged[2]; /* highest acknowledgement sent */
    uint16_t window[2];       /* as on the wire */
    uint8_t window_scale[2];
};

enum { TCP_NUMBERS_RUNS = 6 };

/* Segments of one length that a side sent one after the other, not acknowledged. */
struct tcp_run {
    uint16_t bytes, count;
};

struct tcp_numbers {
    int64_t rtt_ns;
    uint32_t packets_left[2]; /* to be sent, as far as it is planned; at most UINT32_MAX */
    uint32_t data_left[2];    /* of these, with payload */
    uint32_t sequence[2];     /* next to be sent */
    uint32_t acknowledged[2]; /* highest acknowledgement sent */
    uint32_t edge[2];         /* the side takes nothing from here on: acknowledgement and window */
    struct tcp_run runs[2][TCP_NUMBERS_RUNS]; /* the side's latest, oldest first */
    uint16_t syn_window[2];
    uint16_t window[2];       /* announced last, as on the wire */
    uint16_t usual_window[2]; /* when all was read; as on the wire */
    uint16_t top_window[2];   /* updates raise it no further */
    uint16_t mss[2];
    uint8_t window_scale[2];  /* in force, 0 to 14 */
    uint8_t run_count[2];
    bool begun[2];            /* the side sent something */
    bool fin[2];              /* the side sent one */
    bool closed[2];           /* the side announced a window of zero, and has not taken it back */
    bool probed[2];           /* the other side's latest packet is a keep-alive */
    bool under_way;           /* the connection is older than this session */
};

/*
 * Begins a connection as `row` describes it: opening, MSS, options, windows, packets, and payload, for which
 * the windows make room. Takes the initial sequence numbers from `random`.
 */
void tcp_numbers_begin(struct tcp_numbers *numbers, const struct session_row *row,
                       struct random_stream *random);

/* Goes on where an earlier session left the connection; right after tcp_numbers_begin(). */
void tcp_numbers_resume(struct tcp_numbers *numbers, const struct session_numbers *left);

struct session_numbers tcp_numbers_leave(const struct tcp_numbers *numbers);

/*
 * Fills all of *packet but its place. A SYN that was sent before is sent again with its number. A draw
 * beyond tcp_numbers_room() gets its numbers too, and the other side's window grows for the next time.
 */
void tcp_numbers_next(struct tcp_numbers *numbers, const struct packet_draw *draw,
                      struct session_packet *packet);

/* Payload bytes that the side may send before the other one has to acknowledge some, or to open its window. */
uint32_t tcp_numbers_room(const struct tcp_numbers *numbers, enum flow_side side);

/* All that the side was sent is acknowledged: a bare ACK of it would be a window update. */
static inline bool tcp_numbers_is_settled(const struct tcp_numbers *numbers, enum flow_side side)
{
    return numbers->acknowledged[side] == numbers->sequence[!side];
}

#endif
