#include "session/session_shape.h"

#include <math.h>

#include "base/at_most.h"
#include "net/ip_header.h"
#include "net/wire.h"
#include "session/datagram.h"
#include "session/stack_profile.h"

enum {
    DEFAULT_MSS = 1460,
    MIN_MSS = 88,              /* RFC 1191's smallest MTU less the headers */
    DEFAULT_TTL = 64,
    FEW_ROWS = 3,
    EXACT_PACKETS = 4,
    RTT_CHOICES = 8,
    DRAWN_BLINDLY = 8,
    UNANSWERED_SYNS = 3, /* of who gives up soon */
    MOST_SYNS = 7        /* Linux sends one six times more */
};

/* First row with at least `packets`; rows are in that order. */
static size_t first_row_from(const struct service_model *service, uint64_t packets)
{
    size_t low = 0;
    size_t high = service->row_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (session_row_packets(&service->rows[middle]) < packets)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether `above` is as near to `packets` as `below` is, or nearer, on a log scale. */
static bool is_nearer(uint64_t above, uint64_t below, uint64_t packets)
{
    return (double)above * (double)below <= (double)packets * (double)packets;
}

struct row_range {
    size_t first, end;
};

/* The rows with packet counts in least..most. */
static struct row_range rows_between(const struct service_model *service, uint64_t least, uint64_t most)
{
    return (struct row_range){ first_row_from(service, least), first_row_from(service, most + 1) };
}

/* The rows with the packet count nearest to `packets`. */
static struct row_range nearest_rows(const struct service_model *service, uint64_t packets)
{
    size_t at = first_row_from(service, packets);
    uint64_t above = at < service->row_count ? session_row_packets(&service->rows[at]) : 0;
    uint64_t below = at > 0 ? session_row_packets(&service->rows[at - 1]) : 0;
    uint64_t nearest = at == 0 || (above > 0 && is_nearer(above, below, packets)) ? above : below;

    return rows_between(service, nearest, nearest);
}

/*
 * The rows that a session of so many packets may take after: those with as many if there are a few, else those of
 * the same bin (1, 2, 3, 4, 5, 6-7, 8-11, 12-19, ...), else the nearest.
 */
static struct row_range candidate_rows(const struct service_model *service, uint64_t packets)
{
    struct row_range rows = rows_between(service, packets, packets);
    uint64_t least = packets;

    if (rows.end - rows.first >= FEW_ROWS)
        return rows;
    if (packets > EXACT_PACKETS)
        least = EXACT_PACKETS + (UINT64_C(1) << (63 - __builtin_clzll(packets - EXACT_PACKETS)));
    rows = rows_between(service, least, packets > EXACT_PACKETS ? 2 * least - EXACT_PACKETS - 1 : packets);
    return rows.end > rows.first ? rows : nearest_rows(service, packets);
}

/* In 2^32: where the path between the plan's ends stands among all paths, from the fastest. */
static uint32_t path_rank(const struct flow_plan *plan)
{
    return (uint32_t)random_mix64((uint64_t)plan->ends[0].name << 32 | plan->ends[1].name);
}

/* The place of the number that stands n-th in order; of equal ones the first is before. No jump depends on them. */
static unsigned nth_of(const int64_t numbers[RTT_CHOICES], unsigned n)
{
    unsigned found = 0;

    for (unsigned i = 0; i < RTT_CHOICES; i++) {
        unsigned before = 0;

        for (unsigned k = 0; k < RTT_CHOICES; k++)
            before += (numbers[k] < numbers[i]) | ((numbers[k] == numbers[i]) & (k < i));
        found |= before == n ? i : 0;
    }
    return found;
}

/*
 * Of a few rows drawn from the range that one which stands among them, by its round trip, where the path stands
 * among all paths. The rank of a path is uniform, so each row of the range is as likely as any other.
 */
static size_t draw_by_path(const struct service_model *service, struct row_range range, uint32_t rank,
                           struct random_stream *random)
{
    size_t drawn[RTT_CHOICES];
    int64_t rtt_ns[RTT_CHOICES];

    for (int i = 0; i < RTT_CHOICES; i++) {
        drawn[i] = range.first + random_below_u32(random, (uint32_t)(range.end - range.first));
        rtt_ns[i] = service->rows[drawn[i]].rtt_ns;
    }
    return drawn[nth_of(rtt_ns, (unsigned)((uint64_t)rank * RTT_CHOICES >> 32))];
}

/* Only a handshake tells the path from the time that the other side needs to answer. */
static size_t draw_row(const struct flow_plan *plan, struct random_stream *random)
{
    struct row_range range = candidate_rows(plan->service, plan->packets);

    if (plan->protocol == IP_TCP && range.end - range.first > 1)
        return draw_by_path(plan->service, range, path_rank(plan), random);
    return range.first + random_below(random, range.end - range.first);
}

static bool is_answered(const struct session_row *row)
{
    return row->packets[FLOW_RESPONDER] > 0;
}

/* The packet count nearest to `packets` that an answered row has; 0: none has. */
static uint64_t nearest_answered(const struct service_model *service, uint64_t packets)
{
    size_t above = first_row_from(service, packets);
    size_t below = above;

    while (above < service->row_count && !is_answered(&service->rows[above]))
        above++;
    while (below > 0 && !is_answered(&service->rows[below - 1]))
        below--;
    if (above == service->row_count)
        return below > 0 ? session_row_packets(&service->rows[below - 1]) : 0;
    if (below == 0 || is_nearer(session_row_packets(&service->rows[above]),
                                session_row_packets(&service->rows[below - 1]), packets))
        return session_row_packets(&service->rows[above]);
    return session_row_packets(&service->rows[below - 1]);
}

/* One of the answered rows with that count; row_count: none was answered. Most are: so it is tried at first. */
static size_t draw_answered(const struct service_model *service, uint64_t packets, struct random_stream *random)
{
    uint64_t count = nearest_answered(service, packets);
    struct row_range rows = rows_between(service, count, count);
    uint64_t answered = 0;
    uint64_t drawn;

    if (count == 0)
        return service->row_count;
    for (int i = 0; i < DRAWN_BLINDLY; i++) {
        size_t row = rows.first + random_below_u32(random, (uint32_t)(rows.end - rows.first));

        if (is_answered(&service->rows[row]))
            return row;
    }
    for (size_t i = rows.first; i < rows.end; i++)
        answered += is_answered(&service->rows[i]);
    drawn = random_below(random, answered);
    while (!is_answered(&service->rows[rows.first]) || drawn-- > 0)
        rows.first++;
    return rows.first;
}

/* When nothing is known of a service: one request, one reply. */
static struct session_row default_row(const struct flow_plan *plan)
{
    bool is_tcp = plan->protocol == IP_TCP;
    struct session_row row = {
        .packets = { is_tcp ? 6 : 1, is_tcp ? 4 : 1 },
        .data_packets = { 1, 1 },
        .payload_bytes = { 64, plan->protocol == IP_ICMP ? 64 : 256 }, /* a ping is repeated */
        .duration_ns = 20 * NS_PER_MS,
        .rtt_ns = NS_PER_MS,
        .turns = 2,
        .opening = is_tcp ? FLOW_OPENING_HANDSHAKE : FLOW_OPENING_NONE,
        .ending = is_tcp ? FLOW_ENDING_FIN : FLOW_ENDING_NONE,
    };

    return row;
}

static uint64_t scaled(uint64_t value, double factor)
{
    return (uint64_t)llround((double)value * factor);
}

/* What a side spends on opening and closing; it does not grow with the flow. */
static uint64_t control_packets(const struct session_row *row, int side)
{
    uint64_t opening = row->opening != FLOW_OPENING_HANDSHAKE ? 0 : side == FLOW_INITIATOR ? 2 : 1;
    uint64_t closing = row->ending != FLOW_ENDING_FIN ? 0 : side == (int)row->closing_side ? 2 : 1;

    return at_most(opening + closing, row->packets[side] - row->data_packets[side]);
}

/* Scales the data of a side; a side that had data keeps some. */
static void scale_data(struct session_row *row, int side, double factor, uint64_t most)
{
    uint64_t old = row->data_packets[side];

    if (old == 0)
        return;
    row->data_packets[side] = at_most(scaled(old, factor), most);
    if (row->data_packets[side] == 0 && most > 0)
        row->data_packets[side] = 1;
    row->payload_bytes[side] =
        scaled(row->payload_bytes[side], (double)row->data_packets[side] / (double)old);
}

/* What the network did to a side's packets, as often a packet as before. */
static void scale_impairments(struct session_row *row, int side, double factor)
{
    uint32_t *counts[] = { &row->retransmitted[side], &row->reordered[side], &row->duplicated[side],
                           &row->fragments[side] };

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        *counts[i] = (uint32_t)at_most(scaled(*counts[i], factor), UINT32_MAX);
}

/*
 * Changes the row's packet count to `packets`: opening and closing stay as they are, the rest
 * grows or shrinks with the shares of the sides, of data and of acknowledgements kept.
 */
static void scale_row(struct session_row *row, uint64_t packets)
{
    uint64_t control[2] = { control_packets(row, 0), control_packets(row, 1) };
    uint64_t old = session_row_packets(row) - control[0] - control[1];
    uint64_t wanted = packets - at_most(packets, control[0] + control[1]);
    double factor = old > 0 ? (double)wanted / (double)old : 1.0;
    uint64_t first = at_most(scaled(row->packets[FLOW_INITIATOR] - control[0], factor), wanted);

    if (old == 0 || wanted == 0)
        return; /* nothing but control: it cannot be scaled */
    row->packets[FLOW_INITIATOR] = control[0] + first;
    row->packets[FLOW_RESPONDER] = control[1] + wanted - first;
    scale_data(row, FLOW_INITIATOR, factor, first);
    scale_data(row, FLOW_RESPONDER, factor, wanted - first);
    for (int side = 0; side < 2; side++)
        scale_impairments(row, side, factor);
    row->turns = (uint32_t)at_most(scaled(row->turns, factor), UINT32_MAX);
    row->duration_ns = (int64_t)fmin((double)row->duration_ns * fmax(factor, 0.01), 0x1p60);
}

void session_shape_lose_answer(struct session_row *row)
{
    uint64_t syns = at_most(session_row_packets(row), UNANSWERED_SYNS);

    row->opening = FLOW_OPENING_ATTEMPT;
    row->ending = FLOW_ENDING_NONE;
    row->turns = 0;
    row->duration_ns = 0;
    for (int side = 0; side < 2; side++) {
        row->packets[side] = side == FLOW_INITIATOR ? syns : 0;
        row->data_packets[side] = 0;
        row->payload_bytes[side] = 0;
    }
}

/* To a group, and to who does not answer, only the initiator speaks. */
static void make_one_way(struct session_row *row, bool is_tcp)
{
    if (is_tcp) { /* nobody there to shake hands with */
        if (row->opening != FLOW_OPENING_ATTEMPT || row->packets[FLOW_RESPONDER] > 0 ||
            row->packets[FLOW_INITIATOR] > MOST_SYNS)
            session_shape_lose_answer(row);
        return;
    }
    row->packets[FLOW_INITIATOR] += row->packets[FLOW_RESPONDER];
    row->data_packets[FLOW_INITIATOR] = row->packets[FLOW_INITIATOR];
    row->payload_bytes[FLOW_INITIATOR] += row->payload_bytes[FLOW_RESPONDER];
    row->packets[FLOW_RESPONDER] = 0;
    row->data_packets[FLOW_RESPONDER] = 0;
    row->payload_bytes[FLOW_RESPONDER] = 0;
}

/* A stack announces what its link has room for: behind the header of IPv6 there is less of it. */
static void set_defaults(struct session_row *row, const struct flow_plan *plan)
{
    uint64_t most = (uint64_t)flow_plan_ip_payload(plan) - TCP_HEADER_BYTES;

    for (int side = 0; side < 2; side++) {
        if (row->mss[side] < MIN_MSS)
            row->mss[side] = DEFAULT_MSS;
        row->mss[side] = (uint16_t)at_most(row->mss[side], most);
        if (row->ttl[side] == 0)
            row->ttl[side] = DEFAULT_TTL;
    }
}

/* Payload must fit the data packets: at least a byte each (TCP), at most what a packet holds. */
static void fit_payload(struct session_row *row, const struct flow_plan *plan)
{
    struct stack_profile stack = stack_profile_of(row);
    bool is_tcp = plan->protocol == IP_TCP;

    for (int side = 0; side < 2; side++) {
        uint64_t most = is_tcp ? stack_profile_segment_bytes(&stack, (enum flow_side)side)
                               : at_most(DATAGRAM_PIECE_BYTES, flow_plan_ip_payload(plan));

        if (!is_tcp)
            row->data_packets[side] = row->packets[side];
        row->payload_bytes[side] = at_most(row->payload_bytes[side], row->data_packets[side] * most);
        if (is_tcp && row->payload_bytes[side] < row->data_packets[side])
            row->payload_bytes[side] = row->data_packets[side];
    }
}

/*
 * The round trip of the path takes the place of the sampled one; where that is far from it, the other gaps would
 * not go with it.
 */
static void set_round_trip(struct session_row *row, const struct service_model *service, uint32_t rank)
{
    uint64_t place = (uint64_t)rank * (SERVICE_ROUND_TRIPS - 1);
    const int64_t *between = &service->round_trips_ns[place >> 32];
    int64_t rtt_ns = between[0] + (int64_t)((double)(between[1] - between[0]) * ((double)(uint32_t)place * 0x1p-32));

    if (row->opening != FLOW_OPENING_HANDSHAKE || rtt_ns > row->rtt_ns + row->rtt_ns / 2 ||
        row->rtt_ns > rtt_ns + rtt_ns / 2)
        return;
    row->duration_ns = (row->duration_ns > row->rtt_ns ? row->duration_ns - row->rtt_ns : 0) + rtt_ns;
    row->rtt_ns = rtt_ns;
}

/* More packets take more time, but no more than a flow of the service was seen to. */
static void scale_to_plan(struct session_row *row, const struct flow_plan *plan)
{
    int64_t longest_ns = row->duration_ns;

    if (plan->service && plan->service->longest_ns > longest_ns)
        longest_ns = plan->service->longest_ns;
    scale_row(row, plan->packets);
    if (row->duration_ns > longest_ns)
        row->duration_ns = longest_ns;
}

/* The index of a sampled flow to take after, or row_count. */
static size_t choose_row(const struct flow_plan *plan, struct random_stream *random)
{
    const struct service_model *service = plan->service;

    if (plan->answer == ANSWER_SURE)
        return draw_answered(service, plan->packets, random);
    return draw_row(plan, random);
}

void session_shape_draw(const struct flow_plan *plan, struct random_stream *random, struct session_row *row,
                        uint32_t *index)
{
    size_t rows = plan->service ? plan->service->row_count : 0;
    size_t chosen = rows > 0 ? choose_row(plan, random) : 0;

    *row = chosen < rows ? plan->service->rows[chosen] : default_row(plan);
    *index = chosen < rows ? (uint32_t)chosen : SESSION_NO_ROW;
    if (session_row_packets(row) != plan->packets && session_row_packets(row) > 0)
        scale_to_plan(row, plan);
    if (chosen < rows)
        set_round_trip(row, plan->service, path_rank(plan));
    if (plan->to_group || plan->answer == ANSWER_NONE)
        make_one_way(row, plan->protocol == IP_TCP);
    set_defaults(row, plan);
    fit_payload(row, plan);
}
