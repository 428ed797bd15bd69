/*
 * Classic pcap files: a header of 24 bytes, then records of one frame each (draft-ietf-opsawg-pcap), read
 * where they lie in the window. In either byte order, with microseconds or nanoseconds, also with the longer
 * records of Kuznetzov's patch and with the lengths the other way round, as versions before 2.3 wrote them.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "capture/frame_reader.h"
#include "capture/link_type.h"

enum {
    FILE_HEADER = 24,
    RECORD_HEADER = 16,
    PATCHED_RECORD_HEADER = 24,
    MAX_CAPTURED = 262144, /* what no frame is longer than; libpcap's limit as well */
    VERSION_MAJOR = 2,
    VERSION_DG_UX = 543,        /* with the minor 0: lengths swapped */
    FIRST_MINOR_IN_ORDER = 4,   /* of 2.3 some are swapped, of older ones all */
    LINK_TYPE_RESERVED = 0x03ff0000
};

enum magic { MICROSECONDS = 0xa1b2c3d4, NANOSECONDS = 0xa1b23c4d, PATCHED = 0xa1b2cd34 };

struct pcap_reader {
    struct frame_reader reader;
    struct input_file *input;
    bool big_endian;
    uint32_t unit_ns; /* of the fraction of a second */
    size_t record_header;
    bool lengths_swapped;       /* in every record */
    bool lengths_maybe_swapped; /* where otherwise more was captured than there was */
    uint16_t link_type;
    enum decode_link link;
    size_t record_bytes; /* of the frame given last: not taken yet */
};

static uint32_t u32_le(const uint8_t *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static uint32_t u32(const struct pcap_reader *pcap, const uint8_t *at)
{
    uint32_t little = u32_le(at);

    return pcap->big_endian ? __builtin_bswap32(little) : little;
}

static bool is_magic(uint32_t magic)
{
    return magic == MICROSECONDS || magic == NANOSECONDS || magic == PATCHED;
}

bool pcap_reader_recognizes(const uint8_t *bytes)
{
    uint32_t magic = u32_le(bytes);

    return is_magic(magic) || is_magic(__builtin_bswap32(magic));
}

static int cut_short(const struct pcap_reader *pcap, const char *what, size_t got, size_t wanted,
                     struct error *err)
{
    const char *damage = input_file_damage(pcap->input);

    return damage ? error_set(err, "%s", damage)
                  : error_set(err, "%s is cut short: %zu of %zu bytes", what, got, wanted);
}

static void swap_lengths(const struct pcap_reader *pcap, struct captured_frame *frame)
{
    uint32_t captured = frame->captured;

    if (pcap->lengths_swapped || (pcap->lengths_maybe_swapped && captured > frame->original)) {
        frame->captured = frame->original;
        frame->original = captured;
    }
}

static struct day_time time_of(const struct pcap_reader *pcap, const uint8_t *record)
{
    __int128 ns = (__int128)u32(pcap, record + 4) * pcap->unit_ns;

    if (ns >= NS_PER_SECOND)
        ns = NS_PER_SECOND - 1;
    return frame_time((__int128)u32(pcap, record) * NS_PER_SECOND + ns);
}

static int next(struct frame_reader *reader, struct captured_frame *frame, struct error *err)
{
    struct pcap_reader *pcap = (struct pcap_reader *)reader;
    const uint8_t *record;
    size_t got;

    input_file_skip(pcap->input, pcap->record_bytes);
    pcap->record_bytes = 0;
    record = input_file_peek(pcap->input, pcap->record_header, &got);
    if (got == 0 && input_file_damage(pcap->input) == NULL)
        return 0;
    if (got < pcap->record_header)
        return cut_short(pcap, "its header", got, pcap->record_header, err);
    frame->time = time_of(pcap, record);
    frame->known_link = true;
    frame->link = pcap->link;
    frame->link_type = pcap->link_type;
    frame->captured = u32(pcap, record + 8);
    frame->original = u32(pcap, record + 12);
    swap_lengths(pcap, frame);
    if (frame->captured > MAX_CAPTURED)
        return error_set(err, "its captured length %u is more than %d", frame->captured, MAX_CAPTURED);
    record = input_file_peek(pcap->input, pcap->record_header + frame->captured, &got);
    if (got < pcap->record_header + frame->captured)
        return cut_short(pcap, "it", got - pcap->record_header, frame->captured, err);
    frame->bytes = record + pcap->record_header;
    pcap->record_bytes = got;
    return 1;
}

static void close_reader(struct frame_reader *reader)
{
    free(reader);
}

static int read_version(struct pcap_reader *pcap, const uint8_t *header, struct error *err)
{
    uint16_t first = (uint16_t)(header[5] << 8 | header[4]);
    uint16_t second = (uint16_t)(header[7] << 8 | header[6]);
    uint16_t major = pcap->big_endian ? __builtin_bswap16(first) : first;
    uint16_t minor = pcap->big_endian ? __builtin_bswap16(second) : second;

    if (major == VERSION_DG_UX && minor == 0) {
        pcap->lengths_swapped = true;
        return 0;
    }
    if (major != VERSION_MAJOR)
        return error_set(err, "%s: pcap version %u.%u is not supported: 2.0 to 2.4 are",
                         input_file_name(pcap->input), major, minor);
    pcap->lengths_swapped = minor < FIRST_MINOR_IN_ORDER - 1;
    pcap->lengths_maybe_swapped = minor == FIRST_MINOR_IN_ORDER - 1;
    return 0;
}

static int read_header(struct pcap_reader *pcap, struct error *err)
{
    const char *name = input_file_name(pcap->input);
    uint32_t magic;
    uint32_t link_type;
    size_t got;
    const uint8_t *header = input_file_peek(pcap->input, FILE_HEADER, &got);

    if (got < FILE_HEADER) {
        cut_short(pcap, "the file's header", got, FILE_HEADER, err);
        return error_prefix(err, "%s: not a readable capture", name);
    }
    pcap->big_endian = !is_magic(u32_le(header));
    magic = u32(pcap, header);
    pcap->unit_ns = magic == NANOSECONDS ? 1 : 1000;
    pcap->record_header = magic == PATCHED ? PATCHED_RECORD_HEADER : RECORD_HEADER;
    if (read_version(pcap, header, err) < 0)
        return -1;
    link_type = u32(pcap, header + 20); /* its top bits tell of check sums behind the frames */
    pcap->link_type = (uint16_t)link_type;
    if ((link_type & LINK_TYPE_RESERVED) || !link_type_decode(pcap->link_type, &pcap->link))
        return link_type_error(name, (int)(link_type & ~0xfc000000), err);
    input_file_skip(pcap->input, FILE_HEADER);
    return 0;
}

struct frame_reader *pcap_reader_open(struct input_file *input, struct error *err)
{
    static const struct frame_reader_operations operations = { next, NULL, close_reader };
    struct pcap_reader *pcap = memory_alloc(sizeof *pcap);

    pcap->reader.operations = &operations;
    pcap->input = input;
    if (read_header(pcap, err) == 0)
        return &pcap->reader;
    free(pcap);
    return NULL;
}
