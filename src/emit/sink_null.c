#include "emit/sink.h"

#include <stdlib.h>

#include "base/memory.h"

static enum sink_result null_send(struct sink *sink, const struct frame *frame, struct error *err)
{
    (void)sink;
    (void)frame;
    (void)err;
    return SINK_SENT;
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
