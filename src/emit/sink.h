/*
 * sink.h - where frames go. One table of functions, one file per kind.
 */
#ifndef EMIT_SINK_H
#define EMIT_SINK_H

#include <stdint.h>

#include "base/error.h"
#include "base/output_file.h"
#include "dayshift/frame.h"

enum sink_result {
    SINK_SENT,
    SINK_DROPPED, /* the interface had no room, or is down: this frame is lost */
    SINK_FAILED   /* nothing more can be sent */
};

struct sink;

struct sink_operations {
    /* Never waits for a wire. On SINK_FAILED *err says why. */
    enum sink_result (*send)(struct sink *sink, const struct frame *frame, struct error *err);
    void (*close)(struct sink *sink);
};

struct sink {
    const struct sink_operations *operations;
};

/* AF_PACKET on an open link (see link.h); borrows its descriptor. */
struct sink *sink_packet_new(int packet_fd);

/*
 * A pcap file with nanosecond time stamps: `origin` plus the frame's due time. Borrows the
 * output file, which the caller commits or abandons.
 */
struct sink *sink_pcap_new(struct output_file *file, struct day_time origin, struct error *err);

/* Takes every frame and forgets it: benchmarks. */
struct sink *sink_null_new(void);

static inline enum sink_result sink_send(struct sink *sink, const struct frame *frame,
                                         struct error *err)
{
    return sink->operations->send(sink, frame, err);
}

static inline void sink_close(struct sink *sink)
{
    if (sink)
        sink->operations->close(sink);
}

#endif
