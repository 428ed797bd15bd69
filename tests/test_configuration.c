/*
 * What a configuration comes to: defaults, links that take over what holds for all, references, times. What is refused,
 * and how, is in tests/configuration.bats.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time_types.h"
#include "daemon/configuration.h"
#include "daemon/crossing_filter.h"

#define PLAYERS "populations = ( { model = \"office.dsm\"; } );\n"

/* A configuration of this text, which must be good. */
static void load(struct configuration *c, const char *text)
{
    const char *path = scratch_path("a.conf");
    FILE *file = fopen(path, "w");
    struct error err = { "" };

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    if (configuration_load(c, path, &err) < 0)
        fail_msg("%s", err.text);
}

static void test_defaults(void **state)
{
    struct configuration c;

    (void)state;
    load(&c, PLAYERS);
    assert_int_equal(c.link_count, 0);
    assert_false(c.allow_default_route);
    assert_string_equal(c.user, "nobody");
    assert_string_equal(c.control, "/run/dayshift/control.sock");
    assert_true(c.control_group == (gid_t)-1);
    assert_int_equal(c.seed, 1);
    assert_true(c.speed == 1);
    assert_false(c.has_date || c.has_start);
    assert_int_equal(c.duration_ns, 0);
    assert_int_equal(c.stop_ns, 10 * NS_PER_SECOND);
    assert_true(c.probe && c.announce);
    assert_int_equal(c.probe_ns, 1500 * NS_PER_MS);
    assert_int_equal(c.populations[0].os, HOST_OS_LEARNED);
    assert_int_equal(c.timing, EMIT_EXACT);
    assert_int_equal(c.late, LATE_SEND);
    assert_int_equal(c.max_late_ns, NS_PER_SECOND);
    assert_int_equal(c.cpu, CONFIGURATION_ANY_CPU);
    assert_int_equal(c.priority, 0);
    assert_false(c.outside.has_link || c.outside.has_vlan);
    assert_int_equal(c.population_count, 1);
    assert_int_equal(c.populations[0].link, 0);
    assert_int_equal(c.populations[0].vlan, 0);
    configuration_release(&c);
}

struct wanted_link {
    const char *name, *interface;
    enum sink_kind sink;
    uint64_t max_packets_per_second, max_bits_per_second;
};

static void check_link(const struct configuration_link *link, const struct wanted_link *wanted)
{
    assert_string_equal(link->name, wanted->name);
    assert_string_equal(link->interface, wanted->interface);
    assert_int_equal(link->sink, wanted->sink);
    assert_int_equal(link->max_packets_per_second, wanted->max_packets_per_second);
    assert_int_equal(link->max_bits_per_second, wanted->max_bits_per_second);
}

/* What stands in the file holds for the links that say nothing else, wherever it stands. */
static void test_links(void **state)
{
    static const struct wanted_link wanted[] = {
        { "in", "eth1", SINK_LIBNET, 1000, 10000000000 },
        { "eth2", "eth2", SINK_PACKET, 0, 200000 },
        { "out", "eth3", SINK_LIBNET, 20, 0 },
    };
    struct configuration c;

    (void)state;
    load(&c, "links = ( { name = \"in\"; interface = \"eth1\"; },"
             "{ interface = \"eth2\"; sink = \"packet\"; max_packets_per_second = 0; max_bits_per_second = 200000; },"
             "{ name = \"out\"; interface = \"eth3\"; max_packets_per_second = 20; max_bits_per_second = 0.0; } );\n"
             "sink = \"libnet\"; max_packets_per_second = 1000; max_bits_per_second = 1e10;\n" PLAYERS);
    assert_int_equal(c.link_count, 3);
    for (size_t i = 0; i < c.link_count; i++)
        check_link(&c.links[i], &wanted[i]);
    configuration_release(&c);
}

static void test_one_link_in_short(void **state)
{
    struct configuration c;

    (void)state;
    load(&c, "interface = \"eth7\";\n" PLAYERS);
    assert_int_equal(c.link_count, 1);
    check_link(&c.links[0], &(struct wanted_link){ "eth7", "eth7", SINK_PACKET, 0, 0 });
    configuration_release(&c);
}

#define TWO_LINKS "links = ( { name = \"in\"; interface = \"a\"; }, { name = \"out\"; interface = \"b\"; } );\n"

/* Networks that send on one link alone; each filter with what sends on the others, to what sends on this one. */
static void test_crossing_filters(void **state)
{
#define POPULATION(network, link) "{ model = \"m\"; network = \"" network "\"; link = \"" link "\"; }"
    static const struct {
        const char *text;
        const char *filters[2];
    } rows[] = {
        { "populations = (" POPULATION("10.1.0.0/16", "in") "); outside = \"10.9.0.0/16\"; outside_link = \"out\";",
          { "(ip src net 10.9.0.0/16) and (ip dst net 10.1.0.0/16)",
            "(ip src net 10.1.0.0/16) and (ip dst net 10.9.0.0/16)" } },
        { "populations = (" POPULATION("10.1.0.0/16", "in") "," POPULATION("10.2.0.1", "out") ","
          POPULATION("10.3.0.0/24", "in") "); outside = \"10.9.0.0/16\"; outside_link = \"out\";",
          { "(ip src net 10.2.0.1 or ip src net 10.9.0.0/16) and (ip dst net 10.1.0.0/16 or ip dst net 10.3.0.0/24)",
            "(ip src net 10.1.0.0/16 or ip src net 10.3.0.0/24) and (ip dst net 10.2.0.1 or ip dst net 10.9.0.0/16)" } },
        /* The outside is on both. */
        { "populations = (" POPULATION("10.1.0.0/16", "in") "," POPULATION("10.2.0.0/16", "out") ");",
          { "(ip src net 10.2.0.0/16) and (ip dst net 10.1.0.0/16)",
            "(ip src net 10.1.0.0/16) and (ip dst net 10.2.0.0/16)" } },
        /* Of both families; the other rows have nobody who talks to the outside of IPv6. */
        { "populations = ( { model = \"m\"; network = \"10.1.0.0/16\"; network6 = \"2001:2:0:1::/64\"; link = \"in\"; } );"
          "outside = \"10.9.0.0/16\"; outside6 = \"2001:2:0:9::/64\"; outside_link = \"out\";",
          { "(ip src net 10.9.0.0/16 or ip6 src net 2001:2:0:9::/64) and "
            "(ip dst net 10.1.0.0/16 or ip6 dst net 2001:2:0:1::/64)",
            "(ip src net 10.1.0.0/16 or ip6 src net 2001:2:0:1::/64) and "
            "(ip dst net 10.9.0.0/16 or ip6 dst net 2001:2:0:9::/64)" } },
        { "populations = (" POPULATION("10.1.0.0/16", "out") "); outside_link = \"out\";", { NULL, NULL } },
        { "populations = (" POPULATION("10.1.0.0/16", "in") ");", { NULL, NULL } },
    };
#undef POPULATION

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[1024];
        struct configuration c;

        snprintf(text, sizeof text, TWO_LINKS "%s", rows[i].text);
        load(&c, text);
        for (size_t link = 0; link < 2; link++) {
            char *filter = crossing_filter(&c, link);

            if (rows[i].filters[link] == NULL)
                assert_null(filter);
            else
                assert_string_equal(filter, rows[i].filters[link]);
            free(filter);
        }
        configuration_release(&c);
    }
}

static void test_references(void **state)
{
    static const struct {
        const char *text;
        struct population_outside place;
    } rows[] = {
        { "", { .has_link = false } },
        { "outside_link = \"out\";", { .has_link = true, .has_vlan = true, .link = 1 } },
        { "outside_vlan = 7; outside_link = \"in\";", { .has_link = true, .has_vlan = true, .vlan = 7 } },
        { "outside_vlan = 7;", { .has_vlan = true, .vlan = 7 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct population_outside *place;
        struct configuration c;
        char text[512];

        snprintf(text, sizeof text, "populations = ( { model = \"/m\"; link = \"out\"; }, { model = \"m\"; vlan = 4094; } );"
                                    "%s" TWO_LINKS, rows[i].text);
        load(&c, text);
        place = &c.outside;
        assert_int_equal(c.populations[0].link, 1);
        assert_int_equal(c.populations[0].vlan, 0);
        assert_int_equal(c.populations[1].link, 0);
        assert_int_equal(c.populations[1].vlan, 4094);
        assert_int_equal(place->has_link, rows[i].place.has_link);
        assert_int_equal(place->has_vlan, rows[i].place.has_vlan);
        assert_int_equal(place->link, rows[i].place.link);
        assert_int_equal(place->vlan, rows[i].place.vlan);
        configuration_release(&c);
    }
}

static struct ip_address address_of(const char *text)
{
    struct ip_address address;

    assert_int_equal(ip_address_parse(&address, text), 0);
    return address;
}

static void check_network(const struct ip_network *network, const char *wanted)
{
    char text[IP_NETWORK_TEXT];

    if (wanted)
        assert_string_equal(ip_network_format(network, text), wanted);
    else
        assert_int_equal(network->prefix, 0);
}

/* Which addresses a population has; the default is for who says nothing of either family. */
static void test_addresses(void **state)
{
    static const struct {
        const char *text;
        const char *networks[IP_FAMILIES], *firsts[IP_FAMILIES];
        double ipv6;
    } rows[] = {
        { "", { "198.18.0.0/16", NULL }, { "::", "::" }, 0.5 },
        { "network = \"10.0.0.0/24\";", { "10.0.0.0/24", NULL }, { "::", "::" }, 0.5 },
        { "network6 = \"fd00::/64\"; ipv6 = 1;", { NULL, "fd00::/64" }, { "::", "::" }, 1 },
        { "first6 = \"fd00::5\"; network6 = \"fd00::/64\"; network = \"10.0.0.0/8\"; first = \"10.1.1.1\"; ipv6 = 0.25;",
          { "10.0.0.0/8", "fd00::/64" }, { "10.1.1.1", "fd00::5" }, 0.25 },
        { "first = \"198.18.0.9\";", { "198.18.0.0/16", NULL }, { "198.18.0.9", "::" }, 0.5 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct population_addresses *addresses;
        struct configuration c;
        char text[512];

        snprintf(text, sizeof text, "populations = ( { model = \"/m\"; %s } );", rows[i].text);
        load(&c, text);
        addresses = &c.populations[0].addresses;
        for (int f = 0; f < IP_FAMILIES; f++) {
            struct ip_address first = address_of(rows[i].firsts[f]);

            check_network(&addresses->networks[f], rows[i].networks[f]);
            assert_true(ip_address_equal(&addresses->firsts[f], &first));
        }
        assert_true(addresses->ipv6 == rows[i].ipv6);
        assert_int_equal(addresses->gateway.kind, GATEWAY_NONE);
        configuration_release(&c);
    }
}

static void test_macs_and_gateways(void **state)
{
    static const uint8_t mac[6] = { 0x02, 0x00, 0x5e, 0xAB, 0xcd, 0x01 }, none[6];
    struct ip_address router = address_of("fe80::1"), router4 = address_of("10.0.0.1");
    struct configuration c;

    (void)state;
    load(&c, "populations = ( { model = \"/m\"; mac = \"02:00:5e:Ab:cD:01\"; gateway = \"02:00:5e:ab:cd:01\"; },"
             "{ model = \"/m\"; network6 = \"fd00::/64\"; gateway = \"fe80::1\"; } );"
             "outside6 = \"fd01::/64\"; outside_mac = \"02:00:5E:AB:CD:01\"; outside_gateway = \"10.0.0.1\";");
    assert_memory_equal(c.populations[0].addresses.mac, mac, 6);
    assert_int_equal(c.populations[0].addresses.gateway.kind, GATEWAY_MAC);
    assert_memory_equal(c.populations[0].addresses.gateway.mac, mac, 6);
    assert_memory_equal(c.populations[1].addresses.mac, none, 6);
    assert_int_equal(c.populations[1].addresses.gateway.kind, GATEWAY_ADDRESS);
    assert_true(ip_address_equal(&c.populations[1].addresses.gateway.address, &router));
    assert_memory_equal(c.outside.mac, mac, 6);
    assert_int_equal(c.outside.gateway.kind, GATEWAY_ADDRESS);
    assert_true(ip_address_equal(&c.outside.gateway.address, &router4));
    check_network(&c.outside.networks[IP_FAMILY_4], "198.19.0.0/16");
    check_network(&c.outside.networks[IP_FAMILY_6], "fd01::/64");
    configuration_release(&c);
    load(&c, PLAYERS);
    check_network(&c.outside.networks[IP_FAMILY_6], "2001:2:0:8000::/49");
    assert_int_equal(c.outside.gateway.kind, GATEWAY_NONE);
    configuration_release(&c);
}

/* A date, a time of day, or both; what is missing is as it is now. */
static void test_start(void **state)
{
    static const struct {
        const char *text;
        bool has_date, has_start;
        int64_t seconds;
    } rows[] = {
        { "now", false, false, 0 },
        { "09:00", false, true, 9 * 3600 },
        { "23:59:59", false, true, 86399 },
        { "1970-01-08", true, false, 0 },
        { "1970-01-08 00:00", true, true, 0 },
        { "1970-01-08 09:00:30", true, true, 9 * 3600 + 30 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct configuration c;
        char text[128];

        snprintf(text, sizeof text, "start = \"%s\";" PLAYERS, rows[i].text);
        load(&c, text);
        assert_int_equal(c.has_date, rows[i].has_date);
        assert_int_equal(c.has_start, rows[i].has_start);
        if (c.has_date)
            assert_int_equal(c.date, 7);
        if (c.has_start)
            assert_int_equal(c.start_ns, rows[i].seconds * NS_PER_SECOND);
        configuration_release(&c);
    }
}

static void test_all_else(void **state)
{
    struct configuration c;

    (void)state;
    load(&c, "timing = \"frugal\"; late = \"drop\"; max_late_us = 60000000; cpu = 1023; priority = 99; stop_seconds = 0; control = \"\";"
             "control_group = \"root\"; user = \"daemon\"; allow_default_route = true; seed = 9223372036854775807L;"
             "speed = 2; duration = \"1.5m\"; threads = 64; unobserved = \"silent\"; outside = \"10.0.0.0/8\";\n" PLAYERS);
    assert_int_equal(c.timing, EMIT_FRUGAL);
    assert_int_equal(c.late, LATE_DROP);
    assert_int_equal(c.max_late_ns, 60 * NS_PER_SECOND);
    assert_int_equal(c.cpu, 1023);
    assert_int_equal(c.priority, 99);
    assert_int_equal(c.stop_ns, 0);
    assert_null(c.control);
    assert_int_equal(c.control_group, 0);
    assert_string_equal(c.user, "daemon");
    assert_true(c.allow_default_route);
    assert_true(c.seed == INT64_MAX);
    assert_true(c.speed == 2);
    assert_int_equal(c.duration_ns, 90 * NS_PER_SECOND);
    assert_int_equal(c.threads, 64);
    assert_int_equal(ip_address_to_v4(&c.outside.networks[IP_FAMILY_4].base), 0x0a000000);
    configuration_release(&c);
    load(&c, "timing = \"balanced\"; control = \"/tmp/c\"; max_late_us = 1; probe = false; probe_seconds = 0.25;"
             "announce = false; populations = ( { model = \"/m\"; os = \"windows\"; }, { model = \"/m\"; os = \"router\"; } );\n");
    assert_false(c.probe || c.announce);
    assert_int_equal(c.probe_ns, 250 * NS_PER_MS);
    assert_int_equal(c.populations[0].os, HOST_OS_WINDOWS);
    assert_int_equal(c.populations[1].os, HOST_OS_ROUTER);
    assert_int_equal(c.timing, EMIT_BALANCED);
    assert_string_equal(c.control, "/tmp/c");
    assert_int_equal(c.max_late_ns, 1000);
    configuration_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_one_link_in_short),
        cmocka_unit_test(test_crossing_filters),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_macs_and_gateways),
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_all_else),
    };

    return cmocka_run_group_tests_name("configuration", tests, NULL, NULL);
}
