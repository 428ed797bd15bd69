/*
 * record_encoding.h - what a format that is written has to do: for record_writer.c and the formats only.
 *
 * One file an implementation, one line in the table of record_writer.c.
 */
#ifndef RECORDS_RECORD_ENCODING_H
#define RECORDS_RECORD_ENCODING_H

#include <stdbool.h>
#include <stdio.h>

#include "records/record_writer.h"
#include "records/sent_record.h"

struct record_encoding {
    const char *name;
    bool needs_place; /* goes back to the beginning at the end */

    /* Pure. Writes at most RECORD_MAX_ENCODED bytes; returns where they end. */
    char *(*encode)(char *to, const struct flow_record *record);

    /* What stands before the first record, before each batch, behind the last. NULL: nothing. The stream keeps
     * its errors; the writer asks for them. */
    void (*begin)(FILE *stream);
    void (*begin_batch)(FILE *stream, const struct record_batch *batch);
    void (*end)(FILE *stream, const struct record_sums *sums, uint32_t batches);
    const struct record_encoding *labelled; /* the same with the label of each record; NULL: there is no place */
};

extern const struct record_encoding encoding_csv, encoding_json, encoding_nfcapd;

/* Of flows that were sent, as lines of the log: flow_log.h. The same keys and more; at most RECORD_MAX_ENCODED bytes. */
const char *encoding_csv_sent_header(void);
char *encoding_csv_sent(char *to, const struct sent_record *record);
char *encoding_json_sent(char *to, const struct sent_record *record);

enum record_class record_class_of(const struct flow_record *record);

#endif
