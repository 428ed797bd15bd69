/*
 * sink_probe - what test_sinks.sh runs inside its namespace: a sink and nothing around it.
 *
 *     sink_probe LINK SINK FRAMES TOGETHER GAP_US LONGEST OUTPUT
 *
 * Sends FRAMES frames, up to TOGETHER in a call, calls GAP_US microseconds apart, of lengths from 60 to LONGEST bytes.
 * Prints what became of them as key=value; writes those that the sink says were sent to OUTPUT, a pcap file. What is
 * busy is tried TRIES times, some microseconds apart. "ready" is printed when the sink is open; frames are sent after a
 * line from standard input, or its end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/frame_ring.h"
#include "emit/link.h"
#include "emit/sink.h"
#include "net/wire.h"

#define SOURCE UINT32_C(0xc6120001) /* 198.18.0.1 */

enum {
    SHORTEST = 60,
    MOST_TOGETHER = 64,
    MOST_FRAMES = 10000000,
    TRIES = 20,
    BUSY_NAP_NS = 20000,
    RING_BYTES = 1 << 20
};

struct plan {
    uint32_t frames, together, gap_us, longest;
};

struct run {
    struct link link;
    struct frame_ring *ring;
    struct transmit_stamps *stamps;
    struct emit_clock clock;
    struct sink *sink;
    struct sink *record; /* of what was sent */
    uint32_t made;
    unsigned long sent, lost, tired, busy;
    size_t unreleased;
};

/* UDP to port 9, discard, of a MAC address that nobody has: the other end's kernel ignores it. */
static void make_frame(uint8_t *bytes, uint32_t length, uint32_t number)
{
    const uint8_t addresses[12] = { 0x02, 0xd5, 0, 0, 0, 0xff, 0x02, 0xd5, 0, 0, 0, 1 };

    memset(bytes, (int)(number & 0xff), length);
    memcpy(bytes, addresses, sizeof addresses);
    wire_put_u16(bytes + 12, 0x0800);
    memset(bytes + 14, 0, 28);
    bytes[14] = 0x45;
    wire_put_u16(bytes + 16, (uint16_t)(length - 14));
    bytes[22] = 64;
    bytes[23] = 17;
    wire_put_u32(bytes + 26, SOURCE);
    wire_put_u32(bytes + 30, SOURCE + 1);
    wire_put_u16(bytes + 24, checksum_finish(checksum_add(0, bytes + 14, 20)));
    wire_put_u16(bytes + 34, 9);
    wire_put_u16(bytes + 36, 9);
    wire_put_u16(bytes + 38, (uint16_t)(length - 34)); /* no check sum: 0 says so */
    wire_put_u32(bytes + 42, number);
}

/* Frames into the ring, as many as it has room for. */
static void fill_ring(struct run *run, const struct plan *plan)
{
    uint8_t *room;

    while (run->made < plan->frames && (room = frame_ring_reserve(run->ring))) {
        uint32_t length = SHORTEST + run->made * 37 % (plan->longest - SHORTEST + 1);

        const struct frame frame = {
            .due = { (int64_t)(run->made / plan->together) * plan->gap_us * NS_PER_US },
            .length = length,
        };

        make_frame(room, length, run->made++);
        frame_ring_commit(run->ring, &frame);
    }
}

static void pass(struct run *run, size_t count)
{
    const uint8_t *held = sink_oldest_held(run->sink);

    run->unreleased += count;
    run->unreleased -= frame_ring_release_until(run->ring, run->unreleased, &held, 1);
}

static void nap(long ns)
{
    const struct timespec t = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

    if (ns > 0)
        nanosleep(&t, NULL);
}

/* Until each is sent or given up. 0, or -1 when the sink failed. */
static int send_all(struct run *run, const struct frame *frames, size_t count, struct error *err)
{
    int tries = 0;

    while (count > 0) {
        size_t sent;
        size_t recorded;
        enum sink_result result = sink_send(run->sink, frames, count, &sent, err);

        if (sent > 0 && sink_send(run->record, frames, sent, &recorded, err) != SINK_OK)
            return -1;
        run->sent += sent;
        run->busy += result == SINK_BUSY;
        tries = sent > 0 ? 0 : tries;
        if (result == SINK_FAILED)
            return -1;
        if (result == SINK_LOST || (result == SINK_BUSY && ++tries == TRIES)) {
            run->lost += result == SINK_LOST;
            run->tired += result == SINK_BUSY;
            sent++;
            tries = 0;
        } else if (result == SINK_BUSY) {
            nap(BUSY_NAP_NS);
        }
        pass(run, sent);
        frames += sent;
        count -= sent;
    }
    return 0;
}

static int send_plan(struct run *run, const struct plan *plan, struct error *err)
{
    struct frame frames[MOST_TOGETHER];
    size_t count;

    for (;;) {
        fill_ring(run, plan);
        count = frame_ring_take(run->ring, frames, plan->together);
        if (count == 0 && run->made == plan->frames)
            return 0;
        if (count > 0 && send_all(run, frames, count, err) < 0)
            return -1;
        if (count == 0)
            pass(run, 0);
        nap((long)plan->gap_us * 1000);
    }
}

static void print_counts(struct run *run, uint64_t before)
{
    struct error ignored;
    uint64_t after = before;

    nap(50000000); /* for what comes back */
    pass(run, 0);
    transmit_stamps_read(run->stamps);
    (void)link_sent_packets(&run->link, &after, &ignored);
    printf("sent=%lu\nlost=%lu\ntired=%lu\nbusy=%lu\nheld=%zu\ninterface=%llu\n", run->sent, run->lost, run->tired,
           run->busy, run->unreleased, (unsigned long long)(after - before));
    printf("stamps=%llu\nmissing=%llu\nstrange=%llu\nlate_p50_ns=%lld\nlate_max_ns=%lld\n",
           (unsigned long long)run->stamps->lateness.count, (unsigned long long)run->stamps->missing,
           (unsigned long long)run->stamps->strange,
           (long long)log_histogram_quantile(&run->stamps->lateness, 0.5), (long long)run->stamps->lateness.max_ns);
}

static int play(struct run *run, const char *kind_name, const struct plan *plan, struct error *err)
{
    enum sink_kind kind;
    uint64_t before;
    int status;

    if (sink_kind_parse(kind_name, &kind, err) < 0 || link_sent_packets(&run->link, &before, err) < 0)
        return -1;
    run->sink = sink_open(kind, &run->link, run->ring, run->stamps, err);
    if (run->sink == NULL)
        return -1;
    printf("ready\n");
    fflush(stdout);
    (void)getchar();
    run->clock = emit_clock_real();
    status = send_plan(run, plan, err);
    print_counts(run, before);
    sink_close(run->sink);
    return status;
}

int main(int argc, char **argv)
{
    struct run *run = calloc(1, sizeof *run);
    struct output_file output = { 0 };
    struct error err = { "" };
    struct plan plan;
    int status = -1;

    if (argc != 8 || run == NULL) {
        fprintf(stderr, "usage: sink_probe LINK SINK FRAMES TOGETHER GAP_US LONGEST OUTPUT\n");
        return 2;
    }
    plan = (struct plan){ (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]), (uint32_t)atoi(argv[5]), (uint32_t)atoi(argv[6]) };
    if (plan.frames > MOST_FRAMES || plan.together < 1 || plan.together > MOST_TOGETHER || plan.longest < SHORTEST ||
        plan.longest > FRAME_MAX_BYTES)
        return 2;
    run->ring = frame_ring_new(RING_BYTES);
    run->clock = emit_clock_real();
    run->stamps = calloc(1, sizeof *run->stamps);
    transmit_stamps_init(run->stamps, &run->clock);
    if (link_open(&run->link, argv[1], false, &err) == 0) {
        if (output_file_open(&output, argv[7], &err) == 0 &&
            (run->record = sink_pcap_new(&output, (struct day_time){ 0 }, &err)) != NULL) {
            status = play(run, argv[2], &plan, &err);
            if (output_file_commit(&output, &err) < 0)
                status = -1;
        }
        link_close(&run->link);
    }
    sink_close(run->record);
    frame_ring_free(run->ring);
    free(run->stamps);
    free(run);
    if (status < 0)
        fprintf(stderr, "sink_probe: %s\n", err.text);
    return status < 0 ? 1 : 0;
}
