/*
 * capture_read.h - a capture before what depends on the packets around: for those who put several
 * captures in order first.
 *
 * Private to this room.
 */
#ifndef CAPTURE_CAPTURE_READ_H
#define CAPTURE_CAPTURE_READ_H

#include "capture/capture_file.h"

enum { CAPTURE_MAX_IP_BYTES = 65535 /* of a packet are kept */ };

/* The time of the first frame. False: there is none, or it cannot be read. */
bool capture_file_first_time(struct capture_file *file, struct day_time *time);

/* Of memory: input_file_memory(). */
size_t capture_file_memory(const struct capture_file *file);

/*
 * As capture_file_next(), but *result may also be DECODE_FRAGMENT, duplicates come through, and the
 * counts are the caller's.
 */
int capture_file_read(struct capture_file *file, struct packet_view *view,
                      enum decode_result *result, struct capture_counts *counts, struct error *err);

#endif
