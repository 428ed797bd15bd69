/*
 * session_shape.h - how the packets of one session add up, before there is any packet.
 *
 * Given the wanted packet count, a sampled flow of the service with that count (or the
 * nearest one, scaled) becomes the budget that the session spends to the last packet.
 */
#ifndef SESSION_SESSION_SHAPE_H
#define SESSION_SESSION_SHAPE_H

#include "base/random.h"
#include "dayshift/flow_plan.h"
#include "dayshift/service_model.h"

#define SESSION_NO_ROW UINT32_MAX

/*
 * *row has the fields of a sampled flow, *index of the service's rows (SESSION_NO_ROW: of none); packets[0] + packets[1] is
 * what was planned where that is possible.
 *
 * The two addresses of the plan stand for one path: their hash decides which of the service's round trip times a
 * session has, always the same one, and makes rows likely whose own was similar. Over many pairs of addresses every
 * row that fits the planned packets is equally likely.
 */
void session_shape_draw(const struct flow_plan *plan, struct random_stream *random, struct session_row *row,
                        uint32_t *index);

/* A TCP connection becomes an attempt to connect that nobody answers: of a few SYNs. */
void session_shape_lose_answer(struct session_row *row);

#endif
