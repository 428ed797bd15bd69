/*
 * control.h - answers requests on the control socket: a few clients at once, one request each.
 *
 * Knows lines and JSON, nothing of a run. Part of its caller's poll(2) loop: never blocks, starts no thread, reads no
 * clock. Memory is bounded: CONTROL_CLIENTS requests and answers. Not thread-safe.
 *
 * A client has CONTROL_WAIT_S to ask, and as long to read its answer; then it is closed. When all places are taken, and
 * another client comes, that goes which has said nothing for the longest time.
 */
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

#include <jansson.h>
#include <poll.h>
#include <stddef.h>

#include "base/mono_time.h"

enum { CONTROL_CLIENTS = 8, CONTROL_POLLFDS = CONTROL_CLIENTS + 1 };

struct control_handler {
    /*
     * One request, in words; at least one. Returns a new object, or NULL when the answer comes later, by
     * control_answer_pending(). The words live until it returns.
     */
    json_t *(*handle)(void *self, const char *const *words, size_t count);
    void *self;
};

struct control;

/* Borrows the socket, which listens and does not block. */
struct control *control_new(int listening_fd, const struct control_handler *handler);
void control_free(struct control *control); /* closes the connections; harmless with NULL */

/* What to wait for. Returns how many were filled, at most CONTROL_POLLFDS. */
size_t control_fill_pollfds(const struct control *control, struct pollfd *pollfds);

/*
 * Does what can be done now; the handler is called from here. To be called when one of the descriptors is ready, and
 * several times a second for the sake of the time limits.
 */
void control_serve(struct control *control, struct mono_time now);

/*
 * The answer for all clients that wait for one; it is taken. After CONTROL_LONG_WAIT_S they are told that there is none.
 */
void control_answer_pending(struct control *control, json_t *answer, struct mono_time now);

/* {"error": text}. */
json_t *control_error(const char *text);

#endif
