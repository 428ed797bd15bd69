/*
 * tcp_machine.h - where a TCP connection stands, and what either side may send.
 *
 * The one authority on legal sequences of packets while synthesizing. It looks at directions, flags and
 * whether there is payload; numbers are the business of tcp_numbers.h. What the network does to packets
 * (sent again, out of order, twice) happens behind it: impairments.h.
 */
#ifndef SESSION_TCP_MACHINE_H
#define SESSION_TCP_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "dayshift/flow_record.h"

enum tcp_phase {
    TCP_PHASE_CLOSED,       /* nothing was sent */
    TCP_PHASE_SYN,          /* SYN sent */
    TCP_PHASE_REFUSED,      /* and a RST came back */
    TCP_PHASE_SYN_ACK,      /* and answered; the initiator has to acknowledge */
    TCP_PHASE_ESTABLISHED,  /* also where the connection began before the flow did */
    TCP_PHASE_RESET,        /* a RST was sent */
    TCP_PHASES
};

struct tcp_machine { /* begins as tcp_machine_begin() makes it */
    uint8_t phase;      /* enum tcp_phase */
    bool fin[2];        /* sent, by enum flow_side */
    bool reset[2];      /* the side sent a RST; a refusal is none */
    bool zero_window[2]; /* the side said that it takes no data, and has not taken it back */
};

/* `under_way`: the connection began before the flow did. */
struct tcp_machine tcp_machine_begin(bool under_way);

/*
 * May `side` send this now?
 * - a connection opens with SYN, SYN-ACK and the initiator's ACK, which may carry data; nobody sends payload before.
 *   The SYN is sent again while nothing, or a RST, answers. RST may answer the SYN-ACK; no flag goes with SYN but
 *   ACK;
 * - then every packet has ACK (a RST need not), payload only while the side has sent no FIN and the other one takes data;
 *   a second FIN is none;
 * - PSH only with payload, or with FIN or RST; a keep-alive or an announcement of a closed window is a
 *   bare ACK;
 * - after a RST its sender sends nothing but RSTs. The other one may send what it had under way before the
 *   RST reached it: anything but SYN.
 */
bool tcp_machine_allows(const struct tcp_machine *machine, enum flow_side side, uint8_t flags,
                        enum packet_mark mark, bool has_payload);

/* The packet, which is allowed, was sent. */
void tcp_machine_send(struct tcp_machine *machine, enum flow_side side, uint8_t flags, enum packet_mark mark);

#endif
