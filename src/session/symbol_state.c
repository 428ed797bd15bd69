#include "session/symbol_state.h"

#include <string.h>

#include "base/log_grid.h"
#include "net/wire.h"

/* What matters of a token for a gap, and for a flow of which little is known. */
enum token_kind { KIND_NONE, KIND_ACK, KIND_DATA, KIND_SYN, KIND_END };

enum { COARSE_BELOW = 7, COARSE_MOST = 4, MANY_MESSAGES = 8, MANY_PACKETS = 20, MANY_UNACKNOWLEDGED = 3 };

struct symbol_state symbol_state_begin(const uint16_t full[2], uint8_t cluster)
{
    struct symbol_state state = {
        .last = TOKEN_NONE, .last2 = TOKEN_NONE, .last_data = TOKEN_NONE, .cluster = cluster,
    };

    memcpy(state.full, full, sizeof state.full);
    return state;
}

static enum token_kind kind_of(uint16_t token)
{
    if (token == TOKEN_NONE)
        return KIND_NONE;
    if (token_flags(token) & TCP_SYN)
        return KIND_SYN;
    if (token_flags(token) & (TCP_FIN | TCP_RST))
        return KIND_END;
    return token_length(token) != LENGTH_NONE ? KIND_DATA : KIND_ACK;
}

static uint32_t kind_and_side(uint16_t token)
{
    return (uint32_t)kind_of(token) << 1 | (token != TOKEN_NONE && token_side(token));
}

static uint32_t pair_of(uint16_t last, uint16_t token)
{
    uint32_t first = (uint32_t)token_side(last) << 1 | (token_length(last) != LENGTH_NONE);
    uint32_t second = (uint32_t)token_side(token) << 1 | (token_length(token) != LENGTH_NONE);

    return first << 2 | second;
}

static uint8_t one_more(uint8_t count, uint8_t most)
{
    return count < most ? count + 1 : most;
}

void symbol_state_send(struct symbol_state *state, uint16_t token, uint16_t bytes, uint8_t gap_bin,
                       int64_t gap_ns)
{
    enum flow_side side = token_side(token);

    if (state->last != TOKEN_NONE)
        state->gap[pair_of(state->last, token)] = gap_bin;
    state->left_ns = gap_ns < state->left_ns ? state->left_ns - gap_ns : 0;
    state->unacknowledged[!side] = 0;
    if (bytes > 0) {
        bool is_new = state->last_data == TOKEN_NONE || token_side(state->last_data) != side ||
                      token_flags(state->last_data) & TCP_PSH;

        if (is_new)
            state->messages = one_more(state->messages, UINT8_MAX);
        state->unacknowledged[side] = one_more(state->unacknowledged[side], MANY_UNACKNOWLEDGED);
        state->last_data = token;
        state->length[side] = token_length(token);
        state->bytes[side] = bytes;
    }
    state->index = one_more(state->index, UINT8_MAX);
    state->last2 = state->last;
    state->last = token;
}

/* ---- contexts of tokens ---- */

static uint64_t at_most(uint64_t value, uint64_t limit)
{
    return value < limit ? value : limit;
}

/* 0 to 6 each, then 7-8, 9-12, 13-20, 21-36, 37-68, more. */
static uint64_t remaining_bin(uint64_t left)
{
    static const uint8_t firsts[] = { 7, 9, 13, 21, 37, 69 };
    uint64_t bin = 6;

    if (left < firsts[0])
        return left;
    for (size_t i = 0; i < sizeof firsts && left >= firsts[i]; i++)
        bin++;
    return bin;
}

static uint64_t coarse_bin(uint64_t left)
{
    return left < COARSE_BELOW ? left / 2 : COARSE_MOST;
}

/* The mean length still to come, as a symbol: of the last data packet its length. */
static uint64_t bytes_bin(const struct symbol_alphabet *alphabet, const struct symbol_state *state,
                          const struct packet_budget *left, int side)
{
    uint64_t mean;

    if (left->data_packets[side] == 0)
        return 0;
    mean = left->payload_bytes[side] / left->data_packets[side];
    if (state->full[side] > 0 && mean >= state->full[side])
        return LENGTH_FULL;
    return symbol_alphabet_size(alphabet, (uint32_t)at_most(mean, UINT16_MAX));
}

/* The same in octaves. */
static uint64_t coarse_bytes_bin(const struct packet_budget *left, int side)
{
    uint64_t mean;

    if (left->data_packets[side] == 0)
        return 0;
    mean = left->payload_bytes[side] / left->data_packets[side];
    return mean == 0 ? 1 : 65 - (uint64_t)__builtin_clzll(mean);
}

/* Fields packed behind one another. */
struct key {
    uint64_t words[2];
};

static void put(struct key *key, int word, unsigned bits, uint64_t value)
{
    key->words[word] = key->words[word] << bits | value;
}

static uint64_t hash(const struct key *key, uint32_t level)
{
    return random_mix64(random_mix64(key->words[0] + (uint64_t)level * UINT64_C(0x9e3779b97f4a7c15)) ^
                        key->words[1] * UINT64_C(0xd6e8feb86659fd93));
}

static uint64_t phase_of(const struct tcp_machine *machine)
{
    return (uint64_t)machine->phase << 2 | (uint64_t)machine->fin[0] << 1 | machine->fin[1];
}

static void put_remaining(struct key *key, const struct packet_budget *left, bool is_coarse)
{
    for (int side = 0; side < 2; side++) {
        put(key, 1, 4, is_coarse ? coarse_bin(left->packets[side]) : remaining_bin(left->packets[side]));
        put(key, 1, 4,
            is_coarse ? coarse_bin(left->data_packets[side]) : remaining_bin(left->data_packets[side]));
    }
}

static void put_data_sent(struct key *key, const struct packet_budget *total, const struct packet_budget *left)
{
    for (int side = 0; side < 2; side++)
        put(key, 1, 2, at_most(total->data_packets[side] - left->data_packets[side], 2));
}

uint64_t symbol_token_context(const struct symbol_alphabet *alphabet, const struct symbol_state *state,
                              const struct packet_budget *total, const struct packet_progress *progress,
                              uint32_t level)
{
    const struct packet_budget *left = &progress->left;
    struct key key = { { 0 } };

    put(&key, 0, 5, phase_of(&progress->machine));
    if (level < 5)
        put(&key, 0, 16, state->last);
    switch (level) {
    case 0:
        put(&key, 0, 5, at_most(state->index, MANY_PACKETS));
        put(&key, 0, 16, state->last2);
        put(&key, 0, 16, state->last_data);
        put_remaining(&key, left, false);
        for (int side = 0; side < 2; side++)
            put(&key, 1, 8, bytes_bin(alphabet, state, left, side));
        break;
    case 1:
        put(&key, 0, 4, at_most(state->messages, MANY_MESSAGES));
        for (int side = 0; side < 2; side++)
            put(&key, 0, 8, state->length[side]);
        put_remaining(&key, left, true);
        put_data_sent(&key, total, left);
        for (int side = 0; side < 2; side++)
            put(&key, 1, 6, coarse_bytes_bin(left, side));
        break;
    case 2:
        put(&key, 0, 16, state->last_data);
        for (int side = 0; side < 2; side++)
            put(&key, 0, 2, state->unacknowledged[side]);
        put_remaining(&key, left, false);
        break;
    case 3:
        put(&key, 0, 16, state->last_data);
        put_remaining(&key, left, true);
        put_data_sent(&key, total, left);
        break;
    case 4:
        for (int side = 0; side < 2; side++)
            put(&key, 0, 2, state->unacknowledged[side]);
        put_remaining(&key, left, true);
        put_data_sent(&key, total, left);
        break;
    default:
        put(&key, 0, 4, kind_and_side(state->last));
        put_data_sent(&key, total, left);
        break;
    }
    return hash(&key, level);
}

/* ---- contexts of gaps ---- */

uint64_t symbol_gap_context(const struct symbol_state *state, const struct packet_budget *left, uint16_t token,
                            uint32_t level)
{
    uint64_t time_bin = log_grid_gap_bin((uint64_t)state->left_ns);
    uint64_t before = state->gap[pair_of(state->last, token)] / 2;
    uint64_t packets = packets_left(left);
    struct key key = { { 0 } };

    put(&key, 0, 8, kind_and_side(state->last) << 4 | kind_and_side(token));
    put(&key, 0, 1, packets == 1);
    switch (level) {
    case 0:
        put(&key, 0, 16, state->last);
        put(&key, 0, 16, token);
        put(&key, 1, 4, remaining_bin(packets));
        put(&key, 1, 8, time_bin / 2);
        put(&key, 1, 8, before);
        break;
    case 1:
        put(&key, 1, 4, remaining_bin(packets));
        put(&key, 1, 8, time_bin / 4);
        put(&key, 1, 8, state->cluster);
        break;
    case 2:
        put(&key, 0, 16, state->last);
        put(&key, 0, 16, token);
        put(&key, 1, 8, state->cluster);
        put(&key, 1, 8, before);
        break;
    case 3:
        put(&key, 1, 8, state->cluster);
        put(&key, 1, 8, before);
        break;
    default:
        break;
    }
    return hash(&key, level);
}
