#include "session/symbol_state.h"

#include <string.h>

#include "base/at_most.h"
#include "net/wire.h"

enum { MANY_UNACKNOWLEDGED = 3 };

struct symbol_state symbol_state_begin(const uint16_t full[2], uint8_t cluster)
{
    struct symbol_state state = {
        .last = TOKEN_NONE, .last2 = TOKEN_NONE, .last_data = TOKEN_NONE, .cluster = cluster,
    };

    memcpy(state.full, full, sizeof state.full);
    return state;
}

static uint8_t one_more(uint8_t count, uint8_t most)
{
    return count < most ? count + 1 : most;
}

void symbol_state_send(struct symbol_state *state, uint16_t token, uint16_t bytes, uint8_t gap_bin)
{
    enum flow_side side = token_side(token);

    if (state->last != TOKEN_NONE)
        state->gap[symbol_state_pair(state->last, token)] = gap_bin;
    state->unacknowledged[!side] = 0;
    if (bytes > 0) {
        bool is_new = state->last_data == TOKEN_NONE || token_side(state->last_data) != side ||
                      token_flags(state->last_data) & TCP_PSH;

        if (is_new)
            state->messages = one_more(state->messages, UINT8_MAX);
        state->unacknowledged[side] = one_more(state->unacknowledged[side], MANY_UNACKNOWLEDGED);
        state->last_data = token;
        state->waiting[side] = one_more(state->waiting[side], UINT8_MAX);
        state->length[side] = token_length(token);
        state->bytes[side] = bytes;
    }
    state->index = one_more(state->index, UINT8_MAX);
    state->last2 = state->last;
    state->last = token;
}

void symbol_state_expect(struct symbol_state *state, const struct symbol_alphabet *alphabet, enum flow_side side,
                         const struct packet_budget *left)
{
    uint64_t packets = left->data_packets[side];
    uint64_t mean = packets > 0 ? left->payload_bytes[side] / packets : 0;

    state->octave[side] = (uint8_t)(packets == 0 ? 0 : mean == 0 ? 1 : 65 - __builtin_clzll(mean));
    if (state->full[side] > 0 && mean >= state->full[side])
        state->mean[side] = LENGTH_FULL;
    else
        state->mean[side] = symbol_alphabet_size(alphabet, (uint32_t)at_most(mean, UINT16_MAX));
}

void symbol_state_plan(struct symbol_state *state, const struct symbol_alphabet *alphabet,
                       const struct packet_budget *left)
{
    for (int side = 0; side < 2; side++)
        symbol_state_expect(state, alphabet, (enum flow_side)side, left);
}
