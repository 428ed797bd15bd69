/*
 * write_records.h - plans of flows become records of a file, by one thread or several: the same bytes.
 *
 * The caller's thread makes plans, batch after batch; what becomes of a batch, its records and their text, is
 * the same whoever makes it; the caller's thread writes the batches in their order.
 */
#ifndef CLI_WRITE_RECORDS_H
#define CLI_WRITE_RECORDS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"
#include "cli/progress.h"
#include "dayshift/flow_plan.h"
#include "records/record_writer.h"

struct write_records_config {
    struct flow_plan_source plans;
    uint64_t limit; /* of plans that are taken; 0: all */
    struct day_time end; /* beyond which no record lasts */
    uint64_t seed;  /* of the records */
    uint32_t threads; /* 1 or more, the caller's included */
    const struct record_encoding *encoding;
    struct record_writer *writer;
    const atomic_bool *stop; /* when set, it fails soon, without a message */
    struct progress *progress;
};

/* 0, or -1; nothing is committed. A plan without a packet makes no record. */
int write_records(const struct write_records_config *config, struct error *err);

#endif
