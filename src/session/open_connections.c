#include "session/open_connections.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { FIRST_BUCKETS = 256 };

struct open_connection {
    struct open_connection *next;
    struct flow_tuple tuple;
    struct session_numbers numbers;
};

/* The link to the connection between the same ends, or the one at the end of its chain. */
static struct open_connection **find(const struct open_connections *c, const struct flow_tuple *tuple)
{
    struct open_connection **link =
        &c->buckets[(size_t)flow_tuple_service_hash(tuple) & c->bucket_mask];

    while (*link && !flow_tuple_same_service(&(*link)->tuple, tuple))
        link = &(*link)->next;
    return link;
}

static void grow(struct open_connections *c)
{
    struct open_connections grown = { .bucket_mask = c->bucket_mask * 2 + 1, .count = c->count };

    grown.buckets = memory_alloc_array(grown.bucket_mask + 1, sizeof *grown.buckets);
    for (size_t i = 0; i <= c->bucket_mask; i++) {
        while (c->buckets[i]) {
            struct open_connection *connection = c->buckets[i];

            c->buckets[i] = connection->next;
            connection->next = NULL;
            *find(&grown, &connection->tuple) = connection;
        }
    }
    free(c->buckets);
    *c = grown;
}

void open_connections_init(struct open_connections *c)
{
    *c = (struct open_connections){ .bucket_mask = FIRST_BUCKETS - 1 };
    c->buckets = memory_alloc_array(FIRST_BUCKETS, sizeof *c->buckets);
}

void open_connections_release(struct open_connections *c)
{
    for (size_t i = 0; c->buckets && i <= c->bucket_mask; i++) {
        while (c->buckets[i]) {
            struct open_connection *connection = c->buckets[i];

            c->buckets[i] = connection->next;
            free(connection);
        }
    }
    free(c->buckets);
    memset(c, 0, sizeof *c);
}

void open_connections_put(struct open_connections *c, const struct flow_tuple *tuple,
                          const struct session_numbers *numbers)
{
    struct open_connection **link = find(c, tuple);

    if (*link == NULL) {
        if (c->count == OPEN_CONNECTIONS_MAX)
            return;
        *link = memory_alloc(sizeof **link);
        c->count++;
    }
    (*link)->tuple = *tuple;
    (*link)->numbers = *numbers;
    if (c->count > c->bucket_mask)
        grow(c);
}

bool open_connections_take(struct open_connections *c, struct flow_tuple *tuple,
                           struct session_numbers *numbers)
{
    struct open_connection **link = find(c, tuple);
    struct open_connection *connection = *link;

    if (connection == NULL)
        return false;
    *tuple = connection->tuple;
    *numbers = connection->numbers;
    *link = connection->next;
    free(connection);
    c->count--;
    return true;
}

bool open_connections_has(const struct open_connections *c, const struct flow_tuple *tuple)
{
    const struct open_connection *connection = *find(c, tuple);

    return connection && flow_tuple_equal(&connection->tuple, tuple);
}
