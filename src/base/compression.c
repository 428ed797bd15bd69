#include "base/compression.h"

#include <string.h>

#include "base/cursor.h"

typedef uint64_t memory_of(struct cursor header); /* behind the magic number */

static memory_of memory_gzip, memory_bzip2, memory_xz, memory_zstd, memory_lz4;

static const struct {
    size_t size;
    uint8_t bytes[COMPRESSION_MAGIC_BYTES];
    memory_of *memory;
} magics[] = {
    { 2, { 0x1f, 0x8b }, memory_gzip },
    { 3, { 'B', 'Z', 'h' }, memory_bzip2 },
    { 6, { 0xfd, '7', 'z', 'X', 'Z', 0 }, memory_xz },
    { 4, { 0x28, 0xb5, 0x2f, 0xfd }, memory_zstd },
    { 4, { 0x04, 0x22, 0x4d, 0x18 }, memory_lz4 },
    { 4, { 0x02, 0x21, 0x4c, 0x18 }, memory_lz4 }, /* legacy */
};

/* The window, and what goes in and out. */
static uint64_t memory_gzip(struct cursor header)
{
    (void)header;
    return 128 * 1024;
}

/* 4 bytes for each of the block's, which has 900 kB nearly always. */
static uint64_t memory_bzip2(struct cursor header)
{
    (void)header;
    return 4 << 20;
}

/* Blocks of 4 MiB nearly always, and the same before them, which they refer to. */
static uint64_t memory_lz4(struct cursor header)
{
    (void)header;
    return 8 << 20;
}

/* ---- xz: "The .xz File Format", sections 2.1.1 and 3.1 ---- */

static uint64_t read_xz_number(struct cursor *c)
{
    uint64_t value = 0;
    uint8_t byte = 0x80;

    for (int shift = 0; shift < 63 && byte & 0x80; shift += 7) {
        byte = cursor_u8(c);
        value |= (uint64_t)(byte & 0x7f) << shift;
    }
    return value;
}

/* Section 5.3.1: 2^n or 3 * 2^(n - 1), of a byte that counts these. */
static uint64_t xz_dictionary(uint8_t code)
{
    return code < 40 ? (uint64_t)(2 | (code & 1)) << (code / 2 + 11) : UINT32_MAX;
}

static uint64_t memory_xz(struct cursor header)
{
    const uint64_t lzma2 = 0x21;
    uint64_t dictionary = 0;
    uint8_t flags;

    cursor_skip(&header, 2 + 4); /* of the stream */
    if (cursor_u8(&header) == 0)
        return 0; /* no block, but the index */
    flags = cursor_u8(&header);
    for (int sizes = !!(flags & 0x40) + !!(flags & 0x80); sizes > 0; sizes--)
        read_xz_number(&header);
    for (int filters = (flags & 3) + 1; filters > 0; filters--) {
        uint64_t filter = read_xz_number(&header);
        uint64_t size = read_xz_number(&header);
        struct cursor properties = cursor_sub(&header, size < header.left ? size : header.left);

        if (filter == lzma2 && size == 1)
            dictionary = xz_dictionary(cursor_u8(&properties));
    }
    return (header.failed ? 0 : dictionary) + 256 * 1024;
}

/* ---- zstd: RFC 8878, section 3.1.1.1 ---- */

static uint64_t read_le(struct cursor *c, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)cursor_u8(c) << 8 * i;
    return value;
}

static uint64_t zstd_window(struct cursor *header)
{
    static const size_t identifier_bytes[] = { 0, 1, 2, 4 };
    static const size_t content_bytes[] = { 1, 2, 4, 8 };
    const uint8_t single_segment = 0x20;
    uint8_t descriptor = cursor_u8(header);

    if (!(descriptor & single_segment)) {
        uint8_t window = cursor_u8(header);

        return (UINT64_C(1) << (10 + (window >> 3))) / 8 * (8 + (window & 7));
    }
    cursor_skip(header, identifier_bytes[descriptor & 3]);
    return read_le(header, content_bytes[descriptor >> 6]);
}

static uint64_t memory_zstd(struct cursor header)
{
    uint64_t window = zstd_window(&header);

    return (header.failed ? 0 : window) + 512 * 1024;
}

/* ---- all of them ---- */

static memory_of *find(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        if (size >= magics[i].size && memcmp(bytes, magics[i].bytes, magics[i].size) == 0)
            return magics[i].memory;
    }
    if (size >= 4 && (bytes[0] & 0xf0) == 0x50 && memcmp(bytes + 1, "\x2a\x4d\x18", 3) == 0)
        return memory_lz4; /* a frame to skip, before zstd or lz4 */
    return NULL;
}

bool compression_recognize(const uint8_t *bytes, size_t size)
{
    return find(bytes, size) != NULL;
}

uint64_t compression_memory(const uint8_t *bytes, size_t size)
{
    struct cursor header = cursor_of(bytes, size);
    memory_of *memory = find(bytes, size);

    if (memory == memory_xz)
        cursor_skip(&header, 6);
    else
        cursor_skip(&header, 4);
    return memory ? memory(header) : 0;
}
