/*
 * session.h - the packets of one flow, one after the other: a small TCP (or UDP, or ping)
 * conversation of two sides that never send what their state forbids.
 *
 * A packet model says which packet follows (packet_model.h); the session owns what is still to be sent and where
 * TCP stands, and gives every packet its numbers and the place of its payload.
 * Constant memory whatever the size of the flow. Pure: knows gaps between packets, no clock.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "base/time_types.h"
#include "dayshift/flow_plan.h"
#include "net/wire.h"
#include "session/impairments.h"
#include "session/session_course.h"
#include "session/session_packet.h"
#include "session/stack_profile.h"
#include "session/tcp_numbers.h"

#define SESSION_HURRIED_RTT_NS (100 * NS_PER_MS)

struct session {
    struct session_course course;
    uint64_t key;
    payload_fill *fill;
    uint32_t client; /* the initiator's name (flow_plan.h) */
    uint16_t service_port;
    uint16_t piece_bytes; /* of a datagram that does not fit a frame */
    uint8_t opening, ending, closing_side; /* as planned */
    uint8_t first_side;     /* who sent the first message, when has_data */
    uint8_t speaker;        /* who sent the latest data */
    bool has_data;
    bool begun;             /* its first packet was made */
    bool handshake;         /* seen whole */
    bool has_held;          /* a draw that waits for the other side's acknowledgement */
    struct packet_draw held;
    struct stack_profile stack;
    struct tcp_numbers numbers; /* TCP */
    int64_t closed_ns;      /* that its packets may still take when it is closed */
    uint64_t message_bytes; /* TCP: of the current message */
    uint64_t message_offset;
};

/*
 * Draws the shape and makes the session ready; `seed` is the run's. `models`: of the packet model that is wanted;
 * NULL, or where it has no fit: packet_model_messages. `impairments` NULL: nothing happens to packets;
 * else *counts is what is to happen to them, behind the session.
 */
void session_begin(struct session *session, const struct flow_plan *plan, uint64_t seed,
                   struct packet_models *models, const struct impairment_rates *impairments,
                   struct impairment_counts *counts);

/*
 * Goes on where an earlier session left a connection, instead of with one of which nothing is
 * known: only before the first packet, and only without an opening of its own.
 */
void session_resume(struct session *session, const struct session_numbers *numbers);

/* The next packet, or false when the session is over: then nothing is left to be released. */
bool session_next(struct session *session, struct session_packet *packet);

/*
 * Ends early and properly: whatever was still to be said is dropped, a connection that was to be
 * closed is closed with the next packets, without waiting. That takes five packets and two and a half round trips at
 * most, from the middle of a handshake; a round trip takes SESSION_HURRIED_RTT_NS at most.
 */
void session_hurry(struct session *session);

/* The same, with round trips of at most `rtt_ns`; and a connection that was to stay open is closed as well. */
void session_close(struct session *session, int64_t rtt_ns);

/* Of a session that is not over: it is left as it is. */
void session_release(struct session *session);

/* A TCP session that joins a connection under way. */
static inline bool session_joins(const struct session *session)
{
    return session->course.shape.protocol == IP_TCP && session->opening == FLOW_OPENING_NONE;
}

/* A TCP session that says nothing: it ends a connection that began before it, and that is all. */
static inline bool session_only_ends(const struct session *session)
{
    const struct packet_budget *total = &session->course.shape.total;

    return session_joins(session) && session->ending != FLOW_ENDING_NONE && total->data_packets[0] == 0 &&
           total->data_packets[1] == 0;
}

/* So far: a connection that opened with a handshake and closed with FINs of both sides. */
static inline bool session_is_complete_tcp(const struct session *session)
{
    const struct tcp_machine *machine = &session->course.sent;

    return session->handshake && machine->fin[0] && machine->fin[1];
}

/* So far: it leaves a TCP connection open. */
static inline bool session_stays_open(const struct session *session)
{
    const struct tcp_machine *machine = &session->course.sent;

    return session->course.shape.protocol == IP_TCP && machine->phase == TCP_PHASE_ESTABLISHED &&
           !machine->fin[0] && !machine->fin[1];
}

#endif
