#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pcap_format.h"
#include "eval/blind_answers.h"
#include "eval/blind_flow.h"
#include "eval/blind_key.h"
#include "net/decode.h"
#include "net/packet_bytes.h"
#include "net/wire.h"

/* ---- flows ---- */

enum { HEADERS = 40, PAYLOAD = 100, LINK = 14 };

struct origin {
    uint32_t initiator, responder;
    uint16_t port;
    int64_t start_ns;
};

/* A TCP packet of 100 bytes of payload, as captured up to `captured` bytes. */
static struct packet_view build(uint8_t ip[HEADERS + PAYLOAD], const struct origin *origin, enum flow_side side,
                                int64_t at_ns, size_t captured)
{
    const bool out = side == FLOW_INITIATOR;
    struct packet_view view = { .time = { origin->start_ns + at_ns } };

    memset(ip, 0, HEADERS);
    memset(ip + HEADERS, 'p', PAYLOAD);
    ip[0] = 0x45;
    wire_put_u16(ip + 2, HEADERS + PAYLOAD);
    wire_put_u16(ip + 4, 77);
    ip[8] = 61;
    ip[9] = IP_TCP;
    wire_put_u32(ip + 12, out ? origin->initiator : origin->responder);
    wire_put_u32(ip + 16, out ? origin->responder : origin->initiator);
    wire_put_u16(ip + 20, out ? origin->port : 443);
    wire_put_u16(ip + 22, out ? 443 : origin->port);
    wire_put_u32(ip + 24, 12345);
    ip[32] = 0x50;
    ip[33] = TCP_ACK | TCP_PSH;
    wire_put_u16(ip + 34, 512);
    wire_put_u16(ip + 36, 0xbeef); /* a checksum that offloading left behind */
    assert_int_equal(decode_frame(DECODE_RAW_IP, ip, captured, HEADERS + PAYLOAD, false, &view), DECODE_OK);
    return view;
}

static const struct origin origins[2] = {
    { 0x0a000005, 0x5db8d822, 51234, INT64_C(1700000000123456789) },
    { 0xc0a80101, 0x08080808, 40001, INT64_C(1500000000987654321) },
};

static struct blind_flow make_flow(const struct origin *origin, bool keep_payload, size_t captured)
{
    uint8_t ip[HEADERS + PAYLOAD];
    struct blind_flow flow = { .size = 0 };
    struct packet_view view = build(ip, origin, FLOW_INITIATOR, 0, captured);

    blind_flow_add(&flow, FLOW_INITIATOR, &view, keep_payload);
    view = build(ip, origin, FLOW_RESPONDER, 1500, captured);
    blind_flow_add(&flow, FLOW_RESPONDER, &view, keep_payload);
    return flow;
}

/* Two networks, years apart, snapped or not: the same behaviour gives the same bytes. */
static void test_only_behaviour_remains(void **state)
{
    struct blind_flow a = make_flow(&origins[0], false, HEADERS + PAYLOAD);
    struct blind_flow b = make_flow(&origins[1], false, HEADERS);

    (void)state;
    assert_int_equal(a.packets, 2);
    assert_int_equal(a.size, sizeof(struct pcap_header) + 2 * (sizeof(struct pcap_record) + LINK + HEADERS));
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.bytes, b.bytes, a.size);
    blind_flow_release(&a);
    blind_flow_release(&b);
}

/* The packets of the file, read back: what is kept, and what is as it should be. */
static void assert_packet(const struct blind_flow *flow, size_t at, int number, bool keep_payload)
{
    struct packet_view view = { .time = { 0 } };
    struct pcap_record record;
    struct ip_address from;

    ip_address_parse(&from, number == 0 ? "192.0.2.1" : "198.51.100.1");
    memcpy(&record, flow->bytes + at, sizeof record);
    assert_int_equal(record.seconds, 946684800);
    assert_int_equal(record.fraction, number); /* 1500 ns are 1 us */
    assert_int_equal(record.original, LINK + HEADERS + PAYLOAD);
    assert_int_equal(record.captured, LINK + HEADERS + (keep_payload ? PAYLOAD : 0));
    assert_int_equal(decode_frame(DECODE_ETHERNET, flow->bytes + at + sizeof record, record.captured,
                                  record.original, false, &view),
                     DECODE_OK);
    assert_true(ip_address_equal(&view.source, &from));
    assert_int_equal(number == 0 ? view.source_port : view.destination_port, 50000);
    assert_int_equal(number == 0 ? view.destination_port : view.source_port, 443);
    assert_int_equal(view.ttl, 61);
    assert_int_equal(view.ip_id, 77);
    assert_int_equal(view.tcp_sequence, 12345);
    assert_int_equal(view.tcp_window, 512);
    assert_int_equal(view.payload_bytes, PAYLOAD);
    assert_int_equal(packet_ip_checksum(&view), CHECKSUM_RIGHT);
    assert_int_equal(packet_transport_checksum(&view), keep_payload ? CHECKSUM_RIGHT : CHECKSUM_UNKNOWN);
    if (!keep_payload)
        assert_int_equal(wire_get_u16(view.ip + 36), 0);
}

static void test_what_is_kept(void **state)
{
    (void)state;
    for (int keep_payload = 0; keep_payload < 2; keep_payload++) {
        struct blind_flow flow = make_flow(&origins[0], keep_payload, HEADERS + PAYLOAD);
        size_t bytes = sizeof(struct pcap_record) + LINK + HEADERS + (keep_payload ? PAYLOAD : 0);

        assert_packet(&flow, sizeof(struct pcap_header), 0, keep_payload);
        assert_packet(&flow, sizeof(struct pcap_header) + bytes, 1, keep_payload);
        blind_flow_release(&flow);
    }
}

static void test_flow_is_bounded(void **state)
{
    uint8_t ip[HEADERS + PAYLOAD];
    struct blind_flow flow = { .size = 0 };

    (void)state;
    for (int i = 0; i < BLIND_MAX_PACKETS + 5; i++) {
        struct packet_view view = build(ip, &origins[0], FLOW_INITIATOR, i * NS_PER_US, HEADERS);

        blind_flow_add(&flow, FLOW_INITIATOR, &view, false);
    }
    assert_int_equal(flow.packets, BLIND_MAX_PACKETS);
    blind_flow_release(&flow);
}

static void test_eligible(void **state)
{
    struct flow_record record = { .protocol = IP_TCP, .packets = { 3, 2 } };

    (void)state;
    record.address[0] = record.address[1] = ip_address_from_v4(1);
    assert_true(blind_flow_is_eligible(&record, IP_TCP, 5));
    assert_false(blind_flow_is_eligible(&record, IP_TCP, 6));
    assert_false(blind_flow_is_eligible(&record, IP_UDP, 1));
    record.fragments[1] = 1;
    assert_false(blind_flow_is_eligible(&record, IP_TCP, 5));
    record.fragments[1] = 0;
    record.address[0].bytes[0] = 0x20; /* 2000:: */
    assert_false(blind_flow_is_eligible(&record, IP_TCP, 5));
}

/* ---- answers ---- */

static int read_sheet(const char *text, enum blind_answer *answers, size_t flows, struct error *err)
{
    FILE *stream = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    int status = blind_answers_read(stream, "sheet.csv", answers, flows, err);

    fclose(stream);
    return status;
}

static void test_sheet(void **state)
{
    static const char *const sheets[] = {
        "flow,answer\n001,real\n002,generated\n003,likely real\n",
        "003,likely real\r\n001,real\r\n\r\n002,generated", /* no header, any order */
        "\357\273\277Flow;Answer\n1; Real \n2;GENERATED\n 3 ; Likely Real\n",
    };
    enum blind_answer answers[3];
    struct error err = { "" };

    (void)state;
    for (size_t i = 0; i < sizeof sheets / sizeof *sheets; i++) {
        if (read_sheet(sheets[i], answers, 3, &err) < 0)
            fail_msg("sheet %zu: %s", i, err.text);
        assert_int_equal(answers[0], BLIND_REAL);
        assert_int_equal(answers[1], BLIND_GENERATED);
        assert_int_equal(answers[2], BLIND_LIKELY_REAL);
    }
}

static void test_bad_sheets(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "flow,answer\n1,real\n", "sheet.csv: no answer for flow 002" },
        { "1,real\n2,real\n1,real\n", "sheet.csv: line 3: a second answer for flow 1" },
        { "flow,answer\n001,\n002,real\n", "sheet.csv: line 2: no answer for flow 001" },
        { "1,maybe\n", "sheet.csv: line 1: 'maybe' is none of: real, likely real, likely generated, generated" },
        { "3,real\n", "sheet.csv: line 1: '3' is not the number of a flow, 1 to 2" },
        { "0,real\n", "sheet.csv: line 1: '0' is not the number of a flow, 1 to 2" },
        { "one,real\n", "sheet.csv: line 1: 'one' is not the number of a flow, 1 to 2" },
        { "1 real\n", "sheet.csv: line 1: '1 real' is not a number, a comma and an answer" },
    };
    enum blind_answer answers[2];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = { "" };

        assert_int_equal(read_sheet(cases[i].text, answers, 2, &err), -1);
        assert_string_equal(err.text, cases[i].message);
    }
}

static void test_long_line(void **state)
{
    enum blind_answer answers[2];
    struct error err = { "" };
    char text[600];

    (void)state;
    memset(text, '1', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(read_sheet(text, answers, 2, &err), -1);
    assert_string_equal(err.text, "sheet.csv: line 1: longer than 254 bytes");
}

/* By hand: four real flows, four generated. */
static void test_grades(void **state)
{
    static const enum blind_answer answers[8] = {
        BLIND_REAL, BLIND_LIKELY_REAL, BLIND_LIKELY_REAL, BLIND_GENERATED,
        BLIND_REAL, BLIND_LIKELY_REAL, BLIND_LIKELY_GENERATED, BLIND_LIKELY_REAL,
    };
    static const bool is_generated[8] = { false, false, false, false, true, true, true, true };
    struct blind_grade grade = blind_answers_grade(answers, is_generated, 8);

    (void)state;
    assert_int_equal(grade.count[BLIND_TRUTH_REAL][BLIND_LIKELY_REAL], 2);
    assert_int_equal(grade.count[BLIND_TRUTH_REAL][BLIND_LIKELY_GENERATED], 0);
    assert_int_equal(grade.count[BLIND_TRUTH_GENERATED][BLIND_LIKELY_REAL], 2);
    assert_float_equal(blind_grade_error(&grade, BLIND_TRUTH_REAL), 0.25, 1e-12);
    assert_float_equal(blind_grade_error(&grade, BLIND_TRUTH_GENERATED), 0.75, 1e-12);
    assert_float_equal(blind_grade_total_error(&grade), 0.5, 1e-12);
}

static void test_means(void **state)
{
    static const double values[3] = { 1, 2, 6 };

    (void)state;
    assert_float_equal(blind_mean_of(values, 3).mean, 3, 1e-12);
    assert_float_equal(blind_mean_of(values, 3).sd, sqrt(7), 1e-12);
    assert_float_equal(blind_mean_of(values, 1).mean, 1, 1e-12);
    assert_true(isnan(blind_mean_of(values, 1).sd));
}

/* ---- the seal ---- */

static void test_seal(void **state)
{
    static const bool truth[5] = { true, false, false, true, false };
    char key[BLIND_KEY_TEXT];
    char other[BLIND_KEY_TEXT];
    bool opened[BLIND_MAX_FLOWS];
    struct error err = { "" };
    char *sealed;

    (void)state;
    blind_key_of_seed(7, key);
    blind_key_of_seed(8, other);
    sealed = blind_key_seal(key, truth, 5);
    assert_int_equal(blind_key_flows(sealed), 5);
    assert_int_equal(blind_key_open(key, sealed, opened, &err), 0);
    assert_memory_equal(opened, truth, sizeof truth);
    assert_int_equal(blind_key_open(other, sealed, opened, &err), -1);
    assert_int_equal(blind_key_open("12", sealed, opened, &err), -1);
    sealed[3] = sealed[3] == '0' ? '1' : '0';
    assert_int_equal(blind_key_open(key, sealed, opened, &err), -1);
    sealed[4] = 'z';
    assert_int_equal(blind_key_open(key, sealed, opened, &err), -1);
    sealed[strlen(sealed) - 1] = '\0';
    assert_int_equal(blind_key_flows(sealed), 0);
    assert_int_equal(blind_key_open(key, sealed, opened, &err), -1);
    free(sealed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_behaviour_remains),
        cmocka_unit_test(test_what_is_kept),
        cmocka_unit_test(test_flow_is_bounded),
        cmocka_unit_test(test_eligible),
        cmocka_unit_test(test_sheet),
        cmocka_unit_test(test_bad_sheets),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_grades),
        cmocka_unit_test(test_means),
        cmocka_unit_test(test_seal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
