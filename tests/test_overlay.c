/*
 * Overlays: addresses of packets exchanged, with checksums that follow; captures as frames of a run, in order; when they
 * begin; and their place among the background, also when the run is steered.
 */
#include "support.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/pcap_format.h"
#include "base/random.h"
#include "base/time_zone.h"
#include "emit/gate.h"
#include "net/readdress.h"
#include "net/wire.h"
#include "scenario/overlay_time.h"
#include "scenario/scenario.h"
#include "toy_model.h"

#define SEED 20261122
#define DATE INT64_C(20780) /* 2026-11-23, a Monday */
#define BEGIN_NS (DATE * NS_PER_DAY + 10 * 3600 * NS_PER_SECOND)

/* ---- packets, with checksums as RFC 1071 says, word by word ---- */

enum kind {
    KIND_TCP,
    KIND_UDP,
    KIND_UDP_WITHOUT, /* a checksum */
    KIND_ICMP_ECHO,
    KIND_OTHER, /* a protocol without a checksum over addresses */
    KIND_ERROR_OF_TCP,
    KIND_ERROR_OF_UDP,
    KIND_ERROR_OF_LITTLE, /* 8 bytes of TCP, as RFC 792 asks */
    KIND_LATER_FRAGMENT,
    KIND_FIRST_FRAGMENT, /* of UDP: its checksum covers what is not here */
    KINDS
};

struct built {
    uint8_t bytes[512];
    size_t size;
};

static uint16_t sum_of(const uint8_t *bytes, size_t size, uint32_t sum)
{
    for (size_t i = 0; i < size; i++)
        sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static uint8_t *put_v4(uint8_t *at, size_t options, uint16_t size, uint16_t fragment, uint8_t protocol,
                       const struct ip_address ends[2])
{
    size_t header = 20 + options;

    memset(at, 0, header);
    at[0] = (uint8_t)(0x40 | header / 4);
    wire_put_u16(at + 2, (uint16_t)(header + size));
    wire_put_u16(at + 4, 0x1234);
    wire_put_u16(at + 6, fragment);
    at[8] = 64;
    at[9] = protocol;
    memcpy(at + 12, ends[0].bytes + 12, 4);
    memcpy(at + 16, ends[1].bytes + 12, 4);
    memset(at + 20, 1, options);
    wire_put_u16(at + 10, (uint16_t)~sum_of(at, header, 0));
    return at + header;
}

/* With a hop-by-hop header, and one of fragments where there are some. */
static uint8_t *put_v6(uint8_t *at, uint16_t size, uint16_t fragment, uint8_t protocol, const struct ip_address ends[2])
{
    bool is_fragment = fragment != 0;

    memset(at, 0, 56);
    at[0] = 0x60;
    wire_put_u16(at + 4, (uint16_t)(8 + (is_fragment ? 8 : 0) + size));
    at[7] = 64;
    memcpy(at + 8, ends[0].bytes, 16);
    memcpy(at + 24, ends[1].bytes, 16);
    at[40] = is_fragment ? 44 : protocol;
    at[42] = 1; /* PadN of 4 */
    at[43] = 4;
    if (!is_fragment)
        return at + 48;
    at[48] = protocol;
    wire_put_u16(at + 50, fragment);
    return at + 56;
}

static uint16_t pseudo_sum(bool v6, const struct ip_address ends[2], uint8_t protocol, size_t size)
{
    uint32_t sum = protocol + (uint32_t)size;

    for (int i = 0; i < 2; i++)
        sum += v6 ? sum_of(ends[i].bytes, 16, 0) : sum_of(ends[i].bytes + 12, 4, 0);
    return sum_of(NULL, 0, sum);
}

static void fill_random(uint8_t *at, size_t size, struct random_stream *random)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)random_u32(random);
}

/* TCP or UDP of `size` bytes at `at`, whose datagram has `more` bytes in later fragments. */
static void put_transport(uint8_t *at, bool v6, uint8_t protocol, size_t size, uint16_t more, bool has_checksum,
                          const struct ip_address ends[2], struct random_stream *random)
{
    size_t place = protocol == IP_TCP ? 16 : 6;
    uint16_t checksum;

    fill_random(at, size, random);
    if (protocol == IP_TCP)
        at[12] = 5 << 4;
    else
        wire_put_u16(at + 4, (uint16_t)(size + more));
    wire_put_u16(at + place, 0);
    if (!has_checksum)
        return;
    /* What is not here adds a number: any will do, as long as it is the same. */
    checksum = (uint16_t)~sum_of(at, size, pseudo_sum(v6, ends, protocol, size + more) + (uint32_t)(more ? 0x4321 : 0));
    wire_put_u16(at + place, checksum == 0 && protocol == IP_UDP ? 0xffff : checksum);
}

/* `keep`: of the quoted packet; its addresses are those of the error, turned round. */
static uint8_t *put_error(uint8_t *at, bool v6, uint8_t protocol, size_t transport, size_t keep,
                          const struct ip_address ends[2], struct random_stream *random)
{
    const struct ip_address quoted_ends[2] = { ends[1], ends[0] };
    uint8_t quoted[256];
    uint8_t *to = v6 ? put_v6(quoted, (uint16_t)transport, 0, protocol, quoted_ends)
                     : put_v4(quoted, 4, (uint16_t)transport, 0, protocol, quoted_ends);
    size_t size = 8 + (size_t)(to - quoted) + keep;

    put_transport(to, v6, protocol, transport, 0, true, quoted_ends, random);
    memset(at, 0, 8);
    at[0] = v6 ? 1 : 3;
    at[1] = 1;
    memcpy(at + 8, quoted, size - 8);
    wire_put_u16(at + 2, (uint16_t)~sum_of(at, size, v6 ? pseudo_sum(true, ends, IP_ICMPV6, size) : 0));
    return at + size;
}

/* The same kind and random numbers: the same packet, but for addresses and checksums. */
static struct built build(enum kind kind, bool v6, uint32_t number, const struct ip_address ends[2])
{
    struct random_stream random;
    struct built built;
    uint8_t body[400];
    size_t size, options;
    uint16_t fragment = 0;
    uint8_t protocol = IP_UDP;
    uint8_t *to;

    random_init(&random, SEED, RANDOM_SLICE, number, 0, 0);
    size = 20 + random_below(&random, 41); /* odd ones too */
    options = 4 * random_below(&random, 3);
    switch (kind) {
    case KIND_TCP:
        protocol = IP_TCP;
        put_transport(body, v6, IP_TCP, size, 0, true, ends, &random);
        break;
    case KIND_UDP: put_transport(body, v6, IP_UDP, size, 0, true, ends, &random); break;
    case KIND_UDP_WITHOUT: put_transport(body, v6, IP_UDP, size, 0, false, ends, &random); break;
    case KIND_FIRST_FRAGMENT:
        fragment = v6 ? 1 : 0x2000;
        put_transport(body, v6, IP_UDP, size, 600, true, ends, &random);
        break;
    case KIND_LATER_FRAGMENT:
        fragment = v6 ? 185 << 3 : 185;
        fill_random(body, size, &random);
        break;
    case KIND_OTHER:
        protocol = 132;
        fill_random(body, size, &random);
        break;
    case KIND_ICMP_ECHO:
        protocol = v6 ? IP_ICMPV6 : IP_ICMP;
        fill_random(body, size, &random);
        body[0] = v6 ? 128 : 8;
        wire_put_u16(body + 2, 0);
        wire_put_u16(body + 2, (uint16_t)~sum_of(body, size, v6 ? pseudo_sum(true, ends, IP_ICMPV6, size) : 0));
        break;
    default:
        protocol = v6 ? IP_ICMPV6 : IP_ICMP;
        size = (size_t)(put_error(body, v6, kind == KIND_ERROR_OF_UDP ? IP_UDP : IP_TCP, size,
                                  kind == KIND_ERROR_OF_LITTLE ? 8 : size, ends, &random) - body);
    }
    to = v6 ? put_v6(built.bytes, (uint16_t)size, fragment, protocol, ends)
            : put_v4(built.bytes, options, (uint16_t)size, fragment, protocol, ends);
    memcpy(to, body, size);
    built.size = (size_t)(to - built.bytes) + size;
    return built;
}

static struct ip_address random_address(bool v6, struct random_stream *random)
{
    struct ip_address address;

    if (!v6)
        return ip_address_from_v4(random_u32(random));
    fill_random(address.bytes, sizeof address.bytes, random);
    return address;
}

/* Two addresses and what stands for them. */
struct pairs {
    struct ip_address from[2], to[2];
};

static bool find_pair(const void *self, const struct ip_address *from, struct ip_address *to)
{
    const struct pairs *pairs = self;

    for (int i = 0; i < 2; i++) {
        if (ip_address_equal(from, &pairs->from[i])) {
            *to = pairs->to[i];
            return true;
        }
    }
    return false;
}

static struct pairs draw_pairs(bool v6, uint32_t number)
{
    struct random_stream random;
    struct pairs pairs;

    random_init(&random, SEED, RANDOM_LABEL, number, v6, 0);
    for (int i = 0; i < 2; i++) {
        pairs.from[i] = random_address(v6, &random);
        pairs.to[i] = random_address(v6, &random);
    }
    return pairs;
}

static void check_equal(const struct built *a, const struct built *b, enum kind kind, bool v6, uint32_t number)
{
    for (size_t i = 0; i < a->size; i++) {
        if (a->bytes[i] != b->bytes[i])
            fail_msg("kind %d, IPv%d, packet %" PRIu32 ": byte %zu is %02x, not %02x", kind, v6 ? 6 : 4, number, i,
                     a->bytes[i], b->bytes[i]);
    }
}

/* What comes out is what had been built with the other addresses. */
static void test_readdress_is_rebuilding(void **state)
{
    (void)state;
    for (uint32_t number = 0; number < 300; number++) {
        for (int i = 0; i < 2 * KINDS; i++) {
            const enum kind kind = (enum kind)(i / 2);
            const bool v6 = i % 2;
            const struct pairs pairs = draw_pairs(v6, number);
            const struct readdress_map map = { find_pair, &pairs };
            struct built packet = build(kind, v6, number, pairs.from);
            struct built wanted = build(kind, v6, number, pairs.to);
            struct ip_address ends[2];

            assert_true(readdress_packet(packet.bytes, packet.size, &map, ends));
            assert_true(ip_address_equal(&ends[0], &pairs.to[0]) && ip_address_equal(&ends[1], &pairs.to[1]));
            check_equal(&packet, &wanted, kind, v6, number);
        }
    }
}

/* By as much as it was wrong, modulo ffff. */
static uint32_t wrong_by(uint16_t is, uint16_t right)
{
    return (is + 0xffffu - right % 0xffff) % 0xffff;
}

static void test_readdress_keeps_wrong_checksums(void **state)
{
    (void)state;
    for (uint32_t number = 0; number < 2000; number++) {
        const bool v6 = number % 2;
        const struct pairs pairs = draw_pairs(v6, number);
        const struct readdress_map map = { find_pair, &pairs };
        const enum kind kind = number % 4 < 2 ? KIND_TCP : KIND_UDP;
        const size_t in_transport = kind == KIND_TCP ? 16 : 6;
        struct built before = build(kind, v6, number, pairs.from);
        struct built wanted = build(kind, v6, number, pairs.to);
        struct built packet = before;
        size_t at = (v6 ? 48 : (size_t)(before.bytes[0] & 15) * 4) + in_transport;
        struct ip_address ends[2];

        wire_put_u16(packet.bytes + at, (uint16_t)(number * 31 + 1));
        if (!v6)
            packet.bytes[10] ^= 0x5a;
        before = packet;
        assert_true(readdress_packet(packet.bytes, packet.size, &map, ends));
        for (size_t place = v6 ? at : 10; place <= at; place += at > place ? at - place : 1) {
            struct built right = build(kind, v6, number, pairs.from);

            assert_int_equal(wrong_by(wire_get_u16(packet.bytes + place), wire_get_u16(wanted.bytes + place)),
                             wrong_by(wire_get_u16(before.bytes + place), wire_get_u16(right.bytes + place)));
        }
    }
}

/* In memory of exactly that size, so that a sanitizer sees what is read behind it. */
static void test_readdress_of_cut_packets(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * KINDS; i++) {
        const bool v6 = i % 2;
        const struct pairs pairs = draw_pairs(v6, 1);
        const struct readdress_map map = { find_pair, &pairs };
        const struct built packet = build((enum kind)(i / 2), v6, 1, pairs.from);

        for (size_t size = 0; size < packet.size; size++) {
            uint8_t *copy = malloc(size ? size : 1);
            struct ip_address ends[2];
            bool done;

            memcpy(copy, packet.bytes, size);
            done = readdress_packet(copy, size, &map, ends);
            if (size < (v6 ? 40 : 20))
                assert_false(done);
            free(copy);
        }
    }
}

static void test_readdress_needs_all_addresses(void **state)
{
    struct pairs pairs = draw_pairs(false, 5);
    const struct readdress_map map = { find_pair, &pairs };
    struct built packet = build(KIND_TCP, false, 5, pairs.from);
    struct ip_address ends[2];

    (void)state;
    pairs.from[1].bytes[15] ^= 1;
    assert_false(readdress_packet(packet.bytes, packet.size, &map, ends));
}

/* ---- who in a run the hosts of a capture are ---- */

static struct ip_network network(const char *text)
{
    struct ip_network network;

    assert_int_equal(ip_network_parse(&network, text), 0);
    return network;
}

static struct overlay_mapping mapping(const char *from, const char *to)
{
    return (struct overlay_mapping){ .from = network(from), .to = network(to) };
}

static void test_addresses(void **state)
{
    static const struct {
        const char *from, *to; /* NULL: none, "": outside */
    } cases[] = {
        { "10.0.0.5", "198.18.0.7" },   { "10.0.0.6", "198.18.1.6" },     { "10.0.0.255", "198.18.1.255" },
        { "10.0.1.77", "198.18.2.13" }, { "198.18.5.5", "198.18.5.5" },   { "198.19.5.5", "198.19.5.5" },
        { "224.0.0.251", "224.0.0.251" }, { "255.255.255.255", "255.255.255.255" }, { "0.0.0.0", NULL },
        { "192.0.2.1", "" },            { "10.0.1.80", "" },              { "::", NULL },
        { "2001:db8::1:5", "2001:2::5" }, { "2001:db8::5", "" },
    };
    const struct overlay_mapping map[] = {
        mapping("10.0.0.5", "198.18.0.7"),
        mapping("10.0.0.0/24", "198.18.1.0/24"),
        mapping("10.0.1.64/28", "198.18.2.0/28"),
        mapping("2001:db8::1:0/112", "2001:2::/112"),
    };
    const struct ip_network networks[] = { network("198.18.0.0/16"), network("2001:2::/64"), network("198.19.0.0/16"),
                                           network("2001:2:0:8000::/49") };
    const struct population population = { .outside.networks = { networks[2], networks[3] } };
    const struct overlay_addresses addresses = { map, 4, networks, 4, &population };
    const struct overlay_addresses too_few = { map, 4, networks, 1, &population };
    struct error err = { "" };
    struct ip_address six;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ip_address from, to, again;
        char text[IP_ADDRESS_TEXT];

        assert_int_equal(ip_address_parse(&from, cases[i].from), 0);
        assert_int_equal(overlay_addresses_find(&addresses, &from, &to), cases[i].to != NULL);
        if (cases[i].to && *cases[i].to)
            assert_string_equal(ip_address_format(&to, text), cases[i].to);
        if (cases[i].to == NULL || *cases[i].to)
            continue;
        assert_true(ip_network_contains(&networks[ip_address_is_v4(&from) ? 2 : 3], &to));
        assert_true(overlay_addresses_find(&addresses, &from, &again) && ip_address_equal(&to, &again));
    }
    assert_int_equal(overlay_addresses_check(&addresses, &err), 0);
    assert_int_equal(ip_address_parse(&six, "2001:db8::5"), 0);
    assert_false(overlay_addresses_find(&too_few, &six, &six));
    assert_int_equal(overlay_addresses_check(&too_few, &err), -1);
    assert_non_null(strstr(err.text, "2001:2::/112 is neither in"));
}

/* IPv4 is kept as ::ffff:a.b.c.d, and is not in a network of IPv6 for that. */
static void test_addresses_of_one_family(void **state)
{
    const struct overlay_mapping map = mapping("::/64", "2001:2::/64");
    const struct ip_network networks[] = { network("2001:2::/64"), network("198.19.0.0/16"), network("::/32") };
    const struct population population = { .outside.networks = { networks[1] } };
    const struct overlay_addresses addresses = { &map, 1, networks, 3, &population };
    struct ip_address four = ip_address_from_v4(0x0a000005), six, to;
    char text[IP_ADDRESS_TEXT];

    (void)state;
    assert_int_equal(ip_address_parse(&six, "::7"), 0);
    assert_true(overlay_addresses_find(&addresses, &six, &to));
    assert_string_equal(ip_address_format(&to, text), "2001:2::7");
    assert_true(overlay_addresses_find(&addresses, &four, &to));
    assert_true(ip_network_contains(&networks[1], &to));
}

/* ---- when ---- */

static void check_next(const char *zone, const struct overlay_time *time, int64_t from_s, int64_t wanted_s)
{
    struct day_time next;
    struct error err;

    assert_int_equal(time_zone_set(zone, &err), 0);
    assert_int_equal(overlay_time_next(time, (struct day_time){ from_s * NS_PER_SECOND }, &next), wanted_s >= 0);
    if (wanted_s >= 0)
        assert_int_equal(next.ns, wanted_s * NS_PER_SECOND);
    time_zone_set(TIME_ZONE_DEFAULT, &err);
}

static void test_times(void **state)
{
    const int64_t day = 86400;
    const int64_t monday = DATE * day;
    const int64_t spring = 20541 * day; /* 2026-03-29: 02:00 becomes 03:00 */
    const int64_t autumn = 20751 * day; /* 2026-10-25: 03:00 becomes 02:00 */
    const int64_t half_past_two = 9000;
    const struct overlay_time daily = { .when = OVERLAY_DAILY, .ns = half_past_two * NS_PER_SECOND };
    const struct overlay_time once = { OVERLAY_ONCE, (int32_t)DATE, half_past_two * NS_PER_SECOND };
    const struct overlay_time after = { .when = OVERLAY_AFTER, .ns = NS_PER_SECOND };
    struct day_time next;
    struct error err;

    (void)state;
    if (time_zone_set("Europe/Madrid", &err) < 0)
        skip_because("no time zones");
    check_next("UTC", &daily, monday, monday + half_past_two);
    check_next("UTC", &daily, monday + half_past_two, monday + half_past_two);
    check_next("UTC", &daily, monday + half_past_two + 1, monday + day + half_past_two);
    check_next("UTC", &once, monday, monday + half_past_two);
    check_next("UTC", &once, monday + half_past_two + 1, -1);
    check_next("Europe/Madrid", &daily, spring - 3600, spring + day + half_past_two - 7200);
    check_next("Europe/Madrid", &daily, autumn - 7200, autumn + half_past_two - 7200);
    check_next("Europe/Madrid", &daily, autumn + half_past_two - 7200 + 1, autumn + day + half_past_two - 3600);
    assert_false(overlay_time_next(&after, (struct day_time){ 0 }, &next));
}

/* ---- captures ---- */

struct pcap {
    FILE *file;
    const char *path;
};

static struct pcap pcap_begin(const char *name)
{
    const struct pcap_header header = pcap_header(true);
    struct pcap pcap = { .path = scratch_path(name) };

    pcap.file = fopen(pcap.path, "wb");
    assert_non_null(pcap.file);
    assert_int_equal(fwrite(&header, sizeof header, 1, pcap.file), 1);
    return pcap;
}

static void pcap_put(struct pcap *pcap, int64_t ns, const void *bytes, uint32_t captured, uint32_t original)
{
    struct pcap_record record;
    struct error err;

    assert_int_equal(pcap_record(&record, (struct day_time){ ns }, true, captured, original, &err), 0);
    assert_int_equal(fwrite(&record, sizeof record, 1, pcap->file), 1);
    assert_int_equal(fwrite(bytes, captured, 1, pcap->file), 1);
}

static void pcap_end(struct pcap *pcap)
{
    assert_int_equal(fclose(pcap->file), 0);
}

/* A UDP packet in an Ethernet frame, with so many VLAN tags before it; what it carries is its number. Its size. */
static uint32_t make_frame(uint8_t *to, unsigned tags, const char *source, const char *destination, uint32_t number,
                           size_t payload)
{
    struct ip_address ends[2];
    uint8_t *at = to + 12;
    uint16_t checksum;

    assert_int_equal(ip_address_parse(&ends[0], source), 0);
    assert_int_equal(ip_address_parse(&ends[1], destination), 0);
    memset(to, 0x66, 12);
    for (unsigned i = 0; i < tags; i++, at += 4)
        memcpy(at, (uint8_t[]){ 0x81, 0x00, 0x00, 0x64 }, 4);
    wire_put_u16(at, 0x0800);
    at = put_v4(at + 2, 0, (uint16_t)(8 + payload), 0, IP_UDP, ends);
    memset(at, 0, 8 + payload);
    wire_put_u16(at, 4000);
    wire_put_u16(at + 2, 4001);
    wire_put_u16(at + 4, (uint16_t)(8 + payload));
    wire_put_u32(at + 8, number);
    checksum = (uint16_t)~sum_of(at, 8 + payload, pseudo_sum(false, ends, IP_UDP, 8 + payload));
    wire_put_u16(at + 6, checksum ? checksum : 0xffff);
    return (uint32_t)(at + 8 + payload - to);
}

/* ---- a run with overlays ---- */

#define FIRST_NS (INT64_C(1700000000) * NS_PER_SECOND + 123456789) /* of the capture */

enum { ATTACK_FRAMES = 400, ATTACK_FLOWS = 100, ATTACK_GAP_NS = 7654321, MARK = 0x41000000 };

/* From 10.9.0.66 to hosts of a network that is mapped; 3 s long. */
static const char *write_attack(const char *name)
{
    struct pcap pcap = pcap_begin(name);
    uint8_t frame[256];

    for (uint32_t i = 0; i < ATTACK_FRAMES; i++) {
        char destination[IP_ADDRESS_TEXT];
        uint32_t size;

        snprintf(destination, sizeof destination, "10.0.0.%" PRIu32, 1 + i % 100);
        size = make_frame(frame, i % 2, "10.9.0.66", destination, MARK + i, 32);
        pcap_put(&pcap, FIRST_NS + i * (int64_t)ATTACK_GAP_NS, frame, size, size);
    }
    pcap_end(&pcap);
    return pcap.path;
}

enum { MOST_SENDERS = 8 };

enum { MOST_SLOTS = 1 << 16 };

/* A keeper of flows that counts: whether what it is told of a flow is what was taken of it. */
struct counting_keeper {
    uint32_t slots;
    bool is_overlay[MOST_SLOTS], is_over[MOST_SLOTS];
    uint64_t taken[MOST_SLOTS], told[MOST_SLOTS]; /* frames */
};

static uint32_t keep_begin(void *self, const struct sent_flow *flow)
{
    struct counting_keeper *k = self;

    assert_in_range(k->slots, 0, MOST_SLOTS - 1);
    k->is_overlay[k->slots] = flow->overlay != NULL;
    return k->slots++;
}

static void keep_end(void *self, uint32_t slot, uint64_t frames)
{
    struct counting_keeper *k = self;

    assert_in_range(slot, 0, k->slots - 1);
    assert_false(k->is_over[slot]);
    k->is_over[slot] = true;
    k->told[slot] = frames;
}

/* At the end of a run: flows of overlays of which there was a frame; all that are over had as many as was told. */
static uint64_t check_kept(const struct counting_keeper *k)
{
    uint64_t flows = 0;

    for (uint32_t slot = 0; slot < k->slots; slot++) {
        if (k->is_over[slot] ? k->told[slot] != k->taken[slot] : k->is_overlay[slot])
            fail_msg("flow %" PRIu32 "%s: %" PRIu64 " frames, %s %" PRIu64, slot,
                     k->is_overlay[slot] ? " of an overlay" : "", k->taken[slot],
                     k->is_over[slot] ? "told as" : "not over, told as", k->told[slot]);
        flows += k->is_overlay[slot] && k->taken[slot] > 0;
    }
    return flows;
}

struct run {
    struct toy_model *toy;
    struct gate_network networks[MOST_SENDERS];
    struct gate_sender senders[MOST_SENDERS];
    struct gate gate; /* of all links: what dayshiftd lets out */
    struct counting_keeper *kept;
    struct sent_flow_keeper keeper;
    struct scenario *scenario;
    struct frame_source frames;
    struct overlay_mapping map;
    struct overlay_config overlays[2];
    size_t overlay_count;
};

static void add_overlay(struct run *run, const char *path, struct overlay_time time, double speed)
{
    run->map = mapping("10.0.0.0/24", "198.18.0.0/24");
    run->overlays[run->overlay_count++] = (struct overlay_config){
        .fd = open(path, O_RDONLY), .path = path, .time = time, .speed = speed, .map = &run->map, .map_count = 1,
    };
}

static struct scenario *try_scenario(struct run *run, double day_seconds, double speed, struct error *err)
{
    struct scenario_group group = {
        .hosts = TOY_HOSTS, .link = 1, .vlan = 30,
        .addresses.gateway = { .kind = GATEWAY_MAC, .mac = { 2, 0, 0, 0, 0, 0x99 } },
    };
    struct scenario_config config = {
        .seed = SEED, .begin = { BEGIN_NS }, .day_ns = (int64_t)(day_seconds * (double)NS_PER_SECOND), .speed = speed,
        .how.keeper = &run->keeper, .groups = &group, .group_count = 1, .overlays = run->overlays, .overlay_count = run->overlay_count,
        .outside = { .networks = { network(SCENARIO_DEFAULT_OUTSIDE), network("2001:2:0:8000::/49") },
                     .has_link = true, .has_vlan = true, .link = 2 },
    };

    run->kept = memory_alloc(sizeof *run->kept);
    run->keeper = (struct sent_flow_keeper){ keep_begin, keep_end, run->kept };
    run->toy = toy_model_new();
    group.model = toy_model_of(run->toy);
    group.addresses.networks[IP_FAMILY_4] = network("198.18.0.0/24");
    group.addresses.networks[IP_FAMILY_6] = network("2001:2::/64");
    run->scenario = scenario_new(&config, err);
    return run->scenario;
}

static void set_gate(struct run *run)
{
    const struct population_sender *senders = scenario_senders(run->scenario, &run->gate.sender_count);
    const struct ip_network *networks;

    assert_in_range(run->gate.sender_count, 1, MOST_SENDERS);
    for (size_t i = 0; i < run->gate.sender_count; i++)
        run->senders[i] = (struct gate_sender){ gate_network_of(&senders[i].network), senders[i].vlan };
    run->gate.senders = run->senders;
    networks = scenario_networks(run->scenario, &run->gate.network_count);
    assert_in_range(run->gate.network_count, 1, MOST_SENDERS);
    for (size_t i = 0; i < run->gate.network_count; i++)
        run->networks[i] = gate_network_of(&networks[i]);
    run->gate.networks = run->networks;
}

static void begin_run(struct run *run, double day_seconds, double speed)
{
    struct error err = { "" };

    if (try_scenario(run, day_seconds, speed, &err) == NULL)
        fail_msg("%s", err.text);
    run->frames = scenario_frames(run->scenario);
    set_gate(run);
}

static void end_run(struct run *run)
{
    scenario_free(run->scenario);
    toy_model_free(run->toy);
    free(run->kept);
    for (size_t i = 0; i < run->overlay_count; i++)
        close(run->overlays[i].fd);
}

/* The number that a frame of the attack carries; UINT32_MAX: it is none. */
static uint32_t mark_of(const struct frame *frame)
{
    uint32_t mark;

    if (frame->link != 2 || frame->length != 14 + 28 + 32 || frame->bytes[23] != IP_UDP ||
        wire_get_u16(frame->bytes + 34) != 4000)
        return UINT32_MAX;
    mark = wire_get_u32(frame->bytes + 42) - MARK;
    return mark < ATTACK_FRAMES ? mark : UINT32_MAX;
}

/* Whom it is from and for, and that it says so rightly. */
static void check_attack_frame(const struct frame *frame, uint32_t mark)
{
    static const uint8_t gateway[6] = { 0x02, 0xd5, 0, 0, 0, 1 };
    const uint8_t host[6] = { 0x02, mark % 100 < TOY_HOSTS ? 0xd5 : 0xd7, 198, 18, 0, (uint8_t)(1 + mark % 100) };
    const uint8_t *ip = frame->bytes + 14;
    struct ip_address ends[2] = { ip_address_from_v4(wire_get_u32(ip + 12)), ip_address_from_v4(wire_get_u32(ip + 16)) };

    assert_memory_equal(frame->bytes, host, 6);
    assert_memory_equal(frame->bytes + 6, gateway, 6);
    assert_int_equal(frame->to_link, 1);
    assert_int_equal(wire_get_u32(ip + 16), 0xc6120001 + mark % 100);
    assert_int_equal(wire_get_u32(ip + 12) >> 16, 0xc613);
    assert_int_equal(sum_of(ip, 20, 0), 0xffff);
    assert_int_equal(sum_of(ip + 20, 40, pseudo_sum(false, ends, IP_UDP, 40)), 0xffff);
}

/* What was seen of the attack while a run was played to its end. */
struct seen {
    uint64_t background, attack;
    int64_t begun_ns[8]; /* first frames of it */
    size_t begun;
    int64_t last_ns; /* of all */
    int64_t last_attack_ns;
    uint64_t digest;
};

static void note_attack(struct seen *seen, const struct frame *frame, uint32_t mark, double speed)
{
    int64_t place_ns;

    check_attack_frame(frame, mark);
    if (mark == 0) {
        assert_in_range(seen->begun, 0, 7);
        seen->begun_ns[seen->begun++] = frame->due.ns;
    }
    place_ns = seen->begun_ns[seen->begun - 1] + (int64_t)((double)(mark * (int64_t)ATTACK_GAP_NS) / speed);
    assert_int_equal(frame->due.ns, place_ns);
    seen->attack++;
    seen->last_attack_ns = frame->due.ns;
}

/* One frame; false: no more. */
static bool see_frame(struct run *run, struct seen *seen, double speed)
{
    uint8_t room[FRAME_MAX_BYTES];
    struct error err = { "" };
    struct frame frame;
    int got = frame_source_next(&run->frames, room, &frame, &err);
    uint32_t mark;

    if (got < 0)
        fail_msg("%s", err.text);
    if (got == 0)
        return false;
    assert_true(gate_passes(&run->gate, &frame));
    if (frame.flow != FRAME_NO_FLOW)
        run->kept->taken[frame.flow >> 1]++;
    assert_true(frame.due.ns >= seen->last_ns);
    seen->last_ns = frame.due.ns;
    for (uint32_t i = 0; i < frame.length; i++)
        seen->digest = random_mix64(seen->digest * 31 + frame.bytes[i]);
    seen->digest = random_mix64(seen->digest ^ (uint64_t)frame.due.ns);
    mark = mark_of(&frame);
    if (mark == UINT32_MAX)
        seen->background++;
    else
        note_attack(seen, &frame, mark, speed);
    return true;
}

static int64_t next_due(struct run *run)
{
    struct error err = { "" };
    struct frame frame;

    return run->frames.peek(run->frames.self, &frame, &err) > 0 ? frame.due.ns : INT64_MAX;
}

/* Frames that are due before `until_s`. */
static void see_until(struct run *run, struct seen *seen, double until_s)
{
    while (next_due(run) < (int64_t)(until_s * (double)NS_PER_SECOND))
        see_frame(run, seen, 1);
}

static struct overlay_time at_ten(double seconds)
{
    return (struct overlay_time){ .when = OVERLAY_DAILY,
                                  .ns = 36000 * NS_PER_SECOND + (int64_t)(seconds * (double)NS_PER_SECOND) };
}

static void test_place_in_time(void **state)
{
    const char *path = write_attack("attack.pcap");
    struct seen seen[2] = { { .last_ns = -1 }, { .last_ns = -1 } };
    struct run without = { .overlay_count = 0 };
    struct seen alone = { .last_ns = -1 };

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct run run = { .overlay_count = 0 };

        add_overlay(&run, path, at_ten(600.25), 1);
        add_overlay(&run, path, (struct overlay_time){ .when = OVERLAY_AFTER, .ns = 20 * NS_PER_SECOND }, 1);
        begin_run(&run, 1800, 1);
        while (see_frame(&run, &seen[i], 1))
            ;
        assert_int_equal(overlay_set_counts(scenario_overlays(run.scenario))->begun, 2);
        assert_int_equal(overlay_set_counts(scenario_overlays(run.scenario))->frames, seen[i].attack);
        assert_int_equal(check_kept(run.kept), 2 * ATTACK_FLOWS);
        end_run(&run);
    }
    assert_int_equal(seen[0].attack, 2 * ATTACK_FRAMES);
    assert_int_equal(seen[0].begun_ns[0], 20 * NS_PER_SECOND);
    assert_int_equal(seen[0].begun_ns[1], 600 * NS_PER_SECOND + 250 * NS_PER_MS);
    assert_true(seen[0].digest == seen[1].digest);
    begin_run(&without, 1800, 1);
    while (see_frame(&without, &alone, 1))
        ;
    end_run(&without);
    assert_in_range(alone.background, 1000, 1000000);
    assert_int_equal(seen[0].background, alone.background);
}

/* The day's speed says when it begins, the overlay's own how fast it goes; a day later it comes again. */
static void test_speeds(void **state)
{
    struct run run = { .overlay_count = 0 };
    struct seen seen = { .last_ns = -1 };

    (void)state;
    add_overlay(&run, write_attack("attack.pcap"), at_ten(864), 4);
    begin_run(&run, 1.5 * 86400, 864);
    while (see_frame(&run, &seen, 4))
        ;
    assert_int_equal(seen.attack, 2 * ATTACK_FRAMES);
    assert_int_equal(seen.begun_ns[0], NS_PER_SECOND);
    assert_int_equal(seen.begun_ns[1], 101 * NS_PER_SECOND);
    end_run(&run);
}

/* Whether an overlay is played at all is known before the run. */
static void test_comes(void **state)
{
    static const struct {
        struct overlay_time time;
        bool comes;
    } cases[] = {
        { { OVERLAY_AFTER, 0, 99 * NS_PER_SECOND }, true },  { { OVERLAY_AFTER, 0, 101 * NS_PER_SECOND }, false },
        { { OVERLAY_DAILY, 0, 36000 * NS_PER_SECOND }, true }, { { OVERLAY_DAILY, 0, 35999 * NS_PER_SECOND }, false },
        { { OVERLAY_ONCE, 1, 0 }, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run run = { .overlay_count = 0 };

        add_overlay(&run, write_attack("attack.pcap"), cases[i].time, 1);
        begin_run(&run, 100, 1);
        assert_int_equal(overlay_set_comes(scenario_overlays(run.scenario), 0), cases[i].comes);
        end_run(&run);
    }
}

/* Its time comes again before it is over: it goes on, and begins when its time comes after that. */
static void test_one_at_a_time(void **state)
{
    const struct overlay_counts *counts;
    struct run run = { .overlay_count = 0 };
    struct seen seen = { .last_ns = -1 };

    (void)state;
    add_overlay(&run, write_attack("attack.pcap"), at_ten(0), 1);
    begin_run(&run, 5 * 86400, 86400 / 2.0);
    while (see_frame(&run, &seen, 1))
        ;
    counts = overlay_set_counts(scenario_overlays(run.scenario));
    assert_int_equal(counts->begun, 3); /* at 0, 4 and 8 s: it takes 3.05 s, and a day 2 s */
    assert_int_equal(counts->left_out, 2);
    assert_int_equal(seen.attack, 2 * ATTACK_FRAMES + 262); /* cut by the end, at 10 s */
    assert_int_equal(check_kept(run.kept), 3 * ATTACK_FLOWS);
    end_run(&run);
}

/* A capture that is silent for three days: nothing is left out before its time comes. */
static void test_left_out_in_time(void **state)
{
    static const struct {
        double until_s;
        uint64_t left_out;
    } cases[] = { { 700, 0 }, { 86400, 0 }, { 88000, 1 }, { 2 * 86400 + 3600, 2 }, { 3 * 86400 + 3600, 2 } };
    struct pcap pcap = pcap_begin("silent.pcap");
    struct run run = { .overlay_count = 0 };
    struct seen seen = { .last_ns = -1 };
    uint8_t frame[256];
    uint32_t size = make_frame(frame, 0, "10.9.0.66", "10.0.0.1", 0, 32);

    (void)state;
    for (int64_t i = 0; i < 2; i++)
        pcap_put(&pcap, FIRST_NS + i * (3 * NS_PER_DAY - NS_PER_SECOND), frame, size, size);
    pcap_end(&pcap);
    add_overlay(&run, pcap.path, at_ten(600), 1);
    begin_run(&run, 10 * 86400, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        see_until(&run, &seen, cases[i].until_s);
        assert_int_equal(overlay_set_counts(scenario_overlays(run.scenario))->left_out, cases[i].left_out);
    }
    assert_int_equal(overlay_set_counts(scenario_overlays(run.scenario))->begun, 2);
    end_run(&run);
}

static void test_steering(void **state)
{
    const char *path = write_attack("attack.pcap");
    static const struct {
        double order_s;  /* when it is given */
        double speed;    /* 0: none */
        double skip_s;   /* of the day */
        double begins_s; /* the overlay of 10:10, on the clock; below 0: never */
    } cases[] = {
        { 600, 0, -300, 900 }, /* its first frame was peeked at, as in the next two */
        { 599.999, 5e-6, 0, 799.999 },
        { 600, 0, 600, -1 },
        { 60, 10, 0, 114 },  { 60, 0, 300, 300 },  { 60, 0, 600, -1 },  { 599, 0, 0.5, 599.5 },
        { 60, 0, -30, 630 }, { 60, 0.5, 0, 1140 }, { 601, 20, 0, 600 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct run_time now = { (int64_t)(cases[i].order_s * (double)NS_PER_SECOND) };
        struct run run = { .overlay_count = 0 };
        struct seen seen = { .last_ns = -1 };

        add_overlay(&run, path, at_ten(600), 1);
        begin_run(&run, 1800, 1);
        see_until(&run, &seen, cases[i].order_s);
        if (cases[i].speed > 0)
            scenario_set_speed(run.scenario, cases[i].speed, now);
        else
            scenario_skip(run.scenario, (int64_t)(cases[i].skip_s * (double)NS_PER_SECOND), now);
        while (see_frame(&run, &seen, 1))
            ;
        assert_int_equal(seen.attack, cases[i].begins_s < 0 ? 0 : ATTACK_FRAMES);
        if (cases[i].begins_s >= 0 &&
            llabs(seen.begun_ns[0] - (int64_t)(cases[i].begins_s * (double)NS_PER_SECOND)) > NS_PER_US)
            fail_msg("case %zu begins at %" PRId64 " ns", i, seen.begun_ns[0]);
        assert_int_equal(check_kept(run.kept), cases[i].begins_s < 0 ? 0 : ATTACK_FLOWS);
        end_run(&run);
    }
}

/* Under way it goes on, but not beyond the bound; what has not begun does not. */
static void test_finish(void **state)
{
    static const struct {
        double at_s, order_s, bound_s;
        uint64_t least, most; /* frames of the overlay in all */
    } cases[] = { { 600, 601, 0, 125, 131 }, /* a frame of it was peeked at */
                  { 600, 601, 1, 255, 262 }, { 600, 601, 10, ATTACK_FRAMES, ATTACK_FRAMES },
                  { 605, 601, 10, 0, 0 } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run run = { .overlay_count = 0 };
        struct seen seen = { .last_ns = -1 };

        add_overlay(&run, write_attack("attack.pcap"), at_ten(cases[i].at_s), 1);
        begin_run(&run, 1800, 1);
        see_until(&run, &seen, cases[i].order_s);
        scenario_finish(run.scenario, (struct run_time){ (int64_t)(cases[i].order_s * (double)NS_PER_SECOND) },
                        (int64_t)(cases[i].bound_s * (double)NS_PER_SECOND));
        while (see_frame(&run, &seen, 1))
            ;
        assert_in_range(seen.attack, cases[i].least, cases[i].most);
        assert_true((double)seen.last_ns <= (cases[i].order_s + cases[i].bound_s) * (double)NS_PER_SECOND);
        assert_int_equal(check_kept(run.kept), cases[i].most == 0 ? 0 : ATTACK_FLOWS);
        end_run(&run);
    }
}

/* ---- what cannot be played ---- */

static const struct overlay_tally *tally_of(const struct run *run)
{
    return &overlay_set_at(scenario_overlays(run->scenario), 0)->tally;
}

static void test_what_is_left_out(void **state)
{
    static const uint8_t arp[60] = { [12] = 0x08, [13] = 0x06 };
    static const uint8_t route[] = { 131, 137 }; /* loose, strict */
    struct pcap pcap = pcap_begin("mixed.pcap");
    struct run run = { .overlay_count = 0 };
    char text[OVERLAY_FAULTS_TEXT];
    uint8_t frame[4096];
    uint32_t size;

    (void)state;
    pcap_put(&pcap, 0, arp, sizeof arp, sizeof arp);
    size = make_frame(frame, 0, "10.9.0.66", "10.0.0.1", MARK, 32);
    pcap_put(&pcap, 1000, frame, size, size);
    pcap_put(&pcap, 2000, frame, 40, size);
    pcap_put(&pcap, 3000, frame, 20, size);
    frame[14] = 0x42; /* a header of 8 bytes */
    pcap_put(&pcap, 4000, frame, size, size);
    size = make_frame(frame, 0, "10.9.0.66", "10.0.0.1", MARK, 1473);
    pcap_put(&pcap, 5000, frame, size, size);
    wire_put_u16(frame + 16, 0); /* the card was to fill it in */
    pcap_put(&pcap, 6000, frame, size, size);
    size = make_frame(frame, 0, "0.0.0.0", "10.0.0.1", MARK, 32);
    pcap_put(&pcap, 7000, frame, size, size);
    size = make_frame(frame, 0, "10.9.0.66", "192.0.2.4", MARK, 32);
    pcap_put(&pcap, 8000, frame, size, size);
    size = make_frame(frame, 2, "10.0.0.3", "239.1.2.3", MARK, 1472);
    pcap_put(&pcap, 9000, frame, size, size);
    size = make_frame(frame, 0, "10.9.0.66", "10.0.0.1", MARK, 32);
    frame[14] = 0x47;
    for (size_t i = 0; i < sizeof route / sizeof *route; i++) {
        frame[34] = route[i]; /* where UDP was */
        frame[35] = 7;
        pcap_put(&pcap, 10000, frame, size, size);
    }
    frame[14] = 0x45;
    frame[23] = IP_ICMP;
    frame[34] = 5; /* redirect, of whatever code */
    pcap_put(&pcap, 11000, frame, size, size);
    frame[20] = 0; /* a later fragment, whose bytes are no header */
    frame[21] = 1;
    pcap_put(&pcap, 12000, frame, size, size);
    pcap_end(&pcap);
    add_overlay(&run, pcap.path, at_ten(1), 1);
    begin_run(&run, 60, 1);
    assert_string_equal(overlay_faults_text(tally_of(&run), text),
                        "1 not IP, 2 cut short, 2 malformed, 2 with source routes or other options of IP, 1 ICMP redirects, 1 too long"
                        " for the MTU, 1 with an address that nobody can"
                        " have here, 1 between addresses outside (map one of them)");
    assert_int_equal(tally_of(&run)->frames, 14);
    assert_int_equal(tally_of(&run)->played, 3);
    end_run(&run);
}

/* A multicast's MAC, the tag and the link of its sender. */
static void test_multicast(void **state)
{
    static const uint8_t wanted[] = { 0x01, 0x00, 0x5e, 0x01, 0x02, 0x03, 0x02, 0xd5, 198, 18, 0, 3, 0x81, 0, 0, 30, 8, 0 };
    struct pcap pcap = pcap_begin("group.pcap");
    struct run run = { .overlay_count = 0 };
    uint8_t bytes[256];
    uint32_t size = make_frame(bytes, 0, "10.0.0.3", "239.1.2.3", MARK, 32);
    struct error err = { "" };
    struct frame frame;

    (void)state;
    pcap_put(&pcap, 0, bytes, size, size);
    pcap_end(&pcap);
    add_overlay(&run, pcap.path, at_ten(0), 1);
    begin_run(&run, 60, 1);
    do
        assert_int_equal(frame_source_next(&run.frames, bytes, &frame, &err), 1);
    while (overlay_set_counts(scenario_overlays(run.scenario))->frames == 0);
    assert_memory_equal(frame.bytes, wanted, sizeof wanted);
    assert_int_equal(frame.link, 1);
    assert_int_equal(frame.to_link, 1);
    end_run(&run);
}

/* All kinds of packets of IPv6, from a virtual host to somebody outside and back: headers, and what the gate says. */
static void test_ipv6(void **state)
{
    static const uint8_t there[] = { 2, 0, 0, 0, 0, 0x99, 0x02, 0xd5, 198, 18, 0, 2, 0x81, 0, 0, 30, 0x86, 0xdd };
    static const uint8_t back[] = { 0x02, 0xd5, 198, 18, 0, 2, 0x02, 0xd5, 0, 0, 0, 1, 0x86, 0xdd };
    const struct overlay_mapping map = mapping("2001:db8::/64", "2001:2::/64");
    struct pcap pcap = pcap_begin("six.pcap");
    struct run run = { .overlay_count = 0 };
    struct ip_address ends[2][2];
    uint8_t room[FRAME_MAX_BYTES];
    struct error err = { "" };
    struct frame frame;
    uint32_t seen = 0;

    (void)state;
    assert_int_equal(ip_address_parse(&ends[0][0], "2001:db8::2"), 0);
    assert_int_equal(ip_address_parse(&ends[0][1], "2620::1"), 0);
    ends[1][0] = ends[0][1];
    ends[1][1] = ends[0][0];
    for (uint32_t i = 0; i < 2 * KINDS; i++) {
        struct built packet = build((enum kind)(i / 2), true, i, ends[i % 2]);

        memmove(packet.bytes + 14, packet.bytes, packet.size);
        memset(packet.bytes, 0, 12);
        wire_put_u16(packet.bytes + 12, 0x86dd);
        pcap_put(&pcap, i * 1000, packet.bytes, (uint32_t)packet.size + 14, (uint32_t)packet.size + 14);
    }
    pcap_end(&pcap);
    add_overlay(&run, pcap.path, at_ten(0), 1);
    run.map = map;
    begin_run(&run, 60, 1);
    assert_int_equal(tally_of(&run)->played, 2 * KINDS);
    while (seen < 2 * KINDS && frame_source_next(&run.frames, room, &frame, &err) == 1) {
        if (overlay_set_counts(scenario_overlays(run.scenario))->frames == seen)
            continue;
        assert_true(gate_passes(&run.gate, &frame));
        assert_memory_equal(room, seen % 2 ? back : there, seen % 2 ? sizeof back : sizeof there);
        assert_int_equal(frame.link, seen % 2 ? 2 : 1);
        assert_int_equal(frame.to_link, seen % 2 ? 1 : 2);
        seen++;
    }
    assert_int_equal(seen, 2 * KINDS);
    end_run(&run);
}

/* A capture of so many frames, the last of which belongs `places` before its end. */
static const char *write_late(uint32_t count, uint32_t places)
{
    struct pcap pcap = pcap_begin("late.pcap");
    uint8_t frame[256];
    uint32_t size;

    for (uint32_t i = 0; i < count; i++) {
        int64_t us = i + 1 < count ? 2 * (int64_t)i : 2 * ((int64_t)count - 1 - places) - 1;

        size = make_frame(frame, 0, "10.0.0.3", "10.9.0.66", (uint32_t)us, 32);
        pcap_put(&pcap, (us + 1000) * NS_PER_US, frame, size, size);
    }
    pcap_end(&pcap);
    return pcap.path;
}

static void test_order(void **state)
{
    struct run good = { .overlay_count = 0 };
    struct run bad = { .overlay_count = 0 };
    uint8_t room[FRAME_MAX_BYTES];
    struct error err = { "" };
    struct frame frame;
    int64_t begin_ns = -1;
    uint32_t seen = 0;

    (void)state;
    add_overlay(&good, write_late(1000, OVERLAY_WINDOW), at_ten(1), 1);
    begin_run(&good, 60, 1);
    while (frame_source_next(&good.frames, room, &frame, &err) == 1) {
        int64_t us;

        if (frame.length != 18 + 28 + 32 || wire_get_u16(room + 38) != 4000)
            continue;
        us = wire_get_u32(room + 46);
        begin_ns = begin_ns < 0 ? frame.due.ns : begin_ns;
        assert_int_equal(frame.due.ns, begin_ns + us * NS_PER_US);
        seen++;
    }
    assert_int_equal(seen, 1000);
    end_run(&good);
    add_overlay(&bad, write_late(1000, OVERLAY_WINDOW + 1), at_ten(1), 1);
    assert_null(try_scenario(&bad, 60, 1, &err));
    if (strstr(err.text, "late.pcap: frame 1000 is 1.00 us older than frame 743, more than 256 frames before it") == NULL)
        fail_msg("%s", err.text);
    end_run(&bad);
}

/* None of these is played, none ends the program, and each has one message. */
static void test_hostile(void **state)
{
    struct pcap pcap;
    uint8_t bytes[4096];
    uint32_t size = make_frame(bytes + 40, 0, "10.9.0.66", "10.0.0.1", MARK, 32);
    size_t whole;
    FILE *file;

    (void)state;
    pcap = pcap_begin("whole.pcap");
    pcap_put(&pcap, 0, bytes + 40, size, size);
    pcap_put(&pcap, 1, bytes + 40, size, size);
    pcap_end(&pcap);
    file = fopen(pcap.path, "rb");
    whole = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (size_t cut = 0; cut < whole; cut++) {
        struct run run = { .overlay_count = 0 };
        struct error err = { "" };
        bool is_good = cut == 24 + 16 + size;
        const char *path = scratch_path("cut.pcap");

        file = fopen(path, "wb");
        fwrite(bytes, 1, cut, file);
        fclose(file);
        add_overlay(&run, path, at_ten(1), 1);
        if ((try_scenario(&run, 60, 1, &err) != NULL) != is_good)
            fail_msg("cut at %zu: %s", cut, err.text);
        assert_true(is_good || strstr(err.text, "cut.pcap: ") != NULL);
        end_run(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readdress_is_rebuilding),
        cmocka_unit_test(test_readdress_keeps_wrong_checksums),
        cmocka_unit_test(test_readdress_of_cut_packets),
        cmocka_unit_test(test_readdress_needs_all_addresses),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_addresses_of_one_family),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_place_in_time),
        cmocka_unit_test(test_speeds),
        cmocka_unit_test(test_comes),
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_left_out_in_time),
        cmocka_unit_test(test_steering),
        cmocka_unit_test(test_finish),
        cmocka_unit_test(test_what_is_left_out),
        cmocka_unit_test(test_multicast),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
