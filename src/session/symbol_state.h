/*
 * symbol_state.h - what the packet model remembers of a session, and the contexts that follow from it.
 *
 * The same code walks over sampled flows when it learns and over sessions when it draws.
 */
#ifndef SESSION_SYMBOL_STATE_H
#define SESSION_SYMBOL_STATE_H

#include <stdint.h>

#include "session/packet_model.h"
#include "session/symbol_alphabet.h"

enum {
    TOKEN_LEVELS = 6, /* contexts of a token, the most specific first */
    GAP_LEVELS = 5,   /* and of a gap */
    GAP_TIMED_LEVELS = 2, /* the first of these know how much time is left */
    GAP_PAIRS = 16    /* of two packets in a row: side, and whether there is payload */
};

struct symbol_state {
    uint16_t last, last2, last_data; /* tokens */
    uint16_t full[2];                /* bytes of a full segment */
    uint16_t bytes[2];               /* of the newest data packet of a side; 0: none yet */
    uint8_t length[2];               /* its symbol */
    uint8_t mean[2];                 /* symbol of the mean length still to come: of the last data packet its length */
    uint8_t octave[2];               /* the same mean in octaves; 0: no data to come */
    uint32_t key;                    /* of the session's own: where in their bins its gaps are */
    uint8_t index;                   /* packets so far, to 255 */
    uint8_t messages;                /* so far, to 255 */
    uint8_t unacknowledged[2];       /* data packets of a side, since the other one's newest packet; to 3 */
    uint8_t cluster;                 /* of timing */
    uint8_t gap[GAP_PAIRS];          /* bin of the newest gap between such a pair; 0: none yet */
    int64_t handshake_ns;            /* of the round trip that is left for the third packet */
    int64_t left_ns;                 /* until the session's last packet, as planned */
};

_Static_assert(sizeof(struct symbol_state) <= sizeof(struct symbols_memory), "it is a session's memory");

struct symbol_state symbol_state_begin(const uint16_t full[2], uint8_t cluster);

/* What a side has still to say; at the beginning, and when it has changed. */
void symbol_state_expect(struct symbol_state *state, const struct symbol_alphabet *alphabet, enum flow_side side,
                         uint64_t data_packets, uint64_t payload_bytes);

/* The packet went out. */
void symbol_state_send(struct symbol_state *state, uint16_t token, uint16_t bytes, uint8_t gap_bin,
                       int64_t gap_ns);

static inline struct length_past symbol_state_past(const struct symbol_state *state, enum flow_side side)
{
    return (struct length_past){ state->full[side], state->bytes[side], state->bytes[!side] };
}

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

/* The context of the gap before `token`, which comes next. */
uint64_t symbol_gap_context(const struct symbol_state *state, const struct symbol_features *features,
                            uint16_t token, uint32_t level);

/*
 * Symbols of gaps: a bin; or, on the timed levels, where the gap takes half of the time left or more and more packets
 * follow, GAP_REST and the bin of what it leaves. So the longest gap of a flow goes with its duration.
 */
enum { GAP_REST = 256 };

#endif
