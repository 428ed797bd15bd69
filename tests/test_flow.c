#include "support.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "flow/flow_table.h"

enum {
    S = TCP_SYN,
    SA = TCP_SYN | TCP_ACK,
    A = TCP_ACK,
    P = TCP_PSH | TCP_ACK,
    F = TCP_FIN | TCP_ACK,
    R = TCP_RST,
    RA = TCP_RST | TCP_ACK,
    KEPT_RECORDS = 32
};

#define CLIENT "10.0.0.1"
#define SERVER "192.0.2.9"

/* One packet of a scripted conversation; '>' is from the client, '<' from the server. */
struct step {
    int64_t ms;
    char direction; /* 0 ends a script */
    uint8_t flags;
    uint32_t sequence, acknowledgement;
    uint32_t payload;
};

struct collected {
    struct flow_record records[KEPT_RECORDS];
    size_t count;
};

static void collect(void *self, const struct flow_record *record)
{
    struct collected *c = self;

    if (c->count > 0 && c->count <= KEPT_RECORDS)
        assert_true(record->start.ns >= c->records[c->count - 1].start.ns);
    if (c->count < KEPT_RECORDS)
        c->records[c->count] = *record;
    c->count++;
}

static struct ip_address address(const char *text)
{
    struct ip_address a;

    assert_int_equal(ip_address_parse(&a, text), 0);
    return a;
}

static struct flow_table *new_table(size_t max_flows, flow_sink *sink, void *self)
{
    const struct flow_table_options options = { .max_flows = max_flows };

    return flow_table_new(&options, sink, self);
}

static struct packet_view packet(uint8_t protocol, int64_t ms, const char *from, uint16_t from_port,
                                 const char *to, uint16_t to_port)
{
    return (struct packet_view){
        .time = { ms * NS_PER_MS },
        .source = address(from),
        .destination = address(to),
        .source_port = from_port,
        .destination_port = to_port,
        .protocol = protocol,
        .ttl = 64,
        .ip_bytes = 28,
    };
}

static struct packet_view tcp_packet(const struct step *step)
{
    bool from_client = step->direction == '>';
    struct packet_view view = packet(IP_TCP, step->ms, from_client ? CLIENT : SERVER,
                                     from_client ? 40000 : 443, from_client ? SERVER : CLIENT,
                                     from_client ? 443 : 40000);

    view.ttl = from_client ? 64 : 55;
    view.tcp_flags = step->flags;
    view.tcp_mss = step->flags & TCP_SYN ? (from_client ? 1460 : 1400) : 0;
    view.tcp_sequence = step->sequence;
    view.tcp_acknowledgement = step->acknowledgement;
    view.payload_bytes = step->payload;
    view.ip_bytes = 40 + step->payload;
    return view;
}

static void play(struct flow_table *table, const struct step *steps)
{
    for (; steps->direction; steps++) {
        struct packet_view view = tcp_packet(steps);

        flow_table_add(table, &view);
    }
}

#define HANDSHAKE { 0, '>', S, 100, 0, 0 }, { 20, '<', SA, 500, 101, 0 }, { 30, '>', A, 101, 501, 0 }
#define FINISH(ms, seq, ack)                                                 \
    { (ms), '>', F, (seq), (ack), 0 }, { (ms) + 10, '<', F, (ack), (seq) + 1, 0 }, \
    { (ms) + 20, '>', A, (seq) + 1, (ack) + 1, 0 }

enum { MAX_STEPS = 20 };

/* What each script must give as its first record, and how many records. */
static const struct {
    const char *name;
    struct step steps[MAX_STEPS];
    size_t records;
    uint64_t packets[2];
    uint64_t payload[2];
    uint64_t data[2];
    uint32_t turns;
    int64_t rtt_ms;
    enum flow_opening opening;
    enum flow_ending ending;
    enum flow_side closing;
    uint8_t findings;
} scripts[] = {
    { "request and reply, FIN",
      { HANDSHAKE, { 40, '>', P, 101, 501, 200 }, { 60, '<', A, 501, 301, 1400 },
        { 61, '<', P, 1901, 301, 600 }, FINISH(100, 301, 2501) },
      1, { 5, 4 }, { 200, 2000 }, { 1, 2 }, 2, 30,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_INITIATOR, 0 },
    { "server closes; three turns, the last from the server's second message",
      { HANDSHAKE, { 40, '<', P, 501, 101, 10 }, { 50, '>', P, 101, 511, 20 },
        { 60, '<', P, 511, 121, 30 }, { 70, '<', F, 541, 121, 0 }, { 80, '>', F, 121, 542, 0 },
        { 90, '<', A, 542, 122, 0 } },
      1, { 4, 5 }, { 20, 40 }, { 1, 2 }, 3, 30,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_RESPONDER, 0 },
    { "reset by the client",
      { HANDSHAKE, { 40, '>', P, 101, 501, 5 }, { 50, '>', R, 106, 0, 0 } },
      1, { 4, 1 }, { 5, 0 }, { 1, 0 }, 1, 30,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_RESET, FLOW_INITIATOR, 0 },
    { "refused",
      { { 0, '>', S, 100, 0, 0 }, { 1, '<', RA, 0, 101, 0 } },
      1, { 1, 1 }, { 0, 0 }, { 0, 0 }, 0, 0,
      FLOW_OPENING_ATTEMPT, FLOW_ENDING_RESET, FLOW_RESPONDER, 0 },
    { "refused three times, the same SYN each time",
      { { 0, '>', S, 100, 0, 0 }, { 1, '<', RA, 0, 101, 0 }, { 500, '>', S, 100, 0, 0 },
        { 501, '<', RA, 0, 101, 0 }, { 1000, '>', S, 100, 0, 0 }, { 1001, '<', RA, 0, 101, 0 } },
      1, { 3, 3 }, { 0, 0 }, { 0, 0 }, 0, 0,
      FLOW_OPENING_ATTEMPT, FLOW_ENDING_RESET, FLOW_RESPONDER, 0 },
    { "unanswered",
      { { 0, '>', S, 100, 0, 0 }, { 1000, '>', S, 100, 0, 0 }, { 3000, '>', S, 100, 0, 0 } },
      1, { 3, 0 }, { 0, 0 }, { 0, 0 }, 0, 0,
      FLOW_OPENING_ATTEMPT, FLOW_ENDING_NONE, FLOW_INITIATOR, 0 },
    { "a repeated SYN leaves its timeout out of the round trip",
      { { 0, '>', S, 100, 0, 0 }, { 1000, '>', S, 100, 0, 0 }, { 1020, '<', SA, 500, 101, 0 },
        { 1021, '>', A, 101, 501, 0 } },
      1, { 3, 1 }, { 0, 0 }, { 0, 0 }, 0, 21,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_NONE, FLOW_INITIATOR, 0 },
    { "under way already, first seen from the server",
      { { 0, '<', A, 9000, 70, 1400 }, { 1, '>', A, 70, 10400, 0 }, { 2, '>', P, 70, 10400, 9 } },
      1, { 2, 1 }, { 9, 1400 }, { 1, 1 }, 2, 0,
      FLOW_OPENING_NONE, FLOW_ENDING_NONE, FLOW_INITIATOR, 0 },
    { "SYN-ACK first: its receiver began",
      { { 0, '<', SA, 500, 101, 0 }, { 5, '>', A, 101, 501, 0 }, { 9, '>', P, 101, 501, 5 } },
      1, { 2, 1 }, { 5, 0 }, { 1, 0 }, 1, 0,
      FLOW_OPENING_NONE, FLOW_ENDING_NONE, FLOW_INITIATOR, 0 },
    { "SYN behind its SYN-ACK",
      { { 0, '<', SA, 500, 101, 0 }, { 0, '>', S, 100, 0, 0 }, { 5, '>', A, 101, 501, 0 } },
      1, { 2, 1 }, { 0, 0 }, { 0, 0 }, 0, 0,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_NONE, FLOW_INITIATOR, 0 },
    { "data before the handshake",
      { { 0, '>', S, 100, 0, 0 }, { 10, '>', P, 101, 0, 30 }, { 20, '<', SA, 500, 101, 0 } },
      1, { 2, 1 }, { 30, 0 }, { 1, 0 }, 1, 0,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_NONE, FLOW_INITIATOR, FLOW_DATA_BEFORE_HANDSHAKE },
    { "data and then a SYN",
      { { 0, '>', P, 101, 0, 30 }, { 10, '>', S, 100, 0, 0 } },
      1, { 2, 0 }, { 30, 0 }, { 1, 0 }, 1, 0,
      FLOW_OPENING_ATTEMPT, FLOW_ENDING_NONE, FLOW_INITIATOR, FLOW_DATA_BEFORE_HANDSHAKE },
    { "data on a connection nobody answered",
      { { 0, '>', S, 100, 0, 0 }, { 10, '>', P, 101, 0, 30 } },
      1, { 2, 0 }, { 30, 0 }, { 1, 0 }, 1, 0,
      FLOW_OPENING_ATTEMPT, FLOW_ENDING_NONE, FLOW_INITIATOR, FLOW_DATA_BEFORE_HANDSHAKE },
    { "two SYN-ACKs whose SYN was not seen",
      { { 0, '<', SA, 500, 101, 0 }, { 1000, '<', SA, 500, 101, 0 } },
      1, { 0, 2 }, { 0, 0 }, { 0, 0 }, 0, 0,
      FLOW_OPENING_NONE, FLOW_ENDING_NONE, FLOW_INITIATOR, FLOW_DUPLICATE_HANDSHAKE },
    { "second SYN-ACK",
      { HANDSHAKE, { 40, '<', SA, 500, 101, 0 } },
      1, { 2, 2 }, { 0, 0 }, { 0, 0 }, 0, 30,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_NONE, FLOW_INITIATOR, FLOW_DUPLICATE_HANDSHAKE },
    { "SYN after the handshake",
      { HANDSHAKE, { 40, '>', S, 100, 0, 0 } },
      1, { 3, 1 }, { 0, 0 }, { 0, 0 }, 0, 30,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_NONE, FLOW_INITIATOR, FLOW_DUPLICATE_HANDSHAKE },
    { "data after the sender's FIN",
      { HANDSHAKE, { 40, '>', F, 101, 501, 0 }, { 50, '>', P, 102, 501, 5 } },
      1, { 4, 1 }, { 5, 0 }, { 1, 0 }, 1, 30,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_INITIATOR, FLOW_DATA_AFTER_TERMINATION },
    { "data with the FIN, and from the side still open",
      { HANDSHAKE, { 40, '>', F, 101, 501, 5 }, { 50, '<', P, 501, 107, 900 },
        { 60, '<', F, 1401, 107, 0 }, { 61, '>', A, 107, 1402, 0 } },
      1, { 4, 3 }, { 5, 900 }, { 1, 1 }, 2, 30,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_INITIATOR, 0 },
    { "data after a reset",
      { HANDSHAKE, { 40, '<', RA, 501, 101, 0 }, { 50, '>', P, 101, 501, 5 } },
      1, { 3, 2 }, { 5, 0 }, { 1, 0 }, 1, 30,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_RESET, FLOW_RESPONDER, FLOW_DATA_AFTER_TERMINATION },
    { "reset after FIN ends by FIN",
      { HANDSHAKE, { 40, '>', F, 101, 501, 0 }, { 50, '<', RA, 501, 102, 0 } },
      1, { 3, 2 }, { 0, 0 }, { 0, 0 }, 0, 30,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_INITIATOR, 0 },
    { "keep-alive with and without its byte is no data",
      { HANDSHAKE, { 40, '>', P, 101, 501, 5 }, { 9000, '>', A, 105, 501, 1 },
        { 9001, '<', A, 501, 106, 0 }, { 18000, '>', A, 105, 501, 0 }, { 18001, '<', A, 501, 106, 0 } },
      1, { 5, 3 }, { 5, 0 }, { 1, 0 }, 1, 30,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_NONE, FLOW_INITIATOR, 0 },
    { "keep-alive before there was data",
      { HANDSHAKE, { 9000, '<', A, 500, 101, 1 }, { 9001, '>', A, 101, 501, 0 } },
      1, { 3, 2 }, { 0, 0 }, { 0, 0 }, 0, 30,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_NONE, FLOW_INITIATOR, 0 },
    { "one byte in sequence is data",
      { HANDSHAKE, { 40, '>', P, 101, 501, 1 }, { 50, '>', P, 102, 501, 1 } },
      1, { 4, 1 }, { 2, 0 }, { 2, 0 }, 1, 30,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_NONE, FLOW_INITIATOR, 0 },
    { "sequence numbers around 2^32",
      { { 0, '>', S, 0xffffffff, 0, 0 }, { 10, '<', SA, 0xfffffffe, 0, 0 },
        { 20, '>', A, 0, 0xffffffff, 0 }, { 30, '<', P, 0xffffffff, 0, 5 },
        { 40, '<', F, 4, 0, 0 }, { 50, '>', F, 0, 5, 0 }, { 60, '<', A, 5, 1, 0 },
        { 70, '>', S, 77, 0, 0 } },
      2, { 3, 4 }, { 0, 5 }, { 0, 1 }, 1, 20,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_RESPONDER, 0 },
    { "a FIN on 2^32, acknowledged only up to before it",
      { { 0, '>', S, 0xfffffffd, 0, 0 }, { 10, '<', SA, 500, 0xfffffffe, 0 },
        { 20, '>', A, 0xfffffffe, 501, 0 }, { 30, '>', F, 0xfffffffe, 501, 1 },
        { 40, '<', F, 501, 0xfffffffe, 0 }, { 50, '>', A, 0, 502, 0 }, { 60, '>', S, 7, 0, 0 } },
      1, { 5, 2 }, { 1, 0 }, { 1, 0 }, 1, 20,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_INITIATOR, FLOW_DUPLICATE_HANDSHAKE },
    { "stragglers within the grace",
      { HANDSHAKE, FINISH(40, 101, 501), { 4000, '<', F, 501, 102, 0 }, { 4001, '>', A, 102, 502, 0 } },
      1, { 5, 3 }, { 0, 0 }, { 0, 0 }, 0, 30,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_INITIATOR, 0 },
    { "stragglers after the grace, which no straggler prolongs",
      { HANDSHAKE, FINISH(40, 101, 501), { 4000, '<', F, 501, 102, 0 }, { 5060, '<', F, 501, 102, 0 } },
      2, { 4, 3 }, { 0, 0 }, { 0, 0 }, 0, 30,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_INITIATOR, 0 },
    { "the port used again at once",
      { HANDSHAKE, FINISH(40, 101, 501), { 100, '>', S, 90000, 0, 0 },
        { 110, '<', SA, 7, 90001, 0 } },
      2, { 4, 2 }, { 0, 0 }, { 0, 0 }, 0, 30,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_INITIATOR, 0 },
    { "an unacknowledged FIN does not close",
      { HANDSHAKE, { 40, '>', F, 101, 501, 0 }, { 50, '<', F, 501, 101, 0 },
        { 6000, '<', F, 501, 101, 0 } },
      1, { 3, 3 }, { 0, 0 }, { 0, 0 }, 0, 30,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_INITIATOR, 0 },
    { "silence just below the idle timeout",
      { HANDSHAKE, { 120029, '>', P, 101, 501, 5 } },
      1, { 3, 1 }, { 5, 0 }, { 1, 0 }, 1, 30,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_NONE, FLOW_INITIATOR, 0 },
    { "silence of the idle timeout",
      { HANDSHAKE, { 120030, '>', P, 101, 501, 5 } },
      2, { 2, 1 }, { 0, 0 }, { 0, 0 }, 0, 30,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_NONE, FLOW_INITIATOR, 0 },
};

static void check(const char *script, const char *what, uint64_t actual, uint64_t expected)
{
    if (actual != expected)
        fail_msg("%s: %s is %llu, not %llu", script, what, (unsigned long long)actual,
                 (unsigned long long)expected);
}

static void check_script(size_t i, const struct collected *c)
{
    const char *name = scripts[i].name;
    const struct flow_record *r = &c->records[0];
    struct ip_address client = address(CLIENT);

    check(name, "count of records", c->count, scripts[i].records);
    check(name, "initiator", ip_address_equal(&r->address[FLOW_INITIATOR], &client), true);
    check(name, "initiator's port", r->port[FLOW_INITIATOR], 40000);
    check(name, "responder's port", r->port[FLOW_RESPONDER], 443);
    for (int side = 0; side < 2; side++) {
        bool syn = r->tcp_flags[side] & TCP_SYN;

        check(name, "packets", r->packets[side], scripts[i].packets[side]);
        check(name, "payload", r->payload_bytes[side], scripts[i].payload[side]);
        check(name, "data packets", r->data_packets[side], scripts[i].data[side]);
        check(name, "TTL", r->ttl[side], r->packets[side] == 0 ? 0 : side == 0 ? 64 : 55);
        check(name, "MSS", r->mss[side], !syn ? 0 : side == 0 ? 1460 : 1400);
    }
    check(name, "turns", r->turns, scripts[i].turns);
    check(name, "round trip", (uint64_t)r->rtt_ns, (uint64_t)(scripts[i].rtt_ms * NS_PER_MS));
    check(name, "opening", r->opening, scripts[i].opening);
    check(name, "ending", r->ending, scripts[i].ending);
    check(name, "closing side", r->closing_side, scripts[i].closing);
    check(name, "findings", r->findings, scripts[i].findings);
}

static void test_scripts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct collected c = { .count = 0 };
        struct flow_table *table = new_table(FLOW_MAX_DEFAULT, collect, &c);

        play(table, scripts[i].steps);
        flow_table_flush(table);
        check_script(i, &c);
        flow_table_free(table);
    }
}

/* What the table of scripts does not look at. */
static void test_fields_of_a_flow(void **state)
{
    static const struct step steps[] = {
        { 7, '>', S, 100, 0, 0 },       { 20, '<', SA, 500, 101, 0 }, { 30, '>', A, 101, 501, 0 },
        { 40, '<', P, 501, 101, 10 },   { 50, '>', P, 101, 511, 20 }, FINISH(100, 121, 511),
        { 0 },
    };
    struct collected c = { .count = 0 };
    struct flow_table *table = new_table(FLOW_MAX_DEFAULT, collect, &c);
    const struct flow_record *r = &c.records[0];

    (void)state;
    play(table, steps);
    flow_table_flush(table);
    assert_int_equal(r->start.ns, 7 * NS_PER_MS);
    assert_int_equal(r->duration_ns, 113 * NS_PER_MS);
    assert_int_equal(r->protocol, IP_TCP);
    assert_int_equal(r->bytes[FLOW_INITIATOR], 5 * 40 + 20);
    assert_int_equal(r->bytes[FLOW_RESPONDER], 3 * 40 + 10);
    assert_int_equal(r->first_data_side, FLOW_RESPONDER);
    assert_int_equal(r->tcp_flags[FLOW_INITIATOR], S | A | TCP_PSH | TCP_FIN);
    assert_int_equal(r->tcp_flags[FLOW_RESPONDER], S | A | TCP_PSH | TCP_FIN);
    assert_int_equal(flow_record_packets(r), 8);
    assert_int_equal(flow_table_counts(table)->packets, 8);
    assert_int_equal(flow_table_counts(table)->flows, 1);
    flow_table_free(table);
}

/* Who initiated, told from the first packet alone. */
static void test_initiator(void **state)
{
    static const struct {
        const char *name;
        uint8_t protocol, tcp_flags, icmp_type;
        const char *from;
        uint16_t from_port;
        const char *to;
        uint16_t to_port;
        bool sender_initiated;
    } cases[] = {
        { "SYN to a high port", IP_TCP, S, 0, CLIENT, 80, SERVER, 50000, true },
        { "SYN-ACK from a high port", IP_TCP, SA, 0, SERVER, 50000, CLIENT, 80, false },
        { "data from a known port", IP_TCP, P, 0, SERVER, 22, CLIENT, 50000, false },
        { "data to a known port", IP_TCP, P, 0, CLIENT, 50000, SERVER, 22, true },
        { "data from a registered port", IP_TCP, A, 0, SERVER, 8080, CLIENT, 50000, false },
        { "data between registered ports", IP_TCP, A, 0, CLIENT, 8080, SERVER, 1025, true },
        { "known ports on both sides", IP_TCP, A, 0, CLIENT, 1023, SERVER, 513, true },
        { "DNS answer", IP_UDP, 0, 0, SERVER, 53, CLIENT, 50000, false },
        { "DNS question", IP_UDP, 0, 0, CLIENT, 50000, SERVER, 53, true },
        { "UDP to a lower port that is not known", IP_UDP, 0, 0, CLIENT, 50000, SERVER, 6881, true },
        { "UDP from one", IP_UDP, 0, 0, CLIENT, 6881, SERVER, 50000, true },
        { "NTP peers", IP_UDP, 0, 0, CLIENT, 123, SERVER, 123, true },
        { "multicast from a known port", IP_UDP, 0, 0, CLIENT, 520, "224.0.0.9", 5000, true },
        { "broadcast by DHCP's server", IP_UDP, 0, 0, SERVER, 67, "255.255.255.255", 6800, true },
        { "IPv6 multicast", IP_UDP, 0, 0, "fe80::1", 547, "ff02::2", 5000, true },
        { "ping", IP_ICMP, 0, 8, CLIENT, 7, SERVER, 8 << 8, true },
        { "its reply", IP_ICMP, 0, 0, SERVER, 8 << 8, CLIENT, 7, false },
        { "IPv6 ping", IP_ICMPV6, 0, 128, "fe80::1", 7, "fe80::2", 128 << 8, true },
        { "its reply", IP_ICMPV6, 0, 129, "fe80::2", 128 << 8, "fe80::1", 7, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct packet_view view = packet(cases[i].protocol, 0, cases[i].from, cases[i].from_port,
                                         cases[i].to, cases[i].to_port);
        struct collected c = { .count = 0 };
        struct flow_table *table = new_table(FLOW_MAX_DEFAULT, collect, &c);
        enum flow_side sender = cases[i].sender_initiated ? FLOW_INITIATOR : FLOW_RESPONDER;

        view.tcp_flags = cases[i].tcp_flags;
        view.icmp_type = cases[i].icmp_type;
        flow_table_add(table, &view);
        flow_table_flush(table);
        check(cases[i].name, "packets of the sender", c.records[0].packets[sender], 1);
        check(cases[i].name, "its port", c.records[0].port[sender], cases[i].from_port);
        flow_table_free(table);
    }
}

static void test_udp_request_and_reply(void **state)
{
    struct packet_view request = packet(IP_UDP, 0, CLIENT, 50000, SERVER, 53);
    struct packet_view again = packet(IP_UDP, 5000, CLIENT, 50000, SERVER, 53);
    struct packet_view reply = packet(IP_UDP, 5030, SERVER, 53, CLIENT, 50000);
    struct collected c = { .count = 0 };
    struct flow_table *table = new_table(FLOW_MAX_DEFAULT, collect, &c);
    const struct flow_record *r = &c.records[0];

    (void)state;
    request.payload_bytes = 40;
    again.payload_bytes = 40;
    again.ttl = 10;
    reply.payload_bytes = 300;
    flow_table_add(table, &request);
    flow_table_add(table, &again);
    flow_table_add(table, &reply);
    flow_table_flush(table);
    assert_int_equal(c.count, 1);
    assert_int_equal(r->packets[FLOW_INITIATOR], 2);
    assert_int_equal(r->payload_bytes[FLOW_RESPONDER], 300);
    assert_int_equal(r->ttl[FLOW_INITIATOR], 64); /* of the first */
    assert_int_equal(r->turns, 2);
    assert_int_equal(r->rtt_ns, 30 * NS_PER_MS);
    assert_int_equal(r->opening, FLOW_OPENING_NONE);
    assert_int_equal(r->ending, FLOW_ENDING_NONE);
    flow_table_free(table);
}

static void test_ping_is_one_flow(void **state)
{
    struct collected c = { .count = 0 };
    struct flow_table *table = new_table(FLOW_MAX_DEFAULT, collect, &c);

    (void)state;
    for (int64_t i = 0; i < 3; i++) {
        struct packet_view request = packet(IP_ICMP, i * 1000, CLIENT, 7, SERVER, 8 << 8);
        struct packet_view reply = packet(IP_ICMP, i * 1000 + 12, SERVER, 8 << 8, CLIENT, 7);

        request.icmp_type = 8;
        flow_table_add(table, &request);
        flow_table_add(table, &reply);
    }
    flow_table_flush(table);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.records[0].packets[FLOW_INITIATOR], 3);
    assert_int_equal(c.records[0].packets[FLOW_RESPONDER], 3);
    assert_int_equal(c.records[0].rtt_ns, 12 * NS_PER_MS);
    flow_table_free(table);
}

/* Flows that differ in one part of the 5-tuple are different; direction is no part of it. */
static void test_tuples(void **state)
{
    struct packet_view views[] = {
        packet(IP_UDP, 0, CLIENT, 5000, SERVER, 6000),
        packet(IP_UDP, 0, CLIENT, 5001, SERVER, 6000),
        packet(IP_UDP, 0, CLIENT, 5000, SERVER, 6001),
        packet(IP_UDP, 0, "10.0.0.2", 5000, SERVER, 6000),
        packet(IP_UDP, 0, CLIENT, 5000, "192.0.2.8", 6000),
        packet(IP_TCP, 0, CLIENT, 5000, SERVER, 6000),
        packet(IP_UDP, 0, CLIENT, 6000, SERVER, 5000),
        packet(IP_UDP, 0, SERVER, 6000, CLIENT, 5000), /* the first one, backwards */
        packet(IP_UDP, 0, CLIENT, 5000, CLIENT, 5000), /* to itself */
        packet(IP_UDP, 0, CLIENT, 5000, CLIENT, 5000),
    };
    struct collected c = { .count = 0 };
    struct flow_table *table = new_table(FLOW_MAX_DEFAULT, collect, &c);

    (void)state;
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
        flow_table_add(table, &views[i]);
    flow_table_flush(table);
    assert_int_equal(c.count, 8);
    assert_int_equal(c.records[0].packets[FLOW_RESPONDER], 1);
    assert_int_equal(c.records[7].packets[FLOW_INITIATOR], 2);
    flow_table_free(table);
}

static void add_udp(struct flow_table *table, int64_t ms, uint16_t port)
{
    struct packet_view view = packet(IP_UDP, ms, CLIENT, port, SERVER, 53);

    flow_table_add(table, &view);
}

/* A flow that is over waits for one that began before it and goes on. */
static void test_order_of_release(void **state)
{
    struct collected c = { .count = 0 };
    struct flow_table *table = new_table(FLOW_MAX_DEFAULT, collect, &c);

    (void)state;
    add_udp(table, 0, 5000);
    add_udp(table, 10, 5001);
    add_udp(table, 10, 5002);
    for (int64_t ms = 100000; ms <= 300000; ms += 100000)
        add_udp(table, ms, 5000);
    assert_int_equal(c.count, 0);
    add_udp(table, 500000, 5003); /* 5000 is over now, and lets the others go */
    assert_int_equal(c.count, 3);
    flow_table_flush(table);
    assert_int_equal(c.count, 4);
    for (uint16_t i = 0; i < 4; i++)
        assert_int_equal(c.records[i].port[FLOW_INITIATOR], 5000 + i);
    flow_table_free(table);
}

/* An older packet counts as of the newest before it: no record starts before its predecessor. */
static void test_clock_steps_back(void **state)
{
    struct collected c = { .count = 0 };
    struct flow_table *table = new_table(FLOW_MAX_DEFAULT, collect, &c);

    (void)state;
    add_udp(table, 10000, 5000);
    add_udp(table, 4000, 5001);
    add_udp(table, 3000, 5000);
    add_udp(table, 11000, 5001);
    assert_int_equal(flow_table_counts(table)->clock_steps, 2);
    flow_table_flush(table);
    assert_int_equal(c.count, 2);
    assert_int_equal(c.records[0].duration_ns, 0);
    assert_int_equal(c.records[1].start.ns, 10000 * NS_PER_MS);
    assert_int_equal(c.records[1].duration_ns, 1000 * NS_PER_MS);
    flow_table_free(table);
}

static void test_flush_begins_anew(void **state)
{
    struct collected c = { .count = 0 };
    struct collected *before = &c;
    struct flow_table *table = new_table(FLOW_MAX_DEFAULT, collect, &c);

    (void)state;
    add_udp(table, 10000, 5000);
    flow_table_flush(table);
    assert_int_equal(before->count, 1);
    c.count = 0; /* another capture, of an earlier day */
    add_udp(table, 500, 5000);
    flow_table_flush(table);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.records[0].start.ns, 500 * NS_PER_MS);
    assert_int_equal(flow_table_counts(table)->clock_steps, 0);
    flow_table_free(table);
}

static void test_bound(void **state)
{
    enum { BOUND = 4, FLOWS = 20 };
    struct collected c = { .count = 0 };
    struct flow_table *table = new_table(BOUND, collect, &c);

    (void)state;
    for (uint16_t i = 0; i < FLOWS; i++) {
        add_udp(table, i, (uint16_t)(5000 + i));
        assert_int_equal(c.count, i < BOUND ? 0 : i + 1 - BOUND);
    }
    assert_int_equal(flow_table_counts(table)->ended_early, FLOWS - BOUND);
    flow_table_flush(table);
    assert_int_equal(c.count, FLOWS);
    for (uint16_t i = 0; i < FLOWS; i++)
        assert_int_equal(c.records[i].port[FLOW_INITIATOR], 5000 + i);
    flow_table_free(table);
}

static void count_packets(void *self, const struct flow_record *record)
{
    uint64_t *packets = self;

    *packets += flow_record_packets(record);
}

/* Enough flows for the hash table to grow several times; every packet ends up in a record. */
static void test_many_flows(void **state)
{
    enum { FLOWS = 50000, ROUNDS = 3 };
    uint64_t packets = 0;
    struct flow_table *table = new_table(FLOW_MAX_DEFAULT, count_packets, &packets);

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < FLOWS; i++) {
            struct packet_view view = packet(IP_UDP, round, CLIENT, 1, SERVER, (uint16_t)i);

            view.source = ip_address_from_v4(0x0a000000 + i);
            flow_table_add(table, &view);
        }
    }
    flow_table_flush(table);
    assert_int_equal(packets, FLOWS * ROUNDS);
    assert_int_equal(flow_table_counts(table)->flows, FLOWS);
    flow_table_free(table);
}

/* Left open, a table is freed with all it holds and gives nothing to its sink. */
static void test_free_without_flush(void **state)
{
    struct collected c = { .count = 0 };
    struct flow_table *table = new_table(0, collect, &c);

    (void)state;
    add_udp(table, 0, 5000);
    flow_table_free(table);
    flow_table_free(NULL);
    assert_int_equal(c.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scripts),
        cmocka_unit_test(test_fields_of_a_flow),
        cmocka_unit_test(test_initiator),
        cmocka_unit_test(test_udp_request_and_reply),
        cmocka_unit_test(test_ping_is_one_flow),
        cmocka_unit_test(test_tuples),
        cmocka_unit_test(test_order_of_release),
        cmocka_unit_test(test_clock_steps_back),
        cmocka_unit_test(test_flush_begins_anew),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_many_flows),
        cmocka_unit_test(test_free_without_flush),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
