/*
 * Statistics made of the rows of a file: what model_save() wrote, with the same indices.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/model.h"
#include "model/model_read.h"

struct refill {
    struct network_stats *stats;
    const struct model_shape *shape;
};

static void add_entries(struct tally *tally, uint32_t owner, const struct tally_entry *entries,
                        uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        tally_add(tally, owner, entries[i].symbol, entries[i].count);
}

static uint64_t *copy_tags(const uint64_t *tags, uint32_t count, size_t *capacity)
{
    uint64_t *copy = memory_grow(NULL, capacity, count, sizeof *copy);

    if (count > 0)
        memcpy(copy, tags, count * sizeof *copy);
    return copy;
}

static void take_shape(void *self, const struct model_shape *shape)
{
    struct refill *r = self;
    struct network_stats *stats = r->stats;

    r->shape = shape;
    stats->flows = shape->flows;
    stats->packets = shape->packets;
    stats->first = shape->first;
    stats->last = shape->last;
    stats->host_count = shape->host_count;
    stats->observation_count = shape->observation_count;
    stats->host_observations = memory_grow(NULL, &stats->host_observations_capacity, shape->host_count,
                                           sizeof *stats->host_observations);
    if (shape->host_count > 0)
        memcpy(stats->host_observations, shape->host_observations,
               shape->host_count * sizeof *stats->host_observations);
    stats->host_members = memory_grow(NULL, &stats->host_members_capacity, shape->host_count,
                                      sizeof *stats->host_members);
    if (shape->host_count > 0)
        memcpy(stats->host_members, shape->host_members,
               shape->host_count * sizeof *stats->host_members);
    stats->outside_count = shape->outside_count;
    stats->has_tags = shape->has_tags;
    if (shape->has_tags) {
        stats->key_check = shape->key_check;
        stats->host_tags = copy_tags(shape->host_tags, shape->host_count, &stats->host_tags_capacity);
        stats->outside_tags =
            copy_tags(shape->outside_tags, shape->outside_count, &stats->outside_tags_capacity);
    }
    stats->labels = memory_grow(NULL, &stats->label_capacity, shape->label_count, sizeof *stats->labels);
    for (uint32_t i = 0; i < shape->label_count; i++)
        stats->labels[stats->label_count++] = memory_copy_text(shape->labels[i]);
    for (uint32_t i = 0; i < shape->state_count; i++)
        tally_add(&stats->states, shape->states[i].host, state_key_pack(shape->states[i].key),
                  shape->states[i].flows);
}

static void take_counts(void *self, enum model_counts what, uint32_t owner,
                        const struct tally_entry *entries, uint32_t size)
{
    struct network_stats *stats = ((struct refill *)self)->stats;
    struct tally *const tallies[] = {
        [COUNTS_INITIAL] = &stats->initial,
        [COUNTS_TRANSITION] = &stats->transitions,
        [COUNTS_GAP] = &stats->gaps,
        [COUNTS_BEAT] = &stats->beats,
        [COUNTS_VOLUME] = &stats->volumes,
        [COUNTS_BYTE_VOLUME] = &stats->bytes,
        [COUNTS_INITIATOR_PORT] = &stats->initiator_ports,
        [COUNTS_RESPONDER_PORT] = &stats->responder_ports,
        [COUNTS_PEER] = &stats->peers,
        [COUNTS_STATE_LABEL] = &stats->state_labels,
        [COUNTS_COVERAGE] = &stats->coverage,
    };

    add_entries(tallies[what], owner, entries, size);
    if (what == COUNTS_COVERAGE && owner >= stats->observation_count)
        stats->observation_count = owner + 1; /* without hosts */
}

static void take_activity(void *self, uint32_t host, uint32_t slice_number,
                          const struct activity *activity, const struct crowd_activity *crowd)
{
    struct network_stats *stats = ((struct refill *)self)->stats;
    size_t known = stats->crowd_activity_capacity;
    uint32_t index = tally_add(&stats->active, host, slice_number,
                               activity->flows_initiated + activity->flows_answered);

    stats->activity = memory_grow(stats->activity, &stats->activity_capacity, (size_t)index + 1,
                                  sizeof *stats->activity);
    stats->activity[index] = *activity;
    if (stats->host_members[host] == 1)
        return;
    stats->crowd_activity = memory_grow(stats->crowd_activity, &stats->crowd_activity_capacity,
                                        (size_t)index + 1, sizeof *stats->crowd_activity);
    memset(stats->crowd_activity + known, 0,
           (stats->crowd_activity_capacity - known) * sizeof *stats->crowd_activity);
    stats->crowd_activity[index] = *crowd;
}

static void take_service(void *self, uint32_t id, const struct model_service *row)
{
    struct network_stats *stats = ((struct refill *)self)->stats;

    tally_add(&stats->services, service_owner_pack(row->protocol, row->label), row->port, row->flows);
    stats->samples =
        memory_grow(stats->samples, &stats->samples_capacity, (size_t)id + 1, sizeof *stats->samples);
    memset(&stats->samples[id], 0, sizeof *stats->samples);
    stats->conditions = memory_grow(stats->conditions, &stats->conditions_capacity, (size_t)id + 1,
                                    sizeof *stats->conditions);
    stats->conditions[id] = row->conditions;
}

static void take_session(void *self, uint32_t service, const struct keyed_row *row)
{
    struct row_sample *sample = &((struct refill *)self)->stats->samples[service];
    struct keyed_row *copy;

    sample->rows =
        memory_grow(sample->rows, &sample->capacity, sample->used + 1, sizeof *sample->rows);
    copy = &sample->rows[sample->used++];
    *copy = *row;
    if (row->row.sequence) {
        copy->row.sequence = memory_alloc_array(row->row.sequence_length, sizeof *copy->row.sequence);
        memcpy(copy->row.sequence, row->row.sequence, row->row.sequence_length * sizeof *copy->row.sequence);
        sample->packets += row->row.sequence_length;
    }
}

int model_stats_from_image(struct model_image *image, struct network_stats *stats, struct error *err)
{
    struct refill r = { .stats = stats };
    const struct model_sink sink = {
        .self = &r,
        .shape = take_shape,
        .counts = take_counts,
        .activity = take_activity,
        .service = take_service,
        .session = take_session,
    };
    uint64_t rows[MODEL_TABLES];

    return model_read(image, &sink, rows, err);
}

int model_load_stats(const char *path, struct network_stats *stats, struct error *err)
{
    struct model_image image;
    int status;

    if (model_image_read(&image, path, err) < 0)
        return -1;
    status = model_stats_from_image(&image, stats, err);
    model_image_release(&image);
    return status;
}
