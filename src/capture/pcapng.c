/*
 * pcapng files: sections in either byte order, each with interfaces of its own, whose link types,
 * snap lengths and resolutions of time may differ (draft-ietf-opsawg-pcapng). libpcap refuses
 * interfaces that differ, so this is a reader of its own.
 *
 * A length that contradicts another, an interface that was not described and a block that was cut
 * are damage: nothing behind them can be trusted. Blocks of other kinds are skipped.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "capture/frame_reader.h"

enum block_type {
    BLOCK_SECTION = 0x0a0d0d0a, /* the same in either order */
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 2, /* obsolete */
    BLOCK_SIMPLE_PACKET = 3,
    BLOCK_ENHANCED_PACKET = 6
};

enum option_code { OPTION_END = 0, OPTION_RESOLUTION = 9, OPTION_OFFSET = 14 };

enum {
    BLOCK_HEADER = 8, /* type and length */
    BLOCK_FRAMING = 12, /* the same and the length once more */
    MAX_BLOCK = 16 << 20,    /* of those whose content matters; bounds the window */
    MAX_PACKET_BLOCK = 512 * 1024, /* frames are at most 256 KiB; stays in the window for long */
    SKIP_BYTES = 128 * 1024, /* taken at once of those that do not */
    MAX_INTERFACES = 65536,  /* of a section: 2 MiB */
    MICROSECONDS = 6
};

static const uint32_t byte_order_magic = 0x1a2b3c4d;

struct interface {
    struct link_type link;
    uint32_t snaplen;   /* 0: none */
    uint8_t resolution; /* if_tsresol: 10^-n seconds, or 2^-n with the top bit */
    int64_t offset_s;   /* added to the times */
};

struct pcapng_reader {
    struct frame_reader reader;
    struct input_file *input;
    bool big_endian;
    struct interface *interfaces; /* of the section */
    size_t interface_count, interface_capacity;
    struct day_time newest; /* of the frame before: simple packets carry no time */
    size_t block_bytes;     /* of the block that holds the frame given last: not taken yet */
};

/* ---- time ---- */

/*
 * Units since 1970 to nanoseconds. No product leaves 128 bits; resolutions beyond those which
 * 64 bits of units can tell from 0 give 0.
 */
static __int128 nanoseconds(uint64_t units, uint8_t resolution)
{
    unsigned exponent = resolution & 0x7f;
    unsigned __int128 ns = units;

    if (resolution & 0x80)
        return exponent < 100 ? (__int128)(ns * NS_PER_SECOND >> exponent) : 0;
    for (; exponent < 9; exponent++)
        ns *= 10;
    for (; exponent > 9 && ns > 0; exponent--)
        ns /= 10;
    return (__int128)ns;
}

static struct day_time time_of(const struct interface *interface, uint64_t units)
{
    return frame_time(nanoseconds(units, interface->resolution) +
                      (__int128)interface->offset_s * NS_PER_SECOND);
}

/* ---- blocks ---- */

/* The whole block, which is `size` bytes by its own word. NULL: damage. */
static const uint8_t *peek_block(struct pcapng_reader *ng, uint32_t size, uint32_t limit,
                                 struct error *err)
{
    const uint8_t *block;
    uint32_t again;
    size_t got;

    if (size > limit) {
        error_set(err, "a block of %u bytes is too long", size);
        return NULL;
    }
    block = input_file_peek(ng->input, size, &got);
    if (got < size) {
        frame_cut_short(ng->input, err, "truncated block");
        return NULL;
    }
    again = frame_u32(ng->big_endian, block + size - 4);
    if (again != size) {
        error_set(err, "a block of %u bytes ends as one of %u", size, again);
        return NULL;
    }
    return block;
}

/* A kind of no interest, however long. */
static int skip_block(struct pcapng_reader *ng, uint32_t size, struct error *err)
{
    while (size > 0) {
        size_t piece = size < SKIP_BYTES ? size : SKIP_BYTES;
        size_t got;

        input_file_peek(ng->input, piece, &got);
        if (got < piece)
            return frame_cut_short(ng->input, err, "truncated block");
        input_file_skip(ng->input, piece);
        size -= (uint32_t)piece;
    }
    return 0;
}

/* Sets the order of what follows, before the length of this block can be read. */
static int begin_section(struct pcapng_reader *ng, struct error *err)
{
    enum { SECTION_BYTES = 28 };
    size_t got;
    const uint8_t *block = input_file_peek(ng->input, SECTION_BYTES, &got);
    uint32_t size;

    if (got < SECTION_BYTES)
        return frame_cut_short(ng->input, err, "truncated section header");
    ng->big_endian = true;
    if (frame_u32(ng->big_endian, block + 8) != byte_order_magic)
        ng->big_endian = false;
    if (frame_u32(ng->big_endian, block + 8) != byte_order_magic)
        return error_set(err, "a section of unknown byte order");
    if (frame_u16(ng->big_endian, block + 12) != 1)
        return error_set(err, "a section of version %u.%u", frame_u16(ng->big_endian, block + 12),
                         frame_u16(ng->big_endian, block + 14));
    size = frame_u32(ng->big_endian, block + 4);
    if (size < SECTION_BYTES || size % 4 != 0)
        return error_set(err, "a section header of %u bytes", size);
    if (peek_block(ng, size, MAX_BLOCK, err) == NULL)
        return -1;
    input_file_skip(ng->input, size);
    ng->interface_count = 0;
    return 0;
}

static int read_option(const struct pcapng_reader *ng, struct interface *interface, unsigned code,
                       const uint8_t *value, unsigned size, struct error *err)
{
    if ((code == OPTION_RESOLUTION && size != 1) || (code == OPTION_OFFSET && size != 8))
        return error_set(err, "an interface's option %u of %u bytes", code, size);
    if (code == OPTION_RESOLUTION)
        interface->resolution = value[0];
    if (code == OPTION_OFFSET)
        interface->offset_s = (int64_t)frame_u64(ng->big_endian, value);
    return 0;
}

static int read_options(const struct pcapng_reader *ng, struct interface *interface,
                        const uint8_t *at, size_t left, struct error *err)
{
    while (left >= 4) {
        unsigned code = frame_u16(ng->big_endian, at);
        unsigned size = frame_u16(ng->big_endian, at + 2);
        size_t padded = (size + 3u) / 4 * 4;

        if (code == OPTION_END)
            return 0;
        if (padded > left - 4)
            return error_set(err, "an interface's option of %u bytes is longer than its block", size);
        if (read_option(ng, interface, code, at + 4, size, err) < 0)
            return -1;
        at += 4 + padded;
        left -= 4 + padded;
    }
    return 0;
}

static int add_interface(struct pcapng_reader *ng, const uint8_t *block, uint32_t size,
                         struct error *err)
{
    enum { OPTIONS = 16 };
    struct interface interface = { .resolution = MICROSECONDS };

    if (size < OPTIONS + 4)
        return error_set(err, "an interface block of %u bytes", size);
    if (ng->interface_count == MAX_INTERFACES)
        return error_set(err, "more than %d interfaces", MAX_INTERFACES);
    interface.link = link_type_of(frame_u16(ng->big_endian, block + 8));
    interface.snaplen = frame_u32(ng->big_endian, block + 12);
    if (read_options(ng, &interface, block + OPTIONS, size - OPTIONS - 4, err) < 0)
        return -1;
    ng->interfaces = memory_grow(ng->interfaces, &ng->interface_capacity, ng->interface_count + 1,
                                 sizeof *ng->interfaces);
    ng->interfaces[ng->interface_count++] = interface;
    return 0;
}

/* ---- packets ---- */

/* Interface `number`, or NULL: it was not described. */
static const struct interface *find_interface(const struct pcapng_reader *ng, uint32_t number,
                                              struct error *err)
{
    if (number < ng->interface_count)
        return &ng->interfaces[number];
    error_set(err, "a packet of interface %u, of %zu", number, ng->interface_count);
    return NULL;
}

/* An enhanced packet, or an obsolete one, which differs in its first word. */
static int read_packet(struct pcapng_reader *ng, const uint8_t *block, uint32_t size,
                       struct captured_frame *frame, struct error *err)
{
    enum { DATA = 28 };
    const bool big = ng->big_endian;
    const struct interface *interface;
    uint32_t number;

    if (size < DATA + 4)
        return error_set(err, "a packet block of %u bytes", size);
    number = frame_u32(big, block) == BLOCK_PACKET ? frame_u16(big, block + 8) : frame_u32(big, block + 8);
    interface = find_interface(ng, number, err);
    if (interface == NULL)
        return -1;
    frame->captured = frame_u32(ng->big_endian, block + 20);
    frame->original = frame_u32(ng->big_endian, block + 24);
    frame->bytes = block + DATA;
    if (frame->captured > size - DATA - 4)
        return error_set(err, "%u bytes of a packet in a block of %u", frame->captured, size);
    frame->time = time_of(interface, (uint64_t)frame_u32(big, block + 12) << 32 | frame_u32(big, block + 16));
    frame->link = interface->link;
    return 1;
}

/* It is of the first interface, as long as the snap length allowed, and of the time before. */
static int read_simple_packet(struct pcapng_reader *ng, const uint8_t *block, uint32_t size,
                              struct captured_frame *frame, struct error *err)
{
    enum { DATA = 12 };
    const struct interface *interface = find_interface(ng, 0, err);

    if (interface == NULL)
        return -1;
    if (size < DATA + 4)
        return error_set(err, "a simple packet block of %u bytes", size);
    frame->original = frame_u32(ng->big_endian, block + 8);
    frame->captured = frame->original;
    if (interface->snaplen > 0 && frame->captured > interface->snaplen)
        frame->captured = interface->snaplen;
    if (frame->captured > size - DATA - 4)
        return error_set(err, "%u bytes of a packet in a block of %u", frame->captured, size);
    frame->bytes = block + DATA;
    frame->time = ng->newest;
    frame->link = interface->link;
    return 1;
}

/* One block: 1 with a frame, 0 without one, -1 damage. */
static int read_block(struct pcapng_reader *ng, uint32_t type, uint32_t size,
                      struct captured_frame *frame, struct error *err)
{
    const bool packet = type != BLOCK_INTERFACE;
    const uint8_t *block = peek_block(ng, size, packet ? MAX_PACKET_BLOCK : MAX_BLOCK, err);
    int status;

    if (block == NULL)
        return -1;
    if (!packet) {
        status = add_interface(ng, block, size, err);
        input_file_skip(ng->input, size);
        return status;
    }
    status = type == BLOCK_SIMPLE_PACKET ? read_simple_packet(ng, block, size, frame, err)
                                         : read_packet(ng, block, size, frame, err);
    if (status == 1) {
        ng->newest = frame->time;
        ng->block_bytes = size;
    }
    return status;
}

static bool matters(uint32_t type)
{
    return type == BLOCK_ENHANCED_PACKET || type == BLOCK_INTERFACE || type == BLOCK_PACKET ||
           type == BLOCK_SIMPLE_PACKET;
}

static int next(struct frame_reader *reader, struct captured_frame *frame, struct error *err)
{
    struct pcapng_reader *ng = (struct pcapng_reader *)reader;
    int status = 0;

    input_file_skip(ng->input, ng->block_bytes);
    ng->block_bytes = 0;
    while (status == 0) {
        size_t got;
        const uint8_t *header = input_file_peek(ng->input, BLOCK_HEADER, &got);
        uint32_t type;
        uint32_t size;

        if (got == 0 && input_file_damage(ng->input) == NULL)
            return 0;
        if (got < BLOCK_HEADER)
            return frame_cut_short(ng->input, err, "truncated block");
        type = frame_u32(ng->big_endian, header);
        if (type == BLOCK_SECTION) {
            status = begin_section(ng, err);
            continue;
        }
        size = frame_u32(ng->big_endian, header + 4);
        if (size < BLOCK_FRAMING || size % 4 != 0)
            return error_set(err, "a block of %u bytes", size);
        status = matters(type) ? read_block(ng, type, size, frame, err) : skip_block(ng, size, err);
    }
    return status;
}

static void close_reader(struct frame_reader *reader)
{
    struct pcapng_reader *ng = (struct pcapng_reader *)reader;

    free(ng->interfaces);
    free(ng);
}

struct frame_reader *pcapng_reader_open(struct input_file *input, struct error *err)
{
    static const struct frame_reader_operations operations = { next, NULL, close_reader };
    struct pcapng_reader *ng = memory_alloc(sizeof *ng);
    struct error words = { "" };

    ng->reader.operations = &operations;
    ng->input = input;
    if (begin_section(ng, &words) == 0)
        return &ng->reader;
    error_set(err, "%s: not a readable capture: %s", input_file_name(input), words.text);
    close_reader(&ng->reader);
    return NULL;
}

bool pcapng_reader_recognizes(struct input_file *input)
{
    size_t got;
    const uint8_t *bytes = input_file_peek(input, 4, &got);

    return got == 4 && memcmp(bytes, "\x0a\x0d\x0d\x0a", 4) == 0;
}
