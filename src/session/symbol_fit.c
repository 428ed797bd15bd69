#include "session/symbol_fit.h"

#include <stdlib.h>
#include <string.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "net/wire.h"
#include "session/symbol_context.h"
#include "session/symbol_flow.h"
#include "session/symbol_timing.h"

enum {
    MOST_BYTES = 150 * 1024, /* of all */
    TOKEN_TABLE_BYTES = 104 * 1024,
    GAP_TABLE_BYTES = 24 * 1024
};

_Static_assert(sizeof(struct symbol_fit) + SERVICE_MAX_ROWS * sizeof(struct symbol_row) + TOKEN_TABLE_BYTES +
                       GAP_TABLE_BYTES <= MOST_BYTES, "a service's tables are no larger");

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

static void build_rows(struct symbol_fit *fit, const struct symbol_flows *flows, const struct service_model *service)
{
    uint8_t *clusters = memory_alloc(service->row_count);

    fit->row_count = (uint32_t)service->row_count;
    fit->rows = memory_alloc_array(service->row_count, sizeof *fit->rows);
    symbol_timing_clusters(flows, service, clusters);
    for (uint32_t i = 0; i < fit->row_count; i++)
        fit->rows[i].cluster = clusters[i];
    for (uint32_t i = 0; i < flows->count; i++) {
        const struct symbol_flow *flow = &flows->flows[i];
        struct symbol_row *row = &fit->rows[flow->row];

        memcpy(row->full, flow->full, sizeof row->full);
        row->ending = symbol_ending_of(flow, flows->packets + flow->first);
    }
    free(clusters);
}

/* Events of tokens and gaps while sampled flows are walked. */
struct learning {
    const struct symbol_fit *fit;
    symbol_event *tokens, *gaps;
    size_t token_count, gap_count;
};

static void learn_packet(struct learning *learning, const struct symbol_state *state,
                         const struct symbol_features *features, uint16_t token, uint8_t gap_bin)
{
    struct symbol_gap_features gap;

    for (uint32_t level = 0; level < TOKEN_LEVELS; level++)
        learning->tokens[learning->token_count++] =
            symbol_event_of(symbol_token_context(state, features, level), level, token);
    if (state->last == TOKEN_NONE)
        return;
    gap = symbol_gap_features_of(state, features, token);
    for (uint32_t level = 0; level < GAP_LEVELS; level++)
        learning->gaps[learning->gap_count++] =
            symbol_event_of(symbol_gap_context(&gap, level), level, gap_bin);
}

/* Behind a hole the first two packets are what the third follows, and are not learned themselves. */
static void learn_flow(struct learning *learning, const struct symbol_flows *flows, const struct symbol_flow *flow)
{
    const struct symbol_alphabet *alphabet = &learning->fit->alphabet;
    const struct symbol_packet *packets = flows->packets + flow->first;
    struct packet_progress progress = { .left = flow->total, .machine = tcp_machine_begin(flow->under_way) };
    struct symbol_state state = symbol_state_begin(flow->full, learning->fit->rows[flow->row].cluster);

    symbol_state_plan(&state, alphabet, &progress.left);
    for (uint32_t i = 0; i < flow->length; i++) {
        const struct symbol_packet *p = &packets[i];
        uint8_t length = symbol_alphabet_length(alphabet, p->bytes, symbol_state_past(&state, p->side));
        uint16_t token = token_of(p->side, p->mark, p->flags, length);
        struct symbol_features features;

        if (i == flow->head) { /* of the last packets none is missing */
            progress.left = symbol_packets_sum(packets + i, flow->length - i, flows->protocol);
            symbol_state_plan(&state, alphabet, &progress.left);
        }
        features = symbol_features_of(flows->protocol, &flow->total, &progress);
        if (i < flow->head || i >= flow->head + 2)
            learn_packet(learning, &state, &features, token, p->gap_bin);
        packet_budget_pay(&progress.left, (enum flow_side)p->side, flows->protocol, p->bytes);
        symbol_state_send(&state, token, p->bytes, p->gap_bin);
        if (p->bytes > 0)
            symbol_state_expect(&state, alphabet, p->side, &progress.left);
        if (flows->protocol == IP_TCP)
            tcp_machine_send(&progress.machine, p->side, p->flags, p->mark);
    }
}

static void build_tables(struct symbol_fit *fit, const struct symbol_flows *flows)
{
    struct learning learning = {
        .fit = fit,
        .tokens = memory_alloc_array(flows->packet_count * TOKEN_LEVELS, sizeof *learning.tokens),
        .gaps = memory_alloc_array(flows->packet_count * GAP_LEVELS, sizeof *learning.gaps),
    };

    for (uint32_t i = 0; i < flows->count; i++)
        learn_flow(&learning, flows, &flows->flows[i]);
    symbol_gap_parts_build(&fit->parts, flows);
    symbol_table_build(&fit->tokens, learning.tokens, learning.token_count, TOKEN_TABLE_BYTES);
    symbol_table_build(&fit->gaps, learning.gaps, learning.gap_count, GAP_TABLE_BYTES);
    free(learning.tokens);
    free(learning.gaps);
}

bool symbol_fit_init(struct symbol_fit *fit, const struct service_model *service)
{
    struct symbol_flows flows;
    bool is_known;

    *fit = (struct symbol_fit){ .service = service };
    symbol_flows_init(&flows, service);
    is_known = flows.count > 0;
    if (is_known) {
        build_alphabet(&fit->alphabet, &flows);
        build_rows(fit, &flows, service);
        build_tables(fit, &flows);
    }
    symbol_flows_release(&flows);
    return is_known;
}

void symbol_fit_release(struct symbol_fit *fit)
{
    symbol_table_release(&fit->tokens);
    symbol_table_release(&fit->gaps);
    free(fit->rows);
}

size_t symbol_fit_bytes(const struct symbol_fit *fit)
{
    return sizeof *fit + symbol_table_bytes(&fit->tokens) + symbol_table_bytes(&fit->gaps) +
           fit->row_count * sizeof *fit->rows;
}
