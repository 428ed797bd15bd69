#include "model/model_read_private.h"

enum { MOST_LOG_PACKETS = 38 /* of a slice: more than can be counted, twice NETWORK_MAX_SUM */ };

/* date * 288 + slice, behind the last one. */
static uint32_t read_slice_number(struct rows *rows, int column)
{
    int64_t date = rows_integer(rows, column, 0, NETWORK_MAX_DATE);
    int64_t slice = rows_integer(rows, column + 1, 0, DAY_SLICES - 1);

    return (uint32_t)(date * DAY_SLICES + slice);
}

void read_coverage(struct reader *r)
{
    struct rows rows = table_open(r, TABLE_COVERAGE, "SELECT observation, date, slice, seconds FROM"
                                                     " coverage ORDER BY observation, date, slice");
    struct owner_counts group = { .counts = COUNTS_COVERAGE };

    while (rows_next(&rows))
        owner_counts_add(r, &rows, &group,
                         (struct tally_entry){ read_observation(r, &rows, 0), read_slice_number(&rows, 1),
                                               (uint64_t)rows_integer(&rows, 3, 1, SLICE_SECONDS) });
    owner_counts_end(r, &group);
    table_close(r, TABLE_COVERAGE, &rows);
}

static struct activity read_activity_row(struct rows *rows)
{
    return (struct activity){
        .packets_sent = (uint64_t)rows_integer(rows, 3, 0, MAX_COUNT),
        .packets_received = (uint64_t)rows_integer(rows, 4, 0, MAX_COUNT),
        .bytes_sent = (uint64_t)rows_integer(rows, 5, 0, MAX_COUNT),
        .bytes_received = (uint64_t)rows_integer(rows, 6, 0, MAX_COUNT),
        .flows_initiated = (uint64_t)rows_integer(rows, 7, 0, MAX_COUNT),
        .flows_answered = (uint64_t)rows_integer(rows, 8, 0, MAX_COUNT),
    };
}

/* Sums of logarithms are of crowds only, and of no member more than can be counted. */
static struct crowd_activity read_crowd_activity(struct rows *rows, uint32_t members)
{
    struct crowd_activity crowd = { .members = (uint64_t)rows_integer(rows, 9, 1, members) };
    int64_t most = members > 1 ? (int64_t)crowd.members << ACTIVITY_LOG_BITS : 0;

    crowd.log_sum = (uint64_t)rows_integer(rows, 10, 0, most * MOST_LOG_PACKETS);
    crowd.log_square_sum = (uint64_t)rows_integer(rows, 11, 0, most * MOST_LOG_PACKETS * MOST_LOG_PACKETS);
    return crowd;
}

void read_activity(struct reader *r)
{
    struct rows rows = table_open(r, TABLE_ACTIVITY,
                                  "SELECT host, date, slice, packets_sent, packets_received, bytes_sent,"
                                  " bytes_received, flows_initiated, flows_answered, members, log_packets,"
                                  " log_packets_squared FROM activity"
                                  " ORDER BY host, date, slice");
    struct tally_entry last = { 0, 0, 0 };

    while (rows_next(&rows)) {
        struct tally_entry at = { (uint32_t)rows_integer(&rows, 0, 0, (int64_t)r->shape.host_count - 1),
                                  read_slice_number(&rows, 1), 0 };
        struct activity activity = read_activity_row(&rows);
        struct crowd_activity crowd =
            read_crowd_activity(&rows, r->db.failed ? 1 : r->shape.host_members[at.owner]);

        if (rows.number > 1 && !entry_is_behind(&at, &last))
            rows_fail(&rows, "it is there twice, or out of order");
        if (activity.packets_sent + activity.packets_received == 0 ||
            activity.flows_initiated + activity.flows_answered == 0)
            rows_fail(&rows, "nothing happened");
        if (r->db.failed)
            break;
        r->sink->activity(r->sink->self, at.owner, at.symbol, &activity, &crowd);
        last = at;
    }
    table_close(r, TABLE_ACTIVITY, &rows);
}
