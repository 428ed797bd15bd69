/*
 * The ring, the histogram and the stage that puts frames on the wire. Nothing here needs
 * privilege or a network; test_emit_link.sh covers the rest.
 */
#include "support.h"

#include <arpa/inet.h>
#include <pcap/pcap.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/frame_ring.h"
#include "base/log_histogram.h"
#include "base/memory.h"
#include "base/output_file.h"
#include "base/random.h"
#include "emit/emit_clock.h"
#include "emit/emitter.h"
#include "emit/gate.h"
#include "emit/sink.h"
#include "emit/transmit_stamps.h"
#include "net/wire.h"

#define SEED UINT64_C(20240229)

/* ---- frames that follow from their number, so that a reader can tell what it should get ---- */

enum { POOL_BYTES = 65536 };

static uint8_t pool[POOL_BYTES]; /* random; a frame is a stretch of it */

static void fill_pool(void)
{
    struct random_stream random;

    random_init(&random, SEED, RANDOM_SLICE, 0, 0, 0);
    for (size_t i = 0; i < sizeof pool; i++)
        pool[i] = (uint8_t)random_u32(&random);
}

static struct frame numbered_frame(uint32_t number)
{
    uint64_t random = random_mix64(SEED + number);
    uint32_t length = (uint32_t)(random % (FRAME_MAX_BYTES + 1));
    size_t offset = (size_t)(random >> 32) % (POOL_BYTES - FRAME_MAX_BYTES);

    return (struct frame){
        .due = { (int64_t)number * 1000 + 7 },
        .length = length,
        .link = number % FRAME_MAX_LINKS,
        .to_link = number / 3 % FRAME_MAX_LINKS,
        .flow = number % 5 == 0 ? FRAME_NO_FLOW : (uint32_t)random,
        .bytes = pool + offset,
    };
}

static bool is_same_frame(const struct frame *a, const struct frame *b)
{
    return a->due.ns == b->due.ns && a->length == b->length && a->link == b->link && a->to_link == b->to_link &&
           a->flow == b->flow && memcmp(a->bytes, b->bytes, a->length) == 0;
}

/* ---- ring ---- */

static void test_ring_is_empty_at_first(void **state)
{
    struct frame_ring *ring = frame_ring_new(1);
    struct frame frame;

    (void)state;
    assert_int_equal(frame_ring_take(ring, &frame, 1), 0);
    assert_false(frame_ring_is_done(ring));
    frame_ring_finish(ring);
    assert_true(frame_ring_is_done(ring));
    frame_ring_free(ring);
    frame_ring_free(NULL);
}

static void test_ring_keeps_frames_until_release(void **state)
{
    struct frame_ring *ring = frame_ring_new(1);
    struct frame first = numbered_frame(1);
    struct frame second = numbered_frame(2);
    struct frame frames[3];

    (void)state;
    first.length = 100;
    second.length = 200;
    assert_true(frame_ring_push(ring, &first));
    assert_true(frame_ring_push(ring, &second));
    frame_ring_finish(ring);
    assert_false(frame_ring_is_done(ring));
    assert_int_equal(frame_ring_take(ring, frames, 3), 2);
    assert_true(is_same_frame(&frames[0], &first));
    assert_true(is_same_frame(&frames[1], &second));
    assert_int_equal(frame_ring_take(ring, &frames[2], 1), 0); /* shown once */
    assert_true(frame_ring_is_done(ring));
    frame_ring_release(ring, 1);
    assert_true(is_same_frame(&frames[1], &second)); /* still the consumer's */
    frame_ring_release(ring, 1);
    frame_ring_free(ring);
}

/* Up to the first of the frames that are held, and not that one. */
static void test_ring_releases_until(void **state)
{
    struct frame_ring *ring = frame_ring_new(16384);
    const uint8_t *held[3];
    struct frame frame;
    struct frame got[4];

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        frame = numbered_frame(i);
        assert_true(frame_ring_push(ring, &frame));
    }
    assert_int_equal(frame_ring_take(ring, got, 4), 4);
    held[0] = got[0].bytes;
    assert_int_equal(frame_ring_release_until(ring, 4, held, 1), 0);
    held[0] = NULL; /* one who holds nothing */
    held[1] = got[3].bytes;
    held[2] = got[2].bytes;
    assert_int_equal(frame_ring_release_until(ring, 1, held, 3), 1);
    assert_int_equal(frame_ring_release_until(ring, 3, held, 3), 1);
    assert_int_equal(frame_ring_release_until(ring, 2, held, 2), 1);
    assert_int_equal(frame_ring_release_until(ring, 1, NULL, 0), 1);
    frame_ring_free(ring);
}

/* What was not released is not written over, and the producer is told that there is no room. */
static void test_ring_has_no_room_until_release(void **state)
{
    struct frame_ring *ring = frame_ring_new(1);
    struct frame frame;
    struct frame got[2];
    uint32_t pushed = 0;

    (void)state;
    for (frame = numbered_frame(0); frame_ring_reserve(ring) != NULL; frame = numbered_frame(++pushed))
        assert_true(frame_ring_push(ring, &frame));
    assert_in_range(pushed, 2, 200);
    assert_int_equal(frame_ring_take(ring, got, 1), 1);
    assert_null(frame_ring_reserve(ring));
    frame = numbered_frame(0);
    assert_true(is_same_frame(&got[0], &frame));
    frame_ring_release(ring, 1);
    for (uint32_t i = 1; i < pushed; i++) {
        assert_int_equal(frame_ring_take(ring, got, 1), 1);
        frame_ring_release(ring, 1);
    }
    assert_non_null(frame_ring_reserve(ring));
    frame_ring_free(ring);
}

/* Reserved room is not seen before it is committed, and may be reserved again. */
static void test_ring_room_is_committed(void **state)
{
    struct frame_ring *ring = frame_ring_new(1);
    struct frame expected = numbered_frame(3);
    struct frame frame;
    size_t bytes;
    uint8_t *memory = frame_ring_memory(ring, &bytes);
    uint8_t *room = frame_ring_reserve(ring);

    (void)state;
    assert_int_equal(bytes, 32768);
    assert_true(room > memory && room + FRAME_MAX_BYTES <= memory + bytes);
    assert_int_equal(frame_ring_take(ring, &frame, 1), 0);
    assert_ptr_equal(frame_ring_reserve(ring), room);
    memcpy(room, expected.bytes, expected.length);
    frame_ring_commit(ring, &expected);
    assert_int_equal(frame_ring_take(ring, &frame, 1), 1);
    assert_ptr_equal(frame.bytes, room);
    assert_true(is_same_frame(&frame, &expected));
    frame_ring_free(ring);
}

/* Fills the ring and empties it by one, over and over: every offset at the end is met. */
static void test_ring_wraps_and_fills(void **state)
{
    struct frame_ring *ring = frame_ring_new(1);
    struct frame frame;
    uint32_t pushed = 0;
    uint32_t dropped = 0;
    uint32_t full = 0;

    (void)state;
    while (dropped < 20000) {
        struct frame in = numbered_frame(pushed);
        struct frame out = numbered_frame(dropped);

        if (frame_ring_push(ring, &in)) {
            pushed++;
            continue;
        }
        full++;
        assert_int_equal(frame_ring_take(ring, &frame, 1), 1);
        assert_int_equal((uintptr_t)frame.bytes % 8, 0);
        assert_true(is_same_frame(&frame, &out));
        frame_ring_release(ring, 1);
        dropped++;
    }
    assert_true(full > 1000);
    assert_true(pushed > dropped);
    frame_ring_free(ring);
}

/* The longest frame fits an empty ring wherever its positions are. */
static void test_ring_never_blocks_when_empty(void **state)
{
    struct frame_ring *ring = frame_ring_new(1);
    static const uint8_t bytes[FRAME_MAX_BYTES];
    struct frame frame;

    (void)state;
    for (uint32_t i = 0; i < 4096; i++) {
        struct frame in = { .length = i % 3 ? i % FRAME_MAX_BYTES : FRAME_MAX_BYTES, .bytes = bytes };

        assert_true(frame_ring_push(ring, &in));
        assert_int_equal(frame_ring_take(ring, &frame, 1), 1);
        frame_ring_release(ring, 1);
    }
    frame_ring_free(ring);
}

enum { THREAD_FRAMES = 1000000 };

static void *push_numbered(void *self)
{
    struct frame_ring *ring = self;

    for (uint32_t i = 0; i < THREAD_FRAMES; i++) {
        struct frame frame = numbered_frame(i);

        while (!frame_ring_push(ring, &frame))
            sched_yield();
    }
    frame_ring_finish(ring);
    return NULL;
}

static void test_ring_between_threads(void **state)
{
    struct frame_ring *ring = frame_ring_new(1 << 16);
    struct frame expected;
    struct frame frames[5];
    pthread_t producer;
    uint32_t taken = 0;
    uint32_t wrong = 0;

    (void)state;
    assert_int_equal(pthread_create(&producer, NULL, push_numbered, ring), 0);
    while (!frame_ring_is_done(ring)) {
        size_t got = frame_ring_take(ring, frames, 5);

        for (size_t i = 0; i < got; i++) {
            expected = numbered_frame(taken++);
            wrong += !is_same_frame(&frames[i], &expected);
        }
        frame_ring_release(ring, got);
        if (got == 0)
            sched_yield();
    }
    pthread_join(producer, NULL);
    assert_int_equal(taken, THREAD_FRAMES);
    assert_int_equal(wrong, 0);
    frame_ring_free(ring);
}

/* ---- histogram ---- */

static int compare_ns(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void test_histogram_small_values_are_exact(void **state)
{
    struct log_histogram h = { 0 };

    (void)state;
    assert_int_equal(log_histogram_quantile(&h, 0.5), 0);
    for (int64_t ns = 0; ns < 64; ns++)
        log_histogram_add(&h, ns);
    assert_int_equal(log_histogram_quantile(&h, 0.0), 0);
    assert_int_equal(log_histogram_quantile(&h, 0.5), 31);
    assert_int_equal(log_histogram_quantile(&h, 0.75), 47);
    assert_int_equal(log_histogram_quantile(&h, 1.0), 63);
}

static void test_histogram_edges(void **state)
{
    static const int64_t values[] = { -5, 0, 1, 31, 32, 33, 1023, 1024, INT64_C(1) << 43,
                                      (INT64_C(1) << 44) - 1, INT64_C(1) << 44, INT64_MAX };

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct log_histogram h = { 0 };

        log_histogram_add(&h, values[i]);
        assert_int_equal(h.count, 1);
        assert_int_equal(log_histogram_quantile(&h, 0.5), values[i] < 0 ? 0 : values[i]);
    }
}

/* Log-uniform over twelve decades; each quantile against the sorted samples. */
static void test_histogram_quantiles(void **state)
{
    enum { SAMPLES = 100000 };
    static const double quantiles[] = { 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0 };
    int64_t *samples = memory_alloc_array(SAMPLES, sizeof *samples);
    struct log_histogram h = { 0 };
    struct random_stream random;

    (void)state;
    random_init(&random, SEED, RANDOM_SLICE, 1, 0, 0);
    for (int i = 0; i < SAMPLES; i++) {
        samples[i] = (int64_t)__builtin_exp2(random_unit(&random) * 40);
        log_histogram_add(&h, samples[i]);
    }
    qsort(samples, SAMPLES, sizeof *samples, compare_ns);
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        int64_t exact = samples[(size_t)(quantiles[i] * SAMPLES + 0.5) - 1];
        int64_t got = log_histogram_quantile(&h, quantiles[i]);

        assert_true(got >= exact);
        assert_true((double)(got - exact) <= 0.032 * (double)exact);
    }
    free(samples);
}

/* ---- clock ---- */

static struct emit_pace exact_pace; /* EMIT_EXACT */

static void test_clock_simulated(void **state)
{
    struct emit_clock clock = emit_clock_simulated();
    const struct emit_clock_operations *operations = clock.operations;
    atomic_bool stop = false;

    (void)state;
    assert_int_equal(operations->now(&clock).ns, 0);
    assert_int_equal(operations->wait_until(&clock, (struct run_time){ NS_PER_DAY }, &exact_pace, &stop).ns,
                     NS_PER_DAY);
    assert_int_equal(operations->wait_until(&clock, (struct run_time){ 5 }, &exact_pace, &stop).ns, NS_PER_DAY);
    assert_int_equal(operations->now(&clock).ns, NS_PER_DAY);
}

static void test_clock_real_never_early(void **state)
{
    static const int64_t steps_ns[] = { 0, 1, 1000, 49999, 50001, 300000, 60 * NS_PER_MS };
    struct emit_clock clock = emit_clock_real();
    atomic_bool stop = false;

    (void)state;
    for (enum emit_timing timing = EMIT_EXACT; timing <= EMIT_FRUGAL; timing++) {
        struct emit_pace pace = { timing, 0 };

        for (size_t i = 0; i < sizeof steps_ns / sizeof steps_ns[0]; i++) {
            struct run_time deadline = { emit_clock_now(&clock).ns + steps_ns[i] };
            struct run_time then = clock.operations->wait_until(&clock, deadline, &pace, &stop);

            assert_true(then.ns >= deadline.ns);
            assert_true(emit_clock_now(&clock).ns >= then.ns);
        }
    }
}

/* Returns at all: a sleep until a point of the past, or of negative run time, must not hang. */
static void test_clock_real_past_deadlines(void **state)
{
    struct emit_clock clock = emit_clock_real();
    atomic_bool stop = false;

    (void)state;
    clock.operations->wait_until(&clock, (struct run_time){ 0 }, &exact_pace, &stop);
    clock.operations->wait_until(&clock, (struct run_time){ -NS_PER_DAY }, &exact_pace, &stop);
}

static void *stop_later(void *self)
{
    atomic_bool *stop = self;

    usleep(20000);
    atomic_store(stop, true);
    return NULL;
}

/* A deadline of ten years ahead: the test ends only because the stop is noticed. */
static void test_clock_real_notices_stop(void **state)
{
    struct run_time far = { 3650 * NS_PER_DAY };
    struct emit_clock clock = emit_clock_real();
    atomic_bool stop = false;
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, stop_later, &stop), 0);
    assert_true(clock.operations->wait_until(&clock, far, &exact_pace, &stop).ns < far.ns);
    assert_true(atomic_load(&stop));
    pthread_join(thread, NULL);
}

/* ---- gate ---- */

enum { IPV4_FRAME_BYTES = 60 };

static void fill_ipv4(uint8_t bytes[IPV4_FRAME_BYTES], const char *source, const char *destination)
{
    memset(bytes, 0, IPV4_FRAME_BYTES);
    wire_put_u16(bytes + 12, 0x0800);
    bytes[14] = 0x45;
    wire_put_u16(bytes + 16, IPV4_FRAME_BYTES - 14);
    assert_int_equal(inet_pton(AF_INET, source, bytes + 26), 1);
    assert_int_equal(inet_pton(AF_INET, destination, bytes + 30), 1);
}

static struct gate_network network(const char *text)
{
    struct ip_network parsed;

    assert_int_equal(ip_network_parse(&parsed, text), 0);
    return gate_network_of(&parsed);
}

static void test_gate(void **state)
{
    const struct gate_network networks[] = { network("2001:db8::/32"), network("198.18.0.0/24"),
                                           network("203.0.113.7") };
    static const struct {
        const char *what;
        const char *source;
        const char *destination;
        uint32_t length;
        uint32_t limit;
        uint16_t type;
        uint8_t version;
        bool passes;
    } rows[] = {
        { "inside to inside", "198.18.0.1", "198.18.0.2", 60, 0, 0x800, 0x45, true },
        { "inside to outside", "198.18.0.1", "203.0.113.7", 60, 0, 0x800, 0x45, true },
        { "outside to inside", "203.0.113.7", "198.18.0.255", 60, 0, 0x800, 0x45, true },
        { "wrong source", "198.18.1.1", "198.18.0.2", 60, 0, 0x800, 0x45, false },
        { "beside a network of one", "203.0.113.6", "198.18.0.2", 60, 0, 0x800, 0x45, false },
        { "wrong destination", "198.18.0.1", "8.8.8.8", 60, 0, 0x800, 0x45, false },
        { "to nobody", "198.18.0.1", "0.0.0.0", 60, 0, 0x800, 0x45, false },
        { "multicast", "198.18.0.1", "239.255.255.250", 60, 0, 0x800, 0x45, true },
        { "limited broadcast", "198.18.0.1", "255.255.255.255", 60, 0, 0x800, 0x45, true },
        { "multicast, wrong source", "10.0.0.1", "224.0.0.1", 60, 0, 0x800, 0x45, false },
        { "as long as the link takes", "198.18.0.1", "198.18.0.2", 60, 60, 0x800, 0x45, true },
        { "too long", "198.18.0.1", "198.18.0.2", 60, 59, 0x800, 0x45, false },
        { "too long for any link", "198.18.0.1", "198.18.0.2", FRAME_MAX_BYTES + 1, 0, 0x800, 0x45, false },
        { "ARP", "198.18.0.1", "198.18.0.2", 60, 0, 0x806, 0x45, false },
        { "VLAN", "198.18.0.1", "198.18.0.2", 60, 0, 0x8100, 0x45, false },
        { "IPv6 by its type", "198.18.0.1", "198.18.0.2", 60, 0, 0x86dd, 0x60, false },
        { "IPv6 by its version", "198.18.0.1", "198.18.0.2", 60, 0, 0x800, 0x60, false },
        { "a header and no more", "198.18.0.1", "198.18.0.2", 34, 0, 0x800, 0x45, true },
        { "short", "198.18.0.1", "198.18.0.2", 33, 0, 0x800, 0x45, false },
        { "empty", "198.18.0.1", "198.18.0.2", 0, 0, 0x800, 0x45, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gate gate = { .networks = networks, .network_count = sizeof networks / sizeof networks[0],
                             .max_frame_bytes = rows[i].limit };
        uint8_t bytes[IPV4_FRAME_BYTES];
        struct frame frame = { .length = rows[i].length, .bytes = bytes };

        fill_ipv4(bytes, rows[i].source, rows[i].destination);
        wire_put_u16(bytes + 12, rows[i].type);
        bytes[14] = rows[i].version;
        if (gate_passes(&gate, &frame) != rows[i].passes)
            fail_msg("%s: wrong", rows[i].what);
    }
}

/* Options of IPv4, as many bytes of them as the header says; the frame has 60 bytes. */
static void test_gate_of_options(void **state)
{
    static const struct {
        const char *what;
        uint8_t words; /* of the header */
        uint8_t options[8];
        uint32_t length;
        bool passes;
    } rows[] = {
        { "none", 5, { 131, 7, 4, 8, 8, 8, 8 }, 60, true }, /* behind the header */
        { "a header of 16 bytes", 4, { 0 }, 60, false },
        { "a header longer than the frame", 15, { 0 }, 60, false },
        { "a header as long as the frame", 6, { 1, 1, 1, 1 }, 38, true },
        { "a header cut by the frame", 6, { 1, 1, 1, 1 }, 37, false },
        { "router alert", 6, { 148, 4, 0, 0 }, 60, true },
        { "router alert of 3 bytes", 6, { 148, 3, 0, 0 }, 60, false },
        { "router alert beyond the header", 6, { 1, 148, 4, 0, 0 }, 60, false },
        { "no operation", 7, { 1, 1, 1, 1, 1, 1, 1, 0 }, 60, true },
        { "the end, and bytes behind it", 7, { 0, 131, 7, 4, 8, 8, 8, 8 }, 60, true },
        { "loose source route", 7, { 131, 7, 4, 8, 8, 8, 8, 0 }, 60, false },
        { "strict source route", 7, { 137, 7, 4, 8, 8, 8, 8, 0 }, 60, false },
        { "source route, behind others", 8, { 148, 4, 0, 0, 1, 131, 3, 4 }, 60, false },
        { "record route", 7, { 7, 7, 4, 0, 0, 0, 0, 0 }, 60, false },
        { "timestamps", 7, { 68, 8, 5, 0, 0, 0, 0, 0 }, 60, false },
        { "one of no length", 6, { 130, 0, 0, 0 }, 60, false },
    };
    const struct gate_network networks[] = { network("198.18.0.0/24") };
    const struct gate gate = { .networks = networks, .network_count = 1 };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[IPV4_FRAME_BYTES];
        struct frame frame = { .length = rows[i].length, .bytes = bytes };

        fill_ipv4(bytes, "198.18.0.1", "198.18.0.2");
        bytes[14] = (uint8_t)(0x40 | rows[i].words);
        memcpy(bytes + 34, rows[i].options, sizeof rows[i].options);
        if (gate_passes(&gate, &frame) != rows[i].passes)
            fail_msg("%s: wrong", rows[i].what);
    }
}

static void test_gate_of_everything_and_nothing(void **state)
{
    const struct gate_network all = network("0.0.0.0/0");
    const struct gate_network all_v6 = network("::/0");
    uint8_t bytes[IPV4_FRAME_BYTES];
    struct frame frame = { .length = sizeof bytes, .bytes = bytes };

    (void)state;
    fill_ipv4(bytes, "10.1.2.3", "8.8.8.8");
    assert_true(gate_passes(&(struct gate){ .networks = &all, .network_count = 1 }, &frame));
    assert_false(gate_passes(&(struct gate){ .networks = &all_v6, .network_count = 1 }, &frame));
    assert_false(gate_passes(&(struct gate){ 0 }, &frame));
}

enum { TAGGED_FRAME_BYTES = IPV4_FRAME_BYTES + 4 };

/* Tag or tags between the addresses and the type of an IPv4 frame. */
static void fill_tagged(uint8_t *bytes, const char *source, const char *destination, uint16_t tpid, uint16_t tag)
{
    fill_ipv4(bytes + 4, source, destination);
    memset(bytes, 0, 12);
    wire_put_u16(bytes + 12, tpid);
    wire_put_u16(bytes + 14, tag);
}

/* A sender is held to its network and to its tag; a link to its senders. */
static void test_gate_of_vlans(void **state)
{
    const struct gate_network networks[] = { network("198.18.0.0/24"), network("198.18.1.0/24"),
                                           network("198.18.2.0/24"), network("198.19.0.0/16") };
    const struct gate_sender senders[] = {
        { networks[0], 0 }, { networks[1], 10 }, { networks[3], 10 }, { networks[3], 0 } };
    static const struct {
        const char *what;
        const char *source;
        const char *destination;
        uint32_t length;
        uint16_t tpid; /* 0: no tag */
        uint16_t tag;
        bool passes;
    } rows[] = {
        { "untagged", "198.18.0.1", "198.18.1.1", IPV4_FRAME_BYTES, 0, 0, true },
        { "tagged", "198.18.1.1", "198.18.0.1", TAGGED_FRAME_BYTES, 0x8100, 10, true },
        { "both ways, tagged", "198.19.0.1", "198.18.1.1", TAGGED_FRAME_BYTES, 0x8100, 10, true },
        { "both ways, untagged", "198.19.0.1", "198.18.0.1", IPV4_FRAME_BYTES, 0, 0, true },
        { "multicast, tagged", "198.18.1.1", "224.0.0.251", TAGGED_FRAME_BYTES, 0x8100, 10, true },
        { "to a network of another link", "198.18.0.1", "198.18.2.1", IPV4_FRAME_BYTES, 0, 0, true },
        { "from a network of another link", "198.18.2.1", "198.18.0.1", IPV4_FRAME_BYTES, 0, 0, false },
        { "the tag is missing", "198.18.1.1", "198.18.0.1", IPV4_FRAME_BYTES, 0, 0, false },
        { "another's tag", "198.18.0.1", "198.18.1.1", TAGGED_FRAME_BYTES, 0x8100, 10, false },
        { "nobody's tag", "198.18.1.1", "198.18.0.1", TAGGED_FRAME_BYTES, 0x8100, 11, false },
        { "a priority", "198.18.1.1", "198.18.0.1", TAGGED_FRAME_BYTES, 0x8100, 0x200a, false },
        { "a priority and no VLAN", "198.18.0.1", "198.18.1.1", TAGGED_FRAME_BYTES, 0x8100, 0x2000, false },
        { "a tag that says nothing", "198.18.0.1", "198.18.1.1", TAGGED_FRAME_BYTES, 0x8100, 0, false },
        { "a tag of providers", "198.18.1.1", "198.18.0.1", TAGGED_FRAME_BYTES, 0x88a8, 10, false },
        { "tagged to a wrong place", "198.18.1.1", "8.8.8.8", TAGGED_FRAME_BYTES, 0x8100, 10, false },
        { "tagged from a wrong place", "8.8.8.8", "198.18.1.1", TAGGED_FRAME_BYTES, 0x8100, 10, false },
        { "a header and no more", "198.18.1.1", "198.18.0.1", 38, 0x8100, 10, true },
        { "short by a byte", "198.18.1.1", "198.18.0.1", 37, 0x8100, 10, false },
        { "short by a tag", "198.18.1.1", "198.18.0.1", 34, 0x8100, 10, false },
        { "a tag and nothing behind", "198.18.1.1", "198.18.0.1", 18, 0x8100, 10, false },
        { "half a tag", "198.18.1.1", "198.18.0.1", 14, 0x8100, 10, false },
        { "nothing", "198.18.1.1", "198.18.0.1", 0, 0x8100, 10, false },
        { "untagged, too long", "198.18.0.1", "198.18.1.1", IPV4_FRAME_BYTES + 1, 0, 0, false },
        { "tagged, too long", "198.18.1.1", "198.18.0.1", TAGGED_FRAME_BYTES + 1, 0x8100, 10, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gate gate = { networks, sizeof networks / sizeof *networks, IPV4_FRAME_BYTES, senders,
                             sizeof senders / sizeof *senders };
        uint8_t bytes[TAGGED_FRAME_BYTES + 1] = { 0 };
        struct frame frame = { .length = rows[i].length, .bytes = bytes };

        if (rows[i].tpid)
            fill_tagged(bytes, rows[i].source, rows[i].destination, rows[i].tpid, rows[i].tag);
        else
            fill_ipv4(bytes, rows[i].source, rows[i].destination);
        if (gate_passes(&gate, &frame) != rows[i].passes)
            fail_msg("%s: wrong", rows[i].what);
        gate.sender_count = 0;
        assert_false(gate_passes(&gate, &frame)); /* a link that nobody sends on */
    }
}

/* ---- gate, IPv6 ---- */

enum { IPV6_FRAME_BYTES = 14 + 40 + 24, IPV6_AT = 14, IPV6_PAYLOAD_AT = IPV6_AT + 40 };

static void fill_ipv6(uint8_t bytes[IPV6_FRAME_BYTES], const char *source, const char *destination, uint8_t next)
{
    memset(bytes, 0, IPV6_FRAME_BYTES);
    wire_put_u16(bytes + 12, 0x86dd);
    bytes[IPV6_AT] = 0x60;
    wire_put_u16(bytes + IPV6_AT + 4, 24);
    bytes[IPV6_AT + 6] = next;
    assert_int_equal(inet_pton(AF_INET6, source, bytes + IPV6_AT + 8), 1);
    assert_int_equal(inet_pton(AF_INET6, destination, bytes + IPV6_AT + 24), 1);
}

static void test_gate_of_ipv6(void **state)
{
    const struct gate_network networks[] = { network("198.18.0.0/16"), network("2001:db8:1::/64"),
                                           network("2001:2:0:8000::/49"), network("2001:db8:2::7"),
                                           network("2001:db8:3::8:0/109") };
    static const struct {
        const char *source, *destination;
        uint32_t length;
        bool passes;
    } rows[] = {
        { "2001:db8:1::1", "2001:db8:1:0:ffff:ffff:ffff:ffff", IPV6_FRAME_BYTES, true },
        { "2001:db8:1::1", "2001:2:0:8000::1", IPV6_FRAME_BYTES, true },
        { "2001:2:0:ffff::1", "2001:db8:2::7", IPV6_FRAME_BYTES, true },
        { "2001:db8:3::f:ffff", "2001:db8:1::1", IPV6_FRAME_BYTES, true },
        { "2001:db8:3::10:0", "2001:db8:1::1", IPV6_FRAME_BYTES, false },
        { "2001:db8:3::7:ffff", "2001:db8:1::1", IPV6_FRAME_BYTES, false },
        { "2001:db8:1:1::1", "2001:db8:1::1", IPV6_FRAME_BYTES, false },
        { "2001:db8:1::1", "2001:db8:1:1::1", IPV6_FRAME_BYTES, false },
        { "2001:2:0:7fff::1", "2001:db8:1::1", IPV6_FRAME_BYTES, false },
        { "2001:db8:1::1", "2001:db8:2::6", IPV6_FRAME_BYTES, false },
        { "2001:db8:1::1", "::", IPV6_FRAME_BYTES, false },
        { "::", "ff02::1", IPV6_FRAME_BYTES, false },
        { "2001:db8:1::1", "ff02::fb", IPV6_FRAME_BYTES, true },
        { "2001:db8:1::1", "fe80::1", IPV6_FRAME_BYTES, false },
        { "fe80::1", "2001:db8:1::1", IPV6_FRAME_BYTES, false },
        { "ff02::1", "2001:db8:1::1", IPV6_FRAME_BYTES, false },
        { "::ffff:198.18.0.1", "2001:db8:1::1", IPV6_FRAME_BYTES, false }, /* what stands for IPv4 */
        { "2001:db8:1::1", "::ffff:198.18.0.1", IPV6_FRAME_BYTES, false },
        { "::198.18.0.1", "2001:db8:1::1", IPV6_FRAME_BYTES, false },
        { "2001:db8:1::1", "64:ff9b::198.18.0.1", IPV6_FRAME_BYTES, false },
        { "2001:db8:1::1", "2001:db8:1::2", IPV6_PAYLOAD_AT, true }, /* a header and no more */
        { "2001:db8:1::1", "2001:db8:1::2", IPV6_PAYLOAD_AT - 1, false },
        { "2001:db8:1::1", "2001:db8:1::2", 34, false },
        { "2001:db8:1::1", "2001:db8:1::2", 14, false },
        { "2001:db8:1::1", "2001:db8:1::2", FRAME_MAX_BYTES + 1, false },
    };
    const struct gate gate = { .networks = networks, .network_count = sizeof networks / sizeof *networks };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t bytes[IPV6_FRAME_BYTES];
        struct frame frame = { .length = rows[i].length, .bytes = bytes };

        fill_ipv6(bytes, rows[i].source, rows[i].destination, 17);
        if (gate_passes(&gate, &frame) != rows[i].passes)
            fail_msg("%s to %s, %u bytes: wrong", rows[i].source, rows[i].destination, rows[i].length);
        bytes[IPV6_AT] = 0x45; /* what the type says counts as well as the version */
        assert_false(gate_passes(&gate, &frame));
        bytes[IPV6_AT] = 0x60;
        wire_put_u16(bytes + 12, 0x800);
        assert_false(gate_passes(&gate, &frame));
    }
}

/* What has no network has all zeros, which is no reason to let everything through. */
static void test_gate_of_no_network(void **state)
{
    const struct ip_network zeros = { 0 };
    const struct gate_network none[] = { gate_network_of(&zeros), network("::/0") };
    const struct gate_network some = network("2001:db8::/32");
    uint8_t bytes[IPV6_FRAME_BYTES];
    struct frame frame = { .length = sizeof bytes, .bytes = bytes };

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        const struct gate gate = { .networks = &none[i], .network_count = 1 };
        const struct gate_sender sender = { none[i], 0 };
        const struct gate by_senders = { .networks = &some, .network_count = 1, .senders = &sender, .sender_count = 1 };

        fill_ipv6(bytes, "2001:db8::1", "::", 6);
        assert_false(gate_passes(&gate, &frame));
        fill_ipv6(bytes, "2001:db8::1", "2001:db8::2", 6);
        assert_false(gate_passes(&gate, &frame));
        assert_false(gate_passes(&by_senders, &frame));
    }
}

/* Neither a network of all of IPv4 nor one that looks like it lets a mapped address through. */
static void test_gate_of_mapped_addresses(void **state)
{
    const struct gate_network everything[] = { network("0.0.0.0/0"), network("::/8"), network("2001:db8::/32") };
    const struct gate gate = { .networks = everything, .network_count = sizeof everything / sizeof *everything };
    uint8_t bytes[IPV6_FRAME_BYTES];
    struct frame frame = { .length = sizeof bytes, .bytes = bytes };

    (void)state;
    fill_ipv6(bytes, "2001:db8::1", "::1", 6);
    assert_true(gate_passes(&gate, &frame));
    fill_ipv6(bytes, "2001:db8::1", "::ffff:10.0.0.1", 6);
    assert_false(gate_passes(&gate, &frame));
    fill_ipv6(bytes, "::ffff:10.0.0.1", "2001:db8::1", 6);
    assert_false(gate_passes(&gate, &frame));
}

/* Headers that follow the first one: each {next, length in its own unit}. */
static void test_gate_of_extension_headers(void **state)
{
    static const struct {
        const char *what;
        uint8_t next;
        uint8_t payload[24];
        uint32_t length;
        bool passes;
    } rows[] = {
        { "a fragment", 44, { 17, 0, 0, 1 }, IPV6_FRAME_BYTES, true },
        { "a later fragment, whatever it says", 44, { 43, 0, 0, 9 }, IPV6_FRAME_BYTES, true },
        { "half a fragment header", 44, { 17, 0, 0, 1 }, IPV6_PAYLOAD_AT + 7, false },
        { "hop by hop", 0, { 58, 0 }, IPV6_FRAME_BYTES, true },
        { "destination options, two units", 60, { 17, 1 }, IPV6_FRAME_BYTES, true },
        { "a routing header", 43, { 17, 0 }, IPV6_FRAME_BYTES, false },
        { "one behind hop by hop", 0, { 43, 0 }, IPV6_FRAME_BYTES, false },
        { "one behind long options", 60, { 0, 0, 0, 0, 0, 0, 0, 0, 43, 0 }, IPV6_FRAME_BYTES, false },
        { "one in a first fragment", 44, { 43, 0, 0, 1 }, IPV6_FRAME_BYTES, false },
        { "one behind an authentication header", 51, { 43, 2 }, IPV6_FRAME_BYTES, false },
        { "an extension as long as the packet", 0, { 17, 2 }, IPV6_FRAME_BYTES, true },
        { "one that hides behind the end", 0, { 60, 255 }, IPV6_FRAME_BYTES, false },
        { "one that ends behind the end, UDP there", 0, { 17, 255 }, IPV6_FRAME_BYTES, false },
        { "a mobility header", 135, { 59, 0 }, IPV6_FRAME_BYTES, true },
        { "a routing header behind one", 135, { 43, 0 }, IPV6_FRAME_BYTES, false },
        { "no extension but a number", 0, { 0, 0 }, IPV6_PAYLOAD_AT + 7, false },
        { "nothing follows", 59, { 0 }, IPV6_PAYLOAD_AT, true },
    };
    const struct gate_network here = network("2001:db8::/32");
    const struct gate gate = { .networks = &here, .network_count = 1 };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t bytes[IPV6_FRAME_BYTES];
        struct frame frame = { .length = rows[i].length, .bytes = bytes };

        fill_ipv6(bytes, "2001:db8::1", "2001:db8::2", rows[i].next);
        memcpy(bytes + IPV6_PAYLOAD_AT, rows[i].payload, sizeof rows[i].payload);
        if (gate_passes(&gate, &frame) != rows[i].passes)
            fail_msg("%s: wrong", rows[i].what);
    }
}

/* More extensions than anybody needs. */
static void test_gate_of_many_extensions(void **state)
{
    const struct gate_network here = network("2001:db8::/32");
    const struct gate gate = { .networks = &here, .network_count = 1 };
    uint8_t bytes[IPV6_FRAME_BYTES + 20 * 8] = { 0 };

    (void)state;
    for (uint32_t count = 0; count <= 20; count++) {
        struct frame frame = { .length = IPV6_FRAME_BYTES + count * 8, .bytes = bytes };

        fill_ipv6(bytes, "2001:db8::1", "2001:db8::2", count > 0 ? 60 : 17);
        for (uint32_t i = 0; i < count; i++) {
            memset(bytes + IPV6_PAYLOAD_AT + 8 * i, 0, 8);
            bytes[IPV6_PAYLOAD_AT + 8 * i] = i + 1 < count ? 60 : 17;
        }
        assert_int_equal(gate_passes(&gate, &frame), count < 8);
    }
}

/* Both families side by side, each with its tag. */
static void test_gate_of_ipv6_senders(void **state)
{
    const struct gate_network networks[] = { network("198.18.0.0/24"), network("2001:db8::/64") };
    const struct gate_sender senders[] = { { networks[0], 0 }, { networks[1], 10 } };
    const struct gate gate = { networks, 2, IPV6_FRAME_BYTES, senders, 2 };
    uint8_t bytes[IPV6_FRAME_BYTES + 4];
    struct frame frame = { .length = IPV6_FRAME_BYTES, .bytes = bytes };

    (void)state;
    fill_ipv6(bytes, "2001:db8::1", "2001:db8::2", 17);
    assert_false(gate_passes(&gate, &frame));
    fill_ipv6(bytes + 4, "2001:db8::1", "2001:db8::2", 17);
    wire_put_u16(bytes + 12, 0x8100);
    wire_put_u16(bytes + 14, 10);
    frame.length = IPV6_FRAME_BYTES + 4;
    assert_true(gate_passes(&gate, &frame));
    wire_put_u16(bytes + 14, 11);
    assert_false(gate_passes(&gate, &frame));
    wire_put_u16(bytes + 14, 10);
    frame.length = IPV6_FRAME_BYTES + 5;
    assert_false(gate_passes(&gate, &frame));
}

/* A tag behind a tag, and a type that is not IPv4 behind one. */
static void test_gate_of_types_behind_a_tag(void **state)
{
    static const uint16_t types[] = { 0x8100, 0x88a8, 0x806, 0x86dd, 0, 0x800 };
    const struct gate_network all = network("0.0.0.0/0");
    const struct gate_sender senders[] = { { all, 0 }, { all, 10 } };
    const struct gate gate = { .networks = &all, .network_count = 1, .senders = senders, .sender_count = 2 };
    uint8_t bytes[TAGGED_FRAME_BYTES];
    struct frame frame = { .length = sizeof bytes, .bytes = bytes };

    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        fill_tagged(bytes, "10.1.2.3", "8.8.8.8", 0x8100, 10);
        wire_put_u16(bytes + 16, types[i]);
        assert_int_equal(gate_passes(&gate, &frame), types[i] == 0x800);
    }
    bytes[18] = 0x60;
    assert_false(gate_passes(&gate, &frame));
}

/* ---- sinks ---- */

/* What libpcap reads from the file is what was sent, to the nanosecond. */
static void test_sink_pcap_is_read_back(void **state)
{
    enum { FRAMES = 1000 };
    const struct day_time origin = { INT64_C(1700000000999999000) };
    const char *path = scratch_path("frames.pcap");
    char text[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    struct output_file file;
    const uint8_t *bytes;
    struct error err;
    struct sink *sink;
    pcap_t *pcap;
    size_t sent;

    (void)state;
    assert_int_equal(output_file_open(&file, path, &err), 0);
    sink = sink_pcap_new(&file, origin, &err);
    assert_non_null(sink);
    for (uint32_t i = 0; i < FRAMES; i++) {
        struct frame numbered = numbered_frame(i);

        assert_int_equal(sink_send(sink, &numbered, 1, &sent, &err), SINK_OK);
        assert_int_equal(sent, 1);
    }
    sink_close(sink);
    assert_int_equal(output_file_commit(&file, &err), 0);

    pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, text);
    assert_non_null(pcap);
    assert_int_equal(pcap_datalink(pcap), DLT_EN10MB);
    for (uint32_t i = 0; i < FRAMES; i++) {
        struct frame expected = numbered_frame(i);
        struct frame got = expected; /* a file knows no links */

        assert_int_equal(pcap_next_ex(pcap, &header, &bytes), 1);
        got.due.ns = header->ts.tv_sec * NS_PER_SECOND + header->ts.tv_usec - origin.ns;
        got.length = header->len;
        got.bytes = bytes;
        assert_int_equal(header->caplen, header->len);
        assert_true(is_same_frame(&got, &expected));
    }
    assert_int_equal(pcap_next_ex(pcap, &header, &bytes), PCAP_ERROR_BREAK);
    pcap_close(pcap);
}

static void test_sink_pcap_refuses_times_it_cannot_write(void **state)
{
    static const int64_t origins_ns[] = { -1, (INT64_C(1) << 32) * NS_PER_SECOND };
    uint8_t bytes[IPV4_FRAME_BYTES] = { 0 };
    struct frame frame = { .length = sizeof bytes, .bytes = bytes };

    (void)state;
    for (size_t i = 0; i < sizeof origins_ns / sizeof origins_ns[0]; i++) {
        struct error err = { "" };
        struct output_file file;
        struct sink *sink;
        size_t sent;

        assert_int_equal(output_file_open(&file, scratch_path("never.pcap"), &err), 0);
        sink = sink_pcap_new(&file, (struct day_time){ origins_ns[i] }, &err);
        assert_non_null(sink);
        assert_int_equal(sink_send(sink, &frame, 1, &sent, &err), SINK_FAILED);
        assert_string_not_equal(err.text, "");
        sink_close(sink);
        output_file_abandon(&file);
    }
}

/* The disk is full: said by the sink or, when the bytes were still buffered, by the commit. */
static void test_sink_pcap_says_when_the_disk_is_full(void **state)
{
    struct output_file file = { 0 };
    uint8_t bytes[FRAME_MAX_BYTES] = { 0 };
    struct frame frame = { .length = sizeof bytes, .bytes = bytes };
    enum sink_result result = SINK_OK;
    size_t sent;
    struct error err = { "" };
    struct sink *sink;

    (void)state;
    file.stream = fopen("/dev/full", "wb");
    if (file.stream == NULL)
        skip_because("no /dev/full here");
    sink = sink_pcap_new(&file, (struct day_time){ 0 }, &err);
    assert_non_null(sink);
    for (int i = 0; i < 1000 && result == SINK_OK; i++)
        result = sink_send(sink, &frame, 1, &sent, &err);
    assert_int_equal(result, SINK_FAILED);
    assert_non_null(strstr(err.text, "cannot write"));
    sink_close(sink);
    fclose(file.stream);
}

static void test_sinks_have_names(void **state)
{
    static const enum sink_kind kinds[] = { SINK_PACKET, SINK_LIBNET, SINK_NULL };
    enum sink_kind kind;
    struct error err = { "" };

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        assert_int_equal(sink_kind_parse(sink_kind_name(kinds[i]), &kind, &err), 0);
        assert_int_equal(kind, kinds[i]);
    }
    if (sink_kind_parse("xdp", &kind, &err) < 0)
        assert_non_null(strstr(err.text, "built without"));
    else
        assert_int_equal(kind, SINK_XDP);
    assert_int_equal(sink_kind_parse("pcap", &kind, &err), -1);
    assert_non_null(strstr(err.text, "\"pcap\""));
}

/* ---- transmit stamps ---- */

/* Two sockets of this machine, from one to the other: they get the same stamps as a packet socket. */
struct stamped {
    struct emit_clock clock;
    struct transmit_stamps stamps;
    int from, to;
};

static void stamped_open(struct stamped *s)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    struct error err;

    s->from = socket(AF_INET, SOCK_DGRAM, 0);
    s->to = socket(AF_INET, SOCK_DGRAM, 0);
    s->clock = emit_clock_real();
    transmit_stamps_init(&s->stamps, &s->clock);
    if (bind(s->to, (const struct sockaddr *)&address, sizeof address) < 0 ||
        getsockname(s->to, (struct sockaddr *)&address, &size) < 0 ||
        connect(s->from, (const struct sockaddr *)&address, sizeof address) < 0 ||
        transmit_stamps_attach(&s->stamps, s->from, &err) < 0) {
        print_message("no stamps on this machine\n");
        skip();
    }
}

static void stamped_close(const struct stamped *s)
{
    close(s->from);
    close(s->to);
}

/* Due i * 100 ms after the clock's beginning. */
static struct frame stamped_frame(int i)
{
    return (struct frame){ .due = { i * 100 * NS_PER_MS }, .length = 1, .bytes = pool };
}

static void stamped_send(struct stamped *s, const struct frame *frame, bool does_send, bool is_noted)
{
    struct iovec part = { pool, 1 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    size_t which = 7;

    assert_true(transmit_stamps_begin(&s->stamps, frame, 1, &which));
    assert_int_equal(which, 0);
    transmit_stamps_request(&s->stamps, &message);
    if (does_send)
        assert_int_equal(sendmsg(s->from, &message, 0), 1);
    transmit_stamps_end(&s->stamps, frame, is_noted);
    usleep(2000); /* far from the next call */
}

/* A stamp goes to the call that it was taken in; a frame that was dropped has one and no call, one that was not stamped a call. */
static void test_stamps_find_their_calls(void **state)
{
    struct stamped *s = memory_alloc(sizeof *s);
    struct frame frames[5];

    (void)state;
    stamped_open(s);
    s->clock.anchor_ns -= 400 * NS_PER_MS; /* the last one is due now */
    for (int i = 0; i < 5; i++) {
        frames[i] = stamped_frame(i);
        stamped_send(s, &frames[i], i != 1, i != 3);
    }
    transmit_stamps_read(&s->stamps);
    assert_int_equal(s->stamps.lateness.count, 3);
    assert_int_equal(s->stamps.missing, 1);
    assert_int_equal(s->stamps.strange, 1);
    assert_in_range(s->stamps.lateness.max_ns, 400 * NS_PER_MS, INT64_MAX); /* of the first one */
    transmit_stamps_read(&s->stamps);
    assert_int_equal(s->stamps.lateness.count, 3);
    stamped_close(s);
    free(s);
}

/* One in 1,000, but 10 a second at least and 100 at most, by due times. */
static void test_stamps_are_of_a_sample(void **state)
{
    static const struct {
        int64_t gap_ns;
        uint32_t frames;
        uint32_t sampled;
    } cases[] = {
        { NS_PER_SECOND, 20, 20 },              /* seldom: each */
        { 10 * NS_PER_MS, 1000, 100 },          /* 100 a second: 10 of them */
        { 20 * NS_PER_US, 100000, 100 },        /* 50,000 a second for 2 s: 50 of them */
        { NS_PER_US, 2000000, 200 },            /* a million: 100 of them */
    };

    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct emit_clock clock = emit_clock_simulated();
        struct transmit_stamps *stamps = memory_alloc(sizeof *stamps);
        uint32_t sampled = 0;
        size_t which;

        transmit_stamps_init(stamps, &clock);
        stamps->fd = 0; /* as if it were attached */
        for (uint32_t i = 0; i < cases[c].frames; i++) {
            struct frame frame = { .due = { i * cases[c].gap_ns } };

            if (transmit_stamps_begin(stamps, &frame, 1, &which)) {
                transmit_stamps_end(stamps, &frame, true);
                sampled++;
            }
            transmit_stamps_count(stamps, 1);
        }
        assert_in_range(sampled, cases[c].sampled - 2, cases[c].sampled + 2);
        free(stamps);
    }
}

/* What is not read is not written over: then nothing more is asked for. */
static void test_stamps_wait_for_their_reader(void **state)
{
    struct emit_clock clock = emit_clock_simulated();
    struct transmit_stamps *stamps = memory_alloc(sizeof *stamps);
    uint32_t asked = 0;
    size_t which;

    (void)state;
    transmit_stamps_init(stamps, &clock);
    for (int i = 0; i < 2 * TRANSMIT_STAMPS_OPEN; i++) {
        struct frame frame = stamped_frame(i);

        stamps->fd = i < 10 ? -1 : 0; /* not attached at first */
        if (transmit_stamps_begin(stamps, &frame, 1, &which)) {
            transmit_stamps_end(stamps, &frame, true);
            asked++;
        }
    }
    assert_int_equal(asked, TRANSMIT_STAMPS_OPEN);
    free(stamps);
}

/* ---- emitter ---- */

enum { FAKE_GAP_NS = 100 };

/* Frames of 198.18.0.1 (or of a stranger, every seventh) with their number in the last bytes. */
struct fake_source {
    uint32_t next;
    uint32_t count;
    uint32_t fails_at; /* 0: never */
    bool has_strangers;
    uint8_t bytes[IPV4_FRAME_BYTES];
};

static int fake_peek(void *self, struct frame *next, struct error *err)
{
    const struct fake_source *fake = self;

    if (fake->fails_at && fake->next == fake->fails_at)
        return error_set(err, "the source failed");
    if (fake->next == fake->count)
        return 0;
    *next = (struct frame){ .due = { (int64_t)fake->next * FAKE_GAP_NS } };
    return 1;
}

static uint32_t fake_take(void *self, uint8_t *room)
{
    struct fake_source *fake = self;
    bool is_stranger = fake->has_strangers && fake->next % 7 == 6;

    fill_ipv4(room, is_stranger ? "10.0.0.1" : "198.18.0.1", "198.18.0.2");
    wire_put_u32(room + 56, fake->next++);
    return IPV4_FRAME_BYTES;
}

static struct frame_source fake_frames(struct fake_source *fake)
{
    return (struct frame_source){ fake_peek, fake_take, fake };
}

enum { FAKE_HELD = 40 };

struct fake_sink {
    struct sink base;
    bool holds;            /* the last FAKE_HELD frames, which must stay as they are */
    const uint8_t *held[FAKE_HELD];
    uint32_t held_numbers[FAKE_HELD];
    uint32_t overwritten;
    uint32_t calls;        /* frames it was given, those that are tried again again */
    uint32_t sent;
    uint32_t last;         /* number of the last frame that was done with */
    uint32_t disorders;
    uint32_t loses_every;  /* 0: never */
    uint32_t busy_from, busy_to; /* calls between which there is no room: first, and behind the last */
    uint32_t fails_at;     /* call that fails, 0: never */
    uint32_t stops_at;     /* call after which *stop is set, 0: never */
    uint32_t largest_batch;
    atomic_bool *stop;
};

/* The oldest one comes back for it. */
static void fake_hold(struct fake_sink *fake, const uint8_t *bytes, uint32_t number)
{
    size_t at = fake->sent % FAKE_HELD;

    fake->overwritten += fake->held[at] && wire_get_u32(fake->held[at] + 56) != fake->held_numbers[at];
    fake->held[at] = bytes;
    fake->held_numbers[at] = number;
}

static const uint8_t *fake_oldest_held(struct sink *sink)
{
    struct fake_sink *fake = (struct fake_sink *)sink;

    return fake->sent < FAKE_HELD ? fake->held[0] : fake->held[fake->sent % FAKE_HELD];
}

static enum sink_result fake_send_one(struct fake_sink *fake, const struct frame *frame, struct error *err)
{
    uint32_t number = wire_get_u32(frame->bytes + 56);

    fake->calls++;
    if (fake->calls == fake->stops_at)
        atomic_store(fake->stop, true);
    if (fake->calls >= fake->busy_from && fake->calls < fake->busy_to)
        return SINK_BUSY;
    fake->disorders += fake->last > 0 && number <= fake->last;
    fake->last = number;
    if (fake->calls == fake->fails_at) {
        error_set(err, "the sink failed");
        return SINK_FAILED;
    }
    if (fake->loses_every && fake->calls % fake->loses_every == 0)
        return SINK_LOST;
    if (fake->holds)
        fake_hold(fake, frame->bytes, number);
    fake->sent++;
    return SINK_OK;
}

static enum sink_result fake_send(struct sink *sink, const struct frame *frames, size_t count, size_t *sent,
                                  struct error *err)
{
    struct fake_sink *fake = (struct fake_sink *)sink;
    enum sink_result result = SINK_OK;

    if (count > fake->largest_batch)
        fake->largest_batch = (uint32_t)count;
    for (*sent = 0; *sent < count && result == SINK_OK; *sent += result == SINK_OK)
        result = fake_send_one(fake, &frames[*sent], err);
    return result;
}

static void fake_close(struct sink *sink)
{
    (void)sink;
}

static const struct sink_operations fake_operations = { fake_send, fake_oldest_held, fake_close };

/* All that one run needs. */
struct bench {
    struct gate_network network;
    struct gate gate;
    struct emit_clock clock;
    struct fake_source fake;
    struct fake_sink sink;
    atomic_bool stop;
    struct emit_link link;
    struct emitter emitter;
    struct emit_counts counts;
    struct frame_source source;
};

static struct bench *bench_new(uint32_t frames)
{
    struct bench *bench = memory_alloc(sizeof *bench);

    bench->network = network("198.18.0.0/15");
    bench->gate = (struct gate){ .networks = &bench->network, .network_count = 1 };
    bench->clock = emit_clock_simulated();
    bench->fake.count = frames;
    bench->sink.base.operations = &fake_operations;
    bench->sink.stop = &bench->stop;
    bench->link = (struct emit_link){ .gate = &bench->gate, .sink = &bench->sink.base, .counts = &bench->counts };
    bench->emitter.links[0] = &bench->link;
    bench->emitter.clock = &bench->clock;
    bench->emitter.stop = &bench->stop;
    bench->source = fake_frames(&bench->fake);
    return bench;
}

static void assert_counts(const struct bench *bench, uint64_t sent, uint64_t dropped,
                          uint64_t refused)
{
    const struct emit_counts *counts = &bench->counts;

    assert_int_equal(counts->sent, sent);
    assert_int_equal(counts->dropped, dropped);
    assert_int_equal(counts->refused, refused);
    assert_int_equal(counts->planned, sent + dropped + refused);
    assert_int_equal(counts->sent_bytes, sent * IPV4_FRAME_BYTES);
    assert_int_equal(counts->lateness.count, sent);
    assert_int_equal(counts->lateness.max_ns, 0); /* simulated time is never late */
    assert_int_equal(bench->sink.sent, sent);
    assert_int_equal(bench->sink.disorders, 0);
}

static void test_emitter_counts_every_outcome(void **state)
{
    struct bench *bench = bench_new(7000);
    struct error err;

    (void)state;
    bench->fake.has_strangers = true;
    bench->sink.loses_every = 3;
    assert_int_equal(emitter_run_source(&bench->emitter, &bench->source, &err), 0);
    assert_counts(bench, 4000, 2000, 1000);
    free(bench);
}

/* The memory of frames that the sink still reads is not written over, whatever was refused or lost among them. */
static void test_emitter_leaves_what_the_sink_holds(void **state)
{
    struct bench *bench = bench_new(20000);
    struct error err = { "" };

    (void)state;
    bench->fake.has_strangers = true;
    bench->sink.loses_every = 3;
    bench->sink.holds = true;
    assert_int_equal(emitter_run_source(&bench->emitter, &bench->source, &err), 0);
    assert_int_equal(bench->counts.planned, 20000);
    assert_true(bench->sink.sent > 10000);
    assert_int_equal(bench->sink.overwritten, 0);
    free(bench);
}

static void test_emitter_ends_when_the_sink_fails(void **state)
{
    struct bench *bench = bench_new(100);
    struct error err = { "" };

    (void)state;
    bench->link.name = "eth7";
    bench->sink.fails_at = 42;
    assert_int_equal(emitter_run_source(&bench->emitter, &bench->source, &err), -1);
    assert_string_equal(err.text, "eth7: the sink failed");
    assert_counts(bench, 41, EMIT_BATCH - 41, 0); /* what was taken from the ring with it */
    assert_int_equal(bench->counts.lost, 1);
    free(bench);
}

static void test_emitter_ends_when_the_source_fails(void **state)
{
    struct bench *bench = bench_new(100);
    struct error err = { "" };

    (void)state;
    bench->fake.fails_at = 30;
    assert_int_equal(emitter_run_source(&bench->emitter, &bench->source, &err), -1);
    assert_string_equal(err.text, "the source failed");
    assert_counts(bench, 30, 0, 0);
    free(bench);
}

static void test_emitter_source_stops(void **state)
{
    struct bench *bench = bench_new(100);
    struct error err;

    (void)state;
    bench->sink.stops_at = 10;
    assert_int_equal(emitter_run_source(&bench->emitter, &bench->source, &err), 0);
    assert_counts(bench, 10, 90, 0); /* rendered ahead */
    assert_int_equal(bench->counts.unsent, 90);
    free(bench);
}

/* The stop comes while a frame due in ten years is in hand: it is lost, and said to be. */
static void test_emitter_stops_in_a_wait(void **state)
{
    struct bench *bench = bench_new(100);
    struct frame_ring *ring = frame_ring_new(1);
    struct error err;
    pthread_t thread;
    uint8_t bytes[IPV4_FRAME_BYTES];
    struct frame frame = { .due = { 3650 * NS_PER_DAY }, .length = sizeof bytes, .bytes = bytes };

    (void)state;
    fill_ipv4(bytes, "198.18.0.1", "198.18.0.2");
    bench->clock = emit_clock_real();
    assert_true(frame_ring_push(ring, &frame));
    assert_true(frame_ring_push(ring, &frame));
    assert_int_equal(pthread_create(&thread, NULL, stop_later, &bench->stop), 0);
    assert_int_equal(emitter_run_ring(&bench->emitter, ring, &err), 0);
    pthread_join(thread, NULL);
    assert_counts(bench, 0, 2, 0);
    frame_ring_free(ring);
    free(bench);
}

/* As a producer does it: waits for room. */
static void push_all(struct fake_source *fake, struct frame_ring *ring)
{
    struct frame next;
    struct error err;
    uint8_t *room;

    while (fake_peek(fake, &next, &err) > 0) {
        while ((room = frame_ring_reserve(ring)) == NULL)
            sched_yield();
        next.length = fake_take(fake, room);
        frame_ring_commit(ring, &next);
    }
}

static void test_emitter_ring_counts_what_is_left_at_a_stop(void **state)
{
    struct bench *bench = bench_new(30);
    struct frame_ring *ring = frame_ring_new(1);
    struct frame frame;
    struct error err;

    (void)state;
    push_all(&bench->fake, ring);
    bench->sink.stops_at = 10;
    /* Not finished: an emitter that waited for the producer would hang here. */
    assert_int_equal(emitter_run_ring(&bench->emitter, ring, &err), 0);
    assert_counts(bench, 10, 20, 0);
    assert_int_equal(frame_ring_take(ring, &frame, 1), 0);
    frame_ring_free(ring);
    free(bench);
}

static void test_emitter_ring_ends_when_the_sink_fails(void **state)
{
    struct bench *bench = bench_new(30);
    struct frame_ring *ring = frame_ring_new(1);
    struct error err = { "" };

    (void)state;
    push_all(&bench->fake, ring);
    bench->sink.fails_at = 3;
    assert_int_equal(emitter_run_ring(&bench->emitter, ring, &err), -1);
    assert_string_equal(err.text, "the sink failed");
    assert_counts(bench, 2, 28, 0);
    assert_int_equal(bench->counts.lost, 1);
    frame_ring_free(ring);
    free(bench);
}

struct producer {
    struct bench *bench;
    struct frame_ring *ring;
};

static void *produce(void *self)
{
    const struct producer *producer = self;

    push_all(&producer->bench->fake, producer->ring);
    frame_ring_finish(producer->ring);
    return NULL;
}

static void test_emitter_ring_with_a_producer(void **state)
{
    struct bench *bench = bench_new(70000);
    struct producer producer = { bench, frame_ring_new(1 << 15) };
    struct error err;
    pthread_t thread;

    (void)state;
    bench->fake.has_strangers = true;
    bench->sink.loses_every = 3;
    assert_int_equal(pthread_create(&thread, NULL, produce, &producer), 0);
    assert_int_equal(emitter_run_ring(&bench->emitter, producer.ring, &err), 0);
    pthread_join(thread, NULL);
    assert_counts(bench, 40000, 20000, 10000);
    frame_ring_free(producer.ring);
    free(bench);
}

/* A source that has fallen behind is late, and the histogram says by how much. */
static void test_emitter_records_lateness(void **state)
{
    struct bench *bench = bench_new(10);
    struct error err;

    (void)state;
    bench->clock.simulated_ns += 1000; /* frames are due at 0, 100, 200 ... 900 */
    assert_int_equal(emitter_run_source(&bench->emitter, &bench->source, &err), 0);
    assert_int_equal(bench->counts.lateness.count, 10);
    assert_int_equal(bench->counts.lateness.max_ns, 1000);
    assert_in_range(log_histogram_quantile(&bench->counts.lateness, 0.5), 500, 516);
    free(bench);
}

/* A simulated clock on which a stall happens: once, at a deadline, time jumps. */
struct stalling_clock {
    struct emit_clock_operations operations;
    struct run_time stalls_at;
    int64_t stall_ns;
};

static struct stalling_clock stalling;

static struct run_time stalling_wait_until(struct emit_clock *clock, struct run_time deadline,
                                           struct emit_pace *pace, const atomic_bool *stop)
{
    struct emit_clock simulated = emit_clock_simulated();

    if (deadline.ns == stalling.stalls_at.ns) {
        clock->simulated_ns += deadline.ns - emit_clock_now(clock).ns + stalling.stall_ns;
        stalling.stalls_at.ns = -1;
    }
    return simulated.operations->wait_until(clock, deadline, pace, stop);
}

static struct emit_clock stalling_clock_start(int64_t stalls_at_ns, int64_t stall_ns)
{
    struct emit_clock clock = emit_clock_simulated();

    stalling = (struct stalling_clock){ *clock.operations, { stalls_at_ns }, stall_ns };
    stalling.operations.wait_until = stalling_wait_until;
    clock.operations = &stalling.operations;
    return clock;
}

/* When each frame was given to it, on the machine's clock. */
struct timing_sink {
    struct sink base;
    const struct emit_clock *clock;
    int64_t begin_ns;
    int64_t sent_ns[100];
    int count;
};

static enum sink_result timing_send(struct sink *sink, const struct frame *frames, size_t count, size_t *sent,
                                    struct error *err)
{
    struct timing_sink *timing = (struct timing_sink *)sink;

    (void)frames;
    (void)err;
    for (*sent = 0; *sent < count; (*sent)++)
        timing->sent_ns[timing->count++] = emit_clock_machine_ns(timing->clock) - timing->begin_ns;
    return SINK_OK;
}

static void run_stall(struct bench *bench, struct timing_sink *timing, int64_t stall_ns)
{
    static const struct sink_operations timing_operations = { timing_send, NULL, fake_close };
    struct error err;

    bench->clock = stalling_clock_start(5000, stall_ns);
    *timing = (struct timing_sink){ { &timing_operations }, &bench->clock, emit_clock_machine_ns(&bench->clock), { 0 }, 0 };
    bench->link.sink = &timing->base;
    assert_int_equal(emitter_run_source(&bench->emitter, &bench->source, &err), 0);
    assert_int_equal(timing->count, 100);
}

/* No burst to catch up: the frames behind the late one keep their distances. */
static void test_emitter_postpones_after_a_stall(void **state)
{
    const int64_t stall_ns = 5 * NS_PER_SECOND;
    struct bench *bench = bench_new(100);
    struct emit_counts *counts = &bench->counts;
    struct timing_sink timing;

    (void)state;
    run_stall(bench, &timing, stall_ns);
    for (int i = 0; i < 100; i++)
        assert_int_equal(timing.sent_ns[i], i * 100 + (i >= 50 ? stall_ns : 0));
    assert_int_equal(counts->stalls, 1);
    assert_int_equal(counts->stalled_ns, stall_ns);
    assert_int_equal(counts->lateness.count, 100);
    assert_int_equal(counts->lateness.max_ns, stall_ns);
    assert_int_equal(log_histogram_quantile(&counts->lateness, 0.99), 0); /* one frame of 100 */
    free(bench);
}

/* Up to EMIT_MAX_LATE_NS the plan stands, and the time lost is made good. */
static void test_emitter_catches_up_with_little(void **state)
{
    struct bench *bench = bench_new(100);
    struct timing_sink timing;

    (void)state;
    run_stall(bench, &timing, EMIT_MAX_LATE_NS);
    assert_int_equal(timing.sent_ns[99], 5000 + EMIT_MAX_LATE_NS);
    assert_int_equal(bench->counts.stalls, 0);
    assert_int_equal(bench->counts.stalled_ns, 0);
    free(bench);
}

/* With frames dropped in place of it, the schedule stays. */
static void test_emitter_drops_what_is_late(void **state)
{
    struct bench *bench = bench_new(100);
    struct error err;

    (void)state;
    bench->clock = stalling_clock_start(5000, 2050);
    bench->emitter.late = LATE_DROP;
    bench->emitter.max_late_ns = 1000; /* at 7050: due from 6050 on */
    assert_int_equal(emitter_run_source(&bench->emitter, &bench->source, &err), 0);
    assert_int_equal(bench->counts.late, 11);
    assert_int_equal(bench->counts.dropped, 11);
    assert_int_equal(bench->counts.sent, 89);
    assert_int_equal(bench->counts.planned, 100);
    assert_int_equal(bench->counts.stalls, 0);
    assert_in_range(bench->counts.lateness.max_ns, 950, 1000);
    assert_int_equal(emit_clock_now(&bench->clock).ns, 9900);
    free(bench);
}

/* What is due together goes out together, what is not does not. */
static void test_emitter_batches_what_is_due(void **state)
{
    static const struct { int64_t late_ns; uint32_t batch; } rows[] = { { 0, 1 }, { 1000, 11 }, { 20000, EMIT_BATCH } };
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench *bench = bench_new(1000);

        bench->clock.simulated_ns += rows[i].late_ns;
        assert_int_equal(emitter_run_source(&bench->emitter, &bench->source, &err), 0);
        assert_int_equal(bench->sink.largest_batch, rows[i].batch);
        assert_int_equal(bench->counts.sent, 1000);
        free(bench);
    }
}

/* A sink without room is asked again, and no frame is lost or doubled; for 10 ms, then frames are. */
static void test_emitter_waits_for_a_busy_sink(void **state)
{
    static const struct { uint32_t busy, lost; } rows[] = { { 1, 0 }, { 100, 0 }, { 501, 1 }, { 511, 11 } };
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench *bench = bench_new(1000);

        bench->sink.busy_from = 100;
        bench->sink.busy_to = 100 + rows[i].busy;
        assert_int_equal(emitter_run_source(&bench->emitter, &bench->source, &err), 0);
        assert_int_equal(bench->counts.busy, rows[i].busy);
        assert_int_equal(bench->counts.lost, rows[i].lost);
        assert_int_equal(bench->counts.dropped, rows[i].lost);
        assert_int_equal(bench->counts.sent, 1000 - rows[i].lost);
        assert_int_equal(bench->counts.planned, 1000);
        assert_int_equal(bench->sink.disorders, 0);
        assert_int_equal(bench->sink.sent, bench->counts.sent);
        free(bench);
    }
}

/* Frames every 100 ns are 10 million a second: the ceiling makes them late, and loses none. */
static void test_emitter_holds_the_ceiling(void **state)
{
    struct bench *bench = bench_new(5000);
    struct rate_ceiling ceiling;
    struct error err;

    (void)state;
    rate_ceiling_init(&ceiling, 1000, 0);
    bench->link.ceiling = &ceiling;
    bench->emitter.max_late_ns = NS_PER_DAY;
    assert_int_equal(emitter_run_source(&bench->emitter, &bench->source, &err), 0);
    assert_int_equal(bench->counts.sent, 5000);
    assert_true(bench->counts.held_back > 0);
    /* 72.5 ms of shares ahead, 1.1 ms each. */
    assert_in_range(emit_clock_now(&bench->clock).ns, 5417 * NS_PER_MS, 5437 * NS_PER_MS);
    free(bench);
}

/* ---- clock ---- */

static void test_clock_is_put_off(void **state)
{
    struct emit_clock clock = emit_clock_simulated();
    struct run_time now = emit_clock_now(&clock);

    (void)state;
    emit_clock_put_off(&clock, NS_PER_DAY);
    assert_int_equal(emit_clock_now(&clock).ns, now.ns - NS_PER_DAY);
}

static void test_clock_pauses(void **state)
{
    struct emit_clock clock = emit_clock_simulated();

    (void)state;
    clock.simulated_ns += 1000;
    assert_int_equal(emit_clock_now(&clock).ns, 1000);
    emit_clock_pause(&clock);
    assert_true(emit_clock_is_paused(&clock));
    clock.simulated_ns += NS_PER_DAY;
    emit_clock_pause(&clock); /* again: as before */
    assert_int_equal(emit_clock_now(&clock).ns, 1000);
    emit_clock_resume(&clock);
    assert_false(emit_clock_is_paused(&clock));
    assert_int_equal(emit_clock_now(&clock).ns, 1000);
    emit_clock_resume(&clock);
    clock.simulated_ns += 500;
    assert_int_equal(emit_clock_now(&clock).ns, 1500);
}

static void *resume_later(void *self)
{
    struct emit_clock *clock = self;
    const struct timespec nap = { .tv_nsec = 50 * NS_PER_MS };

    nanosleep(&nap, NULL);
    emit_clock_resume(clock);
    return NULL;
}

/* No deadline passes while the clock stands still, and none is early. */
static void test_clock_waits_out_a_pause(void **state)
{
    static const enum emit_timing timings[] = { EMIT_EXACT, EMIT_BALANCED, EMIT_FRUGAL };
    const atomic_bool stop = false;

    (void)state;
    for (size_t i = 0; i < sizeof timings / sizeof *timings; i++) {
        struct emit_clock clock = emit_clock_real();
        struct run_time deadline = { 2 * NS_PER_MS };
        struct emit_pace pace = { timings[i], 0 };
        int64_t begin_ns = clock.anchor_ns;
        pthread_t thread;

        emit_clock_pause(&clock);
        assert_int_equal(pthread_create(&thread, NULL, resume_later, &clock), 0);
        assert_true(clock.operations->wait_until(&clock, deadline, &pace, &stop).ns >= deadline.ns);
        pthread_join(thread, NULL);
        assert_true(clock.anchor_ns - begin_ns >= 50 * NS_PER_MS);
        assert_true(emit_clock_machine_ns(&clock) - begin_ns >= 52 * NS_PER_MS);
    }
}

/* ---- rate ceiling ---- */

/* Asked for as often as can be, in any second no more gets through than the ceiling; in the long run 10/11 of it. */
static void test_ceiling_holds_in_any_second(void **state)
{
    static const struct { uint64_t packets, bits; uint32_t bytes; } rows[] = {
        { 20, 0, 60 },     { 1000, 0, 60 },         { 100000, 0, 1514 },
        { 0, 200000, 60 }, { 0, 10000000, 1514 },   { 1000, 1000000, 200 }, { 100, 1000000000, 1514 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t by_bits = rows[i].bits ? rows[i].bits / (8 * rows[i].bytes) : UINT64_MAX;
        uint64_t most = rows[i].packets && rows[i].packets < by_bits ? rows[i].packets : by_bits;
        struct rate_ceiling ceiling;
        int64_t *sent_ns = memory_alloc_array(4 * most, sizeof *sent_ns);
        int64_t now_ns = -NS_PER_SECOND; /* the clock may be anywhere */
        size_t count = 0;

        rate_ceiling_init(&ceiling, rows[i].packets, rows[i].bits);
        while (now_ns < 2 * NS_PER_SECOND) {
            int64_t wait_ns = rate_ceiling_take(&ceiling, now_ns, rows[i].bytes);

            now_ns += wait_ns;
            if (wait_ns > 0)
                continue;
            assert_true(count < 4 * most);
            sent_ns[count++] = now_ns;
            if (count > most)
                assert_true(sent_ns[count - 1] - sent_ns[count - 1 - most] >= NS_PER_SECOND);
        }
        assert_in_range(count, (size_t)((double)most * 2.6), 3 * most);
        free(sent_ns);
    }
}

static void test_ceiling_may_be_none(void **state)
{
    struct rate_ceiling ceiling;

    (void)state;
    rate_ceiling_init(&ceiling, 0, 0);
    for (int i = 0; i < 1000000; i++)
        assert_int_equal(rate_ceiling_take(&ceiling, 0, 1514), 0);
}

/* A sink that is busy uses nothing up. */
static void test_ceiling_counts_what_is_sent(void **state)
{
    struct bench *bench = bench_new(100);
    struct rate_ceiling ceiling;
    struct error err;

    (void)state;
    rate_ceiling_init(&ceiling, 2000, 0); /* 181 at once */
    bench->link.ceiling = &ceiling;
    bench->sink.busy_from = 1;
    bench->sink.busy_to = 400;
    assert_int_equal(emitter_run_source(&bench->emitter, &bench->source, &err), 0);
    assert_int_equal(bench->counts.sent, 100);
    assert_int_equal(bench->counts.held_back, 0);
    free(bench);
}

/* A neighbour that asks without end does not hold up what the emitter waits for with; nor does an emitter that gave up. */
static void test_ceiling_keeps_room_for_who_waits(void **state)
{
    struct rate_ceiling ceiling;
    int64_t now_ns = 0;

    (void)state;
    rate_ceiling_init(&ceiling, 1100, 0); /* one in a millisecond, 100 at once */
    while (rate_ceiling_take_spare(&ceiling, now_ns, 60)) {
    }
    for (int sent = 0; sent < 100; now_ns += NS_PER_MS / 10) {
        assert_true(sent == 0 || !rate_ceiling_take_spare(&ceiling, now_ns, 60));
        sent += rate_ceiling_take_first(&ceiling, now_ns, 60) == 0;
        assert_true(now_ns <= 101 * NS_PER_MS); /* as if it was alone */
    }
    assert_true(rate_ceiling_take_first(&ceiling, now_ns, 60) > 0);
    assert_false(rate_ceiling_take_spare(&ceiling, now_ns + 2 * NS_PER_MS, 60));
    assert_true(rate_ceiling_take_spare(&ceiling, now_ns + 5 * NS_PER_MS, 60));
}

/* What was sent below a ceiling: by whom, when, and how much. */
enum taker { EMISSION, RESOLUTION, PING, TAKERS };

struct taken {
    enum taker who;
    int64_t ns;
    uint64_t bits;
};

struct taken_list {
    struct taken *taken;
    size_t count, capacity;
    uint64_t of[TAKERS];
};

static void note_taken(struct taken_list *list, enum taker who, int64_t now_ns, uint32_t bytes)
{
    list->taken = memory_grow(list->taken, &list->capacity, list->count + 1, sizeof *list->taken);
    list->taken[list->count++] = (struct taken){ who, now_ns, 8 * (uint64_t)bytes };
    list->of[who]++;
}

/* The largest second: packets and bits of `who`; TAKERS: of all. */
static void largest_second(const struct taken_list *list, enum taker who, uint64_t *packets, uint64_t *bits)
{
    uint64_t packets_now = 0, bits_now = 0;
    size_t first = 0;

    *packets = *bits = 0;
    for (size_t i = 0; i < list->count; i++) {
        bool counts = who == TAKERS || list->taken[i].who == who;

        for (; list->taken[i].ns - list->taken[first].ns >= NS_PER_SECOND; first++) {
            bool counted = who == TAKERS || list->taken[first].who == who;

            packets_now -= counted;
            bits_now -= counted ? list->taken[first].bits : 0;
        }
        packets_now += counts;
        bits_now += counts ? list->taken[i].bits : 0;
        *packets = packets_now > *packets ? packets_now : *packets;
        *bits = bits_now > *bits ? bits_now : *bits;
    }
}

enum { ADVERTISEMENT = 90, FULL_S = 10 };

/*
 * An emitter that always has more takes what there is, as one does that looks again every tenth of a millisecond; from the
 * first second on neighbours ask, so often. Returns how often, and *in_vain: so often one found no room.
 */
static uint64_t take_below_full_ceiling(struct rate_ceiling *ceiling, int64_t ask_ns, uint32_t emitted_bytes,
                                        struct taken_list *list, uint64_t *in_vain)
{
    uint64_t asked = 0;

    *in_vain = 0;
    for (int64_t now_ns = 0; now_ns < FULL_S * NS_PER_SECOND; now_ns += NS_PER_MS / 10) {
        while (rate_ceiling_take_first(ceiling, now_ns, emitted_bytes) == 0)
            note_taken(list, EMISSION, now_ns, emitted_bytes);
        if (now_ns < NS_PER_SECOND || now_ns % ask_ns != 0)
            continue;
        if (rate_ceiling_take_spare(ceiling, now_ns, ADVERTISEMENT))
            note_taken(list, PING, now_ns, ADVERTISEMENT);
        asked++;
        if (rate_ceiling_take_resolution(ceiling, now_ns, ADVERTISEMENT))
            note_taken(list, RESOLUTION, now_ns, ADVERTISEMENT);
        else
            ++*in_vain;
    }
    return asked;
}

/* Below a ceiling that the emission fills, neighbours learn where hosts are, and no second exceeds it; pings find no room. */
static void test_ceiling_resolves_when_full(void **state)
{
    static const struct {
        uint64_t packets, bits;
        uint32_t emitted_bytes;
        int64_t ask_ns;
        uint64_t most;        /* that are answered in any second */
        double answered;      /* at least so many of those who ask are */
    } rows[] = {
        { 20, 0, 60, 1100 * NS_PER_MS, 1, 1 },
        { 21, 0, 60, 1100 * NS_PER_MS, 1, 1 },
        { 22, 0, 60, 1100 * NS_PER_MS, 1, 1 },
        { 20, 0, 60, NS_PER_MS, 1, 0 },           /* a flood */
        { 39, 0, 60, NS_PER_MS, 1, 0 },
        { 200, 0, 60, 200 * NS_PER_MS, 10, 1 },
        { 200, 0, 60, NS_PER_MS, 10, 0 },
        { 1000, 0, 60, 40 * NS_PER_MS, 50, 1 },
        { 10000, 0, 1514, NS_PER_MS, 500, 0.25 },
        { 100000, 0, 60, NS_PER_MS, 5000, 1 },
        { 0, 200000, 1514, NS_PER_SECOND / 5, 13, 1 },
        { 0, 10000000, 1514, NS_PER_MS, 694, 0.34 },
        { 1000, 1000000, 200, NS_PER_MS, 50, 0.025 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t asked, in_vain, packets, bits;
        struct taken_list list = { NULL, 0, 0, { 0 } };
        struct rate_ceiling ceiling;

        rate_ceiling_init(&ceiling, rows[i].packets, rows[i].bits);
        asked = take_below_full_ceiling(&ceiling, rows[i].ask_ns, rows[i].emitted_bytes, &list, &in_vain);
        largest_second(&list, TAKERS, &packets, &bits);
        if ((rows[i].packets && packets > rows[i].packets) || (rows[i].bits && bits > rows[i].bits))
            fail_msg("row %zu: a second of %" PRIu64 " packets, %" PRIu64 " bits", i, packets, bits);
        largest_second(&list, RESOLUTION, &packets, &bits);
        if (packets > rows[i].most || list.of[RESOLUTION] < FULL_S - 2 || list.of[RESOLUTION] + in_vain != asked ||
            (double)list.of[RESOLUTION] < rows[i].answered * (double)asked)
            fail_msg("row %zu: %" PRIu64 " of %" PRIu64 " answered, %" PRIu64 " in a second", i, list.of[RESOLUTION], asked,
                     packets);
        assert_int_equal(list.of[PING], 0);
        free(list.taken);
    }
}

/* At rates of which a ns has room for many bits, as at all others, the part of address resolution is 1/20, and used. */
static void test_ceiling_part_of_high_rates(void **state)
{
    enum { SECOND_MS = 1000, RUN_MS = 2500 };
    static const struct { uint64_t bits; uint32_t bytes; } rows[] = {
        { 100000000, 1514 },      { 1000000000, 1514 },    { 15000000000, ADVERTISEMENT }, { 15000000000, 1514 },
        { 100000000000, 1514 },   { 1000000000000, 9014 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t part[RUN_MS], all[RUN_MS], most_part = 0, most_all = 0, part_now = 0, all_now = 0;
        struct rate_ceiling ceiling;

        rate_ceiling_init(&ceiling, 0, rows[i].bits);
        for (int ms = 0; ms < RUN_MS; ms++) {
            part[ms] = all[ms] = 0;
            while (rate_ceiling_take_first(&ceiling, ms * NS_PER_MS, 125000) == 0)
                all[ms] += 1000000;
            while (rate_ceiling_take_resolution(&ceiling, ms * NS_PER_MS, rows[i].bytes))
                part[ms] += 8 * (uint64_t)rows[i].bytes;
            part_now += part[ms] - (ms >= SECOND_MS ? part[ms - SECOND_MS] : 0);
            all_now += part[ms] + all[ms] - (ms >= SECOND_MS ? part[ms - SECOND_MS] + all[ms - SECOND_MS] : 0);
            most_part = part_now > most_part ? part_now : most_part;
            most_all = all_now > most_all ? all_now : most_all;
        }
        if (most_all > rows[i].bits || most_part > rows[i].bits / 20 || most_part < rows[i].bits / 20 / 100 * 95)
            fail_msg("row %zu: a second of %" PRIu64 " bits, of which %" PRIu64 " resolve", i, most_all, most_part);
    }
}

/* Of a budget all goes at once that a tenth of a second has; of a link's ceiling not what address resolution may want. */
static void test_ceiling_keeps_nothing_of_a_budget(void **state)
{
    static const struct { uint64_t packets; bool is_budget; int at_once; } rows[] = {
        { 20, true, 2 },  { 1100, true, 100 },  { 10000, true, 909 },
        { 20, false, 1 }, { 1100, false, 72 },  { 10000, false, 659 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rate_ceiling ceiling;
        int count = 0;

        if (rows[i].is_budget)
            rate_ceiling_init_budget(&ceiling, rows[i].packets);
        else
            rate_ceiling_init(&ceiling, rows[i].packets, 0);
        while (rate_ceiling_take(&ceiling, 0, 60) == 0)
            count++;
        if (count != rows[i].at_once)
            fail_msg("row %zu: %d at once", i, count);
    }
}

/* Who asks in vain below a full ceiling of a link has all his budget afterwards; where there is room, no more than that. */
static void test_ceiling_uses_up_no_budget_in_vain(void **state)
{
    static const struct { uint64_t link, budget; bool is_full; int at_once; } rows[] = {
        { 20, 1100, true, 100 }, { 2200, 1100, true, 100 }, { 1000000, 10000, true, 909 },
        { 0, 10000, false, 909 }, { 1000000, 10000, false, 909 }, { 2200, 10000, false, 200 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rate_ceiling link, budget;
        struct rate_ceiling *below = rows[i].link ? &link : NULL;
        int count = 0;

        rate_ceiling_init(&link, rows[i].link, 0);
        rate_ceiling_init_budget(&budget, rows[i].budget);
        while (rows[i].is_full && rate_ceiling_take_resolution(&link, 0, 60)) {
        }
        for (int j = 0; rows[i].is_full && j < 2000; j++)
            assert_false(rate_ceiling_take_paced(below, &budget, 0, 60));
        while (rows[i].is_full ? rate_ceiling_take(&budget, 0, 60) == 0 : rate_ceiling_take_paced(below, &budget, 0, 60))
            count++;
        if (count != rows[i].at_once)
            fail_msg("row %zu: %d at once", i, count);
    }
}

/* Who is resolved is taken from the emission, and from nothing else: in the long run 10/11 of the ceiling gets through. */
static void test_ceiling_full_of_both(void **state)
{
    struct taken_list list = { NULL, 0, 0, { 0 } };
    struct rate_ceiling ceiling;
    uint64_t in_vain;

    (void)state;
    rate_ceiling_init(&ceiling, 1100, 0); /* one in a millisecond, 100 at once; of address resolution 28 a second, 28 at once */
    take_below_full_ceiling(&ceiling, NS_PER_MS, 60, &list, &in_vain);
    assert_in_range(list.of[RESOLUTION], 10 * 28 - 1, 10 * 28);
    assert_in_range(list.count, FULL_S * 1000 + 65, FULL_S * 1000 + 101);
    free(list.taken);
}

/* Neighbours ask for many hosts at once, and again after a second when they got no answer. */
static void test_ceiling_resolves_many_at_once(void **state)
{
    struct rate_ceiling ceiling;
    uint64_t answered[3] = { 0 };

    (void)state;
    rate_ceiling_init(&ceiling, 300, 0); /* 15 in any second, 8 at once */
    for (int64_t now_ns = 0; now_ns < 3 * NS_PER_SECOND; now_ns += NS_PER_MS / 10) {
        while (rate_ceiling_take_first(&ceiling, now_ns, 1514) == 0) {
        }
        for (int i = 0; now_ns % NS_PER_SECOND == NS_PER_SECOND / 2 && i < 20; i++)
            answered[now_ns / NS_PER_SECOND] += rate_ceiling_take_resolution(&ceiling, now_ns, ADVERTISEMENT);
    }
    assert_int_equal(answered[0], 8);
    assert_int_equal(answered[1], 8);
    assert_int_equal(answered[2], 8);
}

/* Nobody else sends: address resolution has all the ceiling, as probes before a run have. */
static void test_ceiling_resolves_with_what_is_spare(void **state)
{
    struct rate_ceiling ceiling;
    uint64_t count = 0;

    (void)state;
    rate_ceiling_init(&ceiling, 1100, 0);
    for (int64_t now_ns = 0; now_ns < FULL_S * NS_PER_SECOND; now_ns += NS_PER_MS / 10)
        count += rate_ceiling_take_resolution(&ceiling, now_ns, ADVERTISEMENT);
    assert_in_range(count, FULL_S * 1000 + 65, FULL_S * 1000 + 101);
}

/* What the ceiling of bits has no room for does not use up that of packets. */
static void test_ceiling_gives_back(void **state)
{
    struct rate_ceiling ceiling;

    (void)state;
    rate_ceiling_init(&ceiling, 20, 200000);
    assert_int_equal(rate_ceiling_take(&ceiling, 0, 1514), 0);
    for (int i = 0; i < 100; i++)
        assert_true(rate_ceiling_take(&ceiling, 0, 1514) > 0);
    assert_int_equal(rate_ceiling_take(&ceiling, NS_PER_SECOND / 10, 1514), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ring_is_empty_at_first),
        cmocka_unit_test(test_ring_keeps_frames_until_release),
        cmocka_unit_test(test_ring_releases_until),
        cmocka_unit_test(test_ring_has_no_room_until_release),
        cmocka_unit_test(test_ring_room_is_committed),
        cmocka_unit_test(test_ring_wraps_and_fills),
        cmocka_unit_test(test_ring_never_blocks_when_empty),
        cmocka_unit_test(test_ring_between_threads),
        cmocka_unit_test(test_histogram_small_values_are_exact),
        cmocka_unit_test(test_histogram_edges),
        cmocka_unit_test(test_histogram_quantiles),
        cmocka_unit_test(test_clock_simulated),
        cmocka_unit_test(test_clock_real_never_early),
        cmocka_unit_test(test_clock_real_past_deadlines),
        cmocka_unit_test(test_clock_real_notices_stop),
        cmocka_unit_test(test_gate),
        cmocka_unit_test(test_gate_of_options),
        cmocka_unit_test(test_gate_of_everything_and_nothing),
        cmocka_unit_test(test_gate_of_vlans),
        cmocka_unit_test(test_gate_of_types_behind_a_tag),
        cmocka_unit_test(test_gate_of_ipv6),
        cmocka_unit_test(test_gate_of_no_network),
        cmocka_unit_test(test_gate_of_mapped_addresses),
        cmocka_unit_test(test_gate_of_extension_headers),
        cmocka_unit_test(test_gate_of_many_extensions),
        cmocka_unit_test(test_gate_of_ipv6_senders),
        cmocka_unit_test(test_sink_pcap_is_read_back),
        cmocka_unit_test(test_sink_pcap_refuses_times_it_cannot_write),
        cmocka_unit_test(test_sink_pcap_says_when_the_disk_is_full),
        cmocka_unit_test(test_sinks_have_names),
        cmocka_unit_test(test_stamps_find_their_calls),
        cmocka_unit_test(test_stamps_are_of_a_sample),
        cmocka_unit_test(test_stamps_wait_for_their_reader),
        cmocka_unit_test(test_emitter_counts_every_outcome),
        cmocka_unit_test(test_emitter_leaves_what_the_sink_holds),
        cmocka_unit_test(test_emitter_ends_when_the_sink_fails),
        cmocka_unit_test(test_emitter_ends_when_the_source_fails),
        cmocka_unit_test(test_emitter_source_stops),
        cmocka_unit_test(test_emitter_stops_in_a_wait),
        cmocka_unit_test(test_emitter_ring_counts_what_is_left_at_a_stop),
        cmocka_unit_test(test_emitter_ring_ends_when_the_sink_fails),
        cmocka_unit_test(test_emitter_ring_with_a_producer),
        cmocka_unit_test(test_emitter_records_lateness),
        cmocka_unit_test(test_emitter_postpones_after_a_stall),
        cmocka_unit_test(test_emitter_catches_up_with_little),
        cmocka_unit_test(test_emitter_drops_what_is_late),
        cmocka_unit_test(test_emitter_batches_what_is_due),
        cmocka_unit_test(test_emitter_waits_for_a_busy_sink),
        cmocka_unit_test(test_emitter_holds_the_ceiling),
        cmocka_unit_test(test_clock_is_put_off),
        cmocka_unit_test(test_clock_pauses),
        cmocka_unit_test(test_clock_waits_out_a_pause),
        cmocka_unit_test(test_ceiling_holds_in_any_second),
        cmocka_unit_test(test_ceiling_may_be_none),
        cmocka_unit_test(test_ceiling_counts_what_is_sent),
        cmocka_unit_test(test_ceiling_keeps_room_for_who_waits),
        cmocka_unit_test(test_ceiling_resolves_when_full),
        cmocka_unit_test(test_ceiling_part_of_high_rates),
        cmocka_unit_test(test_ceiling_keeps_nothing_of_a_budget),
        cmocka_unit_test(test_ceiling_uses_up_no_budget_in_vain),
        cmocka_unit_test(test_ceiling_full_of_both),
        cmocka_unit_test(test_ceiling_resolves_many_at_once),
        cmocka_unit_test(test_ceiling_resolves_with_what_is_spare),
        cmocka_unit_test(test_ceiling_gives_back),
    };

    fill_pool();
    return cmocka_run_group_tests_name("emit", tests, NULL, NULL);
}
