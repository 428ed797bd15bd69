#include "emit/sink_private.h"

/* In place of sink_xdp.c in a build without libxdp. */

bool sink_xdp_is_available(void)
{
    return false;
}

struct sink *sink_xdp_new(const struct link *link, const struct frame_ring *ring, struct error *err)
{
    (void)ring;
    error_set(err, "%s: cannot send by AF_XDP: built without libxdp", link->name);
    return NULL;
}
