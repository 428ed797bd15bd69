#include "session/symbol_context.h"

#include "base/at_most.h"
#include "base/hash_key.h"
#include "net/wire.h"

/* What matters of a token for a gap, and for a flow of which little is known. */
enum token_kind { KIND_NONE, KIND_ACK, KIND_DATA, KIND_SYN, KIND_END };

enum { REMAINING_MOST = 69, COARSE_BELOW = 7, COARSE_MOST = 4, MANY_MESSAGES = 8, MANY_PACKETS = 20 };

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

/* 0 to 6 each, then 7-8, 9-12, 13-20, 21-36, 37-68, more. */
static uint64_t remaining_bin(uint64_t left)
{
    static const uint8_t bins[REMAINING_MOST + 1] = {
        0,  1,  2,  3,  4,  5,  6,  7,  7,  8,  8,  8,  8,  9,  9,  9,  9,  9,  9,  9,  9,  10, 10, 10,
        10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11,
        11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 12,
    };

    return bins[left < REMAINING_MOST ? left : REMAINING_MOST];
}

static uint64_t coarse_bin(uint64_t left)
{
    return left < COARSE_BELOW ? left / 2 : COARSE_MOST;
}

struct symbol_features symbol_features_of(uint8_t protocol, const struct packet_budget *total,
                                          const struct packet_progress *progress)
{
    const struct packet_budget *left = &progress->left;
    const struct tcp_machine *machine = &progress->machine;
    struct symbol_features f = {
        .phase = protocol != IP_TCP
                     ? 0
                     : (uint64_t)machine->phase << 2 | (uint64_t)machine->fin[0] << 1 | machine->fin[1],
        .packets_left = left->packets[0] + left->packets[1],
    };

    for (int side = 0; side < 2; side++) {
        f.remaining = f.remaining << 8 | remaining_bin(left->packets[side]) << 4 |
                      remaining_bin(left->data_packets[side]);
        f.coarse = f.coarse << 6 | coarse_bin(left->packets[side]) << 3 | coarse_bin(left->data_packets[side]);
        f.data_sent = f.data_sent << 2 | at_most(total->data_packets[side] - left->data_packets[side], 2);
    }
    return f;
}

/* Two words that hold a context, and its level; in the words' upper bits fields that are there on all levels. */
static uint64_t hash(uint64_t first, uint64_t second, uint32_t level)
{
    return hash_fold(first ^ UINT64_C(0x9e3779b97f4a7c15),
                     (second ^ UINT64_C(0xd6e8feb86659fd93)) + level * UINT64_C(0xa0761d6478bd642f));
}

uint64_t symbol_token_context(const struct symbol_state *s, const struct symbol_features *f, uint32_t level)
{
    uint64_t first = f->phase << 48 | (uint64_t)s->last << 32;
    uint64_t unacknowledged = (uint64_t)s->unacknowledged[0] << 2 | s->unacknowledged[1];

    switch (level) {
    case 0:
        return hash(f->phase << 59 | at_most(s->index, MANY_PACKETS) << 48 | (uint64_t)s->last << 32 |
                        (uint64_t)s->last2 << 16 | s->last_data,
                    f->remaining << 16 | (uint64_t)s->mean[0] << 8 | s->mean[1], level);
    case 1:
        return hash(first | at_most(s->messages, MANY_MESSAGES) << 16 | (uint64_t)s->length[0] << 8 | s->length[1],
                    f->coarse << 24 | f->data_sent << 16 | (uint64_t)s->octave[0] << 8 | s->octave[1], level);
    case 2:
        return hash(first | s->last_data, f->remaining << 16 | unacknowledged, level);
    case 3:
        return hash(first | s->last_data, f->coarse << 16 | f->data_sent, level);
    case 4:
        return hash(first, f->coarse << 16 | f->data_sent << 8 | unacknowledged, level);
    default:
        return hash(f->phase << 8 | kind_and_side(s->last), f->data_sent, level);
    }
}

struct symbol_gap_features symbol_gap_features_of(const struct symbol_state *s, const struct symbol_features *f,
                                                  uint16_t token)
{
    return (struct symbol_gap_features){
        .pair = (uint64_t)kind_and_side(s->last) << 5 | (uint64_t)kind_and_side(token) << 1 | (f->packets_left == 1),
        .tokens = (uint64_t)s->last << 16 | token,
        .before = s->gap[symbol_state_pair(s->last, token)] / 2U,
        .cluster = (uint64_t)s->cluster << 8,
    };
}

uint64_t symbol_gap_context(const struct symbol_gap_features *g, uint32_t level)
{
    switch (level) {
    case 0:
        return hash(g->pair << 32 | g->tokens, g->cluster | g->before, level);
    case 1:
        return hash(g->pair, g->cluster | g->before, level);
    default:
        return hash(g->pair, 0, level);
    }
}
