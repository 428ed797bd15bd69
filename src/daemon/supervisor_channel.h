/*
 * supervisor_channel.h - what the engine may ask of the supervisor: one byte, and an answer of one message.
 *
 * A pair of sockets that keep messages apart. The supervisor never waits here: it reads when there is something, and
 * what is no request is its reason to end the engine.
 */
#ifndef DAEMON_SUPERVISOR_CHANNEL_H
#define DAEMON_SUPERVISOR_CHANNEL_H

#include "base/error.h"

enum supervisor_request {
    REQUEST_RELOAD = 'r', /* answered when the new configuration was tried: before this engine is told to end */
    REQUEST_STOP = 's'    /* as SIGTERM, which is the answer: there is no other one */
};

enum { CHANNEL_ENGINE, CHANNEL_SUPERVISOR };

/* What the supervisor finds. Closed: nothing will ever come, though it can be read again and again. */
enum channel_find { CHANNEL_NOTHING, CHANNEL_REQUEST, CHANNEL_GARBAGE, CHANNEL_CLOSED };

int supervisor_channel_open(int ends[2], struct error *err);

/* For the engine: asks. The answer comes later: to a reload when the models have been read. 0, or -1: it cannot. */
int supervisor_channel_request(int fd, enum supervisor_request request, struct error *err);

/*
 * For the engine, when there is something to read: 1 when what it asked for is done; 0 when there is no answer yet; -1
 * with what the supervisor has against it.
 */
int supervisor_channel_take_answer(int fd, struct error *objection);

/* For the supervisor. *request is set by CHANNEL_REQUEST only. */
enum channel_find supervisor_channel_take(int fd, enum supervisor_request *request);

/* NULL: done. What cannot be given to the engine is lost: it is ending then. */
void supervisor_channel_answer(int fd, const struct error *objection);

#endif
