#include "model/model_read_private.h"

#include <stdlib.h>

#include "base/order.h"

static const char *const table_names[MODEL_TABLES] = {
    "summary", "host", "outside", "state", "label", "mixture", "peer_process", "initial", "transition", "gap", "beat",
    "volume", "byte_volume", "initiator_port", "responder_port", "peer", "state_label", "coverage", "activity",
    "service", "session_row",
};

const char *model_table_name(enum model_table table)
{
    return table_names[table];
}

struct rows table_open(struct reader *r, enum model_table table, const char *sql)
{
    return rows_open(&r->db, table_names[table], sql);
}

void table_close(struct reader *r, enum model_table table, struct rows *rows)
{
    r->rows[table] = rows->number > 0 ? rows->number - 1 : 0;
    rows_close(rows);
}

bool reader_has_twice(uint64_t *numbers, size_t count)
{
    if (count > 0)
        qsort(numbers, count, sizeof *numbers, order_u64);
    for (size_t i = 1; i < count; i++) {
        if (numbers[i] == numbers[i - 1])
            return true;
    }
    return false;
}

uint64_t reader_host_flows(const struct reader *r, uint32_t host)
{
    return r->shape.host_members[host] > 1 ? 2 * r->shape.flows : r->shape.flows;
}

static void read_all(struct reader *r)
{
    read_summary(r);
    read_who(r);
    read_states(r);
    read_labels(r);
    if (r->db.failed)
        return;
    r->sink->shape(r->sink->self, &r->shape);
    read_mixtures(r);
    read_peer_processes(r);
    read_sequences(r);
    read_distributions(r);
    check_states(r);
    read_coverage(r);
    read_activity(r);
    read_services(r);
    read_session_rows(r);
}

int model_read(struct model_image *image, const struct model_sink *sink,
               uint64_t rows[MODEL_TABLES], struct error *err)
{
    struct reader r = { .sink = sink, .rows = rows };

    database_open(&r.db, image, err);
    read_all(&r);
    database_close(&r.db);
    free(r.shape.host_tags);
    free(r.shape.host_observations);
    free(r.shape.host_members);
    free(r.shape.host_crowds);
    free(r.shape.host_states);
    for (uint32_t i = 0; i < r.shape.label_count; i++)
        free(r.shape.labels[i]);
    free(r.shape.labels);
    free(r.shape.outside_tags);
    free(r.shape.states);
    free(r.shape.transitions);
    free(r.seen);
    free(r.service_keys);
    return r.db.failed ? -1 : 0;
}
