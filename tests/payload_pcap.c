/*
 * payload_pcap FILE - writes conversations with generated payloads, for a protocol parser
 * to judge: TCP sessions from handshake to FIN, cut at the usual segment size and at odd
 * places, and UDP exchanges, each over a broad range of message lengths.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/wire.h"
#include "session/payload.h"

enum {
    ETHERNET_BYTES = 14,
    IPV4_BYTES = 20,
    TCP_BYTES = 20,
    UDP_BYTES = 8,
    MOST_SEGMENT_BYTES = 1460,
    MOST_DATAGRAM_BYTES = 1472,
    MESSAGES = 10,
    SMALL_SESSIONS = 40,
    EDGE_SESSIONS = 10,
    SESSIONS = 90,
    FIN = 1,
    SYN = 2,
    ACK = 16
};

/*
 * What is judged, and what the judge needs. No messages below a protocol's own header: DNS
 * has 12 bytes whatever anybody does, a cipher block of SSH with its MAC 36. And where
 * Wireshark 4.0 does not join segments before it reads a header (SSH, MQTT) or guesses the
 * protocol from the first one (HTTP at 8000), no segments below the header.
 */
struct subject {
    uint8_t protocol;
    uint16_t port;
    uint32_t least_message_bytes;
    uint32_t least_segment_bytes;
};

static const struct subject subjects[] = {
    {IP_TCP, 21, 1, 1},     {IP_TCP, 22, 36, 40},   {IP_TCP, 23, 1, 1},     {IP_TCP, 25, 1, 1},
    {IP_TCP, 53, 14, 1},    {IP_TCP, 80, 1, 1},     {IP_TCP, 110, 1, 1},    {IP_TCP, 143, 1, 1},
    {IP_TCP, 443, 1, 1},    {IP_TCP, 465, 1, 1},    {IP_TCP, 587, 1, 1},    {IP_TCP, 636, 1, 1},
    {IP_TCP, 853, 1, 1},    {IP_TCP, 990, 1, 1},    {IP_TCP, 993, 1, 1},    {IP_TCP, 995, 1, 1},
    {IP_TCP, 1883, 2, 5},   {IP_TCP, 3128, 1, 1},   {IP_TCP, 8000, 1, 64},  {IP_TCP, 8080, 1, 1},
    {IP_TCP, 8443, 1, 1},   {IP_TCP, 8883, 1, 1},   {IP_TCP, 9100, 1, 1},   {IP_TCP, 4444, 1, 1},
    {IP_TCP, 33001, 1, 1},  {IP_UDP, 53, 12, 1},    {IP_UDP, 123, 12, 1},   {IP_UDP, 137, 12, 1},
    {IP_UDP, 161, 1, 1},    {IP_UDP, 162, 1, 1},    {IP_UDP, 514, 1, 1},    {IP_UDP, 1900, 1, 1},
    {IP_UDP, 67, 240, 1},   {IP_UDP, 68, 240, 1},   {IP_UDP, 5353, 12, 1},  {IP_UDP, 5355, 12, 1},  {IP_UDP, 33001, 1, 1},
};

/* Lengths at which length fields, records and segments change their form, and small ones. */
static const uint32_t edges[] = {127, 128, 129, 130, 131, 132, 133, 134, 138, 139, 140, 255, 256, 257, 258,
                                 259, 260, 261, 517, 1459, 1460, 1461, 2000, 2001, 2920, 4000, 16383, 16384,
                                 16385, 16388, 16389, 16390, 16394, 16395, 32778, 32779, 40000};

struct conversation {
    FILE *file;
    uint8_t protocol;
    uint16_t port[2];
    uint32_t address[2];
    uint32_t sequence[2];
    uint32_t least_message_bytes;
    uint32_t least_segment_bytes;
    struct payload_place place;
    payload_fill *fill;
    uint32_t messages[2];
    uint32_t message_bytes[2]; /* of the latest */
};

static uint32_t clock_us;

static void put_little_u32(FILE *file, uint32_t value)
{
    for (int i = 0; i < 4; i++, value >>= 8)
        putc((int)(value & 0xff), file);
}

static void write_file_header(FILE *file)
{
    put_little_u32(file, UINT32_C(0xa1b2c3d4));
    put_little_u32(file, 2 | 4 << 16);
    put_little_u32(file, 0);
    put_little_u32(file, 0);
    put_little_u32(file, 65535);
    put_little_u32(file, 1); /* Ethernet */
}

static void write_frame(FILE *file, const uint8_t *frame, size_t size)
{
    clock_us += 100;
    put_little_u32(file, UINT32_C(1700000000) + clock_us / 1000000);
    put_little_u32(file, clock_us % 1000000);
    put_little_u32(file, (uint32_t)size);
    put_little_u32(file, (uint32_t)size);
    fwrite(frame, 1, size, file);
}

static uint16_t transport_checksum(const uint8_t *ip, size_t transport_bytes)
{
    uint8_t pseudo[12];
    uint64_t sum;

    memcpy(pseudo, ip + 12, 8);
    pseudo[8] = 0;
    pseudo[9] = ip[9];
    wire_put_u16(pseudo + 10, (uint16_t)transport_bytes);
    sum = checksum_add(0, pseudo, sizeof pseudo);
    return checksum_finish(checksum_add(sum, ip + IPV4_BYTES, transport_bytes));
}

static void put_ethernet_and_ip(uint8_t *frame, const struct conversation *c, enum flow_side side, size_t ip_bytes)
{
    uint8_t *ip = frame + ETHERNET_BYTES;

    memcpy(frame, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0", ETHERNET_BYTES);
    memset(ip, 0, IPV4_BYTES);
    ip[0] = 0x45;
    wire_put_u16(ip + 2, (uint16_t)ip_bytes);
    ip[8] = 64;
    ip[9] = c->protocol;
    wire_put_u32(ip + 12, c->address[side]);
    wire_put_u32(ip + 16, c->address[!side]);
    wire_put_u16(ip + 10, checksum_finish(checksum_add(0, ip, IPV4_BYTES)));
}

/* The payload, of `size` bytes, is in place behind the headers. */
static void send_tcp(struct conversation *c, enum flow_side side, uint8_t flags, uint8_t *frame, size_t size)
{
    uint8_t *tcp = frame + ETHERNET_BYTES + IPV4_BYTES;

    put_ethernet_and_ip(frame, c, side, IPV4_BYTES + TCP_BYTES + size);
    memset(tcp, 0, TCP_BYTES);
    wire_put_u16(tcp, c->port[side]);
    wire_put_u16(tcp + 2, c->port[!side]);
    wire_put_u32(tcp + 4, c->sequence[side]);
    wire_put_u32(tcp + 8, flags == SYN ? 0 : c->sequence[!side]);
    tcp[12] = TCP_BYTES / 4 << 4;
    tcp[13] = flags;
    wire_put_u16(tcp + 14, 0xffff);
    wire_put_u16(tcp + 16, transport_checksum(frame + ETHERNET_BYTES, TCP_BYTES + size));
    write_frame(c->file, frame, ETHERNET_BYTES + IPV4_BYTES + TCP_BYTES + size);
    c->sequence[side] += (uint32_t)size + ((flags & (SYN | FIN)) != 0);
}

static void send_udp(struct conversation *c, enum flow_side side, uint8_t *frame, size_t size)
{
    uint8_t *udp = frame + ETHERNET_BYTES + IPV4_BYTES;

    put_ethernet_and_ip(frame, c, side, IPV4_BYTES + UDP_BYTES + size);
    wire_put_u16(udp, c->port[side]);
    wire_put_u16(udp + 2, c->port[!side]);
    wire_put_u16(udp + 4, (uint16_t)(UDP_BYTES + size));
    wire_put_u16(udp + 6, 0);
    wire_put_u16(udp + 6, transport_checksum(frame + ETHERNET_BYTES, UDP_BYTES + size));
    write_frame(c->file, frame, ETHERNET_BYTES + IPV4_BYTES + UDP_BYTES + size);
}

/* One message in segments of the usual size, or of changing odd ones. */
static void send_message(struct conversation *c, enum flow_side side, uint32_t bytes, bool is_odd)
{
    static const size_t odd_sizes[] = {1, 3, 7, 100, 2, 999, 5, 1460, 64};
    size_t header_bytes = ETHERNET_BYTES + IPV4_BYTES + (c->protocol == IP_TCP ? TCP_BYTES : UDP_BYTES);
    uint8_t frame[1600];
    size_t size;
    unsigned turn = bytes;

    if (bytes < c->least_message_bytes)
        bytes = c->least_message_bytes;
    c->place.side = side;
    c->place.message_index = c->messages[side]++;
    c->place.reply_to_index = c->messages[!side];
    c->place.message_bytes = bytes;
    c->place.request_bytes = c->message_bytes[!side];
    c->message_bytes[side] = bytes;
    for (c->place.offset = 0; c->place.offset < bytes; c->place.offset += size) {
        size = is_odd ? odd_sizes[turn++ % 9] : MOST_SEGMENT_BYTES;
        if (size < c->least_segment_bytes)
            size = c->least_segment_bytes;
        if (c->protocol == IP_UDP || size + c->least_segment_bytes - 1 > bytes - c->place.offset)
            size = (size_t)(bytes - c->place.offset);
        c->fill(&c->place, frame + header_bytes, size);
        if (c->protocol == IP_UDP)
            send_udp(c, side, frame, size);
        else
            send_tcp(c, side, ACK, frame, size);
    }
}

static struct conversation conversation_begin(FILE *file, const struct subject *subject, uint32_t number)
{
    struct conversation c = {
        .file = file,
        .protocol = subject->protocol,
        .port = {(uint16_t)(50000 + number % 15000), subject->port},
        .address = {UINT32_C(0x0a000000) + number, UINT32_C(0x0a800000) + subject->port},
        .sequence = {1000, 2000},
        .least_message_bytes = subject->least_message_bytes,
        .least_segment_bytes = subject->least_segment_bytes,
        .fill = payload_for(subject->protocol, subject->port),
    };

    c.place.flow_key = (uint64_t)number << 32 | subject->port;
    c.place.service_port = subject->port;
    c.place.protocol = subject->protocol;
    return c;
}

static bool server_greets(uint16_t port)
{
    return port == 21 || port == 25 || port == 110 || port == 143 || port == 587;
}

/* Small numbers give small lengths, one by one; then edges; then mixed ones. */
static uint32_t length_for(uint32_t session, uint32_t message)
{
    const uint32_t edge_count = sizeof edges / sizeof edges[0];
    uint32_t x = (session * 7919 + message * 104729) % 100003;

    if (session < SMALL_SESSIONS)
        return 1 + session * MESSAGES + message;
    if (session < SMALL_SESSIONS + EDGE_SESSIONS)
        return edges[((session - SMALL_SESSIONS) * 4 + message) % edge_count];
    return x % 10 == 0 ? 1 + x % 30000 : 16 + x % 1400;
}

static void write_tcp_session(FILE *file, const struct subject *subject, uint32_t session, uint32_t number)
{
    struct conversation c = conversation_begin(file, subject, number);
    enum flow_side side = server_greets(subject->port) ? FLOW_RESPONDER : FLOW_INITIATOR;
    uint8_t frame[128];

    c.place.first_side = side;
    send_tcp(&c, FLOW_INITIATOR, SYN, frame, 0);
    send_tcp(&c, FLOW_RESPONDER, SYN | ACK, frame, 0);
    send_tcp(&c, FLOW_INITIATOR, ACK, frame, 0);
    for (uint32_t message = 0; message < MESSAGES; message++) {
        send_message(&c, side, length_for(session, message), session % 3 == 2);
        side = !side;
        send_tcp(&c, side, ACK, frame, 0);
    }
    send_tcp(&c, FLOW_INITIATOR, FIN | ACK, frame, 0);
    send_tcp(&c, FLOW_RESPONDER, FIN | ACK, frame, 0);
    send_tcp(&c, FLOW_INITIATOR, ACK, frame, 0);
}

/* A query of every length, and answers of lengths before, at and behind it. */
static void write_udp_session(FILE *file, const struct subject *subject, uint32_t bytes, uint32_t number)
{
    struct conversation c = conversation_begin(file, subject, number);
    uint32_t answer = 1 + (bytes * 37 + bytes / 5) % MOST_DATAGRAM_BYTES;

    send_message(&c, FLOW_INITIATOR, bytes, false);
    send_message(&c, FLOW_RESPONDER, bytes + number % 48, false);
    send_message(&c, FLOW_INITIATOR, bytes, false);
    send_message(&c, FLOW_RESPONDER, answer, false);
}

static uint32_t write_subject(FILE *file, const struct subject *subject, uint32_t number)
{
    if (subject->protocol == IP_TCP) {
        for (uint32_t session = 0; session < SESSIONS; session++)
            write_tcp_session(file, subject, session, number++);
    } else {
        for (uint32_t bytes = 1; bytes + 48 < MOST_DATAGRAM_BYTES; bytes += 1 + bytes / 200)
            write_udp_session(file, subject, bytes, number++);
    }
    return number;
}

int main(int argc, char **argv)
{
    uint32_t number = 1;
    FILE *file = argc == 2 ? fopen(argv[1], "wb") : NULL;

    if (file == NULL) {
        fprintf(stderr, "usage: payload_pcap FILE\n");
        return EXIT_FAILURE;
    }
    write_file_header(file);
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++)
        number = write_subject(file, &subjects[i], number);
    return fclose(file) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
