#include "session/model_symbols.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/log_grid.h"
#include "net/wire.h"
#include "session/model_messages.h"
#include "session/symbol_alphabet.h"
#include "session/symbol_flow.h"
#include "session/symbol_gap_parts.h"
#include "session/symbol_state.h"
#include "session/symbol_table.h"
#include "session/symbol_timing.h"

enum {
    TOKEN_TABLE_BYTES = 104 * 1024, /* at most */
    GAP_TABLE_BYTES = 32 * 1024,
    DRAWN_BLINDLY = 4,
    GAP_STEADY = 8 /* so many times wider is a bin than what a session repeats */
};

struct packet_tables {
    struct symbol_alphabet alphabet;
    struct symbol_table tokens;
    struct symbol_table gaps; /* symbols are bins */
    struct symbol_gap_parts parts;
    uint32_t row_count;
    struct symbol_row {
        uint16_t full[2];
        uint8_t cluster;
        bool knows_end;                      /* the last packets of the flow were kept: the rest is so */
        bool fin[2], fin_on_data[2], rst[2]; /* the side sent one; its FIN went with payload */
        uint8_t last_fin;    /* who sent the last one, when one was sent */
        bool last_fin_acked; /* with a bare ACK */
    } *rows;
};

static uint64_t at_most(uint64_t value, uint64_t limit)
{
    return value < limit ? value : limit;
}

/* ---- fitting ---- */

static void build_alphabet(struct symbol_alphabet *alphabet, const struct symbol_flows *flows)
{
    struct flow_length *lengths = memory_alloc_array(flows->packet_count + 1, sizeof *lengths);
    size_t used = 0;

    for (uint32_t i = 0; i < flows->count; i++) {
        const struct symbol_flow *flow = &flows->flows[i];

        for (uint32_t k = 0; k < flow->length; k++) {
            const struct symbol_packet *p = &flows->packets[flow->first + k];

            if (p->bytes > 0 && (flow->full[p->side] == 0 || p->bytes < flow->full[p->side]))
                lengths[used++] = (struct flow_length){ p->bytes, i };
        }
    }
    symbol_alphabet_build(alphabet, lengths, used, flows->count);
    free(lengths);
}

static void note_end(struct symbol_row *row, const struct symbol_flows *flows, const struct symbol_flow *flow)
{
    const struct symbol_packet *packets = flows->packets + flow->first;

    row->knows_end = flow->head < flow->length || flow->length >= flow->total.packets[0] + flow->total.packets[1];
    for (uint32_t i = 0; i < flow->length; i++) {
        const struct symbol_packet *p = &packets[i];

        if (p->flags & TCP_FIN) {
            row->fin[p->side] = true;
            row->fin_on_data[p->side] = p->bytes > 0;
            row->last_fin = p->side;
            row->last_fin_acked = false;
        } else if (row->fin[!p->side] && p->side != row->last_fin && p->flags == TCP_ACK && p->bytes == 0) {
            row->last_fin_acked = true;
        }
        row->rst[p->side] = row->rst[p->side] || p->flags & TCP_RST;
    }
}

static void build_rows(struct packet_tables *tables, const struct symbol_flows *flows,
                       const struct service_model *service)
{
    uint8_t *clusters = memory_alloc(service->row_count);

    tables->row_count = (uint32_t)service->row_count;
    tables->rows = memory_alloc_array(service->row_count, sizeof *tables->rows);
    symbol_timing_clusters(flows, service, clusters);
    for (uint32_t i = 0; i < tables->row_count; i++)
        tables->rows[i].cluster = clusters[i];
    for (uint32_t i = 0; i < flows->count; i++) {
        struct symbol_row *row = &tables->rows[flows->flows[i].row];

        memcpy(row->full, flows->flows[i].full, sizeof row->full);
        note_end(row, flows, &flows->flows[i]);
    }
    free(clusters);
}

static void expect_all(struct symbol_state *state, const struct symbol_alphabet *alphabet,
                       const struct packet_budget *left)
{
    for (int side = 0; side < 2; side++)
        symbol_state_expect(state, alphabet, (enum flow_side)side, left->data_packets[side],
                            left->payload_bytes[side]);
}

/* Events of tokens and gaps while sampled flows are walked. */
struct learning {
    const struct packet_tables *tables;
    symbol_event *tokens, *gaps;
    size_t token_count, gap_count;
};

static void pay(struct packet_budget *left, const struct symbol_packet *p)
{
    uint64_t bytes = left->payload_bytes[p->side];

    left->packets[p->side] -= left->packets[p->side] > 0;
    left->data_packets[p->side] -= p->bytes > 0 && left->data_packets[p->side] > 0;
    left->payload_bytes[p->side] = bytes > p->bytes ? bytes - p->bytes : 0;
}

/* What is left of a flow when its last packets begin, of which none is missing. */
static struct packet_budget sum_of(const struct symbol_packet *packets, uint32_t count)
{
    struct packet_budget sum = { .packets = { 0 } };

    for (uint32_t i = 0; i < count; i++) {
        sum.packets[packets[i].side]++;
        sum.data_packets[packets[i].side] += packets[i].bytes > 0;
        sum.payload_bytes[packets[i].side] += packets[i].bytes;
    }
    return sum;
}

static uint16_t timed_symbol(const struct symbol_state *state, const struct symbol_features *features,
                             uint8_t gap_bin)
{
    uint64_t gap_ns = symbol_gap_ns(gap_bin);
    uint64_t time_ns = (uint64_t)state->left_ns;

    if (features->packets_left == 1 || 2 * gap_ns < time_ns)
        return gap_bin;
    return (uint16_t)(GAP_REST + log_grid_gap_bin(time_ns > gap_ns ? time_ns - gap_ns : 0));
}

/* The time from the first of these packets to the last. */
static int64_t time_of(const struct symbol_packet *packets, uint32_t count)
{
    uint64_t ns = 0;

    for (uint32_t i = 1; i < count; i++)
        ns += symbol_gap_ns(packets[i].gap_bin);
    return (int64_t)ns;
}

static void learn_packet(struct learning *learning, const struct symbol_state *state,
                         const struct symbol_features *features, uint16_t token, uint8_t gap_bin)
{
    for (uint32_t level = 0; level < TOKEN_LEVELS; level++)
        learning->tokens[learning->token_count++] =
            symbol_event_of(symbol_token_context(state, features, level), level, token);
    if (state->last == TOKEN_NONE)
        return;
    for (uint32_t level = 0; level < GAP_LEVELS; level++)
        learning->gaps[learning->gap_count++] =
            symbol_event_of(symbol_gap_context(state, features, token, level), level,
                            level < GAP_TIMED_LEVELS ? timed_symbol(state, features, gap_bin) : gap_bin);
}

/* Behind a hole the first two packets are what the third follows, and are not learned themselves. */
static void learn_flow(struct learning *learning, const struct symbol_flows *flows, const struct symbol_flow *flow)
{
    const struct symbol_alphabet *alphabet = &learning->tables->alphabet;
    const struct symbol_packet *packets = flows->packets + flow->first;
    struct packet_progress progress = { .left = flow->total, .machine = tcp_machine_begin(flow->under_way) };
    struct symbol_state state = symbol_state_begin(flow->full, learning->tables->rows[flow->row].cluster);

    state.left_ns = flow->head < flow->length ? flow->duration_ns : time_of(packets, flow->length);
    expect_all(&state, alphabet, &progress.left);
    for (uint32_t i = 0; i < flow->length; i++) {
        const struct symbol_packet *p = &packets[i];
        uint8_t length = symbol_alphabet_length(alphabet, p->bytes, symbol_state_past(&state, p->side));
        uint16_t token = token_of(p->side, p->mark, p->flags, length);
        struct symbol_features features;

        if (i == flow->head) {
            progress.left = sum_of(packets + i, flow->length - i);
            expect_all(&state, alphabet, &progress.left);
            state.left_ns = time_of(packets + i, flow->length - i) + (int64_t)symbol_gap_ns(p->gap_bin);
        }
        features = symbol_features_of(flows->protocol, &flow->total, &progress);
        if (i < flow->head || i >= flow->head + 2)
            learn_packet(learning, &state, &features, token, p->gap_bin);
        pay(&progress.left, p);
        symbol_state_send(&state, token, p->bytes, p->gap_bin, (int64_t)symbol_gap_ns(p->gap_bin));
        if (p->bytes > 0)
            symbol_state_expect(&state, alphabet, p->side, progress.left.data_packets[p->side],
                                progress.left.payload_bytes[p->side]);
        if (flows->protocol == IP_TCP)
            tcp_machine_send(&progress.machine, p->side, p->flags, p->mark);
    }
}

static void build_tables(struct packet_tables *tables, const struct symbol_flows *flows)
{
    struct learning learning = {
        .tables = tables,
        .tokens = memory_alloc_array(flows->packet_count * TOKEN_LEVELS, sizeof *learning.tokens),
        .gaps = memory_alloc_array(flows->packet_count * GAP_LEVELS, sizeof *learning.gaps),
    };

    for (uint32_t i = 0; i < flows->count; i++)
        learn_flow(&learning, flows, &flows->flows[i]);
    symbol_gap_parts_build(&tables->parts, flows);
    symbol_table_build(&tables->tokens, learning.tokens, learning.token_count, TOKEN_TABLE_BYTES);
    symbol_table_build(&tables->gaps, learning.gaps, learning.gap_count, GAP_TABLE_BYTES);
    free(learning.tokens);
    free(learning.gaps);
}

static struct packet_tables *symbols_fit(const struct service_model *service)
{
    struct symbol_flows flows;
    struct packet_tables *tables = NULL;

    symbol_flows_init(&flows, service);
    if (flows.count > 0) {
        tables = memory_alloc(sizeof *tables);
        build_alphabet(&tables->alphabet, &flows);
        build_rows(tables, &flows, service);
        build_tables(tables, &flows);
    }
    symbol_flows_release(&flows);
    return tables;
}

static void symbols_release(struct packet_tables *tables)
{
    if (tables == NULL)
        return;
    symbol_table_release(&tables->tokens);
    symbol_table_release(&tables->gaps);
    free(tables->rows);
    free(tables);
}

static size_t symbols_bytes(const struct packet_tables *tables)
{
    return sizeof *tables + symbol_table_bytes(&tables->tokens) + symbol_table_bytes(&tables->gaps) +
           tables->row_count * sizeof *tables->rows;
}

/* ---- drawing ---- */

static void symbols_begin(const struct packet_tables *tables, const struct packet_shape *shape,
                          union packet_memory *memory, struct random_stream *random)
{
    const struct symbol_row *row = &tables->rows[shape->row < tables->row_count ? shape->row : 0];
    uint16_t full[2] = { 0, 0 };
    struct symbol_state state;

    for (int side = 0; side < 2 && shape->protocol == IP_TCP; side++)
        full[side] = row->full[side] > 0 && row->full[side] < shape->most_bytes[side] ? row->full[side]
                                                                                    : shape->most_bytes[side];
    state = symbol_state_begin(full, row->cluster);
    state.handshake_ns = shape->rtt_ns;
    state.key = random_u32(random);
    state.left_ns = shape->planned->duration_ns;
    expect_all(&state, &tables->alphabet, &shape->total);
    memset(memory, 0, sizeof *memory);
    memcpy(memory, &state, sizeof state);
}

/* All that a draw reads. */
struct drawing {
    const struct packet_tables *tables;
    const struct packet_shape *shape;
    const struct packet_progress *progress;
    struct symbol_state *state;
    struct random_stream *random;
    struct symbol_features features;
};

static uint64_t largest_segment(const struct drawing *d, enum flow_side side)
{
    return d->state->full[side] > 0 ? d->state->full[side] : d->shape->most_bytes[side];
}

/* Whether what is left behind this packet can still be sent. */
static bool leaves_a_way(const struct tcp_machine *machine, const struct packet_budget *after, enum flow_side side,
                         uint8_t flags, enum packet_mark mark)
{
    if (flags & TCP_SYN)
        return after->packets[FLOW_INITIATOR] > 0 &&
               (side == FLOW_RESPONDER || after->packets[FLOW_RESPONDER] > after->data_packets[FLOW_RESPONDER]);
    if (flags & TCP_RST && machine->phase == TCP_PHASE_SYN)
        return false;
    if (flags & (TCP_FIN | TCP_RST))
        return after->data_packets[side] == 0;
    if (mark == PACKET_ZERO_WINDOW || (mark == PACKET_KEEPALIVE && machine->zero_window[side]))
        return after->data_packets[!side] == 0 || after->packets[side] > after->data_packets[side];
    return true;
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

/*
 * Whether the session can still end as its sampled flow did: with the same FINs and RSTs, of the same sides in the same
 * order, and with an ACK for the last FIN if it had one.
 */
static bool fits_ending(const struct drawing *d, enum flow_side side, uint8_t flags, enum packet_mark mark,
                        bool has_payload)
{
    const struct symbol_row *row = &d->tables->rows[d->shape->row < d->tables->row_count ? d->shape->row : 0];
    const struct tcp_machine *machine = &d->progress->machine;
    uint64_t data = d->progress->left.data_packets[side];
    uint64_t others = d->progress->left.packets[side] - data;
    bool is_reset = machine->phase == TCP_PHASE_RESET && machine->reset_side == side;
    bool fin_due = row->fin[side] && !machine->fin[side];
    bool with_data = row->fin_on_data[side] && data > 0;
    bool reopening_due = mark == PACKET_ZERO_WINDOW && d->progress->left.data_packets[!side] > 0;
    bool fin_later = row->fin[!side] && row->last_fin == side;
    bool ack_due = row->last_fin_acked && row->last_fin != side && !machine->fin[!side];

    if (!row->knows_end || flags & TCP_SYN)
        return true;
    if (flags & TCP_FIN)
        return fin_due && has_payload == with_data && (!fin_later || machine->fin[!side]);
    if (flags & TCP_RST)
        return row->rst[side];
    if (has_payload)
        return !(fin_due && with_data && data == 1);
    return others > (uint64_t)(fin_due && !with_data) + (row->rst[side] && !is_reset) + ack_due + reopening_due;
}

static bool is_fit(const struct drawing *d, enum flow_side side, uint8_t flags, enum packet_mark mark,
                   bool has_payload)
{
    struct packet_budget after = d->progress->left;

    if (!is_allowed(d, side, flags, mark, has_payload))
        return false;
    after.packets[side]--;
    after.data_packets[side] -= has_payload;
    return d->shape->protocol != IP_TCP || (fits_ending(d, side, flags, mark, has_payload) &&
                                            leaves_a_way(&d->progress->machine, &after, side, flags, mark));
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
            symbol_alphabet_least(&d->tables->alphabet, length, known->past) <= known->most_bytes);
}

/* One of the legal symbols, by their counts: first as the counts are, which mostly does. */
static bool draw_masked(struct legality *known, const struct drawing *d, const struct symbol_counts *counts,
                        uint16_t *token)
{
    uint32_t total = 0;
    uint32_t before = 0;
    uint32_t place;

    for (int i = 0; i < DRAWN_BLINDLY && counts->size > 1; i++) {
        *token = symbol_counts_at(counts, random_below_u32(d->random, counts->total));
        if (is_legal(known, d, *token))
            return true;
    }
    for (uint32_t i = 0; i < counts->size; before = counts->cells[i++].count)
        total += is_legal(known, d, counts->cells[i].symbol) ? counts->cells[i].count - before : 0;
    if (total == 0)
        return false;
    place = random_below_u32(d->random, total);
    before = 0;
    for (uint32_t i = 0; i < counts->size; before = counts->cells[i++].count) {
        uint32_t count = counts->cells[i].count - before;

        if (!is_legal(known, d, counts->cells[i].symbol))
            continue;
        *token = counts->cells[i].symbol;
        if (place < count)
            return true;
        place -= count;
    }
    return true;
}

static bool draw_level(const struct drawing *d, uint32_t level, uint16_t *token)
{
    struct symbol_counts counts;
    struct legality known = { .kind = UINT32_MAX };
    uint64_t context = symbol_token_context(d->state, &d->features, level);

    if (!symbol_table_find(&d->tables->tokens, context, level, &counts))
        return false;
    if (level < TOKEN_LEVELS - 1) {
        if (!symbol_counts_draw(&counts, d->random, token))
            return false;
        if (is_legal(&known, d, *token))
            return true;
    }
    return draw_masked(&known, d, &counts, token);
}

static uint8_t mean_length(const struct drawing *d, enum flow_side side)
{
    uint64_t mean = d->progress->left.payload_bytes[side] / d->progress->left.data_packets[side];

    if (d->state->full[side] > 0 && mean >= d->state->full[side])
        return LENGTH_FULL;
    return symbol_alphabet_size(&d->tables->alphabet, mean == 0 ? 1 : mean < UINT16_MAX ? (uint32_t)mean : UINT16_MAX);
}

/* What the tables do not tell: data first, no end while there is anything else; a packet behind which something
 * cannot be sent any more only when `is_last_resort`. */
static bool draw_any(const struct drawing *d, bool is_last_resort, uint16_t *token)
{
    static const struct {
        uint8_t flags;
        bool has_payload;
    } kinds[] = {
        { TCP_PSH | TCP_ACK, true }, { TCP_FIN | TCP_PSH | TCP_ACK, true },
        { TCP_SYN | TCP_ACK, false }, { TCP_SYN, false },
        { TCP_ACK, false },           { TCP_FIN | TCP_ACK, false },
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
 * Exact lengths are what they are. One of a bucket takes the rest if it is the side's last and the rest is of its
 * bucket: so byte totals are met where that makes no length that the service never had.
 */
static uint32_t draw_length(const struct drawing *d, uint16_t token)
{
    enum flow_side side = token_side(token);
    uint8_t length = token_length(token);
    uint64_t rest = d->progress->left.payload_bytes[side];
    uint64_t packets = d->progress->left.data_packets[side];
    uint64_t bytes;

    if (length == LENGTH_NONE)
        return 0;
    bytes = symbol_alphabet_draw(&d->tables->alphabet, length, symbol_state_past(d->state, side), d->random);
    if (packets == 1 && length >= LENGTH_BUCKET &&
        symbol_alphabet_size(&d->tables->alphabet, (uint32_t)at_most(rest, UINT16_MAX)) == length)
        bytes = rest;
    if (bytes == 0) /* a bucket of which no length was seen */
        bytes = rest / packets > 0 ? rest / packets : 1;
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

    return symbol_gap_parts_ns(&d->tables->parts, bin, (uint32_t)mixed);
}

/* The gap of a drawn symbol; -1: the time left does not hold it. */
static int64_t gap_of(const struct drawing *d, uint16_t symbol)
{
    int64_t left_ns = d->state->left_ns;
    int64_t ns = gap_in_bin(d, (uint8_t)symbol);

    if (d->features.packets_left == 1)
        return ns - ns / 4 <= left_ns && left_ns - left_ns / 4 <= ns ? left_ns : ns;
    if (symbol < GAP_REST)
        return ns <= left_ns ? ns : -1;
    return ns <= left_ns && left_ns - ns <= SESSION_LONGEST_WAIT_NS ? left_ns - ns : -1;
}

static int64_t draw_gap(const struct drawing *d, uint16_t token)
{
    struct symbol_counts counts;
    uint16_t symbol;

    if (d->state->last == TOKEN_NONE)
        return 0;
    for (uint32_t level = 0; level < GAP_LEVELS; level++) {
        uint64_t context = symbol_gap_context(d->state, &d->features, token, level);
        int64_t gap_ns;

        if (!symbol_table_find(&d->tables->gaps, context, level, &counts))
            continue;
        if (level == GAP_LEVELS - 1)
            symbol = symbol_counts_at(&counts, random_below_u32(d->random, counts.total));
        else if (!symbol_counts_draw(&counts, d->random, &symbol))
            continue;
        gap_ns = gap_of(d, symbol);
        if (gap_ns >= 0)
            return gap_ns;
    }
    return (int64_t)random_below(d->random, 2 * (uint64_t)d->state->left_ns / d->features.packets_left + 1);
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

static bool symbols_next(const struct packet_tables *tables, const struct packet_shape *shape,
                         const struct packet_progress *progress, union packet_memory *memory,
                         struct random_stream *random, struct packet_draw *draw)
{
    struct symbol_state state;
    struct drawing d = { tables, shape, progress, &state, random, symbol_features_of(shape->protocol, &shape->total, progress) };
    uint32_t bin;
    uint16_t token;

    memcpy(&state, memory, sizeof state);
    if (!draw_token(&d, &token))
        return false;
    *draw = (struct packet_draw){
        .side = token_side(token),
        .mark = token_mark(token),
        .tcp_flags = token_flags(token),
        .payload_bytes = draw_length(&d, token),
    };
    if (draw->payload_bytes > 0)
        token = token_of(draw->side, draw->mark, draw->tcp_flags,
                         symbol_alphabet_length(&tables->alphabet, draw->payload_bytes,
                                                symbol_state_past(&state, draw->side)));
    draw->gap_ns = fit_handshake(&d, token, draw_gap(&d, token));
    bin = log_grid_gap_bin((uint64_t)draw->gap_ns);
    symbol_state_send(&state, token, (uint16_t)draw->payload_bytes, (uint8_t)(bin < UINT8_MAX ? bin : UINT8_MAX),
                      draw->gap_ns);
    if (draw->payload_bytes > 0)
        symbol_state_expect(&state, &tables->alphabet, draw->side, progress->left.data_packets[draw->side] - 1,
                            progress->left.payload_bytes[draw->side] -
                                at_most(draw->payload_bytes, progress->left.payload_bytes[draw->side]));
    memcpy(memory, &state, sizeof state);
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
