/*
 * symbol_ending.h - how a sampled TCP flow ended, and whether a session can still end so.
 */
#ifndef SESSION_SYMBOL_ENDING_H
#define SESSION_SYMBOL_ENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "session/packet_model.h"
#include "session/symbol_flow.h"

struct symbol_ending {
    bool is_known;       /* the last packets of the flow were kept: the rest is so */
    bool fin[2], fin_on_data[2], rst[2]; /* the side sent one; its FIN went with payload */
    uint8_t last_fin;    /* who sent the last one, when one was sent */
    bool last_fin_acked; /* with a bare ACK */
};

/* `packets` are those of the flow. */
struct symbol_ending symbol_ending_of(const struct symbol_flow *flow, const struct symbol_packet *packets);

/*
 * Whether behind this packet, which TCP allows and what is left pays, the session can still send the rest and end as
 * the sampled flow did: with the same FINs and RSTs, of the same sides in the same order, and with an ACK for the last
 * FIN if it had one.
 */
bool symbol_ending_admits(const struct symbol_ending *ending, const struct packet_progress *progress,
                          enum flow_side side, uint8_t flags, enum packet_mark mark, bool has_payload);

#endif
