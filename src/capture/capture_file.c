#include "capture/capture_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/memory.h"
#include "capture/capture_read.h"
#include "capture/fragment_cache.h"
#include "capture/frame_reader.h"
#include "capture/packet_gate.h"

struct capture_file {
    char *name;               /* for messages */
    struct input_file *input; /* NULL: live */
    struct frame_reader *reader;
    struct packet_gate *gate; /* NULL until capture_file_next() needs it */
    struct fragment_cache *fragments; /* NULL until capture_file_next_frame() needs it */
    struct capture_options options;
    struct capture_counts counts; /* of capture_file_next() */
    uint64_t frames;              /* read, for messages */
    bool peeked; /* the three that follow are what the reader gave, not taken yet */
    int peeked_status;
    struct captured_frame frame;
    struct error peeked_error;
};

void capture_counts_add(struct capture_counts *sum, const struct capture_counts *more)
{
    sum->frames += more->frames;
    sum->bytes += more->bytes;
    for (int i = 0; i < DECODE_RESULTS; i++)
        sum->by_result[i] += more->by_result[i];
    sum->unknown_link += more->unknown_link;
    if (sum->unknown_link_type < more->unknown_link_type)
        sum->unknown_link_type = more->unknown_link_type;
    sum->duplicates += more->duplicates;
    sum->dropped += more->dropped;
}

bool capture_file_recognizes(const uint8_t *bytes, size_t size)
{
    static const uint32_t magics[] = {
        0x0a0d0d0a, /* pcapng */
        0xa1b2c3d4, /* pcap, microseconds */
        0xa1b23c4d, /* pcap, nanoseconds */
        0xa1b2cd34, 0xa1b234cd, 0xa12b3c4d /* pcap as Kuznetzov, Mesquita and Navtel write it */
    };
    struct cursor cursor = cursor_of(bytes, size);
    uint32_t magic = cursor_u32_be(&cursor);

    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        if (magic == magics[i] || magic == __builtin_bswap32(magics[i]))
            return true;
    }
    return false;
}

static struct capture_file *new_file(const char *name, const struct capture_options *options)
{
    struct capture_file *file = memory_alloc(sizeof *file);

    file->name = memory_copy_text(name);
    file->options = *options;
    return file;
}

/* The file, or NULL when it got no reader. */
static struct capture_file *opened(struct capture_file *file)
{
    if (file->reader != NULL)
        return file;
    capture_file_close(file);
    return NULL;
}

struct capture_file *capture_file_open(struct input_file *input,
                                       const struct capture_options *options, struct error *err)
{
    struct capture_file *file = new_file(input_file_name(input), options);

    file->input = input;
    if (pcapng_reader_recognizes(input))
        file->reader = pcapng_reader_open(input, err);
    else if (pcap_reader_recognizes(input))
        file->reader = pcap_reader_open(input, err);
    else
        file->reader = pcap_dialect_open(input, err);
    return opened(file);
}

struct capture_file *capture_live_open(const char *interface,
                                       const struct capture_options *options, struct error *err)
{
    struct capture_file *file = new_file(interface, options);

    file->reader = live_reader_open(interface, err);
    return opened(file);
}

void capture_file_close(struct capture_file *file)
{
    if (file == NULL)
        return;
    if (file->reader != NULL)
        file->reader->operations->close(file->reader);
    input_file_close(file->input);
    packet_gate_free(file->gate);
    free(file->fragments);
    free(file->name);
    free(file);
}

/* The next frame, which may have been looked at already. */
static int next_frame(struct capture_file *file, struct error *err)
{
    if (!file->peeked)
        return file->reader->operations->next(file->reader, &file->frame, err);
    file->peeked = false;
    *err = file->peeked_error;
    return file->peeked_status;
}

bool capture_file_first_time(struct capture_file *file, struct day_time *time)
{
    file->peeked_status = next_frame(file, &file->peeked_error);
    file->peeked = true;
    *time = file->frame.time;
    return file->peeked_status == 1;
}

size_t capture_file_memory(const struct capture_file *file)
{
    return input_file_memory(file->input);
}

/* Counts a frame; true when it is a packet for the caller. */
static bool decode(const struct captured_frame *frame, bool tunnels, struct packet_view *view,
                   enum decode_result *result, struct capture_counts *counts)
{
    counts->frames++;
    counts->bytes += frame->original;
    if (!frame->link.known) {
        counts->unknown_link++;
        if (counts->unknown_link_type < frame->link.number)
            counts->unknown_link_type = frame->link.number;
        return false;
    }
    *result = decode_frame(frame->link.decode, frame->bytes, frame->captured, frame->original, tunnels,
                           view);
    counts->by_result[*result]++;
    if (*result != DECODE_OK && *result != DECODE_FRAGMENT)
        return false;
    view->time = frame->time;
    if (view->ip_captured > CAPTURE_MAX_IP_BYTES)
        view->ip_captured = CAPTURE_MAX_IP_BYTES;
    return true;
}

int capture_file_read(struct capture_file *file, struct packet_view *view,
                      enum decode_result *result, struct capture_counts *counts, struct error *err)
{
    int status;

    while ((status = next_frame(file, err)) == 1) {
        file->frames++;
        if (!decode(&file->frame, file->options.tunnels, view, result, counts))
            continue;
        view->frame = file->frames;
        view->file = NULL;
        return 1;
    }
    if (status < 0)
        error_prefix(err, "%s: frame %llu", file->name, (unsigned long long)file->frames + 1);
    return status;
}

int capture_file_next(struct capture_file *file, struct packet_view *view, struct error *err)
{
    enum decode_result result;
    int status;

    if (file->gate == NULL)
        file->gate = packet_gate_new(file->options.dedup_ns);
    if (packet_gate_release(file->gate, view, &file->counts))
        return 1;
    do
        status = capture_file_read(file, view, &result, &file->counts, err);
    while (status == 1 && !packet_gate_pass(file->gate, view, result, &file->counts));
    return status;
}

static void complete_fragment(struct capture_file *file, struct packet_view *view, enum decode_result *result)
{
    if (file->fragments == NULL)
        file->fragments = memory_alloc(sizeof *file->fragments);
    if (*result == DECODE_OK && view->fragment)
        fragment_cache_put(file->fragments, view);
    else if (*result == DECODE_FRAGMENT && fragment_cache_complete(file->fragments, view))
        *result = DECODE_OK;
}

int capture_file_next_frame(struct capture_file *file, struct packet_view *view, enum decode_result *result,
                            struct error *err)
{
    int status = next_frame(file, err);

    if (status < 0)
        return error_prefix(err, "%s: frame %llu", file->name, (unsigned long long)file->frames + 1);
    if (status != 1)
        return status;
    file->frames++;
    *result = DECODE_NOT_IP;
    view->ip = NULL;
    view->time = file->frame.time;
    if (file->frame.link.known)
        *result = decode_frame(file->frame.link.decode, file->frame.bytes, file->frame.captured, file->frame.original,
                               false, view);
    complete_fragment(file, view, result);
    view->frame = file->frames;
    return 1;
}

const struct capture_counts *capture_file_counts(struct capture_file *file)
{
    if (file->reader->operations->dropped != NULL)
        file->counts.dropped = file->reader->operations->dropped(file->reader);
    return &file->counts;
}

void capture_file_position(const struct capture_file *file, uint64_t *read, uint64_t *size)
{
    *read = *size = 0;
    if (file->input != NULL)
        input_file_position(file->input, read, size);
}
