/*
 * model_messages.h - the packet model for services of which no packet was ever seen: a conversation shaped by the
 * flow's totals alone.
 *
 * Handshake; requests and answers, as many as the flow had turns, each in full segments and a rest; pure
 * acknowledgements spread over the data; FIN or RST. What the duration holds beyond round trips and transmission is
 * spent before messages and between the packets of a message, as a uniformly broken stick: waits as of a Poisson
 * process with that many arrivals. Attempts to connect that get no or a refusing answer are played by it always.
 *
 * It needs no tables: fit() is not there. Every packet is paid from the budget, except the few that TCP cannot do
 * without (a FIN or an ACK for which the sampled flow had none left).
 */
#ifndef SESSION_MODEL_MESSAGES_H
#define SESSION_MODEL_MESSAGES_H

#include "session/packet_model.h"

extern const struct packet_model packet_model_messages;

/* Behind a silence of 120 s a learned flow was over; round trips and bursts come to this. */
#define SESSION_LONGEST_WAIT_NS (110 * NS_PER_SECOND)

/* Mean times, beyond what the sampled flow says. */
#define SESSION_WIRE_GAP_NS (12 * NS_PER_US)  /* 1500 bytes at 1 Gbit/s */
#define SESSION_BURST_GAP_NS (15 * NS_PER_US) /* beyond that between segments of one message */
#define SESSION_ACK_GAP_NS (30 * NS_PER_US)   /* beyond that until a pure acknowledgement */

enum { SESSION_RETRY_DOUBLINGS = 6 }; /* the waiting time for an answer doubles so often, as in Linux */

/* How long so many repetitions of a SYN wait together, in waits of the first; below 2^48 retries. */
uint64_t session_retry_units(uint64_t retries);

/*
 * A memory with which next() ends a session of any model without waiting: a connection that was to be closed is
 * closed, whatever else was to be said is not. `unanswered`: the side sent what the other has not acknowledged.
 */
void messages_close(union packet_memory *memory, enum flow_opening opening, enum flow_ending ending,
                    enum flow_side closing_side, const bool unanswered[2]);

#endif
