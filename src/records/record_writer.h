/*
 * record_writer.h - flow records to a file, in a format that record_file.h (and nfdump) reads back.
 *
 * A file is there whole or not at all. Records are encoded into batches, which any thread may do, each its own;
 * the writer takes batches in the order in which they are to stand. Who has one thread gives it record by
 * record.
 *
 * What is written of a flow: its ends, protocol, start, duration, packets and bytes each way, TCP flags; "json"
 * also payload, and how the connection ended. Times are cut to microseconds, in nfcapd files to milliseconds.
 */
#ifndef RECORDS_RECORD_WRITER_H
#define RECORDS_RECORD_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "base/time_types.h"
#include "dayshift/flow_record.h"

struct record_encoding; /* one format: see record_encoding.h */

/* By name: "csv", "json", "nfcapd"; NULL: there is none. */
const struct record_encoding *record_encoding_find(const char *name);
/* The same with "genuine" or "synthetic" behind each record. NULL: the format has no place for it. */
const struct record_encoding *record_encoding_labelled(const struct record_encoding *encoding);
const char *record_encoding_name(const struct record_encoding *encoding);
const char *record_encoding_names(char text[TEXT_NAMES]); /* "csv, json, nfcapd". Returns `text` */

enum record_class { RECORD_TCP, RECORD_UDP, RECORD_ICMP, RECORD_OTHER, RECORD_CLASSES };

/* Of the records of a batch or a file; packets and bytes of both ways together. */
struct record_sums {
    uint64_t flows[RECORD_CLASSES], packets[RECORD_CLASSES], bytes[RECORD_CLASSES];
    struct day_time first, last; /* start of the first, end of the last; when there are flows */
};

uint64_t record_sums_flows(const struct record_sums *sums); /* of all classes */

/* Records as bytes, one behind the other. */
struct record_batch {
    char *bytes; /* owned */
    size_t used, capacity;
    uint32_t records;
    struct record_sums sums;
};

enum {
    RECORD_MAX_ENCODED = 1024,   /* bytes of one record */
    RECORD_BATCH_BYTES = 1 << 20 /* who adds more makes a larger block than nfdump's own: see _is_full */
};

/* All zero is an empty batch. */
void record_batch_add(struct record_batch *batch, const struct record_encoding *encoding,
                      const struct flow_record *record);
bool record_batch_is_full(const struct record_batch *batch);
void record_batch_clear(struct record_batch *batch); /* keeps its memory */
void record_batch_release(struct record_batch *batch);

struct record_writer; /* opaque */

/*
 * "-" is standard output. nfcapd files need a place where one can go back to the beginning: no pipe. NULL on
 * failure.
 */
struct record_writer *record_writer_new(const char *path, const struct record_encoding *encoding,
                                        struct error *err);

/* One by one, through a batch of the writer's own; or a batch at once. 0 or -1. */
int record_writer_add(struct record_writer *writer, const struct flow_record *record, struct error *err);
int record_writer_add_batch(struct record_writer *writer, const struct record_batch *batch,
                            struct error *err);

/* Of what was added so far. */
const struct record_sums *record_writer_sums(const struct record_writer *writer);

/* Puts the file in place, whole. 0 or -1; the writer must be freed in either case. */
int record_writer_commit(struct record_writer *writer, struct error *err);

/* Without a commit nothing is left. NULL is fine. */
void record_writer_free(struct record_writer *writer);

#endif
