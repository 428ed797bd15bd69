#include "emit/sink_private.h"

#include <stdlib.h>

#include "base/memory.h"

static enum sink_result null_send(struct sink *sink, const struct frame *frames, size_t count, size_t *sent,
                                  struct error *err)
{
    (void)sink;
    (void)frames;
    (void)err;
    *sent = count;
    return SINK_OK;
}

static void null_close(struct sink *sink)
{
    free(sink);
}

struct sink *sink_null_new(void)
{
    static const struct sink_operations operations = { .send = null_send, .close = null_close };
    struct sink *sink = memory_alloc(sizeof *sink);

    sink->operations = &operations;
    return sink;
}
