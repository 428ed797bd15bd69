/*
 * Who answers on a link: ARP, neighbour discovery, pings, refusals; how many; and which frames the kernel hands on. All of
 * it in memory; test_neighbours.sh has real neighbours.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time_types.h"
#include "emit/address_walk.h"
#include "emit/arp.h"
#include "emit/ip_packet.h"
#include "emit/neighbour_discovery.h"
#include "emit/receive_filter.h"
#include "emit/responder.h"
#include "net/wire.h"

static const uint8_t host_mac[6] = { 0x02, 0x12, 0x34, 0x56, 0x78, 0x9a };
static const uint8_t peer_mac[6] = { 0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee };
static const uint8_t other_mac[6] = { 0x02, 0, 0, 0, 0, 1 };
static const uint8_t outside_mac[6] = { 0x02, 0, 0, 0, 0, 2 };
static const uint8_t broadcast_mac[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

#define HOST_IP UINT32_C(0xc6120001)      /* 198.18.0.1 */
#define ELSEWHERE_IP UINT32_C(0xc6120003) /* 198.18.0.3: on another link */
#define OUTSIDE_IP UINT32_C(0xc6130009)   /* 198.19.0.9 */
#define PEER_IP UINT32_C(0xc0000201)      /* 192.0.2.1: a real host */

static const struct ip_address host_ip6 = { { 0x20, 0x01, 0, 2, [13] = 0xaa, [14] = 0xbb, [15] = 0xcc } };
static const struct ip_address elsewhere_ip6 = { { 0x20, 0x01, 0, 2, [15] = 3 } };
static const struct ip_address peer_ip6 = { { 0xfe, 0x80, [15] = 7 } };
static const struct ip_address solicited_node = { { 0xff, 0x02, [11] = 1, 0xff, 0xaa, 0xbb, 0xcc } };
static const struct ip_address all_nodes = { { 0xff, 0x02, [15] = 1 } };
static const struct ip_address nobody;

enum { VLAN = 20, ROOM = 9014 };

static struct host_stack host_stack;
static struct answer_counts counts;
static struct address_claims claims;
static struct responder *responder;

static enum host_kind find(const void *self, const struct ip_address *address, uint16_t vlan, struct link_host *host)
{
    bool is_v4 = ip_address_is_v4(address);
    uint32_t v4 = is_v4 ? ip_address_to_v4(address) : 0;

    (void)self;
    if (v4 == ELSEWHERE_IP || ip_address_equal(address, &elsewhere_ip6))
        return HOST_ELSEWHERE;
    if (v4 != HOST_IP && v4 != OUTSIDE_IP && !ip_address_equal(address, &host_ip6))
        return HOST_NONE;
    if (vlan != VLAN)
        return HOST_ELSEWHERE;
    memcpy(host->mac, v4 == OUTSIDE_IP ? outside_mac : host_mac, sizeof host->mac);
    host->stack = host_stack;
    return v4 == OUTSIDE_IP ? HOST_OUTSIDE : HOST_VIRTUAL;
}

static int begin(void **state)
{
    struct responder_config config = { .hosts.find = find, .counts = &counts, .claims = &claims };

    (void)state;
    host_stack = (struct host_stack){ HOST_OS_LINUX, 64, IP_ID_COUNTER };
    memset(&counts, 0, sizeof counts);
    address_claims_init(&claims);
    memcpy(config.hosts.outside_mac, outside_mac, sizeof outside_mac);
    responder = responder_new(&config);
    return 0;
}

static int end(void **state)
{
    (void)state;
    responder_free(responder);
    address_claims_release(&claims);
    return 0;
}

/* ---- questions ---- */

static enum response response; /* what the last answer was */
static int64_t now_ns;         /* when it was asked for */
static bool is_unsummed;       /* by a kernel that leaves sums to the hardware */

/* In memory of exactly its size, so that a sanitizer sees a read behind the end. */
static size_t answer_in(uint16_t vlan, const uint8_t *frame, size_t size, uint8_t *reply)
{
    size_t most = size > REFUSAL_MOST_BYTES ? size : REFUSAL_MOST_BYTES;
    uint8_t *exact = malloc(size ? size : 1);
    uint8_t *room = malloc(most);
    struct responder_request request = { exact, size, vlan, now_ns, is_unsummed };
    size_t got;

    assert_non_null(exact);
    assert_non_null(room);
    memcpy(exact, frame, size);
    got = responder_answer(responder, &request, room, &response);
    assert_true(got <= most);
    memcpy(reply, room, got);
    free(exact);
    free(room);
    return got;
}

static size_t answer(const uint8_t *frame, size_t size, uint8_t *reply)
{
    return answer_in(VLAN, frame, size, reply);
}

/* One place changed at a time. */
struct change {
    const char *what;
    size_t at;
    size_t size;
    const void *bytes;
};

/* ---- ARP ---- */

static void fill_arp(uint8_t frame[60])
{
    memset(frame, 0, 60);
    arp_put_request(frame, peer_mac, PEER_IP, HOST_IP);
}

static void assert_arp_answer(const uint8_t *request, size_t size, const uint8_t *mac)
{
    static const uint8_t header[8] = { 0, 1, 8, 0, 6, 4, 0, 2 };
    uint8_t reply[60];

    assert_int_equal(answer(request, size, reply), ARP_FRAME_BYTES);
    assert_int_equal(response, RESPONSE_ARP);
    assert_memory_equal(reply, peer_mac, 6);
    assert_memory_equal(reply + 6, mac, 6);
    assert_int_equal(wire_get_u16(reply + 12), 0x0806);
    assert_memory_equal(reply + 14, header, sizeof header);
    assert_memory_equal(reply + 22, mac, 6);
    assert_memory_equal(reply + 28, request + 38, 4);
    assert_memory_equal(reply + 32, peer_mac, 6);
    assert_memory_equal(reply + 38, request + 28, 4);
}

static void test_arp_is_answered(void **state)
{
    uint8_t request[60];

    (void)state;
    fill_arp(request);
    assert_memory_equal(request, broadcast_mac, 6);
    assert_arp_answer(request, ARP_FRAME_BYTES, host_mac);
    assert_arp_answer(request, sizeof request, host_mac); /* padded to Ethernet's least */
    memcpy(request, host_mac, 6);                         /* a check of an old entry is unicast */
    assert_arp_answer(request, sizeof request, host_mac);
    wire_put_u32(request + 28, 0); /* "is this address free?", RFC 5227 */
    assert_arp_answer(request, sizeof request, host_mac);
    fill_arp(request);
    wire_put_u32(request + 38, OUTSIDE_IP);
    assert_arp_answer(request, sizeof request, outside_mac);
}

static void test_wrong_arp_is_ignored(void **state)
{
    static const struct change changes[] = {
        { "to another MAC", 0, 6, other_mac },
        { "to a multicast MAC", 0, 6, "\x01\x00\x5e\x00\x00\x01" },
        { "another EtherType", 12, 2, "\x86\xdd" },
        { "not Ethernet", 14, 2, "\x00\x06" },
        { "not IPv4", 16, 2, "\x08\x06" },
        { "MAC of 8 bytes", 18, 1, "\x08" },
        { "address of 16 bytes", 19, 1, "\x10" },
        { "a reply", 20, 2, "\x00\x02" },
        { "operation 257", 20, 2, "\x01\x01" },
        { "sender is broadcast", 22, 6, broadcast_mac },
        { "sender is nobody", 22, 6, "\0\0\0\0\0\0" },
        { "sender is the host itself", 22, 6, host_mac },
        { "an announcement", 28, 4, "\xc6\x12\x00\x01" },
        { "for another host", 38, 4, "\xc6\x12\x00\x02" },
        { "for a host on another link", 38, 4, "\xc6\x12\x00\x03" },
    };
    uint8_t request[60];
    uint8_t reply[60];

    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        fill_arp(request);
        memcpy(request + changes[i].at, changes[i].bytes, changes[i].size);
        if (answer(request, sizeof request, reply) != 0)
            fail_msg("%s: answered", changes[i].what);
    }
    fill_arp(request);
    for (size_t size = 0; size < ARP_FRAME_BYTES; size++)
        assert_int_equal(answer(request, size, reply), 0);
}

/* Noted once for each address, and counted for virtual hosts; a real host of the outside answers for itself. */
static void test_claims_are_noted(void **state)
{
    char text[ADDRESS_CLAIM_TEXT];
    struct address_claim claim;
    uint8_t frame[60] = { 0 };
    uint8_t reply[60];

    (void)state;
    arp_put_request(frame, host_mac, HOST_IP, HOST_IP); /* our own one, which came back */
    assert_int_equal(answer(frame, sizeof frame, reply), 0);
    assert_int_equal(claims.tables[CLAIM_VIRTUAL].count, 0);
    for (int i = 0; i < 3; i++) {
        arp_put_request(frame, peer_mac, HOST_IP, HOST_IP + 77);
        assert_int_equal(answer(frame, sizeof frame, reply), 0);
    }
    assert_int_equal(address_claims_take_untold(&claims, CLAIM_VIRTUAL, &claim), 1);
    assert_int_equal(address_claims_take_untold(&claims, CLAIM_VIRTUAL, &claim), 0);
    assert_int_equal(counts.conflicts, 1);
    assert_string_equal(address_claim_format(&claim, text), "198.18.0.1 (02:aa:bb:cc:dd:ee)");
    fill_arp(frame);
    assert_arp_answer(frame, sizeof frame, host_mac); /* goes on */

    arp_put_request(frame, peer_mac, OUTSIDE_IP, HOST_IP);
    assert_arp_answer(frame, sizeof frame, host_mac);
    assert_int_equal(address_claims_take_untold(&claims, CLAIM_OUTSIDE, &claim), 1);
    assert_int_equal(counts.conflicts, 1);
    arp_put_request(frame, peer_mac, PEER_IP, OUTSIDE_IP);
    assert_int_equal(answer(frame, sizeof frame, reply), 0);
}

/* ---- packets ---- */

/* An IP packet from the peer to the host, in a frame that is `size` bytes long with this payload. */
struct packet {
    uint8_t frame[ROOM];
    size_t size;
    bool is_v6;
};

static uint8_t *payload_of(struct packet *p)
{
    return p->frame + 14 + (p->is_v6 ? 40 : 20);
}

static size_t payload_bytes(const struct packet *p)
{
    return p->size - 14 - (p->is_v6 ? 40 : 20);
}

/* Recomputes the checksums of the header and, `at` bytes into the payload, of the protocol. */
static void seal(struct packet *p, size_t at)
{
    const uint8_t *ip = p->frame + 14;
    uint8_t *payload = payload_of(p);
    size_t bytes = payload_bytes(p);
    uint8_t protocol = ip[p->is_v6 ? 6 : 9];
    uint8_t rest[8] = { [2] = (uint8_t)(bytes >> 8), [3] = (uint8_t)bytes, [7] = protocol };
    uint64_t sum = 0;

    if (p->is_v6)
        sum = checksum_add(checksum_add(0, ip + 8, 32), rest, 8);
    else if (protocol != IP_ICMP)
        sum = checksum_add(checksum_add(0, ip + 12, 8), rest, 8);
    if (!p->is_v6) {
        wire_put_u16(p->frame + 24, 0);
        wire_put_u16(p->frame + 24, checksum_finish(checksum_add(0, ip, 20)));
    }
    wire_put_u16(payload + at, 0);
    wire_put_u16(payload + at, checksum_finish(checksum_add(sum, payload, bytes)));
}

static void fill_packet(struct packet *p, bool is_v6, uint8_t protocol, size_t bytes)
{
    uint8_t *ip = p->frame + 14;

    memset(p, 0, sizeof *p);
    p->is_v6 = is_v6;
    p->size = 14 + (is_v6 ? 40 : 20) + bytes;
    memcpy(p->frame, host_mac, 6);
    memcpy(p->frame + 6, peer_mac, 6);
    wire_put_u16(p->frame + 12, is_v6 ? 0x86dd : 0x0800);
    if (is_v6) {
        ip[0] = 0x60;
        wire_put_u16(ip + 4, (uint16_t)bytes);
        ip[6] = protocol;
        ip[7] = 3;
        memcpy(ip + 8, peer_ip6.bytes, 16);
        memcpy(ip + 24, host_ip6.bytes, 16);
        return;
    }
    ip[0] = 0x45;
    wire_put_u16(ip + 2, (uint16_t)(20 + bytes));
    wire_put_u16(ip + 4, 0xbeef);
    wire_put_u16(ip + 6, 0x4000);
    ip[8] = 3;
    ip[9] = protocol;
    wire_put_u32(ip + 12, PEER_IP);
    wire_put_u32(ip + 16, HOST_IP);
}

enum { PING_PAYLOAD = 37, ICMP_SUM = 2, TCP_SUM = 16, UDP_SUM = 6 };

static void fill_ping(struct packet *p, bool is_v6, size_t bytes)
{
    uint8_t *icmp;

    fill_packet(p, is_v6, is_v6 ? IP_ICMPV6 : IP_ICMP, 8 + bytes);
    icmp = payload_of(p);
    icmp[0] = is_v6 ? 128 : 8;
    wire_put_u32(icmp + 4, 0x1234004d);
    for (size_t i = 0; i < bytes; i++)
        icmp[8 + i] = (uint8_t)(i * 11);
    seal(p, ICMP_SUM);
}

/* `flags` with as many bytes of data. */
static void fill_segment(struct packet *p, bool is_v6, uint8_t flags, size_t bytes)
{
    uint8_t *tcp;

    fill_packet(p, is_v6, IP_TCP, 24 + bytes);
    tcp = payload_of(p);
    wire_put_u16(tcp, 40000);
    wire_put_u16(tcp + 2, 80);
    wire_put_u32(tcp + 4, 0xfffffffe); /* so that the sum wraps */
    wire_put_u32(tcp + 8, 0x01020304);
    tcp[12] = 6 << 4;
    tcp[13] = flags;
    wire_put_u32(tcp + 20, 0x020405b4);
    seal(p, TCP_SUM);
}

static void fill_datagram(struct packet *p, bool is_v6, size_t bytes)
{
    uint8_t *udp;

    fill_packet(p, is_v6, IP_UDP, 8 + bytes);
    udp = payload_of(p);
    wire_put_u16(udp, 40000);
    wire_put_u16(udp + 2, 9);
    wire_put_u16(udp + 4, (uint16_t)(8 + bytes));
    for (size_t i = 0; i < bytes; i++)
        udp[8 + i] = (uint8_t)(i * 7);
    seal(p, UDP_SUM);
}

/* What every answer to a packet has, and good checksums. Returns where its payload is. */
static const uint8_t *check_headers(const struct packet *p, const uint8_t *reply, size_t size, uint8_t protocol)
{
    struct ip_packet parsed;

    assert_memory_equal(reply, peer_mac, 6);
    assert_memory_equal(reply + 6, host_mac, 6);
    assert_true(ip_packet_parse(&parsed, reply, size));
    assert_int_equal(parsed.is_v6, p->is_v6);
    assert_int_equal(parsed.ip_bytes, size - 14);
    assert_int_equal(parsed.protocol, protocol);
    assert_int_equal(parsed.ttl, host_stack.ttl);
    assert_memory_equal(reply + 14 + (p->is_v6 ? 8 : 12), p->frame + 14 + (p->is_v6 ? 24 : 16), p->is_v6 ? 16 : 4);
    assert_memory_equal(reply + 14 + (p->is_v6 ? 24 : 16), p->frame + 14 + (p->is_v6 ? 8 : 12), p->is_v6 ? 16 : 4);
    assert_true(ip_packet_is_intact(&parsed));
    return parsed.payload;
}

/* ---- pings ---- */

static struct address_claim claim_of(enum claim_kind kind, uint32_t number)
{
    return (struct address_claim){ ip_address_from_v4((kind == CLAIM_VIRTUAL ? HOST_IP : OUTSIDE_IP) + number), { 2 }, kind };
}

/* Whoever makes up many of one kind: a new one is still seen, and those of the other kind stay. */
static void test_claims_are_bounded(void **state)
{
    enum { MANY = 3 * ADDRESS_CLAIMS_MOST + 7 };

    (void)state;
    for (int kind = 0; kind < CLAIM_KINDS; kind++) {
        enum claim_kind other = kind == CLAIM_VIRTUAL ? CLAIM_OUTSIDE : CLAIM_VIRTUAL;
        struct address_claim claim = claim_of(other, 0);

        address_claims_release(&claims);
        address_claims_init(&claims);
        assert_true(address_claims_add(&claims, &claim));
        for (uint32_t i = 0; i < MANY; i++) {
            claim = claim_of((enum claim_kind)kind, i);
            assert_true(address_claims_add(&claims, &claim));
            assert_false(address_claims_add(&claims, &claim));
        }
        for (uint32_t i = 0; i < MANY; i++) {
            claim = claim_of((enum claim_kind)kind, i);
            assert_int_equal(address_claims_has(&claims, &claim.address), i >= MANY - ADDRESS_CLAIMS_MOST);
        }
        assert_int_equal(address_claims_take_untold(&claims, (enum claim_kind)kind, &claim), MANY);
        assert_int_equal(ip_address_to_v4(&claim.address), kind == CLAIM_VIRTUAL ? HOST_IP : OUTSIDE_IP); /* the first */
        claim = claim_of(other, 0);
        assert_true(address_claims_has(&claims, &claim.address));
    }
}

static void test_pings_are_answered(void **state)
{
    static const size_t sizes[] = { 0, PING_PAYLOAD, 1472, 8972 - 20 };
    static struct packet p;
    static uint8_t reply[ROOM];

    (void)state;
    for (int i = 0; i < 2 * 4; i++) {
        size_t bytes = sizes[i / 2];
        const uint8_t *icmp;

        fill_ping(&p, i % 2, bytes);
        assert_int_equal(answer(p.frame, p.size, reply), p.size);
        assert_int_equal(response, RESPONSE_ECHO);
        icmp = check_headers(&p, reply, p.size, p.is_v6 ? IP_ICMPV6 : IP_ICMP);
        assert_int_equal(icmp[0], p.is_v6 ? 129 : 0);
        assert_memory_equal(icmp + 4, payload_of(&p) + 4, 4 + bytes);
        assert_int_equal(answer(p.frame, p.size + 9, reply), p.size); /* with padding of Ethernet */
    }
}

/* What systems do differently: "don't fragment", and a code that is none. */
static void test_pings_show_the_system(void **state)
{
    static const struct {
        struct host_stack stack;
        bool has_df;
        uint8_t code;
    } rows[] = {
        { { HOST_OS_LINUX, 64, IP_ID_COUNTER }, false, 9 },
        { { HOST_OS_LINUX, 64, IP_ID_ZERO }, true, 9 },
        { { HOST_OS_WINDOWS, 128, IP_ID_COUNTER }, false, 0 },
        { { HOST_OS_MACOS, 64, IP_ID_RANDOM }, true, 9 },
        { { HOST_OS_ROUTER, 255, IP_ID_RANDOM }, true, 9 },
    };
    static struct packet p;
    static uint8_t reply[ROOM];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        host_stack = rows[i].stack;
        fill_ping(&p, false, PING_PAYLOAD);
        payload_of(&p)[1] = 9;
        seal(&p, ICMP_SUM);
        assert_int_equal(answer(p.frame, p.size, reply), p.size);
        check_headers(&p, reply, p.size, IP_ICMP);
        assert_int_equal(wire_get_u16(reply + 20), rows[i].has_df ? 0x4000 : 0);
        assert_int_equal(reply[35], rows[i].code);
    }
}

/* Identifications by their kind: 0; one more each; and what nobody can foresee, here none twice in a row. */
static void test_identifications(void **state)
{
    static struct packet p;
    static uint8_t reply[ROOM];

    (void)state;
    fill_ping(&p, false, PING_PAYLOAD);
    for (enum ip_id_kind kind = IP_ID_ZERO; kind <= IP_ID_RANDOM; kind++) {
        uint16_t last = 0;
        int steps = 0;

        host_stack.ip_id = kind;
        for (int i = 0; i < 100; i++) {
            uint16_t id;

            assert_int_equal(answer(p.frame, p.size, reply), p.size);
            id = wire_get_u16(reply + 18);
            if (i > 0 && kind == IP_ID_ZERO)
                assert_int_equal(id, 0);
            steps += i > 0 && (uint16_t)(id - last) == 1;
            last = id;
        }
        assert_int_equal(steps, kind == IP_ID_COUNTER ? 99 : 0);
    }
}

static void test_wrong_pings_are_ignored(void **state)
{
    static const struct change changes[] = {
        { "to another MAC", 0, 6, other_mac },
        { "to broadcast", 0, 6, broadcast_mac },
        { "from a group MAC", 6, 6, "\x01\x00\x5e\x00\x00\x01" },
        { "VLAN", 12, 2, "\x81\x00" },
        { "version 6", 14, 1, "\x65" },
        { "header too short", 14, 1, "\x44" },
        { "header with options", 14, 1, "\x46" },
        { "longer than the frame", 16, 2, "\x00\x42" },
        { "shorter than its headers", 16, 2, "\x00\x13" },
        { "more fragments", 20, 2, "\x20\x00" },
        { "a later fragment", 20, 2, "\x00\x01" },
        { "from 0.0.0.0", 26, 4, "\0\0\0\0" },
        { "from loopback", 26, 4, "\x7f\0\0\1" },
        { "from multicast", 26, 4, "\xe0\0\0\1" },
        { "from broadcast", 26, 4, "\xff\xff\xff\xff" },
        { "from the host itself", 26, 4, "\xc6\x12\x00\x01" },
        { "from a host on another link", 26, 4, "\xc6\x12\x00\x03" },
        { "from the outside", 26, 4, "\xc6\x13\x00\x09" },
        { "to another host", 30, 4, "\xc6\x12\x00\x02" },
        { "to a group", 30, 4, "\xe0\0\0\1" },
        { "an echo reply", 34, 1, "\0" },
        { "unreachable", 34, 1, "\3" },
        { "a time-stamp request", 34, 1, "\x0d" },
    };
    static struct packet p;
    static uint8_t reply[ROOM];

    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        fill_ping(&p, false, PING_PAYLOAD);
        memcpy(p.frame + changes[i].at, changes[i].bytes, changes[i].size);
        seal(&p, ICMP_SUM);
        if (answer(p.frame, p.size, reply) != 0)
            fail_msg("%s: answered", changes[i].what);
    }
}

static void test_wrong_pings_of_ipv6_are_ignored(void **state)
{
    static const struct change changes[] = {
        { "to another MAC", 0, 6, other_mac },
        { "to a group MAC", 0, 6, "\x33\x33\0\0\0\1" },
        { "version 4", 14, 1, "\x45" },
        { "longer than the frame", 18, 2, "\x00\x42" },
        { "behind a header of options", 20, 1, "\0" },
        { "a fragment", 20, 1, "\x2c" },
        { "from ::", 22, 16, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" },
        { "from ::1", 22, 16, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1" },
        { "from a group", 22, 1, "\xff" },
        { "from a mapped address", 22, 16, "\0\0\0\0\0\0\0\0\0\0\xff\xff\1\2\3\4" },
        { "from the host itself", 22, 16, host_ip6.bytes },
        { "from a host on another link", 22, 16, elsewhere_ip6.bytes },
        { "to another host", 38, 1, "\x30" },
        { "to all nodes", 38, 16, all_nodes.bytes },
        { "an echo reply", 54, 1, "\x81" },
        { "unreachable", 54, 1, "\1" },
        { "a router advertisement", 54, 1, "\x86" },
    };
    static struct packet p;
    static uint8_t reply[ROOM];

    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        fill_ping(&p, true, PING_PAYLOAD);
        memcpy(p.frame + changes[i].at, changes[i].bytes, changes[i].size);
        seal(&p, ICMP_SUM);
        if (answer(p.frame, p.size, reply) != 0)
            fail_msg("%s: answered", changes[i].what);
    }
}

/* ---- refusals ---- */

/* RFC 9293, section 3.10.7.1, also where the sum of sequence number and length wraps. */
static void test_segments_are_reset(void **state)
{
    static const struct {
        uint8_t flags;
        size_t bytes;
        uint8_t reply_flags; /* 0: none */
        uint32_t sequence, acknowledgement;
    } rows[] = {
        { TCP_SYN, 0, TCP_RST | TCP_ACK, 0, 0xffffffff },
        { TCP_SYN, 100, TCP_RST | TCP_ACK, 0, 99 },
        { TCP_SYN | TCP_FIN, 0, TCP_RST | TCP_ACK, 0, 0 },
        { 0, 0, TCP_RST | TCP_ACK, 0, 0xfffffffe },
        { TCP_FIN | TCP_PSH | TCP_URG, 0, TCP_RST | TCP_ACK, 0, 0xffffffff },
        { TCP_ACK, 0, TCP_RST, 0x01020304, 0 },
        { TCP_SYN | TCP_ACK, 0, TCP_RST, 0x01020304, 0 },
        { TCP_FIN | TCP_ACK, 3, TCP_RST, 0x01020304, 0 },
        { TCP_RST, 0, 0, 0, 0 },
        { TCP_RST | TCP_ACK, 0, 0, 0, 0 },
    };
    static struct packet p;
    static uint8_t reply[ROOM];

    (void)state;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        size_t row = i / 2;
        const uint8_t *tcp;
        size_t got;

        fill_segment(&p, i % 2, rows[row].flags, rows[row].bytes);
        got = answer(p.frame, p.size, reply);
        if (rows[row].reply_flags == 0) {
            assert_int_equal(got, 0);
            continue;
        }
        assert_int_equal(response, RESPONSE_RESET);
        assert_int_equal(got, p.is_v6 ? 74 : 54);
        tcp = check_headers(&p, reply, got, IP_TCP);
        assert_int_equal(wire_get_u16(tcp), 80);
        assert_int_equal(wire_get_u16(tcp + 2), 40000);
        assert_int_equal(wire_get_u32(tcp + 4), rows[row].sequence);
        assert_int_equal(wire_get_u32(tcp + 8), rows[row].acknowledgement);
        assert_int_equal(tcp[12], 5 << 4);
        assert_int_equal(tcp[13], rows[row].reply_flags);
        assert_int_equal(wire_get_u32(tcp + 14) >> 16, 0); /* window */
    }
}

/* The quoted packet, as much of it as the system quotes and fits. */
/* Frames of the run that came back from a loop: whatever address they have outside, and whoever else has it by now. */
static void test_own_frames_are_ignored(void **state)
{
    static struct packet p, reply;
    uint8_t claim[60] = { 0 };

    (void)state;
    for (int is_v6 = 0; is_v6 < 2; is_v6++) {
        fill_segment(&p, is_v6, TCP_SYN, 0);
        assert_true(answer(p.frame, p.size, reply.frame) > 0);
        memcpy(p.frame + 6, outside_mac, 6);
        assert_int_equal(answer(p.frame, p.size, reply.frame), 0);
        fill_ping(&p, is_v6, 20);
        memcpy(p.frame + 6, outside_mac, 6);
        assert_int_equal(answer(p.frame, p.size, reply.frame), 0);
    }
    fill_segment(&p, false, TCP_SYN, 0);
    wire_put_u32(p.frame + 26, HOST_IP);
    seal(&p, TCP_SUM);
    arp_put_request(claim, peer_mac, HOST_IP, PEER_IP);
    assert_int_equal(answer(claim, sizeof claim, reply.frame), 0);
    assert_true(answer(p.frame, p.size, reply.frame) > 0); /* by who has it now */
    memcpy(p.frame + 6, host_mac, 6);
    assert_int_equal(answer(p.frame, p.size, reply.frame), 0);
}

static void test_datagrams_are_unreachable(void **state)
{
    static const struct {
        enum host_os os;
        bool is_v6;
        size_t bytes, quoted; /* of the datagram, and behind the IP header */
    } rows[] = {
        { HOST_OS_LINUX, false, 0, 8 },      { HOST_OS_LINUX, false, 300, 308 },
        { HOST_OS_LINUX, false, 1472, 528 }, { HOST_OS_MACOS, false, 300, 8 },
        { HOST_OS_WINDOWS, true, 300, 308 }, { HOST_OS_MACOS, true, 1400, 1280 - 40 - 8 - 40 },
    };
    static struct packet p;
    static uint8_t reply[ROOM];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t header = rows[i].is_v6 ? 40 : 20;
        const uint8_t *icmp;

        host_stack.os = rows[i].os;
        fill_datagram(&p, rows[i].is_v6, rows[i].bytes);
        assert_int_equal(answer(p.frame, p.size, reply), 14 + header + 8 + header + rows[i].quoted);
        assert_int_equal(response, RESPONSE_UNREACHABLE);
        icmp = check_headers(&p, reply, 14 + header + 8 + header + rows[i].quoted, p.is_v6 ? IP_ICMPV6 : IP_ICMP);
        assert_int_equal(icmp[0], p.is_v6 ? 1 : 3);
        assert_int_equal(icmp[1], p.is_v6 ? 4 : 3);
        assert_int_equal(wire_get_u32(icmp + 4), 0);
        assert_memory_equal(icmp + 8, p.frame + 14, header + rows[i].quoted);
    }
    assert_int_equal(wire_get_u32(reply + 14) >> 20, 0x600); /* IPv6, no class */
}

static void test_protocols_are_unknown(void **state)
{
    static const uint8_t discarded[] = { 0, 43, 44, 59, 60, IP_ICMPV6 };
    static struct packet p;
    static uint8_t reply[ROOM];
    size_t got;

    (void)state;
    fill_packet(&p, false, 132, 40);
    seal(&p, 0);
    got = answer(p.frame, p.size, reply);
    assert_int_equal(got, 14 + 20 + 8 + 60);
    check_headers(&p, reply, got, IP_ICMP);
    assert_int_equal(wire_get_u16(reply + 34), 0x0302);
    assert_int_equal(reply[15], 0xc0);
    fill_packet(&p, true, 132, 40);
    got = answer(p.frame, p.size, reply);
    assert_int_equal(got, 14 + 40 + 8 + 80);
    check_headers(&p, reply, got, IP_ICMPV6);
    assert_int_equal(wire_get_u16(reply + 54), 0x0401);
    assert_int_equal(wire_get_u32(reply + 58), 6);
    for (size_t i = 0; i < sizeof discarded; i++) {
        fill_packet(&p, true, discarded[i], 40);
        assert_int_equal(answer(p.frame, p.size, reply), 0);
    }
    fill_packet(&p, false, 2, 8); /* IGMP */
    seal(&p, 2);
    assert_int_equal(answer(p.frame, p.size, reply), 0);
}

static void test_damaged_transport_is_ignored(void **state)
{
    static struct packet p;
    static uint8_t reply[ROOM];

    (void)state;
    fill_segment(&p, false, TCP_SYN, 0);
    payload_of(&p)[12] = 4 << 4; /* a header that is too short */
    seal(&p, TCP_SUM);
    assert_int_equal(answer(p.frame, p.size, reply), 0);
    payload_of(&p)[12] = 7 << 4; /* ... and too long */
    seal(&p, TCP_SUM);
    assert_int_equal(answer(p.frame, p.size, reply), 0);
    fill_datagram(&p, false, 10);
    wire_put_u16(payload_of(&p) + 4, 19);
    seal(&p, UDP_SUM);
    assert_int_equal(answer(p.frame, p.size, reply), 0);
    for (int v6 = 0; v6 < 2; v6++) {
        fill_datagram(&p, v6, 10);
        wire_put_u16(payload_of(&p) + UDP_SUM, 0); /* none: lawful in IPv4 */
        assert_int_equal(answer(p.frame, p.size, reply) > 0, v6 == 0);
    }
}

/* From another namespace of the same machine. */
static void test_sums_that_are_still_to_be_made(void **state)
{
    static struct packet p;
    static uint8_t reply[ROOM];

    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        fill_segment(&p, v6, TCP_SYN, 0);
        payload_of(&p)[TCP_SUM] ^= 1;
        is_unsummed = false;
        assert_int_equal(answer(p.frame, p.size, reply), 0);
        is_unsummed = true;
        assert_int_equal(answer(p.frame, p.size, reply), v6 ? 74 : 54);
    }
    is_unsummed = false;
}

/* Cut at every byte, and every single wrong bit that a checksum covers. */
static void test_damage_is_ignored(void **state)
{
    static struct packet packets[7], changed;
    static uint8_t reply[ROOM];

    (void)state;
    host_stack.os = HOST_OS_WINDOWS; /* sends as many errors as are asked for */
    for (int v6 = 0; v6 < 2; v6++) {
        fill_ping(&packets[3 * v6], v6, PING_PAYLOAD);
        fill_segment(&packets[3 * v6 + 1], v6, TCP_SYN, 10);
        fill_datagram(&packets[3 * v6 + 2], v6, 10);
    }
    for (int i = 0; i < 6; i++) {
        size_t covered = packets[i].is_v6 ? 22 : 14; /* IPv6 has no checksum over the rest of its header */

        assert_true(answer(packets[i].frame, packets[i].size, reply) > 0);
        for (size_t size = 0; size < packets[i].size; size++)
            assert_int_equal(answer(packets[i].frame, size, reply), 0);
        for (size_t bit = covered * 8; bit < packets[i].size * 8; bit++) {
            changed = packets[i];
            changed.frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
            if (answer(changed.frame, changed.size, reply) != 0)
                fail_msg("packet %d, bit %zu: answered", i, bit);
        }
    }
}

/* ---- how many ---- */

static int errors_in(int64_t from_ns, int64_t step_ns, int count)
{
    static struct packet p;
    static uint8_t reply[ROOM];
    int sent = 0;

    fill_datagram(&p, false, 10);
    for (int i = 0; i < count; i++) {
        now_ns = from_ns + i * step_ns;
        sent += answer(p.frame, p.size, reply) > 0;
    }
    return sent;
}

/* A thousand datagrams in ten seconds. */
static void test_errors_are_as_many_as_the_system_sends(void **state)
{
    static const struct {
        enum host_os os;
        int least, most;
    } rows[] = {
        { HOST_OS_LINUX, 15, 16 },      /* six at once, then one a second */
        { HOST_OS_WINDOWS, 1000, 1000 },
        { HOST_OS_MACOS, 1000, 1000 },  /* 250 a second: all of 100 */
        { HOST_OS_ROUTER, 20, 21 },     /* two a second */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t withheld = counts.withheld;
        int sent;

        host_stack.os = rows[i].os;
        sent = errors_in((int64_t)(i + 1) * 1000 * NS_PER_SECOND, 10 * NS_PER_MS, 1000);
        assert_in_range(sent, rows[i].least, rows[i].most);
        assert_int_equal(counts.withheld - withheld, 1000 - sent);
    }
    host_stack.os = HOST_OS_MACOS;
    assert_in_range(errors_in(9000 * NS_PER_SECOND, NS_PER_MS, 1000), 490, 510);
}

/* One asker's share takes nothing from another one's, where the system counts by asker. */
static void test_errors_are_counted_by_asker(void **state)
{
    static struct packet p;
    static uint8_t reply[ROOM];
    int sent = 0;

    (void)state;
    now_ns = NS_PER_SECOND;
    for (uint32_t i = 0; i < 100; i++) {
        fill_datagram(&p, false, 10);
        wire_put_u32(p.frame + 26, PEER_IP + i);
        seal(&p, UDP_SUM);
        sent += answer(p.frame, p.size, reply) > 0;
    }
    assert_int_equal(sent, 100);
}

/* ---- neighbour discovery ---- */

static void assert_advertisement(const struct packet *p, bool is_probe)
{
    uint8_t reply[ROOM];
    struct neighbour_message said;
    struct ip_packet packet;

    assert_int_equal(answer(p->frame, p->size, reply), NEIGHBOUR_FRAME_BYTES);
    assert_int_equal(response, RESPONSE_ND);
    assert_true(ip_packet_parse(&packet, reply, NEIGHBOUR_FRAME_BYTES));
    assert_true(neighbour_message_parse(&said, &packet));
    assert_true(said.is_advertisement);
    assert_true(ip_address_equal(&said.target, &host_ip6));
    assert_true(ip_address_equal(&packet.source, &host_ip6));
    assert_true(ip_address_equal(&packet.destination, is_probe ? &all_nodes : &peer_ip6));
    assert_memory_equal(said.mac, host_mac, 6);
    assert_memory_equal(reply, is_probe ? (const uint8_t *)"\x33\x33\0\0\0\1" : peer_mac, 6);
    assert_int_equal(packet.payload[4], (is_probe ? 0x20 : 0x60) | (host_stack.os == HOST_OS_ROUTER ? 0x80 : 0));
}

static void fill_solicitation(struct packet *p)
{
    memset(p, 0, sizeof *p);
    p->is_v6 = true;
    p->size = NEIGHBOUR_FRAME_BYTES;
    neighbour_put_solicitation(p->frame, peer_mac, &peer_ip6, &host_ip6);
}

static void test_solicitations_are_answered(void **state)
{
    static struct packet p;

    (void)state;
    fill_solicitation(&p);
    assert_memory_equal(p.frame, "\x33\x33\xff\xaa\xbb\xcc", 6);
    assert_advertisement(&p, false);
    host_stack.os = HOST_OS_ROUTER;
    assert_advertisement(&p, false);
    memcpy(p.frame, host_mac, 6); /* whether it is still there (RFC 4861, section 7.3) */
    memcpy(p.frame + 38, host_ip6.bytes, 16);
    seal(&p, ICMP_SUM);
    assert_advertisement(&p, false);
    p.size = NEIGHBOUR_PROBE_BYTES;
    neighbour_put_probe(p.frame, peer_mac, &host_ip6);
    assert_advertisement(&p, true);
}

static void test_wrong_solicitations_are_ignored(void **state)
{
    static const struct change changes[] = {
        { "to another MAC", 0, 6, other_mac },
        { "from the host's own MAC", 6, 6, host_mac },
        { "from beyond a router", 21, 1, "\xfe" },
        { "from a group", 22, 1, "\xff" },
        { "from nobody, with a MAC", 22, 16, nobody.bytes },
        { "to all nodes", 38, 16, all_nodes.bytes },
        { "to another group", 53, 1, "\xcd" },
        { "code 1", 55, 1, "\1" },
        { "for another host", 62, 1, "\x30" },
        { "for a group", 62, 16, solicited_node.bytes },
        { "for a host on another link", 62, 16, elsewhere_ip6.bytes },
        { "an option without length", 79, 1, "\0" },
        { "an option that is too long", 79, 1, "\2" },
    };
    static struct packet p;
    static uint8_t reply[ROOM];

    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        fill_solicitation(&p);
        memcpy(p.frame + changes[i].at, changes[i].bytes, changes[i].size);
        seal(&p, ICMP_SUM);
        if (answer(p.frame, p.size, reply) != 0)
            fail_msg("%s: answered", changes[i].what);
    }
    fill_solicitation(&p);
    for (size_t size = 0; size < p.size; size++)
        assert_int_equal(answer(p.frame, size, reply), 0);
    for (size_t bit = (size_t)22 * 8; bit < p.size * 8; bit++) {
        fill_solicitation(&p);
        p.frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (answer(p.frame, p.size, reply) != 0)
            fail_msg("bit %zu: answered", bit);
    }
}

static void test_advertisements_are_claims(void **state)
{
    static struct packet p;
    static uint8_t reply[ROOM];

    (void)state;
    neighbour_put_announcement(p.frame, host_mac, &host_ip6, false);
    assert_int_equal(answer(p.frame, NEIGHBOUR_FRAME_BYTES, reply), 0);
    assert_int_equal(counts.conflicts, 0);
    neighbour_put_announcement(p.frame, peer_mac, &host_ip6, false);
    assert_int_equal(answer(p.frame, NEIGHBOUR_FRAME_BYTES, reply), 0);
    assert_int_equal(counts.conflicts, 1);
}

/* ---- VLANs ---- */

/* A host is in one VLAN, and in no other. */
static void test_other_vlans_are_ignored(void **state)
{
    static const uint16_t vlans[] = { 0, 1, 19, 21, 4095 };
    static struct packet ping, solicitation;
    static uint8_t reply[ROOM];
    uint8_t arp[60];

    (void)state;
    fill_arp(arp);
    fill_ping(&ping, false, PING_PAYLOAD);
    fill_solicitation(&solicitation);
    for (size_t i = 0; i < sizeof vlans / sizeof *vlans; i++) {
        assert_int_equal(answer_in(vlans[i], arp, sizeof arp, reply), 0);
        assert_int_equal(answer_in(vlans[i], ping.frame, ping.size, reply), 0);
        assert_int_equal(answer_in(vlans[i], solicitation.frame, solicitation.size, reply), 0);
    }
}

/* ---- ranges of addresses ---- */

static struct ip_address address(const char *text)
{
    struct ip_address parsed;

    assert_int_equal(ip_address_parse(&parsed, text), 0);
    return parsed;
}

static enum host_kind find_even(const void *self, const struct ip_address *asked, uint16_t vlan, struct link_host *host)
{
    (void)self;
    (void)host;
    return asked->bytes[15] % 2 == 0 && vlan == VLAN ? HOST_VIRTUAL : HOST_NONE;
}

static void test_walk_meets_each_host_once(void **state)
{
    const struct host_range ranges[] = {
        { address("10.0.0.254"), address("10.0.1.3"), VLAN },
        { address("10.9.0.1"), address("10.9.0.9"), VLAN + 1 },
        { address("2001:2::ffff:fffe"), address("2001:2::1:0:2"), VLAN },
    };
    static const char *const expected[] = { "10.0.0.254", "10.0.1.0", "10.0.1.2", "2001:2::ffff:fffe", "2001:2::1:0:0",
                                            "2001:2::1:0:2" };
    const struct link_hosts hosts = { .find = find_even, .virtual_hosts = ranges, .virtual_count = 3 };
    struct address_walk walk = address_walk_begin(&hosts);
    struct walked_host walked;

    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct ip_address next = address(expected[i]);

        assert_true(address_walk_next(&walk, &walked));
        assert_true(ip_address_equal(&walked.address, &next));
    }
    assert_false(address_walk_next(&walk, &walked));
}

/* ---- the kernel's filter, on a socket of this process ---- */

struct filtered {
    int from, to;
};

static struct filtered open_filtered(const struct receive_filter *filter)
{
    struct filtered sockets;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    sockets = (struct filtered){ pair[0], pair[1] };
    assert_int_equal(receive_filter_attach(filter, sockets.to), 0);
    return sockets;
}

static void close_filtered(struct filtered sockets)
{
    close(sockets.from);
    close(sockets.to);
}

static bool passes(struct filtered sockets, const uint8_t *frame, size_t size)
{
    uint8_t got[ROOM];

    (void)send(sockets.from, frame, size, MSG_DONTWAIT); /* what does not pass is an error here */
    return recv(sockets.to, got, sizeof got, MSG_DONTWAIT) == (ssize_t)size;
}

static bool passes_ipv4(struct filtered sockets, const char *source, const char *destination)
{
    static struct packet p;
    struct ip_address from = address(source);
    struct ip_address to = address(destination);

    fill_packet(&p, false, IP_UDP, 20);
    memcpy(p.frame + 26, from.bytes + 12, 4);
    memcpy(p.frame + 30, to.bytes + 12, 4);
    return passes(sockets, p.frame, p.size);
}

static bool passes_ipv6(struct filtered sockets, const char *source, const char *destination)
{
    static struct packet p;
    struct ip_address from = address(source);
    struct ip_address to = address(destination);

    fill_packet(&p, true, IP_UDP, 20);
    memcpy(p.frame + 22, from.bytes, 16);
    memcpy(p.frame + 38, to.bytes, 16);
    return passes(sockets, p.frame, p.size);
}

static bool passes_neighbours(struct filtered sockets)
{
    static struct packet p;
    uint8_t arp[60];

    fill_arp(arp);
    fill_solicitation(&p);
    return passes(sockets, arp, sizeof arp) && passes(sockets, p.frame, p.size);
}

static void test_filter_passes_what_is_for_hosts(void **state)
{
    const struct host_range wanted[] = {
        { address("198.18.0.1"), address("198.18.0.10"), 0 },
        { address("2001:2::1"), address("2001:2::a"), 0 },
        { address("198.19.0.0"), address("198.19.255.255"), 0 },
        { address("2001:2:0:8000::"), address("2001:2:0:ffff:ffff:ffff:ffff:ffff"), 0 },
    };
    const struct host_range unwanted[] = {
        { address("198.18.1.1"), address("198.18.1.10"), 0 },
        { address("2001:2:0:1::1"), address("2001:2:0:1::a"), 0 },
        { address("2001:2:0:2::ffff:fff0"), address("2001:2:0:2::1:0:5"), 0 }, /* not told by one word: nobody is dropped */
    };
    static const struct {
        const char *source, *destination;
        bool passes;
    } rows[] = {
        { "192.0.2.1", "198.18.0.1", true },
        { "192.0.2.1", "198.18.0.10", true },
        { "192.0.2.1", "198.18.0.0", false },
        { "192.0.2.1", "198.18.0.11", false },
        { "192.0.2.1", "198.19.0.0", true },
        { "192.0.2.1", "198.19.255.255", true },
        { "192.0.2.1", "198.20.0.0", false },
        { "198.18.1.1", "198.18.0.1", false },
        { "198.18.1.10", "198.18.0.1", false },
        { "198.18.1.0", "198.18.0.1", true },
        { "198.18.1.11", "198.18.0.1", true },
        { "fe80::1", "2001:2::1", true },
        { "fe80::1", "2001:2::a", true },
        { "fe80::1", "2001:2::b", false },
        { "fe80::1", "2001:2::", false },
        { "fe80::1", "2001:2:0:0:0:1:0:1", false },
        { "fe80::1", "2001:2:0:8000::", true },
        { "fe80::1", "2001:2:0:ffff::1", true },
        { "fe80::1", "2001:2:0:7fff::1", false },
        { "fe80::1", "2001:2:1::1", false },
        { "2001:2:0:1::1", "2001:2::1", false },
        { "2001:2:0:1::a", "2001:2::1", false },
        { "2001:2:0:1::b", "2001:2::1", true },
        { "2001:2:0:2::1:0:1", "2001:2::1", true },
    };
    struct receive_filter filter;
    struct filtered sockets;

    (void)state;
    receive_filter_ranges(&filter, wanted, sizeof wanted / sizeof *wanted, unwanted, sizeof unwanted / sizeof *unwanted);
    sockets = open_filtered(&filter);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool got = strchr(rows[i].source, ':') ? passes_ipv6(sockets, rows[i].source, rows[i].destination)
                                               : passes_ipv4(sockets, rows[i].source, rows[i].destination);

        if (got != rows[i].passes)
            fail_msg("%s to %s: wrong", rows[i].source, rows[i].destination);
    }
    assert_true(passes_neighbours(sockets));
    close_filtered(sockets);
}

static void test_filter_without_hosts(void **state)
{
    struct receive_filter filter;
    struct filtered sockets;

    (void)state;
    receive_filter_neighbours(&filter);
    sockets = open_filtered(&filter);
    assert_true(passes_neighbours(sockets));
    assert_false(passes_ipv4(sockets, "192.0.2.1", "198.18.0.1"));
    assert_false(passes_ipv6(sockets, "fe80::1", "2001:2::1"));
    close_filtered(sockets);
}

/* More ranges than a program has room for: all passes. */
static void test_filter_of_too_many_ranges(void **state)
{
    enum { RANGES = 1200 };
    static struct host_range ranges[RANGES];
    struct receive_filter filter;
    struct filtered sockets;

    (void)state;
    for (uint32_t i = 0; i < RANGES; i++)
        ranges[i] = (struct host_range){ ip_address_from_v4(0x0a000000 + i), ip_address_from_v4(0x0a000000 + i), 0 };
    receive_filter_ranges(&filter, ranges, RANGES, NULL, 0);
    sockets = open_filtered(&filter);
    assert_true(passes_ipv4(sockets, "192.0.2.1", "198.18.0.1"));
    close_filtered(sockets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_arp_is_answered, begin, end),
        cmocka_unit_test_setup_teardown(test_wrong_arp_is_ignored, begin, end),
        cmocka_unit_test_setup_teardown(test_claims_are_noted, begin, end),
        cmocka_unit_test_setup_teardown(test_claims_are_bounded, begin, end),
        cmocka_unit_test_setup_teardown(test_pings_are_answered, begin, end),
        cmocka_unit_test_setup_teardown(test_pings_show_the_system, begin, end),
        cmocka_unit_test_setup_teardown(test_identifications, begin, end),
        cmocka_unit_test_setup_teardown(test_wrong_pings_are_ignored, begin, end),
        cmocka_unit_test_setup_teardown(test_wrong_pings_of_ipv6_are_ignored, begin, end),
        cmocka_unit_test_setup_teardown(test_segments_are_reset, begin, end),
        cmocka_unit_test_setup_teardown(test_own_frames_are_ignored, begin, end),
        cmocka_unit_test_setup_teardown(test_datagrams_are_unreachable, begin, end),
        cmocka_unit_test_setup_teardown(test_protocols_are_unknown, begin, end),
        cmocka_unit_test_setup_teardown(test_damaged_transport_is_ignored, begin, end),
        cmocka_unit_test_setup_teardown(test_sums_that_are_still_to_be_made, begin, end),
        cmocka_unit_test_setup_teardown(test_damage_is_ignored, begin, end),
        cmocka_unit_test_setup_teardown(test_errors_are_as_many_as_the_system_sends, begin, end),
        cmocka_unit_test_setup_teardown(test_errors_are_counted_by_asker, begin, end),
        cmocka_unit_test_setup_teardown(test_solicitations_are_answered, begin, end),
        cmocka_unit_test_setup_teardown(test_wrong_solicitations_are_ignored, begin, end),
        cmocka_unit_test_setup_teardown(test_advertisements_are_claims, begin, end),
        cmocka_unit_test_setup_teardown(test_other_vlans_are_ignored, begin, end),
        cmocka_unit_test(test_walk_meets_each_host_once),
        cmocka_unit_test(test_filter_passes_what_is_for_hosts),
        cmocka_unit_test(test_filter_without_hosts),
        cmocka_unit_test(test_filter_of_too_many_ranges),
    };

    return cmocka_run_group_tests_name("responder", tests, NULL, NULL);
}
