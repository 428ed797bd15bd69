#include "session/impairments.h"

#include <string.h>

#include "base/at_most.h"
#include "base/time_types.h"
#include "net/wire.h"
#include "session/datagram.h"
#include "session/model_messages.h"

/* What becomes of the packet that waits. */
enum waiting_kind {
    WAITING_NOTHING, /* none does */
    WAITING_FRESH,   /* it was taken too early: nothing happened to it yet */
    WAITING_AS_IS,   /* it passes */
    WAITING_COPY
};

enum {
    FRAGMENT_UNIT = 8,
    LEAST_SPLIT_BYTES = 64, /* of a datagram that comes in two pieces */
    FAST_FOLLOWERS = 3,     /* RFC 5681: as many duplicate ACKs */
    MOST_DOUBLINGS = 6      /* as of a SYN in Linux */
};

#define LEAST_TIMEOUT_NS (200 * NS_PER_MS)
#define SYN_TIMEOUT_NS NS_PER_SECOND
#define LONGEST_COPY_NS (NS_PER_MS / 2)   /* until a copy follows */
#define LONGEST_BEHIND_NS (NS_PER_MS / 4) /* until an overtaken segment follows */
#define LEAST_GAP_NS (10 * NS_PER_US)
#define LATE_NS (10 * NS_PER_MS)          /* how long a queue may hold up an overtaken segment, or half a round trip */

/* ---- a session ---- */

void impairments_begin(struct impairments *m, const struct impairment_counts *counts, uint8_t protocol,
                       bool opens, const struct packet_budget *total, int64_t rtt_ns,
                       const uint8_t window_scale[2])
{
    memset(m, 0, sizeof *m);
    m->left = *counts;
    m->protocol = protocol;
    m->rtt_ns = rtt_ns;
    memcpy(m->window_scale, window_scale, sizeof m->window_scale);
    for (int side = 0; side < 2; side++) {
        m->packets_left[side] = total->packets[side];
        m->data_left[side] = total->data_packets[side];
    }
    m->data_left[FLOW_INITIATOR] += opens;
}

void impairments_stop(struct impairments *m)
{
    m->left = (struct impairment_counts){ .repeat_ns = { 0 } };
    m->losses = m->losses_next = 0;
    m->copies = 0;
    if (m->waiting_kind == WAITING_COPY)
        m->waiting_kind = WAITING_NOTHING;
    m->waiting.gap_ns = (int64_t)at_most((uint64_t)m->waiting.gap_ns, LEAST_GAP_NS);
}

/* Of `*left` events among so many packets: those of this one. */
static uint32_t events_here(uint32_t *left, uint64_t packets, struct random_stream *random)
{
    uint64_t chances = packets > 0 ? packets : 1;
    uint32_t events = (uint32_t)(*left / chances);

    if (*left == 0)
        return 0;
    if (*left % chances > 0)
        events += random_below(random, chances) < *left % chances;
    *left -= events;
    return events;
}

/* At most one of them: the others are left for other packets. */
static bool event_here(uint32_t *left, uint64_t packets, struct random_stream *random)
{
    uint32_t events = events_here(left, packets, random);

    *left += events > 0 ? events - 1 : 0;
    return events > 0;
}

static bool is_first_syn(const struct session_packet *p)
{
    return p->tcp_flags == TCP_SYN && !p->is_repeated_syn;
}

/* A segment that its sender would send again. Those with a FIN have a count of their own. */
static bool is_losable(const struct impairments *m, const struct session_packet *p)
{
    return m->protocol == IP_TCP && !(p->tcp_flags & (TCP_FIN | TCP_RST)) &&
           (p->payload_bytes > 0 || is_first_syn(p));
}

static bool has_fin(const struct impairments *m, const struct session_packet *p)
{
    return m->protocol == IP_TCP && p->tcp_flags & TCP_FIN;
}

/*
 * A second handshake, or data behind the FIN, would be taken for a host's mistake; and not all the pieces of a
 * datagram come twice.
 */
static bool is_copyable(const struct session_packet *p)
{
    return !(p->tcp_flags & TCP_SYN) && !(p->tcp_flags & TCP_FIN && p->payload_bytes > 0) && !p->has_more_pieces;
}

static bool counts_as_data(const struct impairments *m, const struct session_packet *p)
{
    return m->protocol == IP_TCP && (p->payload_bytes > 0 || is_first_syn(p));
}

static void count_down(uint64_t *left)
{
    *left -= *left > 0;
}

/* ---- losses ---- */

/* None is longer than a session may be silent. */
static int64_t lost_timeout(const struct impairments *m)
{
    int64_t first_ns = m->rtt_ns + LEAST_TIMEOUT_NS;
    uint64_t timeout_ns;

    if (m->left.repeat_ns[m->lost.side] > 0 && m->lost.tcp_flags != TCP_SYN)
        first_ns = m->left.repeat_ns[m->lost.side];
    else if (m->lost.tcp_flags & TCP_SYN)
        first_ns = SYN_TIMEOUT_NS;
    else if (m->followers >= FAST_FOLLOWERS && m->losses_done == 0)
        return (int64_t)at_most((uint64_t)m->rtt_ns, SESSION_LONGEST_WAIT_NS);
    timeout_ns = at_most((uint64_t)first_ns, SESSION_LONGEST_WAIT_NS) << at_most(m->losses_done, MOST_DOUBLINGS);
    return (int64_t)at_most(timeout_ns, SESSION_LONGEST_WAIT_NS);
}

static void begin_loss(struct impairments *m, const struct session_packet *p)
{
    m->lost = *p;
    m->losses = m->losses_next;
    m->losses_done = 0;
    m->followers = 0;
    m->duplicates = 0;
    m->followed_until = p->sequence + p->payload_bytes;
    m->lost_age_ns = -p->gap_ns; /* it is about to pass */
}

/* A bare ACK of the lost segment that comes before it does, and while there are segments it can be for. */
static bool is_premature(const struct impairments *m, const struct session_packet *p)
{
    return m->losses > 0 && p->side != m->lost.side && p->tcp_flags == TCP_ACK && p->payload_bytes == 0 &&
           p->window > 0 && m->lost.payload_bytes > 0 && seq_lt(m->lost.sequence, p->acknowledgement) &&
           m->duplicates < m->followers && m->lost_age_ns + p->gap_ns < lost_timeout(m);
}

/* RFC 5681, section 2: with the window of the ACK before it. */
static void make_duplicate(struct impairments *m, struct session_packet *p)
{
    m->has_held = true;
    m->held_sequence = p->sequence;
    m->held_acknowledgement = p->acknowledgement;
    m->held_window = p->window;
    p->acknowledgement = m->lost.sequence;
    p->sack = (struct sack_block){ m->lost.sequence + m->lost.payload_bytes, m->followed_until };
    if (m->window[p->side] > 0)
        p->window = m->window[p->side];
    m->duplicates++;
}

/* The hole is filled: all that arrived is acknowledged, before the packet that waits. */
static void send_held(struct impairments *m, struct session_packet *p)
{
    *p = (struct session_packet){
        .side = flow_side_other(m->lost.side),
        .tcp_flags = TCP_ACK,
        .sequence = m->held_sequence,
        .acknowledgement = m->held_acknowledgement,
        .window = m->held_window,
        .gap_ns = LEAST_GAP_NS,
    };
    m->has_held = false;
}

static bool exceeds_window(const struct impairments *m, const struct session_packet *p)
{
    return p->payload_bytes > 0 && seq_lt(m->edge[!p->side], p->sequence + p->payload_bytes);
}

/*
 * What passes before the lost packet comes again: nothing that knows of it, or that ends its side. While ACKs are
 * duplicates the window stands still.
 */
static bool lost_comes_before(const struct impairments *m, const struct session_packet *p)
{
    bool is_same_side = p->side == m->lost.side;

    if (m->losses == 0)
        return false;
    if (p->tcp_flags & TCP_RST || (is_same_side && (p->tcp_flags & TCP_FIN || (m->has_held && exceeds_window(m, p)))))
        return true;
    if (!is_same_side && p->tcp_flags & TCP_ACK && seq_lt(m->lost.sequence, p->acknowledgement))
        return true;
    return m->lost_age_ns + p->gap_ns >= lost_timeout(m);
}

/* The packet waits for the lost one, which comes in its place; its own time runs from before. */
static void send_lost(struct impairments *m, struct session_packet *p)
{
    int64_t gap_ns = lost_timeout(m) - m->lost_age_ns;

    *p = m->lost;
    p->gap_ns = gap_ns > LEAST_GAP_NS ? gap_ns : LEAST_GAP_NS;
    p->is_repeated_syn = p->tcp_flags == TCP_SYN;
    if (m->waiting_kind != WAITING_NOTHING && m->waiting.gap_ns >= p->gap_ns)
        m->waiting.gap_ns -= p->gap_ns;
    m->losses--;
    m->losses_done++;
    m->followers = 0;
    m->duplicates = 0;
    m->lost_age_ns = -p->gap_ns;
}

/* A segment that is sent again acknowledges what its side acknowledged since. */
static void follow_lost(struct impairments *m, const struct session_packet *p)
{
    m->lost_age_ns += p->gap_ns;
    if (p->side != m->lost.side || p->is_unreachable)
        return;
    if (p->payload_bytes > 0 && seq_lt(m->lost.sequence, p->sequence)) {
        m->followers++;
        if (seq_lt(m->followed_until, p->sequence + p->payload_bytes))
            m->followed_until = p->sequence + p->payload_bytes;
    }
    if (m->lost.tcp_flags & TCP_ACK && p->tcp_flags & TCP_ACK) {
        m->lost.acknowledgement = p->acknowledgement;
        m->lost.window = p->window;
    }
}

static void follow_window(struct impairments *m, const struct session_packet *p)
{
    uint32_t edge = p->acknowledgement + ((uint32_t)p->window << m->window_scale[p->side]);

    if (m->window[p->side] == 0 || seq_lt(m->edge[p->side], edge))
        m->edge[p->side] = edge;
    m->window[p->side] = p->window;
}

/* ---- what holds packets back ---- */

static void hold(struct impairments *m, const struct session_packet *p, enum waiting_kind kind)
{
    m->waiting = *p;
    m->waiting_kind = (uint8_t)kind;
}

static bool can_overtake(const struct impairments *m, const struct session_packet *p,
                         const struct session_packet *next)
{
    int64_t late_ns = m->rtt_ns / 2 > LATE_NS ? m->rtt_ns / 2 : LATE_NS;

    return next->side == p->side && next->payload_bytes > 0 && !(next->tcp_flags & (TCP_FIN | TCP_RST)) &&
           next->sequence == p->sequence + p->payload_bytes && next->gap_ns <= late_ns;
}

/* The next one passes in its place, if it can; if not, another one will be overtaken. */
static void overtake(struct impairments *m, const struct session_packet_source *source,
                     struct random_stream *random, struct session_packet *p)
{
    struct session_packet next;
    int64_t latest_ns = at_most((uint64_t)m->rtt_ns / 4, LONGEST_BEHIND_NS) + 1;

    if (!source->next(source->self, &next)) {
        m->left.reordered[p->side]++;
        return;
    }
    if (!can_overtake(m, p, &next)) {
        m->left.reordered[p->side]++;
        hold(m, &next, WAITING_FRESH);
        return;
    }
    count_down(&m->data_left[p->side]);
    count_down(&m->packets_left[p->side]);
    next.gap_ns += p->gap_ns;
    next.fate = FATE_AHEAD;
    p->fate = FATE_BEHIND;
    p->gap_ns = (int64_t)random_below(random, (uint64_t)latest_ns);
    hold(m, p, WAITING_AS_IS);
    *p = next;
}

/* Nothing else happens to the two: so they must not be the last ones to which it could. */
static bool are_others_left(const struct impairments *m, enum flow_side side)
{
    return (m->left.retransmitted[side] == 0 || m->data_left[side] > 2) &&
           (m->left.duplicated[side] == 0 || m->packets_left[side] > 2);
}

static void next_copy(struct impairments *m, struct random_stream *random, struct session_packet *p)
{
    *p = m->waiting;
    p->fate = FATE_COPY;
    p->gap_ns = (int64_t)random_below(random, LONGEST_COPY_NS);
    if (--m->copies == 0)
        m->waiting_kind = WAITING_NOTHING;
}

/* Of a datagram that a link which is a little too narrow cut in two: bytes of the first piece; 0: none did. */
static uint16_t split_bytes(struct impairments *m, const struct session_packet *p, struct random_stream *random)
{
    uint32_t bytes = DATAGRAM_HEADER_BYTES + p->payload_bytes;
    uint32_t units = bytes / FRAGMENT_UNIT;

    if (m->protocol == IP_TCP || p->has_more_pieces || bytes < LEAST_SPLIT_BYTES ||
        !event_here(&m->left.fragmented[p->side], m->packets_left[p->side], random))
        return 0;
    return (uint16_t)((units - 1 - random_below(random, units / 4)) * FRAGMENT_UNIT);
}

static void tell_unreachable(struct impairments *m, const struct session_packet *p)
{
    const struct session_packet error = {
        .side = p->side == FLOW_INITIATOR ? FLOW_RESPONDER : FLOW_INITIATOR,
        .gap_ns = m->rtt_ns,
        .is_unreachable = true,
        .payload_bytes = p->payload_bytes, /* for it quotes them */
        .place = p->place,
    };

    hold(m, &error, WAITING_AS_IS);
}

/* ---- packets ---- */

/* How often the packet is lost; once for every packet. */
static void judge_losses(struct impairments *m, const struct session_packet *p, struct random_stream *random)
{
    m->losses_next = is_losable(m, p)
                         ? events_here(&m->left.retransmitted[p->side], m->data_left[p->side], random)
                         : 0;
    if (has_fin(m, p)) {
        m->losses_next = m->left.repeated_fins[p->side];
        m->left.repeated_fins[p->side] = 0;
    } else if (m->protocol == IP_TCP && p->tcp_flags == (TCP_SYN | TCP_ACK)) {
        m->losses_next = m->left.repeated_syn_acks;
        m->left.repeated_syn_acks = 0;
    }
    m->is_judged = true;
}

/* What happens to the packet as it passes, beside losses. */
static void judge(struct impairments *m, const struct session_packet_source *source,
                  struct random_stream *random, struct session_packet *p)
{
    enum flow_side side = p->side;
    uint32_t frames = datagram_pieces(m->protocol, p->payload_bytes);
    bool is_data = counts_as_data(m, p);
    bool can_be_overtaken = !m->has_held && m->losses_next == 0 && is_losable(m, p) && p->payload_bytes > 0 &&
                            m->sent[side] && are_others_left(m, side);
    uint16_t bytes = split_bytes(m, p, random);

    if (bytes > 0) {
        datagram_cut(p, bytes);
    } else if (can_be_overtaken && event_here(&m->left.reordered[side], m->data_left[side], random)) {
        overtake(m, source, random, p);
    } else {
        m->copies = is_copyable(p) ? events_here(&m->left.duplicated[side], m->packets_left[side], random) : 0;
        if (m->copies > 0)
            hold(m, p, WAITING_COPY);
        else if (side == FLOW_INITIATOR && event_here(&m->left.unreachable, m->packets_left[side] / frames, random))
            tell_unreachable(m, p);
    }
    if (is_data)
        count_down(&m->data_left[side]);
    m->packets_left[side] -= at_most(frames, m->packets_left[side]);
}

static bool take(struct impairments *m, const struct session_packet_source *source, struct session_packet *p)
{
    if (m->waiting_kind == WAITING_FRESH) {
        *p = m->waiting;
        m->waiting_kind = WAITING_NOTHING;
        return true;
    }
    m->is_over = m->is_over || !source->next(source->self, p);
    return !m->is_over;
}

/* A packet to which something may happen; or the lost one, before it. */
static bool next_fresh(struct impairments *m, const struct session_packet_source *source,
                       struct random_stream *random, struct session_packet *p)
{
    if (m->has_held && m->losses == 0) {
        send_held(m, p);
        return true;
    }
    if (!take(m, source, p)) {
        if (m->losses == 0)
            return false;
        send_lost(m, p);
        return true;
    }
    if (!m->is_judged)
        judge_losses(m, p, random);
    if (is_premature(m, p))
        make_duplicate(m, p);
    if (lost_comes_before(m, p) || (m->losses > 0 && m->losses_next > 0)) {
        hold(m, p, WAITING_FRESH);
        send_lost(m, p);
        return true;
    }
    if (m->losses_next > 0)
        begin_loss(m, p);
    m->is_judged = false;
    judge(m, source, random, p);
    return true;
}

bool impairments_next(struct impairments *m, const struct session_packet_source *source,
                      struct random_stream *random, struct session_packet *p)
{
    switch ((enum waiting_kind)m->waiting_kind) {
    case WAITING_AS_IS:
        *p = m->waiting;
        m->waiting_kind = WAITING_NOTHING;
        break;
    case WAITING_COPY:
        next_copy(m, random, p);
        break;
    default:
        if (!next_fresh(m, source, random, p))
            return false;
    }
    if (m->losses > 0)
        follow_lost(m, p);
    if (p->is_unreachable)
        return true;
    m->sent[p->side] = true;
    if (m->protocol == IP_TCP && !(p->tcp_flags & (TCP_SYN | TCP_RST)))
        follow_window(m, p);
    return true;
}
