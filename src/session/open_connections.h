/*
 * open_connections.h - TCP connections that a session left open, for a later one to go on with.
 *
 * At most one for each two hosts and a service: the latest. At most OPEN_CONNECTIONS_MAX in
 * all, 88 bytes each; beyond that, new ones are not remembered.
 */
#ifndef SESSION_OPEN_CONNECTIONS_H
#define SESSION_OPEN_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "session/flow_tuple.h"
#include "session/session.h"

enum { OPEN_CONNECTIONS_MAX = 1 << 20 };

struct open_connections {
    struct open_connection **buckets;
    size_t bucket_mask;
    size_t count;
};

void open_connections_init(struct open_connections *connections);
void open_connections_release(struct open_connections *connections);

/* Remembers the connection in place of an older one between the same ends. */
void open_connections_put(struct open_connections *connections, const struct flow_tuple *tuple,
                          const struct session_numbers *numbers);

/*
 * Takes out the connection between the same hosts and service, whatever its initiator's port:
 * fills that port in *tuple, and *numbers. False when there is none.
 */
bool open_connections_take(struct open_connections *connections, struct flow_tuple *tuple,
                           struct session_numbers *numbers);

/* True when an open connection has exactly these ends. */
bool open_connections_has(const struct open_connections *connections,
                          const struct flow_tuple *tuple);

#endif
