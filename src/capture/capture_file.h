/*
 * capture_file.h - reads a pcap or pcapng file, compressed or not, as packet views.
 *
 * The only user of libpcap for reading; libarchive takes off .gz, .xz, .zst and .bz2.
 */
#ifndef CAPTURE_CAPTURE_FILE_H
#define CAPTURE_CAPTURE_FILE_H

#include <stdint.h>

#include "base/error.h"
#include "dayshift/packet_view.h"
#include "net/decode.h"

struct capture_file; /* opaque */

struct capture_counts {
    uint64_t frames;                  /* read, decodable or not */
    uint64_t bytes;                   /* of these frames on the wire */
    uint64_t by_result[DECODE_RESULTS];
};

/*
 * Opens a file, or standard input for "-". A missing, empty or foreign file and an unknown
 * link type are errors that name the path and what was found. NULL on failure.
 */
struct capture_file *capture_file_open(const char *path, struct error *err);
void capture_file_close(struct capture_file *file); /* NULL is fine */

/*
 * The next packet that decodes: 1 with *view filled, 0 at the end, -1 on a read error
 * (a truncated file: the message names the path, the number of the frame that could not be
 * read and libpcap's or libarchive's words). Packets before the error were good.
 */
int capture_file_next(struct capture_file *file, struct packet_view *view, struct error *err);

const struct capture_counts *capture_file_counts(const struct capture_file *file);

/* Bytes read so far from the file as it lies on disk, and its size (0 for a pipe): for progress. */
void capture_file_position(const struct capture_file *file, uint64_t *read, uint64_t *size);

#endif
