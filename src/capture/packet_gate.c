#include "capture/packet_gate.h"

#include <stdlib.h>

#include "base/memory.h"
#include "capture/duplicates.h"
#include "capture/fragment_cache.h"

enum { MAX_WAITING = 256 /* later fragments whose first has not come: 36 KiB */ };

struct packet_gate {
    struct duplicates *duplicates; /* NULL: not looked for */
    struct fragment_cache fragments;
    struct packet_view waiting[MAX_WAITING]; /* ip_bytes 0: none. The next one takes the oldest's place */
    size_t next;
    size_t unlooked; /* of the waiting, for the first fragment that came last */
    struct day_time first_time; /* of that */
    uint32_t first_id;
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

/* Without its bytes, which are the reader's. */
static void wait_for_first(struct packet_gate *gate, const struct packet_view *later)
{
    struct packet_view *place = &gate->waiting[gate->next];

    gate->next = (gate->next + 1) % MAX_WAITING;
    *place = *later;
    place->ip = NULL;
    place->ip_captured = 0;
}

bool packet_gate_release(struct packet_gate *gate, struct packet_view *view,
                         struct capture_counts *counts)
{
    while (gate->unlooked > 0) {
        size_t oldest = (gate->next + MAX_WAITING - gate->unlooked--) % MAX_WAITING;
        struct packet_view *later = &gate->waiting[oldest];

        if (later->ip_bytes == 0 || later->ip_id != gate->first_id ||
            !fragment_cache_complete(&gate->fragments, later))
            continue;
        *view = *later;
        view->time = gate->first_time;
        later->ip_bytes = 0;
        counts->by_result[DECODE_FRAGMENT]--;
        counts->by_result[DECODE_OK]++;
        return true;
    }
    return false;
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
        gate->first_time = view->time;
        gate->first_id = view->ip_id;
        gate->unlooked = MAX_WAITING;
        return true;
    }
    if (!fragment_cache_complete(&gate->fragments, view)) {
        wait_for_first(gate, view);
        return false;
    }
    counts->by_result[DECODE_FRAGMENT]--;
    counts->by_result[DECODE_OK]++;
    return true;
}
