#include "scenario/recording.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dayshift/flow_state.h"

void recording_add(void *self, const struct flow_record *record)
{
    struct recording *recording = self;
    struct flow_record *copy;

    if (recording->used == RECORDING_MAX) {
        recording->refused++;
        return;
    }
    recording->records = memory_grow(recording->records, &recording->capacity, recording->used + 1,
                                     sizeof *recording->records);
    copy = &recording->records[recording->used++];
    *copy = *record;
    copy->sequence = NULL; /* borrowed for the call */
    copy->sequence_length = 0;
    copy->application = NULL;
    copy->file = NULL;
}

/* ---- order: records come so but for a few that are late, which go to their places ---- */

void recording_sort(struct recording *recording)
{
    struct flow_record *r = recording->records;

    for (size_t i = 1; i < recording->used; i++) {
        struct flow_record late = r[i];
        size_t at = i;

        if (r[i - 1].start.ns <= late.start.ns)
            continue;
        for (; at > 0 && r[at - 1].start.ns > late.start.ns; at--)
            r[at] = r[at - 1];
        r[at] = late;
    }
}

/* ---- hosts ---- */

/* qsort_r(3) has no portable form: addresses go with their numbers. */
struct numbered {
    struct ip_address address;
    uint32_t number;
};

static int compare_numbered(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct ip_address));
}

static void set_order(struct recording *recording)
{
    uint32_t count = recording->host_count;
    struct numbered *order = memory_alloc_array(count, sizeof *order);

    recording->by_address = memory_alloc_array(count, sizeof *recording->by_address);
    for (uint32_t i = 0; i < count; i++)
        order[i] = (struct numbered){ recording->hosts[i].address, i };
    qsort(order, count, sizeof *order, compare_numbered);
    for (uint32_t i = 0; i < count; i++)
        recording->by_address[i] = order[i].number;
    free(order);
}

uint32_t recording_find(const struct recording *recording, const struct ip_address *address)
{
    uint32_t low = 0;
    uint32_t high = recording->host_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t host = recording->by_address[middle];
        int order = memcmp(&recording->hosts[host].address, address, sizeof *address);

        if (order == 0)
            return host;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return RECORDING_NOBODY;
}

static void add_step(struct recorded_host *host, uint32_t record, enum host_role role)
{
    host->steps = memory_grow(host->steps, &host->capacity, host->step_count + 1, sizeof *host->steps);
    host->steps[host->step_count++] = (struct recorded_step){ record, role };
}

void recording_set_hosts(struct recording *recording, const struct ip_address *addresses, uint32_t count)
{
    recording->hosts = memory_alloc_array(count, sizeof *recording->hosts);
    recording->host_count = count;
    for (uint32_t i = 0; i < count; i++)
        recording->hosts[i].address = addresses[i];
    set_order(recording);
    recording->is_hidden = memory_alloc_array(recording->used, sizeof *recording->is_hidden);
    for (size_t i = 0; i < recording->used; i++) {
        for (enum host_role role = ROLE_INITIATOR; role <= ROLE_RESPONDER; role++) {
            uint32_t host = recording_find(recording, &recording->records[i].address[role]);

            if (host != RECORDING_NOBODY && flow_is_step(&recording->records[i], role))
                add_step(&recording->hosts[host], (uint32_t)i, role);
        }
    }
}

/* ---- gaps ---- */

static bool is_step_of(const struct recording *recording, const struct flow_record *record, const bool *hosts)
{
    for (enum host_role role = ROLE_INITIATOR; role <= ROLE_RESPONDER; role++) {
        uint32_t host = recording_find(recording, &record->address[role]);

        if (host != RECORDING_NOBODY && hosts[host] && flow_is_step(record, role))
            return true;
    }
    return false;
}

size_t recording_hide(struct recording *recording, const bool *hosts, struct day_time from, struct day_time to)
{
    size_t hidden = 0;

    for (size_t i = 0; i < recording->used; i++) {
        const struct flow_record *record = &recording->records[i];

        if (record->start.ns > from.ns && record->start.ns < to.ns && !recording->is_hidden[i] &&
            is_step_of(recording, record, hosts)) {
            recording->is_hidden[i] = true;
            hidden++;
        }
    }
    return hidden;
}

size_t recording_first_step(const struct recording *recording, uint32_t host, struct day_time time)
{
    size_t low = 0;
    size_t high = recording->hosts[host].step_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (recording_step(recording, host, middle)->start.ns <= time.ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void recording_release(struct recording *recording)
{
    for (uint32_t i = 0; i < recording->host_count; i++)
        free(recording->hosts[i].steps);
    free(recording->hosts);
    free(recording->by_address);
    free(recording->is_hidden);
    free(recording->records);
    *recording = (struct recording){ 0 };
}
