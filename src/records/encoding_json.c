/*
 * JSON lines with the keys of Zeek's conn.log: one object a flow, as the format "zeek-json" reads them.
 */
#include "net/wire.h"
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

/* The states of Zeek's documentation, of which SF of UDP says that there was an answer. */
static const char *state_name(const struct flow_record *r)
{
    uint8_t initiator = r->tcp_flags[FLOW_INITIATOR], responder = r->tcp_flags[FLOW_RESPONDER];
    bool by_initiator = r->closing_side == FLOW_INITIATOR;

    if (r->protocol != IP_TCP)
        return r->packets[FLOW_RESPONDER] > 0 ? "SF" : "S0";
    if (!(initiator & TCP_SYN))
        return "OTH";
    if (!(responder & TCP_SYN))
        return r->ending == FLOW_ENDING_NONE ? "S0"
               : r->ending == FLOW_ENDING_FIN ? "SH"
               : by_initiator ? "RSTOS0" : "REJ";
    if (r->ending == FLOW_ENDING_RESET)
        return by_initiator ? "RSTO" : "RSTR";
    if (initiator & responder & TCP_FIN)
        return "SF";
    return r->ending == FLOW_ENDING_NONE ? "S1" : by_initiator ? "S2" : "S3";
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

static char *put_keys(char *to, const struct flow_record *r)
{
    to = put_seconds(put_text(to, "{\"ts\":"), r->start.ns);
    to = put_address(put_text(to, ",\"id.orig_h\":\""), &r->address[FLOW_INITIATOR]);
    to = put_address(put_text(to, "\",\"id.resp_h\":\""), &r->address[FLOW_RESPONDER]);
    to = put_ports(put_char(to, '"'), r);
    to = put_text(put_text(to, ",\"proto\":\""), protocol_name(r));
    to = put_seconds(put_text(to, "\",\"duration\":"), r->duration_ns);
    to = put_u64(put_text(to, ",\"orig_bytes\":"), r->payload_bytes[FLOW_INITIATOR]);
    to = put_u64(put_text(to, ",\"resp_bytes\":"), r->payload_bytes[FLOW_RESPONDER]);
    to = put_text(put_text(to, ",\"conn_state\":\""), state_name(r));
    to = put_char(to, '"');
    if (r->protocol == IP_TCP)
        to = put_char(put_history(put_text(to, ",\"history\":\""), r), '"');
    return put_side(put_side(to, r, FLOW_INITIATOR), r, FLOW_RESPONDER);
}

static char *json_encode(char *to, const struct flow_record *r)
{
    return put_text(put_keys(to, r), "}\n");
}

static char *labelled_encode(char *to, const struct flow_record *r)
{
    return put_text(put_text(put_keys(to, r), ",\"label\":"), r->is_synthetic ? "\"synthetic\"}\n" : "\"genuine\"}\n");
}

static const struct record_encoding labelled = { "json", false, labelled_encode, NULL, NULL, NULL, NULL };
const struct record_encoding encoding_json = { "json", false, json_encode, NULL, NULL, NULL, &labelled };
