/*
 * Flow records that are written and read back: by the readers of this project and, of nfcapd files, by nfdump.
 */
#define _GNU_SOURCE /* popen */
#include "support.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "net/wire.h"
#include "records/put_text.h"
#include "records/record_file.h"
#include "records/record_pairer.h"
#include "records/record_writer.h"

enum { RECORDS = 4000, SEED = 11 };

#define DAY_NS (INT64_C(20454) * 86400 * NS_PER_SECOND) /* 2026-01-01 */

static const char *const format_names[] = { "csv", "json", "nfcapd" };

/* ---- text ---- */

static void test_text(void **state)
{
    static const struct {
        int64_t ns;
        const char *text;
    } times[] = {
        { 0, "1970-01-01 00:00:00.000000" },
        { 999, "1970-01-01 00:00:00.000000" },
        { INT64_C(951782399) * NS_PER_SECOND + 999999999, "2000-02-28 23:59:59.999999" },
        { INT64_C(951782400) * NS_PER_SECOND, "2000-02-29 00:00:00.000000" },
        { INT64_C(951868800) * NS_PER_SECOND, "2000-03-01 00:00:00.000000" },
        { INT64_C(1515771450) * NS_PER_SECOND + 942000000, "2018-01-12 15:37:30.942000" },
        { INT64_C(4107542400) * NS_PER_SECOND, "2100-03-01 00:00:00.000000" },
        { INT64_C(4107456000) * NS_PER_SECOND, "2100-02-28 00:00:00.000000" },
        { INT64_C(1798761599) * NS_PER_SECOND, "2026-12-31 23:59:59.000000" },
    };
    static const uint64_t numbers[] = { 0, 9, 10, 99, 100, 101, 12345, 1234567, UINT32_MAX, UINT64_MAX };
    static const char *const addresses[] = { "0.0.0.0", "9.10.99.100", "255.255.255.255", "2001:db8::1" };
    char text[64];
    char expected[64];

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        *put_date_and_time(text, times[i].ns) = '\0';
        assert_string_equal(text, times[i].text);
        *put_date_and_time_like(expected, times[i].ns, text, times[i].ns) = '\0';
        assert_string_equal(expected, text);
        *put_date_and_time_like(expected, times[i].ns, "nothing that is used", times[i].ns + NS_PER_SECOND) = '\0';
        assert_string_equal(expected, text);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        *put_u64(text, numbers[i]) = '\0';
        snprintf(expected, sizeof expected, "%" PRIu64, numbers[i]);
        assert_string_equal(text, expected);
    }
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct ip_address address;

        assert_int_equal(ip_address_parse(&address, addresses[i]), 0);
        *put_address(text, &address) = '\0';
        assert_string_equal(text, addresses[i]);
    }
    *put_seconds(text, 1) = '\0';
    assert_string_equal(text, "0.000000");
    *put_seconds(text, INT64_C(90061) * NS_PER_SECOND + 1001) = '\0';
    assert_string_equal(text, "90061.000001");
}

/* ---- records ---- */

static uint64_t below(struct random_stream *random, uint64_t bound)
{
    return random_below(random, bound);
}

static void draw_tcp(struct flow_record *r, struct random_stream *random)
{
    enum { CONNECTION = 4 };
    uint64_t kind = below(random, CONNECTION + 1);

    r->protocol = IP_TCP;
    r->tcp_flags[0] = TCP_SYN;
    r->opening = FLOW_OPENING_ATTEMPT;
    r->payload_bytes[0] = r->payload_bytes[1] = 0;
    if (kind == 0) { /* nobody answers */
        r->packets[1] = r->bytes[1] = r->tcp_flags[1] = 0;
        r->bytes[0] = 52 * r->packets[0];
        return;
    }
    if (kind == 1) { /* refused */
        r->ending = FLOW_ENDING_RESET;
        r->closing_side = FLOW_RESPONDER;
        r->tcp_flags[1] = TCP_RST | TCP_ACK;
        return;
    }
    r->opening = kind == 2 ? FLOW_OPENING_NONE : FLOW_OPENING_HANDSHAKE;
    for (int side = 0; side < 2; side++) {
        r->tcp_flags[side] = TCP_ACK | TCP_PSH | (kind == 2 ? 0 : TCP_SYN);
        r->payload_bytes[side] = r->bytes[side] / 2 + 1;
    }
    r->closing_side = (enum flow_side)below(random, 2);
    if (kind == CONNECTION) {
        r->ending = FLOW_ENDING_FIN;
        r->tcp_flags[0] |= TCP_FIN;
        r->tcp_flags[1] |= TCP_FIN;
    } else if (below(random, 2) == 0) {
        r->ending = FLOW_ENDING_RESET;
        r->tcp_flags[r->closing_side] |= TCP_RST;
    } else {
        r->closing_side = FLOW_INITIATOR;
    }
}

/* Each has ends of its own, so that no two are one flow to a reader. */
static struct flow_record draw_record(uint32_t i, struct random_stream *random)
{
    struct flow_record r = { .start = { DAY_NS + (int64_t)i * 20 * NS_PER_MS } };
    bool is_v6 = below(random, 5) == 0;

    r.duration_ns = (int64_t)below(random, 100) * (int64_t)below(random, NS_PER_SECOND);
    for (int side = 0; side < 2; side++) {
        r.address[side] = ip_address_from_v4(0x0a000000 + 2 * i + (uint32_t)side);
        if (is_v6)
            memcpy(r.address[side].bytes, "\x20\x01\x0d\xb8\0\0\0\1", 8);
        r.port[side] = (uint16_t)(1 + below(random, UINT16_MAX));
        r.packets[side] = 1 + below(random, i % 7 == 0 ? UINT64_C(1) << 36 : 100);
        r.bytes[side] = r.packets[side] * (60 + below(random, 1000));
        r.payload_bytes[side] = r.bytes[side] - 28 * r.packets[side];
    }
    switch (below(random, 4)) {
    case 0:
        r.protocol = IP_UDP;
        break;
    case 1:
        r.protocol = is_v6 ? IP_ICMPV6 : IP_ICMP;
        r.port[FLOW_RESPONDER] = is_v6 ? 128 << 8 : 8 << 8;
        break;
    default:
        draw_tcp(&r, random);
    }
    return r;
}

static struct flow_record *draw_records(void)
{
    struct flow_record *records = memory_alloc_array(RECORDS, sizeof *records);
    struct random_stream random;

    random_init(&random, SEED, RANDOM_FIT, 0, 0, 0);
    for (uint32_t i = 0; i < RECORDS; i++)
        records[i] = draw_record(i, &random);
    return records;
}

static void write_records(const char *path, const char *format, const struct flow_record *records, size_t count)
{
    struct error err = { "" };
    struct record_writer *writer = record_writer_new(path, record_encoding_find(format), &err);

    assert_non_null(writer);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(record_writer_add(writer, &records[i], &err), 0);
    assert_int_equal(record_sums_flows(record_writer_sums(writer)) <= count, 1);
    assert_int_equal(record_writer_commit(writer, &err), 0);
    assert_int_equal(record_sums_flows(record_writer_sums(writer)), count);
    record_writer_free(writer);
}

/* ---- what comes back ---- */

struct comparison {
    const char *format;
    const struct flow_record *records;
    size_t count;
    int64_t grain_ns;
};

static int64_t cut(int64_t ns, int64_t grain_ns)
{
    return ns - ns % grain_ns;
}

static void expect_same(void *self, const struct flow_record *got)
{
    struct comparison *c = self;
    const struct flow_record *want = &c->records[c->count++];
    bool is_ping = want->protocol == IP_ICMP || want->protocol == IP_ICMPV6;
    bool is_csv = strcmp(c->format, "csv") == 0, is_json = strcmp(c->format, "json") == 0;
    int64_t end_ns = want->start.ns + want->duration_ns;

    assert_int_equal(got->protocol, want->protocol);
    assert_int_equal(got->start.ns, cut(want->start.ns, c->grain_ns));
    /* cut apart from the start in the text formats, with the end in nfcapd files */
    assert_true(llabs(got->start.ns + got->duration_ns - end_ns) < 2 * c->grain_ns);
    for (int side = 0; side < 2; side++) {
        assert_true(ip_address_equal(&got->address[side], &want->address[side]));
        if (got->packets[side] != want->packets[side])
            fail_msg("%s: record %zu: %" PRIu64 " packets, not %" PRIu64, c->format, c->count,
                     got->packets[side], want->packets[side]);
        assert_int_equal(got->bytes[side], want->bytes[side]);
        if (!is_ping || side == FLOW_RESPONDER || is_csv)
            assert_int_equal(got->port[side], want->port[side]);
        if (is_json)
            assert_int_equal(got->payload_bytes[side], want->payload_bytes[side]);
        if ((is_csv || is_json) && want->packets[side] > 0)
            assert_int_equal(got->tcp_flags[side], want->tcp_flags[side]);
    }
    assert_int_equal(got->opening, want->opening);
    assert_int_equal(got->ending, want->ending);
    if (is_json && want->ending != FLOW_ENDING_NONE)
        assert_int_equal(got->closing_side, want->closing_side);
}

static void read_back(const char *path, const char *reader, struct comparison *comparison)
{
    struct error err = { "" };
    struct input_file *input = input_file_open(path, &err);
    struct record_options options = { NULL, NULL };
    struct record_pairer *pairer = record_pairer_new(2 * RECORDS, expect_same, comparison);
    struct record_file *file;
    struct log_record record;
    int status;

    assert_non_null(input);
    file = record_file_open(input, &options, NULL, &err);
    if (file == NULL)
        fail_msg("%s", err.text);
    assert_string_equal(record_file_format(file), reader);
    while ((status = record_file_next(file, &record, &err)) == 1)
        record_pairer_add(pairer, &record);
    if (status < 0)
        fail_msg("%s", err.text);
    assert_null(record_file_damage(file));
    record_pairer_flush(pairer);
    record_pairer_free(pairer);
    record_file_close(file);
}

static bool has_nfdump(void)
{
    return system("nfdump -V >/dev/null 2>&1") == 0;
}

static void test_round_trip(void **state)
{
    static const char *const readers[] = { "nfdump", "zeek-json", "nfcapd" };
    struct flow_record *records = draw_records();

    (void)state;
    for (size_t i = 0; i < sizeof format_names / sizeof *format_names; i++) {
        bool is_binary = strcmp(format_names[i], "nfcapd") == 0;
        struct comparison comparison = { format_names[i], records, 0, is_binary ? NS_PER_MS : NS_PER_US };
        const char *path = scratch_path(format_names[i]);

        if (is_binary && !has_nfdump()) {
            print_message("not read: nfcapd files, nfdump is not installed\n");
            continue;
        }
        write_records(path, format_names[i], records, RECORDS);
        read_back(path, readers[i], &comparison);
        assert_int_equal(comparison.count, RECORDS);
    }
    free(records);
}

/* ---- what nfdump says of a file ---- */

static uint64_t figure_of(const char *text, const char *label)
{
    const char *at = strstr(text, label);

    if (at == NULL)
        fail_msg("no \"%s\" in \"%s\"", label, text);
    return strtoull(at + strlen(label), NULL, 10);
}

static void ask_nfdump(const char *options, const char *path, char text[4096])
{
    char command[512];
    FILE *pipe;
    size_t size;

    snprintf(command, sizeof command, "nfdump %s '%s' 2>&1", options, path);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    size = fread(text, 1, 4095, pipe);
    text[size] = '\0';
    pclose(pipe);
}

/* Its own statistics, and those that it counts of the records, are the sums of what was written. */
static void test_nfdump_counts(void **state)
{
    struct flow_record *records = draw_records();
    const char *path = scratch_path("counted.nfcapd");
    uint64_t packets = 0, bytes = 0, tcp = 0;
    char text[4096];

    (void)state;
    if (!has_nfdump())
        skip_because("nfdump is not installed");
    for (size_t i = 0; i < RECORDS; i++) {
        packets += flow_record_packets(&records[i]);
        bytes += records[i].bytes[0] + records[i].bytes[1];
        tcp += records[i].protocol == IP_TCP;
    }
    write_records(path, "nfcapd", records, RECORDS);
    ask_nfdump("-I -r", path, text);
    assert_int_equal(figure_of(text, "\nFlows: "), RECORDS);
    assert_int_equal(figure_of(text, "Flows_tcp: "), tcp);
    assert_int_equal(figure_of(text, "\nPackets: "), packets);
    assert_int_equal(figure_of(text, "\nBytes: "), bytes);
    assert_int_equal(figure_of(text, "First: "), DAY_NS / NS_PER_SECOND);
    assert_int_equal(figure_of(text, "Sequence failures: "), 0);
    ask_nfdump("-v", path, text);
    assert_non_null(strstr(text, "Version    : 2 - not compressed"));
    assert_null(strstr(text, "rror"));
    ask_nfdump("-q -c 1 -N -o 'fmt:%tsr %ter %pr %sap %dap %pkt %byt %opkt %obyt' -r", path, text);
    assert_true(figure_of(text, "") == DAY_NS / NS_PER_SECOND);
    free(records);
}

/* ---- files ---- */

static void test_batches_are_the_same(void **state)
{
    struct flow_record *records = draw_records();
    char *names[2] = { memory_copy_text(scratch_path("one")), memory_copy_text(scratch_path("batches")) };

    (void)state;
    for (size_t f = 0; f < 2; f++) { /* of an nfcapd file the blocks depend on the batches */
        const struct record_encoding *encoding = record_encoding_find(format_names[f]);
        struct error err = { "" };
        struct record_writer *writer = record_writer_new(names[1], encoding, &err);
        struct record_batch batch = { .bytes = NULL };
        char command[256];

        write_records(names[0], format_names[f], records, RECORDS);
        for (size_t i = 0; i < RECORDS; i++) {
            record_batch_add(&batch, encoding, &records[i]);
            if (i % 777 == 0 || i + 1 == RECORDS) {
                assert_int_equal(record_writer_add_batch(writer, &batch, &err), 0);
                record_batch_clear(&batch);
            }
        }
        assert_int_equal(record_sums_flows(record_writer_sums(writer)), RECORDS);
        assert_int_equal(record_writer_commit(writer, &err), 0);
        record_writer_free(writer);
        record_batch_release(&batch);
        snprintf(command, sizeof command, "cmp '%s' '%s'", names[0], names[1]);
        assert_int_equal(system(command), 0);
    }
    free(names[0]);
    free(names[1]);
    free(records);
}

/* Without records: a header, or a file that nfdump finds whole. Without a commit: nothing. */
static void test_empty_and_abandoned(void **state)
{
    struct error err = { "" };
    struct flow_record record = { .protocol = IP_UDP, .packets = { 1, 0 }, .bytes = { 28, 0 } };
    struct stat info;
    char text[4096];

    (void)state;
    for (size_t f = 0; f < sizeof format_names / sizeof *format_names; f++) {
        const char *path = scratch_path(format_names[f]);
        struct record_writer *writer = record_writer_new(path, record_encoding_find(format_names[f]), &err);

        unlink(path);
        assert_int_equal(record_writer_add(writer, &record, &err), 0);
        record_writer_free(writer);
        assert_int_equal(stat(path, &info), -1);
        write_records(path, format_names[f], NULL, 0);
        assert_int_equal(stat(path, &info), 0);
        if (strcmp(format_names[f], "nfcapd") == 0 && has_nfdump()) {
            ask_nfdump("-I -r", path, text);
            assert_int_equal(figure_of(text, "\nFlows: "), 0);
        }
    }
}

static void test_errors(void **state)
{
    struct error err = { "" };

    (void)state;
    assert_null(record_encoding_find("xml"));
    assert_null(record_writer_new("/nonexistent/x.csv", record_encoding_find("csv"), &err));
    assert_non_null(strstr(err.text, "/nonexistent/x.csv: cannot create"));
    assert_null(record_writer_new("/dev/fd/1x", record_encoding_find("csv"), &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_nfdump_counts),
        cmocka_unit_test(test_batches_are_the_same),
        cmocka_unit_test(test_empty_and_abandoned),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
