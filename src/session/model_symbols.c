#include "session/model_symbols.h"

#include <stdlib.h>

#include "base/at_most.h"
#include "base/log_grid.h"
#include "base/memory.h"
#include "net/wire.h"
#include "session/delayed_ack.h"
#include "session/datagram.h"
#include "session/model_messages.h"
#include "session/symbol_context.h"
#include "session/symbol_fit.h"
#include "session/symbol_flow.h"
#include "session/symbol_row_gaps.h"

enum {
    DRAWN_BLINDLY = 4,
    GAP_STEADY = 8, /* so many times wider is a bin than what a session repeats */
    FASTEST = 8     /* times its mean pace is as fast as a session goes for all of its rest */
};

struct packet_tables {
    struct symbol_fit fit;
};

static struct packet_tables *symbols_fit(const struct service_model *service)
{
    struct packet_tables *tables = memory_alloc(sizeof *tables);

    if (symbol_fit_init(&tables->fit, service))
        return tables;
    free(tables);
    return NULL;
}

static void symbols_release(struct packet_tables *tables)
{
    if (tables == NULL)
        return;
    symbol_fit_release(&tables->fit);
    free(tables);
}

static size_t symbols_bytes(const struct packet_tables *tables)
{
    return symbol_fit_bytes(&tables->fit);
}

/* What a packet takes at least, on average of those that are left. */
static int64_t pace_ns(const struct packet_budget *total, int64_t duration_ns)
{
    uint64_t packets = total->packets[FLOW_INITIATOR] + total->packets[FLOW_RESPONDER];

    return packets > 0 ? (int64_t)((uint64_t)duration_ns / FASTEST / packets) : 0;
}

static void symbols_begin(const struct packet_tables *tables, const struct packet_shape *shape,
                          union packet_memory *memory, struct random_stream *random)
{
    const struct symbol_row *row = symbol_fit_row(&tables->fit, shape->row);
    const struct service_model *service = tables->fit.service;
    struct symbol_state *state = &memory->symbols;
    uint16_t full[2] = { 0, 0 };

    if (shape->row < service->row_count) /* read from the second packet on: until then it is there */
        __builtin_prefetch(service->rows[shape->row].sequence);
    for (int side = 0; side < 2 && shape->protocol == IP_TCP; side++)
        full[side] = row->full[side] > 0 && row->full[side] < shape->most_bytes[side] ? row->full[side]
                                                                                    : shape->most_bytes[side];
    *state = symbol_state_begin(full, row->cluster);
    state->handshake_ns = shape->rtt_ns;
    state->key = random_u32(random);
    symbol_state_plan(state, &tables->fit.alphabet, &shape->total);
    state->row_at = 1; /* before the first packet there is no gap */
    state->left_ns = shape->planned->duration_ns;
    state->pace_ns = pace_ns(&shape->total, state->left_ns);
}

/* All that a draw reads. */
struct drawing {
    const struct symbol_fit *fit;
    const struct packet_shape *shape;
    const struct packet_progress *progress;
    struct symbol_state *state;
    struct random_stream *random;
    struct symbol_features features;
};

/* A datagram's last pieces may be more than are left, but not most of them: so none has to be as no other was. */
static uint64_t largest_segment(const struct drawing *d, enum flow_side side)
{
    uint64_t most = d->state->full[side] > 0 ? d->state->full[side] : d->shape->most_bytes[side];

    if (d->shape->protocol == IP_TCP)
        return most;
    return at_most(most, 2 * d->progress->left.packets[side] * DATAGRAM_PIECE_BYTES - DATAGRAM_HEADER_BYTES);
}

/* Paid from what is left, and allowed by TCP. */
static bool is_allowed(const struct drawing *d, enum flow_side side, uint8_t flags, enum packet_mark mark,
                       bool has_payload)
{
    const struct packet_budget *left = &d->progress->left;

    if (left->packets[side] == 0)
        return false;
    if (has_payload && left->data_packets[side] == 0)
        return false;
    /* of datagrams all count as data packets, also those without a byte */
    if (!has_payload && left->packets[side] <= left->data_packets[side] && d->shape->protocol == IP_TCP)
        return false;
    return d->shape->protocol != IP_TCP || tcp_machine_allows(&d->progress->machine, side, flags, mark, has_payload);
}

static bool is_bare_ack(uint8_t flags, enum packet_mark mark, bool has_payload)
{
    return flags == TCP_ACK && mark == PACKET_PLAIN && !has_payload;
}

/* While there is data to send, an ACK that has nothing to acknowledge. */
static bool is_vain(const struct drawing *d, enum flow_side side)
{
    const struct tcp_machine *machine = &d->progress->machine;
    const uint64_t *data_left = d->progress->left.data_packets;

    return d->state->waiting[!side] == 0 && !machine->fin[!side] && !machine->zero_window[side] &&
           machine->phase == TCP_PHASE_ESTABLISHED && d->state->last != TOKEN_NONE &&
           token_mark(d->state->last) != PACKET_KEEPALIVE && data_left[0] + data_left[1] > 0;
}

/* And the session can end as it should. */
static bool is_fit(const struct drawing *d, enum flow_side side, uint8_t flags, enum packet_mark mark,
                   bool has_payload)
{
    return is_allowed(d, side, flags, mark, has_payload) &&
           (d->shape->protocol != IP_TCP ||
            (!(is_bare_ack(flags, mark, has_payload) && is_vain(d, side)) &&
             symbol_ending_admits(&symbol_fit_row(d->fit, d->shape->row)->ending, d->progress, side, flags, mark,
                                  has_payload)));
}

/*
 * Whether symbols may come next. What holds for all lengths of a kind of packet is found out once: cells are in order,
 * so those of a kind are neighbours.
 */
struct legality {
    uint32_t kind; /* UINT32_MAX: none yet */
    bool is_fit;
    uint64_t most_bytes;
    struct length_past past;
};

static void judge_kind(struct legality *known, const struct drawing *d, uint16_t token)
{
    enum flow_side side = token_side(token);
    bool has_payload = token_length(token) != LENGTH_NONE;

    known->is_fit = is_fit(d, side, token_flags(token), token_mark(token), has_payload);
    if (known->is_fit && has_payload) {
        known->most_bytes = largest_segment(d, side);
        known->past = symbol_state_past(d->state, side);
    }
}

static bool is_legal(struct legality *known, const struct drawing *d, uint16_t token)
{
    uint8_t length = token_length(token);
    uint32_t kind = (token & 0xff00U) | (length != LENGTH_NONE);

    if (kind != known->kind)
        judge_kind(known, d, token);
    known->kind = kind;
    return known->is_fit &&
           (length == LENGTH_NONE ||
            symbol_alphabet_least(&d->fit->alphabet, length, known->past) <= known->most_bytes);
}

/* One of the legal symbols, by their counts: first as the counts are, which mostly does. */
static bool draw_masked(struct legality *known, const struct drawing *d, const struct symbol_counts *counts,
                        uint16_t *token)
{
    uint32_t total = 0;
    uint32_t place;

    for (int i = 0; i < DRAWN_BLINDLY && counts->size > 1; i++) {
        *token = symbol_counts_at(counts, random_below_u32(d->random, counts->total));
        if (is_legal(known, d, *token))
            return true;
    }
    for (uint32_t i = 0; i < counts->size; i++)
        total += is_legal(known, d, counts->cells[i].symbol) ? symbol_counts_of(counts, i) : 0;
    if (total == 0)
        return false;
    place = random_below_u32(d->random, total);
    for (uint32_t i = 0; i < counts->size; i++) {
        if (!is_legal(known, d, counts->cells[i].symbol))
            continue;
        *token = counts->cells[i].symbol;
        if (place < symbol_counts_of(counts, i))
            return true;
        place -= symbol_counts_of(counts, i);
    }
    return true;
}

static bool draw_level(const struct drawing *d, uint32_t level, uint16_t *token)
{
    struct symbol_counts counts;
    struct legality known = { .kind = UINT32_MAX };
    uint64_t context = symbol_token_context(d->state, &d->features, level);

    if (!symbol_table_find(&d->fit->tokens, context, level, &counts))
        return false;
    if (level < TOKEN_LEVELS - 1) {
        if (!symbol_counts_draw(&counts, d->random, token))
            return false;
        if (is_legal(&known, d, *token))
            return true;
    }
    return draw_masked(&known, d, &counts, token);
}

/* Whether all that a side has left to say makes one packet, with its pieces. */
static bool rest_is_one(const struct drawing *d, enum flow_side side)
{
    uint32_t rest = (uint32_t)at_most(d->progress->left.payload_bytes[side], UINT16_MAX);

    return d->progress->left.data_packets[side] == datagram_pieces(d->shape->protocol, rest);
}

/* What a side's next packet has when nothing else tells; at least 1. */
static uint64_t mean_bytes(const struct drawing *d, enum flow_side side)
{
    const struct packet_budget *total = &d->shape->total;
    uint64_t rest = d->progress->left.payload_bytes[side];
    uint64_t mean = rest_is_one(d, side) ? rest : rest / d->progress->left.data_packets[side];

    if (rest == 0 && d->shape->protocol != IP_TCP) /* all was said in fewer pieces: then one like the others */
        mean = total->payload_bytes[side] / total->data_packets[side];
    return mean > 0 ? mean : 1;
}

static uint8_t mean_length(const struct drawing *d, enum flow_side side)
{
    uint64_t mean = mean_bytes(d, side);

    if (d->state->full[side] > 0 && mean >= d->state->full[side])
        return LENGTH_FULL;
    return symbol_alphabet_size(&d->fit->alphabet, (uint32_t)at_most(mean, UINT16_MAX));
}

/*
 * What the tables do not tell: data first, no end while there is anything else; a packet behind which something
 * cannot be sent any more only when `is_last_resort`.
 */
static bool draw_any(const struct drawing *d, bool is_last_resort, uint16_t *token)
{
    static const struct {
        uint8_t flags;
        bool has_payload;
    } kinds[] = {
        { TCP_PSH | TCP_ACK, true },
        { TCP_SYN | TCP_ACK, false },
        { TCP_SYN, false },
        { TCP_ACK, false },
        { TCP_FIN | TCP_PSH | TCP_ACK, true },
        { TCP_FIN | TCP_ACK, false },
        { TCP_RST | TCP_ACK, false },
    };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        for (int side = 0; side < 2; side++) {
            uint8_t flags = d->shape->protocol == IP_TCP ? kinds[i].flags : 0;
            bool has_payload = kinds[i].has_payload;

            if (!(is_last_resort ? is_allowed : is_fit)(d, side, flags, PACKET_PLAIN, has_payload))
                continue;
            *token = token_of(side, PACKET_PLAIN, flags, has_payload ? mean_length(d, side) : LENGTH_NONE);
            return true;
        }
    }
    return false;
}

static bool draw_token(const struct drawing *d, uint16_t *token)
{
    for (uint32_t level = 0; level < TOKEN_LEVELS; level++) {
        if (draw_level(d, level, token))
            return true;
    }
    return draw_any(d, false, token) || draw_any(d, true, token);
}

/*
 * A side's last packet takes the rest if that is a frequent length, or of the bucket that was drawn: so byte totals are
 * met where that makes no length that the service never had.
 */
static bool takes_rest(const struct drawing *d, enum flow_side side, uint8_t length)
{
    uint64_t rest = d->progress->left.payload_bytes[side];
    uint8_t size;

    if (!rest_is_one(d, side) || rest == 0 || rest > largest_segment(d, side))
        return false;
    size = symbol_alphabet_size(&d->fit->alphabet, (uint32_t)rest);
    return size < LENGTH_BUCKET || size == length;
}

static uint32_t draw_length(const struct drawing *d, uint16_t token)
{
    enum flow_side side = token_side(token);
    uint8_t length = token_length(token);
    uint64_t rest = d->progress->left.payload_bytes[side];
    uint64_t bytes;

    if (length == LENGTH_NONE)
        return 0;
    bytes = symbol_alphabet_draw(&d->fit->alphabet, length, symbol_state_past(d->state, side), d->random);
    if (takes_rest(d, side, length))
        bytes = rest;
    if (bytes == 0) /* a bucket of which no length was seen */
        bytes = mean_bytes(d, side);
    return (uint32_t)at_most(bytes, largest_segment(d, side));
}

/*
 * Somewhere in the bin where gaps of the service were. A session has a place of its own in each, from which it strays
 * little: what it repeats is alike.
 */
static int64_t gap_in_bin(const struct drawing *d, uint8_t bin)
{
    uint64_t place = (uint32_t)random_mix64(d->state->key ^ bin);
    uint64_t mixed = (place * (GAP_STEADY - 1) + random_u32(d->random)) / GAP_STEADY;

    return symbol_gap_parts_ns(&d->fit->parts, bin, (uint32_t)mixed);
}

/* What a gap can take and leave the packets behind it their time: or else they would come all at once. */
static int64_t spare_ns(const struct drawing *d)
{
    return d->state->left_ns - (int64_t)(d->features.packets_left - 1) * d->state->pace_ns;
}

static int64_t draw_even_gap(const struct drawing *d)
{
    uint64_t mean_ns = (uint64_t)d->state->left_ns / d->features.packets_left;

    if (mean_ns < (uint64_t)d->state->pace_ns)
        mean_ns = (uint64_t)d->state->pace_ns;
    return (int64_t)random_below(d->random, 2 * mean_ns + 1);
}

/* From the tables, where they know a gap that the time left can hold. */
static int64_t draw_gap_of_pair(const struct drawing *d, uint16_t token)
{
    struct symbol_gap_features features = symbol_gap_features_of(d->state, &d->features, token);
    struct symbol_counts counts;
    int64_t most_ns = spare_ns(d);
    uint16_t bin;

    for (uint32_t level = 0; level < GAP_LEVELS; level++) {
        uint64_t context = symbol_gap_context(&features, level);
        int64_t gap_ns;

        if (!symbol_table_find(&d->fit->gaps, context, level, &counts))
            continue;
        if (level == GAP_LEVELS - 1)
            bin = symbol_counts_at(&counts, random_below_u32(d->random, counts.total));
        else if (!symbol_counts_draw(&counts, d->random, &bin))
            continue;
        gap_ns = gap_in_bin(d, (uint8_t)bin);
        if (gap_ns <= most_ns)
            return gap_ns;
    }
    return draw_even_gap(d);
}

static int64_t draw_gap(const struct drawing *d, uint16_t token)
{
    const struct service_model *service = d->fit->service;
    uint32_t row = d->shape->row;
    int64_t gap_ns;

    if (d->state->last == TOKEN_NONE)
        return 0;
    if (row < service->row_count && symbol_row_gaps_next(&service->rows[row], token, d->features.packets_left,
                                                         &d->state->row_at, d->random, &gap_ns))
        return gap_ns;
    return draw_gap_of_pair(d, token);
}

/* The gaps before SYN-ACK and the ACK behind it come to the session's round trip. */
static int64_t fit_handshake(const struct drawing *d, uint16_t token, int64_t gap_ns)
{
    enum tcp_phase phase = (enum tcp_phase)d->progress->machine.phase;

    if (d->shape->protocol != IP_TCP || (phase != TCP_PHASE_SYN && phase != TCP_PHASE_SYN_ACK))
        return gap_ns;
    if (phase == TCP_PHASE_SYN_ACK)
        return token_side(token) == FLOW_INITIATOR ? d->state->handshake_ns : gap_ns;
    if (gap_ns >= d->state->handshake_ns)
        gap_ns = d->state->handshake_ns - d->state->handshake_ns / 16;
    d->state->handshake_ns -= gap_ns;
    return gap_ns;
}

/* Data packets of the other side that wait for an ACK when this packet went out. */
static uint8_t left_waiting(const struct drawing *d, const struct packet_draw *draw)
{
    enum flow_side sender = flow_side_other(draw->side);
    const struct packet_budget *left = &d->progress->left;
    uint64_t waiting = d->state->waiting[sender];
    uint64_t share;

    if (draw->payload_bytes > 0)
        return 0;
    if (!is_bare_ack(draw->tcp_flags, draw->mark, false))
        return (uint8_t)waiting;
    if (draw->gap_ns >= delayed_ack_patience_ns(d->shape->rtt_ns))
        return 0;
    share = delayed_ack_share(waiting + left->data_packets[sender], left->packets[draw->side],
                              left->data_packets[draw->side]);
    return (uint8_t)(waiting - at_most(share, waiting));
}

/* The packet as drawn goes out. */
static void send_drawn(const struct drawing *d, uint16_t token, const struct packet_draw *draw)
{
    uint32_t bin = log_grid_gap_bin((uint64_t)draw->gap_ns);
    struct packet_budget left;

    d->state->waiting[!draw->side] = left_waiting(d, draw);
    symbol_state_send(d->state, token, (uint16_t)draw->payload_bytes, (uint8_t)at_most(bin, UINT8_MAX));
    d->state->left_ns -= (int64_t)at_most((uint64_t)draw->gap_ns, (uint64_t)d->state->left_ns);
    if (draw->payload_bytes == 0)
        return;
    left = d->progress->left;
    packet_budget_pay(&left, draw->side, d->shape->protocol, draw->payload_bytes);
    symbol_state_expect(d->state, &d->fit->alphabet, draw->side, &left);
}

static bool symbols_next(const struct packet_tables *tables, const struct packet_shape *shape,
                         const struct packet_progress *progress, union packet_memory *memory,
                         struct random_stream *random, struct packet_draw *draw)
{
    const struct drawing d = {
        &tables->fit, shape, progress, &memory->symbols, random,
        symbol_features_of(shape->protocol, &shape->total, progress),
    };
    uint16_t token;

    if (d.features.packets_left == 0 || !draw_token(&d, &token))
        return false;
    *draw = (struct packet_draw){
        .side = (uint8_t)token_side(token),
        .mark = (uint8_t)token_mark(token),
        .tcp_flags = token_flags(token),
        .payload_bytes = draw_length(&d, token),
    };
    if (draw->payload_bytes > 0) /* what was drawn as one length can have become another */
        token = token_of(draw->side, draw->mark, draw->tcp_flags,
                         symbol_alphabet_length(&tables->fit.alphabet, draw->payload_bytes,
                                                symbol_state_past(d.state, draw->side)));
    draw->gap_ns = fit_handshake(&d, token, draw_gap(&d, token));
    send_drawn(&d, token, draw);
    return true;
}

const struct packet_model packet_model_symbols = {
    .name = "symbols",
    .fit = symbols_fit,
    .release = symbols_release,
    .bytes = symbols_bytes,
    .begin = symbols_begin,
    .next = symbols_next,
};
