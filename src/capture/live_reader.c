/*
 * Frames from an interface, as they come.
 *
 * libpcap's own timeout says when the kernel hands over what it has, and never ends without a
 * frame; so libpcap does not wait here, and poll(2) does.
 */
#include <pcap/pcap.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/mono_time.h"
#include "capture/frame_reader.h"

enum {
    SNAPLEN = 262144,
    BUFFER_BYTES = 64 << 20, /* of the kernel: half a second at a gigabit */
    HAND_OVER_MS = 100,      /* how long the kernel collects frames */
    WAIT_MS = 1000,          /* for a frame, before it is "nothing yet" */
    CLOCK_EVERY = 64         /* frames that need no waiting, between two looks at the clock */
};

struct live_reader {
    struct frame_reader reader;
    pcap_t *pcap;
    int ns_per_unit;
    struct link_type link;
    uint32_t dropped_before; /* the kernel's counters have 32 bits */
    uint64_t dropped;
    int64_t paused_ns; /* when the caller last had a look at its own clock */
    unsigned unclocked; /* frames since the last look at the clock */
};

static uint64_t dropped(struct frame_reader *reader)
{
    struct live_reader *live = (struct live_reader *)reader;
    struct pcap_stat stat;

    if (pcap_stats(live->pcap, &stat) == 0) {
        live->dropped += (uint32_t)(stat.ps_drop + stat.ps_ifdrop - live->dropped_before);
        live->dropped_before = stat.ps_drop + stat.ps_ifdrop;
    }
    return live->dropped;
}

/* Frames may come without end, and none of them be a packet: the caller gets its turn all the same. */
static bool pause_is_due(struct live_reader *live)
{
    if (++live->unclocked < CLOCK_EVERY)
        return false;
    live->unclocked = 0;
    return mono_time_now().ns - live->paused_ns >= WAIT_MS * NS_PER_MS;
}

/* A signal, too, ends the wait. */
static int next_waiting(struct live_reader *live, struct pcap_pkthdr **header,
                        const uint8_t **bytes)
{
    struct pollfd frames = { .fd = pcap_get_selectable_fd(live->pcap), .events = POLLIN };
    int status;

    if (pause_is_due(live))
        return 0;
    status = pcap_next_ex(live->pcap, header, bytes);
    if (status != 0)
        return status;
    live->unclocked = CLOCK_EVERY; /* waiting takes time */
    return poll(&frames, 1, WAIT_MS) > 0 ? pcap_next_ex(live->pcap, header, bytes) : 0;
}

static int next(struct frame_reader *reader, struct captured_frame *frame, struct error *err)
{
    struct live_reader *live = (struct live_reader *)reader;
    struct pcap_pkthdr *header;
    int status = next_waiting(live, &header, &frame->bytes);

    if (status == 0) {
        live->paused_ns = mono_time_now().ns;
        return 2;
    }
    if (status != 1)
        return error_set(err, "%s", pcap_geterr(live->pcap));
    frame->time = frame_time((__int128)header->ts.tv_sec * NS_PER_SECOND +
                             header->ts.tv_usec * live->ns_per_unit);
    frame->link = live->link;
    frame->captured = header->caplen;
    frame->original = header->len;
    return 1;
}

static void close_reader(struct frame_reader *reader)
{
    struct live_reader *live = (struct live_reader *)reader;

    if (live->pcap != NULL)
        pcap_close(live->pcap);
    free(live);
}

/* pcap_geterr() is empty, says the same as the status, or more. */
static int activation_error(struct live_reader *live, const char *interface, int status,
                            struct error *err)
{
    const char *more = pcap_geterr(live->pcap);
    const char *what = status == PCAP_ERROR ? more : pcap_statustostr(status);

    if (status == PCAP_ERROR_PERM_DENIED)
        return error_set(err, "%s: no permission to capture: start as root, or with CAP_NET_RAW", interface);
    if (*more == '\0' || strcmp(more, what) == 0)
        return error_set(err, "%s: cannot capture: %s", interface, what);
    return error_set(err, "%s: cannot capture: %s (%s)", interface, what, more);
}

static int activate(struct live_reader *live, const char *interface, struct error *err)
{
    char words[PCAP_ERRBUF_SIZE] = "";
    int status;

    pcap_set_snaplen(live->pcap, SNAPLEN);
    pcap_set_promisc(live->pcap, 1);
    pcap_set_timeout(live->pcap, HAND_OVER_MS);
    pcap_set_buffer_size(live->pcap, BUFFER_BYTES);
    pcap_set_tstamp_precision(live->pcap, PCAP_TSTAMP_PRECISION_NANO); /* or it stays micro */
    status = pcap_activate(live->pcap);
    if (status < 0)
        return activation_error(live, interface, status, err);
    live->ns_per_unit =
        pcap_get_tstamp_precision(live->pcap) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
    live->link = link_type_of((uint16_t)pcap_datalink(live->pcap));
    if (!live->link.known)
        return link_type_error(interface, live->link, err);
    if (pcap_setnonblock(live->pcap, 1, words) < 0)
        return error_set(err, "%s: cannot capture: %s", interface, words);
    return 0;
}

struct frame_reader *live_reader_open(const char *interface, struct error *err)
{
    static const struct frame_reader_operations operations = { next, dropped, close_reader };
    struct live_reader *live = memory_alloc(sizeof *live);
    char words[PCAP_ERRBUF_SIZE] = "";

    live->reader.operations = &operations;
    live->pcap = pcap_create(interface, words);
    live->paused_ns = mono_time_now().ns;
    if (live->pcap == NULL)
        error_set(err, "%s: cannot capture: %s", interface, words);
    else if (activate(live, interface, err) == 0)
        return &live->reader;
    close_reader(&live->reader);
    return NULL;
}
