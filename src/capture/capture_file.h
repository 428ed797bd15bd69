/*
 * capture_file.h - a capture as packet views: a pcap or pcapng file, or an interface.
 *
 * This room is the only user of libpcap for reading. Compression is base/input_file's matter.
 */
#ifndef CAPTURE_CAPTURE_FILE_H
#define CAPTURE_CAPTURE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/input_file.h"
#include "dayshift/packet_view.h"
#include "net/decode.h"

struct capture_file; /* opaque */

struct capture_options { /* zeros are the defaults */
    int64_t dedup_ns;    /* > 0: a packet that equals one so near in time is dropped */
    bool tunnels;        /* packets within tunnels are looked at instead of those around them */
    unsigned jobs;       /* of a set: threads, with the caller's; up to 1: no others */
    bool keep_bytes;     /* packets keep their bytes (view->ip) also when other threads read them */
    size_t max_bytes;    /* of memory that a set takes; 0: CAPTURE_MAX_BYTES_DEFAULT */
};

enum { CAPTURE_MAX_BYTES_DEFAULT = 256 << 20 };

/* Every frame is in one of by_result, unknown_link and duplicates. */
struct capture_counts {
    uint64_t frames; /* read, decodable or not */
    uint64_t bytes;  /* of these frames on the wire */
    uint64_t by_result[DECODE_RESULTS]; /* DECODE_FRAGMENT: whose first fragment did not come */
    uint64_t unknown_link;      /* of an interface whose link type is not supported */
    uint16_t unknown_link_type; /* the largest of these: link_type_name() */
    uint64_t duplicates;
    uint64_t dropped; /* by the kernel, of a live capture: not in `frames` */
};

void capture_counts_add(struct capture_counts *sum, const struct capture_counts *more);

enum { CAPTURE_MAGIC_BYTES = 4 };

/* Is a file that begins so a capture? From CAPTURE_MAGIC_BYTES bytes on. */
bool capture_file_recognizes(const uint8_t *bytes, size_t size);

/*
 * Opens an input, which is taken, also on failure. What is no capture, and an unknown link type of
 * a classic pcap file, are errors that name the input and what was found: NULL.
 */
struct capture_file *capture_file_open(struct input_file *input,
                                       const struct capture_options *options, struct error *err);

/* Opens an interface; NULL when that fails. Another interface is another capture. */
struct capture_file *capture_live_open(const char *interface,
                                       const struct capture_options *options, struct error *err);

void capture_file_close(struct capture_file *file); /* NULL is fine */

/*
 * The next packet that decodes: 1 with *view filled, 0 at the end, -1 at damage (the message names
 * the input, the number of the frame that could not be read, and why). Packets before the damage
 * were good. Of a live capture also 2: nothing yet, or about a second has passed since the last 2,
 * whatever came meanwhile. That is when the caller looks at clock and signals.
 */
int capture_file_next(struct capture_file *file, struct packet_view *view, struct error *err);

/*
 * The next frame, whatever it is: 1 with what became of it in *result, and of *view what decode_frame() says, its time
 * and its number; 0 and -1 as above. Nothing is counted or left out. A later fragment whose first one came before has
 * its ports, and is DECODE_OK. DECODE_NOT_IP also when the link type is not known.
 */
int capture_file_next_frame(struct capture_file *file, struct packet_view *view, enum decode_result *result,
                            struct error *err);

/* Valid as long as the file; as of this call. */
const struct capture_counts *capture_file_counts(struct capture_file *file);

/* Bytes read so far from the file as it lies on disk, and its size (0 for a pipe): for progress. */
void capture_file_position(const struct capture_file *file, uint64_t *read, uint64_t *size);

#endif
