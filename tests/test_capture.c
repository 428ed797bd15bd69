#define _GNU_SOURCE /* unshare */
#include "support.h"

#include <archive.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <pcap/pcap.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "capture/capture_set.h"
#include "capture/duplicates.h"
#include "capture/fragment_cache.h"
#include "capture/link_type.h"
#include "capture/packet_gate.h"
#include "net/wire.h"

enum {
    FRAME_BYTES = 14 + 20 + 8 + 10,
    CAPTURE_FRAMES = 3,
    PCAP_HEADER_BYTES = 24,
    PCAP_RECORD_BYTES = 16 + FRAME_BYTES,
    CAPTURE_BYTES = PCAP_HEADER_BYTES + CAPTURE_FRAMES * PCAP_RECORD_BYTES,
    LONG_FRAMES = 20000 /* more than any buffer on the way holds */
};

#define FIRST_NS (1700000000 * NS_PER_SECOND + 123456789)

/* UDP from 10.0.0.1:5000 to 10.0.0.2:(6000 + number), 10 bytes of payload. */
static void build_frame(uint8_t frame[FRAME_BYTES], uint16_t number)
{
    memset(frame, 0, FRAME_BYTES);
    wire_put_u16(frame + 12, 0x0800);
    frame[14] = 0x45;
    wire_put_u16(frame + 16, FRAME_BYTES - 14);
    frame[22] = 64;
    frame[23] = IP_UDP;
    wire_put_u32(frame + 26, 0x0a000001);
    wire_put_u32(frame + 30, 0x0a000002);
    wire_put_u16(frame + 34, 5000);
    wire_put_u16(frame + 36, (uint16_t)(6000 + number));
    wire_put_u16(frame + 38, FRAME_BYTES - 34);
}

/* Frames `first` to `end` - 1, in nanoseconds; `together` have the same time, others are 1 ms apart. */
static const char *write_grouped(const char *name, int datalink, unsigned first, unsigned end,
                                 unsigned together)
{
    const char *path = scratch_path(name);
    pcap_t *pcap = pcap_open_dead_with_tstamp_precision(datalink, 65535,
                                                        PCAP_TSTAMP_PRECISION_NANO);
    pcap_dumper_t *dumper = pcap_dump_open(pcap, path);

    assert_non_null(dumper);
    for (unsigned i = first; i < end; i++) {
        int64_t ns = FIRST_NS + i / together * NS_PER_MS;
        struct pcap_pkthdr header = { .caplen = FRAME_BYTES, .len = FRAME_BYTES };
        uint8_t frame[FRAME_BYTES];

        header.ts.tv_sec = ns / NS_PER_SECOND;
        header.ts.tv_usec = ns % NS_PER_SECOND;
        build_frame(frame, (uint16_t)i);
        pcap_dump((u_char *)dumper, &header, frame);
    }
    pcap_dump_close(dumper);
    pcap_close(pcap);
    return path;
}

static const char *write_range(const char *name, int datalink, unsigned first, unsigned end)
{
    return write_grouped(name, datalink, first, end, 1);
}

static const char *write_frames(const char *name, int datalink, unsigned frames)
{
    return write_range(name, datalink, 0, frames);
}

static const char *write_pcap(const char *name, int datalink)
{
    return write_frames(name, datalink, CAPTURE_FRAMES);
}

static const char *write_bytes(const char *name, const void *bytes, size_t size)
{
    const char *path = scratch_path(name);
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
    return path;
}

static size_t read_bytes(const char *path, void *bytes, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t got;

    assert_non_null(file);
    got = fread(bytes, 1, size, file);
    fclose(file);
    return got;
}

struct reading {
    int status; /* of the last call */
    size_t packets;
    struct packet_view views[CAPTURE_FRAMES + 1];
    struct capture_counts counts;
    struct error err;
};

static const struct capture_options defaults;

static struct capture_file *open_capture(const char *path, struct error *err)
{
    struct input_file *input = input_file_open(path, err);

    return input ? capture_file_open(input, &defaults, err) : NULL;
}

/* Reads to the end; status -1 and no packets when the file does not open. */
static struct reading read_capture(const char *path)
{
    struct reading r = { .status = -1 };
    struct capture_file *file = open_capture(path, &r.err);
    struct packet_view view;

    if (file == NULL)
        return r;
    while ((r.status = capture_file_next(file, &view, &r.err)) == 1) {
        if (r.packets < sizeof r.views / sizeof r.views[0])
            r.views[r.packets] = view;
        r.packets++;
    }
    r.counts = *capture_file_counts(file);
    capture_file_close(file);
    return r;
}

static void assert_packet(const struct packet_view *view, size_t number)
{
    assert_int_equal(view->time.ns, FIRST_NS + (int64_t)number * NS_PER_MS);
    assert_int_equal(view->destination_port, 6000 + number);
    assert_int_equal(view->payload_bytes, 10);
}

static void assert_whole(const struct reading *r)
{
    assert_int_equal(r->status, 0);
    assert_int_equal(r->packets, CAPTURE_FRAMES);
    for (size_t i = 0; i < CAPTURE_FRAMES; i++)
        assert_packet(&r->views[i], i);
    assert_int_equal(r->counts.frames, CAPTURE_FRAMES);
    assert_int_equal(r->counts.bytes, CAPTURE_FRAMES * FRAME_BYTES);
    assert_int_equal(r->counts.by_result[DECODE_OK], CAPTURE_FRAMES);
}

/* The message is one line that begins with the name and holds the words. */
static void assert_message(const char *message, const char *name, const char *words)
{
    if (strncmp(message, name, strlen(name)) != 0 || strstr(message, words) == NULL ||
        strchr(message, '\n') != NULL)
        fail_msg("\"%s\" does not say \"%s\" of %s", message, words, name);
}

static void test_pcap(void **state)
{
    struct reading r = read_capture(write_pcap("a.pcap", DLT_EN10MB));

    (void)state;
    assert_whole(&r);
}

static void put_le32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

/* ---- pcapng, in either byte order ---- */

enum {
    NG_SECTION_BYTES = 28,
    NG_INTERFACE_BYTES = 44,
    NG_PACKET_BYTES = 32 + FRAME_BYTES
};

struct ng {
    uint8_t bytes[4096];
    size_t size;
    bool big;
};

static void ng_u16(struct ng *ng, uint16_t value)
{
    ng->bytes[ng->size++] = (uint8_t)(ng->big ? value >> 8 : value);
    ng->bytes[ng->size++] = (uint8_t)(ng->big ? value : value >> 8);
}

static void ng_u32(struct ng *ng, uint32_t value)
{
    ng_u16(ng, (uint16_t)(ng->big ? value >> 16 : value));
    ng_u16(ng, (uint16_t)(ng->big ? value : value >> 16));
}

static void ng_u64(struct ng *ng, uint64_t value)
{
    ng_u32(ng, (uint32_t)(ng->big ? value >> 32 : value));
    ng_u32(ng, (uint32_t)(ng->big ? value : value >> 32));
}

static void ng_section(struct ng *ng, bool big)
{
    ng->big = big;
    ng_u32(ng, 0x0a0d0d0a);
    ng_u32(ng, NG_SECTION_BYTES);
    ng_u32(ng, 0x1a2b3c4d);
    ng_u16(ng, 1);
    ng_u16(ng, 0);
    ng_u64(ng, UINT64_MAX);
    ng_u32(ng, NG_SECTION_BYTES);
}

static void ng_interface(struct ng *ng, uint16_t link, uint32_t snaplen, uint8_t resolution,
                         int64_t offset_s)
{
    ng_u32(ng, 1);
    ng_u32(ng, NG_INTERFACE_BYTES);
    ng_u16(ng, link);
    ng_u16(ng, 0);
    ng_u32(ng, snaplen);
    ng_u16(ng, 9); /* if_tsresol */
    ng_u16(ng, 1);
    ng->bytes[ng->size] = resolution;
    ng->size += 4;
    ng_u16(ng, 14); /* if_tsoffset */
    ng_u16(ng, 8);
    ng_u64(ng, (uint64_t)offset_s);
    ng_u32(ng, 0); /* opt_endofopt */
    ng_u32(ng, NG_INTERFACE_BYTES);
}

static void ng_frame(struct ng *ng, unsigned number)
{
    build_frame(ng->bytes + ng->size, (uint16_t)number);
    ng->size += FRAME_BYTES;
}

/* An enhanced packet, or an obsolete one (type 2). */
static void ng_packet_of_type(struct ng *ng, uint32_t type, uint32_t interface, uint64_t units,
                              unsigned number)
{
    ng_u32(ng, type);
    ng_u32(ng, NG_PACKET_BYTES);
    if (type == 2) {
        ng_u16(ng, (uint16_t)interface);
        ng_u16(ng, 99); /* dropped */
    } else {
        ng_u32(ng, interface);
    }
    ng_u32(ng, (uint32_t)(units >> 32));
    ng_u32(ng, (uint32_t)units);
    ng_u32(ng, FRAME_BYTES);
    ng_u32(ng, FRAME_BYTES);
    ng_frame(ng, number);
    ng_u32(ng, NG_PACKET_BYTES);
}

static void ng_packet(struct ng *ng, uint32_t interface, uint64_t units, unsigned number)
{
    ng_packet_of_type(ng, 6, interface, units, number);
}

static void ng_simple_packet(struct ng *ng, unsigned number)
{
    ng_u32(ng, 3);
    ng_u32(ng, 16 + FRAME_BYTES);
    ng_u32(ng, FRAME_BYTES);
    ng_frame(ng, number);
    ng_u32(ng, 16 + FRAME_BYTES);
}

static uint64_t frame_ns(unsigned number)
{
    return (uint64_t)(FIRST_NS + number * NS_PER_MS);
}

/* One section, one interface with nanoseconds, enhanced packets. */
static struct ng plain_pcapng(bool big)
{
    struct ng ng = { 0 };

    ng_section(&ng, big);
    ng_interface(&ng, 1, 0, 9, 0);
    for (unsigned i = 0; i < CAPTURE_FRAMES; i++)
        ng_packet(&ng, 0, frame_ns(i), i);
    return ng;
}

static struct reading read_ng(const struct ng *ng)
{
    return read_capture(write_bytes("a.pcapng", ng->bytes, ng->size));
}

static void test_pcapng(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        struct ng ng = plain_pcapng(big);
        struct reading r = read_ng(&ng);

        assert_whole(&r);
    }
}

/* The second section has another order, interfaces of its own, and its first one counts anew. */
static void test_pcapng_sections(void **state)
{
    struct ng ng = { 0 };
    struct reading r;

    (void)state;
    ng_section(&ng, false);
    ng_interface(&ng, 147, 0, 9, 0); /* not supported */
    ng_interface(&ng, 1, 60, 9, 0);
    ng_packet(&ng, 1, frame_ns(0), 0);
    ng_section(&ng, true);
    ng_interface(&ng, 1, 0, 9, 0);
    ng_packet(&ng, 0, frame_ns(1), 1);
    ng_section(&ng, false);
    ng_interface(&ng, 1, 9000, 9, 0);
    ng_packet(&ng, 0, frame_ns(2), 2);
    r = read_ng(&ng);
    assert_whole(&r);
}

/* Interfaces of other link types, of which one is not supported, and of other resolutions. */
static void test_pcapng_interfaces(void **state)
{
    struct ng ng = { 0 };
    struct reading r;

    (void)state;
    ng_section(&ng, false);
    ng_interface(&ng, 1, 0, 9, 0);
    ng_interface(&ng, 101, 100, 6, 0);
    ng_interface(&ng, 189, 0, 6, 0);
    ng_packet(&ng, 0, frame_ns(0), 0);
    ng_packet(&ng, 1, frame_ns(1) / 1000, 1); /* an Ethernet header is no IP packet */
    ng_packet(&ng, 2, frame_ns(2) / 1000, 2);
    ng_packet(&ng, 0, frame_ns(3), 1);
    r = read_ng(&ng);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.packets, 2);
    assert_int_equal(r.counts.frames, 4);
    assert_int_equal(r.counts.by_result[DECODE_MALFORMED], 1);
    assert_int_equal(r.counts.unknown_link, 1);
    assert_int_equal(r.counts.unknown_link_type, 189);
    assert_string_equal(link_type_name(r.counts.unknown_link_type), "USB_LINUX");
    assert_string_equal(link_type_name(65000), "unknown");
}

static void test_pcapng_times(void **state)
{
    const int64_t last_ns = (INT64_MAX / 2 / NS_PER_SECOND) * NS_PER_SECOND - 1;
    const struct {
        uint8_t resolution;
        int64_t offset_s;
        uint64_t units;
        int64_t expected_ns;
    } cases[] = {
        { 0, 0, 1700000000, 1700000000 * NS_PER_SECOND },
        { 3, 0, 1700000000123, 1700000000 * NS_PER_SECOND + 123 * NS_PER_MS },
        { 6, 0, 1700000000123456, 1700000000 * NS_PER_SECOND + 123456000 },
        { 9, 0, 1700000000123456789, 1700000000 * NS_PER_SECOND + 123456789 },
        { 10, 0, UINT64_C(17000000001234567899), 1700000000 * NS_PER_SECOND + 123456789 },
        { 12, 0, 1500000000123456789, 1500000 * NS_PER_SECOND + 123456 },
        { 127, 0, UINT64_MAX, 0 },
        { 0x80, 0, 1700000000, 1700000000 * NS_PER_SECOND },
        { 0x80 | 10, 0, UINT64_C(1700000000) << 10 | 512, 1700000000 * NS_PER_SECOND + 500 * NS_PER_MS },
        { 0x80 | 32, 0, UINT64_C(1700000000) << 32 | UINT64_C(1) << 30,
          1700000000 * NS_PER_SECOND + 250 * NS_PER_MS },
        { 0x80 | 63, 0, UINT64_C(3) << 62, 1500 * NS_PER_MS },
        { 0x80 | 64, 0, UINT64_C(1) << 63, 500 * NS_PER_MS },
        { 0x80 | 100, 0, UINT64_MAX, 0 },
        { 0xff, 0, UINT64_MAX, 0 },
        { 0, 0, UINT64_MAX, last_ns },
        { 9, 0, UINT64_MAX, last_ns },
        { 9, 1600000000, 5, 1600000000 * NS_PER_SECOND + 5 },
        { 6, -100, 1700000000 * UINT64_C(1000000), 1699999900 * NS_PER_SECOND },
        { 6, -100, 99 * UINT64_C(1000000), 0 },
        { 9, INT64_MAX, 0, last_ns },
        { 0, INT64_MIN, UINT64_MAX, last_ns }, /* 2^64 - 2^63 seconds */
        { 9, INT64_MIN, UINT64_MAX, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ng ng = { 0 };
        struct reading r;

        ng_section(&ng, i % 2);
        ng_interface(&ng, 1, 0, cases[i].resolution, cases[i].offset_s);
        ng_packet(&ng, 0, cases[i].units, 0);
        r = read_ng(&ng);
        assert_int_equal(r.packets, 1);
        if (r.views[0].time.ns != cases[i].expected_ns)
            fail_msg("case %zu: %lld, not %lld", i, (long long)r.views[0].time.ns,
                     (long long)cases[i].expected_ns);
    }
}

static void test_pcapng_other_packets(void **state)
{
    struct ng ng = { 0 };
    struct reading r;

    (void)state;
    ng_section(&ng, true);
    ng_interface(&ng, 1, 0, 9, 0);
    ng_packet_of_type(&ng, 2, 0, frame_ns(0), 0);
    ng_simple_packet(&ng, 1);
    ng_packet(&ng, 0, frame_ns(2), 2);
    r = read_ng(&ng);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.packets, 3);
    assert_packet(&r.views[0], 0);
    assert_int_equal(r.views[1].time.ns, frame_ns(0)); /* that of the packet before */
    assert_int_equal(r.views[1].destination_port, 6001);
    assert_packet(&r.views[2], 2);
}

/* It was cut at the interface's snap length, and its block is as short. */
static void test_pcapng_simple_packet_cut(void **state)
{
    enum { SNAPLEN = 44 };
    struct ng ng = { 0 };
    struct reading r;

    (void)state;
    ng_section(&ng, false);
    ng_interface(&ng, 1, SNAPLEN, 9, 0);
    ng_u32(&ng, 3);
    ng_u32(&ng, 16 + SNAPLEN);
    ng_u32(&ng, FRAME_BYTES);
    ng_frame(&ng, 0);
    ng.size -= FRAME_BYTES - SNAPLEN;
    ng_u32(&ng, 16 + SNAPLEN);
    r = read_ng(&ng);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.packets, 1);
    assert_int_equal(r.views[0].payload_bytes, 10);
}

/* Blocks of kinds that are none of ours, one longer than any window. */
static void test_pcapng_unknown_blocks(void **state)
{
    const uint32_t lengths[] = { 12, 16, 40 << 20 };
    struct ng ng = { 0 };
    FILE *file = fopen(scratch_path("blocks.pcapng"), "wb");
    struct reading r;

    (void)state;
    assert_non_null(file);
    ng_section(&ng, false);
    ng_interface(&ng, 1, 0, 9, 0);
    fwrite(ng.bytes, 1, ng.size, file);
    for (unsigned i = 0; i < CAPTURE_FRAMES; i++) {
        ng.size = 0;
        ng_u32(&ng, 0x40000bad);
        ng_u32(&ng, lengths[i]);
        fwrite(ng.bytes, 1, ng.size, file);
        fseek(file, lengths[i] - 12, SEEK_CUR);
        ng.size = 0;
        ng_u32(&ng, lengths[i]);
        ng_packet(&ng, 0, frame_ns(i), i);
        fwrite(ng.bytes, 1, ng.size, file);
    }
    fclose(file);
    r = read_capture(scratch_path("blocks.pcapng"));
    assert_whole(&r);
}

/* What contradicts itself is damage, where it is; what was before it counts. */
static void test_pcapng_damage(void **state)
{
    const size_t second = NG_SECTION_BYTES + NG_INTERFACE_BYTES + NG_PACKET_BYTES;
    const struct {
        size_t at;
        uint32_t value;
        size_t packets;
        const char *words;
    } cases[] = {
        { NG_SECTION_BYTES + 4, 8, 0, "frame 1: a block of 8 bytes" },
        { NG_SECTION_BYTES + 4, 41, 0, "frame 1: a block of 41 bytes" },
        { NG_SECTION_BYTES + 4, 16, 0, "frame 1: a block of 16 bytes ends as one of" },
        { NG_SECTION_BYTES + 16, 9 | 300 << 16, 0, "option of 300 bytes is longer than its block" },
        { NG_SECTION_BYTES + 16, 9 | 2 << 16, 0, "option 9 of 2 bytes" },
        { second + 4, 0xfffffffc, 1, "frame 2: a block of 4294967292 bytes is too long" },
        { second + 4, 3000, 1, "frame 2: truncated" },
        { second + 8, 1, 1, "frame 2: a packet of interface 1, of 1" },
        { second + 20, FRAME_BYTES + 1, 1, "frame 2: 53 bytes of a packet in a block of 84" },
        { second + 20, 0xffffffff, 1, "frame 2: 4294967295 bytes of a packet in a block of 84" },
        { second + NG_PACKET_BYTES - 4, 80, 1, "frame 2: a block of 84 bytes ends as one of 80" },
        { second, 0x0a0d0d0a, 1, "frame 2: a section of unknown byte order" },
        { second, 3, 1, "frame 2: 1675417344 bytes of a packet in a block of 84" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ng ng = plain_pcapng(false);
        struct reading r;

        put_le32(ng.bytes + cases[i].at, cases[i].value);
        if (cases[i].value == 3)
            put_le32(ng.bytes + second + 8, 1675417344);
        r = read_ng(&ng);
        assert_int_equal(r.status, -1);
        assert_int_equal(r.packets, cases[i].packets);
        assert_message(r.err.text, scratch_path("a.pcapng"), cases[i].words);
    }
}

static void test_microseconds(void **state)
{
    static const uint8_t magic[4] = { 0xd4, 0xc3, 0xb2, 0xa1 };
    uint8_t bytes[CAPTURE_BYTES];
    struct reading r;

    (void)state;
    read_bytes(write_pcap("a.pcap", DLT_EN10MB), bytes, sizeof bytes);
    memcpy(bytes, magic, sizeof magic);
    put_le32(bytes + PCAP_HEADER_BYTES + 4, 123456);
    r = read_capture(write_bytes("us.pcap", bytes, sizeof bytes));
    assert_int_equal(r.views[0].time.ns, FIRST_NS / 1000 * 1000);
}

/* Compresses a file as it is, with libarchive's filter; returns the path of the result. */
static const char *compress_file(const char *from, const char *name,
                                 int (*add_filter)(struct archive *))
{
    static uint8_t bytes[LONG_FRAMES * PCAP_RECORD_BYTES + PCAP_HEADER_BYTES];

    return scratch_compressed(name, add_filter, bytes, read_bytes(from, bytes, sizeof bytes));
}

static void test_compressed(void **state)
{
    static const struct {
        const char *name;
        int (*add_filter)(struct archive *);
    } cases[] = {
        { "a.gz", archive_write_add_filter_gzip },  { "a.xz", archive_write_add_filter_xz },
        { "a.zst", archive_write_add_filter_zstd }, { "a.bz2", archive_write_add_filter_bzip2 },
        { "a.lz4", archive_write_add_filter_lz4 },
    };
    const char *plain = write_pcap("a.pcap", DLT_EN10MB);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reading r = read_capture(compress_file(plain, cases[i].name, cases[i].add_filter));

        if (r.status < 0)
            fail_msg("%s", r.err.text);
        assert_whole(&r);
    }
}

static void test_compressed_and_cut(void **state)
{
    const char *path = compress_file(write_pcap("a.pcap", DLT_EN10MB), "whole.gz",
                                     archive_write_add_filter_gzip);
    uint8_t bytes[CAPTURE_BYTES];
    size_t size = read_bytes(path, bytes, sizeof bytes);

    (void)state;
    for (size_t cut = 20; cut < size; cut++) {
        const char *name = write_bytes("cut.gz", bytes, cut);
        struct reading r = read_capture(name);

        assert_int_equal(r.status, -1);
        assert_message(r.err.text, name, "truncated");
        for (size_t i = 0; i < r.packets; i++)
            assert_packet(&r.views[i], i);
    }
}

/* Cut where much of it has been read already: the words are the decompressor's. */
static void test_long_compressed_and_cut(void **state)
{
    const char *path = compress_file(write_frames("long.pcap", DLT_EN10MB, LONG_FRAMES), "long.gz",
                                     archive_write_add_filter_gzip);
    static uint8_t bytes[LONG_FRAMES * PCAP_RECORD_BYTES];
    size_t size = read_bytes(path, bytes, sizeof bytes);
    const char *cut = write_bytes("cut.gz", bytes, size - size / 10);
    struct reading r = read_capture(cut);

    (void)state;
    assert_int_equal(r.status, -1);
    assert_in_range(r.packets, LONG_FRAMES / 2, LONG_FRAMES - 1);
    assert_message(r.err.text, cut, ": frame ");
    assert_message(r.err.text, cut, "truncated gzip input");
}

static void test_compressed_and_changed(void **state)
{
    const char *path = compress_file(write_pcap("a.pcap", DLT_EN10MB), "whole.xz",
                                     archive_write_add_filter_xz);
    uint8_t bytes[CAPTURE_BYTES];
    size_t size = read_bytes(path, bytes, sizeof bytes);

    (void)state;
    for (size_t at = 0; at < size; at++) {
        bytes[at] ^= 0x55;
        (void)read_capture(write_bytes("changed.xz", bytes, size)); /* must only come back */
        bytes[at] ^= 0x55;
    }
}

static void test_not_captures(void **state)
{
    static const char text[] = "No capture, but a text of some length.\n";
    static const char empty_gzip[] = "\x1f\x8b\x08\0\0\0\0\0\0\3\3\0\0\0\0\0\0\0\0\0";
    struct {
        const char *path, *words;
    } cases[] = {
        { scratch_path("missing.pcap"), "No such file" },
        { scratch_path("."), "directory" },
        { write_bytes("empty.pcap", "", 0), "empty" },
        { write_bytes("empty.gz", empty_gzip, 20), "empty" },
        { write_bytes("text.pcap", text, sizeof text), "unknown file format" },
        { write_bytes("one.pcap", "\xd4", 1), "truncated" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = { "" };
        struct capture_file *file = open_capture(cases[i].path, &err);

        if (file != NULL)
            fail_msg("%s opens", cases[i].path);
        assert_message(err.text, cases[i].path, cases[i].words);
    }
}

static const char *write_link(const char *name, int link)
{
    uint8_t bytes[CAPTURE_BYTES];

    read_bytes(write_pcap("link.pcap", DLT_EN10MB), bytes, sizeof bytes);
    put_le32(bytes + 20, (uint32_t)link);
    return write_bytes(name, bytes, sizeof bytes);
}

static void test_links(void **state)
{
    static const int known[] = { 0,   1,   9,   12,  14,  50,  51,  101, 104, 105, 108,
                                 113, 119, 127, 163, 166, 204, 228, 229, 276 };
    static const struct {
        int datalink;
        const char *words;
    } unknown[] = {
        { DLT_IEEE802_15_4_WITHFCS, "195 (IEEE802_15_4)" },
        { DLT_USBPCAP, "249 (USBPCAP)" },
        { 65520, "65520 (unknown)" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        assert_int_equal(read_capture(write_link("known.pcap", known[i])).status, 0);
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        const char *path = write_link("unknown.pcap", unknown[i].datalink);
        struct reading r = read_capture(path);

        assert_int_equal(r.status, -1);
        assert_message(r.err.text, path, unknown[i].words);
    }
}

static void test_truncated_at_every_byte(void **state)
{
    uint8_t bytes[CAPTURE_BYTES];

    (void)state;
    read_bytes(write_pcap("a.pcap", DLT_EN10MB), bytes, sizeof bytes);
    for (size_t cut = 1; cut < CAPTURE_BYTES; cut++) {
        const char *path = write_bytes("cut.pcap", bytes, cut);
        struct reading r = read_capture(path);
        size_t whole = cut < PCAP_HEADER_BYTES ? 0 : (cut - PCAP_HEADER_BYTES) / PCAP_RECORD_BYTES;
        char place[64] = "not a readable capture";

        assert_int_equal(r.packets, whole);
        for (size_t i = 0; i < whole; i++)
            assert_packet(&r.views[i], i);
        if (cut == PCAP_HEADER_BYTES + whole * PCAP_RECORD_BYTES) {
            assert_int_equal(r.status, 0);
            continue;
        }
        if (cut > PCAP_HEADER_BYTES)
            snprintf(place, sizeof place, "frame %zu: truncated", whole + 1);
        assert_int_equal(r.status, -1);
        assert_message(r.err.text, path, place);
    }
}

static void test_pcapng_truncated_at_every_byte(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        struct ng ng = plain_pcapng(big);
        const size_t head = NG_SECTION_BYTES + NG_INTERFACE_BYTES;

        for (size_t cut = 1; cut < ng.size; cut++) {
            const char *path = write_bytes("cut.pcapng", ng.bytes, cut);
            struct reading r = read_capture(path);
            size_t whole = cut < head ? 0 : (cut - head) / NG_PACKET_BYTES;

            assert_int_equal(r.packets, whole);
            for (size_t i = 0; i < whole; i++)
                assert_packet(&r.views[i], i);
            if (cut == NG_SECTION_BYTES || cut == head + whole * NG_PACKET_BYTES) {
                assert_int_equal(r.status, 0);
                continue;
            }
            assert_int_equal(r.status, -1);
            assert_message(r.err.text, path, "truncated");
        }
    }
}

static void test_pcapng_every_byte_changed(void **state)
{
    struct ng ng = plain_pcapng(false);

    (void)state;
    for (size_t at = 0; at < ng.size; at++) {
        struct reading r;

        ng.bytes[at] ^= 0xff;
        r = read_ng(&ng);
        for (size_t i = 0; i < r.packets && i < CAPTURE_FRAMES; i++)
            assert_true(r.views[i].time.ns >= 0);
        ng.bytes[at] ^= 0xff;
    }
}

static void test_every_byte_changed(void **state)
{
    uint8_t bytes[CAPTURE_BYTES];

    (void)state;
    read_bytes(write_pcap("a.pcap", DLT_EN10MB), bytes, sizeof bytes);
    for (size_t at = 0; at < CAPTURE_BYTES; at++) {
        struct reading r;

        bytes[at] ^= 0xff;
        r = read_capture(write_bytes("changed.pcap", bytes, sizeof bytes));
        for (size_t i = 0; i < r.packets && i < CAPTURE_FRAMES; i++)
            assert_true(r.views[i].time.ns >= 0);
        bytes[at] ^= 0xff;
    }
}

static void test_times_out_of_range(void **state)
{
    static const struct {
        uint32_t seconds, ns;
        int64_t expected_ns;
    } cases[] = {
        { 0, 0, 0 },
        { UINT32_MAX, 999999999, INT64_C(4294967295999999999) }, /* 2106, not 1969 */
        { 0x80000000, 0, INT64_C(2147483648000000000) },
        { 5, 1000000000, INT64_C(5999999999) },
        { 5, 0xfffffff0, INT64_C(5999999999) },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[CAPTURE_BYTES];
        struct reading r;

        read_bytes(write_pcap("a.pcap", DLT_EN10MB), bytes, sizeof bytes);
        put_le32(bytes + PCAP_HEADER_BYTES, cases[i].seconds);
        put_le32(bytes + PCAP_HEADER_BYTES + 4, cases[i].ns);
        r = read_capture(write_bytes("time.pcap", bytes, sizeof bytes));
        assert_int_equal(r.packets, CAPTURE_FRAMES);
        assert_int_equal(r.views[0].time.ns, cases[i].expected_ns);
    }
}

static void test_undecoded_frames_are_counted(void **state)
{
    uint8_t bytes[CAPTURE_BYTES];
    struct reading r;

    (void)state;
    read_bytes(write_pcap("a.pcap", DLT_EN10MB), bytes, sizeof bytes);
    bytes[PCAP_HEADER_BYTES + PCAP_RECORD_BYTES + 16 + 13] = 0x06; /* frame 2: ARP */
    r = read_capture(write_bytes("arp.pcap", bytes, sizeof bytes));
    assert_int_equal(r.status, 0);
    assert_int_equal(r.packets, CAPTURE_FRAMES - 1);
    assert_packet(&r.views[1], 2);
    assert_int_equal(r.counts.frames, CAPTURE_FRAMES);
    assert_int_equal(r.counts.by_result[DECODE_NOT_IP], 1);
}

static void test_position(void **state)
{
    struct error err;
    struct capture_file *file = open_capture(write_pcap("a.pcap", DLT_EN10MB), &err);
    struct packet_view view;
    uint64_t read = 0;
    uint64_t size = 0;

    (void)state;
    assert_non_null(file);
    while (capture_file_next(file, &view, &err) == 1)
        ;
    capture_file_position(file, &read, &size);
    assert_int_equal(read, CAPTURE_BYTES);
    assert_int_equal(size, CAPTURE_BYTES);
    capture_file_close(file);
    capture_file_close(NULL);
}

/* Through a pipe, which has no size and no end known ahead. */
static void test_standard_input(void **state)
{
    uint8_t bytes[CAPTURE_BYTES];
    int saved = dup(STDIN_FILENO);
    struct reading r;
    int ends[2];

    (void)state;
    read_bytes(write_pcap("a.pcap", DLT_EN10MB), bytes, sizeof bytes);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes, sizeof bytes), sizeof bytes);
    close(ends[1]);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    r = read_capture("-");
    assert_whole(&r);
    r = read_capture("-");
    assert_message(r.err.text, "standard input", "empty");
    dup2(saved, STDIN_FILENO);
    close(saved);
}

/* ---- dialects of pcap ---- */

static void swap32(uint8_t *at)
{
    uint8_t was[4];

    memcpy(was, at, 4);
    for (int i = 0; i < 4; i++)
        at[i] = was[3 - i];
}

static void test_pcap_other_order(void **state)
{
    uint8_t bytes[CAPTURE_BYTES];
    struct reading r;

    (void)state;
    read_bytes(write_pcap("a.pcap", DLT_EN10MB), bytes, sizeof bytes);
    for (size_t at = 0; at < PCAP_HEADER_BYTES; at += 4)
        swap32(bytes + at);
    memcpy(bytes + 4, "\0\2\0\4", 4);
    for (size_t frame = 0; frame < CAPTURE_FRAMES; frame++) {
        for (size_t at = 0; at < 16; at += 4)
            swap32(bytes + PCAP_HEADER_BYTES + frame * PCAP_RECORD_BYTES + at);
    }
    r = read_capture(write_bytes("big.pcap", bytes, sizeof bytes));
    assert_whole(&r);
}

/* Kuznetzov's records have eight bytes more: read by libpcap. */
static void test_pcap_dialect(void **state)
{
    enum { MORE = 8, FRAME = PCAP_RECORD_BYTES + MORE };
    uint8_t bytes[CAPTURE_BYTES];
    uint8_t odd[PCAP_HEADER_BYTES + CAPTURE_FRAMES * FRAME] = { 0 };
    struct reading r;

    (void)state;
    read_bytes(write_pcap("a.pcap", DLT_EN10MB), bytes, sizeof bytes);
    memcpy(odd, bytes, PCAP_HEADER_BYTES);
    put_le32(odd, 0xa1b2cd34);
    for (size_t i = 0; i < CAPTURE_FRAMES; i++) {
        const uint8_t *from = bytes + PCAP_HEADER_BYTES + i * PCAP_RECORD_BYTES;
        uint8_t *to = odd + PCAP_HEADER_BYTES + i * FRAME;

        memcpy(to, from, 16);
        put_le32(to + 4, 123456); /* microseconds */
        memcpy(to + 16 + MORE, from + 16, FRAME_BYTES);
    }
    for (size_t cut = PCAP_HEADER_BYTES; cut <= sizeof odd; cut++) {
        size_t whole = (cut - PCAP_HEADER_BYTES) / FRAME;

        r = read_capture(write_bytes("odd.pcap", odd, cut));
        assert_int_equal(r.packets, whole);
        assert_int_equal(r.status, cut == PCAP_HEADER_BYTES + whole * FRAME ? 0 : -1);
    }
    assert_int_equal(r.views[0].time.ns, FIRST_NS / 1000 * 1000);
    assert_int_equal(r.views[2].destination_port, 6002);
}

static void test_recognized(void **state)
{
    static const struct {
        const char *bytes;
        bool capture;
    } cases[] = {
        { "\x0a\x0d\x0d\x0a", true },  { "\xd4\xc3\xb2\xa1", true },  { "\xa1\xb2\xc3\xd4", true },
        { "\x4d\x3c\xb2\xa1", true },  { "\xa1\xb2\x3c\x4d", true },  { "\x34\xcd\xb2\xa1", true },
        { "\xa1\xb2\xcd\x34", true },  { "\xa1\xb2\xcd\x35", false }, { "#sep", false },
        { "\x1f\x8b\x08\x08", false }, { "\x0a\x0d\x0a\x0d", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(capture_file_recognizes((const uint8_t *)cases[i].bytes, 4),
                         cases[i].capture);
        assert_false(capture_file_recognizes((const uint8_t *)cases[i].bytes, 3));
    }
}

/* What a set gave, in few words: equal words, equal packets. */
struct outcome {
    int status;
    size_t packets;
    uint64_t hash; /* of every packet, in order */
    int64_t last_ns;
    bool ordered;
    struct capture_counts counts;
    size_t damages;
    char damage[4][512];
    uint64_t read, size;
    struct error err;
};

static void keep_damage(void *self, const char *message)
{
    struct outcome *outcome = self;

    if (outcome->damages < 4)
        snprintf(outcome->damage[outcome->damages], sizeof outcome->damage[0], "%s", message);
    outcome->damages++;
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < size; i++)
        hash = random_mix64(hash + at[i] + 1);
    return hash;
}

static uint64_t hash_view(uint64_t hash, const struct packet_view *view, bool bytes)
{
    const uint64_t numbers[] = { (uint64_t)view->time.ns, view->source_port, view->destination_port,
                                 view->protocol, view->tcp_sequence, view->payload_bytes,
                                 view->ip_bytes, view->ip_id, view->fragment,
                                 bytes ? view->ip_captured : 0 };

    hash = hash_bytes(hash, numbers, sizeof numbers);
    hash = hash_bytes(hash, &view->source, sizeof view->source);
    hash = hash_bytes(hash, &view->destination, sizeof view->destination);
    return bytes ? hash_bytes(hash, view->ip, view->ip_captured) : hash;
}

static void read_packets(struct capture_set *set, bool bytes, struct outcome *o)
{
    struct packet_view view;

    o->ordered = true;
    while (capture_set_next(set, &view)) {
        o->packets++;
        o->hash = hash_view(o->hash, &view, bytes);
        o->ordered = o->ordered && view.time.ns >= o->last_ns;
        o->last_ns = view.time.ns;
    }
    o->counts = *capture_set_counts(set);
    capture_set_position(set, &o->read, &o->size);
}

static struct outcome read_set(const char *const *paths, size_t count,
                               const struct capture_options *options)
{
    struct outcome o = { .status = 0, .last_ns = INT64_MIN };
    struct capture_set *set = capture_set_new(options, keep_damage, &o);

    for (size_t i = 0; i < count && o.status == 0; i++) {
        struct input_file *input = input_file_open(paths[i], &o.err);

        o.status = input ? capture_set_add(set, input, &o.err) : -1;
    }
    if (o.status == 0)
        read_packets(set, options->keep_bytes, &o);
    capture_set_free(set);
    return o;
}

static void assert_same(const struct outcome *a, const struct outcome *b)
{
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->packets, b->packets);
    assert_int_equal(a->hash, b->hash);
    assert_memory_equal(&a->counts, &b->counts, sizeof a->counts);
    assert_int_equal(a->damages, b->damages);
    for (size_t i = 0; i < a->damages && i < 4; i++)
        assert_string_equal(a->damage[i], b->damage[i]);
}

/* With and without threads, with and without bytes; returns the outcome, which is the same. */
static struct outcome read_every_way(const char *const *paths, size_t count)
{
    struct capture_options options = { 0 };
    struct outcome plain = read_set(paths, count, &options);
    struct outcome with_bytes;

    options.keep_bytes = true;
    with_bytes = read_set(paths, count, &options);
    for (options.jobs = 2; options.jobs <= 4; options.jobs++) {
        struct outcome threads;

        options.keep_bytes = true;
        threads = read_set(paths, count, &options);
        assert_same(&threads, &with_bytes);
        options.keep_bytes = false;
        threads = read_set(paths, count, &options);
        assert_same(&threads, &plain);
    }
    return plain;
}

/* ---- fragments ---- */

static struct packet_view fragment_view(uint32_t source, uint32_t id, int64_t second)
{
    return (struct packet_view){
        .time.ns = second * NS_PER_SECOND,
        .source = ip_address_from_v4(source),
        .destination = ip_address_from_v4(0x0a000002),
        .protocol = IP_UDP,
        .fragment = true,
        .ip_id = id,
    };
}

static void test_fragment_cache(void **state)
{
    static struct fragment_cache cache;
    struct packet_view first = fragment_view(0x0a000001, 7, 1000);
    struct packet_view later[] = {
        fragment_view(0x0a000001, 7, 1000 + FRAGMENT_SECONDS),
        fragment_view(0x0a000001, 7, 1000 - FRAGMENT_SECONDS),
        fragment_view(0x0a000001, 8, 1000),
        fragment_view(0x0a000003, 7, 1000),
        fragment_view(0x0a000001, 7, 1001 + FRAGMENT_SECONDS),
        fragment_view(0x0a000001, 7, 999 - FRAGMENT_SECONDS),
        fragment_view(0x0a000001, 7, 1000),
        fragment_view(0x0a000001, 7, 1000),
    };

    (void)state;
    later[6].protocol = IP_TCP;
    later[7].destination = ip_address_from_v4(0x0a000003);
    assert_false(fragment_cache_complete(&cache, &later[0]));
    first.source_port = 5000;
    first.destination_port = 53;
    first.icmp_type = 9;
    fragment_cache_put(&cache, &first);
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
        assert_int_equal(fragment_cache_complete(&cache, &later[i]), i < 2);
        assert_int_equal(later[i].source_port, i < 2 ? 5000 : 0);
        assert_int_equal(later[i].destination_port, i < 2 ? 53 : 0);
        assert_int_equal(later[i].icmp_type, i < 2 ? 9 : 0);
    }
}

/* A later fragment of IPv6 names what follows its header, which may be an extension. */
static void test_fragment_cache_ipv6(void **state)
{
    static struct fragment_cache cache;
    struct packet_view first = { .protocol = IP_UDP, .fragment = true, .ip_id = 3, .source_port = 9 };
    struct packet_view later = { .protocol = 60, .fragment = true, .ip_id = 3 };

    (void)state;
    first.source.bytes[0] = later.source.bytes[0] = 0xfd;
    fragment_cache_put(&cache, &first);
    assert_true(fragment_cache_complete(&cache, &later));
    assert_int_equal(later.protocol, IP_UDP);
    assert_int_equal(later.source_port, 9);
}

/* However many: the newest are known, older ones may be. */
static void test_fragment_cache_full(void **state)
{
    static struct fragment_cache cache;
    struct packet_view view = fragment_view(0x0a000001, 0, 1);

    (void)state;
    for (uint32_t i = 0; i < 10 * FRAGMENT_SLOTS; i++) {
        view.ip_id = i;
        fragment_cache_put(&cache, &view);
        assert_true(fragment_cache_complete(&cache, &view));
    }
}

/* A UDP packet in three pieces, of which those are written that are named, in this order. */
static const char *write_fragments(const char *name, const char *pieces)
{
    static const uint16_t offsets[] = { 0x2000, 0x2002, 0x0003 }; /* more; more, 16 bytes on; 24 */
    const char *path = scratch_path(name);
    pcap_t *pcap = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 65535,
                                                        PCAP_TSTAMP_PRECISION_NANO);
    pcap_dumper_t *dumper = pcap_dump_open(pcap, path);

    assert_non_null(dumper);
    for (unsigned i = 0; pieces[i] != '\0'; i++) {
        struct pcap_pkthdr header = { .ts = { 1700000000, i }, .caplen = FRAME_BYTES,
                                      .len = FRAME_BYTES };
        uint8_t frame[FRAME_BYTES];

        build_frame(frame, 0);
        wire_put_u16(frame + 18, 77); /* identification */
        wire_put_u16(frame + 20, offsets[pieces[i] - '0']);
        wire_put_u16(frame + 38, 200); /* UDP length, of the whole */
        pcap_dump((u_char *)dumper, &header, frame);
    }
    pcap_dump_close(dumper);
    pcap_close(pcap);
    return path;
}

/* In whatever order they come: those before the first are given behind it, at its time. */
static void test_fragments(void **state)
{
    static const struct {
        const char *pieces;
        size_t packets, lost;
    } cases[] = {
        { "012", 3, 0 }, { "021", 3, 0 }, { "120", 3, 0 }, { "210", 3, 0 }, { "102", 3, 0 },
        { "12", 0, 2 },  { "1212", 0, 4 }, { "10", 2, 0 }, { "1002", 4, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reading r = read_capture(write_fragments("fragments.pcap", cases[i].pieces));
        const char *path = scratch_path("fragments.pcap");
        struct outcome set = read_every_way(&path, 1);

        if (r.packets != cases[i].packets)
            fail_msg("%s: %zu packets", cases[i].pieces, r.packets);
        assert_int_equal(r.counts.by_result[DECODE_OK], cases[i].packets);
        assert_int_equal(r.counts.by_result[DECODE_FRAGMENT], cases[i].lost);
        assert_memory_equal(&set.counts, &r.counts, sizeof r.counts);
        assert_int_equal(set.packets, r.packets);
        assert_true(set.ordered);
        for (size_t k = 0; k < r.packets && k < CAPTURE_FRAMES; k++) {
            assert_true(r.views[k].fragment);
            assert_int_equal(r.views[k].source_port, 5000);
            assert_int_equal(r.views[k].destination_port, 6000);
        }
    }
}

/* However many wait: of each packet all pieces are given that there was room for. */
static void test_fragments_waiting(void **state)
{
    enum { PACKETS = 2000 };
    struct packet_gate *gate = packet_gate_new(0);
    struct capture_counts counts = { .by_result[DECODE_FRAGMENT] = PACKETS, .by_result[DECODE_OK] = PACKETS };
    struct packet_view view;
    unsigned released = 0;

    (void)state;
    for (uint32_t i = 0; i < PACKETS; i++) {
        view = fragment_view(0x0a000001, i, 1);
        view.ip_bytes = i + 100;
        assert_false(packet_gate_pass(gate, &view, DECODE_FRAGMENT, &counts));
        assert_false(packet_gate_release(gate, &view, &counts));
    }
    for (uint32_t i = 0; i < PACKETS; i++) {
        view = fragment_view(0x0a000001, i, 2);
        view.source_port = (uint16_t)i;
        assert_true(packet_gate_pass(gate, &view, DECODE_OK, &counts));
        while (packet_gate_release(gate, &view, &counts)) {
            assert_int_equal(view.ip_bytes, i + 100);
            assert_int_equal(view.source_port, i);
            assert_int_equal(view.time.ns, 2 * NS_PER_SECOND);
            assert_int_equal(view.ip_captured, 0);
            released++;
        }
    }
    assert_int_equal(released, 256);
    assert_int_equal(counts.by_result[DECODE_OK], PACKETS + released);
    assert_int_equal(counts.by_result[DECODE_FRAGMENT], PACKETS - released);
    packet_gate_free(gate);
}

/* ---- duplicates ---- */

enum { IP_BYTES = FRAME_BYTES - 14 };

static struct packet_view bytes_view(const uint8_t *ip, uint32_t captured, int64_t ns)
{
    return (struct packet_view){ .time.ns = ns, .ip = ip, .ip_captured = captured,
                                 .ip_bytes = IP_BYTES };
}

static void test_duplicates(void **state)
{
    static const struct {
        unsigned changed; /* byte of the IP packet; FRAME_BYTES: none of it */
        uint32_t captured;
        int64_t ns;
        bool same;
    } cases[] = {
        { FRAME_BYTES, IP_BYTES, 1000, true },
        { FRAME_BYTES, IP_BYTES, 2000, true },
        { FRAME_BYTES, IP_BYTES, 0, true },
        { FRAME_BYTES, IP_BYTES, 2001, false },
        { FRAME_BYTES, IP_BYTES, -1, false },
        { FRAME_BYTES, 28, 1000, true },
        { FRAME_BYTES, IP_BYTES + 6, 1000, true }, /* Ethernet's padding is not of the packet */
        { FRAME_BYTES, 0, 1000, false },
        { 8, IP_BYTES, 1000, true },   /* TTL */
        { 10, IP_BYTES, 1000, true },  /* checksum of the header */
        { 11, IP_BYTES, 1000, true },
        { 9, IP_BYTES, 1000, false },
        { 5, IP_BYTES, 1000, false },  /* identification */
        { 15, IP_BYTES, 1000, false }, /* source */
        { 27, IP_BYTES, 1000, false }, /* checksum of UDP */
        { IP_BYTES - 1, IP_BYTES, 1000, false },
        { IP_BYTES - 1, IP_BYTES - 1, 1000, true }, /* beyond the shorter */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct duplicates *duplicates = duplicates_new(1000);
        uint8_t frame[14 + FRAME_BYTES + 1] = { 0 };
        struct packet_view view;

        build_frame(frame, 0);
        view = bytes_view(frame + 14, IP_BYTES, 1000);
        assert_false(duplicates_seen(duplicates, &view));
        frame[14 + cases[i].changed] ^= 1;
        view = bytes_view(frame + 14, cases[i].captured, cases[i].ns);
        if (duplicates_seen(duplicates, &view) != cases[i].same)
            fail_msg("case %zu", i);
        duplicates_free(duplicates);
    }
}

static void test_duplicates_ipv6(void **state)
{
    struct duplicates *duplicates = duplicates_new(1000);
    uint8_t ip[60] = { 0x60, [6] = IP_UDP, [7] = 64 };
    struct packet_view view = { .ip = ip, .ip_captured = sizeof ip, .ip_bytes = sizeof ip };

    (void)state;
    assert_false(duplicates_seen(duplicates, &view));
    ip[7] = 63; /* hop limit */
    assert_true(duplicates_seen(duplicates, &view));
    ip[8] = 1;
    assert_false(duplicates_seen(duplicates, &view));
    duplicates_free(duplicates);
}

/* The newest are known however many there were; so many that the first is not known any more. */
static void test_duplicates_full(void **state)
{
    static uint8_t ip[9000] = { 0x45 };
    static const uint32_t sizes[] = { 28, sizeof ip };

    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct duplicates *duplicates = duplicates_new(1000);
        struct packet_view view = { .ip = ip, .ip_captured = sizes[s], .ip_bytes = sizes[s] };

        for (uint32_t i = 0; i <= DUPLICATES_PACKETS + 10; i++) {
            wire_put_u32(ip + 20, i);
            assert_false(duplicates_seen(duplicates, &view));
            assert_true(duplicates_seen(duplicates, &view));
        }
        wire_put_u32(ip + 20, DUPLICATES_PACKETS - 1000);
        assert_true(duplicates_seen(duplicates, &view));
        wire_put_u32(ip + 20, 0);
        assert_false(duplicates_seen(duplicates, &view));
        duplicates_free(duplicates);
    }
}

/* ---- sets ---- */

static void test_set_of_one(void **state)
{
    const char *path = write_frames("long.pcap", DLT_EN10MB, LONG_FRAMES);
    struct outcome o = read_every_way(&path, 1);

    (void)state;
    assert_int_equal(o.status, 0);
    assert_int_equal(o.packets, LONG_FRAMES);
    assert_int_equal(o.counts.by_result[DECODE_OK], LONG_FRAMES);
    assert_int_equal(o.read, o.size);
    assert_int_equal(o.size, PCAP_HEADER_BYTES + LONG_FRAMES * PCAP_RECORD_BYTES);
}

/* One capture, and the same cut into seven files that are given in any order. */
static void test_set_of_parts(void **state)
{
    enum { PARTS = 7 };
    const char *whole = write_frames("long.pcap", DLT_EN10MB, LONG_FRAMES);
    struct outcome expected = read_set(&whole, 1, &defaults);
    const char *parts[PARTS];
    char names[PARTS][16];

    (void)state;
    for (unsigned i = 0; i < PARTS; i++) {
        snprintf(names[i], sizeof names[i], "part-%u.pcap", i * 5 % PARTS);
        parts[i] = write_range(names[i], DLT_EN10MB, i * LONG_FRAMES / PARTS,
                               (i + 1) * LONG_FRAMES / PARTS);
    }
    for (unsigned turn = 0; turn < PARTS; turn++) {
        const char *first = parts[0];
        struct outcome o = read_every_way(parts, PARTS);

        assert_same(&o, &expected);
        assert_int_equal(o.read, o.size);
        memmove(parts, parts + 1, sizeof parts - sizeof parts[0]);
        parts[PARTS - 1] = first;
    }
}

/* Cuts between packets of one time, in files whose names sort differently. */
static void test_set_cut_within_a_time(void **state)
{
    static const struct {
        unsigned together, first_cut, second_cut;
    } cases[] = { { 2, 9, 21 }, { 4, 9, 11 }, { 40, 9, 21 } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const unsigned together = cases[i].together;
        const char *whole = write_grouped("whole", DLT_EN10MB, 0, 40, together);
        const char *const parts[] = {
            write_grouped("x10", DLT_EN10MB, cases[i].second_cut, 40, together),
            write_grouped("x8", DLT_EN10MB, 0, cases[i].first_cut, together),
            write_grouped("x9", DLT_EN10MB, cases[i].first_cut, cases[i].second_cut, together),
        };
        struct outcome expected = read_set(&whole, 1, &defaults);
        struct outcome o = read_every_way(parts, 3);

        assert_int_equal(o.packets, 40);
        assert_same(&o, &expected);
    }
}

/* Files that overlap, one within another, and one without a packet. */
static void test_set_overlapping(void **state)
{
    const char *const paths[] = {
        write_range("b.pcap", DLT_EN10MB, 1500, 9000), write_range("c.pcap", DLT_EN10MB, 2000, 2010),
        write_range("d.pcap", DLT_EN10MB, 0, 0),       write_range("a.pcap", DLT_EN10MB, 0, 4000),
        write_range("e.pcap", DLT_EN10MB, 8999, 9010),
    };
    const char *const turned[] = { paths[4], paths[3], paths[2], paths[1], paths[0] };
    struct outcome o = read_every_way(paths, 5);
    struct outcome other = read_set(turned, 5, &defaults);

    (void)state;
    assert_int_equal(o.status, 0);
    assert_int_equal(o.packets, 7500 + 10 + 4000 + 11);
    assert_true(o.ordered);
    assert_same(&o, &other);
}

/* Damage ends its file alone, and is told once. */
static void test_set_damaged(void **state)
{
    enum { FRAMES = 3000 };
    static uint8_t bytes[PCAP_HEADER_BYTES + FRAMES * PCAP_RECORD_BYTES];
    const char *const paths[] = {
        write_range("whole.pcap", DLT_EN10MB, 0, FRAMES),
        scratch_path("cut.pcap"),
        scratch_path("headless.pcap"),
    };
    struct outcome o;

    (void)state;
    read_bytes(write_range("cut.pcap", DLT_EN10MB, 1000, 1000 + FRAMES), bytes, sizeof bytes);
    write_bytes("cut.pcap", bytes, PCAP_HEADER_BYTES + 2000 * PCAP_RECORD_BYTES + 20);
    write_bytes("headless.pcap", bytes, PCAP_HEADER_BYTES + 5);
    o = read_every_way(paths, 3);
    assert_int_equal(o.status, 0);
    assert_int_equal(o.packets, FRAMES + 2000);
    assert_true(o.ordered);
    assert_int_equal(o.damages, 2);
    assert_message(o.damage[0], paths[2], "frame 1: truncated");
    assert_message(o.damage[1], paths[1], "frame 2001: truncated");
}

/* A file that is none is known before a packet is read. */
static void test_set_with_no_capture(void **state)
{
    const char *const paths[] = { write_pcap("a.pcap", DLT_EN10MB),
                                  write_bytes("text.pcap", "no capture, but text", 20) };
    struct outcome o = read_set(paths, 2, &defaults);

    (void)state;
    assert_int_equal(o.status, -1);
    assert_int_equal(o.packets, 0);
    assert_message(o.err.text, paths[1], "not a readable capture");
}

/* It could be opened when it was added, and not when its time came. */
static void test_set_file_vanished(void **state)
{
    for (unsigned jobs = 1; jobs <= 2; jobs++) {
        const struct capture_options options = { .jobs = jobs };
        const char *const paths[] = { write_range("a.pcap", DLT_EN10MB, 0, 5000),
                                      write_range("gone.pcap", DLT_EN10MB, 6000, 6010),
                                      write_range("z.pcap", DLT_EN10MB, 7000, 7010) };
        struct outcome o = { .last_ns = INT64_MIN };
        struct capture_set *set = capture_set_new(&options, keep_damage, &o);

        (void)state;
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(capture_set_add(set, input_file_open(paths[i], &o.err), &o.err), 0);
        assert_int_equal(unlink(paths[1]), 0);
        read_packets(set, false, &o);
        capture_set_free(set);
        assert_int_equal(o.status, 0);
        assert_int_equal(o.packets, 5010);
        assert_int_equal(o.damages, 1);
        assert_message(o.damage[0], paths[1], "No such file");
    }
}

static void test_set_of_nothing(void **state)
{
    struct outcome o = read_set(NULL, 0, &defaults);

    (void)state;
    assert_int_equal(o.status, 0);
    assert_int_equal(o.packets, 0);
}

/* Given up in the middle: nothing is left behind, and no thread hangs. */
static void test_set_left_early(void **state)
{
    const struct capture_options options = { .jobs = 3, .keep_bytes = true };
    const char *path = write_frames("long.pcap", DLT_EN10MB, LONG_FRAMES);

    (void)state;
    for (size_t packets = 0; packets <= 3000; packets += 1500) {
        struct capture_set *set = capture_set_new(&options, keep_damage, NULL);
        struct packet_view view;
        struct error err;

        for (int i = 0; i < 3; i++)
            assert_int_equal(capture_set_add(set, input_file_open(path, &err), &err), 0);
        for (size_t i = 0; i < packets; i++)
            assert_true(capture_set_next(set, &view));
        capture_set_free(set);
    }
}

/* ---- how many may overlap ---- */

enum { MANY = 700 };

/* All packets are there, in order, with few and many threads. */
static void assert_many(const char *path, const struct capture_options *options, size_t all, size_t read)
{
    static const char *paths[MANY];
    struct outcome o;

    for (size_t i = 0; i < all; i++)
        paths[i] = path;
    o = read_set(paths, all, options);
    assert_int_equal(o.status, 0);
    assert_int_equal(o.packets, read * CAPTURE_FRAMES);
    assert_true(o.ordered);
    assert_int_equal(o.damages, all - read);
}

static void test_set_many_overlap(void **state)
{
    const char *path = write_frames("a.pcap", DLT_EN10MB, CAPTURE_FRAMES);

    (void)state;
    for (unsigned jobs = 1; jobs <= 3; jobs++)
        assert_many(path, &(struct capture_options){ .jobs = jobs, .keep_bytes = true }, MANY, MANY);
}

/* What open files and threads may take decides; who does not fit is left out, and the rest is read. */
static void test_set_memory(void **state)
{
    const char *path = write_frames("a.pcap", DLT_EN10MB, CAPTURE_FRAMES);
    struct input_file *input = input_file_open(path, &(struct error){ "" });
    const size_t one = input_file_memory(input);

    (void)state;
    input_file_close(input);
    for (unsigned jobs = 1; jobs <= 3; jobs++) {
        const struct capture_options options = { .jobs = jobs, .max_bytes = 12 * one };

        assert_many(path, &options, 9, 9);
        assert_many(path, &options, 30, 9);
        assert_many(path, &(struct capture_options){ .jobs = jobs, .max_bytes = 1 }, 2, 1);
    }
}

static void test_set_memory_message(void **state)
{
    const char *const paths[] = { write_range("b.pcap", DLT_EN10MB, 0, 3),
                                  write_range("a.pcap", DLT_EN10MB, 0, 3),
                                  write_range("c.pcap", DLT_EN10MB, 3, 6) };
    struct outcome o = read_set(paths, 3, &(struct capture_options){ .max_bytes = 1 });

    (void)state;
    assert_int_equal(o.packets, 6);
    assert_int_equal(o.damages, 1);
    assert_message(o.damage[0], paths[0], "no memory to read it beside the 1 that overlap it");
}

/* The soft limit is raised; at the hard one files are left out, and the rest is read. */
static int read_with_descriptors(rlim_t hard)
{
    enum { FILES = 100 };
    const char *path = write_frames("a.pcap", DLT_EN10MB, CAPTURE_FRAMES);
    const char *paths[FILES];
    struct outcome o;

    if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 30, hard }) < 0)
        return 1;
    for (size_t i = 0; i < FILES; i++)
        paths[i] = path;
    o = read_set(paths, FILES, &defaults);
    if (o.status != 0 || o.packets == 0 || o.packets != (FILES - o.damages) * CAPTURE_FRAMES)
        return 2;
    if (o.damages > 0)
        return strstr(o.damage[0], "Too many open files") ? 3 : 4;
    return 0;
}

static void test_set_descriptors(void **state)
{
    static const struct {
        rlim_t hard;
        int status;
    } cases[] = { { 200, 0 }, { 40, 3 } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pid_t child;
        int status;

        fflush(NULL);
        child = fork();
        if (child == 0)
            _exit(read_with_descriptors(cases[i].hard));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), cases[i].status);
    }
}

/* Two taps, the second behind a router, in files of their own; or one file and the same again. */
static void test_set_of_two_taps(void **state)
{
    struct capture_options options = { .dedup_ns = NS_PER_MS / 2 };
    uint8_t bytes[CAPTURE_BYTES];
    const char *const paths[] = { write_pcap("near.pcap", DLT_EN10MB), scratch_path("far.pcap") };

    (void)state;
    read_bytes(paths[0], bytes, sizeof bytes);
    for (size_t i = 0; i < CAPTURE_FRAMES; i++) {
        uint8_t *record = bytes + PCAP_HEADER_BYTES + i * PCAP_RECORD_BYTES;

        put_le32(record + 4, (uint32_t)(123456789 + i * NS_PER_MS + 400000));
        record[16 + 22]--; /* TTL */
        record[16 + 24]++; /* checksum */
    }
    write_bytes("far.pcap", bytes, sizeof bytes);
    for (options.jobs = 1; options.jobs <= 3; options.jobs++) {
        struct outcome o = read_set(paths, 2, &options);

        assert_int_equal(o.packets, CAPTURE_FRAMES);
        assert_int_equal(o.counts.duplicates, CAPTURE_FRAMES);
        assert_int_equal(o.counts.by_result[DECODE_OK], CAPTURE_FRAMES);
        assert_int_equal(o.counts.frames, 2 * CAPTURE_FRAMES);
    }
    options.dedup_ns = 0;
    assert_int_equal(read_set(paths, 2, &options).packets, 2 * CAPTURE_FRAMES);
}

/* The first fragment in one file, the others in the next. */
static void test_set_fragments_across_files(void **state)
{
    static uint8_t bytes[CAPTURE_BYTES];
    const char *const paths[] = { scratch_path("first.pcap"), write_fragments("rest.pcap", "12") };
    struct outcome o;

    (void)state;
    read_bytes(write_fragments("fragments.pcap", "012"), bytes, sizeof bytes);
    write_bytes("first.pcap", bytes, PCAP_HEADER_BYTES + PCAP_RECORD_BYTES);
    o = read_every_way(paths, 2);
    assert_int_equal(o.packets, 3);
    assert_int_equal(o.counts.by_result[DECODE_FRAGMENT], 0);
}

/* Standard input cannot be opened again, and comes in the middle. */
static void test_set_with_standard_input(void **state)
{
    const char *const paths[] = { write_range("b.pcap", DLT_EN10MB, 100, 200), "-",
                                  write_range("a.pcap", DLT_EN10MB, 0, 50) };

    (void)state;
    for (unsigned jobs = 1; jobs <= 2; jobs++) {
        const struct capture_options options = { .jobs = jobs };
        int file = open(write_range("m.pcap", DLT_EN10MB, 50, 100), O_RDONLY);
        int saved = dup(STDIN_FILENO);
        struct outcome o;

        assert_int_equal(dup2(file, STDIN_FILENO), STDIN_FILENO);
        close(file);
        o = read_set(paths, 3, &options);
        dup2(saved, STDIN_FILENO);
        close(saved);
        assert_int_equal(o.status, 0);
        assert_int_equal(o.packets, 200);
        assert_true(o.ordered);
    }
}

/* ---- live, on the loopback of a network of its own ---- */

static void send_datagrams(int count)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(6000) };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < count; i++)
        (void)!sendto(fd, "0123456789", 10, 0, (const struct sockaddr *)&to, sizeof to);
    close(fd);
}

static bool raise_loopback(void)
{
    struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    bool raised = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;

    close(fd);
    return raised;
}

enum { LIVE_OK, LIVE_IMPOSSIBLE, LIVE_NOT_OPEN, LIVE_WRONG_PACKETS, LIVE_NEVER_IDLE, LIVE_COUNTS };

static int capture_loopback(void)
{
    enum { DATAGRAMS = 5 };
    struct capture_file *file;
    struct packet_view view;
    struct error err;
    int packets = 0;
    int status;

    if (unshare(CLONE_NEWNET) < 0 || !raise_loopback())
        return LIVE_IMPOSSIBLE;
    file = capture_live_open("lo", &defaults, &err);
    if (file == NULL)
        return LIVE_NOT_OPEN;
    if (capture_file_next(file, &view, &err) != 2)
        return LIVE_NEVER_IDLE;
    send_datagrams(DATAGRAMS);
    while ((status = capture_file_next(file, &view, &err)) == 1)
        packets += view.destination_port == 6000 && view.payload_bytes == 10 &&
                   view.time.ns > FIRST_NS;
    if (status != 2)
        return LIVE_NEVER_IDLE;
    if (capture_file_counts(file)->dropped != 0)
        return LIVE_COUNTS;
    capture_file_close(file);
    return packets == DATAGRAMS ? LIVE_OK : LIVE_WRONG_PACKETS;
}

/* Every millisecond a datagram, or a frame that is no packet. */
static pid_t send_for(int milliseconds, bool datagrams)
{
    struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(0x88cc), .sll_halen = 6 };
    const uint8_t nothing[46] = { 0 };
    pid_t sender = fork();
    int fd;

    if (sender != 0)
        return sender;
    fd = socket(AF_PACKET, SOCK_DGRAM, 0);
    to.sll_ifindex = (int)if_nametoindex("lo");
    for (int i = 0; i < milliseconds; i++) {
        if (datagrams)
            send_datagrams(1);
        else
            (void)!sendto(fd, nothing, sizeof nothing, 0, (const struct sockaddr *)&to, sizeof to);
        usleep(1000);
    }
    _exit(0);
}

/* Milliseconds until the first "nothing yet", while frames come for three seconds. */
static int64_t pause_ms(bool datagrams)
{
    struct capture_file *file = capture_live_open("lo", &defaults, &(struct error){ "" });
    struct timespec began;
    struct timespec now;
    struct packet_view view;
    struct error err;
    pid_t sender;
    int status;

    if (file == NULL)
        return -1;
    clock_gettime(CLOCK_MONOTONIC, &began);
    sender = send_for(3000, datagrams);
    do
        status = capture_file_next(file, &view, &err);
    while (status == 1);
    clock_gettime(CLOCK_MONOTONIC, &now);
    waitpid(sender, NULL, 0);
    if (status != 2 || capture_file_counts(file)->frames < 100)
        return -1;
    capture_file_close(file);
    return (now.tv_sec - began.tv_sec) * 1000 + (now.tv_nsec - began.tv_nsec) / NS_PER_MS;
}

/* The caller gets its turn also while frames keep coming, whether they are packets or not. */
static int capture_busy_loopback(void)
{
    if (unshare(CLONE_NEWNET) < 0 || !raise_loopback())
        return LIVE_IMPOSSIBLE;
    for (int datagrams = 0; datagrams < 2; datagrams++) {
        int64_t ms = pause_ms(datagrams);

        if (ms < 500 || ms > 2000)
            return LIVE_NEVER_IDLE;
    }
    return LIVE_OK;
}

static void run_live(int capture(void))
{
    int status;
    pid_t child;

    if (geteuid() != 0)
        skip_because("not root: no network of its own");
    fflush(NULL);
    child = fork();
    if (child == 0)
        _exit(capture());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == LIVE_IMPOSSIBLE)
        skip_because("no network namespace to be had");
    assert_int_equal(WEXITSTATUS(status), LIVE_OK);
}

static void test_live(void **state)
{
    (void)state;
    run_live(capture_loopback);
}

static void test_live_busy(void **state)
{
    (void)state;
    run_live(capture_busy_loopback);
}

static void test_live_on_nothing(void **state)
{
    struct error err = { "" };

    (void)state;
    assert_null(capture_live_open("no-such-if0", &defaults, &err));
    assert_message(err.text, "no-such-if0", "cannot capture");
}

/* ---- real captures, many of them damaged on purpose ---- */

/* Whatever it holds, reading comes to an end, and threads read the same. */
static void read_hostile(const char *path)
{
    struct capture_options options = { .dedup_ns = NS_PER_MS, .tunnels = true, .keep_bytes = true };
    struct outcome one = read_set(&path, 1, &options);
    struct outcome two;
    struct reading r = read_capture(path);

    if (r.status < 0)
        assert_message(r.err.text, path, ": ");
    options.jobs = 2;
    two = read_set(&path, 1, &options);
    assert_same(&one, &two);
}

static unsigned read_hostile_folder(const char *folder)
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    unsigned files = 0;

    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL) {
        char path[1024];
        struct stat status;

        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || stat(path, &status) < 0)
            continue;
        if (S_ISDIR(status.st_mode)) {
            files += read_hostile_folder(path);
        } else {
            read_hostile(path);
            files++;
        }
    }
    closedir(directory);
    return files;
}

static void test_hostile_captures(void **state)
{
    const char *captures = getenv("DAYSHIFT_CAPTURES");
    char folder[512];

    (void)state;
    if (captures == NULL)
        skip_because("DAYSHIFT_CAPTURES names no folder of captures");
    snprintf(folder, sizeof folder, "%s/hostile", captures);
    if (access(folder, R_OK) < 0)
        skip_because("DAYSHIFT_CAPTURES has no folder hostile");
    assert_true(read_hostile_folder(folder) > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pcap),
        cmocka_unit_test(test_pcapng),
        cmocka_unit_test(test_pcapng_sections),
        cmocka_unit_test(test_pcapng_interfaces),
        cmocka_unit_test(test_pcapng_times),
        cmocka_unit_test(test_pcapng_other_packets),
        cmocka_unit_test(test_pcapng_simple_packet_cut),
        cmocka_unit_test(test_pcapng_unknown_blocks),
        cmocka_unit_test(test_pcapng_damage),
        cmocka_unit_test(test_microseconds),
        cmocka_unit_test(test_compressed),
        cmocka_unit_test(test_compressed_and_cut),
        cmocka_unit_test(test_long_compressed_and_cut),
        cmocka_unit_test(test_compressed_and_changed),
        cmocka_unit_test(test_not_captures),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_truncated_at_every_byte),
        cmocka_unit_test(test_pcapng_truncated_at_every_byte),
        cmocka_unit_test(test_every_byte_changed),
        cmocka_unit_test(test_times_out_of_range),
        cmocka_unit_test(test_pcapng_every_byte_changed),
        cmocka_unit_test(test_undecoded_frames_are_counted),
        cmocka_unit_test(test_position),
        cmocka_unit_test(test_standard_input),
        cmocka_unit_test(test_pcap_other_order),
        cmocka_unit_test(test_pcap_dialect),
        cmocka_unit_test(test_recognized),
        cmocka_unit_test(test_fragment_cache),
        cmocka_unit_test(test_fragment_cache_ipv6),
        cmocka_unit_test(test_fragment_cache_full),
        cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_fragments_waiting),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_duplicates_ipv6),
        cmocka_unit_test(test_duplicates_full),
        cmocka_unit_test(test_set_of_one),
        cmocka_unit_test(test_set_of_parts),
        cmocka_unit_test(test_set_cut_within_a_time),
        cmocka_unit_test(test_set_overlapping),
        cmocka_unit_test(test_set_damaged),
        cmocka_unit_test(test_set_with_no_capture),
        cmocka_unit_test(test_set_file_vanished),
        cmocka_unit_test(test_set_of_nothing),
        cmocka_unit_test(test_set_left_early),
        cmocka_unit_test(test_set_many_overlap),
        cmocka_unit_test(test_set_memory),
        cmocka_unit_test(test_set_memory_message),
        cmocka_unit_test(test_set_descriptors),
        cmocka_unit_test(test_set_of_two_taps),
        cmocka_unit_test(test_set_fragments_across_files),
        cmocka_unit_test(test_set_with_standard_input),
        cmocka_unit_test(test_live),
        cmocka_unit_test(test_live_busy),
        cmocka_unit_test(test_live_on_nothing),
        cmocka_unit_test(test_hostile_captures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
