#include "learn/record_hold.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void record_hold_add(struct record_hold *hold, const struct flow_record *record)
{
    size_t length = record->sequence ? record->sequence_length : 0;
    struct flow_record *kept;

    hold->records = memory_grow(hold->records, &hold->capacity, hold->used + 1,
                                sizeof *hold->records);
    kept = &hold->records[hold->used++];
    *kept = *record;
    kept->sequence = NULL; /* the array of packets may move: found again in replay */
    kept->file = NULL;
    kept->sequence_length = (uint32_t)length;
    if (length == 0)
        return;
    hold->packets = memory_grow(hold->packets, &hold->packets_capacity,
                                hold->packets_used + length, sizeof *hold->packets);
    memcpy(hold->packets + hold->packets_used, record->sequence, length * sizeof *hold->packets);
    hold->packets_used += length;
}

void record_hold_replay(const struct record_hold *hold,
                        void (*take)(void *self, const struct flow_record *record), void *self)
{
    const struct flow_packet *packets = hold->packets;

    for (size_t i = 0; i < hold->used; i++) {
        struct flow_record record = hold->records[i];

        if (record.sequence_length > 0) {
            record.sequence = packets;
            packets += record.sequence_length;
        }
        take(self, &record);
    }
}

size_t record_hold_bytes(const struct record_hold *hold)
{
    return hold->capacity * sizeof *hold->records + hold->packets_capacity * sizeof *hold->packets;
}

void record_hold_release(struct record_hold *hold)
{
    free(hold->records);
    free(hold->packets);
    memset(hold, 0, sizeof *hold);
}
