#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time_types.h"
#include "net/wire.h"
#include "records/label_table.h"

static const char *write_table(const char *text)
{
    const char *path = scratch_path("labels");
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

static struct label_table *read_table(const char *text)
{
    struct error err = { "" };
    struct label_table *table = label_table_read(write_table(text), &err);

    if (table == NULL)
        print_message("%s\n", err.text);
    assert_non_null(table);
    return table;
}

static struct flow_record flow(uint8_t protocol, const char *from, uint16_t from_port, const char *to,
                               uint16_t to_port)
{
    struct flow_record record = { .protocol = protocol, .port = { from_port, to_port } };

    assert_int_equal(ip_address_parse(&record.address[0], from), 0);
    assert_int_equal(ip_address_parse(&record.address[1], to), 0);
    return record;
}

static void assert_label(const struct label_table *table, const char *file, const struct flow_record *record,
                         const char *label)
{
    const char *found = label_table_find(table, file, record);

    if (label == NULL)
        assert_null(found);
    else
        assert_string_equal(found ? found : "(none)", label);
}

#define TSV "file\tl4\tclient_ip\tclient_port\tserver_ip\tserver_port\tndpi_label\tbytes\n"

static void test_either_direction(void **state)
{
    struct label_table *table = read_table(TSV "a.pcap\tTCP\t10.0.0.1\t4000\t10.0.0.2\t443\tTLS.Google\t7\n"
                                               "a.pcap\tUDP\tfe80::1\t546\tff02::1:2\t547\tDHCPV6\t7\n");
    const struct {
        uint8_t protocol;
        const char *from;
        uint16_t from_port;
        const char *to;
        uint16_t to_port;
        const char *label;
    } rows[] = {
        { IP_TCP, "10.0.0.1", 4000, "10.0.0.2", 443, "TLS.Google" },
        { IP_TCP, "10.0.0.2", 443, "10.0.0.1", 4000, "TLS.Google" },
        { IP_UDP, "10.0.0.1", 4000, "10.0.0.2", 443, NULL },
        { IP_TCP, "10.0.0.1", 443, "10.0.0.2", 4000, NULL }, /* the ports are of the other ends */
        { IP_TCP, "10.0.0.1", 4001, "10.0.0.2", 443, NULL },
        { IP_TCP, "10.0.0.3", 4000, "10.0.0.2", 443, NULL },
        { IP_UDP, "ff02::1:2", 547, "fe80::1", 546, "DHCPV6" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flow_record record = flow(rows[i].protocol, rows[i].from, rows[i].from_port, rows[i].to,
                                         rows[i].to_port);

        assert_label(table, NULL, &record, rows[i].label);
        assert_label(table, "dir/a.pcap", &record, rows[i].label);
    }
    assert_int_equal(label_table_count(table), 2);
    assert_string_equal(label_table_label(table, 0), "DHCPV6");
    assert_string_equal(label_table_label(table, 1), "TLS.Google");
    assert_null(label_table_damage(table));
    label_table_free(table);
}

/* The same tuple in several captures, named with their folders. */
static void test_files(void **state)
{
    struct label_table *table = read_table(TSV "x/a.pcap\tTCP\t10.0.0.1\t1\t10.0.0.2\t2\tA\t0\n"
                                               "x/b.pcap\tTCP\t10.0.0.2\t2\t10.0.0.1\t1\tB\t0\n");
    struct flow_record record = flow(IP_TCP, "10.0.0.1", 1, "10.0.0.2", 2);

    (void)state;
    assert_label(table, "a.pcap", &record, "A");
    assert_label(table, "/elsewhere/b.pcap", &record, "B");
    assert_label(table, "c.pcap", &record, NULL);
    assert_label(table, NULL, &record, "A"); /* the first */
    label_table_free(table);
}

/* What dayshift writes: its records with a column more, and its features. */
static void test_nearest_start(void **state)
{
    static const char *const tables[] = {
        "ts,te,sa,da,sp,dp,pr,label,application\n"
        "1970-01-01 00:00:10.000000Z,x,10.0.0.1,10.0.0.2,1,2,TCP,genuine,A\n"
        "1970-01-01 00:00:30.000000Z,x,10.0.0.1,10.0.0.2,1,2,TCP,genuine,B\n",
        "file,protocol,initiator,initiator_port,responder,responder_port,start_ns,label\n"
        ",tcp,10.0.0.1,1,10.0.0.2,2,10000000000,A\n"
        ",tcp,10.0.0.1,1,10.0.0.2,2,30000000000,B\n",
    };
    const struct {
        int64_t start_ns;
        const char *label;
    } rows[] = {
        { 0, "A" },
        { 10 * NS_PER_SECOND, "A" },
        { 20 * NS_PER_SECOND, "A" }, /* as near to both: the first */
        { 20 * NS_PER_SECOND + 1, "B" },
        { 1000 * NS_PER_SECOND, "B" },
    };

    (void)state;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        struct label_table *table = read_table(tables[t]);
        struct flow_record record = flow(IP_TCP, "10.0.0.1", 1, "10.0.0.2", 2);

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            record.start.ns = rows[i].start_ns;
            assert_label(table, "any.pcap", &record, rows[i].label);
        }
        label_table_free(table);
    }
}

static void test_passed_over(void **state)
{
    struct label_table *table = read_table(TSV "a.pcap\tICMP\t10.0.0.1\t0\t10.0.0.2\t0\tICMP\t0\n"
                                               "a.pcap\tESP\twhatever\t\t\t\tESP\t0\n"
                                               "a.pcap\tTCP\t10.0.0.1\t1\t10.0.0.2\t2\t-\t0\n"
                                               "a.pcap\tTCP\t10.0.0.1\t1\t10.0.0.2\t2\t\t0\n"
                                               "\n"
                                               "-\t17\t10.0.0.1\t1\t10.0.0.2\t2\tDNS\t0\r\n");
    struct flow_record tcp = flow(IP_TCP, "10.0.0.1", 1, "10.0.0.2", 2);
    struct flow_record udp = flow(IP_UDP, "10.0.0.1", 1, "10.0.0.2", 2);

    (void)state;
    assert_int_equal(label_table_count(table), 1);
    assert_label(table, "a.pcap", &tcp, NULL);
    assert_label(table, "a.pcap", &udp, "DNS"); /* its line names no file */
    label_table_free(table);
}

/* Of many tuples that are much alike each is found. */
static void test_many(void **state)
{
    enum { ROWS = 2000, LABELS = 300 };
    char *text = malloc(64 * (ROWS + 1));
    char *at = text + sprintf(text, "proto,src,sport,dst,dport,class\n");
    struct label_table *table;

    (void)state;
    for (unsigned i = 0; i < ROWS; i++)
        at += sprintf(at, "udp,10.0.0.1,%u,10.0.%u.2,53,label %u\n", 1024 + i % 8, i / 8, i % LABELS);
    table = read_table(text);
    assert_int_equal(label_table_count(table), LABELS);
    for (unsigned i = 0; i < ROWS; i++) {
        char address[32], label[32];
        struct flow_record record;

        snprintf(address, sizeof address, "10.0.%u.2", i / 8);
        snprintf(label, sizeof label, "label %u", i % LABELS);
        record = flow(IP_UDP, "10.0.0.1", (uint16_t)(1024 + i % 8), address, 53);
        assert_label(table, NULL, &record, label);
    }
    label_table_free(table);
    free(text);
}

/* One line in a hundred may be damaged. */
static void test_damage(void **state)
{
    const struct {
        unsigned good, bad;
    } rows[] = { { 99, 1 }, { 198, 2 }, { 98, 1 }, { 1, 1 } };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[16 * 1024];
        char *at = text + sprintf(text, "pr,sa,sp,da,dp,label\n");
        bool is_fine = rows[i].bad * 100 <= rows[i].good + rows[i].bad;
        struct error err = { "" };
        struct label_table *table;

        for (unsigned k = 0; k < rows[i].good; k++)
            at += sprintf(at, "17,10.0.0.1,%u,10.0.0.2,53,good\n", k);
        for (unsigned k = 0; k < rows[i].bad; k++)
            at += sprintf(at, "17,10.0.0.1,%u,2600:1901::7a0b::,53,bad\n", k);
        table = label_table_read(write_table(text), &err);
        if (is_fine) {
            assert_non_null(table);
            assert_int_equal(label_table_count(table), 1);
            assert_non_null(strstr(label_table_damage(table), "no address: \"2600:1901::7a0b::\""));
        } else {
            assert_null(table);
            assert_non_null(strstr(err.text, "no address"));
        }
        label_table_free(table);
    }
}

static void test_errors(void **state)
{
    const struct {
        const char *text, *message;
    } rows[] = {
        { "\n", "holds no line" },
        { "file\tl4\tclient_ip\tclient_port\tserver_ip\tserver_port\n", "no column ndpi_label, application or label" },
        { "application,sa,sp,da,dp\n", "no column l4, pr or protocol" },
        { TSV, "no line labels a flow" },
        { TSV "a\tTCP\t10.0.0.1\t1\t10.0.0.2\n", "1 of 1 lines cannot be read; the first: line 2: has too few columns: \"a?TCP" },
        { TSV "a\tTCP\t10.0.0.\t1\t10.0.0.2\t2\tx\t0\n", "line 2: no address: \"10.0.0.\"" },
        { TSV "a\tTCP\t10.0.0.1\t65536\t10.0.0.2\t2\tx\t0\n", "line 2: no port: \"65536\"" },
        { TSV "a\tTCP\t10.0.0.1\t1\t10.0.0.2\t-2\tx\t0\n", "line 2: no port: \"-2\"" },
        { TSV "a\t256\t10.0.0.1\t1\t10.0.0.2\t2\tx\t0\n", "line 2: no protocol: \"256\"" },
        { TSV "a\tTCP\t10.0.0.1\t1\t10.0.0.2\t2\ta,b\t0\n", "no quotes and no commas: \"a,b\"" },
        { TSV "a\tTCP\t10.0.0.1\t1\t10.0.0.2\t2\t\x01\t0\n", "printable letters, no" },
        { TSV "a\tTCP\t10.0.0.1\t1\t10.0.0.2\t2\t"
              "0123456789012345678901234567890123456789012345678901234567890123\t0\n",
          "at most 63" },
        { "label,pr,sa,sp,da,dp,ts\nx,6,10.0.0.1,1,10.0.0.2,2,soon\n", "line 2: no time: \"soon\"" },
        { "label,pr,sa,sp,da,dp,start_ns\nx,6,10.0.0.1,1,10.0.0.2,2,1.5\n",
          "line 2: no time in nanoseconds: \"1.5\"" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = { "" };

        assert_null(label_table_read(write_table(rows[i].text), &err));
        if (strstr(err.text, rows[i].message) == NULL)
            fail_msg("row %zu: \"%s\" does not say \"%s\"", i, err.text, rows[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_either_direction), cmocka_unit_test(test_files),
        cmocka_unit_test(test_nearest_start),    cmocka_unit_test(test_passed_over),
        cmocka_unit_test(test_many),             cmocka_unit_test(test_damage),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
