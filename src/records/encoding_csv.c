/*
 * CSV in the layout of nfdump 1.7: the columns of `nfdump -o csv` up to obyt, with their names. One line is a flow
 * with both its directions. Times have microseconds. Behind stands one more, oflg: the flags of the
 * responder, so that flg are the initiator's. A log that has it has biflows, and pings with their identifiers.
 * Labelled, there is a column label; of flows that were sent there are more, of what only their sender knows.
 */
#include "net/wire.h"
#include "records/conn_state.h"
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

/* "": there is none. */
static char *put_number(char *to, uint32_t number)
{
    return number > 0 ? put_u64(to, number) : to;
}

const char *encoding_csv_sent_header(void)
{
    return COLUMNS ",label,state,population,host,overlay,slink,dlink,svlan,dvlan,errors,unsent,cut\n";
}

char *encoding_csv_sent(char *to, const struct sent_record *r)
{
    to = put_char(put_columns(to, &r->flow), ',');
    to = put_char(put_label(to, r->flow.application), ',');
    to = put_char(put_text(to, r->flow.protocol == IP_TCP ? conn_state_name(&r->flow) : ""), ',');
    to = put_char(put_number(to, r->population), ',');
    to = put_char(put_number(to, r->host), ',');
    to = put_char(put_label(to, r->overlay), ',');
    for (int side = 0; side < 2; side++)
        to = put_char(put_label(to, r->link[side]), ',');
    for (int side = 0; side < 2; side++)
        to = put_char(put_number(to, r->vlan[side]), ',');
    to = put_char(put_u64(to, r->flow.unreachable), ',');
    to = put_char(put_u64(to, r->unsent), ',');
    return put_text(to, r->is_cut ? "1\n" : "0\n");
}

static const struct record_encoding labelled = {
    "csv", false, labelled_encode, labelled_begin, NULL, NULL, NULL
};
const struct record_encoding encoding_csv = { "csv", false, csv_encode, csv_begin, NULL, NULL, &labelled };
