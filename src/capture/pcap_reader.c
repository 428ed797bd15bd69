/*
 * Classic pcap files. libpcap knows their dialects, and gets its bytes from the window.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* fopencookie */
#endif
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "capture/frame_reader.h"
#include "capture/link_type.h"

struct pcap_reader {
    struct frame_reader reader;
    struct input_file *input;
    FILE *stream; /* until libpcap owns it */
    pcap_t *pcap;
    uint16_t link_type;
    enum decode_link link;
};

static ssize_t read_window(void *cookie, char *to, size_t size)
{
    struct pcap_reader *pcap = cookie;
    size_t got;
    const uint8_t *bytes = input_file_peek(pcap->input, size, &got);

    if (got == 0 && input_file_damage(pcap->input) != NULL) {
        errno = EIO;
        return -1;
    }
    memcpy(to, bytes, got);
    input_file_skip(pcap->input, got);
    return (ssize_t)got;
}

/* libpcap reads the unsigned seconds of a file as signed: 2038 to 2106 appear negative. */
static struct day_time time_of(const struct pcap_pkthdr *header)
{
    int64_t seconds = header->ts.tv_sec;
    int64_t ns = header->ts.tv_usec; /* opened for nanoseconds */

    if (seconds < 0 && seconds >= INT32_MIN)
        seconds += INT64_C(1) << 32;
    if (ns < 0 || ns >= NS_PER_SECOND)
        ns = ns < 0 ? 0 : NS_PER_SECOND - 1;
    return frame_time((__int128)seconds * NS_PER_SECOND + ns);
}

static int next(struct frame_reader *reader, struct captured_frame *frame, struct error *err)
{
    struct pcap_reader *pcap = (struct pcap_reader *)reader;
    struct pcap_pkthdr *header;
    const char *damage;
    int status = pcap_next_ex(pcap->pcap, &header, &frame->bytes);

    if (status == PCAP_ERROR_BREAK)
        return 0;
    if (status != 1) {
        damage = input_file_damage(pcap->input);
        return error_set(err, "%s", damage ? damage : pcap_geterr(pcap->pcap));
    }
    frame->time = time_of(header);
    frame->known_link = true;
    frame->link = pcap->link;
    frame->link_type = pcap->link_type;
    frame->captured = header->caplen;
    frame->original = header->len;
    return 1;
}

static void close_reader(struct frame_reader *reader)
{
    struct pcap_reader *pcap = (struct pcap_reader *)reader;

    if (pcap->pcap != NULL)
        pcap_close(pcap->pcap); /* and the stream with it */
    if (pcap->stream != NULL)
        fclose(pcap->stream);
    free(pcap);
}

static int open_pcap(struct pcap_reader *pcap, struct error *err)
{
    const char *name = input_file_name(pcap->input);
    const char *damage;
    char words[PCAP_ERRBUF_SIZE] = "";

    pcap->stream = fopencookie(pcap, "r", (cookie_io_functions_t){ .read = read_window });
    if (pcap->stream == NULL)
        return error_set(err, "%s: cannot open: %s", name, strerror(errno));
    setvbuf(pcap->stream, NULL, _IONBF, 0); /* the window is buffer enough */
    __fsetlocking(pcap->stream, FSETLOCKING_BYCALLER); /* one thread at a time reads a capture */
    pcap->pcap = pcap_fopen_offline_with_tstamp_precision(pcap->stream,
                                                          PCAP_TSTAMP_PRECISION_NANO, words);
    damage = input_file_damage(pcap->input);
    if (pcap->pcap == NULL)
        return error_set(err, "%s: not a readable capture: %s", name, damage ? damage : words);
    pcap->stream = NULL;
    pcap->link_type = (uint16_t)pcap_datalink(pcap->pcap);
    if (!link_type_decode(pcap->link_type, &pcap->link))
        return link_type_error(name, pcap->link_type, err);
    return 0;
}

struct frame_reader *pcap_reader_open(struct input_file *input, struct error *err)
{
    static const struct frame_reader_operations operations = { next, NULL, close_reader };
    struct pcap_reader *pcap = memory_alloc(sizeof *pcap);

    pcap->reader.operations = &operations;
    pcap->input = input;
    if (open_pcap(pcap, err) == 0)
        return &pcap->reader;
    close_reader(&pcap->reader);
    return NULL;
}

bool pcap_reader_recognizes(const uint8_t *bytes)
{
    static const uint32_t magics[] = {
        0xa1b2c3d4, /* microseconds */
        0xa1b23c4d, /* nanoseconds */
        0xa1b2cd34, /* the records of Kuznetzov's patch, which have more fields */
        0xa1b234cd, /* those of Mesquita's */
        0xa12b3c4d  /* Navtel's */
    };
    uint32_t big = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
                   bytes[3];

    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        if (big == magics[i] || big == __builtin_bswap32(magics[i]))
            return true;
    }
    return false;
}
