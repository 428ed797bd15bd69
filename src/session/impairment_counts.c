#include "session/impairment_counts.h"

#include <math.h>

#include "base/at_most.h"
#include "base/log_grid.h"
#include "net/wire.h"
#include "session/datagram.h"
#include "session/model_messages.h"

enum { KEPT_PACKETS = 3 /* of a side: what opening and closing need */ };

/* Events of a rate among so many: Poisson, by waiting times or by the normal of many. */
static uint32_t draw_events(uint64_t chances, double rate, struct random_stream *random)
{
    const double many = 64;
    double mean = (double)chances * rate;
    uint32_t events = 0;

    if (mean > many)
        return (uint32_t)fmin(fmax(0, round(random_normal(random, mean, sqrt(mean)))), 0x1p31);
    if (mean <= 0)
        return 0;
    for (double at = random_exponential(random, 1); at < mean; at += random_exponential(random, 1))
        events++;
    return events;
}

/* Share of the packets nobody answered that an ICMP error did. */
static double unreachable_rate(const struct service_model *service)
{
    uint64_t unanswered = 0;
    double packets;

    if (service == NULL || service->conditions.unreachable == 0)
        return 0;
    for (size_t i = 0; i < service->row_count; i++) {
        if (service->rows[i].packets[FLOW_RESPONDER] == 0)
            unanswered += service->rows[i].packets[FLOW_INITIATOR];
    }
    packets = (double)unanswered / (double)service->row_count * (double)service->flows;
    return packets > 0 ? fmin((double)service->conditions.unreachable / packets, 1) : 0;
}

/*
 * Which of the segments that were sent again had a FIN or were SYN-ACKs, and how soon they were: as far as the packets
 * were kept.
 */
static void take_repeats(struct impairment_counts *counts, const struct session_row *row)
{
    for (uint32_t i = 0; i < row->sequence_length; i++) {
        struct flow_packet packet = row->sequence[i];
        enum flow_side side = flow_packet_side(packet);

        if (flow_packet_mark(packet) != PACKET_IMPAIRED || counts->retransmitted[side] == 0)
            continue;
        if (counts->repeat_ns[side] == 0)
            counts->repeat_ns[side] = (int64_t)fmin(log_grid_value(packet.gap_bin, GAP_GRID_PER_OCTAVE),
                                                    (double)SESSION_LONGEST_WAIT_NS);
        if (flow_packet_tcp_flags(packet) & TCP_FIN) {
            counts->retransmitted[side]--;
            counts->repeated_fins[side]++;
            counts->fin_has_data[side] = packet.payload_bytes > 0;
        } else if (flow_packet_tcp_flags(packet) == (TCP_SYN | TCP_ACK) && side == FLOW_RESPONDER) {
            counts->retransmitted[side]--;
            counts->repeated_syn_acks++;
        }
    }
}

/* Datagrams of a side that were cut, but for those that are too large anyway: as far as the packets were kept. */
static uint32_t split_datagrams(const struct session_row *row, enum flow_side side)
{
    uint64_t fragmented = row->fragments[side] / 2;
    uint64_t later = 0; /* pieces behind the first */
    uint64_t of_large = 0;

    for (uint32_t i = 0; i < row->sequence_length; i++) {
        struct flow_packet packet = row->sequence[i];

        if (flow_packet_side(packet) != side)
            continue;
        if (flow_packet_mark(packet) == PACKET_IMPAIRED)
            later++;
        else
            of_large += datagram_pieces(IP_UDP, packet.payload_bytes) - 1;
    }
    if (later == 0)
        return (uint32_t)fragmented;
    return later > of_large ? (uint32_t)(fragmented * (later - of_large) / later) : 0;
}

static void take_learned(struct impairment_counts *counts, const struct session_row *row,
                         const struct service_model *service, struct random_stream *random)
{
    for (int side = 0; side < 2; side++) {
        counts->retransmitted[side] = row->retransmitted[side];
        counts->reordered[side] = row->reordered[side];
        counts->duplicated[side] = row->duplicated[side];
        counts->fragmented[side] = row->fragments[side] > 1 ? split_datagrams(row, (enum flow_side)side) : 0;
    }
    if (counts->retransmitted[0] + counts->retransmitted[1] > 0)
        take_repeats(counts, row);
    if (row->packets[FLOW_RESPONDER] == 0)
        counts->unreachable = draw_events(row->packets[FLOW_INITIATOR], unreachable_rate(service), random);
}

static void draw_by_rates(struct impairment_counts *counts, const struct impairment_rates *rates,
                          const struct session_row *row, struct random_stream *random)
{
    for (int side = 0; side < 2; side++) {
        counts->retransmitted[side] = draw_events(row->data_packets[side], rates->retransmission, random);
        counts->reordered[side] = draw_events(row->data_packets[side], rates->reordering, random);
        counts->duplicated[side] = draw_events(row->packets[side], rates->duplication, random);
        counts->fragmented[side] = draw_events(row->data_packets[side], rates->fragmentation, random);
    }
}

struct impairment_counts impairment_counts_draw(const struct impairment_rates *rates,
                                                const struct session_row *row,
                                                const struct service_model *service, uint8_t protocol,
                                                struct random_stream *random)
{
    struct impairment_counts counts = { 0 };
    bool is_stream = protocol == IP_TCP && row->opening != FLOW_OPENING_ATTEMPT;

    if (rates->learned)
        take_learned(&counts, row, service, random);
    else
        draw_by_rates(&counts, rates, row, random);
    for (int side = 0; side < 2; side++) {
        if (!is_stream)
            counts.retransmitted[side] = counts.repeated_fins[side] = counts.reordered[side] = 0;
        if (protocol != IP_UDP)
            counts.fragmented[side] = 0;
    }
    if (!is_stream || row->opening != FLOW_OPENING_HANDSHAKE)
        counts.repeated_syn_acks = 0;
    return counts;
}

/* Of a side: as many of `count` packets more as the row can spare. */
static void take_from(struct session_row *row, int side, uint32_t *count, bool of_data)
{
    uint64_t data = row->data_packets[side];
    uint64_t spare = row->packets[side] > KEPT_PACKETS ? row->packets[side] - KEPT_PACKETS : 0;
    uint64_t taken_data = 0;

    if (of_data)
        spare = at_most(spare, data > 0 ? data - 1 : 0);
    *count = (uint32_t)at_most(*count, spare);
    if (of_data)
        taken_data = *count;
    else if (row->packets[side] > 0)
        taken_data = (uint64_t)((unsigned __int128)*count * data / row->packets[side]);
    row->packets[side] -= *count;
    row->data_packets[side] -= taken_data;
    if (data > 0)
        row->payload_bytes[side] = (uint64_t)((unsigned __int128)row->payload_bytes[side] *
                                              (data - taken_data) / data);
}

void impairment_counts_take(struct impairment_counts *counts, struct session_row *row)
{
    for (int side = 0; side < 2; side++) {
        take_from(row, side, &counts->retransmitted[side], true);
        take_from(row, side, &counts->repeated_fins[side], counts->fin_has_data[side]);
        take_from(row, side, &counts->fragmented[side], true);
        take_from(row, side, &counts->duplicated[side], false);
    }
    take_from(row, FLOW_RESPONDER, &counts->repeated_syn_acks, false);
}

bool impairment_counts_any(const struct impairment_counts *counts)
{
    uint32_t any = counts->unreachable | counts->repeated_syn_acks;

    for (int side = 0; side < 2; side++)
        any |= counts->retransmitted[side] | counts->repeated_fins[side] | counts->reordered[side] |
               counts->duplicated[side] | counts->fragmented[side];
    return any > 0;
}
