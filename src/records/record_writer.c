#include "records/record_writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "net/wire.h"
#include "records/record_encoding.h"

static const struct record_encoding *const encodings[] = { &encoding_csv, &encoding_json, &encoding_nfcapd };

struct record_writer {
    const struct record_encoding *encoding;
    struct output_file file;
    struct record_batch batch; /* of records that came one by one */
    struct record_sums sums;
    uint32_t batches;
};

const struct record_encoding *record_encoding_find(const char *name)
{
    for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++) {
        if (strcmp(encodings[i]->name, name) == 0)
            return encodings[i];
    }
    return NULL;
}

const struct record_encoding *record_encoding_labelled(const struct record_encoding *encoding)
{
    return encoding->labelled;
}

const char *record_encoding_name(const struct record_encoding *encoding)
{
    return encoding->name;
}

const char *record_encoding_names(char text[TEXT_NAMES])
{
    text[0] = '\0';
    for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++)
        text_add_name(text, encodings[i]->name);
    return text;
}

/* ---- sums ---- */

enum record_class record_class_of(const struct flow_record *record)
{
    switch (record->protocol) {
    case IP_TCP: return RECORD_TCP;
    case IP_UDP: return RECORD_UDP;
    case IP_ICMP:
    case IP_ICMPV6: return RECORD_ICMP;
    default: return RECORD_OTHER;
    }
}

uint64_t record_sums_flows(const struct record_sums *sums)
{
    uint64_t flows = 0;

    for (int c = 0; c < RECORD_CLASSES; c++)
        flows += sums->flows[c];
    return flows;
}

static void widen(struct record_sums *sums, bool is_first, struct day_time first, struct day_time last)
{
    if (is_first || first.ns < sums->first.ns)
        sums->first = first;
    if (is_first || last.ns > sums->last.ns)
        sums->last = last;
}

static void sums_add_record(struct record_sums *sums, bool is_first, const struct flow_record *r)
{
    enum record_class class = record_class_of(r);

    widen(sums, is_first, r->start, (struct day_time){ r->start.ns + r->duration_ns });
    sums->flows[class]++;
    sums->packets[class] += flow_record_packets(r);
    sums->bytes[class] += r->bytes[0] + r->bytes[1];
}

static void sums_add(struct record_sums *sums, const struct record_sums *more)
{
    widen(sums, record_sums_flows(sums) == 0, more->first, more->last);
    for (int c = 0; c < RECORD_CLASSES; c++) {
        sums->flows[c] += more->flows[c];
        sums->packets[c] += more->packets[c];
        sums->bytes[c] += more->bytes[c];
    }
}

/* ---- batches ---- */

void record_batch_add(struct record_batch *batch, const struct record_encoding *encoding,
                      const struct flow_record *record)
{
    batch->bytes = memory_grow(batch->bytes, &batch->capacity, batch->used + RECORD_MAX_ENCODED, 1);
    batch->used = (size_t)(encoding->encode(batch->bytes + batch->used, record) - batch->bytes);
    sums_add_record(&batch->sums, batch->records == 0, record);
    batch->records++;
}

bool record_batch_is_full(const struct record_batch *batch)
{
    return batch->used + RECORD_MAX_ENCODED > RECORD_BATCH_BYTES;
}

void record_batch_clear(struct record_batch *batch)
{
    batch->used = 0;
    batch->records = 0;
    batch->sums = (struct record_sums){ 0 };
}

void record_batch_release(struct record_batch *batch)
{
    free(batch->bytes);
    memset(batch, 0, sizeof *batch);
}

/* ---- the writer ---- */

static int check_place(struct record_writer *w, const char *path, struct error *err)
{
    if (!w->encoding->needs_place || fseek(w->file.stream, 0, SEEK_CUR) == 0)
        return 0;
    return error_set(err, "%s: an %s file cannot go into a pipe: its beginning is written last",
                     strcmp(path, "-") == 0 ? "standard output" : path, w->encoding->name);
}

struct record_writer *record_writer_new(const char *path, const struct record_encoding *encoding,
                                        struct error *err)
{
    struct record_writer *w = memory_alloc(sizeof *w);

    w->encoding = encoding;
    if (output_file_open(&w->file, path, err) < 0) {
        free(w);
        return NULL;
    }
    if (check_place(w, path, err) < 0) {
        record_writer_free(w);
        return NULL;
    }
    if (encoding->begin)
        encoding->begin(w->file.stream);
    return w;
}

int record_writer_add_batch(struct record_writer *w, const struct record_batch *batch, struct error *err)
{
    if (batch->records == 0)
        return 0;
    if (w->encoding->begin_batch)
        w->encoding->begin_batch(w->file.stream, batch);
    w->batches++;
    sums_add(&w->sums, &batch->sums);
    if (fwrite(batch->bytes, 1, batch->used, w->file.stream) == batch->used)
        return 0;
    return output_file_flush(&w->file, err);
}

int record_writer_add(struct record_writer *w, const struct flow_record *record, struct error *err)
{
    record_batch_add(&w->batch, w->encoding, record);
    if (!record_batch_is_full(&w->batch))
        return 0;
    if (record_writer_add_batch(w, &w->batch, err) < 0)
        return -1;
    record_batch_clear(&w->batch);
    return 0;
}

const struct record_sums *record_writer_sums(const struct record_writer *w)
{
    return &w->sums;
}

int record_writer_commit(struct record_writer *w, struct error *err)
{
    if (record_writer_add_batch(w, &w->batch, err) < 0)
        return -1;
    record_batch_clear(&w->batch);
    if (w->encoding->end)
        w->encoding->end(w->file.stream, &w->sums, w->batches);
    return output_file_commit(&w->file, err);
}

void record_writer_free(struct record_writer *w)
{
    if (w == NULL)
        return;
    output_file_abandon(&w->file);
    record_batch_release(&w->batch);
    free(w);
}
