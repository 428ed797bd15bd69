#include "model/model_read_private.h"

#include <string.h>

#include "base/memory.h"
#include "model/model_schema.h"

enum {
    MAX_SERVICES = SERVICE_MAX + UINT8_MAX + 1, /* and the other ports of every protocol */
    TIMESTAMP_MOST_HZ = 1000
};

static bool has_label(const struct reader *r, const char *name)
{
    for (uint32_t i = 0; i < r->shape.label_count; i++) {
        if (strcmp(r->shape.labels[i], name) == 0)
            return true;
    }
    return false;
}

void read_labels(struct reader *r)
{
    struct rows rows = table_open(r, TABLE_LABEL, "SELECT id, name FROM label ORDER BY id");
    struct model_shape *shape = &r->shape;

    while (rows_next(&rows)) {
        const char *name = rows_text(&rows, 1, LABEL_MAX_NAME);

        rows_integer(&rows, 0, (int64_t)shape->label_count + 1, (int64_t)shape->label_count + 1);
        if (shape->label_count == LABELS_MAX)
            rows_fail(&rows, "there are too many");
        if (has_label(r, name))
            rows_fail(&rows, "the name is there twice");
        if (r->db.failed)
            break;
        shape->labels = memory_grow(shape->labels, &r->label_capacity, (size_t)shape->label_count + 1,
                                    sizeof *shape->labels);
        shape->labels[shape->label_count++] = memory_copy_text(name);
    }
    table_close(r, TABLE_LABEL, &rows);
}

static struct model_service read_service(struct rows *rows, uint32_t labels)
{
    struct model_service service = {
        .protocol = (uint8_t)rows_integer(rows, 1, 0, UINT8_MAX),
        .port = (uint32_t)rows_integer(rows, 2, 0, SERVICE_OTHER_PORTS),
        .label = (uint32_t)rows_integer(rows, 3, LABEL_NONE, labels),
        .flows = (uint64_t)rows_integer(rows, 4, 1, MAX_COUNT),
    };
    uint64_t *const conditions[] = {
        &service.conditions.flows,         &service.conditions.packets,
        &service.conditions.retransmitted, &service.conditions.reordered,
        &service.conditions.duplicated,    &service.conditions.fragments,
        &service.conditions.resets,        &service.conditions.attempts,
        &service.conditions.unanswered,    &service.conditions.unreachable,
    };

    for (int i = 0; i < (int)(sizeof conditions / sizeof *conditions); i++)
        *conditions[i] = (uint64_t)rows_integer(rows, 5 + i, 0, MAX_COUNT);
    if (service.port == SERVICE_OTHER_PORTS && service.label != LABEL_NONE)
        rows_fail(rows, "other ports have no label");
    return service;
}

void read_services(struct reader *r)
{
    struct rows rows = table_open(r, TABLE_SERVICE,
                                  "SELECT id, protocol, port, label, flows, measured_flows, measured_packets,"
                                  " retransmitted, reordered, duplicated, fragments, resets, attempts,"
                                  " unanswered, unreachable FROM service ORDER BY id");
    uint64_t flows = 0;

    while (rows_next(&rows)) {
        struct model_service service = read_service(&rows, r->shape.label_count);

        rows_integer(&rows, 0, r->service_count, r->service_count);
        if (r->service_count == MAX_SERVICES)
            rows_fail(&rows, "there are too many");
        flows += service.flows;
        if (flows > r->shape.flows)
            rows_fail(&rows, "the services have more flows than there are");
        if (r->db.failed)
            break;
        r->service_keys = memory_grow(r->service_keys, &r->service_capacity,
                                      (size_t)r->service_count + 1, sizeof *r->service_keys);
        r->service_keys[r->service_count] =
            (uint64_t)service_owner_pack(service.protocol, service.label) << 32 | service.port;
        r->sink->service(r->sink->self, r->service_count++, &service);
    }
    table_close(r, TABLE_SERVICE, &rows);
    if (!r->db.failed && reader_has_twice(r->service_keys, r->service_count))
        database_fail(&r->db, "table service: a service is there twice");
}

static void read_session_row(struct rows *rows, struct session_row *row)
{
    for (int side = 0; side < 2; side++) {
        row->packets[side] = (uint64_t)rows_integer(rows, 2 + side, 0, FLOW_MAX_PACKETS);
        row->data_packets[side] =
            (uint64_t)rows_integer(rows, 4 + side, 0, (int64_t)row->packets[side]);
        row->payload_bytes[side] =
            (uint64_t)rows_integer(rows, 6 + side, 0, row->data_packets[side] ? FLOW_MAX_BYTES : 0);
        row->mss[side] = (uint16_t)rows_integer(rows, 11 + side, 0, UINT16_MAX);
        row->ttl[side] = (uint8_t)rows_integer(rows, 13 + side, 0, UINT8_MAX);
        row->window[side] = (uint16_t)rows_integer(rows, 15 + side, 0, UINT16_MAX);
        row->tcp_options[side] = (uint8_t)rows_integer(rows, 17 + side, 0, UINT8_MAX);
        row->window_scale[side] = (uint8_t)rows_integer(rows, 19 + side, 0, UINT8_MAX);
        row->open_window[side] = (uint16_t)rows_integer(rows, 26 + side, 0, UINT16_MAX);
        row->timestamp_hz[side] = (uint16_t)rows_integer(rows, 28 + side, 0, TIMESTAMP_MOST_HZ);
        row->ip_id[side] = (enum ip_id_kind)rows_integer(rows, 30 + side, IP_ID_UNKNOWN, IP_ID_RANDOM);
        row->retransmitted[side] = (uint32_t)rows_integer(rows, 32 + side, 0, UINT32_MAX);
        row->reordered[side] = (uint32_t)rows_integer(rows, 34 + side, 0, UINT32_MAX);
        row->duplicated[side] = (uint32_t)rows_integer(rows, 36 + side, 0, UINT32_MAX);
        row->fragments[side] = (uint32_t)rows_integer(rows, 38 + side, 0, UINT32_MAX);
    }
    row->duration_ns = rows_integer(rows, 8, 0, MAX_DURATION_NS);
    row->rtt_ns = rows_integer(rows, 9, 0, MAX_DURATION_NS);
    row->turns = (uint32_t)rows_integer(rows, 10, 0, UINT32_MAX);
    row->is_measured = rows_integer(rows, 21, 0, 1) == 1;
    row->opening =
        (enum flow_opening)rows_integer(rows, 22, FLOW_OPENING_NONE, FLOW_OPENING_HANDSHAKE);
    row->ending = (enum flow_ending)rows_integer(rows, 23, FLOW_ENDING_NONE, FLOW_ENDING_FIN);
    row->first_data_side = (enum flow_side)rows_integer(rows, 24, 0, 1);
    row->closing_side = (enum flow_side)rows_integer(rows, 25, 0, 1);
}

/* The sequence of a row, into room for FLOW_MAX_SEQUENCE packets. */
static void read_sequence(struct rows *rows, struct keyed_row *row, struct flow_packet *room)
{
    size_t size;
    const uint8_t *blob =
        rows_blob(rows, 41, MODEL_PACKET_BYTES, FLOW_MAX_SEQUENCE * MODEL_PACKET_BYTES, &size);

    row->row.sequence_length = (uint32_t)(size / MODEL_PACKET_BYTES);
    row->row.sequence_head =
        flow_sequence_head(session_row_packets(&row->row), row->row.sequence_length);
    row->row.sequence = blob ? room : NULL;
    for (uint32_t i = 0; i < row->row.sequence_length; i++, blob += MODEL_PACKET_BYTES)
        room[i] = (struct flow_packet){ blob[0], blob[1], (uint16_t)(blob[2] | blob[3] << 8), blob[4], 0 };
}

void read_session_rows(struct reader *r)
{
    struct rows rows = table_open(r, TABLE_SESSION_ROW,
        "SELECT service, number, initiator_packets, responder_packets, initiator_data_packets,"
        " responder_data_packets, initiator_payload_bytes, responder_payload_bytes, duration_ns,"
        " rtt_ns, turns, initiator_mss, responder_mss, initiator_ttl, responder_ttl,"
        " initiator_window, responder_window, initiator_options, responder_options,"
        " initiator_window_scale, responder_window_scale, is_measured, opening, ending,"
        " first_data_side, closing_side, initiator_open_window, responder_open_window,"
        " initiator_timestamp_hz, responder_timestamp_hz, initiator_ip_id, responder_ip_id,"
        " initiator_retransmitted, responder_retransmitted, initiator_reordered, responder_reordered,"
        " initiator_duplicated, responder_duplicated, initiator_fragments, responder_fragments,"
        " key, packets FROM session_row ORDER BY service, number");
    struct flow_packet sequence[FLOW_MAX_SEQUENCE];
    uint64_t last_packets = 0;
    int64_t last_service = -1;
    int64_t number = 0;

    while (rows_next(&rows)) {
        struct keyed_row row = { 0 };
        int64_t service = rows_integer(&rows, 0, 0, (int64_t)r->service_count - 1);

        number = service == last_service ? number + 1 : 0;
        rows_integer(&rows, 1, number, number);
        if (number == SERVICE_MAX_ROWS)
            rows_fail(&rows, "there are too many");
        read_session_row(&rows, &row.row);
        row.key = rows_tag(&rows, 40, true);
        read_sequence(&rows, &row, sequence);
        if (session_row_packets(&row.row) == 0)
            rows_fail(&rows, "a flow without a packet");
        if (row.row.sequence_length > session_row_packets(&row.row))
            rows_fail(&rows, "more packets one by one than the flow has");
        if (service < last_service || (number > 0 && session_row_packets(&row.row) < last_packets))
            rows_fail(&rows, "out of order");
        if (r->db.failed)
            break;
        r->sink->session(r->sink->self, (uint32_t)service, &row);
        last_service = service;
        last_packets = session_row_packets(&row.row);
    }
    table_close(r, TABLE_SESSION_ROW, &rows);
}
