#include "model/model_read_private.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"

void read_summary(struct reader *r)
{
    struct rows rows = table_open(r, TABLE_SUMMARY, "SELECT flows, packets, first_ns, last_ns,"
                                                    " outside_count, key_check FROM summary");
    struct model_shape *shape = &r->shape;

    if (rows_next(&rows)) {
        shape->flows = (uint64_t)rows_integer(&rows, 0, 0, MAX_COUNT);
        shape->packets = (uint64_t)rows_integer(&rows, 1, 0, MAX_COUNT);
        shape->first.ns = rows_integer(&rows, 2, 0, INT64_MAX);
        shape->last.ns = rows_integer(&rows, 3, shape->first.ns, INT64_MAX);
        shape->outside_count = (uint32_t)rows_integer(&rows, 4, 0, PEER_ID_OTHER);
        shape->has_tags = sqlite3_column_type(rows.statement, 5) != SQLITE_NULL;
        shape->key_check = rows_tag(&rows, 5, shape->has_tags);
        if (rows_next(&rows))
            rows_fail(&rows, "there is a second row");
    } else {
        rows_fail(&rows, "there is none");
    }
    table_close(r, TABLE_SUMMARY, &rows);
}

uint32_t read_observation(struct reader *r, struct rows *rows, int column)
{
    return (uint32_t)rows_integer(rows, column, 0,
                                  r->shape.has_tags ? 0 : NETWORK_MAX_OBSERVATIONS - 1);
}

static void read_hosts(struct reader *r)
{
    struct rows rows = table_open(r, TABLE_HOST, "SELECT id, observation, tag, members, crowd"
                                                 " FROM host ORDER BY id");
    struct model_shape *shape = &r->shape;

    while (rows_next(&rows)) {
        uint32_t host = shape->host_count;
        uint32_t observation = read_observation(r, &rows, 1);

        rows_integer(&rows, 0, host, host);
        if (host == NETWORK_MAX_HOSTS)
            rows_fail(&rows, "there are too many");
        if (r->db.failed)
            break;
        shape->host_tags = memory_grow(shape->host_tags, &r->host_tag_capacity, (size_t)host + 1,
                                       sizeof *shape->host_tags);
        shape->host_observations =
            memory_grow(shape->host_observations, &r->host_observation_capacity, (size_t)host + 1,
                        sizeof *shape->host_observations);
        shape->host_tags[host] = rows_tag(&rows, 2, shape->has_tags);
        shape->host_observations[host] = observation;
        shape->host_members = memory_grow(shape->host_members, &r->host_member_capacity,
                                          (size_t)host + 1, sizeof *shape->host_members);
        shape->host_crowds = memory_grow(shape->host_crowds, &r->host_crowd_capacity, (size_t)host + 1,
                                         sizeof *shape->host_crowds);
        shape->host_members[host] =
            (uint32_t)rows_integer(&rows, 3, 1, shape->has_tags ? 1 : NETWORK_MAX_HOSTS);
        shape->host_crowds[host] = (uint32_t)rows_integer(&rows, 4, 0, NETWORK_MAX_HOSTS - 1);
        if (observation >= shape->observation_count)
            shape->observation_count = observation + 1;
        shape->host_count++;
    }
    table_close(r, TABLE_HOST, &rows);
}

/* There are not more crowds than hosts, and not more members than a population can have. */
static void check_crowds(struct reader *r)
{
    uint64_t members = 0;

    for (uint32_t i = 0; i < r->shape.host_count && !r->db.failed; i++) {
        members += r->shape.host_members[i];
        if (r->shape.host_crowds[i] >= r->shape.host_count)
            database_fail(&r->db, "table host: host %" PRIu32 " is of crowd %" PRIu32
                          ", where there are %" PRIu32 " hosts", i, r->shape.host_crowds[i],
                          r->shape.host_count);
    }
    if (members > NETWORK_MAX_HOSTS)
        database_fail(&r->db, "table host: %" PRIu64 " members are more than a model has (%d)", members,
                      NETWORK_MAX_HOSTS);
}

/* How many have a row. */
static uint32_t read_outside(struct reader *r)
{
    struct rows rows = table_open(r, TABLE_OUTSIDE, "SELECT id, tag FROM outside ORDER BY id");
    struct model_shape *shape = &r->shape;
    uint32_t count = 0;

    while (rows_next(&rows)) {
        rows_integer(&rows, 0, count, count);
        if (count == PEER_ID_OTHER)
            rows_fail(&rows, "there are too many");
        shape->outside_tags = memory_grow(shape->outside_tags, &r->outside_tag_capacity,
                                          (size_t)count + 1, sizeof *shape->outside_tags);
        shape->outside_tags[count++] = rows_tag(&rows, 1, shape->has_tags);
    }
    table_close(r, TABLE_OUTSIDE, &rows);
    return count;
}

/* An address is a host or outside, and once. */
static void check_tags(struct reader *r)
{
    const struct model_shape *shape = &r->shape;
    size_t count = (size_t)shape->host_count + shape->outside_count;
    uint64_t *sorted;

    if (!shape->has_tags || r->db.failed)
        return;
    sorted = memory_alloc_array(count, sizeof *sorted);
    for (size_t i = 0; i < count; i++)
        sorted[i] = i < shape->host_count ? shape->host_tags[i]
                                          : shape->outside_tags[i - shape->host_count];
    if (reader_has_twice(sorted, count))
        database_fail(&r->db, "tables host and outside: two have the same tag");
    free(sorted);
}

/* Outside peers have rows only where they have tags. */
void read_who(struct reader *r)
{
    struct model_shape *shape = &r->shape;
    uint32_t outside;

    read_hosts(r);
    check_crowds(r);
    outside = read_outside(r);
    if (outside != (shape->has_tags ? shape->outside_count : 0))
        database_fail(&r->db, "table outside: %" PRIu32 " rows, where the summary has %" PRIu32, outside,
                      shape->outside_count);
    check_tags(r);
}
