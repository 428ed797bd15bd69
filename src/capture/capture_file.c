#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* fopencookie */
#endif
#include "capture/capture_file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

enum { BLOCK_BYTES = 128 * 1024 /* what one read asks of the file, and of the decompressor */ };

struct capture_file {
    char *name; /* for messages */
    int fd;
    uint64_t size;
    struct archive *archive; /* takes off compression; reads fd */
    bool archive_failed;     /* and libpcap knows only that a read did */
    char *buffer;            /* of the stream between libarchive and libpcap */
    FILE *stream;            /* until libpcap owns it */
    pcap_t *pcap;
    enum decode_link link;
    struct capture_counts counts;
};

static const struct {
    int datalink; /* libpcap's DLT_ */
    enum decode_link link;
} known_links[] = {
    { DLT_EN10MB, DECODE_ETHERNET }, { DLT_LINUX_SLL, DECODE_LINUX_SLL },
    { DLT_LINUX_SLL2, DECODE_LINUX_SLL2 }, { DLT_RAW, DECODE_RAW_IP },
    { DLT_IPV4, DECODE_RAW_IP }, { DLT_IPV6, DECODE_RAW_IP },
    { DLT_NULL, DECODE_NULL }, { DLT_LOOP, DECODE_LOOP },
};

static int open_descriptor(struct capture_file *file, const char *path, struct error *err)
{
    struct stat status;

    file->fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (file->fd < 0 || fstat(file->fd, &status) < 0)
        return error_set(err, "%s: cannot open: %s", file->name, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return error_set(err, "%s: is a directory, not a capture file", file->name);
    if (S_ISREG(status.st_mode))
        file->size = (uint64_t)status.st_size;
    return 0;
}

/* These filters are built in; libarchive's "all" would start programs for some others. */
static void allow_compression(struct archive *archive)
{
    archive_read_support_filter_gzip(archive);
    archive_read_support_filter_bzip2(archive);
    archive_read_support_filter_xz(archive);
    archive_read_support_filter_zstd(archive);
    archive_read_support_filter_lz4(archive);
    archive_read_support_format_raw(archive);
    archive_read_support_format_empty(archive);
}

static const char *archive_words(struct archive *archive)
{
    const char *words = archive_error_string(archive);

    return words ? words : "truncated or damaged compression";
}

static int open_archive(struct capture_file *file, struct error *err)
{
    struct archive_entry *entry;
    int status;

    file->archive = archive_read_new();
    if (file->archive == NULL)
        return error_set(err, "%s: cannot set up decompression", file->name);
    allow_compression(file->archive);
    status = archive_read_open_fd(file->archive, file->fd, BLOCK_BYTES);
    if (status == ARCHIVE_OK)
        status = archive_read_next_header(file->archive, &entry);
    if (status == ARCHIVE_EOF)
        return error_set(err, "%s: is empty", file->name);
    if (status < ARCHIVE_WARN)
        return error_set(err, "%s: cannot read: %s", file->name, archive_words(file->archive));
    return 0;
}

static ssize_t read_archive(void *cookie, char *to, size_t size)
{
    struct capture_file *file = cookie;
    ssize_t got = archive_read_data(file->archive, to, size);

    if (got >= 0)
        return got;
    file->archive_failed = true;
    errno = EIO;
    return -1;
}

/* Why a read failed, in the words of the library that knows. */
static const char *failure_words(const struct capture_file *file, const char *pcap_words)
{
    return file->archive_failed ? archive_words(file->archive) : pcap_words;
}

static int open_pcap(struct capture_file *file, struct error *err)
{
    char words[PCAP_ERRBUF_SIZE] = "";

    file->stream = fopencookie(file, "r", (cookie_io_functions_t){ .read = read_archive });
    if (file->stream == NULL)
        return error_set(err, "%s: cannot open: %s", file->name, strerror(errno));
    file->buffer = memory_alloc(BLOCK_BYTES);
    setvbuf(file->stream, file->buffer, _IOFBF, BLOCK_BYTES);
    file->pcap = pcap_fopen_offline_with_tstamp_precision(file->stream,
                                                          PCAP_TSTAMP_PRECISION_NANO, words);
    if (file->pcap == NULL)
        return error_set(err, "%s: not a readable capture: %s", file->name,
                         failure_words(file, words));
    file->stream = NULL;
    return 0;
}

static int choose_link(struct capture_file *file, struct error *err)
{
    int datalink = pcap_datalink(file->pcap);
    const char *name = pcap_datalink_val_to_name(datalink);

    for (size_t i = 0; i < sizeof known_links / sizeof known_links[0]; i++) {
        if (known_links[i].datalink == datalink) {
            file->link = known_links[i].link;
            return 0;
        }
    }
    return error_set(err, "%s: link type %d (%s) is not supported: "
                     "Ethernet, Linux cooked, raw IP and BSD loopback are",
                     file->name, datalink, name ? name : "unknown");
}

struct capture_file *capture_file_open(const char *path, struct error *err)
{
    struct capture_file *file = memory_alloc(sizeof *file);

    file->name = memory_copy_text(strcmp(path, "-") == 0 ? "standard input" : path);
    if (open_descriptor(file, path, err) < 0 || open_archive(file, err) < 0 ||
        open_pcap(file, err) < 0 || choose_link(file, err) < 0) {
        capture_file_close(file);
        return NULL;
    }
    return file;
}

void capture_file_close(struct capture_file *file)
{
    if (file == NULL)
        return;
    if (file->pcap != NULL)
        pcap_close(file->pcap); /* and the stream with it */
    if (file->stream != NULL)
        fclose(file->stream);
    free(file->buffer);
    if (file->archive != NULL)
        archive_read_free(file->archive);
    if (file->fd > STDIN_FILENO)
        close(file->fd);
    free(file->name);
    free(file);
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/*
 * Times come from foreign files. libpcap reads the unsigned seconds of a pcap file as signed,
 * so that 2038 to 2106 appear negative. The rest is brought into 1970 to 2116, half of
 * what 64 bits hold: any two times can be subtracted.
 */
static struct day_time time_of(const struct pcap_pkthdr *header)
{
    const int64_t last_second = INT64_MAX / 2 / NS_PER_SECOND - 1;
    int64_t seconds = header->ts.tv_sec;
    int64_t ns = clamp(header->ts.tv_usec, 0, NS_PER_SECOND - 1); /* opened for nanoseconds */

    if (seconds < 0 && seconds >= INT32_MIN)
        seconds += INT64_C(1) << 32;
    return (struct day_time){ clamp(seconds, 0, last_second) * NS_PER_SECOND + ns };
}

static int read_error(const struct capture_file *file, struct error *err)
{
    return error_set(err, "%s: frame %llu: %s", file->name,
                     (unsigned long long)file->counts.frames + 1,
                     failure_words(file, pcap_geterr(file->pcap)));
}

int capture_file_next(struct capture_file *file, struct packet_view *view, struct error *err)
{
    for (;;) {
        struct pcap_pkthdr *header;
        const u_char *bytes;
        enum decode_result result;
        int status = pcap_next_ex(file->pcap, &header, &bytes);

        if (status == PCAP_ERROR_BREAK)
            return 0;
        if (status != 1)
            return read_error(file, err);
        file->counts.frames++;
        file->counts.bytes += header->len;
        result = decode_frame(file->link, bytes, header->caplen, header->len, false, view);
        file->counts.by_result[result]++;
        if (result == DECODE_OK) {
            view->time = time_of(header);
            return 1;
        }
    }
}

const struct capture_counts *capture_file_counts(const struct capture_file *file)
{
    return &file->counts;
}

void capture_file_position(const struct capture_file *file, uint64_t *read, uint64_t *size)
{
    int64_t taken = archive_filter_bytes(file->archive, -1);

    *read = taken > 0 ? (uint64_t)taken : 0;
    *size = file->size;
}
