#include "session/open_ends.h"

#include <stdlib.h>

#include "base/memory.h"

enum { COUNTS = 1 << 20 };

static uint8_t *count_of(const struct open_ends *ends, const struct flow_tuple *tuple)
{
    return &ends->counts[flow_tuple_service_hash(tuple) & (COUNTS - 1)];
}

void open_ends_init(struct open_ends *ends)
{
    ends->counts = memory_alloc_array(COUNTS, sizeof *ends->counts);
}

void open_ends_release(struct open_ends *ends)
{
    free(ends->counts);
    ends->counts = NULL;
}

void open_ends_add(struct open_ends *ends, const struct flow_tuple *tuple)
{
    uint8_t *count = count_of(ends, tuple);

    if (*count < UINT8_MAX)
        ++*count;
}

/* None is left where a session that only ended a connection ended one that was being played. */
void open_ends_remove(struct open_ends *ends, const struct flow_tuple *tuple)
{
    uint8_t *count = count_of(ends, tuple);

    if (*count > 0 && *count < UINT8_MAX)
        --*count;
}

bool open_ends_has(const struct open_ends *ends, const struct flow_tuple *tuple)
{
    return *count_of(ends, tuple) > 0;
}
