#include "session/tcp_numbers.h"

#include <string.h>

#include "base/at_most.h"
#include "net/wire.h"
#include "session/delayed_ack.h"
#include "session/stack_profile.h"

enum {
    DEFAULT_WINDOW = 64240,
    HIDDEN_SCALE = 7,      /* of a connection whose SYNs nobody saw */
    FIRST_FLIGHT = 10,     /* segments that a stack sends unasked (RFC 6928); every window holds them */
    TOP_WINDOW = 65535
};

static uint64_t at_least(uint64_t value, uint64_t limit)
{
    return value > limit ? value : limit;
}

/* ---- beginning ---- */

/* Bytes as a window on the wire, rounded up. */
static uint16_t as_window(const struct tcp_numbers *n, enum flow_side side, uint64_t bytes)
{
    uint8_t scale = n->window_scale[side];

    return (uint16_t)at_most((bytes + (UINT64_C(1) << scale) - 1) >> scale, TOP_WINDOW);
}

/*
 * What a window has to hold, lest the other side stops or fills it: its first flight and a segment more.
 * Of a flow whose packets nobody saw, everything: nothing is known of its acknowledgements.
 */
static uint64_t needed_window(const struct session_row *row, enum flow_side side)
{
    uint64_t mss = row->mss[side];

    if (!row->is_measured)
        return row->payload_bytes[!side];
    return at_most(row->payload_bytes[!side], (FIRST_FLIGHT - 1) * mss) + mss;
}

/* On the wire, when all was read. Not learned: as many bytes as the SYN's. */
static uint16_t learned_window(const struct tcp_numbers *n, const struct session_row *row, enum flow_side side)
{
    if (row->open_window[side] > 0)
        return row->open_window[side];
    if (row->window[side] == 0)
        return as_window(n, side, DEFAULT_WINDOW);
    return n->under_way ? row->window[side] : as_window(n, side, row->window[side]);
}

static void begin_windows(struct tcp_numbers *n, const struct session_row *row, enum flow_side side)
{
    uint64_t needed = needed_window(row, side);
    uint64_t first = row->window[side] > 0 ? row->window[side] : DEFAULT_WINDOW;

    if (side == FLOW_RESPONDER) /* a SYN-ACK's is the window of the first flight */
        first = at_least(first, at_most(needed, TOP_WINDOW));
    n->syn_window[side] = (uint16_t)first;
    n->usual_window[side] = (uint16_t)at_least(learned_window(n, row, side), as_window(n, side, needed));
    n->top_window[side] = (uint16_t)at_most(2 * (uint64_t)n->usual_window[side], TOP_WINDOW);
    n->window[side] = n->usual_window[side];
}

static void set_edge(struct tcp_numbers *n, enum flow_side side, uint8_t scale)
{
    n->edge[side] = n->acknowledged[side] + ((uint32_t)n->window[side] << scale);
}

void tcp_numbers_begin(struct tcp_numbers *n, const struct session_row *row, struct random_stream *random)
{
    struct stack_profile stack = stack_profile_of(row);

    memset(n, 0, sizeof *n);
    n->under_way = row->opening == FLOW_OPENING_NONE;
    n->rtt_ns = row->rtt_ns;
    for (int side = 0; side < 2; side++) {
        n->sequence[side] = random_u32(random);
        n->mss[side] = row->mss[side];
        n->packets_left[side] = (uint32_t)at_most(row->packets[side], UINT32_MAX);
        n->data_left[side] = (uint32_t)at_most(row->data_packets[side], UINT32_MAX);
        n->window_scale[side] = n->under_way
                                    ? HIDDEN_SCALE
                                    : stack_profile_window_scale(&stack, (enum flow_side)side);
        begin_windows(n, row, (enum flow_side)side);
    }
    for (int side = 0; side < 2; side++) {
        n->acknowledged[side] = n->sequence[!side];
        set_edge(n, (enum flow_side)side, n->window_scale[side]);
    }
}

void tcp_numbers_resume(struct tcp_numbers *n, const struct session_numbers *left)
{
    memcpy(n->sequence, left->sequence, sizeof n->sequence);
    memcpy(n->acknowledged, left->acknowledged, sizeof n->acknowledged);
    memcpy(n->window, left->window, sizeof n->window);
    memcpy(n->window_scale, left->window_scale, sizeof n->window_scale);
    for (int side = 0; side < 2; side++) {
        n->begun[side] = true;
        n->closed[side] = n->window[side] == 0;
        if (n->window[side] > n->usual_window[side])
            n->usual_window[side] = n->window[side];
        set_edge(n, (enum flow_side)side, n->window_scale[side]);
    }
}

struct session_numbers tcp_numbers_leave(const struct tcp_numbers *n)
{
    struct session_numbers left;

    memcpy(left.sequence, n->sequence, sizeof left.sequence);
    memcpy(left.acknowledged, n->acknowledged, sizeof left.acknowledged);
    memcpy(left.window, n->window, sizeof left.window);
    memcpy(left.window_scale, n->window_scale, sizeof left.window_scale);
    return left;
}

/* ---- acknowledgements ---- */

static bool is_bare_ack(const struct packet_draw *draw)
{
    return draw->tcp_flags == TCP_ACK && draw->payload_bytes == 0;
}

/* A probe repeats the number before: there has to be one. */
static bool is_probe(const struct tcp_numbers *n, const struct packet_draw *draw)
{
    return draw->mark == PACKET_KEEPALIVE && n->begun[draw->side];
}

static uint32_t unacknowledged(const struct tcp_numbers *n, enum flow_side side)
{
    return n->sequence[flow_side_other(side)] - n->acknowledged[side];
}

/* Bytes and segments of a side's runs. */
static uint32_t run_bytes(const struct tcp_numbers *n, enum flow_side side)
{
    uint32_t bytes = 0;

    for (int i = 0; i < n->run_count[side]; i++)
        bytes += (uint32_t)n->runs[side][i].bytes * n->runs[side][i].count;
    return bytes;
}

static uint64_t run_segments(const struct tcp_numbers *n, enum flow_side side)
{
    uint64_t segments = 0;

    for (int i = 0; i < n->run_count[side]; i++)
        segments += n->runs[side][i].count;
    return segments;
}

/* The oldest run is acknowledged with what follows it. */
static void drop_run(struct tcp_numbers *n, enum flow_side side)
{
    struct tcp_run *runs = n->runs[side];

    n->run_count[side]--;
    memmove(runs, runs + 1, n->run_count[side] * sizeof *runs);
}

static void note_segment(struct tcp_numbers *n, enum flow_side side, uint32_t bytes)
{
    struct tcp_run *latest = &n->runs[side][n->run_count[side] - (n->run_count[side] > 0)];

    if (n->run_count[side] > 0 && latest->bytes == bytes && latest->count < UINT16_MAX) {
        latest->count++;
        return;
    }
    if (n->run_count[side] == TCP_NUMBERS_RUNS)
        drop_run(n, side);
    n->runs[side][n->run_count[side]++] = (struct tcp_run){ (uint16_t)bytes, 1 };
}

/* Takes that many segments, from the oldest on; returns their bytes. */
static uint32_t take_segments(struct tcp_numbers *n, enum flow_side side, uint64_t segments)
{
    uint32_t bytes = 0;

    while (segments > 0 && n->run_count[side] > 0) {
        struct tcp_run *oldest = n->runs[side];
        uint16_t taken = (uint16_t)at_most(segments, oldest->count);

        bytes += (uint32_t)taken * oldest->bytes;
        segments -= taken;
        oldest->count -= taken;
        if (oldest->count == 0)
            drop_run(n, side);
    }
    return bytes;
}

static uint64_t share_of_ack(const struct tcp_numbers *n, enum flow_side side)
{
    enum flow_side sender = flow_side_other(side);

    return delayed_ack_share(run_segments(n, sender) + n->data_left[sender], n->packets_left[side], n->data_left[side]);
}

/*
 * How far a bare ACK acknowledges. Everything, if it comes late, or is the last one of its side; more, if the rest
 * would leave little room in the window.
 */
static uint32_t delayed_acknowledgement(struct tcp_numbers *n, enum flow_side side, int64_t gap_ns)
{
    enum flow_side sender = flow_side_other(side);
    uint32_t all = n->sequence[sender];
    uint32_t window = (uint32_t)n->usual_window[side] << n->window_scale[side];
    uint64_t segments = share_of_ack(n, side);
    uint32_t begin = all - n->fin[sender] - run_bytes(n, sender);
    uint32_t upto;

    if (n->packets_left[side] <= 1 || gap_ns >= delayed_ack_patience_ns(n->rtt_ns) ||
        segments >= run_segments(n, sender))
        return all;
    upto = begin + take_segments(n, sender, segments);
    while (all - upto > window / 2 && n->run_count[sender] > 0)
        upto += take_segments(n, sender, 1);
    return upto;
}

/* ---- windows ---- */

/*
 * Data that was acknowledged before the application read it leaves that much less room: in half of the bare
 * ACKs, and in all of a side whose window cannot rise when the data was read. The edge does not go back.
 */
static uint16_t window_of_new_data(const struct tcp_numbers *n, enum flow_side side, uint32_t bytes)
{
    uint16_t usual = n->usual_window[side];
    uint16_t taken = (uint16_t)at_most(bytes >> n->window_scale[side], TOP_WINDOW);

    if (usual < n->top_window[side] && random_mix64(n->sequence[flow_side_other(side)]) & 1)
        return usual;
    return (uint16_t)(usual - at_most(taken, usual / 4));
}

/* The application read what it had not before; or its side found more room, up to a top; or took it back. */
static uint16_t updated_window(struct tcp_numbers *n, enum flow_side side)
{
    uint16_t window = n->window[side];
    uint16_t step = (uint16_t)at_least(n->mss[side] >> n->window_scale[side], 1);

    if (n->closed[side])
        return n->usual_window[side];
    if (window < n->usual_window[side])
        return (uint16_t)(window + (n->usual_window[side] - window + 1) / 2);
    if (n->top_window[side] - window >= step)
        n->usual_window[side] = (uint16_t)(window + step);
    else
        n->usual_window[side] = (uint16_t)at_least(window - at_most(step, window / 2), 1);
    return n->usual_window[side];
}

/* `upto` is acknowledged with it; `has_data`: and data. */
static uint16_t next_window(struct tcp_numbers *n, const struct packet_draw *draw, uint32_t upto, bool has_data)
{
    enum flow_side side = draw->side;
    uint32_t new_numbers = upto - n->acknowledged[side];

    if (draw->tcp_flags & TCP_SYN)
        return n->syn_window[side];
    if (draw->mark == PACKET_ZERO_WINDOW)
        return 0;
    if (is_probe(n, draw))
        return n->window[side];
    if (!is_bare_ack(draw) || !n->begun[side])
        return n->usual_window[side];
    if (new_numbers > 0)
        return has_data ? window_of_new_data(n, side, new_numbers) : n->usual_window[side];
    return n->probed[side] && !n->closed[side] ? n->window[side] : updated_window(n, side);
}

/* The next window has room for what went beyond this one. */
static void grow_window(struct tcp_numbers *n, enum flow_side side)
{
    uint16_t least = as_window(n, side, 2 * (uint64_t)unacknowledged(n, side));

    if (n->usual_window[side] < least)
        n->usual_window[side] = least;
    if (n->top_window[side] < least)
        n->top_window[side] = least;
}

uint32_t tcp_numbers_room(const struct tcp_numbers *n, enum flow_side side)
{
    uint32_t edge = n->edge[flow_side_other(side)];

    return seq_lt(n->sequence[side], edge) ? edge - n->sequence[side] : 0;
}

/* ---- packets ---- */

static uint32_t next_sequence(struct tcp_numbers *n, const struct packet_draw *draw)
{
    enum flow_side side = draw->side;
    uint32_t sequence = n->sequence[side];

    if (is_probe(n, draw) || (draw->tcp_flags & TCP_SYN && n->begun[side]))
        return sequence - 1;
    n->sequence[side] += draw->payload_bytes + !!(draw->tcp_flags & TCP_SYN) + !!(draw->tcp_flags & TCP_FIN);
    n->fin[side] = n->fin[side] || draw->tcp_flags & TCP_FIN;
    if (draw->payload_bytes > 0) {
        note_segment(n, side, draw->payload_bytes);
        if (seq_lt(n->edge[flow_side_other(side)], n->sequence[side]))
            grow_window(n, flow_side_other(side));
    }
    return sequence;
}

/* RST-ACK of a host that knows of no connection (RFC 9293, section 3.10.7.1): no number and no window. */
static void refuse(const struct tcp_numbers *n, struct session_packet *packet)
{
    packet->acknowledgement = n->sequence[flow_side_other(packet->side)];
}

static void acknowledge(struct tcp_numbers *n, const struct packet_draw *draw, struct session_packet *packet)
{
    enum flow_side side = draw->side;
    bool has_data = n->run_count[flow_side_other(side)] > 0;
    uint32_t upto = n->sequence[flow_side_other(side)];

    if (is_bare_ack(draw) && draw->mark == PACKET_PLAIN)
        upto = delayed_acknowledgement(n, side, draw->gap_ns);
    packet->acknowledgement = upto;
    packet->window = next_window(n, draw, upto, has_data);
    n->acknowledged[side] = upto;
    if (upto == n->sequence[flow_side_other(side)])
        n->run_count[flow_side_other(side)] = 0;
}

static void announce(struct tcp_numbers *n, const struct packet_draw *draw, uint16_t window)
{
    enum flow_side side = draw->side;

    n->window[side] = window;
    n->closed[side] = window == 0;
    set_edge(n, side, draw->tcp_flags & TCP_SYN ? 0 : n->window_scale[side]);
    if (draw->tcp_flags & TCP_SYN) /* it has no scale: no packet repeats it */
        n->window[side] = n->usual_window[side];
}

void tcp_numbers_next(struct tcp_numbers *n, const struct packet_draw *draw, struct session_packet *packet)
{
    enum flow_side side = draw->side;

    session_packet_clear(packet);
    packet->side = side;
    packet->tcp_flags = draw->tcp_flags;
    packet->payload_bytes = draw->payload_bytes;
    packet->gap_ns = draw->gap_ns;
    if (draw->tcp_flags & TCP_RST && !n->begun[side] && !n->under_way) {
        refuse(n, packet);
        return;
    }
    packet->sequence = next_sequence(n, draw);
    if (draw->tcp_flags & TCP_ACK)
        acknowledge(n, draw, packet);
    else if (draw->tcp_flags & TCP_SYN)
        packet->window = n->syn_window[side];
    if (draw->tcp_flags & (TCP_ACK | TCP_SYN))
        announce(n, draw, packet->window);
    n->packets_left[side] -= n->packets_left[side] > 0;
    n->data_left[side] -= draw->payload_bytes > 0 && n->data_left[side] > 0;
    n->probed[side] = false;
    n->probed[flow_side_other(side)] = is_probe(n, draw);
    n->begun[side] = true;
}
