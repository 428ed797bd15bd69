/*
 * sink.h - where frames go. One table of functions, one file per kind.
 */
#ifndef EMIT_SINK_H
#define EMIT_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/frame_ring.h"
#include "base/output_file.h"
#include "dayshift/frame.h"
#include "emit/link.h"
#include "emit/transmit_stamps.h"

/* What came of the first frame that was not sent. */
enum sink_result {
    SINK_OK,     /* all were sent */
    SINK_BUSY,   /* no room for it now: it may be tried again */
    SINK_LOST,   /* the interface is down or took it and dropped it: it is gone, the next one may be tried */
    SINK_FAILED  /* nothing more can be sent */
};

struct sink;

struct sink_operations {
    /*
     * Sends `count` frames, at least one, in their order, until one is not sent. Fills how many were; says why the
     * next one was not. Never waits for a wire. On SINK_FAILED *err says why.
     */
    enum sink_result (*send)(struct sink *sink, const struct frame *frames, size_t count, size_t *sent,
                             struct error *err);
    /* The oldest frame that is still read from where it lies, by its bytes; NULL: none is. No such function: none ever is. */
    const uint8_t *(*oldest_held)(struct sink *sink);
    void (*close)(struct sink *sink);
};

struct sink {
    const struct sink_operations *operations;
};

/* Those that send on a link. */
enum sink_kind {
    SINK_PACKET, /* sink_packet.c: AF_PACKET, many frames a system call */
    SINK_XDP,    /* sink_xdp.c: AF_XDP, from where the frames were rendered; optional */
    SINK_LIBNET, /* sink_libnet.c: one frame a system call, wherever libnet is */
    SINK_NULL    /* sink_null.c: takes every frame and forgets it; benchmarks */
};

/* "packet", "xdp", "libnet" or "null". -1 when it is none of them, or was not built in. */
int sink_kind_parse(const char *name, enum sink_kind *kind, struct error *err);
const char *sink_kind_name(enum sink_kind kind);

/*
 * Opens what needs the rights of root; later none are needed. Borrows all: the link, which is open; the ring that all
 * frames will come from; and, if not NULL, what samples transmit stamps (SINK_PACKET alone does). NULL when it cannot
 * be had.
 */
struct sink *sink_open(enum sink_kind kind, const struct link *link, const struct frame_ring *ring,
                       struct transmit_stamps *stamps, struct error *err);

/*
 * A pcap file with nanosecond time stamps: `origin` plus the frame's due time. Borrows the
 * output file, which the caller commits or abandons.
 */
struct sink *sink_pcap_new(struct output_file *file, struct day_time origin, struct error *err);

static inline enum sink_result sink_send(struct sink *sink, const struct frame *frames, size_t count, size_t *sent,
                                         struct error *err)
{
    return sink->operations->send(sink, frames, count, sent, err);
}

static inline const uint8_t *sink_oldest_held(struct sink *sink)
{
    return sink->operations->oldest_held ? sink->operations->oldest_held(sink) : NULL;
}

static inline void sink_close(struct sink *sink)
{
    if (sink)
        sink->operations->close(sink);
}

#endif
