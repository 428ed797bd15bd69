/*
 * compression.h - what the first bytes of a file tell of its compression, and of the memory that it
 * takes to undo it.
 */
#ifndef BASE_COMPRESSION_H
#define BASE_COMPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    COMPRESSION_MAGIC_BYTES = 6,
    COMPRESSION_HEAD_BYTES = 12 + 1024 /* of xz: no header is longer */
};

/* gzip, bzip2, xz, zstd, lz4? From COMPRESSION_MAGIC_BYTES bytes on, or all of a file. */
bool compression_recognize(const uint8_t *bytes, size_t size);

/*
 * What a decompressor takes, in bytes, from COMPRESSION_HEAD_BYTES bytes on, or all of a file. Of xz
 * and zstd it is what the header of the first block or frame says: later ones may say more.
 */
uint64_t compression_memory(const uint8_t *bytes, size_t size);

#endif
