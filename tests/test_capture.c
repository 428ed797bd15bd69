#include "support.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/capture_file.h"
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

/* Reads to the end; status -1 and no packets when the file does not open. */
static struct reading read_capture(const char *path)
{
    struct reading r = { .status = -1 };
    struct capture_file *file = capture_file_open(path, &r.err);
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

/* One section, one interface with nanoseconds, enhanced packet blocks; little-endian. */
static size_t build_pcapng(uint8_t *to)
{
    static const uint8_t section[] = { 0x0a, 0x0d, 0x0d, 0x0a, 28,   0,    0,    0,    0x4d, 0x3c,
                                       0x2b, 0x1a, 1,    0,    0,    0,    0xff, 0xff, 0xff, 0xff,
                                       0xff, 0xff, 0xff, 0xff, 28,   0,    0,    0 };
    static const uint8_t interface[] = { 1, 0, 0, 0, 32, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
                                         9, 0, 1, 0, 9,  0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0 };
    const uint32_t block_bytes = 32 + FRAME_BYTES;
    uint8_t *at = to;

    memcpy(at, section, sizeof section);
    at += sizeof section;
    memcpy(at, interface, sizeof interface);
    at += sizeof interface;
    for (uint16_t i = 0; i < CAPTURE_FRAMES; i++) {
        int64_t ns = FIRST_NS + i * NS_PER_MS;
        const uint32_t words[] = { 6, block_bytes, 0, (uint32_t)(ns >> 32), (uint32_t)ns,
                                   FRAME_BYTES, FRAME_BYTES };

        for (size_t w = 0; w < sizeof words / sizeof words[0]; w++, at += 4)
            put_le32(at, words[w]);
        build_frame(at, i);
        at += FRAME_BYTES;
        put_le32(at, block_bytes);
        at += 4;
    }
    return (size_t)(at - to);
}

static void test_pcapng(void **state)
{
    uint8_t bytes[512];
    size_t size = build_pcapng(bytes);
    struct reading r = read_capture(write_bytes("a.pcapng", bytes, size));

    (void)state;
    assert_whole(&r);
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
        struct capture_file *file = capture_file_open(cases[i].path, &err);

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
    uint8_t bytes[512];
    size_t size = build_pcapng(bytes);

    (void)state;
    for (size_t cut = 1; cut < size; cut++) {
        struct reading r = read_capture(write_bytes("cut.pcapng", bytes, cut));

        assert_true(r.packets < CAPTURE_FRAMES);
        for (size_t i = 0; i < r.packets; i++)
            assert_packet(&r.views[i], i);
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
        { 5, 0xfffffff0, INT64_C(5000000000) }, /* signed to libpcap */
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

/* 64 bits of nanoseconds: the last year a pcapng file can name is 2554. */
static void test_pcapng_time_out_of_range(void **state)
{
    uint8_t bytes[512];
    size_t size = build_pcapng(bytes);
    struct reading r;

    (void)state;
    memset(bytes + 28 + 32 + 12, 0xff, 8);
    r = read_capture(write_bytes("time.pcapng", bytes, size));
    assert_int_equal(r.packets, CAPTURE_FRAMES);
    assert_in_range(r.views[0].time.ns, FIRST_NS, INT64_MAX / 2);
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
    struct capture_file *file = capture_file_open(write_pcap("a.pcap", DLT_EN10MB), &err);
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
