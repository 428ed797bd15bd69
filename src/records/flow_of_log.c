#include "records/flow_of_log.h"

#include <stdlib.h>

#include "net/service_side.h"
#include "net/wire.h"
#include "records/log_record.h"

enum {
    SEGMENT_BYTES = 1448, /* payload of a full segment with timestamps */
    SYN_BYTES = 80        /* no SYN is larger */
};

/* Who began, when no record says so: the rules of flow_tracker.c, as far as a log shows what they ask. */
static enum log_end find_initiator(const struct held_flow *flow)
{
    bool half = flow->packets[0] == 0 || flow->packets[1] == 0;
    int earlier = flow->first_ns[1] < flow->first_ns[0];
    int64_t apart_ns = half ? 0 : llabs(flow->first_ns[0] - flow->first_ns[1]);
    bool syn_seen = (flow->tcp_flags[0] | flow->tcp_flags[1]) & TCP_SYN;
    int service = service_side(flow->protocol, flow->port[0], flow->port[1]);

    if (ip_address_is_group(&flow->address[0]) != ip_address_is_group(&flow->address[1]))
        return ip_address_is_group(&flow->address[0]) ? LOG_END_DESTINATION : LOG_END_SOURCE;
    for (int end = 0; end < 2; end++) {
        if ((flow->tcp_flags[end] & (TCP_SYN | TCP_ACK)) == TCP_SYN && flow->packets[end] > 0)
            return (enum log_end)end;
    }
    if (service != 0 && (half || apart_ns < flow->grain_ns || (flow->protocol == IP_TCP && !syn_seen)))
        return service > 0 ? LOG_END_DESTINATION : LOG_END_SOURCE;
    return (enum log_end)earlier;
}

static enum flow_opening find_opening(const struct flow_record *r)
{
    uint8_t initiator = r->tcp_flags[FLOW_INITIATOR], responder = r->tcp_flags[FLOW_RESPONDER];

    if ((initiator | responder) == 0) { /* the log has no flags */
        if (r->packets[FLOW_INITIATOR] >= 2 && r->packets[FLOW_RESPONDER] >= 2)
            return FLOW_OPENING_HANDSHAKE;
        return r->packets[FLOW_RESPONDER] == 0 &&
                       r->bytes[FLOW_INITIATOR] / SYN_BYTES <= r->packets[FLOW_INITIATOR]
                   ? FLOW_OPENING_ATTEMPT
                   : FLOW_OPENING_NONE;
    }
    if (!(initiator & TCP_SYN))
        return FLOW_OPENING_NONE;
    /* what answers may have taken another way: who acknowledges was answered */
    return (responder & TCP_SYN) || (initiator & TCP_ACK) ? FLOW_OPENING_HANDSHAKE
                                                          : FLOW_OPENING_ATTEMPT;
}

/* A FIN counts before a RST: after one, resets are common. */
static void find_ending(struct flow_record *r, const struct held_flow *flow, enum log_end initiator)
{
    uint8_t both = r->tcp_flags[0] | r->tcp_flags[1];
    uint8_t mark = both & TCP_FIN ? TCP_FIN : TCP_RST;

    if (!(both & mark))
        return;
    r->ending = mark == TCP_FIN ? FLOW_ENDING_FIN : FLOW_ENDING_RESET;
    if (flow->closing != LOG_END_UNKNOWN)
        r->closing_side = flow->closing == initiator ? FLOW_INITIATOR : FLOW_RESPONDER;
    else
        r->closing_side = r->tcp_flags[FLOW_INITIATOR] & mark ? FLOW_INITIATOR : FLOW_RESPONDER;
}

/* A log knows no packets: as many with payload as it takes, and one turn each way. */
static void estimate_data(struct flow_record *r, bool payload_known)
{
    if (r->protocol == IP_TCP && r->opening == FLOW_OPENING_ATTEMPT && !payload_known)
        r->payload_bytes[0] = r->payload_bytes[1] = 0;
    for (int side = 0; side < 2; side++) {
        uint64_t wanted = r->protocol == IP_TCP
                              ? (r->payload_bytes[side] + SEGMENT_BYTES - 1) / SEGMENT_BYTES
                              : r->packets[side];

        if (r->payload_bytes[side] == 0 || r->packets[side] == 0)
            wanted = r->payload_bytes[side] = 0;
        r->data_packets[side] = wanted < r->packets[side] ? wanted : r->packets[side];
        r->turns += r->data_packets[side] > 0;
    }
    r->first_data_side = r->data_packets[FLOW_INITIATOR] > 0 ? FLOW_INITIATOR : FLOW_RESPONDER;
}

struct flow_record flow_of_log(const struct held_flow *flow)
{
    enum log_end initiator = flow->initiator == LOG_END_UNKNOWN ? find_initiator(flow)
                                                                : (enum log_end)flow->initiator;
    struct flow_record r = { .protocol = flow->protocol, .start = { held_flow_start(flow) } };

    for (int side = 0; side < 2; side++) {
        int end = side == FLOW_INITIATOR ? (int)initiator : !initiator;

        r.address[side] = flow->address[end];
        r.port[side] = flow->port[end];
        r.packets[side] = flow->packets[end];
        r.bytes[side] = flow->bytes[end];
        r.payload_bytes[side] = flow->payload_bytes[end];
        r.tcp_flags[side] = flow->tcp_flags[end];
    }
    r.duration_ns = flow->last_ns - r.start.ns;
    if (r.protocol == IP_TCP) {
        r.opening = find_opening(&r);
        find_ending(&r, flow, initiator);
    }
    estimate_data(&r, flow->payload_known);
    return r;
}
