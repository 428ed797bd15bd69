/*
 * legality.h - is there anything in a flow that no TCP stack could have sent?
 *
 * Judges the packets that a capture shows, one flow at a time, by rules that are named one by one. What
 * a capture does not show is not held against a flow: a rule that needs a SYN is silent without it, one
 * that needs bytes is silent where they were cut. But a packet that the capture itself lost or put out of
 * order cannot be told from one that was never sent; real captures are not free of illegal flows.
 *
 * The sender's rules in session/tcp_machine.h are others' code on purpose.
 */
#ifndef EVAL_LEGALITY_H
#define EVAL_LEGALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "dayshift/flow_record.h"
#include "dayshift/packet_view.h"

enum legality_rule {
    LEGAL_FLAGS,         /* RFC 9293: SYN, ACK or RST in every segment, and no two of SYN, FIN and RST */
    LEGAL_OPENING,       /* no payload or FIN before the own SYN is acknowledged, but by TCP Fast Open */
    LEGAL_ONE_OPENING,   /* once it was, no SYN with another number */
    LEGAL_FIN,           /* no payload behind the own FIN, no FIN with another number */
    LEGAL_RESET,         /* behind the own RST nothing but RST */
    LEGAL_ACKNOWLEDGED,  /* what is acknowledged was sent, to the last byte */
    LEGAL_ACK_ORDER,     /* acknowledgements do not go back */
    LEGAL_WINDOW,        /* numbers lie in the window the other side gave; a probe of one byte may be beyond */
    LEGAL_SEGMENT,       /* payload is no longer than the MSS that the other side announced */
    LEGAL_TIMESTAMPS,    /* timestamps do not go back (RFC 7323) */
    LEGAL_ECHO,          /* and what is echoed was sent */
    LEGAL_OPTIONS,       /* timestamps always and only where both SYNs have them; SACK where it is permitted */
    LEGAL_IP_CHECKSUM,
    LEGAL_CHECKSUM, /* of TCP or UDP */
    LEGALITY_RULES
};

/* What a capturing host breaks itself, as it sees packets before its network card cut and summed them. */
#define LEGALITY_OFFLOADED (1u << LEGAL_SEGMENT | 1u << LEGAL_IP_CHECKSUM | 1u << LEGAL_CHECKSUM)

enum { LEGALITY_ISLANDS = 4 /* stretches of numbers seen behind a hole: more, and holes are forgotten */ };

/* Where to look it up. `file` is borrowed from the capture. */
struct legality_place {
    uint64_t frame;
    const char *file;
    struct day_time time;
};

/* Numbers from `begin` to before `end`. */
struct legality_island {
    uint32_t begin, end;
};

/* What one side of a connection has sent. */
struct legality_side {
    uint32_t first_syn;
    uint32_t contiguous; /* all numbers before it were seen, when syn_seen */
    struct legality_island islands[LEGALITY_ISLANDS];
    uint32_t highest; /* behind the highest number, when has_sent */
    uint32_t fin;     /* its number, when fin_seen */
    uint32_t acknowledged;    /* highest, when ack_seen */
    uint32_t edge;            /* what the other side may send ends here, when edge_known */
    uint32_t timestamp;       /* newest, when timestamp_known */
    uint16_t syn_window;
    uint16_t mss;
    uint8_t syn_options; /* enum tcp_option_bit */
    uint8_t scale;
    uint8_t island_count;
    bool has_sent, has_answered; /* anything; and behind the other's SYN */
    bool syn_seen, syn_acknowledged, syn_is_whole;
    bool fin_seen, reset_seen, ack_seen, edge_known, timestamp_known;
    bool has_forgotten; /* which numbers are missing */
    bool sent_early;    /* before any answer: whether that was wrong the answer tells */
    struct legality_place early;
};

/* One flow. Begins zeroed. */
struct legality {
    struct legality_side side[2];
    uint32_t judged, broken; /* bits by enum legality_rule */
    struct legality_place places[LEGALITY_RULES]; /* of the first packet that broke it */
    bool is_blurred;   /* numbers mean little: an attempt with other numbers, or fragments */
    bool is_fast_open;
};

/* A packet of the flow, TCP or UDP (of which only checksums are judged). */
void legality_add(struct legality *legality, enum flow_side side, const struct packet_view *packet);

/* Flows that were judged. Begins zeroed. */
struct legality_counts {
    uint64_t flows;
    uint64_t legal;               /* broke no rule */
    uint64_t legal_but_offloaded; /* broke none but LEGALITY_OFFLOADED */
    uint64_t judged[LEGALITY_RULES];
    uint64_t broken[LEGALITY_RULES];
};

void legality_counts_add(struct legality_counts *counts, const struct legality *legality);

/* Of the flows it could be judged on, those that keep it; 1 when there are none. */
double legality_share(const struct legality_counts *counts, enum legality_rule rule);

/* "nothing but RST behind the own RST". */
const char *legality_rule_text(enum legality_rule rule);

/* For machines: "reset". */
const char *legality_rule_key(enum legality_rule rule);

#endif
