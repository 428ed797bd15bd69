/*
 * bench_emit - what the emitter itself costs: its loop with a sink that forgets, fed by a
 * source in the same thread and through the ring by another one. The clock is simulated, so
 * nothing waits. And what is added where each frame is counted for its flow, for the log of what was sent, with so many
 * live flows in turn at random. Prints nanoseconds per frame, the median of several runs.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/frame_ring.h"
#include "base/order.h"
#include "base/random.h"
#include "emit/emitter.h"
#include "net/wire.h"

enum { RUNS = 9, FRAMES = 2000000, RING_BYTES = 4 << 20 };

static const uint32_t frame_lengths[] = { 60, 600, 1514 };

struct source {
    uint32_t left;
    uint32_t length;
    uint32_t flows; /* 0: nobody counts */
    uint8_t bytes[FRAME_MAX_BYTES];
};

static int peek_frame(void *self, struct frame *next, struct error *err)
{
    const struct source *source = self;
    uint32_t slot = source->flows ? (uint32_t)(random_mix64(source->left) % source->flows) : FRAME_NO_FLOW;

    (void)err;
    *next = (struct frame){ .due = { FRAMES - source->left }, .flow = sent_flow_mark(slot, FLOW_INITIATOR) };
    return source->left > 0;
}

static uint32_t take_frame(void *self, uint8_t *room)
{
    struct source *source = self;

    source->left--;
    memcpy(room, source->bytes, source->length);
    return source->length;
}

static void init_source(struct source *source, uint32_t length, uint32_t flows)
{
    memset(source, 0, sizeof *source);
    source->left = FRAMES;
    source->length = length;
    source->flows = flows;
    wire_put_u16(source->bytes + 12, 0x0800);
    source->bytes[14] = 0x45;
    wire_put_u16(source->bytes + 16, (uint16_t)(length - 14));
    source->bytes[23] = IP_TCP;
    wire_put_u32(source->bytes + 26, UINT32_C(0xc6120001)); /* 198.18.0.1 */
    wire_put_u32(source->bytes + 30, UINT32_C(0xc6120002));
}

static void run_source(struct emitter *emitter, struct source *source)
{
    struct frame_source frames = { peek_frame, take_frame, source };
    struct error err;

    if (emitter_run_source(emitter, &frames, &err) < 0)
        abort();
}

struct producer {
    struct source *source;
    struct frame_ring *ring;
};

static void *produce(void *self)
{
    const struct producer *producer = self;
    struct frame next;
    uint8_t *room;

    while (peek_frame(producer->source, &next, NULL) > 0) {
        while ((room = frame_ring_reserve(producer->ring)) == NULL)
            sched_yield();
        next.length = take_frame(producer->source, room);
        frame_ring_commit(producer->ring, &next);
    }
    frame_ring_finish(producer->ring);
    return NULL;
}

static void run_ring(struct emitter *emitter, struct source *source)
{
    struct producer producer = { source, frame_ring_new(RING_BYTES) };
    struct error err;
    pthread_t thread;

    if (pthread_create(&thread, NULL, produce, &producer) != 0 ||
        emitter_run_ring(emitter, producer.ring, &err) < 0)
        abort();
    pthread_join(thread, NULL);
    frame_ring_free(producer.ring);
}

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Nanoseconds per frame of one run. */
static double time_run(void (*run)(struct emitter *, struct source *), uint32_t length, uint32_t flows)
{
    struct ip_network network = { ip_address_from_v4(UINT32_C(0xc6120000)), 96 + 15 };
    static struct emit_counts counts;
    struct gate_network allowed = gate_network_of(&network);
    struct gate gate = { .networks = &allowed, .network_count = 1 };
    struct emit_clock clock = emit_clock_simulated();
    atomic_bool stop = false;
    struct emit_link link = { .gate = &gate, .sink = sink_open(SINK_NULL, NULL, NULL, NULL, NULL), .counts = &counts };
    struct sent_tally *tallies = flows ? calloc(flows, sizeof *tallies) : NULL;
    struct emitter emitter = { .links = { &link }, .clock = &clock, .stop = &stop, .tallies = tallies };
    struct source source;
    double start;
    double end;

    init_source(&source, length, flows);
    for (uint32_t i = 0; i < flows; i++)
        tallies[i].first_ns = 1; /* touched, as it is when a flow begins */
    memset(&counts, 0, sizeof counts);
    start = seconds_now();
    run(&emitter, &source);
    end = seconds_now();
    if (counts.sent != FRAMES)
        abort();
    sink_close(link.sink);
    free(tallies);
    return (end - start) * 1e9 / FRAMES;
}

static void report(const char *what, void (*run)(struct emitter *, struct source *),
                   uint32_t length, uint32_t flows)
{
    double ns[RUNS];

    for (int i = 0; i < RUNS; i++)
        ns[i] = time_run(run, length, flows);
    qsort(ns, RUNS, sizeof *ns, order_double);
    printf("%-24s %5u bytes  median %6.1f ns  (%.1f to %.1f)  %6.2f million frames/s\n", what,
           length, ns[RUNS / 2], ns[0], ns[RUNS - 1], 1e3 / ns[RUNS / 2]);
}

int main(void)
{
    printf("emitter, no wire: %d runs of %d frames\n", RUNS, FRAMES);
    for (size_t i = 0; i < sizeof frame_lengths / sizeof frame_lengths[0]; i++)
        report("source, one thread", run_source, frame_lengths[i], 0);
    for (size_t i = 0; i < sizeof frame_lengths / sizeof frame_lengths[0]; i++)
        report("ring, two threads", run_ring, frame_lengths[i], 0);
    report("ring, 1,000 flows", run_ring, 600, 1000);
    report("ring, 200,000 flows", run_ring, 600, 200000);
    report("ring, 1,000,000 flows", run_ring, 600, 1000000);
    return 0;
}
