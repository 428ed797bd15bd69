/*
 * symbol_context.h - the contexts of the next token and the next gap, from a session's state and what is left to send.
 */
#ifndef SESSION_SYMBOL_CONTEXT_H
#define SESSION_SYMBOL_CONTEXT_H

#include <stdint.h>

#include "session/packet_model.h"
#include "session/symbol_state.h"

enum {
    TOKEN_LEVELS = 6, /* contexts of a token, the most specific first */
    GAP_LEVELS = 3    /* and of a gap */
};

/* What the contexts of one packet are made of, on all levels. */
struct symbol_features {
    uint64_t phase, remaining, coarse, data_sent; /* of the session, a few bits a side */
    uint64_t packets_left;
};

struct symbol_features symbol_features_of(uint8_t protocol, const struct packet_budget *total,
                                          const struct packet_progress *progress);

/* The context of the next token on a level; a hash. */
uint64_t symbol_token_context(const struct symbol_state *state, const struct symbol_features *features,
                              uint32_t level);

/* The same of the gap before `token`, which comes next. */
struct symbol_gap_features {
    uint64_t pair, tokens, before, cluster;
};

struct symbol_gap_features symbol_gap_features_of(const struct symbol_state *state,
                                                  const struct symbol_features *features, uint16_t token);

uint64_t symbol_gap_context(const struct symbol_gap_features *features, uint32_t level);

#endif
