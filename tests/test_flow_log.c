/*
 * The log of what was sent: what of a frame counts, the ledger of live flows between its three threads, and the lines.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/frame_ring.h"
#include "base/memory.h"
#include "emit/sent_count.h"
#include "net/decode.h"
#include "net/glance.h"
#include "net/wire.h"
#include "records/flow_ledger.h"
#include "records/flow_log.h"

#define ORIGIN_NS (INT64_C(20780) * NS_PER_DAY) /* 2026-11-23 */

/* ---- frames ---- */

struct made_frame {
    uint8_t bytes[128];
    uint32_t length;
};

enum { UNTAGGED, TAGGED };

/* Of 198.18.0.1 to 198.18.0.2, with so many bytes behind the IP header; `fragment` as in the header. */
static struct made_frame ipv4_frame(int tag, uint8_t protocol, uint16_t fragment, const uint8_t *transport, uint32_t size)
{
    struct made_frame frame = { .length = 14 };
    uint8_t *ip;

    if (tag == TAGGED) {
        wire_put_u16(frame.bytes + 12, 0x8100);
        wire_put_u16(frame.bytes + 14, 7);
        frame.length += 4;
    }
    wire_put_u16(frame.bytes + frame.length - 2, 0x0800);
    ip = frame.bytes + frame.length;
    ip[0] = 0x45;
    wire_put_u16(ip + 2, (uint16_t)(20 + size));
    wire_put_u16(ip + 6, fragment);
    ip[8] = 64;
    ip[9] = protocol;
    wire_put_u32(ip + 12, 0xc6120001);
    wire_put_u32(ip + 16, 0xc6120002);
    memcpy(ip + 20, transport, size);
    frame.length += 20 + size;
    return frame;
}

/* With a fragment header, unless `fragment` is 0. */
static struct made_frame ipv6_frame(uint8_t protocol, uint16_t fragment, const uint8_t *transport, uint32_t size)
{
    struct made_frame frame = { .length = 14 + 40 };
    uint8_t *ip = frame.bytes + 14;
    uint32_t header = fragment ? 8 : 0;

    wire_put_u16(frame.bytes + 12, 0x86dd);
    ip[0] = 0x60;
    wire_put_u16(ip + 4, (uint16_t)(size + header));
    ip[6] = fragment ? 44 : protocol;
    ip[7] = 64;
    ip[8] = ip[24] = 0x20;
    ip[39] = 1;
    if (fragment) {
        ip[40] = protocol;
        wire_put_u16(ip + 42, fragment);
    }
    memcpy(ip + 40 + header, transport, size);
    frame.length += header + size;
    return frame;
}

static struct made_frame tcp_frame(uint8_t flags)
{
    uint8_t tcp[20] = { [12] = 0x50, [13] = flags };

    return ipv4_frame(UNTAGGED, IP_TCP, 0, tcp, sizeof tcp);
}

/* Destination options of 16 bytes before it. */
static const uint8_t options_and_tcp[36] = { IP_TCP, 1, 1, 12, [28] = 0x50, [29] = TCP_SYN | TCP_ACK };
static const uint8_t tcp_bytes[20] = { [12] = 0x50, [13] = TCP_SYN | TCP_ACK };
static const uint8_t udp_bytes[12] = { 0, 53, 0, 53, 0, 12 };
static const uint8_t no_port[36] = { 3, 3, [8] = 0x45, [8 + 9] = IP_UDP };
static const uint8_t too_big[36] = { 3, 4, [8] = 0x45, [8 + 9] = IP_UDP };
static const uint8_t no_route6[56] = { 1, 0, [8] = 0x60, [8 + 6] = IP_UDP };
static const uint8_t echo[16] = { 8, 0 };

static void test_glance(void **state)
{
    const struct {
        const char *name;
        struct made_frame frame;
        struct glance wanted;
    } cases[] = {
        { "TCP", ipv4_frame(UNTAGGED, IP_TCP, 0, tcp_bytes, 20), { 40, TCP_SYN | TCP_ACK, false } },
        { "TCP with a tag", ipv4_frame(TAGGED, IP_TCP, 0, tcp_bytes, 20), { 40, TCP_SYN | TCP_ACK, false } },
        { "UDP", ipv4_frame(TAGGED, IP_UDP, 0, udp_bytes, 12), { 32, 0, false } },
        { "first fragment of TCP", ipv4_frame(UNTAGGED, IP_TCP, 0x2000, tcp_bytes, 20), { 40, TCP_SYN | TCP_ACK, false } },
        { "later fragment of TCP", ipv4_frame(UNTAGGED, IP_TCP, 0x2001, tcp_bytes, 20), { 40, 0, false } },
        { "unreachable port", ipv4_frame(UNTAGGED, IP_ICMP, 0, no_port, 36), { 56, 0, true } },
        { "too big", ipv4_frame(UNTAGGED, IP_ICMP, 0, too_big, 36), { 56, 0, false } },
        { "echo", ipv4_frame(UNTAGGED, IP_ICMP, 0, echo, 16), { 36, 0, false } },
        { "TCP over IPv6", ipv6_frame(IP_TCP, 0, tcp_bytes, 20), { 60, TCP_SYN | TCP_ACK, false } },
        { "first fragment over IPv6", ipv6_frame(IP_TCP, 1, tcp_bytes, 20), { 68, TCP_SYN | TCP_ACK, false } },
        { "later fragment over IPv6", ipv6_frame(IP_TCP, 8, tcp_bytes, 20), { 68, 0, false } },
        { "TCP behind options of IPv6", ipv6_frame(60, 0, options_and_tcp, 36), { 76, TCP_SYN | TCP_ACK, false } },
        { "options of IPv6 that are cut", ipv6_frame(60, 0, options_and_tcp, 12), { 52, 0, false } },
        { "no route over IPv6", ipv6_frame(IP_ICMPV6, 0, no_route6, 56), { 96, 0, true } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct glance found = glance_at(cases[i].frame.bytes, cases[i].frame.length);

        if (found.ip_bytes != cases[i].wanted.ip_bytes || found.tcp_flags != cases[i].wanted.tcp_flags ||
            found.is_unreachable != cases[i].wanted.is_unreachable)
            fail_msg("%s: %" PRIu32 " bytes, flags %02x, unreachable %d", cases[i].name, found.ip_bytes, found.tcp_flags,
                     found.is_unreachable);
    }
}

/* What decode.h reads of the same frame is the same. */
static void test_glance_is_what_is_decoded(void **state)
{
    const struct made_frame frames[] = {
        ipv4_frame(TAGGED, IP_TCP, 0, tcp_bytes, 20), ipv4_frame(UNTAGGED, IP_UDP, 0, udp_bytes, 12),
        ipv4_frame(UNTAGGED, IP_ICMP, 0, no_port, 36), ipv4_frame(UNTAGGED, IP_ICMP, 0, echo, 16),
        ipv6_frame(IP_TCP, 0, tcp_bytes, 20), ipv6_frame(IP_TCP, 1, tcp_bytes, 20), ipv6_frame(IP_ICMPV6, 0, no_route6, 56),
    };

    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        struct glance found = glance_at(frames[i].bytes, frames[i].length);
        struct packet_view view;

        if (decode_frame(DECODE_ETHERNET, frames[i].bytes, frames[i].length, frames[i].length, false, &view) != DECODE_OK)
            fail_msg("frame %zu cannot be read", i);
        assert_int_equal(found.ip_bytes, view.ip_bytes);
        assert_int_equal(found.tcp_flags, view.tcp_flags);
        assert_int_equal(found.is_unreachable, view.is_unreachable);
    }
}

/* In memory of just that size, for the sanitizer to watch. */
static void test_glance_at_cut_frames(void **state)
{
    const struct made_frame frames[] = { ipv4_frame(TAGGED, IP_TCP, 0, tcp_bytes, 20), ipv6_frame(IP_TCP, 1, tcp_bytes, 20),
                                         ipv4_frame(UNTAGGED, IP_ICMP, 0, no_port, 36) };

    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        for (uint32_t length = 0; length < frames[i].length; length++) {
            uint8_t *cut = memory_alloc(length + 1);
            struct glance found;

            memcpy(cut + 1, frames[i].bytes, length);
            found = glance_at(cut + 1, length);
            if (length < 30)
                assert_int_equal(found.tcp_flags, 0);
            free(cut);
        }
    }
}

/* ---- a ledger ---- */

struct desk {
    struct flow_ledger *ledger;
    struct sent_flow_keeper keeper;
    struct sent_tally *tallies;
};

static struct desk open_desk(void)
{
    struct desk desk;
    struct error err;

    desk.ledger = flow_ledger_new(&err);
    assert_non_null(desk.ledger);
    desk.keeper = flow_ledger_keeper(desk.ledger);
    desk.tallies = flow_ledger_tallies(desk.ledger);
    return desk;
}

static struct sent_flow flow_of(uint32_t number)
{
    return (struct sent_flow){
        .address = { ip_address_from_v4(0xc6120001 + number), ip_address_from_v4(0xc6130001) },
        .port = { 40000, 443 },
        .link = { 0, 1 },
        .vlan = { 0, 12 },
        .protocol = IP_TCP,
        .virtual_host = number,
        .label = "TLS",
    };
}

static uint32_t begin(const struct desk *desk, uint32_t number)
{
    struct sent_flow flow = flow_of(number);

    return desk->keeper.begin(desk->keeper.self, &flow);
}

static void end(const struct desk *desk, uint32_t slot, uint64_t frames)
{
    desk->keeper.end(desk->keeper.self, slot, frames);
}

static void handle(const struct desk *desk, uint32_t slot, enum flow_side side, const struct made_frame *made, bool is_sent,
                   int64_t time_ns)
{
    struct frame frame = { .length = made->length, .bytes = made->bytes, .flow = sent_flow_mark(slot, side) };

    if (is_sent)
        sent_count_frame(desk->tallies, &frame, time_ns);
    sent_count_handled(desk->tallies, &frame, 1);
}

static void send_flags(const struct desk *desk, uint32_t slot, enum flow_side side, uint8_t flags, int64_t time_ns)
{
    struct made_frame made = tcp_frame(flags);

    handle(desk, slot, side, &made, true, time_ns);
}

static void test_flow_is_over_when_all_is_handled(void **state)
{
    struct desk desk = open_desk();
    struct made_frame error = ipv4_frame(UNTAGGED, IP_ICMP, 0, no_port, 36);
    struct made_frame data = tcp_frame(TCP_ACK | TCP_PSH);
    struct sent_record record;
    uint32_t slot = begin(&desk, 5);
    uint32_t found;

    (void)state;
    flow_ledger_add_population(desk.ledger, 0);
    flow_ledger_add_population(desk.ledger, 4);
    flow_ledger_name_link(desk.ledger, 1, "outside");
    send_flags(&desk, slot, FLOW_INITIATOR, TCP_SYN, 1000);
    send_flags(&desk, slot, FLOW_RESPONDER, TCP_SYN | TCP_ACK, 2000);
    handle(&desk, slot, FLOW_INITIATOR, &data, false, 0);
    send_flags(&desk, slot, FLOW_RESPONDER, TCP_RST, 5000);
    assert_false(flow_ledger_over(desk.ledger, 0, &found));
    end(&desk, slot, 5);
    assert_false(flow_ledger_over(desk.ledger, 0, &found));
    assert_true(flow_ledger_record(desk.ledger, slot, ORIGIN_NS, &record));
    assert_true(record.is_cut);
    handle(&desk, slot, FLOW_RESPONDER, &error, true, 9000);
    assert_true(flow_ledger_over(desk.ledger, 0, &found));
    assert_int_equal(found, slot);
    assert_false(flow_ledger_over(desk.ledger, 1, &found));
    assert_true(flow_ledger_record(desk.ledger, slot, ORIGIN_NS, &record));
    assert_false(record.is_cut);
    assert_int_equal(record.unsent, 1);
    assert_int_equal(record.flow.unreachable, 1);
    assert_int_equal(record.flow.packets[FLOW_INITIATOR], 1);
    assert_int_equal(record.flow.packets[FLOW_RESPONDER], 2);
    assert_int_equal(record.flow.bytes[FLOW_RESPONDER], 80);
    assert_int_equal(record.flow.tcp_flags[FLOW_INITIATOR], TCP_SYN);
    assert_int_equal(record.flow.tcp_flags[FLOW_RESPONDER], TCP_SYN | TCP_ACK | TCP_RST);
    assert_int_equal(record.flow.start.ns, ORIGIN_NS + 1000);
    assert_int_equal(record.flow.duration_ns, 4000);
    assert_int_equal(record.flow.opening, FLOW_OPENING_HANDSHAKE);
    assert_int_equal(record.flow.ending, FLOW_ENDING_RESET);
    assert_int_equal(record.flow.closing_side, FLOW_RESPONDER);
    assert_int_equal(record.population, 2);
    assert_int_equal(record.host, 2);
    assert_string_equal(record.link[0], "");
    assert_string_equal(record.link[1], "outside");
    flow_ledger_give_back(desk.ledger, 1);
    assert_int_equal(flow_ledger_used(desk.ledger), 0);
    assert_int_equal(begin(&desk, 6), slot); /* it is used again, and empty */
    assert_false(flow_ledger_record(desk.ledger, slot, ORIGIN_NS, &record));
    flow_ledger_free(desk.ledger);
}

/* As many as there may be: the first and the last host of each are found. */
static void test_all_populations(void **state)
{
    enum { HOSTS = 3 };
    struct desk desk = open_desk();

    (void)state;
    for (uint32_t i = 0; i < FLOW_LEDGER_POPULATIONS; i++)
        flow_ledger_add_population(desk.ledger, i * HOSTS);
    for (uint32_t host = 0; host < FLOW_LEDGER_POPULATIONS * HOSTS; host++) {
        struct sent_record record;

        flow_ledger_record(desk.ledger, begin(&desk, host), ORIGIN_NS, &record);
        assert_int_equal(record.population, host / HOSTS + 1);
        assert_int_equal(record.host, host % HOSTS + 1);
    }
    flow_ledger_free(desk.ledger);
}

static void test_names(void **state)
{
    struct desk desk = open_desk();
    struct sent_flow flow = flow_of(0);
    struct sent_record record;
    char name[100];
    uint32_t slot;

    (void)state;
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    flow.label = name;
    slot = desk.keeper.begin(desk.keeper.self, &flow);
    flow_ledger_record(desk.ledger, slot, 0, &record);
    assert_int_equal(strlen(record.flow.application), FLOW_LEDGER_NAME_BYTES - 1);
    for (int i = 0; i < FLOW_LEDGER_NAMES + 10; i++) {
        snprintf(name, sizeof name, "label %d", i);
        slot = desk.keeper.begin(desk.keeper.self, &flow);
        flow_ledger_record(desk.ledger, slot, 0, &record);
        assert_string_equal(record.flow.application, i < FLOW_LEDGER_NAMES - 2 ? name : "");
    }
    snprintf(name, sizeof name, "label %d", 7);
    slot = desk.keeper.begin(desk.keeper.self, &flow);
    flow_ledger_record(desk.ledger, slot, 0, &record);
    assert_string_equal(record.flow.application, name);
    flow_ledger_free(desk.ledger);
}

static void test_no_slot_is_left(void **state)
{
    struct desk desk = open_desk();
    uint32_t slot;

    (void)state;
    for (uint32_t i = 0; i < FLOW_LEDGER_SLOTS; i++) {
        slot = begin(&desk, i);
        if (slot != i)
            fail_msg("slot %" PRIu32 " for flow %" PRIu32, slot, i);
    }
    assert_int_equal(begin(&desk, 0), FRAME_NO_FLOW);
    assert_int_equal(sent_flow_mark(FRAME_NO_FLOW, FLOW_RESPONDER), FRAME_NO_FLOW);
    end(&desk, FRAME_NO_FLOW, 7); /* does nothing */
    assert_int_equal(flow_ledger_counts(desk.ledger).no_room, 1);
    end(&desk, 77, 0);
    assert_true(flow_ledger_over(desk.ledger, 0, &slot));
    flow_ledger_give_back(desk.ledger, 1);
    assert_int_equal(begin(&desk, 0), 77);
    assert_int_equal(begin(&desk, 0), FRAME_NO_FLOW);
    assert_int_equal(flow_ledger_used(desk.ledger), FLOW_LEDGER_SLOTS);
    flow_ledger_free(desk.ledger);
}

/* ---- three threads ---- */

enum { MANY_FLOWS = FLOW_LEDGER_SLOTS + 5000, LIVE_FLOWS = 300 }; /* the queues go round */

struct relay {
    struct desk desk;
    struct frame_ring *ring;
    uint64_t written, frames, wrong;
    uint8_t *seen; /* by flow */
};

static uint64_t frames_of(uint32_t number)
{
    return number % 3;
}

/* Frames of LIVE_FLOWS flows at once, in turn. */
static void make_frames(struct relay *relay)
{
    struct made_frame made = tcp_frame(TCP_ACK);
    uint32_t slots[LIVE_FLOWS];

    for (uint32_t number = 0; number < MANY_FLOWS; number += LIVE_FLOWS) {
        uint32_t live = MANY_FLOWS - number < LIVE_FLOWS ? MANY_FLOWS - number : LIVE_FLOWS;

        for (uint32_t i = 0; i < live; i++)
            while ((slots[i] = begin(&relay->desk, number + i)) == FRAME_NO_FLOW)
                sched_yield();
        for (uint64_t turn = 0; turn < 2; turn++) {
            for (uint32_t i = 0; i < live; i++) {
                const struct frame frame = { .length = made.length, .bytes = made.bytes,
                                             .flow = sent_flow_mark(slots[i], FLOW_INITIATOR) };

                while (turn < frames_of(number + i) && !frame_ring_push(relay->ring, &frame))
                    sched_yield();
            }
        }
        for (uint32_t i = 0; i < live; i++)
            end(&relay->desk, slots[i], frames_of(number + i));
    }
    frame_ring_finish(relay->ring);
}

static void *send_frames(void *argument)
{
    struct relay *relay = argument;
    struct frame frames[64];
    size_t count;

    while ((count = frame_ring_take(relay->ring, frames, 64)) > 0 || !frame_ring_is_done(relay->ring)) {
        for (size_t i = 0; i < count; i++)
            sent_count_frame(relay->desk.tallies, &frames[i], 1);
        sent_count_handled(relay->desk.tallies, frames, count);
        frame_ring_release(relay->ring, count);
        if (count == 0)
            sched_yield();
    }
    return NULL;
}

static void note_written(struct relay *relay, uint32_t slot)
{
    struct sent_record record;
    bool is_sent = flow_ledger_record(relay->desk.ledger, slot, 0, &record);
    uint32_t number = ip_address_to_v4(&record.flow.address[0]) - 0xc6120001;

    relay->written++;
    relay->frames += record.flow.packets[0];
    if (number >= MANY_FLOWS || relay->seen[number]++ || record.flow.packets[0] != frames_of(number) || record.is_cut ||
        is_sent != (frames_of(number) > 0) || record.flow.bytes[0] != 40 * frames_of(number))
        relay->wrong++;
}

static void *write_flows(void *argument)
{
    struct relay *relay = argument;
    uint32_t slot;

    while (relay->written < MANY_FLOWS) {
        if (!flow_ledger_over(relay->desk.ledger, 0, &slot)) {
            sched_yield();
            continue;
        }
        note_written(relay, slot);
        flow_ledger_give_back(relay->desk.ledger, 1);
    }
    return NULL;
}

static void test_three_threads(void **state)
{
    struct relay relay = { .desk = open_desk(), .ring = frame_ring_new(1 << 16),
                           .seen = memory_alloc(MANY_FLOWS) };
    pthread_t sender;
    pthread_t writer;

    (void)state;
    assert_int_equal(pthread_create(&sender, NULL, send_frames, &relay), 0);
    assert_int_equal(pthread_create(&writer, NULL, write_flows, &relay), 0);
    make_frames(&relay);
    pthread_join(sender, NULL);
    pthread_join(writer, NULL);
    assert_int_equal(relay.wrong, 0);
    assert_int_equal(relay.written, MANY_FLOWS);
    assert_int_equal(flow_ledger_used(relay.desk.ledger), 0);
    free(relay.seen);
    frame_ring_free(relay.ring);
    flow_ledger_free(relay.desk.ledger);
}

/* ---- lines ---- */

static struct flow_log *open_log(struct flow_ledger *ledger, enum flow_log_format format, const char *path)
{
    struct flow_log *log = memory_alloc(sizeof *log);

    log->ledger = ledger;
    log->format = format;
    log->fd = open(path, O_RDWR | O_APPEND | O_CREAT, 0600);
    assert_true(log->fd >= 0);
    return log;
}

static void close_desk(struct desk *desk, struct flow_log *log)
{
    close(log->fd);
    free(log);
    flow_ledger_free(desk->ledger);
}

static char *text_of(const char *path)
{
    char *text = memory_alloc(1 << 20);
    int fd = open(path, O_RDONLY);

    assert_true(fd >= 0);
    assert_true(read(fd, text, (1 << 20) - 1) >= 0);
    close(fd);
    return text;
}

static size_t count_lines(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += *text == '\n';
    return count;
}

/* A flow of one packet that is over. */
static void whole_flow(const struct desk *desk, uint32_t number)
{
    uint32_t slot = begin(desk, number);

    send_flags(desk, slot, FLOW_INITIATOR, TCP_SYN, 1000);
    end(desk, slot, 1);
}

static void whole_flows(const struct desk *desk, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        whole_flow(desk, i);
}

static void test_lines(void **state)
{
    static const char *const wanted[] = {
        [FLOW_LOG_CSV] =
            "2026-11-23 00:00:00.000001,2026-11-23 00:00:00.000003,0.000002,198.18.0.3,198.19.0.1,40000,443,TCP,......S.,0,0,"
            "1,40,1,40,...A.RS.,a_b_c,RSTR,1,3,worm,,out,,12,0,0,0\n",
        [FLOW_LOG_JSON] =
            "{\"ts\":1795392000.000001,\"id.orig_h\":\"198.18.0.3\",\"id.resp_h\":\"198.19.0.1\",\"id.orig_p\":40000,"
            "\"id.resp_p\":443,\"proto\":\"tcp\",\"duration\":0.000002,\"conn_state\":\"RSTR\",\"history\":\"Shr\","
            "\"orig_pkts\":1,\"orig_ip_bytes\":40,\"resp_pkts\":1,\"resp_ip_bytes\":40,\"label\":\"a_b_c\",\"population\":1,"
            "\"host\":3,\"overlay\":\"worm\",\"resp_link\":\"out\",\"resp_vlan\":12,\"errors\":0,\"unsent\":0,\"cut\":false}\n",
    };

    (void)state;
    for (int format = FLOW_LOG_CSV; format <= FLOW_LOG_JSON; format++) {
        const char *path = scratch_path(format == FLOW_LOG_CSV ? "lines.csv" : "lines.json");
        struct desk desk = open_desk();
        struct flow_log *log = open_log(desk.ledger, (enum flow_log_format)format, path);
        struct sent_flow flow = flow_of(2);
        uint32_t slot;
        char *text;

        flow.label = "a,b\"c";
        flow.overlay = "worm";
        flow_ledger_add_population(desk.ledger, 0);
        flow_ledger_name_link(desk.ledger, 1, "out");
        slot = desk.keeper.begin(desk.keeper.self, &flow);
        send_flags(&desk, slot, FLOW_INITIATOR, TCP_SYN, 1000);
        send_flags(&desk, slot, FLOW_RESPONDER, TCP_SYN | TCP_ACK | TCP_RST, 3000);
        end(&desk, slot, 2);
        flow_log_write(log, ORIGIN_NS);
        text = text_of(path);
        assert_string_equal(text, wanted[format]);
        free(text);
        close_desk(&desk, log);
    }
}

static void test_formats(void **state)
{
    (void)state;
    assert_int_equal(flow_log_format_of("flows.csv"), FLOW_LOG_CSV);
    assert_int_equal(flow_log_format_of("flows"), FLOW_LOG_CSV);
    assert_int_equal(flow_log_format_of("json"), FLOW_LOG_CSV);
    assert_int_equal(flow_log_format_of("flows.json"), FLOW_LOG_JSON);
    assert_int_equal(flow_log_format_of("/a/flows.JSONL"), FLOW_LOG_JSON);
    assert_int_equal(flow_log_format_of("flows.ndjson"), FLOW_LOG_JSON);
}

static void test_what_cannot_be_written_is_kept(void **state)
{
    const char *path = scratch_path("kept.csv");
    struct desk desk = open_desk();
    struct flow_log *log = open_log(desk.ledger, FLOW_LOG_CSV, "/dev/full");
    char *text;

    (void)state;
    whole_flows(&desk, 2 * FLOW_LEDGER_BATCH);
    flow_log_write(log, ORIGIN_NS);
    assert_int_equal(log->failure, ENOSPC);
    assert_int_equal(flow_ledger_used(desk.ledger), 2 * FLOW_LEDGER_BATCH);
    close(log->fd);
    log->fd = open(path, O_RDWR | O_APPEND | O_CREAT, 0600);
    flow_log_write(log, ORIGIN_NS);
    assert_int_equal(log->failure, 0);
    assert_int_equal(flow_ledger_used(desk.ledger), 0);
    assert_int_equal(flow_ledger_counts(desk.ledger).logged, 2 * FLOW_LEDGER_BATCH);
    assert_int_equal(flow_ledger_counts(desk.ledger).lost, 0);
    text = text_of(path);
    assert_int_equal(count_lines(text), 2 * FLOW_LEDGER_BATCH);
    free(text);
    close_desk(&desk, log);
}

static void test_what_is_left_at_the_end_is_lost_on_a_full_disk(void **state)
{
    struct desk desk = open_desk();
    struct flow_log *log = open_log(desk.ledger, FLOW_LOG_CSV, "/dev/full");
    uint32_t slot = 0;

    (void)state;
    whole_flows(&desk, 100);
    flow_log_write(log, ORIGIN_NS);
    flow_log_write_rest(log, ORIGIN_NS);
    assert_int_equal(flow_ledger_counts(desk.ledger).lost, 100);
    assert_int_equal(flow_ledger_counts(desk.ledger).logged, 0);
    assert_false(flow_ledger_next_left(desk.ledger, &slot));
    close_desk(&desk, log);
}

/* The writer is killed at some point of a batch; then another one writes the rest. */
static void test_killed_while_writing(void **state)
{
    enum { BEFORE_IT_WRITES, AMID_A_LINE, WHEN_ALL_IS_WRITTEN, WHEN_THAT_IS_SAID };

    (void)state;
    for (int when = BEFORE_IT_WRITES; when <= WHEN_THAT_IS_SAID; when++) {
        const char *path = scratch_path("killed.csv");
        struct desk desk = open_desk();
        struct flow_log *log;
        char *text;

        unlink(path);
        log = open_log(desk.ledger, FLOW_LOG_CSV, path);
        whole_flows(&desk, 10);
        flow_log_write(log, ORIGIN_NS);
        begin(&desk, 98); /* nothing was sent of it */
        send_flags(&desk, begin(&desk, 99), FLOW_INITIATOR, TCP_SYN, 5000);
        whole_flow(&desk, 10);
        if (when != WHEN_THAT_IS_SAID) {
            uint32_t slot;

            assert_true(flow_ledger_over(desk.ledger, 0, &slot));
            flow_ledger_write_begins(desk.ledger, &slot, 1, lseek(log->fd, 0, SEEK_END));
        }
        if (when == AMID_A_LINE)
            assert_int_equal(write(log->fd, "2026-11-23 00:00", 16), 16);
        if (when == WHEN_ALL_IS_WRITTEN)
            assert_int_equal(write(log->fd, "2026-11-23 00:00\n", 17), 17); /* not known to be so: it is written again */
        if (when == WHEN_THAT_IS_SAID)
            flow_log_write(log, ORIGIN_NS);
        flow_log_mend(log, log->fd, 0);
        flow_log_write_rest(log, ORIGIN_NS);
        text = text_of(path);
        assert_int_equal(count_lines(text), 12);
        assert_int_equal(text[strlen(text) - 1], '\n');
        assert_null(strstr(text, "00:00\n"));
        assert_null(strstr(text, "00:002026"));
        assert_int_equal(flow_ledger_counts(desk.ledger).logged, 12);
        free(text);
        close_desk(&desk, log);
    }
}

/* A disk that has room for a part of a line now, and for the rest later: the line is whole, and none is there twice. */
static void test_rest_of_a_line_follows(void **state)
{
    struct desk desk = open_desk();
    struct flow_log *log = open_log(desk.ledger, FLOW_LOG_CSV, "/dev/null");
    char *text = memory_alloc(1 << 20);
    size_t got = 0;
    int ends[2];

    (void)state;
    close(log->fd);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0); /* one that is full is a disk that is full */
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 4096);
    log->fd = ends[1];
    whole_flows(&desk, 1000);
    while (flow_ledger_used(desk.ledger) > 0 || log->rest > 0) {
        ssize_t more;

        flow_log_write(log, ORIGIN_NS);
        more = read(ends[0], text + got, 100 + got % 977);
        assert_true(more > 0);
        got += (size_t)more;
    }
    for (ssize_t more; (more = read(ends[0], text + got, 4096)) > 0; got += (size_t)more)
        ;
    assert_int_equal(count_lines(text), 1000);
    assert_int_equal(flow_ledger_counts(desk.ledger).logged, 1000);
    for (uint32_t i = 0; i < 1000; i++) {
        char wanted[100];

        snprintf(wanted, sizeof wanted, ",198.18.%u.%u,198.19.0.1,40000,443,TCP,......S.,", (i + 1) / 256, (i + 1) % 256);
        if (strstr(text, wanted) == NULL)
            fail_msg("no line of flow %" PRIu32, i);
    }
    close(ends[0]);
    free(text);
    close_desk(&desk, log);
}

/* What a killed writer has left of a line is cut off, but nothing that was there before it. */
static void test_mended(void **state)
{
    const struct {
        const char *before, *after, *wanted;
    } cases[] = {
        { "old\n", "new\nne", "old\nnew\n" },
        { "old\n", "new", "old\n" },
        { "old\n", "new\n", "old\nnew\n" },
        { "old\n", "", "old\n" },
        { "old", "new", "old" }, /* not its business */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = scratch_path("mended.csv");
        struct desk desk = open_desk();
        struct flow_log *log;
        char *text;

        unlink(path);
        log = open_log(desk.ledger, FLOW_LOG_CSV, path);
        assert_int_equal(write(log->fd, cases[i].before, strlen(cases[i].before)), strlen(cases[i].before));
        assert_int_equal(write(log->fd, cases[i].after, strlen(cases[i].after)), strlen(cases[i].after));
        flow_ledger_write_begins(desk.ledger, NULL, 0, 1); /* of one that was taken over: below what it was given */
        flow_log_mend(log, log->fd, (int64_t)strlen(cases[i].before));
        text = text_of(path);
        assert_string_equal(text, cases[i].wanted);
        free(text);
        close_desk(&desk, log);
    }
}

/* Every flow of ours is possible, however it ends and wherever its sender was killed; others are left out. */
static void test_possible_flows(void **state)
{
    static const uint8_t endings[] = { TCP_SYN, TCP_FIN | TCP_ACK, TCP_RST };
    struct desk desk = open_desk();
    struct made_frame data = tcp_frame(TCP_ACK);
    uint32_t slot;

    (void)state;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        for (int side = 0; side < 2; side++) {
            slot = begin(&desk, 1);
            assert_true(flow_ledger_is_possible(desk.ledger, slot));
            send_flags(&desk, slot, (enum flow_side)side, endings[i], 1000);
            assert_true(flow_ledger_is_possible(desk.ledger, slot));
            end(&desk, slot, 1);
            assert_true(flow_ledger_is_possible(desk.ledger, slot));
        }
    }
    slot = begin(&desk, 2);
    for (int i = 0; i < 65; i++) {
        const struct frame frame = { .length = data.length, .bytes = data.bytes, .flow = sent_flow_mark(slot, FLOW_INITIATOR) };
        struct sent_record record;

        if (i < 64) /* that were not said to be handled */
            assert_true(flow_ledger_is_possible(desk.ledger, slot));
        sent_count_frame(desk.tallies, &frame, 1);
        flow_ledger_record(desk.ledger, slot, ORIGIN_NS, &record);
        assert_int_equal(record.unsent, 0);
    }
    assert_false(flow_ledger_is_possible(desk.ledger, slot));
    slot = begin(&desk, 3);
    desk.tallies[slot].ending = 7;
    assert_false(flow_ledger_is_possible(desk.ledger, slot));
    desk.tallies[slot].ending = FLOW_ENDING_NONE;
    desk.tallies[slot].bytes[0] = 1;
    assert_false(flow_ledger_is_possible(desk.ledger, slot));
    flow_ledger_free(desk.ledger);
}

/* The memory of a ledger, which the tallies lie in. */
static uint8_t *memory_of(const struct desk *desk, size_t *size)
{
    uintptr_t within = (uintptr_t)desk->tallies;
    FILE *maps = fopen("/proc/self/maps", "r");
    uintptr_t from = 0;
    uintptr_t to = 0;
    char line[512];

    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) &&
           (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &from, &to) != 2 || within < from || within >= to))
        ;
    fclose(maps);
    assert_true(within >= from && within < to);
    *size = to - from;
    return (uint8_t *)from;
}

enum hostile_bytes { ALL_SET, RANDOM, ALL_ONE };

static void fill(uint8_t *memory, size_t size, enum hostile_bytes bytes)
{
    uint64_t word = UINT64_C(0x9e3779b97f4a7c15);

    for (size_t i = 0; i + sizeof word <= size; i += sizeof word) {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        if (bytes == RANDOM)
            memcpy(memory + i, &word, sizeof word);
        else
            memset(memory + i, bytes == ALL_SET ? 0xff : 1, sizeof word);
    }
}

/* Whatever an engine that was taken over has left in it: lines are whole, and not more than there were flows. */
static void test_hostile_ledger(void **state)
{
    (void)state;
    for (int bytes = ALL_SET; bytes <= ALL_ONE; bytes++) {
        const char *path = scratch_path("hostile.json");
        struct desk desk = open_desk();
        struct flow_log *log;
        struct stat info;
        size_t size;
        uint8_t *memory = memory_of(&desk, &size);

        unlink(path);
        log = open_log(desk.ledger, FLOW_LOG_JSON, path);
        assert_int_equal(write(log->fd, "old\n", 4), 4);
        fill(memory, size, (enum hostile_bytes)bytes);
        flow_log_mend(log, log->fd, 4);
        flow_log_write_rest(log, ORIGIN_NS);
        flow_log_mend(log, log->fd, 4);
        assert_int_equal(fstat(log->fd, &info), 0);
        assert_true(info.st_size >= 4);
        assert_int_equal(flow_log_whole(log->fd, 0), info.st_size);
        if (info.st_size > 1 << 16)
            fail_msg("case %d: %lld bytes", bytes, (long long)info.st_size);
        close_desk(&desk, log);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_glance),
        cmocka_unit_test(test_glance_is_what_is_decoded),
        cmocka_unit_test(test_glance_at_cut_frames),
        cmocka_unit_test(test_flow_is_over_when_all_is_handled),
        cmocka_unit_test(test_all_populations),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_no_slot_is_left),
        cmocka_unit_test(test_three_threads),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_what_cannot_be_written_is_kept),
        cmocka_unit_test(test_what_is_left_at_the_end_is_lost_on_a_full_disk),
        cmocka_unit_test(test_killed_while_writing),
        cmocka_unit_test(test_rest_of_a_line_follows),
        cmocka_unit_test(test_mended),
        cmocka_unit_test(test_possible_flows),
        cmocka_unit_test(test_hostile_ledger),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
