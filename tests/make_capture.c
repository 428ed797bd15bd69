/*
 * make_capture [-n] [-l LINKTYPE] [-e WAY] FILE - writes a capture of a small network for the tests of
 * the programs: 12 hosts for 20 minutes, always the same bytes.
 *
 *     -n           pcapng instead of pcap, with the same times
 *     -l LINKTYPE  claims another link type than Ethernet
 *     -e WAY       the same packets carried in another way, by its name in the table below;
 *                  what is not IPv4 is left out
 *
 * Every host asks the name server (host 0), fetches pages from servers outside, sets its clock,
 * and some copy files to host 1 and ping it; clients are busier in the second half. Addresses
 * are such that none is likely to appear in a model by chance. All traffic is well-formed.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/wire.h"

enum {
    HOSTS = 12,
    SERVERS = 5,
    BEGIN = 1772445600, /* 2026-03-02 10:00:00 UTC */
    LENGTH_S = 20 * 60,
    MAX_FRAMES = 200000,
    MAX_FRAME_BYTES = 1514,
    MSS = 1460,
    SNAPLEN = 65535,
    ETHERNET = 1, /* link type */
    ETHERNET_BYTES = 14,
    IPV4_BYTES = 20,
    TCP_BYTES = 20,
    UDP_BYTES = 8
};

struct captured_frame {
    uint64_t time_us; /* since 1970 */
    uint32_t number;  /* frames of the same time stay in order */
    uint32_t length;
    uint8_t *bytes;
};

struct end {
    uint8_t mac[6];
    uint32_t address;
    uint16_t port;
    uint8_t ttl;
};

static struct captured_frame frames[MAX_FRAMES];
static uint32_t frame_count;
static uint64_t noise = UINT64_C(0x9e3779b97f4a7c15);

/* xorshift64 (Marsaglia, 2003): the same numbers everywhere. */
static uint32_t pick(uint32_t below)
{
    noise ^= noise << 13;
    noise ^= noise >> 7;
    noise ^= noise << 17;
    return (uint32_t)(noise >> 33) % below;
}

/* ---- ends ---- */

static struct end host(uint32_t number, uint16_t port)
{
    struct end end = { { 0x00, 0x1b, 0x21, 0xc7, 0x5e, 0 }, 0, port, 64 };

    end.mac[5] = (uint8_t)(0x91 + 7 * number);
    end.address = 0x0ab7d500 + 83 + 13 * number; /* 10.183.213.83 and on */
    return end;
}

/* Behind a router, hence its MAC address and a time to live that is used up a little. */
static struct end server(uint32_t number, uint16_t port)
{
    return (struct end){ { 0x00, 0x1b, 0x21, 0xd3, 0xa6, 0xe7 }, 0xcb0071a5 + 11 * number, port, 52 };
}

/* ---- frames ---- */

static void add_frame(uint64_t time_us, const uint8_t *bytes, size_t length)
{
    struct captured_frame *frame = &frames[frame_count];

    if (frame_count == MAX_FRAMES || length > MAX_FRAME_BYTES)
        abort();
    *frame = (struct captured_frame){ time_us, frame_count++, (uint32_t)length, malloc(length) };
    if (frame->bytes == NULL)
        abort();
    memcpy(frame->bytes, bytes, length);
}

static size_t put_headers(uint8_t *to, const struct end *from, const struct end *dest,
                          uint8_t protocol, size_t ip_payload)
{
    uint8_t *ip = to + ETHERNET_BYTES;

    memset(to, 0, ETHERNET_BYTES + IPV4_BYTES);
    memcpy(to, dest->mac, 6);
    memcpy(to + 6, from->mac, 6);
    wire_put_u16(to + 12, 0x0800);
    ip[0] = 0x45;
    wire_put_u16(ip + 2, (uint16_t)(IPV4_BYTES + ip_payload));
    wire_put_u16(ip + 4, (uint16_t)frame_count);
    ip[8] = from->ttl;
    ip[9] = protocol;
    wire_put_u32(ip + 12, from->address);
    wire_put_u32(ip + 16, dest->address);
    wire_put_u16(ip + 10, checksum_finish(checksum_add(0, ip, IPV4_BYTES)));
    return ETHERNET_BYTES + IPV4_BYTES;
}

/* Of a TCP segment or UDP datagram with its pseudo header (RFC 9293, 3.1). */
static uint16_t transport_checksum(const uint8_t *frame, size_t length)
{
    const uint8_t *ip = frame + ETHERNET_BYTES;
    size_t size = length - ETHERNET_BYTES - IPV4_BYTES;
    uint64_t sum = checksum_add(0, ip + 12, 8) + checksum_add(0, ip + IPV4_BYTES, size);
    uint8_t rest[4] = { 0, ip[9] };

    wire_put_u16(rest + 2, (uint16_t)size);
    return checksum_finish(sum + checksum_add(0, rest, sizeof rest));
}

static void add_udp(uint64_t at, const struct end *from, const struct end *to, const void *payload,
                    size_t size)
{
    uint8_t frame[MAX_FRAME_BYTES];
    size_t length = put_headers(frame, from, to, IP_UDP, UDP_BYTES + size);
    uint8_t *udp = frame + length;

    wire_put_u16(udp, from->port);
    wire_put_u16(udp + 2, to->port);
    wire_put_u16(udp + 4, (uint16_t)(UDP_BYTES + size));
    wire_put_u16(udp + 6, 0);
    memcpy(udp + UDP_BYTES, payload, size);
    length += UDP_BYTES + size;
    wire_put_u16(udp + 6, transport_checksum(frame, length));
    add_frame(at, frame, length);
}

static void add_ping(uint64_t at, const struct end *from, const struct end *to, uint8_t type,
                     uint16_t sequence)
{
    uint8_t frame[MAX_FRAME_BYTES];
    enum { ECHO_BYTES = 64 };
    size_t length = put_headers(frame, from, to, IP_ICMP, ECHO_BYTES);
    uint8_t *icmp = frame + length;

    memset(icmp, 0x5a, ECHO_BYTES);
    icmp[0] = type;
    icmp[1] = 0;
    wire_put_u16(icmp + 2, 0);
    wire_put_u16(icmp + 4, from->port ? from->port : to->port);
    wire_put_u16(icmp + 6, sequence);
    wire_put_u16(icmp + 2, checksum_finish(checksum_add(0, icmp, ECHO_BYTES)));
    add_frame(at, frame, length + ECHO_BYTES);
}

static void add_arp(uint64_t at, const struct end *from, const struct end *to)
{
    uint8_t frame[60] = { 0 };

    memset(frame, 0xff, 6);
    memcpy(frame + 6, from->mac, 6);
    wire_put_u16(frame + 12, 0x0806);
    wire_put_u32(frame + 14, 0x00010800); /* Ethernet, IPv4 */
    wire_put_u32(frame + 18, 0x06040001); /* lengths, request */
    memcpy(frame + 22, from->mac, 6);
    wire_put_u32(frame + 28, from->address);
    wire_put_u32(frame + 38, to->address);
    add_frame(at, frame, sizeof frame);
}

/* ---- a TCP connection ---- */

struct connection {
    struct end ends[2]; /* 0 opened it */
    uint32_t next[2];   /* sequence numbers */
    uint64_t now_us;
    uint32_t half_rtt_us;
};

static void add_segment(struct connection *c, int side, uint8_t flags, const void *payload,
                        size_t size)
{
    uint8_t frame[MAX_FRAME_BYTES];
    size_t length = put_headers(frame, &c->ends[side], &c->ends[!side], IP_TCP, TCP_BYTES + size);
    uint8_t *tcp = frame + length;

    memset(tcp, 0, TCP_BYTES);
    wire_put_u16(tcp, c->ends[side].port);
    wire_put_u16(tcp + 2, c->ends[!side].port);
    wire_put_u32(tcp + 4, c->next[side]);
    wire_put_u32(tcp + 8, flags & TCP_ACK ? c->next[!side] : 0);
    tcp[12] = TCP_BYTES / 4 << 4;
    tcp[13] = flags;
    wire_put_u16(tcp + 14, 64240);
    if (size > 0)
        memcpy(tcp + TCP_BYTES, payload, size);
    length += TCP_BYTES + size;
    wire_put_u16(tcp + 16, transport_checksum(frame, length));
    add_frame(c->now_us, frame, length);
    c->next[side] += (uint32_t)size + !!(flags & (TCP_SYN | TCP_FIN));
    c->now_us += 40;
}

static void open_connection(struct connection *c)
{
    c->next[0] = pick(UINT32_MAX);
    c->next[1] = pick(UINT32_MAX);
    add_segment(c, 0, TCP_SYN, NULL, 0);
    c->now_us += 2 * c->half_rtt_us;
    add_segment(c, 1, TCP_SYN | TCP_ACK, NULL, 0);
    c->now_us += 300;
    add_segment(c, 0, TCP_ACK, NULL, 0);
}

/* A message of one side, `text` and then filling, acknowledged by the other. */
static void say(struct connection *c, int side, const char *text, size_t size)
{
    char message[MSS];

    memset(message, 'x', sizeof message);
    memcpy(message, text, strlen(text));
    for (size_t done = 0; done < size; done += MSS) {
        size_t piece = size - done < MSS ? size - done : MSS;

        add_segment(c, side, piece < MSS ? TCP_PSH | TCP_ACK : TCP_ACK, message, piece);
        memset(message, 'x', sizeof message);
    }
    c->now_us += c->half_rtt_us;
    add_segment(c, !side, TCP_ACK, NULL, 0);
}

static void close_connection(struct connection *c)
{
    add_segment(c, 0, TCP_FIN | TCP_ACK, NULL, 0);
    c->now_us += 2 * c->half_rtt_us;
    add_segment(c, 1, TCP_FIN | TCP_ACK, NULL, 0);
    c->now_us += 300;
    add_segment(c, 0, TCP_ACK, NULL, 0);
}

/* ---- what hosts do ---- */

static uint16_t any_port(void)
{
    return (uint16_t)(32768 + pick(28000));
}

/* A query for an address and its answer (RFC 1035). */
static void ask_name(uint64_t at, uint32_t client, uint32_t asked)
{
    static const uint8_t question[] = { 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 'w', 'w', 'w', 7, 'e',
                                        'x', 'a', 'm', 'p', 'l', 'e', 3, 'c', 'o', 'm', 0, 0, 1, 0, 1 };
    static const uint8_t answer[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4 };
    struct end from = host(client, any_port());
    struct end to = host(0, 53);
    uint8_t message[sizeof question + sizeof answer + 4];

    memcpy(message, question, sizeof question);
    wire_put_u16(message, (uint16_t)pick(65536));
    add_udp(at, &from, &to, message, sizeof question);
    memcpy(message + sizeof question, answer, sizeof answer);
    wire_put_u32(message + sizeof question + sizeof answer, server(asked, 0).address);
    message[2] = 0x81;
    message[3] = 0x80;
    message[7] = 1;
    add_udp(at + 700 + pick(900), &to, &from, message, sizeof message);
}

static void fetch_pages(uint64_t at, uint32_t client)
{
    uint32_t number = pick(SERVERS);
    struct connection c = { .ends = { host(client, any_port()), server(number, 80) },
                            .now_us = at + 4000, .half_rtt_us = 5000 + pick(20000) };

    ask_name(at, client, number);
    open_connection(&c);
    for (uint32_t pages = 1 + pick(4); pages > 0; pages--) {
        say(&c, 0, "GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n", 41);
        say(&c, 1, "HTTP/1.1 200 OK\r\n\r\n", 300 + pick(6000));
        c.now_us += 100000 + pick(1500000);
    }
    close_connection(&c);
}

static void copy_file(uint64_t at, uint32_t client)
{
    struct connection c = { .ends = { host(client, any_port()), host(1, 22) }, .now_us = at,
                            .half_rtt_us = 200 };

    open_connection(&c);
    say(&c, 1, "SSH-2.0-OpenSSH_9.2\r\n", 21);
    say(&c, 0, "SSH-2.0-OpenSSH_9.2\r\n", 21);
    for (int i = 0; i < 4; i++)
        say(&c, i % 2, "", 200 + pick(9000));
    close_connection(&c);
}

static void set_clock(uint64_t at, uint32_t client)
{
    struct end from = host(client, 123);
    struct end to = server(4, 123);
    uint8_t message[48] = { 0x23 };

    add_udp(at, &from, &to, message, sizeof message);
    message[0] = 0x24;
    message[1] = 2;
    add_udp(at + 21000, &to, &from, message, sizeof message);
}

static void ping(uint64_t at, uint32_t client)
{
    struct end from = host(client, (uint16_t)(1 + pick(65000)));
    struct end to = host(1, 0);

    for (uint16_t i = 1; i <= 3; i++, at += 1000000) {
        add_ping(at, &from, &to, 8, i);
        add_ping(at + 250, &to, &from, 0, i);
    }
}

/* One host for the whole time. */
static void live(uint32_t number)
{
    uint64_t begin = (uint64_t)BEGIN * 1000000;
    struct end self = host(number, 0);
    struct end other = host(0, 0);

    for (uint64_t s = number; s < LENGTH_S; s += 64)
        set_clock(begin + s * 1000000, number);
    for (uint64_t s = 2 + number; s < LENGTH_S - 30; s += 4 + pick(s < LENGTH_S / 2 ? 50 : 25)) {
        uint64_t at = begin + s * 1000000 + pick(1000000);

        if (pick(4) == 0)
            add_arp(at - 500, &self, &other);
        if (number > 1)
            fetch_pages(at, number);
        if (number > 1 && pick(8) == 0)
            copy_file(at + 2000000, number);
        if (number > 1 && pick(12) == 0)
            ping(at + 3000000, number);
    }
}

/* ---- other ways to carry the same packets ---- */

#define MACS 0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2
#define OUTER_IPV4(protocol) /* 198.51.100.1 to 198.51.100.2 */ \
    0x45, 0, 0, 0, 0, 0, 0, 0, 64, (protocol), 0, 0, 198, 51, 100, 1, 198, 51, 100, 2
#define DATA_80211 0x08, 0x01, 0, 0, MACS, 0x02, 0, 0, 0, 0, 3, 0, 0
#define SNAP 0xaa, 0xaa, 3, 0, 0, 0

static const struct way {
    const char *name;
    uint32_t link_type;
    size_t from; /* of the Ethernet frame: 0 all, 12 its type, 14 its packet */
    struct {
        size_t at;   /* 0: none */
        size_t less; /* counts what follows this place */
    } lengths[2];
    size_t head_bytes;
    uint8_t head[64];
} ways[] = {
    { "vlan", 1, 12, { { 0, 0 } }, 16, { MACS, 0x81, 0, 0, 5 } },
    { "qinq", 1, 12, { { 0, 0 } }, 20, { MACS, 0x88, 0xa8, 0, 9, 0x81, 0, 0, 5 } },
    { "mpls", 1, 14, { { 0, 0 } }, 22, { MACS, 0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64 } },
    { "pppoe", 1, 14, { { 18, 20 } }, 22, { MACS, 0x88, 0x64, 0x11, 0, 0, 7, 0, 0, 0, 0x21 } },
    { "sll", 113, 12, { { 0, 0 } }, 14, { 0, 0, 0, 1, 0, 6, 2 } },
    { "sll2", 276, 14, { { 0, 0 } }, 20, { 8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2 } },
    { "raw", 101, 14, { { 0, 0 } }, 0, { 0 } },
    { "null", 0, 14, { { 0, 0 } }, 4, { 2 } },
    { "loop", 108, 14, { { 0, 0 } }, 4, { 0, 0, 0, 2 } },
    { "ppp", 9, 14, { { 0, 0 } }, 4, { 0xff, 3, 0, 0x21 } },
    { "chdlc", 104, 14, { { 0, 0 } }, 4, { 0x0f, 0, 8, 0 } },
    { "80211", 105, 12, { { 0, 0 } }, 30, { DATA_80211, SNAP } },
    { "radiotap", 127, 12, { { 0, 0 } }, 38, { 0, 0, 8, 0, 0, 0, 0, 0, DATA_80211, SNAP } },
    { "gre", 1, 14, { { 16, 14 } }, 38, { MACS, 8, 0, OUTER_IPV4(47), 0, 0, 8, 0 } },
    { "ipip", 1, 14, { { 16, 14 } }, 34, { MACS, 8, 0, OUTER_IPV4(4) } },
    { "vxlan", 1, 0, { { 16, 14 }, { 38, 34 } }, 50,
      { MACS, 8, 0, OUTER_IPV4(17), 0xc0, 1, 0x12, 0xb5, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 1, 0 } },
};

static const struct way *find_way(const char *name)
{
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(ways[i].name, name) == 0)
            return &ways[i];
    return NULL;
}

static void carry(struct captured_frame *frame, const struct way *way)
{
    size_t size = way->head_bytes + frame->length - way->from;
    uint8_t *bytes = malloc(size);

    if (bytes == NULL)
        abort();
    memcpy(bytes, way->head, way->head_bytes);
    memcpy(bytes + way->head_bytes, frame->bytes + way->from, frame->length - way->from);
    for (size_t i = 0; i < 2 && way->lengths[i].at > 0; i++)
        wire_put_u16(bytes + way->lengths[i].at, (uint16_t)(size - way->lengths[i].less));
    free(frame->bytes);
    frame->bytes = bytes;
    frame->length = (uint32_t)size;
}

static void carry_all(const struct way *way)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < frame_count; i++) {
        if (wire_get_u16(frames[i].bytes + 12) != 0x0800) {
            free(frames[i].bytes);
            continue;
        }
        frames[kept] = frames[i];
        carry(&frames[kept++], way);
    }
    frame_count = kept;
}

/* ---- files ---- */

static int compare_frames(const void *a, const void *b)
{
    const struct captured_frame *x = a;
    const struct captured_frame *y = b;

    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

/* Numbers are in the byte order of this machine; both formats say which that is. */
static void put(FILE *file, const void *bytes, size_t size)
{
    if (fwrite(bytes, 1, size, file) != size)
        abort();
}

static void put_u32s(FILE *file, const uint32_t *values, size_t count)
{
    put(file, values, count * sizeof *values);
}

static void write_pcap(FILE *file, uint32_t link_type)
{
    const uint32_t header[] = { 0xa1b2c3d4, 0, 0, 0, SNAPLEN, link_type };
    const uint16_t version[] = { 2, 4 };

    put_u32s(file, header, 1);
    put(file, version, sizeof version);
    put_u32s(file, header + 2, 4);
    for (uint32_t i = 0; i < frame_count; i++) {
        const struct captured_frame *frame = &frames[i];
        const uint32_t record[] = { (uint32_t)(frame->time_us / 1000000),
                                    (uint32_t)(frame->time_us % 1000000), frame->length,
                                    frame->length };

        put_u32s(file, record, 4);
        put(file, frame->bytes, frame->length);
    }
}

/* Section header, one interface, enhanced packets; times in microseconds, the default. */
static void write_pcapng(FILE *file, uint32_t link_type)
{
    const uint32_t section[] = { 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, UINT32_MAX, UINT32_MAX, 28 };
    const uint32_t interface[] = { 1, 20, link_type, SNAPLEN, 20 };

    put_u32s(file, section, 7);
    put_u32s(file, interface, 5);
    for (uint32_t i = 0; i < frame_count; i++) {
        const struct captured_frame *frame = &frames[i];
        const uint32_t padding = -frame->length & 3;
        const uint32_t block[] = { 6, 32 + frame->length + padding, 0,
                                   (uint32_t)(frame->time_us >> 32), (uint32_t)frame->time_us,
                                   frame->length, frame->length };

        put_u32s(file, block, 7);
        put(file, frame->bytes, frame->length);
        put(file, "\0\0\0", padding);
        put_u32s(file, block + 1, 1);
    }
}

int main(int argc, char **argv)
{
    uint32_t link_type = ETHERNET;
    bool is_pcapng = false;
    const struct way *way = NULL;
    FILE *file;
    int c;

    while ((c = getopt(argc, argv, "nl:e:")) != -1) {
        if (c == 'n')
            is_pcapng = true;
        else if (c == 'l')
            link_type = (uint32_t)strtoul(optarg, NULL, 10);
        else if (c == 'e' && (way = find_way(optarg)) != NULL)
            link_type = way->link_type;
        else
            return 2;
    }
    file = optind + 1 == argc ? fopen(argv[optind], "wb") : NULL;
    if (file == NULL) {
        fputs("usage: make_capture [-n] [-l LINKTYPE] [-e WAY] FILE\n", stderr);
        return 2;
    }
    for (uint32_t i = 0; i < HOSTS; i++)
        live(i);
    qsort(frames, frame_count, sizeof *frames, compare_frames);
    if (way != NULL)
        carry_all(way);
    if (is_pcapng)
        write_pcapng(file, link_type);
    else
        write_pcap(file, link_type);
    for (uint32_t i = 0; i < frame_count; i++)
        free(frames[i].bytes);
    return fclose(file) == 0 ? 0 : 1;
}
