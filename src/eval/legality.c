#include "eval/legality.h"

#include "net/packet_bytes.h"
#include "net/wire.h"

enum { PROBE_BYTES = 1 /* of a keep-alive, or beyond a closed window */ };

/* A packet as it is judged: who sent it, and what its numbers are. */
struct judged_packet {
    const struct packet_view *view;
    struct tcp_option_values options;
    struct legality_side *own, *other;
    uint32_t payload_end; /* behind its payload, SYN included */
    uint32_t end;         /* behind all that it takes numbers for */
    bool is_keepalive;
    bool is_new; /* takes numbers, or acknowledges some, beyond all before: sent after what was seen */
};

static void judge_at(struct legality *legality, enum legality_rule rule, bool kept,
                     struct legality_place place)
{
    const uint32_t bit = 1u << rule;

    legality->judged |= bit;
    if (!kept && !(legality->broken & bit))
        legality->places[rule] = place;
    legality->broken |= kept ? 0 : bit;
}

static struct legality_place place_of(const struct packet_view *view)
{
    return (struct legality_place){ view->frame, view->file, view->time };
}

static void judge(struct legality *legality, enum legality_rule rule, bool kept, const struct packet_view *view)
{
    judge_at(legality, rule, kept, place_of(view));
}

static bool has(const struct judged_packet *p, uint8_t flags)
{
    return p->view->tcp_flags & flags;
}

/* ---- flags and phases ---- */

static void judge_flags(struct legality *legality, const struct judged_packet *p)
{
    int exclusive = has(p, TCP_SYN) + has(p, TCP_FIN) + has(p, TCP_RST);

    judge(legality, LEGAL_FLAGS, has(p, TCP_SYN | TCP_RST | TCP_ACK) && exclusive <= 1, p->view);
}

/* Payload or FIN before the own SYN was acknowledged. As long as nothing came back, an answer may have been lost. */
static void judge_opening(struct legality *legality, const struct judged_packet *p)
{
    struct legality_side *own = p->own;
    bool carries = p->view->payload_bytes > 0 || has(p, TCP_FIN);

    if (has(p, TCP_SYN) && p->view->payload_bytes > 0 && (p->options.has_fast_open || !p->options.are_whole))
        legality->is_fast_open = true;
    if (has(p, TCP_RST) || !(own->syn_seen || has(p, TCP_SYN)) || legality->is_fast_open || legality->is_blurred)
        return;
    if (!carries || own->syn_acknowledged) {
        judge(legality, LEGAL_OPENING, true, p->view);
    } else if (has(p, TCP_SYN) || p->other->has_answered) {
        judge(legality, LEGAL_OPENING, false, p->view);
    } else if (!own->sent_early) {
        own->sent_early = true;
        own->early = place_of(p->view);
    }
}

/* An acknowledgement of the other's SYN alone: what the other sent before was early. */
static void judge_answer(struct legality *legality, const struct judged_packet *p)
{
    struct legality_side *other = p->other;

    if (!other->syn_seen || other->syn_acknowledged || !has(p, TCP_ACK) || has(p, TCP_RST))
        return;
    if (p->view->tcp_acknowledgement == other->first_syn + 1 && other->sent_early)
        judge_at(legality, LEGAL_OPENING, false, other->early);
    other->syn_acknowledged = seq_lt(other->first_syn, p->view->tcp_acknowledgement);
}

static void judge_fin(struct legality *legality, const struct judged_packet *p)
{
    const struct legality_side *own = p->own;

    if (legality->is_blurred || has(p, TCP_RST))
        return;
    if (own->fin_seen) {
        bool is_beyond = p->view->payload_bytes > 0 && seq_lt(own->fin, p->payload_end) && !p->is_keepalive;
        bool is_another = has(p, TCP_FIN) && p->payload_end != own->fin;

        judge(legality, LEGAL_FIN, !is_beyond && !is_another, p->view);
    } else if (has(p, TCP_FIN)) {
        judge(legality, LEGAL_FIN, !own->has_sent || !seq_lt(p->payload_end, own->highest), p->view);
    }
}

static void judge_reset(struct legality *legality, const struct judged_packet *p)
{
    if (p->own->reset_seen)
        judge(legality, LEGAL_RESET, has(p, TCP_RST), p->view);
}

/* ---- numbers ---- */

/* Both ends are known and the numbers are those of one connection. */
static bool numbers_are_known(const struct legality *legality, const struct judged_packet *p)
{
    return p->own->syn_seen && p->other->syn_seen && !legality->is_blurred && !has(p, TCP_SYN | TCP_RST);
}

static void judge_acknowledgement(struct legality *legality, const struct judged_packet *p)
{
    const struct legality_side *other = p->other;
    uint32_t number = p->view->tcp_acknowledgement;

    if (!has(p, TCP_ACK) || has(p, TCP_RST) || legality->is_blurred)
        return;
    if (other->syn_seen)
        judge(legality, LEGAL_ACKNOWLEDGED,
              seq_lt(other->first_syn, number) &&
                  !seq_lt(other->has_forgotten ? other->highest : other->contiguous, number),
              p->view);
    if (p->own->ack_seen && p->is_new)
        judge(legality, LEGAL_ACK_ORDER, !seq_lt(number, p->own->acknowledged), p->view);
}

static void judge_window(struct legality *legality, const struct judged_packet *p)
{
    const struct legality_side *own = p->own;
    uint32_t end = p->view->tcp_sequence + p->view->payload_bytes;

    if (numbers_are_known(legality, p) && p->other->edge_known)
        judge(legality, LEGAL_WINDOW,
              !seq_lt(p->view->tcp_sequence, own->first_syn) &&
                  !seq_lt(p->other->edge + PROBE_BYTES + own->fin_seen, end),
              p->view);
    if (p->other->syn_options & TCP_OPTION_MSS && p->view->payload_bytes > 0)
        judge(legality, LEGAL_SEGMENT, p->view->payload_bytes <= p->other->mss, p->view);
}

/* ---- options and checksums ---- */

static void judge_timestamps(struct legality *legality, const struct judged_packet *p)
{
    const struct tcp_option_values *options = &p->options;
    const struct legality_side *other = p->other;

    if (!options->has_timestamps || has(p, TCP_RST) || legality->is_blurred)
        return;
    if (p->own->timestamp_known && p->is_new)
        judge(legality, LEGAL_TIMESTAMPS, !seq_lt(options->timestamp, p->own->timestamp), p->view);
    if (other->timestamp_known && other->syn_seen && has(p, TCP_ACK) && options->echoed_timestamp != 0)
        judge(legality, LEGAL_ECHO, !seq_lt(other->timestamp, options->echoed_timestamp), p->view);
}

/* What a SYN-ACK answers with was offered; what a segment has both offered. */
static void judge_options(struct legality *legality, const struct judged_packet *p)
{
    const uint8_t answered = TCP_OPTION_WINDOW_SCALE | TCP_OPTION_SACK | TCP_OPTION_TIMESTAMPS;
    const struct legality_side *own = p->own;
    const struct legality_side *other = p->other;

    if (!p->options.are_whole || !other->syn_is_whole || legality->is_blurred)
        return;
    if (has(p, TCP_SYN) && has(p, TCP_ACK))
        judge(legality, LEGAL_OPTIONS, !(p->view->tcp_options & answered & ~other->syn_options), p->view);
    if (own->syn_is_whole && !has(p, TCP_SYN | TCP_RST)) {
        bool agreed = own->syn_options & other->syn_options & TCP_OPTION_TIMESTAMPS;
        bool may_sack = other->syn_options & TCP_OPTION_SACK;

        judge(legality, LEGAL_OPTIONS,
              p->options.has_timestamps == agreed && (may_sack || !p->options.has_sack), p->view);
    }
}

static void judge_checksums(struct legality *legality, const struct packet_view *view)
{
    enum checksum_state ip = packet_ip_checksum(view);
    enum checksum_state transport = packet_transport_checksum(view);

    if (ip != CHECKSUM_UNKNOWN)
        judge(legality, LEGAL_IP_CHECKSUM, ip == CHECKSUM_RIGHT, view);
    if (transport != CHECKSUM_UNKNOWN)
        judge(legality, LEGAL_CHECKSUM, transport == CHECKSUM_RIGHT, view);
}

/* ---- what a side has sent ---- */

/* A SYN that is no copy of the one before: an attempt anew, unless the connection stands. */
static void follow_syn(struct legality *legality, const struct judged_packet *p)
{
    struct legality_side *own = p->own;
    const struct packet_view *view = p->view;

    if (own->syn_seen) {
        bool is_another = view->tcp_sequence != own->first_syn;

        judge(legality, LEGAL_ONE_OPENING, !is_another || !own->syn_acknowledged, view);
        legality->is_blurred |= is_another;
        return;
    }
    legality->is_blurred |= own->has_sent; /* it was under way already, perhaps as another connection */
    own->syn_seen = true;
    own->syn_is_whole = p->options.are_whole;
    own->first_syn = view->tcp_sequence;
    own->contiguous = own->highest = p->end;
    own->syn_window = view->tcp_window;
    own->syn_options = view->tcp_options;
    own->scale = view->tcp_window_scale;
    own->mss = view->tcp_mss;
}

/* Islands that touch what is contiguous become part of it. */
static void absorb_islands(struct legality_side *own)
{
    for (int i = 0; i < own->island_count;) {
        if (seq_lt(own->contiguous, own->islands[i].begin)) {
            i++;
            continue;
        }
        if (seq_lt(own->contiguous, own->islands[i].end))
            own->contiguous = own->islands[i].end;
        own->islands[i] = own->islands[--own->island_count];
        i = 0;
    }
}

/* Widens an island that the stretch touches. */
static bool join_island(struct legality_side *own, uint32_t begin, uint32_t end)
{
    for (int i = 0; i < own->island_count; i++) {
        if (seq_lt(own->islands[i].end, begin) || seq_lt(end, own->islands[i].begin))
            continue;
        if (seq_lt(begin, own->islands[i].begin))
            own->islands[i].begin = begin;
        if (seq_lt(own->islands[i].end, end))
            own->islands[i].end = end;
        return true;
    }
    return false;
}

static void follow_numbers(struct legality_side *own, uint32_t begin, uint32_t end)
{
    if (!own->has_sent || seq_lt(own->highest, end))
        own->highest = end;
    if (begin == end || !own->syn_seen || own->has_forgotten)
        return;
    if (!seq_lt(own->contiguous, begin)) {
        if (seq_lt(own->contiguous, end))
            own->contiguous = end;
        absorb_islands(own);
    } else if (!join_island(own, begin, end)) {
        own->has_forgotten = own->island_count == LEGALITY_ISLANDS;
        if (!own->has_forgotten)
            own->islands[own->island_count++] = (struct legality_island){ begin, end };
    }
}

/* The window is scaled when both SYNs say so, but in the SYNs themselves. */
static void follow_window(const struct judged_packet *p)
{
    struct legality_side *own = p->own;
    const struct legality_side *other = p->other;
    bool is_scaled = own->syn_options & other->syn_options & TCP_OPTION_WINDOW_SCALE;
    int shift = is_scaled && !has(p, TCP_SYN) ? own->scale : 0;
    uint32_t edge = p->view->tcp_acknowledgement + ((uint32_t)p->view->tcp_window << shift);

    if (!own->syn_is_whole || !other->syn_is_whole || !has(p, TCP_ACK))
        return;
    if (!own->edge_known || seq_lt(own->edge, edge))
        own->edge = edge;
    own->edge_known = true;
    if (!p->other->edge_known) { /* its SYN told, but not from where on it counts */
        p->other->edge = own->first_syn + 1 + other->syn_window;
        p->other->edge_known = true;
    }
}

static void follow_acknowledgement(struct legality_side *own, const struct judged_packet *p)
{
    if (!has(p, TCP_ACK))
        return;
    if (!own->ack_seen || seq_lt(own->acknowledged, p->view->tcp_acknowledgement))
        own->acknowledged = p->view->tcp_acknowledgement;
    own->ack_seen = true;
}

static void follow_timestamp(struct legality_side *own, const struct tcp_option_values *options)
{
    if (!options->has_timestamps)
        return;
    if (!own->timestamp_known || seq_lt(own->timestamp, options->timestamp))
        own->timestamp = options->timestamp;
    own->timestamp_known = true;
}

static void follow(struct legality *legality, const struct judged_packet *p)
{
    struct legality_side *own = p->own;

    if (has(p, TCP_SYN))
        follow_syn(legality, p);
    if (p->other->syn_seen)
        own->has_answered = true;
    if (has(p, TCP_RST)) { /* of a port that nobody listens on it ends no connection */
        own->reset_seen |= own->has_sent;
        return;
    }
    if (!p->is_keepalive)
        follow_numbers(own, p->view->tcp_sequence, p->end);
    follow_window(p);
    follow_acknowledgement(own, p);
    follow_timestamp(own, &p->options);
    if (has(p, TCP_FIN) && !own->fin_seen) {
        own->fin_seen = true;
        own->fin = p->payload_end;
    }
    own->has_sent = true;
}

/* ---- packets ---- */

static struct judged_packet look_at(struct legality *legality, enum flow_side side,
                                    const struct packet_view *view)
{
    struct legality_side *own = &legality->side[side];
    uint32_t payload_end = view->tcp_sequence + !!(view->tcp_flags & TCP_SYN) + view->payload_bytes;
    struct judged_packet p = {
        .view = view,
        .options = packet_tcp_options(view),
        .own = own,
        .other = &legality->side[!side],
        .payload_end = payload_end,
        .end = payload_end + !!(view->tcp_flags & TCP_FIN),
    };

    p.is_keepalive = view->payload_bytes <= PROBE_BYTES && own->has_sent &&
                     !(view->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) &&
                     view->tcp_sequence == own->highest - 1;
    p.is_new = own->has_sent && (seq_lt(own->highest, p.end) ||
                                 (view->tcp_flags & TCP_ACK && own->ack_seen &&
                                  seq_lt(own->acknowledged, view->tcp_acknowledgement)));
    return p;
}

static void judge_tcp(struct legality *legality, enum flow_side side, const struct packet_view *view)
{
    const struct judged_packet p = look_at(legality, side, view);

    judge_flags(legality, &p);
    judge_answer(legality, &p);
    judge_opening(legality, &p);
    judge_fin(legality, &p);
    judge_reset(legality, &p);
    judge_acknowledgement(legality, &p);
    judge_window(legality, &p);
    judge_timestamps(legality, &p);
    judge_options(legality, &p);
    follow(legality, &p);
}

void legality_add(struct legality *legality, enum flow_side side, const struct packet_view *packet)
{
    judge_checksums(legality, packet);
    if (packet->protocol != IP_TCP)
        return;
    if (packet->fragment)
        legality->is_blurred = true; /* how much more the packet takes the other pieces know */
    else
        judge_tcp(legality, side, packet);
}

/* ---- many flows ---- */

void legality_counts_add(struct legality_counts *counts, const struct legality *legality)
{
    counts->flows++;
    counts->legal += legality->broken == 0;
    counts->legal_but_offloaded += (legality->broken & ~LEGALITY_OFFLOADED) == 0;
    for (int rule = 0; rule < LEGALITY_RULES; rule++) {
        counts->judged[rule] += legality->judged >> rule & 1;
        counts->broken[rule] += legality->broken >> rule & 1;
    }
}

double legality_share(const struct legality_counts *counts, enum legality_rule rule)
{
    return counts->judged[rule] ? 1 - (double)counts->broken[rule] / (double)counts->judged[rule] : 1;
}

static const struct {
    const char *key, *text;
} rules[LEGALITY_RULES] = {
    [LEGAL_FLAGS] = { "flags", "flags that go together" },
    [LEGAL_OPENING] = { "opening", "no data or FIN before own SYN is acked" },
    [LEGAL_ONE_OPENING] = { "one_opening", "no other SYN in mid-connection" },
    [LEGAL_FIN] = { "fin", "nothing new behind own FIN" },
    [LEGAL_RESET] = { "reset", "nothing but RST behind own RST" },
    [LEGAL_ACKNOWLEDGED] = { "acknowledged", "only what was sent is acknowledged" },
    [LEGAL_ACK_ORDER] = { "ack_order", "acknowledgements do not go back" },
    [LEGAL_WINDOW] = { "window", "numbers in the other side's window" },
    [LEGAL_SEGMENT] = { "segment", "segments within the other side's MSS" },
    [LEGAL_TIMESTAMPS] = { "timestamps", "timestamps do not go back" },
    [LEGAL_ECHO] = { "echo", "only timestamps echoed that were sent" },
    [LEGAL_OPTIONS] = { "options", "options as agreed" },
    [LEGAL_IP_CHECKSUM] = { "ip_checksum", "IP checksums right" },
    [LEGAL_CHECKSUM] = { "checksum", "TCP checksums right" },
};

const char *legality_rule_text(enum legality_rule rule)
{
    return rules[rule].text;
}

const char *legality_rule_key(enum legality_rule rule)
{
    return rules[rule].key;
}
