/*
 * session_record.h - what a session adds up to, without its packets: the flow record that a meter would write of
 * the frames of the renderer.
 *
 * The same draws from the same stream as session_begin(), then closed forms: constant time whatever the size of the
 * flow. Packets, bytes, payload and flags are those of the session to the last one; the duration is, but for the
 * random microseconds between packets of a message, which are taken at their mean.
 *
 * What only the renderer knows is not in it: another initiator port where the drawn one is taken, a session that
 * the end of the run cuts short.
 */
#ifndef SESSION_SESSION_RECORD_H
#define SESSION_SESSION_RECORD_H

#include "dayshift/flow_plan.h"
#include "dayshift/flow_record.h"

/* `seed` is the run's, as for session_begin(). The record has no sequence and no application. */
void session_record(const struct flow_plan *plan, uint64_t seed, struct flow_record *record);

#endif
