/*
 * AF_PACKET, past the queueing discipline: when the call returns, a frame is with the driver or was not sent.
 *
 * A frame that the driver took and dropped is told as ENOBUFS, and tried again; where the driver tells: veth does since
 * Linux 6.9. A frame that is due alone goes out by send(), which takes less time than sendmmsg().
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "emit/sink_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/memory.h"

enum { MOST_TOGETHER = 64 }; /* frames a system call */

struct sink_packet {
    struct sink base; /* first: a struct sink * is one of these */
    const struct link *link;
    struct transmit_stamps *stamps; /* NULL: none */
    struct mmsghdr messages[MOST_TOGETHER];
    struct iovec parts[MOST_TOGETHER];
};

/* Returns how many were sent, or -1 with errno. What stopped it before the last one is told by the next try. */
static int send_messages(struct sink_packet *packet, const struct frame *frames, size_t count)
{
    for (size_t i = 0; i < count; i++)
        packet->parts[i] = (struct iovec){ (void *)(uintptr_t)frames[i].bytes, frames[i].length }; /* only read */
    return sendmmsg(packet->link->packet_fd, packet->messages, (unsigned)count, MSG_DONTWAIT);
}

/* The same, asking when one of them leaves. */
static int send_sampled(struct sink_packet *packet, const struct frame *frames, size_t count, size_t which)
{
    struct msghdr *message = &packet->messages[which].msg_hdr;
    int sent;

    transmit_stamps_request(packet->stamps, message);
    sent = send_messages(packet, frames, count);
    transmit_stamps_end(packet->stamps, &frames[which], sent > (int)which);
    message->msg_control = NULL;
    message->msg_controllen = 0;
    return sent;
}

static int send_some(struct sink_packet *packet, const struct frame *frames, size_t count)
{
    size_t which;

    if (packet->stamps && transmit_stamps_begin(packet->stamps, frames, count, &which))
        return send_sampled(packet, frames, count, which);
    if (count == 1) /* a packet socket takes a frame whole or not at all */
        return send(packet->link->packet_fd, frames->bytes, frames->length, MSG_DONTWAIT) < 0 ? -1 : 1;
    return send_messages(packet, frames, count);
}

static enum sink_result packet_send(struct sink *sink, const struct frame *frames, size_t count, size_t *sent,
                                    struct error *err)
{
    struct sink_packet *packet = (struct sink_packet *)sink;

    *sent = 0;
    while (*sent < count) {
        size_t left = count - *sent;
        int done = send_some(packet, &frames[*sent], left < MOST_TOGETHER ? left : MOST_TOGETHER);

        if (done < 0)
            return sink_result_of(errno, &frames[*sent], err);
        *sent += (size_t)done;
        if (packet->stamps)
            transmit_stamps_count(packet->stamps, (size_t)done);
    }
    return SINK_OK;
}

static void packet_close(struct sink *sink)
{
    free(sink);
}

struct sink *sink_packet_new(const struct link *link, struct transmit_stamps *stamps, struct error *err)
{
    static const struct sink_operations operations = { .send = packet_send,
                                                       .close = packet_close };
    struct sink_packet *packet = memory_alloc(sizeof *packet);

    if (stamps && transmit_stamps_attach(stamps, link->packet_fd, err) < 0) {
        free(packet);
        return NULL;
    }
    packet->base.operations = &operations;
    packet->link = link;
    packet->stamps = stamps;
    for (size_t i = 0; i < MOST_TOGETHER; i++) {
        packet->messages[i].msg_hdr.msg_iov = &packet->parts[i];
        packet->messages[i].msg_hdr.msg_iovlen = 1;
    }
    return &packet->base;
}
