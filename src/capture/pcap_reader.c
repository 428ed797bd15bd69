/*
 * pcap files as nearly all are: version 2.4, micro- or nanoseconds, either byte order. Frames are
 * given where they lie in the window: through libpcap and a stream they would be copied twice.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "capture/frame_reader.h"
#include "capture/link_type.h"

enum {
    FILE_HEADER = 24,
    RECORD_HEADER = 16,
    MAX_FRAME = 262144 /* as libpcap, and Wireshark */
};

struct pcap_reader {
    struct frame_reader reader;
    struct input_file *input;
    bool big_endian;
    uint32_t ns_per_unit;
    uint16_t link_type;
    enum decode_link link;
    size_t record_bytes; /* of the frame given last: not taken yet */
};

static uint32_t u32(bool big_endian, const uint8_t *at)
{
    uint32_t big = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];

    return big_endian ? big : __builtin_bswap32(big);
}

/* 0 and what it tells, or -1: it is another kind of file. */
static int read_header(struct pcap_reader *pcap)
{
    size_t got;
    const uint8_t *bytes = input_file_peek(pcap->input, FILE_HEADER, &got);
    uint32_t magic;

    if (got < FILE_HEADER)
        return -1;
    pcap->big_endian = bytes[0] == 0xa1;
    magic = u32(pcap->big_endian, bytes);
    if (magic != 0xa1b2c3d4 && magic != 0xa1b23c4d)
        return -1;
    if (u32(pcap->big_endian, bytes + 4) != (pcap->big_endian ? 0x00020004 : 0x00040002))
        return -1; /* not version 2.4 */
    pcap->ns_per_unit = magic == 0xa1b2c3d4 ? 1000 : 1;
    pcap->link_type = (uint16_t)u32(pcap->big_endian, bytes + 20); /* above: the length of the FCS */
    return 0;
}

/* A fraction of a second or more is foreign: it does not leave its second. */
static struct day_time time_of(const struct pcap_reader *pcap, const uint8_t *header)
{
    uint64_t ns = (uint64_t)u32(pcap->big_endian, header + 4) * pcap->ns_per_unit;

    if (ns >= NS_PER_SECOND)
        ns = NS_PER_SECOND - 1;
    return frame_time((__int128)u32(pcap->big_endian, header) * NS_PER_SECOND + (int64_t)ns);
}

static int cut_short(struct pcap_reader *pcap, const char *what, size_t size, size_t got,
                     struct error *err)
{
    const char *damage = input_file_damage(pcap->input);

    if (damage != NULL)
        return error_set(err, "%s", damage);
    return error_set(err, "truncated: %zu of %zu bytes of its %s are there", got, size, what);
}

static int next(struct frame_reader *reader, struct captured_frame *frame, struct error *err)
{
    struct pcap_reader *pcap = (struct pcap_reader *)reader;
    const uint8_t *bytes;
    size_t size;
    size_t got;

    input_file_skip(pcap->input, pcap->record_bytes);
    pcap->record_bytes = 0;
    bytes = input_file_peek(pcap->input, RECORD_HEADER, &got);
    if (got == 0 && input_file_damage(pcap->input) == NULL)
        return 0;
    if (got < RECORD_HEADER)
        return cut_short(pcap, "header", RECORD_HEADER, got, err);
    frame->captured = u32(pcap->big_endian, bytes + 8);
    if (frame->captured > MAX_FRAME)
        return error_set(err, "%u bytes captured, more than %d", frame->captured, MAX_FRAME);
    size = RECORD_HEADER + frame->captured;
    bytes = input_file_peek(pcap->input, size, &got);
    if (got < size)
        return cut_short(pcap, "data", frame->captured, got - RECORD_HEADER, err);
    frame->time = time_of(pcap, bytes);
    frame->known_link = true;
    frame->link = pcap->link;
    frame->link_type = pcap->link_type;
    frame->bytes = bytes + RECORD_HEADER;
    frame->original = u32(pcap->big_endian, bytes + 12);
    pcap->record_bytes = size;
    return 1;
}

static void close_reader(struct frame_reader *reader)
{
    free(reader);
}

struct frame_reader *pcap_reader_open(struct input_file *input, struct error *err)
{
    static const struct frame_reader_operations operations = { next, NULL, close_reader };
    struct pcap_reader pcap = { .reader.operations = &operations, .input = input };
    struct pcap_reader *kept;

    read_header(&pcap); /* which was looked at to come here */
    if (!link_type_decode(pcap.link_type, &pcap.link)) {
        link_type_error(input_file_name(input), pcap.link_type, err);
        return NULL;
    }
    input_file_skip(input, FILE_HEADER);
    kept = memory_alloc(sizeof *kept);
    *kept = pcap;
    return &kept->reader;
}

bool pcap_reader_recognizes(struct input_file *input)
{
    struct pcap_reader pcap = { .input = input };

    return read_header(&pcap) == 0;
}
