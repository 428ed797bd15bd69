#include "capture/packet_gate.h"

#include <stdlib.h>

#include "base/memory.h"
#include "capture/duplicates.h"
#include "capture/fragment_cache.h"

struct packet_gate {
    struct duplicates *duplicates; /* NULL: not looked for */
    struct fragment_cache fragments;
};

struct packet_gate *packet_gate_new(int64_t dedup_ns)
{
    struct packet_gate *gate = memory_alloc(sizeof *gate);

    if (dedup_ns > 0)
        gate->duplicates = duplicates_new(dedup_ns);
    return gate;
}

void packet_gate_free(struct packet_gate *gate)
{
    if (gate == NULL)
        return;
    duplicates_free(gate->duplicates);
    free(gate);
}

bool packet_gate_pass(struct packet_gate *gate, struct packet_view *view,
                      enum decode_result result, struct capture_counts *counts)
{
    if (gate->duplicates != NULL && duplicates_seen(gate->duplicates, view)) {
        counts->by_result[result]--;
        counts->duplicates++;
        return false;
    }
    if (!view->fragment)
        return true;
    if (result == DECODE_OK) {
        fragment_cache_put(&gate->fragments, view);
        return true;
    }
    if (!fragment_cache_complete(&gate->fragments, view))
        return false;
    counts->by_result[DECODE_FRAGMENT]--;
    counts->by_result[DECODE_OK]++;
    return true;
}
