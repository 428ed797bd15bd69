/*
 * record_file.h - a file of flow records, of whatever format, as log records.
 *
 * Text logs are read line by line; nfcapd files by the program nfdump. A line that cannot be read is left
 * out, counted, and the first one remembered; a file fails where it is more than one in a hundred (and
 * more than a few). Lines that hold something else than a flow of TCP, UDP or ping are counted by what
 * they are. One thread a file.
 *
 * A port that a log has made anonymous ("Port05507") is taken as the ephemeral port 49152 + number % 16384.
 */
#ifndef RECORDS_RECORD_FILE_H
#define RECORDS_RECORD_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/input_file.h"
#include "records/host_names.h"
#include "records/log_record.h"

struct record_options {
    const char *format;  /* by name, "zeek", as record_file.c has them; NULL: told by the first bytes */
    const char *columns; /* "start=ts,src=3,...": see column_map.h; NULL: the format knows them */
};

struct record_counts {
    uint64_t lines;   /* that should hold a record: the sum of the others */
    uint64_t records; /* given out */
    uint64_t other_protocol;
    uint64_t other_icmp; /* not ping */
    uint64_t empty;      /* without a packet */
    uint64_t malformed;
};

struct record_file; /* opaque */

/* Whether the input, of which nothing is taken, is a flow log of a format that is known. */
bool record_file_recognizes(struct input_file *input);

/*
 * Takes the input, also when it fails. `names` (borrowed) gets the opaque names of hosts; NULL: hosts
 * must be addresses. The options are borrowed for the call. NULL on failure.
 */
struct record_file *record_file_open(struct input_file *input, const struct record_options *options,
                                     struct host_names *names, struct error *err);

/* 1: *record is filled; 0: no more; -1: failed. */
int record_file_next(struct record_file *file, struct log_record *record, struct error *err);

void record_file_close(struct record_file *file); /* NULL is fine */

const char *record_file_format(const struct record_file *file);
const struct record_counts *record_file_counts(const struct record_file *file);

/* Once there are no more records: what was not as it should be, in one line; NULL: nothing. */
const char *record_file_damage(struct record_file *file);

/* Bytes read and in the file, for progress. Reading by nfdump counts as read at once. */
void record_file_position(const struct record_file *file, uint64_t *read, uint64_t *size);

#endif
