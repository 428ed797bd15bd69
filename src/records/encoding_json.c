/*
 * JSON lines with the keys of Zeek's conn.log: one object a flow, as the format "zeek-json" reads them.
 */
#include "net/wire.h"
#include "records/conn_state.h"
#include "records/put_text.h"
#include "records/record_encoding.h"

static bool is_icmp(const struct flow_record *r)
{
    return r->protocol == IP_ICMP || r->protocol == IP_ICMPV6;
}

/* Of ICMP type and code, as Zeek has them. */
static char *put_ports(char *to, const struct flow_record *r)
{
    unsigned type_and_code = r->port[FLOW_RESPONDER];
    unsigned ports[2] = { r->port[FLOW_INITIATOR], type_and_code };

    if (is_icmp(r)) {
        ports[0] = type_and_code >> 8;
        ports[1] = type_and_code & 0xff;
    }
    to = put_u64(put_text(to, ",\"id.orig_p\":"), ports[0]);
    return put_u64(put_text(to, ",\"id.resp_p\":"), ports[1]);
}

static const char *protocol_name(const struct flow_record *r)
{
    return r->protocol == IP_TCP ? "tcp" : r->protocol == IP_UDP ? "udp" : is_icmp(r) ? "icmp" : "other";
}

/* A letter of what a side was seen to send: of the initiator a capital one. */
static char *put_letter(char *to, char letter, int side)
{
    return put_char(to, side == FLOW_INITIATOR ? (char)(letter - 'a' + 'A') : letter);
}

/* What either side sent, once each: its order is known of the beginning and the end alone. */
static char *put_history(char *to, const struct flow_record *r)
{
    int closer = r->closing_side;

    for (int side = 0; side < 2; side++) {
        if (r->tcp_flags[side] & TCP_SYN)
            to = put_letter(to, side == FLOW_INITIATOR ? 's' : 'h', side);
    }
    for (int side = 0; side < 2; side++) {
        if ((r->tcp_flags[side] & (TCP_ACK | TCP_RST)) == TCP_ACK)
            to = put_letter(to, 'a', side);
        if (r->tcp_flags[side] & TCP_PSH)
            to = put_letter(to, 'd', side);
    }
    for (int i = 0; i < 2; i++) {
        int side = i == 0 ? closer : !closer;

        if (r->tcp_flags[side] & TCP_FIN)
            to = put_letter(to, 'f', side);
        if (r->tcp_flags[side] & TCP_RST)
            to = put_letter(to, 'r', side);
    }
    return to;
}

static char *put_side(char *to, const struct flow_record *r, int side)
{
    to = put_u64(put_text(to, side == FLOW_INITIATOR ? ",\"orig_pkts\":" : ",\"resp_pkts\":"), r->packets[side]);
    return put_u64(put_text(to, side == FLOW_INITIATOR ? ",\"orig_ip_bytes\":" : ",\"resp_ip_bytes\":"),
                   r->bytes[side]);
}

static char *put_payload(char *to, const struct flow_record *r, bool is_known)
{
    if (!is_known)
        return to;
    to = put_u64(put_text(to, ",\"orig_bytes\":"), r->payload_bytes[FLOW_INITIATOR]);
    return put_u64(put_text(to, ",\"resp_bytes\":"), r->payload_bytes[FLOW_RESPONDER]);
}

static char *put_keys(char *to, const struct flow_record *r, bool has_payload)
{
    to = put_seconds(put_text(to, "{\"ts\":"), r->start.ns);
    to = put_address(put_text(to, ",\"id.orig_h\":\""), &r->address[FLOW_INITIATOR]);
    to = put_address(put_text(to, "\",\"id.resp_h\":\""), &r->address[FLOW_RESPONDER]);
    to = put_ports(put_char(to, '"'), r);
    to = put_text(put_text(to, ",\"proto\":\""), protocol_name(r));
    to = put_seconds(put_text(to, "\",\"duration\":"), r->duration_ns);
    to = put_payload(to, r, has_payload);
    to = put_text(put_text(to, ",\"conn_state\":\""), conn_state_name(r));
    to = put_char(to, '"');
    if (r->protocol == IP_TCP)
        to = put_char(put_history(put_text(to, ",\"history\":\""), r), '"');
    return put_side(put_side(to, r, FLOW_INITIATOR), r, FLOW_RESPONDER);
}

static char *json_encode(char *to, const struct flow_record *r)
{
    return put_text(put_keys(to, r, true), "}\n");
}

/* Nothing where it is empty. */
static char *put_name(char *to, const char *key, const char *value)
{
    return *value ? put_char(put_label(put_text(to, key), value), '"') : to;
}

/* Nothing where it is 0. */
static char *put_number(char *to, const char *key, uint64_t value)
{
    return value > 0 ? put_u64(put_text(to, key), value) : to;
}

char *encoding_json_sent(char *to, const struct sent_record *r)
{
    to = put_name(put_keys(to, &r->flow, false), ",\"label\":\"", r->flow.application);
    if (is_icmp(&r->flow))
        to = put_u64(put_text(to, ",\"icmp_id\":"), r->flow.port[FLOW_INITIATOR]);
    to = put_number(to, ",\"population\":", r->population);
    to = put_number(to, ",\"host\":", r->host);
    to = put_name(to, ",\"overlay\":\"", r->overlay);
    to = put_name(to, ",\"orig_link\":\"", r->link[FLOW_INITIATOR]);
    to = put_name(to, ",\"resp_link\":\"", r->link[FLOW_RESPONDER]);
    to = put_number(to, ",\"orig_vlan\":", r->vlan[FLOW_INITIATOR]);
    to = put_number(to, ",\"resp_vlan\":", r->vlan[FLOW_RESPONDER]);
    to = put_u64(put_text(to, ",\"errors\":"), r->flow.unreachable);
    to = put_u64(put_text(to, ",\"unsent\":"), r->unsent);
    return put_text(put_text(to, ",\"cut\":"), r->is_cut ? "true}\n" : "false}\n");
}

static char *labelled_encode(char *to, const struct flow_record *r)
{
    return put_text(put_text(put_keys(to, r, true), ",\"label\":"), r->is_synthetic ? "\"synthetic\"}\n" : "\"genuine\"}\n");
}

static const struct record_encoding labelled = { "json", false, labelled_encode, NULL, NULL, NULL, NULL };
const struct record_encoding encoding_json = { "json", false, json_encode, NULL, NULL, NULL, &labelled };
