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
#include "net/decode.h"

struct captured_frame {
    struct day_time time;
    bool known_link; /* else `link` means nothing */
    enum decode_link link;
    uint16_t link_type;   /* the number of the file, or of the interface */
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

#endif
