/*
 * flow_log.h - the log of what was sent: lines of the flows of a ledger, to a file.
 *
 * CSV as `dayshift synth` writes it, or JSON lines as Zeek does, with more columns. A line is written when its flow is
 * known to be over: of a session with its last frame, of an overlay's flow later (flow/flow_table.h, whose order it is).
 * There are two kinds of file:
 *     appended   a descriptor: a batch of lines at a time, each with one write(2). What cannot be written stays in
 *                the ledger and is tried again, until half of that is used up; then it is lost, and counted. What a full
 *                disk leaves out of a line comes first the next time;
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

enum { FLOW_LOG_BATCH_BYTES = 1 << 16, FLOW_LOG_BEGINNING = 512 /* bytes by which a log is known */ };

/* Whether a file may be such a log, by its first FLOW_LOG_BEGINNING bytes; less when it has no more. */
bool flow_log_begins_so(enum flow_log_format format, const char *bytes, size_t size);

/* Where the last whole line of a file ends, at `from` or behind it: -1 when it has no such end, or cannot be read. */
int64_t flow_log_whole(int fd, int64_t from);

struct flow_log {
    struct flow_ledger *ledger; /* borrowed, as is the file */
    enum flow_log_format format;
    int fd;       /* that is appended to, and no more; -1: there is a stream */
    FILE *stream; /* whose errors are the caller's to ask for */
    int failure;  /* errno of the last write, 0: it was written */
    uint32_t slots[FLOW_LEDGER_BATCH]; /* of a batch, and its bytes */
    uint32_t ends[FLOW_LEDGER_BATCH];  /* where the lines of these end */
    size_t rest;                       /* bytes of a line that was written in part: they are written first */
    char bytes[FLOW_LOG_BATCH_BYTES];
};

/* All flows that are over; `origin_ns` is the time of the day at 0 of the clock that tallies have. */
void flow_log_write(struct flow_log *log, int64_t origin_ns);

/*
 * And those that are not: when nobody sends any more, or makes frames. What cannot be written is lost, and so are flows
 * that cannot be: the ledger may be of a process that was taken over.
 */
void flow_log_write_rest(struct flow_log *log, int64_t origin_ns);

/*
 * After the end of the one who wrote, by who may shorten the file: what that one may have left of a batch or of a line is
 * cut off, but nothing below `floor`, where this writer began. A flow whose line was cut off is lost.
 */
void flow_log_mend(struct flow_log *log, int fd, int64_t floor);

#endif
