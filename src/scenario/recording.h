/*
 * recording.h - the records of a flow log in memory, and what each host did in them: what can have gaps.
 *
 * Records are in order of their starts. A step is a record as one of its hosts saw it; a conversation of two
 * hosts is a step of both. One that lies in a gap is hidden: it counts for nothing any more.
 */
#ifndef SCENARIO_RECORDING_H
#define SCENARIO_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dayshift/flow_record.h"
#include "dayshift/host_model.h"

enum { RECORDING_MAX = 1 << 22 }; /* records; bounds memory at about a GiB */

#define RECORDING_NOBODY UINT32_MAX

struct recorded_step {
    uint32_t record;
    enum host_role role;
};

struct recorded_host {
    struct ip_address address;
    struct recorded_step *steps; /* in order */
    size_t step_count, capacity;
};

struct recording {
    struct flow_record *records; /* without their sequences, applications and files */
    bool *is_hidden;             /* by record, once there are hosts */
    size_t used, capacity;
    uint64_t refused; /* records beyond RECORDING_MAX */
    struct recorded_host *hosts;
    uint32_t *by_address; /* hosts in order of their addresses */
    uint32_t host_count;
};

/* All zero is an empty recording. Has the type of a flow_sink; `recording` is a struct recording. */
void recording_add(void *recording, const struct flow_record *record);

/* Once all records are there: in order, with the steps of these hosts, each given once. */
void recording_set_hosts(struct recording *recording, const struct ip_address *addresses, uint32_t count);
void recording_sort(struct recording *recording);

/* Hides what begins strictly between the two and is a step of one of these hosts; how many records. */
size_t recording_hide(struct recording *recording, const bool *hosts, struct day_time from, struct day_time to);

uint32_t recording_find(const struct recording *recording, const struct ip_address *address);

/* The first step of the host that begins later than `time`. */
size_t recording_first_step(const struct recording *recording, uint32_t host, struct day_time time);

static inline const struct flow_record *recording_step(const struct recording *recording, uint32_t host,
                                                       size_t step)
{
    return &recording->records[recording->hosts[host].steps[step].record];
}

void recording_release(struct recording *recording);

#endif
