/*
 * service_model.h - what the flows of one service look like, all hosts pooled.
 */
#ifndef DAYSHIFT_SERVICE_MODEL_H
#define DAYSHIFT_SERVICE_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "dayshift/flow_record.h"

/* The largest sum and count of a model. Adding stops there. */
#define NETWORK_MAX_SUM (UINT64_C(1) << 53)

static inline void sum_add(uint64_t *sum, uint64_t more)
{
    *sum = *sum < NETWORK_MAX_SUM && more < NETWORK_MAX_SUM - *sum ? *sum + more : NETWORK_MAX_SUM;
}

/* Where port is this, the service stands for all ports of its protocol that have none of their own. */
#define SERVICE_OTHER_PORTS 65536

enum {
    SERVICE_MAX = 1024,     /* services with a sample of their own, those of most flows; bounds memory */
    SERVICE_MAX_ROWS = 1024, /* sampled flows a service, and a pool of services */
    SERVICE_ROUND_TRIPS = 17 /* quantiles */
};

/* The measures of one sampled flow: the plan of a session. Arrays by enum flow_side. */
struct session_row {
    uint64_t packets[2];
    uint64_t data_packets[2];
    uint64_t payload_bytes[2];
    int64_t duration_ns;
    int64_t rtt_ns; /* 0 unknown */
    uint32_t turns;
    uint16_t mss[2]; /* 0 unknown */
    uint8_t ttl[2];  /* 0 unknown */
    uint16_t window[2];
    uint8_t tcp_options[2]; /* enum tcp_option_bit */
    uint8_t window_scale[2];
    uint16_t open_window[2];  /* the largest without SYN or RST, as on the wire; 0 unknown */
    uint16_t timestamp_hz[2]; /* of the TCP timestamps option: 100, 250 or 1000; 0 unknown */
    enum ip_id_kind ip_id[2];
    uint32_t retransmitted[2], reordered[2], duplicated[2], fragments[2]; /* packets, as in flow_record.h */
    bool is_measured; /* by packets; else by a flow log: payload, data packets and turns are estimates */
    enum flow_opening opening;
    enum flow_ending ending;
    enum flow_side first_data_side;
    enum flow_side closing_side;
    struct flow_packet *sequence; /* packets one by one, as in struct flow_record; NULL: not kept */
    uint32_t sequence_length, sequence_head;
};

/*
 * How the network treated the packets of a service: sums over its flows that were measured by their
 * packets, both directions; rates follow.
 */
struct service_conditions {
    uint64_t flows, packets;
    uint64_t retransmitted, reordered, duplicated, fragments;
    uint64_t resets;     /* flows that ended by RST */
    uint64_t attempts;   /* TCP flows that began with a SYN */
    uint64_t unanswered; /* of these, without a SYN-ACK */
    uint64_t unreachable; /* packets answered by an ICMP error: destination unreachable */
};

static inline void service_conditions_add(struct service_conditions *sum,
                                          const struct service_conditions *more)
{
    sum_add(&sum->flows, more->flows);
    sum_add(&sum->packets, more->packets);
    sum_add(&sum->retransmitted, more->retransmitted);
    sum_add(&sum->reordered, more->reordered);
    sum_add(&sum->duplicated, more->duplicated);
    sum_add(&sum->fragments, more->fragments);
    sum_add(&sum->resets, more->resets);
    sum_add(&sum->attempts, more->attempts);
    sum_add(&sum->unanswered, more->unanswered);
    sum_add(&sum->unreachable, more->unreachable);
}

/*
 * A class of flows, as deep inspection, a table or a file's name told it: its number in a model, from 1 on. A
 * service is of one protocol, port and class.
 */
enum {
    LABEL_NONE = 0,     /* a flow whose class nobody told */
    LABELS_MAX = 4096,  /* of a model */
    LABEL_MAX_NAME = 63 /* bytes, printable ASCII */
};

struct service_model {
    uint8_t protocol;
    uint32_t port;
    uint32_t label_number;
    const char *label; /* class of its flows; NULL: none. Lives as long as the model */
    uint64_t flows;
    struct session_row *rows; /* ascending in packets[0] + packets[1] */
    size_t row_count;         /* > 0 */
    int64_t longest_ns;       /* duration of a sampled flow */
    /* From the shortest to the longest of the flows that have one, in equal shares; all 0: none has. */
    int64_t round_trips_ns[SERVICE_ROUND_TRIPS];
    struct service_conditions conditions;
};

static inline uint64_t session_row_packets(const struct session_row *row)
{
    return row->packets[FLOW_INITIATOR] + row->packets[FLOW_RESPONDER];
}

/* By packets; then by everything else, so that only equal rows tie. */
static inline int session_row_compare(const struct session_row *x, const struct session_row *y)
{
    const uint64_t fields[][2] = {
        { session_row_packets(x), session_row_packets(y) },
        { (uint64_t)x->duration_ns, (uint64_t)y->duration_ns },
        { x->packets[0], y->packets[0] },
        { x->data_packets[0], y->data_packets[0] },
        { x->data_packets[1], y->data_packets[1] },
        { x->payload_bytes[0], y->payload_bytes[0] },
        { x->payload_bytes[1], y->payload_bytes[1] },
        { (uint64_t)x->rtt_ns, (uint64_t)y->rtt_ns },
        { x->turns, y->turns },
        { x->mss[0], y->mss[0] },
        { x->mss[1], y->mss[1] },
        { x->ttl[0], y->ttl[0] },
        { x->ttl[1], y->ttl[1] },
        { x->opening, y->opening },
        { x->ending, y->ending },
        { x->first_data_side, y->first_data_side },
        { x->closing_side, y->closing_side },
        { x->window[0], y->window[0] },
        { x->window[1], y->window[1] },
        { x->tcp_options[0], y->tcp_options[0] },
        { x->tcp_options[1], y->tcp_options[1] },
        { x->window_scale[0], y->window_scale[0] },
        { x->window_scale[1], y->window_scale[1] },
        { x->open_window[0], y->open_window[0] },
        { x->open_window[1], y->open_window[1] },
        { x->timestamp_hz[0], y->timestamp_hz[0] },
        { x->timestamp_hz[1], y->timestamp_hz[1] },
        { x->ip_id[0], y->ip_id[0] },
        { x->ip_id[1], y->ip_id[1] },
        { x->retransmitted[0], y->retransmitted[0] },
        { x->retransmitted[1], y->retransmitted[1] },
        { x->reordered[0], y->reordered[0] },
        { x->reordered[1], y->reordered[1] },
        { x->duplicated[0], y->duplicated[0] },
        { x->duplicated[1], y->duplicated[1] },
        { x->fragments[0], y->fragments[0] },
        { x->fragments[1], y->fragments[1] },
        { x->is_measured, y->is_measured },
    };

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i][0] != fields[i][1])
            return fields[i][0] < fields[i][1] ? -1 : 1;
    }
    return 0;
}

#endif
