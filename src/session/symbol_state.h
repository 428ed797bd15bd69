/*
 * symbol_state.h - what the packet model of symbols remembers of a session.
 *
 * The same code walks over sampled flows when it learns and over sessions when it draws.
 */
#ifndef SESSION_SYMBOL_STATE_H
#define SESSION_SYMBOL_STATE_H

#include <stdint.h>

#include "session/packet_budget.h"
#include "session/symbol_alphabet.h"

enum { GAP_PAIRS = 16 /* of two packets in a row: side, and whether there is payload */ };

struct symbol_state {
    uint16_t last, last2, last_data; /* tokens */
    uint16_t full[2];                /* bytes of a full segment */
    uint16_t bytes[2];               /* of the newest data packet of a side; 0: none yet */
    uint8_t length[2];               /* its symbol */
    uint8_t mean[2];                 /* symbol of the mean length still to come: of the last data packet its length */
    uint8_t octave[2];               /* the same mean in octaves; 0: no data to come */
    uint32_t key;                    /* of the session's own: where in their bins its gaps are */
    uint16_t row_at;                 /* in its row's sequence: see symbol_row_gaps.h */
    uint8_t index;                   /* packets so far, to 255 */
    uint8_t messages;                /* so far, to 255 */
    uint8_t unacknowledged[2];       /* data packets of a side, since the other one's newest packet; to 3 */
    uint8_t waiting[2];              /* TCP: data packets of a side, not acknowledged yet; to 255 */
    uint8_t cluster;                 /* of timing */
    uint8_t gap[GAP_PAIRS];          /* bin of the newest gap between such a pair; 0: none yet */
    int64_t handshake_ns;            /* of the round trip that is left for the third packet */
    int64_t left_ns;                 /* until the session's last packet, as planned ... */
    int64_t pace_ns;                 /* ... and what each packet to come is kept of it */
};

struct symbol_state symbol_state_begin(const uint16_t full[2], uint8_t cluster);

/* What is left to be sent: at the beginning, and behind a hole. */
void symbol_state_plan(struct symbol_state *state, const struct symbol_alphabet *alphabet,
                       const struct packet_budget *left);

/* What a side has still to say has changed. */
void symbol_state_expect(struct symbol_state *state, const struct symbol_alphabet *alphabet, enum flow_side side,
                         const struct packet_budget *left);

/* The packet went out. */
void symbol_state_send(struct symbol_state *state, uint16_t token, uint16_t bytes, uint8_t gap_bin);

static inline struct length_past symbol_state_past(const struct symbol_state *state, enum flow_side side)
{
    return (struct length_past){ state->full[side], state->bytes[side], state->bytes[!side] };
}

/* Which of the pairs two packets in a row are. */
static inline uint32_t symbol_state_pair(uint16_t last, uint16_t token)
{
    uint32_t first = (uint32_t)token_side(last) << 1 | (token_length(last) != LENGTH_NONE);
    uint32_t second = (uint32_t)token_side(token) << 1 | (token_length(token) != LENGTH_NONE);

    return first << 2 | second;
}

#endif
