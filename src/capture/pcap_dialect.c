/*
 * The dialects of pcap files: old versions, other magic numbers, AIX. libpcap knows them, and gets
 * its bytes from the window.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* fopencookie */
#endif
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "capture/frame_reader.h"

struct pcap_dialect {
    struct frame_reader reader;
    struct input_file *input;
    FILE *stream; /* until libpcap owns it */
    pcap_t *pcap;
    struct link_type link;
};

static ssize_t read_window(void *cookie, char *to, size_t size)
{
    struct pcap_dialect *dialect = cookie;
    size_t got;
    const uint8_t *bytes = input_file_peek(dialect->input, size, &got);

    if (got == 0 && input_file_damage(dialect->input) != NULL) {
        errno = EIO;
        return -1;
    }
    memcpy(to, bytes, got);
    input_file_skip(dialect->input, got);
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
    struct pcap_dialect *dialect = (struct pcap_dialect *)reader;
    struct pcap_pkthdr *header;
    const char *damage;
    int status = pcap_next_ex(dialect->pcap, &header, &frame->bytes);

    if (status == PCAP_ERROR_BREAK)
        return 0;
    if (status != 1) {
        damage = input_file_damage(dialect->input);
        return error_set(err, "%s", damage ? damage : pcap_geterr(dialect->pcap));
    }
    frame->time = time_of(header);
    frame->link = dialect->link;
    frame->captured = header->caplen;
    frame->original = header->len;
    return 1;
}

static void close_reader(struct frame_reader *reader)
{
    struct pcap_dialect *dialect = (struct pcap_dialect *)reader;

    if (dialect->pcap != NULL)
        pcap_close(dialect->pcap); /* and the stream with it */
    if (dialect->stream != NULL)
        fclose(dialect->stream);
    free(dialect);
}

static int open_pcap(struct pcap_dialect *dialect, struct error *err)
{
    const char *name = input_file_name(dialect->input);
    const char *damage;
    char words[PCAP_ERRBUF_SIZE] = "";

    dialect->stream = fopencookie(dialect, "r", (cookie_io_functions_t){ .read = read_window });
    if (dialect->stream == NULL)
        return error_set(err, "%s: cannot open: %s", name, strerror(errno));
    dialect->pcap = pcap_fopen_offline_with_tstamp_precision(dialect->stream,
                                                          PCAP_TSTAMP_PRECISION_NANO, words);
    damage = input_file_damage(dialect->input);
    if (dialect->pcap == NULL)
        return error_set(err, "%s: not a readable capture: %s", name, damage ? damage : words);
    dialect->stream = NULL;
    dialect->link = link_type_of((uint16_t)pcap_datalink(dialect->pcap));
    if (!dialect->link.known)
        return link_type_error(name, dialect->link, err);
    return 0;
}

struct frame_reader *pcap_dialect_open(struct input_file *input, struct error *err)
{
    static const struct frame_reader_operations operations = { next, NULL, close_reader };
    struct pcap_dialect *dialect = memory_alloc(sizeof *dialect);

    dialect->reader.operations = &operations;
    dialect->input = input;
    if (open_pcap(dialect, err) == 0)
        return &dialect->reader;
    close_reader(&dialect->reader);
    return NULL;
}
