/*
 * bench_exact - are frames on time? Run by bench/emit.sh, in network namespaces of its own.
 *
 *     bench_exact emit LINK SINK RATE SECONDS   by the emitter, through a ring, as dayshiftd does it
 *     bench_exact bare LINK RATE SECONDS        by a loop that does nothing else: what the machine allows
 *     bench_exact pcap FILE RATE SECONDS        the same schedule as a file, for others to replay
 *     bench_exact capture LINK FRAMES FILE      on the other end: when did each arrive, by the kernel's stamp
 *     bench_exact judge FILE RATE [ANCHOR]      errors against the schedule
 *
 * Frame i is due i / RATE seconds after the anchor, which the first two print (CLOCK_REALTIME). Without one the first
 * frame counts as on time. An error is a distance, early or late; drift is the median lateness of the last tenth minus
 * that of the first.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <pcap/pcap.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/frame_ring.h"
#include "base/mono_time.h"
#include "base/order.h"
#include "emit/emit_thread.h"
#include "emit/emitter.h"
#include "emit/link.h"
#include "net/wire.h"

#define LEAD_NS (200 * NS_PER_MS)    /* before the first frame is due */
#define BARE_SPIN_NS (50 * NS_PER_US)
#define QUIET_NS (2 * NS_PER_SECOND) /* without a frame the capture is over; not before the first */
#define WAIT_NS (30 * NS_PER_SECOND)

enum {
    FRAME_BYTES = 100,
    NUMBER_AT = 42,
    RING_BYTES = 16 << 20,
    BLOCK_BYTES = 1 << 20,
    BLOCKS = 64,
    SLOT_BYTES = 2048
};

struct arrival {
    uint64_t number;
    int64_t ns; /* CLOCK_REALTIME */
};

_Noreturn static void fail(const char *what)
{
    fprintf(stderr, "bench_exact: %s\n", what);
    exit(1);
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

static void nap(long ns)
{
    const struct timespec t = { .tv_nsec = ns };

    nanosleep(&t, NULL);
}

static int64_t due_ns(uint64_t number, double rate)
{
    return (int64_t)((double)number * 1e9 / rate);
}

/* UDP to port 9, discard, of a MAC address that nobody has. */
static void make_frame(uint8_t bytes[FRAME_BYTES], uint32_t number)
{
    const uint8_t addresses[12] = { 0x02, 0xd5, 0, 0, 0, 0xff, 0x02, 0xd5, 0, 0, 0, 1 };

    memset(bytes, 0, FRAME_BYTES);
    memcpy(bytes, addresses, sizeof addresses);
    wire_put_u16(bytes + 12, ETHERTYPE_IP);
    bytes[14] = 0x45;
    wire_put_u16(bytes + 16, FRAME_BYTES - 14);
    bytes[22] = 64;
    bytes[23] = 17;
    wire_put_u32(bytes + 26, UINT32_C(0xc6120001)); /* 198.18.0.1 */
    wire_put_u32(bytes + 30, UINT32_C(0xc6120002));
    wire_put_u16(bytes + 24, checksum_finish(checksum_add(0, bytes + 14, 20)));
    wire_put_u16(bytes + 34, 9);
    wire_put_u16(bytes + 36, 9);
    wire_put_u16(bytes + 38, FRAME_BYTES - 34);
    wire_put_u32(bytes + NUMBER_AT, number);
}

static void print_anchor(int64_t monotonic_ns)
{
    printf("anchor=%" PRId64 "\n", monotonic_ns + clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC));
}

/* On the last processor: the script keeps others off it. */
static void prepare_thread(void)
{
    const struct emit_thread_options options = { .cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1 };
    struct error err;

    if (emit_thread_prepare(&options, &err) < 0)
        fail(err.text);
}

/* ---- the emitter ---- */

struct emission {
    struct emitter *emitter;
    struct frame_ring *ring;
};

static void *run_emitter(void *argument)
{
    const struct emission *emission = argument;
    struct error err = { "" };

    prepare_thread();
    if (emitter_run_ring(emission->emitter, emission->ring, &err) < 0)
        fail(err.text);
    return NULL;
}

static void produce(struct frame_ring *ring, double rate, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        const struct frame frame = { .due = { due_ns(i, rate) }, .length = FRAME_BYTES };
        uint8_t *room;

        while ((room = frame_ring_reserve(ring)) == NULL)
            nap(1000000);
        make_frame(room, (uint32_t)i);
        frame_ring_commit(ring, &frame);
    }
    frame_ring_finish(ring);
}

static void emit(const char *link_name, const char *sink_name, double rate, double seconds)
{
    const struct ip_network network = { ip_address_from_v4(UINT32_C(0xc6120000)), 96 + 15 };
    struct emitter *emitter = calloc(1, sizeof *emitter);
    struct emit_counts *counts = calloc(1, sizeof *counts);
    struct frame_ring *ring = frame_ring_new(RING_BYTES);
    struct emission emission = { emitter, ring };
    struct emit_clock clock;
    struct gate_network allowed = gate_network_of(&network);
    struct gate gate = { .networks = &allowed, .network_count = 1 };
    struct emit_link emitted = { .gate = &gate, .counts = counts };
    atomic_bool stop = false;
    struct error err = { "" };
    enum sink_kind kind;
    struct link link;
    pthread_t thread;

    if (link_open(&link, link_name, false, &err) < 0 || sink_kind_parse(sink_name, &kind, &err) < 0)
        fail(err.text);
    emitted.sink = sink_open(kind, &link, ring, NULL, &err);
    *emitter = (struct emitter){ .links = { &emitted }, .clock = &clock, .stop = &stop };
    clock = emit_clock_real();
    clock.anchor_ns += LEAD_NS;
    if (emitted.sink == NULL || pthread_create(&thread, NULL, run_emitter, &emission) != 0)
        fail(err.text);
    produce(ring, rate, (uint64_t)(rate * seconds));
    pthread_join(thread, NULL);
    print_anchor(clock.anchor_ns);
    printf("sent=%" PRIu64 "\nlate_p50_ns=%" PRId64 "\nlate_p999_ns=%" PRId64 "\nbusy=%" PRIu64 "\nstalls=%" PRIu64 "\n",
           counts->sent, log_histogram_quantile(&counts->lateness, 0.5),
           log_histogram_quantile(&counts->lateness, 0.999), counts->busy, counts->stalls);
}

/* ---- the floor ---- */

static void bare(const char *link_name, double rate, double seconds)
{
    uint64_t count = (uint64_t)(rate * seconds);
    uint8_t (*frames)[FRAME_BYTES] = calloc(count, FRAME_BYTES);
    struct error err = { "" };
    struct link link;
    uint64_t sent = 0;
    int64_t anchor_ns;

    if (frames == NULL || link_open(&link, link_name, false, &err) < 0)
        fail(frames ? err.text : "no memory");
    prepare_thread();
    for (uint64_t i = 0; i < count; i++)
        make_frame(frames[i], (uint32_t)i);
    anchor_ns = clock_ns(CLOCK_MONOTONIC) + LEAD_NS;
    for (uint64_t i = 0; i < count; i++) {
        int64_t deadline_ns = anchor_ns + due_ns(i, rate);
        int64_t sleep_ns = deadline_ns - BARE_SPIN_NS;
        const struct timespec t = { sleep_ns / NS_PER_SECOND, sleep_ns % NS_PER_SECOND };

        if (clock_ns(CLOCK_MONOTONIC) < sleep_ns)
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
        while (clock_ns(CLOCK_MONOTONIC) < deadline_ns)
            continue;
        sent += send(link.packet_fd, frames[i], FRAME_BYTES, MSG_DONTWAIT) >= 0;
    }
    print_anchor(anchor_ns);
    printf("sent=%" PRIu64 "\n", sent);
}

/* ---- a file ---- */

static void write_pcap(const char *path, double rate, double seconds)
{
    pcap_t *pcap = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, FRAME_BYTES, PCAP_TSTAMP_PRECISION_NANO);
    pcap_dumper_t *dumper = pcap_dump_open(pcap, path);
    uint8_t bytes[FRAME_BYTES];

    if (dumper == NULL)
        fail(pcap_geterr(pcap));
    for (uint64_t i = 0; i < (uint64_t)(rate * seconds); i++) {
        int64_t ns = due_ns(i, rate);
        struct pcap_pkthdr header = { .caplen = FRAME_BYTES, .len = FRAME_BYTES };

        header.ts.tv_sec = ns / NS_PER_SECOND;
        header.ts.tv_usec = ns % NS_PER_SECOND; /* nanoseconds, as the file says */
        make_frame(bytes, (uint32_t)i);
        pcap_dump((u_char *)dumper, &header, bytes);
    }
    pcap_dump_close(dumper);
    pcap_close(pcap);
}

/* ---- the other end ---- */

/* The kernel writes frames and stamps into memory of ours, so that nobody has to be woken up for one. */
static uint8_t *open_capture(const char *link)
{
    const struct tpacket_req3 request = { .tp_block_size = BLOCK_BYTES, .tp_block_nr = BLOCKS, .tp_frame_size = SLOT_BYTES,
                                          .tp_frame_nr = BLOCKS * (BLOCK_BYTES / SLOT_BYTES), .tp_retire_blk_tov = 20 };
    struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_IP),
                                   .sll_ifindex = (int)if_nametoindex(link) };
    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    int version = TPACKET_V3;
    int on = 1;
    void *blocks;

    if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        fail("cannot capture");
    blocks = mmap(NULL, (size_t)BLOCK_BYTES * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (blocks == MAP_FAILED)
        fail("cannot map the capture");
    return blocks;
}

static size_t read_block(const struct tpacket_block_desc *block, struct arrival *arrivals, size_t room)
{
    const uint8_t *at = (const uint8_t *)block + block->hdr.bh1.offset_to_first_pkt;
    size_t count = 0;

    for (uint32_t i = 0; i < block->hdr.bh1.num_pkts && count < room; i++) {
        const struct tpacket3_hdr *packet = (const struct tpacket3_hdr *)(const void *)at;

        if (packet->tp_snaplen == FRAME_BYTES) {
            arrivals[count].number = wire_get_u32(at + packet->tp_mac + NUMBER_AT);
            arrivals[count++].ns = packet->tp_sec * NS_PER_SECOND + packet->tp_nsec;
        }
        at += packet->tp_next_offset;
    }
    return count;
}

static void capture(const char *link, size_t frames, const char *path)
{
    uint8_t *blocks = open_capture(link);
    struct arrival *arrivals = calloc(frames, sizeof *arrivals);
    int64_t quiet_since_ns = clock_ns(CLOCK_MONOTONIC) + WAIT_NS - QUIET_NS;
    FILE *file = fopen(path, "w");
    size_t count = 0;
    size_t next = 0;

    if (arrivals == NULL || file == NULL)
        fail("cannot write");
    printf("ready\n");
    fflush(stdout);
    while (count < frames && clock_ns(CLOCK_MONOTONIC) - quiet_since_ns < QUIET_NS) {
        struct tpacket_block_desc *block = (struct tpacket_block_desc *)(void *)(blocks + next * BLOCK_BYTES);

        if (!(__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) {
            nap(2000000);
            continue;
        }
        count += read_block(block, arrivals + count, frames - count);
        __atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        next = (next + 1) % BLOCKS;
        if (count > 0)
            quiet_since_ns = clock_ns(CLOCK_MONOTONIC);
    }
    if (fwrite(arrivals, sizeof *arrivals, count, file) != count || fclose(file) != 0)
        fail("cannot write");
    free(arrivals);
}

/* ---- errors ---- */

static double median_of(const double *values, size_t count)
{
    double *sorted = malloc(count * sizeof *sorted);
    double median;

    memcpy(sorted, values, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, order_double);
    median = sorted[count / 2];
    free(sorted);
    return median;
}

static void judge(const char *path, double rate, const char *anchor)
{
    FILE *file = fopen(path, "r");
    struct arrival arrival;
    double *late_us = NULL;
    size_t count = 0;
    size_t room = 0;
    size_t tenth;
    double drift_us;
    int64_t anchor_ns = anchor ? strtoll(anchor, NULL, 10) : 0;

    while (file && fread(&arrival, sizeof arrival, 1, file) == 1) {
        if (count == room)
            late_us = realloc(late_us, (room = room * 2 + 1024) * sizeof *late_us);
        if (anchor == NULL && count == 0)
            anchor_ns = arrival.ns - due_ns(arrival.number, rate);
        late_us[count++] = (double)(arrival.ns - anchor_ns - due_ns(arrival.number, rate)) * 1e-3;
    }
    if (count < 10)
        fail("nothing arrived");
    fclose(file);
    tenth = count / 10;
    drift_us = median_of(late_us + count - tenth, tenth) - median_of(late_us, tenth);
    for (size_t i = 0; i < count; i++)
        late_us[i] = late_us[i] < 0 ? -late_us[i] : late_us[i];
    qsort(late_us, count, sizeof *late_us, order_double);
    printf("arrived=%zu\np50=%.2f\np99=%.2f\np999=%.2f\nmax=%.2f\ndrift=%.2f\n", count, late_us[count / 2],
           late_us[count - 1 - count / 100], late_us[count - 1 - count / 1000], late_us[count - 1], drift_us);
    free(late_us);
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "emit") == 0)
        emit(argv[2], argv[3], atof(argv[4]), atof(argv[5]));
    else if (argc == 5 && strcmp(argv[1], "bare") == 0)
        bare(argv[2], atof(argv[3]), atof(argv[4]));
    else if (argc == 5 && strcmp(argv[1], "pcap") == 0)
        write_pcap(argv[2], atof(argv[3]), atof(argv[4]));
    else if (argc == 5 && strcmp(argv[1], "capture") == 0)
        capture(argv[2], strtoull(argv[3], NULL, 10), argv[4]);
    else if ((argc == 4 || argc == 5) && strcmp(argv[1], "judge") == 0)
        judge(argv[2], atof(argv[3]), argc == 5 ? argv[4] : NULL);
    else
        fail("usage: emit LINK SINK RATE SECONDS | bare LINK RATE SECONDS | pcap FILE RATE SECONDS |"
             " capture LINK FRAMES FILE | judge FILE RATE [ANCHOR]");
    return 0;
}
