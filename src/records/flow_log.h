/*
 * flow_log.h - the log of what was sent: lines of the flows of a ledger, to a file.
 *
 * CSV as `dayshift synth` writes it, or JSON lines as Zeek does, with more columns. A line is written when its flow is
 * known to be over: of a session with its last frame, of an overlay's flow later (flow/flow_table.h, whose order it is).
 * There are two kinds of file:
 *     appended   a descriptor: whole lines, a batch at a time, each with one write(2). What cannot be written stays in
 *                the ledger and is tried again, until half of that is used up; then it is lost, and counted;
 *     stream     for who puts the whole file in place at the end (flow_output.h).
 */
#ifndef RECORDS_FLOW_LOG_H
#define RECORDS_FLOW_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "records/flow_ledger.h"

enum flow_log_format { FLOW_LOG_CSV, FLOW_LOG_JSON };

/* By the ending of the file's name: ".json", ".jsonl" and ".ndjson" are JSON lines, all else is CSV. */
enum flow_log_format flow_log_format_of(const char *path);

/* The line that stands first; "": none. */
const char *flow_log_header(enum flow_log_format format);

enum { FLOW_LOG_BATCH_BYTES = 1 << 16 };

struct flow_log {
    struct flow_ledger *ledger; /* borrowed, as is the file */
    enum flow_log_format format;
    int fd;       /* that is appended to; -1: there is a stream */
    FILE *stream; /* whose errors are the caller's to ask for */
    int failure;  /* errno of the last write, 0: it was written */
    uint32_t slots[FLOW_LEDGER_BATCH]; /* of a batch, and its bytes */
    char bytes[FLOW_LOG_BATCH_BYTES];
};

/* All flows that are over; `origin_ns` is the time of the day at 0 of the clock that tallies have. */
void flow_log_write(struct flow_log *log, int64_t origin_ns);

/*
 * And those that are not: to be called when nobody sends any more, or makes frames. Also after the one who wrote was
 * killed: then first what it may have left of a line is cut off. What cannot be written is lost.
 */
void flow_log_write_rest(struct flow_log *log, int64_t origin_ns);

#endif
