#include "flow/flow_tracker.h"

#include "base/random.h"
#include "net/ip_header.h"
#include "net/service_side.h"
#include "net/wire.h"

enum { PROBE_BYTES = 1 /* a keep-alive carries at most this much */ };

static bool is_icmp(const struct packet_view *packet)
{
    return packet->protocol == IP_ICMP || packet->protocol == IP_ICMPV6;
}

static bool first_packet_is_from_responder(const struct packet_view *packet)
{
    if (ip_address_is_group(&packet->destination))
        return false;
    if (is_icmp(packet))
        return packet->icmp_type == ICMP_ECHO_REPLY || packet->icmp_type == ICMPV6_ECHO_REPLY;
    if (packet->protocol == IP_TCP && (packet->tcp_flags & TCP_SYN))
        return packet->tcp_flags & TCP_ACK;
    return service_side(packet->protocol, packet->source_port, packet->destination_port) > 0;
}

enum flow_side flow_tracker_begin(struct flow_tracker *tracker, const struct packet_view *packet)
{
    enum flow_side from = first_packet_is_from_responder(packet) ? FLOW_RESPONDER : FLOW_INITIATOR;
    struct flow_record *record = &tracker->record;

    *tracker = (struct flow_tracker){ .last = packet->time };
    record->address[from] = packet->source;
    record->address[!from] = packet->destination;
    record->port[from] = packet->source_port;
    record->port[!from] = packet->destination_port;
    record->protocol = packet->protocol;
    record->start = packet->time;
    record->is_measured = true;
    record->file = packet->file;
    return from;
}

/*
 * The newest request before the answer counts, so that a repeated one leaves its timeout
 * out. TCP: the SYN, and the packet with which its sender acknowledges the SYN-ACK: that is
 * a whole round trip wherever between the two hosts the capture was taken.
 */
static void update_round_trip(struct flow_tracker *tracker, enum flow_side side,
                              const struct packet_view *packet)
{
    bool from_initiator = side == FLOW_INITIATOR;
    bool asks = from_initiator && tracker->record.packets[FLOW_RESPONDER] == 0;
    bool answers = !from_initiator;

    if (packet->protocol == IP_TCP) {
        uint8_t kind = packet->tcp_flags & (TCP_SYN | TCP_RST | TCP_ACK);

        asks = from_initiator && kind == TCP_SYN && !tracker->syn_ack_seen;
        answers = from_initiator && kind == TCP_ACK && tracker->syn_ack_seen;
    }
    if (asks) {
        tracker->asked = true;
        tracker->request_time = packet->time;
    } else if (answers && !tracker->answered) {
        tracker->answered = true;
        if (tracker->asked)
            tracker->record.rtt_ns = packet->time.ns - tracker->request_time.ns;
    }
}

/*
 * A keep-alive probe repeats the last byte, or none, one before what comes next (RFC 9293,
 * section 3.8.4). Its garbage byte is not data that anybody reads.
 */
static bool is_keepalive(const struct flow_tcp_side *sender, const struct packet_view *packet)
{
    return packet->payload_bytes <= PROBE_BYTES && sender->next_known &&
           !(packet->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) &&
           packet->tcp_sequence == sender->next_sequence - 1;
}

static bool has_data(const struct flow_record *record)
{
    return record->data_packets[FLOW_INITIATOR] + record->data_packets[FLOW_RESPONDER] > 0;
}

static void add_data(struct flow_tracker *tracker, enum flow_side side, uint32_t payload_bytes)
{
    struct flow_record *record = &tracker->record;

    if (!has_data(record))
        record->first_data_side = side;
    if (!has_data(record) || tracker->last_data_side != side)
        record->turns++;
    tracker->last_data_side = (uint8_t)side;
    record->payload_bytes[side] += payload_bytes;
    record->data_packets[side]++;
}

static void add_syn(struct flow_tracker *tracker, enum flow_side side,
                    const struct packet_view *packet)
{
    struct flow_record *record = &tracker->record;
    struct flow_tcp_side *sender = &tracker->tcp[side];
    bool syn_ack = packet->tcp_flags & TCP_ACK;

    if (record->opening == FLOW_OPENING_HANDSHAKE || (syn_ack && tracker->syn_ack_seen))
        record->findings |= FLOW_DUPLICATE_HANDSHAKE;
    else if (has_data(record))
        record->findings |= FLOW_DATA_BEFORE_HANDSHAKE;
    if (!(record->tcp_flags[side] & TCP_SYN)) {
        sender->first_syn = packet->tcp_sequence;
        record->tcp_options[side] = packet->tcp_options;
        record->window_scale[side] = packet->tcp_window_scale;
    }
    if (syn_ack) {
        tracker->syn_ack_seen = true;
    } else if (!sender->syn_seen) {
        sender->syn_seen = true;
        sender->first_syn = packet->tcp_sequence;
    }
    if (tracker->tcp[FLOW_INITIATOR].syn_seen || tracker->tcp[FLOW_RESPONDER].syn_seen)
        record->opening = tracker->syn_ack_seen ? FLOW_OPENING_HANDSHAKE : FLOW_OPENING_ATTEMPT;
    if (record->mss[side] == 0)
        record->mss[side] = packet->tcp_mss;
}

static void add_tcp_data(struct flow_tracker *tracker, enum flow_side side,
                         const struct packet_view *packet)
{
    if (tracker->record.opening == FLOW_OPENING_ATTEMPT)
        tracker->record.findings |= FLOW_DATA_BEFORE_HANDSHAKE;
    if (tracker->reset_seen || tracker->tcp[side].fin_seen)
        tracker->record.findings |= FLOW_DATA_AFTER_TERMINATION;
    add_data(tracker, side, packet->payload_bytes);
}

/* Behind the last byte of the packet; SYN and FIN take a number each. */
static uint32_t sequence_end(const struct packet_view *packet)
{
    return packet->tcp_sequence + packet->payload_bytes + !!(packet->tcp_flags & TCP_SYN) +
           !!(packet->tcp_flags & TCP_FIN);
}

static void note_ending(struct flow_record *record, enum flow_ending ending, enum flow_side side)
{
    if (record->ending != FLOW_ENDING_NONE)
        return;
    record->ending = ending;
    record->closing_side = side;
}

static void add_ending(struct flow_tracker *tracker, enum flow_side side,
                       const struct packet_view *packet)
{
    struct flow_tcp_side *sender = &tracker->tcp[side];
    struct flow_tcp_side *receiver = &tracker->tcp[!side];

    if (packet->tcp_flags & TCP_RST) {
        tracker->reset_seen = true;
        note_ending(&tracker->record, FLOW_ENDING_RESET, side);
    }
    if ((packet->tcp_flags & TCP_FIN) && !sender->fin_seen) {
        sender->fin_seen = true;
        sender->fin_acknowledgement = sequence_end(packet);
        note_ending(&tracker->record, FLOW_ENDING_FIN, side);
    }
    if ((packet->tcp_flags & TCP_ACK) && receiver->fin_seen &&
        !seq_lt(packet->tcp_acknowledgement, receiver->fin_acknowledgement))
        receiver->fin_acknowledged = true;
}

/* A SYN with another number than the first: both sides forgot the connection that this one was. */
static bool begins_anew(const struct flow_tracker *tracker, enum flow_side side,
                        const struct packet_view *packet)
{
    return (packet->tcp_flags & TCP_SYN) && (tracker->record.tcp_flags[side] & TCP_SYN) &&
           packet->tcp_sequence != tracker->tcp[side].first_syn;
}

static bool is_within_round_trip(const struct flow_tracker *tracker, struct day_time begin,
                                 struct day_time end)
{
    int64_t rtt_ns = tracker->record.rtt_ns;

    return end.ns - begin.ns < (rtt_ns > 0 ? rtt_ns : REORDER_DEFAULT_NS);
}

/* Numbers that a new segment jumps over. A gap that can still fill up grows, an old one is given up. */
static void open_gap(struct flow_tracker *tracker, enum flow_side side,
                     const struct packet_view *packet)
{
    struct flow_tcp_side *sender = &tracker->tcp[side];

    if (sender->gap_begin == sender->gap_end ||
        !is_within_round_trip(tracker, sender->gap_time, packet->time))
        sender->gap_begin = sender->next_sequence;
    sender->gap_end = packet->tcp_sequence;
    sender->gap_time = packet->time;
}

/* Whether the segment lies in the gap; what it fills is no gap any more. */
static bool fill_gap(struct flow_tcp_side *sender, uint32_t begin, uint32_t end)
{
    if (seq_lt(begin, sender->gap_begin) || seq_lt(sender->gap_end, end))
        return false;
    if (begin == sender->gap_begin)
        sender->gap_begin = end;
    else if (end == sender->gap_end)
        sender->gap_end = begin;
    return true;
}

/* A segment that begins below what was sent before. */
static void add_late_segment(struct flow_tracker *tracker, enum flow_side side,
                             const struct packet_view *packet)
{
    struct flow_tcp_side *sender = &tracker->tcp[side];
    bool is_first_syn = (packet->tcp_flags & TCP_SYN) &&
                        !(tracker->record.tcp_flags[side] & TCP_SYN);
    bool follows_probe = packet->payload_bytes > PROBE_BYTES &&
                         packet->tcp_sequence == sender->next_sequence - PROBE_BYTES;

    if (fill_gap(sender, packet->tcp_sequence, sequence_end(packet)) &&
        is_within_round_trip(tracker, sender->gap_time, packet->time))
        tracker->record.reordered[side]++;
    else if (!is_first_syn && !follows_probe)
        tracker->record.retransmitted[side]++;
}

static void follow_sequence(struct flow_tracker *tracker, enum flow_side side,
                            const struct packet_view *packet)
{
    struct flow_tcp_side *sender = &tracker->tcp[side];
    uint32_t end = sequence_end(packet);

    if (!sender->next_known || begins_anew(tracker, side, packet)) {
        sender->next_sequence = end;
        sender->next_known = true;
        sender->gap_begin = sender->gap_end = end;
        return;
    }
    if (seq_lt(sender->next_sequence, packet->tcp_sequence))
        open_gap(tracker, side, packet);
    else if (seq_lt(packet->tcp_sequence, sender->next_sequence) && end != packet->tcp_sequence &&
             !is_keepalive(sender, packet))
        add_late_segment(tracker, side, packet);
    if (seq_lt(sender->next_sequence, end))
        sender->next_sequence = end;
}

/* Of a packet in pieces only the first has a TCP header. */
static bool has_numbers(const struct packet_view *packet)
{
    return !(packet->tcp_flags & TCP_RST) && !packet->later_fragment;
}

static void add_tcp(struct flow_tracker *tracker, enum flow_side side,
                    const struct packet_view *packet, bool is_copy)
{
    struct flow_tcp_side *sender = &tracker->tcp[side];

    if (tracker->record.packets[side] == 0)
        tracker->record.window[side] = packet->tcp_window;
    if (packet->tcp_flags & TCP_SYN)
        add_syn(tracker, side, packet);
    if (packet->payload_bytes > 0 && !is_keepalive(sender, packet))
        add_tcp_data(tracker, side, packet);
    add_ending(tracker, side, packet);
    if (has_numbers(packet) && !is_copy)
        follow_sequence(tracker, side, packet);
    tracker->record.tcp_flags[side] |= packet->tcp_flags;
}

/* What two packets share that are one. Never 0. */
static uint32_t copy_mark(const struct packet_view *packet)
{
    uint64_t numbers = (uint64_t)packet->tcp_sequence << 32 | packet->tcp_acknowledgement;
    uint64_t header = (uint64_t)packet->ip_id << 32 | packet->ip_bytes << 8 | packet->tcp_flags;

    return (uint32_t)random_mix64(random_mix64(numbers) ^ header) | 1;
}

/* Notes the packet, unless it is a copy of one noted before. */
static bool note_copy(struct flow_copies *copies, const struct packet_view *packet)
{
    uint32_t time_ms = (uint32_t)(packet->time.ns / NS_PER_MS);
    uint32_t mark;

    if (packet->ip_id == 0 || packet->fragment)
        return false;
    mark = copy_mark(packet);
    if (time_ms - copies->time_ms > COPY_NS / NS_PER_MS)
        *copies = (struct flow_copies){ .next = 0 };
    copies->time_ms = time_ms;
    for (int i = 0; i < FLOW_MARKS; i++) {
        if (copies->marks[i] == mark)
            return true;
    }
    copies->marks[copies->next++ % FLOW_MARKS] = mark;
    return false;
}

/* Before the packet is added. */
static enum packet_mark sender_mark(const struct flow_tracker *tracker, enum flow_side side,
                                    const struct packet_view *packet)
{
    if (packet->protocol != IP_TCP)
        return PACKET_PLAIN;
    if (is_keepalive(&tracker->tcp[side], packet))
        return PACKET_KEEPALIVE;
    if (packet->tcp_window == 0 && packet->payload_bytes == 0 &&
        !(packet->tcp_flags & (TCP_SYN | TCP_RST)))
        return PACKET_ZERO_WINDOW;
    return PACKET_PLAIN;
}

static uint64_t impaired_packets(const struct flow_record *record, enum flow_side side)
{
    return (uint64_t)record->retransmitted[side] + record->reordered[side] + record->duplicated[side];
}

enum packet_mark flow_tracker_add(struct flow_tracker *tracker, enum flow_side side,
                                  const struct packet_view *packet)
{
    struct flow_record *record = &tracker->record;
    enum packet_mark mark = sender_mark(tracker, side, packet);
    uint64_t impaired = impaired_packets(record, side);
    bool is_copy = note_copy(&tracker->copies[side], packet);

    update_round_trip(tracker, side, packet);
    sender_traits_add(&tracker->traits[side], packet);
    if (packet->protocol == IP_TCP)
        add_tcp(tracker, side, packet, is_copy);
    else if (packet->payload_bytes > 0)
        add_data(tracker, side, packet->payload_bytes);
    if (record->packets[side] == 0)
        record->ttl[side] = packet->ttl;
    record->packets[side]++;
    record->bytes[side] += packet->ip_bytes;
    record->duplicated[side] += is_copy;
    record->fragments[side] += packet->fragment;
    record->duration_ns = packet->time.ns - record->start.ns;
    tracker->last = packet->time;
    if (packet->later_fragment || impaired_packets(record, side) > impaired)
        return PACKET_IMPAIRED;
    return mark;
}

void flow_tracker_finish(struct flow_tracker *tracker)
{
    struct flow_record *record = &tracker->record;

    for (int side = 0; side < 2; side++) {
        const struct sender_traits *traits = &tracker->traits[side];

        record->ip_id[side] = sender_traits_ip_id(traits);
        record->open_window[side] = traits->window;
        record->timestamp_hz[side] = sender_traits_timestamp_hz(traits);
    }
}

bool flow_tracker_is_closed(const struct flow_tracker *tracker)
{
    return tracker->reset_seen || (tracker->tcp[FLOW_INITIATOR].fin_acknowledged &&
                                   tracker->tcp[FLOW_RESPONDER].fin_acknowledged);
}

bool flow_tracker_is_new_syn(const struct flow_tracker *tracker, enum flow_side side,
                             const struct packet_view *packet)
{
    const struct flow_tcp_side *sender = &tracker->tcp[side];

    return packet->protocol == IP_TCP &&
           (packet->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
           !(sender->syn_seen && sender->first_syn == packet->tcp_sequence);
}
