/*
 * symbol_alphabet.h - the symbols of the packet model: a length symbol, and the token of a packet.
 *
 * A length of payload is a symbol of its own where it is frequent among the flows of a service; else one of the
 * symbols that stand for many: a full segment, the same as before, a quarter of an octave.
 */
#ifndef SESSION_SYMBOL_ALPHABET_H
#define SESSION_SYMBOL_ALPHABET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "dayshift/flow_record.h"

enum {
    LENGTH_NONE,      /* no payload */
    LENGTH_FULL,      /* the largest that this side of the session sends */
    LENGTH_SAME,      /* rare, and that of this side's data packet before */
    LENGTH_ECHO,      /* rare, and that of the other side's newest data packet */
    LENGTH_EXACT,     /* and up: the frequent lengths, ascending */
    LENGTH_MAX_EXACT = 128,
    LENGTH_OCTAVE_PARTS = 4,
    LENGTH_BUCKETS = 16 * LENGTH_OCTAVE_PARTS,
    LENGTH_BUCKET = LENGTH_EXACT + LENGTH_MAX_EXACT, /* and up: by log2 */
    LENGTH_SYMBOLS = LENGTH_BUCKET + LENGTH_BUCKETS,
    LENGTH_QUANTILES = 17, /* of a bucket: borders of 16 equal parts */
    LENGTH_TABLED = 1536   /* below, a symbol is looked up: what a frame holds */
};

_Static_assert(LENGTH_SYMBOLS <= 256, "a length symbol has eight bits in a token");

struct symbol_alphabet {
    uint16_t exact[LENGTH_MAX_EXACT]; /* ascending */
    uint32_t exact_count;
    uint16_t quantiles[LENGTH_BUCKETS][LENGTH_QUANTILES];
    uint8_t sizes[LENGTH_TABLED]; /* by bytes: symbol_alphabet_size() */
};

/* What a side of a flow has sent, as far as its next length is named by it. */
struct length_past {
    uint16_t full;  /* bytes of LENGTH_FULL; 0: none */
    uint16_t own;   /* its newest data packet; 0: none yet */
    uint16_t other; /* and the other side's */
};

/* A length of a flow, to find the frequent ones. */
struct flow_length {
    uint16_t bytes;
    uint32_t flow;
};

/*
 * Exact are the lengths of at least max(3, 0.4 %) of `flows`, those of most flows first; quantiles are of the others.
 * `lengths` come flow by flow, and are sorted in place.
 */
void symbol_alphabet_build(struct symbol_alphabet *alphabet, struct flow_length *lengths, size_t count,
                           uint32_t flows);

/* A rare length is named by what it repeats, where it does. */
uint8_t symbol_alphabet_length(const struct symbol_alphabet *alphabet, uint32_t bytes,
                               struct length_past past);

/* The same without a past: exact, a bucket, or none. */
uint8_t symbol_alphabet_size(const struct symbol_alphabet *alphabet, uint32_t bytes);

/* The least that the symbol can stand for; UINT32_MAX: nothing, as what it repeats was not sent. */
uint32_t symbol_alphabet_least(const struct symbol_alphabet *alphabet, uint8_t length,
                               struct length_past past);

/* Payload bytes of a symbol for which least() is a number. */
uint32_t symbol_alphabet_draw(const struct symbol_alphabet *alphabet, uint8_t length,
                              struct length_past past, struct random_stream *random);

/* ---- tokens: side << 15 | enum packet_mark << 13 | TCP flags << 8 | length symbol ---- */

#define TOKEN_NONE UINT16_C(0x2000) /* its mark is PACKET_IMPAIRED, which no token has */

static inline uint16_t token_of(enum flow_side side, enum packet_mark mark, uint8_t flags, uint8_t length)
{
    return (uint16_t)((unsigned)side << 15 | (unsigned)mark << 13 | (flags & 0x1fU) << 8 | length);
}

static inline enum flow_side token_side(uint16_t token)
{
    return (enum flow_side)(token >> 15);
}

static inline enum packet_mark token_mark(uint16_t token)
{
    return (enum packet_mark)(token >> 13 & 3);
}

static inline uint8_t token_flags(uint16_t token)
{
    return token >> 8 & 0x1f;
}

static inline uint8_t token_length(uint16_t token)
{
    return (uint8_t)token;
}

#endif
