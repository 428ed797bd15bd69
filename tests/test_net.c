#include "support.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "net/decode.h"
#include "net/ip_address.h"
#include "net/wire.h"

enum { PAYLOAD_BYTES = 7, TCP_WITH_MSS_BYTES = 24 };

/* A frame under construction. */
struct bytes {
    uint8_t at[512];
    size_t size;
};

static void put(struct bytes *b, const void *from, size_t size)
{
    assert_true(b->size + size <= sizeof b->at);
    memcpy(b->at + b->size, from, size);
    b->size += size;
}

static void put_zeros(struct bytes *b, size_t size)
{
    static const uint8_t zeros[128];

    put(b, zeros, size);
}

static void put_u8(struct bytes *b, uint8_t value)
{
    put(b, &value, sizeof value);
}

static void put_u16(struct bytes *b, uint16_t value)
{
    uint8_t wire[2];

    wire_put_u16(wire, value);
    put(b, wire, sizeof wire);
}

static void put_u32(struct bytes *b, uint32_t value)
{
    uint8_t wire[4];

    wire_put_u32(wire, value);
    put(b, wire, sizeof wire);
}

static void put_ethernet(struct bytes *b, uint16_t type)
{
    put_zeros(b, 12);
    put_u16(b, type);
}

static void put_tag(struct bytes *b, uint16_t type)
{
    put_u16(b, 5); /* VLAN 5 */
    put_u16(b, type);
}

/* 10.0.0.1 to 192.0.2.2, TTL 63; `offset` is the field with the flags. */
static void put_ipv4(struct bytes *b, uint8_t protocol, uint16_t total, uint16_t offset)
{
    put_u16(b, 0x4500);
    put_u16(b, total);
    put_u16(b, 77);
    put_u16(b, offset);
    put_u8(b, 63);
    put_u8(b, protocol);
    put_u16(b, 0);
    put_u32(b, 0x0a000001);
    put_u32(b, 0xc0000202);
}

/* 2001:db8::1 to 2001:db8::2, hop limit 62. */
static void put_ipv6(struct bytes *b, uint8_t next, uint16_t payload_bytes)
{
    static const uint8_t prefix[15] = { 0x20, 0x01, 0x0d, 0xb8 };

    put_u32(b, 0x60000000);
    put_u16(b, payload_bytes);
    put_u8(b, next);
    put_u8(b, 62);
    for (uint8_t host = 1; host <= 2; host++) {
        put(b, prefix, sizeof prefix);
        put_u8(b, host);
    }
}

/* 40000 to 443, with MSS 1400 behind a NOP-padded option. */
static void put_tcp(struct bytes *b, uint8_t flags)
{
    put_u16(b, 40000);
    put_u16(b, 443);
    put_u32(b, 0x01020304);
    put_u32(b, 0x05060708);
    put_u8(b, TCP_WITH_MSS_BYTES / 4 << 4);
    put_u8(b, flags);
    put_u16(b, 8192);
    put_u32(b, 0);
    put_u32(b, 0x02040000 | 1400);
}

static void put_udp(struct bytes *b, uint16_t udp_bytes)
{
    put_u16(b, 5353);
    put_u16(b, 53);
    put_u16(b, udp_bytes);
    put_u16(b, 0);
}

static void put_icmp(struct bytes *b, uint8_t type)
{
    put_u8(b, type);
    put_u8(b, 0);
    put_u16(b, 0);
    put_u16(b, 0xbeef);
    put_u16(b, 1);
}

static enum decode_result decode(enum decode_link link, const struct bytes *b,
                                 struct packet_view *view)
{
    return decode_frame(link, b->at, b->size, b->size, view);
}

/* Frames that all hold the same segment: TCP, SYN, MSS, 7 bytes of payload. */

static const size_t ipv4_bytes = 20 + TCP_WITH_MSS_BYTES + PAYLOAD_BYTES;

static void put_segment_v4(struct bytes *b)
{
    put_ipv4(b, IP_TCP, (uint16_t)ipv4_bytes, 0x4000);
    put_tcp(b, TCP_SYN);
    put_zeros(b, PAYLOAD_BYTES);
}

static void put_segment_v6(struct bytes *b)
{
    put_ipv6(b, IP_TCP, TCP_WITH_MSS_BYTES + PAYLOAD_BYTES);
    put_tcp(b, TCP_SYN);
    put_zeros(b, PAYLOAD_BYTES);
}

static void build_ethernet(struct bytes *b)
{
    put_ethernet(b, 0x0800);
    put_segment_v4(b);
}

static void build_ethernet_v6(struct bytes *b)
{
    put_ethernet(b, 0x86dd);
    put_segment_v6(b);
}

static void build_vlan(struct bytes *b)
{
    put_ethernet(b, 0x8100);
    put_tag(b, 0x0800);
    put_segment_v4(b);
}

static void build_qinq(struct bytes *b)
{
    put_ethernet(b, 0x88a8);
    put_tag(b, 0x8100);
    put_tag(b, 0x86dd);
    put_segment_v6(b);
}

static void build_old_qinq(struct bytes *b)
{
    put_ethernet(b, 0x9100);
    put_tag(b, 0x8100);
    put_tag(b, 0x0800);
    put_segment_v4(b);
}

static void build_sll(struct bytes *b)
{
    put_zeros(b, 14);
    put_u16(b, 0x0800);
    put_segment_v4(b);
}

static void build_sll_vlan(struct bytes *b)
{
    put_zeros(b, 14);
    put_u16(b, 0x8100);
    put_tag(b, 0x86dd);
    put_segment_v6(b);
}

static void build_sll2(struct bytes *b)
{
    put_u16(b, 0x86dd);
    put_zeros(b, 18);
    put_segment_v6(b);
}

static void build_null_little(struct bytes *b)
{
    put_u32(b, 0x02000000);
    put_segment_v4(b);
}

static void build_null_big(struct bytes *b)
{
    put_u32(b, 2);
    put_segment_v4(b);
}

static void build_null_darwin(struct bytes *b)
{
    put_u32(b, 0x1e000000);
    put_segment_v6(b);
}

static void build_loop_v6(struct bytes *b)
{
    put_u32(b, 24);
    put_segment_v6(b);
}

static void build_options(struct bytes *b)
{
    put_ethernet(b, 0x0800);
    put_ipv4(b, IP_TCP, (uint16_t)(ipv4_bytes + 8), 0);
    b->at[14] = 0x47;
    put_zeros(b, 8);
    put_tcp(b, TCP_SYN);
    put_zeros(b, PAYLOAD_BYTES);
}

static void build_extensions(struct bytes *b)
{
    put_ethernet(b, 0x86dd);
    put_ipv6(b, 0, 8 + 16 + 12 + 8 + TCP_WITH_MSS_BYTES + PAYLOAD_BYTES);
    put_u16(b, 60 << 8); /* hop by hop, 8 bytes */
    put_zeros(b, 6);
    put_u16(b, 51 << 8 | 1); /* destination, 16 bytes */
    put_zeros(b, 14);
    put_u16(b, 44 << 8 | 1); /* authentication, 12 bytes */
    put_zeros(b, 10);
    put_u16(b, IP_TCP << 8); /* a fragment that is the whole packet */
    put_zeros(b, 6);
    put_tcp(b, TCP_SYN);
    put_zeros(b, PAYLOAD_BYTES);
}

static void build_padded(struct bytes *b)
{
    build_ethernet(b);
    put_zeros(b, 40);
}

static const struct {
    const char *name;
    enum decode_link link;
    void (*build)(struct bytes *b);
    uint32_t ip_bytes;
    uint8_t ttl;
    size_t headers; /* up to the 20th byte of TCP: what a snaplen may not cut */
} segments[] = {
    { "Ethernet", DECODE_ETHERNET, build_ethernet, 51, 63, 54 },
    { "Ethernet, IPv6", DECODE_ETHERNET, build_ethernet_v6, 71, 62, 74 },
    { "VLAN", DECODE_ETHERNET, build_vlan, 51, 63, 58 },
    { "QinQ", DECODE_ETHERNET, build_qinq, 71, 62, 82 },
    { "QinQ before 802.1ad", DECODE_ETHERNET, build_old_qinq, 51, 63, 62 },
    { "Linux cooked", DECODE_LINUX_SLL, build_sll, 51, 63, 56 },
    { "Linux cooked, VLAN", DECODE_LINUX_SLL, build_sll_vlan, 71, 62, 80 },
    { "Linux cooked 2", DECODE_LINUX_SLL2, build_sll2, 71, 62, 80 },
    { "raw IPv4", DECODE_RAW_IP, put_segment_v4, 51, 63, 40 },
    { "raw IPv6", DECODE_RAW_IP, put_segment_v6, 71, 62, 60 },
    { "loopback of a small-endian host", DECODE_NULL, build_null_little, 51, 63, 44 },
    { "loopback of a big-endian host", DECODE_NULL, build_null_big, 51, 63, 44 },
    { "loopback of Darwin, IPv6", DECODE_NULL, build_null_darwin, 71, 62, 64 },
    { "loopback of OpenBSD, IPv6", DECODE_LOOP, build_loop_v6, 71, 62, 64 },
    { "IPv4 options", DECODE_ETHERNET, build_options, 59, 63, 62 },
    { "IPv6 extensions", DECODE_ETHERNET, build_extensions, 115, 62, 118 },
    { "padding", DECODE_ETHERNET, build_padded, 51, 63, 54 },
};

enum { SEGMENTS = sizeof segments / sizeof segments[0] };

static void assert_segment(const struct packet_view *view, size_t i, bool options)
{
    struct ip_address source;
    struct ip_address destination;

    ip_address_parse(&source, segments[i].ttl == 63 ? "10.0.0.1" : "2001:db8::1");
    ip_address_parse(&destination, segments[i].ttl == 63 ? "192.0.2.2" : "2001:db8::2");
    assert_true(ip_address_equal(&view->source, &source));
    assert_true(ip_address_equal(&view->destination, &destination));
    assert_int_equal(view->protocol, IP_TCP);
    assert_int_equal(view->ttl, segments[i].ttl);
    assert_int_equal(view->source_port, 40000);
    assert_int_equal(view->destination_port, 443);
    assert_int_equal(view->tcp_flags, TCP_SYN);
    assert_int_equal(view->tcp_mss, options ? 1400 : 0);
    assert_int_equal(view->tcp_window, 8192);
    assert_int_equal(view->tcp_sequence, 0x01020304);
    assert_int_equal(view->tcp_acknowledgement, 0x05060708);
    assert_int_equal(view->ip_bytes, segments[i].ip_bytes);
    assert_int_equal(view->payload_bytes, PAYLOAD_BYTES);
}

static void test_segments(void **state)
{
    (void)state;
    for (size_t i = 0; i < SEGMENTS; i++) {
        struct bytes frame = { .size = 0 };
        struct packet_view view = { .time = { 42 } };

        segments[i].build(&frame);
        if (decode(segments[i].link, &frame, &view) != DECODE_OK)
            fail_msg("%s does not decode", segments[i].name);
        assert_segment(&view, i, true);
        assert_int_equal(view.time.ns, 42);
    }
}

/* The bytes lie at the end of an allocation of their size, where a sanitizer sees what is read. */
static enum decode_result decode_prefix(enum decode_link link, const struct bytes *frame,
                                        size_t captured, size_t original, struct packet_view *view)
{
    uint8_t *copy = malloc(captured > 0 ? captured : 1);
    enum decode_result result;

    assert_non_null(copy);
    memcpy(copy, frame->at, captured);
    result = decode_frame(link, copy, captured, original, view);
    free(copy);
    return result;
}

static void test_snapped_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < SEGMENTS; i++) {
        struct bytes frame = { .size = 0 };

        segments[i].build(&frame);
        for (size_t captured = 0; captured <= frame.size; captured++) {
            struct packet_view view = { 0 };
            enum decode_result result = decode_prefix(segments[i].link, &frame, captured,
                                                      frame.size, &view);
            enum decode_result expected = captured < segments[i].headers ? DECODE_CUT : DECODE_OK;

            if (result != expected)
                fail_msg("%s snapped at %zu: %s", segments[i].name, captured,
                         decode_result_name(result));
            if (result == DECODE_OK)
                assert_segment(&view, i, captured >= segments[i].headers + 4);
        }
    }
}

static void test_short_on_the_wire_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < SEGMENTS; i++) {
        struct bytes frame = { .size = 0 };
        size_t whole;

        segments[i].build(&frame);
        whole = segments[i].headers + 4 + PAYLOAD_BYTES;
        for (size_t size = 0; size < whole; size++) {
            struct packet_view view = { 0 };
            enum decode_result result = decode_prefix(segments[i].link, &frame, size, size, &view);

            if (result != DECODE_MALFORMED)
                fail_msg("%s of %zu bytes: %s", segments[i].name, size,
                         decode_result_name(result));
        }
    }
}

static void test_original_below_captured(void **state)
{
    struct bytes frame = { .size = 0 };
    struct packet_view view;

    (void)state;
    build_ethernet(&frame);
    assert_int_equal(decode_frame(DECODE_ETHERNET, frame.at, frame.size, 3, &view), DECODE_OK);
    assert_segment(&view, 0, true);
}

/* Lengths of 0 that offloading leaves: what the frame holds counts. */
static void test_offloaded(void **state)
{
    struct bytes frame = { .size = 0 };
    struct packet_view view;

    (void)state;
    build_ethernet(&frame);
    wire_put_u16(frame.at + 16, 0);
    assert_int_equal(decode_frame(DECODE_ETHERNET, frame.at, frame.size, 30014, &view), DECODE_OK);
    assert_int_equal(view.ip_bytes, 30000);
    assert_int_equal(view.payload_bytes, 30000 - 44);

    frame.size = 0;
    build_ethernet_v6(&frame);
    wire_put_u16(frame.at + 18, 0);
    assert_int_equal(decode_frame(DECODE_ETHERNET, frame.at, frame.size, 70014, &view), DECODE_OK);
    assert_int_equal(view.ip_bytes, 70000);
    assert_int_equal(view.payload_bytes, 70000 - 64);
}

/* A small change to a good frame, and what becomes of it. */
static const struct {
    const char *name;
    void (*build)(struct bytes *b);
    size_t offset;
    uint8_t value;
    enum decode_result expected;
} changes[] = {
    { "nothing", build_ethernet, 14, 0x45, DECODE_OK },
    { "ARP", build_ethernet, 13, 0x06, DECODE_NOT_IP },
    { "a length for a type", build_ethernet, 12, 0x00, DECODE_NOT_IP },
    { "ARP behind a tag", build_vlan, 17, 0x06, DECODE_NOT_IP },
    { "version 5", build_ethernet, 14, 0x55, DECODE_MALFORMED },
    { "version 4 in IPv6", build_ethernet_v6, 14, 0x45, DECODE_MALFORMED },
    { "header of 16 bytes", build_ethernet, 14, 0x44, DECODE_MALFORMED },
    { "header beyond the packet", build_ethernet, 14, 0x4f, DECODE_MALFORMED },
    { "packet shorter than its header", build_ethernet, 17, 19, DECODE_MALFORMED },
    { "packet longer than the frame", build_ethernet, 17, 52, DECODE_MALFORMED },
    { "payload longer than the frame", build_ethernet_v6, 19, 32, DECODE_MALFORMED },
    { "no room for TCP", build_ethernet, 17, 39, DECODE_MALFORMED },
    { "TCP of 16 bytes", build_ethernet, 46, 0x40, DECODE_MALFORMED },
    { "TCP beyond the packet", build_ethernet, 46, 0x80, DECODE_MALFORMED },
    { "ESP", build_ethernet, 23, 50, DECODE_OTHER_IP },
    { "IPv6 in IPv4", build_ethernet, 23, 41, DECODE_OTHER_IP },
    { "ICMPv6 in IPv4", build_ethernet, 23, IP_ICMPV6, DECODE_OTHER_IP },
    { "ICMP in IPv6", build_ethernet_v6, 20, IP_ICMP, DECODE_OTHER_IP },
    { "no next header", build_ethernet_v6, 20, 59, DECODE_OTHER_IP },
    { "later fragment", build_ethernet, 21, 1, DECODE_FRAGMENT },
    { "last fragment", build_ethernet, 20, 0x1f, DECODE_FRAGMENT },
    { "fragment behind 32 KiB", build_ethernet, 20, 0x10, DECODE_FRAGMENT },
    { "first fragment", build_ethernet, 20, 0x20, DECODE_OK },
    { "later fragment of IPv6", build_extensions, 93, 0x08, DECODE_FRAGMENT },
    { "first fragment of IPv6", build_extensions, 93, 0x01, DECODE_OK },
    { "extension beyond the packet", build_extensions, 55, 200, DECODE_MALFORMED },
};

static void test_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct bytes frame = { .size = 0 };
        struct packet_view view;
        enum decode_result result;

        changes[i].build(&frame);
        frame.at[changes[i].offset] = changes[i].value;
        result = decode(DECODE_ETHERNET, &frame, &view);
        if (result != changes[i].expected)
            fail_msg("%s: %s", changes[i].name, decode_result_name(result));
    }
}

static void test_unknown_loopback_family(void **state)
{
    struct bytes frame = { .size = 0 };
    struct packet_view view;

    (void)state;
    put_u32(&frame, 7);
    put_segment_v4(&frame);
    assert_int_equal(decode(DECODE_LOOP, &frame, &view), DECODE_NOT_IP);
}

/* Options that lie about their length must neither hang nor read on. */
static void test_hostile_tcp_options(void **state)
{
    static const struct {
        uint8_t options[4];
        uint16_t mss;
    } cases[] = {
        { { 2, 4, 0x05, 0xb4 }, 1460 }, { { 1, 1, 1, 1 }, 0 },      { { 0, 4, 5, 180 }, 0 },
        { { 8, 0, 2, 4 }, 0 },          { { 8, 1, 2, 4 }, 0 },      { { 8, 255, 2, 4 }, 0 },
        { { 1, 2, 4, 5 }, 0 },          { { 1, 1, 1, 2 }, 0 },      { { 2, 3, 5, 180 }, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes frame = { .size = 0 };
        struct packet_view view;

        build_ethernet(&frame);
        memcpy(frame.at + 54, cases[i].options, 4);
        assert_int_equal(decode_prefix(DECODE_ETHERNET, &frame, 58, frame.size, &view), DECODE_OK);
        assert_int_equal(view.tcp_mss, cases[i].mss);
    }
}

static void test_mss_only_of_a_syn(void **state)
{
    struct bytes frame = { .size = 0 };
    struct packet_view view;

    (void)state;
    build_ethernet(&frame);
    frame.at[47] = TCP_ACK;
    assert_int_equal(decode(DECODE_ETHERNET, &frame, &view), DECODE_OK);
    assert_int_equal(view.tcp_mss, 0);
}

/* Payload of a SYN that looks like the option is none. */
static void test_mss_only_of_the_options(void **state)
{
    struct bytes frame = { .size = 0 };
    struct packet_view view;

    (void)state;
    build_ethernet(&frame);
    frame.at[46] = 5 << 4;
    assert_int_equal(decode(DECODE_ETHERNET, &frame, &view), DECODE_OK);
    assert_int_equal(view.payload_bytes, PAYLOAD_BYTES + 4);
    assert_int_equal(view.tcp_mss, 0);
}

static void test_udp_lengths(void **state)
{
    static const struct {
        const char *name;
        uint16_t fragment, udp_bytes;
        enum decode_result expected;
        uint32_t payload_bytes;
    } cases[] = {
        { "whole", 0, 8 + 30, DECODE_OK, 30 },
        { "less than IP", 0, 8 + 12, DECODE_OK, 12 },
        { "empty", 0, 8, DECODE_OK, 0 },
        { "0 by offloading", 0, 0, DECODE_OK, 30 },
        { "shorter than its header", 0, 7, DECODE_MALFORMED, 0 },
        { "more than IP", 0, 8 + 31, DECODE_MALFORMED, 0 },
        { "first fragment of more", 0x2000, 4000, DECODE_OK, 30 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes frame = { .size = 0 };
        struct packet_view view;

        put_ethernet(&frame, 0x0800);
        put_ipv4(&frame, IP_UDP, 20 + 8 + 30, cases[i].fragment);
        put_udp(&frame, cases[i].udp_bytes);
        put_zeros(&frame, 30);
        if (decode(DECODE_ETHERNET, &frame, &view) != cases[i].expected)
            fail_msg("UDP length %s", cases[i].name);
        if (cases[i].expected != DECODE_OK)
            continue;
        assert_int_equal(view.source_port, 5353);
        assert_int_equal(view.destination_port, 53);
        assert_int_equal(view.ip_bytes, 58);
        assert_int_equal(view.payload_bytes, cases[i].payload_bytes);
    }
}

static void test_echo_has_one_tuple(void **state)
{
    static const struct {
        bool v6;
        uint8_t type;
        enum decode_result expected;
        uint16_t source_port, destination_port;
    } cases[] = {
        { false, 8, DECODE_OK, 0xbeef, 8 << 8 },     { false, 0, DECODE_OK, 8 << 8, 0xbeef },
        { true, 128, DECODE_OK, 0xbeef, 128 << 8 },  { true, 129, DECODE_OK, 128 << 8, 0xbeef },
        { false, 3, DECODE_OTHER_IP, 0, 0 },         { true, 135, DECODE_OTHER_IP, 0, 0 },
        { true, 8, DECODE_OTHER_IP, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes packet = { .size = 0 };
        struct packet_view view;

        if (cases[i].v6)
            put_ipv6(&packet, IP_ICMPV6, 8 + 56);
        else
            put_ipv4(&packet, IP_ICMP, 20 + 8 + 56, 0);
        put_icmp(&packet, cases[i].type);
        put_zeros(&packet, 56);
        assert_int_equal(decode(DECODE_RAW_IP, &packet, &view), cases[i].expected);
        if (cases[i].expected != DECODE_OK)
            continue;
        assert_int_equal(view.icmp_type, cases[i].type);
        assert_int_equal(view.source_port, cases[i].source_port);
        assert_int_equal(view.destination_port, cases[i].destination_port);
        assert_int_equal(view.payload_bytes, 56);
    }
}

static void test_every_byte_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < SEGMENTS; i++) {
        struct bytes frame = { .size = 0 };

        segments[i].build(&frame);
        for (size_t at = 0; at < frame.size; at++) {
            uint8_t kept = frame.at[at];

            for (unsigned value = 0; value < 256; value++) {
                struct packet_view view = { 0 };

                frame.at[at] = (uint8_t)value;
                if (decode_prefix(segments[i].link, &frame, frame.size, frame.size, &view) !=
                    DECODE_OK)
                    continue;
                assert_true(view.ip_bytes <= frame.size);
                assert_true(view.payload_bytes < view.ip_bytes);
            }
            frame.at[at] = kept;
        }
    }
}

static void test_address_text(void **state)
{
    static const struct {
        const char *text, *formatted; /* NULL: refused */
        bool v4;
    } cases[] = {
        { "10.1.2.3", "10.1.2.3", true },    { "255.255.255.255", "255.255.255.255", true },
        { "::1", "::1", false },             { "2001:DB8:0:0::5", "2001:db8::5", false },
        { "::ffff:1.2.3.4", "1.2.3.4", true }, { "10.1.2", NULL, false },
        { "10.1.2.256", NULL, false },       { "host", NULL, false },
        { "", NULL, false },                 { "1::2::3", NULL, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[IP_ADDRESS_TEXT];
        struct ip_address a;

        assert_int_equal(ip_address_parse(&a, cases[i].text), cases[i].formatted ? 0 : -1);
        if (cases[i].formatted == NULL)
            continue;
        assert_string_equal(ip_address_format(&a, text), cases[i].formatted);
        assert_int_equal(ip_address_is_v4(&a), cases[i].v4);
    }
}

static void test_address_v4(void **state)
{
    struct ip_address a = ip_address_from_v4(0xc0a80105);
    char text[IP_ADDRESS_TEXT];

    (void)state;
    assert_string_equal(ip_address_format(&a, text), "192.168.1.5");
    assert_int_equal(ip_address_to_v4(&a), 0xc0a80105);
}

static void test_address_kinds(void **state)
{
    static const struct {
        const char *text;
        bool group, private;
    } cases[] = {
        { "8.8.8.8", false, false },          { "10.255.0.1", false, true },
        { "172.15.255.255", false, false },   { "172.16.0.0", false, true },
        { "172.31.255.255", false, true },    { "172.32.0.0", false, false },
        { "192.168.255.1", false, true },     { "192.169.0.1", false, false },
        { "100.64.0.1", false, true },        { "100.127.255.255", false, true },
        { "100.128.0.0", false, false },      { "169.254.1.1", false, true },
        { "223.255.255.255", false, false },  { "224.0.0.251", true, false },
        { "239.255.255.250", true, false },   { "240.0.0.1", false, false },
        { "255.255.255.255", true, false },   { "0.0.0.0", true, false },
        { "::", true, false },                { "ff02::fb", true, false },
        { "fe80::1", false, true },           { "febf::1", false, true },
        { "fec0::1", false, false },          { "fd00::1", false, true },
        { "2001:db8::1", false, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ip_address a;

        assert_int_equal(ip_address_parse(&a, cases[i].text), 0);
        if (ip_address_is_group(&a) != cases[i].group)
            fail_msg("%s: group", cases[i].text);
        if (ip_address_is_private(&a) != cases[i].private)
            fail_msg("%s: private", cases[i].text);
    }
}

static void test_network_parse(void **state)
{
    static const struct {
        const char *text;
        int prefix; /* -1: refused */
    } cases[] = {
        { "10.0.0.0/8", 104 },  { "10.0.0.1", 128 },     { "0.0.0.0/0", 96 },
        { "2001:db8::/32", 32 }, { "::/0", 0 },          { "::1", 128 },
        { "10.0.0.1/8", -1 },   { "10.0.0.0/33", -1 },   { "::/129", -1 },
        { "10.0.0.0/", -1 },    { "10.0.0.0/-1", -1 },   { "10.0.0.0/8x", -1 },
        { "10.0.0.0/ 8", -1 },  { "/8", -1 },            { "2001:db8::1/32", -1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ip_network network;
        int status = ip_network_parse(&network, cases[i].text);

        if (status != (cases[i].prefix < 0 ? -1 : 0))
            fail_msg("%s gives %d", cases[i].text, status);
        if (status == 0)
            assert_int_equal(network.prefix, cases[i].prefix);
    }
}

static void test_network_contains(void **state)
{
    static const struct {
        const char *network, *address;
        bool contains;
    } cases[] = {
        { "10.0.0.0/8", "10.255.255.255", true },  { "10.0.0.0/8", "11.0.0.0", false },
        { "10.1.4.0/22", "10.1.7.255", true },     { "10.1.4.0/22", "10.1.8.0", false },
        { "10.1.4.4/31", "10.1.4.5", true },       { "10.1.4.4/31", "10.1.4.6", false },
        { "0.0.0.0/0", "203.0.113.9", true },      { "0.0.0.0/0", "2001:db8::1", false },
        { "2001:db8::/33", "2001:db8:7fff::1", true },
        { "2001:db8::/33", "2001:db8:8000::1", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ip_network network;
        struct ip_address address;

        assert_int_equal(ip_network_parse(&network, cases[i].network), 0);
        assert_int_equal(ip_address_parse(&address, cases[i].address), 0);
        if (ip_network_contains(&network, &address) != cases[i].contains)
            fail_msg("%s and %s", cases[i].network, cases[i].address);
    }
}

static void test_network_overlaps(void **state)
{
    static const struct {
        const char *a, *b;
        bool overlaps;
    } cases[] = {
        { "10.0.0.0/8", "10.9.0.0/16", true },
        { "10.0.0.0/8", "11.0.0.0/8", false },
        { "10.0.0.0/8", "10.0.0.0/8", true },
        { "::/0", "10.0.0.0/8", true }, /* mapped addresses are IPv6 addresses */
        { "2001:db8::/32", "10.0.0.0/8", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ip_network a;
        struct ip_network b;

        assert_int_equal(ip_network_parse(&a, cases[i].a), 0);
        assert_int_equal(ip_network_parse(&b, cases[i].b), 0);
        assert_int_equal(ip_network_overlaps(&a, &b), cases[i].overlaps);
        assert_int_equal(ip_network_overlaps(&b, &a), cases[i].overlaps);
    }
}

static void test_checksum(void **state)
{
    /* The example of RFC 1071, section 3; and an IPv4 header with its checksum zeroed. */
    static const uint8_t words[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
    static const uint8_t header[] = { 0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40,
                                      0x00, 0x40, 0x11, 0x00, 0x00, 0xc0, 0xa8,
                                      0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7 };
    static const uint8_t odd[] = { 0x12, 0x34, 0x56 };

    (void)state;
    assert_int_equal(checksum_finish(checksum_add(0, words, sizeof words)), 0xffff ^ 0xddf2);
    assert_int_equal(checksum_finish(checksum_add(0, header, sizeof header)), 0xb861);
    assert_int_equal(checksum_finish(checksum_add(checksum_add(0, header, 12), header + 12, 8)),
                     0xb861);
    assert_int_equal(checksum_finish(checksum_add(0, odd, sizeof odd)), 0xffff ^ 0x6834);
    assert_int_equal(checksum_finish(0), 0xffff);
}

static void test_checksum_of_a_sum_with_its_checksum(void **state)
{
    uint8_t bytes[64] = { 0 };

    (void)state;
    for (size_t size = 2; size <= sizeof bytes; size += 2) {
        for (size_t i = 2; i < size; i++)
            bytes[i] = (uint8_t)(i * 37 + size);
        wire_put_u16(bytes, 0);
        wire_put_u16(bytes, checksum_finish(checksum_add(0, bytes, size)));
        assert_int_equal(checksum_finish(checksum_add(0, bytes, size)), 0);
    }
}

static void test_wire_numbers(void **state)
{
    uint8_t bytes[4];

    (void)state;
    wire_put_u32(bytes, 0x01020304);
    assert_memory_equal(bytes, "\1\2\3\4", 4);
    assert_int_equal(wire_get_u32(bytes), 0x01020304);
    assert_int_equal(wire_get_u16(bytes + 1), 0x0203);
    assert_true(seq_lt(1, 2));
    assert_false(seq_lt(2, 2));
    assert_true(seq_lt(0xfffffff0, 5));
    assert_false(seq_lt(5, 0xfffffff0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_snapped_at_every_byte),
        cmocka_unit_test(test_short_on_the_wire_at_every_byte),
        cmocka_unit_test(test_original_below_captured),
        cmocka_unit_test(test_offloaded),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_unknown_loopback_family),
        cmocka_unit_test(test_hostile_tcp_options),
        cmocka_unit_test(test_mss_only_of_a_syn),
        cmocka_unit_test(test_mss_only_of_the_options),
        cmocka_unit_test(test_udp_lengths),
        cmocka_unit_test(test_echo_has_one_tuple),
        cmocka_unit_test(test_every_byte_changed),
        cmocka_unit_test(test_address_text),
        cmocka_unit_test(test_address_v4),
        cmocka_unit_test(test_address_kinds),
        cmocka_unit_test(test_network_parse),
        cmocka_unit_test(test_network_contains),
        cmocka_unit_test(test_network_overlaps),
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_checksum_of_a_sum_with_its_checksum),
        cmocka_unit_test(test_wire_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
