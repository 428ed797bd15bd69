/*
 * bench_wire - how fast frames get onto a link. Run by bench/emit.sh, in a network namespace of its own.
 *
 *     bench_wire replay LINK SINK PCAP FRAMES    the frames of a file from memory, again and again: the sink alone
 *     bench_wire play LINK SINK MODEL FRAMES     traffic synthesized meanwhile, by the emitter, all of it overdue
 *     bench_wire full PCAP FRAMES                writes a file of frames of 1514 bytes
 *     bench_wire rate LINK COMMAND...            runs a command and looks at the interface's counters meanwhile
 *
 * The first two print `sent=`, and what they took themselves; the last one what the interface counted a second in the
 * middle of the run, between a tenth and nine tenths of the frames.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <inttypes.h>
#include <pcap/pcap.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/frame_ring.h"
#include "base/mono_time.h"
#include "emit/emit_thread.h"
#include "emit/emitter.h"
#include "emit/link.h"
#include "model/model.h"
#include "net/wire.h"
#include "scenario/scenario.h"

enum {
    RING_BYTES = 16 << 20,     /* as dayshiftd has it */
    REPLAY_RING_BYTES = 256 << 20,
    MOST_FRAMES = 400000,      /* of a file */
    MOST_SAMPLES = 100000,
    SAMPLE_NS = 5000000,
    ETHERNET_BYTES = 14,
    FULL_BYTES = 1514
};

_Noreturn static void fail(const char *what)
{
    fprintf(stderr, "bench_wire: %s\n", what);
    exit(1);
}

static void nap(long ns)
{
    const struct timespec t = { .tv_nsec = ns };

    nanosleep(&t, NULL);
}

/* An opened link with a sink on it; of the null sink alone. */
struct wire {
    struct link link;
    bool has_link;
    struct frame_ring *ring;
    struct sink *sink;
};

static void open_wire(struct wire *wire, const char *name, const char *sink_name, size_t ring_bytes)
{
    struct error err = { "" };
    enum sink_kind kind;

    wire->ring = frame_ring_new(ring_bytes);
    if (wire->ring == NULL)
        fail("no memory");
    if (sink_kind_parse(sink_name, &kind, &err) < 0)
        fail(err.text);
    wire->has_link = kind != SINK_NULL;
    if (wire->has_link && link_open(&wire->link, name, false, &err) < 0)
        fail(err.text);
    wire->sink = sink_open(kind, &wire->link, wire->ring, NULL, &err);
    if (wire->sink == NULL)
        fail(err.text);
}

static void close_wire(struct wire *wire)
{
    sink_close(wire->sink);
    frame_ring_free(wire->ring);
    if (wire->has_link)
        link_close(&wire->link);
}

/* Processor time of the calling thread, in the kernel too. */
static double thread_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void report(uint64_t sent, uint64_t busy, struct mono_time begin, double cpu_seconds)
{
    printf("sent=%" PRIu64 "\nbusy=%" PRIu64 "\nown=%.0f\ncpu_ns=%.0f\n", sent, busy,
           (double)sent / mono_time_seconds_since(begin), (thread_seconds() - cpu_seconds) * 1e9 / (double)sent);
}

/* ---- replay ---- */

static size_t read_frames(const char *path, struct frame_ring *ring, struct frame *frames)
{
    char words[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_open_offline(path, words);
    struct pcap_pkthdr *header;
    const u_char *bytes;
    size_t pushed = 0;

    if (pcap == NULL)
        fail(words);
    while (pushed < MOST_FRAMES && pcap_next_ex(pcap, &header, &bytes) == 1) {
        const struct frame frame = { .length = header->caplen, .bytes = bytes };

        if (header->caplen > FRAME_MAX_BYTES || !frame_ring_push(ring, &frame))
            break;
        pushed++;
    }
    pcap_close(pcap);
    return frame_ring_take(ring, frames, pushed); /* for good: they stay where they are */
}

static void replay(const char *link, const char *sink, const char *path, uint64_t count)
{
    struct frame *frames = calloc(MOST_FRAMES, sizeof *frames);
    struct wire wire = { 0 };
    struct error err = { "" };
    struct mono_time begin;
    uint64_t sent = 0;
    uint64_t busy = 0;
    double cpu_seconds;
    size_t read;
    size_t at = 0;

    open_wire(&wire, link, sink, REPLAY_RING_BYTES);
    read = read_frames(path, wire.ring, frames);
    if (read == 0)
        fail("no frames");
    begin = mono_time_now();
    cpu_seconds = thread_seconds();
    while (sent < count) {
        size_t together = read - at < EMIT_BATCH ? read - at : EMIT_BATCH;
        size_t done;
        enum sink_result result = sink_send(wire.sink, &frames[at], together, &done, &err);

        if (result == SINK_LOST || result == SINK_FAILED)
            fail(result == SINK_LOST ? "a frame was lost" : err.text);
        (void)sink_oldest_held(wire.sink);
        busy += result == SINK_BUSY;
        sent += done;
        at = (at + done) % read;
    }
    report(sent, busy, begin, cpu_seconds);
    close_wire(&wire);
    free(frames);
}

/* ---- synthesized ---- */

struct rendering {
    struct frame_source source;
    struct frame_ring *ring;
    uint64_t count;
    double cpu_seconds;
};

static void *render(void *argument)
{
    struct rendering *rendering = argument;
    const struct frame_source *source = &rendering->source;
    struct error err = { "" };
    struct frame next;
    uint8_t *room;

    for (uint64_t i = 0; i < rendering->count; i++) {
        if (source->peek(source->self, &next, &err) <= 0)
            fail("the model has no more frames");
        while ((room = frame_ring_reserve(rendering->ring)) == NULL)
            nap(200000);
        next.length = source->take(source->self, room);
        frame_ring_commit(rendering->ring, &next);
    }
    frame_ring_finish(rendering->ring);
    rendering->cpu_seconds = thread_seconds();
    return NULL;
}

static struct scenario *open_scenario(const char *path, struct model **model)
{
    struct error err = { "" };
    struct scenario_group group = { .model = *model = model_load(path, &err) };
    struct scenario_config config = { .groups = &group, .group_count = 1, .seed = 1, .day_ns = SCENARIO_FOREVER, .speed = 1 };
    struct scenario *scenario;

    if (*model == NULL)
        fail(err.text);
    ip_network_parse(&group.addresses.networks[IP_FAMILY_4], SCENARIO_DEFAULT_NETWORK);
    ip_network_parse(&config.outside.networks[IP_FAMILY_4], SCENARIO_DEFAULT_OUTSIDE);
    scenario = scenario_new(&config, &err);
    if (scenario == NULL)
        fail(err.text);
    return scenario;
}

/* As dayshiftd does it: one thread renders, one emits. The run began long ago. */
static void play(const char *link, const char *sink, const char *path, uint64_t count)
{
    const struct emit_thread_options options = { .cpu = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 1 : 0 };
    struct wire wire = { 0 };
    struct model *model;
    struct scenario *scenario = open_scenario(path, &model);
    struct emit_counts *counts = calloc(1, sizeof *counts);
    struct emitter *emitter = calloc(1, sizeof *emitter);
    struct emit_clock clock = emit_clock_real();
    atomic_bool stop = false;
    const struct ip_network *networks;
    struct gate_network *allowed;
    struct gate gate = { 0 };
    struct emit_link emitted = { .gate = &gate, .counts = counts };
    struct error err = { "" };
    struct rendering rendering = { scenario_frames(scenario), NULL, count, 0 };
    double cpu_seconds;
    struct mono_time begin;
    pthread_t thread;

    open_wire(&wire, link, sink, RING_BYTES);
    clock.anchor_ns = INT64_MIN / 4;
    rendering.ring = wire.ring;
    networks = scenario_networks(scenario, &gate.network_count);
    gate.networks = allowed = gate_networks_new(networks, gate.network_count);
    emitted.sink = wire.sink;
    *emitter = (struct emitter){ .links = { &emitted }, .clock = &clock, .stop = &stop, .max_late_ns = INT64_MAX };
    begin = mono_time_now();
    cpu_seconds = thread_seconds();
    if (pthread_create(&thread, NULL, render, &rendering) != 0 || emit_thread_prepare(&options, &err) < 0 ||
        emitter_run_ring(emitter, wire.ring, &err) < 0)
        fail(err.text);
    pthread_join(thread, NULL);
    report(counts->sent, counts->busy, begin, cpu_seconds);
    printf("render_ns=%.0f\n", rendering.cpu_seconds * 1e9 / (double)count);
    close_wire(&wire);
    scenario_free(scenario);
    free(allowed);
    model_free(model);
    free(emitter);
    free(counts);
}

/* ---- full frames ---- */

static void write_full(const char *path, uint64_t count)
{
    pcap_t *pcap = pcap_open_dead(DLT_EN10MB, FULL_BYTES);
    pcap_dumper_t *dumper = pcap_dump_open(pcap, path);
    uint8_t bytes[FULL_BYTES] = { 0x02, 0xd5, 0, 0, 0, 0xff, 0x02, 0xd5, 0, 0, 0, 1, 0x08, 0, 0x45 };
    struct pcap_pkthdr header = { .caplen = FULL_BYTES, .len = FULL_BYTES };

    if (dumper == NULL)
        fail(pcap_geterr(pcap));
    wire_put_u16(bytes + 16, FULL_BYTES - ETHERNET_BYTES);
    bytes[22] = 64;
    bytes[23] = 17;
    wire_put_u32(bytes + 26, UINT32_C(0xc6120001)); /* 198.18.0.1 */
    wire_put_u32(bytes + 30, UINT32_C(0xc6120002));
    wire_put_u16(bytes + 24, checksum_finish(checksum_add(0, bytes + 14, 20)));
    for (uint64_t i = 0; i < count; i++) {
        header.ts.tv_usec = (int)i;
        pcap_dump((u_char *)dumper, &header, bytes);
    }
    pcap_dump_close(dumper);
    pcap_close(pcap);
}

/* ---- what the interface counts ---- */

struct sample {
    int64_t ns;
    uint64_t packets, bytes;
    double cpu_seconds; /* of the command */
};

static double cpu_seconds_of(pid_t process)
{
    struct timespec t = { 0 };
    clockid_t clock;

    if (clock_getcpuclockid(process, &clock) == 0)
        (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct sample look(const char *link, pid_t command)
{
    FILE *table = fopen("/proc/net/dev", "re");
    char line[512];
    char name[IF_NAMESIZE];
    struct sample sample = { .ns = mono_time_now().ns, .cpu_seconds = cpu_seconds_of(command) };

    while (table && fgets(line, sizeof line, table)) {
        if (sscanf(line, " %15[^:]: %*u %*u %*u %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64, name, &sample.bytes,
                   &sample.packets) == 3 &&
            strcmp(name, link) == 0)
            break;
    }
    if (table)
        fclose(table);
    return sample;
}

static size_t watch(const char *link, pid_t child, struct sample *samples)
{
    size_t count = 0;
    int status;

    do {
        samples[count++] = look(link, child);
        nap(SAMPLE_NS);
    } while (count < MOST_SAMPLES - 1 && waitpid(child, &status, WNOHANG) == 0);
    samples[count++] = look(link, child);
    return count;
}

static double children_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void report_rate(const struct sample *samples, size_t count)
{
    uint64_t first = samples[0].packets;
    uint64_t all = samples[count - 1].packets - first;
    const struct sample *a = samples;
    const struct sample *b = &samples[count - 1];
    double seconds;
    double cpu_ns;

    while (a < b && a->packets - first < all / 10)
        a++;
    while (b > a && b->packets - first > all - all / 10)
        b--;
    seconds = (double)(b->ns - a->ns) * 1e-9;
    cpu_ns = (b->cpu_seconds - a->cpu_seconds) * 1e9 / (double)(b->packets - a->packets);
    if (cpu_ns == 0) /* it sends from a process of its own, which is seen when it has ended */
        cpu_ns = children_seconds() * 1e9 / (double)all;
    printf("interface=%" PRIu64 "\npps=%.0f\nbps=%.0f\nprocess_ns=%.0f\n", all,
           (double)(b->packets - a->packets) / seconds, (double)(b->bytes - a->bytes) * 8 / seconds,
           cpu_ns);
}

static void measure_rate(const char *link, char **command)
{
    struct sample *samples = calloc(MOST_SAMPLES, sizeof *samples);
    pid_t child = fork();

    if (child < 0 || samples == NULL)
        fail("cannot start a process");
    if (child == 0) {
        execvp(command[0], command);
        fail(command[0]);
    }
    report_rate(samples, watch(link, child, samples));
    free(samples);
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "replay") == 0)
        replay(argv[2], argv[3], argv[4], strtoull(argv[5], NULL, 10));
    else if (argc == 6 && strcmp(argv[1], "play") == 0)
        play(argv[2], argv[3], argv[4], strtoull(argv[5], NULL, 10));
    else if (argc == 4 && strcmp(argv[1], "full") == 0)
        write_full(argv[2], strtoull(argv[3], NULL, 10));
    else if (argc > 3 && strcmp(argv[1], "rate") == 0)
        measure_rate(argv[2], argv + 3);
    else
        fail("usage: replay LINK SINK PCAP FRAMES | play LINK SINK MODEL FRAMES | full PCAP FRAMES | rate LINK COMMAND...");
    return 0;
}
