/*
 * CSV in the layout of nfdump 1.7: the columns of `nfdump -o csv` up to obyt, with their names. One line is a flow
 * with both its directions. Times have microseconds. Behind stands one more, oflg: the flags of the
 * responder, so that flg are the initiator's. A log that has it has biflows, and pings with their identifiers.
 * Labelled, there is a column label; of the truth of synthesized flows, one with the class and how it ended.
 */
#include "net/wire.h"
#include "records/put_text.h"
#include "records/record_encoding.h"

#define COLUMNS "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,oflg"

static void csv_begin(FILE *stream)
{
    fputs(COLUMNS "\n", stream);
}

static void labelled_begin(FILE *stream)
{
    fputs(COLUMNS ",label\n", stream);
}

static char *put_protocol(char *to, uint8_t protocol)
{
    switch (protocol) {
    case IP_TCP: return put_text(to, "TCP");
    case IP_UDP: return put_text(to, "UDP");
    case IP_ICMP: return put_text(to, "ICMP");
    case IP_ICMPV6: return put_text(to, "ICMP6");
    default: return put_u64(to, protocol);
    }
}

static char *put_flags(char *to, uint8_t flags)
{
    static const char letters[8] = { 'C', 'E', 'U', 'A', 'P', 'R', 'S', 'F' }; /* from the highest bit */

    for (int i = 0; i < 8; i++)
        *to++ = flags & 0x80 >> i ? letters[i] : '.';
    return to;
}

/* Type and code of ICMP as nfdump has them: "8.0". */
static char *put_responder_port(char *to, const struct flow_record *r)
{
    uint16_t port = r->port[FLOW_RESPONDER];

    if (r->protocol != IP_ICMP && r->protocol != IP_ICMPV6)
        return put_u64(to, port);
    return put_u64(put_char(put_u64(to, port >> 8), '.'), port & 0xff);
}

static char *put_columns(char *to, const struct flow_record *r)
{
    const char *start = to;

    to = put_char(put_date_and_time(to, r->start.ns), ',');
    to = put_char(put_date_and_time_like(to, r->start.ns + r->duration_ns, start, r->start.ns), ',');
    to = put_char(put_seconds(to, r->duration_ns), ',');
    to = put_char(put_address(to, &r->address[FLOW_INITIATOR]), ',');
    to = put_char(put_address(to, &r->address[FLOW_RESPONDER]), ',');
    to = put_char(put_u64(to, r->port[FLOW_INITIATOR]), ',');
    to = put_char(put_responder_port(to, r), ',');
    to = put_char(put_protocol(to, r->protocol), ',');
    to = put_text(put_flags(to, r->tcp_flags[FLOW_INITIATOR]), ",0,0");
    for (int side = 0; side < 2; side++) {
        to = put_u64(put_char(to, ','), r->packets[side]);
        to = put_u64(put_char(to, ','), r->bytes[side]);
    }
    return put_flags(put_char(to, ','), r->tcp_flags[FLOW_RESPONDER]);
}

static char *csv_encode(char *to, const struct flow_record *r)
{
    return put_char(put_columns(to, r), '\n');
}

static char *labelled_encode(char *to, const struct flow_record *r)
{
    return put_text(put_columns(to, r), r->is_synthetic ? ",synthetic\n" : ",genuine\n");
}

static void truth_begin(FILE *stream)
{
    fputs(COLUMNS ",label,ending\n", stream);
}

/* A comma or a quote would be one more column. */
static char *put_label(char *to, const char *label)
{
    for (; label && *label; label++)
        *to++ = *label == ',' || *label == '"' || (unsigned char)*label < ' ' ? '_' : *label;
    return to;
}

static const char *ending_of(const struct flow_record *r)
{
    bool both_fins = r->tcp_flags[0] & r->tcp_flags[1] & TCP_FIN;

    if (r->protocol != IP_TCP)
        return "";
    if (r->opening == FLOW_OPENING_ATTEMPT)
        return "attempt";
    if (r->ending == FLOW_ENDING_RESET)
        return "reset";
    if (r->ending == FLOW_ENDING_FIN)
        return r->opening == FLOW_OPENING_HANDSHAKE && both_fins ? "complete" : "fin";
    return "open";
}

static char *truth_encode(char *to, const struct flow_record *r)
{
    to = put_char(put_columns(to, r), ',');
    to = put_char(put_label(to, r->application), ',');
    return put_char(put_text(to, ending_of(r)), '\n');
}

static const struct record_encoding truth = {
    "csv", false, truth_encode, truth_begin, NULL, NULL, NULL
};

const struct record_encoding *record_encoding_truth(void)
{
    return &truth;
}

static const struct record_encoding labelled = {
    "csv", false, labelled_encode, labelled_begin, NULL, NULL, NULL
};
const struct record_encoding encoding_csv = { "csv", false, csv_encode, csv_begin, NULL, NULL, &labelled };
