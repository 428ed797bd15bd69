#include "support.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_grid.h"
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

enum { MANY_FLOWS = 1000000 };

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
    bool in_any_order;
};

static void collect(void *self, const struct flow_record *record)
{
    struct collected *c = self;

    if (!c->in_any_order && c->count > 0 && c->count <= KEPT_RECORDS)
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
    view.tcp_window = 8192;
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
        struct flow_table *table = new_table(MANY_FLOWS, collect, &c);

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
    struct flow_table *table = new_table(MANY_FLOWS, collect, &c);
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
        { "data the other way", IP_TCP, A, 0, SERVER, 1025, CLIENT, 8080, false },
        { "data from the higher of two dynamic ports", IP_TCP, A, 0, CLIENT, 60000, SERVER, 50000, true },
        { "data from the lower", IP_TCP, A, 0, SERVER, 50000, CLIENT, 60000, false },
        { "data between equal ports", IP_TCP, A, 0, CLIENT, 179, SERVER, 179, true },
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
        struct flow_table *table = new_table(MANY_FLOWS, collect, &c);
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
    struct flow_table *table = new_table(MANY_FLOWS, collect, &c);
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
    struct flow_table *table = new_table(MANY_FLOWS, collect, &c);

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
    struct flow_table *table = new_table(MANY_FLOWS, collect, &c);

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
    struct flow_table *table = new_table(MANY_FLOWS, collect, &c);

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

/* A packet out of order counts as of the newest before it: no record starts before its predecessor. */
static void test_late_packets(void **state)
{
    struct collected c = { .count = 0 };
    struct flow_table *table = new_table(MANY_FLOWS, collect, &c);

    (void)state;
    add_udp(table, 130000, 5000);
    add_udp(table, 124000, 5001);
    add_udp(table, 10000, 5000); /* older by the idle timeout, and no more */
    add_udp(table, 131000, 5001);
    assert_int_equal(flow_table_counts(table)->late_packets, 2);
    assert_int_equal(flow_table_counts(table)->clock_steps, 0);
    flow_table_flush(table);
    assert_int_equal(c.count, 2);
    assert_int_equal(c.records[0].duration_ns, 0);
    assert_int_equal(c.records[1].start.ns, 130000 * NS_PER_MS);
    assert_int_equal(c.records[1].duration_ns, 1000 * NS_PER_MS);
    flow_table_free(table);
}

/* Behind a time stamp of the future the clock goes on from where it was; open flows end there. */
static void test_clock_steps_back(void **state)
{
    enum { YEAR_MS = 31536000 };
    struct collected c = { .in_any_order = true };
    struct flow_table *table = new_table(MANY_FLOWS, collect, &c);

    (void)state;
    add_udp(table, 1000, 5000);
    add_udp(table, YEAR_MS * INT64_C(1000), 5001);
    assert_int_equal(flow_table_counts(table)->clock_steps, 0);
    add_udp(table, 1500, 5000);
    assert_int_equal(flow_table_counts(table)->clock_steps, 1);
    assert_int_equal(c.count, 2);
    add_udp(table, 1700, 5000);
    add_udp(table, 1600, 5002);
    flow_table_flush(table);
    assert_int_equal(c.count, 4);
    assert_int_equal(c.records[0].start.ns, 1000 * NS_PER_MS);
    assert_int_equal(c.records[0].duration_ns, 0);
    assert_int_equal(c.records[1].port[FLOW_INITIATOR], 5001);
    assert_int_equal(c.records[2].start.ns, 1500 * NS_PER_MS);
    assert_int_equal(c.records[2].duration_ns, 200 * NS_PER_MS);
    assert_int_equal(c.records[3].start.ns, 1700 * NS_PER_MS);
    assert_int_equal(flow_table_counts(table)->clock_steps, 1);
    assert_int_equal(flow_table_counts(table)->late_packets, 1);
    assert_int_equal(flow_table_counts(table)->late, 0); /* that is for want of room */
    flow_table_free(table);
}

static void test_flush_begins_anew(void **state)
{
    struct collected c = { .count = 0 };
    struct collected *before = &c;
    struct flow_table *table = new_table(MANY_FLOWS, collect, &c);

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

/* Short flows behind a long one do not cut it: order goes first. */
static void test_bound_lets_go_of_order(void **state)
{
    enum { BOUND = 4, SHORT_MS = 6000 };
    struct collected c = { .in_any_order = true };
    struct flow_table *table = new_table(BOUND, collect, &c);
    uint16_t port = 6000;

    (void)state;
    add_udp(table, 0, 5000);
    for (int64_t ms = 0; ms < 100 * SHORT_MS; ms += SHORT_MS) {
        struct step reset = { ms + 1, '>', R, 100, 0, 0 };
        struct packet_view view = tcp_packet(&reset);

        view.source_port = port++; /* over at once, and gone after the grace */
        flow_table_add(table, &view);
        add_udp(table, ms + 2, 5000);
    }
    assert_int_equal(c.count, 99);
    flow_table_flush(table);
    assert_int_equal(c.count, 101);
    assert_int_equal(flow_table_counts(table)->ended_early, 0);
    assert_int_equal(flow_table_counts(table)->late, 1);
    for (uint16_t i = 0; i < KEPT_RECORDS; i++)
        assert_int_equal(c.records[i].port[FLOW_INITIATOR], 6000 + i);
    flow_table_free(table);
}

/* When all are open, it is the one idle for longest that ends, however early it began. */
static void test_bound_ends_the_idle(void **state)
{
    enum { BOUND = 3 };
    struct collected c = { .in_any_order = true };
    struct flow_table *table = new_table(BOUND, collect, &c);

    (void)state;
    add_udp(table, 0, 5000);
    add_udp(table, 1, 5001);
    add_udp(table, 2, 5002);
    add_udp(table, 3, 5000);
    add_udp(table, 4, 5003);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.records[0].port[FLOW_INITIATOR], 5001);
    add_udp(table, 5, 5000);
    flow_table_flush(table);
    assert_int_equal(c.count, 4);
    assert_int_equal(c.records[1].port[FLOW_INITIATOR], 5000); /* it had lost its place */
    assert_int_equal(c.records[1].packets[FLOW_INITIATOR], 3);
    assert_int_equal(flow_table_counts(table)->ended_early, 1);
    assert_int_equal(flow_table_counts(table)->late, 1);
    flow_table_free(table);
}

/* A closed flow that waits for stragglers goes before one that is silent for longer. */
static void test_bound_ends_the_closed(void **state)
{
    enum { BOUND = 2 };
    static const struct step refused[] = {
        { 1, '>', S, 100, 0, 0 }, { 2, '<', RA, 0, 101, 0 }, { 0 },
    };
    struct collected c = { .in_any_order = true };
    struct flow_table *table = new_table(BOUND, collect, &c);

    (void)state;
    add_udp(table, 0, 5000);
    play(table, refused);
    add_udp(table, 3, 5001);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.records[0].protocol, IP_TCP);
    flow_table_free(table);
}

/* A scan of a million addresses stays within the bound, and its records in order. */
static void test_scan(void **state)
{
    enum { BOUND = 1000, ADDRESSES = 1000000 };
    struct step syn = { 0, '>', S, 100, 0, 0 };
    struct packet_view view = tcp_packet(&syn);
    struct collected c = { .count = 0 };
    struct flow_table *table = new_table(BOUND, collect, &c);

    (void)state;
    for (uint32_t i = 0; i < ADDRESSES; i++) {
        view.time.ns = i;
        view.destination = ip_address_from_v4(0x0b000000 + i);
        flow_table_add(table, &view);
        assert_int_equal(c.count, i < BOUND ? 0 : i + 1 - BOUND);
    }
    flow_table_flush(table);
    assert_int_equal(c.count, ADDRESSES);
    assert_int_equal(flow_table_counts(table)->ended_early, ADDRESSES - BOUND);
    assert_int_equal(flow_table_counts(table)->late, 0);
    assert_true(flow_table_flow_bytes() <= 576);
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
    struct flow_table *table = new_table(MANY_FLOWS, count_packets, &packets);

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

/* ---- who looks at packets ---- */

/* What an observer notes of a flow, and what it and the sink saw of all. */
struct noted {
    uint64_t packets[2];
    uint8_t odd; /* so that the size is no multiple of an alignment */
};

struct watch {
    size_t ended;
    uint64_t packets;
    const struct flow_record *record; /* of the flow that ended last */
};

static void note_packet(void *self, void *state, enum flow_side side, const struct packet_view *view)
{
    struct noted *noted = state;
    struct watch *watch = self;

    assert_int_equal((uintptr_t)state % _Alignof(max_align_t), 0);
    noted->packets[side]++;
    noted->odd = 1;
    watch->packets += view->protocol == IP_UDP;
}

static void note_end(void *self, void *state, const struct flow_record *record)
{
    const struct noted *noted = state;
    struct watch *watch = self;

    assert_int_equal(noted->packets[FLOW_INITIATOR], record->packets[FLOW_INITIATOR]);
    assert_int_equal(noted->packets[FLOW_RESPONDER], record->packets[FLOW_RESPONDER]);
    watch->ended++;
    watch->record = record;
}

static void expect_end(void *self, const struct flow_record *record)
{
    const struct watch *watch = self;

    assert_ptr_equal(watch->record, record);
}

/* It sees every packet of every flow, with the flow's state, which begins empty also in a place used before. */
static void test_observer(void **state)
{
    enum { FLOWS = 1000, ROUNDS = 4, BOUND = 300 };
    struct watch watch = { .ended = 0 };
    const struct flow_observer observer = { &watch, sizeof(struct noted), note_packet, note_end, NULL };
    const struct flow_table_options options = { .max_flows = BOUND, .observer = &observer };
    struct flow_table *table = flow_table_new(&options, expect_end, &watch);

    (void)state;
    for (unsigned i = 0; i < FLOWS * ROUNDS; i++) {
        struct packet_view view = packet(IP_UDP, i, CLIENT, (uint16_t)(2000 + i / ROUNDS), SERVER, 53);

        flow_table_add(table, &view);
    }
    flow_table_flush(table);
    assert_int_equal(watch.ended, FLOWS);
    assert_int_equal(watch.packets, FLOWS * ROUNDS);
    flow_table_free(table);
}

/* ---- what went wrong on the way ---- */

struct segment {
    int64_t us;
    char direction; /* 0 ends a script */
    uint8_t flags;
    uint32_t sequence, acknowledgement;
    uint32_t payload;
    uint32_t ip_id;
};

/* A round trip of 30 ms. */
#define OPENED                                                          \
    { 0, '>', S, 100, 0, 0, 1 }, { 20000, '<', SA, 500, 101, 0, 0 }, { 30000, '>', A, 101, 501, 0, 2 }

static const struct {
    const char *name;
    struct segment segments[MAX_STEPS];
    uint32_t retransmitted[2], reordered[2], duplicated[2];
} journeys[] = {
    { "nothing wrong",
      { OPENED, { 40000, '>', P, 101, 501, 100, 3 }, { 50000, '<', P, 501, 201, 1000, 9 },
        { 50100, '<', P, 1501, 201, 1000, 10 }, { 60000, '>', F, 201, 2501, 0, 4 },
        { 70000, '<', F, 2501, 202, 0, 11 }, { 80000, '>', A, 202, 2502, 0, 5 } },
      { 0, 0 }, { 0, 0 }, { 0, 0 } },
    { "the SYN again, twice, and the SYN-ACK",
      { { 0, '>', S, 100, 0, 0, 1 }, { 1000000, '>', S, 100, 0, 0, 2 },
        { 3000000, '>', S, 100, 0, 0, 3 }, { 3000100, '<', SA, 500, 101, 0, 0 },
        { 3900000, '<', SA, 500, 101, 0, 0 } },
      { 2, 1 }, { 0, 0 }, { 0, 0 } },
    { "a SYN of another attempt with lower numbers, then again the first's",
      { { 0, '>', S, 9000, 0, 0, 1 }, { 1000000, '>', S, 100, 0, 0, 2 },
        { 1000100, '>', P, 101, 0, 10, 3 } },
      { 0, 0 }, { 0, 0 }, { 0, 0 } },
    { "data seen before its SYN",
      { { 0, '>', P, 101, 0, 30, 2 }, { 10, '>', S, 100, 0, 0, 1 } },
      { 0, 0 }, { 0, 0 }, { 0, 0 } },
    { "a segment whole, one in part, one of both sides' FINs",
      { OPENED, { 40000, '>', P, 101, 501, 100, 3 }, { 400000, '>', P, 101, 501, 100, 4 },
        { 800000, '>', P, 151, 501, 100, 5 }, { 900000, '<', F, 501, 251, 0, 7 },
        { 1200000, '<', F, 501, 251, 0, 8 } },
      { 2, 1 }, { 0, 0 }, { 0, 0 } },
    { "without IP identification a copy cannot be told",
      { OPENED, { 40000, '>', P, 101, 501, 100, 0 }, { 40001, '>', P, 101, 501, 100, 0 } },
      { 1, 0 }, { 0, 0 }, { 0, 0 } },
    { "copies of a SYN, of data and of an acknowledgement",
      { { 0, '>', S, 100, 0, 0, 1 }, { 1, '>', S, 100, 0, 0, 1 }, { 20000, '<', SA, 500, 101, 0, 9 },
        { 30000, '>', A, 101, 501, 0, 2 }, { 30001, '>', A, 101, 501, 0, 2 },
        { 40000, '<', P, 501, 101, 100, 10 }, { 40003, '<', P, 501, 101, 100, 10 },
        { 40004, '<', P, 501, 101, 100, 10 } },
      { 0, 0 }, { 0, 0 }, { 2, 2 } },
    { "copies of a burst, all behind it",
      { OPENED, { 40000, '>', A, 101, 501, 100, 3 }, { 40001, '>', A, 201, 501, 100, 4 },
        { 40002, '>', A, 301, 501, 100, 5 }, { 40003, '>', A, 401, 501, 100, 6 },
        { 40004, '>', A, 101, 501, 100, 3 }, { 40005, '>', A, 201, 501, 100, 4 },
        { 40006, '>', A, 301, 501, 100, 5 }, { 40007, '>', A, 401, 501, 100, 6 } },
      { 0, 0 }, { 0, 0 }, { 4, 0 } },
    { "behind too many others it is no copy",
      { OPENED, { 40000, '>', A, 101, 501, 100, 3 }, { 40001, '>', A, 201, 501, 100, 4 },
        { 40002, '>', A, 301, 501, 100, 5 }, { 40003, '>', A, 401, 501, 100, 6 },
        { 40004, '>', A, 501, 501, 100, 7 }, { 40005, '>', A, 101, 501, 100, 3 } },
      { 1, 0 }, { 0, 0 }, { 0, 0 } },
    { "nor after too long",
      { OPENED, { 40000, '>', A, 101, 501, 100, 3 }, { 141000, '>', A, 101, 501, 100, 3 } },
      { 1, 0 }, { 0, 0 }, { 0, 0 } },
    { "nor when anything differs",
      { OPENED, { 40000, '>', A, 101, 501, 100, 3 }, { 40001, '>', A, 101, 502, 100, 3 },
        { 40002, '>', P, 101, 501, 100, 3 }, { 40003, '>', A, 101, 501, 99, 3 },
        { 40004, '>', A, 101, 501, 100, 4 }, { 40005, '<', A, 101, 501, 100, 3 } },
      { 4, 1 }, { 0, 0 }, { 0, 0 } },
    { "keep-alives with and without a byte, and acknowledgements again",
      { OPENED, { 40000, '>', P, 101, 501, 5, 3 }, { 9000000, '>', A, 105, 501, 1, 4 },
        { 9000100, '<', A, 501, 106, 0, 0 }, { 18000000, '>', A, 105, 501, 0, 5 },
        { 18000100, '<', A, 501, 106, 0, 0 }, { 18000200, '<', A, 501, 106, 0, 0 } },
      { 0, 0 }, { 0, 0 }, { 0, 0 } },
    { "a closed window, probed twice, and the data behind it",
      { OPENED, { 40000, '>', A, 101, 501, 100, 3 }, { 300000, '>', A, 201, 501, 1, 4 },
        { 900000, '>', A, 201, 501, 1, 5 }, { 950000, '>', A, 201, 501, 1000, 6 } },
      { 0, 0 }, { 0, 0 }, { 0, 0 } },
    { "resets with numbers of their own",
      { OPENED, { 40000, '>', P, 101, 501, 100, 3 }, { 50000, '>', R, 101, 0, 0, 4 },
        { 50001, '>', R, 7, 0, 0, 5 } },
      { 0, 0 }, { 0, 0 }, { 0, 0 } },
    { "a gap filled within the round trip",
      { OPENED, { 40000, '<', A, 501, 101, 100, 9 }, { 40100, '<', A, 701, 101, 100, 11 },
        { 69000, '<', A, 601, 101, 100, 10 } },
      { 0, 0 }, { 0, 1 }, { 0, 0 } },
    { "after the round trip",
      { OPENED, { 40000, '<', A, 501, 101, 100, 9 }, { 40100, '<', A, 701, 101, 100, 11 },
        { 70100, '<', A, 601, 101, 100, 12 } },
      { 0, 1 }, { 0, 0 }, { 0, 0 } },
    { "twice: first late, then again",
      { OPENED, { 40000, '<', A, 501, 101, 100, 9 }, { 40100, '<', A, 701, 101, 100, 11 },
        { 41000, '<', A, 601, 101, 100, 10 }, { 42000, '<', A, 601, 101, 100, 12 } },
      { 0, 1 }, { 0, 1 }, { 0, 0 } },
    { "more than the gap",
      { OPENED, { 40000, '<', A, 501, 101, 100, 9 }, { 40100, '<', A, 701, 101, 100, 11 },
        { 41000, '<', A, 601, 101, 150, 10 } },
      { 0, 1 }, { 0, 0 }, { 0, 0 } },
    { "three in reverse",
      { OPENED, { 40000, '<', A, 801, 101, 100, 12 }, { 40001, '<', A, 701, 101, 100, 11 },
        { 40002, '<', A, 601, 101, 100, 10 }, { 40003, '<', A, 501, 101, 100, 9 } },
      { 0, 0 }, { 0, 3 }, { 0, 0 } },
    { "every other one late",
      { OPENED, { 40000, '<', A, 601, 101, 100, 10 }, { 40001, '<', A, 801, 101, 100, 12 },
        { 40002, '<', A, 501, 101, 100, 9 }, { 40003, '<', A, 701, 101, 100, 11 } },
      { 0, 0 }, { 0, 2 }, { 0, 0 } },
    { "data behind its own acknowledgement",
      { OPENED, { 40000, '>', A, 201, 501, 0, 4 }, { 40001, '>', P, 101, 501, 100, 3 } },
      { 0, 0 }, { 1, 0 }, { 0, 0 } },
    { "the round trip not known: 3 ms",
      { { 0, '>', A, 101, 501, 100, 3 }, { 100, '>', A, 301, 501, 100, 5 },
        { 3000, '>', A, 201, 501, 100, 4 }, { 4000, '>', A, 501, 501, 100, 7 },
        { 7000, '>', A, 401, 501, 100, 8 } },
      { 1, 0 }, { 1, 0 }, { 0, 0 } },
    { "a gap given up for a newer one",
      { { 0, '>', A, 101, 501, 100, 3 }, { 100, '>', A, 301, 501, 100, 5 },
        { 10000, '>', A, 501, 501, 100, 7 }, { 10100, '>', A, 401, 501, 100, 6 },
        { 10200, '>', A, 201, 501, 100, 8 } },
      { 1, 0 }, { 1, 0 }, { 0, 0 } },
    { "numbers around 2^32",
      { { 0, '<', A, 0xffffff00, 1, 0x100, 1 }, { 100, '<', A, 0x100, 1, 0x100, 3 },
        { 200, '<', A, 0, 1, 0x100, 2 }, { 90000, '<', A, 0xffffff00, 1, 0x100, 4 } },
      { 0, 1 }, { 0, 1 }, { 0, 0 } },
};

static void play_journey(struct flow_table *table, const struct segment *segments)
{
    for (; segments->direction; segments++) {
        struct step step = { 0, segments->direction, segments->flags, segments->sequence,
                             segments->acknowledgement, segments->payload };
        struct packet_view view = tcp_packet(&step);

        view.time.ns = segments->us * NS_PER_US;
        view.ip_id = segments->ip_id;
        flow_table_add(table, &view);
    }
}

static void test_journeys(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof journeys / sizeof journeys[0]; i++) {
        struct collected c = { .count = 0 };
        struct flow_table *table = new_table(MANY_FLOWS, collect, &c);

        play_journey(table, journeys[i].segments);
        flow_table_flush(table);
        check(journeys[i].name, "count of records", c.count, 1);
        for (int side = 0; side < 2; side++) {
            const struct flow_record *r = &c.records[0];

            check(journeys[i].name, "retransmitted", r->retransmitted[side],
                  journeys[i].retransmitted[side]);
            check(journeys[i].name, "reordered", r->reordered[side], journeys[i].reordered[side]);
            check(journeys[i].name, "duplicated", r->duplicated[side], journeys[i].duplicated[side]);
        }
        flow_table_free(table);
    }
}

/* Copies of datagrams; equal pieces of one packet are none, and take no part in TCP's numbers. */
static void test_datagrams_and_pieces(void **state)
{
    struct packet_view datagram = packet(IP_UDP, 0, CLIENT, 5000, SERVER, 53);
    struct step first = { 1, '>', A, 1000, 1, 1400 };
    struct packet_view piece = tcp_packet(&first);
    struct collected c = { .count = 0 };
    struct flow_table *table = new_table(MANY_FLOWS, collect, &c);

    (void)state;
    datagram.ip_id = 7;
    flow_table_add(table, &datagram);
    flow_table_add(table, &datagram);
    datagram.ip_bytes++;
    flow_table_add(table, &datagram);
    piece.ip_id = 8;
    piece.fragment = true;
    flow_table_add(table, &piece);
    piece.later_fragment = true; /* which have the ports, but no TCP header */
    piece.tcp_flags = 0;
    piece.tcp_sequence = 0;
    flow_table_add(table, &piece);
    flow_table_add(table, &piece);
    flow_table_flush(table);
    assert_int_equal(c.count, 2);
    assert_int_equal(c.records[0].duplicated[FLOW_INITIATOR], 1);
    assert_int_equal(c.records[0].fragments[FLOW_INITIATOR], 0);
    assert_int_equal(c.records[1].duplicated[FLOW_INITIATOR], 0);
    assert_int_equal(c.records[1].fragments[FLOW_INITIATOR], 3);
    assert_int_equal(c.records[1].fragments[FLOW_RESPONDER], 0);
    assert_int_equal(c.records[1].retransmitted[FLOW_INITIATOR], 0);
    assert_int_equal(c.records[1].payload_bytes[FLOW_INITIATOR], 3 * 1400);
    flow_table_free(table);
}

/* Windows of the first packets, options of the SYNs, each side its own. */
static void test_windows_and_options(void **state)
{
    static const struct step steps[] = { HANDSHAKE, { 40, '<', P, 501, 101, 10 }, { 0 } };
    struct collected c = { .count = 0 };
    struct flow_table *table = new_table(MANY_FLOWS, collect, &c);

    (void)state;
    for (uint16_t i = 0; steps[i].direction; i++) {
        struct packet_view view = tcp_packet(&steps[i]);
        bool syn = view.tcp_flags & TCP_SYN;

        view.tcp_window = (uint16_t)(1000 + i);
        view.tcp_options = (uint8_t)(syn ? TCP_OPTION_MSS | (i + 1) << 1 : 0);
        view.tcp_window_scale = (uint8_t)(syn ? 7 + i : 0);
        flow_table_add(table, &view);
    }
    flow_table_flush(table);
    for (int side = 0; side < 2; side++) {
        assert_int_equal(c.records[0].window[side], 1000 + side);
        assert_int_equal(c.records[0].tcp_options[side], TCP_OPTION_MSS | (side + 1) << 1);
        assert_int_equal(c.records[0].window_scale[side], 7 + side);
    }
    assert_true(c.records[0].is_measured);
    flow_table_free(table);
}

/* ---- what a stack shows ---- */

struct stack_case {
    const char *name;
    uint16_t ids[6]; /* of packets a second apart, each sent by the server */
    uint32_t stamps[6];
    uint16_t windows[6];
    bool has_stamps;
    enum ip_id_kind expected;
    uint16_t hz, open_window;
};

static const struct stack_case stacks[] = {
    { "zero", { 0, 0, 0, 0, 0, 0 }, { 7, 107, 207, 307, 407, 507 }, { 1, 2, 3, 4, 5, 0 }, true, IP_ID_ZERO, 100, 5 },
    { "counter", { 65500, 65530, 5, 6, 0, 30 }, { 0xffffff00, 0, 250, 500, 750, 1000 }, { 9 }, true, IP_ID_COUNTER, 250, 0 },
    { "random", { 7, 40000, 300, 9000, 60000, 1 }, { 5, 1005, 2005, 3005, 4005, 5005 }, { 9, 8 }, true, IP_ID_RANDOM, 1000, 8 },
    { "counter of a busy host", { 10, 200, 400, 9000, 9100, 9101 }, { 0, 500, 1000, 1500, 2000, 2500 }, { 0 }, true,
      IP_ID_COUNTER, 0, 0 },
    { "no timestamps", { 0, 0, 0, 0, 0, 4 }, { 0, 100, 200, 300, 400, 500 }, { 3, 3 }, false, IP_ID_UNKNOWN, 0, 3 },
    { "clock that stands", { 1, 1, 1, 1, 1, 1 }, { 9, 9, 9, 9, 9, 9 }, { 3, 3 }, true, IP_ID_RANDOM, 0, 3 },
};

/* The first packet is a SYN-ACK, whose window does not count. */
static void test_stacks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stacks / sizeof *stacks; i++) {
        const struct stack_case *c = &stacks[i];
        struct collected got = { .count = 0 };
        struct flow_table *table = new_table(MANY_FLOWS, collect, &got);

        for (uint32_t k = 0; k < 6; k++) {
            struct step step = { 1000 * k, '<', k == 0 ? SA : A, 500 + k, 101, 0 };
            struct packet_view view = tcp_packet(&step);

            view.ip_id = c->ids[k];
            view.tcp_window = c->windows[k];
            view.tcp_timestamp = c->stamps[k];
            view.tcp_options = c->has_stamps ? TCP_OPTION_TIMESTAMPS : 0;
            flow_table_add(table, &view);
        }
        flow_table_flush(table);
        check(c->name, "records", got.count, 1);
        check(c->name, "IP identification", got.records[0].ip_id[FLOW_RESPONDER], c->expected);
        check(c->name, "tick rate", got.records[0].timestamp_hz[FLOW_RESPONDER], c->hz);
        check(c->name, "open window", got.records[0].open_window[FLOW_RESPONDER], c->open_window);
        check(c->name, "the other side", got.records[0].ip_id[FLOW_INITIATOR], IP_ID_UNKNOWN);
        flow_table_free(table);
    }
}

/* An error counts for the flow that it quotes, in either direction; it neither begins nor prolongs one. */
static void test_unreachable(void **state)
{
    struct packet_view sent = packet(IP_UDP, 0, CLIENT, 5000, SERVER, 53);
    struct packet_view error = sent;
    struct collected c = { .count = 0 };
    struct flow_table *table = new_table(MANY_FLOWS, collect, &c);

    (void)state;
    error.is_unreachable = true;
    flow_table_add(table, &error); /* of nobody's packet */
    flow_table_add(table, &sent);
    error.time.ns = 100 * NS_PER_SECOND;
    flow_table_add(table, &error);
    error.source = sent.destination;
    error.destination = sent.source;
    error.source_port = 53;
    error.destination_port = 5000;
    flow_table_add(table, &error);
    sent.time.ns = 121 * NS_PER_SECOND;
    flow_table_add(table, &sent);
    flow_table_flush(table);
    assert_int_equal(c.count, 2);
    assert_int_equal(c.records[0].unreachable, 2);
    assert_int_equal(c.records[0].packets[FLOW_INITIATOR], 1);
    assert_int_equal(c.records[0].packets[FLOW_RESPONDER], 0);
    assert_int_equal(c.records[0].duration_ns, 0);
    assert_int_equal(c.records[1].unreachable, 0);
    flow_table_free(table);
}

/* ---- packets one by one ---- */

enum { SEQUENCE_FLOWS = 200 };

struct sequences {
    struct flow_packet packets[FLOW_MAX_SEQUENCE];
    uint32_t length, head;
    uint32_t lengths[SEQUENCE_FLOWS]; /* by port, from 5000 on */
    bool is_kept;
};

static void collect_sequence(void *self, const struct flow_record *record)
{
    struct sequences *s = self;

    s->is_kept = record->sequence != NULL;
    s->length = record->sequence_length;
    s->head = record->sequence_head;
    s->lengths[(record->port[FLOW_INITIATOR] - 5000) % SEQUENCE_FLOWS] = s->length;
    if (s->length > 0)
        memcpy(s->packets, record->sequence, s->length * sizeof s->packets[0]);
}

static struct flow_table *new_table_of_sequences(size_t max_bytes, struct sequences *sequences)
{
    const struct flow_table_options options = {
        .max_flows = MANY_FLOWS,
        .max_sequence_bytes = max_bytes,
    };

    return flow_table_new(&options, collect_sequence, sequences);
}

static void test_sequence(void **state)
{
    static const struct step steps[] = {
        HANDSHAKE, { 40, '>', P, 101, 501, 70000 }, { 41, '<', P | 0x80, 501, 101, 10 }, { 0 },
    };
    const uint32_t second = log_grid_bin(20.0 * NS_PER_MS, GAP_GRID_PER_OCTAVE);
    const uint32_t third = log_grid_bin(10.0 * NS_PER_MS, GAP_GRID_PER_OCTAVE);
    const struct flow_packet expected[] = {
        { S, 0, 0, 0, 0 },
        { 0x80 | SA, (uint8_t)second, 0, 0, 0 },
        { A, (uint8_t)third, 0, 0, 0 },
        { P, (uint8_t)third, 65535, 0, 0 },
        { 0x80 | P, (uint8_t)log_grid_bin(1.0 * NS_PER_MS, GAP_GRID_PER_OCTAVE), 10, 0, 0 },
    };
    struct sequences s = { .length = 0 };
    struct flow_table *table = new_table_of_sequences(1 << 20, &s);

    (void)state;
    play(table, steps);
    flow_table_flush(table);
    assert_int_equal(s.length, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < s.length; i++) {
        assert_int_equal(s.packets[i].side_and_flags, expected[i].side_and_flags);
        assert_int_equal(s.packets[i].gap_bin, expected[i].gap_bin);
        assert_int_equal(s.packets[i].payload_bytes, expected[i].payload_bytes);
    }
    flow_table_free(table);
}

/* The first packets stay the first, in each size that the sequence grows through; past it come the last. */
static void test_lengths_of_sequences(void **state)
{
    const uint32_t most = FLOW_MAX_SEQUENCE + 2 * FLOW_SEQUENCE_TAIL + 1;

    (void)state;
    for (uint32_t packets = 1; packets <= most; packets++) {
        bool is_whole = packets <= FLOW_MAX_SEQUENCE;
        struct sequences s = { .length = 0 };
        struct flow_table *table = new_table_of_sequences(1 << 20, &s);

        for (uint32_t i = 0; i < packets; i++) {
            struct packet_view view = packet(IP_UDP, 0, CLIENT, 5000, SERVER, 53);

            view.payload_bytes = i;
            flow_table_add(table, &view);
        }
        flow_table_flush(table);
        assert_int_equal(s.length, is_whole ? packets : FLOW_MAX_SEQUENCE);
        assert_int_equal(s.head, is_whole ? packets : FLOW_SEQUENCE_HEAD);
        for (uint32_t i = 0; i < s.head; i++)
            assert_int_equal(s.packets[i].payload_bytes, i);
        for (uint32_t i = s.head; i < s.length; i++)
            assert_int_equal(s.packets[i].payload_bytes, packets - FLOW_MAX_SEQUENCE + i);
        assert_int_equal(flow_table_counts(table)->cut_sequences, 0);
        flow_table_free(table);
    }
}

/* What a packet is beside its flags, by the marks of a flow's packets in their order. */
static const struct {
    const char *name;
    struct marked_packet {
        int64_t us;
        char direction;
        uint8_t flags;
        uint32_t sequence, payload, ip_id;
        uint16_t window;
        enum packet_mark mark;
    } packets[MAX_STEPS];
} marked[] = {
    { "sent again, and a copy of that",
      { { 0, '>', A, 101, 100, 1, 9, PACKET_PLAIN }, { 500000, '>', A, 101, 100, 2, 9, PACKET_IMPAIRED },
        { 500100, '>', A, 101, 100, 2, 9, PACKET_IMPAIRED }, { 600000, '>', A, 201, 100, 3, 9, PACKET_PLAIN } } },
    { "out of order",
      { { 0, '<', A, 501, 100, 1, 9, PACKET_PLAIN }, { 100, '<', A, 701, 100, 3, 9, PACKET_PLAIN },
        { 200, '<', A, 601, 100, 2, 9, PACKET_IMPAIRED } } },
    { "keep-alives with and without a byte",
      { { 0, '>', A, 101, 100, 1, 9, PACKET_PLAIN }, { 100000, '>', A, 200, 0, 2, 9, PACKET_KEEPALIVE },
        { 200000, '>', A, 200, 1, 3, 9, PACKET_KEEPALIVE }, { 300000, '<', A, 501, 0, 1, 9, PACKET_PLAIN },
        { 300010, '<', A, 501, 0, 1, 9, PACKET_IMPAIRED } } },
    { "a window that closes, and what may look so",
      { { 0, '>', S, 100, 0, 1, 0, PACKET_PLAIN }, { 100, '<', A, 501, 0, 1, 0, PACKET_ZERO_WINDOW },
        { 200, '<', A, 501, 10, 2, 0, PACKET_PLAIN }, { 300, '<', A, 511, 0, 3, 1, PACKET_PLAIN },
        { 400, '<', R, 511, 0, 4, 0, PACKET_PLAIN } } },
};

static void test_marks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof marked / sizeof *marked; i++) {
        struct sequences s = { .length = 0 };
        struct flow_table *table = new_table_of_sequences(1 << 20, &s);
        uint32_t count = 0;

        for (const struct marked_packet *one = marked[i].packets; one->direction; one++) {
            const struct step step = { 0, one->direction, one->flags, one->sequence, 1,
                                       one->payload };
            struct packet_view view = tcp_packet(&step);

            view.time.ns = one->us * NS_PER_US;
            view.ip_id = one->ip_id;
            view.tcp_window = one->window;
            flow_table_add(table, &view);
            count++;
        }
        flow_table_flush(table);
        check(marked[i].name, "packets", s.length, count);
        for (uint32_t k = 0; k < count; k++) {
            const struct marked_packet *one = &marked[i].packets[k];

            check(marked[i].name, "mark", flow_packet_mark(s.packets[k]), one->mark);
            check(marked[i].name, "flags", flow_packet_tcp_flags(s.packets[k]), one->flags & 0x1f);
            check(marked[i].name, "side", flow_packet_side(s.packets[k]), s.packets[k].side_and_flags >> 7);
        }
        flow_table_free(table);
    }
}

/* The first piece of a packet is as any, and tells the length of all; the later ones are the network's doing. */
static void test_marks_of_pieces(void **state)
{
    struct packet_view piece = packet(IP_UDP, 0, CLIENT, 5000, SERVER, 53);
    struct sequences s = { .length = 0 };
    struct flow_table *table = new_table_of_sequences(1 << 20, &s);

    (void)state;
    piece.fragment = true;
    piece.payload_bytes = 1472;
    piece.datagram_bytes = 1700;
    flow_table_add(table, &piece);
    piece.later_fragment = true;
    piece.payload_bytes = 228;
    piece.datagram_bytes = 0;
    flow_table_add(table, &piece);
    flow_table_flush(table);
    assert_int_equal(s.length, 2);
    assert_int_equal(s.packets[0].payload_bytes, 1700);
    assert_int_equal(s.packets[1].payload_bytes, 228);
    assert_int_equal(flow_packet_mark(s.packets[0]), PACKET_PLAIN);
    assert_int_equal(flow_packet_mark(s.packets[1]), PACKET_IMPAIRED);
    flow_table_free(table);
}

/* ---- folds ---- */

/* Every fold gets its share of flows, each flow one fold; and all of a flow's ends count, and its start. */
static void test_folds(void **state)
{
    enum { FLOWS = 20000, FOLDS = 5 };
    struct flow_record record = { .address = { address(CLIENT), address(SERVER) }, .port = { 40000, 443 },
                                  .protocol = IP_TCP, .start = { NS_PER_SECOND } };
    struct flow_record others[6];
    uint32_t by_fold[FOLDS] = { 0 };
    uint32_t moved[6] = { 0 };

    (void)state;
    for (int i = 0; i < FLOWS; i++) {
        uint32_t fold;

        record.start.ns += 1000003;
        record.port[0]++;
        fold = flow_record_fold(&record, FOLDS);
        assert_in_range(fold, 0, FOLDS - 1);
        by_fold[fold]++;
        assert_int_equal(flow_record_fold(&record, 1), 0);
        for (int k = 0; k < 6; k++)
            others[k] = record;
        others[0].start.ns++;
        others[1].port[0]++;
        others[2].port[1]++;
        others[3].address[0].bytes[15]++;
        others[4].address[1].bytes[3]++;
        others[5].protocol = IP_UDP;
        for (int k = 0; k < 6; k++)
            moved[k] += flow_record_fold(&others[k], FOLDS) != fold;
    }
    for (int i = 0; i < FOLDS; i++)
        assert_in_range(by_fold[i], FLOWS / FOLDS - 300, FLOWS / FOLDS + 300); /* 5 sd */
    for (int k = 0; k < 6; k++)
        assert_in_range(moved[k], FLOWS * 4 / 5 - 300, FLOWS * 4 / 5 + 300);
}

static void add_rounds(struct flow_table *table, int64_t ms, uint32_t rounds)
{
    for (uint32_t i = 0; i < rounds; i++) {
        for (uint16_t port = 0; port < SEQUENCE_FLOWS; port++)
            add_udp(table, ms, (uint16_t)(5000 + port));
    }
}

/* All sequences share the bound. */
static void test_bound_of_sequences(void **state)
{
    enum { BOUND = 65536, ROUNDS = 100 };
    struct sequences s = { .length = 0 };
    struct flow_table *table = new_table_of_sequences(BOUND, &s);
    uint64_t kept = 0;
    uint32_t cut = 0;

    (void)state;
    add_rounds(table, 0, ROUNDS);
    flow_table_flush(table);
    for (size_t i = 0; i < SEQUENCE_FLOWS; i++) {
        kept += s.lengths[i];
        cut += s.lengths[i] < ROUNDS;
    }
    assert_in_range(kept * sizeof(struct flow_packet), BOUND / 8, BOUND);
    assert_true(cut > 0);
    assert_int_equal(flow_table_counts(table)->cut_sequences, cut);
    flow_table_free(table);
}

/* What a sequence leaves, as it grows and at its end, is used again. */
static void test_memory_of_sequences_again(void **state)
{
    enum { BOUND = 65536, ROUNDS = 10 };
    struct sequences s = { .length = 0 };
    struct flow_table *table = new_table_of_sequences(BOUND, &s);

    (void)state;
    for (int64_t i = 0; i < 50; i++) {
        add_rounds(table, i, ROUNDS);
        flow_table_flush(table);
        for (size_t k = 0; k < SEQUENCE_FLOWS; k++)
            assert_int_equal(s.lengths[k], ROUNDS);
    }
    assert_int_equal(flow_table_counts(table)->cut_sequences, 0);
    flow_table_free(table);
}

static void test_no_sequences(void **state)
{
    static const size_t bounds[] = { 0, 100 }; /* not asked for; asked for with too little room */

    (void)state;
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        struct sequences s = { .is_kept = true };
        struct flow_table *table = new_table_of_sequences(bounds[i], &s);

        add_rounds(table, 0, 2);
        flow_table_flush(table);
        assert_false(s.is_kept);
        assert_int_equal(s.length, 0);
        assert_int_equal(flow_table_counts(table)->cut_sequences, i * SEQUENCE_FLOWS);
        flow_table_free(table);
    }
}

/* ---- applications ---- */

enum { HEADERS = 40 };

struct datagram { /* IPv4 */
    uint8_t bytes[1500];
    size_t size;
};

static const char request[] = "GET /index.html HTTP/1.1\r\nHost: www.example.org\r\n"
                              "User-Agent: test\r\nAccept: */*\r\n\r\n";
static const char noise[] = "\x91\x13\xf7\x02\x88zq\x1e\xc4 nothing that anybody speaks \xd0\x0d";
static const char query[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
                            "\x03www\x07" "example\x03org\x00\x00\x01\x00\x01";

/* The view of a packet from the client, with its bytes. */
static struct packet_view real_packet(uint8_t protocol, uint16_t port, const void *payload,
                                      size_t size, struct datagram *d)
{
    size_t header = protocol == IP_TCP ? 20 : 8;
    struct packet_view view = packet(protocol, 0, CLIENT, 40000, SERVER, port);

    *d = (struct datagram){ .bytes = { 0x45 }, .size = 20 + header + size };
    wire_put_u16(d->bytes + 2, (uint16_t)d->size);
    d->bytes[8] = 64;
    d->bytes[9] = protocol;
    wire_put_u32(d->bytes + 12, ip_address_to_v4(&view.source));
    wire_put_u32(d->bytes + 16, ip_address_to_v4(&view.destination));
    wire_put_u16(d->bytes + 20, view.source_port);
    wire_put_u16(d->bytes + 22, view.destination_port);
    if (protocol == IP_TCP) {
        wire_put_u32(d->bytes + 24, 101);
        wire_put_u32(d->bytes + 28, 501);
        d->bytes[32] = 5 << 4;
        d->bytes[33] = P;
    } else {
        wire_put_u16(d->bytes + 24, (uint16_t)(header + size));
    }
    memcpy(d->bytes + 20 + header, payload, size);
    view.tcp_flags = protocol == IP_TCP ? P : 0;
    view.tcp_sequence = 101;
    view.payload_bytes = (uint32_t)size;
    view.ip_bytes = (uint32_t)d->size;
    view.ip = d->bytes;
    view.ip_captured = (uint32_t)d->size;
    return view;
}

struct labels {
    const char *texts[KEPT_RECORDS];
    size_t count;
};

static void collect_label(void *self, const struct flow_record *record)
{
    struct labels *labels = self;

    if (labels->count < KEPT_RECORDS)
        labels->texts[labels->count] = record->application;
    labels->count++;
}

static struct flow_table *new_table_of_labels(struct application_labeller *labeller,
                                              struct labels *labels)
{
    const struct flow_table_options options = { .max_flows = 1000, .labeller = labeller };

    return flow_table_new(&options, collect_label, labels);
}

static struct application_labeller *new_labeller(size_t max_bytes)
{
    struct application_labeller *labeller;
    struct error err;

    if (!application_labeller_is_available())
        skip_because("built without libndpi");
    labeller = application_labeller_new(max_bytes, &err);
    assert_non_null(labeller);
    return labeller;
}

static void check_label(const char *name, const char *actual, const char *expected)
{
    if (expected == NULL ? actual != NULL : actual == NULL || strcmp(actual, expected) != 0)
        fail_msg("%s: %s, not %s", name, actual ? actual : "none", expected ? expected : "none");
}

static void test_no_labeller(void **state)
{
    struct error err;

    (void)state;
    if (application_labeller_is_available())
        skip_because("built with libndpi");
    assert_null(application_labeller_new(1 << 20, &err));
    assert_non_null(strstr(err.text, "libndpi"));
    application_labeller_free(NULL);
}

/* By what the bytes say, not by the port. */
static void test_labels(void **state)
{
    static const struct {
        const char *name;
        uint8_t protocol;
        uint16_t port;
        const char *payload;
        size_t size;
        int packets;
        const char *label;
    } cases[] = {
        { "HTTP", IP_TCP, 80, request, sizeof request - 1, 1, "HTTP" },
        { "HTTP elsewhere", IP_TCP, 12345, request, sizeof request - 1, 1, "HTTP" },
        { "DNS", IP_UDP, 53, query, sizeof query - 1, 1, "DNS" },
        { "noise on HTTP's port", IP_TCP, 80, noise, sizeof noise - 1, 1, NULL },
        { "noise on HTTPS' port", IP_TCP, 443, noise, sizeof noise - 1, 30, NULL },
        { "noise by UDP", IP_UDP, 443, noise, sizeof noise - 1, 30, NULL },
        { "no payload", IP_TCP, 80, "", 0, 3, NULL },
    };
    struct application_labeller *labeller = new_labeller(1 << 20);
    const char *http = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct labels labels = { .count = 0 };
        struct flow_table *table = new_table_of_labels(labeller, &labels);
        struct datagram d;
        struct packet_view view = real_packet(cases[i].protocol, cases[i].port, cases[i].payload,
                                              cases[i].size, &d);

        for (int k = 0; k < cases[i].packets; k++)
            flow_table_add(table, &view);
        flow_table_flush(table);
        flow_table_free(table);
        check_label(cases[i].name, labels.texts[0], cases[i].label);
        if (i == 0)
            http = labels.texts[0];
        else if (cases[i].label != NULL && strcmp(cases[i].label, "HTTP") == 0)
            assert_ptr_equal(labels.texts[0], http); /* one copy, that outlives its flow's table */
    }
    assert_int_equal(application_labeller_refused(labeller), 0);
    application_labeller_free(labeller);
}

/* Without bytes, or with any part of them, a flow gets the right name or none. */
static void test_labels_of_cut_packets(void **state)
{
    struct application_labeller *labeller = new_labeller(1 << 20);

    (void)state;
    for (size_t size = 0; size < HEADERS + sizeof request - 1; size++) {
        struct labels labels = { .count = 0 };
        struct flow_table *table = new_table_of_labels(labeller, &labels);
        struct datagram d;
        struct packet_view view = real_packet(IP_TCP, 80, request, sizeof request - 1, &d);
        uint8_t *bytes = malloc(size + 1);

        assert_non_null(bytes);
        memcpy(bytes, d.bytes, size);
        view.ip = size > 0 ? bytes : NULL;
        view.ip_captured = (uint32_t)size;
        flow_table_add(table, &view);
        flow_table_flush(table);
        flow_table_free(table);
        free(bytes);
        check_label("cut", labels.texts[0], NULL);
    }
    application_labeller_free(labeller);
}

/* With room for one flow at a time, the others go without; what ends makes room. */
static void test_bound_of_labels(void **state)
{
    enum { ROOM_FOR_ONE = 4000 };
    struct application_labeller *labeller = new_labeller(ROOM_FOR_ONE);
    struct labels labels = { .count = 0 };
    struct flow_table *table = new_table_of_labels(labeller, &labels);
    struct datagram d;
    struct packet_view silent = real_packet(IP_TCP, 80, noise, sizeof noise - 1, &d);
    struct datagram e;
    struct packet_view http = real_packet(IP_TCP, 81, request, sizeof request - 1, &e);

    (void)state;
    flow_table_add(table, &silent);
    flow_table_add(table, &http);
    assert_int_equal(application_labeller_refused(labeller), 1);
    flow_table_flush(table);
    check_label("first", labels.texts[0], NULL);
    check_label("second", labels.texts[1], NULL);
    flow_table_add(table, &http);
    flow_table_flush(table);
    check_label("third", labels.texts[2], "HTTP");
    assert_int_equal(application_labeller_refused(labeller), 1);
    flow_table_add(table, &silent);
    flow_table_free(table); /* with one that is being looked into */
    application_labeller_free(labeller);
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
        cmocka_unit_test(test_late_packets),
        cmocka_unit_test(test_clock_steps_back),
        cmocka_unit_test(test_flush_begins_anew),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_bound_lets_go_of_order),
        cmocka_unit_test(test_bound_ends_the_idle),
        cmocka_unit_test(test_bound_ends_the_closed),
        cmocka_unit_test(test_scan),
        cmocka_unit_test(test_many_flows),
        cmocka_unit_test(test_journeys),
        cmocka_unit_test(test_datagrams_and_pieces),
        cmocka_unit_test(test_windows_and_options),
        cmocka_unit_test(test_stacks),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_sequence),
        cmocka_unit_test(test_lengths_of_sequences),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_marks_of_pieces),
        cmocka_unit_test(test_folds),
        cmocka_unit_test(test_bound_of_sequences),
        cmocka_unit_test(test_memory_of_sequences_again),
        cmocka_unit_test(test_no_sequences),
        cmocka_unit_test(test_observer),
        cmocka_unit_test(test_no_labeller),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_labels_of_cut_packets),
        cmocka_unit_test(test_bound_of_labels),
        cmocka_unit_test(test_free_without_flush),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
