/*
 * libnet's link layer: one frame a call, two system calls on Linux. Beside it nothing of this sink is Linux alone but
 * what is set on its socket.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "emit/sink_private.h"

#include <errno.h>
#include <fcntl.h>
#include <libnet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/memory.h"

struct sink_libnet {
    struct sink base; /* first: a struct sink * is one of these */
    const struct link *link;
    libnet_t *context;
};

/* libnet sends by name, and names can change hands. */
static bool is_same_interface(const struct link *link)
{
    struct ifreq request = { 0 };

    memcpy(request.ifr_name, link->name, sizeof request.ifr_name);
    return ioctl(link->packet_fd, SIOCGIFINDEX, &request) == 0 && request.ifr_ifindex == link->index;
}

static enum sink_result libnet_send(struct sink *sink, const struct frame *frames, size_t count, size_t *sent,
                                    struct error *err)
{
    const struct sink_libnet *libnet = (const struct sink_libnet *)sink;

    *sent = 0;
    if (!is_same_interface(libnet->link)) {
        error_set(err, "the interface is gone");
        return SINK_FAILED;
    }
    for (*sent = 0; *sent < count; (*sent)++) {
        const struct frame *frame = &frames[*sent];

        errno = 0;
        if (libnet_write_link(libnet->context, frame->bytes, frame->length) != (int)frame->length)
            return sink_result_of(errno, frame, err);
    }
    return SINK_OK;
}

static void libnet_close(struct sink *sink)
{
    struct sink_libnet *libnet = (struct sink_libnet *)sink;

    libnet_destroy(libnet->context);
    free(libnet);
}

/* libnet's socket receives everything and waits for room: neither is wanted. Past the queues, as in sink_packet.c. */
static int prepare_socket(int fd)
{
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = { 1, &nothing };
    int flags = fcntl(fd, F_GETFL);
    int on = 1;

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0)
        return -1;
    (void)setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on); /* without it frames are sent as well */
    return 0;
}

struct sink *sink_libnet_new(const struct link *link, struct error *err)
{
    static const struct sink_operations operations = { .send = libnet_send, .close = libnet_close };
    char words[LIBNET_ERRBUF_SIZE] = "";
    libnet_t *context = libnet_init(LIBNET_LINK_ADV, link->name, words);
    struct sink_libnet *libnet;

    if (context == NULL) {
        error_set(err, "%s: libnet: %s", link->name, words);
        return NULL;
    }
    if (prepare_socket(libnet_getfd(context)) < 0) {
        error_set(err, "%s: libnet's socket: %s", link->name, strerror(errno));
        libnet_destroy(context);
        return NULL;
    }
    libnet = memory_alloc(sizeof *libnet);
    libnet->base.operations = &operations;
    libnet->link = link;
    libnet->context = context;
    return &libnet->base;
}
