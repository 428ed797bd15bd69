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

/* No room in the queue or the buffer: the frame was not taken. */
static bool is_busy(int error_number)
{
    return error_number == ENOBUFS || error_number == EAGAIN;
}

static enum sink_result packet_send(struct sink *sink, const struct frame *frames, size_t count, size_t *sent,
                                    struct error *err)
{
    const struct sink_packet *packet = (const struct sink_packet *)sink;

    for (*sent = 0; *sent < count; (*sent)++) {
        const struct frame *frame = &frames[*sent];

        if (send(packet->fd, frame->bytes, frame->length, MSG_DONTWAIT) >= 0)
            continue; /* a packet socket takes a frame whole or not at all */
        if (is_busy(errno))
            return SINK_BUSY;
        if (errno == ENETDOWN)
            return SINK_LOST;
        error_set(err, "cannot send a frame of %u bytes: %s", frame->length, strerror(errno));
        return SINK_FAILED;
    }
    return SINK_OK;
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
