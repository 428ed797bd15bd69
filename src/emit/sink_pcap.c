#include "emit/sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/pcap_format.h"

struct sink_pcap {
    struct sink base;         /* first: a struct sink * is one of these */
    struct output_file *file; /* borrowed */
    struct day_time origin;   /* of run time 0 */
};

static int write_bytes(const struct output_file *file, const void *bytes, size_t size,
                       struct error *err)
{
    if (fwrite(bytes, 1, size, file->stream) == size)
        return 0;
    return error_set(err, "%s: cannot write: %s", file->path ? file->path : "standard output",
                     strerror(errno));
}

static int write_frame(const struct sink_pcap *pcap, const struct frame *frame, struct error *err)
{
    const struct day_time time = { pcap->origin.ns + frame->due.ns };
    struct pcap_record record;

    if (pcap_record(&record, time, true, frame->length, frame->length, err) < 0 ||
        write_bytes(pcap->file, &record, sizeof record, err) < 0)
        return -1;
    return write_bytes(pcap->file, frame->bytes, frame->length, err);
}

static enum sink_result pcap_send(struct sink *sink, const struct frame *frames, size_t count, size_t *sent,
                                  struct error *err)
{
    const struct sink_pcap *pcap = (const struct sink_pcap *)sink;

    for (*sent = 0; *sent < count; (*sent)++) {
        if (write_frame(pcap, &frames[*sent], err) < 0)
            return SINK_FAILED;
    }
    return SINK_OK;
}

static void pcap_close(struct sink *sink)
{
    free(sink);
}

struct sink *sink_pcap_new(struct output_file *file, struct day_time origin, struct error *err)
{
    static const struct sink_operations operations = { .send = pcap_send, .close = pcap_close };
    const struct pcap_header header = pcap_header(true);
    struct sink_pcap *pcap;

    if (write_bytes(file, &header, sizeof header, err) < 0)
        return NULL;
    pcap = memory_alloc(sizeof *pcap);
    pcap->base.operations = &operations;
    pcap->file = file;
    pcap->origin = origin;
    return &pcap->base;
}
