/*
 * frame_reader.h - where captured frames come from. One table of functions, one file per kind.
 *
 * Private to this room.
 */
#ifndef CAPTURE_FRAME_READER_H
#define CAPTURE_FRAME_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/input_file.h"
#include "base/time_types.h"
#include "capture/link_type.h"

struct captured_frame {
    struct day_time time;
    struct link_type link;
    const uint8_t *bytes; /* borrowed, until the next read */
    uint32_t captured;    /* bytes that are there */
    uint32_t original;    /* bytes on the wire, as far as the file tells the truth */
};

struct frame_reader;

struct frame_reader_operations {
    /* 1 with *frame, 0 at the end, -1 at damage with the bare words in *err, 2: nothing yet. */
    int (*next)(struct frame_reader *reader, struct captured_frame *frame, struct error *err);
    uint64_t (*dropped)(struct frame_reader *reader); /* by the kernel, so far; NULL: none ever */
    void (*close)(struct frame_reader *reader);
};

struct frame_reader {
    const struct frame_reader_operations *operations;
};

/* These borrow the input, of which nothing is taken yet. NULL with the whole message in *err. */
struct frame_reader *pcap_reader_open(struct input_file *input, struct error *err);
struct frame_reader *pcap_dialect_open(struct input_file *input, struct error *err);
struct frame_reader *pcapng_reader_open(struct input_file *input, struct error *err);

struct frame_reader *live_reader_open(const char *interface, struct error *err);

/* Is it a file of that kind? What is neither may be a dialect of pcap. Takes nothing. */
bool pcap_reader_recognizes(struct input_file *input);
bool pcapng_reader_recognizes(struct input_file *input);

/*
 * Times come from foreign files. They are brought into 1970 to 2116, half of what 64 bits hold: any
 * two times can be subtracted.
 */
struct day_time frame_time(__int128 ns);

/* Why the input has fewer bytes than its headers say: its own damage, or these words. -1. */
int frame_cut_short(const struct input_file *input, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- numbers in the order of the file; the bytes are there by the caller's word ---- */

static inline uint16_t frame_u16(bool big_endian, const uint8_t *at)
{
    return (uint16_t)(big_endian ? at[0] << 8 | at[1] : at[1] << 8 | at[0]);
}

static inline uint32_t frame_u32(bool big_endian, const uint8_t *at)
{
    uint32_t big = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];

    return big_endian ? big : __builtin_bswap32(big);
}

static inline uint64_t frame_u64(bool big_endian, const uint8_t *at)
{
    uint64_t first = frame_u32(big_endian, at);
    uint64_t second = frame_u32(big_endian, at + 4);

    return big_endian ? first << 32 | second : second << 32 | first;
}

#endif
