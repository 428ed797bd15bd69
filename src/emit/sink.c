#include "emit/sink.h"

#include <errno.h>
#include <string.h>

#include "emit/sink_private.h"

static const char *const names[] = {
    [SINK_PACKET] = "packet",
    [SINK_XDP] = "xdp",
    [SINK_LIBNET] = "libnet",
    [SINK_NULL] = "null",
};

enum { KINDS = sizeof names / sizeof names[0] };

int sink_kind_parse(const char *name, enum sink_kind *kind, struct error *err)
{
    for (int i = 0; i < KINDS; i++) {
        if (strcmp(name, names[i]) != 0)
            continue;
        if (i == SINK_XDP && !sink_xdp_is_available())
            return error_set(err, "\"xdp\" cannot be had: built without libxdp");
        *kind = (enum sink_kind)i;
        return 0;
    }
    return error_set(err, "\"%.40s\" is no sink: packet, xdp, libnet or null", name);
}

const char *sink_kind_name(enum sink_kind kind)
{
    return names[kind];
}

struct sink *sink_open(enum sink_kind kind, const struct link *link, const struct frame_ring *ring,
                       struct transmit_stamps *stamps, struct error *err)
{
    switch (kind) {
    case SINK_PACKET:
        return sink_packet_new(link, stamps, err);
    case SINK_XDP:
        return sink_xdp_new(link, ring, err);
    case SINK_LIBNET:
        return sink_libnet_new(link, err);
    case SINK_NULL:
        return sink_null_new();
    }
    return NULL;
}

enum sink_result sink_result_of(int error_number, const struct frame *frame, struct error *err)
{
    switch (error_number) {
    case ENOBUFS: /* no memory, or the driver said that it dropped the frame; no carrier as well */
    case EAGAIN:  /* the socket's buffer or the driver's queue is full */
        return SINK_BUSY;
    case ENETDOWN:
    case EMSGSIZE: /* the MTU was made smaller */
        return SINK_LOST;
    case ENXIO:
    case ENODEV:
        error_set(err, "the interface is gone");
        return SINK_FAILED;
    default:
        error_set(err, "cannot send a frame of %u bytes: %s", frame->length, strerror(error_number));
        return SINK_FAILED;
    }
}
