#define _GNU_SOURCE /* setenv */
#include "support.h"

#include <dirent.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/time_types.h"
#include "net/wire.h"
#include "records/field.h"
#include "records/record_file.h"
#include "records/record_pairer.h"
#include "records/tuple_table.h"

enum { NAMES_BYTES = 16 << 20 };
enum { KEPT = 16, S = TCP_SYN, A = TCP_ACK, F = TCP_FIN, R = TCP_RST, P = TCP_PSH };

#define SECOND NS_PER_SECOND

/* What came out, whole and as sums. */
struct collected {
    struct flow_record flows[KEPT];
    uint64_t count, two_way, unordered;
    uint64_t packets, bytes;
    int64_t last_ns;
};

static void collect(void *self, const struct flow_record *r)
{
    struct collected *c = self;

    if (c->count < KEPT)
        c->flows[c->count] = *r;
    c->unordered += c->count > 0 && r->start.ns < c->last_ns;
    c->last_ns = r->start.ns;
    c->count++;
    c->packets += flow_record_packets(r);
    c->bytes += r->bytes[0] + r->bytes[1];
    c->two_way += r->packets[0] > 0 && r->packets[1] > 0;
    assert_false(r->is_measured);
    assert_true(r->duration_ns >= 0 && r->start.ns >= 0);
    for (int side = 0; side < 2; side++) {
        assert_true(r->data_packets[side] <= r->packets[side]);
        assert_int_equal(r->data_packets[side] > 0, r->payload_bytes[side] > 0);
    }
}

/* A log that was read to its end, or until it failed. */
struct reading {
    struct collected flows;
    struct record_counts counts;
    struct pairer_counts pairing;
    char format[16];
    char damage[512];
    struct error err; /* empty: it did not fail */
};

static struct reading read_input(struct input_file *input, struct record_options options)
{
    struct reading reading = { .format = "" };
    struct host_names *names = host_names_new(NAMES_BYTES);
    struct record_pairer *pairer = record_pairer_new(1000000, collect, &reading.flows);
    struct record_file *file = record_file_open(input, &options, names, &reading.err);
    struct log_record record;
    int status = -1;

    if (file != NULL) {
        while ((status = record_file_next(file, &record, &reading.err)) == 1)
            record_pairer_add(pairer, &record);
        reading.counts = *record_file_counts(file);
        snprintf(reading.format, sizeof reading.format, "%s", record_file_format(file));
        if (record_file_damage(file) != NULL)
            snprintf(reading.damage, sizeof reading.damage, "%s", record_file_damage(file));
    }
    record_pairer_flush(pairer);
    reading.pairing = *record_pairer_counts(pairer);
    record_file_close(file);
    record_pairer_free(pairer);
    host_names_free(names);
    if ((status < 0) != (reading.err.text[0] != '\0'))
        fail_msg("%s: status %d, \"%s\"", reading.format, status, reading.err.text);
    assert_int_equal(reading.counts.lines, reading.counts.records + reading.counts.other_protocol +
                                               reading.counts.other_icmp + reading.counts.empty +
                                               reading.counts.malformed);
    return reading;
}

static struct reading read_bytes(const void *bytes, size_t size, struct record_options options)
{
    return read_input(input_file_from_memory(bytes, size, "x.log"), options);
}

static struct reading read_text(const char *text)
{
    return read_bytes(text, strlen(text), (struct record_options){ NULL, NULL });
}

static void expect_text(const char *name, const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("%s: \"%s\" does not hold \"%s\"", name, text, part);
}

static struct field field_of(const char *text)
{
    return (struct field){ text, strlen(text) };
}

static void test_times(void **state)
{
    static const struct {
        const char *text;
        int status;
        int64_t ns, grain_ns;
    } cases[] = {
        { "0", 0, 0, SECOND },
        { "118781", 0, 118781 * SECOND, SECOND },
        { "1258531221.486539", 0, 1258531221486539000, 1000 },
        { "1700000000.1234567891", 0, 1700000000123456789, 1 },
        { "1970-01-01 00:00:00", 0, 0, SECOND },
        { "2018-01-12 15:37:30", 0, 1515771450 * SECOND, SECOND },
        { "2018-01-12 15:37:30.942", 0, 1515771450942 * NS_PER_MS, NS_PER_MS },
        { "2019/04/04 16:23:00.325010", 0, 1554394980325010000, 1000 },
        { "2024-02-29T00:00:01Z", 0, 1709164801 * SECOND, SECOND },
        { "2024-02-29T02:00:01+02:00", 0, 1709164801 * SECOND, SECOND },
        { "2024-02-28T19:30:01.5-0430", 0, 1709164801 * SECOND + SECOND / 2, SECOND / 10 },
        { "2199-12-31 23:59:59", 0, FIELD_MAX_TIME_NS - SECOND, SECOND },
        { "2023-02-29 00:00:00", -1, 0, 0 },
        { "2018-13-01 00:00:00", -1, 0, 0 },
        { "2018-01-00 00:00:00", -1, 0, 0 },
        { "2018-01/01 00:00:00", -1, 0, 0 },
        { "2200-01-01 00:00:00", -1, 0, 0 },
        { "1969-12-31 23:59:59", -1, 0, 0 },
        { "1970-01-01T00:00:00+01:00", -1, 0, 0 },
        { "2018-01-12 24:00:00", -1, 0, 0 },
        { "2018-01-12 15:60:00", -1, 0, 0 },
        { "2018-01-12 15:37:30.", -1, 0, 0 },
        { "2018-01-12 15:37:30 ", -1, 0, 0 },
        { "2018-01-12 15:37", -1, 0, 0 },
        { "2018-01-12", -1, 0, 0 },
        { "7258118400", -1, 0, 0 },
        { "1234567890123", -1, 0, 0 },
        { "-5", -1, 0, 0 },
        { "1e9", -1, 0, 0 },
        { "1.", -1, 0, 0 },
        { ".5", -1, 0, 0 },
        { "", -1, 0, 0 },
        { "21:04:48.041083", -2, 0, 0 },
        { "21:04:48", -2, 0, 0 },
        { "25:04:48", -1, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct field_clock clock = { .date_ns = 0 };

        for (int again = 0; again < 2; again++) { /* a date that is remembered changes nothing */
            int64_t ns = 0, grain_ns = 0;
            int status = field_to_time(field_of(cases[i].text), &clock, &ns, &grain_ns);

            if (status != cases[i].status ||
                (status == 0 && (ns != cases[i].ns || grain_ns != cases[i].grain_ns)))
                fail_msg("\"%s\": %d, %lld, %lld", cases[i].text, status, (long long)ns, (long long)grain_ns);
        }
    }
    for (int64_t day = 0; day < 84000; day += 13) { /* against the library's calendar */
        time_t seconds = day * 86400;
        struct field_clock clock = { .date_ns = 0 };
        int64_t ns, grain_ns;
        struct tm tm;
        char text[32];

        strftime(text, sizeof text, "%Y-%m-%d 00:00:00", gmtime_r(&seconds, &tm));
        assert_int_equal(field_to_time(field_of(text), &clock, &ns, &grain_ns), 0);
        assert_int_equal(ns, seconds * SECOND);
    }
}

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        int64_t ns; /* -1: no duration */
    } durations[] = {
        { "0.000", 0 }, { "6.0", 6 * SECOND }, { "86357.992", 86357992 * NS_PER_MS },
        { "00:01:02.5", 62 * SECOND + SECOND / 2 }, { "3d 00:00:01", 259201 * SECOND },
        { "100:00:00", 360000 * SECOND }, { "316224000", -1 }, { "-1.0", -1 }, { "1:2:3", -1 }, { "x", -1 },
        { "1.5s", -1 }, { "99999999999999999999", -1 }, { "", -1 }, { "3d", -1 },
    };
    static const struct {
        const char *text;
        int64_t value; /* -1: none */
    } flags[] = {
        { "......S.", S }, { ".AP.SF", A | P | S | F }, { "CEUAPRSF", 0xff }, { "...A.R..", A | R }, { "", 0 },
        { "27", 27 }, { "0x12", S | A }, { "256", -1 }, { "SX", -1 }, { "0xg", -1 },
    };
    static const struct {
        const char *text;
        int64_t value;
    } protocols[] = {
        { "6", 6 }, { "TCP", 6 }, { "udp", 17 }, { "ICMP", 1 }, { "ipv6-icmp", 58 }, { "ICMP6", 58 },
        { "GRE", FIELD_OTHER_PROTOCOL }, { "255", 255 }, { "256", -1 }, { "", -1 }, { "a b", -1 }, { "6x", -1 },
    };
    static const char *const no_addresses[] = {
        "", "10.0.0", "10.0.0.1.", "10.0.0.256", "010.0.0.1", "10.0.0.1 ", "10..0.1", "1000.0.0.1", "::g", "1",
        "2001:db8:0:0:0:0:0:0:1", "10.0.0.1/8", "1.2.3.4.5",
    };
    uint64_t number;

    (void)state;
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        int64_t ns = -1;

        if (field_to_duration(field_of(durations[i].text), &ns) < 0)
            ns = -1;
        if (ns != durations[i].ns)
            fail_msg("duration \"%s\": %lld", durations[i].text, (long long)ns);
    }
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        uint8_t value;
        int status = field_to_tcp_flags(field_of(flags[i].text), &value);

        if ((status < 0 ? -1 : value) != flags[i].value)
            fail_msg("flags \"%s\"", flags[i].text);
    }
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        unsigned value;
        int status = field_to_protocol(field_of(protocols[i].text), &value);

        if ((status < 0 ? -1 : (int64_t)value) != protocols[i].value)
            fail_msg("protocol \"%s\"", protocols[i].text);
    }
    for (size_t i = 0; i < sizeof no_addresses / sizeof *no_addresses; i++) {
        struct ip_address address;

        if (field_to_address(field_of(no_addresses[i]), &address) == 0)
            fail_msg("\"%s\" is taken as an address", no_addresses[i]);
    }
    assert_int_equal(field_to_u64(field_of("9999999999999999999"), UINT64_MAX, &number), 0);
    assert_int_equal(field_to_u64(field_of("18446744073709551616"), UINT64_MAX, &number), -1);
    assert_int_equal(field_to_u64(field_of("00000000000000000000"), UINT64_MAX, &number), -1);
    assert_int_equal(field_to_u64(field_of("0xfffffffffffffff"), UINT64_MAX, &number), 0);
    assert_int_equal(field_to_u64(field_of("0x1fffffffffffffff"), UINT64_MAX, &number), -1);
    assert_int_equal(field_to_u64(field_of("11"), 10, &number), -1);
}

static struct ip_address address_of_name(struct host_names *names, const char *name)
{
    struct ip_address address = host_names_address(names, name, strlen(name));
    struct ip_address added;
    struct error err = { "" };

    assert_true(host_name_is_valid(name, strlen(name)));
    assert_int_equal(host_names_add(names, name, strlen(name), &added, &err), 0);
    assert_true(ip_address_equal(&added, &address));
    assert_true(ip_address_is_named(&address));
    assert_string_equal(host_names_name(names, &address), name);
    return address;
}

static void test_names(void **state)
{
    static const char *const names[] = { "Comp364445", "Comp1", "Comp01", "Comp001", "Comp", "IP1", "ActiveDirectory",
                                         "Comp2147483647", "Comp2147483648", "a-b", "VPN", "Comp-1" };
    struct host_names *table = host_names_new(NAMES_BYTES);
    struct host_names *other = host_names_new(NAMES_BYTES);
    struct ip_network network;
    struct ip_address real = ip_address_from_v4(0x0a000001);
    struct error err = { "" };
    enum { NAMES = sizeof names / sizeof *names };

    (void)state;
    assert_int_equal(host_names_network(table, "Comp*", &network, &err), 0); /* before any name of it */
    assert_int_equal(network.prefix, 96);
    for (int i = 0; i < NAMES; i++) {
        struct ip_address a = address_of_name(table, names[i]);
        bool is_comp = strncmp(names[i], "Comp", 4) == 0;

        assert_int_equal(ip_network_contains(&network, &a), is_comp);
        for (int j = 0; j < i; j++) {
            struct ip_address b = address_of_name(table, names[j]);

            assert_false(ip_address_equal(&a, &b));
        }
    }
    assert_int_equal(host_names_count(table), NAMES);
    for (int i = NAMES - 1; i >= 0; i--) { /* whatever the order of the names */
        struct ip_address a = address_of_name(table, names[i]), b = address_of_name(other, names[i]);

        assert_true(ip_address_equal(&a, &b));
    }
    assert_int_equal(host_names_network(table, "VPN", &network, &err), 0);
    assert_int_equal(network.prefix, 128);
    assert_int_equal(host_names_network(table, "Comp1*", &network, &err), -1);
    expect_text("class", err.text, "Comp1*");
    assert_int_equal(host_names_network(table, "*", &network, &err), -1);
    assert_false(ip_address_is_named(&real));
    assert_null(host_names_name(table, &real));
    assert_false(host_name_is_valid("1Comp", 5));
    assert_false(host_name_is_valid("Co mp", 5));
    assert_false(host_name_is_valid("Co\0mp", 5));
    assert_false(host_name_is_valid("", 0));
    assert_false(host_name_is_valid("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 65));
    host_names_free(table);
    host_names_free(other);
    host_names_free(NULL);
}

/* Many names: the table grows, none is lost or shared. */
static void test_many_names(void **state)
{
    enum { MANY = 30000 };
    struct host_names *table = host_names_new(NAMES_BYTES);
    struct ip_address *addresses = memory_alloc_array(MANY, sizeof *addresses);
    char name[32];

    (void)state;
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, i % 2 ? "Comp%06d" : "h%d.lan", i);
        addresses[i] = address_of_name(table, name);
    }
    assert_int_equal(host_names_count(table), MANY);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, i % 2 ? "Comp%06d" : "h%d.lan", i);
        assert_string_equal(host_names_name(table, &addresses[i]), name);
    }
    free(addresses);
    host_names_free(table);
}

/* Distinct classes beyond the bound are an error that says so. */
static void test_bound_of_classes(void **state)
{
    struct host_names *table = host_names_new(NAMES_BYTES);
    struct ip_address address;
    struct error err = { "" };
    char name[8] = "aaaa";
    int status = 0;
    unsigned i;

    (void)state;
    for (i = 0; status == 0 && i <= HOST_NAMES_MAX_CLASSES; i++) {
        for (unsigned digit = 0, rest = i; digit < 4; digit++, rest /= 26)
            name[digit] = (char)('a' + rest % 26);
        status = host_names_add(table, name, 4, &address, &err);
    }
    assert_int_equal(status, -1);
    assert_int_equal(i, HOST_NAMES_MAX_CLASSES + 1);
    expect_text("classes", err.text, "classes");
    host_names_free(table);
}

/* What the allocator gave away; 0 where a sanitizer has an allocator of its own. */
static size_t allocated_bytes(void)
{
    struct mallinfo2 now = mallinfo2();

    return now.uordblks + now.hblkhd;
}

/* Names beyond the memory share one address; those before it are as they were. */
static void test_bound_of_names(void **state)
{
    enum { MANY = 100000, LETTERS = 62, BYTES = 4 << 20, SLACK = 128 << 10 };
    size_t before = allocated_bytes();

    (void)state;
    for (int letters = 0; letters < 2; letters++) { /* short ones, and classes of their own */
        struct host_names *names = host_names_new(BYTES);
        struct ip_address first = host_names_address(names, "first", 5), last = first;
        struct ip_network class;
        struct error err = { "" };
        uint64_t unnamed;

        assert_int_equal(host_names_network(names, "Comp*", &class, &err), 0);
        for (unsigned i = 0; i < MANY; i++) {
            char name[LETTERS + 1];

            snprintf(name, sizeof name, "Comp%u", i);
            if (letters) {
                memset(name, 'x', LETTERS);
                for (unsigned at = 0, rest = i; at < 5; at++, rest /= 26)
                    name[at] = (char)('a' + rest % 26);
            }
            last = host_names_address(names, name, strnlen(name, LETTERS));
        }
        unnamed = host_names_unnamed(names);
        assert_int_equal(host_names_count(names) + unnamed, MANY + 1);
        assert_true(unnamed > 0 && host_names_count(names) > BYTES / 300);
        assert_true(allocated_bytes() <= before + BYTES + SLACK);
        assert_true(ip_address_is_named(&last));
        assert_null(host_names_name(names, &last));
        assert_false(ip_network_contains(&class, &last));
        first = host_names_address(names, "another", 7);
        assert_true(ip_address_equal(&first, &last));
        assert_int_equal(host_names_unnamed(names), unnamed + 1);
        first = host_names_address(names, "first", 5);
        assert_string_equal(host_names_name(names, &first), "first");
        assert_int_equal(host_names_add(names, "another", 7, &last, &err), -1);
        expect_text("no room", err.text, "\"another\": there is no memory");
        assert_int_equal(host_names_network(names, "Another*", &class, &err), -1);
        expect_text("no room", err.text, "\"Another*\": there is no memory");
        assert_int_equal(host_names_network(names, "Comp*", &class, &err), 0);
        host_names_free(names);
    }
}

#define NFDUMP_HEADER "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt\n"
#define NFDUMP_SUMMARY "Summary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n2,100,2,1,1,1\n"
#define NFDUMP_SYN "2018-01-12 15:37:30,2018-01-12 15:37:30,0.000,192.0.2.1,192.0.2.2,52324,902,TCP,......S.,0,0,1,60,0,0\n"
#define NFDUMP_RST "2018-01-12 15:37:30,2018-01-12 15:37:30,0.000,192.0.2.2,192.0.2.1,902,52324,TCP,...A.R..,0,0,1,40,0,0\n"
#define UGR_HEADER "te,td,sa,da,sp,dp,pr,flg,fwd,stos,pkt,byt,label\n"
#define UGR_LINE "2016-04-11 00:01:39,22.052,192.0.2.1,192.0.2.2,17784,22,TCP,.AP.SF,0,0,35,3928,background\n"
#define ARGUS_HEADER "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,SrcPkts,Label\n"
#define ARGUS_LINE "2019/04/04 16:23:00.325010,4.5,tcp,192.0.2.1,17784,   ->,192.0.2.2,22,FSPA_FSRPA,0,0,10,7200,720,6,\n"
#define LANL_HEADER "Time,Duration,SrcDevice,DstDevice,Protocol,SrcPort,DstPort,SrcPackets,DstPackets,SrcBytes,DstBytes\n"
#define LANL_LINE "118783,6976,Comp450942,Comp829338,6,Port03137,445,1665,1108,300810,250408\n"
#define ZEEK_FIELDS "ts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\n"
#define ZEEK_HEADER "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#fields\t" ZEEK_FIELDS
#define ZEEK_LINE "1713484784.962686\tC\t192.0.2.1\t17784\t192.0.2.2\t22\ttcp\t-\t65.022705\t364\t654\tSF\tShADadfF\t7\t736\t6\t1026\n"
#define JSON_LINE "{\"ts\":1713484784.962686,\"id.orig_h\":\"192.0.2.1\",\"id.orig_p\":17784,\"id.resp_h\":\"192.0.2.2\",\"id.resp_p\":22,\"proto\":\"tcp\",\"duration\":65.022705,\"orig_bytes\":364,\"resp_bytes\":654,\"conn_state\":\"SF\",\"history\":\"ShADadfF\",\"orig_pkts\":7,\"orig_ip_bytes\":736,\"resp_pkts\":6,\"resp_ip_bytes\":1026}\n"

/* One flow each: what a line of every format becomes. */
static const struct {
    const char *name, *text, *format;
    uint64_t flows;
    uint64_t packets[2], bytes[2], payload[2];
    uint8_t flags[2];
    int64_t start_ns, duration_ns;
    enum flow_opening opening;
    enum flow_ending ending;
    enum flow_side closing;
} samples[] = {
    { "nfdump: a refused connection", NFDUMP_HEADER NFDUMP_SYN NFDUMP_RST NFDUMP_SUMMARY, "nfdump", 1, { 1, 1 },
      { 60, 40 }, { 0, 0 }, { S, A | R }, 1515771450 * SECOND, 0, FLOW_OPENING_ATTEMPT,
      FLOW_ENDING_RESET, FLOW_RESPONDER },
    { "nfdump: the answer first, CRLF, two logs", "ts,te,td,sa,da,sp,dp,pr,flg,ipkt,ibyt\r\n2018-01-12 15:37:30,-,0.000,192.0.2.2,"
      "192.0.2.1,902,52324,TCP,...A.R..,1,40\r\nSummary\r\nts,te\r\nts,te,td,sa,da,sp,dp,pr,flg,ipkt,ibyt\r\n"
      "2018-01-12 15:37:30,-,0.000,192.0.2.1,192.0.2.2,52324,902,TCP,......S.,1,60\r\n", "nfdump", 1,
      { 1, 1 }, { 60, 40 }, { 0, 0 }, { S, A | R }, 1515771450 * SECOND, 0, FLOW_OPENING_ATTEMPT,
      FLOW_ENDING_RESET, FLOW_RESPONDER },
    { "nfdump 1.7.3", "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,bps,bpp,flows\n"
      "2018-01-12 15:37:30.250,00:00:02.000,TCP,192.0.2.1,52324,192.0.2.2,902,5,2040,0,0,1\n"
      "2018-01-12 15:37:30.251,00:00:02.500,TCP,192.0.2.2,902,192.0.2.1,52324,4,9160,0,0,1\n", "nfdump", 1, { 5, 4 },
      { 2040, 9160 }, { 1840, 9000 }, { 0, 0 }, 1515771450250 * NS_PER_MS, 2501 * NS_PER_MS,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_NONE, FLOW_INITIATOR },
    { "UGR'16: the end, and the duration", UGR_HEADER UGR_LINE, "ugr16", 1, { 35, 0 }, { 3928, 0 },
      { 3928 - 35 * 40 - 20, 0 }, { A | P | S | F, 0 }, 1460332899 * SECOND - 22052 * NS_PER_MS,
      22052 * NS_PER_MS, FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_INITIATOR },
    { "UGR'16 without a header", UGR_LINE, "ugr16", 1, { 35, 0 }, { 3928, 0 }, { 3928 - 35 * 40 - 20, 0 },
      { A | P | S | F, 0 }, 1460332899 * SECOND - 22052 * NS_PER_MS, 22052 * NS_PER_MS,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_INITIATOR },
    { "Argus, binetflow", ARGUS_HEADER ARGUS_LINE, "argus", 1, { 6, 4 }, { 720, 6480 },
      { 720 - 240 - 20, 6480 - 160 - 20 }, { F | S | P | A, F | S | R | P | A }, 1554394980325010000,
      4500 * NS_PER_MS, FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_INITIATOR },
    { "Argus, totals alone", "StartTime,Flgs,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,TotPkts,TotBytes,State\n"
      "1581109488.041083, e        ,tcp,192.0.2.1,53096,   ->,192.0.2.2,443,11,1100,CON\n", "argus", 1, { 6, 5 },
      { 600, 500 }, { 600 - 240 - 20, 500 - 200 - 20 }, { S | A, S | A }, 1581109488041083000, 0,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_NONE, FLOW_INITIATOR },
    { "Argus, one way", "StartTime,Flgs,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,TotPkts,TotBytes,State\n"
      "1581109488.041083, e        ,udp,192.0.2.1,5000,   ->,192.0.2.2,6000,2,156,INT\n", "argus", 1, { 2, 0 },
      { 156, 0 }, { 100, 0 }, { 0, 0 }, 1581109488041083000, 0, FLOW_OPENING_NONE, FLOW_ENDING_NONE,
      FLOW_INITIATOR },
    { "Argus, semicolons", "StartTime;Dur;Proto;SrcAddr;Sport;Dir;DstAddr;Dport;SrcPkts;DstPkts;SrcBytes;DstBytes;State\n"
      "1581109488.5;1.0;tcp;192.0.2.1;53096;   ->;192.0.2.2;443;3;0;180;0;REQ\n", "argus", 1, { 3, 0 },
      { 180, 0 }, { 0, 0 }, { S, 0 }, 1581109488 * SECOND + SECOND / 2, SECOND, FLOW_OPENING_ATTEMPT,
      FLOW_ENDING_NONE, FLOW_INITIATOR },
    { "LANL", LANL_HEADER LANL_LINE, "lanl", 1, { 1665, 1108 }, { 300810, 250408 },
      { 300810 - 1665 * 40, 250408 - 1108 * 40 }, { 0, 0 }, 118783 * SECOND, 6976 * SECOND,
      FLOW_OPENING_HANDSHAKE, FLOW_ENDING_NONE, FLOW_INITIATOR },
    { "LANL without a header, told again from its beginning",
      LANL_LINE "118783,7976,Comp450942,Comp829338,6,Port03137,445,1765,1208,310810,250408\n", "lanl", 1,
      { 1765, 1208 }, { 310810, 250408 }, { 310810 - 1765 * 40, 250408 - 1108 * 40 }, { 0, 0 },
      118783 * SECOND, 7976 * SECOND, FLOW_OPENING_HANDSHAKE, FLOW_ENDING_NONE, FLOW_INITIATOR },
    { "Zeek", ZEEK_HEADER ZEEK_LINE "#close\tx\n", "zeek", 1, { 7, 6 }, { 736, 1026 }, { 364, 654 },
      { S | A | P | F, S | A | P | F }, 1713484784962686000, 65022705000, FLOW_OPENING_HANDSHAKE,
      FLOW_ENDING_FIN, FLOW_RESPONDER },
    { "Zeek: a first column more, other order behind a second header, unset fields",
      "#separator \\x09\n#path\tconn\n#fields\t_node_name\t" ZEEK_FIELDS
      "w\t1713484784.962686\tC\t192.0.2.1\t17784\t192.0.2.2\t22\ttcp\t-\t-\t-\t-\tS0\tS\t1\t60\t0\t0\n#close\tx\n"
      "#separator \\x09\n#path\tconn\n#fields\tid.orig_h\tts\tid.orig_p\tid.resp_h\tid.resp_p\tproto\torig_pkts\torig_ip_bytes\thistory\n"
      "192.0.2.1\t1713484785.962686\t17784\t192.0.2.2\t22\ttcp\t1\t60\tS\n", "zeek", 1, { 2, 0 }, { 120, 0 }, { 0, 0 },
      { S, 0 }, 1713484784962686000, SECOND, FLOW_OPENING_ATTEMPT, FLOW_ENDING_NONE, FLOW_INITIATOR },
    { "Zeek as JSON", JSON_LINE, "zeek-json", 1, { 7, 6 }, { 736, 1026 }, { 364, 654 },
      { S | A | P | F, S | A | P | F }, 1713484784962686000, 65022705000, FLOW_OPENING_HANDSHAKE,
      FLOW_ENDING_FIN, FLOW_RESPONDER },
    { "Zeek as JSON, ISO 8601, without a duration",
      "{\"ts\":\"2024-04-18T23:59:44.962686Z\",\"id.orig_h\":\"192.0.2.1\",\"id.orig_p\":17784,\"id.resp_h\":\"192.0.2.2\",\"id.resp_p\":22,"
      "\"proto\":\"tcp\",\"conn_state\":\"REJ\",\"orig_pkts\":1,\"orig_ip_bytes\":60,\"resp_pkts\":1,\"resp_ip_bytes\":40,\"x\":null}\n",
      "zeek-json", 1, { 1, 1 }, { 60, 40 }, { 0, 0 }, { S, R | A }, 1713484784962686000, 0,
      FLOW_OPENING_ATTEMPT, FLOW_ENDING_RESET, FLOW_RESPONDER },
};

enum { SAMPLES = sizeof samples / sizeof *samples };

static void test_samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct reading got = read_text(samples[i].text);
        const struct flow_record *r = &got.flows.flows[0];
        bool same = strcmp(got.format, samples[i].format) == 0 && got.flows.count == samples[i].flows;

        if (got.err.text[0] != '\0' || got.damage[0] != '\0')
            fail_msg("%s: %s%s", samples[i].name, got.err.text, got.damage);
        for (int side = 0; side < 2; side++)
            same = same && r->packets[side] == samples[i].packets[side] &&
                   r->bytes[side] == samples[i].bytes[side] &&
                   r->payload_bytes[side] == samples[i].payload[side] &&
                   r->tcp_flags[side] == samples[i].flags[side];
        same = same && r->start.ns == samples[i].start_ns && r->duration_ns == samples[i].duration_ns &&
               r->opening == samples[i].opening && r->ending == samples[i].ending &&
               (r->ending == FLOW_ENDING_NONE || r->closing_side == samples[i].closing);
        if (!same)
            fail_msg("%s: %s, %llu flows, packets %llu/%llu bytes %llu/%llu payload %llu/%llu flags %x/%x start "
                     "%lld +%lld opening %d ending %d by %d", samples[i].name, got.format,
                     (unsigned long long)got.flows.count, (unsigned long long)r->packets[0],
                     (unsigned long long)r->packets[1], (unsigned long long)r->bytes[0],
                     (unsigned long long)r->bytes[1], (unsigned long long)r->payload_bytes[0],
                     (unsigned long long)r->payload_bytes[1], r->tcp_flags[0], r->tcp_flags[1],
                     (long long)r->start.ns, (long long)r->duration_ns, r->opening, r->ending,
                     r->closing_side);
    }
}

static void test_recognized(void **state)
{
    static const char *const others[] = { "", "\n\n", "hello\n", "a,b,c\n1,2,3\n", "\xd4\xc3\xb2\xa1", "{\"ts\":1}\n", "{",
                                          "te,td,sa\n", "\0\0\0\0" };

    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct input_file *input = input_file_from_memory(samples[i].text, strlen(samples[i].text), "x");

        assert_true(record_file_recognizes(input));
        input_file_close(input);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct input_file *input = input_file_from_memory(others[i], strlen(others[i]), "x");

        assert_false(record_file_recognizes(input));
        input_file_close(input);
    }
}

static void test_opaque_ports_and_names(void **state)
{
    struct reading got = read_text(LANL_HEADER LANL_LINE);

    (void)state;
    assert_int_equal(got.flows.flows[0].port[FLOW_INITIATOR], 49152 + 3137);
    assert_int_equal(got.flows.flows[0].port[FLOW_RESPONDER], 445);
    assert_true(ip_address_is_named(&got.flows.flows[0].address[FLOW_INITIATOR]));
}

/* A log of more names than there is room for is read to its end. */
static void test_log_of_many_names(void **state)
{
    enum { LINES = 1000, BYTES = 10000 };
    char *text = memory_alloc(LINES * sizeof LANL_LINE);
    struct host_names *names = host_names_new(BYTES);
    struct record_options options = { NULL, NULL };
    struct record_file *file;
    struct log_record record;
    struct error err = { "" };
    size_t size = 0;
    unsigned read = 0;

    (void)state;
    for (int i = 0; i < LINES; i++)
        size += (size_t)sprintf(text + size, "118783,6976,Comp%06d,Server%d,6,Port03137,445,1,1,40,40\n", i, i);
    file = record_file_open(input_file_from_memory(text, size, "x"), &options, names, &err);
    while (record_file_next(file, &record, &err) == 1)
        read++;
    assert_string_equal(err.text, "");
    assert_int_equal(read, LINES);
    assert_int_equal(host_names_count(names) + host_names_unnamed(names), 2 * LINES);
    assert_true(host_names_count(names) > 0 && host_names_unnamed(names) > LINES);
    record_file_close(file);
    host_names_free(names);
    free(text);
}

static void test_ping(void **state)
{
    static const struct {
        const char *name, *text;
        uint16_t port[2];
        uint64_t packets[2];
        uint8_t protocol;
    } cases[] = {
        { "NetFlow, request and reply", NFDUMP_HEADER
          "2018-01-12 15:37:30,,1.0,192.0.2.2,192.0.2.1,0,0,ICMP,,0,0,3,252,0,0\n"
          "2018-01-12 15:37:30,,1.0,192.0.2.1,192.0.2.2,0,2048,ICMP,,0,0,4,336,0,0\n", { 0, 2048 }, { 4, 3 }, IP_ICMP },
        { "the same, as type and code", NFDUMP_HEADER
          "2018-01-12 15:37:30,,1.0,192.0.2.2,192.0.2.1,0,0.0,ICMP,,0,0,3,252,0,0\n"
          "2018-01-12 15:37:30,,1.0,192.0.2.1,192.0.2.2,0,8.0,ICMP,,0,0,4,336,0,0\n", { 0, 2048 }, { 4, 3 }, IP_ICMP },
        { "Argus", "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,SrcPkts,DstPkts,SrcBytes,DstBytes,State\n"
          "1477674114.088087,1.0,icmp,192.0.2.1,0x0008,  <->,192.0.2.2,0xcb02,4,3,392,294,ECO\n", { 0xcb02, 2048 }, { 4, 3 }, IP_ICMP },
        { "Zeek", ZEEK_HEADER "1.0\tC\t192.0.2.1\t8\t192.0.2.2\t0\ticmp\t-\t1.0\t224\t168\tOTH\t-\t4\t336\t3\t252\n",
          { 0, 2048 }, { 4, 3 }, IP_ICMP },
        { "Zeek, a reply alone", ZEEK_HEADER "1.0\tC\t192.0.2.2\t0\t192.0.2.1\t8\ticmp\t-\t1.0\t224\t-\tOTH\t-\t4\t336\t0\t0\n",
          { 0, 2048 }, { 0, 4 }, IP_ICMP },
        { "Zeek, IPv6", ZEEK_HEADER "1.0\tC\t2001:db8::1\t128\t2001:db8::2\t129\ticmp\t-\t1.0\t224\t168\tOTH\t-\t4\t336\t3\t252\n",
          { 0, 128 << 8 }, { 4, 3 }, IP_ICMPV6 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading got = read_text(cases[i].text);
        const struct flow_record *r = &got.flows.flows[0];

        if (got.flows.count != 1 || r->protocol != cases[i].protocol || r->port[0] != cases[i].port[0] ||
            r->port[1] != cases[i].port[1] || r->packets[0] != cases[i].packets[0] ||
            r->packets[1] != cases[i].packets[1])
            fail_msg("%s: %llu flows, ports %u %u, packets %llu %llu %s", cases[i].name,
                     (unsigned long long)got.flows.count, r->port[0], r->port[1],
                     (unsigned long long)r->packets[0], (unsigned long long)r->packets[1], got.err.text);
    }
}

static void test_skipped_is_counted(void **state)
{
    struct reading got = read_text(
        UGR_HEADER UGR_LINE "2016-04-11 00:01:39,0,192.0.2.1,192.0.2.2,0,0,GRE,......,0,0,35,3928,background\n"
        "2016-04-11 00:01:39,0,192.0.2.1,192.0.2.2,0,771,ICMP,......,0,0,1,56,background\n"
        "2016-04-11 00:01:39,0,192.0.2.1,192.0.2.2,1,2,UDP,......,0,0,0,0,background\n\n# a remark\n");

    (void)state;
    assert_int_equal(got.counts.lines, 4);
    assert_int_equal(got.counts.records, 1);
    assert_int_equal(got.counts.other_protocol, 1);
    assert_int_equal(got.counts.other_icmp, 1);
    assert_int_equal(got.counts.empty, 1);
}

/* Argus calls some of UDP by what it carries; elsewhere such a name is a protocol of its own. */
static void test_content_of_udp(void **state)
{
    static const struct {
        const char *name;
        uint64_t records; /* of Argus */
    } cases[] = { { "udp", 1 }, { "rtp", 1 }, { "rtcp", 1 }, { "udt", 1 }, { "arp", 0 }, { "rt", 0 } };
    static const char *const headers[] = { "StartTime,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,SrcPkts,SrcBytes,State\n",
                                           "ts,pr,sa,sp,x,da,dp,ipkt,ibyt,y\n" };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int format = 0; format < 2; format++) {
            char text[256];
            struct reading got;

            snprintf(text, sizeof text, "%s1,%s,192.0.2.1,5000,->,192.0.2.2,5002,1,100,CON\n", headers[format],
                     cases[i].name);
            got = read_text(text);
            assert_int_equal(got.counts.records, format == 0 || i == 0 ? cases[i].records : 0);
            assert_int_equal(got.counts.records + got.counts.other_protocol, 1);
            assert_true(got.counts.records == 0 || got.flows.flows[0].protocol == IP_UDP);
        }
    }
}

#define ALL_NUMBERS "start=1,duration=2,src=3,dst=4,sport=5,dport=6,proto=7,packets=8,bytes=9"

static void test_columns(void **state)
{
    static const struct {
        const char *name, *columns, *text;
        uint64_t packets[2];
    } cases[] = {
        { "numbers", ALL_NUMBERS, "1.5,2,192.0.2.1,192.0.2.2,5000,443,6,10,1000\n", { 10, 0 } },
        { "numbers, both ways, tab", ALL_NUMBERS ",rpackets=10,rbytes=11,delimiter=tab",
          "1.5\t2\t192.0.2.1\t192.0.2.2\t5000\t443\t6\t10\t1000\t9\t5000\n", { 10, 9 } },
        { "blanks", ALL_NUMBERS ",delimiter=space", "  1.5   2 192.0.2.1\t192.0.2.2 5000 443 6 10 1000  \n", { 10, 0 } },
        { "names, quotes, end", "end=last seen,start=first,src=a,dst=b,sport=p,dport=q,proto=t,packets=n,bytes=o,delimiter=semicolon",
          "first;last seen;a;b;p;q;t;o;n\n\"2024-01-01 00:00:00\";\"2024-01-01 00:00:09\";192.0.2.1;192.0.2.2;1;2;udp;80;2\n",
          { 2, 0 } },
        { "a comma between quotes", "start=s,src=a,dst=b,sport=p,dport=q,proto=t,packets=n,bytes=o",
          "x,s,a,b,p,q,t,n,o\n\"a,b\",1.0,192.0.2.1,192.0.2.2,1,2,udp,2,80\n", { 2, 0 } },
        { "totals", "start=1,src=2,dst=3,sport=4,dport=5,proto=6,totpackets=7,totbytes=8,bytes=9",
          "1,192.0.2.1,192.0.2.2,1,2,17,10,1000,400\n", { 5, 5 } },
        { "a total of large packets", "start=1,src=2,dst=3,sport=4,dport=5,proto=6,totpackets=7,totbytes=8",
          "1,192.0.2.1,192.0.2.2,1,2,6,10,150000\n", { 5, 5 } },
        { "a total, all of it from the destination", "start=1,src=2,dst=3,sport=4,dport=5,proto=6,totpackets=7,totbytes=8,bytes=9",
          "1,192.0.2.1,192.0.2.2,1,2,17,10,1000,0\n", { 0, 10 } },
        { "totals, of which the bytes need more", "start=1,src=2,dst=3,sport=4,dport=5,proto=6,totpackets=7,totbytes=8,bytes=9",
          "1,192.0.2.1,192.0.2.2,1,2,17,10,10040,40\n", { 3, 7 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading got = read_bytes(cases[i].text, strlen(cases[i].text),
                                        (struct record_options){ NULL, cases[i].columns });

        if (got.flows.count != 1 || got.flows.flows[0].packets[0] != cases[i].packets[0] ||
            got.flows.flows[0].packets[1] != cases[i].packets[1])
            fail_msg("%s: %llu flows, %llu and %llu packets, %s%s", cases[i].name,
                     (unsigned long long)got.flows.count,
                     (unsigned long long)got.flows.flows[0].packets[0],
                     (unsigned long long)got.flows.flows[0].packets[1], got.err.text, got.damage);
    }
}

/* Packets and bytes are said in any way, each by itself: what is known is kept, and what is not is split. */
static void test_totals(void **state)
{
    enum { SOURCE = 1, BACK = 2, TOTAL = 4 };
    static const int ways[] = { SOURCE | BACK, TOTAL, TOTAL | SOURCE, TOTAL | BACK, TOTAL | SOURCE | BACK };
    static const char *const packet_columns[] = { ",SrcPkts,6", ",DstPkts,4", ",TotPkts,10" };
    static const char *const byte_columns[] = { ",SrcBytes,720", ",DstBytes,6480", ",TotBytes,7200" };
    enum { WAYS = sizeof ways / sizeof *ways };

    (void)state;
    for (int way = 0; way < WAYS * WAYS; way++) {
        int packets = ways[way / WAYS], bytes = ways[way % WAYS];
        bool packets_known = packets != TOTAL, bytes_known = bytes != TOTAL;
        uint64_t wanted[2] = { packets_known ? 6 : 5, packets_known ? 4 : 5 };
        char header[256] = "StartTime,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State", line[256] = "1,tcp,192.0.2.1,5000,->,192.0.2.2,443,CON";
        char text[1024];
        struct reading got;
        const struct flow_record *r = &got.flows.flows[0];

        for (int column = 0; column < 6; column++) {
            const char *said = column < 3 ? packet_columns[column] : byte_columns[column - 3];
            const char *value = strrchr(said, ',');

            if (!((column < 3 ? packets : bytes) & 1 << column % 3))
                continue;
            snprintf(header + strlen(header), sizeof header - strlen(header), "%.*s", (int)(value - said), said);
            strcat(line, value);
        }
        snprintf(text, sizeof text, "%s\n%s\n", header, line);
        got = read_text(text);
        if (got.flows.count != 1 || r->packets[0] != wanted[0] || r->packets[1] != wanted[1] ||
            r->bytes[0] != (bytes_known ? 720 : 720 * wanted[0]) || r->bytes[1] != (bytes_known ? 6480 : 720 * wanted[1]))
            fail_msg("%s: %llu and %llu packets, %llu and %llu bytes %s%s", header, (unsigned long long)r->packets[0],
                     (unsigned long long)r->packets[1], (unsigned long long)r->bytes[0], (unsigned long long)r->bytes[1],
                     got.err.text, got.damage);
    }
}

/* What a user is told: the file, the place and the value. */
static void test_errors(void **state)
{
    static const struct {
        const char *name;
        struct record_options options;
        const char *text, *said[3];
    } cases[] = {
        { "unknown", { 0 }, "hello world\n", { "x.log", "hello world", "columns" } },
        { "nothing", { 0 }, "", { "x.log" } },
        { "unknown format", { "netflow9", NULL }, "x\n", { "netflow9", "nfdump", "zeek-json" } },
        { "not of the format", { "argus", NULL }, "x\n", { "x.log", "argus" } },
        { "unknown role", { NULL, "begin=1" }, "x\n", { "begin", "duration" } },
        { "no column", { NULL, "start" }, "x\n", { "start" } },
        { "role twice", { NULL, "start=1,start=2" }, "x\n", { "start", "twice" } },
        { "column twice", { NULL, ALL_NUMBERS ",rbytes=9" }, "x\n", { "column 9", "twice" } },
        { "number and name", { NULL, "start=1,end=b" }, "x\n", { "end=b" } },
        { "column 0", { NULL, "start=0" }, "x\n", { "start=0" } },
        { "missing role", { NULL, "start=1,src=2,dst=3,sport=4,dport=5,proto=6,bytes=7" }, "x\n", { "\"packets\"", "totpackets" } },
        { "delimiter", { NULL, "start=1,delimiter=colon" }, "x\n", { "colon", "comma" } },
        { "missing column", { NULL, "start=ts,src=a,dst=b,sport=p,dport=q,proto=t,packets=n,bytes=o" }, "ts,a,b,p,q,t,n,u\n", { "x.log", "\"o\"", "ts,a,b,p" } },
        { "columns of a known format", { "zeek", "start=1" }, "x\n", { "zeek" } },
        { "format without columns", { "columns", NULL }, "x\n", { "columns" } },
        { "time of day", { 0 }, "StartTime,Flgs,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,TotPkts,TotBytes,State\n"
          "21:04:48.041083,e,tcp,192.0.2.1,53096,->,192.0.2.2,443,656,457267,CON\n", { "line 2", "\"21:04:48.041083\"", "ra -u" } },
        { "another log of Zeek", { 0 }, "#separator \\x09\n#path\tdns\n#fields\tts\tid.orig_h\n1.0\t1.2.3.4\n", { "x.log", "dns.log", "conn.log" } },
        { "conn.log without packets", { 0 }, "#path\tconn\n#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n", { "orig_pkts" } },
        { "no fields", { 0 }, "#separator \\x09\n#path\tconn\n", { "#fields" } },
        { "another log of Zeek as JSON", { 0 }, "{\"_path\":\"http\",\"ts\":1.0,\"id.orig_h\":\"1.2.3.4\"}\n", { "http.log", "conn.log" } },
        { "JSON without packets", { 0 }, "{\"ts\":1.0,\"id.orig_h\":\"1.2.3.4\"}\n", { "id.orig_p", "conn.log" } },
        { "less than its part", { NULL, "start=1,src=2,dst=3,sport=4,dport=5,proto=6,totpackets=7,totbytes=8,bytes=9" },
          "1,192.0.2.1,192.0.2.2,1,2,17,10,100,101\n1,192.0.2.1,192.0.2.2,1,2,17,10,100,101\n",
          { "column 8: \"100\": is less than what one end sent", "2 of 2" } },
        { "all lines malformed", { NULL, ALL_NUMBERS }, "1,2\n1,2\n1,2\n", { "3 of 3", "line 1", "2 columns, not the 9" } },
        { "another Zeek log behind", { 0 }, ZEEK_HEADER ZEEK_LINE "#path\tdns\n#fields\tts\n1.0\n", { "dns.log" } },
        { "nfcapd from memory", { 0 }, "\x0c\xa5\x01", { "x.log", "nfdump opens it itself" } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading got = read_bytes(cases[i].text, strlen(cases[i].text), cases[i].options);

        for (int j = 0; j < 3 && cases[i].said[j]; j++)
            expect_text(cases[i].name, got.err.text, cases[i].said[j]);
    }
}

/* One bad line is left out, and said: where, and what. */
static void test_malformed_lines(void **state)
{
    static const struct {
        const char *line, *said;
    } cases[] = {
        { "x,1,192.0.2.1,192.0.2.2,1,2,6,1,40", "column 1: \"x\": is no time" },
        { "1,-1,192.0.2.1,192.0.2.2,1,2,6,1,40", "column 2: \"-1\"" },
        { "1,1e3,192.0.2.1,192.0.2.2,1,2,6,1,40", "column 2: \"1e3\"" },
        { "1,1,192.0.2.300,192.0.2.2,1,2,6,1,40", "column 3: \"192.0.2.300\"" },
        { "1,1,,192.0.2.2,1,2,6,1,40", "column 3: \"\"" },
        { "1,1,192.0.2.1,[x],1,2,6,1,40", "column 4: \"[x]\"" },
        { "1,1,192.0.2.1,192.0.2.2,65536,2,6,1,40", "column 5: \"65536\"" },
        { "1,1,192.0.2.1,192.0.2.2,1,https,6,1,40", "ra -n" },
        { "1,1,192.0.2.1,192.0.2.2,1,2,256,1,40", "column 7: \"256\"" },
        { "1,1,192.0.2.1,192.0.2.2,1,2,6,18446744073709551617,40", "column 8: \"18446744073709551617\"" },
        { "1,1,192.0.2.1,192.0.2.2,1,2,6,1.5,40", "column 8: \"1.5\"" },
        { "1,1,192.0.2.1,192.0.2.2,1,2,6,1,99999999999999999", "column 9" },
        { "1,1,192.0.2.1,192.0.2.2,1,2,6,1,4\x01" "0", "column 9: \"4?0\"" },
        { "1,1,192.0.2.1,192.0.2.2,1,2,6,1", "8 columns" },
    };
    enum { GOOD = 5 };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024] = "";
        struct reading got;

        for (int n = 0; n < GOOD; n++)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%d,1,192.0.2.1,192.0.2.2,1,%d,6,1,40\n%s%s", n, n,
                     n == 2 ? cases[i].line : "", n == 2 ? "\n" : "");
        got = read_bytes(text, strlen(text), (struct record_options){ NULL, ALL_NUMBERS });
        assert_string_equal(got.err.text, "");
        assert_int_equal(got.flows.count, GOOD);
        assert_int_equal(got.counts.malformed, 1);
        expect_text(cases[i].line, got.damage, "line 4");
        expect_text(cases[i].line, got.damage, cases[i].said);
    }
}

/* A byte of 0 ends no line: the columns behind it keep their names, and a line that holds one is malformed. */
static void test_bytes_of_0(void **state)
{
    static const char named[] = "\0 s a b p q t n o\n"
                                "z 1 192.0.2.1 192.0.2.2 1 2 tcp 1 100\n"
                                "z ? 192.0.2.1 192.0.2.2 1 2 tcp 1 100\n";
    static const char hidden[] = "1,1,192.0.2.1,192.0.2.2,1,2,6,1,40\n"
                                 "1,1,192.0.2.1,192.0.2.2,1,2,6,1,40,\0\n";
    static const char zeek[] = ZEEK_HEADER ZEEK_LINE "x\0" ZEEK_LINE;
    struct reading got;

    (void)state;
    got = read_bytes(named, sizeof named - 1, (struct record_options){
                         NULL, "start=s,src=a,dst=b,sport=p,dport=q,proto=t,packets=n,bytes=o,delimiter=space" });
    assert_int_equal(got.flows.count, 1);
    expect_text("header", got.damage, "line 3, column \"s\": \"?\"");
    got = read_bytes(hidden, sizeof hidden - 1, (struct record_options){ NULL, ALL_NUMBERS });
    assert_int_equal(got.counts.malformed, 1);
    expect_text("line", got.damage, "line 2: holds a byte of 0");
    got = read_bytes(zeek, sizeof zeek - 1, (struct record_options){ NULL, NULL });
    assert_int_equal(got.counts.malformed, 1);
    expect_text("line of Zeek", got.damage, "holds a byte of 0");
}

/* Up to one line in a hundred may be malformed, and never more than a few at the beginning. */
static void test_share_of_malformed(void **state)
{
    static const struct {
        unsigned lines, bad_every;
        bool fails;
        unsigned lines_read;
    } cases[] = { { 5000, 100, false, 5000 }, { 5000, 2, true, 22 }, { 5000, 50, true, 1050 }, { 20, 10, true, 20 },
                  { 20, 20, false, 20 } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = memory_alloc(cases[i].lines * 64u);
        size_t size = 0;
        struct reading got;

        for (unsigned n = 1; n <= cases[i].lines; n++)
            size += (size_t)sprintf(text + size, "%s,1,192.0.2.1,192.0.2.2,1,2,6,1,40\n",
                                    n % cases[i].bad_every == 0 ? "?" : "5");
        got = read_bytes(text, size, (struct record_options){ NULL, ALL_NUMBERS });
        if ((got.err.text[0] != '\0') != cases[i].fails || got.counts.lines != cases[i].lines_read)
            fail_msg("one in %u of %u: %llu read, %s", cases[i].bad_every, cases[i].lines,
                     (unsigned long long)got.counts.lines, got.err.text);
        free(text);
    }
}

static void test_long_line(void **state)
{
    enum { LONG = 70000 };
    char *text = memory_alloc(sizeof(UGR_HEADER) + LONG);
    struct reading got;

    (void)state;
    memcpy(text, UGR_HEADER, sizeof(UGR_HEADER) - 1);
    memset(text + sizeof(UGR_HEADER) - 1, 'x', LONG);
    got = read_bytes(text, sizeof(UGR_HEADER) - 1 + LONG, (struct record_options){ NULL, NULL });
    expect_text("long line", got.err.text, "line 2");
    expect_text("long line", got.err.text, "65536");
    free(text);
}

/* ---- pairing ---- */

#define CLIENT 0xc0000201
#define SERVER 0xc0000202

/* One record: '>' from the client, '<' from the server, '=' both ways with the client as initiator. */
struct entry {
    char direction; /* 0 ends a script */
    int64_t start_ms, end_ms;
    uint8_t flags, back_flags;
    uint64_t packets;
};

static struct log_record record_of(const struct entry *e, uint8_t protocol, uint16_t client_port,
                                   uint16_t server_port)
{
    bool forward = e->direction != '<';

    return (struct log_record){
        .address = { ip_address_from_v4(forward ? CLIENT : SERVER),
                     ip_address_from_v4(forward ? SERVER : CLIENT) },
        .port = { forward ? client_port : server_port, forward ? server_port : client_port },
        .protocol = protocol,
        .start_ns = e->start_ms * NS_PER_MS,
        .duration_ns = (e->end_ms - e->start_ms) * NS_PER_MS,
        .grain_ns = NS_PER_MS,
        .packets = { e->packets, e->direction == '=' ? e->packets : 0 },
        .bytes = { e->packets * 100, e->direction == '=' ? e->packets * 100 : 0 },
        .tcp_flags = { e->flags, e->back_flags },
        .initiator = e->direction == '=' ? LOG_END_SOURCE : LOG_END_UNKNOWN,
        .closing = LOG_END_UNKNOWN,
    };
}

static struct collected pair(const struct entry *entries, uint8_t protocol, uint16_t client_port,
                             uint16_t server_port, struct pairer_counts *counts)
{
    struct collected c = { .count = 0 };
    struct record_pairer *pairer = record_pairer_new(1000000, collect, &c);

    for (; entries->direction != 0; entries++) {
        struct log_record record = record_of(entries, protocol, client_port, server_port);

        record_pairer_add(pairer, &record);
    }
    record_pairer_flush(pairer);
    *counts = *record_pairer_counts(pairer);
    record_pairer_free(pairer);
    assert_int_equal(counts->records, counts->joined + counts->flows);
    assert_int_equal(counts->flows, c.count);
    return c;
}

static void test_pairing(void **state)
{
    enum { MS = 1000 };
    static const struct {
        const char *name;
        struct entry entries[6];
        uint64_t flows;
        uint64_t packets[2]; /* of the first flow, by client and server */
        int64_t start_ms, duration_ms;
    } cases[] = {
        { "two halves", { { '>', 0, 100, S | A | F, 0, 5 }, { '<', 10, 110, S | A | F, 0, 4 } }, 1, { 5, 4 }, 0, 110 },
        { "the answer comes first", { { '<', 10, 110, S | A | F, 0, 4 }, { '>', 0, 100, S | A | F, 0, 5 } }, 1, { 5, 4 }, 0, 110 },
        { "cut at an active timeout", { { '>', 0, 60 * MS, S | A, 0, 5 }, { '>', 61 * MS, 120 * MS, A, 0, 5 },
          { '<', 0, 60 * MS, S | A, 0, 2 }, { '<', 61 * MS, 130 * MS, A | F, 0, 2 } }, 1, { 10, 4 }, 0, 130 * MS },
        { "silence of the idle timeout", { { '>', 0, 10 * MS, A, 0, 1 }, { '>', 130 * MS, 131 * MS, A, 0, 1 } }, 1, { 2, 0 }, 0, 131 * MS },
        { "silence beyond it", { { '>', 0, 10 * MS, A, 0, 1 }, { '>', 130 * MS + 1, 131 * MS, A, 0, 1 } }, 2, { 1, 0 }, 0, 10 * MS },
        { "the earlier part later", { { '>', 130 * MS, 131 * MS, A, 0, 1 }, { '>', 0, 10 * MS, A, 0, 2 } }, 1, { 3, 0 }, 0, 131 * MS },
        { "much earlier, later", { { '>', 131 * MS, 132 * MS, A, 0, 1 }, { '>', 0, 10 * MS, A, 0, 2 } }, 2, { 2, 0 }, 0, 10 * MS },
        { "a port that is used again", { { '=', 0, 100, S | A | F, S | A | F, 5 }, { '=', 200, 300, S | A | F, S | A | F, 3 } }, 2, { 5, 5 }, 0, 100 },
        { "the same of halves", { { '>', 0, 100, S | A | F, 0, 5 }, { '<', 1, 100, S | A | F, 0, 4 }, { '>', 200, 300, S | A | F, 0, 3 },
          { '<', 201, 300, S | A | F, 0, 2 } }, 2, { 5, 4 }, 0, 100 },
        { "a SYN again", { { '>', 0, 0, S, 0, 1 }, { '>', 3000, 3000, S, 0, 1 } }, 1, { 2, 0 }, 0, 3000 },
        { "refused, and answered in the same millisecond", { { '>', 0, 0, S | R, 0, 2 }, { '<', 0, 0, S | A, 0, 1 } }, 1, { 2, 1 }, 0, 0 },
        { "the answers behind both questions", { { '>', 0, 100, S | A | F, 0, 5 }, { '>', 200, 300, S | A | F, 0, 3 },
          { '<', 1, 100, S | A | F, 0, 4 }, { '<', 201, 300, S | A | F, 0, 2 } }, 2, { 5, 4 }, 0, 100 },
        { "an answer whose clock is ahead", { { '>', 0, 100, S | A | F, 0, 5 }, { '>', 200, 300, S | A | F, 0, 3 },
          { '<', 199, 300, S | A | F, 0, 2 } }, 2, { 5, 0 }, 0, 100 },
        { "the nearer of two", { { '>', 0, 1 * MS, 0, 0, 5 }, { '>', 150 * MS, 160 * MS, 0, 0, 3 }, { '<', 20 * MS, 21 * MS, 0, 0, 1 } },
          2, { 5, 1 }, 0, 21 * MS },
        { "two that come to begin at once", { { '>', 0, 100, S | A | F, 0, 5 }, { '>', 100, 200, S | A | F, 0, 3 },
          { '<', 0, 250, A, 0, 2 }, { '<', 300, 300, A, 0, 1 } }, 2, { 5, 0 }, 0, 100 },
        { "a reset behind the end", { { '=', 0, 100, S | A | F, S | A | F, 5 }, { '>', 150, 150, R, 0, 1 } }, 1, { 6, 5 }, 0, 150 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pairer_counts counts;
        struct collected c = pair(cases[i].entries, IP_TCP, 50000, 443, &counts);
        const struct flow_record *r = &c.flows[0];

        if (c.count != cases[i].flows || r->packets[0] != cases[i].packets[0] ||
            r->packets[1] != cases[i].packets[1] || r->start.ns != cases[i].start_ms * NS_PER_MS ||
            r->duration_ns != cases[i].duration_ms * NS_PER_MS || r->port[FLOW_INITIATOR] != 50000)
            fail_msg("%s: %llu flows, %llu and %llu packets, %lld +%lld, from %u", cases[i].name,
                     (unsigned long long)c.count, (unsigned long long)r->packets[0],
                     (unsigned long long)r->packets[1], (long long)r->start.ns, (long long)r->duration_ns,
                     r->port[FLOW_INITIATOR]);
        assert_int_equal(c.unordered, 0);
    }
}

static void test_initiator(void **state)
{
    static const struct {
        const char *name;
        uint8_t protocol;
        uint16_t client_port, server_port;
        struct entry entries[3];
        bool client_began;
    } cases[] = {
        { "the earlier half", IP_TCP, 443, 50000, { { '>', 0, 9, S | A, 0, 2 }, { '<', 1, 9, S | A, 0, 2 } }, true },
        { "the earlier half, given later", IP_TCP, 443, 50000, { { '<', 1, 9, S | A, 0, 2 }, { '>', 0, 9, S | A, 0, 2 } }, true },
        { "at once: the SYN without ACK", IP_TCP, 443, 50000, { { '<', 0, 9, S | A, 0, 2 }, { '>', 0, 9, S, 0, 2 } }, true },
        { "at once: the service answers", IP_TCP, 50000, 443, { { '<', 0, 9, S | A, 0, 2 }, { '>', 0, 9, S | A, 0, 2 } }, true },
        { "at once, no telling: the first line", IP_UDP, 50000, 50001, { { '<', 0, 9, 0, 0, 2 }, { '>', 0, 9, 0, 0, 2 } }, false },
        { "under way: the service answers", IP_TCP, 50000, 443, { { '<', 0, 9, A, 0, 2 }, { '>', 5, 9, A, 0, 2 } }, true },
        { "UDP: the earlier half, whatever its port", IP_UDP, 50000, 53, { { '<', 0, 9, 0, 0, 2 }, { '>', 5, 9, 0, 0, 2 } }, false },
        { "one half from a service", IP_UDP, 50000, 53, { { '<', 0, 9, 0, 0, 2 } }, true },
        { "one half from a client", IP_UDP, 50000, 53, { { '>', 0, 9, 0, 0, 2 } }, true },
        { "one half, no telling", IP_UDP, 50000, 50001, { { '<', 0, 9, 0, 0, 2 } }, false },
        { "the log says it", IP_TCP, 80, 50000, { { '=', 0, 9, S | A, S | A, 2 } }, true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pairer_counts counts;
        struct collected c = pair(cases[i].entries, cases[i].protocol, cases[i].client_port,
                                  cases[i].server_port, &counts);
        struct ip_address client = ip_address_from_v4(CLIENT);

        assert_int_equal(c.count, 1);
        if (ip_address_equal(&c.flows[0].address[FLOW_INITIATOR], &client) != cases[i].client_began)
            fail_msg("%s", cases[i].name);
    }
}

static void test_group_never_initiates(void **state)
{
    struct log_record record = record_of(&(struct entry){ '>', 0, 1, 0, 0, 3 }, IP_UDP, 53, 50000);
    struct collected c = { .count = 0 };
    struct record_pairer *pairer = record_pairer_new(10, collect, &c);

    (void)state;
    record.address[1] = ip_address_from_v4(0xe00000fb);
    record_pairer_add(pairer, &record);
    record_pairer_flush(pairer);
    assert_int_equal(c.flows[0].packets[FLOW_INITIATOR], 3);
    record_pairer_free(pairer);
}

/* Both directions and the parts of a flow: each is a flow of its own, and known for what it is. */
static void test_kept_apart(void **state)
{
    const struct entry entries[] = { { '>', 0, 10, 0, 0, 3 }, { '<', 1, 10, 0, 0, 2 }, { '>', 20, 30, 0, 0, 4 } };
    const uint64_t packets[][2] = { { 3, 0 }, { 0, 2 }, { 4, 0 } };
    struct collected c = { .count = 0 };
    struct record_pairer *pairer = record_pairer_new(10, collect, &c);

    (void)state;
    record_pairer_keep_apart(pairer);
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        struct log_record record = record_of(&entries[i], IP_TCP, 50000, 443);

        record_pairer_add(pairer, &record);
    }
    record_pairer_flush(pairer);
    assert_int_equal(c.count, 3);
    assert_int_equal(record_pairer_counts(pairer)->joined, 0);
    for (size_t i = 0; i < c.count; i++) {
        assert_int_equal(c.flows[i].port[FLOW_RESPONDER], 443);
        for (int side = 0; side < 2; side++)
            assert_int_equal(c.flows[i].packets[side], packets[i][side]);
    }
    record_pairer_free(pairer);
}

/* What is estimated where a log has no payload. */
static void test_estimates(void **state)
{
    static const struct {
        const char *name, *columns;
        uint64_t payload[2], data[2];
        uint32_t turns;
        enum flow_side first;
        enum flow_opening opening;
    } cases[] = {
        { "TCP both ways", "6,10,1400,20,15800", { 1000, 15000 }, { 1, 11 }, 2, FLOW_INITIATOR, FLOW_OPENING_HANDSHAKE },
        { "one side only acknowledges, with timestamps", "6,10,520,20,15800", { 0, 15000 }, { 0, 11 }, 1, FLOW_RESPONDER, FLOW_OPENING_HANDSHAKE },
        { "large packets of an offloading card", "6,2,64080,2,104", { 64000, 0 }, { 2, 0 }, 1, FLOW_INITIATOR, FLOW_OPENING_HANDSHAKE },
        { "unanswered", "6,3,180,0,0", { 0, 0 }, { 0, 0 }, 0, FLOW_RESPONDER, FLOW_OPENING_ATTEMPT },
        { "UDP", "17,3,384,2,100", { 300, 44 }, { 3, 2 }, 2, FLOW_INITIATOR, FLOW_OPENING_NONE },
        { "bytes that are fewer than headers", "17,3,30,0,0", { 0, 0 }, { 0, 0 }, 0, FLOW_RESPONDER, FLOW_OPENING_NONE },
        { "an answer to nothing", "6,1,40,1,40", { 0, 0 }, { 0, 0 }, 0, FLOW_RESPONDER, FLOW_OPENING_NONE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        struct reading got;
        const struct flow_record *r = &got.flows.flows[0];

        snprintf(text, sizeof text, "1,1,192.0.2.1,192.0.2.2,5000,443,%s\n", cases[i].columns);
        got = read_bytes(text, strlen(text), (struct record_options){ NULL, ALL_NUMBERS ",rpackets=10,rbytes=11" });
        assert_int_equal(got.flows.count, 1);
        if (r->payload_bytes[0] != cases[i].payload[0] || r->payload_bytes[1] != cases[i].payload[1] ||
            r->data_packets[0] != cases[i].data[0] || r->data_packets[1] != cases[i].data[1] ||
            r->turns != cases[i].turns || r->first_data_side != cases[i].first ||
            r->opening != cases[i].opening)
            fail_msg("%s: payload %llu %llu, data %llu %llu, turns %u, opening %d", cases[i].name,
                     (unsigned long long)r->payload_bytes[0], (unsigned long long)r->payload_bytes[1],
                     (unsigned long long)r->data_packets[0], (unsigned long long)r->data_packets[1],
                     r->turns, r->opening);
    }
}

/* Zeek's states, one by one. */
static void test_connection_states(void **state)
{
    static const struct {
        const char *state, *history;
        enum flow_opening opening;
        enum flow_ending ending;
        enum flow_side closing;
    } cases[] = {
        { "S0", "S", FLOW_OPENING_ATTEMPT, FLOW_ENDING_NONE, 0 },
        { "S1", "ShA", FLOW_OPENING_HANDSHAKE, FLOW_ENDING_NONE, 0 },
        { "SF", "-", FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_INITIATOR },
        { "SF", "ShADadfF", FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_RESPONDER },
        { "REJ", "Sr", FLOW_OPENING_ATTEMPT, FLOW_ENDING_RESET, FLOW_RESPONDER },
        { "S2", "-", FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_INITIATOR },
        { "S3", "-", FLOW_OPENING_HANDSHAKE, FLOW_ENDING_FIN, FLOW_RESPONDER },
        { "RSTO", "-", FLOW_OPENING_HANDSHAKE, FLOW_ENDING_RESET, FLOW_INITIATOR },
        { "RSTR", "-", FLOW_OPENING_HANDSHAKE, FLOW_ENDING_RESET, FLOW_RESPONDER },
        { "RSTOS0", "SR", FLOW_OPENING_ATTEMPT, FLOW_ENDING_RESET, FLOW_INITIATOR },
        { "RSTRH", "^hr", FLOW_OPENING_NONE, FLOW_ENDING_RESET, FLOW_RESPONDER },
        { "SH", "SF", FLOW_OPENING_ATTEMPT, FLOW_ENDING_FIN, FLOW_INITIATOR },
        { "SHR", "^hf", FLOW_OPENING_NONE, FLOW_ENDING_FIN, FLOW_RESPONDER },
        { "OTH", "-", FLOW_OPENING_NONE, FLOW_ENDING_NONE, 0 },
        { "-", "ShADadr", FLOW_OPENING_HANDSHAKE, FLOW_ENDING_RESET, FLOW_RESPONDER },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        struct reading got;
        const struct flow_record *r = &got.flows.flows[0];

        snprintf(text, sizeof text, ZEEK_HEADER "1.0\tC\t192.0.2.1\t5000\t192.0.2.2\t80\ttcp\t-\t1.0\t0\t0\t%s\t%s\t3\t120\t3\t120\n",
                 cases[i].state, cases[i].history);
        got = read_text(text);
        assert_int_equal(got.flows.count, 1);
        if (r->opening != cases[i].opening || r->ending != cases[i].ending ||
            (r->ending != FLOW_ENDING_NONE && r->closing_side != cases[i].closing))
            fail_msg("%s %s: opening %d ending %d by %d", cases[i].state, cases[i].history, r->opening, r->ending,
                     r->closing_side);
    }
}

/* ---- order ---- */

static void add_at(struct record_pairer *pairer, int64_t start_ms, int64_t end_ms, uint16_t port)
{
    struct log_record record = record_of(&(struct entry){ '>', start_ms, end_ms, 0, 0, 1 }, IP_UDP, port, 53);

    record_pairer_add(pairer, &record);
}

static void test_order(void **state)
{
    enum { MANY = 5000 };
    struct collected c = { .count = 0 };
    struct record_pairer *pairer = record_pairer_new(MANY, collect, &c);

    (void)state;
    for (uint16_t i = 0; i < MANY; i++) /* in no order, and each again */
        add_at(pairer, i * 7919 % MANY, MANY, (uint16_t)(1000 + i));
    for (uint16_t i = 0; i < MANY; i++)
        add_at(pairer, i * 7919 % MANY / 2, MANY, (uint16_t)(1000 + i));
    assert_int_equal(c.count, 0);
    record_pairer_flush(pairer);
    assert_int_equal(c.count, MANY);
    assert_int_equal(c.unordered, 0);
    assert_int_equal(c.packets, MANY * 2);
    assert_int_equal(record_pairer_counts(pairer)->late, 0);
    for (uint16_t i = 0; i < 4; i++) /* ties: as the records came */
        add_at(pairer, 5, 5, (uint16_t)(4000 - i));
    c.count = 0;
    record_pairer_flush(pairer);
    assert_int_equal(c.count, 4);
    for (uint16_t i = 0; i < 4; i++)
        assert_int_equal(c.flows[i].port[FLOW_INITIATOR], 4000 - i);
    record_pairer_free(pairer);
    record_pairer_free(NULL);
}

static void test_bound(void **state)
{
    enum { BOUND = 4, FLOWS = 12 };
    struct collected c = { .count = 0 };
    struct record_pairer *pairer = record_pairer_new(BOUND, collect, &c);
    const struct pairer_counts *counts = record_pairer_counts(pairer);

    (void)state;
    for (uint16_t i = 0; i < FLOWS; i++) {
        add_at(pairer, i * 200000, i * 200000, (uint16_t)(5000 + i));
        assert_int_equal(c.count, i < BOUND ? 0 : i + 1 - BOUND);
    }
    assert_int_equal(counts->ended_early, 0); /* all were silent for long */
    assert_int_equal(counts->late, 0);
    add_at(pairer, 0, 0, 6000); /* before what has left */
    assert_int_equal(c.count, FLOWS - BOUND + 1);
    add_at(pairer, FLOWS * 200000, FLOWS * 200000, 6001);
    assert_int_equal(counts->late, 1);
    record_pairer_flush(pairer);
    assert_int_equal(c.count, FLOWS + 2);
    for (uint16_t i = 0; i < BOUND + 2; i++)
        add_at(pairer, i, i, (uint16_t)(5000 + i));
    assert_int_equal(counts->ended_early, 2);
    record_pairer_free(pairer);
}

/* Seconds to hold many flows of IPv6, whose addresses differ in these bytes; their ports are as chosen. */
static double seconds_to_hold(uint16_t flows, unsigned byte, bool port_follows)
{
    struct collected c = { .count = 0 };
    struct record_pairer *pairer = record_pairer_new(flows, collect, &c);
    struct log_record record = record_of(&(struct entry){ '>', 0, 1, 0, 0, 1 }, IP_UDP, 0, 53);
    clock_t begin = clock();
    double seconds;

    memset(&record.address, 0x20, sizeof record.address);
    for (uint16_t i = 0; i < flows; i++) {
        record.address[0].bytes[byte] = (uint8_t)i;
        record.address[0].bytes[byte + 1] = (uint8_t)(i >> 8);
        record.port[0] = port_follows ? i : 1;
        record_pairer_add(pairer, &record);
    }
    seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    assert_int_equal(record_pairer_counts(pairer)->joined, 0);
    record_pairer_free(pairer);
    return seconds;
}

/* What is chosen in an address and in a port does not cancel, so that no log can fill one bucket. */
static void test_chosen_tuples(void **state)
{
    enum { FLOWS = 20000 };

    (void)state;
    for (unsigned byte = 0; byte < 16; byte += 2) {
        double plain = seconds_to_hold(FLOWS, byte, false);
        double chosen = seconds_to_hold(FLOWS, byte, true);

        if (chosen > 20 * plain + 0.1)
            fail_msg("byte %u: %.3f s instead of %.3f", byte, chosen, plain);
    }
}

/* One tuple has many flows: whatever the order of the records, each meets the flow of its time. */
static void test_many_flows_of_a_tuple(void **state)
{
    enum { FLOWS = 3000, HOUR_MS = 3600 * 1000 };
    static const struct {
        const char *name;
        unsigned questions, answers; /* the step from one to the next, of FLOWS: 1 is in order */
    } cases[] = { { "both in order", 1, 1 }, { "answers from the end", 1, FLOWS - 1 }, { "both mixed", 7, 2999 },
                  { "answers mixed", 1, 1231 } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct collected c = { .count = 0 };
        struct record_pairer *pairer = record_pairer_new(FLOWS, collect, &c);

        for (unsigned n = 0; n < 2 * FLOWS; n++) {
            bool asks = n < FLOWS;
            unsigned which = asks ? n * cases[i].questions % FLOWS : (n - FLOWS) * cases[i].answers % FLOWS;
            int64_t at_ms = (int64_t)which * HOUR_MS + (asks ? 10 : 10 - (int64_t)(n % 3) * 5); /* clocks differ */
            struct log_record record = record_of(&(struct entry){ asks ? '>' : '<', at_ms, at_ms + 5, 0, 0, 1 + which },
                                                 IP_UDP, 123, 123);

            record_pairer_add(pairer, &record);
        }
        record_pairer_flush(pairer);
        if (c.count != FLOWS || c.two_way != FLOWS || c.unordered != 0)
            fail_msg("%s: %llu flows, %llu both ways", cases[i].name, (unsigned long long)c.count,
                     (unsigned long long)c.two_way);
        for (int n = 0; n < KEPT; n++)
            assert_int_equal(c.flows[n].packets[0] + c.flows[n].packets[1], 2 * (n + 1));
        record_pairer_free(pairer);
    }
}

/* As a list that is searched from its front does it: the neighbours of a start, with flows that come, move and leave. */
static void test_tuple_table(void **state)
{
    enum { FLOWS = 400, STEPS = 20000, STARTS = 100 };
    struct held_flow flows[FLOWS];
    bool is_in[FLOWS] = { false };
    struct tuple_table table;
    struct log_record record = record_of(&(struct entry){ '>', 0, 0, 0, 0, 1 }, IP_UDP, 5000, 53);
    uint32_t random = 1, hash;

    (void)state;
    tuple_table_init(&table);
    hash = tuple_table_hash(&table, &record);
    for (uint32_t i = 0; i < FLOWS; i++)
        flows[i] = (struct held_flow){ .address = { record.address[i % 2], record.address[!(i % 2)] },
                                       .port = { record.port[i % 2], record.port[!(i % 2)] },
                                       .protocol = record.protocol, .hash = hash, .sequence = i };
    for (int step = 0; step < STEPS; step++) {
        uint32_t which, around[2], wanted[2] = { HELD_NONE, HELD_NONE };

        random = random * 1664525 + 1013904223;
        which = (random >> 8) % FLOWS;
        if (is_in[which]) {
            tuple_table_remove(&table, flows, which);
        } else {
            flows[which].first_ns[0] = flows[which].first_ns[1] = (random >> 20) % STARTS; /* many ties */
            tuple_table_insert(&table, flows, which);
        }
        is_in[which] = !is_in[which];
        record.start_ns = step % STARTS;
        tuple_table_around(&table, flows, hash, &record, around);
        for (uint32_t i = 0; i < FLOWS; i++) {
            int64_t start_ns = held_flow_start(&flows[i]);

            if (!is_in[i])
                continue;
            if (start_ns <= record.start_ns && (wanted[0] == HELD_NONE || start_ns >= held_flow_start(&flows[wanted[0]])))
                wanted[0] = i;
            if (start_ns > record.start_ns && (wanted[1] == HELD_NONE || start_ns < held_flow_start(&flows[wanted[1]])))
                wanted[1] = i;
        }
        assert_int_equal(around[0], wanted[0]);
        assert_int_equal(around[1], wanted[1]);
    }
    tuple_table_release(&table);
}

/* A flow whose start moves again and again leaves stale entries, which are bounded, and one record. */
static void test_start_that_moves(void **state)
{
    enum { STEPS = 20000 };
    struct collected c = { .count = 0 };
    struct record_pairer *pairer = record_pairer_new(3, collect, &c);

    (void)state;
    for (int i = STEPS; i > 0; i--)
        add_at(pairer, i * 10, STEPS * 10, 5000);
    add_at(pairer, 1000, 1000, 5001);
    add_at(pairer, 1001, 1001, 5002);
    add_at(pairer, 1002, 1002, 5003);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.flows[0].packets[FLOW_INITIATOR], STEPS);
    assert_int_equal(c.flows[0].start.ns, 10 * NS_PER_MS);
    record_pairer_flush(pairer);
    assert_int_equal(c.count, 4);
    assert_int_equal(c.unordered, 0);
    record_pairer_free(pairer);
}

/* ---- hostile ---- */

static void test_truncations(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t size = strlen(samples[i].text);

        for (size_t cut = 0; cut < size; cut++) {
            struct reading got = read_bytes(samples[i].text, cut, (struct record_options){ NULL, NULL });

            assert_true(got.flows.count <= 2);
        }
    }
}

/* Any byte changed to any of some: no crash, and the counts add up. */
static void test_mutations(void **state)
{
    static const char bytes[] = { 0, '\n', ',', '\t', '-', '9', '"', (char)0xff };

    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t size = strlen(samples[i].text);
        char *text = memory_alloc(size + 1);

        for (size_t at = 0; at < size; at++) {
            memcpy(text, samples[i].text, size);
            text[at] = bytes[(at + i) % sizeof bytes];
            (void)read_bytes(text, size, (struct record_options){ NULL, NULL });
        }
        free(text);
    }
}

/* The seeds of the fuzzer, whose first byte is not part of the log. */
static void test_fuzz_corpus(void **state)
{
    DIR *directory = opendir(source_path("fuzz/corpus/records"));
    unsigned files = 0;

    (void)state;
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char path[512], bytes[8192];
        size_t size;
        FILE *file;

        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "fuzz/corpus/records/%s", entry->d_name);
        file = fopen(source_path(path), "rb");
        assert_non_null(file);
        size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        if (size > 0)
            (void)read_bytes(bytes + 1, size - 1, (struct record_options){ NULL, NULL });
        files++;
    }
    closedir(directory);
    assert_true(files >= 10);
}

/* ---- real logs ---- */

static const char *capture_path(const char *name)
{
    static char path[1024];
    const char *captures = getenv("DAYSHIFT_CAPTURES");

    if (captures == NULL)
        return NULL;
    snprintf(path, sizeof path, "%s/%s", captures, name);
    return path;
}

static struct reading read_path(const char *path)
{
    struct error err = { "" };
    struct input_file *input = input_file_open(path, &err);

    if (input == NULL)
        fail_msg("%s", err.text);
    return read_input(input, (struct record_options){ NULL, NULL });
}

/*
 * Counted by awk, nfdump and, for the flows that pairing makes, a script in another language that keeps all
 * flows of a log in a dictionary.
 */
static void test_real_logs(void **state)
{
    static const struct {
        const char *name, *format;
        uint64_t records, other_protocol, other_icmp, empty, packets, bytes;
        uint64_t flows, two_way; /* 0: not counted by anybody else */
    } logs[] = {
        { "m57_20091118_zeek_conn.log", "zeek", 8484, 0, 21, 0, 871879, 862513118, 0, 0 },
        { "ipv6lab_201207_zeek_conn.log", "zeek", 4933, 0, 6986, 0, 336727, 304909292, 0, 0 },
        { "tridium_lan_20091106_zeek_conn.log", "zeek", 1724, 0, 6, 0, 13891, 1277119, 0, 0 },
        { "rita_vps72h_20240419_zeek_conn.log.xz", "zeek", 104085, 0, 1790, 43, 811674, 251889049, 0, 0 },
        { "flow_formats/argus_sample.binetflow", "argus", 6685, 7, 59, 0, 490244, 348265645, 0, 0 },
        { "flow_formats/nfdump_v1_sample.nfcapd", "nfcapd", 4593, 0, 0, 0, 4652, 241025, 2398, 2195 },
        { "flow_formats/lanl2017_biflow_sample.csv", "lanl", 9917, 0, 83, 0, 0, 0, 0, 0 },
        { "ugr16_isp_20160411_A.csv.xz", "ugr16", 1032569, 5369, 10847, 0, 131467004, 103896920791, 472048, 384382 },
    };

    (void)state;
    if (getenv("DAYSHIFT_CAPTURES") == NULL)
        skip_because("DAYSHIFT_CAPTURES names no folder of captures");
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        struct reading got = read_path(capture_path(logs[i].name));

        if (strcmp(got.format, "nfcapd") == 0 && strstr(got.err.text, "not installed") != NULL)
            continue;
        if (got.err.text[0] != '\0' || got.damage[0] != '\0')
            fail_msg("%s: %s%s", logs[i].name, got.err.text, got.damage);
        assert_string_equal(got.format, logs[i].format);
        assert_int_equal(got.counts.records, logs[i].records);
        assert_int_equal(got.counts.other_protocol, logs[i].other_protocol);
        assert_int_equal(got.counts.other_icmp, logs[i].other_icmp);
        assert_int_equal(got.counts.empty, logs[i].empty);
        assert_int_equal(got.flows.unordered, 0);
        if (logs[i].packets > 0) {
            assert_int_equal(got.flows.packets, logs[i].packets);
            assert_int_equal(got.flows.bytes, logs[i].bytes);
        }
        if (logs[i].flows > 0) {
            assert_int_equal(got.flows.count, logs[i].flows);
            assert_int_equal(got.flows.two_way, logs[i].two_way);
        }
    }
}

static void test_other_logs_of_zeek(void **state)
{
    static const struct {
        const char *path, *said;
    } logs[] = { { "rita_lab24h_20180130_zeek_http.log.gz", "http.log" }, { "wrccdc2018_zeek/dns.log.gz", "dns.log" },
                 { "wrccdc2018_zeek/ssl.log.gz", "ssl.log" }, { "cs448b_ipasn_90days_daily.csv", "date,l_ipn,f" } };

    (void)state;
    if (getenv("DAYSHIFT_CAPTURES") == NULL)
        skip_because("DAYSHIFT_CAPTURES names no folder of captures");
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++)
        expect_text(logs[i].path, read_path(capture_path(logs[i].path)).err.text, logs[i].said);
}

static const char *copy_part(const char *from, const char *to, size_t bytes)
{
    const char *path = scratch_path(to);
    char *buffer = memory_alloc(bytes);
    FILE *in = fopen(from, "rb"), *out = fopen(path, "wb");

    assert_non_null(in);
    assert_non_null(out);
    bytes = fread(buffer, 1, bytes, in);
    assert_int_equal(fwrite(buffer, 1, bytes, out), bytes);
    fclose(in);
    fclose(out);
    free(buffer);
    return path;
}

/* nfdump that is not there, and files that it cannot read. */
static void test_nfcapd(void **state)
{
    static const char magic[] = "\x0c\xa5\x01\x00 and nothing that nfdump would know";
    const char *sample = capture_path("flow_formats/nfdump_v1_sample.nfcapd");
    const char *path = scratch_path("bad.nfcapd");
    char *search_path = memory_copy_text(getenv("PATH"));
    FILE *file = fopen(path, "wb");
    struct reading got;

    (void)state;
    assert_non_null(file);
    assert_int_equal(fwrite(magic, 1, sizeof magic, file), sizeof magic);
    fclose(file);
    got = read_path(path);
    assert_string_not_equal(got.err.text, "");
    expect_text("a file that is none", got.err.text, "nfdump");
    assert_int_equal(got.flows.count, 0);
    setenv("PATH", "/nonexistent", 1);
    got = read_path(path);
    setenv("PATH", search_path, 1);
    free(search_path);
    expect_text("without nfdump", got.err.text, "not installed (Debian: nfdump)");
    if (sample == NULL)
        skip_because("DAYSHIFT_CAPTURES names no folder of captures");
    got = read_path(copy_part(sample, "cut.nfcapd", 1000));
    assert_int_equal(got.flows.count, 0);
    assert_string_not_equal(got.err.text, "");
}

/* Several logs in any order of time through one pairer are as one. */
static void test_two_files(void **state)
{
    static const char *const parts[] = { "2000,1,192.0.2.1,192.0.2.2,1,2,17,1,40\n", "5,1,192.0.2.1,192.0.2.2,1,2,17,1,40\n" };
    struct record_options options = { NULL, ALL_NUMBERS };
    struct collected c = { .count = 0 };
    struct record_pairer *pairer = record_pairer_new(10, collect, &c);
    struct log_record record;
    struct error err = { "" };

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct record_file *file = record_file_open(input_file_from_memory(parts[i], strlen(parts[i]), "x"), &options,
                                                    NULL, &err);

        assert_non_null(file);
        assert_int_equal(record_file_next(file, &record, &err), 1);
        record_pairer_add(pairer, &record);
        assert_int_equal(record_file_next(file, &record, &err), 0);
        assert_int_equal(record_file_next(file, &record, &err), 0);
        record_file_close(file);
    }
    record_pairer_flush(pairer);
    assert_int_equal(c.count, 2);
    assert_int_equal(c.unordered, 0);
    record_pairer_free(pairer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_bound_of_classes),
        cmocka_unit_test(test_bound_of_names),
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_recognized),
        cmocka_unit_test(test_opaque_ports_and_names),
        cmocka_unit_test(test_log_of_many_names),
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_skipped_is_counted),
        cmocka_unit_test(test_content_of_udp),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_totals),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_malformed_lines),
        cmocka_unit_test(test_bytes_of_0),
        cmocka_unit_test(test_share_of_malformed),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_pairing),
        cmocka_unit_test(test_initiator),
        cmocka_unit_test(test_group_never_initiates),
        cmocka_unit_test(test_kept_apart),
        cmocka_unit_test(test_estimates),
        cmocka_unit_test(test_connection_states),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_many_flows_of_a_tuple),
        cmocka_unit_test(test_tuple_table),
        cmocka_unit_test(test_chosen_tuples),
        cmocka_unit_test(test_start_that_moves),
        cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_fuzz_corpus),
        cmocka_unit_test(test_real_logs),
        cmocka_unit_test(test_other_logs_of_zeek),
        cmocka_unit_test(test_nfcapd),
        cmocka_unit_test(test_two_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
