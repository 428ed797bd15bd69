/*
 * session.h - the packets of one flow, one after the other: a small TCP (or UDP, or ping)
 * conversation of two sides that never send what their state forbids.
 *
 * Constant memory whatever the size of the flow. Pure: knows gaps between packets, no clock.
 *
 * Invariant: data_left, bytes_left and pure_left are what the budget still holds; every
 * packet is paid from one of them, except the few that TCP cannot do without
 * (a FIN or an ACK for which the sampled flow had none left).
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "dayshift/flow_plan.h"
#include "net/wire.h"
#include "session/session_packet.h"
#include "session/stack_profile.h"
#include "session/tcp_numbers.h"

enum session_phase {
    SESSION_ATTEMPT, /* SYNs that get no or a refusing answer */
    SESSION_SYN,
    SESSION_SYN_ACK,
    SESSION_HANDSHAKE_ACK,
    SESSION_BODY,
    SESSION_CLOSE,
    SESSION_OVER
};

enum { SESSION_RECENT = 4 }; /* datagrams whose answers may still be due */

struct session {
    struct random_stream random;
    uint64_t key;
    uint8_t protocol;
    uint16_t service_port;
    uint8_t phase; /* enum session_phase */
    uint8_t opening;
    uint8_t ending;
    uint8_t closing_side;
    uint8_t first_side;   /* of the messages */
    uint8_t speaker;      /* of the current or next message */
    uint8_t attempts_done;
    uint8_t listener;     /* who acknowledges, when ack_due */
    bool begun;           /* its first packet was made */
    bool fin_sent[2];
    bool fin_on_data[2];  /* the last data packet of that side carries its FIN */
    bool ack_due;         /* an acknowledgement (or a refusal) of the last packet comes next */
    bool message_open;    /* more packets of the current message follow */
    struct stack_profile stack;
    struct session_numbers numbers;
    uint64_t pure_left[2];  /* packets without payload, not yet reserved for opening or closing */
    uint64_t data_left[2];
    uint64_t bytes_left[2];
    uint64_t acks_total[2]; /* pure acknowledgements a side spends over the other's data */
    uint64_t data_total[2];
    uint32_t messages_left[2];
    uint32_t messages_done[2]; /* UDP, ICMP: datagrams */
    uint64_t message_bytes;   /* of the current message */
    uint64_t message_offset;
    uint64_t message_packets_left;
    uint64_t latest_bytes[2]; /* length of a side's latest message */
    uint16_t recent_bytes[2][SESSION_RECENT]; /* of its latest datagrams, by number */
    uint64_t attempts_left[2];
    int64_t retry_ns;     /* from the first SYN to the second; then twice that, and so on */
    int64_t rtt_ns;
    struct session_waits {
        int64_t ns;      /* waiting time not yet spent */
        uint64_t places; /* where it can be spent */
    } turns, segments;   /* before messages and the end; between the packets of a message */
};

/* Behind a silence of 120 s a learned flow was over; round trips and bursts come to this. */
#define SESSION_LONGEST_WAIT_NS (110 * NS_PER_SECOND)

/* Mean times, beyond what the sampled flow says. */
#define SESSION_WIRE_GAP_NS (12 * NS_PER_US)  /* 1500 bytes at 1 Gbit/s */
#define SESSION_BURST_GAP_NS (15 * NS_PER_US) /* beyond that between segments of one message */
#define SESSION_ACK_GAP_NS (30 * NS_PER_US)   /* beyond that until a pure acknowledgement */

enum { SESSION_RETRY_DOUBLINGS = 6 }; /* the waiting time for an answer doubles so often, as in Linux */

/* How long so many repetitions of a SYN wait together, in waits of the first; below 2^48 retries. */
uint64_t session_retry_units(uint64_t retries);

/* Draws the shape and makes the session ready; `seed` is the run's. */
void session_begin(struct session *session, const struct flow_plan *plan, uint64_t seed);

/*
 * Goes on where an earlier session left a connection, instead of with one of which nothing is
 * known: only before the first packet, and only without an opening of its own.
 */
void session_resume(struct session *session, const struct session_numbers *numbers);

/* The next packet, or false when the session is over. */
bool session_next(struct session *session, struct session_packet *packet);

/*
 * Ends early and properly: whatever was still to be said is dropped, a connection that was to be
 * closed is closed with the next packets, without waiting.
 */
void session_hurry(struct session *session);

/* A connection that opens with a handshake and closes with FINs of both sides. */
static inline bool session_is_complete_tcp(const struct session *session)
{
    return session->opening == FLOW_OPENING_HANDSHAKE && session->ending == FLOW_ENDING_FIN;
}

/* A TCP session that joins a connection under way; and one that leaves a connection open. */
static inline bool session_joins(const struct session *session)
{
    return session->protocol == IP_TCP && session->opening == FLOW_OPENING_NONE;
}

static inline bool session_stays_open(const struct session *session)
{
    return session->protocol == IP_TCP && session->opening != FLOW_OPENING_ATTEMPT &&
           session->ending == FLOW_ENDING_NONE;
}

#endif
