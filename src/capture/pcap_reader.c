/*
 * pcap files as nearly all are: version 2.4, micro- or nanoseconds, either byte order. Frames are
 * given where they lie in the window: through libpcap and a stream they would be copied twice.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "capture/frame_reader.h"

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
    struct link_type link;
    size_t record_bytes; /* of the frame given last: not taken yet */
};

/* 0 and what it tells, or -1: it is another kind of file. */
static int read_header(struct pcap_reader *pcap)
{
    size_t got;
    const uint8_t *bytes = input_file_peek(pcap->input, FILE_HEADER, &got);
    uint32_t magic;

    if (got < FILE_HEADER)
        return -1;
    pcap->big_endian = bytes[0] == 0xa1;
    magic = frame_u32(pcap->big_endian, bytes);
    if (magic != 0xa1b2c3d4 && magic != 0xa1b23c4d)
        return -1;
    if (frame_u32(pcap->big_endian, bytes + 4) != (pcap->big_endian ? 0x00020004 : 0x00040002))
        return -1; /* not version 2.4 */
    pcap->ns_per_unit = magic == 0xa1b2c3d4 ? 1000 : 1;
    pcap->link = link_type_of((uint16_t)frame_u32(pcap->big_endian, bytes + 20)); /* above: the FCS */
    return 0;
}

/* A fraction of a second or more is foreign: it does not leave its second. */
static struct day_time time_of(const struct pcap_reader *pcap, const uint8_t *header)
{
    uint64_t ns = (uint64_t)frame_u32(pcap->big_endian, header + 4) * pcap->ns_per_unit;

    if (ns >= NS_PER_SECOND)
        ns = NS_PER_SECOND - 1;
    return frame_time((__int128)frame_u32(pcap->big_endian, header) * NS_PER_SECOND + (int64_t)ns);
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
        return frame_cut_short(pcap->input, err, "truncated: %zu of %d bytes of its header are there",
                               got, RECORD_HEADER);
    frame->captured = frame_u32(pcap->big_endian, bytes + 8);
    if (frame->captured > MAX_FRAME)
        return error_set(err, "%u bytes captured, more than %d", frame->captured, MAX_FRAME);
    size = RECORD_HEADER + frame->captured;
    bytes = input_file_peek(pcap->input, size, &got);
    if (got < size)
        return frame_cut_short(pcap->input, err, "truncated: %zu of %u bytes of its data are there",
                               got - RECORD_HEADER, frame->captured);
    frame->time = time_of(pcap, bytes);
    frame->link = pcap->link;
    frame->bytes = bytes + RECORD_HEADER;
    frame->original = frame_u32(pcap->big_endian, bytes + 12);
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
    if (!pcap.link.known) {
        link_type_error(input_file_name(input), pcap.link, err);
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
