#include "records/record_row.h"

#include <string.h>

#include "base/time_types.h"
#include "net/ip_header.h"
#include "net/wire.h"
#include "records/conn_state.h"

enum {
    TCP_HEADERS = IPV4_HEADER_BYTES + TCP_HEADER_BYTES, /* options and IPv6 make payload look larger than it is */
    UDP_HEADERS = IPV4_HEADER_BYTES + UDP_HEADER_BYTES,
    SYN_OPTIONS = 20,
    ACK_OPTIONS = 12, /* timestamps: what is left of a segment without payload */
    FULL_PACKET = 1500,
    OPAQUE_PORT_FIRST = 49152,
    OPAQUE_PORTS = 16384
};

#define MAX_PACKETS (UINT64_C(1) << 40) /* of one line; so that sums do not overflow */
#define MAX_BYTES (UINT64_C(1) << 50)

static const char *const role_names[ROLE_COUNT] = {
    [ROLE_START] = "start",         [ROLE_END] = "end",
    [ROLE_DURATION] = "duration",   [ROLE_SRC] = "src",
    [ROLE_DST] = "dst",             [ROLE_SPORT] = "sport",
    [ROLE_DPORT] = "dport",         [ROLE_PROTO] = "proto",
    [ROLE_PACKETS] = "packets",     [ROLE_BYTES] = "bytes",
    [ROLE_RPACKETS] = "rpackets",   [ROLE_RBYTES] = "rbytes",
    [ROLE_TOTAL_PACKETS] = "totpackets", [ROLE_TOTAL_BYTES] = "totbytes",
    [ROLE_PAYLOAD] = "payload",     [ROLE_RPAYLOAD] = "rpayload",
    [ROLE_FLAGS] = "flags",         [ROLE_RFLAGS] = "rflags",
    [ROLE_STATE] = "state",         [ROLE_HISTORY] = "history",
    [ROLE_DIRECTION] = "direction",
};

const char *row_role_name(enum row_role role)
{
    return role_names[role];
}

enum row_role row_role_of(const char *name, size_t size)
{
    for (int i = 0; i < ROLE_COUNT; i++) {
        if (strlen(role_names[i]) == size && memcmp(role_names[i], name, size) == 0)
            return (enum row_role)i;
    }
    return ROLE_NONE;
}

void record_row_clear(struct record_row *row)
{
    for (int i = 0; i < ROLE_COUNT; i++)
        row->fields[i] = (struct field){ "", 0 };
}

static enum row_result malformed(struct row_problem *problem, enum row_role role, const char *why)
{
    *problem = (struct row_problem){ role, why };
    return ROW_MALFORMED;
}

static bool has(const struct record_row *row, enum row_role role)
{
    return row->fields[role].size > 0;
}

/* What ra of Argus 3 prints in place of udp. */
static bool is_content_of_udp(struct field field)
{
    return field_is(field, "rtp") || field_is(field, "rtcp") || field_is(field, "udt");
}

static enum row_result decode_protocol(const struct record_row *row, const struct row_rules *rules,
                                       struct log_record *record, struct row_problem *problem)
{
    unsigned protocol;

    if (field_to_protocol(row->fields[ROLE_PROTO], &protocol) < 0)
        return malformed(problem, ROLE_PROTO, "is no protocol");
    if (rules->udp_by_content && is_content_of_udp(row->fields[ROLE_PROTO]))
        protocol = IP_UDP;
    if (protocol != IP_TCP && protocol != IP_UDP && protocol != IP_ICMP && protocol != IP_ICMPV6)
        return ROW_OTHER_PROTOCOL;
    record->protocol = (uint8_t)protocol;
    return ROW_RECORD;
}

static enum row_result decode_time(const struct record_row *row, struct row_context *context,
                                   enum row_role role, int64_t *ns, int64_t *grain_ns,
                                   struct row_problem *problem)
{
    int status = field_to_time(row->fields[role], &context->clock, ns, grain_ns);

    if (status == 0)
        return ROW_RECORD;
    if (status == -1)
        return malformed(problem, role, "is no time from 1970 to 2199");
    *problem = (struct row_problem){ role, "is a time of day without a date"
                                           " (ra -u prints times that tell the date)" };
    return ROW_HOPELESS;
}

/* Start and duration; of these and the end, two are enough, and one will do. */
static enum row_result decode_times(const struct record_row *row, struct row_context *context,
                                    struct log_record *record, struct row_problem *problem)
{
    enum row_role role = has(row, ROLE_START) ? ROLE_START : ROLE_END;
    enum row_result result = decode_time(row, context, role, &record->start_ns, &record->grain_ns,
                                         problem);
    int64_t end_ns, end_grain_ns;

    record->duration_ns = 0;
    if (result != ROW_RECORD)
        return result;
    if (has(row, ROLE_DURATION)) {
        if (field_to_duration(row->fields[ROLE_DURATION], &record->duration_ns) < 0)
            return malformed(problem, ROLE_DURATION, "is no duration of up to ten years in seconds");
        if (role == ROLE_END)
            record->start_ns -= record->duration_ns;
        return record->start_ns >= 0 ? ROW_RECORD
                                     : malformed(problem, ROLE_DURATION, "begins before 1970");
    }
    if (role == ROLE_END || !has(row, ROLE_END))
        return ROW_RECORD;
    result = decode_time(row, context, ROLE_END, &end_ns, &end_grain_ns, problem);
    if (result != ROW_RECORD)
        return result;
    if (end_ns < record->start_ns)
        return malformed(problem, ROLE_END, "is before the start");
    if (end_ns - record->start_ns >= FIELD_MAX_DURATION_NS)
        return malformed(problem, ROLE_END, "is more than ten years after the start");
    record->duration_ns = end_ns - record->start_ns;
    return ROW_RECORD;
}

static enum row_result decode_host(struct field field, struct row_context *context,
                                   enum row_role role, struct ip_address *address,
                                   struct row_problem *problem)
{
    if (field_to_address(field, address) == 0)
        return ROW_RECORD;
    if (context->names == NULL || !host_name_is_valid(field.at, field.size))
        return malformed(problem, role, "is neither an address nor the name of a host");
    *address = host_names_address(context->names, field.at, field.size);
    return ROW_RECORD;
}

/* "443", or "Port05507": an anonymised port, about which is known only that it is none of the known ones. */
static int to_port(struct field field, uint16_t *port)
{
    static const char opaque[] = "Port";
    size_t letters = sizeof opaque - 1;
    uint64_t value = 0;

    if (field.size > letters && memcmp(field.at, opaque, letters) == 0) {
        struct field digits = { field.at + letters, field.size - letters };

        if (field_to_u64(digits, UINT32_MAX, &value) < 0)
            return -1;
        value = OPAQUE_PORT_FIRST + value % OPAQUE_PORTS;
    } else if (field.size > 0 && field_to_u64(field, UINT16_MAX, &value) < 0) {
        return -1;
    }
    *port = (uint16_t)value;
    return 0;
}

static enum row_result decode_ports(const struct record_row *row, struct log_record *record,
                                    struct row_problem *problem)
{
    static const char why[] = "is no port number (ra -n and nfdump -N print numbers)";

    if (to_port(row->fields[ROLE_SPORT], &record->port[0]) < 0)
        return malformed(problem, ROLE_SPORT, why);
    if (to_port(row->fields[ROLE_DPORT], &record->port[1]) < 0)
        return malformed(problem, ROLE_DPORT, why);
    return ROW_RECORD;
}

/* "8.0" or 2048. */
static int to_type_and_code(struct field field, uint64_t *value)
{
    const char *point = memchr(field.at, '.', field.size);
    struct field type = { field.at, point ? (size_t)(point - field.at) : 0 };
    struct field code = { point ? point + 1 : field.at, point ? field.size - type.size - 1 : 0 };
    uint64_t low;

    if (point == NULL)
        return field_to_u64(field, UINT16_MAX, value);
    if (field_to_u64(type, UINT8_MAX, value) < 0 || field_to_u64(code, UINT8_MAX, &low) < 0)
        return -1;
    *value = *value << 8 | low;
    return 0;
}

/* The type, or -1 when it cannot be told; the identifier stays 0 where there is none. */
static int icmp_type(const struct record_row *row, enum icmp_style style, uint16_t *identifier)
{
    uint64_t value, id;

    if (style == ICMP_WITH_IDENTIFIER && field_to_u64(row->fields[ROLE_SPORT], UINT16_MAX, &id) == 0)
        *identifier = (uint16_t)id;
    if (style == ICMP_IN_DPORT || style == ICMP_WITH_IDENTIFIER)
        return to_type_and_code(row->fields[ROLE_DPORT], &value) < 0 ? -1 : (int)(value >> 8);
    if (field_to_u64(row->fields[ROLE_SPORT], UINT16_MAX, &value) < 0)
        return -1;
    if (style == ICMP_IN_ARGUS && field_to_u64(row->fields[ROLE_DPORT], UINT16_MAX, &id) == 0)
        *identifier = (uint16_t)id;
    return (int)(value & UINT8_MAX);
}

/* The ports of an echo as packet_view.h has them; who asks is the initiator. */
static enum row_result decode_icmp(const struct record_row *row, enum icmp_style style,
                                   struct log_record *record)
{
    bool is_v6 = record->protocol == IP_ICMPV6 || !ip_address_is_v4(&record->address[0]);
    int request = is_v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST;
    int reply = is_v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHO_REPLY;
    uint16_t identifier = 0;
    int type = icmp_type(row, style, &identifier);
    bool asks = type == request;

    if (!asks && type != reply)
        return ROW_OTHER_ICMP;
    record->protocol = is_v6 && !ip_address_is_named(&record->address[0]) ? IP_ICMPV6 : IP_ICMP;
    record->port[asks ? 0 : 1] = identifier;
    record->port[asks ? 1 : 0] = (uint16_t)(request << 8);
    record->initiator = asks ? LOG_END_SOURCE : LOG_END_DESTINATION;
    return ROW_RECORD;
}

/* Packets of a total, by what the bytes need where they are known: half each, but as many as it takes. */
static void split_packets(struct log_record *record, uint64_t total)
{
    uint64_t back = total / 2;
    uint64_t needed[2];

    for (int end = 0; end < 2; end++) {
        needed[end] = (record->bytes[end] + FULL_PACKET - 1) / FULL_PACKET;
        if (needed[end] > total)
            needed[end] = total;
    }
    if (back > total - needed[0])
        back = total - needed[0];
    if (back < needed[1])
        back = needed[1];
    if (record->bytes[0] == 0 && record->bytes[1] > 0)
        back = total;
    record->packets[0] = total - back;
    record->packets[1] = back;
}

/* Bytes of a total, as the packets. */
static void split_bytes(struct log_record *record, uint64_t total)
{
    uint64_t packets = record->packets[0] + record->packets[1];

    record->bytes[1] = packets > 0 ? total / packets * record->packets[1] : 0;
    record->bytes[0] = total - record->bytes[1];
}

/*
 * Whether anything came back, where a log has only totals. Argus' arrows tell it of UDP and ICMP; of TCP they
 * tell who began, and its state tells the rest.
 */
static bool total_is_both_ways(const struct record_row *row, const struct log_record *record)
{
    struct field arrow = row->fields[ROLE_DIRECTION];
    struct field state = row->fields[ROLE_STATE];

    if (record->protocol == IP_TCP)
        return !field_is(state, "REQ") && !field_is(state, "INT") &&
               !(state.size > 0 && state.at[state.size - 1] == '_');
    return arrow.size > 0 && memchr(arrow.at, '<', arrow.size) != NULL;
}

/* The columns of packets or of bytes: of the source, of the destination, of both. */
struct volume_roles {
    enum row_role end[2], total;
    uint64_t max;
};

static const struct volume_roles packet_roles = {
    { ROLE_PACKETS, ROLE_RPACKETS }, ROLE_TOTAL_PACKETS, MAX_PACKETS
};
static const struct volume_roles byte_roles = {
    { ROLE_BYTES, ROLE_RBYTES }, ROLE_TOTAL_BYTES, MAX_BYTES
};

/* 0 where nothing is said. */
static enum row_result decode_volume(const struct record_row *row, enum row_role role, uint64_t max,
                                     uint64_t *value, struct row_problem *problem)
{
    *value = 0;
    if (has(row, role) && field_to_u64(row->fields[role], max, value) < 0)
        return malformed(problem, role, "is no whole number, or too large");
    return ROW_RECORD;
}

/*
 * What each end sent, as it is said or as what a total leaves. Where there is nothing but a total, *is_open:
 * the total is left to be split.
 */
static enum row_result decode_ends(const struct record_row *row, const struct volume_roles *roles,
                                   uint64_t value[2], uint64_t *total, bool *is_open,
                                   struct row_problem *problem)
{
    bool has_source = has(row, roles->end[0]), has_back = has(row, roles->end[1]);
    enum row_result result = decode_volume(row, roles->total, roles->max, total, problem);

    for (int end = 0; end < 2 && result == ROW_RECORD; end++)
        result = decode_volume(row, roles->end[end], roles->max, &value[end], problem);
    *is_open = has(row, roles->total) && !has_source && !has_back;
    if (result != ROW_RECORD || !has(row, roles->total) || has_source == has_back)
        return result;
    if (value[0] + value[1] > *total)
        return malformed(problem, roles->total, "is less than what one end sent");
    value[has_source ? 1 : 0] = *total - value[has_source ? 0 : 1];
    return ROW_RECORD;
}

static enum row_result decode_volumes(const struct record_row *row, struct log_record *record,
                                      struct row_problem *problem)
{
    uint64_t packets, bytes;
    bool packets_open, bytes_open;
    enum row_result result = decode_ends(row, &packet_roles, record->packets, &packets, &packets_open,
                                         problem);

    if (result == ROW_RECORD)
        result = decode_ends(row, &byte_roles, record->bytes, &bytes, &bytes_open, problem);
    for (int end = 0; end < 2 && result == ROW_RECORD; end++)
        result = decode_volume(row, end == 0 ? ROLE_PAYLOAD : ROLE_RPAYLOAD, MAX_BYTES,
                               &record->payload_bytes[end], problem);
    if (result != ROW_RECORD)
        return result;
    if (packets_open && (bytes_open ? total_is_both_ways(row, record) : record->bytes[1] > 0))
        split_packets(record, packets);
    else if (packets_open)
        record->packets[0] = packets;
    if (bytes_open)
        split_bytes(record, bytes);
    return record->packets[0] + record->packets[1] > 0 ? ROW_RECORD : ROW_EMPTY;
}

static enum row_result decode_state(const struct record_row *row, const struct row_rules *rules,
                                    struct log_record *record, struct row_problem *problem)
{
    struct field arrow = row->fields[ROLE_DIRECTION];
    bool is_sure = arrow.size == 0 || (memchr(arrow.at, '?', arrow.size) == NULL &&
                                       memchr(arrow.at, '>', arrow.size) != NULL);
    struct conn_state state = { { 0, 0 }, LOG_END_UNKNOWN };

    if (record->initiator == LOG_END_UNKNOWN && rules->knows_initiator && is_sure &&
        !(rules->pairs && record->packets[1] == 0))
        record->initiator = LOG_END_SOURCE;
    if (record->protocol != IP_TCP)
        return ROW_RECORD;
    if (has(row, ROLE_FLAGS) && field_to_tcp_flags(row->fields[ROLE_FLAGS], &state.tcp_flags[0]) < 0)
        return malformed(problem, ROLE_FLAGS, "are no TCP flags");
    if (has(row, ROLE_RFLAGS) && field_to_tcp_flags(row->fields[ROLE_RFLAGS], &state.tcp_flags[1]) < 0)
        return malformed(problem, ROLE_RFLAGS, "are no TCP flags");
    if (has(row, ROLE_HISTORY))
        conn_state_add_history(&state, row->fields[ROLE_HISTORY]);
    if (has(row, ROLE_STATE))
        conn_state_add(&state, row->fields[ROLE_STATE]);
    if (has(row, ROLE_STATE) && arrow.size > 0 && is_sure)
        conn_state_add_beginning(&state);
    record->tcp_flags[0] = state.tcp_flags[0];
    record->tcp_flags[1] = state.tcp_flags[1];
    record->closing = state.closing;
    return ROW_RECORD;
}

static uint64_t estimated_payload(const struct log_record *record, int end)
{
    uint64_t packets = record->packets[end];
    uint64_t headers = packets * (record->protocol == IP_TCP ? TCP_HEADERS : UDP_HEADERS);
    uint64_t slack = 0;

    if (record->protocol == IP_TCP) {
        headers += record->tcp_flags[end] & TCP_SYN ? SYN_OPTIONS : 0;
        slack = packets * ACK_OPTIONS;
    }
    return record->bytes[end] > headers + slack ? record->bytes[end] - headers : 0;
}

static void set_payload(const struct record_row *row, struct log_record *record)
{
    static const enum row_role roles[2] = { ROLE_PAYLOAD, ROLE_RPAYLOAD };

    record->payload_known = has(row, ROLE_PAYLOAD) && has(row, ROLE_RPAYLOAD);
    for (int end = 0; end < 2; end++) {
        if (!has(row, roles[end]))
            record->payload_bytes[end] = estimated_payload(record, end);
        else if (record->payload_bytes[end] > record->bytes[end])
            record->payload_bytes[end] = record->bytes[end]; /* bytes that were announced but never came */
    }
}

enum row_result record_row_decode(const struct record_row *row, struct row_context *context,
                                  struct log_record *record, struct row_problem *problem)
{
    enum row_result result = decode_times(row, context, record, problem);

    record->initiator = record->closing = LOG_END_UNKNOWN;
    record->tcp_flags[0] = record->tcp_flags[1] = 0;
    record->is_cumulative = context->rules.is_cumulative;
    if (result == ROW_RECORD)
        result = decode_protocol(row, &context->rules, record, problem);
    for (int end = 0; end < 2 && result == ROW_RECORD; end++)
        result = decode_host(row->fields[ROLE_SRC + end], context, ROLE_SRC + end,
                             &record->address[end], problem);
    if (result == ROW_RECORD) {
        if (record->protocol == IP_TCP || record->protocol == IP_UDP)
            result = decode_ports(row, record, problem);
        else
            result = decode_icmp(row, context->rules.icmp, record);
    }
    if (result == ROW_RECORD)
        result = decode_volumes(row, record, problem);
    if (result == ROW_RECORD)
        result = decode_state(row, &context->rules, record, problem);
    if (result == ROW_RECORD)
        set_payload(row, record);
    return result;
}
