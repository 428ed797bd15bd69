/*
 * flow_record.h - one finished bidirectional flow, the contract from flow to learn and eval.
 *
 * Records arrive in order of their start (ties in order of their first packets), but for the few
 * that a bounded memory could not hold back: these come late.
 * Arrays of two are indexed by enum flow_side.
 */
#ifndef DAYSHIFT_FLOW_RECORD_H
#define DAYSHIFT_FLOW_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/random.h"
#include "base/time_types.h"
#include "net/ip_address.h"

enum flow_side { FLOW_INITIATOR = 0, FLOW_RESPONDER = 1 };

static inline enum flow_side flow_side_other(enum flow_side side)
{
    return side == FLOW_INITIATOR ? FLOW_RESPONDER : FLOW_INITIATOR;
}

/* How a TCP flow began, as far as the capture shows it. */
enum flow_opening {
    FLOW_OPENING_NONE,      /* no SYN seen: it was under way already, or it is not TCP */
    FLOW_OPENING_ATTEMPT,   /* SYN, but no SYN-ACK */
    FLOW_OPENING_HANDSHAKE  /* SYN and SYN-ACK */
};

/* How it ended. */
enum flow_ending {
    FLOW_ENDING_NONE,  /* idle timeout, end of the capture, or not TCP */
    FLOW_ENDING_RESET, /* RST from either side */
    FLOW_ENDING_FIN    /* FIN from at least one side and no RST before it */
};

/* How a sender numbers its IPv4 packets. */
enum ip_id_kind {
    IP_ID_UNKNOWN,
    IP_ID_ZERO,
    IP_ID_COUNTER, /* upwards in small steps */
    IP_ID_RANDOM
};

/* Findings about the order of a TCP flow's packets (Falk, Table II). */
enum flow_finding {
    FLOW_DATA_BEFORE_HANDSHAKE = 1 << 0,
    FLOW_DUPLICATE_HANDSHAKE = 1 << 1,   /* a second SYN-ACK, or a SYN after the handshake */
    FLOW_DATA_AFTER_TERMINATION = 1 << 2 /* payload after a RST, or from a side that sent FIN before */
};

/* What a packet of a flow is beside its flags. */
enum packet_mark {
    PACKET_PLAIN,
    PACKET_IMPAIRED,   /* the network's doing: sent again, out of order, a copy, a later fragment */
    PACKET_KEEPALIVE,  /* TCP: a probe of an idle connection; its payload, if any, is no data */
    PACKET_ZERO_WINDOW /* TCP: its sender takes no data for now */
};

/*
 * One packet of a flow, as a packet model learns it: direction, mark, flags, payload and the time since
 * the packet before it, on the gap grid. 5 bytes, stored in 6.
 */
struct flow_packet {
    uint8_t side_and_flags; /* side << 7 | enum packet_mark << 5 | TCP flags & 0x1f */
    uint8_t gap_bin;        /* log_grid_bin(ns, GAP_GRID_PER_OCTAVE), at most 255; first packet: 0 */
    uint16_t payload_bytes; /* at most 65535; of UDP's first fragment: of the whole datagram */
    uint8_t gap_part;       /* where in its bin the gap lies: in 1/256, from its lower border on */
    uint8_t zero;           /* so that equal packets are equal bytes */
};

static inline uint8_t flow_packet_kind(enum flow_side side, enum packet_mark mark, uint8_t tcp_flags)
{
    return (uint8_t)(side << 7 | mark << 5 | (tcp_flags & 0x1f));
}

static inline enum flow_side flow_packet_side(struct flow_packet packet)
{
    return (enum flow_side)(packet.side_and_flags >> 7);
}

static inline enum packet_mark flow_packet_mark(struct flow_packet packet)
{
    return (enum packet_mark)(packet.side_and_flags >> 5 & 3);
}

static inline uint8_t flow_packet_tcp_flags(struct flow_packet packet)
{
    return packet.side_and_flags & 0x1f;
}

/*
 * Packets of a flow that are kept one by one: its first ones, and of a longer flow the last
 * FLOW_SEQUENCE_TAIL in place of the last of these. For want of memory a sequence may be cut: then its
 * first packets are kept.
 */
enum {
    FLOW_MAX_SEQUENCE = 1024,
    FLOW_SEQUENCE_TAIL = 64,
    FLOW_SEQUENCE_HEAD = FLOW_MAX_SEQUENCE - FLOW_SEQUENCE_TAIL
};

/* How many of `length` kept packets of a flow are its first, without a hole; those behind are its last. */
static inline uint32_t flow_sequence_head(uint64_t packets, uint32_t length)
{
    return packets > FLOW_MAX_SEQUENCE && length > FLOW_SEQUENCE_HEAD ? FLOW_SEQUENCE_HEAD : length;
}

struct flow_record {
    struct ip_address address[2];
    uint16_t port[2]; /* ICMP: identifier, and type << 8 | code */
    uint8_t protocol;
    struct day_time start;
    int64_t duration_ns;
    uint64_t packets[2];
    uint64_t bytes[2]; /* IP packets, headers included */
    uint64_t payload_bytes[2];
    uint64_t data_packets[2]; /* with payload */
    uint32_t turns;           /* runs of data packets in one direction: request, reply: 2 */
    enum flow_side first_data_side;
    int64_t rtt_ns; /* TCP: newest SYN to the initiator's ACK; else newest request before the first
                       reply to that reply; 0 unknown */
    enum flow_opening opening;
    enum flow_ending ending;
    enum flow_side closing_side; /* sender of the RST or of the first FIN */
    uint8_t findings;            /* enum flow_finding */
    uint8_t tcp_flags[2];        /* all flags seen */
    uint16_t mss[2];             /* of the SYN's option, 0 unknown */
    uint8_t ttl[2];              /* of the first packet each way, 0 when there was none */
    uint16_t window[2];          /* TCP: of the first packet each way */
    uint8_t tcp_options[2];      /* enum tcp_option_bit of the SYN */
    uint8_t window_scale[2];     /* of the SYN's option */
    uint16_t open_window[2];     /* TCP: the largest in segments without SYN or RST, as on the wire */
    uint16_t timestamp_hz[2];    /* how fast TCP timestamps tick: 100, 250 or 1000; 0 unknown */
    enum ip_id_kind ip_id[2];
    uint32_t retransmitted[2];   /* TCP segments, SYNs and FINs sent before, in part or whole; no keep-alives */
    uint32_t reordered[2];       /* TCP segments that arrived behind a gap which they fill, sooner than the
                                    answer to a loss could */
    uint32_t duplicated[2];      /* packets that are a copy of one before, down to the IP identification:
                                    none of the two above */
    uint32_t fragments[2];       /* pieces of packets */
    uint32_t unreachable;        /* packets that were answered by an ICMP error: destination unreachable */
    bool is_measured; /* by packets; else by a flow log, which knows neither payload nor turns: these are
                       * then estimates, and RTT, MSS, TTL, window and options unknown */
    bool is_synthetic; /* drawn from a model: of records in which both kinds are */
    const char *application;     /* its class: by deep inspection, as "TLS.Google", or as somebody else told;
                                  * NULL unknown. Outlives the record. */
    const char *file; /* the capture of its first packet; borrowed for the call; NULL: not of a file, or a log */
    const struct flow_packet *sequence; /* packets one by one; borrowed for the call; NULL: not kept */
    uint32_t sequence_length; /* of `sequence` */
    uint32_t sequence_head;   /* flow_sequence_head() */
};

static inline uint64_t flow_record_packets(const struct flow_record *r)
{
    return r->packets[FLOW_INITIATOR] + r->packets[FLOW_RESPONDER];
}

/*
 * Which of `folds` (at least 1) parts the flow is in when flows are split for training and testing: a hash
 * of its ends, protocol and start, the same whatever else is in the capture.
 */
static inline uint32_t flow_record_fold(const struct flow_record *r, uint32_t folds)
{
    uint64_t hash = random_mix64((uint64_t)r->start.ns ^ r->protocol);
    uint64_t halves[2];

    for (int side = 0; side < 2; side++) {
        memcpy(halves, r->address[side].bytes, sizeof halves);
        hash = random_mix64(hash ^ halves[0]);
        hash = random_mix64(hash ^ halves[1]);
        hash = random_mix64(hash ^ r->port[side]);
    }
    return (uint32_t)(hash % folds);
}

#endif
