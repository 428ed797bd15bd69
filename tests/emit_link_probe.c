/*
 * emit_link_probe - what test_emit_link.sh runs inside its namespace.
 *
 *     emit_link_probe LINK FRAMES GAP_US LINGER_S
 *
 * Opens the link, answers for 198.18.0.1 to 198.18.0.10 and 2001:2::1 to 2001:2::a, sends FRAMES frames GAP_US microseconds
 * apart through a ring, prints what became of them as key=value, and then goes on answering
 * for LINGER_S seconds or until standard input ends.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/frame_ring.h"
#include "emit/emitter.h"
#include "emit/link.h"
#include "emit/receive_filter.h"
#include "emit/responder.h"
#include "net/wire.h"

#define FIRST_HOST UINT32_C(0xc6120001)  /* 198.18.0.1 */
#define FIRST_PEER UINT32_C(0xc6120101)  /* 198.18.1.1 */
#define LEAD_NS (20 * NS_PER_MS)         /* the first frame waits for the threads */

enum {
    HOSTS = 10,
    FRAME_BYTES = 200,
    RING_BYTES = 1 << 20,
    MOST_FRAMES = 1000000,
    MOST_GAP_US = 1000000,
    MOST_LINGER_S = 60
};

struct plan {
    struct frame_ring *ring;
    const atomic_bool *stop;
    uint32_t frames;
    int64_t gap_ns;
};

static void make_mac(uint32_t host, uint8_t mac[6])
{
    const uint8_t made[6] = { 0x02, 0xd5, 0, 0, 0, (uint8_t)host };

    memcpy(mac, made, sizeof made);
}

/* One family after the other. */
static const struct host_range ranges[] = {
    { { { [10] = 0xff, 0xff, 198, 18, 0, 1 } }, { { [10] = 0xff, 0xff, 198, 18, 0, HOSTS } }, 0 },
    { { { 0x20, 0x01, 0, 2, [15] = 1 } }, { { 0x20, 0x01, 0, 2, [15] = HOSTS } }, 0 },
};

/* The first five run Linux, the others Windows. */
static enum host_kind find_host(const void *self, const struct ip_address *asked, uint16_t vlan, struct link_host *host)
{
    (void)self;
    for (size_t i = 0; vlan == 0 && i < sizeof ranges / sizeof *ranges; i++) {
        uint64_t number = ip_address_distance(asked, &ranges[i].first);

        if (number >= HOSTS)
            continue;
        make_mac((uint32_t)number + 1, host->mac);
        host->stack = number < HOSTS / 2 ? (struct host_stack){ HOST_OS_LINUX, 64, IP_ID_COUNTER }
                                         : (struct host_stack){ HOST_OS_WINDOWS, 128, IP_ID_COUNTER };
        return HOST_VIRTUAL;
    }
    return HOST_NONE;
}

/* UDP to port 9, discard, of a MAC address that nobody has: the other end's kernel ignores it. */
static void make_frame(uint8_t bytes[FRAME_BYTES], uint32_t number)
{
    uint32_t host = number % HOSTS;

    memset(bytes, 0, FRAME_BYTES);
    make_mac(0xff, bytes);
    make_mac(host + 1, bytes + 6);
    wire_put_u16(bytes + 12, 0x0800);
    bytes[14] = 0x45;
    wire_put_u16(bytes + 16, FRAME_BYTES - 14);
    bytes[22] = 64;
    bytes[23] = 17;
    wire_put_u32(bytes + 26, FIRST_HOST + host);
    wire_put_u32(bytes + 30, FIRST_PEER + number % 100);
    wire_put_u16(bytes + 24, checksum_finish(checksum_add(0, bytes + 14, 20)));
    wire_put_u16(bytes + 34, 9);
    wire_put_u16(bytes + 36, 9);
    wire_put_u16(bytes + 38, FRAME_BYTES - 34); /* no check sum: 0 says so */
    wire_put_u32(bytes + 42, number);
}

static void *produce(void *self)
{
    const struct plan *plan = self;
    const struct timespec nap = { .tv_nsec = NS_PER_MS };
    uint8_t bytes[FRAME_BYTES];

    for (uint32_t i = 0; i < plan->frames; i++) {
        struct frame frame = { .due = { LEAD_NS + i * plan->gap_ns }, .length = sizeof bytes, .bytes = bytes };

        make_frame(bytes, i);
        while (!frame_ring_push(plan->ring, &frame)) {
            if (atomic_load(plan->stop))
                return NULL;
            nanosleep(&nap, NULL);
        }
    }
    frame_ring_finish(plan->ring);
    return NULL;
}

static int send_frames(const struct link *link, uint32_t frames, int64_t gap_ns,
                       struct emit_counts *counts, struct error *err)
{
    struct ip_network network = { ip_address_from_v4(UINT32_C(0xc6120000)), 96 + 15 };
    struct gate_network allowed = gate_network_of(&network);
    struct gate gate = { .networks = &allowed, .network_count = 1, .max_frame_bytes = (uint32_t)link->mtu + 14 };
    struct emit_link emitted = { .gate = &gate, .counts = counts };
    atomic_bool stop = false;
    struct plan plan = { frame_ring_new(RING_BYTES), &stop, frames, gap_ns };
    struct emit_clock clock = emit_clock_real();
    struct emitter emitter = { .links = { &emitted }, .clock = &clock, .stop = &stop };
    pthread_t producer;
    int status;

    emitted.sink = sink_open(SINK_PACKET, link, plan.ring, NULL, err);
    if (pthread_create(&producer, NULL, produce, &plan) != 0)
        return error_set(err, "cannot start a thread");
    status = emitter_run_ring(&emitter, plan.ring, err);
    atomic_store(&stop, true);
    pthread_join(producer, NULL);
    sink_close(emitted.sink);
    frame_ring_free(plan.ring);
    return status;
}

static void print_counts(const struct emit_counts *counts, uint64_t interface_packets)
{
    const struct log_histogram *lateness = &counts->lateness;

    printf("planned=%llu\nsent=%llu\ndropped=%llu\nrefused=%llu\ninterface=%llu\n",
           (unsigned long long)counts->planned, (unsigned long long)counts->sent,
           (unsigned long long)counts->dropped, (unsigned long long)counts->refused,
           (unsigned long long)interface_packets);
    printf("late_p50_ns=%lld\nlate_p99_ns=%lld\nlate_max_ns=%lld\n",
           (long long)log_histogram_quantile(lateness, 0.5),
           (long long)log_histogram_quantile(lateness, 0.99), (long long)lateness->max_ns);
    printf("stalls=%llu\nstalled_ns=%llu\n", (unsigned long long)counts->stalls,
           (unsigned long long)counts->stalled_ns);
    printf("ready\n");
    fflush(stdout);
}

static void linger(int seconds)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

    (void)poll(&input, 1, seconds * 1000);
}

static int run(const char *name, uint32_t frames, int64_t gap_ns, int linger_s, struct error *err)
{
    static struct emit_counts counts; /* zero */
    static struct answer_counts answers; /* zero */
    static struct address_claims claims;
    struct link link;
    const struct responder_config config = {
        .link = &link,
        .hosts = { .find = find_host, .virtual_hosts = ranges, .virtual_count = 2 },
        .counts = &answers,
        .claims = &claims,
    };
    struct receive_filter filter;
    struct responder *responder;
    uint64_t before;
    uint64_t after;
    int status = -1;

    if (link_open(&link, name, false, err) < 0)
        return -1;
    address_claims_init(&claims);
    receive_filter_ranges(&filter, ranges, sizeof ranges / sizeof *ranges, NULL, 0);
    (void)receive_filter_attach(&filter, link.receive_fd); /* nothing would be answered */
    responder = responder_new(&config);
    if (responder_start(responder, err) < 0)
        goto close;
    if (link_sent_packets(&link, &before, err) == 0 &&
        send_frames(&link, frames, gap_ns, &counts, err) == 0 &&
        link_sent_packets(&link, &after, err) == 0) {
        print_counts(&counts, after - before);
        linger(linger_s);
        status = 0;
    }
    responder_stop(responder);
    printf("arp_answers=%llu\nnd_answers=%llu\necho_answers=%llu\nresets=%llu\nunreachable=%llu\nconflicts=%llu\n",
           (unsigned long long)answers.sent[RESPONSE_ARP], (unsigned long long)answers.sent[RESPONSE_ND],
           (unsigned long long)answers.sent[RESPONSE_ECHO], (unsigned long long)answers.sent[RESPONSE_RESET],
           (unsigned long long)answers.sent[RESPONSE_UNREACHABLE], (unsigned long long)answers.conflicts);
close:
    responder_free(responder);
    link_close(&link);
    return status;
}

/* A number from 0 to `most`, or -1. */
static long parse(const char *text, long most)
{
    char *end;
    long value = strtol(text, &end, 10);

    return end != text && *end == '\0' && value >= 0 && value <= most ? value : -1;
}

int main(int argc, char **argv)
{
    struct error err = { "" };
    long frames = argc == 5 ? parse(argv[2], MOST_FRAMES) : -1;
    long gap_us = argc == 5 ? parse(argv[3], MOST_GAP_US) : -1;
    long linger_s = argc == 5 ? parse(argv[4], MOST_LINGER_S) : -1;

    if (frames < 0 || gap_us < 0 || linger_s < 0) {
        fprintf(stderr, "usage: emit_link_probe LINK FRAMES GAP_US LINGER_S\n");
        return 2;
    }
    if (run(argv[1], (uint32_t)frames, gap_us * NS_PER_US, (int)linger_s, &err) == 0)
        return 0;
    fprintf(stderr, "emit_link_probe: %s\n", err.text);
    return 1;
}
