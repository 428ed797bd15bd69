/*
 * What the emitter's loop must never do under a deadline: allocate, lock, log, fault a page in. The calls are counted by
 * the linker's --wrap (tests.am), which catches those of all our own code.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "emit/emit_thread.h"
#include "emit/emitter.h"
#include "net/wire.h"

/* ---- what is counted, in the thread that is watched ---- */

static _Thread_local bool is_watched;
static _Thread_local unsigned forbidden;

#define COUNT() (forbidden += is_watched)

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
size_t __real_fwrite(const void *bytes, size_t size, size_t count, FILE *to);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_fprintf(FILE *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
size_t __wrap_fwrite(const void *bytes, size_t size, size_t count, FILE *to);

void *__wrap_malloc(size_t size)
{
    COUNT();
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    COUNT();
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    COUNT();
    return __real_realloc(memory, size);
}

void __wrap_free(void *memory)
{
    COUNT();
    __real_free(memory);
}

void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    COUNT();
    return __real_mmap(at, size, protection, flags, fd, offset);
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    COUNT();
    return __real_pthread_mutex_lock(mutex);
}

int __wrap_fprintf(FILE *to, const char *format, ...)
{
    va_list arguments;
    int written;

    COUNT();
    va_start(arguments, format);
    written = vfprintf(to, format, arguments);
    va_end(arguments);
    return written;
}

size_t __wrap_fwrite(const void *bytes, size_t size, size_t count, FILE *to)
{
    COUNT();
    return __real_fwrite(bytes, size, count, to);
}

/* ---- a run ---- */

enum { FRAMES = 20000, WARM_UP = 100, FRAME_BYTES = 60, GAP_NS = 20000 };

struct run {
    struct sink base;   /* watches: hands on to `sink` */
    struct sink *sink;
    struct frame_ring *ring;
    uint64_t seen;
    uint64_t faults;    /* of pages, while it was watched */
};

/* Watching begins with the first frames: what a thread does for the first time it may fault in. */
static enum sink_result watching_send(struct sink *self, const struct frame *frames, size_t count, size_t *sent,
                                      struct error *err)
{
    struct run *run = (struct run *)self;
    enum sink_result result = sink_send(run->sink, frames, count, sent, err);

    if (run->seen < WARM_UP && run->seen + *sent >= WARM_UP) {
        run->faults = emit_thread_page_faults();
        is_watched = true;
    }
    run->seen += *sent;
    if (run->seen == FRAMES && is_watched) {
        is_watched = false;
        run->faults = emit_thread_page_faults() - run->faults;
    }
    return result;
}

static void watching_close(struct sink *self)
{
    (void)self;
}

static void *produce(void *self)
{
    const struct run *run = self;
    uint8_t *room;

    for (int64_t i = 0; i < FRAMES; i++) {
        while ((room = frame_ring_reserve(run->ring)) == NULL)
            usleep(100);
        memset(room, 0, FRAME_BYTES);
        room[13] = 0;
        wire_put_u16(room + 12, 0x0800);
        room[14] = 0x45;
        wire_put_u32(room + 26, UINT32_C(0xc6120001)); /* 198.18.0.1 */
        wire_put_u32(room + 30, UINT32_C(0xc6120002));
        frame_ring_commit(run->ring, &(struct frame){ .due = { i * GAP_NS }, .length = FRAME_BYTES, .link = i % 3 == 1 });
    }
    frame_ring_finish(run->ring);
    return NULL;
}

static void check(struct sink *sink, enum emit_timing timing)
{
    static const struct sink_operations watching = { .send = watching_send, .close = watching_close };
    struct run run = { .base = { &watching }, .sink = sink, .ring = frame_ring_new(1 << 16) };
    const struct ip_network network = { ip_address_from_v4(UINT32_C(0xc6120000)), 96 + 15 };
    const struct gate_network allowed = gate_network_of(&network);
    const struct gate gate = { .networks = &allowed, .network_count = 1 };
    const struct emit_thread_options ordinary = { .cpu = EMIT_THREAD_ANY_CPU };
    struct emit_counts *counts = memory_alloc(sizeof *counts);
    struct emit_counts *other_counts = memory_alloc(sizeof *other_counts);
    struct emit_clock clock = emit_clock_real();
    struct rate_ceiling ceiling;
    atomic_bool stop = false;
    struct emit_link link = { .gate = &gate, .ceiling = &ceiling, .sink = &run.base, .counts = counts };
    struct emit_link other = { .gate = &gate, .sink = &run.base, .counts = other_counts };
    struct emitter emitter = { .links = { &link, &other }, .clock = &clock, .stop = &stop, .pace.timing = timing };
    struct error err = { "" };
    pthread_t producer;
    size_t bytes;
    void *memory = frame_ring_memory(run.ring, &bytes);

    rate_ceiling_init(&ceiling, 1000000, 0);
    assert_int_equal(emit_thread_prepare(&ordinary, &err), 0);
    emit_thread_lock(memory, bytes);
    emit_thread_lock(counts, sizeof *counts);
    emit_thread_lock(other_counts, sizeof *other_counts);
    assert_int_equal(pthread_create(&producer, NULL, produce, &run), 0);
    forbidden = 0;
    assert_int_equal(emitter_run_ring(&emitter, run.ring, &err), 0);
    pthread_join(producer, NULL);
    assert_int_equal(counts->sent + other_counts->sent, FRAMES);
    assert_int_equal(other_counts->sent, (FRAMES + 1) / 3);
    assert_int_equal(run.seen, FRAMES);
    assert_false(is_watched);
    assert_int_equal(forbidden, 0);
    assert_int_equal(run.faults, 0);
    frame_ring_free(run.ring);
    free(counts);
    free(other_counts);
}

/* That calls of our own code are counted at all. */
static void test_what_is_forbidden_is_noticed(void **state)
{
    struct error err;
    void *memory;

    (void)state;
    forbidden = 0;
    is_watched = true;
    memory = memory_alloc(10);
    free(memory);
    frame_ring_free(frame_ring_new(1));
    is_watched = false;
    assert_true(forbidden >= 4);
    error_set(&err, "what the loop says when it ends may be formatted");
}

static void test_loop_without_a_wire(void **state)
{
    (void)state;
    for (enum emit_timing timing = EMIT_EXACT; timing <= EMIT_FRUGAL; timing++) {
        struct sink *sink = sink_open(SINK_NULL, NULL, NULL, NULL, NULL);

        check(sink, timing);
        sink_close(sink);
    }
}

/* On loopback, where nobody takes a frame for 198.18.0.2. */
static void test_loop_with_a_packet_socket(void **state)
{
    struct link link = { .name = "lo", .mtu = 1500, .receive_fd = -1 };
    struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("lo") };
    struct error err = { "" };
    struct sink *sink;

    (void)state;
    link.packet_fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
    if (link.packet_fd < 0)
        skip_because("no right to open a packet socket");
    if (bind(link.packet_fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        close(link.packet_fd);
        skip_because("no loopback interface that is up");
    }
    sink = sink_open(SINK_PACKET, &link, NULL, NULL, &err);
    assert_non_null(sink);
    check(sink, EMIT_EXACT);
    sink_close(sink);
    close(link.packet_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_forbidden_is_noticed),
        cmocka_unit_test(test_loop_without_a_wire),
        cmocka_unit_test(test_loop_with_a_packet_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
