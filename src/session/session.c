#include "session/session.h"

#include <string.h>

#include "session/datagram.h"
#include "session/model_messages.h"
#include "session/session_shape.h"

#define DEFAULT_RTT_NS (500 * NS_PER_US)
#define CLOSED_NS (4 * NS_PER_SECOND) /* what comes 5 s after the end is another flow */

/* ---- making a session ready ---- */

static void take_row(struct session *s, const struct session_row *row)
{
    struct packet_shape *shape = &s->course.shape;

    s->opening = (uint8_t)(shape->protocol == IP_TCP ? row->opening : FLOW_OPENING_NONE);
    s->ending = (uint8_t)(shape->protocol == IP_TCP ? row->ending : FLOW_ENDING_NONE);
    s->closing_side = (uint8_t)row->closing_side;
    shape->under_way = s->opening == FLOW_OPENING_NONE;
    s->stack = stack_profile_of(row);
    shape->rtt_ns = row->rtt_ns > 0 ? row->rtt_ns : DEFAULT_RTT_NS;
    for (int side = 0; side < 2; side++) {
        shape->most_bytes[side] = shape->protocol == IP_TCP
                                      ? stack_profile_segment_bytes(&s->stack, (enum flow_side)side)
                                      : DATAGRAM_MAX_BYTES;
        shape->total.packets[side] = row->packets[side];
        shape->total.data_packets[side] = row->data_packets[side];
        shape->total.payload_bytes[side] = row->payload_bytes[side];
    }
}

/* Attempts to connect are all alike; and of some services there is no fit. */
static void choose_model(struct session_course *c, const struct flow_plan *plan, enum flow_opening opening,
                         struct packet_models *models)
{
    c->model = &packet_model_messages;
    if (models == NULL || plan->service == NULL || opening == FLOW_OPENING_ATTEMPT)
        return;
    c->tables = packet_models_tables(models, plan->service);
    if (c->tables)
        c->model = packet_models_kind(models);
}

/* What the network does to the session is part of what was planned. */
static void impair(struct session *s, const struct flow_plan *plan, const struct impairment_rates *rates,
                   struct session_row *row, struct impairment_counts *counts)
{
    struct random_stream *random = &s->course.random;

    if (rates == NULL)
        return;
    if (!rates->learned && plan->protocol == IP_TCP && row->opening == FLOW_OPENING_HANDSHAKE &&
        rates->unanswered > 0 && random_unit(random) < rates->unanswered)
        session_shape_lose_answer(row);
    *counts = impairment_counts_draw(rates, row, plan->service, plan->protocol, random);
    impairment_counts_take(counts, row);
}

void session_begin(struct session *s, const struct flow_plan *plan, uint64_t seed, struct packet_models *models,
                   const struct impairment_rates *impairments, struct impairment_counts *counts)
{
    struct session_course *c = &s->course;
    struct session_row row;

    memset(s, 0, sizeof *s);
    random_init(&c->random, seed, RANDOM_SESSION, (uint32_t)(plan->key >> 32), (uint32_t)plan->key,
                plan->ends[FLOW_INITIATOR].name);
    session_shape_draw(plan, &c->random, &row, &c->shape.row);
    impair(s, plan, impairments, &row, counts);
    s->key = plan->key;
    s->closed_ns = CLOSED_NS;
    s->client = plan->ends[FLOW_INITIATOR].name;
    s->service_port = plan->ends[FLOW_RESPONDER].port;
    s->fill = payload_for(plan->protocol, s->service_port);
    c->shape.protocol = plan->protocol;
    c->shape.ip_payload = flow_plan_ip_payload(plan);
    s->piece_bytes = datagram_piece_bytes(c->shape.ip_payload, flow_plan_is_ipv6(plan));
    take_row(s, &row);
    if (plan->protocol == IP_TCP)
        tcp_numbers_begin(&s->numbers, &row, &c->random);
    choose_model(c, plan, (enum flow_opening)s->opening, models);
    course_begin(c, &row);
}

void session_resume(struct session *s, const struct session_numbers *numbers)
{
    tcp_numbers_resume(&s->numbers, numbers);
}

/* ---- messages ---- */

static void begin_message(struct session *s, const struct packet_draw *draw)
{
    struct packet_progress *p = &s->course.progress;

    if (s->has_data)
        p->messages[s->speaker]++;
    else
        s->first_side = (uint8_t)draw->side;
    s->has_data = true;
    s->speaker = (uint8_t)draw->side;
    p->latest_bytes[draw->side] = 0;
    s->message_offset = 0;
    s->message_bytes = payload_is_structured(s->fill) ? course_message_bytes(&s->course, draw) : draw->payload_bytes;
}

static struct payload_place place_in_stream(struct session *s, const struct packet_draw *draw)
{
    struct packet_progress *p = &s->course.progress;
    struct payload_place place;

    /* What was seen far ahead holds until somebody has to acknowledge first: then the draws may be others. */
    if (!s->has_data || s->speaker != draw->side || s->message_offset + draw->payload_bytes > s->message_bytes)
        begin_message(s, draw);
    place = (struct payload_place){
        .message_bytes = s->message_bytes,
        .offset = s->message_offset,
        .side = draw->side,
        .message_index = p->messages[draw->side],
        .reply_to_index = p->messages[flow_side_other(draw->side)],
        .request_bytes = p->latest_bytes[flow_side_other(draw->side)],
    };
    s->message_offset += draw->payload_bytes;
    p->latest_bytes[draw->side] += draw->payload_bytes;
    return place;
}

static struct payload_place place_of_datagram(struct session *s, const struct packet_draw *draw)
{
    struct packet_progress *p = &s->course.progress;
    bool is_echo = s->course.shape.protocol == IP_ICMP; /* a reply repeats its request */
    struct payload_place place = {
        .message_bytes = draw->payload_bytes,
        .side = is_echo ? FLOW_INITIATOR : draw->side,
        .message_index = p->messages[draw->side],
        .reply_to_index = is_echo ? 0 : p->messages[flow_side_other(draw->side)],
        .request_bytes = packet_progress_request_bytes(p, draw->side),
    };

    if (!s->has_data)
        s->first_side = (uint8_t)draw->side;
    s->has_data = true;
    p->latest_bytes[draw->side] = draw->payload_bytes;
    p->recent_bytes[draw->side][p->messages[draw->side]++ % PACKET_RECENT] = (uint16_t)draw->payload_bytes;
    return place;
}

static void place_payload(struct session *s, const struct packet_draw *draw, struct session_packet *packet)
{
    packet->place = s->course.shape.protocol == IP_TCP ? place_in_stream(s, draw) : place_of_datagram(s, draw);
    packet->place.flow_key = s->key;
    packet->place.client = s->client;
    packet->place.service_port = s->service_port;
    packet->place.protocol = s->course.shape.protocol;
    packet->place.first_side = (enum flow_side)s->first_side;
}

/* ---- packets ---- */

/* More than the other side's window holds: it has to acknowledge first. */
static bool must_wait(const struct session *s, const struct packet_draw *draw)
{
    return s->course.shape.protocol == IP_TCP && draw->payload_bytes > 0 && !s->course.model->is_lawless &&
           draw->payload_bytes > tcp_numbers_room(&s->numbers, draw->side) &&
           !tcp_numbers_is_settled(&s->numbers, flow_side_other(draw->side)) &&
           tcp_machine_allows(&s->course.sent, flow_side_other(draw->side), TCP_ACK, PACKET_PLAIN, false);
}

static void acknowledge_first(struct session *s, struct packet_draw *draw)
{
    s->held = *draw;
    s->has_held = true;
    *draw = (struct packet_draw){
        .side = (uint8_t)flow_side_other(draw->side), .tcp_flags = TCP_ACK, .gap_ns = draw->gap_ns / 2,
    };
    s->held.gap_ns -= draw->gap_ns;
    course_send(&s->course, draw);
}

static bool take_draw(struct session *s, struct packet_draw *draw)
{
    if (s->has_held) {
        *draw = s->held;
        s->has_held = false;
        return true;
    }
    if (!course_next(&s->course, draw))
        return false;
    if (must_wait(s, draw))
        acknowledge_first(s, draw);
    return true;
}

static void number_datagram(const struct session *s, const struct packet_draw *draw, struct session_packet *packet)
{
    session_packet_clear(packet);
    packet->side = draw->side;
    packet->payload_bytes = draw->payload_bytes;
    packet->gap_ns = draw->gap_ns;
    packet->sequence = s->course.progress.messages[draw->side];
    if (DATAGRAM_HEADER_BYTES + draw->payload_bytes > s->course.shape.ip_payload)
        datagram_cut(packet, s->piece_bytes);
}

static bool is_closed(const struct session *s)
{
    const struct tcp_machine *sent = &s->course.sent;

    return s->course.shape.protocol == IP_TCP && (sent->phase == TCP_PHASE_RESET || (sent->fin[0] && sent->fin[1]));
}

/* No session has a silence that would end a flow. */
static int64_t bounded_gap(struct session *s, bool was_closed, int64_t gap_ns)
{
    if (!s->begun)
        return 0;
    if (gap_ns > SESSION_LONGEST_WAIT_NS && s->opening != FLOW_OPENING_ATTEMPT)
        gap_ns = SESSION_LONGEST_WAIT_NS;
    if (!was_closed)
        return gap_ns;
    if (gap_ns > s->closed_ns)
        gap_ns = s->closed_ns;
    s->closed_ns -= gap_ns;
    return gap_ns;
}

bool session_next(struct session *s, struct session_packet *packet)
{
    bool is_tcp = s->course.shape.protocol == IP_TCP;
    bool was_closed = is_closed(s);
    struct packet_draw draw;

    if (!take_draw(s, &draw))
        return false;
    if (is_tcp)
        tcp_numbers_next(&s->numbers, &draw, packet);
    else
        number_datagram(s, &draw, packet);
    packet->is_repeated_syn = draw.tcp_flags == TCP_SYN && s->begun;
    packet->gap_ns = bounded_gap(s, was_closed, draw.gap_ns);
    if (draw.payload_bytes > 0 || !is_tcp)
        place_payload(s, &draw, packet);
    s->handshake = s->handshake || (draw.tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
    s->begun = true;
    return true;
}

void session_release(struct session *s)
{
    course_forget(&s->course);
}

void session_hurry(struct session *s)
{
    struct session_course *c = &s->course;
    bool unanswered[2];

    for (int side = 0; side < 2; side++)
        unanswered[side] = !tcp_numbers_is_settled(&s->numbers, flow_side_other((enum flow_side)side));
    s->has_held = false;
    c->progress.left = (struct packet_budget){ { 0 }, { 0 }, { 0 } };
    course_forget(c);
    c->model = &packet_model_messages;
    messages_close(&c->memory, (enum flow_opening)s->opening, (enum flow_ending)s->ending,
                   (enum flow_side)s->closing_side, unanswered);
    if (c->shape.rtt_ns > SESSION_HURRIED_RTT_NS)
        c->shape.rtt_ns = SESSION_HURRIED_RTT_NS;
}

void session_close(struct session *s, int64_t rtt_ns)
{
    bool is_tcp = s->course.shape.protocol == IP_TCP;

    if (is_tcp && s->ending == FLOW_ENDING_NONE && s->opening != FLOW_OPENING_ATTEMPT)
        s->ending = FLOW_ENDING_FIN;
    session_hurry(s);
    if (s->course.shape.rtt_ns > rtt_ns)
        s->course.shape.rtt_ns = rtt_ns;
}
