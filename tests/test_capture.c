#include "support.h"

#include <archive.h>
#include <archive_entry.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "capture/capture_set.h"
#include "capture/duplicates.h"
#include "capture/fragment_cache.h"
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

/* Frames a millisecond apart, in nanoseconds. */
static const char *write_frames(const char *name, int datalink, unsigned frames)
{
    const char *path = scratch_path(name);
    pcap_t *pcap = pcap_open_dead_with_tstamp_precision(datalink, 65535,
                                                        PCAP_TSTAMP_PRECISION_NANO);
    pcap_dumper_t *dumper = pcap_dump_open(pcap, path);

    assert_non_null(dumper);
    for (unsigned i = 0; i < frames; i++) {
        int64_t ns = FIRST_NS + i * NS_PER_MS;
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
    const char *path = scratch_path(name);
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    static uint8_t bytes[LONG_FRAMES * PCAP_RECORD_BYTES + PCAP_HEADER_BYTES];
    size_t size = read_bytes(from, bytes, sizeof bytes);

    archive_write_set_format_raw(archive);
    assert_int_equal(add_filter(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_pathname(entry, "data");
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(archive, bytes, size), size);
    assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
    archive_entry_free(entry);
    return path;
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

static void test_links(void **state)
{
    static const int known[] = { DLT_EN10MB, DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_RAW,
                                 DLT_IPV4,   DLT_IPV6,      DLT_NULL,       DLT_LOOP };
    static const struct {
        int datalink;
        const char *words;
    } unknown[] = {
        { DLT_IEEE802_11_RADIO, "127 (IEEE802_11_RADIO)" },
        { DLT_USBPCAP, "249 (USBPCAP)" },
        { 65520, "65520 (unknown)" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        assert_int_equal(read_capture(write_pcap("known.pcap", known[i])).status, 0);
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        uint8_t bytes[CAPTURE_BYTES];
        const char *path;
        struct reading r;

        read_bytes(write_pcap("known.pcap", DLT_EN10MB), bytes, sizeof bytes);
        put_le32(bytes + 20, (uint32_t)unknown[i].datalink);
        path = write_bytes("unknown.pcap", bytes, sizeof bytes);
        r = read_capture(path);
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

/* Damaged on purpose: whatever they hold, reading comes to an end. */
static void test_hostile_captures(void **state)
{
    const char *captures = getenv("DAYSHIFT_CAPTURES");
    char folder[512];
    DIR *directory;
    const struct dirent *entry;
    unsigned files = 0;

    (void)state;
    if (captures == NULL)
        skip_because("DAYSHIFT_CAPTURES names no folder of captures");
    snprintf(folder, sizeof folder, "%s/hostile/derived", captures);
    directory = opendir(folder);
    if (directory == NULL)
        skip_because("DAYSHIFT_CAPTURES has no hostile/derived");
    while ((entry = readdir(directory)) != NULL) {
        char name[sizeof folder + sizeof entry->d_name + 1];
        struct reading r;

        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
        r = read_capture(name);
        if (r.status < 0)
            assert_message(r.err.text, name, ": ");
        files++;
    }
    closedir(directory);
    assert_true(files > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pcap),
        cmocka_unit_test(test_pcapng),
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
        cmocka_unit_test(test_pcapng_time_out_of_range),
        cmocka_unit_test(test_undecoded_frames_are_counted),
        cmocka_unit_test(test_position),
        cmocka_unit_test(test_standard_input),
        cmocka_unit_test(test_hostile_captures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
