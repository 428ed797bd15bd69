#include "emit/sink.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"

struct sink_packet {
    struct sink base; /* first: a struct sink * is one of these */
    int fd;           /* borrowed */
};

/* No room in the queue or the buffer, or the cable is out: the next frame may get through. */
static bool is_passing(int error_number)
{
    return error_number == ENOBUFS || error_number == EAGAIN || error_number == ENETDOWN;
}

static enum sink_result packet_send(struct sink *sink, const struct frame *frame,
                                    struct error *err)
{
    const struct sink_packet *packet = (const struct sink_packet *)sink;
    ssize_t sent = send(packet->fd, frame->bytes, frame->length, MSG_DONTWAIT);

    if (sent >= 0)
        return SINK_SENT; /* a packet socket takes a frame whole or not at all */
    if (is_passing(errno))
        return SINK_DROPPED;
    error_set(err, "cannot send a frame of %u bytes: %s", frame->length, strerror(errno));
    return SINK_FAILED;
}

static void packet_close(struct sink *sink)
{
    free(sink);
}

struct sink *sink_packet_new(int packet_fd)
{
    static const struct sink_operations operations = { .send = packet_send,
                                                       .close = packet_close };
    struct sink_packet *packet = memory_alloc(sizeof *packet);

    packet->base.operations = &operations;
    packet->fd = packet_fd;
    return &packet->base;
}
