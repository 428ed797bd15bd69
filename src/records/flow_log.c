#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "records/flow_log.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "records/record_encoding.h"

static bool ends_with(const char *path, const char *ending)
{
    size_t size = strlen(path);
    size_t wanted = strlen(ending);

    return size >= wanted && strcasecmp(path + size - wanted, ending) == 0;
}

enum flow_log_format flow_log_format_of(const char *path)
{
    bool is_json = ends_with(path, ".json") || ends_with(path, ".jsonl") || ends_with(path, ".ndjson");

    return is_json ? FLOW_LOG_JSON : FLOW_LOG_CSV;
}

const char *flow_log_header(enum flow_log_format format)
{
    return format == FLOW_LOG_CSV ? encoding_csv_sent_header() : "";
}

/* ---- a batch ---- */

struct batch {
    size_t used;  /* bytes */
    size_t flows;
    size_t lines; /* of those flows of which something was sent */
};

static bool has_room(const struct batch *batch)
{
    return batch->flows < FLOW_LEDGER_BATCH && batch->used + RECORD_MAX_ENCODED <= FLOW_LOG_BATCH_BYTES;
}

static void add(struct flow_log *log, uint32_t slot, int64_t origin_ns, struct batch *batch)
{
    char *to = log->bytes + batch->used;
    struct sent_record record;
    bool is_sent = flow_ledger_record(log->ledger, slot, origin_ns, &record);

    log->slots[batch->flows++] = slot;
    if (!is_sent)
        return;
    batch->lines++;
    to = log->format == FLOW_LOG_CSV ? encoding_csv_sent(to, &record) : encoding_json_sent(to, &record);
    batch->used = (size_t)(to - log->bytes);
}

/* ---- the file ---- */

/* All of it, or -1 with nothing of it left behind. */
static int append(struct flow_log *log, size_t used, int64_t file_bytes)
{
    size_t done = 0;

    while (done < used) {
        ssize_t written = write(log->fd, log->bytes + done, used - done);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            log->failure = written < 0 ? errno : EIO;
            if (file_bytes >= 0)
                (void)!ftruncate(log->fd, file_bytes);
            return -1;
        }
        done += (size_t)written;
    }
    return 0;
}

static int write_batch(struct flow_log *log, const struct batch *batch)
{
    int64_t file_bytes = log->fd < 0 ? -1 : lseek(log->fd, 0, SEEK_END);
    int status = 0;

    log->failure = 0;
    flow_ledger_write_begins(log->ledger, log->slots, batch->flows, batch->lines, file_bytes);
    if (log->fd < 0)
        (void)!fwrite(log->bytes, 1, batch->used, log->stream);
    else
        status = append(log, batch->used, file_bytes);
    flow_ledger_write_ends(log->ledger, status == 0);
    return status;
}

static bool is_short_of_slots(const struct flow_log *log)
{
    return flow_ledger_used(log->ledger) > FLOW_LEDGER_SLOTS / 2;
}

void flow_log_write(struct flow_log *log, int64_t origin_ns)
{
    struct batch batch;
    uint32_t slot;

    do {
        batch = (struct batch){ 0 };
        while (has_room(&batch) && flow_ledger_over(log->ledger, batch.flows, &slot))
            add(log, slot, origin_ns, &batch);
        if (batch.flows == 0)
            return;
        if (write_batch(log, &batch) == 0) {
            flow_ledger_give_back(log->ledger, batch.flows);
        } else if (is_short_of_slots(log)) {
            flow_ledger_give_back(log->ledger, batch.flows);
            flow_ledger_count_lost(log->ledger, batch.lines);
        }
    } while (log->failure == 0);
}

/* ---- what is left ---- */

/* A file that was shortened meanwhile, or a number that cannot be, stays as it is. */
static void cut_off(struct flow_log *log, int64_t file_bytes)
{
    int64_t now = log->fd < 0 ? -1 : (int64_t)lseek(log->fd, 0, SEEK_END);

    if (file_bytes >= 0 && now > file_bytes && now - file_bytes <= FLOW_LOG_BATCH_BYTES)
        (void)!ftruncate(log->fd, file_bytes);
}

static void write_left(struct flow_log *log, const struct batch *batch)
{
    if (write_batch(log, batch) == 0)
        return;
    for (size_t i = 0; i < batch->flows; i++)
        flow_ledger_forget(log->ledger, log->slots[i]);
    flow_ledger_count_lost(log->ledger, batch->lines);
}

void flow_log_write_rest(struct flow_log *log, int64_t origin_ns)
{
    struct batch batch = { 0 };
    uint32_t slot = 0;

    cut_off(log, flow_ledger_recover(log->ledger));
    for (; flow_ledger_next_left(log->ledger, &slot); slot++) {
        add(log, slot, origin_ns, &batch);
        if (has_room(&batch))
            continue;
        write_left(log, &batch);
        batch = (struct batch){ 0 };
    }
    if (batch.flows > 0)
        write_left(log, &batch);
}
