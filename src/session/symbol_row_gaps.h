/*
 * symbol_row_gaps.h - the gaps of the sampled flow that a session takes after, in their order.
 *
 * Packets are drawn one by one, and need not be those of the sampled flow. So each takes the gap of the next packet
 * there that is like it: smallest gap, largest gap and duration of a session go together as they did in the flow.
 */
#ifndef SESSION_SYMBOL_ROW_GAPS_H
#define SESSION_SYMBOL_ROW_GAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "dayshift/service_model.h"

/*
 * *gap_ns before a packet that is followed by `packets_left` - 1 others. `at`: index of the first packet of the row's
 * sequence that has not been taken; moves behind the one that is. False: none of the next few is like `token`, or they
 * are of a part of the flow that was not kept.
 */
bool symbol_row_gaps_next(const struct session_row *row, uint16_t token, uint64_t packets_left, uint16_t *at,
                          struct random_stream *random, int64_t *gap_ns);

#endif
