/*
 * model_symbols.h - the default packet model: the next packet is a symbol (direction, mark, flags, length) drawn from
 * what followed the same context in sampled flows, with back-off to less specific contexts.
 *
 * Contexts hold what is still to be sent, exactly; so flows end as sampled ones do. docs/model.md, Packets of a
 * session.
 */
#ifndef SESSION_MODEL_SYMBOLS_H
#define SESSION_MODEL_SYMBOLS_H

#include "session/packet_model.h"

extern const struct packet_model packet_model_symbols;

#endif
