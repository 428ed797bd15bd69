/*
 * Writes the two headers of the format itself: libpcap's dumper would close the stream, which
 * belongs to the output file, and does not say when a write failed. Numbers are in the byte
 * order of this machine; the magic tells readers.
 */
#include "emit/sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct pcap_header {
    uint32_t magic;
    uint16_t version_major;
    uint16_t version_minor;
    uint32_t zone;     /* always 0 */
    uint32_t accuracy; /* always 0 */
    uint32_t snaplen;
    uint32_t link_type;
};

struct pcap_record {
    uint32_t seconds;
    uint32_t nanoseconds;
    uint32_t captured;
    uint32_t original;
};

_Static_assert(sizeof(struct pcap_header) == 24, "as in the file");
_Static_assert(sizeof(struct pcap_record) == 16, "as in the file");

#define MAGIC_NANOSECONDS UINT32_C(0xa1b23c4d)
#define LINK_TYPE_ETHERNET 1
#define SNAPLEN 65535

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

/* A file has 32 bits for the seconds: 1970 to 2106. */
static int check_time(int64_t ns, struct error *err)
{
    if (ns >= 0 && ns / NS_PER_SECOND <= UINT32_MAX)
        return 0;
    return error_set(err, "a frame is due at second %lld, which a pcap file cannot say",
                     (long long)(ns / NS_PER_SECOND));
}

static enum sink_result pcap_send(struct sink *sink, const struct frame *frame, struct error *err)
{
    const struct sink_pcap *pcap = (const struct sink_pcap *)sink;
    int64_t ns = pcap->origin.ns + frame->due.ns;
    struct pcap_record record = {
        .seconds = (uint32_t)(ns / NS_PER_SECOND),
        .nanoseconds = (uint32_t)(ns % NS_PER_SECOND),
        .captured = frame->length,
        .original = frame->length,
    };

    if (check_time(ns, err) < 0 || write_bytes(pcap->file, &record, sizeof record, err) < 0 ||
        write_bytes(pcap->file, frame->bytes, frame->length, err) < 0)
        return SINK_FAILED;
    return SINK_SENT;
}

static void pcap_close(struct sink *sink)
{
    free(sink);
}

struct sink *sink_pcap_new(struct output_file *file, struct day_time origin, struct error *err)
{
    static const struct sink_operations operations = { .send = pcap_send, .close = pcap_close };
    static const struct pcap_header header = {
        .magic = MAGIC_NANOSECONDS,
        .version_major = 2,
        .version_minor = 4,
        .snaplen = SNAPLEN,
        .link_type = LINK_TYPE_ETHERNET,
    };
    struct sink_pcap *pcap;

    if (write_bytes(file, &header, sizeof header, err) < 0)
        return NULL;
    pcap = memory_alloc(sizeof *pcap);
    pcap->base.operations = &operations;
    pcap->file = file;
    pcap->origin = origin;
    return &pcap->base;
}
