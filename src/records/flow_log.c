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

/* As put_keys() of encoding_json.c begins; conn.log of Zeek has "uid" after the time. */
static bool begins_with_json(const char *bytes, size_t size)
{
    static const char first[] = "{\"ts\":";
    static const char second[] = ",\"id.orig_h\":";
    size_t at = sizeof first - 1;

    if (memcmp(bytes, first, size < at ? size : at) != 0)
        return false;
    while (at < size && strchr("0123456789.", bytes[at]) && bytes[at] != '\0')
        at++;
    if (at >= size)
        return true;
    return memcmp(bytes + at, second, size - at < sizeof second - 1 ? size - at : sizeof second - 1) == 0;
}

bool flow_log_begins_so(enum flow_log_format format, const char *bytes, size_t size)
{
    const char *header = flow_log_header(format);

    if (format == FLOW_LOG_JSON)
        return begins_with_json(bytes, size);
    return size >= strlen(header) && memcmp(bytes, header, strlen(header)) == 0;
}

int64_t flow_log_whole(int fd, int64_t from)
{
    char tail[FLOW_LOG_BATCH_BYTES];
    int64_t size = lseek(fd, 0, SEEK_END);
    int64_t begin = size - (int64_t)sizeof tail > from ? size - (int64_t)sizeof tail : from;
    ssize_t whole;

    if (size <= from)
        return size == from ? size : -1;
    whole = pread(fd, tail, (size_t)(size - begin), begin);
    if (whole != (ssize_t)(size - begin))
        return -1;
    while (whole > 0 && tail[whole - 1] != '\n')
        whole--;
    return whole > 0 || begin == from ? begin + whole : -1;
}

/* ---- a batch ---- */

struct batch {
    size_t used;  /* bytes */
    size_t flows;
    size_t lines; /* of those flows of which something was sent */
};

static struct batch new_batch(const struct flow_log *log)
{
    return (struct batch){ .used = log->rest };
}

static bool has_room(const struct batch *batch)
{
    return batch->flows < FLOW_LEDGER_BATCH && batch->used + RECORD_MAX_ENCODED <= FLOW_LOG_BATCH_BYTES;
}

static void add(struct flow_log *log, uint32_t slot, int64_t origin_ns, struct batch *batch)
{
    char *to = log->bytes + batch->used;
    struct sent_record record;

    if (flow_ledger_record(log->ledger, slot, origin_ns, &record)) {
        batch->lines++;
        to = log->format == FLOW_LOG_CSV ? encoding_csv_sent(to, &record) : encoding_json_sent(to, &record);
    }
    batch->used = (size_t)(to - log->bytes);
    log->ends[batch->flows] = (uint32_t)batch->used;
    log->slots[batch->flows++] = slot;
}

/* ---- the file ---- */

/* How many bytes of it were written. */
static size_t append(struct flow_log *log, size_t used)
{
    size_t done = 0;

    while (done < used) {
        ssize_t written = write(log->fd, log->bytes + done, used - done);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            log->failure = written < 0 ? errno : EIO;
            break;
        }
        done += (size_t)written;
    }
    return done;
}

/* Of a batch of which so many bytes were written: the flows whose lines are there, the last one perhaps in part. */
static struct batch find_written(const struct flow_log *log, const struct batch *batch, size_t done)
{
    struct batch written = new_batch(log);

    for (; written.flows < batch->flows; written.flows++) {
        size_t end = log->ends[written.flows];

        if (end > written.used && written.used >= done)
            break;
        written.lines += end > written.used;
        written.used = end;
    }
    return written;
}

static void keep_rest(struct flow_log *log, size_t done, size_t end)
{
    log->rest = end > done ? end - done : 0;
    memmove(log->bytes, log->bytes + done, log->rest);
}

/* What of it was written, and is done with. */
static struct batch write_batch(struct flow_log *log, const struct batch *batch)
{
    int64_t file_bytes = log->fd < 0 ? -1 : lseek(log->fd, 0, SEEK_END);
    size_t done = batch->used;
    struct batch written;

    log->failure = 0;
    flow_ledger_write_begins(log->ledger, log->slots, batch->flows, file_bytes);
    if (log->fd < 0)
        (void)!fwrite(log->bytes, 1, batch->used, log->stream);
    else
        done = append(log, batch->used);
    written = find_written(log, batch, done);
    flow_ledger_write_ends(log->ledger, written.flows, written.lines);
    keep_rest(log, done, written.used);
    return written;
}

static bool is_short_of_slots(const struct flow_log *log)
{
    return flow_ledger_used(log->ledger) > FLOW_LEDGER_SLOTS / 2;
}

void flow_log_write(struct flow_log *log, int64_t origin_ns)
{
    struct batch batch;
    struct batch written;
    uint32_t slot;

    do {
        batch = new_batch(log);
        while (has_room(&batch) && flow_ledger_over(log->ledger, batch.flows, &slot))
            add(log, slot, origin_ns, &batch);
        if (batch.flows == 0 && batch.used == 0)
            return;
        written = write_batch(log, &batch);
        flow_ledger_give_back(log->ledger, written.flows);
        if (log->failure != 0 && is_short_of_slots(log)) {
            flow_ledger_give_back(log->ledger, batch.flows - written.flows);
            flow_ledger_count_lost(log->ledger, batch.lines - written.lines);
        }
    } while (log->failure == 0);
}

/* ---- what is left ---- */

static void write_left(struct flow_log *log, const struct batch *batch)
{
    struct batch written = write_batch(log, batch);

    for (size_t i = written.flows; i < batch->flows; i++)
        flow_ledger_forget(log->ledger, log->slots[i]);
    flow_ledger_count_lost(log->ledger, batch->lines - written.lines);
}

void flow_log_write_rest(struct flow_log *log, int64_t origin_ns)
{
    struct batch batch = new_batch(log);
    uint32_t slot = 0;

    for (; flow_ledger_next_left(log->ledger, &slot); slot++) {
        add(log, slot, origin_ns, &batch);
        if (has_room(&batch))
            continue;
        write_left(log, &batch);
        batch = new_batch(log);
    }
    if (batch.used > 0 || batch.flows > 0)
        write_left(log, &batch);
}

/* ---- after another one's end ---- */

void flow_log_mend(struct flow_log *log, int fd, int64_t floor)
{
    int64_t begun = flow_ledger_recover(log->ledger);
    int64_t whole;

    log->rest = 0;
    if (fd < 0)
        return;
    if (begun >= floor && begun < lseek(fd, 0, SEEK_END))
        (void)!ftruncate(fd, begun);
    whole = flow_log_whole(fd, floor);
    if (whole < 0)
        whole = floor; /* no writer of ours has left that */
    if (whole >= lseek(fd, 0, SEEK_END))
        return;
    (void)!ftruncate(fd, whole);
    flow_ledger_lose_line(log->ledger);
}
